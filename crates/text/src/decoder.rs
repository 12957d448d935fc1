//! Bytes to lines, in bounded memory.

use antar_types::{LINE_FEED, words};

/// What a stretch of bytes turned out to be.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A request, without its line end and the white space around it. Never blank.
    Line(String),
    /// A line longer than the limit; its bytes were dropped.
    TooLong,
    /// A line that is not UTF-8; its bytes were dropped.
    BadEncoding,
    /// More than one line where each comes alone; they were dropped.
    TwoLines,
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
            Self::TwoLines => f.write_str("TwoLines"),
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
    /// A line feed inside a line is a [`LINE_FEED`].
    framed: bool,
    /// Blank lines since somebody asked, and bytes of lines that were dropped.
    blank: usize,
    dropped: usize,
}

/// Bytes of dropped lines that were as much work as a blank line.
const DROPPED: usize = 1 << 10;

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
        let (tail, state, framed) = (Vec::new(), State::First, false);
        Self { limit, tail, state, framed, blank: 0, dropped: 0 }
    }

    /// The same where lines came as frames of their own: each ends with an LF, and one inside it is a
    /// [`LINE_FEED`]. Nothing in them is HTTP.
    pub fn of_frames(limit: usize) -> Self {
        Self { state: State::Reading, framed: true, ..Self::new(limit) }
    }

    /// Bytes held of a line whose end has not come.
    #[doc(hidden)]
    pub fn held(&self) -> usize {
        self.tail.capacity()
    }

    /// How much was read since the last call that became no request: blank lines, and KiB of lines that are too
    /// long or that nobody listens to.
    pub fn take_wasted(&mut self) -> usize {
        let kib = self.dropped / DROPPED;
        self.dropped %= DROPPED;
        std::mem::take(&mut self.blank) + kib
    }

    /// Lines read from now on may be so long.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes bytes that came and appends the frames they complete.
    pub fn feed(&mut self, mut bytes: &[u8], frames: &mut impl Extend<Frame>) {
        while let Some(frame) = self.next_frame(&mut bytes) {
            frames.extend([frame]);
        }
    }

    /// Takes bytes that came until they complete a frame; `None` where all are taken and complete
    /// none. What is left costs no more than its bytes: as frames, lines of a byte take fifty times as much.
    pub fn next_frame(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            *bytes = rest;
            let frame = if self.state == State::Skipping {
                self.dropped += line.len();
                self.state = State::Reading;
                None
            } else if self.tail.is_empty() {
                self.line(line)
            } else if self.is_over(line) {
                let frame = self.overflow(line);
                self.resume();
                frame
            } else {
                let mut whole = std::mem::take(&mut self.tail);
                whole.extend_from_slice(line);
                self.line(&whole)
            };
            if frame.is_some() {
                return frame;
            }
        }
        self.keep(std::mem::take(bytes))
    }

    /// A whole line, perhaps with its CR.
    fn line(&mut self, line: &[u8]) -> Option<Frame> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit {
            let frame = self.overflow(line);
            self.resume();
            return frame;
        }
        let line = line.trim_ascii_end_blank(self.framed);
        if line.is_empty() || self.state == State::Deaf {
            self.blank += 1;
            return None;
        }
        if self.state == State::First && is_http(line) {
            return self.deafen();
        }
        self.state = State::Reading;
        Some(match std::str::from_utf8(line) {
            Ok(line) => Frame::Line(words::trim(line).into()),
            Err(_) if self.framed && are_lines(line) => Frame::TwoLines,
            Err(_) => Frame::BadEncoding,
        })
    }

    /// Whether the line is too long with `more` behind its tail. One byte past the limit may be its CR.
    fn is_over(&self, more: &[u8]) -> bool {
        self.tail.len() + more.len() > self.limit + 1
    }

    /// The beginning of a line whose end has not come yet.
    fn keep(&mut self, bytes: &[u8]) -> Option<Frame> {
        if bytes.is_empty() || matches!(self.state, State::Skipping | State::Deaf) {
            self.dropped += bytes.len();
            return None;
        }
        let undecided = || self.state == State::First && begins_http(&self.head(bytes)).is_none();
        if self.is_over(bytes) && !undecided() {
            return self.overflow(bytes);
        }
        self.tail.extend_from_slice(bytes);
        None
    }

    /// The line's first bytes, with `more` behind its tail: what is told by them must not depend on how
    /// much of the line came at once.
    fn head(&self, more: &[u8]) -> Vec<u8> {
        self.tail.iter().chain(more).copied().take(HTTP_HEAD).collect()
    }

    /// Gives up on a line that is too long; `more` is what would have followed the tail.
    fn overflow(&mut self, more: &[u8]) -> Option<Frame> {
        let head = self.head(more);
        self.dropped += self.tail.len() + more.len();
        self.tail = Vec::new();
        if self.state == State::Deaf {
            return None;
        }
        if self.state == State::First && begins_http(&head) == Some(true) {
            return self.deafen();
        }
        self.state = State::Skipping;
        Some(Frame::TooLong)
    }

    /// The line that was too long has ended.
    fn resume(&mut self) {
        if self.state == State::Skipping {
            self.state = State::Reading;
        }
    }

    fn deafen(&mut self) -> Option<Frame> {
        self.state = State::Deaf;
        Some(Frame::Http)
    }
}

/// Enough of a line to tell an HTTP request by.
const HTTP_HEAD: usize = 64;

const HTTP_METHODS: &[&[u8]] = &[
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI",
];

/// A CR counts as a blank: of a line cut short nobody knows which one ends it.
fn blank_separated(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty())
}

/// Whether a whole first line is `METHOD TARGET HTTP/…`: no name begins as a target does. Some methods are
/// verbs of ours, so they tell nothing.
fn is_http(line: &[u8]) -> bool {
    let mut words = blank_separated(line);
    let (Some(_), Some(target)) = (words.next(), words.next()) else {
        return false;
    };
    let versioned = words.next().is_some_and(|word| word.starts_with(b"HTTP/"));
    versioned && is_target(target)
}

/// Whether a word is a path, `*`, an address or a URL.
fn is_target(word: &[u8]) -> bool {
    matches!(word[0], b'/' | b'*') || word.contains(&b':')
}

/// Whether a first line of which only the head is known begins with one of HTTP's methods and a
/// target. `None` while more of it could still tell.
fn begins_http(head: &[u8]) -> Option<bool> {
    let mut words = blank_separated(head);
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    let known = HTTP_METHODS.contains(&method);
    let could_be = HTTP_METHODS.iter().any(|m| m.starts_with(method));
    // The end of the target may be past the head.
    let is_whole = words.next().is_some() || head.len() == HTTP_HEAD;
    let decided = target.is_some_and(|target| is_target(target) || is_whole);
    let decided = decided || !could_be || head.len() == HTTP_HEAD;
    decided.then_some(known && target.is_some_and(is_target))
}

/// Whether it is text but for what stands for line feeds.
fn are_lines(line: &[u8]) -> bool {
    line.split(|b| *b == LINE_FEED).all(|line| std::str::from_utf8(line).is_ok())
}

trait TrimBlank {
    fn trim_ascii_end_blank(&self, framed: bool) -> &Self;
}

impl TrimBlank for [u8] {
    /// Without blanks at its end; of a frame also without line ends there.
    fn trim_ascii_end_blank(&self, framed: bool) -> &[u8] {
        let blank = |b: u8| matches!(b, b' ' | b'\t') || framed && matches!(b, LINE_FEED | b'\r');
        let end = self.iter().rposition(|&b| !blank(b)).map_or(0, |i| i + 1);
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

    fn decode_on(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        decoder.feed(bytes, &mut frames);
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
    fn what_becomes_no_request_is_counted() {
        let mut decoder = Decoder::new(2_000);
        assert_eq!(decode_on(&mut decoder, b"\n\r\n \t\nping\n\n").len(), 1);
        assert_eq!((decoder.take_wasted(), decoder.take_wasted()), (4, 0));
        // However a line that is too long comes.
        let long = [b'x'; 5_000];
        for part in [5_000, 4_999, 100] {
            let all = long.chunks(part).flat_map(|bytes| decode_on(&mut decoder, bytes));
            assert_eq!(all.collect::<Vec<_>>(), [Frame::TooLong]);
            decode_on(&mut decoder, b"\n");
        }
        assert_eq!(decoder.take_wasted(), 3 * 5_000 / 1_024);
    }

    #[test]
    fn frames_are_taken_as_they_are_wanted() {
        let mut decoder = Decoder::new(9);
        let mut bytes: &[u8] = b"\nping\n\nsend a\nx";
        assert_eq!(decoder.next_frame(&mut bytes), Some(line("ping")));
        assert_eq!((bytes, decoder.held()), (&b"\nsend a\nx"[..], 0));
        assert_eq!(decoder.next_frame(&mut bytes), Some(line("send a")));
        assert_eq!(decoder.next_frame(&mut bytes), None);
        assert!(bytes.is_empty() && decoder.held() > 0);
        decoder.set_limit(2);
        assert_eq!(decode_on(&mut decoder, b"yz\nab\n"), [Frame::TooLong, line("ab")]);
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
        // Nor is every POST one of HTTP's.
        assert_eq!(decode(99, &[b"POST bob HTTP/1.1\n"]), [line("POST bob HTTP/1.1")]);
        assert_eq!(decode(99, &[b"DELETE bob 7\n"]), [line("DELETE bob 7")]);
    }

    #[test]
    fn http_is_told_by_the_same_bytes_however_they_are_split() {
        let blanks = format!("{}POST / x\nping\n", " ".repeat(HTTP_HEAD));
        for (limit, text) in
            [(0, "POST a:1\nping\n"), (2, "POST \r\r\nping\n"), (HTTP_HEAD, &blanks)]
        {
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(decode(limit, &bytes), decode(limit, &[text.as_bytes()]), "{text}");
        }
    }

    #[test]
    fn a_line_too_long_is_told_before_its_end() {
        assert_eq!(decode(2, &[b"send"]), [Frame::TooLong]);
        assert_eq!(decode(2, &[b"POS", b"T"]), []);
        assert_eq!(decode(2, &[b"POS", b"Tx"]), [Frame::TooLong]);
        assert_eq!(decode(2, &[b"POST", b" /x"]), [Frame::Http]);
        // A message of ours.
        assert_eq!(decode(2, &[b"POST", b" x"]), []);
        assert_eq!(decode(2, &[b"POST", b" x :"]), [Frame::TooLong]);
        assert_eq!(decode(2, &[b"x\nPOST"]), [line("x"), Frame::TooLong]);
        assert_eq!(decode(2, &[&[b' '; HTTP_HEAD]]), [Frame::TooLong]);
    }

    #[test]
    fn a_frame_is_one_line() {
        let frames = |bytes: &[u8]| decode_on(&mut Decoder::of_frames(9), bytes);
        assert_eq!(frames(b"ping\nGET / H\n"), [line("ping"), line("GET / H")]);
        assert_eq!(frames(b"ping\r\xfe\n \xfe\nping\xfe \xfe\n"), [line("ping"), line("ping")]);
        assert_eq!(frames(b"a\xfeb\nping\n"), [Frame::TwoLines, line("ping")]);
        assert_eq!(frames(b"a\xfeb\xff\n"), [Frame::BadEncoding]);
        assert_eq!(frames(b"a\xfe3456789012\nping\n"), [Frame::TooLong, line("ping")]);
        // Everywhere else it is what it always was.
        assert_eq!(decode(9, &[b"a\xfeb\n"]), [Frame::BadEncoding]);
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
