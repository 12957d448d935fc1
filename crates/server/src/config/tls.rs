//! What an operator sets about TLS.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A certificate for browsers and clients, beside the realm's own key, and whether anything else is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, and those that vouch for it, in PEM form.
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM form.
    pub key: Option<PathBuf>,
    /// Plain text is refused from anywhere but this machine.
    pub require: bool,
}
