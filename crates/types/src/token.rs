//! Session tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// What AUTH returns: `~` and 43 characters of base64url, 32 random bytes.
///
/// Whoever holds it is the user, so `Debug` hides it and only its [`TokenHash`] is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

/// SHA-256 of a token: enough to recognise it, useless to impersonate its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    /// Length of a token as written, in bytes.
    pub const LEN: usize = 44;

    /// A token of 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a token; `None` where the word is none (a user name can never look like one).
    pub fn parse(word: &str) -> Option<Self> {
        let digits = word.strip_prefix('~').filter(|_| word.len() == Self::LEN)?;
        let bytes = URL_SAFE_NO_PAD.decode(digits).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The token as a client writes it.
    pub fn reveal(&self) -> String {
        format!("~{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The hash it is stored and looked up by. Looking up a hash of the secret leaks nothing
    /// useful through timing: whoever can choose the hash can already invert SHA-256.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let token = Token::new([0xfb; 32]);
        let written = token.reveal();
        assert_eq!(written.len(), Token::LEN);
        assert_eq!(Token::parse(&written), Some(token));
        for bad in ["", "~", "bob", &written[1..], &written[..43], &format!("{written}A")] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
        assert_eq!(Token::parse(&format!("~{}", "=".repeat(43))), None);
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Token::new([7; 32])), "Token");
    }
}
