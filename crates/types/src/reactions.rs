//! What people say of a message with a single picture.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use unicode_segmentation::UnicodeSegmentation;

/// The longest [`Emoji`], in bytes: a family of four, each of a colour, takes 41 and is beyond it; all that
/// keyboards offer by themselves is within.
const MAX_EMOJI: usize = 32;

/// One character as its readers count them (an extended grapheme cluster) of at most 32 bytes, which can be
/// seen. Which ones are pictures changes with each version of Unicode, so letters are allowed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Box<str>")]
pub struct Emoji(Arc<str>);

impl Emoji {
    /// Checks a word.
    pub fn parse(word: &str) -> Option<Self> {
        let mut clusters = word.graphemes(true);
        let is_one = clusters.next().is_some() && clusters.next().is_none();
        let valid = is_one && word.len() <= MAX_EMOJI && word.chars().any(is_seen);
        let valid = valid && !word.chars().any(char::is_control);
        valid.then(|| Self(word.into()))
    }

    /// The character.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character is more than a blank, or a note about how others are shown.
fn is_seen(c: char) -> bool {
    let is_note = matches!(c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}');
    !c.is_whitespace() && !c.is_control() && !is_note
}

impl TryFrom<Box<str>> for Emoji {
    type Error = &'static str;

    fn try_from(word: Box<str>) -> Result<Self, Self::Error> {
        Self::parse(&word).ok_or("no emoji")
    }
}

impl fmt::Debug for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody who has reacted to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reactor {
    /// The number of the realm, 0 for this one.
    pub peer: u64,
    /// The number of the account there: a name passes on to others, and what somebody has said does not.
    pub account: u64,
    /// The name, as it is shown.
    pub name: Box<str>,
}

impl Reactor {
    /// Whether it is this account of this realm.
    fn is(&self, peer: u64, account: u64) -> bool {
        (self.peer, self.account) == (peer, account)
    }
}

/// All who have reacted to a message in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// How.
    pub emoji: Emoji,
    /// Who, in the order in which they did: one at least, and nobody twice.
    pub who: Vec<Reactor>,
}

/// The reactions to a message, in the order in which each kind first came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reactions(pub Vec<Reaction>);

/// Kinds of reactions to a message.
const MAX_KINDS: usize = 20;

/// Reactions to a message in all: all of them are read and written with it.
const MAX_REACTIONS: usize = 1_000;

impl Reactions {
    /// Adds one; says whether it was not there. `None` where there is no room for it.
    pub fn add(&mut self, emoji: &Emoji, reactor: Reactor) -> Option<bool> {
        let count = self.count();
        let kinds = self.0.len();
        match self.0.iter_mut().find(|reaction| reaction.emoji == *emoji) {
            Some(reaction) => {
                if reaction.who.iter().any(|known| known.is(reactor.peer, reactor.account)) {
                    return Some(false);
                }
                (count < MAX_REACTIONS).then(|| reaction.who.push(reactor))?;
            }
            None if kinds < MAX_KINDS && count < MAX_REACTIONS => {
                self.0.push(Reaction { emoji: emoji.clone(), who: vec![reactor] });
            }
            None => return None,
        }
        Some(true)
    }

    /// Takes one back; says whether it was there.
    pub fn remove(&mut self, emoji: &Emoji, peer: u64, account: u64) -> bool {
        let before = self.count();
        for reaction in self.0.iter_mut().filter(|reaction| reaction.emoji == *emoji) {
            reaction.who.retain(|known| !known.is(peer, account));
        }
        self.0.retain(|reaction| !reaction.who.is_empty());
        self.count() < before
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|reaction| reaction.who.len()).sum()
    }

    /// About how many bytes of memory they take, past their own size.
    pub fn memory(&self) -> usize {
        let who = |reactor: &Reactor| size_of::<Reactor>() + reactor.name.len();
        let each = |reaction: &Reaction| {
            size_of::<Reaction>()
                + reaction.emoji.0.len()
                + reaction.who.iter().map(who).sum::<usize>()
        };
        self.0.iter().map(each).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emoji(word: &str) -> Emoji {
        Emoji::parse(word).unwrap()
    }

    fn who(account: u64) -> Reactor {
        Reactor { peer: 0, account, name: format!("u{account}").into() }
    }

    #[test]
    fn an_emoji_is_one_character_as_readers_count_them() {
        for one in ["👍", "👍🏽", "❤️", "🇮🇩", "👩‍🚀", "é", "e\u{301}", "#️⃣", "a"]
        {
            assert_eq!(Emoji::parse(one).unwrap().as_str(), one);
        }
        let long = format!("e{}", "\u{301}".repeat(15));
        assert_eq!(long.len(), 31);
        assert!(Emoji::parse(&long).is_some());
        let longer = format!("{long}\u{301}");
        let none =
            ["", "👍👍", "ab", " ", "\u{200D}", "\u{202E}", "\u{7}", "\r\n", "\u{FE0F}", &longer];
        for none in none {
            assert!(Emoji::parse(none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn each_account_has_one_of_each_kind_and_they_keep_their_order() {
        let mut all = Reactions::default();
        assert_eq!(all.add(&emoji("b"), who(1)), Some(true));
        assert_eq!(all.add(&emoji("a"), who(1)), Some(true));
        assert_eq!(all.add(&emoji("b"), who(2)), Some(true));
        // Whatever it is called by now.
        let renamed = Reactor { name: "other".into(), ..who(1) };
        assert_eq!(all.add(&emoji("b"), renamed), Some(false));
        assert!(!all.remove(&emoji("b"), 7, 1));
        assert!(all.remove(&emoji("b"), 0, 1));
        assert!(!all.remove(&emoji("b"), 0, 1));
        let kinds: Vec<_> = all.0.iter().map(|reaction| reaction.emoji.as_str()).collect();
        assert_eq!((kinds, all.count()), (vec!["b", "a"], 2));
        assert!(all.remove(&emoji("b"), 0, 2));
        assert_eq!(all.0.len(), 1);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut all = Reactions::default();
        let kinds: Vec<_> = ('a'..='z').map(|c| emoji(&c.to_string())).collect();
        for kind in &kinds[..MAX_KINDS] {
            assert_eq!(all.add(kind, who(1)), Some(true));
        }
        assert_eq!(all.add(&kinds[MAX_KINDS], who(1)), None);
        let left = MAX_REACTIONS - MAX_KINDS;
        assert!((2..2 + left as u64).all(|n| all.add(&kinds[0], who(n)) == Some(true)));
        assert_eq!(all.add(&kinds[0], who(5_000)), None);
        assert_eq!(all.add(&kinds[0], who(1)), Some(false));
        assert!(all.remove(&kinds[1], 0, 1));
        assert_eq!(all.add(&kinds[MAX_KINDS], who(1)), Some(true));
    }
}
