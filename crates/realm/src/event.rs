//! What can happen to a realm's durable state.

use crate::{AccountId, GroupId, Mailbox, PasswordHash, SessionId};
use antar_wire::{Message, Name, Time, TokenHash};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A user's account as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// As first written.
    pub name: Name,
    /// Of the password.
    pub password: PasswordHash,
    /// May administer the realm.
    pub admin: bool,
    /// When it was made.
    pub created: Time,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Of the token that names it.
    pub hash: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// When it was last used, to within a thirtieth of the time it may lie idle.
    pub used: Time,
}

/// A group as stored; its members are stored one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// As first written.
    pub name: Name,
    /// Of the password that lets one join.
    pub password: PasswordHash,
    /// Who made it; counts against that user's limit.
    pub creator: AccountId,
    /// Who owns it; nobody once the last member has left, until somebody joins.
    pub owner: Option<AccountId>,
    /// When it was made.
    pub created: Time,
}

/// A change of the durable state. The store keeps most of them as they are, under a key of what
/// they are about, and hands them back at the next start; a later one about the same thing
/// replaces the earlier. Add variants at the end only: their position is their stored form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The realm has this name from now on.
    RealmNamed(Name),
    /// Every id up to this one may have been given out.
    IdReached(u64),
    /// An account was made or changed.
    AccountSet(AccountId, AccountRecord),
    /// An account is gone; its sessions and memberships went before.
    AccountRemoved(AccountId),
    /// A session was opened or used.
    SessionSet(SessionId, SessionRecord),
    /// A session is over.
    SessionEnded(SessionId),
    /// A group was made or changed.
    GroupSet(GroupId, GroupRecord),
    /// A user is in a group; the number orders members by standing.
    MemberAdded(GroupId, AccountId, u64),
    /// A user is no longer in a group.
    MemberRemoved(GroupId, AccountId),
    /// A message was put into a mailbox.
    Posted {
        /// Where it is now.
        mailbox: Mailbox,
        /// Whose SENT shows it, if anyone's.
        sender: Option<AccountId>,
        /// The message.
        message: Arc<Message>,
    },
}
