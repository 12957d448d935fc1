//! Which request comes to which answer.

use super::answer::{
    Answer, beyond, closing, complete, found, given_up, kept, options, progress, refused, stored,
    tag, unchanged,
};
use super::range::{Asked, asked};
use super::{Asker, FileRefusal, Files, Found, Sent, Taken, headers};
use crate::gate::Load;
use crate::site::has_body;
use antar_types::FileHash;
use hyper::header::IF_NONE_MATCH;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::net::IpAddr;

/// Below which files are, and where one is brought that has no name yet.
const BELOW: &str = "/files/";
const NEW: &str = "/files";

/// Whether a path is of files.
pub(crate) fn is_below(path: &str) -> bool {
    path == NEW || path.starts_with(BELOW)
}

/// Answers a request for a file. Of its body as much is read as is taken.
pub(crate) async fn respond(
    files: &dyn Files,
    address: IpAddr,
    head: &Parts,
    body: &mut Sent,
) -> Answer {
    let answered = match &head.method {
        &Method::OPTIONS => Ok(options(files.largest())),
        &Method::GET | &Method::HEAD => read(files, address, head).await,
        &Method::PUT | &Method::POST | &Method::PATCH => bring(files, address, head, body).await,
        &Method::DELETE => cancel(files, address, head).await,
        _ => Err(wrong(StatusCode::METHOD_NOT_ALLOWED, "this is not done to files")),
    };
    match answered {
        Ok(answer) => answer,
        // What is still on its way is not waited for.
        Err(refusal) if has_body(&head.headers) => closing(refused(&refusal)),
        Err(refusal) => refused(&refusal),
    }
}

async fn read(files: &dyn Files, address: IpAddr, head: &Parts) -> Result<Answer, FileRefusal> {
    if has_body(&head.headers) {
        return Err(wrong(StatusCode::BAD_REQUEST, "GET and HEAD have no body"));
    }
    let hash = named(head).ok_or_else(nothing)?;
    let query = headers::query(head.uri.query().unwrap_or_default());
    let token = headers::token(&head.headers).map_err(|()| no_session())?;
    if token.is_none() && query.link.is_none() && !files.is_realm() {
        return Err(no_session());
    }
    let asker = Asker { address, token };
    let is_head = head.method == Method::HEAD;
    let (about, reader) = match files.find(asker, hash, query.link).await? {
        Found::File(about, reader) => (about, reader),
        Found::Part(came) if is_head => return Ok(progress(came, files.largest())),
        Found::Part(_) => return Err(nothing()),
    };
    let tag = tag(&hash);
    let mut known = head.headers.get_all(IF_NONE_MATCH).iter();
    let is_known = |known: &str| {
        let mut tags = known.split(',').map(|one| one.trim().trim_start_matches("W/"));
        tags.any(|one| one == tag || one == "*")
    };
    if known.any(|value| value.to_str().is_ok_and(is_known)) {
        return Ok(unchanged(&hash));
    }
    let range = match asked(&head.headers, about.size, &tag) {
        Asked::Some(range) if !is_head => Some(range),
        Asked::None if !is_head => return Ok(beyond(about.size)),
        _ => None,
    };
    let mut answer = found(&hash, &about, query.name.as_ref(), range.as_ref());
    if is_head {
        complete(&mut answer, about.size);
        return Ok(answer);
    }
    let range = range.unwrap_or(0..about.size);
    let bytes = range.end - range.start;
    if bytes > 0 {
        *answer.body_mut() = Load::Pieces(reader(range), bytes);
    }
    Ok(answer)
}

async fn cancel(files: &dyn Files, address: IpAddr, head: &Parts) -> Result<Answer, FileRefusal> {
    let hash = named(head).ok_or_else(|| match head.uri.path() {
        NEW => {
            wrong(StatusCode::METHOD_NOT_ALLOWED, "DELETE /files/SHA256, of what comes in parts")
        }
        _ => nothing(),
    })?;
    let token = headers::token(&head.headers).ok().flatten().ok_or_else(no_session)?;
    files.cancel(Asker { address, token: Some(token) }, hash).await?;
    Ok(given_up())
}

async fn bring(
    files: &dyn Files,
    address: IpAddr,
    head: &Parts,
    body: &mut Sent,
) -> Result<Answer, FileRefusal> {
    let hash = named(head);
    let has_name = hash.is_some();
    if has_name == (head.method == Method::POST) || (!has_name && head.uri.path() != NEW) {
        let refusal = wrong(StatusCode::METHOD_NOT_ALLOWED, "PUT /files/SHA256 or POST /files");
        return Err(if has_name || head.uri.path() == NEW { refusal } else { nothing() });
    }
    let bad = |text| wrong(StatusCode::BAD_REQUEST, text);
    let upload = headers::upload(head, hash, head.method == Method::PATCH).map_err(bad)?;
    if !has_name && upload.part.is_some_and(|part| !part.last || part.offset > 0) {
        return Err(bad("in parts a file is brought by PUT and PATCH /files/SHA256"));
    }
    let token = headers::token(&head.headers).ok().flatten().ok_or_else(no_session)?;
    let asker = Asker { address, token: Some(token) };
    let part = upload.part;
    Ok(match (files.take(asker, upload, body).await?, part) {
        (Taken::File(hash, about), _) => stored(&hash, &about),
        (Taken::Part(came), Some(part)) => kept(hash.as_ref(), came, part),
        (Taken::Part(_), None) => return Err(nothing()),
    })
}

/// The file that a path names.
fn named(head: &Parts) -> Option<FileHash> {
    FileHash::parse(head.uri.path().strip_prefix(BELOW)?)
}

fn wrong(status: StatusCode, text: &'static str) -> FileRefusal {
    FileRefusal::new(status, "bad_parameters", text)
}

fn no_session() -> FileRefusal {
    let text = "a token is needed: Authorization: Bearer ~...";
    FileRefusal::new(StatusCode::UNAUTHORIZED, "no_session", text)
}

fn nothing() -> FileRefusal {
    FileRefusal::new(StatusCode::NOT_FOUND, "file_not_found", "there is no such file")
}
