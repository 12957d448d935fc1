//! How far somebody has read a conversation.

use crate::{
    AccountId, Answer, Bug, Change, ChangeList, Conversation, Event, Interrupt, Job, JobResult,
    Located, Marker, Outcome, Place, RequestContext,
};
use antar_types::{Code, ConversationName};

/// Says that the caller has read a conversation up to a message: on all devices, and never back.
#[derive(Clone, Debug)]
pub struct MarkRead {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
}

/// Says that a message, and what follows it, is to count as unread: the marker goes back, never on.
#[derive(Clone, Debug)]
pub struct MarkUnread {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
}

impl MarkRead {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, conversation) = (cx.me()?, cx.conversation(&self.of)?.conversation);
        let conversations = &cx.state.durable.conversations;
        let (tip, marker) =
            (conversations.tip(conversation), conversations.marker(me, conversation));
        if self.id <= marker.id && !cx.state.is_planted(Bug::ReadsBack) {
            return Ok(Outcome::Marked(marker.id).into());
        }
        // Most often it is the last message, which need not be looked up.
        let located = match self.id >= tip.id {
            true => Located::from(Marker::at(tip)),
            false => {
                let counted = cx.locate(conversation, self.id, marker.own_after > 0)?;
                // Too much is after it to be counted. Rather are the caller's own among it unread than is more
                // read than the caller says.
                match counted.marker.id > self.id {
                    true => cx.locate(conversation, self.id, false)?,
                    false => counted,
                }
            }
        };
        // What was not read before is known.
        let mut mentions = cx.state.durable.personal.mentions(me, conversation).to_vec();
        if !cx.state.is_planted(Bug::RemembersMentions) {
            mentions.retain(|ordinal| *ordinal > located.marker.ordinal);
        }
        cx.mark(conversation, Located { mentions, ..located })
    }
}

impl MarkUnread {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, conversation) = (cx.me()?, cx.conversation(&self.of)?.conversation);
        let marker = cx.state.durable.conversations.marker(me, conversation);
        if self.id > marker.id {
            return Ok(Outcome::Marked(marker.id).into());
        }
        let counts = !cx.state.is_planted(Bug::CountsOwn);
        let before = cx.locate(conversation, self.id.saturating_sub(1), counts)?;
        // It is further back already than what is counted.
        if before.marker.id > marker.id {
            return Ok(Outcome::Marked(marker.id).into());
        }
        // Somebody may have been mentioned while that was looked up.
        let known = cx.state.durable.personal.mentions(me, conversation);
        let mut mentions = [&before.mentions[..], known].concat();
        mentions.sort_unstable();
        mentions.dedup();
        let past = mentions.len().saturating_sub(crate::MENTIONS);
        mentions.drain(..past);
        cx.mark(conversation, Located { mentions, ..before })
    }
}

impl RequestContext<'_> {
    fn mark(&mut self, conversation: Conversation, at: Located) -> Result<Answer, Interrupt> {
        let (account, Located { marker, mentions, .. }) = (self.me()?, at);
        // Nothing is noted of a conversation in which nothing was said.
        if self.state.durable.conversations.marker(account, conversation) != marker {
            self.emit(Event::MarkerSet { account, conversation, marker })?;
            self.set_mentions(account, conversation, mentions)?;
            self.change(ChangeList::Account(account), Change::Read(conversation, marker.id))?;
        }
        Ok(Outcome::Marked(marker.id).into())
    }

    /// An id of when a user came into a group; 0 for other conversations.
    fn joined(&self, account: AccountId, conversation: Conversation) -> u64 {
        let (Conversation::Group(group) | Conversation::GroupPeer(group, _)) = conversation else {
            return 0;
        };
        let group = self.state.durable.groups.get(&group);
        group.and_then(|group| group.members.get(&account)).map_or(0, |member| member.since)
    }

    /// The last message of a conversation up to an id; `counts` says whether those after it are to be
    /// counted that do not count as unread, and those that mention the caller.
    pub(crate) fn locate(
        &self,
        conversation: Conversation,
        id: u64,
        counts: bool,
    ) -> Result<Located, Interrupt> {
        let account = self.me()?;
        let marker = self.state.durable.conversations.marker(account, conversation);
        let reader = counts.then(|| self.reader()).transpose()?;
        let joined = self.joined(account, conversation);
        let floor = self.state.durable.conversations.floor(conversation);
        self.located(Place { conversation, id, reader, joined, marker, floor })
    }

    /// What is found of a place.
    pub(crate) fn located(&self, place: Place) -> Result<Located, Interrupt> {
        let located = self.results.iter().rev().find_map(|result| match result {
            JobResult::Located(of, located) if **of == place => Some(Ok(located.clone())),
            JobResult::Unreadable => Some(Err(Code::Unavailable)),
            _ => None,
        });
        match located {
            // The last one that is gone stands for there being none.
            Some(Ok(mut located)) if located.marker.id == 0 => {
                (located.marker.id, located.marker.ordinal) = (place.floor.id, place.floor.ordinal);
                Ok(located)
            }
            Some(located) => Ok(located?),
            None => Err(Interrupt::Job(Job::Locate(place.into()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{JoinGroup, LeaveGroup, ListConversations, Send, SendToGroup};
    use crate::testing::{Realm, group};
    use crate::{MOST_UNREAD, Overview};
    use antar_types::Secret;

    fn send(realm: &mut Realm, conn: u64, to: &str) -> u64 {
        match realm.does(conn, Send { to: to.into(), text: "hi".into() }) {
            Outcome::Sent { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn say(realm: &mut Realm, conn: u64, group: &str) -> u64 {
        let to = crate::commands::Destination::Named(group.into(), "hi".into());
        match realm.does(conn, SendToGroup { to }) {
            Outcome::Sent { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn named(of: &str) -> Box<ConversationName> {
        Box::new(ConversationName::parse(of).unwrap())
    }

    #[track_caller]
    fn of(realm: &mut Realm, conn: u64, name: &str) -> Overview {
        let Outcome::Conversations { all, .. } = realm.does(conn, ListConversations::default())
        else {
            panic!("no list");
        };
        all.into_iter().find(|each| &*each.name == name).expect("it is listed")
    }

    fn unread(realm: &mut Realm, conn: u64, name: &str) -> u64 {
        of(realm, conn, name).unread
    }

    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm
    }

    #[test]
    fn a_marker_moves_on_and_only_unread_sets_it_back() {
        let mut realm = realm();
        let ids: Vec<u64> = (0..4).map(|_| send(&mut realm, 1, "bob")).collect();
        assert_eq!((unread(&mut realm, 2, "amy"), unread(&mut realm, 1, "bob")), (4, 0));
        let read = |realm: &mut Realm, id| realm.does(2, MarkRead { of: named("amy"), id });
        let unread_from =
            |realm: &mut Realm, id| realm.does(2, MarkUnread { of: named("amy"), id });
        assert_eq!(read(&mut realm, ids[1]), Outcome::Marked(ids[1]));
        assert_eq!(unread(&mut realm, 2, "amy"), 2);
        assert_eq!(read(&mut realm, ids[0]), Outcome::Marked(ids[1]));
        assert_eq!(unread_from(&mut realm, ids[3]), Outcome::Marked(ids[1]));
        assert_eq!(read(&mut realm, u64::MAX), Outcome::Marked(ids[3]));
        assert_eq!(unread(&mut realm, 2, "amy"), 0);
        assert_eq!(unread_from(&mut realm, ids[2]), Outcome::Marked(ids[1]));
        assert_eq!((unread(&mut realm, 2, "amy"), of(&mut realm, 2, "amy").read), (2, ids[1]));
        assert_eq!(unread_from(&mut realm, 1), Outcome::Marked(0));
        assert_eq!(unread(&mut realm, 2, "amy"), 4);
    }

    #[test]
    fn who_writes_has_read_what_was_there_and_own_messages_do_not_count() {
        let mut realm = realm();
        let first = send(&mut realm, 1, "bob");
        send(&mut realm, 2, "amy");
        assert_eq!(unread(&mut realm, 2, "amy"), 0);
        send(&mut realm, 1, "bob");
        assert_eq!((unread(&mut realm, 2, "amy"), unread(&mut realm, 1, "bob")), (1, 0));
        // Three messages, one of them bob's.
        realm.does(2, MarkUnread { of: named("amy"), id: first });
        assert_eq!(unread(&mut realm, 2, "amy"), 2);
        realm.does(2, MarkRead { of: named("amy"), id: first });
        assert_eq!(unread(&mut realm, 2, "amy"), 1);
        send(&mut realm, 2, "amy");
        assert_eq!(unread(&mut realm, 2, "amy"), 0);
        send(&mut realm, 1, "amy");
        assert_eq!(unread(&mut realm, 1, "amy"), 0);
    }

    #[test]
    fn where_more_is_unread_than_is_counted_no_more_is_read_than_was_said() {
        let mut realm = realm();
        let (first, _) = (send(&mut realm, 1, "bob"), send(&mut realm, 2, "amy"));
        realm.does(2, MarkUnread { of: named("amy"), id: first });
        let ids: Vec<u64> = (0..=MOST_UNREAD).map(|_| send(&mut realm, 1, "bob")).collect();
        // One that is further back than what is counted.
        let read = MarkRead { of: named("amy"), id: first };
        assert_eq!(realm.does(2, read), Outcome::Marked(first));
        let read = MarkRead { of: named("amy"), id: ids[0] };
        assert_eq!(realm.does(2, read), Outcome::Marked(ids[0]));
        assert_eq!(unread(&mut realm, 2, "amy"), MOST_UNREAD as u64);
        // It never goes on, and it goes back as far as is counted.
        send(&mut realm, 1, "bob");
        let back = MarkUnread { of: named("amy"), id: first };
        assert_eq!(realm.does(2, back.clone()), Outcome::Marked(ids[0]));
        realm.does(2, MarkRead { of: named("amy"), id: u64::MAX });
        assert_eq!(realm.does(2, back), Outcome::Marked(ids[1]));
        assert_eq!(unread(&mut realm, 2, "amy"), MOST_UNREAD as u64);
    }

    #[test]
    fn who_joins_has_read_what_was_said_before() {
        let mut realm = realm();
        realm.does(1, group("staff"));
        say(&mut realm, 1, "staff");
        let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
        realm.does(2, join.clone());
        assert_eq!(unread(&mut realm, 2, "#staff"), 0);
        say(&mut realm, 1, "staff");
        assert_eq!((unread(&mut realm, 2, "#staff"), unread(&mut realm, 1, "#staff")), (1, 0));
        realm.does(2, LeaveGroup { group: "staff".into() });
        let mark = MarkRead { of: named("#staff"), id: 1 };
        assert_eq!(realm.does(2, mark), Code::NotMember.into());
        say(&mut realm, 1, "staff");
        realm.does(2, join);
        assert_eq!(unread(&mut realm, 2, "#staff"), 0);
    }

    #[test]
    fn nothing_that_was_said_before_one_joined_is_a_mention() {
        let mut realm = realm();
        realm.does(1, group("staff"));
        let said = |realm: &mut Realm| {
            let to = crate::commands::Destination::Named("staff".into(), "@bob".into());
            match realm.does(1, SendToGroup { to }) {
                Outcome::Sent { id, .. } => id,
                other => panic!("{other:?}"),
            }
        };
        let before = said(&mut realm);
        let join = JoinGroup { group: "staff".into(), password: Some(Secret::new("pw".into())) };
        realm.does(2, join);
        said(&mut realm);
        realm.does(2, MarkUnread { of: named("#staff"), id: before });
        let listed = of(&mut realm, 2, "#staff");
        assert_eq!((listed.unread, listed.mentions), (2, 1));
    }
}
