//! From one realm to another: what is sent here and counted there.
//!
//! At the end every inbox is read: each message must be there, and once.

use super::child::Listening;
use super::far::Elsewhere;
use super::load::Load;
use super::mark::Mark;
use super::options::Options;
use super::report::{self, Delivered, Report};
use super::setup::{self, Person};
use super::tally::Tally;
use super::traffic::Traffic;
use antar_client::History;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::io::IsTerminal;
use std::rc::Rc;
use tempfile::TempDir;

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
        link(&here, &names[1], &there).await?;
        Ok(Self { here, there, names, _realms: Some((realms, directory)) })
    }
}

/// Links a realm that was started for this with another.
pub async fn link(here: &str, name: &str, there: &str) -> Result<()> {
    let mut client = setup::connect(here).await?;
    let user = format!("bench-{name}");
    client.register(&user, &setup::hex(&rand::random::<[u8; 16]>())).await?;
    let (host, port) = there.rsplit_once(':').context("a realm listens nowhere")?;
    let line = format!("ADDREALM {name} {host} {port}");
    client.ask(&line).await.context("the realms do not link")?;
    Ok(())
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
    let mut far = Elsewhere::new()?;
    far.add(&between.there, &between.names[0], &receivers[0]).await?;
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
        to.merge(far.round(&mut side, window, 1, &progress, &mut delivered).await?)?;
    }
    progress.set_message("checking");
    delivered.latency = far.latency()?;
    match count((&between.there, &between.names[0]), &receivers).await? {
        there if there == delivered.arrived => {}
        there => bail!("{} messages arrived, and {there} are in the inboxes", delivered.arrived),
    }
    progress.finish_and_clear();
    setup::leave(&between.here, options, &senders).await;
    setup::leave(&between.there, options, &receivers).await;
    let sides = vec![("local".into(), within), ("sendrealm".into(), to)];
    let delivered = vec![("delivered", delivered)];
    let report = Report { options, users, sides, delivered, half_load: None };
    report.print();
    Ok(report.failures())
}

/// How many messages all users of a realm have received of another one's: each must be there once.
pub async fn count((there, from): (&str, &str), receivers: &[Person]) -> Result<u64> {
    let mut seen = HashSet::new();
    for person in receivers {
        let mut client = setup::connect(there).await?;
        client.resume(&person.token).await?;
        let mut after = 0;
        loop {
            let page = client.inbox_realm(from, History::after(after)).await?;
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
    Ok(seen.len() as u64)
}
