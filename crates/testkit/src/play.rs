//! Playing a transcript.

use crate::pattern::Captures;
use crate::transcript::{Action, Charset, Failure, Step, Transcript};
use antar_types::END;
use serde_json::Value;
use std::collections::BTreeSet;

/// Something that a transcript can be played against.
pub trait Driver {
    /// Opens a connection.
    ///
    /// # Errors
    /// What went wrong, in a sentence; so for the other methods.
    fn open(&mut self, who: &str) -> Result<(), String>;

    /// Sends bytes and waits until every request that they complete is answered.
    ///
    /// # Errors
    /// As above.
    fn send(&mut self, who: &str, bytes: &[u8]) -> Result<(), String>;

    /// The next that a connection received and nobody has taken yet.
    ///
    /// # Errors
    /// As above.
    fn receive(&mut self, who: &str) -> Result<Received, String>;

    /// Closes a connection's sending side.
    ///
    /// # Errors
    /// As above.
    fn close(&mut self, who: &str) -> Result<(), String>;

    /// Stops the realm and starts it again. What connections received can be taken still.
    ///
    /// # Errors
    /// As above.
    fn restart(&mut self) -> Result<(), String>;

    /// Stops one of several realms, or starts it again.
    ///
    /// # Errors
    /// As above.
    fn run(&mut self, realm: &str, runs: bool) -> Result<(), String>;

    /// Waits until realms that run have all that they owe each other.
    ///
    /// # Errors
    /// As above.
    fn settle(&mut self) -> Result<(), String>;
}

/// What a connection received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A reply or an event, with its end mark.
    Object(Vec<u8>),
    /// The end of the connection.
    Closed,
    /// Nothing, for as long as anyone would wait.
    Nothing,
}

impl Received {
    fn shown(&self) -> String {
        match self {
            Self::Object(bytes) => String::from_utf8_lossy(bytes).trim_end().to_string(),
            Self::Closed => "the end of the connection".into(),
            Self::Nothing => "nothing".into(),
        }
    }
}

/// Plays a transcript to its end.
///
/// # Errors
/// The first line that did not go as written.
pub fn play(transcript: &Transcript, driver: &mut dyn Driver) -> Result<(), Failure> {
    let mut playing = Playing {
        driver,
        captures: Captures::default(),
        open: BTreeSet::new(),
        closed: BTreeSet::new(),
    };
    let mut last = 0;
    let mut steps = transcript.steps.iter();
    let played = steps.try_for_each(|step| {
        last = step.line;
        playing.step(step)
    });
    let played = played.and_then(|()| playing.hang_up());
    played.map_err(|what| Failure { file: transcript.file.clone(), line: last, what })
}

/// What ends a watch of changes where the server stops.
const STOPPED: &[u8] = br#"{"event":"ended","code":"unavailable"}"#;

struct Playing<'a> {
    driver: &'a mut dyn Driver,
    captures: Captures,
    open: BTreeSet<String>,
    /// Closed by the client or with the realm; may still have something to read.
    closed: BTreeSet<String>,
}

impl Playing<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Say(who, line) => {
                let line = self.captures.fill(line)?;
                self.send(who, format!("{line}\n").as_bytes())
            }
            Action::SendText(who, text) => {
                let text = self.captures.fill(text)?;
                self.send(who, text.as_bytes())
            }
            Action::SendBytes(who, bytes) => self.send(who, bytes),
            Action::Expect(who, expected, charset) => {
                let came = self.receive(who)?;
                self.compare(expected, *charset, &came).map_err(|why| {
                    format!("expected {expected}\n    came {}\n    {why}", came.shown())
                })
            }
            Action::ExpectClosed(who) => match self.receive(who)? {
                Received::Closed => Ok(()),
                came => Err(format!("expected the end of {who}, came {}", came.shown())),
            },
            Action::Close(who) => {
                if !self.open.remove(who) {
                    return Err(format!("{who} is not connected"));
                }
                self.closed.insert(who.clone());
                self.driver.close(who)
            }
            Action::Restart => {
                self.driver.restart()?;
                self.closed.append(&mut self.open);
                self.read_out()
            }
            Action::Start(realm) => self.driver.run(realm, true),
            Action::Stop(realm) => {
                self.driver.run(realm, false)?;
                let is_there = |who: &String| who.ends_with(&format!("@{realm}"));
                self.closed.extend(self.open.extract_if(.., is_there));
                self.read_out()
            }
        }
    }

    fn send(&mut self, who: &str, bytes: &[u8]) -> Result<(), String> {
        self.driver.settle()?;
        if !self.open.contains(who) {
            if self.closed.remove(who) {
                self.nothing_left(who)?;
            }
            self.driver.open(who)?;
            self.open.insert(who.into());
        }
        self.driver.send(who, bytes)
    }

    fn receive(&mut self, who: &str) -> Result<Received, String> {
        if !self.open.contains(who) && !self.closed.contains(who) {
            self.driver.open(who)?;
            self.open.insert(who.into());
        }
        self.driver.receive(who)
    }

    fn compare(
        &mut self,
        expected: &Value,
        charset: Charset,
        came: &Received,
    ) -> Result<(), String> {
        let Received::Object(bytes) = came else {
            return Err("no object".into());
        };
        let json = bytes.strip_suffix(END).ok_or("it does not end in CR LF CR LF")?;
        let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        self.captures.matches(expected, &value)?;
        match charset {
            Charset::Ascii if !json.is_ascii() => Err("it is not pure ASCII".into()),
            Charset::Unescaped if json.windows(2).any(|pair| pair == b"\\u") => {
                Err("a character is escaped".into())
            }
            _ => Ok(()),
        }
    }

    /// Closes every connection; each must have received what the transcript says and no more.
    fn hang_up(&mut self) -> Result<(), String> {
        for who in std::mem::take(&mut self.open) {
            self.driver.close(&who)?;
            self.closed.insert(who);
        }
        self.read_out()
    }

    fn read_out(&mut self) -> Result<(), String> {
        let closed = std::mem::take(&mut self.closed);
        closed.iter().try_for_each(|who| self.nothing_left(who))
    }

    fn nothing_left(&mut self, who: &str) -> Result<(), String> {
        loop {
            match self.driver.receive(who)? {
                Received::Closed => return Ok(()),
                // A server that stops tells who watches changes; the state alone does not.
                Received::Object(bytes) if bytes.strip_suffix(END) == Some(STOPPED) => {}
                came => {
                    return Err(format!("nobody expected what {who} received: {}", came.shown()));
                }
            }
        }
    }
}
