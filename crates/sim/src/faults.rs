//! What breaks.

use crate::node::{Copy, Node};
use crate::options::Planted;
use crate::plain::{self, Plain};
use crate::world::{Happening, World};
use antar_domain::{ConnId, Effects, Inbound, Input, Origin, Policy, State};
use antar_store::{MemoryEngine, Store};
use antar_types::Fingerprint;
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;

/// Which kinds of things break in a run: not all in each, so that each is also seen alone.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    pub cuts: bool,
    pub blocks: bool,
    pub crashes: bool,
    pub disks: bool,
    pub clocks: bool,
    pub put_backs: bool,
    pub lies: bool,
    pub squats: bool,
    pub renewals: bool,
    /// Milliseconds between two of them at most.
    pub every: u64,
}

impl Kinds {
    pub fn choose(chance: &mut StdRng) -> Self {
        let (put_backs, lies) = (chance.random_bool(0.35), chance.random_bool(0.15));
        Self {
            cuts: chance.random_bool(0.6),
            blocks: chance.random_bool(0.5),
            crashes: chance.random_bool(0.6),
            disks: chance.random_bool(0.3),
            // A clock that jumps ahead ends the grace for who is put back: not both in one run.
            clocks: !put_backs && chance.random_bool(0.3),
            put_backs,
            lies,
            squats: chance.random_bool(0.4),
            // Who is put back has the former again, and a liar may say anything of how far it goes.
            renewals: !put_backs && !lies && chance.random_bool(0.5),
            every: chance.random_range(500..5_000),
        }
    }

    /// Who may link: where somebody squats, realms that are approved.
    pub fn policy(&self) -> Policy {
        let inbound = if self.squats { Inbound::Approve } else { Inbound::Open };
        let plain_peers = [plain::ADDRESS].into_iter().collect();
        Policy { inbound, plain_peers, ..Policy::local() }
    }

    /// How long a realm keeps what the others have: where one may be put back, longer than a copy can
    /// be old; otherwise so short that it lets go of something.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(if self.put_backs { 600 } else { 2 })
    }
}

/// The oldest copy that is put back, in milliseconds.
const OLDEST: u64 = 20_000;

impl World<'_> {
    pub fn break_things(&mut self) {
        self.breaks = true;
        self.at(100, Happening::Fault);
        if self.kinds.put_backs {
            (0..self.nodes.len()).for_each(|node| self.at(10, Happening::Copy { node }));
        }
    }

    /// Something breaks, and something else will.
    pub fn fault(&mut self) {
        let delay = self.chance.random_range(50..self.kinds.every);
        self.at(delay, Happening::Fault);
        let node = self.chance.random_range(0..self.nodes.len());
        let kinds = self.kinds;
        if self.options.lies {
            self.lie_about_rooms();
        }
        match self.chance.random_range(0..10) {
            0 | 1 if kinds.cuts => self.cut(),
            2 if kinds.blocks => self.block(),
            3 | 4 if kinds.crashes => self.crash_and_return(node),
            5 if kinds.disks => self.trouble_disk(node),
            6 if kinds.clocks => {
                let jump = self.chance.random_range(-7_200_000..7_200_000);
                self.nodes[node].skew += jump;
                self.injected.count("clock jumps");
                self.note(Some(node), || format!("FAULT clock jumps by {jump} ms"));
            }
            7 if kinds.put_backs => self.put_back(node),
            8 if kinds.lies => self.lie(node),
            9 if kinds.renewals => self.renew(node),
            _ => {}
        }
    }

    fn any_wire(&mut self) -> Option<u64> {
        let count = self.net.wires.len();
        let index = if count == 0 { return None } else { self.chance.random_range(0..count) };
        self.net.wires.keys().nth(index).copied()
    }

    /// A connection breaks; both ends hear of it, each when it does.
    fn cut(&mut self) {
        let Some(id) = self.any_wire() else { return };
        let Some(ends) = self.net.wires.get(&id).map(|wire| wire.ends) else { return };
        self.injected.count("connections cut");
        self.note(None, || format!("FAULT cut {ends:?}"));
        ends.into_iter().for_each(|end| self.lose(id, end));
    }

    /// Nothing passes between two realms for a while, perhaps in one direction only.
    fn block(&mut self) {
        let (from, to) = (
            self.chance.random_range(0..self.nodes.len()),
            self.chance.random_range(0..self.nodes.len()),
        );
        if from == to {
            return;
        }
        let until = self.now + self.chance.random_range(100..25_000);
        self.net.blocked.insert((from, to), until);
        let both = self.chance.random_bool(0.5);
        if both {
            self.net.blocked.insert((to, from), until);
        }
        self.injected.count(if both { "partitions" } else { "one-way partitions" });
        self.note(None, || format!("FAULT {from} and {to} parted until {until}, both ways {both}"));
    }

    pub fn crash_and_return(&mut self, node: usize) {
        self.crash(node);
        let delay = self.chance.random_range(1..8_000);
        self.at(delay, Happening::Start { node });
    }

    /// A machine stops: what was not synced may be lost, whole or torn.
    pub fn crash(&mut self, node: usize) {
        let Some(running) = self.nodes[node].running.take() else { return };
        self.nodes[node].written.forget_senders();
        self.injected.count("crashes");
        let torn = self.chance.random_bool(0.5);
        let disk = &self.nodes[node].disk;
        if let Some(batch) = &running.writing {
            let started = self.chance.random_bool(0.7);
            if started {
                disk.stop_before_sync();
                let _ = running.store.commit(batch.events());
                self.injected.count(if torn { "torn writes" } else { "unacknowledged writes" });
            }
        }
        disk.mend();
        disk.crash(torn);
        self.note(Some(node), || format!("FAULT crash, torn {torn}"));
        // A process that dies is missed at once, a machine without power is not.
        if self.chance.random_bool(0.6) {
            let ends: Vec<_> = (self.net.wires.iter())
                .filter_map(|(id, wire)| {
                    let side = wire.ends.iter().position(|end| end.node == node)?;
                    Some((*id, wire.ends[1 - side]))
                })
                .collect();
            ends.into_iter().for_each(|(id, end)| self.lose(id, end));
        }
    }

    fn trouble_disk(&mut self, node: usize) {
        if self.chance.random_bool(0.5) {
            self.nodes[node].slow = self.chance.random_range(1..1_500);
            self.injected.count("slow disks");
            self.note(Some(node), || "FAULT slow disk".into());
            return;
        }
        let fails = self.nodes[node].running.as_ref().is_some_and(|r| !r.is_refused());
        let (disk, by_sync) = (&self.nodes[node].disk, self.chance.random_bool(0.5));
        if self.options.planted == Some(Planted::TrustsMemory) {
            disk.trust_memory();
        }
        if fails && self.chance.random_bool(0.3) {
            disk.fail_once(by_sync);
            self.injected.count(if by_sync {
                "syncs that fail once"
            } else {
                "writes that fail once"
            });
            return self.note(Some(node), || format!("FAULT disk fails once, written {by_sync}"));
        }
        disk.fail_commits(fails && !by_sync);
        disk.fail_syncs(fails && by_sync);
        self.injected.count(match (fails, by_sync) {
            (true, false) => "full disks",
            (true, true) => "disks that do not sync",
            (false, _) => "disks that are well again",
        });
        self.note(Some(node), || format!("FAULT disk fails {fails}, by its syncs {by_sync}"));
    }

    /// Somebody copies a realm's data, as a backup or as the directory.
    pub fn copy(&mut self, node: usize) {
        let delay = self.chance.random_range(2_000..9_000);
        self.at(delay, Happening::Copy { node });
        let now = self.now;
        let here = &mut self.nodes[node];
        let Some(running) = here.running.as_ref().filter(|r| !r.is_refused()) else { return };
        let mut export = Vec::new();
        if running.store.export(&mut export).is_err() {
            return;
        }
        let (image, course, blobs) = (here.disk.image(), here.course, here.blobs.clone());
        here.copies.push(Copy { taken: now, course, export, image, blobs, reached: None });
        here.copies.retain(|copy| copy.taken + OLDEST >= now);
    }

    /// A realm's data are put back: by `antar restore`, or by hand, which nobody tells it.
    fn put_back(&mut self, node: usize) {
        let now = self.now;
        // Ids go by the second where data were put back: nobody restores twice in one.
        let before = self.nodes[node].put_back_at.replace(now);
        if before.is_some_and(|before| now < before + 2_000) {
            self.nodes[node].put_back_at = before;
            return;
        }
        self.nodes[node].copies.retain(|copy| copy.taken + OLDEST >= now);
        let count = self.nodes[node].copies.len();
        if count == 0 {
            return;
        }
        self.crash(node);
        let index = self.chance.random_range(0..count);
        let copy = &self.nodes[node].copies[index];
        let (taken, course, by_hand) = (copy.taken, copy.course, self.chance.random_bool(0.5));
        if by_hand {
            let disk = MemoryEngine::default();
            disk.restore(copy.image.clone());
            self.nodes[node].disk = disk;
            self.injected.count("data put back by hand");
        } else {
            match self.restored(node, index) {
                Ok(disk) => self.nodes[node].disk = disk,
                Err(error) => return self.violate(format!("a backup cannot be restored: {error}")),
            }
            self.injected.count("backups restored");
        }
        self.note(Some(node), || format!("FAULT put back to {taken}, by hand {by_hand}"));
        let here = &mut self.nodes[node];
        here.blobs = here.copies[index].blobs.clone();
        here.put_back = true;
        here.by_hand |= by_hand;
        here.revived |= course != here.course;
        here.course += 1;
        here.groups_shown.clear();
        self.forget_told(node);
        if node == plain::PEER {
            self.plain.iter_mut().for_each(Plain::realm_is_put_back);
        }
        let people = &self.people.all;
        for written in self.people.written.values_mut() {
            if people[written.person].node == node && written.acked.is_some_and(|at| at >= taken) {
                written.may_be_lost = true;
            }
        }
        let delay = self.chance.random_range(1..5_000);
        self.at(delay, Happening::Start { node });
    }

    /// As `antar restore` does it.
    fn restored(&mut self, node: usize, index: usize) -> Result<MemoryEngine, String> {
        let disk = MemoryEngine::default();
        let export = &self.nodes[node].copies[index].export;
        let (store, events, _) = Store::import(Box::new(disk.clone()), &export[..])
            .map_err(|error| error.to_string())?;
        let mut state = State::new(Node::limits(self.kinds.grace()), self.kinds.policy(), events);
        let readings = Node::readings(self.nodes[node].skew, self.now, self.now, &mut self.chance);
        let mut effects = Effects::default();
        let reached = self.nodes[node].copies[index].reached;
        let reached = state
            .restored(&readings, reached, &mut effects)
            .map_err(|code| code.as_str().to_string())?;
        self.nodes[node].copies[index].reached = Some(reached);
        store.commit(&effects.events).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    /// A peer lies, or somebody pretends to be one.
    fn lie(&mut self, node: usize) {
        if self.chance.random_bool(0.3) {
            return self.pretend(node);
        }
        let Some(id) = self.any_wire() else { return };
        let side = self.chance.random_range(0..2);
        let kind = self.chance.random_range(0..6);
        let Some(wire) = self.net.wires.get_mut(&id) else { return };
        let seen = &wire.ways[side].seen;
        let delivered = seen.iter().find(|line| line.starts_with("DELIVER"));
        let line = match (kind, delivered.or(seen.back())) {
            (0 | 1, Some(again)) => again.clone(),
            (2, _) => "DELIVER 00 1 zz [\"rubbish\"]".into(),
            (3, _) => format!("CURSOR {:016x} 999999 {:032x}", 7, 9),
            (4, _) => "{\"status\":\"OK\",\"epoch\":\"00\",\"from\":3}".into(),
            _ => "FOLLOW 00000000000000ff 5 00000000000000000000000000000000".into(),
        };
        self.note(None, || format!("FAULT lie {line}"));
        let Some(wire) = self.net.wires.get_mut(&id) else { return };
        wire.ways[side].lines.push_back(line);
        self.at(1, Happening::Arrive { wire: id, side });
        self.injected.count("lies of a peer");
    }

    /// Somebody with another key says it is a realm that is linked, and brings messages.
    fn pretend(&mut self, node: usize) {
        let other = (node + 1) % self.nodes.len();
        let (name, from) = (self.nodes[node].name.clone(), self.nodes[other].name.clone());
        let Some(running) = self.nodes[node].running.as_mut() else { return };
        let conn: ConnId = running.next_conn();
        let key = Fingerprint([0xee; 32]);
        let origin = Origin::Certified(std::net::IpAddr::from([203, 0, 113, 9]), key);
        self.injected.count("strangers that pretend");
        self.strangers.insert((node, conn));
        self.input(node, Input::Connected(conn, origin));
        for line in [
            format!("ACKREALM {name} 10.0.0.1 8889 10.0.0.9 8889 from={from}"),
            "DELIVER 0000000000000001 1 00000000000000000000000000000000 \
             [[\"private\",1,\"eve\",\"u0\",\"forged\"]]"
                .into(),
            format!("RECVGROUPREALM {from} eve staff forged"),
            "FOLLOW 0000000000000000 0 00000000000000000000000000000000".into(),
        ] {
            self.line(node, conn, line);
        }
        self.input(node, Input::Disconnected(conn));
    }

    /// From here on nothing breaks any more.
    pub fn end_faults(&mut self) {
        self.note(None, || "the faults have ended".into());
        self.breaks = false;
        self.stop_faults_and_people();
        self.net.blocked.clear();
        // What was held up arrives now.
        let wires = self.net.wires.iter();
        let held: Vec<_> = wires
            .flat_map(|(id, wire)| [0, 1].map(|side| (*id, side, wire.ways[side].lines.len())))
            .collect();
        for (wire, side, lines) in held {
            (0..=lines).for_each(|_| self.at(5, Happening::Arrive { wire, side }));
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].slow = 4;
            self.nodes[node].disk.mend();
            self.start(node);
        }
    }
}
