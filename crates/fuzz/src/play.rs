//! Inputs that are lines said to a realm by several who are connected with it.
//!
//! An input is text. The first letter of each line says who it is from: a digit is whoever stands for it
//! in [`crate::world`], `!` is the world itself, and what follows is what is said.

use crate::checks;
use crate::world::{BETA, CALLED, PEOPLE, World};
use antar_domain::Event;
use antar_domain::links::Position;
use antar_store::{MemoryEngine, Store};
use antar_text::{Frame, json};
use antar_types::{Chain, Name, words};
use std::sync::LazyLock;

/// What every input begins with.
pub struct Loaded {
    events: Vec<Event>,
    /// The tokens of amy and of bob.
    pub tokens: Vec<String>,
    /// Of alpha's log for beta.
    epoch: String,
}

pub static LOADED: LazyLock<Loaded> = LazyLock::new(|| {
    let name = Name::parse("alpha").map(Event::RealmNamed);
    let name = Vec::from_iter(name);
    let mut world = World::new(&name);
    FIRST.lines().for_each(|line| say(&mut world, None, line.as_bytes()));
    let (store, _) =
        Store::open(Box::new(MemoryEngine::default())).unwrap_or_else(|e| panic!("{e}"));
    store.commit(&[name, world.events].concat()).unwrap_or_else(|e| panic!("{e}"));
    let events = store.reload().unwrap_or_else(|e| panic!("{e}"));
    let epoch = events.iter().find_map(|event| match event {
        Event::EpochBegun(_, epoch) => Some(epoch.to_string()),
        _ => None,
    });
    assert_eq!(world.tokens.len(), 2, "both log in");
    Loaded { events, tokens: world.tokens, epoch: epoch.unwrap_or_default() }
});

/// How it came about.
const FIRST: &str = r#"0USER ADD amy admin pw
0USER ADD bob user pw
0USER ADD cat user pw
1AUTH amy pw
2AUTH bob pw
1ADDGROUP staff pw
2JOINGROUP staff pw
1SEND bob hello
0INVITEREALM 192.0.2.9 8889
!L[["private",7,"kim","amy","hi"],["group",8,"kim","staff","all"]]
1SENDREALM beta kim hello
2SENDREALM beta kim again
7ackrealm old 127.0.0.1 8889 127.0.0.1 9
1SENDGROUPREALM old staff hello there"#;

/// Plays an input and asserts what must hold in the end.
pub fn play(input: &[u8]) {
    let loaded = &*LOADED;
    let mut world = World::new(&loaded.events);
    for line in input.split(|byte| *byte == b'\n').take(64) {
        say(&mut world, Some(loaded), line);
    }
    world.settle();
    // The two checks cost as much as the rest; libFuzzer and chance see to it that all lengths occur.
    if input.len().is_multiple_of(4) {
        checks::replayed(&world, &loaded.events, input.len().is_multiple_of(32));
    }
}

/// One line of an input.
fn say(world: &mut World, loaded: Option<&Loaded>, line: &[u8]) {
    let Some((who, said)) = line.split_first() else { return };
    let text = std::str::from_utf8(said).map(words::trim);
    if let (b'!', Ok(text)) = (who, text) {
        return command(world, text);
    }
    let person = usize::from(*who) % 16 % PEOPLE;
    if !world.is_connected(person) {
        match (person, loaded) {
            (1 | 2, Some(loaded)) => {
                line_of(world, person, &format!("WHOAMI {}", loaded.tokens[person - 1]))
            }
            (BETA, _) => link(world),
            _ => {}
        }
    }
    match text {
        Ok("") => {}
        Ok(text) if text.contains('%') => line_of(world, person, &filled(world, loaded, text)),
        Ok(text) => line_of(world, person, text),
        Err(_) => world.frame(person, Frame::BadEncoding),
    }
}

fn line_of(world: &mut World, person: usize, line: &str) {
    world.frame(person, Frame::Line(line.into()));
}

/// What the world does.
fn command(world: &mut World, text: &str) {
    let rest = text.get(1..).unwrap_or_default();
    let number = || usize::from(rest.bytes().next().unwrap_or(b'5')) % 16 % PEOPLE;
    match text.as_bytes().first() {
        Some(b'T') => {
            world.pass(rest.trim().parse().map_or(250, |time: u64| time % 10_000_000_000))
        }
        Some(b'N') => world.nobody_answers(rest.starts_with('p')),
        Some(b'C') => drop(world.conn(CALLED)),
        Some(b'A') => world.answer(Some(rest)),
        Some(b'E') => world.answer(None),
        Some(b'X') => world.disconnect(number()),
        Some(b'B') => world.frame(number(), Frame::TooLong),
        Some(b'L') => deliver(world, rest),
        _ => {}
    }
}

/// Beta calls, and its log is as far as it was told.
fn link(world: &mut World) {
    world.told = None;
    line_of(world, BETA, "ACKREALM alpha 192.0.2.9 8889 192.0.2.1 8889 from=beta");
    let Some((epoch, at)) = world.told.clone() else { return };
    let epoch = if epoch.bytes().all(|b| b == b'0') { "0000000000000007" } else { &epoch };
    let (n, chain, none) = (at.seq, at.chain.to_string(), Chain::START.to_string());
    let answer = json!({"status": "OK", "epoch": epoch, "from": n, "chain": chain, "tip": n,
        "floor": 0, "floor_chain": none});
    world.told = Some((epoch.into(), at));
    line_of(world, BETA, &answer.to_string());
}

/// Beta delivers a list of entries that follows what it has delivered, its hash and all.
fn deliver(world: &mut World, list: &str) {
    if !world.is_connected(BETA) {
        link(world);
    }
    let Some((epoch, at)) = &world.told else { return };
    let entries = antar_text::read_entries(list, 1 << 20).unwrap_or_default();
    let chain = entries.iter().fold(at.chain, |chain, entry| entry.chain(chain));
    let line = format!("DELIVER {epoch} {} {chain} {list}", at.seq + 1);
    line_of(world, BETA, &line);
}

/// A line with the words of positions filled in: `%e`, `%n` and `%h` of beta's log, `%E`, `%N` and `%H` of
/// alpha's, `%t` and `%u` the tokens of amy and bob.
fn filled(world: &World, loaded: Option<&Loaded>, text: &str) -> String {
    let (epoch, at) = world.told.clone().unwrap_or_default();
    let own = world.owed().unwrap_or_default();
    let Some(loaded) = loaded else { return text.into() };
    let of = |at: Position| (at.seq.to_string(), at.chain.to_string());
    let ((n, h), (own_n, own_h)) = (of(at), of(own));
    [
        ("%e", &epoch),
        ("%n", &n),
        ("%h", &h),
        ("%E", &loaded.epoch),
        ("%N", &own_n),
        ("%H", &own_h),
        ("%t", &loaded.tokens[0]),
        ("%u", &loaded.tokens[1]),
    ]
    .iter()
    .fold(text.to_string(), |line, (mark, word)| line.replace(mark, word))
}
