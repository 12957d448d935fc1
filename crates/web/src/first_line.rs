//! HTTP or chat: the first line tells.

/// The longest first line of a request, in bytes: the target of a signed link is far shorter.
pub const FIRST_LINE: usize = 8 << 10;

/// How requests that are answered begin: no verb of the chat protocol has a blank after such a word, or is asked
/// with such a path.
const BEGINNINGS: [&[u8]; 6] =
    [b"GET ", b"HEAD ", b"PUT /files", b"POST /files", b"PATCH /files", b"OPTIONS /files"];

/// What a connection's first bytes say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLine {
    /// More of it could still tell.
    Undecided,
    /// `METHOD target HTTP/x.y`, with a method that is answered and a path.
    Http,
    /// Chat, or what chat closes.
    Other,
    /// It begins as a request does, and is longer than one may be.
    TooLong,
}

/// Whether a first line can be an HTTP request that is answered, by its first bytes.
pub fn may_begin(bytes: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        let both = beginning.len().min(bytes.len());
        !bytes.is_empty() && beginning[..both] == bytes[..both]
    })
}

/// Judges the first bytes of a connection.
pub fn first_line(bytes: &[u8]) -> FirstLine {
    if !may_begin(bytes) {
        return if bytes.is_empty() { FirstLine::Undecided } else { FirstLine::Other };
    }
    match memchr::memchr(b'\n', bytes) {
        Some(end) if end <= FIRST_LINE => match is_request(&bytes[..end]) {
            true => FirstLine::Http,
            false => FirstLine::Other,
        },
        None if bytes.len() <= FIRST_LINE => FirstLine::Undecided,
        _ if begins_request(bytes) => FirstLine::TooLong,
        _ => FirstLine::Other,
    }
}

/// Whether a first line that has not ended is a request's: a path follows the method.
pub fn begins_request(line: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        line.strip_prefix(*beginning).is_some_and(|rest| match beginning.ends_with(b" ") {
            true => rest.starts_with(b"/"),
            false => rest.first().is_some_and(|byte| b"/? ".contains(byte)),
        })
    })
}

fn is_request(line: &[u8]) -> bool {
    if !begins_request(line) {
        return false;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.split(|b| *b == b' ');
    let (_, target, version) = (words.next(), words.next(), words.next());
    target.is_some()
        && version.is_some_and(|version| version.starts_with(b"HTTP/"))
        && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_are_answered_are_told_apart_from_chat() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "HEAD /x?y HTTP/1.0\n",
            "GET /ws HTTP/1.1\r\nHost: a",
            "PUT /files/x HTTP/1.1\n",
            "POST /files HTTP/1.1\n",
            "PATCH /files/x?y HTTP/1.1\n",
            "OPTIONS /files HTTP/1.1\n",
        ] {
            assert_eq!(first_line(line.as_bytes()), FirstLine::Http, "{line}");
            assert!(may_begin(line.as_bytes()));
        }
        let others = [
            "POST / HTTP/1.1\r\n",
            "POST bob : hi\n",
            "POST /files\n",
            "POST /filesystem HTTP/1.1\n",
            "PUT / HTTP/1.1\n",
            "DELETE /files/x HTTP/1.1\n",
            "GET bob HTTP/1.1\n",
            "GET / HTTP\n",
            "GET /\r\n",
            "GET * HTTP/1.1\n",
            "GET / HTTP/1.1 x\n",
            "get / HTTP/1.1\n",
            "GETUSERS\n",
            " GET / HTTP/1.1\n",
            "\n",
        ];
        for line in others {
            assert_eq!(first_line(line.as_bytes()), FirstLine::Other, "{line}");
        }
    }

    #[test]
    fn is_decided_as_soon_as_it_can_be() {
        for begun in ["", "G", "GE", "GET ", "GET /", "HEAD /x HTTP/1.1\r"] {
            assert_eq!(first_line(begun.as_bytes()), FirstLine::Undecided, "{begun}");
        }
        assert_eq!(first_line(b"GETU"), FirstLine::Other);
        let long = format!("GET /{}", "x".repeat(FIRST_LINE));
        assert_eq!(first_line(long.as_bytes()), FirstLine::TooLong);
        let long = format!("GET {}", "x".repeat(FIRST_LINE));
        assert_eq!(first_line(long.as_bytes()), FirstLine::Other);
    }
}
