//! What goes into the state, and what comes out.

use super::spread::Spread;
use crate::links::{
    Address, Ask, Epoch, NotAsked, NotDialled, PeerRequest, Position, Told, Unreadable,
};
use crate::{
    AccountId, AskId, ConnId, DialId, Event, FoundOld, FoundOwn, Job, JobResult, Limits,
    Notification, OldQuery, Outcome, OwnQuery, PeerId, Policy, Read, Request, Source, Tag,
};
use antar_types::{Capabilities, Entry, FileHash, Fingerprint, Message, Time};
use std::net::IpAddr;
use std::sync::Arc;

/// When something happens, and the chance it may use.
#[derive(Clone, Debug)]
pub struct Readings {
    /// The wall clock's time.
    pub now: Time,
    /// Time since the driver started, in milliseconds: it only ever grows, whatever is done to the
    /// clock.
    pub uptime: u64,
    /// 32 random bytes, used for at most one token or salt.
    pub entropy: [u8; 32],
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The realm's own Unix socket: whoever runs the server.
    Operator,
    /// The network.
    Client(IpAddr),
    /// The network, over TLS and with a certificate: another realm, once it says so.
    Certified(IpAddr, Fingerprint),
    /// This realm connected to it, over TLS.
    Dialled {
        /// Which call this is.
        dial: DialId,
        /// The key of whoever answered.
        key: Fingerprint,
        /// The address of whoever answered.
        peer: IpAddr,
        /// The address of this machine that they see, unless something in between changes it.
        local: IpAddr,
    },
}

impl Origin {
    /// The address of a client; none for the realm's own socket.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Client(address) | Self::Certified(address, _) => Some(address.to_canonical()),
            Self::Operator | Self::Dialled { .. } => None,
        }
    }
}

/// What a driver tells the domain: plain values, so that they can be logged, replayed and replicated.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection was accepted.
    Connected(ConnId, Origin),
    /// A connection asks for something.
    Request(ConnId, Request),
    /// A request for which something was worked out is decided again.
    Resume {
        /// The connection that sent it.
        conn: ConnId,
        /// The request.
        request: Box<Request>,
        /// What has been worked out so far.
        results: Vec<JobResult>,
    },
    /// A connection is gone.
    Disconnected(ConnId),
    /// The operator has set other limits, and who may do what.
    Settings(Box<(Limits, Policy)>),
    /// A call to another realm came to nothing. One that succeeds is a connection.
    NotDialled(DialId, NotDialled),
    /// What [`Output::Fetch`] asked for.
    Fetched(AskId, Result<Vec<(Position, Arc<Entry>)>, Unreadable>),
    /// What [`Output::Tail`] asked for.
    Tailed(AskId, Result<Vec<Message>, Unreadable>),
    /// What a plain peer answered to [`Output::Ask`].
    Asked(AskId, Result<Told, NotAsked>),
    /// What [`Output::FindOld`] asked for.
    FoundOld(Box<OldQuery>, Result<Vec<Option<FoundOld>>, Unreadable>),
    /// What [`Output::FindOwn`] asked for.
    FoundOwn(Box<OwnQuery>, Result<FoundOwn, Unreadable>),
    /// Time passes: a driver sends this every quarter of a second while [`crate::State::is_busy`], and every
    /// hour or so to let old sessions end.
    Tick,
}

/// What the domain asks of its driver, in the order in which each connection must see it. The runner
/// sees to [`Output::Park`] and [`Output::Resume`].
#[derive(Clone, Debug)]
pub enum Output {
    /// A reply.
    Reply(ConnId, Tag, Outcome),
    /// A reply that the store completes, once everything before it is durable.
    Read(ConnId, Tag, Read),
    /// A job that takes long; [`Input::Resume`] goes on with the request. Until then the driver holds
    /// back the connection's later requests.
    Job {
        /// The connection that waits.
        conn: ConnId,
        /// The request to decide again.
        request: Box<Request>,
        /// What was worked out before.
        results: Vec<JobResult>,
        /// What is to be worked out now.
        job: Box<Job>,
    },
    /// Something that a connection asked to be told of.
    Notify(ConnId, Tag, Notification),
    /// What all are told who watch a group.
    Spread(Box<Spread>),
    /// A request waits for another realm. Until [`Output::Resume`] the driver holds back the connection's
    /// later requests.
    Park(ConnId),
    /// The request that waited goes on: the driver answers with [`Input::Resume`].
    Resume {
        /// The connection that waits.
        conn: ConnId,
        /// The request to decide again.
        request: Box<Request>,
        /// What was worked out before.
        results: Vec<JobResult>,
    },
    /// What a link says needs no answer, and has been dealt with.
    NoReply(ConnId),
    /// A request to the realm at the other end of a link.
    Request(ConnId, PeerRequest),
    /// Entries of a log for a peer that follows it, which the store has: see
    /// `antar_text::deliveries`.
    Deliver {
        /// The link.
        conn: ConnId,
        /// Who is owed them.
        peer: PeerId,
        /// The log's epoch.
        epoch: Epoch,
        /// What the other realm can take.
        can: Capabilities,
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
        /// The entries themselves, where they are at hand: then the store need not be asked.
        fresh: Vec<(Position, Arc<Entry>)>,
    },
    /// Call another realm, over TLS: the answer is a connection with [`Origin::Dialled`], or
    /// [`Input::NotDialled`].
    Dial(DialId, Address),
    /// End a connection.
    HangUp(ConnId),
    /// Look up some of what a realm is owed.
    Fetch {
        /// For the answer.
        ask: AskId,
        /// Who is owed it.
        peer: PeerId,
        /// The number of the first entry.
        first: u64,
        /// That of the last.
        last: u64,
    },
    /// Look up the newest messages of a mailbox: a page of them, or more of a conversation that another
    /// realm lists too.
    Tail {
        /// For the answer.
        ask: AskId,
        /// The mailbox.
        source: Source,
    },
    /// Ask a plain peer.
    Ask(AskId, Ask),
    /// Look up messages that are older than is kept.
    FindOld(Box<OldQuery>),
    /// Look up messages of a user who is gone.
    FindOwn(Box<OwnQuery>),
    /// Nobody reads a file any more: its bytes go.
    RemoveFile(FileHash),
    /// A user is gone: what they were uploading in parts goes.
    RemoveUploads(AccountId),
    /// Something an operator should know.
    Note {
        /// It may need something done.
        warning: bool,
        /// A sentence.
        text: String,
    },
}

/// Outputs are moved about often, so one stays small.
const _: () = assert!(size_of::<Output>() <= 120);

impl Output {
    /// How much it is to carry out: one for each connection that it goes to, and one more for each KiB of text.
    pub fn weight(&self) -> usize {
        match self {
            Self::Notify(_, _, told) => told.weight(),
            Self::Spread(spread) => spread.weight().max(1),
            Self::Deliver { fresh, .. } => fresh.len().max(1),
            _ => 1,
        }
    }
}

/// What a step leads to: events to make durable, then outputs to release.
#[derive(Debug, Default)]
pub struct Effects {
    /// In the order they were applied.
    pub events: Vec<Event>,
    /// In the order they were decided.
    pub outputs: Vec<Output>,
}

/// What the disk lets the state do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    #[default]
    Open,
    /// Answer, but change nothing: that is refused with [`antar_types::Code::Unavailable`].
    ReadOnly,
    /// Nothing: what is on disk is not known, so everything is refused so.
    Suspended,
}
