//! A stretch of a conversation.

use crate::named_conversation::NamedConversation;
use crate::{Answer, Conversation, HistoryRead, Interrupt, Read, RequestContext, Stretch};
use antar_types::{Code, ConversationName};

/// Asks for a stretch of a conversation, what all sides wrote.
#[derive(Clone, Debug)]
pub struct ReadHistory {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// How much of it.
    pub stretch: Stretch,
}

impl ReadHistory {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let found = cx.conversation(&self.of)?;
        self.read(cx, found, false)
    }

    /// The same for a copy of all that is the caller's: of a group that the caller is not in, what the caller wrote there.
    pub(crate) fn decide_for_copy(&self, cx: &RequestContext<'_>) -> Result<Answer, Interrupt> {
        match cx.conversation(&self.of) {
            Err(Code::NotMember) => {
                let conversation = cx.conversation_of_any_group(&self.of)?;
                let name = ConversationName::clone(&self.of);
                self.read(cx, NamedConversation { conversation, name }, true)
            }
            found => self.read(cx, found?, false),
        }
    }

    fn read(
        &self,
        cx: &RequestContext<'_>,
        found: NamedConversation,
        own: bool,
    ) -> Result<Answer, Interrupt> {
        let (conversation, name) = (found.conversation, found.name.to_string().into());
        let (reader, stretch) = (cx.reader()?, self.stretch);
        let delivered = cx.state.durable.delivered(conversation);
        let pending = match conversation {
            Conversation::Group(group) if !own => {
                let all = cx.state.durable.copies.pending(group);
                all.filter(|message| !reader.hides(conversation, message)).cloned().collect()
            }
            _ => Vec::new(),
        };
        let read = HistoryRead { conversation, name, reader, stretch, delivered, own, pending };
        Ok(Answer::Read(Read::History(Box::new(read))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{RemoveUser, Send, SendRealm};
    use crate::testing::{BETA, Realm, group};
    use crate::{History, Outcome, Page};
    use antar_types::EntryKind;

    fn of(conversation: &str, stretch: Stretch) -> ReadHistory {
        let of = Box::new(ConversationName::parse(conversation).unwrap());
        ReadHistory { of, stretch }
    }

    const ALL: Stretch = Stretch::Page(Page { after: None, before: None, limit: 100 });

    #[track_caller]
    fn reads(realm: &mut Realm, conn: u64, conversation: &str, stretch: Stretch) -> History {
        match realm.does(conn, of(conversation, stretch)) {
            Outcome::History(history) => history,
            other => panic!("{other:?}"),
        }
    }

    fn texts(history: &History) -> Vec<&str> {
        history.found.iter().map(|message| message.text.as_str()).collect()
    }

    fn send(to: &str, text: &str) -> Send {
        Send { to: to.into(), text: text.into() }
    }

    #[test]
    fn shows_what_both_wrote_and_nobody_elses() {
        let mut realm = Realm::with_users(&["amy", "Bob", "eve"]);
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "eve")] {
            realm.login(conn, user);
        }
        realm.does(1, send("bob", "one"));
        realm.does(2, send("amy", "two"));
        realm.does(1, send("eve", "three"));
        realm.does(1, send("amy", "self"));
        let history = reads(&mut realm, 1, "BOB@alpha", ALL);
        assert_eq!((texts(&history), &*history.name), (vec!["one", "two"], "Bob"));
        assert_eq!(texts(&reads(&mut realm, 2, "amy", ALL)), ["one", "two"]);
        assert_eq!(texts(&reads(&mut realm, 1, "amy", ALL)), ["self"]);
        assert!(reads(&mut realm, 2, "eve", ALL).found.is_empty());
        assert_eq!(realm.does(1, of("zoe", ALL)), Code::UserNotFound.into());
        assert_eq!(realm.does(4, of("amy", ALL)), Code::NoSession.into());
    }

    #[test]
    fn pages_both_ways_and_around_a_message() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        let sent = (1..=9).map(|n| match realm.does(1, send("amy", &n.to_string())) {
            Outcome::Sent { id, .. } => id,
            other => panic!("{other:?}"),
        });
        let ids: Vec<u64> = sent.collect();
        let page = |after, before| Stretch::Page(Page { after, before, limit: 2 });
        let around = |id, limit| Stretch::Around { id, limit };
        for (stretch, expected, more, newer) in [
            (page(None, None), vec!["8", "9"], true, false),
            (page(Some(ids[6]), None), vec!["8", "9"], false, false),
            (page(None, Some(ids[2])), vec!["1", "2"], false, false),
            (around(ids[4], 4), vec!["3", "4", "5", "6"], true, true),
            (around(ids[4], 1), vec!["5"], true, true),
            (around(ids[0], 1), vec!["1"], false, true),
            (around(ids[1], 5), vec!["1", "2", "3", "4"], false, true),
            (around(ids[8] + 1, 2), vec!["9"], true, false),
        ] {
            let history = reads(&mut realm, 1, "amy", stretch);
            let found = (texts(&history), history.more, history.newer);
            assert_eq!(found, (expected, more, newer), "{stretch:?}");
        }
    }

    #[test]
    fn of_a_group_is_for_its_members() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("Staff"));
        let history = reads(&mut realm, 1, "#staff", ALL);
        assert_eq!((&*history.name, history.found.len()), ("#Staff", 0));
        assert_eq!(realm.does(2, of("#staff", ALL)), Code::NotMember.into());
        assert_eq!(realm.does(1, of("#ops", ALL)), Code::GroupNotFound.into());
        assert_eq!(realm.does(1, of("#staff@beta", ALL)), Code::GroupNotFound.into());
        assert_eq!(realm.does(1, of("#staff+beta", ALL)), Code::RealmNotFound.into());
    }

    #[test]
    fn with_a_user_of_another_realm_is_one_history() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        assert_eq!(realm.does(1, of("bob@beta", ALL)), Code::UserNotFound.into());
        let (beta, bob) = (|| "beta".into(), "bob".into());
        realm.does(1, SendRealm { realm: beta(), to: bob, text: "one".into() });
        realm.deliver(EntryKind::Private, "bob", "amy", "two");
        let history = reads(&mut realm, 1, "BOB@Beta", ALL);
        assert_eq!((texts(&history), &*history.name), (vec!["one", "two"], "bob@beta"));
        realm.disconnect(BETA);
        assert_eq!(texts(&reads(&mut realm, 1, "bob@beta", ALL)), ["one", "two"]);
    }

    #[test]
    fn with_a_removed_user_it_stays_and_who_takes_the_name_has_none_of_it() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let former = realm.account("bob");
        realm.does(1, send("bob", "to the first"));
        realm.operator_does(RemoveUser { user: "bob".into() });
        let history = reads(&mut realm, 1, "bob", ALL);
        assert_eq!((texts(&history), &*history.name), (vec!["to the first"], "bob"));
        realm.add_user("bob");
        realm.login(2, "bob");
        assert!(reads(&mut realm, 1, "bob", ALL).found.is_empty());
        assert!(reads(&mut realm, 2, "amy", ALL).found.is_empty());
        let numbered = format!("bob~{former}");
        let history = reads(&mut realm, 1, &numbered, ALL);
        assert_eq!((texts(&history), &*history.name), (vec!["to the first"], &*numbered));
        // Not of anybody else's, and by no made-up number.
        assert_eq!(realm.does(2, of(&numbered, ALL)), Code::UserNotFound.into());
        assert_eq!(realm.does(1, of("bob~99", ALL)), Code::UserNotFound.into());
    }
}
