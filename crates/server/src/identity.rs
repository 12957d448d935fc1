//! Who this realm is to others: a key pair and a self-signed certificate, made at the first start.
//!
//! Nobody vouches for the certificate. Others know the realm by its fingerprint, so the file that
//! holds it must be kept as carefully as the messages.

use antar_store::why_refused;
use antar_tls::fingerprint;
use antar_types::{Fingerprint, Name};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType, string::Ia5String};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// The file in the data directory.
pub const FILE: &str = "identity.pem";

/// A new file until it is complete.
const UNFINISHED: &str = "identity.pem.new";

/// A realm's key pair and certificate.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    fingerprint: Fingerprint,
}

/// Why a realm's key cannot be used. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file is there but cannot be read.
    #[error("{0}{1}; let the account the server runs under read it")]
    Unreadable(io::Error, String),
    /// A new file cannot be written.
    #[error("{0}{1}; the first start writes it")]
    Unwritable(io::Error, String),
    /// There is no file, and others know the realm by what was in it.
    #[error(
        "it is not there, and linked realms know this one by it; put it back from a backup, or start with --new-identity for a new key, which each of them must then be told: antar realm add NAME HOST:PORT --new-key sha256:..."
    )]
    Missing,
    /// The file is not what was written.
    #[error(
        "it is damaged ({0}); put back a copy of it, or remove it and start with --new-identity for a new key, by which linked realms will not know this one until they are told"
    )]
    Damaged(String),
    /// No key could be made.
    #[error("{0}; is the system short of random numbers?")]
    NotMade(rcgen::Error),
}

impl Identity {
    /// Reads the identity in a data directory; makes one where there is none yet.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn open_or_make(directory: &Path, realm: &Name) -> Result<Self, IdentityError> {
        match Self::open(directory) {
            Err(IdentityError::Missing) => {
                let text = make(realm).map_err(IdentityError::NotMade)?;
                write(directory, text.as_bytes()).map_err(|error| {
                    let why = why_refused(&directory.join(UNFINISHED), &error);
                    IdentityError::Unwritable(error, why)
                })?;
                Self::parse(text.as_bytes()).map_err(IdentityError::Damaged)
            }
            opened => opened,
        }
    }

    /// Reads the identity in a data directory, of a realm that others know by it.
    ///
    /// # Errors
    /// [`IdentityError::Missing`] where there is none; otherwise see [`IdentityError`].
    pub fn open(directory: &Path) -> Result<Self, IdentityError> {
        let path = directory.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => Self::parse(&text).map_err(IdentityError::Damaged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(IdentityError::Missing),
            Err(error) => {
                let why = why_refused(&path, &error);
                Err(IdentityError::Unreadable(error, why))
            }
        }
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let missing = |what: &str, error: pem::Error| match error {
            pem::Error::NoItemsFound => format!("it holds no {what}"),
            error => error.to_string(),
        };
        let certificate =
            CertificateDer::from_pem_slice(text).map_err(|error| missing("certificate", error))?;
        let key =
            PrivateKeyDer::from_pem_slice(text).map_err(|error| missing("private key", error))?;
        let fingerprint = fingerprint(&certificate);
        // A certificate with a wrong bit may still be one, with another fingerprint.
        let noted =
            std::str::from_utf8(text).ok().and_then(|t| t.lines().find_map(Fingerprint::parse));
        if noted.is_some_and(|noted| noted != fingerprint) {
            return Err("the certificate is not the one whose fingerprint it gives".into());
        }
        let certified = CertifiedKey::from_der(vec![certificate], key, &default_provider());
        let certified = Arc::new(certified.map_err(|error| error.to_string())?);
        Ok(Self { certified, fingerprint })
    }

    /// What others know the realm by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A thief: it shows another's certificate with its own key.
    #[cfg(test)]
    pub(crate) fn with_certificate_of(&self, other: &Self) -> Self {
        let (cert, key) = (other.certified.cert.clone(), self.certified.key.clone());
        Self { certified: Arc::new(CertifiedKey::new(cert, key)), fingerprint: other.fingerprint }
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.fingerprint).finish()
    }
}

/// A new key and its certificate, as the file has them.
fn make(realm: &Name) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut about = CertificateParams::default();
    about.distinguished_name = DistinguishedName::new();
    about.distinguished_name.push(DnType::CommonName, realm.as_str());
    about.subject_alt_names = vec![SanType::DnsName(Ia5String::try_from(realm.as_str())?)];
    // A clock that is wrong must not keep realms apart: what counts is the key.
    about.not_before = rcgen::date_time_ymd(1970, 1, 1);
    about.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let certificate = about.self_signed(&key)?;
    let fingerprint = fingerprint(certificate.der());
    Ok(format!("{fingerprint}\n{}{}", certificate.pem(), key.serialize_pem()))
}

/// Writes the file whole or not at all, readable by its owner only from the beginning.
fn write(directory: &Path, text: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    // One that a killed server left may have another mode.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn open(directory: &Path) -> Result<Identity, IdentityError> {
        Identity::open_or_make(directory, &Name::parse("alpha_1").unwrap())
    }

    #[test]
    fn is_made_once_and_is_its_owners_only() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path()).unwrap();
        let path = directory.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!directory.path().join(UNFINISHED).exists());
        assert_eq!(open(directory.path()).unwrap().fingerprint(), first.fingerprint());
        assert_eq!(format!("{first:?}"), format!("Identity({})", first.fingerprint()));
        std::fs::remove_file(path).unwrap();
        assert_ne!(open(directory.path()).unwrap().fingerprint(), first.fingerprint());
    }

    /// Every byte of the file, turned into another letter of base64.
    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let text = make(&Name::parse("alpha").unwrap()).unwrap().into_bytes();
        let whole = Identity::parse(&text).unwrap().fingerprint();
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            match Identity::parse(&damaged) {
                Ok(identity) => assert_eq!(identity.fingerprint(), whole, "byte {at}"),
                Err(why) => assert!(!why.contains('\n') && !why.is_empty(), "byte {at}: {why}"),
            }
            assert!(Identity::parse(&text[..at]).is_err() || at + 1 == text.len(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let made = || make(&Name::parse("alpha").unwrap()).unwrap();
        let (one, other) = (made(), made());
        let key = |text: &str| text[text.find("-----BEGIN PRIVATE").unwrap()..].to_string();
        let certificate = |text: &str| text.replace(&key(text), "");
        for (text, word) in [
            (String::new(), "no certificate"),
            (key(&one), "no certificate"),
            (certificate(&one), "no private key"),
            (certificate(&one) + &key(&other), "KeyMismatch"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = open(directory.path()).unwrap_err().to_string();
            assert!(said.contains(word) && said.contains("remove it"), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(open(directory.path()), Err(IdentityError::Unreadable(..))));
    }
}
