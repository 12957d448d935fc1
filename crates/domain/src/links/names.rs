//! Whose a name is: who has another key, or calls from another place, is another realm, whatever it
//! is called. What was said with the one before is not its to read.

use super::{Address, LinkContext, LinkKind, Peer, PeerRecord, PeerRequest, Status};
use crate::{ConnId, Event, Output, PeerId};
use antar_types::{Code, MAX_NAME, Name};

impl LinkContext<'_> {
    /// The record of a realm that was here before, whatever its name was then.
    pub fn same_peer(
        &self,
        name: &Name,
        kind: &LinkKind,
        address: Option<&Address>,
        status: Status,
    ) -> Option<PeerId> {
        let durable = &self.state.durable;
        let is = |id: &PeerId| durable.peers.get(id).is_some_and(|peer| peer.is(kind, address));
        if let Some(named) = durable.peers_named(name).find(is) {
            return Some(named);
        }
        // Who only asks for a link does not change what others here read under a name.
        if *kind == LinkKind::Plain || status == Status::Asking {
            return None;
        }
        let same = durable.peers.iter().filter(|(id, _)| is(id));
        same.max_by_key(|(id, peer)| (!peer.is_gone(), **id)).map(|(id, _)| *id)
    }

    /// Makes a name free for a realm: those that had it before keep what was said with them under a
    /// name of their own.
    pub fn vacate(&mut self, name: &Name, realm: Option<PeerId>) -> Result<(), Code> {
        let before = self.state.durable.peers_named(name).filter(|id| Some(*id) != realm);
        for former in before.collect::<Vec<_>>() {
            if self.peer(former).is_some_and(Peer::is_asking) {
                self.stop_waiting(former);
            }
            let Some(record) = self.peer(former).map(|peer| peer.record.clone()) else { continue };
            let own = self.free_name(name).ok_or(Code::LimitReached)?;
            let text = format!("another realm is {name} from now on; the one before is {own}");
            self.tell(former, text);
            self.sever(former, None, "another realm has its name now");
            let (status, since) = (Status::Former, self.readings.now);
            self.emit(Event::PeerSet(former, PeerRecord { name: own, status, since, ..record }))?;
        }
        Ok(())
    }

    /// What this realm calls itself to another.
    pub fn name_for(&self, realm: Option<PeerId>) -> Option<Name> {
        let peer = realm.and_then(|realm| self.peer(realm));
        let link = realm.and_then(|realm| self.state.links.links.get(&realm));
        let before = peer.and_then(|peer| peer.known_as.clone());
        let before = before.filter(|_| link.is_some_and(|link| link.as_before));
        before.or(self.state.durable.name.clone())
    }

    /// A linked realm has been renamed: it has its new name here too, where that is free.
    pub fn renamed_to(&mut self, realm: PeerId, name: &Name) {
        let Some(record) = self.peer(realm).map(|peer| peer.record.clone()) else { return };
        if *record.name == **name {
            return;
        }
        let is_free = |id: &PeerId| {
            *id == realm
                || self.peer(*id).is_none_or(|peer| {
                    peer.is_asking() || peer.record.status == Status::Removed && !peer.has_history()
                })
        };
        let free = !self.state.is_named(name)
            && self.state.durable.peers_named(name).all(|id| is_free(&id));
        let before = record.name.clone();
        if !free || self.vacate(name, Some(realm)).is_err() {
            let told = self.link(realm).calls_itself.replace(name.clone());
            if told.as_ref() != Some(name) {
                let text =
                    format!("link with {before}: it is named {name} now, which another has here");
                self.note(realm, text);
            }
            return;
        }
        let record = PeerRecord { name: name.clone(), ..record };
        if self.emit(Event::PeerSet(realm, record)).is_ok() {
            self.link(realm).calls_itself = None;
            self.tell(realm, format!("link with {before}: it is named {name} from now on"));
        }
    }

    /// A name like this one that nobody has: `beta.1`.
    fn free_name(&self, name: &Name) -> Option<Name> {
        (1_u32..)
            .map_while(|n| {
                let end = format!(".{n}");
                let start = name.as_str().get(..name.as_str().len().min(MAX_NAME - end.len()))?;
                Name::parse(&format!("{start}{end}"))
            })
            .find(|own| self.state.durable.peers_named(own).next().is_none())
    }

    /// Ends every connection and call of a link, after a last request to who is there.
    pub fn sever(&mut self, realm: PeerId, last: Option<PeerRequest>, why: &str) {
        let link = self.links().links.remove(&realm).unwrap_or_default();
        if let Some(dial) = link.call {
            let call = self.links().calls.remove(&dial);
            call.and_then(|c| c.conn).into_iter().for_each(|c| self.output(Output::HangUp(c)));
        }
        let conns: Vec<(ConnId, bool)> = (self.links().conns.iter())
            .filter(|(_, c)| c.realm == Some(realm))
            .map(|(conn, c)| (*conn, c.greeted))
            .collect();
        for (conn, greeted) in conns {
            if let Some(request) = last.clone().filter(|_| greeted) {
                self.output(Output::Request(conn, request));
            }
            self.hang_up(conn, why);
        }
        self.links().links.remove(&realm);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};
    use crate::links::Contact;
    use crate::settings::Inbound;
    use crate::{Origin, State};
    use antar_types::{EntryKind, Fingerprint, Value};
    use std::net::IpAddr;

    fn hear_plain_peers(realm: &mut Realm) {
        realm.state.policy.plain_peers =
            ["127.0.0.1".parse::<IpAddr>().unwrap()].into_iter().collect();
    }

    /// Alpha with a group, linked with beta, with whom something was said; beta has ended the link.
    fn ended() -> Realm {
        let mut realm = Realm::linked(&["amy"]);
        hear_plain_peers(&mut realm);
        realm.login(1, "amy");
        realm.say(1, "ADDGROUP staff pw");
        realm.say(1, "SENDGROUPREALM beta staff ours");
        realm.deliver(EntryKind::Private, "bob", "amy", "to amy");
        realm.hear(BETA, "REMOVED");
        realm
    }

    /// A realm with another key calls itself beta.
    fn greet(realm: &mut Realm, conn: u64, key: u8) -> Value {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        realm.connect_from(conn, Origin::Certified(ip, Fingerprint([key; 32])));
        let line = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta");
        realm.hear(conn, &line).unwrap()
    }

    fn ids(state: &State) -> Vec<String> {
        state.durable.peers.values().map(|p| p.record.name.to_string()).collect()
    }

    #[test]
    fn a_plain_peer_takes_neither_name_nor_history_of_a_native_realm() {
        let mut realm = ended();
        let ack = "ackrealm beta 127.0.0.1 8889 127.0.0.1 7001";
        assert_eq!(realm.say(2, ack)["code"], "realm_exists");
        assert_eq!(realm.say(2, "remoteinboxgrouprealm staff beta")["code"], "forbidden");
        // Once the operator here has let go of the key, the name is free, and nothing else is.
        assert_eq!(realm.operator("REMOVEREALM beta force")["status"], "OK");
        assert_eq!(realm.say(2, ack)["status"], "OK");
        let told = realm.say(2, "remoteinboxgrouprealm staff beta");
        assert_eq!(told["messages"], Value::Array(Vec::new()), "{told}");
        assert_eq!(realm.say(2, "remoteinboxgrouprealm staff beta.1")["code"], "forbidden");
        // Who took part reads it under the former's own name.
        assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
        assert_eq!(realm.texts(1, "INBOXGROUPREALM beta.1 staff"), ["ours"]);
        assert_eq!(realm.say(1, "sendrealm beta.1 bob x")["code"], "realm_not_found");
        let list = realm.say(1, "CHECKREALM")["data"].clone();
        assert_eq!((list.as_array().unwrap().len(), &list[0]["plain"]), (1, &true.into()));
        assert_eq!(list[0]["former"], Value::Array(vec!["beta.1".into()]));
        assert_eq!(realm.operator("REMOVEREALM beta.1")["status"], "OK");
        assert_eq!(realm.say(1, "CHECKREALM")["data"][0].get("former"), None);
        assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
    }

    #[test]
    fn a_plain_peer_at_another_place_is_another() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.state.introduce(Contact { port: 8889, ..Contact::default() });
        hear_plain_peers(&mut realm);
        realm.login(1, "amy");
        realm.say(2, "ackrealm beta 127.0.0.1 8889 127.0.0.1 7001");
        realm.say(1, "sendrealm beta bob for bob there");
        let waits = |realm: &mut Realm| {
            let list = realm.say(2, "remoteinboxrealm bob beta")["messages"].clone();
            list.as_array().unwrap().len()
        };
        assert_eq!(waits(&mut realm), 1);
        realm.say(1, "removerealm beta");
        assert_eq!(realm.say(2, "ackrealm beta 127.0.0.1 8889 127.0.0.1 7002")["status"], "OK");
        assert_eq!(waits(&mut realm), 0);
        assert_eq!(realm.say(2, "remoteinboxrealm bob beta.1")["code"], "forbidden");
        // The first is back: it is who it was.
        realm.say(1, "removerealm beta");
        assert_eq!(realm.say(2, "ackrealm beta.1 127.0.0.1 8889 127.0.0.1 7001")["status"], "OK");
        assert_eq!(
            realm.say(2, "remoteinboxrealm bob beta.1")["messages"][0]["msg"],
            "for bob there"
        );
    }

    #[test]
    fn a_realm_with_another_key_is_another_and_the_same_key_is_the_same() {
        let mut realm = ended();
        assert_eq!(greet(&mut realm, 20, 3)["code"], "realm_key");
        realm.operator("REMOVEREALM beta force");
        assert_eq!(greet(&mut realm, 21, 3)["status"], "OK");
        assert_eq!(ids(&realm.state), ["beta.1", "beta"]);
        assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
        realm.operator("REMOVEREALM beta");
        // Linked again, the first has its name again, and what was said.
        assert_eq!(greet(&mut realm, 22, 2)["status"], "OK");
        assert_eq!(ids(&realm.state), ["beta", "beta.2"].map(str::to_string));
        realm.disconnect(22);
        assert_eq!(realm.texts(1, "INBOXREALM beta"), ["to amy"]);
    }

    #[test]
    fn who_waits_for_approval_changes_nobodys_name() {
        let mut realm = ended();
        realm.operator("REMOVEREALM beta force");
        realm.state.policy.inbound = Inbound::Approve;
        assert_eq!(greet(&mut realm, 20, 3)["state"], "waiting");
        assert_eq!(ids(&realm.state), ["beta", "beta"]);
        assert_eq!(realm.texts(1, "INBOXREALM beta"), ["to amy"]);
        assert_eq!(realm.operator("APPROVEREALM beta")["status"], "OK");
        assert_eq!(ids(&realm.state), ["beta.1", "beta"]);
        assert_eq!(realm.texts(1, "INBOXREALM beta.1"), ["to amy"]);
    }
}
