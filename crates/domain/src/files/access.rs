//! Who may read a file, and who may name one.

use super::{FILES, FileAt, FileRoom, HELD_BY_ONE, NAMED, NAMED_BY_ONE};
use crate::{AccountId, Bug, Conversation, RequestContext};
use antar_types::{Code, File, FileAbout, FileHash, FileLink};

impl RequestContext<'_> {
    /// How many bytes the caller may upload of a file: of one that is here none more are kept.
    pub(crate) fn room_for_file(&self, hash: &FileHash) -> Result<FileRoom, Code> {
        let (me, limits) = (self.me()?, &self.state.limits.files);
        let files = &self.state.durable.files;
        let (taken, (count, bytes)) = (files.taken(me), files.total());
        let is_held = files.hold(hash, me).is_some();
        let is_here = files.size(hash).is_some();
        if !is_held && taken.held >= HELD_BY_ONE || !is_here && count >= FILES {
            return Err(Code::LimitReached);
        }
        let left = |nothing_more: bool, most: u64, taken: u64| match nothing_more {
            true => u64::MAX,
            false => most.saturating_sub(taken),
        };
        Ok(FileRoom {
            file: limits.file_bytes,
            account: left(is_held, limits.account_bytes, taken.bytes),
            realm: left(is_here, limits.realm_bytes, bytes),
        })
    }

    /// The file that a message of the caller's is to name: one that the caller has uploaded, or may read.
    pub(crate) fn file_to_name(&self, hash: FileHash) -> Result<File, Code> {
        let (me, files) = (self.me()?, &self.state.durable.files);
        let about = match files.hold(&hash, me) {
            Some(hold) => hold.about.clone(),
            None => self.file_in_messages(&hash, me).ok_or(Code::FileNotFound)?,
        };
        if files.names() >= NAMED || files.taken(me).named >= NAMED_BY_ONE {
            return Err(Code::LimitReached);
        }
        Ok(File { hash, about })
    }

    /// What is said of a file that the caller may read, and where its bytes are.
    pub(crate) fn file_to_read(
        &self,
        hash: &FileHash,
        link: Option<&FileLink>,
    ) -> Result<(FileAbout, FileAt), Code> {
        let files = &self.state.durable.files;
        let about = match (link, self.caller) {
            (Some(link), _) if self.is_linked_to(hash, link) => {
                files.places(hash).next().map(|(_, file)| file.about.clone())
            }
            (None, None) => return Err(Code::NoSession),
            (_, None) => None,
            (_, Some(me)) => match files.hold(hash, me) {
                Some(hold) => Some(hold.about.clone()),
                None => self.file_in_messages(hash, me),
            },
        };
        let about = about.ok_or(Code::FileNotFound)?;
        if files.size(hash).is_some() {
            return Ok((about, FileAt::Here));
        }
        let peer = files.places(hash).find_map(|(conversation, _)| conversation.peer());
        Ok((about, FileAt::Peer(peer.ok_or(Code::FileNotFound)?)))
    }

    fn is_linked_to(&self, hash: &FileHash, link: &FileLink) -> bool {
        let key = self.state.durable.files.key();
        link.expires >= self.readings.now && key.is_some_and(|key| key.has_signed(hash, link))
    }

    /// What a message says of a file that a user may read.
    fn file_in_messages(&self, hash: &FileHash, account: AccountId) -> Option<FileAbout> {
        let mut places = self.state.durable.files.places(hash);
        let read = places.find(|(conversation, _)| self.may_read_files_of(account, *conversation));
        read.map(|(_, file)| file.about.clone())
    }

    fn may_read_files_of(&self, account: AccountId, conversation: Conversation) -> bool {
        self.state.is_planted(Bug::OpensAnyFile) || self.may_read(account, conversation)
    }
}
