//! The operator's certificate: what browsers, and clients that know no realm's key, are shown.

use super::Tls;
use crate::config::TlsConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Bytes of a file of certificates or with a key: chains have some 10 KiB.
const LARGEST: u64 = 1 << 20;

/// A certificate, those that vouch for it, and its key.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why a certificate cannot be used. Each says what to do about it in one line.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Only one of the two is given.
    #[error("[tls] certificate and key go together: one of them is missing")]
    Half,
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no {what} in PEM form")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The two do not belong together, or the key is of a kind that is not known.
    #[error("the certificate in {certificate} cannot be used with the key in {key}: {error}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl Certificate {
    /// Reads the certificate that a configuration names, if it names one.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn read(config: &TlsConfig) -> Result<Option<Self>, CertificateError> {
        let (certificate, key) = match (&config.certificate, &config.key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            _ => return Err(CertificateError::Half),
        };
        let wrong = |path: &Path, what| CertificateError::Wrong { path: path.into(), what };
        let chain = CertificateDer::pem_slice_iter(&bytes(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| wrong(certificate, "certificate"))?;
        let secret =
            PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|_| wrong(key, "private key"))?;
        let certified = CertifiedKey::from_der(chain, secret, &default_provider());
        let certified = certified.map_err(|error| CertificateError::Unusable {
            certificate: certificate.clone(),
            key: key.clone(),
            error,
        })?;
        Ok(Some(Self(Arc::new(certified))))
    }

    /// As it is shown.
    pub(super) fn shown(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(CertifiedKey::clone(&self.0)))
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |error| CertificateError::Unreadable { path: path.into(), error };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read(path).map_err(unreadable)
}

/// What tells that a file was changed or replaced.
fn look(path: Option<&PathBuf>) -> Option<(u64, u64, i64, i64)> {
    let of = |file: Metadata| (file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    std::fs::metadata(path?).ok().map(of)
}

/// Shows a certificate anew whenever one of its files has changed, as long as the realm runs. What `config`
/// says may change meanwhile.
pub async fn watch(tls: Weak<Tls>, mut config: tokio::sync::watch::Receiver<TlsConfig>) {
    let seen = |config: &TlsConfig| [look(config.certificate.as_ref()), look(config.key.as_ref())];
    let mut now = config.borrow_and_update().clone();
    let mut last = seen(&now);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = config.changed() => match changed {
                // It was shown by whoever changed it.
                Ok(()) => {
                    now = config.borrow_and_update().clone();
                    last = seen(&now);
                    continue;
                }
                Err(_) => return,
            },
        }
        let Some(tls) = tls.upgrade() else { return };
        let found = seen(&now);
        if found == last {
            continue;
        }
        last = found;
        match Certificate::read(&now) {
            Ok(certificate) => {
                tls.show(certificate.as_ref());
                tracing::info!("the certificate was read again: its files have changed");
            }
            // One of the two may have been replaced and the other not yet.
            Err(error) => tracing::warn!("the former certificate stays: {error}"),
        }
    }
}
