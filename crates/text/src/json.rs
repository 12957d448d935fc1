//! JSON text, as UTF-8 or as pure ASCII.

use crate::Dialect;
use serde::Serialize;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Escapes every character past ASCII as `\uXXXX` (a surrogate pair where it takes two).
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| !c.is_ascii()) {
            out.write_all(&rest.as_bytes()[..start])?;
            let mut chars = rest[start..].chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

/// Appends a value as JSON, in the character set of the dialect.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, dialect: Dialect, value: &T) {
    let written = match dialect {
        Dialect::Upper => value.serialize(&mut serde_json::Serializer::new(&mut *out)),
        Dialect::Lower => {
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Ascii))
        }
    };
    debug_assert!(written.is_ok(), "a Vec takes every write and our values have string keys");
}

/// Appends a text as [`write`] does. Most stand in JSON as they are, which many bytes at once are looked at for.
pub(crate) fn write_text(out: &mut Vec<u8>, dialect: Dialect, text: &str) {
    let last = match dialect {
        Dialect::Lower => 0x7f,
        Dialect::Upper => 0xff,
    };
    let is_escaped = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\') | (b > last);
    // Without a branch within a stretch of known length the processor takes it whole.
    let has_any = |stretch: &[u8]| stretch.iter().fold(false, |any, &b| any | is_escaped(b));
    let (stretches, rest) = text.as_bytes().as_chunks::<8>();
    if stretches.iter().any(|stretch| has_any(stretch)) || has_any(rest) {
        return write(out, dialect, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends `,"key":`.
pub(crate) fn key(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends `,"key":` and the value.
pub(crate) fn field<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    dialect: Dialect,
    key: &str,
    value: &T,
) {
    self::key(out, key);
    write(out, dialect, value);
}

/// Appends `,"key":"text"`.
pub(crate) fn text_field(out: &mut Vec<u8>, dialect: Dialect, key: &str, text: &str) {
    self::key(out, key);
    write_text(out, dialect, text);
}

/// Appends `,"key":number`.
pub(crate) fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    self::key(out, key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ascii_is_ascii_and_means_the_same(text: String) {
            let mut out = Vec::new();
            write(&mut out, Dialect::Lower, &text);
            prop_assert!(out.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn a_text_is_written_as_any_value_is(plain in "[a-z]{0,99}", rest: String) {
            for text in [&plain, &rest, &(plain.clone() + &rest)] {
                for dialect in [Dialect::Lower, Dialect::Upper] {
                    let (mut out, mut expected) = (Vec::new(), Vec::new());
                    write_text(&mut out, dialect, text);
                    write(&mut expected, dialect, text);
                    prop_assert_eq!(out, expected);
                }
            }
        }
    }
}
