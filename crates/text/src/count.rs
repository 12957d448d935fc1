//! How often each verb was asked for.

use super::{all, row_of};
use antar_domain::{Command, Request};

/// Requests by verb, whatever became of them.
#[derive(Clone, Debug)]
pub struct Requests {
    /// In the order of [`all`].
    pub by_verb: Vec<u64>,
    /// Lines whose verb is none of ours, or that could not be read.
    pub unknown: u64,
}

impl Default for Requests {
    fn default() -> Self {
        Self { by_verb: vec![0; all().count()], unknown: 0 }
    }
}

impl Requests {
    /// Counts a request. What another realm answers is none, nor is what the door for files asks.
    pub fn count(&mut self, request: &Request) {
        if matches!(
            request.command,
            Command::PeerAnswers(_)
                | Command::OfferFile(_)
                | Command::StoreFile(_)
                | Command::OpenFile(_)
        ) {
            return;
        }
        match row_of(request.tag).and_then(|number| self.by_verb.get_mut(number)) {
            Some(count) => *count += 1,
            None => self.unknown += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Door;
    use crate::Frame;

    #[test]
    fn each_request_counts_once_however_spelled() {
        let (mut door, mut asked) = (Door::new(true), Requests::default());
        for line in
            ["auth amy pw", "addgroup staff pw", "GROUP ADD more pw", "Group Add", "{\"tip\":1}"]
        {
            asked.count(&door.read(Frame::Line(line.into())).unwrap());
        }
        let of = |verb| asked.by_verb[all().position(|row| row.name == verb).unwrap()];
        assert_eq!((of("AUTH"), of("ADDGROUP"), of("SEND"), asked.unknown), (1, 3, 0, 0));
        let mut door = Door::new(false);
        for line in ["frobnicate", "", "{\"status\":\"OK\"}"] {
            asked.count(&door.read(Frame::Line(line.into())).unwrap());
        }
        asked.count(&door.read(Frame::TooLong).unwrap());
        assert_eq!((asked.unknown, asked.by_verb.len()), (4, all().count()));
    }
}
