//! HELP: the verbs, from their rows.
//!
//! The domain knows nothing of verbs. A request for help does nothing there, which keeps the place of its
//! answer among the others, and its tag tells which verb it is about.

use super::row::{self, Reader, Row};
use super::{Args, door};
use crate::{Body, Dialect};
use antar_domain::{Access, Ask, Command, Tag, commands};
use antar_types::{Code, List, words};
use std::sync::LazyLock;

/// Reads the verb that help is asked about, if it is about one.
pub(super) struct Help;

impl Reader for Help {
    fn access(&self) -> Access {
        commands::Noop::ACCESS
    }

    fn read(&self, args: &Args<'_>) -> Result<Command, Code> {
        let unknown = !args.text.is_empty() && self.about(args).is_none();
        if unknown { Err(Code::UnknownRequest) } else { Ok(commands::Noop.into()) }
    }

    fn about(&self, args: &Args<'_>) -> Option<usize> {
        let (first, rest) = words::first(args.text);
        let found = row::find_word(first).or_else(|| row::find_pair(first, words::first(rest).0));
        found.map(|(number, _)| number)
    }
}

/// All lines, made once and kept once: anybody may ask for them, over and over, and not read them.
static ALL_LOWER: LazyLock<List> = LazyLock::new(|| all(Dialect::Lower));
static ALL_UPPER: LazyLock<List> = LazyLock::new(|| all(Dialect::Upper));

/// The help that a request is answered with.
pub(super) fn help(tag: Tag) -> Body {
    let dialect = door::dialect(tag);
    match (door::about(tag), dialect) {
        (Some(row), _) => Body::Value(line(row, dialect).into()),
        (None, Dialect::Lower) => Body::List(List::clone(&ALL_LOWER)),
        (None, Dialect::Upper) => Body::List(List::clone(&ALL_UPPER)),
    }
}

fn all(dialect: Dialect) -> List {
    row::all().map(|row| line(row, dialect).into()).collect()
}

fn line(row: &Row, dialect: Dialect) -> String {
    format!("{}: {}", row.usage(dialect), row.help)
}
