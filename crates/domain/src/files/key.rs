//! Links with which a file is read without a session: the realm signs them, and believes its signature.

use antar_types::{FileHash, FileLink, Time};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// What links to files are signed with: 32 random bytes, which stay here. `Debug` hides them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKey([u8; 32]);

impl FileKey {
    /// Takes random bytes for one.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Signs that the file of a message may be read until some time.
    pub(crate) fn sign(&self, hash: &FileHash, (id, by): (u64, u64), expires: Time) -> FileLink {
        let signature = self.mac(hash, (id, by), expires).finalize().into_bytes().into();
        FileLink { id, by, expires, signature }
    }

    /// Whether this realm has signed a link to that file; in the same time whatever the signature is.
    pub(crate) fn has_signed(&self, hash: &FileHash, link: &FileLink) -> bool {
        self.mac(hash, (link.id, link.by), link.expires).verify_slice(&link.signature).is_ok()
    }

    fn mac(&self, hash: &FileHash, (id, by): (u64, u64), expires: Time) -> Hmac<Sha256> {
        // A key is as long as a block: what is shorter is filled with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(hash.as_bytes());
        mac.update(&expires.0.to_be_bytes());
        mac.update(&id.to_be_bytes());
        mac.update(&by.to_be_bytes());
        mac
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_to_the_file_of_one_message_until_one_time() {
        let (key, other) = (FileKey::new([1; 32]), FileKey::new([2; 32]));
        let [file, another] = [[3; 32], [4; 32]].map(FileHash::from);
        let link = key.sign(&file, (9, 5), Time(7));
        assert!(key.has_signed(&file, &link));
        assert!(!key.has_signed(&another, &link));
        assert!(!other.has_signed(&file, &link));
        assert!(!key.has_signed(&file, &FileLink { expires: Time(8), ..link.clone() }));
        assert!(!key.has_signed(&file, &FileLink { id: 8, ..link.clone() }));
        assert!(!key.has_signed(&file, &FileLink { by: 8, ..link.clone() }));
        let mut signature = link.signature;
        signature[31] ^= 1;
        assert!(!key.has_signed(&file, &FileLink { signature, ..link }));
        assert_eq!(format!("{key:?}"), "FileKey");
    }
}
