//! Message texts.

use crate::FileHash;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A message's text: any UTF-8 without control characters except TAB (protocol section 1).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Text(Arc<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadsText)
    }
}

/// Reads a text without a copy in between. What was stored was checked once.
struct ReadsText;

impl Visitor<'_> for ReadsText {
    type Value = Text;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.into()))
    }
}

/// Why a text was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Longer than the limit, in bytes.
    TooLong,
    /// It holds a control character (C0 other than TAB, DEL or C1).
    Control,
}

impl Text {
    /// Checks a text against `limit` bytes and the rule above.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn parse(text: &str, limit: usize) -> Result<Self, TextError> {
        check(text, limit).map(|()| Self(text.into()))
    }

    /// The same of a text that is shared, which is not copied.
    ///
    /// # Errors
    /// As [`Text::parse`].
    pub fn new(text: Arc<str>, limit: usize) -> Result<Self, TextError> {
        check(&text, limit).map(|()| Self(text))
    }

    /// Nothing written.
    pub fn empty() -> Self {
        Self("".into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It, led by something that is no control character.
    pub(crate) fn after(&self, lead: &str) -> Self {
        Self([lead, &self.0].concat().into())
    }

    /// It without what leads it, where that does.
    pub(crate) fn without(&self, lead: &str) -> Self {
        self.0.strip_prefix(lead).map_or_else(|| self.clone(), |rest| Self(rest.into()))
    }

    /// What tells it from every other text.
    pub fn digest(&self) -> TextDigest {
        TextDigest(half(Sha256::digest(self.0.as_bytes()).into()))
    }

    /// What tells it together with a file from every other text, with or without one. No text holds a NUL.
    pub fn digest_with(&self, file: &FileHash) -> TextDigest {
        let both = [file.as_bytes(), &[0][..], self.0.as_bytes()].concat();
        TextDigest(half(Sha256::digest(both).into()))
    }
}

fn half(whole: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

/// Half of the SHA-256 of a text: nobody can make two texts with the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextDigest([u8; 16]);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// C1 characters are U+0080–U+009F: the bytes C2 80 to C2 9F in UTF-8.
fn check(text: &str, limit: usize) -> Result<(), TextError> {
    if text.len() > limit {
        return Err(TextError::TooLong);
    }
    if has_control(text) { Err(TextError::Control) } else { Ok(()) }
}

fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A stretch of known length without a branch is many bytes at once for the processor.
    let is_control = |b: u8| ((b < 0x20) & (b != b'\t')) | (b == 0x7f);
    let has_any = |stretch: &[u8]| stretch.iter().fold(false, |any, &b| any | is_control(b));
    let (stretches, rest) = bytes.as_chunks::<32>();
    stretches.iter().any(|stretch| has_any(stretch))
        || has_any(rest)
        || (!text.is_ascii()
            && bytes.windows(2).any(|w| w[0] == 0xc2 && (0x80..0xa0).contains(&w[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_control_characters_only() {
        for good in ["hi", "a\tb", "é \u{a0} \u{2028} 🦀", ""] {
            assert!(Text::parse(good, 100).is_ok(), "{good}");
        }
        for bad in ["\u{0}", "a\u{1b}[m", "\u{7f}", "\u{80}", "x\u{9f}", "a\rb"] {
            assert_eq!(Text::parse(bad, 100), Err(TextError::Control), "{bad:?}");
        }
        assert_eq!(Text::parse("abc", 2), Err(TextError::TooLong));
        for at in 0..200 {
            let mut text = ["x"; 200];
            text[at] = "\u{1}";
            assert_eq!(Text::parse(&text.concat(), 200), Err(TextError::Control), "{at}");
        }
    }
}
