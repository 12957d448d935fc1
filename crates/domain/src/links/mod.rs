//! Links: what is owed to other realms and how it gets there (protocol section 6).
//!
//! | file | what it is about |
//! |---|---|
//! | `peer.rs` | what is durable about another realm |
//! | `address.rs` | where it can be reached, and which addresses may be dialled |
//! | `log.rs` | the log of what it is owed, and the cursor into its own |
//! | `live.rs` | connections and calls that exist just now |
//! | `call.rs` | calling other realms |
//! | `accept.rs` | being called: who may link |
//! | `crossing.rs` | both call at once: which of the two connections stays |
//! | `record.rs` | a peer's record, made and changed |
//! | `carry.rs` | the connection that carries a link: what is asked on it, and its end |
//! | `bounds.rs` | who gives way where too many wait, or too many names were used |
//! | `names.rs` | whose a name is, when another realm comes to have it |
//! | `keep.rs` | time: redialling, keepalive, waiting for a peer, letting go of old entries |
//! | `owe.rs` | what a peer is owed: from where it follows, and what it is sent |
//! | `owe_changes.rs` | telling a peer what users here do to messages |
//! | `take_changes.rs` | what users of a peer do to messages |
//! | `follow.rs` | following a peer's log: cursor, batches, and a past that is not the same |
//! | `heirs.rs` | what is on the way to, or back to, an account or a group whose name is another's by now |
//! | `delivered.rs` | telling who wrote something to a peer that it is there |
//! | `giveback.rs` | telling who wrote what was owed on a link that was ended here |
//! | `status.rs` | what is told of links to whoever asks |
//! | `answer.rs` | what a peer answers to what it was asked |
//! | `apart.rs` | entries of kinds that this version does not know |
//! | `plain.rs` | peers that know only the two documents |
//! | `common.rs` | which messages of a plain peer's list are known here already |
//! | `told.rs` | what a plain peer answers |
//! | `request.rs` | what other realms are asked, in types |
//! | `notice.rs` | what a notice says |
//! | `meet.rs` | telling a plain peer that this realm has started anew |
//!
//! Everything here is driven by [`crate::Input`] and asks through [`crate::Output`]: it has no
//! sockets and no clock. What another realm asks for is a command like any other; what it answers to what
//! it was asked is one too.

mod accept;
mod address;
mod answer;
mod apart;
mod bounds;
mod call;
mod carry;
mod common;
mod crossing;
mod delivered;
mod follow;
mod giveback;
mod heirs;
mod keep;
mod live;
mod log;
mod meet;
mod names;
mod notice;
mod owe;
mod owe_changes;
mod peer;
mod plain;
mod record;
mod request;
mod status;
mod take_changes;
mod told;

pub(crate) use accept::Greeting;
pub use address::{Address, may_dial, network};
pub use answer::PeerAnswer;
pub(crate) use answer::answered;
pub use apart::{Apart, ApartEntry};
pub(crate) use call::{CALL, Call, Caller};
pub(crate) use common::{Common, missing};
pub(crate) use delivered::ToldOf;
pub use delivered::{Delivered, Lost};
pub use follow::{Delivery, TakeError};
pub use heirs::{Listing, Quote};
pub(crate) use keep::CATCH_UP;
pub(crate) use live::Asked;
pub(crate) use live::{Conn, Link, Links, Said, Waiting, Why};
pub use live::{Contact, Failure, NotDialled};
use live::{LINES, LINES_OF_NEW, NEW};
pub(crate) use log::{Followed, Outbox};
pub(crate) use meet::Meeting;
pub(crate) use notice::notice_text;
pub use owe::LONGEST_TEXT;
pub(crate) use owe::{has_room, owe, owe_after};
pub(crate) use owe_changes::{OwnChange, named_there};
pub(crate) use peer::Peer;
pub use peer::{Epoch, Heir, Holder, InvitationRecord, LinkKind, LinkStatus, PeerRecord, Position};
pub(crate) use plain::{Fetched, PlainDelivery, introduction};
pub use plain::{NotAsked, Unreadable};
pub use request::{Ask, CatchUp, Introduction, Of, PeerRequest, PlainRequest, RoomJoin};
pub use status::{Invitation, LinkState, PeerRoom, PeerStatus, ROOMS_TOLD};
pub(crate) use take_changes::{Done, Names};
pub use take_changes::{InRoom, NamedMessage, NamesLookup};
pub use told::{Listed, MOST_LISTED, Told};

use crate::context::Context;
use crate::state::{Effects, Readings, State};
use crate::{ConnId, Event, Output, PeerId};
use antar_types::Code;

impl Context<'_> {
    /// All links, as they are at the moment.
    pub(crate) fn links(&mut self) -> &mut Links {
        &mut self.state.links
    }

    /// A link, as it is at the moment.
    pub(crate) fn link(&mut self, peer: PeerId) -> &mut Link {
        self.state.links.links.entry(peer).or_default()
    }

    /// A connection with another realm.
    pub(crate) fn conn(&mut self, conn: ConnId) -> Option<&mut Conn> {
        self.state.links.conns.get_mut(&conn)
    }

    /// Warns the operator of something about a realm.
    pub(crate) fn warn(&mut self, peer: PeerId, text: String) {
        self.say(peer, true, text);
    }

    /// Tells the operator what is in order with a realm.
    pub(crate) fn tell(&mut self, peer: PeerId, text: String) {
        self.say(peer, false, text);
    }

    /// The other side decides how often something happens, so there is a bound on what is said of it;
    /// and whoever comes under ever new names decides how many realms there are, so there is one on what is
    /// said of new ones.
    fn say(&mut self, peer: PeerId, warning: bool, mut text: String) {
        let now = self.readings.uptime;
        let wall = self.readings.now.0;
        let is_new = self.peer(peer).is_none_or(|known| {
            known.record.status != LinkStatus::Linked
                || wall < known.record.since.0.saturating_add(NEW)
        });
        let Some(unsaid) = self.link(peer).said.one_more(now, LINES) else { return };
        if is_new {
            let said = self.links().said_of_new.one_more(now, LINES_OF_NEW);
            match said {
                None => return,
                Some(0) => {}
                Some(n) => {
                    text.push_str(&format!(" ({n} lines about new realms were left out before)"))
                }
            }
        }
        if unsaid > 0 {
            text.push_str(&format!(" ({unsaid} lines about this realm were left out before)"));
        }
        self.output(Output::Note { warning, text });
    }

    /// The realm's name, or a dash where it is gone.
    pub(crate) fn name_of(&self, peer: PeerId) -> String {
        self.peer(peer).map_or_else(|| "-".into(), |known| known.record.name.to_string())
    }
}

impl State {
    /// After a restore: every log has a new epoch from here on, since others may have followed the
    /// old one further than this realm remembers.
    pub(crate) fn begin_epochs(
        &mut self,
        readings: &Readings,
        effects: &mut Effects,
    ) -> Result<(), Code> {
        let epoch = Epoch::new(&readings.entropy);
        let peers: Vec<PeerId> = self.durable.peers.keys().copied().collect();
        peers.into_iter().try_for_each(|peer| self.emit(Event::EpochBegun(peer, epoch), effects))
    }
}
