//! Who may not write into a group for a while.

use crate::{AccountId, Answer, Event, GroupId, Interrupt, Outcome, RequestContext, Silence, Word};
use antar_types::{Code, Time};

/// Keeps a member from writing into a group. It holds also after the member has left and come back.
#[derive(Clone, Debug)]
pub struct SilenceMember {
    /// The group.
    pub group: Word,
    /// The member.
    pub user: Word,
    /// For how long; 0 ends it, and without a number it holds until somebody ends it. At most
    /// [`SilenceMember::LONGEST`].
    pub minutes: Option<u64>,
}

impl SilenceMember {
    /// A year, in minutes.
    pub const LONGEST: u64 = 366 * 24 * 60;

    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_moderate(&self.group)?;
        let user = cx.person(&self.user)?;
        let known = cx.state.durable.silences.get(&(id, user)).copied();
        let is_in = group.members.contains_key(&user);
        let silence = self.silence(cx.message_time())?;
        // Who has left may be let speak again.
        if !is_in && (silence != Silence::Ended || known.is_none()) {
            return Err(Code::NotMember.into());
        }
        cx.expect_below(id, user)?;
        if known.unwrap_or(Silence::Ended) == silence {
            return Ok(Outcome::Done.into());
        }
        if known.is_none() {
            cx.make_room_for_a_silence(id)?;
        }
        cx.emit(Event::Silenced(id, user, silence))?;
        cx.silence_changed(id, (user, silence), me)?;
        Ok(Outcome::Done.into())
    }

    fn silence(&self, now: Time) -> Result<Silence, Code> {
        match self.minutes {
            None => Ok(Silence::Lasting),
            Some(0) => Ok(Silence::Ended),
            Some(minutes) if minutes <= Self::LONGEST => {
                Ok(Silence::Until(Time(now.0.saturating_add(minutes * 60_000))))
            }
            Some(_) => Err(Code::BadParameters),
        }
    }
}

impl RequestContext<'_> {
    /// As many are silenced as there may be members; those that ended by themselves make room.
    fn make_room_for_a_silence(&mut self, group: GroupId) -> Result<(), Code> {
        let (now, limit) = (self.message_time(), self.state.limits.members_per_group);
        let all = (group, AccountId(0))..=(group, AccountId(u64::MAX));
        let all: Vec<_> = self.state.durable.silences.range(all).map(|(of, s)| (*of, *s)).collect();
        if all.len() < limit {
            return Ok(());
        }
        let ended = all.iter().filter(|(_, silence)| !silence.holds(now));
        let ended: Vec<_> = ended.map(|((_, user), _)| *user).collect();
        if ended.is_empty() {
            return Err(Code::LimitReached);
        }
        let mut ended = ended.into_iter();
        ended.try_for_each(|user| self.emit(Event::Silenced(group, user, Silence::Ended)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        Destination, JoinGroup, LeaveGroup, Post, RemoveUser, SendGroupRealm, SendToGroup,
    };
    use crate::testing::{Realm, staffed};
    use antar_types::{ConversationName, Secret};

    fn silence(user: &str, minutes: Option<u64>) -> SilenceMember {
        SilenceMember { group: "staff".into(), user: user.into(), minutes }
    }

    fn post(realm: &mut Realm, conn: u64, to: &str) -> Option<Code> {
        let to = Box::new(ConversationName::parse(to).unwrap());
        let post =
            Post { to, text: "hi".into(), reference: None, reply: None, kind: None, file: None };
        realm.does(conn, post).refusal()
    }

    #[test]
    fn who_is_silenced_writes_nothing_into_the_group_until_it_ends() {
        let mut realm = staffed();
        assert_eq!(realm.does(3, silence("bob", None)), Code::Forbidden.into());
        assert_eq!(realm.does(2, silence("dan", None)), Code::NotMember.into());
        assert_eq!(realm.does(2, silence("dan", Some(0))), Code::NotMember.into());
        for user in ["amy", "bob"] {
            assert_eq!(realm.does(2, silence(user, Some(1))), Code::Forbidden.into());
        }
        let too_long = Some(SilenceMember::LONGEST + 1);
        assert_eq!(realm.does(2, silence("cat", too_long)), Code::BadParameters.into());
        assert_eq!(realm.does(2, silence("cat", Some(2))), Outcome::Done);
        let named = || Destination::Named("staff".into(), "hi".into());
        assert_eq!(realm.does(3, SendToGroup { to: named() }), Code::Silenced.into());
        let remote = SendGroupRealm { realm: "beta".into(), to: Ok(named()) };
        assert_eq!(realm.does(3, remote), Code::Silenced.into());
        for to in ["#staff", "#staff+beta"] {
            assert_eq!(post(&mut realm, 3, to), Some(Code::Silenced));
        }
        assert_eq!(post(&mut realm, 3, "amy"), None);
        // Leaving and coming back ends nothing.
        realm.does(3, LeaveGroup { group: "staff".into() });
        let password = Some(Secret::new("pw".into()));
        realm.does(3, JoinGroup { group: "staff".into(), password });
        assert_eq!(post(&mut realm, 3, "#staff"), Some(Code::Silenced));
        realm.pass(120);
        assert_eq!(post(&mut realm, 3, "#staff"), None);
        assert_eq!(post(&mut realm, 3, "#staff+beta"), None);
    }

    #[test]
    fn without_a_time_it_lasts_and_0_ends_it() {
        let mut realm = staffed();
        let from = realm.cursor(3);
        assert_eq!(realm.does(1, silence("cat", None)), Outcome::Done);
        realm.pass(20 * 24 * 3_600);
        assert_eq!(post(&mut realm, 3, "#staff"), Some(Code::Silenced));
        assert_eq!(realm.does(5, silence("cat", Some(0))), Outcome::Done);
        assert_eq!(realm.does(5, silence("cat", Some(0))), Outcome::Done);
        assert_eq!(post(&mut realm, 3, "#staff"), None);
        let told = ["silenced #staff cat Lasting by amy", "silenced #staff cat Ended by eve"];
        assert_eq!(realm.group_news(3, from), told);
    }

    #[test]
    fn the_owner_silences_a_moderator_who_cannot_end_it() {
        let mut realm = staffed();
        assert_eq!(realm.does(1, silence("bob", None)), Outcome::Done);
        assert_eq!(post(&mut realm, 2, "#staff"), Some(Code::Silenced));
        assert_eq!(realm.does(2, silence("bob", Some(0))), Code::Forbidden.into());
        // Who inherits the group writes there.
        realm.does(1, LeaveGroup { group: "staff".into() });
        assert_eq!(post(&mut realm, 2, "#staff"), None);
    }

    #[test]
    fn those_that_have_ended_make_room() {
        let mut realm = staffed();
        let password = Some(Secret::new("pw".into()));
        realm.does(4, JoinGroup { group: "staff".into(), password });
        realm.state.limits.members_per_group = 1;
        assert_eq!(realm.does(1, silence("cat", Some(1))), Outcome::Done);
        assert_eq!(realm.does(1, silence("dan", Some(1))), Code::LimitReached.into());
        realm.pass(60);
        assert_eq!(realm.does(1, silence("dan", Some(1))), Outcome::Done);
        assert_eq!(realm.state.durable.silences.len(), 1);
        realm.operator_does(RemoveUser { user: "dan".into() });
        assert!(realm.state.durable.silences.is_empty());
    }
}
