//! The conversation with a user, which is in two mailboxes among everybody else's.

use super::command::Target;
use super::session::Session;
use super::show::clean_line;
use antar_client::{Client, Error, History, Message, Page};
use std::time::Duration;
use tokio::time::Instant;

/// How many messages `/history` shows.
pub(super) const SHOWN: usize = 20;

/// How long it looks for them, and how many it looks at in one request.
const SEARCH: (Duration, u32) = (Duration::from_secs(8), 1_000);

/// Messages with the user, newest first, out of a mailbox that is read backwards.
struct Search {
    found: Vec<Message>,
    before: Option<u64>,
    more: bool,
    stale: bool,
}

impl Search {
    fn new() -> Self {
        Self { found: Vec::new(), before: None, more: true, stale: false }
    }

    fn goes_on(&self) -> bool {
        self.more && self.found.len() < SHOWN
    }

    fn part(&self) -> History {
        History { before: self.before, ..History::newest(SEARCH.1) }
    }

    fn take(&mut self, page: Page, name: &str) {
        let oldest = page.messages.iter().filter_map(|m| m.id).min();
        self.stale |= page.stale;
        self.more = page.more && oldest.is_some();
        self.before = oldest.or(self.before);
        let with = |message: &Message| {
            message.from.eq_ignore_ascii_case(name) || message.to.eq_ignore_ascii_case(name)
        };
        self.found.extend(page.messages.into_iter().rev().filter(with));
    }
}

impl Session {
    /// The newest messages of a conversation with a user; with a word where not all of it could be
    /// looked through.
    pub(super) async fn history_with(&mut self, target: &Target) -> Result<String, Error> {
        let until = Instant::now() + SEARCH.0;
        let client = self.client()?;
        let realm = target.realm.as_deref();
        let mut searches = [Search::new(), Search::new()];
        let mut late = false;
        while !late && searches.iter().any(Search::goes_on) {
            for (search, sent) in searches.iter_mut().zip([false, true]) {
                if search.goes_on() {
                    let page = read(client, realm, sent, search.part()).await?;
                    search.take(page, &target.name);
                }
            }
            late = Instant::now() >= until;
        }
        // What was not looked at is older than this.
        let reached = searches.iter().filter(|s| s.goes_on()).filter_map(|s| s.before).max();
        let stale = searches.iter().any(|s| s.stale);
        let found = searches.into_iter().flat_map(|s| s.found);
        // What a plain peer keeps has no numbers and no times: only its own order is known.
        let (mut messages, mut without): (Vec<Message>, Vec<Message>) =
            found.partition(|message| message.id.is_some());
        without.truncate(SHOWN);
        without.reverse();
        messages.sort_by_key(|message| message.id);
        // A message to oneself is in both.
        messages.dedup_by_key(|message| message.id);
        if let Some(reached) = reached {
            // Before it, one side may lack what the other has.
            messages.retain(|message| message.id >= Some(reached));
        }
        messages.drain(..messages.len().saturating_sub(SHOWN));
        without.append(&mut messages);
        let mut list = self.list(&without, false);
        if reached.is_some() {
            let late = self.look.notice("looking for older ones takes too long");
            list = format!("{list}\n{late}");
        }
        Ok(list + &self.stale_notice(realm, stale))
    }

    /// What to add where another realm was asked and did not answer.
    pub(super) fn stale_notice(&self, realm: Option<&str>, stale: bool) -> String {
        match realm.filter(|_| stale) {
            Some(realm) => {
                let said = format!("{realm} does not answer; this is what is known here");
                format!("\n{}", self.look.notice(&clean_line(&said)))
            }
            None => String::new(),
        }
    }
}

async fn read(
    client: &mut Client,
    realm: Option<&str>,
    sent: bool,
    part: History,
) -> Result<Page, Error> {
    match (realm, sent) {
        (None, false) => client.inbox(part).await,
        (None, true) => client.sent(part).await,
        (Some(realm), false) => client.inbox_realm(realm, part).await,
        (Some(realm), true) => client.sent_realm(realm, part).await,
    }
}
