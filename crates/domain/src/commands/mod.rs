//! The verbs: one file each, with its row, what it does and its tests.
//!
//! A new verb is one new file here and one word in [`ALL`]: HELP, the usage error, the checks of
//! session and arity and the table of the documentation come from its row.

mod ackrealm;
mod addgroup;
mod addrealm;
mod auth;
mod backup;
mod checkrealm;
mod deliver;
mod follow;
mod getgroups;
mod help;
mod inbox;
mod inboxgroup;
mod inboxgrouprealm;
mod inboxrealm;
mod inviterealm;
mod joingroup;
mod leavegroup;
mod logout;
mod members;
mod passwd;
mod ping;
mod recvgrouprealm;
mod register;
mod remoteinbox;
mod removerealm;
mod renamerealm;
mod send;
mod sendgroup;
mod sendgrouprealm;
mod sendrealm;
mod sent;
mod users;
mod version;
mod watch;
mod whoami;

#[cfg(test)]
pub(crate) mod testing;

pub(crate) use auth::guessed_at;

use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Dialect, Folded};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Who may use a verb (protocol sections 3 and 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Anyone connected.
    Nobody,
    /// A user with a session.
    Session,
    /// A user with a session, or the operator.
    Someone,
    /// The operator, or a user who is an administrator.
    Admin,
    /// Another realm, over a link.
    Link,
}

/// One parameter in a verb's row, under the name that usage and HELP show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// A word.
    Word(&'static str),
    /// The rest of the line, its inner blanks kept.
    Text(&'static str),
    /// The rest of the line, which may be missing.
    Maybe(&'static str),
}

/// A verb's row.
#[derive(Debug)]
pub struct Verb {
    /// In capitals; two words for the `GROUP …`, `USER …` and `REALM …` forms.
    pub name: &'static str,
    /// Other spellings that mean just the same.
    pub aliases: &'static [&'static str],
    /// What follows the verb.
    pub params: &'static [Param],
    /// `key=VALUE` words that may follow the parameters.
    pub options: &'static [&'static str],
    /// One sentence for HELP.
    pub help: &'static str,
    /// Who may use it.
    pub needs: Needs,
    /// Existing clients put their own address and port before the token.
    pub addressed: bool,
    /// Decides, changes and answers.
    pub run: fn(&mut Context<'_>, &Args<'_>) -> Result<Answer, Interrupt>,
}

/// The options of every request that reads history.
const HISTORY: &[&str] = &["after=ID", "before=ID", "limit=N"];

/// What rows have in common: no aliases, parameters or options, for users with a session.
const ROW: Verb = Verb {
    name: "",
    aliases: &[],
    params: &[],
    options: &[],
    help: "",
    needs: Needs::Session,
    addressed: false,
    run: |_, _| Err(antar_types::Code::UnknownRequest.into()),
};

/// Every verb, in the order of HELP.
pub static ALL: &[&[Verb]] = &[
    auth::VERBS,
    register::VERBS,
    logout::VERBS,
    passwd::VERBS,
    whoami::VERBS,
    send::VERBS,
    inbox::VERBS,
    sent::VERBS,
    getgroups::VERBS,
    addgroup::VERBS,
    joingroup::VERBS,
    leavegroup::VERBS,
    members::VERBS,
    sendgroup::VERBS,
    inboxgroup::VERBS,
    watch::VERBS,
    sendrealm::VERBS,
    inboxrealm::VERBS,
    sendgrouprealm::VERBS,
    inboxgrouprealm::VERBS,
    checkrealm::VERBS,
    addrealm::VERBS,
    removerealm::VERBS,
    inviterealm::VERBS,
    renamerealm::VERBS,
    users::VERBS,
    backup::VERBS,
    ping::VERBS,
    help::VERBS,
    version::VERBS,
    ackrealm::VERBS,
    remoteinbox::VERBS,
    recvgrouprealm::VERBS,
    follow::VERBS,
    deliver::VERBS,
];

/// A verb and its place among [`all`].
type Numbered = (usize, &'static Verb);

static BY_SPELLING: LazyLock<BTreeMap<&'static str, Numbered>> = LazyLock::new(|| {
    let spellings = |verb: &'static Verb| verb.aliases.iter().copied().chain([verb.name]);
    let rows = all().enumerate();
    rows.flat_map(|row| spellings(row.1).map(move |name| (name, row))).collect()
});

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Verb> {
    ALL.iter().flat_map(|verbs| verbs.iter())
}

/// The verb spelled as one word, in any case.
pub fn find(word: &str) -> Option<&'static Verb> {
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
    BY_SPELLING.get(format!("{} {}", &*first, &*second).to_ascii_uppercase().as_str()).copied()
}

fn capitals<'a>(word: &str, buffer: &'a mut [u8; antar_types::MAX_NAME]) -> Option<&'a str> {
    let upper = buffer.get_mut(..word.len())?;
    upper.copy_from_slice(word.as_bytes());
    upper.make_ascii_uppercase();
    std::str::from_utf8(upper).ok()
}

impl Verb {
    /// The verb and its parameters, in the letters of a dialect.
    ///
    /// ```
    /// use antar_types::Dialect;
    /// let send = antar_domain::commands::find("send").unwrap();
    /// assert_eq!(send.usage(Dialect::Upper), "SEND U MSG");
    /// assert_eq!(send.usage(Dialect::Lower), "send U MSG");
    /// ```
    pub fn usage(&self, dialect: Dialect) -> String {
        let mut usage = match dialect {
            Dialect::Upper => self.name.to_string(),
            Dialect::Lower => self.name.to_ascii_lowercase(),
        };
        for param in self.params {
            let (Param::Word(name) | Param::Text(name) | Param::Maybe(name)) = param;
            usage.push(' ');
            usage.push_str(name);
        }
        for option in self.options {
            usage.push_str(&format!(" [{option}]"));
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_complete_and_every_spelling_unique() {
        let spellings: usize = all().map(|v| 1 + v.aliases.len()).sum();
        assert_eq!(BY_SPELLING.len(), spellings);
        for verb in all() {
            assert!(!verb.help.is_empty() && verb.help.ends_with('.'), "{}", verb.name);
            assert_eq!(verb.name, verb.name.to_ascii_uppercase());
            let words = verb.name.split(' ').count();
            assert!(words == 1 || find_pair("group", "get").is_some());
            // A text takes the rest of the line: nothing can follow it.
            let texts = verb.params.iter().position(|p| !matches!(p, Param::Word(_)));
            assert!(texts.is_none_or(|at| at + 1 == verb.params.len() && verb.options.is_empty()));
            assert!(verb.params.len() <= 6 && verb.options.len() <= 6);
        }
    }
}
