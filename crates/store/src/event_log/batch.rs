//! A batch as the log has it.

use crate::StoreError;
use crate::engine::Ops;
use crate::records::{self, Index, Raw, Record};
use antar_domain::Event;

/// Leads a batch of events: no key is so short, so it is told from one of pairs, which begins with a key's
/// length.
const EVENTS: u8 = 0;

/// The version of how a batch of events is written. Each record has one of its own besides.
const VERSION: u8 = 1;

/// What is committed at once, as it is written. Whoever has written it here knows where its messages are, and
/// what comes of them; of one that was read from the log, that is read where it is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    index: Index,
}

/// What a batch holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// What has happened.
    Events(Vec<Raw<'a>>),
    /// Pairs of key and value that are put there as they are: a backup that is restored, and the data of
    /// an older format. The first format's logs hold nothing else.
    Pairs(Ops),
}

impl Batch {
    /// A batch of events, in the memory of another.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn of(events: &[Event], memory: Self) -> Result<Self, StoreError> {
        let Self { mut bytes, mut index } = memory;
        bytes.clear();
        index.clear();
        bytes.reserve(128 * events.len() + 2);
        bytes.extend_from_slice(&[EVENTS, VERSION]);
        records::encode_events(events, &mut bytes, &mut index)?;
        Ok(Self { bytes, index })
    }

    /// A batch of records.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn of_records(records: &[Record]) -> Result<Self, StoreError> {
        let mut bytes = vec![EVENTS, VERSION];
        records.iter().try_for_each(|record| record.encode(&mut bytes))?;
        Ok(Self { bytes, index: Index::default() })
    }

    /// A batch of pairs.
    pub fn of_pairs(ops: &Ops) -> Self {
        Self::read(ops.as_bytes())
    }

    /// One that was written.
    pub fn read(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), index: Index::default() }
    }

    /// Bytes of memory it has room for.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.index.capacity()
    }

    /// As it is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where that is of a kind or version that is not known.
    pub fn content(&self, number: u64) -> Result<Content<'_>, StoreError> {
        match &self.bytes[..] {
            [EVENTS, VERSION, ..] => {}
            [EVENTS, ..] => return Err(unknown(number)),
            bytes => return Ok(Content::Pairs(Ops::from_bytes(bytes))),
        }
        let events = self.index.records(&self.bytes, 2).ok_or_else(|| unknown(number))?;
        Ok(Content::Events(events))
    }

    /// The records it holds, none of pairs: every value of them is checked.
    ///
    /// # Errors
    /// As [`Batch::content`].
    pub fn records(&self, number: u64) -> Result<Vec<Record>, StoreError> {
        let Content::Events(events) = self.content(number)? else { return Ok(Vec::new()) };
        events.into_iter().map(|raw| raw.read().ok_or_else(|| unknown(number))).collect()
    }
}

fn unknown(number: u64) -> StoreError {
    StoreError::Corrupt(format!("batch {number} in the log holds what this program does not know"))
}
