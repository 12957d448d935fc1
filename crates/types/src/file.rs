//! Files that messages name: what a file is called, and what is known of it. Its bytes are the doors' affair.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// SHA-256 of a file's bytes, by which it is named: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileHash([u8; 32]);

impl FileHash {
    /// Reads 64 hexadecimal digits in either case; `None` where the word is something else.
    ///
    /// ```
    /// use antar_types::FileHash;
    /// let word = "ab".repeat(32);
    /// assert_eq!(FileHash::parse(&word).unwrap().to_string(), word);
    /// assert!(FileHash::parse("ab").is_none());
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        bytes(word).map(Self)
    }

    /// The hash of these bytes.
    pub const fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for FileHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 64 hexadecimal digits.
fn bytes(word: &str) -> Option<[u8; 32]> {
    if word.len() != 64 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&word[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

/// What a file is called: one component of a path, of bounded length and without control characters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<str>")]
pub struct FileName(Arc<str>);

/// The longest [`FileName`], in bytes: as long as most file systems allow.
const MAX_FILE_NAME: usize = 255;

/// What a file is called whose name has nothing that may be in one.
const UNNAMED: &str = "file";

/// Turns around what stands beside it too (ARABIC LETTER MARK), but is in names that earlier versions stored.
const ALLOWED_BEFORE: char = '\u{61c}';

impl FileName {
    /// Checks a name that was made by [`Self::cleaned`], of this version or an earlier one.
    pub fn parse(name: &str) -> Option<Self> {
        let valid = (1..=MAX_FILE_NAME).contains(&name.len())
            && !matches!(name, "." | "..")
            && !name.chars().any(is_out_of_place);
        valid.then(|| Self(name.into()))
    }

    /// Makes one of anything: of a path its last component, and what may not be in a name becomes `_`.
    ///
    /// ```
    /// use antar_types::FileName;
    /// assert_eq!(FileName::cleaned("C:\\home\\a\tb.txt").as_str(), "a_b.txt");
    /// assert_eq!(FileName::cleaned("../..").as_str(), "file");
    /// ```
    pub fn cleaned(name: &str) -> Self {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = name.replace(|c| is_out_of_place(c) || c == ALLOWED_BEFORE, "_");
        let name = name.trim();
        Self::parse(&shortened(name)).unwrap_or_else(|| Self(UNNAMED.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As much of a name as one may be long, with what says of which kind it is.
fn shortened(name: &str) -> String {
    let ending = name.rfind('.').filter(|at| *at > 0 && name.len() - at <= 16);
    let ending = if name.len() > MAX_FILE_NAME { ending.map_or("", |at| &name[at..]) } else { "" };
    let most = name.len().min(MAX_FILE_NAME - ending.len());
    [&name[..name.floor_char_boundary(most)], ending].concat()
}

/// Whether a character may not be in a name: it ends a line or a component, or turns around what stands beside it.
fn is_out_of_place(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}')
}

impl TryFrom<Box<str>> for FileName {
    type Error = &'static str;

    fn try_from(name: Box<str>) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("no name of a file")
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Of which kind a file is, as who brought it says: a media type in lower case, without parameters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<str>")]
pub struct FileType(Arc<str>);

/// The longest [`FileType`], in bytes.
const MAX_FILE_TYPE: usize = 127;

/// What a browser may show in its place: no page, no script and nothing that holds one.
const INLINE: &[&str] = &[
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

impl FileType {
    /// Reads a media type in any case, without what follows a `;`.
    ///
    /// ```
    /// use antar_types::FileType;
    /// assert_eq!(FileType::parse("Text/HTML; charset=utf-8").unwrap().as_str(), "text/html");
    /// assert!(FileType::parse("text").is_none());
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.split(';').next().unwrap_or_default().trim();
        let (first, second) = word.split_once('/')?;
        // The tokens of RFC 9110.
        let is_token = |part: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            !part.is_empty() && part.bytes().all(allowed)
        };
        let valid = word.len() <= MAX_FILE_TYPE && is_token(first) && is_token(second);
        valid.then(|| Self(word.to_ascii_lowercase().into()))
    }

    /// The type itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a browser may show it in its place: raster pictures, audio and video. All else is saved.
    pub fn shown_inline(&self) -> bool {
        INLINE.binary_search(&&*self.0).is_ok()
    }
}

/// Bytes of which nothing is known.
impl Default for FileType {
    fn default() -> Self {
        Self("application/octet-stream".into())
    }
}

impl TryFrom<Box<str>> for FileType {
    type Error = &'static str;

    fn try_from(word: Box<str>) -> Result<Self, Self::Error> {
        Self::parse(&word).filter(|kind| kind.as_str() == &*word).ok_or("no type of a file")
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is said of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAbout {
    /// What it is called.
    pub name: FileName,
    /// Of which kind it is.
    pub kind: FileType,
    /// How many bytes it has.
    pub size: u64,
    /// The width and height of a picture, in pixels, where they are known.
    pub picture: Option<(u32, u32)>,
}

/// A file that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Which it is.
    pub hash: FileHash,
    /// What the message says of it.
    pub about: FileAbout,
}

impl File {
    /// About how many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.about.name.0.len() + self.about.kind.0.len()
    }
}

/// Lets whoever shows it read the file of a message until some time, without a session.
#[derive(Clone, PartialEq, Eq)]
pub struct FileLink {
    /// The id of the message, which no other message of the realm has.
    pub id: u64,
    /// The number of the account that it was given to: it reads no more than that account may.
    pub by: u64,
    /// Until when.
    pub expires: Time,
    /// By the realm.
    pub signature: [u8; 32],
}

impl FileLink {
    /// Reads the values of `id`, `by`, `exp` and `sig` in the query of an address.
    pub fn parse([id, by, exp, sig]: [&str; 4]) -> Option<Self> {
        let number = |word: &str| {
            let digits = Some(word).filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
            digits?.parse::<u64>().ok()
        };
        let (id, by, expires) = (number(id)?, number(by)?, Time(number(exp)?));
        Some(Self { id, by, expires, signature: bytes(sig)? })
    }

    /// Where a file is read with it.
    ///
    /// ```
    /// use antar_types::{FileHash, FileLink, Time};
    /// let link = FileLink { id: 9, by: 4, expires: Time(7), signature: [1; 32] };
    /// let (hash, sig) = ("ab".repeat(32), "01".repeat(32));
    /// let path = link.path(&FileHash::parse(&hash).unwrap());
    /// assert_eq!(path, format!("/files/{hash}?id=9&by=4&exp=7&sig={sig}"));
    /// assert_eq!(FileLink::parse(["9", "4", "7", &sig]), Some(link));
    /// ```
    pub fn path(&self, hash: &FileHash) -> String {
        let (Self { id, by, expires, .. }, sig) = (self, FileHash(self.signature));
        format!("/files/{hash}?id={id}&by={by}&exp={}&sig={sig}", expires.0)
    }
}

/// Whoever has the signature can read the file.
impl fmt::Debug for FileLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLink").field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_digits() {
        let hash = FileHash::from([0xa1; 32]);
        assert_eq!(FileHash::parse(&"A1".repeat(32)), Some(hash));
        assert_eq!(format!("{hash:?}"), "a1".repeat(32));
        for bad in ["", "a1", &"a1".repeat(33), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(FileHash::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_component_of_bounded_length() {
        for good in ["a", "a b.txt", "…", ".bashrc", &"x".repeat(255)] {
            assert_eq!(FileName::parse(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(256);
        for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", "a\u{202e}b", "a\u{2028}b", &long] {
            assert!(FileName::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn what_an_earlier_version_stored_is_read() {
        let stored = FileName::try_from(Box::<str>::from("a\u{61c}b")).unwrap();
        assert_eq!(stored.as_str(), "a\u{61c}b");
    }

    #[test]
    fn a_name_is_made_of_anything() {
        let long = format!("{}.tar.gz", "é".repeat(200));
        for (name, cleaned) in [
            ("/etc/passwd", "passwd"),
            ("a\r\nb\u{202e}gpj.exe", "a__b_gpj.exe"),
            ("a\u{61c}b", "a_b"),
            ("", "file"),
            (" .. ", "file"),
            ("a/", "file"),
            (&long, &format!("{}.gz", "é".repeat(126))),
            (&"x".repeat(300), &"x".repeat(255)),
        ] {
            assert_eq!(FileName::cleaned(name).as_str(), cleaned);
            assert!(FileName::parse(cleaned).is_some());
        }
    }

    #[test]
    fn a_type_is_lower_case_and_only_some_are_shown_in_place() {
        assert!(INLINE.is_sorted());
        for (word, inline) in [
            ("image/png", true),
            ("IMAGE/JPEG", true),
            ("video/mp4; codecs=avc1", true),
            ("image/svg+xml", false),
            ("text/html", false),
            ("application/pdf", false),
            ("application/xhtml+xml", false),
        ] {
            assert_eq!(FileType::parse(word).unwrap().shown_inline(), inline, "{word}");
        }
        let long = format!("a/{}", "b".repeat(126));
        for bad in ["", "text", "/", "a/", "/b", "a/b/c", "a b/c", "a/b\r\nX: y", "é/a", &long] {
            assert!(FileType::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(FileType::default().as_str(), "application/octet-stream");
    }

    #[test]
    fn a_link_is_not_shown_to_who_reads_a_log() {
        let link = FileLink { id: 9, by: 4, expires: Time(7), signature: [0xab; 32] };
        assert!(!format!("{link:?}").contains("171"), "{link:?}");
        for (exp, sig) in [("", "01"), ("+7", "01"), ("7", "1"), ("99999999999999999999", "01")] {
            let sig = if sig.len() == 2 { sig.repeat(32) } else { sig.into() };
            assert_eq!(FileLink::parse(["9", "4", exp, &sig]), None, "{exp} {sig}");
            assert_eq!(FileLink::parse([exp, "4", "9", &sig]), None, "{exp} {sig}");
        }
    }
}
