//! Other realms, as what is sent to them arrives there.
//!
//! The rate is that at which a realm's `received` grows, which it does once messages are on disk there. Latency is
//! taken where one user of each watches.

use super::load::{Load, Window};
use super::mark::{Mark, micros};
use super::report::Delivered;
use super::setup::{self, Person};
use super::tally::{Latency, Tally};
use antar_client::{Client, Replies, Value, request};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// How often a realm is asked how much it has.
const POLL: Duration = Duration::from_millis(10);
/// How long nothing may arrive while something is due.
const STALLED: Duration = Duration::from_secs(30);
/// The longest event.
const EVENT_LIMIT: usize = 1024 * 1024;

/// Other realms: how much they have received, and what one user of each sees.
pub struct Elsewhere {
    all: Vec<Far>,
    sample: Rc<RefCell<Sample>>,
}

struct Far {
    client: Client,
    /// What the other realm calls the one that is loaded.
    name: String,
    watching: AbortHandle,
}

/// How long messages were under way.
struct Sample {
    /// Those sent before are the warm-up's.
    from: u64,
    latency: Latency,
}

impl Sample {
    fn new() -> Result<Self> {
        Ok(Self { from: u64::MAX, latency: Latency::new()? })
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Elsewhere {
    pub fn new() -> Result<Self> {
        Ok(Self { all: Vec::new(), sample: Rc::new(RefCell::new(Sample::new()?)) })
    }

    /// Adds a realm: what it calls the one that is loaded, and the user there who watches.
    pub async fn add(&mut self, there: &str, name: &str, person: &Person) -> Result<()> {
        let mut client = setup::connect(there).await?;
        client.resume(&person.token).await?;
        let stream = TcpStream::connect(there).await?;
        let line = request::with_token("WATCH", &person.token) + "\n";
        let watching = tokio::task::spawn_local(watch(stream, line, self.sample.clone()));
        let watching = watching.abort_handle();
        let mut far = Far { client, name: name.into(), watching };
        far.received().await?;
        self.all.push(far);
        Ok(())
    }

    /// How long messages were under way since this was asked before.
    pub fn latency(&self) -> Result<Latency> {
        Ok(self.sample.replace(Sample::new()?).latency)
    }

    /// How many messages of the realm that is loaded they have on disk.
    async fn received(&mut self) -> Result<u64> {
        let mut sum = 0;
        for far in &mut self.all {
            sum += far.received().await?;
        }
        Ok(sum)
    }

    /// One round of sending, and on until everything has arrived, each message at so many of the realms.
    pub async fn round(
        &mut self,
        side: &mut Load,
        window: Window,
        each: u64,
        progress: &ProgressBar,
        delivered: &mut Delivered,
    ) -> Result<Tally> {
        let before = self.received().await?;
        let from = Instant::now() + window.warmup;
        self.sample.borrow_mut().from = micros(from);
        let (mut first, mut last) = (None, (before, Instant::now()));
        let mut sent = None;
        let mut poll = tokio::time::interval(POLL);
        let sending = side.run(window, progress);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                tally = &mut sending, if sent.is_none() => sent = Some((tally?, Instant::now())),
                _ = poll.tick() => {}
            }
            let now = (self.received().await?, Instant::now());
            if now.0 > last.0 {
                last = now;
            }
            if now.1 >= from {
                first.get_or_insert(now);
            }
            let Some((tally, ended)) = &sent else { continue };
            let due = before + tally.accepted * each;
            if now.0 >= due {
                let (start, began) = first.unwrap_or((before, from));
                delivered.finish(last.0 - start, last.1 - began, last.1 - *ended);
                delivered.arrived += now.0 - before;
                break;
            }
            if now.1 - last.1 > STALLED {
                bail!("{} of {} messages have not arrived", due - now.0, due - before);
            }
        }
        sent.map(|(tally, _)| tally).context("nothing was sent")
    }
}

impl Far {
    /// How many messages of the realm that is loaded are on disk.
    async fn received(&mut self) -> Result<u64> {
        let reply = self.client.ask("CHECKREALM").await?;
        let links = reply.data().and_then(Value::as_array).cloned().unwrap_or_default();
        let same = |link: &&Value| {
            link["realm"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&self.name))
        };
        let link = links.iter().find(same);
        let link = link.with_context(|| format!("{} is not linked there", self.name))?;
        match (link["state"].as_str(), link["received"].as_u64()) {
            (Some("up"), Some(received)) if link["plain"] != true => Ok(received),
            (state, _) => bail!(
                "the link with {} is {}{}",
                self.name,
                state.unwrap_or("?"),
                link["error"].as_str().map_or(String::new(), |error| format!(": {error}"))
            ),
        }
    }
}

/// Reads one user's events and notes how long each message was under way.
async fn watch(mut stream: TcpStream, line: String, sample: Rc<RefCell<Sample>>) -> Result<()> {
    stream.write_all(line.as_bytes()).await?;
    let mut replies = Replies::new(EVENT_LIMIT);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => replies.feed(&buffer[..n]),
        }
        let now = micros(Instant::now());
        let mut sample = sample.borrow_mut();
        while let Some(raw) = replies.pop_raw()? {
            let mark = raw.is_event().then(|| mark_of(raw.0)).flatten();
            if let Some(mark) = mark.filter(|mark| mark.micros >= sample.from) {
                let took = Duration::from_micros(now.saturating_sub(mark.micros));
                sample.latency.record(took);
            }
        }
    }
}

/// The mark in an event. No name can hold a quotation mark, so the text's key is found by it.
fn mark_of(event: &[u8]) -> Option<Mark> {
    const KEY: &[u8] = br#""message":""#;
    let at = event.windows(KEY.len()).position(|bytes| bytes == KEY)?;
    Mark::read(&event[at + KEY.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_event_is_found() {
        let mark = Mark { connection: 7, serial: 8, micros: 9 };
        let mut text = [b'x'; 40];
        mark.put(&mut text);
        let text = String::from_utf8(text.to_vec()).unwrap();
        let event = format!(r#"{{"event":"message","box":"realm","id":1,"message":"{text}"}}"#);
        assert_eq!(mark_of(event.as_bytes()), Some(mark));
        assert_eq!(mark_of(br#"{"event":"message","message":"hello"}"#), None);
    }
}
