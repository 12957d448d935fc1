//! Accepting connections, within the limits on how many.

mod tcp;
mod unix;

pub use tcp::{Listener, bind, keep_alive};
pub use unix::{AdminSocket, connect_operator};

use crate::admission::{FairSemaphore, LogThrottle, network};
use crate::session::Shared;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// TLS handshakes at once; each may hold some memory until it is done.
const HANDSHAKES: usize = 128;

/// What listeners share.
pub struct Admission {
    pub shared: Shared,
    handshakes: FairSemaphore,
    next: AtomicU64,
    counts: Mutex<Counts>,
    /// Connections that were refused.
    refused: LogThrottle,
    /// Connections that the system had no room for.
    failed: LogThrottle,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Admission {
    pub fn new(shared: Shared) -> Self {
        let (next, counts) = (AtomicU64::new(1), Mutex::default());
        let (refused, failed) = (LogThrottle::default(), LogThrottle::default());
        Self { shared, handshakes: FairSemaphore::new(HANDSHAKES), next, counts, refused, failed }
    }

    /// A number no other connection of this process has.
    pub fn next_conn(&self) -> antar_domain::ConnId {
        antar_domain::ConnId(self.next.fetch_add(1, Ordering::Relaxed))
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
        Some(Place { admission: self.clone(), address })
    }
}

/// One connection's place among those allowed.
struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}
