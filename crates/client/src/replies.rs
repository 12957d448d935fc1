//! From bytes to replies.

use crate::Incoming;
use antar_types::END;
use memchr::memmem::Finder;
use serde_json::Value;

/// A buffer that grew past this for one long reply is given back after it.
const KEPT_CAPACITY: usize = 256 * 1024;

/// Turns segments of any size into replies and events. Holds what was fed and not yet popped.
///
/// A JSON string cannot hold a raw CR or LF, so the first CR LF CR LF is the end of the reply.
#[derive(Debug)]
pub struct Replies {
    buffer: Vec<u8>,
    /// Where the next reply begins.
    start: usize,
    /// No end mark begins before this.
    scanned: usize,
    limit: usize,
    failed: bool,
    end: Finder<'static>,
}

/// Why the bytes are not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A reply is longer than the limit; the decoder takes nothing more.
    #[error("the server sent a reply of more than {limit} bytes")]
    TooLong {
        /// The limit, in bytes without the end mark.
        limit: usize,
    },
    /// What stands before an end mark is not a JSON object. The next one may be.
    #[error("the server sent something that is not a JSON object")]
    NotAnObject,
}

impl Replies {
    /// A decoder for replies of up to `limit` bytes, not counting the end mark.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            limit,
            failed: false,
            end: Finder::new(END),
        }
    }

    /// Takes bytes off the wire. Pop until there is nothing left before feeding more: then at
    /// most `limit` bytes and one segment are held.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.space().extend_from_slice(bytes);
    }

    /// Where bytes off the wire may be appended, for a driver that reads without a copy in
    /// between. Only ever append; the same advice as for [`feed`](Self::feed).
    pub fn space(&mut self) -> &mut Vec<u8> {
        if self.start > 0 || self.failed {
            let gone = if self.failed { self.buffer.len() } else { self.start };
            self.buffer.drain(..gone);
            self.scanned = self.scanned.saturating_sub(gone);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
        &mut self.buffer
    }

    /// The next whole reply as bytes, without its end mark and not parsed; `None` until more is
    /// fed.
    ///
    /// # Errors
    /// [`ReplyError::TooLong`], from then on each time.
    pub fn pop_raw(&mut self) -> Result<Option<RawReply<'_>>, ReplyError> {
        let too_long = ReplyError::TooLong { limit: self.limit };
        if self.failed {
            return Err(too_long);
        }
        let found = self.end.find(&self.buffer[self.scanned..]);
        let end = found.map_or(self.buffer.len(), |at| self.scanned + at);
        let longest = self.limit + if found.is_some() { 0 } else { END.len() - 1 };
        if end - self.start > longest {
            self.failed = true;
            return Err(too_long);
        }
        if found.is_none() {
            // The mark may have begun: its first three bytes are looked at again.
            self.scanned = end.saturating_sub(END.len() - 1).max(self.start);
            return Ok(None);
        }
        let reply = self.start..end;
        self.start = end + END.len();
        self.scanned = self.start;
        Ok(Some(RawReply(&self.buffer[reply])))
    }

    /// The next whole reply or event; `None` until more is fed.
    ///
    /// # Errors
    /// See [`ReplyError`].
    pub fn pop(&mut self) -> Result<Option<Incoming>, ReplyError> {
        self.pop_raw()?.map(RawReply::parse).transpose()
    }

    /// Whether the beginning of a reply is held whose end has not come.
    pub fn is_midway(&self) -> bool {
        self.start < self.buffer.len()
    }
}

/// One reply or event as it came, without its end mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReply<'a>(pub &'a [u8]);

impl RawReply<'_> {
    /// Whether it is an OK, told by its first bytes: what our servers write. A server that orders
    /// its keys otherwise needs [`parse`](Self::parse).
    pub fn is_ok(self) -> bool {
        self.0.starts_with(br#"{"status":"OK""#)
    }

    /// Whether it is an event, told by its first bytes, likewise.
    pub fn is_event(self) -> bool {
        self.0.starts_with(br#"{"event":"#)
    }

    /// Parses the JSON.
    ///
    /// # Errors
    /// [`ReplyError::NotAnObject`].
    pub fn parse(self) -> Result<Incoming, ReplyError> {
        match serde_json::from_slice::<Value>(self.0) {
            Ok(value @ Value::Object(_)) => Ok(Incoming::of(value)),
            _ => Err(ReplyError::NotAnObject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn popped(replies: &mut Replies) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        while let Some(raw) = replies.pop_raw().unwrap() {
            list.push(raw.0.to_vec());
        }
        list
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_replies(
            texts in prop::collection::vec("(?s).{0,40}", 0..8),
            cuts in prop::collection::vec(1usize..9, 1..20),
            by_space in any::<bool>(),
        ) {
            let whole: Vec<Vec<u8>> = texts
                .iter()
                .map(|t| json!({"status": "OK", "data": t}).to_string().into_bytes())
                .collect();
            let stream: Vec<u8> = whole.iter().flat_map(|r| [r, END].concat()).collect();
            let mut replies = Replies::new(1000);
            let mut seen = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                let (segment, later) = rest.split_at((*cut).min(rest.len()));
                if by_space {
                    replies.space().extend_from_slice(segment);
                } else {
                    replies.feed(segment);
                }
                seen.extend(popped(&mut replies));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, whole);
            prop_assert!(!replies.is_midway());
        }

        #[test]
        fn the_limit_holds_for_any_split(len in 0usize..12, cut in 1usize..5) {
            let mut stream = vec![b'x'; len];
            stream.extend_from_slice(END);
            let mut replies = Replies::new(6);
            let mut result = Ok(None);
            for segment in stream.chunks(cut) {
                replies.feed(segment);
                result = replies.pop_raw().map(|raw| raw.map(|raw| raw.0.len()));
            }
            let expected = if len <= 6 { Ok(Some(len)) } else { Err(ReplyError::TooLong { limit: 6 }) };
            prop_assert_eq!(result, expected);
        }
    }

    #[test]
    fn many_replies_in_one_segment() {
        let mut replies = Replies::new(100);
        replies.feed(b"{\"status\":\"OK\"}\r\n\r\n{\"event\":\"message\"}\r\n\r\n{\"sta");
        assert!(replies.pop_raw().unwrap().unwrap().is_ok());
        assert!(replies.pop_raw().unwrap().unwrap().is_event());
        assert_eq!(replies.pop_raw(), Ok(None));
        assert!(replies.is_midway());
    }

    #[test]
    fn what_is_no_object_is_reported_and_passed() {
        let mut replies = Replies::new(100);
        replies.feed(b"[1]\r\n\r\nHTTP/1.1 400\r\n\r\n{\"status\":\"OK\"}\r\n\r\n");
        assert_eq!(replies.pop(), Err(ReplyError::NotAnObject));
        assert_eq!(replies.pop(), Err(ReplyError::NotAnObject));
        assert!(matches!(replies.pop(), Ok(Some(Incoming::Reply(r))) if r.ok()));
    }

    #[test]
    fn past_the_limit_nothing_more_is_taken() {
        let mut replies = Replies::new(4);
        replies.feed(b"123456789");
        assert!(replies.pop_raw().is_err());
        replies.feed(b"{}\r\n\r\n");
        assert_eq!(replies.pop(), Err(ReplyError::TooLong { limit: 4 }));
    }
}
