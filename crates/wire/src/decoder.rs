//! Bytes to lines, in bounded memory.

use crate::words;

/// What a stretch of bytes turned out to be.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A request, without its line end and the white space around it. Never blank.
    Line(String),
    /// A line longer than the limit; its bytes were dropped.
    TooLong,
    /// A line that is not UTF-8; its bytes were dropped.
    BadEncoding,
    /// The connection began with an HTTP request. It is never read as chat, nor is anything after
    /// it: a web page must not be able to drive a realm on its reader's machine.
    Http,
}

impl std::fmt::Debug for Frame {
    /// Says how long a line is, not what it says: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "Line({} bytes)", line.len()),
            Self::TooLong => f.write_str("TooLong"),
            Self::BadEncoding => f.write_str("BadEncoding"),
            Self::Http => f.write_str("Http"),
        }
    }
}

/// Turns segments of any size into [`Frame`]s. Holds at most one line up to the limit, and nothing
/// at all between lines.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    tail: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but blank lines so far.
    First,
    Reading,
    /// Inside a line that is too long, up to its LF.
    Skipping,
    /// An HTTP request was seen: everything else is ignored.
    Deaf,
}

impl Decoder {
    /// A decoder for lines of up to `limit` bytes, not counting CR and LF.
    pub fn new(limit: usize) -> Self {
        Self { limit, tail: Vec::new(), state: State::First }
    }

    /// Takes bytes off the wire and appends the frames they complete.
    pub fn feed(&mut self, mut bytes: &[u8], frames: &mut impl Extend<Frame>) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.state == State::Skipping {
                self.state = State::Reading;
            } else if self.tail.is_empty() {
                self.line(line, frames);
            } else if self.tail.len() + line.len() > self.limit + 1 {
                self.overflow(line, frames);
                self.resume();
            } else {
                let mut whole = std::mem::take(&mut self.tail);
                whole.extend_from_slice(line);
                self.line(&whole, frames);
            }
        }
        self.keep(bytes, frames);
    }

    /// A whole line, perhaps with its CR.
    fn line(&mut self, line: &[u8], frames: &mut impl Extend<Frame>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit {
            self.overflow(line, frames);
            return self.resume();
        }
        let line = line.trim_ascii_end_blank();
        if line.is_empty() || self.state == State::Deaf {
            return;
        }
        if self.state == State::First && is_http(line, true) {
            return self.deafen(frames);
        }
        self.state = State::Reading;
        frames.extend([match std::str::from_utf8(line) {
            Ok(line) => Frame::Line(words::trim(line).into()),
            Err(_) => Frame::BadEncoding,
        }]);
    }

    /// The beginning of a line whose end has not come yet. One byte past the limit may be its CR.
    fn keep(&mut self, bytes: &[u8], frames: &mut impl Extend<Frame>) {
        if bytes.is_empty() || matches!(self.state, State::Skipping | State::Deaf) {
            return;
        }
        if self.tail.len() + bytes.len() > self.limit + 1 {
            self.overflow(bytes, frames);
        } else {
            self.tail.extend_from_slice(bytes);
        }
    }

    /// Gives up on a line that is too long; `more` is what would have followed the tail.
    fn overflow(&mut self, more: &[u8], frames: &mut impl Extend<Frame>) {
        let mut head = std::mem::take(&mut self.tail);
        if self.state == State::Deaf {
            return;
        }
        head.extend_from_slice(&more[..more.len().min(HTTP_HEAD)]);
        if self.state == State::First && is_http(&head, false) {
            return self.deafen(frames);
        }
        self.state = State::Skipping;
        frames.extend([Frame::TooLong]);
    }

    /// The line that was too long has ended.
    fn resume(&mut self) {
        if self.state == State::Skipping {
            self.state = State::Reading;
        }
    }

    fn deafen(&mut self, frames: &mut impl Extend<Frame>) {
        self.state = State::Deaf;
        frames.extend([Frame::Http]);
    }
}

/// Enough of a line to tell an HTTP request by.
const HTTP_HEAD: usize = 64;

const HTTP_METHODS: &[&[u8]] = &[
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI",
];

/// Whether a first line is `METHOD TARGET HTTP/…`. Of a line cut short only its head is known:
/// then the method must be one of HTTP's. No verb of ours is, and no name starts like a target.
fn is_http(line: &[u8], whole: bool) -> bool {
    let mut words = line.split(|&b| b == b' ' || b == b'\t').filter(|w| !w.is_empty());
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return false;
    };
    let known = HTTP_METHODS.contains(&method);
    if !whole {
        return known;
    }
    let versioned = words.next().is_some_and(|w| w.starts_with(b"HTTP/"));
    let like_a_target = matches!(target[0], b'/' | b'*') || target.contains(&b':');
    versioned && (known || like_a_target)
}

trait TrimBlank {
    fn trim_ascii_end_blank(&self) -> &Self;
}

impl TrimBlank for [u8] {
    fn trim_ascii_end_blank(&self) -> &[u8] {
        let end = self.iter().rposition(|&b| b != b' ' && b != b'\t').map_or(0, |i| i + 1);
        &self[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(limit: usize, segments: &[&[u8]]) -> Vec<Frame> {
        let (mut decoder, mut frames) = (Decoder::new(limit), Vec::new());
        segments.iter().for_each(|s| decoder.feed(s, &mut frames));
        frames
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.into())
    }

    #[test]
    fn trims_and_skips_blank_lines() {
        assert_eq!(
            decode(99, &[b"\n\r\n  \t\r\nping \t\r\n send  a b\n"]),
            [line("ping"), line("send  a b")]
        );
    }

    #[test]
    fn the_limit_counts_bytes_before_cr_and_lf() {
        assert_eq!(
            decode(4, &[b"abcd\r\nabcde\nabcd\nabcde\r\n"]),
            [line("abcd"), Frame::TooLong, line("abcd"), Frame::TooLong]
        );
        assert_eq!(decode(4, &[b"abcd", b"\r", b"\nx\n"]), [line("abcd"), line("x")]);
        assert_eq!(decode(4, &[b"abcd", b"efg", b"hij", b"\nx\n"]), [Frame::TooLong, line("x")]);
    }

    #[test]
    fn bad_utf8_costs_one_line() {
        assert_eq!(decode(99, &[b"a\xff\nping\n"]), [Frame::BadEncoding, line("ping")]);
    }

    #[test]
    fn http_is_never_chat() {
        for first in ["GET / HTTP/1.1", "POST /x HTTP/1.0", "FOO * HTTP/2", "CONNECT a:1 HTTP/1.1"]
        {
            let text = format!("\r\n{first}\r\nregister a b\n");
            assert_eq!(decode(99, &[text.as_bytes()]), [Frame::Http], "{first}");
        }
        let long = format!("POST /{} HTTP/1.1\r\nregister a b\n", "x".repeat(500));
        assert_eq!(decode(99, &[long.as_bytes()]), [Frame::Http]);
        let bytes: Vec<&[u8]> = long.as_bytes().chunks(7).collect();
        assert_eq!(decode(99, &bytes), [Frame::Http]);
        // Only the first line counts, and a message may speak of HTTP.
        assert_eq!(decode(99, &[b"ping\nGET / HTTP/1.1\n"]).len(), 2);
        assert_eq!(decode(99, &[b"send bob HTTP/1.1\n"]), [line("send bob HTTP/1.1")]);
    }

    #[test]
    fn holds_nothing_between_lines() {
        let mut decoder = Decoder::new(1 << 20);
        decoder.feed(b"pi", &mut Vec::new());
        decoder.feed(b"ng\n", &mut Vec::new());
        assert_eq!(decoder.tail.capacity(), 0);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            text in "([a-zé \t]{0,12}(\r\n|\n|\u{0})){0,12}",
            cuts in proptest::collection::vec(0usize..200, 0..20),
        ) {
            let bytes: Vec<u8> = text.bytes().map(|b| if b == 0 { 0xff } else { b }).collect();
            let whole = decode(8, &[&bytes]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let segments: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(decode(8, &segments), whole);
        }
    }
}
