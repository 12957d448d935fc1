//! TLS 1.3 to a realm. The handshake proves that whoever answers has the key of the certificate it shows, and
//! the certificate's fingerprint says whose that is.

use antar_tls::{client_config, fingerprint, nowhere};
use antar_types::Fingerprint;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Does the handshake; returns also the fingerprint of the certificate whose key the other side has.
///
/// # Errors
/// Where the other side does not speak TLS 1.3, or the handshake fails.
pub(crate) async fn handshake(
    stream: TcpStream,
) -> io::Result<(TlsStream<TcpStream>, Fingerprint)> {
    let connector = TlsConnector::from(Arc::new(client_config(None)));
    let stream = connector.connect(nowhere(), stream).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| io::Error::other("it has shown no certificate"))?;
    let key = fingerprint(shown);
    Ok((stream, key))
}
