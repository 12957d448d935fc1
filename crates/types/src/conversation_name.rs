//! How a client says which conversation it means.

use crate::words::split;
use std::fmt;

/// A conversation as a client writes it (`CONV` in the protocol): the words are names only once they are
/// looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationName {
    /// `bob` or `bob@beta`: with a user, of this realm or of another.
    User {
        /// The user.
        user: Box<str>,
        /// `bob~17`: the account of that number, which had the name before somebody else.
        former: Option<u64>,
        /// The other realm.
        realm: Option<Box<str>>,
    },
    /// `#staff` or `#staff@beta`: of a group of this realm or of another.
    Group {
        /// The group.
        group: Box<str>,
        /// The realm that it is of.
        realm: Option<Box<str>>,
    },
    /// `#staff+beta`: of a group here together with the group of that name in another realm.
    Pair {
        /// The group.
        group: Box<str>,
        /// The other realm.
        realm: Box<str>,
    },
}

impl ConversationName {
    /// Reads a word; `None` where it has none of these forms.
    ///
    /// ```
    /// use antar_types::ConversationName;
    /// for word in ["bob", "bob@beta", "#staff", "#staff@beta", "#staff+beta", "bob~17", "bob~17@beta"] {
    ///     assert_eq!(ConversationName::parse(word).unwrap().to_string(), word);
    /// }
    /// assert_eq!(ConversationName::parse("#"), None);
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        let some = |word: &str| (!word.is_empty()).then(|| Box::<str>::from(word));
        // A realm that is left off is this one.
        let at = |word: &str| match split(word, b'@') {
            Some((name, realm)) => Some((some(name)?, some(realm))),
            None => Some((some(word)?, None)),
        };
        let Some(group) = word.strip_prefix('#') else {
            let (user, realm) = at(word)?;
            let Some((name, number)) = split(&user, b'~') else {
                return Some(Self::User { user, former: None, realm });
            };
            return Some(Self::User {
                user: some(name)?,
                former: Some(number.parse().ok()?),
                realm,
            });
        };
        if let Some((group, realm)) = split(group, b'+') {
            return Some(Self::Pair { group: some(group)?, realm: some(realm)? });
        }
        at(group).map(|(group, realm)| Self::Group { group, realm })
    }
}

impl fmt::Display for ConversationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = match self {
            Self::User { user, former, realm } => {
                f.write_str(user)?;
                former.iter().try_for_each(|number| write!(f, "~{number}"))?;
                realm
            }
            Self::Group { group, realm } => {
                write!(f, "#{group}")?;
                realm
            }
            Self::Pair { group, realm } => return write!(f, "#{group}+{realm}"),
        };
        realm.iter().try_for_each(|realm| write!(f, "@{realm}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_may_be_left_off_and_nothing_else() {
        let user = ConversationName::User { user: "bob".into(), former: None, realm: None };
        assert_eq!(ConversationName::parse("bob@"), Some(user));
        let group = ConversationName::Group { group: "staff".into(), realm: None };
        assert_eq!(ConversationName::parse("#staff@"), Some(group));
        for word in ["", "@", "@beta", "#", "#@beta", "#staff+", "#+beta", "bob~", "bob~x", "~1"] {
            assert_eq!(ConversationName::parse(word), None, "{word}");
        }
    }
}
