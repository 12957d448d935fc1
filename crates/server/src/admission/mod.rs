//! What one address, one account and all together may take: limits, rates and turns.

mod fair_semaphore;
mod log_throttle;
mod login_throttle;
mod places;
mod rates;

pub use antar_domain::network;
pub use fair_semaphore::{FairSemaphore, Whom};
pub use log_throttle::LogThrottle;
pub use login_throttle::{Guesser, LoginThrottle};
pub use places::{Admission, Place};
pub use rates::Rates;

use crate::descriptors::Descriptors;
use crate::doors::session::Limits;
use crate::{Config, PasswordsConfig};
use antar_domain::{AccountId, Origin, PlainPeers, is_loopback};
use rates::Uptime;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The rules that hold now.
#[derive(Clone)]
pub struct Guard(watch::Receiver<Arc<Rules>>);

impl Guard {
    /// The rules; sending others changes them.
    pub fn new(config: &Config) -> (watch::Sender<Arc<Rules>>, Self) {
        let (sender, rules) = watch::channel(Arc::new(Rules::new(config)));
        (sender, Self(rules))
    }

    /// Waits until there are other rules; whether there can be any more.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// The rules as they are now.
    pub fn rules(&self) -> Arc<Rules> {
        self.0.borrow().clone()
    }
}

/// What follows from a configuration, and how far each address has gone.
pub struct Rules {
    pub session: Limits,
    pub plain_peers: PlainPeers,
    /// Who may come in by HTTP, and which proxies are believed.
    pub web: Arc<antar_web::Rules>,
    /// The largest file that is taken.
    pub file_bytes: u64,
    /// How long a file is kept that no message names, and an upload that was given up.
    pub unreferenced: Duration,
    /// Plain text is refused from anywhere but this machine.
    tls_required: bool,
    /// The realm is in local mode.
    local: bool,
    /// Connections in all, as far as the system has descriptors for them.
    pub connections: usize,
    pub connections_per_address: usize,
    pub handshakes_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    pub passwords: PasswordsConfig,
    pub connects: Rates<IpAddr>,
    pub strangers: Rates<IpAddr>,
    pub registrations: Rates<IpAddr>,
    pub requests: Rates<IpAddr>,
    pub account_requests: Rates<AccountId>,
    pub guesses: LoginThrottle,
}

impl Rules {
    fn new(config: &Config) -> Self {
        let clock = Uptime::default();
        let none = || Rates::new(None, clock);
        let guesses = LoginThrottle::new(&config.limits, &clock);
        let account_requests = Rates::new(None, clock);
        Self::over(config, [none(), none(), none(), none()], account_requests, guesses)
    }

    /// The same under another configuration; what is limited as before is remembered.
    pub fn renewed(&self, config: &Config) -> Self {
        let Self { connects, strangers, registrations, requests, .. } = self;
        let rates = [connects, strangers, registrations, requests].map(Clone::clone);
        let guesses = self.guesses.renewed(&config.limits, &Uptime::default());
        Self::over(config, rates, self.account_requests.clone(), guesses)
    }

    fn over(
        config: &Config,
        rates: [Rates<IpAddr>; 4],
        account_requests: Rates<AccountId>,
        guesses: LoginThrottle,
    ) -> Self {
        let clock = Uptime::default();
        let [connects, strangers, registrations, requests] = rates;
        Self {
            session: Limits::of(&config.limits),
            plain_peers: config.plain_peers(),
            web: Arc::new(config.web.rules()),
            file_bytes: config.files.file_bytes,
            unreferenced: config.files.unreferenced(),
            tls_required: config.tls.require,
            local: config.is_local(),
            connections: config.limits.connections.min(Descriptors::get().connections),
            connections_per_address: config.connections_per_address(),
            handshakes_per_address: config.handshakes_per_address(),
            handshake: Duration::from_secs(config.limits.handshake_seconds.max(1)),
            passwords: config.passwords.clone(),
            connects: connects.renewed(config.connects(), clock),
            strangers: strangers.renewed(config.strangers(), clock),
            registrations: registrations.renewed(config.registrations(), clock),
            requests: requests.renewed(config.requests(), clock),
            account_requests: account_requests.renewed(config.account_requests(), clock),
            guesses,
        }
    }

    /// When a connection is told to go: it has not logged in, or has said nothing, for so long.
    /// Never where it may be a plain peer's, nor on this machine in local mode: an old server that is not
    /// listed would keep a processor busy once its connection is closed.
    pub fn deadline(
        &self,
        peer: IpAddr,
        unknown_since: Option<Instant>,
        silent_since: Option<Instant>,
    ) -> Option<Instant> {
        let login = self.session.login.zip(unknown_since).map(|(limit, since)| since + limit);
        let idle = self.session.idle.zip(silent_since).map(|(limit, since)| since + limit);
        let first = login.into_iter().chain(idle).min()?;
        let lasts = self.plain_peers.include(peer) || (self.local && is_loopback(peer));
        (!lasts).then_some(first)
    }

    /// Whether what comes from an address may be in the clear.
    pub fn may_be_plain(&self, from: IpAddr) -> bool {
        !self.tls_required || is_loopback(from)
    }

    /// Whether an address may make one more connection now.
    pub fn lets_connect(&self, peer: IpAddr) -> bool {
        // A plain peer makes one for each message.
        self.plain_peers.include(peer) || self.connects.take(network(peer))
    }
}

/// For whom something is done that comes from there: the operator has no address, and everybody else has
/// one.
pub fn whom(origin: Origin) -> Whom {
    match origin {
        Origin::Client(address)
        | Origin::Certified(address, _)
        | Origin::Dialled { peer: address, .. } => Some(network(address)),
        Origin::Operator => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn networks_are_addresses_but_in_ipv6() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1") && same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1") && !same("10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn where_tls_is_required_only_this_machine_may_do_without() {
        let mut config = Config::default();
        let may =
            |config: &Config, from: &str| Rules::new(config).may_be_plain(from.parse().unwrap());
        assert!(may(&config, "192.0.2.1"));
        config.tls.require = true;
        assert!(!may(&config, "192.0.2.1") && !may(&config, "2001:db8::1"));
        assert!(may(&config, "127.0.0.1") && may(&config, "::1"));
    }

    /// A load generator or a class behind one address needs more than anyone else should have.
    #[test]
    fn local_mode_limits_no_rate() {
        let rates = |c: &Config| {
            [c.connects(), c.strangers(), c.registrations(), c.requests(), c.account_requests()]
        };
        let local = Config::default();
        assert_eq!(rates(&local), [None; 5]);
        let listen = vec![SocketAddr::from(([0, 0, 0, 0], 1))];
        let mut public = Config { listen, ..Config::default() };
        let bursts = rates(&public).map(|quota| quota.map(|quota| quota.burst_size().get()));
        assert_eq!(bursts, [600, 30, 100, 20_000, 5_000].map(Some));
        public.limits.requests_per_second = Some(0);
        assert_eq!(public.requests(), None);
        assert!(local.handshakes_per_address() > public.handshakes_per_address());
    }
}
