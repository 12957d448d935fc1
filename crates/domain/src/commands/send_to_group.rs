//! A message to a group of this realm.

use super::Said;
use crate::{Answer, Draft, GroupId, Interrupt, Mailbox, Outcome, RequestContext, Word};
use antar_types::{Code, Message, words};
use std::sync::Arc;

/// Sends a message to a group that the caller is in.
#[derive(Clone, Debug)]
pub struct SendToGroup {
    /// The group, and what is said.
    pub to: Destination,
}

/// Which group a message goes to, and what is said there.
///
/// The current group is the one that the session joined, read or wrote to last. It is kept with the
/// session and not by a door: several connections, of several doors, may share a session, and it is
/// forgotten when the user leaves the group or the session ends, of which a door hears nothing.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The group of this name.
    Named(Word, Draft),
    /// The group that the first word of the text names, where there is one of that name and more words
    /// follow it; else the whole text goes to the session's current group.
    NamedOrCurrent(Draft),
}

impl SendToGroup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (group, text) = self.to.find(cx)?;
        let (id, name) = cx.send_to_group(group, &text, Said::default())?;
        Ok(Outcome::Sent { id, group: Some(name) }.into())
    }
}

impl RequestContext<'_> {
    /// Sends a message to a group that the caller is in, and may write into; returns its id and how the
    /// group is called.
    pub(crate) fn send_to_group(
        &mut self,
        group: GroupId,
        text: &Draft,
        Said { extras, answers }: Said,
    ) -> Result<(u64, Arc<str>), Code> {
        self.expect_to_write(group)?;
        let (me, text) = (self.me()?, self.draft(text)?);
        let (id, time) = (self.next_id(), self.message_time());
        let from = self.my_account()?.record.name.clone();
        let to = self.state.durable.groups.get(&group).map(|g| g.record.name.clone());
        let to = to.ok_or(Code::GroupNotFound)?;
        let elsewhere = self.state.durable.group_elsewhere(group);
        let name = elsewhere.map_or_else(|| to.shared(), Arc::from);
        self.expect_carried(group, &text)?;
        let message = Message::new(id, time, from, to, text);
        let message = Message { extras: extras.boxed(), ..message };
        match self.is_copy(group) {
            true => self.post_pending(group, message, answers)?,
            false => self.post(Mailbox::Group(group), Some(me), Arc::new(message))?,
        }
        Ok((id, name))
    }
}

impl Destination {
    /// The group, which becomes the session's current one, and what is said there.
    pub(super) fn find(&self, cx: &mut RequestContext<'_>) -> Result<(GroupId, Draft), Code> {
        match self {
            Self::Named(group, text) => Ok((cx.enter(group)?, text.clone())),
            Self::NamedOrCurrent(text) => {
                let (first, rest) = words::first(&text.0);
                // It may be written as a conversation is: `#staff`.
                let group = first.strip_prefix('#').unwrap_or(first);
                if !rest.is_empty() && cx.group(group).is_ok() {
                    return Ok((cx.enter(group)?, rest.into()));
                }
                Ok((cx.current_group().ok_or(Code::NoGroup)?, text.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{GroupInbox, JoinGroup};
    use crate::testing::{Realm, group};
    use antar_types::Secret;

    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        realm.does(1, group("ops"));
        realm
    }

    fn named(group: &str) -> SendToGroup {
        SendToGroup { to: Destination::Named(group.into(), "hi".into()) }
    }

    fn perhaps(text: &str) -> SendToGroup {
        SendToGroup { to: Destination::NamedOrCurrent(text.into()) }
    }

    #[track_caller]
    fn went_to(realm: &mut Realm, conn: u64, send: SendToGroup) -> String {
        match realm.does(conn, send) {
            Outcome::Sent { group: Some(group), .. } => group.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_group_that_is_named_must_be_ones_own() {
        let mut realm = realm();
        assert_eq!(went_to(&mut realm, 1, named("Staff")), "staff");
        assert_eq!(realm.does(1, named("none")), Code::GroupNotFound.into());
        assert_eq!(realm.does(2, named("staff")), Code::NotMember.into());
        assert_eq!(realm.does(2, perhaps("staff  hi")), Code::NotMember.into());
    }

    #[test]
    fn the_current_group_is_the_one_joined_sent_to_or_read_last() {
        let mut realm = realm();
        assert_eq!(went_to(&mut realm, 1, perhaps("hello  all")), "ops");
        assert_eq!(went_to(&mut realm, 1, perhaps("staff  hello")), "staff");
        assert_eq!(went_to(&mut realm, 1, perhaps("ops")), "staff");
        assert_eq!(went_to(&mut realm, 1, perhaps("#ops is where it is said")), "ops");
        assert_eq!(went_to(&mut realm, 1, perhaps("#STAFF  hello")), "staff");
        assert_eq!(went_to(&mut realm, 1, perhaps("#lunch at noon")), "staff");
        assert_eq!(realm.does(2, perhaps("#staff hi")), Code::NotMember.into());
        let inbox = GroupInbox { group: "ops".into(), page: Default::default() };
        realm.does(1, inbox.clone());
        assert_eq!(went_to(&mut realm, 1, perhaps("hi")), "ops");
        assert_eq!(realm.does(2, perhaps("hi  there")), Code::NoGroup.into());
        realm.does(2, JoinGroup { group: "ops".into(), password: Some(Secret::new("pw".into())) });
        assert_eq!(went_to(&mut realm, 2, perhaps("hi  there")), "ops");
        assert_eq!(realm.reads(2, inbox), ["hello  all", "is where it is said", "hi", "hi  there"]);
    }
}
