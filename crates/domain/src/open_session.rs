//! Where somebody is logged in.

use crate::SessionId;
use antar_types::{Text, Time};
use std::net::IpAddr;

/// A session, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Its number, which stays the same.
    pub id: SessionId,
    /// What its client is called, where that was said.
    pub client: Option<Text>,
    /// From where it was last used; none for the realm's own socket.
    pub address: Option<IpAddr>,
    /// When it was opened.
    pub since: Time,
    /// When it was last used.
    pub used: Time,
    /// Whether the request that asks runs under it.
    pub current: bool,
}

impl OpenSession {
    /// About how many bytes of memory it takes, with its own size.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.client.as_ref().map_or(0, |client| client.as_str().len())
    }
}
