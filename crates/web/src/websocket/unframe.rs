//! A client's frames to lines.

use antar_types::LINE_FEED;

/// The most bytes a frame's head has, and the most that a frame has which says something of the connection.
const HEAD: usize = 14;
const CONTROL: usize = 125;

/// Close codes: as asked, an error of the other side's, and a kind of message that is not taken.
const NORMAL: u16 = 1000;
const PROTOCOL: u16 = 1002;
const UNSUPPORTED: u16 = 1003;

/// Takes the frames of a client apart. Holds the head of one frame, and what a ping says, and nothing else.
#[derive(Debug, Default)]
pub struct Unframer {
    head: [u8; HEAD],
    /// How much of the head is there.
    have: usize,
    /// Of the frame whose head is whole: its kind, and how many of its bytes are to come.
    kind: Kind,
    left: u64,
    /// How many of them came, modulo four.
    phase: usize,
    /// A message has begun and its last frame has not.
    midway: bool,
    /// What a ping, or a close, has said so far.
    said: Vec<u8>,
    /// A whole ping that is not answered yet.
    ping: Option<Vec<u8>>,
    /// Nothing is read any more.
    closed: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Of a message, and whether it is the last of it.
    #[default]
    Part,
    Last,
    Ping,
    Pong,
    Close,
}

impl Unframer {
    /// Takes bytes that were read into a buffer, after its first byte, and puts what they come to at its
    /// beginning. Returns how much that is: never more than was read, and one.
    pub fn unframe(&mut self, buffer: &mut [u8], read: usize) -> usize {
        let (mut from, mut to) = (1, 0);
        let end = 1 + read;
        while from < end && self.closed.is_none() {
            if !self.is_head_whole() {
                self.head[self.have] = buffer[from];
                self.have += 1;
                from += 1;
                if !self.is_head_whole() {
                    continue;
                }
                if let Err(code) = self.begin() {
                    self.closed = Some(code);
                    break;
                }
            }
            let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(end - from);
            to += self.payload(buffer, from, to, now);
            from += now;
            self.left -= now as u64;
            if self.left == 0 {
                to += self.finish(buffer, to);
            }
        }
        to
    }

    /// The code to close with; none as long as more is read.
    pub fn close_code(&self) -> Option<u16> {
        self.closed
    }

    /// Whether a ping waits for its answer.
    pub fn has_ping(&self) -> bool {
        self.ping.is_some()
    }

    /// What the last ping said that is not answered.
    pub fn take_ping(&mut self) -> Option<Vec<u8>> {
        self.ping.take()
    }

    /// Whether the head is whole, as far as it says itself how long it is.
    fn is_head_whole(&self) -> bool {
        let more = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        self.have >= 2 && self.have >= 2 + more + 4
    }

    /// Begins the frame whose head is there.
    fn begin(&mut self) -> Result<(), u16> {
        let [first, second, ..] = self.head;
        let (last, opcode) = (first & 0x80 != 0, first & 0xf);
        // No extension was agreed on, and a client masks all its frames.
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(PROTOCOL);
        }
        self.left = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => self.head[2..].first_chunk().map_or(0, |b| u64::from_be_bytes(*b)),
            short => u64::from(short),
        };
        self.phase = 0;
        let is_control = opcode & 8 != 0;
        if self.left >> 63 != 0 || is_control && (!last || self.left > CONTROL as u64) {
            return Err(PROTOCOL);
        }
        let part = if last { Kind::Last } else { Kind::Part };
        self.kind = match opcode {
            0 if self.midway => part,
            1 if !self.midway => part,
            2 => return Err(UNSUPPORTED),
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            _ => return Err(PROTOCOL),
        };
        if !is_control {
            self.midway = !last;
        }
        Ok(())
    }

    /// Takes so many bytes of the frame; returns how many were put.
    fn payload(&mut self, buffer: &mut [u8], from: usize, to: usize, many: usize) -> usize {
        let mask: [u8; 4] = std::array::from_fn(|n| self.head[self.have - 4 + n]);
        let is_message = matches!(self.kind, Kind::Part | Kind::Last);
        for n in 0..many {
            let byte = buffer[from + n] ^ mask[(self.phase + n) % 4];
            match self.kind {
                Kind::Part | Kind::Last => {
                    buffer[to + n] = match byte {
                        b'\n' => LINE_FEED,
                        // Neither is in any UTF-8.
                        LINE_FEED => 0xff,
                        byte => byte,
                    }
                }
                Kind::Ping | Kind::Close => self.said.push(byte),
                Kind::Pong => {}
            }
        }
        self.phase = (self.phase + many) % 4;
        if is_message { many } else { 0 }
    }

    /// The frame is whole; returns how many bytes were put.
    fn finish(&mut self, buffer: &mut [u8], to: usize) -> usize {
        self.have = 0;
        let said = std::mem::take(&mut self.said);
        match self.kind {
            Kind::Last => {
                buffer[to] = b'\n';
                return 1;
            }
            Kind::Ping => self.ping = Some(said),
            Kind::Close => self.closed = Some(close_code(&said)),
            Kind::Part | Kind::Pong => {}
        }
        0
    }
}

/// With which code a close is answered: its own, where that is one that may be said.
fn close_code(said: &[u8]) -> u16 {
    match said {
        [] => NORMAL,
        [high, low, reason @ ..] => match u16::from_be_bytes([*high, *low]) {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999)
                if std::str::from_utf8(reason).is_ok() =>
            {
                code
            }
            _ => PROTOCOL,
        },
        [_] => PROTOCOL,
    }
}
