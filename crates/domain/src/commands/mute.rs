//! Conversations that do not call.

use crate::{
    AccountId, Answer, Bug, Change, ChangeList, Context, Conversation, Event, Interrupt, Outcome,
    RequestContext,
};
use antar_types::{Code, ConversationName, Time};

/// Conversations that a user may have muted.
const MOST: usize = 1_000;

/// The most minutes: ten years.
const LONGEST: u64 = 5_256_000;

/// Mutes a conversation on all of the caller's devices. It counts as unread all the same.
#[derive(Clone, Debug)]
pub struct Mute {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// For how many minutes, at most ten years; without an end where none is given, and not at all any more
    /// where it is 0.
    pub minutes: Option<u64>,
}

/// Ends [`Mute`].
#[derive(Clone, Debug)]
pub struct Unmute {
    /// The conversation.
    pub of: Box<ConversationName>,
}

/// Asks for the conversations that the caller has muted.
#[derive(Clone, Copy, Debug)]
pub struct ListMuted;

impl ListMuted {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, now, durable) = (cx.me()?, cx.readings.now, &cx.state.durable);
        let muted = durable.personal.mutes(me);
        let muted = muted.filter(|(_, until)| until.is_none_or(|until| until > now));
        let shown = muted.filter_map(|(of, until)| {
            Some((durable.conversation_name(me, of)?.to_string().into(), until))
        });
        Ok(Outcome::Muted(shown.collect()).into())
    }
}

impl Mute {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if self.minutes.is_some_and(|minutes| minutes > LONGEST) {
            return Err(Code::BadParameters.into());
        }
        let (me, conversation) = (cx.me()?, cx.conversation(&self.of)?.conversation);
        if self.minutes == Some(0) {
            return cx.unmute(me, conversation);
        }
        let until = self.minutes.map(|minutes| Time(cx.readings.now.0 + minutes * 60_000));
        cx.make_room_for_a_mute(me, conversation)?;
        if cx.state.durable.personal.mute(me, conversation) != Some(until) {
            if !cx.state.is_planted(Bug::ForgetsMute) {
                cx.emit(Event::MuteSet { account: me, conversation, until })?;
            }
            cx.change(ChangeList::Account(me), Change::Muted(conversation, Some(until)))?;
        }
        Ok(Outcome::Done.into())
    }
}

impl Unmute {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, conversation) = (cx.me()?, cx.conversation(&self.of)?.conversation);
        cx.unmute(me, conversation)
    }
}

impl RequestContext<'_> {
    fn unmute(&mut self, me: AccountId, conversation: Conversation) -> Result<Answer, Interrupt> {
        if self.state.durable.personal.mute(me, conversation).is_some() {
            self.emit(Event::MuteEnded { account: me, conversation })?;
            self.change(ChangeList::Account(me), Change::Muted(conversation, None))?;
        }
        Ok(Outcome::Done.into())
    }

    /// Where a user has muted as many as one may, those go that are over, or that nobody can address any more.
    fn make_room_for_a_mute(
        &mut self,
        me: AccountId,
        conversation: Conversation,
    ) -> Result<(), Code> {
        let durable = &self.state.durable;
        let all = durable.personal.mutes(me);
        let is_new = durable.personal.mute(me, conversation).is_none();
        if !is_new || all.count() < MOST {
            return Ok(());
        }
        let now = self.readings.now;
        let is_over = |(of, until): &(Conversation, Option<Time>)| {
            until.is_some_and(|until| until <= now) || durable.conversation_name(me, *of).is_none()
        };
        let over: Vec<_> = durable.personal.mutes(me).filter(is_over).map(|(of, _)| of).collect();
        if over.is_empty() {
            return Err(Code::LimitReached);
        }
        over.into_iter().try_for_each(|conversation| self.end_mute(me, conversation))
    }
}

impl Context<'_> {
    /// Lets go of whether a user has muted a conversation.
    pub(crate) fn end_mute(
        &mut self,
        account: AccountId,
        conversation: Conversation,
    ) -> Result<(), Code> {
        match self.state.durable.personal.mute(account, conversation) {
            Some(_) => self.emit(Event::MuteEnded { account, conversation }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        JoinGroup, LeaveGroup, ListConversations, NameClient, RemoveUser, Send, SetProfile, Topic,
    };
    use crate::testing::{Realm, group};

    fn of(conversation: &str) -> Box<ConversationName> {
        Box::new(ConversationName::parse(conversation).unwrap())
    }

    fn mute(conversation: &str, minutes: Option<u64>) -> Mute {
        Mute { of: of(conversation), minutes }
    }

    /// Amy on 1, and what is told of whether her first conversation is muted.
    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, Send { to: "amy".into(), text: "hi".into() });
        realm
    }

    /// A batch of which nobody knows may hold the end of it.
    #[test]
    fn is_not_certain_while_nothing_can_be_written() {
        let mut realm = realm();
        assert_eq!(realm.does(1, mute("bob", None)), Outcome::Done);
        let name = || NameClient { name: "phone".into() };
        let about = || SetProfile { name: None, about: "hi".into() };
        let topic =
            |topic: Option<&str>| Topic { group: "staff".into(), topic: topic.map(Into::into) };
        realm.does(1, group("staff"));
        realm.does(1, name());
        realm.does(1, about());
        let told = realm.does(1, topic(Some("work")));
        realm.state.mode = crate::Mode::ReadOnly;
        let refused = Outcome::from(Code::Unavailable);
        assert_eq!(realm.does(1, mute("bob", None)), refused);
        assert_eq!(realm.does(1, name()), refused);
        assert_eq!(realm.does(1, about()), refused);
        assert_eq!(realm.does(1, topic(Some("work"))), refused);
        // Who only asks is answered.
        assert_eq!(realm.does(1, topic(None)), told);
        realm.state.mode = crate::Mode::Open;
        assert_eq!(realm.does(1, mute("bob", None)), Outcome::Done);
    }

    fn muted(realm: &mut Realm) -> (Option<Option<Time>>, u64) {
        match realm.does(1, ListConversations::default()) {
            Outcome::Conversations { all, .. } => (all[0].muted, all[0].unread),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lasts_for_so_many_minutes_or_for_good_and_counts_as_unread() {
        let mut realm = realm();
        assert_eq!(muted(&mut realm), (None, 1));
        assert_eq!(realm.does(1, mute("bob", None)), Outcome::Done);
        assert_eq!(muted(&mut realm), (Some(None), 1));
        assert_eq!(realm.does(1, mute("bob", Some(5))), Outcome::Done);
        let until = Time(realm.time() + 300_000);
        assert_eq!(muted(&mut realm), (Some(Some(until)), 1));
        realm.pass(299);
        assert_eq!(muted(&mut realm), (Some(Some(until)), 1));
        realm.pass(1);
        assert_eq!(muted(&mut realm), (None, 1));
        realm.does(1, mute("bob", None));
        assert_eq!(realm.does(1, Unmute { of: of("bob") }), Outcome::Done);
        assert_eq!(muted(&mut realm), (None, 1));
        realm.does(1, mute("bob", None));
        assert_eq!(realm.does(1, mute("bob", Some(0))), Outcome::Done);
        assert_eq!(muted(&mut realm), (None, 1));
    }

    #[test]
    fn is_refused_for_what_is_none_and_for_longer_than_anybody_waits() {
        let mut realm = realm();
        realm.does(2, group("ops"));
        assert_eq!(realm.does(1, mute("eve", None)), Code::UserNotFound.into());
        assert_eq!(realm.does(1, mute("#ops", None)), Code::NotMember.into());
        assert_eq!(realm.does(1, mute("bob", Some(LONGEST + 1))), Code::BadParameters.into());
        assert_eq!(realm.does(1, mute("bob", Some(LONGEST))), Outcome::Done);
    }

    #[test]
    fn ends_with_the_membership_and_with_the_account() {
        let mut realm = realm();
        realm.does(1, group("staff"));
        realm.does(1, mute("#staff", None));
        realm.does(1, mute("bob", None));
        let me = AccountId(realm.account("amy"));
        let count = |realm: &Realm| realm.state.durable.personal.mutes(me).count();
        assert_eq!(count(&realm), 2);
        realm.does(1, LeaveGroup { group: "staff".into() });
        assert_eq!(count(&realm), 1);
        let password = Some(antar_types::Secret::new("pw".into()));
        realm.does(1, JoinGroup { group: "staff".into(), password });
        assert_eq!(count(&realm), 1);
        realm.operator_does(RemoveUser { user: "amy".into() });
        assert_eq!(count(&realm), 0);
    }

    #[test]
    fn there_are_so_many_and_those_that_are_over_make_room() {
        let mut realm = realm();
        let me = AccountId(realm.account("amy"));
        let first = AccountId(1 << 40);
        for n in 0..MOST as u64 {
            let conversation = Conversation::private(me, AccountId(first.0 + n));
            let until = (n == 7).then(|| Time(realm.time() + 60_000));
            let event = Event::MuteSet { account: me, conversation, until };
            realm.state.durable.apply(&event);
            // Somebody to be addressed.
            let name = antar_types::Name::parse(&format!("x{n}")).unwrap();
            realm.state.durable.apply(&Event::FormerSet(AccountId(first.0 + n), name));
        }
        assert_eq!(realm.does(1, mute("bob", None)), Code::LimitReached.into());
        realm.pass(60);
        assert_eq!(realm.does(1, mute("bob", None)), Outcome::Done);
        assert_eq!(realm.state.durable.personal.mutes(me).count(), MOST);
        assert_eq!(realm.does(1, mute("bob", Some(1))), Outcome::Done);
    }
}
