//! Groups as a request finds them, and who comes into them and goes.

use crate::state::Group;
use crate::{
    AccountId, Bug, Context, Conversation, ConversationTip, Event, GroupChange, GroupEntry,
    GroupId, GroupNews, GroupRecord, GroupRole, Interrupt, Marker, Member, Membership, Place,
    RequestContext, Silence, Unshown,
};
use antar_types::{Code, Name};

impl Context<'_> {
    /// Notes that a group is another in some respect, for all who are in it.
    pub(crate) fn group_changed(
        &mut self,
        group: GroupId,
        by: AccountId,
        what: GroupNews,
    ) -> Result<(), Code> {
        self.group_changed_of(group, by, None, what)
    }

    /// The same, where it is about a member.
    fn group_changed_of(
        &mut self,
        group: GroupId,
        by: AccountId,
        about: Option<AccountId>,
        what: GroupNews,
    ) -> Result<(), Code> {
        self.tell_news(group, by, about, &what)?;
        let change = self.group_change(group, by, what);
        change.map_or(Ok(()), |change| self.change(crate::ChangeList::Group(group), change))
    }

    /// Notes that a user may not write in a group, or may again.
    pub(crate) fn silence_changed(
        &mut self,
        group: GroupId,
        (user, silence): (AccountId, Silence),
        by: AccountId,
    ) -> Result<(), Code> {
        let name = self.state.durable.member_name(user).ok_or(Code::UserNotFound)?;
        self.group_changed_of(group, by, Some(user), GroupNews::Silenced(name, silence))
    }

    /// The change that says so.
    pub(crate) fn group_change(
        &self,
        group: GroupId,
        by: AccountId,
        what: GroupNews,
    ) -> Option<crate::Change> {
        let (group, by) = (self.state.durable.group_shown(group)?, self.doer(by)?);
        Some(crate::Change::Group(GroupChange { group, by, what }))
    }

    /// A group has another owner, who is told as any member is.
    pub(crate) fn set_owner(
        &mut self,
        group: GroupId,
        owner: AccountId,
        by: AccountId,
    ) -> Result<(), Code> {
        let known = self.state.durable.groups.get(&group).ok_or(Code::GroupNotFound)?;
        let record = GroupRecord { owner: Some(owner), ..known.record.clone() };
        self.emit(Event::GroupSet(group, record))?;
        self.role_changed(group, (owner, GroupRole::Owner), by)?;
        self.end_silence(group, (owner, by))
    }

    /// Who comes to run a group, or to keep order there, may write there from then on.
    pub(crate) fn end_silence(
        &mut self,
        group: GroupId,
        (user, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        match self.state.durable.silences.contains_key(&(group, user)) {
            true => {
                self.emit(Event::Silenced(group, user, Silence::Ended))?;
                self.silence_changed(group, (user, Silence::Ended), by)
            }
            false => Ok(()),
        }
    }

    /// Notes that a member has another role.
    pub(crate) fn role_changed(
        &mut self,
        group: GroupId,
        (user, role): (AccountId, GroupRole),
        by: AccountId,
    ) -> Result<(), Code> {
        let name = self.state.durable.member_name(user);
        let what = GroupNews::Role(name.ok_or(Code::UserNotFound)?, role);
        self.group_changed_of(group, by, Some(user), what)
    }
}

impl Context<'_> {
    /// Takes a user out of a group; the member of longest standing inherits it.
    pub(crate) fn remove_member(
        &mut self,
        group: GroupId,
        what: Membership,
        (account, by): (AccountId, AccountId),
    ) -> Result<(), Code> {
        if self.is_copy(group) {
            return self.leave_copy(group, (account, by), what);
        }
        self.emit(Event::MemberRemoved(group, account))?;
        self.member_changed(group, what, (account, by))?;
        let conversations: Vec<_> = self.state.durable.conversations.of_group(group).collect();
        self.end_markers(account, conversations)?;
        self.tell_last(group, what, (account, by))?;
        self.inherit(group, account, by)
    }

    /// Who is in a group no more does not own it any more either.
    pub(crate) fn inherit(
        &mut self,
        group: GroupId,
        former: AccountId,
        by: AccountId,
    ) -> Result<(), Code> {
        let left = self.state.durable.groups.get(&group).ok_or(Code::GroupNotFound)?;
        if left.record.owner != Some(former) {
            return Ok(());
        }
        // Who runs it is of the realm that decides on it, where there is one.
        let is_guest = |id: &AccountId| self.account(*id).is_none();
        let eldest = left.members.iter().min_by_key(|(id, member)| (is_guest(id), member.since));
        match eldest.map(|(id, _)| *id) {
            Some(heir) if self.state.is_planted(Bug::InheritsQuietly) => {
                let record = GroupRecord { owner: Some(heir), ..left.record.clone() };
                self.emit(Event::GroupSet(group, record))
            }
            Some(heir) => self.set_owner(group, heir, by),
            // Nobody could join it any more.
            None if left.record.entry == GroupEntry::Invite => self.close_group(group, by),
            None => {
                let record = GroupRecord { owner: None, ..left.record.clone() };
                self.emit(Event::GroupSet(group, record))
            }
        }
    }
}

impl RequestContext<'_> {
    /// A group by name, in any case, as the caller knows it: one that is not listed is there for its members and
    /// for administrators only.
    pub(crate) fn group(&self, name: &str) -> Result<(GroupId, &Group), Code> {
        self.shown(self.any_group(name)?)
    }

    fn shown<'a>(&self, (id, group): (GroupId, &'a Group)) -> Result<(GroupId, &'a Group), Code> {
        match self.is_shown(group) {
            true => Ok((id, group)),
            false => Err(Code::GroupNotFound),
        }
    }

    /// Whether a group is there as far as the caller knows.
    pub(crate) fn is_shown(&self, group: &Group) -> bool {
        let is_in = |me| group.members.contains_key(&me);
        group.record.listed && group.record.home.is_none()
            || self.caller.is_some_and(is_in)
            || self.is_admin()
    }

    /// A group by name that the caller is in; it becomes the session's current group.
    pub(crate) fn enter(&mut self, name: &str) -> Result<GroupId, Code> {
        let (id, _) = self.group_of_mine(name)?;
        self.set_current_group(id);
        Ok(id)
    }

    /// A group that the caller is in. It does not become the session's current one: a client that looks at
    /// several conversations at once does not choose one by that.
    pub(crate) fn group_of_mine(&self, name: &str) -> Result<(GroupId, Name), Code> {
        let (group, realm) = self.split_realm(name);
        self.group_of_mine_in(group, realm)
    }

    /// The same, with the realm that the group is of, where that is another one.
    pub(crate) fn group_of_mine_in(
        &self,
        group: &str,
        realm: Option<&str>,
    ) -> Result<(GroupId, Name), Code> {
        let (id, group) = self.shown(self.group_of(group, realm)?)?;
        match group.members.contains_key(&self.me()?) {
            true => Ok((id, group.record.name.clone())),
            false => Err(Code::NotMember),
        }
    }

    /// A group of this realm that the caller is in: there is no pair with one of another.
    pub(crate) fn group_of_mine_here(&self, name: &str) -> Result<(GroupId, Name), Code> {
        match self.split_realm(name) {
            (group, None) => self.group_of_mine_in(group, None),
            _ => Err(Code::GroupNotFound),
        }
    }

    /// A group by name that is the caller's to run: as its owner, or as an administrator of the realm.
    pub(crate) fn group_to_run(&self, name: &str) -> Result<(GroupId, &Group), Code> {
        let (id, group) = self.group(name)?;
        let may = self.state.may_run(id, self.actor()?);
        self.group_where(may, (id, group))
    }

    /// A group by name in which the caller keeps order: as its owner or a moderator, or as an administrator of the
    /// realm.
    pub(crate) fn group_to_moderate(&self, name: &str) -> Result<(GroupId, &Group), Code> {
        let (id, group) = self.group(name)?;
        let may = self.state.may_moderate(id, self.actor()?);
        self.group_where(may, (id, group))
    }

    fn group_where<'a>(
        &self,
        may: bool,
        (id, group): (GroupId, &'a Group),
    ) -> Result<(GroupId, &'a Group), Code> {
        match may {
            true => Ok((id, group)),
            false if group.members.contains_key(&self.me()?) => Err(Code::Forbidden),
            false => Err(Code::NotMember),
        }
    }

    /// Whether the caller may take somebody out of a group, or keep them from writing: the owner never, whoever
    /// asks.
    pub(crate) fn expect_below(&self, group: GroupId, user: AccountId) -> Result<(), Code> {
        let is_owner = self.state.role(group, user) == Some(GroupRole::Owner);
        match self.state.may_moderate_user(group, self.actor()?, user) && !is_owner {
            true => Ok(()),
            false => Err(Code::Forbidden),
        }
    }

    /// Whether the caller, who is in a group, may write there.
    pub(crate) fn expect_to_write(&self, group: GroupId) -> Result<(), Code> {
        let (me, durable) = (self.me()?, &self.state.durable);
        if self.state.may_run(group, me) {
            return Ok(());
        }
        let silence = durable.silences.get(&(group, me));
        let is_silenced = silence.is_some_and(|silence| silence.holds(self.message_time()));
        if is_silenced && !self.state.is_planted(Bug::WritesSilenced) {
            return Err(Code::Silenced);
        }
        let announces = durable.groups.get(&group).is_some_and(|known| known.record.announce);
        match announces && self.state.role(group, me) == Some(GroupRole::Member) {
            true => Err(Code::AnnounceOnly),
            false => Ok(()),
        }
    }

    /// Puts a user, or a guest, into a group, where there is room. Who comes into an empty one owns it.
    pub(crate) fn add_member(
        &mut self,
        group: GroupId,
        (account, by): (AccountId, AccountId),
    ) -> Result<(), Interrupt> {
        let unshown = self.unshown_to_new(group, account)?;
        let limits = &self.state.limits;
        let known = self.state.durable.groups.get(&group).ok_or(Code::GroupNotFound)?;
        let is_banned = self.state.durable.bans.contains(&(group, account));
        if is_banned && !self.state.is_planted(Bug::InvitesBanned) {
            return Err(Code::Banned.into());
        }
        let groups = match self.account(account) {
            Some(account) => account.groups.len(),
            None => self.state.durable.guests.groups(account).count(),
        };
        if known.members.len() >= limits.members_per_group || groups >= limits.groups_per_user {
            return Err(Code::LimitReached.into());
        }
        let is_owned = known.record.owner.is_some();
        self.expect_copy(group, account)?;
        let member = Member { since: self.next_id(), moderator: false };
        self.emit(Event::MemberSet(group, account, member))?;
        self.member_changed(group, Membership::Joined, (account, by))?;
        if !is_owned {
            self.set_owner(group, account, by)?;
        }
        if self.account(account).is_none() {
            return Ok(());
        }
        self.has_read_all_of(group, account)?;
        for (conversation, unshown) in unshown {
            if unshown.hidden == self.state.durable.conversations.tip(conversation).id {
                self.emit(Event::UnshownSet { account, conversation, unshown })?;
            }
        }
        Ok(())
    }

    /// What a user who is not in a group yet is not shown of its latest messages, since somebody wrote them whom the
    /// user has blocked.
    fn unshown_to_new(
        &self,
        group: GroupId,
        account: AccountId,
    ) -> Result<Vec<(Conversation, Unshown)>, Interrupt> {
        let durable = &self.state.durable;
        let Some(first) = durable.blocks.of(account).and_then(|list| list.since()) else {
            return Ok(Vec::new());
        };
        let reader = self.state.reader(account).ok_or(Code::UserNotFound)?;
        let written_since = |of: &Conversation| durable.conversations.tip(*of).id > first;
        let conversations = durable.conversations.of_group(group).filter(written_since);
        let place = |conversation| {
            let (reader, marker) = (Some(reader.clone()), Marker::default());
            let floor = ConversationTip::default();
            Place { conversation, id: first, reader, joined: 0, marker, floor }
        };
        let located = |of| Ok((of, self.located(place(of))?.unshown));
        conversations.map(located).collect()
    }

    /// Who joins a group has read what was said in it before.
    pub(crate) fn has_read_all_of(
        &mut self,
        group: GroupId,
        account: AccountId,
    ) -> Result<(), Code> {
        let conversations = &self.state.durable.conversations;
        let all = conversations.of_group(group).map(|each| (each, conversations.tip(each)));
        let all: Vec<_> = all.filter(|(_, tip)| tip.id > 0).collect();
        all.into_iter().try_for_each(|(conversation, tip)| {
            let marker = Marker::at(tip);
            self.emit(Event::MarkerSet { account, conversation, marker })
        })
    }

    /// Lets go of where a user may not join or write, who is about to be removed.
    pub(crate) fn forget_in_groups(&mut self, account: AccountId) -> Result<(), Code> {
        let durable = &self.state.durable;
        let bans = durable.bans.iter().filter(|(_, of)| *of == account);
        let bans = bans.map(|(group, of)| Event::Unbanned(*group, *of));
        let silences = durable.silences.keys().filter(|(_, of)| *of == account);
        let silences = silences.map(|(group, of)| Event::Silenced(*group, *of, Silence::Ended));
        let all: Vec<Event> = bans.chain(silences).collect();
        all.into_iter().try_for_each(|event| self.emit(event))
    }
}
