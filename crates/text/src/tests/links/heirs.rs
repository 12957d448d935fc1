//! Names that were somebody else's: what was for the former, and what is for the one who has it now.

use crate::deliveries;
use crate::tests::Realm;
use antar_domain::links::Position;
use antar_domain::testing::{BETA, BETAS};
use antar_types::{Capabilities, Chain, Entry, EntryKind, Name, Notice, Text, Time};

/// Alpha linked with beta; whoever was amy is gone, and somebody else is amy now, on connection 2.
struct World {
    alpha: Realm,
    at: Position,
}

impl World {
    fn new(before: impl FnOnce(&mut Realm)) -> Self {
        let mut alpha = Realm::linked(&["amy"]);
        alpha.login(1, "amy");
        before(&mut alpha);
        assert_eq!(alpha.operator("REMOVEUSER amy")["status"], "OK");
        alpha.pass(60);
        alpha.said(BETA);
        assert_eq!(alpha.say(2, "REGISTER AMY pw")["status"], "OK");
        Self { alpha, at: Position::default() }
    }

    /// A group that has the name of one that was closed, made by boss, who is on connection 2.
    fn with_group() -> Self {
        let mut alpha = Realm::linked(&["boss"]);
        alpha.login(2, "boss");
        assert_eq!(alpha.say(2, "ADDGROUP Amy")["status"], "OK");
        assert_eq!(alpha.say(2, "CLOSEGROUP Amy")["status"], "OK");
        alpha.pass(60);
        alpha.said(BETA);
        assert_eq!(alpha.say(2, "ADDGROUP amy")["status"], "OK");
        Self { alpha, at: Position::default() }
    }

    /// The next entry of beta's log.
    fn bring(&mut self, kind: EntryKind, time: u64, text: &str) {
        let name = |word| Name::parse(word).unwrap();
        let text = Text::parse(text, 999).unwrap();
        let (time, origin) = (Time(time), None);
        let (from, to) = (name("bob"), name("amy"));
        let entry = Entry { kind, time, from, to, text, origin, more: None };
        let chain = self.at.chain.with(&entry);
        self.at = Position { seq: self.at.seq + 1, chain };
        let mut line = Vec::new();
        deliveries(BETAS, Capabilities::NONE, &[(self.at, entry.into())], &mut line);
        let line = std::str::from_utf8(&line).unwrap();
        self.alpha.hear(BETA, line.trim_end());
        assert!(self.alpha.said(BETA).iter().any(|said| said.starts_with("CURSOR ")));
    }

    /// What the present amy has from beta.
    fn inbox(mut self) -> Vec<String> {
        self.alpha.disconnect(BETA);
        self.alpha.texts(2, "INBOXREALM beta")
    }

    /// What the present group amy has from beta.
    fn group_inbox(mut self) -> Vec<String> {
        self.alpha.disconnect(BETA);
        self.alpha.texts(2, "INBOXGROUPREALM beta amy")
    }

    fn owed(&mut self) -> u64 {
        self.alpha.operator("CHECKREALM")["data"][0]["owed"].as_u64().unwrap()
    }
}

const NEVER: u64 = 5;

#[test]
fn what_was_on_its_way_to_the_former_comes_back() {
    let mut world = World::new(|_| ());
    let asked = world.alpha.said(BETA);
    assert_eq!(asked, ["PING", "REMOTEINBOXREALM AMY alpha"]);
    world.bring(EntryKind::Private, NEVER, "secret");
    assert_eq!(world.owed(), 1);
    world.alpha.hear(BETA, r#"{"status":"OK","data":"PONG"}"#);
    world.alpha.hear(BETA, r#"{"status":"OK","data":[],"tip":2}"#);
    world.bring(EntryKind::Private, NEVER, "secret too");
    assert_eq!(world.owed(), 2);
    // What beta wrote since it was asked is for the present one, whatever its clock says.
    world.bring(EntryKind::Private, NEVER, "hello");
    assert_eq!(world.owed(), 2);
    assert_eq!(world.inbox(), ["hello"]);
}

#[test]
fn time_tells_where_clocks_agree_and_only_there() {
    for (ahead, expected) in [(0, &["late"][..]), (1_000, &["late"]), (3_600_000, &[])] {
        let mut world = World::new(|_| ());
        let made = world.alpha.time();
        let pong = format!(r#"{{"status":"OK","data":"PONG","clock":{}}}"#, made + ahead);
        world.alpha.hear(BETA, &pong);
        world.bring(EntryKind::Private, made + ahead - 1_000, "early");
        world.bring(EntryKind::Private, made + ahead + 1, "late");
        assert_eq!(world.inbox(), expected, "{ahead}");
    }
}

#[test]
fn a_notice_is_for_who_wrote_what_it_quotes() {
    let kind = EntryKind::Notice(Notice::UserNotFound);
    let notice = |text: &str| format!("Pesan tidak terkirim (User tidak ada): {text}");
    let mut world = World::new(|alpha| {
        alpha.say(1, "SENDREALM beta bob secret");
        alpha.say(1, "SENDREALM beta bob same");
    });
    world.alpha.say(2, "SENDREALM beta bob mine");
    world.alpha.say(2, "SENDREALM beta carl secret");
    for text in ["secret", "same", "mine"] {
        world.bring(kind, NEVER, &notice(text));
    }
    world.bring(kind, NEVER, &notice("ine"));
    assert_eq!(world.inbox(), [notice("mine")]);
}

#[test]
fn a_name_that_nobody_had_is_taken_as_ever() {
    let mut alpha = Realm::linked(&[]);
    alpha.say(2, "REGISTER amy pw");
    let mut world = World { alpha, at: Position { seq: 0, chain: Chain::START } };
    assert_eq!(world.alpha.said(BETA), [""; 0]);
    world.bring(EntryKind::Private, NEVER, "before you were");
    assert_eq!(world.inbox(), ["before you were"]);
}

#[test]
fn names_that_were_left_are_kept_and_let_go_of() {
    let mut world = World::new(|_| ());
    assert_eq!(world.alpha.names_kept(), (1, 0));
    world.alpha.operator("REMOVEUSER amy");
    assert_eq!(world.alpha.names_kept(), (0, 1));
    // Where no realm was ever known nothing is.
    let mut alone = Realm::with_users(&["amy"]);
    alone.operator("REMOVEUSER amy");
    assert_eq!(alone.names_kept(), (0, 0));
}

#[test]
fn what_was_on_its_way_to_a_closed_group_comes_back() {
    let mut world = World::with_group();
    let asked = world.alpha.said(BETA);
    assert_eq!(asked, ["PING", "REMOTEINBOXGROUPREALM amy alpha"]);
    let made = world.alpha.time();
    world.bring(EntryKind::Group, NEVER, "secret");
    assert_eq!(world.owed(), 1);
    world.alpha.hear(BETA, &format!(r#"{{"status":"OK","data":"PONG","clock":{made}}}"#));
    world.bring(EntryKind::Group, made, "secret too");
    world.bring(EntryKind::Group, made + 1, "hello");
    assert_eq!(world.owed(), 2);
    world.alpha.hear(BETA, r#"{"status":"OK","data":[],"tip":4}"#);
    world.bring(EntryKind::Group, NEVER, "and this");
    world.bring(EntryKind::Group, NEVER, "hello again");
    assert_eq!(world.owed(), 3);
    assert_eq!(world.group_inbox(), ["hello", "hello again"]);
}

#[test]
fn a_user_inherits_nothing_of_a_group_and_a_group_nothing_of_a_user() {
    let mut world = World::with_group();
    world.alpha.said(BETA);
    assert_eq!(world.alpha.say(3, "REGISTER amy pw")["status"], "OK");
    assert_eq!(world.alpha.operator("REMOVEUSER amy")["status"], "OK");
    assert_eq!(world.alpha.say(2, "CLOSEGROUP amy")["status"], "OK");
    // The name of the user, and that of the group.
    assert_eq!(world.alpha.names_kept(), (0, 2));
    assert_eq!(world.alpha.say(3, "REGISTER amy pw")["status"], "OK");
    assert_eq!(world.alpha.names_kept(), (1, 1));
    assert_eq!(world.alpha.say(2, "ADDGROUP amy")["status"], "OK");
    assert_eq!(world.alpha.names_kept(), (2, 0));
}
