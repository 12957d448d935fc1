//! What is in the mailboxes: a look at the newest after the login, and everything that came while the
//! connection was away.

use super::mailbox::Mailbox;
use super::session::{PATIENCE, Session};
use super::show::clean_line;
use antar_client::{Client, Error, History, Page};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long the look after the login may take before the rest of it is left for later: each mailbox of a
/// realm that does not answer takes the server three seconds.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What came of catching up so far.
#[derive(Default)]
pub(super) struct Tally {
    shown: usize,
    /// What was not shown, and why.
    but: BTreeSet<String>,
}

/// Every mailbox there is for a user.
pub(super) async fn mailboxes(client: &mut Client) -> Result<Vec<Mailbox>, Error> {
    let fold = |names: Vec<String>| names.into_iter().map(|name| name.to_ascii_lowercase());
    let groups: Vec<String> = fold(client.my_groups().await?).collect();
    let realms: Vec<String> = fold(client.realms().await?).collect();
    let mut all = vec![Mailbox::Private];
    all.extend(groups.iter().cloned().map(Mailbox::Group));
    all.extend(realms.iter().cloned().map(Mailbox::Realm));
    let both = |realm: &String, group: &String| Mailbox::GroupRealm(realm.clone(), group.clone());
    all.extend(realms.iter().flat_map(|realm| groups.iter().map(|group| both(realm, group))));
    Ok(all)
}

impl Session {
    /// After the first login: watches, and shows the newest messages of all mailboxes. What takes too
    /// long is looked at later.
    pub async fn start(&mut self, show: u32) -> Result<Vec<String>, Error> {
        self.recent = show.max(1);
        let client = self.client()?;
        client.watch().await?;
        for group in client.groups().await? {
            self.names.group(&group);
        }
        let all = mailboxes(self.client()?).await?;
        self.seen = all.iter().cloned().map(|mailbox| (mailbox, None)).collect();
        self.todo = all.into();
        let until = Instant::now() + AT_ONCE;
        let mut lines = Vec::new();
        while let Some(mailbox) = self.todo.front().cloned() {
            let part = History::newest(self.recent);
            let read = mailbox.read(self.client()?, part);
            let Ok(read) = timeout_at(until, read).await else { break };
            self.todo.pop_front();
            match read {
                Ok(page) => {
                    self.note_newest(&mailbox, &page);
                    let ids: Vec<Option<u64>> = page.messages.iter().map(|m| m.id).collect();
                    lines.extend(ids.into_iter().zip(self.show(&page, mailbox.is_group())));
                }
                // Left, or unlinked, since the list was made.
                Err(Error::Refused(_)) => drop(self.seen.remove(&mailbox)),
                Err(error) => return Err(error),
            }
        }
        lines.sort_by_key(|(id, _)| *id);
        let first = lines.len().saturating_sub(show as usize);
        Ok(lines.drain(first..).map(|(_, line)| line).collect())
    }

    /// Marks everything that a page of the newest holds as seen.
    fn note_newest(&mut self, mailbox: &Mailbox, page: &Page) {
        let newest = page.messages.iter().filter_map(|m| m.id).max().unwrap_or(0);
        self.heard = self.heard.max(newest);
        self.seen.insert(mailbox.clone(), Some(newest));
    }

    /// Begins to follow a group just joined, from now on.
    pub(super) async fn follow_group(&mut self, group: &str) -> Result<(), Error> {
        self.names.group(group);
        let mailbox = Mailbox::Group(group.to_ascii_lowercase());
        let page = mailbox.read(self.client()?, History::newest(1)).await?;
        let newest = page.messages.iter().filter_map(|m| m.id).max().unwrap_or(0);
        self.seen.insert(mailbox, Some(newest));
        Ok(())
    }

    pub(super) fn forget_group(&mut self, group: &str) {
        let group = group.to_ascii_lowercase();
        let of_it = |mailbox: &Mailbox| match mailbox {
            Mailbox::Group(g) | Mailbox::GroupRealm(_, g) => *g == group,
            _ => false,
        };
        self.seen.retain(|mailbox, _| !of_it(mailbox));
        self.todo.retain(|mailbox| !of_it(mailbox));
    }

    /// Has all that came since it was last looked at shown. What is heard of for the first time was
    /// never looked at: there it is what is newer than anything that was heard.
    pub(super) fn catch_up(&mut self, all: Vec<Mailbox>) {
        let heard = self.heard;
        for mailbox in all {
            self.seen.entry(mailbox).or_default();
        }
        self.seen.values_mut().for_each(|seen| *seen = Some(seen.unwrap_or(heard)));
        self.todo = self.seen.keys().cloned().collect();
        self.tally = Some(Tally::default());
    }

    /// Looks into the next mailbox, a page at a time; returns what to show.
    pub(super) async fn look_on(&mut self) -> Vec<String> {
        let Some(mailbox) = self.todo.front().cloned() else { return Vec::new() };
        let after = self.seen.get(&mailbox).copied().flatten();
        let part = after.map_or(History::newest(self.recent), History::after);
        let Ok(client) = self.client() else { return Vec::new() };
        let mut lines = match timeout(PATIENCE, mailbox.read(client, part)).await {
            Ok(Ok(page)) => self.take_page(&mailbox, after, page),
            Ok(Err(Error::Refused(refusal))) if refusal.code == "no_session" => {
                return vec![self.ended()];
            }
            Ok(Err(Error::Refused(refusal))) => {
                self.todo.pop_front();
                self.unreadable(&mailbox, &refusal.code);
                Vec::new()
            }
            Ok(Err(error)) => return vec![self.lost(&error.to_string())],
            Err(_) => return vec![self.lost("no answer")],
        };
        if self.todo.is_empty()
            && let Some(tally) = self.tally.take()
        {
            lines.extend(tally.lines().iter().map(|line| self.look.notice(line)));
        }
        lines
    }

    fn take_page(&mut self, mailbox: &Mailbox, after: Option<u64>, mut page: Page) -> Vec<String> {
        let realm = mailbox.realm().map(clean_line);
        if let (Some(_), Some(realm)) = (after, &realm) {
            // Nothing tells which of these are new.
            let all = page.messages.len();
            page.messages.retain(|message| message.id.is_some());
            let without = all - page.messages.len();
            let but = &mut self.tally.get_or_insert_default().but;
            if without > 0 {
                but.insert(format!(
                    "{realm} keeps messages itself that have no numbers: whether any is new cannot be told \
                     ({without} in {mailbox}); /history shows them"
                ));
            } else if page.stale {
                let later = "what it has not passed on yet comes when it does";
                but.insert(format!("{realm} does not answer: {later}"));
            }
        }
        if after.is_none() {
            // A plain peer tells all it has.
            let more = page.messages.len().saturating_sub(self.recent as usize);
            page.messages.drain(..more);
        }
        let newest = page.messages.iter().filter_map(|m| m.id).max();
        match (after, newest) {
            (None, _) => self.note_newest(mailbox, &page),
            (Some(_), Some(newest)) => drop(self.seen.insert(mailbox.clone(), Some(newest))),
            (Some(_), None) => {}
        }
        if after.is_none() || newest.is_none() || !page.more {
            self.todo.pop_front();
        }
        if let Some(tally) = &mut self.tally {
            tally.shown += page.messages.len();
        }
        self.show(&page, mailbox.is_group())
    }

    fn unreadable(&mut self, mailbox: &Mailbox, code: &str) {
        let gone = ["not_member", "group_not_found", "realm_not_found"].contains(&code);
        let said = match gone {
            true => format!("{mailbox} cannot be read any more ({}); not shown", clean_line(code)),
            false => format!("{mailbox} could not be read ({}); not shown", clean_line(code)),
        };
        if gone {
            self.seen.remove(mailbox);
        }
        if let Some(tally) = &mut self.tally {
            tally.but.insert(said);
        }
    }

    fn show(&self, page: &Page, group: bool) -> Vec<String> {
        let each = page.messages.iter().map(|message| {
            self.names.message(message, group);
            self.look.message(message, group)
        });
        each.collect()
    }
}

impl Tally {
    fn lines(&self) -> Vec<String> {
        let all = if self.but.is_empty() { "" } else { ", as far as can be told" };
        let first = match self.shown {
            0 => format!("nothing was missed{all}"),
            1 => format!("1 message came in between{all}; it stands above"),
            n => format!("{n} messages came in between{all}; they stand above"),
        };
        std::iter::once(first).chain(self.but.iter().cloned()).collect()
    }
}
