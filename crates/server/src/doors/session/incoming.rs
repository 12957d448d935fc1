//! What was read and is not handed to the hub yet.

use antar_text::{Decoder, Frame};
use std::collections::VecDeque;

/// Bytes that were read, and the next of the frames they hold. A segment of short lines would take fifty
/// times as much as frames, so it is made into no more of them than can be handed on now.
pub(super) struct Incoming {
    decoder: Decoder,
    frames: VecDeque<Frame>,
    /// Bytes that come after those frames.
    ahead: Vec<u8>,
    /// How many of them have been made into frames.
    taken: usize,
}

impl Incoming {
    /// For lines of so many bytes.
    pub fn new(line_bytes: usize) -> Self {
        let (frames, ahead) = (VecDeque::new(), Vec::new());
        Self { decoder: Decoder::new(line_bytes), frames, ahead, taken: 0 }
    }

    /// The same where each line comes as a frame of its own.
    pub fn of_frames(line_bytes: usize) -> Self {
        Self { decoder: Decoder::of_frames(line_bytes), ..Self::new(line_bytes) }
    }

    /// Lines may be so long from now on.
    pub fn set_limit(&mut self, line_bytes: usize) {
        self.decoder.set_limit(line_bytes);
    }

    /// Takes what was read, where up to `most` frames can be handed on.
    pub fn take(&mut self, mut bytes: &[u8], most: usize) {
        if self.ahead.is_empty() {
            self.decode(&mut bytes, most);
        }
        self.ahead.extend_from_slice(bytes);
    }

    fn decode(&mut self, bytes: &mut &[u8], most: usize) {
        while self.frames.len() < most
            && let Some(frame) = self.decoder.next_frame(bytes)
        {
            self.frames.push_back(frame);
        }
    }

    /// Has up to `most` frames at hand, and returns how many there are.
    pub fn ready(&mut self, most: usize) -> usize {
        if self.frames.len() < most && !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            let mut rest = &ahead[self.taken..];
            self.decode(&mut rest, most);
            let left = rest.len();
            if left > 0 {
                self.taken = ahead.len() - left;
                self.ahead = ahead;
            } else {
                self.taken = 0;
            }
        }
        self.frames.len().min(most)
    }

    /// See [`Decoder::take_wasted`].
    pub fn take_wasted(&mut self) -> usize {
        self.decoder.take_wasted()
    }

    /// The frames at hand.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// Hands on so many of the frames at hand.
    pub fn hand_on(&mut self, many: usize) -> Vec<Frame> {
        match many == self.frames.len() {
            true => std::mem::take(&mut self.frames).into(),
            false => self.frames.drain(..many).collect(),
        }
    }

    /// Whether everything that was read has been handed on, but for the beginning of a line.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.ahead.is_empty()
    }

    /// Whether it began with an HTTP request: that is known once it was read, as it is the first frame.
    pub fn is_http(&self) -> bool {
        self.frames.back() == Some(&Frame::Http)
    }

    /// Bytes that are not frames yet.
    pub fn ahead(&self) -> usize {
        self.ahead.len() - self.taken
    }

    /// Bytes of memory it takes.
    pub fn held(&self) -> usize {
        let frames: usize = self.frames.iter().map(size).sum();
        self.decoder.held() + self.ahead.capacity() + frames
    }
}

/// Bytes of memory that a frame takes.
pub(super) fn size(frame: &Frame) -> usize {
    let text = match frame {
        Frame::Line(line) => line.len(),
        Frame::TooLong | Frame::BadEncoding | Frame::TwoLines | Frame::Http => 0,
    };
    size_of::<Frame>() + text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(frames: Vec<Frame>) -> Vec<String> {
        let text = |frame| match frame {
            Frame::Line(line) => line,
            other => format!("{other:?}"),
        };
        frames.into_iter().map(text).collect()
    }

    #[test]
    fn keeps_the_order_whatever_is_at_hand() {
        let mut incoming = Incoming::new(9);
        incoming.take(b"a\nb\nc\nd", 2);
        assert_eq!((incoming.ready(2), incoming.ahead()), (2, 3));
        // What is read meanwhile comes after it.
        incoming.take(b"d\ne\n", 9);
        assert_eq!(lines(incoming.hand_on(1)), ["a"]);
        assert_eq!(incoming.ready(3), 3);
        assert_eq!(lines(incoming.hand_on(3)), ["b", "c", "dd"]);
        assert_eq!(incoming.ready(3), 1);
        assert_eq!(lines(incoming.hand_on(1)), ["e"]);
        assert!(incoming.is_empty() && incoming.held() == 0);
    }

    #[test]
    fn short_lines_take_as_much_as_their_bytes() {
        let mut incoming = Incoming::new(9);
        incoming.take(&b"x\n".repeat(32 << 10), 64);
        assert!((64 << 10..80 << 10).contains(&incoming.held()), "{}", incoming.held());
        let mut seen = 0;
        while !incoming.is_empty() {
            let ready = incoming.ready(64);
            seen += incoming.hand_on(ready).len();
        }
        assert_eq!(seen, 32 << 10);
    }
}
