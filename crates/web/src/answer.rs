//! Answers, and the headers that each of them carries, whatever it says.

use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_VERSION,
    UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use std::fmt::Write;

/// Everything a page of the realm may do: its own scripts, styles and pictures, and talk to the realm.
/// Nothing is ever made of text as HTML or as a script, but by the one policy named `antar`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types antar";

/// What every answer carries.
const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const TEXT: &str = "text/plain; charset=utf-8";

/// How long something may be kept: not without asking again, for ever, or not at all.
pub(crate) const FRESH: &str = "no-cache";
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NEVER: &str = "no-store";

/// An answer with what is asked for.
pub(crate) fn found(kind: &'static str, cache: &'static str, bytes: Bytes) -> Response<Bytes> {
    answer(StatusCode::OK, kind, cache, bytes)
}

/// What is asked for is as it was.
pub(crate) fn unchanged() -> Response<Bytes> {
    answer(StatusCode::NOT_MODIFIED, TEXT, FRESH, Bytes::new())
}

/// An answer in a sentence.
pub(crate) fn said(status: StatusCode, said: &'static str) -> Response<Bytes> {
    answer(status, TEXT, NEVER, Bytes::from_static(said.as_bytes()))
}

/// A request with another method than may be.
pub(crate) fn wrong_method() -> Response<Bytes> {
    let mut no = said(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    no.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    no
}

/// More was asked for than one address may.
pub(crate) fn too_many(text: &'static str) -> Response<Bytes> {
    let mut no = said(StatusCode::TOO_MANY_REQUESTS, text);
    no.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    no
}

/// A request for the WebSocket that asks for none.
pub(crate) fn upgrade_required() -> Response<Bytes> {
    let mut no = said(StatusCode::UPGRADE_REQUIRED, "a WebSocket of version 13 is here\n");
    no.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    let version = HeaderValue::from_static(crate::handshake::VERSION);
    no.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
    no
}

/// The connection is a WebSocket from here on.
pub(crate) fn switch(accept: &str) -> Response<Bytes> {
    let Ok(accept) = HeaderValue::from_str(accept) else {
        return said(StatusCode::BAD_REQUEST, "no good key\n");
    };
    let mut yes = Response::new(Bytes::new());
    *yes.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    add_always(yes.headers_mut());
    yes.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    yes.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    yes.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    yes
}

/// Has the connection closed after an answer.
pub(crate) fn last<T>(mut answer: Response<T>) -> Response<T> {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn answer(
    status: StatusCode,
    kind: &'static str,
    cache: &'static str,
    bytes: Bytes,
) -> Response<Bytes> {
    let mut answer = Response::new(bytes);
    *answer.status_mut() = status;
    add_always(answer.headers_mut());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    answer
}

/// Adds what every answer carries.
pub(crate) fn add_always(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A whole answer in bytes, after which the connection is closed: for what never came to be a request.
pub fn refusal(status: StatusCode, text: &'static str) -> Vec<u8> {
    let answer = last(said(status, text));
    let mut out = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", text.len());
    for (name, value) in answer.headers() {
        let _ = write!(out, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    out.push_str("\r\n");
    out.push_str(text);
    out.into_bytes()
}
