//! What a file's first bytes show: whether it is a picture, and how large.

use antar_types::FileType;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that are looked at; what a camera puts before a picture's size is shorter as a rule.
const HEAD: usize = 256 << 10;

/// Pictures that are known by their bytes.
const KNOWN: [&str; 6] =
    ["image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp"];

/// What is known of a file by its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    kind: Option<&'static str>,
    /// Width and height of a picture, in pixels.
    pub size: Option<(u32, u32)>,
}

impl Seen {
    /// Looks at a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let (mut head, mut read) = (vec![0; HEAD], 0);
        while read < HEAD {
            match file.read_at(&mut head[read..], read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(Self::in_bytes(&head[..read]))
    }

    /// Looks at a file's first bytes.
    pub fn in_bytes(head: &[u8]) -> Self {
        let (kind, size) = match head {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => {
                ("image/png", rest.get(8..16).map(|ihdr| (be32(ihdr), be32(&ihdr[4..]))))
            }
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] => {
                ("image/gif", rest.get(..4).map(|size| (le16(size), le16(&size[2..]))))
            }
            [0xff, 0xd8, 0xff, ..] => ("image/jpeg", jpeg(&head[2..])),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => {
                ("image/webp", webp(rest))
            }
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => {
                ("image/avif", None)
            }
            [b'B', b'M', ..] if head.len() > 26 => ("image/bmp", None),
            _ => return Self::default(),
        };
        Self { kind: Some(kind), size: size.filter(|(width, height)| *width > 0 && *height > 0) }
    }

    /// Of which kind a file is: as its bytes show, else as is said; but what is no picture that is known is none,
    /// whatever is said.
    pub fn kind(&self, said: FileType) -> FileType {
        match self.kind.and_then(FileType::parse) {
            // Any text may begin with the two letters of one.
            Some(kind) if kind.as_str() != "image/bmp" || said == kind => kind,
            _ if KNOWN.contains(&said.as_str()) => FileType::default(),
            _ => said,
        }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |four| u32::from_be_bytes(*four))
}

fn be16(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |two| u16::from_be_bytes(*two).into())
}

fn le16(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |two| u16::from_le_bytes(*two).into())
}

fn le24(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]))
}

/// Goes from marker to marker to the one that has the size.
fn jpeg(mut rest: &[u8]) -> Option<(u32, u32)> {
    loop {
        let marker = match *rest.first_chunk()? {
            [0xff, 0xff] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, marker] => marker,
            _ => return None,
        };
        let segment = rest.get(2..)?;
        // All frames but tables of codes, extensions and arithmetic conditions.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let size = segment.get(3..7)?;
            return Some((be16(&size[2..]), be16(size)));
        }
        // The picture itself, or its end.
        if matches!(marker, 0xd8..=0xda) {
            return None;
        }
        rest = segment.get((be16(segment) as usize).max(2)..)?;
    }
}

fn webp(rest: &[u8]) -> Option<(u32, u32)> {
    let data = rest.get(8..)?;
    match rest.first_chunk()? {
        b"VP8X" => data.get(4..10).map(|size| (le24(size) + 1, le24(&size[3..]) + 1)),
        b"VP8L" => data.get(1..5).map(|size| {
            let bits = size.first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }),
        b"VP8 " => data.get(6..10).map(|size| (le16(size) & 0x3fff, le16(&size[2..]) & 0x3fff)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind, a file's first bytes, and the size that they show.
    type Picture = (&'static str, Vec<u8>, Option<(u32, u32)>);

    fn pictures() -> Vec<Picture> {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x03\x08".to_vec();
        let gif = b"GIF89a\x02\x01\x03\0\0".to_vec();
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x0b\x08\0\x03\x01\x02".to_vec();
        let webp = |chunk: &[u8]| [b"RIFF\0\0\0\0WEBP".as_slice(), chunk].concat();
        let size = Some((258, 3));
        vec![
            ("image/png", png, size),
            ("image/gif", gif, size),
            ("image/jpeg", jpeg, size),
            ("image/webp", webp(b"VP8X\0\0\0\0\0\0\0\0\x01\x01\0\x02\0\0"), size),
            ("image/webp", webp(b"VP8L\0\0\0\0\x2f\x01\x81\0\0"), size),
            ("image/webp", webp(b"VP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x02\x01\x03\0"), size),
            ("image/avif", b"\0\0\0\x1cftypavif\0\0\0\0".to_vec(), None),
        ]
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        for (kind, bytes, size) in pictures() {
            let seen = Seen::in_bytes(&bytes);
            assert_eq!((seen.kind(FileType::default()).as_str(), seen.size), (kind, size));
            // Bytes that are cut off, or others, show nothing and end nothing.
            for n in 0..bytes.len() {
                let _ = Seen::in_bytes(&bytes[..n]);
            }
            for n in 0..bytes.len() {
                let mut spoilt = bytes.clone();
                spoilt[n] = 0xff;
                let _ = Seen::in_bytes(&spoilt);
            }
        }
    }

    #[test]
    fn what_is_said_counts_where_it_may_be_true() {
        let kind = |bytes: &[u8], said: &str| {
            let said = FileType::parse(said).unwrap();
            Seen::in_bytes(bytes).kind(said).as_str().to_owned()
        };
        assert_eq!(kind(b"<html>", "image/png"), "application/octet-stream");
        assert_eq!(kind(b"<html>", "text/html"), "text/html");
        assert_eq!(kind(b"GIF89a----", "text/html"), "image/gif");
        assert_eq!(kind(&[b'B', b'M', 0].repeat(20), "text/plain"), "text/plain");
        assert_eq!(kind(&[b'B', b'M', 0].repeat(20), "image/bmp"), "image/bmp");
    }
}
