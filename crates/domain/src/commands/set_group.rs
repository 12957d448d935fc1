//! Who may join a group, whether others know of it, and who writes there.

use crate::{
    Answer, Event, GroupEntry, GroupNews, GroupRecord, Interrupt, Outcome, PAST, RETENTION_DAYS,
    RequestContext, RoomRealms, Word,
};
use antar_types::{Code, Secret};

/// Changes a group's settings: those that are given.
#[derive(Clone, Debug, Default)]
pub struct SetGroup {
    /// The group.
    pub group: Word,
    /// Who may join it. With a password it is [`GroupEntry::Password`].
    pub entry: Option<GroupEntry>,
    /// Whether it is listed, and known to those outside.
    pub listed: Option<bool>,
    /// Whether only its owner and moderators write.
    pub announce: Option<bool>,
    /// The password with which others join.
    pub password: Option<Secret<String>>,
    /// For how many days its messages are kept, up to [`RETENTION_DAYS`], and 0 for ever; none within where the realm
    /// says that.
    pub retention: Option<Option<u16>>,
    /// Users of which other realms may be in it. Those who are and may not be any more are taken out of it.
    pub realms: Option<Box<RoomRealms>>,
    /// How many of the newest messages a realm is told whose first member comes: up to [`PAST`].
    pub past: Option<u16>,
}

impl SetGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let (id, group) = cx.group_to_run(&self.group)?;
        let before = group.record.clone();
        let retention = self.retention.unwrap_or(before.retention);
        let past = self.past.unwrap_or(before.past);
        if retention > Some(RETENTION_DAYS) || past > PAST {
            return Err(Code::BadParameters.into());
        }
        let entry = match (self.entry, &self.password) {
            (None | Some(GroupEntry::Password), Some(_)) => GroupEntry::Password,
            // Nobody would be asked for it.
            (Some(_), Some(_)) => return Err(Code::BadParameters.into()),
            (entry, None) => entry.unwrap_or(before.entry),
        };
        let password = match &self.password {
            Some(password) => cx.hash(password.expose())?,
            None if entry == GroupEntry::Password && before.password.is_none() => {
                return Err(Code::BadPassword.into());
            }
            None => before.password.clone(),
        };
        let listed = self.listed.unwrap_or(before.listed);
        let announce = self.announce.unwrap_or(before.announce);
        let is_news = (entry, listed, announce) != (before.entry, before.listed, before.announce);
        let realms = self.realms.as_deref().unwrap_or(&before.realms).clone();
        let record = GroupRecord {
            entry,
            password,
            listed,
            announce,
            retention,
            realms,
            past,
            ..before.clone()
        };
        let (settings, is_other) = (record.settings(), record != before);
        if is_other {
            cx.emit(Event::GroupSet(id, record))?;
        }
        if settings.realms != before.realms {
            cx.expel_unadmitted(id)?;
        }
        if is_news {
            cx.group_changed(id, me, GroupNews::Settings(entry, listed, announce))?;
        }
        if retention != before.retention {
            cx.group_changed(id, me, GroupNews::Retention(retention))?;
        }
        Ok(Outcome::GroupSettings(settings).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupSettings;
    use crate::commands::{
        Ban, CreateGroup, Destination, GroupInbox, Invite, JoinGroup, ListGroups, ListMembers,
        SendGroupRealm, SendToGroup,
    };
    use crate::testing::{Realm, staffed};

    fn set() -> SetGroup {
        let (group, entry, listed, announce) = ("staff".into(), None, None, None);
        SetGroup { group, entry, listed, announce, ..SetGroup::default() }
    }

    fn secret(password: &str) -> Option<Secret<String>> {
        Some(Secret::new(password.into()))
    }

    fn join(realm: &mut Realm, conn: u64, password: Option<&str>) -> Outcome {
        let password = password.and_then(secret);
        realm.does(conn, JoinGroup { group: "staff".into(), password })
    }

    fn settings(entry: GroupEntry, listed: bool, announce: bool) -> Outcome {
        let (retention, realms, past) = (None, RoomRealms::None, PAST);
        Outcome::GroupSettings(GroupSettings { entry, listed, announce, retention, realms, past })
    }

    #[test]
    fn the_owner_says_who_may_join() {
        let mut realm = staffed();
        for conn in [2, 3] {
            assert_eq!(realm.does(conn, set()), Code::Forbidden.into());
        }
        assert_eq!(realm.does(4, set()), Code::NotMember.into());
        let entry = |entry| SetGroup { entry: Some(entry), ..set() };
        let told = |entry| settings(entry, true, false);
        assert_eq!(realm.does(1, set()), told(GroupEntry::Password));
        assert_eq!(realm.does(1, entry(GroupEntry::Invite)), told(GroupEntry::Invite));
        assert_eq!(join(&mut realm, 4, Some("pw")), Code::InviteOnly.into());
        assert_eq!(join(&mut realm, 4, None), Code::InviteOnly.into());
        realm.does(2, Invite { group: "staff".into(), user: "dan".into() });
        assert_eq!(join(&mut realm, 4, None), Code::AlreadyMember.into());
        realm.does(1, crate::commands::Kick { group: "staff".into(), user: "dan".into() });
        // The password of before is still there.
        assert_eq!(realm.does(5, entry(GroupEntry::Password)), told(GroupEntry::Password));
        assert_eq!(join(&mut realm, 4, Some("x")), Code::WrongPassword.into());
        let from = realm.cursor(3);
        let other = SetGroup { password: secret("new"), ..set() };
        assert_eq!(realm.does(1, other), told(GroupEntry::Password));
        assert!(realm.group_news(3, from).is_empty());
        assert_eq!(join(&mut realm, 4, Some("pw")), Code::WrongPassword.into());
        assert_eq!(join(&mut realm, 4, Some("new")), Outcome::Done);
        assert_eq!(realm.does(1, entry(GroupEntry::Open)), told(GroupEntry::Open));
        assert_eq!(
            realm.group_news(3, from),
            ["joined #staff dan by dan", "group #staff open true false by amy"]
        );
    }

    #[test]
    fn a_password_goes_with_groups_that_ask_for_one() {
        let mut realm = staffed();
        for entry in [GroupEntry::Open, GroupEntry::Invite] {
            let set = SetGroup { entry: Some(entry), password: secret("x"), ..set() };
            assert_eq!(realm.does(1, set), Code::BadParameters.into());
        }
        realm.does(1, CreateGroup { group: "lobby".into(), password: None });
        let set = |entry, password| SetGroup { group: "lobby".into(), entry, password, ..set() };
        let needs = set(Some(GroupEntry::Password), None);
        assert_eq!(realm.does(1, needs), Code::BadPassword.into());
        assert_eq!(realm.does(1, set(None, secret(""))), Code::BadPassword.into());
        let (entry, listed, announce) = (GroupEntry::Password, true, false);
        let told = settings(entry, listed, announce);
        assert_eq!(realm.does(1, set(None, secret("x"))), told);
    }

    #[test]
    fn one_that_is_not_listed_is_unknown_outside_and_its_password_lets_in() {
        let mut realm = staffed();
        realm.does(1, SetGroup { listed: Some(false), ..set() });
        let names = ListGroups { with_members: false };
        for conn in [1, 4] {
            assert!(matches!(realm.does(conn, names), Outcome::Names(names) if names.is_empty()));
        }
        let all = ListGroups { with_members: true };
        assert!(
            matches!(realm.does(1, all), Outcome::Groups { names, members } if names.is_empty() && members.is_empty())
        );
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert_eq!(realm.does(4, inbox), Code::GroupNotFound.into());
        assert_eq!(
            realm.does(4, ListMembers { group: "staff".into() }),
            Code::GroupNotFound.into()
        );
        assert_eq!(
            realm.does(4, Ban { group: "staff".into(), user: "amy".into() }),
            Code::GroupNotFound.into()
        );
        let perhaps = || Destination::NamedOrCurrent("staff hello".into());
        assert_eq!(realm.does(4, SendToGroup { to: perhaps() }), Code::NoGroup.into());
        assert_eq!(join(&mut realm, 4, None), Code::GroupNotFound.into());
        assert_eq!(join(&mut realm, 4, Some("x")), Code::GroupNotFound.into());
        // An administrator finds it.
        assert!(matches!(
            realm.does(5, set()),
            Outcome::GroupSettings(GroupSettings { listed: false, .. })
        ));
        realm.does(1, Ban { group: "staff".into(), user: "dan".into() });
        assert_eq!(join(&mut realm, 4, Some("x")), Code::GroupNotFound.into());
        assert_eq!(join(&mut realm, 4, Some("pw")), Code::Banned.into());
        realm.does(1, crate::commands::Unban { group: "staff".into(), user: "dan".into() });
        assert_eq!(join(&mut realm, 4, Some("pw")), Outcome::Done);
        let inbox = GroupInbox { group: "staff".into(), page: Default::default() };
        assert!(realm.reads(4, inbox).is_empty());
        let taken = CreateGroup { group: "staff".into(), password: None };
        assert_eq!(realm.does(4, taken), Code::GroupExists.into());
    }

    #[test]
    fn announcements_are_the_owners_and_moderators() {
        let mut realm = staffed();
        realm.does(1, SetGroup { announce: Some(true), ..set() });
        let named = || Destination::Named("staff".into(), "hi".into());
        let remote = |to| SendGroupRealm { realm: "beta".into(), to: Ok(to) };
        assert_eq!(realm.does(3, SendToGroup { to: named() }), Code::AnnounceOnly.into());
        assert_eq!(realm.does(3, remote(named())), Code::AnnounceOnly.into());
        for conn in [1, 2] {
            assert_eq!(realm.does(conn, SendToGroup { to: named() }).refusal(), None);
            assert_eq!(realm.does(conn, remote(named())).refusal(), None);
        }
        realm.does(1, Invite { group: "staff".into(), user: "eve".into() });
        assert_eq!(realm.does(5, SendToGroup { to: named() }).refusal(), None);
    }
}
