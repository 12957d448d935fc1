//! Which messages of a plain peer's list are known here already.
//!
//! Messages have no numbers there, so they are told apart by their texts and counted; and by their senders,
//! unless the peer lists people by what they are called (`Jordan Henderson(127.0.0.1:8889)`) and not by
//! the names they have here.

use super::{Listed, MOST_LISTED as MOST, Told};
use crate::MAX_PAGE;
use antar_types::{Away, Entry, Message, Name, Time};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What was said in groups, by both sides, since a plain peer was last told of us: its lists have all of
/// it and begin there. Hashes of group and text, without the sender and with; as many as are read of
/// a list.
#[derive(Debug, Default)]
pub(crate) struct Common(VecDeque<[u64; 2]>);

impl Common {
    /// A message is in the peer's list of a group now.
    pub fn note(&mut self, from: &Name, group: &Name, text: &str) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back([hash(None, group, text), hash(Some(from), group, text)]);
    }

    /// Whether a peer's list of the group has a message once more than is known here.
    pub fn is_more(&self, told: &Told, entry: &Entry) -> bool {
        let list = told.list().unwrap_or_default();
        let by_text = list.iter().any(Listed::calls_people);
        let same = |listed: &&Listed| {
            (by_text || listed.from == entry.from.as_str())
                && same_text(listed.text.as_str(), entry.text.as_str())
        };
        let from = (!by_text).then_some(&entry.from);
        let hash = hash(from, &entry.to, entry.text.as_str());
        let known = self.0.iter().filter(|hashes| hashes[usize::from(!by_text)] == hash).count();
        list.iter().filter(same).count() > known
    }
}

/// Nothing of this is kept, so it need not stay the same from one version to the next.
fn hash(from: Option<&Name>, group: &Name, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (from.map(Name::as_str), &*group.folded()).hash(&mut hasher);
    text.split_whitespace().for_each(|word| word.hash(&mut hasher));
    hasher.finish()
}

/// Whether texts are the same but for blanks: old servers take some away and put some before.
fn same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Whether a list calls people something else than their names here. Where it does so for one, it may
/// for all: what somebody is called can look like a name.
pub(crate) fn calls_people(list: &[Message]) -> bool {
    list.iter().any(|message| matches!(message.realm, Some(Away::FromShown(..))))
}

/// Of `messages`, those that are not among `others`, where one that is said twice counts twice; the
/// newest are compared first.
pub(crate) fn missing(messages: Vec<Message>, others: &[Message]) -> Vec<Message> {
    let by_text = calls_people(&messages) || calls_people(others);
    let key = |m: &Message| {
        let from = if by_text { String::new() } else { m.from.to_string() };
        (from, m.text.as_str().split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut there: BTreeMap<(String, String), usize> = BTreeMap::new();
    others.iter().for_each(|m| *there.entry(key(m)).or_default() += 1);
    let mut left: Vec<Message> = (messages.into_iter().rev())
        .filter(|m| match there.get_mut(&key(m)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect();
    left.reverse();
    left
}

/// How much of what waits at a peer for a user is here already: an earlier attempt may have come this
/// far and no further, in this process or in one before. It was taken over in order, after the peer was
/// last told of us (`since`); `own` is the newest of what the user has received from there.
pub(crate) fn taken_over(own: &[Message], list: &[Message], since: Time) -> usize {
    let of_list = |m: &&Message| m.notice.is_none() && m.time >= since;
    let taken: Vec<&Message> = own.iter().filter(of_list).collect();
    let same = |(a, b): (&&Message, &Message)| a.sender() == b.sender() && a.text == b.text;
    // Where all of a page was taken over, more before it may have been.
    let whole = own.len() > taken.len() || own.len() < MAX_PAGE;
    let most = if whole { taken.len().min(list.len()) } else { list.len() };
    let is_taken = |upto: &usize| {
        let newest = taken.iter().rev();
        newest.zip(list[..*upto].iter().rev()).all(same)
    };
    (1..=most).rev().find(is_taken).unwrap_or(0)
}

/// What may be in a peer's list of a group's conversation, of all that is here: the list begins where
/// they were last told of us (`since`), and lacks what they are still owed. Both sides have the same order
/// for each sender, but not among them.
pub(crate) fn may_be_listed(
    own: &[Message],
    list: &[Message],
    owed: usize,
    since: Time,
) -> Vec<Message> {
    if calls_people(list) {
        return may_be_listed_by_text(own, list, owed, since);
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    list.iter().for_each(|m| *left.entry(m.from.as_str()).or_insert(owed) += 1);
    let mut newest: Vec<Message> = (own.iter().rev())
        .filter(|m| match left.get_mut(m.from.as_str()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        })
        .cloned()
        .collect();
    newest.reverse();
    newest
}

/// The same where the list does not have our names for people. What they brought is here since they
/// were told of us; what was taken over from their list is from before. The rest is ours, the newest of it.
fn may_be_listed_by_text(
    own: &[Message],
    list: &[Message],
    owed: usize,
    since: Time,
) -> Vec<Message> {
    let brought = |m: &Message| match m.realm {
        Some(Away::From(_) | Away::FromAccount(..)) => m.time >= since,
        Some(Away::FromShown(..)) => m.time > since,
        _ => false,
    };
    let theirs = own.iter().filter(|m| brought(m)).count();
    let mut ours = (list.len() + owed).saturating_sub(theirs);
    let mut newest: Vec<Message> = (own.iter().rev())
        .filter(|m| match m.realm {
            Some(Away::To(_)) if ours > 0 => {
                ours -= 1;
                true
            }
            _ => brought(m),
        })
        .cloned()
        .collect();
    newest.reverse();
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::Listed;
    use antar_types::{DisplayName, EntryKind, Text};

    fn name(word: &str) -> Name {
        Name::parse(word).unwrap()
    }

    fn entry(from: &str, text: &str) -> Entry {
        let text = Text::parse(text, 99).unwrap();
        let (kind, time) = (EntryKind::Group, Time(1));
        Entry { kind, time, from: name(from), to: name("staff"), text, origin: None, more: None }
    }

    /// A list as an old server has it, of senders and texts, the newest first.
    fn list(said: &[(&str, &str)]) -> Told {
        let one = |(from, text): &(&str, &str)| Listed {
            from: from.to_string(),
            to: "staff".into(),
            text: Text::parse(text.trim(), 99).unwrap(),
        };
        // The oldest comes first once it has been read.
        let list = Some(said.iter().rev().map(one).collect());
        Told { ok: true, list, ..Told::default() }
    }

    fn messages(told: &Told) -> Vec<Message> {
        let (beta, staff) = (name("beta"), name("staff"));
        told.list().unwrap().iter().map(|listed| listed.message(&beta, &staff)).collect()
    }

    fn texts(messages: &[Message]) -> Vec<(&str, &str)> {
        messages.iter().map(|m| (m.sender(), m.text.as_str())).collect()
    }

    const MESSI: &str = "Lionel Messi(127.0.0.1:8889)";
    const GARY: &str = "Gary Lineker(127.0.0.1:8890)";

    #[test]
    fn a_message_is_there_when_there_is_one_more_of_it() {
        let mut common = Common::default();
        let hi = entry("messi", "hi  there");
        assert!(!common.is_more(&list(&[]), &hi));
        assert!(common.is_more(&list(&[(MESSI, "    hi there ")]), &hi));
        assert!(!common.is_more(&list(&[(MESSI, " hi")]), &hi));
        // Somebody there said the same before, and somebody here.
        common.note(&name("lineker"), &name("Staff"), "hi there");
        common.note(&name("henderson"), &name("staff"), "hi there");
        let before = [(MESSI, " hi there"), (GARY, " hi there")];
        assert!(!common.is_more(&list(&before), &hi));
        assert!(common.is_more(&list(&[(MESSI, " hi there"), before[0], before[1]]), &hi));
        // What was said in another group is another message.
        common.note(&name("messi"), &name("other"), "x");
        assert!(common.is_more(&list(&[(MESSI, "x")]), &entry("messi", "x")));
    }

    #[test]
    fn names_tell_messages_apart_where_the_list_has_them() {
        let mut common = Common::default();
        let hi = entry("messi", "hi");
        // What they said themselves may never have come here.
        assert!(!common.is_more(&list(&[("lineker", "hi")]), &hi));
        assert!(common.is_more(&list(&[("lineker", "hi"), ("messi", "hi")]), &hi));
        common.note(&name("messi"), &name("staff"), "hi");
        assert!(!common.is_more(&list(&[("lineker", "hi"), ("messi", "hi")]), &hi));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut common = Common::default();
        for n in 0..2 * MOST {
            common.note(&name("messi"), &name("staff"), &n.to_string());
        }
        assert_eq!(common.0.len(), MOST);
        let newest = (2 * MOST - 1).to_string();
        assert!(!common.is_more(&list(&[(MESSI, &newest)]), &entry("messi", &newest)));
    }

    #[test]
    fn the_same_text_counts_as_often_as_it_is_said() {
        let own = messages(&list(&[("messi", "hi"), ("messi", "bye"), ("lineker", "hi")]));
        let theirs = messages(&list(&[(MESSI, " hi"), (GARY, " hi"), (GARY, " new")]));
        assert_eq!(texts(&missing(own.clone(), &theirs)), [("messi", "bye")]);
        assert_eq!(texts(&missing(theirs.clone(), &own)), [(GARY, "new")]);
        // What was taken over earlier is known by what they are called.
        assert_eq!(texts(&missing(theirs.clone(), &theirs)), []);
        let plain = messages(&list(&[("messi", " hi"), ("henderson", " hi")]));
        assert_eq!(texts(&missing(own, &plain)), [("lineker", "hi"), ("messi", "bye")]);
    }

    fn message(time: u64, from: &str, realm: Away, text: &str) -> Message {
        let (from, to) = (Name::parse(from).unwrap(), Name::parse("staff").unwrap());
        let (id, time, text) = (time, Time(time), Text::parse(text, 99).unwrap());
        Message { realm: Some(realm), ..Message::new(id, time, from, to, text) }
    }

    fn ours(time: u64, text: &str) -> Message {
        message(time, "messi", Away::To(Name::parse("beta").unwrap()), text)
    }

    fn brought(time: u64, text: &str) -> Message {
        message(time, "lineker", Away::From(Name::parse("beta").unwrap()), text)
    }

    fn called(time: u64, called: &str, text: &str) -> Message {
        let called = DisplayName::new(called).unwrap();
        message(time, "beta", Away::FromShown(Name::parse("beta").unwrap(), called), text)
    }

    #[track_caller]
    fn expect_new(own: &[Message], list: &[Message], owed: usize, new: &[&str]) {
        let there = may_be_listed(own, list, owed, Time(100));
        let found = missing(list.to_vec(), &there);
        assert_eq!(found.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), new);
    }

    #[test]
    fn what_was_said_before_they_were_told_of_us_is_not_what_they_list() {
        // All of it has been said already in another life of the link; the last was not brought.
        let before = [ours(1, "ok"), brought(2, "ok"), called(99, GARY, "ok")];
        let list = [called(0, GARY, "ok")];
        expect_new(&before[1..], &list, 0, &["ok"]);
        // What was brought since is here, and what we said, also where it had waited.
        let since = [ours(3, "owed"), brought(2, "ok"), brought(100, "ok"), ours(101, "hi")];
        let own = [&before[..], &since].concat();
        let list = ["owed", "ok", "hi"].map(|text| called(0, MESSI, text));
        expect_new(&own, &list, 0, &[]);
        // What is still owed stands behind it here, and not there.
        let own = [&own[..], &[ours(102, "later"), ours(103, "later still")]].concat();
        expect_new(&own, &list, 2, &[]);
        let list = [&list[..], &[called(0, GARY, "new")]].concat();
        expect_new(&own, &list, 2, &["new"]);
        // Taken over, but they were not told of us then.
        let own = [&own[..], &[called(104, GARY, "new")]].concat();
        expect_new(&own, &list, 2, &[]);
    }

    #[test]
    fn what_waits_is_taken_over_once_and_all_of_it() {
        let waits = |texts: &[&str]| -> Vec<Message> {
            texts.iter().map(|text| brought(0, text)).collect()
        };
        let own = [brought(90, "a"), brought(101, "a"), brought(101, "b")];
        let taken = |own: &[Message], texts: &[&str]| taken_over(own, &waits(texts), Time(100));
        assert_eq!(taken(&own, &["a", "b", "c"]), 2);
        assert_eq!(taken(&own[..2], &["a", "b", "c"]), 1);
        // It was taken over before they were last told of us, and they have forgotten it.
        assert_eq!(taken(&own[..1], &["a"]), 0);
        // They have forgotten, though their answer never came.
        assert_eq!(taken(&own, &["b", "c"]), 1);
        assert_eq!(taken(&own, &["c", "d", "e"]), 0);
        assert_eq!(taken(&own, &[]), 0);
        // More was taken over than a page holds.
        let many: Vec<String> = (0..MAX_PAGE + 20).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let own: Vec<Message> = many[10..MAX_PAGE + 10].iter().map(|t| brought(101, t)).collect();
        assert_eq!(taken(&own, &many), MAX_PAGE + 10);
    }
}
