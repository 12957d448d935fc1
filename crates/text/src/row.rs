//! The rows: a verb each, with how it is spelled and read, and how what comes of it is said.
//!
//! HELP, the usage error, the metrics and the fuzzers' dictionary come from a verb's row.

use super::args::Args;
use super::rows::{
    accounts, admin, conversations, groups, messages, peers, realms, service, watch,
};
use crate::{Dialect, Listing, Phrase};
use antar_domain::{Access, Ask, Command, commands};
use antar_types::{Code, Folded};
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// One parameter in a verb's row, under the name that usage and HELP show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// A word.
    Word(&'static str),
    /// The rest of the line, its inner blanks kept.
    Text(&'static str),
    /// The rest of the line, which may be missing.
    Maybe(&'static str),
    /// A `:` by itself and the rest of the line; options stand before it.
    Colon(&'static str),
    /// The same, where nothing may follow the `:`.
    MaybeAfterColon(&'static str),
    /// The same, which may be missing, and may be empty.
    MaybeColon(&'static str),
}

/// A verb's row.
#[derive(Debug)]
pub struct Row {
    /// In capitals; two words for the `GROUP …`, `USER …` and `REALM …` forms.
    pub name: &'static str,
    /// Other spellings that mean just the same.
    pub aliases: &'static [&'static str],
    /// What follows the verb.
    pub params: &'static [Param],
    /// `key=VALUE` words that may follow the parameters. The value of `key=P` is a password, which may hold
    /// blanks: it goes on to the next of them.
    pub options: &'static [&'static str],
    /// One sentence for HELP.
    pub help: &'static str,
    /// Existing clients put their own address and port before the token.
    pub addressed: bool,
    /// Reads what follows the verb.
    pub(crate) read: &'static dyn Reader,
    /// What a success says that has nothing else to say.
    pub says: Phrase,
    /// How a lower reply lists messages.
    pub listing: Listing,
}

/// How a row's parameters become a command.
pub(crate) trait Reader: Sync {
    /// Who may ask for that command.
    fn access(&self) -> Access;

    /// Reads the parameters.
    fn read(&self, args: &Args<'_>) -> Result<Command, Code>;

    /// The place among [`all`] of the verb that a request is about, where help is asked for.
    fn about(&self, _: &Args<'_>) -> Option<usize> {
        None
    }
}

/// Reads the parameters of one kind of command, which is what says who may ask for it.
pub(super) struct Read<C>(pub fn(&Args<'_>) -> Result<C, Code>);

impl<C: Ask> Reader for Read<C> {
    fn access(&self) -> Access {
        C::ACCESS
    }

    fn read(&self, args: &Args<'_>) -> Result<Command, Code> {
        (self.0)(args).map(Into::into)
    }
}

impl std::fmt::Debug for dyn Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

/// The options of every request that reads history.
pub(crate) const HISTORY: &[&str] = &["after=ID", "before=ID", "limit=N"];

/// What rows have in common: no aliases, parameters or options.
pub(crate) const ROW: Row = Row {
    name: "",
    aliases: &[],
    params: &[],
    options: &[],
    help: "",
    addressed: false,
    read: &Read(|_| Ok(commands::Noop)),
    says: Phrase::same("OK"),
    listing: Listing::Messages,
};

/// Every verb, in the order of HELP.
pub static ALL: &[&[Row]] = &[
    accounts::ROWS,
    messages::ROWS,
    groups::ROWS,
    conversations::ROWS,
    watch::ROWS,
    realms::ROWS,
    admin::ROWS,
    service::ROWS,
    peers::ROWS,
];

/// A verb and its place among [`all`].
type Numbered = (usize, &'static Row);

/// Every request looks here, for words that nobody else chooses: any hash is good enough.
static BY_SPELLING: LazyLock<FxHashMap<&'static [u8], Numbered>> = LazyLock::new(|| {
    let spellings = |verb: &'static Row| verb.aliases.iter().copied().chain([verb.name]);
    let rows = all().enumerate();
    rows.flat_map(|row| spellings(row.1).map(move |name| (name.as_bytes(), row))).collect()
});

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Row> {
    ALL.iter().flat_map(|verbs| verbs.iter())
}

/// The row at a place among [`all`].
pub(super) fn at(number: usize) -> Option<&'static Row> {
    BY_NUMBER.get(number).copied()
}

static BY_NUMBER: LazyLock<Vec<&'static Row>> = LazyLock::new(|| all().collect());

/// The verb spelled as one word, in any case.
pub fn find(word: &str) -> Option<&'static Row> {
    find_word(word).map(|(_, verb)| verb)
}

/// The same with its place among [`all`].
pub(crate) fn find_word(word: &str) -> Option<Numbered> {
    let mut upper = [0; antar_types::MAX_NAME];
    BY_SPELLING.get(capitals(word, &mut upper)?).copied()
}

/// The verb spelled as two words, in any case, and its place among [`all`].
pub(crate) fn find_pair(first: &str, second: &str) -> Option<Numbered> {
    let (first, second) = (Folded::new(first)?, Folded::new(second)?);
    // Only these begin two-word verbs; nothing else pays for the joined string.
    if !matches!(&*first, "group" | "user" | "realm") {
        return None;
    }
    BY_SPELLING.get(format!("{} {}", &*first, &*second).to_ascii_uppercase().as_bytes()).copied()
}

fn capitals<'a>(word: &str, buffer: &'a mut [u8; antar_types::MAX_NAME]) -> Option<&'a [u8]> {
    let upper = buffer.get_mut(..word.len())?;
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    Some(upper)
}

impl Row {
    /// Who may use it.
    pub fn access(&self) -> Access {
        self.read.access()
    }

    /// The verb and its parameters, in the letters of a dialect.
    ///
    /// ```
    /// use antar_text::Dialect;
    /// let send = antar_text::find("send").unwrap();
    /// assert_eq!(send.usage(Dialect::Upper), "SEND U MSG");
    /// assert_eq!(send.usage(Dialect::Lower), "send U MSG");
    /// ```
    pub fn usage(&self, dialect: Dialect) -> String {
        let mut usage = match dialect {
            Dialect::Upper => self.name.to_string(),
            Dialect::Lower => self.name.to_ascii_lowercase(),
        };
        let mut text = String::new();
        for param in self.params {
            match param {
                Param::Word(name) | Param::Text(name) | Param::Maybe(name) => {
                    usage.push_str(&format!(" {name}"));
                }
                Param::Colon(name) | Param::MaybeAfterColon(name) => text = format!(" : {name}"),
                Param::MaybeColon(name) => text = format!(" [: {name}]"),
            }
        }
        for option in self.options {
            usage.push_str(&format!(" [{option}]"));
        }
        usage + &text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_complete_and_every_spelling_unique() {
        let spellings: usize = all().map(|v| 1 + v.aliases.len()).sum();
        assert_eq!(BY_SPELLING.len(), spellings);
        assert!(all().count() < 1 << 10, "a place in the rows does not fit in a tag");
        for verb in all() {
            assert!(!verb.help.is_empty() && verb.help.ends_with('.'), "{}", verb.name);
            assert_eq!(verb.name, verb.name.to_ascii_uppercase());
            for spelling in verb.aliases.iter().copied().chain([verb.name]) {
                let found = match spelling.split_once(' ') {
                    Some((first, second)) => find_pair(first, second),
                    None => find_word(spelling),
                };
                assert!(found.is_some_and(|(_, row)| row.name == verb.name), "{spelling}");
            }
            // A text takes the rest of the line: nothing can follow it.
            let texts = verb.params.iter().position(|p| !matches!(p, Param::Word(_)));
            let takes_options = matches!(
                verb.params.last(),
                Some(Param::Colon(_) | Param::MaybeAfterColon(_) | Param::MaybeColon(_))
            );
            let options = verb.options.is_empty() || takes_options;
            assert!(texts.is_none_or(|at| at + 1 == verb.params.len() && options));
            assert!(verb.params.len() <= crate::args::MOST);
            assert!(verb.options.len() <= crate::args::MOST);
        }
    }
}
