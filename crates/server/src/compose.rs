//! Puts a realm together: makes its parts, and gives each the others that it needs. Nothing else does.

use crate::Config;
use crate::SOCKET;
use crate::admission::Guard;
use crate::backup::Backups;
use crate::committer::Committer;
use crate::descriptors::Descriptors;
use crate::doors::session::Shared;
use crate::doors::{AdminSocket, Calls, Dialler, Doors, Listener};
use crate::files::FileStore;
use crate::hub::{Hub, QUEUE};
use crate::identity::{FILE, Identity};
use crate::ledger::Ledger;
use crate::metrics::{Metrics, Sources};
use crate::offline::readings;
use crate::passwords::Passwords;
use crate::peers::Peers;
use crate::reads::Reads;
use crate::server::{Bound, Server, StartError, note_local_mode};
use crate::tls::{self, Certificate, Tls};
use antar_domain::links::Contact;
use antar_domain::{Effects, State};
use antar_runner::Runner;
use antar_store::{Engine, Store, StoreError};
use antar_types::{Capabilities, Fingerprint, Name};
use antar_web::Site;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How often uploads are looked for that were given up.
const GIVEN_UP: Duration = Duration::from_secs(3_600);

/// Makes a realm's parts, hands each what it needs, and sets them going.
pub fn compose(
    config: &Config,
    bound: Bound,
    engine: Box<dyn Engine>,
) -> Result<Server, StartError> {
    let Bound { listeners, addresses, web, web_addresses, metrics } = bound;
    let (listeners, web) = (taken_over(listeners)?, taken_over(web)?);
    let shown = Certificate::read(&config.tls)?;
    let (store, mut state, name, identity) = open(config, engine)?;
    let fingerprint = identity.fingerprint();
    tracing::info!(realm = %name, key = %fingerprint, "starting");
    note_local_mode(config);
    let files = files_of(config, &state)?;
    state.introduce(contact(config, fingerprint, &addresses));

    let (hub, inbox) = mpsc::channel(QUEUE);
    let (rules, guard) = Guard::new(config);
    note_descriptors(config);
    let reads = Reads::new(store.clone());
    let (room, (calls, called)) = (Descriptors::get(), Calls::new());
    // With one thread for everything, the hub shares it with the connections.
    let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    let runner = Runner::new(state, one_thread);
    let (renamed, realm) = watch::channel(name.clone());
    let running = Hub {
        committer: Committer::start(store.clone(), runner.writer())?,
        runner,
        reads: reads.clone(),
        peers: Peers::new(guard.clone(), room.asks),
        calls,
        backups: Backups::new(store, &config.data, files.clone()),
        files: files.clone(),
        passwords: Passwords::start(guard.clone())?,
        guard: guard.clone(),
        inbox,
        back: hub.downgrade(),
        renamed,
    };
    let (stop, stopped) = watch::channel(false);
    let ledger = Ledger::new(&config.limits);
    let sources = Sources::of(realm.clone(), &running, ledger.clone(), stopped.clone());
    let (connections, tls) = (sources.connections.clone(), Arc::new(Tls::new(&identity)));
    tls.show(shown.as_ref());
    let (certificate, named) = watch::channel(config.tls.clone());
    tokio::spawn(tls::watch(Arc::downgrade(&tls), named));
    let shared = Shared {
        hub: hub.clone(),
        reads,
        guard,
        tls: tls.clone(),
        connections,
        ledger: ledger.clone(),
    };
    let given_up = shared.guard.clone();
    let doors = Arc::new(Doors::new(shared, Site::new(realm), files.clone()));
    tokio::spawn(Dialler::new(called, &doors, room.links).run());

    let mut accepting = Vec::new();
    match AdminSocket::bind(&config.data.join(SOCKET), doors.clone()) {
        Ok(socket) => accepting.push(tokio::spawn(socket.run(stopped.clone()))),
        Err(error) => {
            let path = config.data.join(SOCKET);
            tracing::warn!(?path, %error, "no socket for administration; antar user works on the stopped realm only");
        }
    }
    let listeners = listeners.into_iter().map(|listener| (listener, false));
    for (listener, web_only) in listeners.chain(web.into_iter().map(|listener| (listener, true))) {
        let listener = Listener { listener, doors: doors.clone(), web_only };
        accepting.push(tokio::spawn(listener.run(stopped.clone())));
    }
    tokio::spawn(give_up(Arc::downgrade(&files), given_up));
    let running = tokio::spawn(running.run());
    let metrics = metrics.map(|bound| Metrics::serve(bound, sources)).transpose()?;
    let config = config.clone();
    Ok(Server {
        config,
        rules,
        name,
        fingerprint,
        addresses,
        web_addresses,
        metrics,
        tls,
        certificate,
        hub,
        ledger,
        accepting,
        stop,
        running,
    })
}

/// The files of a realm, as its state has them.
fn files_of(config: &Config, state: &State) -> std::io::Result<Arc<FileStore>> {
    let files = Arc::new(FileStore::new(&config.data, Descriptors::get().files));
    files.sort_out(&state.files().collect(), |account| state.has_account(account))?;
    Ok(files)
}

/// Removes uploads that were given up, now and then.
async fn give_up(files: Weak<FileStore>, mut guard: Guard) {
    loop {
        let Some(files) = files.upgrade() else { return };
        let after = guard.rules().unreferenced;
        let done = spawn_blocking(move || files.give_up(after)).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "could not remove uploads that were given up");
        }
        // Also when the configuration was read again.
        if timeout(GIVEN_UP, guard.changed()).await == Ok(false) {
            return;
        }
    }
}

/// Listeners, taken over by the runtime.
fn taken_over(listeners: Vec<std::net::TcpListener>) -> std::io::Result<Vec<TcpListener>> {
    listeners.into_iter().map(TcpListener::from_std).collect()
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
            return Err(refused(config, error.into()));
        }
    }
    bring_up_to_date(&store, &mut state).map_err(|error| refused(config, error))?;
    Ok((Arc::new(store), state, name, identity))
}

/// Brings data of an older version up to date, step by step.
fn bring_up_to_date(store: &Store, state: &mut State) -> Result<(), StoreError> {
    loop {
        let mut effects = Effects::default();
        let more = state.upgrade(&readings(), &mut effects).unwrap_or_default();
        if !effects.events.is_empty() {
            store.commit(&effects.events)?;
        }
        if !more {
            return Ok(());
        }
    }
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

/// A store that does not open keeps a realm from starting.
pub fn refused(config: &Config, error: StoreError) -> StartError {
    StartError::Store { path: config.data.clone(), error }
}
