//! What realms say to each other, on its way.

use crate::net::End;
use crate::node::{Node, Running};
use crate::world::{Happening, World};
use antar_domain::links::{PeerRequest, Position};
use antar_domain::{ConnId, DialId, Input, Origin};
use antar_text as text;
use rand::RngExt;

impl World<'_> {
    /// A realm asks another for something; what that must not be is looked at.
    pub fn asks(&mut self, node: usize, conn: ConnId, request: &PeerRequest) {
        let life = self.nodes[node].life;
        if let Some((wire, side)) = self.net.find(node, life, conn) {
            let peer = self.net.wires[&wire].ends[1 - side].node;
            match *request {
                PeerRequest::Cursor(epoch, at) => {
                    self.told.insert((node, peer), (epoch, at.seq));
                }
                PeerRequest::Follow(epoch, Position { seq, .. }) => {
                    let told = self.told.get(&(node, peer));
                    if let Some((before, had)) = told.filter(|(before, _)| *before == epoch)
                        && seq < *had
                    {
                        let names = (&self.nodes[node].name, &self.nodes[peer].name);
                        let what = format!(
                            "{} told {} that it has {had} of {before}, and has {seq}",
                            names.0, names.1
                        );
                        self.violate(what);
                    }
                    self.checked.count("cursors told are cursors kept");
                }
                _ => {}
            }
        }
        self.send(node, conn, text::peer_request(request));
    }

    pub fn forget_told(&mut self, node: usize) {
        self.told.retain(|(who, _), _| *who != node);
    }

    pub fn send(&mut self, node: usize, conn: ConnId, line: String) {
        let life = self.nodes[node].life;
        if self.strangers.contains(&(node, conn)) && !line.contains("ERROR") {
            return self.violate(format!("{} tells a stranger: {line}", self.nodes[node].name));
        }
        if self.squatters.contains_key(&(node, conn)) && line != "PING" {
            return self.violate(format!("{} tells a squatter: {line}", self.nodes[node].name));
        }
        let Some((id, side)) = self.net.find(node, life, conn) else { return };
        self.note(Some(node), || format!("{conn:?} -> {line}"));
        let delay = match self.chance.random_range(0..20) {
            0 => self.chance.random_range(30..400),
            _ => self.chance.random_range(1..30),
        };
        let to = 1 - side;
        let Some(wire) = self.net.wires.get_mut(&id) else { return };
        let way = &mut wire.ways[to];
        way.push(line);
        way.last = way.last.max(self.now + delay);
        let delay = way.last - self.now;
        self.at(delay, Happening::Arrive { wire: id, side: to });
    }

    pub fn arrive(&mut self, id: u64, side: usize) {
        let Some(wire) = self.net.wires.get(&id) else { return };
        let (from, to) = (wire.ends[1 - side], wire.ends[side]);
        if let Some(until) = self.net.blocked_until(from.node, to.node, self.now) {
            let delay = until - self.now + 1;
            return self.at(delay, Happening::Arrive { wire: id, side });
        }
        if !self.is_alive(to.node, to.life) {
            // Whoever is there now knows nothing of this connection.
            if self.nodes[to.node].running.is_some() {
                self.lose(id, from);
            } else {
                self.at(500, Happening::Arrive { wire: id, side });
            }
            return;
        }
        let Some(wire) = self.net.wires.get_mut(&id) else { return };
        let way = &mut wire.ways[side];
        if way.done {
            return;
        }
        match way.lines.pop_front() {
            Some(line) => {
                self.line(to.node, to.conn, line);
            }
            None if way.closed => {
                way.done = true;
                self.input(to.node, Input::Disconnected(to.conn));
                self.net.wires.remove(&id);
            }
            None => {}
        }
    }

    /// A connection is gone, and one end hears of it.
    pub fn lose(&mut self, id: u64, hears: End) {
        self.net.wires.remove(&id);
        let End { node, life, conn } = hears;
        let delay = self.chance.random_range(1..50);
        self.at(delay, Happening::Closed { node, life, conn });
    }

    pub fn hang_up(&mut self, node: usize, conn: ConnId) {
        let life = self.nodes[node].life;
        self.note(Some(node), || format!("{conn:?} hangs up"));
        self.squatters.remove(&(node, conn));
        if let Some((id, side)) = self.net.find(node, life, conn)
            && let Some(wire) = self.net.wires.get_mut(&id)
        {
            // What was said before still arrives; what is on its way here does not.
            wire.ways[side].done = true;
            let way = &mut wire.ways[1 - side];
            way.closed = true;
            way.last = way.last.max(self.now + 1);
            let delay = way.last - self.now;
            self.at(delay, Happening::Arrive { wire: id, side: 1 - side });
        }
        self.at(1, Happening::Closed { node, life, conn });
    }

    /// A call reaches another realm, unless something is in between.
    pub fn reach(&mut self, node: usize, dial: DialId, to: usize) {
        let life = self.nodes[node].life;
        let blocked = self.net.blocked_until(node, to, self.now).is_some()
            || self.net.blocked_until(to, node, self.now).is_some();
        if blocked || self.nodes[to].running.is_none() {
            let delay = if blocked { 5_000 } else { 5 };
            return self.at(delay, Happening::Vain { node, life, dial });
        }
        let (key, peer_key) = (self.nodes[node].key, self.nodes[to].key);
        let [Some(conn), Some(peer_conn)] =
            [node, to].map(|n| self.nodes[n].running.as_mut().map(Running::next_conn))
        else {
            return;
        };
        let own = End { node, life, conn };
        let other = End { node: to, life: self.nodes[to].life, conn: peer_conn };
        self.net.connect([own, other]);
        self.checked.count("connections between realms");
        let (local, peer) = (Node::address(node), Node::address(to));
        self.input(to, Input::Connected(peer_conn, Origin::Certified(local, key)));
        let origin = Origin::Dialled { dial, key: peer_key, peer, local };
        self.input(node, Input::Connected(conn, origin));
    }

    /// What an operator was told. That data were put back must be noticed, and nothing else taken for
    /// it.
    pub fn noted(&mut self, node: usize, note: &str) {
        self.note(Some(node), || format!("NOTE {note}"));
        self.see_to_version(node, note);
        let differs = ["past", "put back", "let go of"].iter().any(|word| note.contains(word));
        let explained = self.kinds.lies || self.nodes.iter().any(|node| node.put_back);
        if differs && !explained {
            self.violate(format!("{}: {note}, and nothing was put back", self.nodes[node].name));
        }
    }
}
