//! A message to a conversation, whichever it is.

use super::Said;
use crate::links::named_there;
use crate::{
    Answer, Conversation, CorrespondentId, Draft, Interrupt, Outcome, Referred, RequestContext,
};
use antar_types::{
    Code, ConversationName, Extras, File, FileHash, MessageKind, MessageRef, Reference, Time,
};

/// Posts a message to a conversation: what [`Send`](super::Send), [`SendToGroup`](super::SendToGroup),
/// [`SendRealm`](super::SendRealm) and [`SendGroupRealm`](super::SendGroupRealm) do, each for one kind.
#[derive(Clone, Debug)]
pub struct Post {
    /// The conversation.
    pub to: Box<ConversationName>,
    /// What is said.
    pub text: Draft,
    /// What the client calls the message: where it has posted that before, nothing more is posted.
    pub reference: Option<Reference>,
    /// The id of the message that this one answers.
    pub reply: Option<u64>,
    /// What it is, if not a text that somebody says.
    pub kind: Option<MessageKind>,
    /// The file that comes with it.
    pub file: Option<Box<FileHash>>,
}

impl Post {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if let Some(reference) = &self.reference
            && let Some(before) = cx.referred(reference)?
        {
            return Ok(self.again(cx, &before)?.into());
        }
        if let Some(id) = self.reply {
            self.expect_there(cx, id)?;
        }
        let answers = self.answers(cx)?;
        let file = self.file.as_deref().map(|hash| cx.file_to_name(*hash)).transpose()?;
        let (id, name) = self.post(cx, answers, file.map(Box::new))?;
        self.file.as_deref().map_or(Ok(()), |hash| cx.use_file(*hash))?;
        let conversation = name.unwrap_or_else(|| self.called(cx));
        let pending = self.is_pending(cx, id);
        Ok(Outcome::Posted { id, conversation, again: false, pending }.into())
    }

    /// Whether a message waits for its place in a group of another realm.
    fn is_pending(&self, cx: &RequestContext<'_>, id: u64) -> bool {
        let ConversationName::Group { realm: Some(_), .. } = &*self.to else { return false };
        let found = cx.conversation(&self.to).map(|found| found.conversation);
        matches!(found, Ok(Conversation::Group(group)) if cx.state.durable.copies.waiting(group, id).is_some())
    }

    /// What the conversation is called.
    fn called(&self, cx: &RequestContext<'_>) -> Box<str> {
        // It is sent, whether or not it went where all are put who are too many to be told apart.
        let name = cx.conversation(&self.to).map(|found| found.name);
        name.unwrap_or_else(|_| (*self.to).clone()).to_string().into()
    }

    /// What the client called so is this message, or it is another one.
    fn again(&self, cx: &RequestContext<'_>, before: &Referred) -> Result<Outcome, Code> {
        let text = cx.draft(&self.text)?;
        let is_same_text = Referred::digest(&text, self.file.as_deref().copied()) == before.text;
        let is_same = match cx.conversation(&self.to) {
            Ok(found) => found.conversation == before.conversation,
            // The one in which all are who are too many to be told apart has no name.
            Err(code) => match before.conversation {
                Conversation::Peer(_, peer, CorrespondentId(0)) => self.is_at(cx, peer),
                _ => return Err(code),
            },
        };
        match is_same && is_same_text {
            true => {
                let conversation = self.called(cx);
                let pending = self.is_pending(cx, before.id);
                Ok(Outcome::Posted { id: before.id, conversation, again: true, pending })
            }
            false => Err(Code::RefReused),
        }
    }

    fn is_at(&self, cx: &RequestContext<'_>, peer: crate::PeerId) -> bool {
        match &*self.to {
            ConversationName::User { realm: Some(realm), .. } => {
                cx.known_peer(realm).is_ok_and(|(id, _)| id == peer)
            }
            _ => false,
        }
    }

    /// Whether a message is in the conversation.
    fn expect_there(&self, cx: &RequestContext<'_>, id: u64) -> Result<(), Interrupt> {
        let conversation = match cx.conversation(&self.to) {
            Ok(found) => found.conversation,
            // Nothing was said there yet, but it may be begun.
            Err(Code::UserNotFound) if self.may_begin(cx) => {
                return Err(Code::MessageNotFound.into());
            }
            Err(code) => return Err(code.into()),
        };
        let tip = cx.state.durable.conversations.tip(conversation);
        let is_there =
            id == tip.id || id < tip.id && cx.locate(conversation, id, false)?.marker.id == id;
        if id == 0 || !is_there {
            return Err(Code::MessageNotFound.into());
        }
        // Only who has blocked somebody is not shown all.
        match cx.my_blocks()? {
            Some(_) => Ok(cx.expect_shown(&cx.message_of(conversation, id)?)?),
            None => Ok(()),
        }
    }

    fn may_begin(&self, cx: &RequestContext<'_>) -> bool {
        match &*self.to {
            ConversationName::User { realm, former: None, .. } => {
                cx.elsewhere(realm).is_some_and(|realm| cx.open_peer(realm).is_ok())
            }
            _ => false,
        }
    }

    /// Which message is answered, as the other realm knows it, where there is one that takes part.
    fn answers(&self, cx: &RequestContext<'_>) -> Result<Option<MessageRef>, Interrupt> {
        let Some(reply) = self.reply else { return Ok(None) };
        let conversation = match cx.conversation(&self.to).map(|found| found.conversation) {
            Ok(Conversation::Group(group)) if cx.is_copy(group) => {
                let (theirs, id) = (true, cx.place_of(group, reply)?);
                return Ok(Some(MessageRef { theirs, id, time: Time(0) }));
            }
            Ok(conversation) if conversation.peer().is_some() => conversation,
            _ => return Ok(None),
        };
        let placed = cx.message_of(conversation, reply)?;
        Ok(named_there(&placed.message))
    }

    /// What is said beside the text, where anything is.
    fn extras(&self, file: Option<Box<File>>) -> Option<Box<Extras>> {
        let Self { kind, reply, reference, .. } = self;
        if kind.is_none() && reply.is_none() && reference.is_none() && file.is_none() {
            return None;
        }
        let (kind, reply, reference) = (*kind, *reply, reference.clone());
        Some(Box::new(Extras { kind, reply, reference, file, ..Extras::default() }))
    }

    /// Posts it, and returns its id, and what the conversation is called where that was found on the way.
    fn post(
        &self,
        cx: &mut RequestContext<'_>,
        answers: Option<MessageRef>,
        file: Option<Box<File>>,
    ) -> Result<(u64, Option<Box<str>>), Code> {
        let extras = self.extras(file);
        let said = |extras: Option<Box<Extras>>| Said {
            extras: extras.map_or_else(Extras::default, |extras| *extras),
            answers,
        };
        let id = match &*self.to {
            // Nobody has that name any more.
            ConversationName::User { former: Some(_), .. } => return Err(Code::UserNotFound),
            ConversationName::User { user, realm, .. } => match cx.elsewhere(realm) {
                None => {
                    let to = cx.addressee(user)?;
                    let name = to.1.as_str().into();
                    let id = cx.send(to, &self.text, extras)?;
                    return Ok((id, Some(name)));
                }
                Some(realm) => cx.send_to_peer(realm, user, &self.text, said(extras))?,
            },
            ConversationName::Group { group, realm } => {
                let (group, _) = cx.group_of_mine_in(group, cx.elsewhere(realm))?;
                cx.send_to_group(group, &self.text, said(extras))?.0
            }
            ConversationName::Pair { group, realm } => {
                let peer = cx.open_peer(realm)?;
                let (group, _) = cx.group_of_mine_here(group)?;
                cx.send_to_pair(group, peer, &self.text, said(extras))?.0
            }
        };
        Ok((id, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Page;
    use crate::commands::{GroupInbox, Inbox, InboxGroupRealm, ListConversations, Send, Sent};
    use crate::testing::{BETA, Realm, group};

    fn post(to: &str) -> Post {
        let to = Box::new(ConversationName::parse(to).unwrap());
        Post { to, text: "hi".into(), reference: None, reply: None, kind: None, file: None }
    }

    #[track_caller]
    fn went_to(realm: &mut Realm, to: &str) -> String {
        match realm.does(1, post(to)) {
            Outcome::Posted { conversation, .. } => conversation.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reaches_every_kind_of_conversation_and_the_documents_requests_show_it() {
        let mut realm = Realm::linked(&["amy", "Bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        assert_eq!(went_to(&mut realm, "BOB"), "Bob");
        assert_eq!(went_to(&mut realm, "bob@ALPHA"), "Bob");
        assert_eq!(went_to(&mut realm, "#STAFF@alpha"), "#staff");
        assert_eq!(went_to(&mut realm, "eve@BETA"), "eve@beta");
        assert_eq!(went_to(&mut realm, "#Staff+beta"), "#staff+beta");
        assert_eq!(realm.reads(2, Inbox::default()), ["hi", "hi"]);
        let staff = || GroupInbox { group: "staff".into(), page: Page::default() };
        assert_eq!(realm.reads(1, staff()), ["hi"]);
        let there = Sent { realm: Some("beta".into()), ..Sent::default() };
        assert_eq!(realm.reads(1, there), ["hi"]);
        assert_eq!(realm.owed_up_to().1.seq, 2);
        realm.disconnect(BETA);
        let (group, page) = ("staff".into(), Page::default());
        let both = InboxGroupRealm { realm: "beta".into(), group, page };
        assert_eq!(realm.reads(1, both), ["hi"]);
    }

    /// So many users of a peer are told apart, for one account.
    #[test]
    fn what_was_sent_is_not_refused_where_nobody_more_is_told_apart() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        for n in 0..=1_000 {
            assert_eq!(
                went_to(&mut realm, &format!("U{n}@beta")).to_lowercase(),
                format!("u{n}@beta")
            );
        }
        let Outcome::Conversations { all, more } =
            realm.does(1, ListConversations { before: None, limit: 1 })
        else {
            panic!("no list");
        };
        // What they share has no name, and takes no place of a page.
        assert_eq!((all.len(), &*all[0].name, more), (1, "u999@beta", true));
    }

    #[test]
    fn is_refused_as_the_documents_requests_are() {
        let mut realm = Realm::linked(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, group("ops"));
        for (to, code) in [
            ("eve", Code::UserNotFound),
            ("bob~2", Code::UserNotFound),
            ("eve@gamma", Code::RealmNotFound),
            ("-@beta", Code::BadName),
            ("#staff", Code::GroupNotFound),
            ("#ops", Code::NotMember),
            ("#ops@beta", Code::GroupNotFound),
            ("#ops+beta", Code::NotMember),
            ("#ops+gamma", Code::RealmNotFound),
        ] {
            assert_eq!(realm.does(1, post(to)), code.into(), "{to}");
        }
        assert_eq!(realm.does(3, post("bob")), Code::NoSession.into());
        let long = Post { text: "x".repeat(99_999).as_str().into(), ..post("bob") };
        assert_eq!(realm.does(1, long), Code::TooLong.into());
        assert!(realm.reads(2, Inbox::default()).is_empty());
    }

    #[test]
    fn does_not_choose_the_current_group() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        realm.does(1, group("ops"));
        assert_eq!(went_to(&mut realm, "#staff"), "#staff");
        let sent = realm.does(
            1,
            crate::commands::SendToGroup {
                to: crate::commands::Destination::NamedOrCurrent("hi".into()),
            },
        );
        assert!(matches!(sent, Outcome::Sent { group: Some(g), .. } if &*g == "ops"));
        realm.does(1, Send { to: "amy".into(), text: "self".into() });
        assert_eq!(went_to(&mut realm, "amy"), "amy");
    }

    fn referred(to: &str, reference: &str, text: &str) -> Post {
        Post { reference: Reference::parse(reference), text: text.into(), ..post(to) }
    }

    #[track_caller]
    fn posted(outcome: Outcome) -> (u64, bool) {
        match outcome {
            Outcome::Posted { id, again, .. } => (id, again),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reference_posts_once() {
        let mut realm = Realm::linked(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        for (n, to) in ["bob", "#staff", "kim@beta", "#staff+beta"].into_iter().enumerate() {
            let reference = format!("r{n}");
            let (first, again) = posted(realm.does(1, referred(to, &reference, "hi")));
            assert!(!again);
            assert_eq!(posted(realm.does(1, referred(to, &reference, "hi"))), (first, true));
            // Whatever is in memory: a start or a disk that fails leaves nothing of it.
            realm.state.references.forget();
            let action = Post { kind: Some(MessageKind::Action), ..referred(to, &reference, "hi") };
            assert_eq!(posted(realm.does(1, action)), (first, true));
            let other = realm.does(1, referred(to, &reference, "ho"));
            assert_eq!(other, Code::RefReused.into());
            assert_eq!(realm.does(1, referred("amy", &reference, "hi")), Code::RefReused.into());
        }
        assert_eq!(realm.reads(2, Inbox::default()), ["hi"]);
        // Another user's are others.
        assert!(!posted(realm.does(2, referred("amy", "r0", "hi"))).1);
    }

    #[test]
    fn a_reference_on_twenty_connections_at_once_posts_once() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(100, "bob");
        let pending: Vec<_> = (1..=20)
            .map(|conn| {
                realm.login(conn, "amy");
                realm.begin(conn, referred("bob", "r", "hi"))
            })
            .collect();
        let ids: Vec<_> = pending.into_iter().map(|p| posted(realm.end(p))).collect();
        assert_eq!(ids.iter().filter(|(_, again)| !again).count(), 1);
        assert!(ids.iter().all(|(id, _)| *id == ids[0].0));
        assert_eq!(realm.reads(100, Inbox::default()), ["hi"]);
    }

    #[test]
    fn what_the_store_said_before_all_was_forgotten_does_not_count() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "amy");
        realm.login(3, "bob");
        let send = |realm: &mut Realm, conn| {
            realm.meet(conn);
            realm.send(conn, crate::Request::from(crate::Command::from(referred("bob", "r", "hi"))))
        };
        let (one, other) = (send(&mut realm, 1).unwrap(), send(&mut realm, 2).unwrap());
        let crate::Output::Job { conn, request, job, .. } = one else { panic!("{one:?}") };
        let crate::Job::Refer(lookup) = *job else { panic!("{job:?}") };
        let results = vec![crate::JobResult::Referred(lookup, None)];
        let (_, first) = realm.settle(other).unwrap();
        realm.state.references.forget();
        // It was not there when the store was asked for the first one, and is by now.
        let again = realm.resume(conn.0, request, results).unwrap();
        let (_, again) = realm.settle(again).unwrap();
        assert_eq!(posted(again), (posted(first).0, true));
        assert_eq!(realm.reads(3, Inbox::default()), ["hi"]);
    }

    #[test]
    fn a_reference_is_remembered_for_a_week() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let first = posted(realm.does(1, referred("bob", "r", "hi"))).0;
        realm.pass(7 * 86_400);
        assert_eq!(posted(realm.does(1, referred("bob", "r", "hi"))), (first, true));
        realm.pass(1);
        for forgets in [false, true] {
            if forgets {
                realm.state.references.forget();
                realm.pass(7 * 86_400 + 1);
            }
            assert!(!posted(realm.does(1, referred("bob", "r", "ho"))).1);
        }
    }

    #[test]
    fn an_answer_is_to_a_message_of_the_conversation() {
        let mut realm = Realm::linked(&["amy", "bob", "eve"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        let ids: Vec<u64> = (0..3).map(|_| posted(realm.does(1, post("bob"))).0).collect();
        let other = posted(realm.does(1, post("eve"))).0;
        let mut reply = |conn, to, id| realm.does(conn, Post { reply: Some(id), ..post(to) });
        assert!(ids.iter().all(|id| posted(reply(2, "amy", *id)).0 > other));
        for id in [0, other, u64::MAX] {
            assert_eq!(reply(2, "amy", id), Code::MessageNotFound.into(), "{id}");
        }
        assert_eq!(reply(1, "kim@beta", ids[0]), Code::MessageNotFound.into());
        assert_eq!(reply(1, "kim@gamma", ids[0]), Code::RealmNotFound.into());
        assert_eq!(reply(1, "nobody", ids[0]), Code::UserNotFound.into());
    }

    #[test]
    fn times_never_fall_and_what_came_from_elsewhere_was_sent_when_it_was() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.deliver(antar_types::EntryKind::Private, "kim", "amy", "hi");
        let now = realm.time();
        let last = |realm: &Realm| match realm.posted.last() {
            Some(crate::Event::Posted(posted)) => (posted.message.time.0, posted.message.sent().0),
            other => panic!("{other:?}"),
        };
        assert_eq!(last(&realm), (now, 5));
        // The clock went back, or the realm was started anew.
        realm.state.apply(&crate::Event::TimeReached(antar_types::Time(now + 9)), &mut Vec::new());
        realm.does(1, post("amy"));
        assert_eq!(last(&realm), (now + 9, now + 9));
    }
}
