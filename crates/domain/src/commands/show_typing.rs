//! Somebody types.

use crate::named_conversation::NamedConversation;
use crate::{
    AccountId, Answer, Context, Conversation, Interrupt, Notification, Outcome, Output,
    RequestContext, Typing,
};
use antar_types::{Code, ConversationName};
use std::sync::Arc;

/// Members of a group past which nobody is told who types: each would be told of each.
const MOST: usize = 500;

/// Tells those in a conversation who watch that the caller types. Nothing of it is stored, and whoever was told
/// forgets it after a few seconds.
#[derive(Clone, Debug)]
pub struct ShowTyping {
    /// The conversation.
    pub to: Box<ConversationName>,
}

impl ShowTyping {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, found) = (cx.me()?, self.find(cx)?);
        let uptime = cx.readings.uptime;
        if !cx.state.live.signals.take(me, uptime) {
            return Err(Code::RateLimited.into());
        }
        found.map_or(Ok(()), |found| cx.tell_typing(me, &found))?;
        Ok(Outcome::Done.into())
    }

    /// The conversation; none with a user of another realm, where nobody is told.
    fn find(&self, cx: &RequestContext<'_>) -> Result<Option<NamedConversation>, Code> {
        if let ConversationName::User { realm, .. } = &*self.to
            && let Some(realm) = cx.elsewhere(realm)
        {
            return cx.known_peer(realm).map(|_| None);
        }
        cx.conversation(&self.to).map(Some)
    }
}

impl RequestContext<'_> {
    fn tell_typing(&mut self, me: AccountId, found: &NamedConversation) -> Result<(), Code> {
        let user = self.my_account()?.record.name.clone();
        let typing = |conversation: &str| {
            let typing = Typing { conversation: conversation.into(), user: user.clone() };
            Notification::Typing(Arc::new(typing))
        };
        let (shown, conn) = (typing(&found.name.to_string()), self.conn);
        let Context { state, effects, .. } = &mut self.context;
        let mut tell = |told: &Notification, to, tag| {
            if to != conn {
                effects.outputs.push(Output::Notify(to, tag, told.clone()));
            }
        };
        match found.conversation {
            Conversation::Private(one, other) => {
                state.live.watchers(me, |to, watch| tell(&shown, to, watch.tag));
                let other = if one == me { other } else { one };
                if other != me && !state.durable.blocks.is_deaf(other, me) {
                    let shown = typing(&user);
                    state.live.watchers(other, |to, watch| tell(&shown, to, watch.tag));
                }
            }
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                let group = state.durable.groups.get(&group);
                if let Some(group) = group.filter(|group| group.members.len() <= MOST) {
                    state.live.watchers_among(&group.members, |to, watch| {
                        if !state.durable.blocks.is_deaf(watch.account, me) {
                            tell(&shown, to, watch.tag);
                        }
                    });
                }
            }
            Conversation::Peer(..) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{JoinGroup, ListConversations, RemoveUser, Watch};
    use crate::testing::{Realm, group};
    use antar_types::Secret;

    fn typing(to: &str) -> ShowTyping {
        ShowTyping { to: Box::new(ConversationName::parse(to).unwrap()) }
    }

    /// What a connection was told since the last look: who types where.
    fn told(realm: &mut Realm, conn: u64) -> Vec<String> {
        let shown = |told| match told {
            Notification::Typing(typing) => format!("{} in {}", typing.user, typing.conversation),
            other => panic!("{other:?}"),
        };
        realm.notifications(conn).into_iter().map(|(_, told)| shown(told)).collect()
    }

    /// Amy on the connections 1 and 3, Bob on 2, all of them watching.
    fn realm() -> Realm {
        let mut realm = Realm::linked(&["amy", "Bob", "eve"]);
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "amy"), (4, "eve")] {
            realm.login(conn, user);
            realm.does(conn, Watch::default());
        }
        realm
    }

    #[test]
    fn is_told_to_the_other_and_to_ones_own_other_connections() {
        let mut realm = realm();
        assert_eq!(realm.does(1, typing("BOB")), Outcome::Done);
        assert_eq!(told(&mut realm, 2), ["amy in amy"]);
        assert_eq!(told(&mut realm, 3), ["amy in Bob"]);
        assert!(told(&mut realm, 1).is_empty() && told(&mut realm, 4).is_empty());
        realm.does(1, typing("amy"));
        assert_eq!((told(&mut realm, 3), told(&mut realm, 1)), (vec!["amy in amy".into()], vec![]));
        // Nothing of it is kept.
        let Outcome::Conversations { all, .. } = realm.does(2, ListConversations::default()) else {
            panic!("no list");
        };
        assert!(all.is_empty());
    }

    #[test]
    fn is_told_to_the_members_of_a_group_unless_there_are_many() {
        let mut realm = realm();
        realm.limits().members_per_group = 9_999;
        realm.does(1, group("Staff"));
        let join = |realm: &mut Realm, conn| {
            let password = Some(Secret::new("pw".into()));
            assert_eq!(
                realm.does(conn, JoinGroup { group: "staff".into(), password }),
                Outcome::Done
            );
        };
        join(&mut realm, 2);
        realm.does(2, typing("#staff"));
        assert_eq!(
            (told(&mut realm, 1), told(&mut realm, 3).len()),
            (vec!["Bob in #Staff".into()], 1)
        );
        assert!(told(&mut realm, 2).is_empty() && told(&mut realm, 4).is_empty());
        realm.does(2, typing("#staff+beta"));
        assert_eq!(told(&mut realm, 1), ["Bob in #Staff+beta"]);
        for n in 0..MOST - 2 {
            realm.add_user(&format!("u{n}"));
            realm.login(100, &format!("u{n}"));
            join(&mut realm, 100);
        }
        realm.does(2, typing("#staff"));
        assert_eq!(told(&mut realm, 1), ["Bob in #Staff"]);
        join(&mut realm, 4);
        assert_eq!(realm.does(2, typing("#staff")), Outcome::Done);
        assert!(told(&mut realm, 1).is_empty());
    }

    #[test]
    fn is_told_to_nobody_elsewhere_and_refused_where_there_is_no_conversation() {
        let mut realm = realm();
        assert_eq!(realm.does(1, typing("lineker@beta")), Outcome::Done);
        assert!(realm.said(crate::testing::BETA).is_empty());
        realm.does(2, group("ops"));
        for (to, code) in [
            ("nobody", Code::UserNotFound),
            ("bob@gamma", Code::RealmNotFound),
            ("#staff", Code::GroupNotFound),
            ("#ops", Code::NotMember),
            ("#ops@beta", Code::GroupNotFound),
        ] {
            assert_eq!(realm.does(1, typing(to)), code.into(), "{to}");
        }
        realm.operator_does(RemoveUser { user: "bob".into() });
        assert_eq!(realm.does(1, typing("bob")), Code::UserNotFound.into());
        assert!([1, 2, 3, 4].into_iter().all(|conn| realm.notifications(conn).is_empty()));
    }

    #[test]
    fn who_signals_without_an_end_is_refused_for_a_while() {
        let mut realm = realm();
        let refused = |realm: &mut Realm, conn| {
            let outcomes = (0..20).map(|_| realm.does(conn, typing("bob")));
            outcomes.filter(|outcome| *outcome == Code::RateLimited.into()).count()
        };
        // Whatever connections one has.
        assert_eq!((refused(&mut realm, 1), refused(&mut realm, 3)), (10, 20));
        assert_eq!((told(&mut realm, 2).len(), refused(&mut realm, 4)), (10, 10));
        realm.pass(3);
        assert_eq!(refused(&mut realm, 1), 17);
    }
}
