//! The network: connections that keep their order, delay, break, and pass nothing for a while.

use antar_domain::ConnId;
use std::collections::{BTreeMap, VecDeque};

/// One end of a connection: a realm in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub node: usize,
    pub life: u64,
    pub conn: ConnId,
}

/// A connection between two realms.
#[derive(Debug)]
pub struct Wire {
    pub ends: [End; 2],
    /// Lines on their way to each end.
    pub ways: [Way; 2],
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Way {
    pub lines: VecDeque<String>,
    /// When the last of them arrives at the earliest: what follows is not faster.
    pub last: u64,
    /// The sender has closed it: the receiver hears of it after the last line.
    pub closed: bool,
    /// The receiver is gone, or has heard of the end.
    pub done: bool,
    /// Earlier lines, to be sent once more by a network that lies.
    pub seen: VecDeque<String>,
}

/// Lines kept for replay.
const SEEN: usize = 16;

impl Way {
    pub fn push(&mut self, line: String) {
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(line.clone());
        self.lines.push_back(line);
    }
}

/// All connections, and where nothing passes.
#[derive(Debug, Default)]
pub struct Net {
    pub wires: BTreeMap<u64, Wire>,
    /// From one realm to another, until some time.
    pub blocked: BTreeMap<(usize, usize), u64>,
    last: u64,
}

impl Net {
    pub fn connect(&mut self, ends: [End; 2]) -> u64 {
        self.last += 1;
        self.wires.insert(self.last, Wire { ends, ways: Default::default() });
        self.last
    }

    /// The connection and the side of it that a realm has under this number.
    pub fn find(&self, node: usize, life: u64, conn: ConnId) -> Option<(u64, usize)> {
        let own = End { node, life, conn };
        self.wires.iter().find_map(|(id, wire)| {
            let side = wire.ends.iter().position(|end| *end == own)?;
            Some((*id, side))
        })
    }

    /// Until when nothing passes from one realm to another.
    pub fn blocked_until(&self, from: usize, to: usize, now: u64) -> Option<u64> {
        self.blocked.get(&(from, to)).copied().filter(|until| *until > now)
    }
}
