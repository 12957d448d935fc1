//! A verb that is not typed yet: its line is read where it is decided.

use crate::text::{Args, Row};
use crate::{Answer, Context, Interrupt, links};
use antar_types::Dialect;

/// A line, or another realm's answer.
#[derive(Clone, Debug)]
pub struct Line {
    pub(crate) verb: &'static Row,
    dialect: Dialect,
    params: String,
    is_answer: bool,
}

impl Line {
    pub(crate) fn new(verb: &'static Row, dialect: Dialect, params: &str) -> Self {
        Self { verb, dialect, params: params.into(), is_answer: false }
    }

    /// What another realm answers, in JSON.
    pub(crate) fn answer(line: String) -> Self {
        let verb = &crate::text::ANSWER;
        Self { verb, dialect: Dialect::Lower, params: line, is_answer: true }
    }

    pub(crate) fn is_answer(&self) -> bool {
        self.is_answer
    }

    pub(crate) fn decide(&self, cx: &mut Context<'_>) -> Result<Answer, Interrupt> {
        cx.dialect = self.dialect;
        if self.is_answer {
            return links::answered(cx, &self.params).map(|()| Answer::NoReply);
        }
        let args = Args::parse(self.verb, self.dialect, &self.params)?;
        (self.verb.run)(cx, &args)
    }
}
