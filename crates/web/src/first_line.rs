//! HTTP or chat: the first line tells.

/// The longest first line of a request, in bytes: the target of a signed link is far shorter.
pub const FIRST_LINE: usize = 8 << 10;

/// The methods of HTTP. Some are verbs of the chat protocol too, and then what follows tells.
const METHODS: [&[u8]; 8] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH"];

/// How what a request asks for begins: a path, the server itself, or a whole URL. No conversation, user or group has
/// such a name.
const TARGETS: [&[u8]; 4] = [b"/", b"*", b"http://", b"https://"];

/// The method that asks for a host, which may have any name. It is no verb of the chat protocol.
const CONNECT: (&[u8], &[u8]) = (b"CONNECT", b"");

/// What a connection's first bytes say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLine {
    /// More of it could still tell.
    Undecided,
    /// `METHOD target HTTP/x.y`. Whether it is done what it asks for is decided later.
    Http,
    /// Chat, or what chat closes.
    Other,
    /// It begins as a request does, and is longer than one may be.
    TooLong,
}

/// How requests begin: with a method, a blank and the beginning of a target.
fn beginnings() -> impl Iterator<Item = (&'static [u8], &'static [u8])> {
    let all = METHODS.iter().flat_map(|method| TARGETS.iter().map(|target| (*method, *target)));
    all.chain([CONNECT])
}

/// Whether bytes are such a beginning, or one of its beginnings.
fn agrees(bytes: &[u8], (method, target): (&[u8], &[u8])) -> bool {
    bytes.iter().zip(method.iter().chain(b" ").chain(target)).all(|(one, other)| one == other)
}

/// Whether a first line can be an HTTP request, by its first bytes.
pub fn may_begin(bytes: &[u8]) -> bool {
    !bytes.is_empty() && beginnings().any(|beginning| agrees(bytes, beginning))
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

/// Whether a first line that has not ended is a request's: a target follows the method.
pub fn begins_request(line: &[u8]) -> bool {
    beginnings().any(|(method, target)| {
        line.len() > method.len() + target.len() && agrees(line, (method, target))
    })
}

fn is_request(line: &[u8]) -> bool {
    if !begins_request(line) {
        return false;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.split(|b| *b == b' ');
    let (_, target, version) = (words.next(), words.next(), words.next());
    target.is_some_and(|target| !target.is_empty())
        && version.is_some_and(|version| version.starts_with(b"HTTP/"))
        && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_from_chat() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "HEAD /x?y HTTP/1.0\n",
            "GET /ws HTTP/1.1\r\nHost: a",
            "PUT /files/x HTTP/1.1\n",
            "POST /files HTTP/1.1\n",
            "PATCH /files/x?y HTTP/1.1\n",
            "OPTIONS /files HTTP/1.1\n",
            "POST / HTTP/1.1\r\n",
            "PUT / HTTP/1.1\n",
            "POST /filesystem HTTP/1.1\n",
            "DELETE /files/x HTTP/1.1\n",
            "TRACE / HTTP/1.1\n",
            "OPTIONS * HTTP/1.1\r\n",
            "GET http://localhost/x HTTP/1.1\r\n",
            "DELETE https://localhost/x HTTP/1.1\n",
            "CONNECT localhost:8889 HTTP/1.1\n",
        ] {
            assert_eq!(first_line(line.as_bytes()), FirstLine::Http, "{line}");
            assert!(may_begin(line.as_bytes()));
        }
        let others = [
            "POST bob : hi\n",
            "POST bob HTTP/1.1\n",
            "POST http HTTP/1.1\n",
            "POST #http://x : HTTP/1.1\n",
            "POST /files\n",
            "DELETE bob 7\n",
            "DELETE bob HTTP/1.1\n",
            "DELETE /files/x y HTTP/1.1\n",
            "CONNECT  HTTP/1.1\n",
            "CONNECT HTTP/1.1\n",
            "GET bob HTTP/1.1\n",
            "GET / HTTP\n",
            "GET /\r\n",
            "GET  / HTTP/1.1\n",
            "GET / HTTP/1.1 x\n",
            "get / HTTP/1.1\n",
            "FOO / HTTP/1.1\n",
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
        for begun in
            ["", "G", "GE", "GET ", "GET /", "HEAD /x HTTP/1.1\r", "DELETE ", "POST http:/"]
        {
            assert_eq!(first_line(begun.as_bytes()), FirstLine::Undecided, "{begun}");
        }
        for decided in ["GETU", "DELETE b", "POST htto", "POST https:/x", "PUTS"] {
            assert_eq!(first_line(decided.as_bytes()), FirstLine::Other, "{decided}");
        }
        let long = format!("GET /{}", "x".repeat(FIRST_LINE));
        assert_eq!(first_line(long.as_bytes()), FirstLine::TooLong);
        let long = format!("GET {}", "x".repeat(FIRST_LINE));
        assert_eq!(first_line(long.as_bytes()), FirstLine::Other);
    }
}
