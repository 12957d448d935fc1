//! TLS 1.3 to a realm. No authority vouches for realms: the handshake proves that whoever answers has
//! the key of the certificate it shows, and the certificate's fingerprint says whose that is.

use antar_types::Fingerprint;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring::default_provider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use sha2::{Digest, Sha256};
use std::io;
use std::net::Ipv4Addr;
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
    // A realm is not called by a name that a certificate could be compared with.
    let nowhere = ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into());
    let config = Arc::new(config().map_err(io::Error::other)?);
    let stream = TlsConnector::from(config).connect(nowhere, stream).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| io::Error::other(Error::NoCertificatesPresented))?;
    let key = Fingerprint(Sha256::digest(shown).into());
    Ok((stream, key))
}

fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&[&TLS13])?.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(AnyKey(provider)));
    let mut config = builder.with_no_client_auth();
    // Every connection shows its certificate.
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// Takes any certificate, from whoever proves to have its key.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Never asked for: only TLS 1.3 is offered.
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
