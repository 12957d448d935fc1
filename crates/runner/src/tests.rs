//! What a driver may rely on.

use crate::{Load, Place, Room, Runner, Task, Writer, Written};
use antar_domain::{
    ConnId, Effects, Event, Input, Job, JobResult, Limits, Mode, Origin, Output, PasswordHash,
    Policy, Readings, State,
};
use antar_text::Door;
use antar_text::Frame;
use antar_types::{Code, Name, Time};
use std::time::Duration;

const FAST: Duration = Duration::from_micros(300);
const SLOW: Duration = Duration::from_millis(5);

/// A realm with an operator (connection 0), and what it has on disk.
struct Realm {
    runner: Runner,
    writer: Writer,
    now: u64,
    disk: Vec<Event>,
}

fn readings(now: &mut u64) -> Readings {
    *now += 1;
    let mut entropy = [0; 32];
    entropy[..8].copy_from_slice(&now.to_be_bytes());
    Readings { now: Time(*now), uptime: *now, entropy }
}

impl Realm {
    fn new(one_thread: bool) -> Self {
        let mut state = State::new(Limits::default(), Policy::local(), []);
        let mut named = Effects::default();
        state.name_realm(Name::parse("alpha").unwrap(), &mut named).unwrap();
        let runner = Runner::new(state, one_thread);
        let writer = runner.writer();
        let mut realm = Self { runner, writer, now: 1_000, disk: named.events };
        realm.input(Input::Connected(ConnId(0), Origin::Operator));
        realm
    }

    /// A realm whose users' password is `pw`: amy is logged in on connection 1 and bob watches on 2.
    fn with_users(one_thread: bool) -> Self {
        let mut realm = Self::new(one_thread);
        let here = Origin::Client(std::net::Ipv4Addr::LOCALHOST.into());
        for (conn, user) in [(1, "amy"), (2, "bob")] {
            realm.say(0, &format!("ADDUSER {user} user pw"));
            realm.input(Input::Connected(ConnId(conn), here));
            realm.say(conn, &format!("AUTH {user} pw"));
        }
        realm.say(2, "WATCH");
        realm
    }

    fn input(&mut self, input: Input) {
        let Self { runner, now, .. } = self;
        runner.input(input, &mut || readings(now));
    }

    fn line(&mut self, conn: u64, line: &str) {
        let request = Door::default().read(Frame::Line(line.into())).unwrap();
        self.input(Input::Request(ConnId(conn), request));
    }

    /// What may be known, as the connection and a word for it.
    fn released(&mut self) -> Vec<(u64, &'static str)> {
        let mut all = Vec::new();
        loop {
            let Self { runner, now, .. } = self;
            match runner.release(&mut || readings(now)) {
                None => return all,
                Some(Output::Reply(conn, _, outcome)) => {
                    let refused = outcome.refusal().map(Code::as_str);
                    all.push((conn.0, refused.unwrap_or("ok")));
                }
                Some(Output::Notify(conn, ..)) => all.push((conn.0, "notified")),
                Some(Output::Spread(spread)) => {
                    all.extend(spread.all().map(|(conn, ..)| (conn.0, "notified")));
                }
                Some(Output::Read(conn, ..)) => all.push((conn.0, "read")),
                Some(Output::Job { conn, request, mut results, job }) => {
                    all.push((conn.0, "job"));
                    results.push(prove(*job));
                    self.input(Input::Resume { conn, request, results });
                }
                // What is said in the log is not for a connection.
                Some(Output::Note { .. }) => {}
                Some(output) => panic!("{output:?}"),
            }
        }
    }

    fn write(&mut self, task: Option<Task>, took: Duration) {
        let Some(Task::Write(batch)) = task else { panic!("no batch: {task:?}") };
        self.disk.extend_from_slice(batch.events());
        self.writer.wrote(batch, Written::Committed, took);
    }

    /// Everything that a line leads to, once it is on disk.
    fn say(&mut self, conn: u64, line: &str) -> Vec<(u64, &'static str)> {
        self.line(conn, line);
        let mut all = self.released();
        while let Some(task) = self.writer.next() {
            self.write(Some(task), FAST);
            self.runner.settle();
            all.extend(self.released());
        }
        all
    }
}

fn prove(job: Job) -> JobResult {
    match job {
        Job::Hash { password, .. } => {
            JobResult::Hashed(PasswordHash::new(password.expose().clone()))
        }
        Job::Verify { hash, .. } => JobResult::Verified { hash, matches: true },
        _ => JobResult::Unreadable,
    }
}

#[test]
fn nothing_is_known_before_it_is_on_disk_nor_what_follows_from_it() {
    let mut realm = Realm::with_users(false);
    realm.line(1, "SEND bob one");
    assert_eq!(realm.released(), []);
    let first = realm.writer.next();
    realm.line(1, "SEND bob two");
    realm.line(2, "WHOAMI");
    assert_eq!(realm.released(), []);
    realm.write(first, FAST);
    assert_eq!(realm.released(), []);
    // A writer goes on without waiting for the runner.
    let second = realm.writer.next();
    realm.runner.settle();
    assert_eq!(realm.released(), [(2, "notified"), (1, "ok")]);
    realm.write(second, FAST);
    realm.runner.settle();
    assert_eq!(realm.released(), [(2, "notified"), (1, "ok"), (2, "ok")]);
    assert!(realm.runner.is_idle());
}

#[test]
fn what_promises_nothing_waits_for_what_is_before_it_and_for_nothing_else() {
    let mut realm = Realm::with_users(false);
    realm.line(1, "WHOAMI");
    assert_eq!(realm.released(), [(1, "ok")]);
    realm.line(1, "SEND bob one");
    let before = realm.released();
    let task = realm.writer.next();
    realm.line(2, "INBOX");
    assert_eq!((before, realm.released()), (vec![], vec![]));
    assert_eq!(realm.writer.load(), Load { events: 0, outputs: 1, under_way: 1 });
    // There is nothing to write of it.
    assert!(realm.writer.next().is_none());
    realm.write(task, FAST);
    assert!(realm.writer.next().is_none());
    realm.runner.settle();
    assert_eq!(realm.released(), [(2, "notified"), (1, "ok"), (2, "read")]);
}

#[test]
fn one_batch_is_written_at_a_time() {
    let mut realm = Realm::with_users(true);
    realm.line(1, "SEND bob one");
    realm.released();
    let first = realm.writer.next();
    realm.line(1, "SEND bob two");
    realm.released();
    assert!(realm.writer.next().is_none());
    assert!(matches!(realm.runner.place(true), Place::ByWriter));
    realm.write(first, FAST);
    // Not here before the first is settled: its outputs come first.
    assert!(matches!(realm.runner.place(true), Place::ByWriter));
    realm.runner.settle();
    realm.released();
    assert!(matches!(realm.runner.place(true), Place::Here(_)));
}

#[test]
fn the_lines_after_one_that_waits_wait() {
    let mut realm = Realm::new(false);
    realm.line(0, "ADDUSER amy user pw");
    realm.line(0, "PING");
    realm.line(0, "ADDUSER amy user pw");
    assert_eq!(realm.released(), [(0, "job")]);
    let task = realm.writer.next();
    realm.write(task, FAST);
    realm.runner.settle();
    assert_eq!(realm.released(), [(0, "ok"), (0, "ok"), (0, "user_exists")]);
}

#[test]
fn a_refused_batch_takes_everything_since_with_it() {
    let mut realm = Realm::with_users(false);
    realm.line(1, "SEND bob one");
    realm.released();
    let Some(Task::Write(batch)) = realm.writer.next() else { panic!() };
    realm.line(1, "ADDGROUP staff pw");
    realm.line(2, "INBOX");
    // Decided, and not even handed over.
    realm.line(1, "SEND bob two");
    let was = realm.disk.clone();
    realm.writer.wrote(batch, Written::Refused(Some(was.clone())), FAST);
    assert!(realm.writer.next().is_none(), "the state is not back yet");
    realm.runner.settle();
    let refused = "unavailable";
    // The group's password is worked on all the same: the line runs again.
    let all = [(1, refused), (1, "job"), (2, refused), (1, refused), (1, refused)];
    assert_eq!(realm.released(), all);
    assert_eq!(realm.runner.state().mode(), Mode::ReadOnly);
    let same = |realm: &Realm, events: Vec<Event>| {
        State::new(Limits::default(), Policy::local(), events).is_durably(realm.runner.state())
    };
    assert!(same(&realm, was.clone()));
    realm.line(1, "SEND bob three");
    realm.line(1, "INBOX");
    assert_eq!(realm.released(), [(1, refused), (1, "read")]);
    assert!(matches!(realm.writer.next(), Some(Task::Reopen)));
    realm.writer.reopened(was.clone());
    realm.runner.settle();
    assert_eq!(realm.runner.state().mode(), Mode::Open);
    assert!(same(&realm, was));
    assert_eq!(realm.say(1, "SEND bob four"), [(2, "notified"), (1, "ok")]);
}

#[test]
fn nothing_is_answered_while_nobody_knows_what_is_on_disk() {
    let mut realm = Realm::with_users(false);
    realm.line(1, "SEND bob one");
    realm.released();
    let Some(Task::Write(batch)) = realm.writer.next() else { panic!() };
    let mut on_disk = realm.disk.clone();
    on_disk.extend_from_slice(batch.events());
    // Decided before anybody knew: this never happened.
    realm.line(1, "SEND bob two");
    realm.writer.wrote(batch, Written::Unknown(None), FAST);
    realm.runner.settle();
    assert_eq!(realm.released(), [(1, "unknown"), (1, "unavailable")]);
    assert_eq!(realm.runner.state().mode(), Mode::Suspended);
    realm.line(1, "INBOX");
    assert_eq!(realm.released(), [(1, "unavailable")]);
    assert!(matches!(realm.writer.next(), Some(Task::Reopen)));
    realm.writer.reopened(on_disk);
    realm.runner.settle();
    assert_eq!(realm.runner.state().mode(), Mode::Open);
    assert_eq!(realm.say(1, "INBOX"), [(1, "read")]);
}

#[test]
fn what_is_certainly_on_disk_is_served_while_nobody_knows_of_a_batch() {
    let mut realm = Realm::with_users(false);
    realm.line(1, "SEND bob one");
    realm.line(2, "WHOAMI");
    realm.released();
    let Some(Task::Write(batch)) = realm.writer.next() else { panic!() };
    let was = realm.disk.clone();
    let mut on_disk = was.clone();
    on_disk.extend_from_slice(batch.events());
    realm.writer.wrote(batch, Written::Unknown(Some(was)), FAST);
    realm.runner.settle();
    // Whoever only asked knows that nothing was done.
    assert_eq!(realm.released(), [(1, "unknown"), (2, "unavailable")]);
    assert_eq!(realm.runner.state().mode(), Mode::ReadOnly);
    realm.line(1, "INBOX");
    assert_eq!(realm.released(), [(1, "read")]);
    assert!(matches!(realm.writer.next(), Some(Task::Reopen)));
    realm.writer.reopened(on_disk.clone());
    realm.runner.settle();
    assert_eq!(realm.runner.state().mode(), Mode::Open);
    let found = State::new(Limits::default(), Policy::local(), on_disk);
    assert!(found.is_durably(realm.runner.state()));
}

#[test]
fn a_batch_is_written_where_that_is_soonest() {
    let mut realm = Realm::with_users(true);
    let gathers = |realm: &mut Realm| matches!(realm.runner.place(false), Place::Gather);
    assert!(matches!(realm.runner.place(false), Place::Nowhere));
    realm.line(1, "SEND bob one");
    realm.released();
    assert!(gathers(&mut realm));
    let Place::Here(batch) = realm.runner.place(true) else { panic!() };
    realm.writer.wrote(batch, Written::Committed, SLOW);
    realm.runner.settle();
    realm.released();
    assert!(matches!(realm.runner.place(false), Place::Nowhere));
    // Nobody waits here for a disk that is slow.
    realm.line(1, "SEND bob two");
    realm.released();
    assert!(matches!(realm.runner.place(false), Place::ByWriter));
    let task = realm.writer.next();
    realm.write(task, FAST);
    realm.runner.settle();
    // Where more and more comes there is enough to do meanwhile.
    realm.line(1, "SEND bob three");
    realm.released();
    let rounds = (0..9).take_while(|_| gathers(&mut realm)).count();
    assert_eq!(rounds, 4);
    // Nor does anybody who has threads of his own.
    let mut realm = Realm::with_users(false);
    realm.line(1, "SEND bob one");
    realm.released();
    assert!(matches!(realm.runner.place(true), Place::ByWriter));
}

#[test]
fn what_there_is_no_room_for_waits_and_nobody_takes_all_of_it() {
    let mut realm = Realm::with_users(false);
    realm.input(Input::Connected(ConnId(3), Origin::Operator));
    realm.runner = realm.runner.with_room(Room { events: 100, outputs: 6, turn: 4 });
    // Each leads to an event, a reply and a notification: after the second it is somebody else's turn.
    (0..4).for_each(|n| realm.line(1, &format!("SEND bob {n}")));
    let decided = realm.runner.unreleased();
    realm.line(3, "PING");
    realm.line(3, "PING");
    assert!(realm.runner.unreleased() <= 6, "{}", realm.runner.unreleased());
    assert!(!realm.runner.is_idle());
    // There is no room before what was decided is on disk and released.
    assert_eq!(realm.released(), []);
    let mut order = Vec::new();
    while let Some(task) = realm.writer.next() {
        realm.write(Some(task), FAST);
        realm.runner.settle();
        order.extend(realm.released().into_iter().filter(|(_, what)| *what == "ok"));
    }
    let whose: Vec<u64> = order.iter().map(|(conn, _)| *conn).collect();
    assert_eq!((decided, whose), (4, vec![1, 1, 3, 3, 1, 1]));
    assert!(realm.runner.unreleased() == 0 && realm.runner.is_idle());
}

#[test]
fn what_waits_for_room_is_let_go_of_with_its_connection() {
    let mut realm = Realm::with_users(false);
    realm.runner = realm.runner.with_room(Room { events: 100, outputs: 2, turn: 4 });
    (0..4).for_each(|n| realm.line(1, &format!("SEND bob {n}")));
    realm.input(Input::Disconnected(ConnId(1)));
    assert_eq!(realm.released(), []);
    let task = realm.writer.next();
    realm.write(task, FAST);
    realm.runner.settle();
    realm.released();
    assert!(realm.writer.next().is_none() && realm.runner.is_idle());
}

#[test]
fn what_many_are_told_counts_for_each_and_takes_no_memory_for_each() {
    const WATCHERS: u64 = 200;
    let mut realm = Realm::with_users(false);
    realm.say(1, "ADDGROUP g");
    realm.say(2, "JOINGROUP g");
    let here = Origin::Client(std::net::Ipv4Addr::LOCALHOST.into());
    for conn in 10..10 + WATCHERS {
        realm.input(Input::Connected(ConnId(conn), here));
        realm.say(conn, "AUTH bob pw");
        realm.say(conn, "WATCH");
    }
    let before = realm.runner.unreleased();
    (0..10).for_each(|n| realm.line(1, &format!("SENDGROUP g {n}")));
    assert!(realm.runner.unreleased() - before > 10 * WATCHERS as usize);
    assert_eq!(realm.released(), []);
    let task = realm.writer.next();
    assert!(realm.writer.load().outputs < 100, "{:?}", realm.writer.load());
    realm.write(task, FAST);
    realm.runner.settle();
    let told = realm.released().iter().filter(|(_, what)| *what == "notified").count();
    assert_eq!(told, 10 * (WATCHERS as usize + 1));
    assert_eq!(realm.runner.unreleased(), 0);
}

#[test]
fn who_watches_a_group_is_known_anew_when_that_changes() {
    let mut realm = Realm::with_users(false);
    realm.say(1, "ADDGROUP g");
    for (line, is_told) in [
        ("JOINGROUP g", true),
        ("UNWATCH", false),
        ("WATCH", true),
        ("LEAVEGROUP g", false),
        ("JOINGROUP g", true),
        ("LOGOUT", false),
    ] {
        realm.say(2, line);
        for _ in 0..2 {
            let told = realm.say(1, "SENDGROUP g hello").contains(&(2, "notified"));
            assert_eq!(told, is_told, "after {line}");
        }
    }
}
