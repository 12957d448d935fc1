//! Who may read a file, and who may name one.

use super::{FILES, FileAt, FileRoom, FileSource, HELD_BY_ONE, NAMED, NAMED_BY_ONE, Place};
use crate::{AccountId, Bug, Event, Origin, Output, PeerId, RequestContext};
use antar_types::{Code, File, FileAbout, FileHash, FileLink};

/// Copies of peers' files that give way to one more, at most.
const EVICTED: usize = 64;

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

    /// The file that a message of the caller's is to name: one that the caller has uploaded, or may read here.
    pub(crate) fn file_to_name(&self, hash: FileHash) -> Result<File, Code> {
        let (me, files) = (self.me()?, &self.state.durable.files);
        let about = match files.hold(&hash, me) {
            Some(hold) => hold.about.clone(),
            None => match self.file_in_messages(&hash, |place| self.may_read_files_of(me, place)) {
                Some((about, FileAt::Here)) => about,
                _ => return Err(Code::FileNotFound),
            },
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
        let found = match (link, self.caller, self.realm_that_asks()) {
            // That very message: what another says of the same bytes is not for whoever has the link.
            (Some(link), ..) if self.is_linked_to(hash, link) => {
                let (named, by) = (files.named_by(hash, link.id), AccountId(link.by));
                // Whoever it was given to may have left the group since, or the realm.
                let is_here = self.account(by).is_some_and(|account| !account.record.locked);
                let may = |place| is_here && self.may_read_files_of(by, place);
                named.filter(|(place, _)| may(*place)).and_then(|(place, file)| {
                    Some((file.about.clone(), self.file_at(hash, place)?))
                })
            }
            (_, Some(me), _) => match files.hold(hash, me) {
                Some(hold) => Some((hold.about.clone(), FileAt::Here)),
                None => self.file_in_messages(hash, |place| self.may_read_files_of(me, place)),
            },
            // A realm has what was said to its people.
            (None, None, Some(peer)) => self.file_in_messages(hash, |(conversation, is_own)| {
                is_own && conversation.peer() == Some(peer)
            }),
            (None, None, None) => return Err(Code::NoSession),
            (Some(_), None, _) => None,
        };
        let (about, at) = found.ok_or(Code::FileNotFound)?;
        // How large it is is the peer's word: nobody has more fetched than could be kept.
        let is_kept = at == FileAt::Here || about.size <= self.state.limits.files.file_bytes;
        if is_kept { Ok((about, at)) } else { Err(Code::LimitReached) }
    }

    fn is_linked_to(&self, hash: &FileHash, link: &FileLink) -> bool {
        let key = self.state.durable.files.key();
        link.expires >= self.readings.now && key.is_some_and(|key| key.has_signed(hash, link))
    }

    /// The realm that asks, where it shows the key of one that is linked.
    fn realm_that_asks(&self) -> Option<PeerId> {
        let Origin::Certified(_, key) = self.origin else { return None };
        let mut peers = self.state.durable.peers.iter();
        peers.find(|(_, peer)| peer.is_open() && peer.key() == Some(key)).map(|(id, _)| *id)
    }

    /// What messages in some places say of a file, and where it is. What a message of a peer's names is not here
    /// before that peer has given it: it may name any hash.
    fn file_in_messages(
        &self,
        hash: &FileHash,
        may: impl Fn(Place) -> bool,
    ) -> Option<(FileAbout, FileAt)> {
        let mut elsewhere = None;
        let places = self.state.durable.files.places(hash);
        for (place, file) in places.filter(|(place, _)| may(*place)) {
            match self.file_at(hash, place) {
                Some(FileAt::Here) => return Some((file.about.clone(), FileAt::Here)),
                Some(at) => drop(elsewhere.get_or_insert((file, at))),
                None => {}
            }
        }
        elsewhere.map(|(file, at)| (file.about.clone(), at))
    }

    /// Where the file of a message in such a place is.
    fn file_at(&self, hash: &FileHash, (conversation, is_own): Place) -> Option<FileAt> {
        let files = &self.state.durable.files;
        let giver = conversation.peer().filter(|_| !is_own);
        let is_here = giver.is_none_or(|peer| files.is_given(hash, peer));
        if is_here && files.size(hash).is_some() {
            return Some(FileAt::Here);
        }
        Some(FileAt::Peer(self.file_source(giver?).map(Box::new)))
    }

    fn file_source(&self, peer: PeerId) -> Option<FileSource> {
        let known = self.peer(peer).filter(|known| known.is_open())?;
        let address = known.told.as_ref().or(known.record.address.as_ref())?.clone();
        Some(FileSource { peer, key: known.key()?, address })
    }

    fn may_read_files_of(&self, account: AccountId, (conversation, _): Place) -> bool {
        self.state.is_planted(Bug::OpensAnyFile) || self.may_read(account, conversation)
    }

    /// Whether a peer that has given a file was to: a message of it names one of so many bytes. Makes room for it
    /// where there are others that can be asked for again.
    pub(crate) fn take_given(
        &mut self,
        hash: FileHash,
        size: u64,
        peer: PeerId,
    ) -> Result<(), Code> {
        let files = &self.state.durable.files;
        let mut places = files.places(&hash);
        let is_named = places.any(|((conversation, is_own), file)| {
            !is_own && conversation.peer() == Some(peer) && file.about.size == size
        });
        drop(places);
        if !is_named {
            return Err(Code::FileNotFound);
        }
        if files.size(&hash).is_none() {
            self.make_room_for_copy(size)?;
        }
        self.emit(Event::FileGiven { hash, size, peer })
    }

    /// What peers have given takes half of what files may, at most.
    fn make_room_for_copy(&mut self, size: u64) -> Result<(), Code> {
        let (files, limits) = (&self.state.durable.files, &self.state.limits.files);
        let copies: Vec<(FileHash, u64)> = files.copies().collect();
        let mut copied: u64 = copies.iter().map(|(_, size)| size).sum();
        let (mut count, mut bytes) = files.total();
        let (most, of_copies) = (limits.realm_bytes, limits.realm_bytes / 2);
        let fits = |count: usize, bytes: u64, copied: u64| {
            count < FILES && bytes + size <= most && copied + size <= of_copies
        };
        let mut gone = Vec::new();
        for (hash, size) in copies {
            if fits(count, bytes, copied) || gone.len() == EVICTED {
                break;
            }
            (count, bytes, copied) = (count - 1, bytes - size, copied - size);
            gone.push(hash);
        }
        if size > limits.file_bytes || !fits(count, bytes, copied) {
            return Err(Code::LimitReached);
        }
        for hash in gone {
            self.emit(Event::FileRemoved(hash))?;
            self.output(Output::RemoveFile(hash));
        }
        Ok(())
    }
}
