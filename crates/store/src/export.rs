//! A realm's data as one stream of bytes: what a backup is made of.
//!
//! It begins with [`MAGIC`], the version of this form and the format of the data, four bytes each.
//! Frames follow: kind (1 byte), length (4 bytes), payload, and a checksum (8 bytes) of the frame's
//! number, kind, length and payload; everything is little-endian. The frames of pairs hold what a
//! batch of that many pairs would ([`Ops`]); the last says how much there was ([`Exported`]), and
//! nothing follows it. So a stream that lost its end, or a frame, or a bit, is no export.
//!
//! The latest batch and the format are not among the pairs: batches are numbered anew where the pairs
//! go, and until both are there what has arrived cannot be taken for a realm.

#[cfg(test)]
mod tests;

use crate::check::{KnownFiles, note_stored_file};
use crate::engine::{self, Ops};
use crate::event_log::Batch;
use crate::layout::{FORMAT, FORMAT_KEY, KINDS, TIP_KEY, Tip};
use crate::pair::{self, Pair};
use crate::records::Record;
use crate::records::codec::{decode, encode};
use crate::{Direction, Engine, StoreError, v1};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

const MAGIC: &[u8] = b"antar-export";

/// What it is called in the directory of a backup.
const FILE: &str = "data";

/// The version of this form.
const VERSION: u32 = 1;

/// Bytes of pairs past which a frame is full: what is in memory at once, here and where it is read.
const FRAME: usize = 256 << 10;

const PAIRS: u8 = b'p';
const END: u8 = b'e';

/// No realm comes to an id past this: half of what a client's number can hold exactly, which leaves room for what a realm
/// skips when it is put back, and for centuries of messages.
const LAST_ID: u64 = 1 << 52;

/// Whether a directory is that of a backup.
pub fn is_in(directory: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let read = File::open(directory.join(FILE)).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == MAGIC
}

/// How much an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The last batch that is in it.
    pub batch: u64,
    /// The highest id given out by then.
    pub last_id: u64,
    /// Pairs of key and value.
    pub pairs: u64,
    /// Messages.
    pub messages: u64,
    /// Everything else: accounts, groups, members, sessions and what there is once.
    pub records: u64,
    /// The length of the stream.
    #[serde(skip)]
    pub bytes: u64,
}

impl Exported {
    /// Counts a pair, which must be one that a realm of that format writes.
    fn count(&mut self, format: u32, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.pairs += 1;
        if format == v1::FORMAT {
            match v1::read(key, value)? {
                v1::Pair::Messages(_, run) => self.messages += run.len() as u64,
                v1::Pair::Record(_) => self.records += 1,
                _ => {}
            }
            return Ok(());
        }
        match pair::read(key, value)? {
            Pair::Messages(_, run) => self.messages += run.len() as u64,
            // How far a conversation has come is told by its messages.
            Pair::Record(
                Record::ConversationReached(_)
                | Record::MarkerSet(_)
                | Record::SkippedSet(_)
                | Record::FileNamed(_),
            ) => {}
            Pair::Record(_) => self.records += 1,
            _ => {}
        }
        Ok(())
    }
}

/// Writes everything an engine holds, as it was at one moment, and returns also which files there must have been then.
/// `go_on` is asked now and then.
pub fn export(
    engine: &dyn Engine,
    out: impl Write,
    go_on: impl Fn() -> Result<(), StoreError>,
) -> Result<(Exported, KnownFiles), StoreError> {
    let mut files = KnownFiles::new();
    let mut frames = Writer::begin(out).map_err(StoreError::Output)?;
    let (mut exported, mut tip, mut pairs) = (Exported::default(), Tip::default(), Ops::default());
    // One scan sees one moment, however long it takes.
    engine.scan(engine::everything(), Direction::Up, &mut |key, value| {
        if key == TIP_KEY {
            tip = decode(key, value)?;
        } else if key.first().is_some_and(|kind| KINDS.contains(kind)) {
            exported.count(FORMAT, key, value)?;
            note_stored_file(key, value, &mut files)?;
            pairs.put(key, |copy| {
                copy.extend_from_slice(value);
                Ok(())
            })?;
        }
        if pairs.as_bytes().len() >= FRAME {
            go_on()?;
            frames.write(PAIRS, pairs.as_bytes()).map_err(StoreError::Output)?;
            pairs = Ops::default();
        }
        Ok(ControlFlow::Continue(()))
    })?;
    (exported.batch, exported.last_id) = (tip.batch, tip.last_id);
    let mut end = Vec::new();
    encode(&exported, &mut end)?;
    let written = frames.write(PAIRS, pairs.as_bytes()).and_then(|()| frames.write(END, &end));
    written.and_then(|()| frames.out.flush()).map_err(StoreError::Output)?;
    Ok((Exported { bytes: frames.bytes, ..exported }, files))
}

/// Fills an engine that holds nothing. Where this fails, what it holds cannot be opened as a realm.
pub fn import(engine: &dyn Engine, input: impl Read) -> Result<Exported, StoreError> {
    let mut holds = engine.acknowledged() > 0;
    engine.scan(engine::everything(), Direction::Up, &mut |_, _| {
        holds = true;
        Ok(ControlFlow::Break(()))
    })?;
    if holds {
        return Err(StoreError::Engine("it holds something already".into()));
    }
    let mut batch = 0;
    let (format, exported) = read(input, |pairs| {
        batch += 1;
        Ok(engine.commit(batch, Batch::of_pairs(&pairs))?)
    })?;
    batch += 1;
    let mut ops = Ops::default();
    ops.put(FORMAT_KEY, |value| encode(&format, value))?;
    ops.put(TIP_KEY, |value| encode(&Tip { batch, last_id: exported.last_id }, value))?;
    engine.commit(batch, Batch::of_pairs(&ops))?;
    Ok(exported)
}

/// Reads what [`export`] wrote, frame by frame; also returns the format of the data.
pub fn read(
    input: impl Read,
    mut take: impl FnMut(Ops) -> Result<(), StoreError>,
) -> Result<(u32, Exported), StoreError> {
    let all = engine::everything();
    let (mut frames, format) = Reader::begin(input)?;
    let (mut found, mut last) = (Exported::default(), engine::Key::new());
    let end: Exported = loop {
        let (kind, payload) = frames.next()?;
        if kind == END {
            break decode(b"end", &payload).map_err(odd)?;
        }
        let pairs = Ops::from_bytes(&payload);
        for (key, value) in pairs.iter() {
            match value {
                // One scan wrote them, so that none comes twice.
                Some(value) if key < &all.end[..] && key > &last[..] && key >= &all.start[..] => {
                    found.count(format, key, value).map_err(odd)?;
                    key.clone_into(&mut last);
                }
                _ => return Err(odd(())),
            }
        }
        take(pairs)?;
    };
    frames.finish()?;
    (found.batch, found.last_id) = (end.batch, end.last_id);
    if found != end {
        return Err(unusable("it does not hold what it says"));
    }
    if end.last_id > LAST_ID {
        return Err(unusable(format!("its ids go up to {}: no realm counts so far", end.last_id)));
    }
    Ok((format, Exported { bytes: frames.bytes, ..end }))
}

fn unusable(why: impl Into<String>) -> StoreError {
    StoreError::Backup(why.into())
}

/// What the checksums say is whole, and yet makes no sense.
fn odd<T>(_: T) -> StoreError {
    unusable("it holds what no export does")
}

/// Of a frame's kind and length and its payload.
fn checksum(number: u64, head: &[u8], payload: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3::new();
    hash.update(&number.to_le_bytes());
    hash.update(head);
    hash.update(payload);
    hash.digest().to_le_bytes()
}

/// A stream of these frames, each of a kind: for tests of what no export would write.
pub fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new()).ok();
    for (kind, payload) in frames {
        let _ = writer.as_mut().map(|writer| writer.write(*kind, payload));
    }
    writer.map(|writer| writer.out).unwrap_or_default()
}

struct Writer<W> {
    out: W,
    /// Frames so far.
    number: u64,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    fn begin(out: W) -> std::io::Result<Self> {
        let mut writer = Self { out, number: 0, bytes: 0 };
        [MAGIC, &VERSION.to_le_bytes(), &FORMAT.to_le_bytes()]
            .into_iter()
            .try_for_each(|part| writer.append(part))?;
        Ok(writer)
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn write(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| ErrorKind::FileTooLarge)?;
        let mut head = [kind, 0, 0, 0, 0];
        head[1..].copy_from_slice(&length.to_le_bytes());
        let check = checksum(self.number, &head, payload);
        self.number += 1;
        [&head, payload, &check].into_iter().try_for_each(|part| self.append(part))
    }
}

struct Reader<R> {
    input: R,
    /// Frames so far.
    number: u64,
    bytes: u64,
}

impl<R: Read> Reader<R> {
    fn begin(input: R) -> Result<(Self, u32), StoreError> {
        let mut reader = Self { input, number: 0, bytes: 0 };
        if reader.take(MAGIC.len()).ok().as_deref() != Some(MAGIC) {
            return Err(unusable("it was not written by antar"));
        }
        let [version, format] = [reader.array()?, reader.array()?].map(u32::from_le_bytes);
        if version != VERSION {
            return Err(StoreError::Format { found: version, known: VERSION });
        }
        match format {
            FORMAT | v1::FORMAT => Ok((reader, format)),
            found => Err(StoreError::Format { found, known: FORMAT }),
        }
    }

    /// The next bytes; memory is taken as they come, not as a damaged length says.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length as u64).read_to_end(&mut bytes);
        read.map_err(|error| unusable(format!("it cannot be read: {error}")))?;
        self.bytes += bytes.len() as u64;
        if bytes.len() < length {
            return Err(unusable("its end is missing"));
        }
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| unusable("its end is missing"))
    }

    /// The next frame's kind and payload.
    fn next(&mut self) -> Result<(u8, Vec<u8>), StoreError> {
        let head @ [kind, length @ ..] = self.array::<5>()?;
        let payload = self.take(u32::from_le_bytes(length) as usize)?;
        if self.array()? != checksum(self.number, &head, &payload) {
            return Err(unusable(format!("it is damaged before byte {}", self.bytes)));
        }
        self.number += 1;
        match kind {
            PAIRS | END => Ok((kind, payload)),
            _ => Err(odd(())),
        }
    }

    /// Nothing follows the last frame.
    fn finish(&mut self) -> Result<(), StoreError> {
        match self.take(1) {
            Ok(_) => Err(unusable("something follows its end")),
            Err(_) => Ok(()),
        }
    }
}
