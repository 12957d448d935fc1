//! The end of a group.

use crate::{
    AccountId, Answer, Change, ChangeList, Context, Event, GroupChange, GroupId, GroupNews,
    Interrupt, Outcome, RequestContext, SWEPT, Word,
};
use antar_types::Code;

/// Ends a group: its name is free, and nobody reads what was said there any more.
#[derive(Clone, Debug)]
pub struct CloseGroup {
    /// The group.
    pub group: Word,
}

impl CloseGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, _) = cx.group_to_run(&self.group)?;
        cx.close_group(id, me)?;
        Ok(Outcome::Done.into())
    }
}

impl Context<'_> {
    /// Ends a group.
    pub(crate) fn close_group(&mut self, id: GroupId, by: AccountId) -> Result<(), Code> {
        self.tell_news(id, by, None, &GroupNews::Closed)?;
        let by = self.doer(by).unwrap_or_default();
        self.end_group(id, by)
    }

    /// Ends a group, or a copy of one, for those who are here; `by` is how who ended it is shown.
    pub(crate) fn end_group(&mut self, id: GroupId, by: Box<str>) -> Result<(), Code> {
        let known = self.state.durable.groups.get(&id).ok_or(Code::GroupNotFound)?;
        let is_here = |id: &AccountId| self.account(*id).is_some();
        let (members, guests): (Vec<_>, Vec<_>) = known.members.keys().copied().partition(is_here);
        // The group's own list of changes goes with it.
        if let Some(group) = self.state.durable.group_shown(id) {
            let change = Change::Group(GroupChange { group, by, what: GroupNews::Closed });
            let mut lists = members.iter().copied().map(ChangeList::Account);
            lists.try_for_each(|list| self.change(list, change.clone()))?;
        }
        let conversations: Vec<_> = self.state.durable.conversations.of_group(id).collect();
        for member in members {
            self.end_markers(member, conversations.clone())?;
        }
        self.leave_group_name(id)?;
        let left = self.steps_to_sweep(id);
        self.emit(Event::GroupClosed(id, left))?;
        guests.into_iter().try_for_each(|guest| self.forget_guest(guest))
    }

    /// How many steps it takes at most to let go of a group's messages: each in a run of its own, if need be.
    fn steps_to_sweep(&self, group: GroupId) -> u64 {
        let conversations = &self.state.durable.conversations;
        let left = |each| conversations.tip(each).ordinal - conversations.floor(each).ordinal;
        let messages = conversations.of_group(group).map(left);
        messages.sum::<u64>().div_ceil(SWEPT as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        CreateGroup, Destination, GroupInbox, JoinGroup, LeaveGroup, ListConversations,
        SendToGroup, SetGroup,
    };
    use crate::testing::{Realm, group, staffed};

    fn close() -> CloseGroup {
        CloseGroup { group: "staff".into() }
    }

    fn send(realm: &mut Realm, text: &str) {
        let to = Destination::Named("staff".into(), text.into());
        assert_eq!(realm.does(1, SendToGroup { to }).refusal(), None);
    }

    #[test]
    fn members_are_told_and_the_name_is_free_for_a_group_without_a_past() {
        let mut realm = staffed();
        for conn in [2, 3] {
            assert_eq!(realm.does(conn, close()), Code::Forbidden.into());
        }
        assert_eq!(realm.does(4, close()), Code::NotMember.into());
        send(&mut realm, "old");
        let from = [1, 2, 3].map(|conn| realm.cursor(conn));
        let stranger = realm.cursor(4);
        assert_eq!(realm.does(1, close()), Outcome::Done);
        for (conn, from) in (1..).zip(from) {
            assert_eq!(realm.group_news(conn, from), ["closed #staff by amy"]);
            let list = realm.does(conn, ListConversations::default());
            assert!(matches!(list, Outcome::Conversations { all, .. } if all.is_empty()));
        }
        assert!(realm.group_news(4, stranger).is_empty());
        let inbox = || GroupInbox { group: "staff".into(), page: Default::default() };
        assert_eq!(realm.does(1, inbox()), Code::GroupNotFound.into());
        let current = SendToGroup { to: Destination::NamedOrCurrent("hello".into()) };
        assert_eq!(realm.does(3, current), Code::NoGroup.into());
        assert_eq!(
            realm.does(4, CreateGroup { group: "staff".into(), password: None }),
            Outcome::Done
        );
        assert_eq!(
            realm.does(1, JoinGroup { group: "staff".into(), password: None }),
            Outcome::Done
        );
        assert!(realm.reads(1, inbox()).is_empty());
        assert_eq!(realm.does(1, LeaveGroup { group: "staff".into() }), Outcome::Done);
    }

    #[test]
    fn an_administrator_ends_one_that_nobody_is_in_and_makes_room_for_its_creator() {
        let mut realm = staffed();
        realm.state.limits.groups_per_user = 1;
        for conn in [1, 2, 3] {
            realm.does(conn, LeaveGroup { group: "staff".into() });
        }
        assert_eq!(realm.does(1, group("other")), Code::LimitReached.into());
        assert_eq!(realm.does(5, close()), Outcome::Done);
        assert_eq!(realm.does(1, group("other")), Outcome::Done);
    }

    #[test]
    fn one_that_only_its_members_could_let_somebody_into_ends_with_the_last_of_them() {
        let mut realm = staffed();
        let (entry, none) = (Some(crate::GroupEntry::Invite), None);
        let set = SetGroup {
            group: "staff".into(),
            entry,
            listed: none,
            announce: none,
            password: None,
            retention: None,
            realms: None,
            past: None,
        };
        assert_eq!(realm.does(1, set).refusal(), None);
        send(&mut realm, "old");
        let leave = || LeaveGroup { group: "staff".into() };
        for conn in [1, 2] {
            assert_eq!(realm.does(conn, leave()), Outcome::Done);
        }
        assert_eq!(realm.does(4, group("staff")), Code::GroupExists.into());
        let from = realm.cursor(3);
        assert_eq!(realm.does(3, leave()), Outcome::Done);
        assert_eq!(realm.group_news(3, from), ["left #staff cat by cat"]);
        assert_eq!(realm.does(4, group("staff")), Outcome::Done);
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert!(realm.reads(4, inbox).is_empty());
    }

    #[test]
    fn its_messages_are_let_go_of_in_steps() {
        let mut realm = staffed();
        for n in 0..=SWEPT {
            send(&mut realm, &n.to_string());
        }
        let id = realm.group_id("staff");
        realm.does(1, close());
        let left = |realm: &Realm| realm.state.durable.closed.get(&id).copied();
        assert_eq!(left(&realm), Some(2));
        realm.tick();
        assert_eq!(left(&realm), Some(1));
        realm.tick();
        assert_eq!(left(&realm), None);
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        realm.does(1, close());
        assert!(realm.state.is_busy());
        realm.tick();
        assert!(!realm.state.is_busy());
    }
}
