//! What is served, and what each request comes to.

use crate::answer::{
    FOR_EVER, FRESH, found, last, said, switch, unchanged, upgrade_required, wrong_method,
};
use crate::assets;
use crate::files;
use crate::handshake::{NoWebSocket, accept};
use crate::rules::{Refusal, Rules};
use antar_types::Name;
use hyper::body::Bytes;
use hyper::header::{
    CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// A realm's pages.
#[derive(Debug)]
pub struct Site {
    /// What the realm is called, which may change.
    realm: watch::Receiver<Name>,
}

/// What a request comes to.
pub(crate) enum Verdict {
    /// This answer.
    Answer(Response<Bytes>),
    /// A WebSocket, if there is room for one: then this is the answer.
    WebSocket(Response<Bytes>),
    /// Something about a file.
    File,
}

impl Site {
    /// Of the realm of this name.
    pub fn new(realm: watch::Receiver<Name>) -> Self {
        Self { realm }
    }

    /// The page, and its tag. It is made when it is asked for: that takes microseconds.
    fn index(&self) -> (Bytes, HeaderValue) {
        let index = assets::index(self.realm.borrow().as_str());
        let hash: String =
            Sha256::digest(&index)[..12].iter().map(|b| format!("{b:02x}")).collect();
        let tag = HeaderValue::from_str(&format!("\"{hash}\""));
        (index, tag.unwrap_or(HeaderValue::from_static("\"\"")))
    }

    /// Answers a request.
    pub(crate) fn judge(&self, rules: &Rules, request: &Parts) -> Verdict {
        let (uri, headers) = (&request.uri, &request.headers);
        if uri.authority().is_some() || !uri.path().starts_with('/') {
            return no(StatusCode::BAD_REQUEST, "a path is asked for, not a whole URL\n");
        }
        match rules.admit(headers) {
            Ok(()) => {}
            Err(Refusal::BadHost) => {
                return no(StatusCode::BAD_REQUEST, "no Host, or no good one\n");
            }
            Err(Refusal::StrangeHost) => return no(StatusCode::MISDIRECTED_REQUEST, STRANGE_HOST),
            Err(Refusal::StrangeOrigin) => return no(StatusCode::FORBIDDEN, STRANGE_ORIGIN),
        }
        if files::is_below(uri.path()) {
            return Verdict::File;
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Verdict::Answer(last(wrong_method()));
        }
        if has_body(headers) {
            return no(StatusCode::BAD_REQUEST, "GET and HEAD have no body\n");
        }
        if uri.path() == "/ws" {
            return web_socket(request);
        }
        Verdict::Answer(self.find(uri.path(), headers))
    }

    fn find(&self, path: &str, headers: &HeaderMap) -> Response<Bytes> {
        if path == "/" {
            return self.page(headers);
        }
        match assets::find(path) {
            Some((kind, bytes)) => found(kind, FOR_EVER, bytes),
            None => said(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    fn page(&self, headers: &HeaderMap) -> Response<Bytes> {
        let (index, tag) = self.index();
        let mut known = headers.get_all(IF_NONE_MATCH).iter();
        let mut answer = match known.any(|known| known == tag) {
            true => unchanged(),
            false => found(assets::kind(assets::INDEX), FRESH, index),
        };
        answer.headers_mut().insert(ETAG, tag);
        answer
    }
}

/// A refusal, after which the connection is closed.
fn no(status: StatusCode, text: &'static str) -> Verdict {
    Verdict::Answer(last(said(status, text)))
}

const STRANGE_HOST: &str =
    "this realm is not known by that name; its operator can say that it is: [web] hosts\n";
const STRANGE_ORIGIN: &str =
    "pages of that origin may not use this realm; its operator can let them: [web] origins\n";

/// Whether a request brings something.
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length != "0")
}

fn web_socket(request: &Parts) -> Verdict {
    if request.method != Method::GET || request.version != Version::HTTP_11 {
        return Verdict::Answer(upgrade_required());
    }
    match accept(&request.headers) {
        Ok(key) => Verdict::WebSocket(switch(&key)),
        Err(NoWebSocket::NotAsked) => Verdict::Answer(upgrade_required()),
        Err(NoWebSocket::BadKey) => {
            Verdict::Answer(said(StatusCode::BAD_REQUEST, "no good Sec-WebSocket-Key\n"))
        }
    }
}
