//! The history of a conversation, of any age.

use super::execute::Problem;
use super::session::Session;
use super::show::clean_line;
use antar_client::sync::Part;
use antar_client::{Message, Reply, request, sync};

/// How many messages `/history` and `/more` show.
pub(super) const SHOWN: usize = 20;

impl Session {
    /// The newest messages of a conversation.
    pub(super) async fn history(&mut self, name: &str) -> Result<String, Problem> {
        self.live.model_mut().load(name, Part::Newest, SHOWN);
        let more = self.loaded(name).await?;
        let mut lines = self.kept_elsewhere(name).await?;
        self.shown = None;
        lines.extend(self.page(name, u64::MAX, more));
        if self.interactive
            && let Some(last) = self.live.model().conversation(name).and_then(|each| each.last())
        {
            self.seen.insert(name.to_owned(), last.id);
        }
        lines.extend(self.stale(name).await);
        Ok(if lines.is_empty() { "No messages.".into() } else { lines.join("\n") })
    }

    /// Those before what was shown last.
    pub(super) async fn more(&mut self) -> Result<String, Problem> {
        let Some((name, before)) = self.shown.clone() else {
            return Err(Problem::Say("Of what? /history USER or /history #GROUP begins.".into()));
        };
        self.live.model_mut().load(&name, Part::Before(before), SHOWN);
        let more = self.loaded(&name).await?;
        let lines = self.page(&name, before, more);
        Ok(if lines.is_empty() { "That was the first message.".into() } else { lines.join("\n") })
    }

    fn page(&mut self, name: &str, before: u64, more: bool) -> Vec<String> {
        let Some(known) = self.live.model().conversation(name) else { return Vec::new() };
        let place = known.name().to_owned();
        // What waits for its place stands at the end.
        let is_end = before == u64::MAX;
        let is_in = |m: &&sync::Message| if m.pending { is_end } else { m.id < before };
        let mut page: Vec<_> = known.messages().rev().filter(is_in).take(SHOWN).collect();
        page.reverse();
        let first = page.iter().find(|message| !message.pending).map(|first| first.id);
        let mut lines: Vec<String> = page.into_iter().map(|m| self.look.said(&place, m)).collect();
        if more && let Some(first) = first {
            lines.insert(0, self.look.notice("/more shows older ones"));
            self.shown = Some((place, first));
        } else if first.is_some() {
            self.shown = first.map(|first| (place, first));
        }
        lines
    }

    /// What an old server keeps itself: it tells no numbers and no times.
    async fn kept_elsewhere(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        let Some((user, realm)) = name.split_once('@').filter(|_| !name.starts_with('#')) else {
            return Ok(Vec::new());
        };
        let links = self.links().await;
        if !links.iter().any(|(of, _, plain)| *plain && of.eq_ignore_ascii_case(realm)) {
            return Ok(Vec::new());
        }
        let line = request::words("INBOXREALM", &[realm])?;
        let reply: Reply = self.live.ask(&line).await?;
        let from = |message: &&Message| message.from.eq_ignore_ascii_case(user);
        let messages = reply.messages();
        let kept = messages.iter().filter(|m| m.id.is_none()).filter(from);
        Ok(kept.map(|message| self.look.message(message, false)).collect())
    }

    /// What to add where the other realm does not answer just now.
    async fn stale(&mut self, name: &str) -> Option<String> {
        let (_, realm) = name.split_once(['@', '+'])?;
        let links = self.links().await;
        let link = links.iter().find(|(of, ..)| of.eq_ignore_ascii_case(realm))?;
        let said = format!("{} does not answer; this is what is known here", clean_line(realm));
        (!link.2 && link.1 != "up").then(|| self.look.notice(&said))
    }
}
