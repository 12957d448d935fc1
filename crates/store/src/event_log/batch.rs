//! A batch as the log has it.

use crate::StoreError;
use crate::engine::Ops;
use crate::records::Record;

/// Leads a batch of events: no key is so short, so it is told from one of pairs, which begins with a key's
/// length.
const EVENTS: u8 = 0;

/// The version of how a batch of events is written. Each record has one of its own besides.
const VERSION: u8 = 1;

/// What is committed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// What has happened.
    Events(Vec<Record>),
    /// Pairs of key and value that were put there as they are: a backup that is restored, and the data of
    /// an older format. The first format's logs hold nothing else.
    Pairs(Ops),
}

impl Batch {
    /// Appends it, as it is written.
    ///
    /// # Errors
    /// Where a record cannot be written.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Events(records) => {
                out.extend_from_slice(&[EVENTS, VERSION]);
                records.iter().try_for_each(|record| record.encode(out))
            }
            Self::Pairs(ops) => {
                out.extend_from_slice(ops.as_bytes());
                Ok(())
            }
        }
    }

    /// Reads what [`Batch::encode`] writes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is of a kind or version that is not known.
    pub fn decode(number: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut rest = match bytes {
            [EVENTS, VERSION, rest @ ..] => rest,
            [EVENTS, ..] => return Err(unknown(number)),
            _ => return Ok(Self::Pairs(Ops::from_bytes(bytes))),
        };
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (record, after) = Record::take(rest).ok_or_else(|| unknown(number))?;
            records.push(record);
            rest = after;
        }
        Ok(Self::Events(records))
    }
}

fn unknown(number: u64) -> StoreError {
    StoreError::Corrupt(format!("batch {number} in the log holds what this program does not know"))
}
