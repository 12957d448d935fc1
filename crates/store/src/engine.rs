//! The narrow interface behind which a storage engine sits.

use crate::StoreError;
use std::ops::{ControlFlow, Range};

/// A key: 20 bytes at most, so that engines can keep it inline.
pub type Key = Vec<u8>;

/// The changes of one batch, in one stretch of memory.
#[derive(Clone, Debug, Default)]
pub struct Ops {
    bytes: Vec<u8>,
    ends: Vec<Ends>,
}

/// Where a change's key and value end in the bytes; a change without a value removes its key.
#[derive(Clone, Copy, Debug)]
struct Ends {
    key: usize,
    value: Option<usize>,
}

impl Ops {
    /// Sets a key to what `value` appends.
    ///
    /// # Errors
    /// What `value` returns.
    pub fn put(
        &mut self,
        key: &[u8],
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(key);
        let key = self.bytes.len();
        value(&mut self.bytes)?;
        self.ends.push(Ends { key, value: Some(self.bytes.len()) });
        Ok(())
    }

    /// Removes a key, which may be missing.
    pub fn delete(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(Ends { key: self.bytes.len(), value: None });
    }

    /// Each key with its value, or without one where it is removed.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut start = 0;
        self.ends.iter().map(move |ends| {
            let key = &self.bytes[start..ends.key];
            start = ends.value.unwrap_or(ends.key);
            (key, ends.value.map(|end| &self.bytes[ends.key..end]))
        })
    }
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the least key up.
    Up,
    /// From the greatest key down.
    Down,
}

/// What a scan calls for each pair; it may break off.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// An ordered map of bytes that commits batches atomically and durably.
pub trait Engine: Send + Sync {
    /// Makes batch `number` durable: when this returns `Ok` it survives a power cut, whole. Nobody
    /// can read any of it before. Numbers grow by one.
    ///
    /// # Errors
    /// Whether the batch is there is not known then; call [`Engine::reopen`] to find out.
    fn commit(&self, number: u64, ops: &Ops) -> Result<(), StoreError>;

    /// The highest number that [`Engine::commit`] is known to have made durable, from a source
    /// apart from the data, to notice data that went missing. May lag behind; 0 if unknown.
    fn acknowledged(&self) -> u64;

    /// Lets older batches be forgotten as batches: they are not replayed at the next start.
    ///
    /// # Errors
    /// As [`Engine::commit`].
    fn checkpoint(&self) -> Result<(), StoreError>;

    /// The value of a key.
    ///
    /// # Errors
    /// Where the disk or what is on it fails.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the pairs of a range in order.
    ///
    /// # Errors
    /// Where the disk or what is on it fails, or the visitor does.
    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// Opens the data again after a failed commit.
    ///
    /// # Errors
    /// While the cause lasts.
    fn reopen(&self) -> Result<(), StoreError>;
}
