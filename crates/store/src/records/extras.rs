//! What only some messages have: a list of what there is, so that most messages say in one byte that there is
//! nothing, and a later version that has more to say has one more variant, at the end.

use super::alike::{Alike, alike};
use super::sample::{Draw, Sample, sampled};
use antar_types::{Emoji, FileAbout, FileHash, FileName, FileType, Reference, Time};
use serde::{Deserialize, Serialize};

/// How a message says that it has none: what one of version 1 lacks.
pub const NO_EXTRAS: u8 = 0;

/// What a message has besides, each variant once at most and in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras(Vec<Extra>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Extra {
    Kind(MessageKind),
    Reply(u64),
    Reference(Reference),
    Sent(Time),
    Edited(Time),
    Deleted,
    Reactions(Vec<Reaction>),
    Carried(u64, u64),
    File(File),
    Place(u64),
    Lost,
    Asked(u64),
}

/// All who have reacted to a message in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reaction {
    emoji: Emoji,
    who: Vec<Reactor>,
}

/// Somebody who has reacted: the realm is 0 where it is this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reactor {
    peer: u64,
    account: u64,
    name: Box<str>,
}

/// A file that a message names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub hash: FileHash,
    pub name: FileName,
    pub kind: FileType,
    pub size: u64,
    pub picture: Option<(u32, u32)>,
}

impl File {
    pub fn of(file: &antar_types::File) -> Self {
        let antar_types::File { hash, about } = file.clone();
        let FileAbout { name, kind, size, picture } = about;
        Self { hash, name, kind, size, picture }
    }

    pub fn read(self) -> antar_types::File {
        let Self { hash, name, kind, size, picture } = self;
        antar_types::File { hash, about: FileAbout { name, kind, size, picture } }
    }
}

/// What a message is, if not a text that somebody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    Action,
    Notice,
}

alike! {
    enum MessageKind = antar_types::MessageKind { Action, Notice }
    struct Reaction = antar_types::Reaction { emoji, who }
    struct Reactor = antar_types::Reactor { peer, account, name }
}

sampled! {
    enum MessageKind { Action, Notice }
    struct Reaction { emoji, who }
    struct Reactor { peer, account, name }
    struct File { hash, name, kind, size, picture }
}

impl Extras {
    /// Those of a message.
    pub fn of(message: &antar_types::Message) -> Self {
        let Some(extras) = message.extras.as_deref() else { return Self::default() };
        let antar_types::Extras { kind, reply, reference, sent, edited, .. } = extras.clone();
        let antar_types::Extras { deleted, reactions, carried, file, place, lost, asked, .. } =
            extras.clone();
        let reactions = Some(reactions.0).filter(|all| !all.is_empty());
        let all = [
            kind.map(|kind| Extra::Kind(kind.alike())),
            reply.map(Extra::Reply),
            reference.map(Extra::Reference),
            sent.map(Extra::Sent),
            edited.map(Extra::Edited),
            deleted.then_some(Extra::Deleted),
            reactions.map(|all| Extra::Reactions(all.alike())),
            carried.map(|antar_types::Carried { first, last }| Extra::Carried(first, last)),
            file.map(|file| Extra::File(File::of(&file))),
            place.map(Extra::Place),
            lost.then_some(Extra::Lost),
            asked.map(Extra::Asked),
        ];
        Self(all.into_iter().flatten().collect())
    }

    /// What its sender has called it.
    pub fn reference(&self) -> Option<&Reference> {
        self.0.iter().find_map(|extra| match extra {
            Extra::Reference(reference) => Some(reference),
            _ => None,
        })
    }

    /// The file that comes with it.
    pub fn file(&self) -> Option<&File> {
        self.0.iter().find_map(|extra| match extra {
            Extra::File(file) => Some(file),
            _ => None,
        })
    }

    /// Whether the message was deleted.
    pub fn is_deleted(&self) -> bool {
        self.0.iter().any(|extra| matches!(extra, Extra::Deleted))
    }

    /// Whether the message had another text before.
    pub fn has_other_text(&self) -> bool {
        self.0.iter().any(|extra| matches!(extra, Extra::Edited(_) | Extra::Deleted))
    }

    /// As a message has them.
    pub fn read(self) -> Option<Box<antar_types::Extras>> {
        let mut read = antar_types::Extras::default();
        for extra in self.0 {
            match extra {
                Extra::Kind(kind) => read.kind = Some(kind.alike()),
                Extra::Reply(id) => read.reply = Some(id),
                Extra::Reference(reference) => read.reference = Some(reference),
                Extra::Sent(time) => read.sent = Some(time),
                Extra::Edited(time) => read.edited = Some(time),
                Extra::Deleted => read.deleted = true,
                Extra::Reactions(all) => read.reactions = antar_types::Reactions(all.alike()),
                Extra::Carried(first, last) => {
                    read.carried = Some(antar_types::Carried { first, last });
                }
                Extra::File(file) => read.file = Some(Box::new(file.read())),
                Extra::Place(id) => read.place = Some(id),
                Extra::Lost => read.lost = true,
                Extra::Asked(id) => read.asked = Some(id),
            }
        }
        read.boxed()
    }
}

impl Sample for Extras {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let all = [
            Option::<MessageKind>::sample(draw).map(Extra::Kind),
            Option::<u64>::sample(draw).map(Extra::Reply),
            Option::<Reference>::sample(draw).map(Extra::Reference),
            Option::<Time>::sample(draw).map(Extra::Sent),
            Option::<Time>::sample(draw).map(Extra::Edited),
            bool::sample(draw).then_some(Extra::Deleted),
            Some(Vec::sample(draw)).filter(|all| !all.is_empty()).map(Extra::Reactions),
            Option::<u64>::sample(draw).map(|first| Extra::Carried(first, u64::sample(draw))),
            Option::<File>::sample(draw).map(Extra::File),
            Option::<u64>::sample(draw).map(Extra::Place),
            bool::sample(draw).then_some(Extra::Lost),
            Option::<u64>::sample(draw).map(Extra::Asked),
        ];
        // As for most messages.
        if bool::sample(draw) { Self::default() } else { Self(all.into_iter().flatten().collect()) }
    }
}
