//! What is unread at the log-in, and what the realm cannot tell.

use super::session::{PATIENCE, Session};
use super::show::clean_line;
use antar_client::live::Happening;
use antar_client::sync::{Part, Update};
use antar_client::{Error, Value};
use tokio::time::timeout;

/// How many unread messages of a conversation are shown after the login, and of how many conversations.
const UNREAD_SHOWN: u64 = 20;
const CONVERSATIONS_SHOWN: usize = 20;

impl Session {
    /// After a login: waits for the list of conversations; returns what is unread, for a person.
    pub async fn start(&mut self) -> Result<Vec<String>, Error> {
        while !self.started {
            if let Happening::Update(Update::InStep) = self.live.next().await? {
                self.started = true;
            }
        }
        // What it is called where the user lists the sessions. An older realm may not know that.
        self.live.request("CLIENT antar chat").await?;
        for conversation in self.live.model().conversations() {
            self.names.conversation(conversation.name());
        }
        if !self.interactive {
            return Ok(Vec::new());
        }
        for group in self.live.ask("GETGROUPS").await?.names() {
            self.names.group(group);
        }
        self.unread_with_texts().await
    }

    /// What is unread, by conversation, the latest last; what is shown whole counts as read.
    async fn unread_with_texts(&mut self) -> Result<Vec<String>, Error> {
        let model = self.live.model();
        let counted = model
            .conversations()
            .into_iter()
            .map(|each| (each.name().to_owned(), model.count(each.name()).unread, each.is_muted()));
        let unread: Vec<(String, u64, bool)> = counted.filter(|(_, n, _)| *n > 0).collect();
        let mut lines = Vec::new();
        if let Some(others) = unread.len().checked_sub(CONVERSATIONS_SHOWN).filter(|n| *n > 0) {
            lines.push(
                self.look.notice(&format!("{others} more conversations: /unread lists them")),
            );
        }
        for (name, count, muted) in unread.into_iter().take(CONVERSATIONS_SHOWN).rev() {
            let place = clean_line(&name);
            if muted {
                lines.push(self.look.notice(&format!("{place}: {count} unread (muted)")));
                continue;
            }
            let whole = count <= UNREAD_SHOWN;
            let title = match whole {
                true => format!("{place}: {count} unread"),
                false => format!(
                    "{place}: {count} unread, the latest are these; /history {place} and /more show all"
                ),
            };
            lines.push(self.look.notice(&title));
            // Between them may be some of the user's own.
            self.live.model_mut().load(&name, Part::Newest, 2 * UNREAD_SHOWN as usize);
            self.loaded(&name).await?;
            let (shown, last, has_all) = self.unread_of(&name);
            lines.extend(shown);
            if let Some(last) = last.filter(|_| whole && has_all) {
                self.seen.insert(name, last);
            }
        }
        if lines.is_empty() {
            lines.push(self.look.notice("nothing is unread"));
        }
        lines.extend(self.not_told().await.iter().map(|line| self.look.notice(line)));
        Ok(lines)
    }

    /// The latest unread messages of a conversation that are known, the last of them, and whether that is all.
    fn unread_of(&self, name: &str) -> (Vec<String>, Option<u64>, bool) {
        let Some(known) = self.live.model().conversation(name) else { return Default::default() };
        let placed = known.messages().rev().filter(|m| !m.pending);
        let unread = placed.take_while(|m| m.id > known.read());
        let others = unread.filter(|m| !m.is_from(&self.user) && !m.deleted);
        let mut all: Vec<_> = others.take(UNREAD_SHOWN as usize).collect();
        all.reverse();
        let first = all.first().map_or(0, |first| first.id);
        let has_all = known.follows(known.read().saturating_add(1), first);
        let last = known.last().map(|last| last.id);
        (all.into_iter().map(|m| self.look.said(name, m)).collect(), last, has_all)
    }

    /// Waits until a part of a history is here.
    ///
    /// # Errors
    /// Where it is refused, or the connection is lost.
    pub(super) async fn loaded(&mut self, name: &str) -> Result<bool, Error> {
        let mut later = Vec::new();
        let found = timeout(PATIENCE, self.wait_for(name, &mut later)).await;
        self.live.put_back(later);
        found.unwrap_or(Err(Error::Closed))
    }

    async fn wait_for(&mut self, name: &str, later: &mut Vec<Happening>) -> Result<bool, Error> {
        let is_of = |of: &str| of.eq_ignore_ascii_case(name);
        loop {
            match self.live.next().await? {
                Happening::Update(Update::Loaded { conversation, more, .. })
                    if is_of(&conversation) =>
                {
                    return Ok(more);
                }
                Happening::Update(Update::Failed { conversation, code })
                    if is_of(&conversation) =>
                {
                    let text = code.clone();
                    return Err(antar_client::Refusal { code, text, usage: None }.into());
                }
                lost @ Happening::Lost(_) => {
                    later.push(lost);
                    return Err(Error::Closed);
                }
                other => later.push(other),
            }
        }
    }

    /// All that was shown to a person is read.
    pub(super) fn mark_seen(&mut self) {
        for (conversation, id) in std::mem::take(&mut self.seen) {
            let read = self.live.model().conversation(&conversation).map(|each| each.read());
            if read.is_some_and(|read| read < id) {
                self.live.model_mut().mark_read(&conversation, id);
            }
        }
    }

    /// Sentences about what this realm itself does not know just now: what other realms have not passed on.
    pub(super) async fn not_told(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, state, plain) in self.links().await {
            let name = clean_line(&name);
            if plain {
                lines.push(format!(
                    "{name} is an old server, which keeps messages itself: whether any is new cannot be told; \
                     /history USER@{name} shows them"
                ));
            } else if state != "up" {
                lines.push(format!(
                    "{name} does not answer: what it has not passed on yet comes when it does"
                ));
            }
        }
        lines
    }

    /// The linked realms: name, state, and whether it is one of the old servers.
    pub(super) async fn links(&mut self) -> Vec<(String, String, bool)> {
        let Ok(reply) = self.live.ask("CHECKREALM").await else { return Vec::new() };
        let Some(Value::Array(links)) = reply.data() else { return Vec::new() };
        let str = |link: &Value, key: &str| link.get(key)?.as_str().map(str::to_owned);
        let one = |link: &Value| {
            let plain = link.get("plain") == Some(&Value::Bool(true));
            Some((str(link, "realm")?, str(link, "state").unwrap_or_default(), plain))
        };
        links.iter().filter_map(one).collect()
    }
}
