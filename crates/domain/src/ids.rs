//! Numbers that stand for things. Those that are durable come from the realm's one growing counter.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);
    )+};
}

ids! {
    /// A user's account; never given out again.
    AccountId;
    /// A group; never given out again.
    GroupId;
    /// A session, whichever token names it.
    SessionId;
    /// Another realm; the same for all links with it, whatever came between.
    PeerId;
    /// A life of another realm's log, as followed.
    ForkId;
    /// A user of a peer with whom somebody here is in a conversation; never given out again.
    CorrespondentId;
    /// A connection, numbered by the driver. Not durable.
    ConnId;
    /// A call to another realm. Not durable.
    DialId;
    /// A request to a realm on a plain link. Not durable.
    AskId;
}
