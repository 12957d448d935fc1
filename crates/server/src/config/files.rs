//! What an operator sets about files.

use antar_domain::FileLimits;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What files may take, and how long what concerns them is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// Bytes of all that one account has uploaded and that are kept.
    pub account_bytes: u64,
    /// Bytes of all files.
    pub realm_bytes: u64,
    /// Hours that a file is kept that no message names, and an upload that was given up.
    pub unreferenced_hours: u64,
    /// Days that a link to a file is valid.
    pub link_days: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        let FileLimits { file_bytes, account_bytes, realm_bytes, unreferenced, link } =
            FileLimits::default();
        Self {
            file_bytes,
            account_bytes,
            realm_bytes,
            unreferenced_hours: unreferenced.as_secs() / 3_600,
            link_days: link.as_secs() / 86_400,
        }
    }
}

impl FilesConfig {
    /// As the domain has it.
    pub(super) fn limits(&self) -> FileLimits {
        FileLimits {
            file_bytes: self.file_bytes,
            account_bytes: self.account_bytes,
            realm_bytes: self.realm_bytes,
            unreferenced: self.unreferenced(),
            link: Duration::from_secs(self.link_days.saturating_mul(86_400)),
        }
    }

    /// How long a file is kept that no message names.
    pub(crate) fn unreferenced(&self) -> Duration {
        Duration::from_secs(self.unreferenced_hours.saturating_mul(3_600))
    }
}
