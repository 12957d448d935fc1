//! How many connections there may be, in all and from one address.

use super::{FairSemaphore, Guard, LogThrottle, network};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// A trusted proxy's counts for no address until it is known whose it is: see [`Place::hand_to`].
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let rules = self.guard.rules();
        let proxied = rules.web.trusts(address);
        let mut place = {
            let mut counts = self.counts();
            if counts.all >= rules.connections {
                return None;
            }
            counts.all += 1;
            Place { admission: self.clone(), address: network(address), counted: false }
        };
        (proxied || place.hand_to(address)).then_some(place)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among those allowed.
pub struct Place {
    admission: Arc<Admission>,
    /// The address that it counts for.
    pub address: IpAddr,
    /// It counts for that address, not only among all.
    counted: bool,
}

impl Place {
    /// Has a place count for an address from now on; whether there is one left for it. What counts for an
    /// address already stays as it is.
    pub fn hand_to(&mut self, address: IpAddr) -> bool {
        if self.counted {
            return true;
        }
        let rules = self.admission.guard.rules();
        if !rules.lets_connect(address) {
            return false;
        }
        let mut counts = self.admission.counts();
        let here = counts.by_address.entry(network(address)).or_default();
        if *here >= rules.connections_per_address {
            return false;
        }
        *here += 1;
        (self.address, self.counted) = (network(address), true);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts();
        counts.all -= 1;
        if self.counted
            && let Some(here) = counts.by_address.get_mut(&self.address)
        {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}
