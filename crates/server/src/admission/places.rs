//! How many connections there may be, in all and from one address.

use super::{FairSemaphore, Guard, LogThrottle, network};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// TLS handshakes at once; each may hold some memory until it is done.
const HANDSHAKES: usize = 128;

/// Lets connections in, as far as there are places.
pub struct Admission {
    guard: Guard,
    /// Turns at a TLS handshake.
    pub handshakes: FairSemaphore,
    counts: Mutex<Counts>,
    /// Connections that were refused.
    pub refused: LogThrottle,
    /// Connections that the system had no room for.
    pub failed: LogThrottle,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Admission {
    /// By these rules.
    pub fn new(guard: Guard) -> Self {
        let (refused, failed) = (LogThrottle::default(), LogThrottle::default());
        let handshakes = FairSemaphore::new(HANDSHAKES);
        Self { guard, handshakes, counts: Mutex::default(), refused, failed }
    }

    /// A place for a connection, given back when it is dropped; `None` where there is none left.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let rules = self.guard.rules();
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
pub struct Place {
    admission: Arc<Admission>,
    /// The address that it counts for.
    pub address: IpAddr,
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
