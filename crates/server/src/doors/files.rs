//! Files over HTTP: what the domain is asked about each, and the way of their bytes.

use super::Doors;
use super::fetch::fetch;
use super::web::Guest;
use crate::admission::network;
use crate::files::{Coming, FileStore, NotResumed, Part, Whole};
use crate::hub::ToHub;
use crate::panics::contain_here;
use crate::send_queue::{Item, SendQueue};
use antar_domain::{AccountId, Command, FileAt, FileRoom, Origin, Outcome, Request, Tag, commands};
use antar_types::{Code, FileAbout, FileHash, FileLink, FileName, Token};
use antar_web::{
    Asker, FileRefusal, Files, Found, Promise, Reader, Sent, StatusCode, Taken, Upload,
};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Bytes that are read or written at once; each upload and each download has room for a few times as many.
const PIECE: usize = 64 << 10;

/// Bytes that count as a request.
const COUNTED: usize = 16 << 10;

/// What no file is named by, as far as anyone knows one.
const NO_HASH: FileHash = FileHash::of_bytes([0; 32]);

impl Files for Guest {
    fn is_realm(&self) -> bool {
        self.realm.is_some()
    }

    fn find(&self, asker: Asker, hash: FileHash, link: Option<FileLink>) -> Promise<'_, Found> {
        let doors = self.doors.clone();
        Box::pin(async move {
            let link = link.map(Box::new);
            let (origin, token) = (self.realm, asker.token.clone());
            let caller = (origin.unwrap_or(Origin::Client(asker.address)), token);
            let place = doors.files.places.download(network(asker.address)).ok_or_else(busy)?;
            let (mut found, account) = open(&doors, &caller, hash, link.clone()).await?;
            if let Outcome::FileFound { about, at: FileAt::Peer(_) } = &found {
                let size = about.size;
                let turn = doors.files.turn(hash);
                let _turn = turn.lock().await;
                // Somebody may have had it fetched meanwhile.
                found = open(&doors, &caller, hash, link.clone()).await?.0;
                if let Outcome::FileFound { at: FileAt::Peer(source), .. } = found {
                    let source = *source.ok_or_else(away)?;
                    // It goes on where the connection ends.
                    let fetch = fetch(doors.clone(), caller.clone(), (hash, size), source);
                    tokio::spawn(fetch).await.unwrap_or_else(|_| Err(broken()))?;
                    found = open(&doors, &caller, hash, link).await?.0;
                }
            }
            let about = match found {
                Outcome::FileFound { about, at: FileAt::Here } => about,
                Outcome::FileFound { .. } => return Err(away()),
                outcome => {
                    let came = account.and_then(|account| doors.files.progress(account, &hash));
                    return came.map(Found::Part).ok_or_else(|| refusal_of(&outcome));
                }
            };
            let files = doors.files.clone();
            let file = blocking(move || files.open(&hash)).await.map_err(|error| {
                tracing::error!(%hash, %error, "a file cannot be read");
                broken()
            })?;
            let reader: Reader = Box::new(move |range| {
                let (sender, pieces) = mpsc::channel(1);
                tokio::spawn(async move {
                    read(&doors, asker.address, file, range, sender).await;
                    drop(place);
                });
                pieces
            });
            Ok(Found::File(*about, reader))
        })
    }

    fn take<'a>(&'a self, asker: Asker, upload: Upload, body: &'a mut Sent) -> Promise<'a, Taken> {
        let doors = self.doors.clone();
        Box::pin(async move {
            let places = &doors.files.places;
            let _place = places.upload(network(asker.address)).ok_or_else(busy)?;
            let offset = upload.part.map_or(0, |part| part.offset);
            let size = upload.length.map(|length| offset.saturating_add(length));
            let size = upload.whole.max(size).unwrap_or(0);
            // What has no name yet is offered under one that no file has.
            let hash = upload.hash.unwrap_or(NO_HASH);
            let offer = Command::OfferFile(commands::OfferFile { hash, size });
            let (account, room, held) = match ask(&doors, &asker, offer).await? {
                (Outcome::FileWanted { room, held, .. }, Some(account)) => (account, room, held),
                (outcome, _) => return Err(refusal_of(&outcome)),
            };
            let _place_of_account = places.upload_of(account).ok_or_else(busy)?;
            // The last part was brought before, and the answer was lost.
            if let (Some(about), true) = (held, upload.part.is_some_and(|part| part.offset > 0))
                && doors.files.progress(account, &hash).is_none()
            {
                return again(body, (hash, *about), offset).await;
            }
            let (part, most) = begin(&doors.files, account, &upload, (size, room)).await?;
            let part = receive(&doors, asker.address, part, most, body).await?;
            if upload.part.is_some_and(|part| !part.last) {
                return Ok(Taken::Part(part.length()));
            }
            // It goes on where the connection ends.
            let done = tokio::spawn(async move { finish(&doors, &asker, part, upload).await });
            done.await.unwrap_or_else(|_| Err(broken()))
        })
    }

    fn cancel(&self, asker: Asker, hash: FileHash) -> Promise<'_, ()> {
        let doors = self.doors.clone();
        Box::pin(async move {
            let caller = (Origin::Client(asker.address), asker.token);
            let (_, account) = open(&doors, &caller, hash, None).await?;
            let account = account.ok_or_else(|| refusal(Code::NoSession))?;
            let files = doors.files.clone();
            match blocking(move || Ok(files.cancel(account, hash))).await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err(refusal(Code::FileNotFound)),
                Ok(Err(not)) => Err(not_resumed(not)),
                Err(error) => Err(failed(&error)),
            }
        })
    }

    fn largest(&self) -> u64 {
        self.doors.shared.guard.rules().file_bytes
    }
}

/// Sends a file's bytes, as fast as they are taken and may be.
async fn read(
    doors: &Doors,
    address: IpAddr,
    file: File,
    range: Range<u64>,
    sender: mpsc::Sender<io::Result<hyper::body::Bytes>>,
) {
    let (file, mut at) = (Arc::new(file), range.start);
    while at < range.end {
        let many = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
        keep_pace(doors, address, many).await;
        let file = file.clone();
        let piece = blocking(move || {
            let mut piece = vec![0; many];
            file.read_exact_at(&mut piece, at)?;
            Ok(piece)
        });
        let piece = piece.await;
        let failed = piece.as_ref().err().map(ToString::to_string);
        if sender.send(piece.map(Into::into)).await.is_err() {
            return;
        }
        if let Some(error) = failed {
            return tracing::error!(%error, "a file could not be read to its end");
        }
        at += many as u64;
        doors.files.passed[1].fetch_add(many as u64, Relaxed);
    }
}

/// Makes room for what somebody brings, and finds what there is of it; also how many bytes it may have, at most.
async fn begin(
    files: &Arc<FileStore>,
    account: AccountId,
    upload: &Upload,
    (size, room): (u64, FileRoom),
) -> Result<(Part, u64), FileRefusal> {
    let (files, upload) = (files.clone(), upload.clone());
    let begun = blocking(move || {
        files.make()?;
        files.expect_room(size)?;
        let Upload { length, whole, .. } = upload;
        match (upload.part, upload.hash) {
            (Some(part), Some(hash)) => {
                let about = (upload.name.unwrap_or_else(unnamed), upload.kind);
                let end = length.map(|length| part.offset.saturating_add(length));
                let coming = Coming { offset: part.offset, end, whole, last: part.last, about };
                Ok(files.resume((account, hash), coming, room))
            }
            (_, hash) => {
                let most = files.room_besides((account, hash.unwrap_or(NO_HASH)), room);
                if size > most {
                    return Ok(Err(NotResumed::TooMany));
                }
                Ok(files.begin().map(|part| (part, most)).map_err(NotResumed::Io))
            }
        }
    });
    begun.await.map_err(|error| failed(&error))?.map_err(not_resumed)
}

fn not_resumed(not: NotResumed) -> FileRefusal {
    let conflict = |text| FileRefusal::new(StatusCode::CONFLICT, "bad_parameters", text);
    match not {
        NotResumed::Busy => conflict("another part of this file is being written").retry_after(1),
        NotResumed::Other(length) => other_length(length),
        NotResumed::Missing => refusal(Code::FileNotFound),
        NotResumed::TooMany => refusal(Code::LimitReached),
        NotResumed::Announced => {
            let text = "the file is to have another number of bytes: see Upload-Length";
            FileRefusal::new(StatusCode::BAD_REQUEST, "bad_parameters", text)
        }
        NotResumed::Io(error) => failed(&error),
    }
}

fn other_length(length: u64) -> FileRefusal {
    let text = "another number of bytes is here: see Upload-Offset";
    let refusal = FileRefusal::new(StatusCode::CONFLICT, "bad_parameters", text);
    FileRefusal { offset: Some(length), ..refusal }
}

/// Hears the last part of a file that is here once more, and answers as before.
async fn again(
    body: &mut Sent,
    (hash, about): (FileHash, FileAbout),
    offset: u64,
) -> Result<Taken, FileRefusal> {
    let mut end = offset;
    while let Some(piece) = body.next().await.filter(|_| end <= about.size) {
        end += piece.map_err(|_| ended())?.len() as u64;
    }
    if end == about.size { Ok(Taken::File(hash, about)) } else { Err(other_length(about.size)) }
}

fn ended() -> FileRefusal {
    FileRefusal::new(StatusCode::BAD_REQUEST, "bad_parameters", "the file ended too soon")
}

/// Writes what comes, as fast as it may.
async fn receive(
    doors: &Doors,
    address: IpAddr,
    mut part: Part,
    most: u64,
    body: &mut Sent,
) -> Result<Part, FileRefusal> {
    let mut held = Vec::with_capacity(PIECE);
    loop {
        let piece = body.next().await;
        if let Some(Ok(piece)) = &piece {
            held.extend_from_slice(piece);
        }
        let ends = !matches!(piece, Some(Ok(_)));
        if part.length() + held.len() as u64 > most {
            return Err(refusal(Code::LimitReached));
        }
        if held.len() >= PIECE || ends {
            keep_pace(doors, address, held.len()).await;
            doors.files.passed[0].fetch_add(held.len() as u64, Relaxed);
            let bytes = std::mem::replace(&mut held, Vec::with_capacity(PIECE));
            let files = doors.files.clone();
            let written = blocking(move || {
                let room = files.expect_room(bytes.len() as u64);
                room.and_then(|()| part.write(&bytes)).inspect_err(|_| part.discard())?;
                Ok(part)
            });
            part = written.await.map_err(|error| failed(&error))?;
        }
        match piece {
            Some(Ok(_)) => {}
            None => return Ok(part),
            Some(Err(error)) if error.kind() == ErrorKind::TimedOut => {
                let text = "nothing came for too long";
                return Err(FileRefusal::new(StatusCode::REQUEST_TIMEOUT, "timed_out", text));
            }
            Some(Err(_)) => return Err(ended()),
        }
    }
}

/// Puts a whole file under its name, and has the domain take note of it.
async fn finish(
    doors: &Arc<Doors>,
    asker: &Asker,
    part: Part,
    upload: Upload,
) -> Result<Taken, FileRefusal> {
    let whole = blocking(|| part.finish()).await.map_err(|error| failed(&error))?;
    let Whole { hash, size, seen, .. } = &whole;
    let (hash, size, seen) = (*hash, *size, *seen);
    if upload.hash.is_some_and(|named| named != hash) {
        let text = "the bytes are not those that the hash is of";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(FileRefusal::new(status, "bad_parameters", text));
    }
    // What was said when it was begun.
    let said = whole.about().map_or((upload.name, upload.kind), |(name, kind)| (Some(name), kind));
    let name = said.0.unwrap_or_else(unnamed);
    let about = FileAbout { name, kind: seen.kind(said.1), size, picture: seen.size };
    let (files, pin) = (doors.files.clone(), doors.files.pin(hash));
    blocking(move || files.put(whole)).await.map_err(|error| failed(&error))?;
    let store = commands::StoreFile { hash, about: Box::new(about.clone()) };
    match ask(doors, asker, Command::StoreFile(store)).await?.0 {
        Outcome::FileStored => {
            pin.keep();
            Ok(Taken::File(hash, about))
        }
        outcome => {
            // It may be on the disk that it is known: a start finds out.
            if outcome.refusal() == Some(Code::Unknown) {
                pin.keep();
            }
            Err(refusal_of(&outcome))
        }
    }
}

fn unnamed() -> FileName {
    FileName::cleaned("")
}

/// Waits until an address may have so many bytes more.
async fn keep_pace(doors: &Doors, address: IpAddr, bytes: usize) {
    let many = u32::try_from(bytes / COUNTED).unwrap_or(u32::MAX);
    while let Err(wait) = doors.shared.guard.rules().requests.take_many(network(address), many) {
        sleep(wait).await;
    }
}

/// Does what waits for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(move || contain_here(work)).await;
    done.ok().flatten().unwrap_or_else(|| Err(io::Error::other("it panicked")))
}

/// Asks for a file; also says for whom.
async fn open(
    doors: &Arc<Doors>,
    (origin, token): &(Origin, Option<Token>),
    hash: FileHash,
    link: Option<Box<FileLink>>,
) -> Result<(Outcome, Option<AccountId>), FileRefusal> {
    let shown = link.is_some() || matches!(origin, Origin::Certified(..));
    let open = Command::OpenFile(commands::OpenFile { hash, link });
    let found = ask_as(doors, *origin, token.clone(), open).await?;
    match found.1 {
        None if !shown => Err(refusal(Code::NoSession)),
        _ => Ok(found),
    }
}

/// Asks the domain on a connection of its own, as the caller would; also says for whom.
async fn ask(
    doors: &Arc<Doors>,
    asker: &Asker,
    command: Command,
) -> Result<(Outcome, Option<AccountId>), FileRefusal> {
    ask_as(doors, Origin::Client(asker.address), asker.token.clone(), command).await
}

/// The same for whoever has come from somewhere.
pub(super) async fn ask_as(
    doors: &Arc<Doors>,
    origin: Origin,
    token: Option<Token>,
    command: Command,
) -> Result<(Outcome, Option<AccountId>), FileRefusal> {
    let doors = doors.clone();
    // The hub must hear of the end of each connection that it heard of the beginning of.
    let asked = tokio::spawn(async move {
        let hub = &doors.shared.hub;
        let queue = Arc::new(SendQueue::new(doors.shared.ledger.clone()));
        let conn = doors.next_conn();
        let request = Request { tag: Tag::default(), token, command };
        hub.send(ToHub::Connected(conn, origin, queue.clone())).await.ok()?;
        hub.send(ToHub::Requests(conn, vec![request])).await.ok()?;
        let answer = loop {
            queue.woken().await;
            let (items, state) = queue.take();
            let outcome = items.into_iter().find_map(|item| match item {
                Item::Reply(_, outcome) => Some(outcome),
                _ => None,
            });
            if let Some(outcome) = outcome {
                break Some((outcome, state.account));
            }
            if state.too_slow || state.hung_up {
                break None;
            }
        };
        hub.send(ToHub::Disconnected(conn)).await.ok()?;
        answer
    });
    asked.await.ok().flatten().ok_or_else(|| refusal(Code::Unavailable))
}

/// What is said where the disk refuses.
pub(super) fn failed(error: &io::Error) -> FileRefusal {
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    match full.contains(&error.kind()) {
        true => {
            let text = "there is no room on the realm's disk";
            FileRefusal::new(StatusCode::INSUFFICIENT_STORAGE, Code::Unavailable.as_str(), text)
        }
        false => {
            tracing::error!(%error, "a file could not be kept");
            broken()
        }
    }
}

pub(super) fn broken() -> FileRefusal {
    let text = "the realm's disk refuses";
    FileRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unavailable.as_str(), text)
}

fn busy() -> FileRefusal {
    let text = "too many files are under way";
    let status = StatusCode::TOO_MANY_REQUESTS;
    FileRefusal::new(status, Code::RateLimited.as_str(), text).retry_after(5)
}

/// The file is at another realm.
pub(super) fn away() -> FileRefusal {
    let text = "the realm that has the file does not answer";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    FileRefusal::new(status, Code::RealmUnreachable.as_str(), text).retry_after(30)
}

pub(super) fn refusal_of(outcome: &Outcome) -> FileRefusal {
    refusal(outcome.refusal().unwrap_or(Code::Unavailable))
}

fn refusal(code: Code) -> FileRefusal {
    let status = match code {
        Code::NoSession => StatusCode::UNAUTHORIZED,
        Code::FileNotFound => StatusCode::NOT_FOUND,
        Code::LimitReached => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::Unknown => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let refusal = FileRefusal::new(status, code.as_str(), code.text());
    if status == StatusCode::SERVICE_UNAVAILABLE { refusal.retry_after(5) } else { refusal }
}
