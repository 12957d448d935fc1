//! Files: what a door asks before it takes or gives the bytes of one, and links to them.

use crate::{Answer, Event, FileHold, FileKey, Interrupt, Mode, Outcome, PeerId, RequestContext};
use antar_types::{Code, ConversationName, FileAbout, FileHash, FileLink, Time};

/// Asks whether the caller may upload a file, before it is.
#[derive(Clone, Debug)]
pub struct OfferFile {
    /// Which it is.
    pub hash: FileHash,
    /// How many bytes it has, as far as that is known: at least so many.
    pub size: u64,
}

impl OfferFile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let room = cx.room_for_file(&self.hash)?;
        if self.size > room.most() {
            return Err(Code::LimitReached.into());
        }
        if cx.state.mode != Mode::Open {
            return Err(Code::Unavailable.into());
        }
        let files = &cx.state.durable.files;
        let here = files.size(&self.hash).is_some();
        let hold = files.hold(&self.hash, cx.me()?).filter(|_| here);
        let held = hold.map(|hold| Box::new(hold.about.clone()));
        Ok(Outcome::FileWanted { here, room, held }.into())
    }
}

/// Notes that the caller has uploaded a file, whose bytes are on disk.
#[derive(Clone, Debug)]
pub struct StoreFile {
    /// Which it is.
    pub hash: FileHash,
    /// What the caller says of it.
    pub about: Box<FileAbout>,
}

impl StoreFile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let Self { hash, about } = self;
        let account = cx.me()?;
        if about.size > cx.room_for_file(hash)?.most() {
            return Err(Code::LimitReached.into());
        }
        if cx.state.durable.files.size(hash).is_none() {
            cx.emit(Event::FileSet { hash: *hash, size: about.size })?;
        }
        let hold = FileHold { about: FileAbout::clone(about), since: cx.readings.now };
        cx.emit(Event::FileHeld { hash: *hash, account, hold })?;
        Ok(Outcome::FileStored.into())
    }
}

/// Asks for a file that the caller may read: with a session, or with a link.
#[derive(Clone, Debug)]
pub struct OpenFile {
    /// Which it is.
    pub hash: FileHash,
    /// The link.
    pub link: Option<Box<FileLink>>,
}

impl OpenFile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (about, at) = cx.file_to_read(&self.hash, self.link.as_deref())?;
        Ok(Outcome::FileFound { about: about.into(), at }.into())
    }
}

/// Notes that a peer has given a file that its message names; the bytes are on disk.
#[derive(Clone, Debug)]
pub struct KeepFile {
    /// Which it is.
    pub hash: FileHash,
    /// How many bytes it has.
    pub size: u64,
    /// Who has given it.
    pub peer: PeerId,
}

impl KeepFile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        cx.take_given(self.hash, self.size, self.peer)?;
        Ok(Outcome::FileStored.into())
    }
}

/// Makes a link with which the file of a message is read without a session.
#[derive(Clone, Debug)]
pub struct LinkFile {
    /// The conversation.
    pub of: Box<ConversationName>,
    /// The message's id.
    pub id: u64,
}

impl LinkFile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (me, conversation) = (cx.me()?, cx.conversation(&self.of)?.conversation);
        let named = cx.state.durable.files.named(conversation, self.id);
        let named = named.ok_or(Code::FileNotFound)?;
        let hash = named.file.hash;
        let key = match cx.state.durable.files.key() {
            Some(key) => key.clone(),
            None => {
                let key = FileKey::new(cx.readings.entropy);
                cx.emit(Event::FileKeySet(key.clone()))?;
                key
            }
        };
        let valid = u64::try_from(cx.state.limits.files.link.as_millis()).unwrap_or(u64::MAX);
        let until = Time(cx.readings.now.0.saturating_add(valid));
        let path = key.sign(&hash, (self.id, me.0), until).path(&hash).into();
        Ok(Outcome::FileLinked { path, until }.into())
    }
}

#[cfg(test)]
mod tests;
