//! Accepting connections, within the limits on how many.

mod tcp;
mod unix;

pub use tcp::{Listener, bind, keep_alive};
pub use unix::{AdminSocket, connect_operator};

use crate::guard::{Seldom, Turns, network};
use crate::session::Shared;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// TLS handshakes at once; each may hold some memory until it is done.
const HANDSHAKES: usize = 128;

/// What listeners share.
pub struct Gate {
    pub shared: Shared,
    handshakes: Turns,
    next: AtomicU64,
    counts: Mutex<Counts>,
    /// Connections that were refused.
    refused: Seldom,
    /// Connections that the system had no room for.
    failed: Seldom,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Gate {
    pub fn new(shared: Shared) -> Self {
        let (next, counts) = (AtomicU64::new(1), Mutex::default());
        let (refused, failed) = (Seldom::default(), Seldom::default());
        Self { shared, handshakes: Turns::new(HANDSHAKES), next, counts, refused, failed }
    }

    /// A number no other connection of this process has.
    pub fn next_conn(&self) -> antar_realm::ConnId {
        antar_realm::ConnId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A place for a connection, given back when it is dropped; `None` where there is none left.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let rules = self.shared.guard.rules();
        if !rules.lets_connect(address) {
            return None;
        }
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.all >= rules.connections || here >= rules.connections_per_address {
            return None;
        }
        counts.all += 1;
        *counts.by_address.entry(address).or_default() += 1;
        drop(counts);
        Some(Place { gate: self.clone(), address })
    }
}

/// One connection's place among those allowed.
struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}
