//! From one realm to two others: messages to a group that has members in all three, beside private messages.
//!
//! A message to the group is carried to each of the two, so it counts twice; a private one goes to a user of either. So
//! what is compared is what one message costs that is carried to one realm. At the end all inboxes are read, and the
//! group at all three: each message must be there, once and in the same order.

use super::child::Listening;
use super::far::Elsewhere;
use super::load::Load;
use super::mark::Mark;
use super::options::Options;
use super::realms;
use super::report::{self, Delivered, Report};
use super::setup::{self, Person};
use super::tally::Tally;
use super::traffic::{Traffic, group_name};
use antar_client::Value;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::io::IsTerminal;
use std::rc::Rc;
use tempfile::TempDir;

/// The realm where the group is, and the two others.
const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// A realm that was started for this, and its users.
struct Place {
    realm: Listening,
    people: Vec<Person>,
    /// How the group is called there.
    group: String,
}

/// Sends to users of two other realms and to a group with members there, in turns, and prints both rates.
///
/// # Errors
/// Where a message does not arrive, or twice, or the group is not the same everywhere.
pub async fn measure(options: &Options) -> Result<u64> {
    if (options.size as usize) < Mark::SIZE {
        bail!("texts that are to be told apart need --size {} or more", Mark::SIZE);
    }
    let (users, _) = options.population()?;
    let directory = tempfile::tempdir()?;
    let places = places(options, users, &directory).await?;
    let [host, others @ ..] = &places;
    let to = |other: &Place, name: &str| {
        let line = |person: &Person| format!("SENDREALM {name} {}", person.name);
        other.people.iter().map(line).collect::<Vec<_>>()
    };
    let private = NAMES[1..].iter().zip(others).flat_map(|(name, other)| to(other, name));
    let private = Rc::new(Traffic::marked(options, private.collect()));
    let room = Rc::new(Traffic::marked(options, vec![format!("POST #{} :", host.group)]));
    let mut far = Elsewhere::new()?;
    for other in others {
        far.add(other.realm.address(), NAMES[0], &other.people[0]).await?;
    }
    let at = host.realm.address();
    let mut side =
        Load::connect("private", at, options, &host.people, true, private.clone()).await?;

    let window = super::window(options, super::ROUNDS);
    let total = (window.warmup + window.measured) * super::ROUNDS * 2;
    let progress = report::progress(total, std::io::stderr().is_terminal());
    let mut tallies = [Tally::new()?, Tally::new()?];
    let mut delivered = [Delivered::new()?, Delivered::new()?];
    let what = [("private", &private, 1), ("room", &room, others.len() as u64)];
    for _ in 0..super::ROUNDS {
        for (n, (name, traffic, each)) in what.into_iter().enumerate() {
            (side.name, side.traffic) = (name, traffic.clone());
            let arrived = &mut delivered[n];
            tallies[n].merge(far.round(&mut side, window, each, &progress, arrived).await?)?;
            arrived.latency.add(&far.latency()?)?;
        }
    }
    progress.set_message("checking");
    check(&places, &tallies).await?;
    progress.finish_and_clear();
    let [private, room] = tallies;
    let sides = vec![("sendrealm".into(), private), ("post".into(), room)];
    let [private, room] = delivered;
    let delivered = vec![("private", private), ("room", room)];
    let report = Report { options, users, sides, delivered, half_load: None };
    report.print();
    Ok(report.failures())
}

/// Starts the realms, links the first with the others, and makes a group with all users of all of them.
async fn places(options: &Options, users: usize, directory: &TempDir) -> Result<[Place; 3]> {
    let mut places = Vec::new();
    for name in NAMES {
        let realm = Listening::realm(name, directory.path())?;
        let people = setup::people(realm.address(), options, users).await?;
        places.push(Place { realm, people, group: String::new() });
    }
    let (host, others) = places.split_first_mut().context("no realms")?;
    host.group = group_name(&host.people, users, 0);
    enter(host, &format!("ADDGROUP {}", host.group), 0..1).await?;
    enter(host, &format!("GROUPSET {} realms=linked", host.group), 0..1).await?;
    enter(host, &format!("JOINGROUP {}", host.group), 1..users).await?;
    for (name, other) in NAMES[1..].iter().zip(others) {
        other.group = format!("{}@{}", host.group, NAMES[0]);
        realms::link(host.realm.address(), name, other.realm.address()).await?;
        enter(other, &format!("JOINGROUP {}", other.group), 0..users).await?;
    }
    places.try_into().map_err(|_| anyhow::anyhow!("not three realms"))
}

/// Has some of a realm's users ask for something.
async fn enter(place: &Place, line: &str, who: std::ops::Range<usize>) -> Result<()> {
    for person in &place.people[who] {
        let mut client = setup::connect(place.realm.address()).await?;
        client.resume(&person.token).await?;
        client.ask(line).await.with_context(|| format!("cannot make the group: {line}"))?;
    }
    Ok(())
}

/// Reads all that came of both.
async fn check(places: &[Place; 3], [private, room]: &[Tally; 2]) -> Result<()> {
    let [host, others @ ..] = places;
    let mut inboxes = 0;
    for other in others {
        let there = (other.realm.address(), NAMES[0]);
        inboxes += realms::count(there, &other.people).await?;
    }
    if inboxes != private.accepted {
        bail!("{} messages were taken, and {inboxes} are in the inboxes", private.accepted);
    }
    let said = said(host).await?;
    if said.len() as u64 != room.accepted || said.iter().collect::<HashSet<_>>().len() != said.len()
    {
        bail!("{} messages were taken, and {} are in the group", room.accepted, said.len());
    }
    for (name, other) in NAMES[1..].iter().zip(others) {
        if self::said(other).await? != said {
            bail!("the group is another at {name}");
        }
    }
    Ok(())
}

/// The messages in the group, as they are at one of the realms.
async fn said(place: &Place) -> Result<Vec<u64>> {
    let mut client = setup::connect(place.realm.address()).await?;
    client.resume(&place.people[0].token).await?;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let line = format!("HISTORY #{} after={after} limit=1000", place.group);
        let page = client.ask(&line).await?;
        for message in page.data().and_then(Value::as_array).into_iter().flatten() {
            let mark = message["message"].as_str().and_then(|text| Mark::read(text.as_bytes()));
            all.push(mark.with_context(|| format!("{message} was not sent"))?.key());
            after = message["id"].as_u64().unwrap_or(after);
        }
        if !page.flag("more") {
            return Ok(all);
        }
    }
}
