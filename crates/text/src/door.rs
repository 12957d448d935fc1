//! One connection's door: what it sends becomes requests.

use super::row::{self, Row};
use super::{Args, Line};
use crate::links::read_answer;
use crate::{Dialect, Frame};
use antar_domain::{Access, Command, Request, Tag, Unread, commands};
use antar_types::Code;

/// The lowest bit of a tag: the dialect is upper. The next ten bits are the verb's place among [`row::all`],
/// plus one, so that 0 is none; the ten above are the same of the verb that help is asked about.
const UPPER: u32 = 1;

/// How many bits hold a place.
const PLACE: u32 = 10;

/// What one connection's lines are read with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Door {
    /// Of the latest request whose verb could be read.
    dialect: Dialect,
    /// Other realms may speak here: their answers are JSON.
    answers: bool,
}

impl Door {
    /// For a connection on which another realm may speak, or for any other.
    pub fn new(may_be_peer: bool) -> Self {
        Self { dialect: Dialect::default(), answers: may_be_peer }
    }

    /// Reads a frame. `None` where it is none of a client's: the connection is to be closed, and there is
    /// nothing to say to a browser.
    pub fn read(&mut self, frame: Frame) -> Option<Request> {
        match frame {
            Frame::Line(line) => Some(self.line(line)),
            Frame::TooLong => Some(self.unread(Code::TooLong)),
            Frame::BadEncoding => Some(self.unread(Code::BadEncoding)),
            Frame::TwoLines => Some(self.unread(Code::BadParameters)),
            Frame::Http => None,
        }
    }

    fn line(&mut self, line: String) -> Request {
        if self.answers && line.starts_with('{') {
            let command = commands::PeerAnswers { answer: read_answer(&line) }.into();
            return Request { tag: tag(self.dialect, None, None), token: None, command };
        }
        let (dialect, read) = Line::parse(&line);
        self.dialect = dialect;
        let Some(read) = read else { return self.unread(Code::UnknownRequest) };
        let (row, args) = (read.row, Args::parse(read.row, dialect, read.params));
        let about = args.as_ref().ok().and_then(|args| row.read.about(args));
        let tag = tag(dialect, Some(read.number), about);
        let unread = |code| Command::Unread(Unread { access: row.access(), code });
        let command = args.and_then(|args| row.read.read(&args)).unwrap_or_else(unread);
        Request { tag, token: read.token, command }
    }

    /// Of a line whose verb could not be read; it is answered in the shape of the request before it.
    fn unread(&self, code: Code) -> Request {
        let command = Command::Unread(Unread { access: Access::AnyoneOrPeer, code });
        Request { tag: tag(self.dialect, None, None), token: None, command }
    }
}

fn tag(dialect: Dialect, row: Option<usize>, about: Option<usize>) -> Tag {
    let upper = if dialect == Dialect::Upper { UPPER } else { 0 };
    let place = |of: Option<usize>| of.and_then(|of| u32::try_from(of + 1).ok()).unwrap_or(0);
    Tag(upper | place(row) << 1 | place(about) << (1 + PLACE))
}

fn place(bits: u32) -> Option<usize> {
    (bits as usize & ((1 << PLACE) - 1)).checked_sub(1)
}

/// The dialect of a request.
pub fn dialect(tag: Tag) -> Dialect {
    if tag.0 & UPPER == 0 { Dialect::Lower } else { Dialect::Upper }
}

/// The place of a request's verb among [`row::all`]; none where it could not be read.
pub fn row_of(tag: Tag) -> Option<usize> {
    place(tag.0 >> 1)
}

/// Whether a request asks for nothing more to be told.
pub fn is_unwatch(tag: Tag) -> bool {
    row(tag).is_some_and(|row| row.name == "UNWATCH")
}

/// The row of a request's verb.
pub(super) fn row(tag: Tag) -> Option<&'static Row> {
    row_of(tag).and_then(row::at)
}

/// The row of the verb that help is asked about.
pub(super) fn about(tag: Tag) -> Option<&'static Row> {
    place(tag.0 >> (1 + PLACE)).and_then(row::at)
}
