//! TLS 1.3, accepting and connecting, with the realm's own certificate.
//!
//! No authority vouches for anybody: any certificate is taken, and the handshake proves that whoever
//! shows it has its key. Whom it belongs to is decided elsewhere, by its fingerprint.

mod certificate;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateError, watch};

use crate::identity::Identity;
use crate::panics::contain;
use antar_tls::{ALPN, browser_config, fingerprint, nowhere, server_config};
use antar_types::Fingerprint;
use rustls::server::{Acceptor, ClientHello};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection, Error, ServerConfig};
use std::io;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, TlsStream};

/// How long a handshake with whom this realm calls may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long whoever was called may take to begin an answer.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// What a handshake, and only that, begins with: the first type of TLS record a client sends.
pub const HELLO: u8 = 0x16;

/// The types of TLS records there are.
const RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;

/// Why no TLS connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The other side does not speak TLS: it closed the connection, answered something else, or
    /// did not begin to answer within two seconds.
    #[error("the other side does not speak TLS")]
    NoTls,
    /// It speaks TLS, and the handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Failed(io::Error),
    /// It began to answer, and did not come to an end within ten seconds.
    #[error("the TLS handshake took too long")]
    TimedOut,
}

/// Makes TLS connections of TCP connections.
pub struct Tls {
    /// For realms, and for clients that offer what realms do: the realm's key, and theirs is asked for.
    native: Arc<ServerConfig>,
    /// For browsers where the operator has no certificate: the realm's key too.
    browsers: Arc<ServerConfig>,
    /// For everybody who is no realm: the operator's certificate.
    others: RwLock<Option<Arc<ServerConfig>>>,
    connector: TlsConnector,
}

impl Tls {
    /// Both sides as the owner of this identity.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let native = Arc::new(server_config(shown(identity)));
        let browsers = Arc::new(browser_config(shown(identity)));
        let connector = TlsConnector::from(Arc::new(client_config(Some(identity))));
        Self { native, browsers, others: RwLock::default(), connector }
    }

    /// Shows this certificate, or none, from now on to everybody who is no realm.
    pub(crate) fn show(&self, certificate: Option<&Certificate>) {
        let config = certificate.map(|one| Arc::new(browser_config(one.shown())));
        *self.others.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// How to serve a client, by what it offers.
    fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered = hello.alpn();
        let silent = offered.is_none();
        if offered.is_some_and(|mut offered| offered.any(|one| one == ALPN)) {
            return self.native.clone();
        }
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        match &*others {
            Some(others) => others.clone(),
            // A realm of an earlier version offers nothing.
            None if silent => self.native.clone(),
            None => self.browsers.clone(),
        }
    }

    /// Does the handshake with a client; returns also the fingerprint of its certificate, where it
    /// has shown one.
    ///
    /// # Errors
    /// Where the other side breaks it off, does not keep to TLS 1.3 or takes longer than `limit`.
    pub async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<(Box<TlsStream<TcpStream>>, Option<Fingerprint>)> {
        let handshake = async {
            let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let config = self.config_for(&begun.client_hello());
            begun.into_stream(config).await
        };
        let stream = timeout(limit, contain(pin!(handshake))).await?.ok_or_else(fault)??;
        // It is large, and every future that hands it on would have room for it.
        let stream = Box::new(TlsStream::from(stream));
        let key = peer(&stream);
        Ok((stream, key))
    }

    /// Does the handshake with a server, showing it this realm's certificate; returns also the
    /// fingerprint of its own.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Fingerprint), ConnectError> {
        self.connect_within(stream, FIRST_ANSWER).await
    }

    async fn connect_within(
        &self,
        stream: TcpStream,
        first_answer: Duration,
    ) -> Result<(TlsStream<TcpStream>, Fingerprint), ConnectError> {
        let handshake = pin!(self.handshake(stream, first_answer));
        let stream = timeout(HANDSHAKE, contain(handshake)).await;
        let failed_here = || Err(ConnectError::Failed(fault()));
        let stream = stream.map(|done| done.unwrap_or_else(failed_here));
        let stream = stream.unwrap_or(Err(ConnectError::TimedOut))?;
        let nobody = || failed(Error::NoCertificatesPresented);
        let key = peer(&stream).ok_or_else(nobody)?;
        Ok((stream, key))
    }

    async fn handshake(
        &self,
        mut stream: TcpStream,
        first_answer: Duration,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let begin = || ClientConnection::new(self.connector.config().clone(), nowhere());
        // The first message is sent by hand, so that the first byte of the answer can be looked at
        // before anything takes it: one that begins a record is TLS, however slow the rest.
        let mut begun = begin().map_err(failed)?;
        let mut hello = Vec::new();
        while begun.wants_write() {
            begun.write_tls(&mut hello).map_err(ConnectError::Failed)?;
        }
        let mut first = [0];
        let asked = async {
            stream.write_all(&hello).await?;
            stream.peek(&mut first).await
        };
        match timeout(first_answer, asked).await {
            Ok(Ok(1)) if RECORDS.contains(&first[0]) => {}
            _ => return Err(ConnectError::NoTls),
        }
        let handshake = self.connector.connect_with(nowhere(), stream, |fresh| *fresh = begun);
        handshake.await.map(TlsStream::from).map_err(ConnectError::Failed)
    }
}

/// A panic, which the log has.
fn fault() -> io::Error {
    io::Error::other("a fault of this realm")
}

fn failed(error: Error) -> ConnectError {
    ConnectError::Failed(io::Error::other(error))
}

/// How to be a client: with an identity to show, or without one.
///
/// It takes any certificate whose key the other side has; whom it belongs to is for the caller to
/// compare.
#[must_use]
pub fn client_config(identity: Option<&Identity>) -> ClientConfig {
    antar_tls::client_config(identity.map(|identity| shown(identity) as _))
}

/// The certificate that a realm shows, whoever asks for it.
fn shown(identity: &Identity) -> Arc<SingleCertAndKey> {
    Arc::new(SingleCertAndKey::from(identity.certified()))
}

fn peer(stream: &TlsStream<TcpStream>) -> Option<Fingerprint> {
    stream.get_ref().1.peer_certificates()?.first().map(fingerprint)
}
