//! From one realm to another: what is sent here and counted there.
//!
//! The rate is that at which the other realm's `received` grows, which it does once messages are on
//! disk there. Latency is taken where one user watches: a message in as many as there are users. At the
//! end every inbox is read: each message must be there, and once.

use super::child::Listening;
use super::load::{Load, Window};
use super::mark::{Mark, micros};
use super::options::Options;
use super::report::{self, Delivered, Report};
use super::setup::{self, Person};
use super::tally::{Latency, Tally};
use super::traffic::Traffic;
use antar_client::{Client, History, Replies, Value, request};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// How often the other realm is asked how much it has.
const POLL: Duration = Duration::from_millis(10);
/// How long nothing may arrive while something is due.
const STALLED: Duration = Duration::from_secs(30);
/// The longest event.
const EVENT_LIMIT: usize = 1024 * 1024;

/// Two realms that are linked.
struct Between {
    here: String,
    there: String,
    /// The names of the realm at `here` and of that at `there`.
    names: [String; 2],
    /// Where they were started for this: their processes, killed before their data go.
    _realms: Option<([Listening; 2], TempDir)>,
}

impl Between {
    async fn find(options: &Options) -> Result<Self> {
        match (&options.address, options.realm.as_deref(), &options.at) {
            (None, Some(""), None) => Self::start().await,
            (Some(here), Some(name), Some(there)) if !name.is_empty() => {
                let with_port = antar_client::with_default_port;
                let (here, there) = (with_port(here), with_port(there));
                let names = [own_name(&here).await?, own_name(&there).await?];
                if !names[1].eq_ignore_ascii_case(name) {
                    bail!("the realm at {there} is named {}, not {name}", names[1]);
                }
                Ok(Self { here, there, names, _realms: None })
            }
            _ => bail!(
                "--realm alone starts two realms; for two that run: antar bench HOST:PORT --realm NAME \
                 --at HOST:PORT, NAME being the second's"
            ),
        }
    }

    /// Starts two realms and links them.
    async fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let names = ["alpha".to_string(), "beta".to_string()];
        let realm = |name: &str| Listening::realm(name, directory.path());
        let realms = [realm(&names[0])?, realm(&names[1])?];
        let [here, there] = [0, 1].map(|n: usize| realms[n].address().to_owned());
        let mut client = setup::connect(&here).await?;
        client.register("bench", &setup::hex(&rand::random::<[u8; 16]>())).await?;
        let (host, port) = there.rsplit_once(':').context("a realm listens nowhere")?;
        let line = format!("ADDREALM {} {host} {port}", names[1]);
        client.ask(&line).await.context("the two realms do not link")?;
        Ok(Self { here, there, names, _realms: Some((realms, directory)) })
    }
}

async fn own_name(address: &str) -> Result<String> {
    let reply = setup::connect(address).await?.ask("VERSION").await?;
    Ok(reply.str("realm").context("a realm does not tell its name")?.to_owned())
}

/// Sends in turns within the first realm and to the second, and prints both rates.
///
/// # Errors
/// Where the two are not linked, or a message does not arrive, or twice.
pub async fn measure(options: &Options) -> Result<u64> {
    if (options.size as usize) < Mark::SIZE {
        bail!("texts that are to be told apart need --size {} or more", Mark::SIZE);
    }
    let (users, _) = options.population()?;
    let between = Between::find(options).await?;
    let senders = setup::people(&between.here, options, users).await?;
    let receivers = setup::people(&between.there, options, users).await?;
    let local = Rc::new(Traffic::sends_only(options, &senders));
    let across = Rc::new(Traffic::across(options, &between.names[1], &receivers));
    let mut far = Far::connect(&between, &receivers).await?;
    let mut side =
        Load::connect("local", &between.here, options, &senders, true, local.clone()).await?;

    let window = super::window(options, super::ROUNDS);
    let total = (window.warmup + window.measured) * super::ROUNDS * 2;
    let progress = report::progress(total, std::io::stderr().is_terminal());
    let (mut within, mut to) = (Tally::new()?, Tally::new()?);
    let mut delivered = Delivered::new()?;
    for _ in 0..super::ROUNDS {
        (side.name, side.traffic) = ("local", local.clone());
        within.merge(side.run(window, &progress).await?)?;
        (side.name, side.traffic) = ("sendrealm", across.clone());
        to.merge(far.round(&mut side, window, &progress, &mut delivered).await?)?;
    }
    progress.set_message("checking");
    delivered.latency = far.sample.replace(Sample::new()?).latency;
    check(&between, &receivers, delivered.arrived).await?;
    progress.finish_and_clear();
    setup::leave(&between.here, options, &senders).await;
    setup::leave(&between.there, options, &receivers).await;
    let sides = vec![("local".into(), within), ("sendrealm".into(), to)];
    let report = Report { options, users, sides, delivered: Some(delivered), half_load: None };
    report.print();
    Ok(report.failures())
}

/// The other realm: how much it has received, and what one of its users sees.
struct Far {
    client: Client,
    /// What the other realm calls the first one.
    name: String,
    sample: Rc<RefCell<Sample>>,
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

impl Far {
    async fn connect(between: &Between, receivers: &[Person]) -> Result<Self> {
        let mut client = setup::connect(&between.there).await?;
        client.resume(&receivers[0].token).await?;
        let sample = Rc::new(RefCell::new(Sample::new()?));
        let stream = TcpStream::connect(&between.there).await?;
        let line = request::with_token("WATCH", &receivers[0].token) + "\n";
        let watching = tokio::task::spawn_local(watch(stream, line, sample.clone()));
        let name = between.names[0].clone();
        let mut far = Self { client, name, sample, watching: watching.abort_handle() };
        far.received().await?;
        Ok(far)
    }

    /// How many messages of the first realm are on disk.
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

    /// One round of sending, and on until everything has arrived.
    async fn round(
        &mut self,
        side: &mut Load,
        window: Window,
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
            let due = before + tally.accepted;
            if now.0 >= due {
                let (start, began) = first.unwrap_or((before, from));
                delivered.finish(last.0 - start, last.1 - began, last.1 - *ended);
                delivered.arrived += now.0 - before;
                break;
            }
            if now.1 - last.1 > STALLED {
                bail!("{} of {} messages have not arrived", due - now.0, tally.accepted);
            }
        }
        sent.map(|(tally, _)| tally).context("nothing was sent")
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

/// Reads what every user has received: each message once, and as many as were accepted.
async fn check(between: &Between, receivers: &[Person], accepted: u64) -> Result<()> {
    let mut seen = HashSet::new();
    for person in receivers {
        let mut client = setup::connect(&between.there).await?;
        client.resume(&person.token).await?;
        let mut after = 0;
        loop {
            let page = client.inbox_realm(&between.names[0], History::after(after)).await?;
            for message in &page.messages {
                let mark = Mark::read(message.text.as_bytes());
                let mark = mark.with_context(|| format!("{:?} was not sent", message.text))?;
                if !seen.insert(mark.key()) {
                    bail!(
                        "message {} of connection {} is there twice",
                        mark.serial,
                        mark.connection
                    );
                }
            }
            after = page.messages.last().and_then(|message| message.id).unwrap_or(after);
            if !page.more {
                break;
            }
        }
    }
    match seen.len() as u64 {
        there if there == accepted => Ok(()),
        there => bail!("{accepted} messages arrived, and {there} are in the inboxes"),
    }
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
