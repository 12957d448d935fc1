//! Bugs put in on purpose, to show that the simulator finds them.

use crate::{Effects, State};

/// A bug that a test can plant in a [`State`]. Only the feature `planted` makes that possible; without
/// it none of this is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The cursor is kept in one batch, the messages it stands for in a later one.
    CursorApart,
    /// A peer's cursor is taken for granted, whichever life of the log it is from.
    NoEpoch,
    /// A cursor's hash is not compared.
    NoHash,
    /// Entries are let go of before the peer has them.
    TrimTooEarly,
    /// Entries are taken wherever they begin.
    NoCursorCheck,
    /// After a reconnect sending goes on where it was, not where the peer is.
    SendsOn,
    /// Every message goes to the first user there is.
    WrongMailbox,
    /// A message to a user who does not exist is dropped in silence.
    NoNotice,
    /// A message to a group that does not exist is dropped in silence.
    NoGroupNotice,
    /// Whoever has a name now gets what was written to whoever had it before.
    Inherits,
    /// Who has a name at a peer after somebody else goes on in that one's conversation.
    ConversationsByName,
    /// A notice goes to whoever has the name now, though it says whose message it tells of.
    NoticesByName,
    /// A message's identity is kept without the epoch that it is from.
    ForgetsEpoch,
    /// A log that has gone back to a past of its own is taken for one that was restored.
    NamesLatestEpoch,
    /// An entry of an unknown kind is let go of.
    DropsUnknown,
    /// So is what comes after it in a batch.
    LosesAfterUnknown,
    /// It is taken for nonsense.
    RefusesUnknown,
    /// Origins are sent to every realm, whatever it can take.
    SendsAllOrigins,
    /// Whoever calls under a name that somebody here is calling is taken to be that realm.
    AnyoneCrosses,
    /// A realm that is called is expected to have the key of whoever waits under its name.
    WaitingPins,
    /// What a plain peer may have taken is carried to it again without a look at its list.
    NoLook,
    /// A plain peer is told of this realm before what waits there for users here was fetched.
    NoFetch,
    /// What a plain peer lists of a group is kept, whatever of it is here.
    NoMerge,
    /// READ of an older message sets the marker back.
    ReadsBack,
    /// What one wrote oneself counts as unread.
    CountsOwn,
    /// What a message was called is known only while it is in memory.
    ForgetsReferences,
    /// A watch is in step though something has happened while it was told what had.
    InStepTooSoon,
    /// What one wrote on one device is not told to the others.
    OmitsOwn,
    /// SEARCH looks through everybody's conversations.
    SearchesAll,
    /// A conversation that was muted calls all the same.
    ForgetsMute,
    /// What somebody blocked writes is in the inbox of who has blocked.
    HearsBlocked,
    /// It counts as unread.
    CountsBlocked,
    /// A mention is one also once it was read.
    RemembersMentions,
    /// A mention that came with an edit does not count.
    MissesLateMentions,
    /// Who is banned may be put into the group all the same.
    InvitesBanned,
    /// Who inherits a group is not told so.
    InheritsQuietly,
    /// Who is silenced writes all the same.
    WritesSilenced,
    /// A message that is changed is another in memory only.
    KeepsOldText,
    /// What was deleted counts as unread.
    CountsDeleted,
    /// A message that was changed since the disk was asked for it is taken for what it was then.
    LosesRewriting,
    /// A peer is not told what was done to a message.
    OmitsChanges,
    /// What a peer tells of it is done only to messages of the same batch.
    MissesChanges,
    /// What a peer is owed says what was said before.
    KeepsOwedText,
    /// What does not count as unread goes on not counting once it is let go of.
    CountsLetGo,
    /// What is older than is kept goes from memory only.
    KeepsOld,
    /// Some of what a user wrote who is erased is left.
    KeepsErased,
    /// Peers are not told that it is erased.
    ErasesHereAlone,
    /// Who knows the hash of a file reads it.
    OpensAnyFile,
    /// A file is removed though a message names it.
    RemovesNamedFiles,
    /// What was uploaded is never removed.
    KeepsFiles,
    /// A message that was deleted names its file all the same.
    NamesAfterDeletion,
    /// What is owed to a peer is told to be there as soon as it has taken some of it.
    TellsOwed,
    /// Of what a peer has nobody is told where it is not in memory any more.
    ForgetsToTell,
    /// A message to a group of another realm waits for its place, and that realm is not asked for one.
    LosesPending,
    /// The realm of who was the last of it in a group is not told that this one is in it no more.
    KeepsCopies,
    /// What is done to a message of a group is not told to the realms of its members.
    OmitsRewritten,
    /// What happens in a group is told to realms that have nobody in it.
    TellsOn,
    /// Who has left a group of another realm is in its copy until that realm says so too.
    LeavesLate,
    /// Whose message has no place in a group of another realm is not told so.
    RefusesQuietly,
    /// A message that another realm's user posts has two places.
    PlacesTwice,
    /// What a group's realm tells is taken in another order.
    TakesInDisorder,
    /// A realm speaks for whichever user has the number that it tells.
    BelievesAnyone,
    /// A realm is believed about groups of others.
    BelievesAnyHost,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 63] = [
        Self::CursorApart,
        Self::NoEpoch,
        Self::NoHash,
        Self::TrimTooEarly,
        Self::NoCursorCheck,
        Self::SendsOn,
        Self::WrongMailbox,
        Self::NoNotice,
        Self::NoGroupNotice,
        Self::Inherits,
        Self::ConversationsByName,
        Self::NoticesByName,
        Self::ForgetsEpoch,
        Self::NamesLatestEpoch,
        Self::DropsUnknown,
        Self::LosesAfterUnknown,
        Self::RefusesUnknown,
        Self::SendsAllOrigins,
        Self::AnyoneCrosses,
        Self::WaitingPins,
        Self::NoLook,
        Self::NoFetch,
        Self::NoMerge,
        Self::ReadsBack,
        Self::CountsOwn,
        Self::ForgetsReferences,
        Self::InStepTooSoon,
        Self::OmitsOwn,
        Self::SearchesAll,
        Self::ForgetsMute,
        Self::HearsBlocked,
        Self::CountsBlocked,
        Self::RemembersMentions,
        Self::MissesLateMentions,
        Self::InvitesBanned,
        Self::InheritsQuietly,
        Self::WritesSilenced,
        Self::KeepsOldText,
        Self::CountsDeleted,
        Self::LosesRewriting,
        Self::OmitsChanges,
        Self::MissesChanges,
        Self::KeepsOwedText,
        Self::CountsLetGo,
        Self::KeepsOld,
        Self::KeepsErased,
        Self::ErasesHereAlone,
        Self::OpensAnyFile,
        Self::RemovesNamedFiles,
        Self::KeepsFiles,
        Self::NamesAfterDeletion,
        Self::TellsOwed,
        Self::ForgetsToTell,
        Self::LosesPending,
        Self::KeepsCopies,
        Self::OmitsRewritten,
        Self::TellsOn,
        Self::LeavesLate,
        Self::RefusesQuietly,
        Self::PlacesTwice,
        Self::TakesInDisorder,
        Self::BelievesAnyone,
        Self::BelievesAnyHost,
    ];
}

impl State {
    /// Plants a bug.
    #[cfg(feature = "planted")]
    pub fn plant(&mut self, bug: Option<Bug>) {
        self.planted = bug;
    }

    /// Has a peer told what is not so, as a realm does that was changed to lie: it is in order otherwise.
    #[cfg(feature = "planted")]
    pub fn lie(&mut self, peer: antar_types::Name, entry: antar_types::Entry) {
        self.planted_lies.push((peer, entry));
    }

    /// Does what a planted bug has left for later.
    pub(crate) fn finish_planted(&mut self, effects: &mut Effects) {
        if cfg!(feature = "planted") {
            for event in std::mem::take(&mut self.planted_later) {
                let _ = self.emit(event, effects);
            }
            for (peer, entry) in std::mem::take(&mut self.planted_lies) {
                let Some(peer) = self.durable.peer_named(&peer) else { continue };
                let Some(known) = self.durable.peers.get(&peer) else { continue };
                let event = crate::links::owe(&known.out, peer, entry);
                let _ = self.emit(event, effects);
            }
        }
    }

    pub(crate) fn is_planted(&self, bug: Bug) -> bool {
        cfg!(feature = "planted") && self.planted == Some(bug)
    }
}
