//! A request's parameters, read by its verb's row.

use super::row::{Param, Row};
use crate::Dialect;
use antar_domain::{MAX_PAGE, Page};
use antar_types::{Code, Secret, words};

/// Most positional words of any verb, and most options.
const MOST: usize = 6;

/// The parameters of one request: words by position, a text at the end, options by name.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    words: [&'a str; MOST],
    options: [Option<&'a str>; MOST],
    verb: &'static Row,
    /// The dialect of the request.
    pub dialect: Dialect,
    /// What follows the words: options, and words past those that the verb takes.
    past: &'a str,
    /// The rest of the line where the verb takes one; may be empty only where it is optional.
    pub text: &'a str,
}

impl<'a> Args<'a> {
    /// Reads what follows the verb (and the token). Words past those the verb takes are ignored,
    /// but an option it does not know is an error.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where something is missing or unknown.
    pub fn parse(verb: &'static Row, dialect: Dialect, line: &'a str) -> Result<Self, Code> {
        let (words, options) = ([""; MOST], [None; MOST]);
        let mut args = Self { words, options, verb, dialect, past: "", text: "" };
        let mut rest = line;
        for (i, param) in verb.params.iter().enumerate() {
            match param {
                Param::Word(_) => (args.words[i], rest) = words::first(rest),
                Param::Text(_) | Param::Maybe(_) => (args.text, rest) = (words::trim(rest), ""),
            }
            let missing = match param {
                Param::Word(_) => args.words[i].is_empty(),
                Param::Text(_) => args.text.is_empty(),
                Param::Maybe(_) => false,
            };
            if missing {
                return Err(Code::BadParameters);
            }
        }
        args.past = rest;
        for (key, value) in words::all(rest).filter_map(words::option) {
            let known = verb.options.iter().position(|o| o.split('=').next() == Some(key));
            args.options[known.ok_or(Code::BadParameters)?] = Some(value);
        }
        Ok(args)
    }

    /// The word at a position of the verb's row.
    pub fn word(&self, position: usize) -> &'a str {
        self.words[position]
    }

    /// The value of an option.
    pub fn option(&self, key: &str) -> Option<&'a str> {
        let at = self.verb.options.iter().position(|o| o.split('=').next() == Some(key))?;
        self.options[at]
    }

    /// What follows a prefix in a word past those that the verb takes. Servers of the first version ignore
    /// such a word, where an option that they do not know is an error.
    pub fn prefixed(&self, prefix: &str) -> Option<&'a str> {
        words::all(self.past).find_map(|word| word.strip_prefix(prefix))
    }

    /// The rest of the line as a secret.
    pub fn secret(&self) -> Secret<String> {
        Secret::new(self.text.into())
    }

    /// The page asked for with `after=`, `before=` and `limit=`.
    ///
    /// # Errors
    /// [`Code::BadParameters`] where one is no number, or the limit is not 1 to [`MAX_PAGE`].
    pub fn page(&self) -> Result<Page, Code> {
        let number = |key| match self.option(key) {
            None => Ok(None),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse::<u64>().map(Some).map_err(|_| Code::BadParameters)
            }
            Some(_) => Err(Code::BadParameters),
        };
        let limit = match number("limit")? {
            None => MAX_PAGE,
            Some(n) => usize::try_from(n)
                .ok()
                .filter(|n| (1..=MAX_PAGE).contains(n))
                .ok_or(Code::BadParameters)?,
        };
        Ok(Page { after: number("after")?, before: number("before")?, limit })
    }
}
