//! The mailboxes messages land in.

use antar_client::{Client, Error, Event, History, Page};

/// How many pages of 1,000 messages are fetched from one mailbox after an interruption.
const PAGES: usize = 5;

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

    /// What came after a message, up to 5,000 more; nothing where the mailbox is not ours any more.
    pub async fn catch_up(&self, client: &mut Client, newest: u64) -> Result<Vec<Page>, Error> {
        let mut pages = Vec::new();
        let mut after = newest;
        for _ in 0..PAGES {
            let page = match self.read(client, History::after(after)).await {
                Ok(page) => page,
                // Not a member any more, or the link is gone.
                Err(Error::Refused(refusal)) if refusal.code != "no_session" => break,
                Err(error) => return Err(error),
            };
            let more = page.more;
            after = page.messages.iter().filter_map(|m| m.id).max().unwrap_or(after);
            pages.push(page);
            if !more {
                break;
            }
        }
        Ok(pages)
    }
}
