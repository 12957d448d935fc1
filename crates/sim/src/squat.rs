//! A stranger that squats: with keys of its own it says, again and again, that it is a realm that is being
//! added, and waits for approval under that name.

use crate::node::Node;
use crate::plain;
use crate::world::{Happening, World};
use antar_domain::links::{LinkKind, LinkStatus};
use antar_domain::{ConnId, Event, Input, Origin};
use antar_text::{Reply, Value};
use antar_types::Fingerprint;
use rand::RngExt;
use std::net::IpAddr;

/// Where it calls from.
const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

impl World<'_> {
    /// Begins to squat at each realm under the name of each other.
    pub fn begin_to_squat(&mut self) {
        for node in 0..self.nodes.len() {
            for other in (0..self.nodes.len()).filter(|other| *other != node) {
                let delay = self.chance.random_range(1..300);
                self.at(delay, Happening::Squat { node, other });
            }
        }
    }

    /// Says once more that it is the other realm, and will again.
    pub fn squat(&mut self, node: usize, other: usize) {
        let pause = if self.linking { 1..30 } else { 200..3_000 };
        let delay = self.chance.random_range(pause);
        self.at(delay, Happening::Squat { node, other });
        let conn = self.squatters.iter().find(|(_, as_of)| **as_of == (node, other));
        let conn = conn.map(|((_, conn), _)| *conn);
        let anew = self.chance.random_bool(0.3);
        if let Some(conn) = conn.filter(|_| anew) {
            self.squatters.remove(&(node, conn));
            self.input(node, Input::Disconnected(conn));
        }
        let conn = match conn.filter(|_| !anew) {
            Some(conn) => conn,
            None => {
                let Some(running) = &mut self.nodes[node].running else { return };
                let conn = running.next_conn();
                self.squatters.insert((node, conn), (node, other));
                let key = Fingerprint([0xd0 + other as u8; 32]);
                self.input(node, Input::Connected(conn, Origin::Certified(FROM, key)));
                conn
            }
        };
        self.injected.count("squatters' calls");
        let (name, from) = (&self.nodes[node].name, &self.nodes[other].name);
        let again = if self.chance.random_bool(0.2) { " again=1" } else { "" };
        let line = format!("ACKREALM {name} 10.0.0.1 8889 {FROM} 8889 from={from}{again}");
        self.note(Some(node), || format!("{conn:?} squats: {line}"));
        self.line(node, conn, line);
    }

    /// What a squatter may be answered: no, or that it waits.
    pub fn answered_squatter(&mut self, node: usize, conn: ConnId, reply: &Reply, text: &str) {
        self.note(Some(node), || format!("{conn:?} the squatter <- {text}"));
        if reply.refusal().is_none() && !text.contains("\"waiting\"") {
            let name = &self.nodes[node].name;
            self.violate(format!("{name} takes a squatter for a realm: {text}"));
        }
    }

    /// No realm is ever linked under a key that is not its own.
    pub fn watch_keys(&mut self, node: usize, events: &[Event]) {
        let own = |name: &str| self.nodes.iter().find(|n| n.name == name).map(|n| n.key);
        let wrong = events.iter().find_map(|event| match event {
            Event::PeerSet(_, record) => match (record.status, &record.kind) {
                (LinkStatus::Asking, _) => None,
                (_, LinkKind::Plain) if node == plain::PEER && &*record.name == plain::NAME => None,
                (_, LinkKind::Native(key)) if own(&record.name) == Some(*key) => None,
                (LinkStatus::Linked | LinkStatus::Asked, _) => Some(record.clone()),
                _ => None,
            },
            _ => None,
        });
        if let Some(record) = wrong {
            let name = &self.nodes[node].name;
            self.violate(format!("{name} links {} with {:?}", record.name, record.kind));
        }
    }

    /// Two realms are linked, whoever says meanwhile that it is one of them: the one is added at the other
    /// and then the other way round or approved, or both are added at once.
    pub fn link(&mut self, node: usize, other: usize) {
        let [here, there] = [node, other].map(|of| self.people.of(of)[0]);
        let [add_other, add_node] = [other, node].map(|of| {
            let key = self.nodes[of].key;
            let given = self.kinds.squats && self.chance.random_bool(0.3);
            let key = if given { format!(" {key}") } else { String::new() };
            format!("ADDREALM {} {} 8889{key}", self.nodes[of].name, Node::address(of))
        });
        if self.chance.random_bool(0.5) {
            let asked = [(here, &add_other), (there, &add_node)].map(|(p, line)| self.say(p, line));
            for asked in asked {
                let answer = asked.map(|(node, conn)| self.hear(node, conn)).unwrap_or_default();
                self.is_linked(&answer, &["up", "waiting"]);
            }
            return;
        }
        let first = self.ask(here, &add_other);
        if first["state"] != "waiting" || !self.kinds.squats {
            return self.is_linked(&first, &["up"]);
        }
        let key = self.nodes[node].key;
        let approve = format!("APPROVEREALM {} {key}", self.nodes[node].name);
        if self.chance.random_bool(0.5)
            && let Some(conn) = self.connect_as(other, Origin::Operator)
        {
            self.line(other, conn, approve);
            let answer = self.hear(other, conn);
            if answer["status"] == "OK" {
                return self.checked.count("realms approved by their key");
            }
            self.checked.count("squatters not approved");
        }
        let second = self.ask(there, &add_node);
        self.is_linked(&second, &["up"]);
    }

    fn is_linked(&mut self, answer: &Value, states: &[&str]) {
        let state = answer["state"].as_str().unwrap_or_default();
        if answer["status"] != "OK" || !states.contains(&state) {
            self.violate(format!("a link was not made: {answer}"));
        }
    }
}
