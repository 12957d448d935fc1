//! Accepting connections, within the limits on how many.

mod tcp;
mod unix;

pub use tcp::{Listener, bind};
pub use unix::AdminSocket;

use crate::session::Shared;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// TLS handshakes at once; each may hold some memory until it is done.
const HANDSHAKES: usize = 64;

/// What listeners share.
pub struct Gate {
    pub shared: Shared,
    handshakes: Semaphore,
    next: AtomicU64,
    counts: Mutex<Counts>,
    connections: usize,
    per_address: usize,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Gate {
    pub fn new(shared: Shared, connections: usize, per_address: usize) -> Self {
        let (next, counts) = (AtomicU64::new(1), Mutex::default());
        let handshakes = Semaphore::new(HANDSHAKES);
        Self { shared, handshakes, next, counts, connections, per_address }
    }

    /// A number no other connection of this process has.
    pub fn next_conn(&self) -> antar_realm::ConnId {
        antar_realm::ConnId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A place for a connection, given back when it is dropped; `None` where there is none left.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        // All of IPv6's privacy addresses of one network are one customer.
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.all >= self.connections || here >= self.per_address {
            return None;
        }
        counts.all += 1;
        *counts.by_address.entry(address).or_default() += 1;
        drop(counts);
        Some(Place { gate: self.clone(), address })
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
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
