//! What tells one realm's key from another's.

use serde::{Deserialize, Serialize};
use std::fmt;

/// SHA-256 of a realm's certificate (its DER form): `sha256:` and 64 hexadecimal digits, as
/// `openssl x509 -fingerprint -sha256` computes it. A realm is known by it, whatever its address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

const SCHEME: &str = "sha256:";

impl Fingerprint {
    /// Reads a fingerprint in either case, with or without colons between the bytes; `None` where
    /// the word is none.
    ///
    /// ```
    /// use antar_types::Fingerprint;
    /// let word = format!("sha256:{}", "ab".repeat(32));
    /// assert_eq!(Fingerprint::parse(&word).unwrap().to_string(), word);
    /// assert!(Fingerprint::parse("sha256:ab").is_none());
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        let digits = word.get(SCHEME.len()..)?.replace(':', "");
        let scheme = word[..SCHEME.len()].eq_ignore_ascii_case(SCHEME);
        if !scheme || digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_and_openssl_write() {
        let key = Fingerprint([0xa1; 32]);
        let colons = format!("SHA256:{}", ["A1"; 32].join(":"));
        assert_eq!(Fingerprint::parse(&colons), Some(key));
        assert_eq!(Fingerprint::parse(&key.to_string()), Some(key));
        for bad in ["", "sha256", "sha256:", &format!("sha1:{}", "a1".repeat(32)), "sha256:+1"] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
        assert_eq!(Fingerprint::parse(&format!("sha256:{}", "+1".repeat(32))), None);
    }
}
