//! A realm, running.

use crate::admission::{Guard, Rules};
use crate::backup::Backups;
use crate::committer::Committer;
use crate::descriptors::Descriptors;
use crate::doors::session::Shared;
use crate::doors::{AdminSocket, Calls, Dialler, Doors, Listener, bind};
use crate::hub::{Hub, QUEUE, ToHub};
use crate::identity::{FILE, Identity, IdentityError};
use crate::ledger::Ledger;
use crate::metrics::{self, Metrics, Sources};
use crate::passwords::Passwords;
use crate::peers::Peers;
use crate::reads::Reads;
use crate::reload::{Changes, applicable};
use crate::tls::Tls;
use crate::{Config, SOCKET};
use antar_domain::links::Contact;
use antar_domain::{Effects, State};
use antar_runner::Runner;
use antar_store::{Disk, Engine, Store, StoreError};
use antar_types::{Capabilities, Fingerprint, Name};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How long connections may take to read their last replies when the server shuts down.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Why a server did not start. Each says what to do about it in one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What is in the data directory cannot be used.
    #[error("cannot open the data in {path}: {error}")]
    Store {
        /// The directory.
        path: PathBuf,
        /// What the store says.
        error: StoreError,
    },
    /// The realm's key cannot be used.
    #[error("cannot use the realm's key in {path}: {error}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: IdentityError,
    },
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {error}; is another server using it? choose one with --listen ADDR:PORT"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The address for metrics cannot be listened on.
    #[error(
        "cannot serve metrics on {address}: {error}; is another server using it? choose one with --metrics ADDR:PORT"
    )]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The name given is none.
    #[error("{0:?} is no name for a realm: 1-64 of A-Z a-z 0-9 . _ -, the first a letter or digit")]
    BadName(String),
    /// The realm has another name already.
    #[error(
        "this realm is named {kept} and keeps its name; start it without --name {given}, or with another --data"
    )]
    Renamed {
        /// Its name.
        kept: String,
        /// The one given.
        given: String,
    },
    /// Something else failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A running realm. Dropping it breaks everything off; [`Server::shut_down`] ends it cleanly.
pub struct Server {
    /// What holds now.
    config: Config,
    rules: watch::Sender<Arc<Rules>>,
    name: Name,
    fingerprint: Fingerprint,
    addresses: Vec<SocketAddr>,
    metrics: Option<Metrics>,
    hub: mpsc::Sender<ToHub>,
    ledger: Arc<Ledger>,
    accepting: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Server {
    /// Binds every address, opens the data and takes connections. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// See [`StartError`]. A first start that fails leaves no realm behind.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_on(config, Bound::to(config)?).await
    }

    /// As [`Server::start`], on addresses that are bound.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_on(config: &Config, bound: Bound) -> Result<Self, StartError> {
        let disk = Disk::open(&config.data).map_err(|error| refused(config, error))?;
        Self::run(config, bound, Box::new(disk))
    }

    /// As [`Server::start`], over another engine: a test's, which can fail and crash.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_over(config: &Config, engine: Box<dyn Engine>) -> Result<Self, StartError> {
        Self::run(config, Bound::to(config)?, engine)
    }

    fn run(config: &Config, bound: Bound, engine: Box<dyn Engine>) -> Result<Self, StartError> {
        let Bound { listeners, addresses, metrics } = bound;
        let listeners = listeners.into_iter().map(TcpListener::from_std);
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        let (store, mut state, name, identity) = open(config, engine)?;
        let fingerprint = identity.fingerprint();
        tracing::info!(realm = %name, key = %fingerprint, "starting");
        note_local_mode(config);
        state.introduce(contact(config, fingerprint, &addresses));

        let (hub, inbox) = mpsc::channel(QUEUE);
        let (rules, guard) = Guard::new(config);
        note_descriptors(config);
        let reads = Reads::new(store.clone());
        let (room, (calls, called)) = (Descriptors::get(), Calls::new());
        // With one thread for everything, the hub shares it with the connections.
        let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let runner = Runner::new(state, one_thread);
        let running = Hub {
            committer: Committer::start(store.clone(), runner.writer())?,
            runner,
            reads: reads.clone(),
            peers: Peers::new(guard.clone(), room.asks),
            calls,
            backups: Backups::new(store, &config.data),
            passwords: Passwords::start(guard.clone())?,
            guard: guard.clone(),
            unread_events: config.limits.unread_events,
            inbox,
            back: hub.downgrade(),
        };
        let (stop, stopped) = watch::channel(false);
        let ledger = Ledger::new(&config.limits);
        let sources = Sources::of(name.clone(), &running, ledger.clone(), stopped.clone());
        let (connections, tls) = (sources.connections.clone(), Arc::new(Tls::new(&identity)));
        let its = ledger.clone();
        let shared = Shared { hub: hub.clone(), reads, guard, tls, connections, ledger: its };
        let doors = Arc::new(Doors::new(shared));
        tokio::spawn(Dialler::new(called, &doors, room.links).run());

        let mut accepting = Vec::new();
        match AdminSocket::bind(&config.data.join(SOCKET), doors.clone()) {
            Ok(socket) => accepting.push(tokio::spawn(socket.run(stopped.clone()))),
            Err(error) => {
                let path = config.data.join(SOCKET);
                tracing::warn!(?path, %error, "no socket for administration; antar user works on the stopped realm only");
            }
        }
        for listener in listeners {
            let listener = Listener { listener, doors: doors.clone() };
            accepting.push(tokio::spawn(listener.run(stopped.clone())));
        }
        let running = tokio::spawn(running.run());
        let metrics = metrics.map(|bound| Metrics::serve(bound, sources)).transpose()?;
        let config = config.clone();
        Ok(Self {
            config,
            rules,
            name,
            fingerprint,
            addresses,
            metrics,
            hub,
            ledger,
            accepting,
            stop,
            running,
        })
    }

    /// The realm's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What other realms know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The addresses it listens on, with the real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where metrics and health are served, with the real port.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Metrics::address)
    }

    /// Has another configuration hold from now on, as far as that is possible without a restart, and
    /// returns what has changed. Connections that are open go by it once something is read from them,
    /// but for the length of a line; what addresses have used up of a rate that stays as it was is
    /// remembered.
    pub async fn reload(&mut self, config: &Config) -> String {
        let changes = Changes::between(&self.config, config);
        let config = applicable(&self.config, config);
        self.rules.send_modify(|rules| *rules = Arc::new(rules.renewed(&config)));
        self.ledger.bound(&config.limits);
        let settings = Box::new((config.domain_limits(), config.policy()));
        let _ = self.hub.send(ToHub::Settings(settings, config.limits.unread_events)).await;
        if config.local_note() != self.config.local_note() {
            note_local_mode(&config);
        }
        self.config = config;
        changes.to_string()
    }

    /// Stops accepting, answers what was received, syncs, and returns. Connections that do not read
    /// their last replies within five seconds are broken off.
    pub async fn shut_down(self) {
        let _ = self.stop.send(true);
        for accepting in self.accepting {
            let _ = accepting.await;
        }
        let (drained, answered) = oneshot::channel();
        let _ = self.hub.send(ToHub::Drain(drained)).await;
        if tokio::time::timeout(LAST_WORDS, answered).await.is_err() {
            tracing::warn!("some connections did not read their last replies");
        }
        // Until now it has told that the server shuts down.
        if let Some(metrics) = self.metrics {
            metrics.end().await;
        }
        drop(self.hub);
        // Sessions that hang keep the hub's channel open; everything that was acknowledged is synced
        // all the same.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.running).await;
    }
}

/// Tells what local mode means, where the realm is in it.
fn note_local_mode(config: &Config) {
    match config.local_note() {
        Some((true, note)) => tracing::warn!("{note}"),
        Some((false, note)) => tracing::info!("{note}"),
        None => {}
    }
}

/// Tells where the system allows fewer connections than the configuration.
fn note_descriptors(config: &Config) {
    let (wanted, room) = (config.limits.connections, Descriptors::get().connections);
    if room < wanted {
        tracing::warn!(
            wanted,
            connections = room,
            "the limit on open files leaves room for fewer connections; raise it (ulimit -n, LimitNOFILE)"
        );
    }
}

fn refused(config: &Config, error: StoreError) -> StartError {
    StartError::Store { path: config.data.clone(), error }
}

/// The realm's key; where others know it by one that is gone, a new one only if the operator says so.
fn identity(config: &Config, name: &Name, is_known: bool) -> Result<Identity, StartError> {
    let path = || config.data.join(FILE);
    let identity = match is_known && !config.new_identity {
        true => Identity::open(&config.data),
        false => Identity::open_or_make(&config.data, name),
    };
    identity.map_err(|error| StartError::Identity { path: path(), error })
}

/// What other realms are told about this one.
pub(crate) fn contact(config: &Config, key: Fingerprint, addresses: &[SocketAddr]) -> Contact {
    let (host, port) = config.advertised();
    let listens = addresses.iter().find(|address| !address.ip().is_unspecified());
    let first = addresses.first().map_or(0, SocketAddr::port);
    Contact {
        key: Some(key),
        host,
        listens: listens.map(|address| address.ip().to_canonical().to_string()),
        port: port.unwrap_or(listens.map_or(first, SocketAddr::port)),
        can: Capabilities::ALL,
    }
}

/// The addresses of a realm, before there is one: one that is taken must leave nothing behind.
pub struct Bound {
    listeners: Vec<std::net::TcpListener>,
    addresses: Vec<SocketAddr>,
    metrics: Option<metrics::Bound>,
}

impl Bound {
    /// Binds every address of a configuration; needs no runtime.
    ///
    /// # Errors
    /// [`StartError::Listen`] and [`StartError::Metrics`].
    pub fn to(config: &Config) -> Result<Self, StartError> {
        let listeners = config.listen.iter().map(|address| {
            bind(*address).map_err(|error| StartError::Listen { address: *address, error })
        });
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners.iter().map(std::net::TcpListener::local_addr);
        let addresses = addresses.collect::<Result<_, _>>()?;
        let metrics = config.metrics.map(|address| {
            Metrics::bind(address).map_err(|error| StartError::Metrics { address, error })
        });
        Ok(Self { listeners, addresses, metrics: metrics.transpose()? })
    }
}

/// What a realm is made of before it runs.
type Opened = (Arc<Store>, State, Name, Identity);

/// Opens the store and the key, and makes the first state of it, named. The name is committed last:
/// a first start that fails before leaves nothing.
fn open(config: &Config, engine: Box<dyn Engine>) -> Result<Opened, StartError> {
    let (store, events) = Store::open(engine).map_err(|error| refused(config, error))?;
    let mut state = State::new(config.domain_limits(), config.policy(), events);
    let name = match (state.name().cloned(), &config.name) {
        (Some(kept), Some(given)) if *kept.folded() != *given.to_ascii_lowercase() => {
            return Err(StartError::Renamed { kept: kept.to_string(), given: given.clone() });
        }
        (Some(kept), _) => kept,
        (None, given) => first_name(given.as_deref())?,
    };
    let had_key = config.data.join(FILE).exists();
    if had_key && config.new_identity {
        tracing::warn!("--new-identity has no effect: there is a key, {FILE}");
    }
    let identity = identity(config, &name, state.is_known_by_key())?;
    if state.name().is_none() {
        let mut effects = Effects::default();
        let _ = state.name_realm(name.clone(), &mut effects);
        if let Err(error) = store.commit(&effects.events) {
            let _ = (!had_key).then(|| std::fs::remove_file(config.data.join(FILE)));
            return Err(refused(config, error));
        }
    }
    Ok((Arc::new(store), state, name, identity))
}

/// The name given, else the host's with what a name cannot hold replaced.
fn first_name(given: Option<&str>) -> Result<Name, StartError> {
    if let Some(given) = given {
        return Name::parse(given).ok_or_else(|| StartError::BadName(given.into()));
    }
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let host: String = host.chars().map(fits).collect();
    let host = host.trim_start_matches(['.', '_', '-']);
    let short = &host[..host.len().min(antar_types::MAX_NAME)];
    let name = Name::parse(short).or_else(|| Name::parse("realm"));
    name.ok_or_else(|| StartError::BadName(short.into()))
}
