//! The mailboxes messages land in.

use antar_client::{Client, Error, Event, History, Page};

/// Where messages come from, and how to ask for them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mailbox {
    Private,
    Group(String),
    Realm(String),
    GroupRealm(String, String),
}

impl Mailbox {
    pub fn of(event: &Event) -> Option<Self> {
        let message = event.message()?;
        let fold = |name: &str| name.to_ascii_lowercase();
        let realm = message.realm.as_deref().or(message.to_realm.as_deref()).map(fold);
        Some(match event.mailbox()? {
            "private" => Self::Private,
            "group" => Self::Group(fold(&message.to)),
            "realm" => Self::Realm(realm?),
            "grouprealm" => Self::GroupRealm(realm?, fold(&message.to)),
            _ => return None,
        })
    }

    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_) | Self::GroupRealm(..))
    }

    pub async fn read(&self, client: &mut Client, part: History) -> Result<Page, Error> {
        match self {
            Self::Private => client.inbox(part).await,
            Self::Group(group) => client.inbox_group(group, part).await,
            Self::Realm(realm) => client.inbox_realm(realm, part).await,
            Self::GroupRealm(realm, group) => client.inbox_group_realm(realm, group, part).await,
        }
    }

    /// The other realm, where it is about one.
    pub fn realm(&self) -> Option<&str> {
        match self {
            Self::Realm(realm) | Self::GroupRealm(realm, _) => Some(realm),
            Self::Private | Self::Group(_) => None,
        }
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Private => f.write_str("the private mailbox"),
            Self::Group(group) => write!(f, "#{group}"),
            Self::Realm(realm) => write!(f, "the private mailbox of {realm}"),
            Self::GroupRealm(realm, group) => write!(f, "#{group}@{realm}"),
        }
    }
}
