//! A realm, running.

use crate::Config;
use crate::admission::Rules;
use crate::compose::{compose, refused};
use crate::config::TlsConfig;
use crate::doors::bind;
use crate::hub::ToHub;
use crate::identity::IdentityError;
use crate::ledger::Ledger;
use crate::metrics::{self, Metrics};
use crate::reload::{Changes, applicable};
use crate::tls::{Certificate, CertificateError, Tls};
use antar_store::{Disk, Engine, StoreError};
use antar_types::{Fingerprint, Name};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
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
    /// The operator's certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Something else failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A running realm. Dropping it breaks everything off; [`Server::shut_down`] ends it cleanly.
pub struct Server {
    /// The configuration in force.
    pub(crate) config: Config,
    pub(crate) rules: watch::Sender<Arc<Rules>>,
    pub(crate) name: Name,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) web_addresses: Vec<SocketAddr>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) tls: Arc<Tls>,
    /// What the configuration says of a certificate, for who watches its files.
    pub(crate) certificate: watch::Sender<TlsConfig>,
    pub(crate) hub: mpsc::Sender<ToHub>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) accepting: Vec<JoinHandle<()>>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) running: JoinHandle<()>,
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
        compose(config, bound, Box::new(disk))
    }

    /// As [`Server::start`], over another engine: a test's, which can fail and crash.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_over(config: &Config, engine: Box<dyn Engine>) -> Result<Self, StartError> {
        compose(config, Bound::to(config)?, engine)
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

    /// The addresses where only HTTP is spoken, with the real ports.
    pub fn web_addresses(&self) -> &[SocketAddr] {
        &self.web_addresses
    }

    /// Where a browser finds the realm's page.
    pub fn page(&self) -> String {
        let address = self.web_addresses.iter().chain(&self.addresses).next();
        self.config.page(address.copied())
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
        let _ = self.hub.send(ToHub::Settings(settings)).await;
        // It may have been renewed in the same place.
        match Certificate::read(&config.tls) {
            Ok(certificate) => self.tls.show(certificate.as_ref()),
            Err(error) => tracing::error!("the former certificate stays: {error}"),
        }
        let _ = self.certificate.send(config.tls.clone());
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
pub(crate) fn note_local_mode(config: &Config) {
    match config.local_note() {
        Some((true, note)) => tracing::warn!("{note}"),
        Some((false, note)) => tracing::info!("{note}"),
        None => {}
    }
}

/// The addresses of a realm, before there is one: one that is taken must leave nothing behind.
pub struct Bound {
    pub(crate) listeners: Vec<std::net::TcpListener>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) web: Vec<std::net::TcpListener>,
    pub(crate) web_addresses: Vec<SocketAddr>,
    pub(crate) metrics: Option<metrics::Bound>,
}

impl Bound {
    /// Binds every address of a configuration; needs no runtime.
    ///
    /// # Errors
    /// [`StartError::Listen`] and [`StartError::Metrics`].
    pub fn to(config: &Config) -> Result<Self, StartError> {
        let (listeners, addresses) = bind_all(&config.listen)?;
        let (web, web_addresses) = bind_all(&config.web.listen)?;
        let metrics = config.metrics.map(|address| {
            Metrics::bind(address).map_err(|error| StartError::Metrics { address, error })
        });
        let metrics = metrics.transpose()?;
        Ok(Self { listeners, addresses, web, web_addresses, metrics })
    }
}

/// Binds addresses, and says which they are.
fn bind_all(
    addresses: &[SocketAddr],
) -> Result<(Vec<std::net::TcpListener>, Vec<SocketAddr>), StartError> {
    let listeners = addresses.iter().map(|address| {
        bind(*address).map_err(|error| StartError::Listen { address: *address, error })
    });
    let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
    let addresses = listeners.iter().map(std::net::TcpListener::local_addr);
    let addresses = addresses.collect::<Result<_, _>>()?;
    Ok((listeners, addresses))
}
