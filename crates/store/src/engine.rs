//! The narrow interface behind which a storage engine sits.

use crate::event_log::{Batch, NotCommitted};
use crate::{StoreError, Usage};
use std::ops::{ControlFlow, Range};

/// A key: 37 bytes at most, and fewer than 20 for what there is most of, so that engines can keep it inline.
/// Those that begin with 0 are an engine's own.
pub type Key = Vec<u8>;

/// A value. Whoever holds one shares it with the engine, where that has it in memory.
pub type Value = lsm_tree::UserValue;

/// Every key but the engine's own.
pub fn everything() -> Range<Key> {
    vec![1]..vec![u8::MAX; 38]
}

/// The changes of one batch, in one stretch of memory that can be written as it is.
///
/// Each is the key's length (1 byte), the value's length and one more (4 bytes, little-endian; 0
/// removes the key), the key and the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ops(Vec<u8>);

const HEAD: usize = 5;

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
        let head = self.0.len();
        self.delete(key);
        let start = self.0.len();
        value(&mut self.0)?;
        let length = u32::try_from(self.0.len() - start + 1);
        let length = length.map_err(|_| StoreError::Engine("a value is too large".into()))?;
        self.0[head + 1..head + HEAD].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Removes a key, which may be missing.
    pub fn delete(&mut self, key: &[u8]) {
        // The longest is that of a reference: a kind, two numbers and 64 characters.
        debug_assert!(key.len() <= 83, "keys are short");
        self.0.push(key.len() as u8);
        self.0.extend_from_slice(&[0; 4]);
        self.0.extend_from_slice(key);
    }

    /// Adds the changes of others, which come after these.
    pub fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// Each key with its value, or without one where it is removed.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<HEAD>()?;
            let [key, length @ ..] = *head;
            let (key, after) = after.split_at_checked(key.into())?;
            let length = u32::from_le_bytes(length) as usize;
            let (value, after) = after.split_at_checked(length.saturating_sub(1))?;
            rest = after;
            Some((key, (length > 0).then_some(value)))
        })
    }

    /// As they are written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What was written, read back; the reader has checked that it is whole.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
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

/// What can be read of an ordered map of bytes.
pub trait Pairs {
    /// The value of a key.
    ///
    /// # Errors
    /// Where the disk or what is on it fails.
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError>;

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
}

impl<P: Pairs + ?Sized> Pairs for &P {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        (**self).read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        (**self).scan(range, direction, visit)
    }
}

/// An ordered map of bytes that commits batches atomically and durably.
pub trait Engine: Pairs + Send + Sync {
    /// Appends batch `number` to the log: when this returns `Ok` it survives a power cut, whole, and who
    /// reads after that finds it. Nobody can read any of it before. Numbers grow by one.
    ///
    /// # Errors
    /// As [`EventLog::append`](crate::EventLog::append). Nothing more is taken then until [`Engine::reopen`]
    /// has found out what is in the log.
    fn commit(&self, number: u64, batch: Batch) -> Result<(), NotCommitted>;

    /// Memory for the next batch: what an earlier one took, as far as there is any.
    fn spare(&self) -> Batch {
        Batch::default()
    }

    /// The pairs, for who reads several of them: what was committed by now is waited for once.
    ///
    /// # Errors
    /// As [`Pairs::read`].
    fn view(&self) -> Result<Box<dyn Pairs + '_>, StoreError> {
        Ok(Box::new(self))
    }

    /// The highest number that [`Engine::commit`] is known to have made durable, from a source
    /// apart from the data, to notice data that went missing. May lag behind; 0 if unknown.
    fn acknowledged(&self) -> u64;

    /// Opens the data again after a failed commit.
    ///
    /// # Errors
    /// While the cause lasts.
    fn reopen(&self) -> Result<(), StoreError>;

    /// What the data take, where that is known: not while they are being opened again, nor of an
    /// engine that is not on a disk. Looks at files, but waits for nobody.
    fn usage(&self) -> Option<Usage> {
        None
    }
}
