//! Users of other realms who come into a group here, and users here who come into one elsewhere.

use crate::links::Why;
use crate::links::{Asked, CATCH_UP, PeerRequest, RoomJoin};
use crate::{
    AccountId, Answer, GroupId, Guest, Interrupt, JobResult, Outcome, PeerId, Refused,
    RequestContext,
};
use antar_types::{Code, Message, Name, RoomSays, Secret};
use std::sync::Arc;

/// How much longer a host may take to look at a password than to answer anything else, in milliseconds.
const PASSWORD: u64 = 7_000;

impl RequestContext<'_> {
    /// Joins a group of another realm: that realm says whether it may be.
    pub(crate) fn join_elsewhere(
        &mut self,
        (group, realm): (&str, &str),
        password: Option<&Secret<String>>,
    ) -> Result<Answer, Interrupt> {
        let (me, name) = (self.me()?, Name::parse(group).ok_or(Code::GroupNotFound)?);
        let peer = self.open_peer(realm)?;
        let host = self.peer(peer).map(|known| known.record.name.clone());
        if let Some(host) = host.filter(|host| self.refuses_rooms_with(host)) {
            let why = format!("whoever administers this realm refuses groups of {host}");
            return Err(Refused::from(Code::Forbidden).because(why).into());
        }
        let caught = self.results.iter().find_map(|result| match result {
            JobResult::CaughtUp { stale } => Some(Ok(*stale)),
            JobResult::RoomAnswered(code) => Some(Err(code.unwrap_or(Code::Unavailable))),
            _ => None,
        });
        let copy = self.state.durable.copies.named(peer, &name);
        let is_in = copy.is_some_and(|copy| self.state.role(copy, me).is_some());
        match caught {
            Some(Err(code)) => {
                // After these it may come to be.
                if !matches!(code, Code::Unknown | Code::Unavailable) {
                    self.links().joins.remove(peer, &name, me);
                }
                return Err(code.into());
            }
            Some(Ok(_)) if is_in => {
                copy.into_iter().for_each(|copy| self.set_current_group(copy));
                return Ok(Outcome::Done.into());
            }
            // It may come to be.
            Some(Ok(true)) => return Err(Code::Unknown.into()),
            Some(Ok(false)) => return Err(Code::Unavailable.into()),
            None if is_in => return Err(Code::AlreadyMember.into()),
            None => {}
        }
        let conn = self.room_conn(peer)?;
        if self.my_account()?.groups.len() >= self.state.limits.groups_per_user {
            return Err(Code::LimitReached.into());
        }
        let user = self.my_account()?.record.name.clone();
        let after = self.peer(peer).map_or(0, |known| known.out.tip.seq);
        let password = password.cloned();
        let join = RoomJoin { group: name, user, account: me.0, after, password };
        let wait = CATCH_UP + if join.password.is_some() { PASSWORD } else { 0 };
        let (until, asker) = (self.readings.uptime + wait, self.conn);
        self.links().joins.add(peer, &join.group, me);
        self.ask(conn, Asked::Join(asker, until), PeerRequest::JoinRoom(Box::new(join)));
        Err(Interrupt::Wait(Why::CatchUp { peer, target: None, until }))
    }

    /// The connection to a realm that knows of rooms.
    fn room_conn(&self, peer: PeerId) -> Result<crate::ConnId, Code> {
        let links = &self.state.links;
        let conn = links.links.get(&peer).and_then(|link| link.conn);
        let known = conn.and_then(|conn| Some((conn, links.conns.get(&conn)?)));
        let (conn, known) = known.ok_or(Code::RealmUnreachable)?;
        // An older version knows of groups of its own only.
        if known.can.rooms { Ok(conn) } else { Err(Code::GroupNotFound) }
    }

    /// A user of a peer comes into a group here.
    pub(crate) fn admit(&mut self, peer: PeerId, join: &RoomJoin) -> Result<(), Interrupt> {
        let realm = self.peer(peer).ok_or(Code::RealmNotFound)?.record.name.clone();
        let taken = self.peer(peer).map_or(0, |known| known.followed.cursor.seq);
        // What the user has done before comes first: leaving, perhaps.
        if taken < join.after {
            return Err(Code::Unavailable.into());
        }
        let (id, group) = self.any_group(&join.group)?;
        let record = group.record.clone();
        let refused = |code| if record.listed { code } else { Code::GroupNotFound };
        let admits = record.realms.admits(&realm) && !self.refuses_rooms_with(&realm);
        if record.home.is_some() || !admits {
            return Err(Code::GroupNotFound.into());
        }
        let durable = &self.state.durable;
        if let Some(guest) = durable.guests.numbered(peer, None, join.account) {
            if durable.bans.contains(&(id, guest)) {
                return Err(refused(Code::Banned).into());
            }
            if self.state.role(id, guest).is_some() {
                return Err(Code::AlreadyMember.into());
            }
        }
        // Failures of one realm's users are in the way of no other's.
        let subject = format!("group {} from {}", &*record.name.folded(), &*realm.folded());
        self.expect_entry(&record, join.password.as_ref(), (subject, None), refused)?;
        // What is to be looked up is looked up before anything is done.
        self.past_for(id, peer)?;
        let (account, name) = (join.account, join.user.clone());
        let guest = self.guest(Guest { peer, realm: None, account, name })?;
        let added = self.add_member(id, (guest, guest));
        if added.is_err() {
            self.forget_guest(guest)?;
        }
        added
    }

    /// Begins a copy of a group at the realm of somebody who is about to be its first member, where that is a guest.
    ///
    /// # Errors
    /// [`Code::LinkFull`] where there is no room for that.
    pub(crate) fn expect_copy(
        &mut self,
        group: GroupId,
        member: AccountId,
    ) -> Result<(), Interrupt> {
        let guest = self.state.durable.guests.get(member);
        let Some(peer) = guest.map(|guest| guest.peer) else { return Ok(()) };
        let Some(past) = self.past_for(group, peer)? else { return Ok(()) };
        let told: Vec<_> = past.iter().map(|message| self.told_of_past(peer, message)).collect();
        if !told.is_empty() {
            let uptime = self.readings.uptime;
            self.state.pasts.tell(uptime, (group, peer));
        }
        // It may have a copy of which nothing is known here: this realm may have been put back, or could not tell it.
        self.owe_room(group, peer, RoomSays::Ended.into())?;
        if self.begin_copy(group, peer, told)? {
            return Ok(());
        }
        // What was told of it ends there.
        self.owe_room(group, peer, RoomSays::Ended.into())?;
        Err(Code::LinkFull.into())
    }

    /// What a realm is told that was said in a group before; nothing where it has members there.
    fn past_for(
        &self,
        group: GroupId,
        peer: PeerId,
    ) -> Result<Option<Vec<Arc<Message>>>, Interrupt> {
        match self.state.durable.guests.peers(group).any(|of| of == peer) {
            true => Ok(None),
            false => self.past(group, peer).map(Some),
        }
    }
}
