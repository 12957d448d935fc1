//! The domain's events as records, and back.

use super::alike::Alike;
use super::*;
use antar_domain::links::{self, Epoch, Heir, InvitationRecord, PeerRecord};
use antar_domain::{
    AccountRecord, Block, ConversationTip, Event, FileHold, GroupRecord, Guest, Marker, Member,
    NamedFile, PlacedMessage, Profile, SessionRecord, Unshown, UserInvitation,
};
use std::sync::Arc;

/// The records of events, in order. What a batch of a peer's log brought follows it.
pub fn records(events: &[Event]) -> Vec<Record> {
    let mut records = Vec::with_capacity(events.len());
    events.iter().for_each(|event| add(event, &mut records));
    records
}

fn add(event: &Event, records: &mut Vec<Record>) {
    let Event::Received { peer, fork, cursor, chains, events } = event else {
        return records.push(record(event));
    };
    let at = records.len();
    let (peer, fork, cursor, chains) = (*peer, *fork, cursor.alike(), chains.clone());
    records.push(Received { peer, fork, cursor, chains, brought: 0 }.into());
    events.iter().for_each(|event| add(event, records));
    let count = u32::try_from(records.len() - at - 1).unwrap_or(u32::MAX);
    if let Some(Record::Received(received)) = records.get_mut(at) {
        received.brought = count;
    }
}

/// Appends the records of events, and notes in the index where messages are.
pub fn encode_events(
    events: &[Event],
    out: &mut Vec<u8>,
    index: &mut Index,
) -> Result<(), StoreError> {
    events.iter().try_for_each(|event| match event {
        Event::Posted(posted) => index.encode(posted, out),
        Event::Received { .. } => {
            let mut all = Vec::new();
            add(event, &mut all);
            all.iter().try_for_each(|record| record.encode(out))
        }
        event => record(event).encode(out),
    })
}

/// The record of an event by itself.
fn record(event: &Event) -> Record {
    match event.clone() {
        Event::RealmNamed(name) => RealmNamed { name }.into(),
        Event::IdReached(id) => IdReached { id }.into(),
        Event::TimeReached(time) => TimeReached { time }.into(),
        Event::AccountSet(account, record) => {
            let AccountRecord { name, password, admin, created, locked } = record;
            AccountSet { account, name, password, admin, created, locked }.into()
        }
        Event::AccountRemoved(account) => AccountRemoved { account }.into(),
        Event::Erasing(account, name) => Erasing { account, name }.into(),
        Event::Erased(account) => Erased { account }.into(),
        Event::SessionSet(session, record) => {
            let SessionRecord { hash, account, used, since, client, address } = record;
            SessionSet { session, hash, account, used, since, client, address }.into()
        }
        Event::SessionEnded(session) => SessionEnded { session }.into(),
        Event::GroupSet(group, record) => {
            let GroupRecord { name, password, creator, owner, created, .. } = record;
            let GroupRecord {
                topic, entry, listed, announce, retention, realms, past, home, ..
            } = record;
            let (entry, realms, home) = (entry.alike(), RoomRealms::of(&realms), home.alike());
            GroupSet {
                group,
                name,
                password,
                creator,
                owner,
                created,
                topic,
                entry,
                listed,
                announce,
                retention,
                realms,
                past,
                home,
            }
            .into()
        }
        Event::MemberSet(group, account, Member { since, moderator }) => {
            MemberSet { group, account, since, moderator }.into()
        }
        Event::MemberRemoved(group, account) => MemberRemoved { group, account }.into(),
        Event::GroupClosed(group, left) => GroupClosed { group, left }.into(),
        Event::GroupSwept(group, left) => GroupSwept { group, left }.into(),
        Event::GuestSet(guest, Guest { peer, realm, account, name }) => {
            GuestSet { guest, peer, realm, account, name }.into()
        }
        Event::GuestEnded(guest) => GuestEnded { guest }.into(),
        Event::PendingSet(group, message) => {
            let Message { id, time, from, to, text, extras, .. } = Message::of(0, &message);
            PendingSet { group, id, time, from, to, text, extras }.into()
        }
        Event::PendingEnded(group, id) => PendingEnded { group, id }.into(),
        Event::Banned(group, account) => Banned { group, account }.into(),
        Event::Unbanned(group, account) => Unbanned { group, account }.into(),
        Event::Silenced(group, account, silence) => {
            Silenced { group, account, silence: silence.alike() }.into()
        }
        Event::InvitationSet(invitation, InvitationRecord { hash, expires }) => {
            InvitationSet { invitation, hash, expires }.into()
        }
        Event::InvitationEnded(invitation) => InvitationEnded { invitation }.into(),
        Event::UserInvited(invitation, UserInvitation { name, hash, expires }) => {
            UserInvited { invitation, name, hash, expires }.into()
        }
        Event::UserInvitationEnded(invitation) => UserInvitationEnded { invitation }.into(),
        Event::MarkerSet { account, conversation, marker } => {
            let Marker { id, ordinal, own_after } = marker;
            MarkerSet { conversation: conversation.alike(), account, id, ordinal, own_after }.into()
        }
        Event::MarkerEnded { account, conversation } => {
            MarkerEnded { conversation: conversation.alike(), account }.into()
        }
        Event::MuteSet { account, conversation, until } => {
            MuteSet { conversation: conversation.alike(), account, until }.into()
        }
        Event::MuteEnded { account, conversation } => {
            MuteEnded { conversation: conversation.alike(), account }.into()
        }
        Event::ProfileSet(account, Profile { name, about }) => {
            ProfileSet { account, name, about }.into()
        }
        Event::ProfileEnded(account) => ProfileEnded { account }.into(),
        Event::BlockSet { account, block: Block { number, whom, spans } } => {
            BlockSet { account, number, whom: Blocked::of(whom), spans: spans.alike() }.into()
        }
        Event::BlockEnded { account, number } => BlockEnded { account, number }.into(),
        Event::UnshownSet { account, conversation, unshown: Unshown { hidden, shown } } => {
            UnshownSet { conversation: conversation.alike(), account, hidden, shown }.into()
        }
        Event::MentionsSet { account, conversation, ordinals } => {
            MentionsSet { conversation: conversation.alike(), account, ordinals }.into()
        }
        Event::Changed { list, tip, change } => {
            Changed { list: list.alike(), tip: tip.alike(), change: change.alike() }.into()
        }
        Event::ChangesReached(list, tip) => {
            ChangesReached { list: list.alike(), tip: tip.alike() }.into()
        }
        Event::ChangesTrimmed(list, tip) => {
            ChangesTrimmed { list: list.alike(), tip: tip.alike() }.into()
        }
        Event::ChangesEnded(list) => ChangesEnded { list: list.alike() }.into(),
        Event::SyncEpochBegun(epoch) => SyncEpochBegun { epoch }.into(),
        Event::UpgradeDone(step) => UpgradeDone { step }.into(),
        Event::FileSet { hash, size } => FileSet { hash, size }.into(),
        Event::FileGiven { hash, size, peer } => FileGiven { hash, size, peer }.into(),
        Event::FileRemoved(hash) => FileRemoved { hash }.into(),
        Event::FileHeld { hash, account, hold: FileHold { about, since } } => {
            let file = File::of(&antar_types::File { hash, about });
            FileHeld { account, since, file }.into()
        }
        Event::FileLetGo { hash, account } => FileLetGo { account, hash }.into(),
        Event::FileNamed { conversation, id, named: NamedFile { file, account } } => {
            let (conversation, file) = (conversation.alike(), File::of(&file));
            FileNamed { conversation, id, account, file }.into()
        }
        Event::FileKeySet(key) => FileKeySet { key }.into(),
        Event::FormerSet(account, name) => FormerSet { account, name }.into(),
        Event::NameLeft(account, name) => NameLeft { account, name }.into(),
        Event::NameTaken(account) => NameTaken { account }.into(),
        Event::GroupNameLeft(group, name) => GroupNameLeft { group, name }.into(),
        Event::GroupNameTaken(group) => GroupNameTaken { group }.into(),
        Event::Posted(posted) => Posted::of(&posted).into(),
        Event::Rewritten(placed) => Rewritten::of(&placed).into(),
        Event::SkippedSet(conversation, all) => {
            SkippedSet { conversation: conversation.alike(), all: all.alike() }.into()
        }
        Event::ConversationReached(conversation, ConversationTip { ordinal, id }) => {
            ConversationReached { conversation: conversation.alike(), ordinal, id }.into()
        }
        Event::LetGo(conversation, ConversationTip { ordinal, id }) => {
            LetGo { conversation: conversation.alike(), ordinal, id }.into()
        }
        event => link_record(event),
    }
}

fn link_record(event: Event) -> Record {
    match event {
        Event::CorrespondentSet { peer, id, name, account } => {
            CorrespondentSet { peer, id, name, account }.into()
        }
        Event::PeerSet(peer, PeerRecord { name, kind, address, status, since }) => {
            let (kind, address, status) = (kind.alike(), address.alike(), status.alike());
            PeerSet { peer, name, kind, address, status, since }.into()
        }
        Event::EpochBegun(peer, epoch) => EpochBegun { peer, epoch: epoch.0 }.into(),
        Event::Owed { peer, tip, total, since, entry } => {
            let (tip, entry) = (tip.alike(), Entry::of(&entry));
            Owed { peer, tip, total, since, entry }.into()
        }
        Event::OwedReached { peer, tip, total, since } => {
            OwedReached { peer, tip: tip.alike(), total, since }.into()
        }
        Event::Acked { peer, acked, total, hour, told } => {
            Acked { peer, acked: acked.alike(), total, hour, told }.into()
        }
        Event::Trimmed { peer, floor, hour } => Trimmed { peer, floor: floor.alike(), hour }.into(),
        Event::Followed { peer, fork, epoch, at, left } => {
            Followed { peer, fork, epoch: epoch.0, at: at.alike(), left }.into()
        }
        Event::CursorReached { peer, cursor } => {
            CursorReached { peer, cursor: cursor.alike() }.into()
        }
        Event::PlainMailboxSet(peer, number, name) => PlainMailboxSet { peer, number, name }.into(),
        Event::PeerForgotten { peer, traces } => PeerForgotten { peer, traces }.into(),
        Event::AddressTold(peer, address) => AddressTold { peer, address: address.alike() }.into(),
        Event::HeirSet(peer, holder, Heir { owed, upto, said }) => {
            HeirSet { peer, account: AccountId(holder.0), owed, upto, said }.into()
        }
        Event::HeirEnded(peer, holder) => HeirEnded { peer, account: AccountId(holder.0) }.into(),
        Event::Dropped { peer, dropped, lost } => Dropped { peer, dropped, lost: lost.0 }.into(),
        Event::KnownAs(peer, name) => KnownAs { peer, name }.into(),
        Event::SetApart { peer, apart, entry } => {
            let entry = entry.map(|entry| ApartEntry::of(&entry));
            SetApart { peer, apart: apart.alike(), entry }.into()
        }
        Event::CanSet(peer, can) => CanSet { peer, can: can.alike() }.into(),
        Event::OwedReplaced { peer, seq, text, upto } => {
            OwedReplaced { peer, seq, text, upto }.into()
        }
        Event::ReplacedReached(peer, upto) => ReplacedReached { peer, upto }.into(),
        Event::ApartReached(peer, apart) => ApartReached { peer, apart: apart.alike() }.into(),
        // Every other event has its record above.
        _ => IdReached { id: 0 }.into(),
    }
}

/// The events that records are of, in order; `None` where they are not what [`records`] gives.
pub fn events(records: impl IntoIterator<Item = Record>) -> Option<Vec<Event>> {
    let (mut events, mut records) = (Vec::new(), records.into_iter());
    while let Some(record) = records.next() {
        let Record::Received(Received { peer, fork, cursor, chains, brought }) = record else {
            events.push(record.event()?);
            continue;
        };
        let mut within = Vec::new();
        for _ in 0..brought {
            within.push(records.next()?.event()?);
        }
        let cursor = cursor.alike();
        events.push(Event::Received { peer, fork, cursor, chains, events: within });
    }
    Some(events)
}

impl Record {
    /// The event that it is of; none by itself of what has others following it.
    pub fn event(self) -> Option<Event> {
        Some(match self {
            Self::Received(_) => return None,
            Self::RealmNamed(RealmNamed { name }) => Event::RealmNamed(name),
            Self::IdReached(IdReached { id }) => Event::IdReached(id),
            Self::TimeReached(r) => Event::TimeReached(r.time),
            Self::AccountSet(r) => {
                let AccountSet { account, name, password, admin, created, locked } = r;
                let record = AccountRecord { name, password, admin, created, locked };
                Event::AccountSet(account, record)
            }
            Self::AccountRemoved(r) => Event::AccountRemoved(r.account),
            Self::Erasing(r) => Event::Erasing(r.account, r.name),
            Self::Erased(r) => Event::Erased(r.account),
            Self::SessionSet(r) => {
                let SessionSet { session, hash, account, used, since, client, address } = r;
                let record = SessionRecord { hash, account, used, since, client, address };
                Event::SessionSet(session, record)
            }
            Self::SessionEnded(r) => Event::SessionEnded(r.session),
            Self::GroupSet(r) => r.event(),
            Self::MemberSet(MemberSet { group, account, since, moderator }) => {
                Event::MemberSet(group, account, Member { since, moderator })
            }
            Self::MemberRemoved(r) => Event::MemberRemoved(r.group, r.account),
            Self::GroupClosed(r) => Event::GroupClosed(r.group, r.left),
            Self::GroupSwept(r) => Event::GroupSwept(r.group, r.left),
            Self::GuestSet(GuestSet { guest, peer, realm, account, name }) => {
                Event::GuestSet(guest, Guest { peer, realm, account, name })
            }
            Self::GuestEnded(r) => Event::GuestEnded(r.guest),
            Self::PendingSet(PendingSet { group, id, time, from, to, text, extras }) => {
                let message = antar_types::Message::new(id, time, from, to, text);
                let message = antar_types::Message { extras: extras.read(), ..message };
                Event::PendingSet(group, Arc::new(message))
            }
            Self::PendingEnded(r) => Event::PendingEnded(r.group, r.id),
            Self::Banned(r) => Event::Banned(r.group, r.account),
            Self::Unbanned(r) => Event::Unbanned(r.group, r.account),
            Self::Silenced(r) => Event::Silenced(r.group, r.account, r.silence.alike()),
            Self::InvitationSet(InvitationSet { invitation, hash, expires }) => {
                Event::InvitationSet(invitation, InvitationRecord { hash, expires })
            }
            Self::InvitationEnded(r) => Event::InvitationEnded(r.invitation),
            Self::UserInvited(UserInvited { invitation, name, hash, expires }) => {
                Event::UserInvited(invitation, UserInvitation { name, hash, expires })
            }
            Self::UserInvitationEnded(r) => Event::UserInvitationEnded(r.invitation),
            Self::MarkerSet(MarkerSet { conversation, account, id, ordinal, own_after }) => {
                let marker = Marker { id, ordinal, own_after };
                Event::MarkerSet { account, conversation: conversation.alike(), marker }
            }
            Self::MarkerEnded(MarkerEnded { conversation, account }) => {
                Event::MarkerEnded { account, conversation: conversation.alike() }
            }
            Self::MuteSet(MuteSet { conversation, account, until }) => {
                Event::MuteSet { account, conversation: conversation.alike(), until }
            }
            Self::MuteEnded(MuteEnded { conversation, account }) => {
                Event::MuteEnded { account, conversation: conversation.alike() }
            }
            Self::ProfileSet(ProfileSet { account, name, about }) => {
                Event::ProfileSet(account, Profile { name, about })
            }
            Self::ProfileEnded(r) => Event::ProfileEnded(r.account),
            Self::BlockSet(BlockSet { account, number, whom, spans }) => {
                let (whom, spans) = (whom.read(), spans.alike());
                Event::BlockSet { account, block: Block { number, whom, spans } }
            }
            Self::BlockEnded(r) => Event::BlockEnded { account: r.account, number: r.number },
            Self::UnshownSet(UnshownSet { conversation, account, hidden, shown }) => {
                let (conversation, unshown) = (conversation.alike(), Unshown { hidden, shown });
                Event::UnshownSet { account, conversation, unshown }
            }
            Self::MentionsSet(MentionsSet { conversation, account, ordinals }) => {
                Event::MentionsSet { account, conversation: conversation.alike(), ordinals }
            }
            Self::Changed(Changed { list, tip, change }) => {
                Event::Changed { list: list.alike(), tip: tip.alike(), change: change.alike() }
            }
            Self::ChangesReached(r) => Event::ChangesReached(r.list.alike(), r.tip.alike()),
            Self::ChangesTrimmed(r) => Event::ChangesTrimmed(r.list.alike(), r.tip.alike()),
            Self::ChangesEnded(r) => Event::ChangesEnded(r.list.alike()),
            Self::SyncEpochBegun(r) => Event::SyncEpochBegun(r.epoch),
            Self::UpgradeDone(r) => Event::UpgradeDone(r.step),
            Self::FileSet(FileSet { hash, size }) => Event::FileSet { hash, size },
            Self::FileGiven(FileGiven { hash, size, peer }) => {
                Event::FileGiven { hash, size, peer }
            }
            Self::FileRemoved(r) => Event::FileRemoved(r.hash),
            Self::FileHeld(FileHeld { account, since, file }) => {
                let antar_types::File { hash, about } = file.read();
                Event::FileHeld { hash, account, hold: FileHold { about, since } }
            }
            Self::FileLetGo(FileLetGo { account, hash }) => Event::FileLetGo { hash, account },
            Self::FileNamed(FileNamed { conversation, id, account, file }) => {
                let named = NamedFile { file: Arc::new(file.read()), account };
                Event::FileNamed { conversation: conversation.alike(), id, named }
            }
            Self::FileKeySet(r) => Event::FileKeySet(r.key),
            Self::FormerSet(r) => Event::FormerSet(r.account, r.name),
            Self::NameLeft(r) => Event::NameLeft(r.account, r.name),
            Self::NameTaken(r) => Event::NameTaken(r.account),
            Self::GroupNameLeft(r) => Event::GroupNameLeft(r.group, r.name),
            Self::GroupNameTaken(r) => Event::GroupNameTaken(r.group),
            Self::Posted(posted) => Event::Posted(posted.read()),
            Self::Rewritten(rewritten) => Event::Rewritten(rewritten.read()),
            Self::SkippedSet(r) => Event::SkippedSet(r.conversation.alike(), r.all.alike()),
            Self::ConversationReached(ConversationReached { conversation, ordinal, id }) => {
                Event::ConversationReached(conversation.alike(), ConversationTip { ordinal, id })
            }
            Self::LetGo(LetGo { conversation, ordinal, id }) => {
                Event::LetGo(conversation.alike(), ConversationTip { ordinal, id })
            }
            link => return link.link_event(),
        })
    }

    fn link_event(self) -> Option<Event> {
        Some(match self {
            Self::CorrespondentSet(CorrespondentSet { peer, id, name, account }) => {
                Event::CorrespondentSet { peer, id, name, account }
            }
            Self::PeerSet(PeerSet { peer, name, kind, address, status, since }) => {
                let (kind, address, status) = (kind.alike(), address.alike(), status.alike());
                Event::PeerSet(peer, PeerRecord { name, kind, address, status, since })
            }
            Self::EpochBegun(r) => Event::EpochBegun(r.peer, Epoch(r.epoch)),
            Self::Owed(Owed { peer, tip, total, since, entry }) => {
                let (tip, entry) = (tip.alike(), Arc::new(entry.read()));
                Event::Owed { peer, tip, total, since, entry }
            }
            Self::OwedReached(OwedReached { peer, tip, total, since }) => {
                Event::OwedReached { peer, tip: tip.alike(), total, since }
            }
            Self::Trimmed(Trimmed { peer, floor, hour }) => {
                Event::Trimmed { peer, floor: floor.alike(), hour }
            }
            Self::Acked(Acked { peer, acked, total, hour, told }) => {
                Event::Acked { peer, acked: acked.alike(), total, hour, told }
            }
            Self::Followed(Followed { peer, fork, epoch, at, left }) => {
                Event::Followed { peer, fork, epoch: Epoch(epoch), at: at.alike(), left }
            }
            Self::CursorReached(r) => {
                Event::CursorReached { peer: r.peer, cursor: r.cursor.alike() }
            }
            Self::PlainMailboxSet(r) => Event::PlainMailboxSet(r.peer, r.number, r.name),
            Self::PeerForgotten(r) => Event::PeerForgotten { peer: r.peer, traces: r.traces },
            Self::AddressTold(r) => Event::AddressTold(r.peer, r.address.alike()),
            Self::HeirSet(HeirSet { peer, account, owed, upto, said }) => {
                Event::HeirSet(peer, account.into(), Heir { owed, upto, said })
            }
            Self::HeirEnded(r) => Event::HeirEnded(r.peer, r.account.into()),
            Self::Dropped(Dropped { peer, dropped, lost }) => {
                Event::Dropped { peer, dropped, lost: links::Lost(lost) }
            }
            Self::KnownAs(r) => Event::KnownAs(r.peer, r.name),
            Self::SetApart(SetApart { peer, apart, entry }) => {
                let entry = entry.map(|entry| Arc::new(entry.read()));
                Event::SetApart { peer, apart: apart.alike(), entry }
            }
            Self::CanSet(r) => Event::CanSet(r.peer, r.can.alike()),
            Self::OwedReplaced(OwedReplaced { peer, seq, text, upto }) => {
                Event::OwedReplaced { peer, seq, text, upto }
            }
            Self::ReplacedReached(r) => Event::ReplacedReached(r.peer, r.upto),
            Self::ApartReached(r) => Event::ApartReached(r.peer, r.apart.alike()),
            _ => return None,
        })
    }
}

impl GroupSet {
    fn event(self) -> Event {
        let Self { group, name, password, creator, owner, created, .. } = self;
        let Self { topic, entry, listed, announce, retention, realms, past, home, .. } = self;
        let (entry, realms, home) = (entry.alike(), realms.read(), home.alike());
        let record = GroupRecord {
            name,
            password,
            creator,
            owner,
            created,
            topic,
            entry,
            listed,
            announce,
            retention,
            realms,
            past,
            home,
        };
        Event::GroupSet(group, record)
    }
}

impl Blocked {
    fn of(whom: antar_domain::Blocked) -> Self {
        match whom {
            antar_domain::Blocked::Here(account, name) => Self::Here(account, name),
            antar_domain::Blocked::There { peer, name, account } => {
                Self::There(peer, name, account)
            }
        }
    }

    fn read(self) -> antar_domain::Blocked {
        match self {
            Self::Here(account, name) => antar_domain::Blocked::Here(account, name),
            Self::There(peer, name, account) => {
                antar_domain::Blocked::There { peer, name, account }
            }
        }
    }
}

impl Posted {
    fn of(posted: &antar_domain::Posted) -> Self {
        let antar_domain::Posted { conversation, ordinal, sender, recipient, waits, message } =
            posted;
        Self {
            conversation: conversation.alike(),
            sender: *sender,
            recipient: *recipient,
            waits: *waits,
            message: Message::of(*ordinal, message),
        }
    }

    /// The event.
    pub fn read(self) -> antar_domain::Posted {
        let Self { conversation, sender, recipient, waits, message } = self;
        let (conversation, ordinal) = (conversation.alike(), message.ordinal);
        let message = Arc::new(message.read());
        antar_domain::Posted { conversation, ordinal, sender, recipient, waits, message }
    }
}

impl Rewritten {
    fn of(placed: &PlacedMessage) -> Self {
        let PlacedMessage { conversation, ordinal, message } = placed;
        Self { conversation: conversation.alike(), message: Message::of(*ordinal, message) }
    }

    fn read(self) -> PlacedMessage {
        let (conversation, ordinal) = (self.conversation.alike(), self.message.ordinal);
        PlacedMessage { conversation, ordinal, message: Arc::new(self.message.read()) }
    }
}

impl Message {
    /// A message that has an ordinal.
    pub fn of(ordinal: u64, message: &antar_types::Message) -> Self {
        let extras = Extras::of(message);
        let antar_types::Message { id, time, from, to, text, realm, notice, extras: _ } =
            message.clone();
        let (away, notice) = (realm.alike(), notice.alike());
        Self { ordinal, id, time, from, to, text, away, notice, extras }
    }

    /// The message, without its ordinal.
    pub fn read(self) -> antar_types::Message {
        let Self { ordinal: _, id, time, from, to, text, away, notice, extras } = self;
        let (realm, notice, extras) = (away.alike(), notice.alike(), extras.read());
        antar_types::Message { id, time, from, to, text, realm, notice, extras }
    }
}

impl Entry {
    /// An entry, as it is stored.
    pub fn of(entry: &antar_types::Entry) -> Self {
        let antar_types::Entry { kind, time, from, to, text, origin, more } = entry.clone();
        let origin = origin.map(|antar_types::EntryOrigin { id, account }| Origin { id, account });
        // What a message of a room says is in its conversation alone, and looked up when the entry is sent.
        let is_looked_up = entry.room().is_some_and(|room| room.message().is_some());
        let text = if is_looked_up { Text::empty() } else { text };
        let kind = EntryKind::of(kind, more.map(|more| *more));
        Self { kind, time, from, to, text, origin }
    }

    /// The entry.
    pub fn read(self) -> antar_types::Entry {
        let Self { kind, time, from, to, text, origin } = self;
        let origin = origin.map(|Origin { id, account }| antar_types::EntryOrigin { id, account });
        let (kind, more) = kind.read();
        antar_types::Entry { kind, time, from, to, text, origin, more }
    }
}

impl ApartEntry {
    fn of(entry: &links::ApartEntry) -> Self {
        let links::ApartEntry { id, epoch, seq, fields } = entry;
        Self { id: *id, epoch: epoch.0, seq: *seq, fields: (&**fields).into() }
    }

    /// The entry.
    pub fn read(self) -> links::ApartEntry {
        let Self { id, epoch, seq, fields } = self;
        links::ApartEntry { id, epoch: Epoch(epoch), seq, fields: fields.into() }
    }
}

impl Outgoing {
    /// The entry, and where the outbox stands with it.
    pub fn read(self) -> (links::Position, antar_types::Entry) {
        (self.at.alike(), self.entry.read())
    }
}
