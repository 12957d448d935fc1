//! Rooms: one group with people of three realms, of which one after the other dies.

use crate::conn::Conn;
use crate::links::{done, links};
use crate::realm::{PATIENCE, Realm, refusal};
use antar_client::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A realm, and its user who is in the room.
struct Side {
    realm: Realm,
    user: &'static str,
    conn: Conn,
    /// How the room is called here.
    room: &'static str,
}

impl Side {
    fn new(name: &'static str, user: &'static str, room: &'static str) -> Self {
        let realm = Realm::named(name, "");
        let conn = realm.user(user);
        Self { realm, user, conn, room }
    }

    fn start_again(&mut self) {
        self.realm.start();
        self.conn = self.realm.connect();
        self.conn.login(self.user);
    }

    fn posts(&mut self, text: &str) {
        self.conn.expect_ok(&format!("POST #{} ref={text} : {text}", self.room));
    }

    /// What is said in the room, each as who says what, in order; nothing while something waits for its place.
    fn said(&mut self, name: &str) -> Option<Vec<String>> {
        let all = self.conn.expect_ok(&format!("HISTORY #{} limit=1000", self.room));
        let all = all["data"].as_array().unwrap().clone();
        let shown = |message: &Value| {
            let realm = message["realm"].as_str().unwrap_or(name);
            let (from, text) = (&message["from"], &message["message"]);
            format!("{}@{realm} {}", from.as_str().unwrap(), text.as_str().unwrap())
        };
        let waits = all.iter().any(|message| message["pending"] == true);
        (!waits).then(|| all.iter().map(shown).collect())
    }

    /// Who is in the room, each with a realm.
    fn members(&mut self, name: &str) -> Vec<String> {
        let all = self.conn.expect_ok(&format!("MEMBERS {}", self.room))["data"].clone();
        let shown = |member: &Value| match member.as_str().unwrap() {
            own if !own.contains('@') => format!("{own}@{name}"),
            other => other.into(),
        };
        all.as_array().unwrap().iter().map(shown).collect()
    }
}

const NAMES: [&str; 3] = ["beta", "alpha", "gamma"];

fn three() -> [Side; 3] {
    let users = ["zoe", "amy", "bob"];
    let rooms = ["staff", "staff@beta", "staff@beta"];
    let mut sides = std::array::from_fn(|i| Side::new(NAMES[i], users[i], rooms[i]));
    let [beta, alpha, gamma] = &mut sides;
    for other in [&alpha.realm, &gamma.realm] {
        done(other, &["add", "beta", beta.realm.address()]);
    }
    beta.conn.expect_ok("ADDGROUP staff");
    assert_eq!(alpha.conn.ask("JOINGROUP staff@beta")["code"], "group_not_found");
    let set = beta.conn.expect_ok("GROUPSET staff realms=linked");
    assert_eq!(set["realms"], "linked");
    for side in [alpha, gamma] {
        side.conn.expect_ok("JOINGROUP staff@beta");
    }
    sides
}

/// Waits until all have the same, and nothing waits.
fn until_alike(sides: &mut [Side; 3], count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [beta, alpha, gamma] = [0, 1, 2].map(|i| sides[i].said(NAMES[i]));
        if let Some(all) = beta.clone().filter(|all| all.len() == count)
            && (&alpha, &gamma) == (&beta, &beta)
        {
            return all;
        }
        assert!(Instant::now() < deadline, "{beta:?}\n{alpha:?}\n{gamma:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_room_is_the_same_everywhere_whichever_realm_was_killed() {
    let mut sides = three();
    for side in &mut sides {
        side.posts("first");
    }
    let mut count = 3;
    until_alike(&mut sides, count);
    for dead in [0, 1, 2, 0] {
        for n in 0..4 {
            sides.iter_mut().for_each(|side| side.posts(&format!("{count}-{n}-a")));
        }
        sides[dead].realm.kill();
        for (i, side) in sides.iter_mut().enumerate().filter(|(i, _)| *i != dead) {
            (0..4).for_each(|n| side.posts(&format!("{count}-{n}-b{i}")));
            // Whoever asks again what was not answered has posted nothing more.
            side.posts(&format!("{count}-0-b{i}"));
        }
        sides[dead].start_again();
        count += 4 * 3 + 4 * 2;
        until_alike(&mut sides, count);
    }
    let all = until_alike(&mut sides, count);
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), all.len());
    // Who is taken out of it reads and hears no more of it.
    sides[0].conn.expect_ok("ROLE staff amy@alpha moderator");
    let kick = sides[1].conn.expect_ok("KICK staff@beta bob@gamma");
    assert_eq!(kick.get("pending"), None);
    for i in [0, 1] {
        assert_eq!(sides[i].members(NAMES[i]), ["zoe@beta", "amy@alpha"]);
    }
    let deadline = Instant::now() + PATIENCE;
    while sides[2].conn.ask("HISTORY #staff@beta")["code"] != "group_not_found" {
        assert!(Instant::now() < deadline);
    }
    for side in &mut sides {
        side.realm.stop();
        let checked = side.realm.command("check").output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success(), "{said}");
    }
}

impl Side {
    /// What is said in the room and not marked as lost, and what is; nothing while something waits for its place.
    fn said_and_lost(&mut self) -> Option<(Vec<String>, Vec<String>)> {
        let all = self.conn.expect_ok(&format!("HISTORY #{} limit=1000", self.room));
        let all = all["data"].as_array().unwrap().clone();
        if all.iter().any(|message| message["pending"] == true) {
            return None;
        }
        // What was placed anew says nothing where it was before.
        let all = all.into_iter().filter(|message| message["deleted"] != true);
        let all: Vec<Value> = all.collect();
        let (lost, kept): (Vec<_>, Vec<_>) =
            all.iter().partition(|message| message["lost"] == true);
        let texts = |all: Vec<&Value>| {
            all.iter().map(|message| message["message"].as_str().unwrap().to_owned()).collect()
        };
        Some((texts(kept), texts(lost)))
    }
}

#[test]
fn what_a_restored_host_has_lost_is_kept_by_the_others_and_says_so() {
    let mut sides = three();
    for side in &mut sides {
        side.posts("first");
    }
    until_alike(&mut sides, 3);
    let kept = tempfile::tempdir().unwrap();
    let kept = kept.path().join("kept");
    let host = &sides[0].realm;
    assert!(host.command("backup").arg(&kept).output().unwrap().status.success());
    for n in 0..150 {
        sides[0].posts(&format!("lost-{n}"));
    }
    // The host has lost these as well, but their realms have not.
    for n in 0..20 {
        sides[1].posts(&format!("alpha-{n}"));
        sides[2].posts(&format!("gamma-{n}"));
    }
    until_alike(&mut sides, 193);
    sides[0].realm.stop();
    std::fs::rename(sides[0].realm.data(), sides[0].realm.data().with_extension("old")).unwrap();
    let restored = sides[0].realm.command("restore").arg(&kept).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    sides[1].posts("meanwhile");
    sides[0].start_again();
    sides.iter_mut().for_each(|side| side.posts("after"));
    let lost: Vec<String> = (0..150).map(|n| format!("lost-{n}")).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [beta, alpha, gamma] = [0, 1, 2].map(|i| sides[i].said_and_lost());
        if let (Some(beta), Some(alpha), Some(gamma)) = (&beta, &alpha, &gamma)
            && beta.0.len() == 47
            && beta.1.is_empty()
            && [alpha, gamma].iter().all(|copy| copy.0 == beta.0 && copy.1 == lost)
        {
            break;
        }
        assert!(Instant::now() < deadline, "{beta:?}\n{alpha:?}\n{gamma:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    for side in &mut sides {
        side.realm.stop();
        let checked = side.realm.command("check").output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// What `antar group` prints.
fn group(on: &Realm, arguments: &[&str]) -> String {
    let output = on.command("group").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_operator_sees_which_groups_have_members_of_which_realms_and_says_so() {
    let [mut beta, alpha, mut gamma] = three();
    let mut bea = alpha.realm.user("bea");
    bea.expect_ok("JOINGROUP staff@beta");
    let rooms = |on: &Realm, realm: &str| {
        let all = links(on);
        all.into_iter().find(|link| link["realm"] == realm).unwrap()["rooms"].clone()
    };
    let room = |group: &str, members: u8| json!([{"group": group, "members": members}]);
    assert_eq!(rooms(&beta.realm, "alpha"), room("staff", 2));
    assert_eq!(rooms(&beta.realm, "gamma"), room("staff", 1));
    assert_eq!(rooms(&alpha.realm, "beta"), room("staff@beta", 2));
    let table = done(&beta.realm, &["list"]);
    assert!(table.contains("  groups here with members of alpha: #staff (2)\n"), "{table}");
    let table = done(&alpha.realm, &["list"]);
    assert!(table.contains("  groups of beta with members here: #staff@beta (2)\n"), "{table}");
    // Which groups there are is not for everybody.
    assert_eq!(beta.conn.expect_ok("CHECKREALM")["data"][0].get("rooms"), None);

    let shown: Value = group(&beta.realm, &["show", "staff", "--json"]).parse().unwrap();
    assert_eq!((&shown["realms"], &shown["members"]), (&"linked".into(), &4.into()));
    assert_eq!(shown["elsewhere"], 3);
    let listed = group(&beta.realm, &["list"]);
    assert!(listed.contains("  zoe (realms: linked; members elsewhere: 3)\n"), "{listed}");
    let shown = group(&alpha.realm, &["show", "#staff@beta"]);
    assert!(shown.contains("elsewhere 2\n"), "{shown}");
    let listed = group(&alpha.realm, &["list"]);
    assert!(listed.contains("  zoe@beta (members elsewhere: 2)\n"), "{listed}");

    group(&beta.realm, &["silence", "staff", "bea@alpha", "5"]);
    let deadline = Instant::now() + PATIENCE;
    while bea.ask("POST #staff@beta : hello")["code"] != "silenced" {
        assert!(Instant::now() < deadline);
    }
    let set = group(&beta.realm, &["set", "staff", "--realms", "alpha"]);
    assert!(set.ends_with("realms    alpha\n"), "{set}");
    assert_eq!(beta.members("beta"), ["zoe@beta", "amy@alpha", "bea@alpha"]);
    assert_eq!(rooms(&beta.realm, "gamma"), Value::Null);
    let deadline = Instant::now() + PATIENCE;
    while gamma.conn.ask("HISTORY #staff@beta")["code"] != "group_not_found" {
        assert!(Instant::now() < deadline);
    }
    let mut set = beta.realm.command("group");
    let said = refusal(&set.args(["set", "staff", "--realms", "alpha,"]).output().unwrap());
    assert!(said.contains("nothing was changed"), "{said}");
    let mut set = alpha.realm.command("group");
    let said = refusal(&set.args(["set", "staff@beta", "--realms", "none"]).output().unwrap());
    assert!(said.contains("looked after there"), "{said}");
}

#[test]
fn a_group_of_another_realm_is_named_as_such_wherever_one_here_is_named() {
    let [mut beta, mut alpha, _gamma] = three();
    // Another group of that name.
    alpha.conn.expect_ok("ADDGROUP staff");
    let mut watch = alpha.realm.connect();
    watch.login("amy");
    watch.expect_ok("WATCH");
    for group in ["staff", "staff@beta"] {
        let sent = alpha.conn.expect_ok(&format!("SENDGROUP {group} in {group}"));
        assert_eq!(sent["group"], group);
        let event = watch.next();
        assert_eq!((&event["box"], &event["to"]), (&"group".into(), &group.into()), "{event}");
        assert_eq!(event["message"], format!("in {group}"));
        let inbox = alpha.conn.expect_ok(&format!("INBOXGROUP {group}"));
        assert_eq!(inbox["data"][0]["to"], group, "{inbox}");
        // It is the current group now.
        assert_eq!(alpha.conn.expect_ok("group send again")["group"], group);
        assert_eq!(watch.next()["to"], group);
        let inbox = alpha.conn.expect_ok(&format!("group inbox {group}"));
        assert_eq!(inbox["message"][0]["msg_to"], group, "{inbox}");
    }
    // Where it was made it is as any other.
    let inbox = beta.conn.expect_ok("INBOXGROUP staff");
    assert_eq!(inbox["data"][0]["to"], "staff", "{inbox}");
}

#[test]
fn a_bot_answers_in_the_group_in_which_it_was_told() {
    let [mut beta, alpha, _gamma] = three();
    // Another group of that name.
    let mut bot = alpha.realm.user("bot");
    bot.expect_ok("ADDGROUP staff");
    bot.expect_ok("JOINGROUP staff@beta");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(alpha.realm.address()).await.unwrap();
        client.login("bot", "pw").await.unwrap();
        client.watch().await.unwrap();
        beta.conn.expect_ok("SENDGROUP staff who is here?");
        let event = client.next_event().await.unwrap();
        client.answer(&event, "the bot").await.unwrap();
    });
    let deadline = Instant::now() + PATIENCE;
    while texts(&mut beta.conn, "#staff") != ["who is here?", "the bot"] {
        assert!(Instant::now() < deadline);
    }
}

/// What a realm that was away is told is read from the disk, where the messages of all groups lie beside each other.
#[test]
fn a_realm_that_was_away_for_thousands_of_messages_is_told_each_in_its_group() {
    let [mut beta, mut alpha, gamma] = three();
    drop(gamma);
    beta.conn.expect_ok("ADDGROUP other");
    beta.conn.expect_ok("GROUPSET other realms=linked");
    alpha.conn.expect_ok("JOINGROUP other@beta");
    alpha.realm.stop();
    let filler = "x".repeat(700);
    let said = |n: usize| format!("{n} {filler}");
    let lines = (0..2_000).map(|n| format!("POST #{} : {}\n", GROUPS[n % 2], said(n)));
    beta.conn.send(lines.collect::<String>().as_bytes());
    (0..2_000).for_each(|_| assert_eq!(beta.conn.next()["status"], "OK"));
    // Of a message that was edited the new text is told.
    let newest = beta.conn.expect_ok("HISTORY #other limit=1");
    beta.conn.expect_ok(&format!("EDIT #other {} : edited", newest["data"][0]["id"]));
    alpha.start_again();
    for (of, group) in GROUPS.iter().enumerate() {
        let mut expected: Vec<String> = (0..1_000).map(|n| said(2 * n + of)).collect();
        if *group == "other" {
            *expected.last_mut().unwrap() = "edited".into();
        }
        let deadline = Instant::now() + PATIENCE;
        while texts(&mut alpha.conn, &format!("#{group}@beta")) != expected {
            assert!(Instant::now() < deadline);
        }
    }
}

const GROUPS: [&str; 2] = ["staff", "other"];

/// All that is said in a conversation.
fn texts(conn: &mut Conn, conversation: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = conn.expect_ok(&format!("HISTORY {conversation} after={after} limit=1000"));
        for message in page["data"].as_array().unwrap() {
            all.push(message["message"].as_str().unwrap().to_owned());
            after = message["id"].as_u64().unwrap();
        }
        if page["more"] != true {
            return all;
        }
    }
}

/// Has a running realm refuse rooms with others.
fn refuse(realm: &Realm, realms: &str) {
    let text = format!(
        "log = \"info\"\n[passwords]\nmemory_kib = 8\niterations = 1\n[rooms]\nrefuse = [{realms}]\n"
    );
    std::fs::write(realm.config(), text).unwrap();
    realm.signal(Signal::HUP);
    realm.until_logged("rooms.refuse");
}

/// Waits until a user reads nothing of a room any more.
fn until_gone(side: &mut Side) {
    let deadline = Instant::now() + PATIENCE;
    let line = format!("HISTORY #{}", side.room);
    while side.conn.ask(&line)["code"] != "group_not_found" {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_realm_refuses_rooms_with_another() {
    let [mut beta, mut alpha, mut gamma] = three();
    // Groups there: who is in one is taken out of it, and the host is told.
    refuse(&alpha.realm, r#""Beta""#);
    until_gone(&mut alpha);
    let refused = alpha.conn.ask("JOINGROUP staff@beta");
    assert_eq!(refused["code"], "forbidden");
    let why = "whoever administers this realm refuses groups of beta";
    assert_eq!(refused["error"], why);
    let deadline = Instant::now() + PATIENCE;
    while beta.members("beta") != ["zoe@beta", "bob@gamma"] {
        assert!(Instant::now() < deadline);
    }
    // Members here: they are taken out, and nobody else comes in.
    refuse(&beta.realm, r#""gamma""#);
    until_gone(&mut gamma);
    assert_eq!(beta.members("beta"), ["zoe@beta"]);
    assert_eq!(gamma.conn.ask("JOINGROUP staff@beta")["code"], "group_not_found");
    // It is no matter of the link.
    gamma.conn.expect_ok("SENDREALM beta zoe hello");
    for side in [&alpha, &beta] {
        refuse(&side.realm, "");
    }
    for side in [&mut alpha, &mut gamma] {
        side.conn.expect_ok("JOINGROUP staff@beta");
    }
    // All of them at once.
    refuse(&beta.realm, r#""*""#);
    until_gone(&mut alpha);
    until_gone(&mut gamma);
    assert_eq!(beta.members("beta"), ["zoe@beta"]);
}
