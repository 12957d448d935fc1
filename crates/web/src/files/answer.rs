//! Answers about files, and the headers that each of them carries.

use super::headers::{COMPLETE, LENGTH, NAME, OFFSET, PARTIAL};
use super::{FileRefusal, Part};
use crate::answer::{add_always, last};
use crate::gate::Load;
use antar_types::{FileAbout, FileHash, FileName};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use std::fmt::Write;
use std::ops::Range;

/// An answer, and what it holds.
pub(crate) type Answer = Response<Load>;

/// What every answer about files carries: nothing in a file is ever run, or loads anything.
pub(crate) const POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; sandbox";

/// It is the reader's own, and whether it may be read is asked each time.
const ASK: &str = "private, no-cache";

const JSON: &str = "application/json";
const LIMIT: HeaderName = HeaderName::from_static("upload-limit");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// What may be done below `/files`.
pub(super) const METHODS: &str = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS";

fn with(status: StatusCode, load: impl Into<Load>) -> Answer {
    let mut answer = Response::new(load.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    add_always(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Origin"));
    answer
}

/// A value of which it is known that it can stand in a header; else none.
fn set(answer: &mut Answer, name: HeaderName, value: impl ToString) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        answer.headers_mut().insert(name, value);
    }
}

fn json(status: StatusCode, text: String) -> Answer {
    let mut answer = with(status, Bytes::from(text + "\r\n"));
    set(&mut answer, CONTENT_TYPE, JSON);
    answer
}

/// Why something is not done, in the chat protocol's words.
pub(super) fn refused(refusal: &FileRefusal) -> Answer {
    let FileRefusal { status, code, text, offset, retry } = refusal;
    let mut answer = json(
        *status,
        format!("{{\"status\":\"ERROR\",\"data\":{},\"code\":{}}}", quoted(text), quoted(code)),
    );
    if let Some(offset) = offset {
        set(&mut answer, OFFSET, offset);
        set(&mut answer, COMPLETE, "?0");
    }
    if let Some(seconds) = retry {
        set(&mut answer, RETRY_AFTER, seconds);
    }
    match *status {
        StatusCode::UNAUTHORIZED => set(&mut answer, WWW_AUTHENTICATE, "Bearer"),
        StatusCode::METHOD_NOT_ALLOWED => set(&mut answer, ALLOW, METHODS),
        _ => {}
    }
    answer
}

/// What a browser asks before it lets a page of another origin ask for more.
pub(super) fn options(largest: u64) -> Answer {
    let mut answer = with(StatusCode::NO_CONTENT, Bytes::new());
    set(&mut answer, ALLOW, METHODS);
    set(&mut answer, ACCEPT_PATCH, PARTIAL);
    set(&mut answer, LIMIT, format_args!("max-size={largest}"));
    let allowed = format!(
        "Authorization, Content-Type, If-None-Match, If-Range, Range, {NAME}, {OFFSET}, {COMPLETE}, {LENGTH}"
    );
    set(&mut answer, ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    set(&mut answer, ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    set(&mut answer, ACCESS_CONTROL_MAX_AGE, 600);
    answer
}

/// Lets a page of an origin read an answer.
pub(crate) fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Location, Retry-After, \
        Upload-Complete, Upload-Limit, Upload-Offset";
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
}

/// A file is kept.
pub(super) fn stored(hash: &FileHash, about: &FileAbout) -> Answer {
    let FileAbout { name, kind, size, picture } = about;
    let mut text = format!(
        "{{\"status\":\"OK\",\"data\":{{\"sha256\":\"{hash}\",\"name\":{},\"type\":{},\"size\":{size}",
        quoted(name.as_str()),
        quoted(kind.as_str()),
    );
    if let Some((width, height)) = picture {
        let _ = write!(text, ",\"width\":{width},\"height\":{height}");
    }
    let mut answer = json(StatusCode::CREATED, text + "}}");
    set(&mut answer, LOCATION, format_args!("/files/{hash}"));
    set(&mut answer, ETAG, tag(hash));
    set(&mut answer, OFFSET, size);
    set(&mut answer, COMPLETE, "?1");
    answer
}

/// A part of a file is kept: the first, or a further one.
pub(super) fn kept(hash: Option<&FileHash>, came: u64, part: Part) -> Answer {
    let status = if part.offset == 0 { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    let mut answer = with(status, Bytes::new());
    if let Some(hash) = hash {
        set(&mut answer, LOCATION, format_args!("/files/{hash}"));
    }
    set(&mut answer, OFFSET, came);
    set(&mut answer, COMPLETE, "?0");
    answer
}

/// A file does not come any more.
pub(super) fn given_up() -> Answer {
    with(StatusCode::NO_CONTENT, Bytes::new())
}

/// How far a file has come.
pub(super) fn progress(came: u64, largest: u64) -> Answer {
    let mut answer = with(StatusCode::NO_CONTENT, Bytes::new());
    set(&mut answer, OFFSET, came);
    set(&mut answer, COMPLETE, "?0");
    set(&mut answer, LIMIT, format_args!("max-size={largest}"));
    answer
}

/// The tag of a file.
pub(super) fn tag(hash: &FileHash) -> String {
    format!("\"{hash}\"")
}

/// A file that may be read, and which bytes of it; the load comes later, and for HEAD not at all.
pub(super) fn found(
    hash: &FileHash,
    about: &FileAbout,
    named: Option<&FileName>,
    range: Option<&Range<u64>>,
) -> Answer {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut answer = with(status, Bytes::new());
    set(&mut answer, CACHE_CONTROL, ASK);
    set(&mut answer, ETAG, tag(hash));
    set(&mut answer, ACCEPT_RANGES, "bytes");
    set(&mut answer, CONTENT_TYPE, about.kind.as_str());
    set(&mut answer, CONTENT_DISPOSITION, disposition(about, named));
    let all = 0..about.size;
    let bytes = range.unwrap_or(&all);
    set(&mut answer, CONTENT_LENGTH, bytes.end - bytes.start);
    if let Some(Range { start, end }) = range {
        set(&mut answer, CONTENT_RANGE, format_args!("bytes {start}-{}/{}", end - 1, about.size));
    }
    answer
}

/// Says to whom asks by HEAD that nothing of a file is to be brought any more.
pub(super) fn complete(answer: &mut Answer, size: u64) {
    set(answer, OFFSET, size);
    set(answer, COMPLETE, "?1");
}

/// A file is as it was.
pub(super) fn unchanged(hash: &FileHash) -> Answer {
    let mut answer = with(StatusCode::NOT_MODIFIED, Bytes::new());
    set(&mut answer, CACHE_CONTROL, ASK);
    set(&mut answer, ETAG, tag(hash));
    answer
}

/// Bytes are asked for that a file has not.
pub(super) fn beyond(size: u64) -> Answer {
    let text = "the file is not that long";
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let mut answer = refused(&FileRefusal::new(status, "bad_parameters", text));
    set(&mut answer, CONTENT_RANGE, format_args!("bytes */{size}"));
    answer
}

/// Has the connection closed after an answer.
pub(super) fn closing(answer: Answer) -> Answer {
    last(answer)
}

/// Whether a browser shows a file or saves it, and under which name.
fn disposition(about: &FileAbout, named: Option<&FileName>) -> String {
    let way = if about.kind.shown_inline() { "inline" } else { "attachment" };
    let name = named.unwrap_or(&about.name).as_str();
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let plain = |c: char| if matches!(c, '"' | '\\' | '%') { '_' } else { plain(c) };
    let mut value = format!("{way}; filename=\"{}\"", name.chars().map(plain).collect::<String>());
    value.push_str("; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            true => value.push(char::from(byte)),
            false => drop(write!(value, "%{byte:02X}")),
        }
    }
    value
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::FileType;

    #[test]
    fn no_name_leaves_its_place_in_a_header() {
        let said = |name: &str, kind: &str| {
            let kind = FileType::parse(kind).unwrap();
            let about = FileAbout { name: FileName::cleaned(name), kind, size: 1, picture: None };
            disposition(&about, None)
        };
        let shown = "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png";
        assert_eq!(said("a b.png", "image/png"), shown);
        let saved = "attachment; filename=\"_x__.html\"; filename*=UTF-8''%22x%C3%A9%25.html";
        assert_eq!(said("\"xé%.html", "text/html"), saved);
        assert!(said("a.svg", "image/svg+xml").starts_with("attachment; "));
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
