//! Where the messages of a batch are, for who puts it into the tree: whoever writes a message has at hand what
//! it takes time to read out of it again.

use super::raw::{Raw, RawPosted, encode_posted};
use crate::StoreError;
use std::ops::Range;

/// Where messages are in a batch: all of them, some or none. Those it does not know are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index(Vec<Indexed>);

/// A record of a message that begins here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Indexed {
    start: usize,
    posted: RawPosted<Range<usize>>,
}

impl Index {
    /// Appends the record of a message, and notes where it is.
    pub fn encode(
        &mut self,
        posted: &antar_domain::Posted,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let start = out.len();
        let posted = encode_posted(posted, out)?;
        self.0.push(Indexed { start, posted });
        Ok(())
    }

    /// The records in some bytes from `at` on; `None` where there is something else.
    pub fn records<'a>(&self, bytes: &'a [u8], mut at: usize) -> Option<Vec<Raw<'a>>> {
        let mut records = Vec::with_capacity(self.0.len().max(bytes.len() / 128));
        let mut known = self.0.iter().peekable();
        while at < bytes.len() {
            let record = match known.next_if(|indexed| indexed.start == at) {
                Some(Indexed { posted, .. }) => {
                    at = posted.message.end;
                    Raw::Posted(posted.within(bytes)?)
                }
                None => {
                    let (record, rest) = Raw::take(bytes.get(at..)?)?;
                    at = bytes.len() - rest.len();
                    record
                }
            };
            records.push(record);
        }
        Some(records)
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes of memory it has room for.
    pub fn capacity(&self) -> usize {
        self.0.capacity() * size_of::<Indexed>()
    }
}

impl RawPosted<Range<usize>> {
    /// The same with its message, which is in these bytes.
    fn within<'a>(&self, bytes: &'a [u8]) -> Option<RawPosted<&'a [u8]>> {
        bytes.get(self.message.clone()).map(|message| self.with(message))
    }
}
