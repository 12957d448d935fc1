//! A batch as the log has it.

use crate::StoreError;
use crate::engine::Ops;
use crate::records::{self, Raw, Record};
use antar_domain::Event;

/// Leads a batch of events: no key is so short, so it is told from one of pairs, which begins with a key's
/// length.
const EVENTS: u8 = 0;

/// The version of how a batch of events is written. Each record has one of its own besides.
const VERSION: u8 = 1;

/// What is committed at once, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch(Vec<u8>);

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
    /// A batch of events, in this memory.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn of(events: &[Event], mut bytes: Vec<u8>) -> Result<Self, StoreError> {
        bytes.clear();
        bytes.reserve(128 * events.len() + 2);
        bytes.extend_from_slice(&[EVENTS, VERSION]);
        records::encode_events(events, &mut bytes)?;
        Ok(Self(bytes))
    }

    /// A batch of records.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn of_records(records: &[Record]) -> Result<Self, StoreError> {
        let mut bytes = vec![EVENTS, VERSION];
        records.iter().try_for_each(|record| record.encode(&mut bytes))?;
        Ok(Self(bytes))
    }

    /// A batch of pairs.
    pub fn of_pairs(ops: &Ops) -> Self {
        Self(ops.as_bytes().into())
    }

    /// One that was written.
    pub fn read(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The memory it takes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// As it is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where that is of a kind or version that is not known.
    pub fn content(&self, number: u64) -> Result<Content<'_>, StoreError> {
        let mut rest = match &self.0[..] {
            [EVENTS, VERSION, rest @ ..] => rest,
            [EVENTS, ..] => return Err(unknown(number)),
            bytes => return Ok(Content::Pairs(Ops::from_bytes(bytes))),
        };
        let mut events = Vec::with_capacity(rest.len() / 128);
        while !rest.is_empty() {
            let (record, after) = Raw::take(rest).ok_or_else(|| unknown(number))?;
            events.push(record);
            rest = after;
        }
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
