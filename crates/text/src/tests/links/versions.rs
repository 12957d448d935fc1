//! Tests of links with realms of another version.

use crate::tests::Realm;
use crate::{Value, deliveries};
use antar_domain::links::{Contact, Epoch, Position};
use antar_domain::testing::{BETA, BETAS};
use antar_domain::{Conversation, DialId, Effects, Event, Origin, Output};
use antar_types::{Away, Capabilities, Chain, Fingerprint, RemoteIdentity};
use std::net::IpAddr;

const BETA_IP: &str = "192.0.2.1";

/// What this version says that it can.
const ALL: &str = "kinds,origins,replies,changes,rooms";

/// Alpha, with a user; it tells these capabilities.
fn alpha(can: Capabilities) -> Realm {
    let mut alpha = Realm::with_users(&["amy"]);
    let key = Some(Fingerprint([1; 32]));
    alpha.state.introduce(Contact { key, port: 8889, can, ..Contact::default() });
    alpha.login(1, "amy");
    alpha
}

/// What alpha answers when beta calls, with this after its greeting.
pub(super) fn called(alpha: &mut Realm, conn: u64, past: &str) -> Value {
    let ip: IpAddr = BETA_IP.parse().unwrap();
    alpha.connect_from(conn, Origin::Certified(ip, Fingerprint([2; 32])));
    let line = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta again=1{past}");
    alpha.hear(conn, &line).unwrap()
}

/// What alpha says when it calls beta, which answers with this.
fn calls(alpha: &mut Realm, conn: u64, answer: &str) -> String {
    assert_eq!(alpha.say(1, &format!("ADDREALM beta {BETA_IP} 8889")), Value::Null);
    let dials = alpha.asked.extract_if(.., |output| matches!(output, Output::Dial(..)));
    let dial = dials.last().map_or(DialId(0), |output| match output {
        Output::Dial(dial, _) => dial,
        _ => DialId(0),
    });
    let peer: IpAddr = BETA_IP.parse().unwrap();
    let key = Fingerprint([2; 32]);
    alpha.connect_from(conn, Origin::Dialled { dial, key, peer, local: peer });
    let said = alpha.said(conn).remove(0);
    assert_eq!(alpha.hear(conn, answer), None);
    assert_eq!(alpha.woken().unwrap()["state"], "up");
    said
}

/// What the link's other side can, as CHECKREALM has it.
fn can(alpha: &mut Realm) -> Value {
    alpha.say(1, "CHECKREALM")["data"][0]["can"].clone()
}

#[test]
fn who_is_called_tells_what_it_can_and_hears_what_the_caller_can() {
    for (past, heard) in [
        ("", Value::Null),
        (" can:kinds,origins", "kinds,origins".into()),
        (" something can:origins,edits", "origins".into()),
        (" can:", Value::Null),
    ] {
        let mut alpha = alpha(Capabilities::ALL);
        let answer = called(&mut alpha, BETA, past);
        assert_eq!((&answer["state"], &answer["can"]), (&"up".into(), &ALL.into()));
        assert_eq!(can(&mut alpha), heard, "{past}");
    }
}

#[test]
fn who_calls_tells_what_it_can_in_a_word_that_the_first_version_ignores() {
    let mut alpha = alpha(Capabilities::ALL);
    let said = calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up"}"#);
    assert!(said.ends_with(" from=alpha can:kinds,origins,replies,changes,rooms"), "{said}");
    assert_eq!(can(&mut alpha), Value::Null);
    // Another connection is with another version of it.
    called(&mut alpha, 20, " can:kinds");
    alpha.disconnect(BETA);
    assert_eq!(can(&mut alpha), "kinds");
    alpha.disconnect(20);
    assert_eq!(can(&mut alpha), Value::Null);
}

#[test]
fn an_answer_tells_what_the_called_realm_can() {
    let mut alpha = alpha(Capabilities::ALL);
    calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up","can":"kinds,x"}"#);
    assert_eq!(can(&mut alpha), "kinds");
}

#[test]
fn a_realm_of_the_first_version_tells_nothing() {
    let mut alpha = alpha(Capabilities::NONE);
    assert_eq!(called(&mut alpha, BETA, " can:kinds").get("can"), None);
    let mut alpha = self::alpha(Capabilities::NONE);
    let said = calls(&mut alpha, BETA, r#"{"status":"OK","realm":"beta","state":"up"}"#);
    assert!(said.ends_with(" from=alpha"), "{said}");
}

/// Beta's log, as far as it was delivered.
pub(super) struct Log(Position);

impl Log {
    /// The line that brings a list of entries.
    fn deliver(&mut self, list: &str) -> String {
        let Self(at) = self;
        let entries = crate::read_entries(list, 1 << 20).unwrap();
        let first = at.seq + 1;
        at.seq += entries.len() as u64;
        at.chain = entries.iter().fold(at.chain, |chain, entry| entry.chain(chain));
        format!("DELIVER {BETAS} {first} {} {list}", at.chain)
    }

    /// The hash of it.
    pub(super) fn chain(&self) -> Chain {
        self.0.chain
    }

    /// Alpha takes a list of entries. Whether it had to look something up first.
    pub(super) fn bring(&mut self, alpha: &mut Realm, list: &str) -> bool {
        self.bring_on(alpha, BETA, list)
    }

    /// The same over another connection.
    fn bring_on(&mut self, alpha: &mut Realm, conn: u64, list: &str) -> bool {
        let line = self.deliver(list);
        alpha.said(conn);
        let answer = alpha.hear(conn, &line);
        assert!(answer.as_ref().is_none_or(Value::is_null), "{answer:?}");
        assert_eq!(alpha.said(conn), [format!("CURSOR {BETAS} {} {}", self.0.seq, self.0.chain)]);
        answer.is_some()
    }
}

/// Alpha linked with beta, whose log it follows.
pub(super) fn linked() -> (Realm, Log) {
    let mut alpha = alpha(Capabilities::ALL);
    alpha.link_peer(BETA, ("beta", 2), Capabilities::ALL, Position::default());
    (alpha, Log(Position::default()))
}

/// How many entries were set apart, and let go of, as CHECKREALM has it.
fn apart(alpha: &mut Realm) -> [u64; 2] {
    let link = alpha.say(1, "CHECKREALM")["data"][0].clone();
    ["apart", "apart_dropped"].map(|key| link.get(key).map_or(0, |count| count.as_u64().unwrap()))
}

/// What the operator was told since the last look.
fn notes(alpha: &mut Realm) -> Vec<String> {
    let notes = alpha.asked.extract_if(.., |output| matches!(output, Output::Note { .. }));
    let text = |output| match output {
        Output::Note { text, .. } => text,
        _ => String::new(),
    };
    notes.map(text).collect()
}

const BEFORE: &str = r#"["private",5,"bob","amy","before"]"#;
const AFTER: &str = r#"["private",6,"bob","amy","after"]"#;
const POLL: &str = r#"["poll",6,"bob","amy","tea or coffee",{"of":[1]}]"#;
const EDIT: &str = r#"["private",6,"bob","amy","* hello",{"kind":"edit"}]"#;

#[test]
fn an_unknown_kind_is_set_apart_and_what_comes_with_it_arrives() {
    for unknown in [POLL, EDIT] {
        let (mut alpha, mut log) = linked();
        assert_eq!(apart(&mut alpha), [0, 0]);
        log.bring(&mut alpha, &format!("[{BEFORE},{unknown},{AFTER}]"));
        let kept = alpha.posted.iter().filter_map(|event| match event {
            Event::SetApart { entry, apart, .. } => Some((entry.clone()?, *apart)),
            _ => None,
        });
        let kept: Vec<_> = kept.collect();
        let [(entry, all)] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!((&*entry.fields, entry.epoch, entry.seq), (unknown, BETAS, 2));
        assert_eq!((all.kept, all.bytes, all.dropped), (1, unknown.len() as u64, 0));
        assert_eq!(apart(&mut alpha), [1, 0]);
        // It has its place among the messages.
        alpha.disconnect(BETA);
        let inbox = alpha.say(1, "INBOXREALM beta")["data"].clone();
        let ids = [&inbox[0]["id"], &inbox[1]["id"]].map(|id| id.as_u64().unwrap());
        assert_eq!(ids, [entry.id - 1, entry.id + 1]);
        assert_eq!(alpha.texts(1, "INBOXREALM beta"), ["before", "after"]);
    }
}

#[test]
fn what_is_set_apart_is_bounded_and_told_once_in_a_while() {
    let (mut alpha, mut log) = linked();
    notes(&mut alpha);
    log.bring(&mut alpha, &format!("[{POLL}]"));
    let told = notes(&mut alpha);
    assert!(told.len() == 1 && told[0].contains("beta") && told[0].contains("poll"), "{told:?}");
    // Entries that are many, and then those that are long.
    let many = format!("[{}]", [POLL; 999].join(","));
    for _ in 0..11 {
        log.bring(&mut alpha, &many);
    }
    assert_eq!((apart(&mut alpha), notes(&mut alpha).len()), ([10_000, 990], 0));
    alpha.pass(3_600);
    log.bring(&mut alpha, &format!("[{POLL},{AFTER}]"));
    assert_eq!((apart(&mut alpha), notes(&mut alpha).len()), ([10_000, 991], 1));
    let (mut alpha, mut log) = linked();
    let long = format!(r#"[["poll",6,"bob","amy","{}"]]"#, "x".repeat(1_000_000));
    for _ in 0..5 {
        log.bring(&mut alpha, &long);
    }
    log.bring(&mut alpha, &format!("[{POLL},{AFTER}]"));
    assert_eq!(apart(&mut alpha), [5, 1]);
    alpha.disconnect(BETA);
    assert_eq!(alpha.texts(1, "INBOXREALM beta"), ["after"]);
}

#[test]
fn what_makes_no_sense_ends_the_link_as_ever() {
    for bad in [
        r#"["Poll",6,"bob","amy","x"]"#,
        r#"["private",6,"b b","amy","x"]"#,
        r#"["private",6,"bob","amy"]"#,
        r#"["private",6,"bob","amy","x",{"kind":1}]"#,
    ] {
        let (mut alpha, Log(at)) = linked();
        alpha.hear(BETA, &format!("DELIVER {BETAS} 1 {} [{bad}]", at.chain));
        let hung_up = alpha.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == BETA));
        assert!(hung_up, "{bad}");
    }
}

#[test]
fn a_realm_of_the_first_version_ends_the_link_over_what_it_does_not_know() {
    for unknown in [POLL, EDIT] {
        let mut alpha = alpha(Capabilities::NONE);
        alpha.link_beta(BETA, 0, Chain::START);
        let line = Log(Position::default()).deliver(&format!("[{unknown}]"));
        alpha.hear(BETA, &line);
        assert!(alpha.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == BETA)));
    }
}

/// The lines that bring beta what is new.
pub(super) fn sent(alpha: &mut Realm) -> String {
    let mut effects = Effects::default();
    alpha.state.flush(&mut effects);
    let mut lines = Vec::new();
    for output in effects.outputs {
        if let Output::Deliver { epoch, can, fresh, .. } = output {
            deliveries(epoch, can, &fresh, &mut lines);
        }
    }
    String::from_utf8(lines).unwrap()
}

/// Beta calls, says what it can, and follows alpha's log.
pub(super) fn followed_by(past: &str) -> Realm {
    let mut alpha = alpha(Capabilities::ALL);
    assert_eq!(called(&mut alpha, BETA, past)["status"], "OK");
    let follow = format!("FOLLOW {} 0 {}", Epoch(0), Chain::START);
    assert_eq!(alpha.hear(BETA, &follow).unwrap()["status"], "OK");
    alpha
}

/// The identities of messages from beta, as they are kept.
fn identities(alpha: &Realm) -> Vec<Option<RemoteIdentity>> {
    let posted = alpha.posted.iter().filter_map(|event| match event {
        Event::Posted(posted) => posted.message.realm.as_ref(),
        _ => None,
    });
    let identity = |realm: &Away| match realm {
        Away::FromAccount(_, identity) => Some(Some(*identity)),
        Away::From(_) => Some(None),
        _ => None,
    };
    posted.filter_map(identity).collect()
}

#[test]
fn an_entry_says_which_message_it_is_and_whose_to_who_can_take_that() {
    for (past, told) in [(" can:kinds,origins", true), (" can:kinds", false), ("", false)] {
        let mut alpha = followed_by(past);
        alpha.say(1, "ADDGROUP staff pw");
        for line in ["SENDREALM beta bob x", "SENDGROUPREALM beta staff x"] {
            let id = alpha.say(1, line)["id"].as_u64().unwrap();
            let origin = format!(r#"{{"id":{id},"by":{}}}]]"#, alpha.account("amy"));
            let line = sent(&mut alpha);
            assert!(line.trim_end().ends_with(if told { &origin } else { r#""x"]]"# }), "{line}");
        }
    }
}

#[test]
fn a_message_is_kept_with_its_identity_there() {
    let (mut alpha, mut log) = linked();
    alpha.say(1, "ADDGROUP staff pw");
    log.bring(&mut alpha, r#"[["private",6,"bob","amy","x",{"id":40,"by":7}]]"#);
    log.bring(
        &mut alpha,
        r#"[["group",6,"bob","staff","x",{"id":41,"by":7}],["group",6,"bob","staff","x"]]"#,
    );
    let identity = |id| Some(RemoteIdentity { epoch: BETAS.0, id, account: 7 });
    assert_eq!(identities(&alpha), [identity(40), identity(41), None]);
    alpha.disconnect(BETA);
    let shown = alpha.say(1, "INBOXREALM beta")["data"][0].clone();
    assert_eq!((&shown["from"], &shown["realm"]), (&"bob".into(), &"beta".into()));
}

#[test]
fn a_notice_says_of_which_message_it_tells() {
    let (mut alpha, mut log) = linked();
    alpha.hear(BETA, &format!("FOLLOW {} 0 {}", Epoch(0), Chain::START));
    log.bring(&mut alpha, r#"[["private",6,"bob","nobody","x",{"id":40,"by":7}]]"#);
    let line = sent(&mut alpha);
    assert!(line.contains(r#"[["user_not_found","#), "{line}");
    assert!(line.trim_end().ends_with(r#",{"id":40,"by":7}]]"#), "{line}");
    // Of one that did not say so it cannot.
    log.bring(&mut alpha, r#"[["private",6,"bob","nobody","x"]]"#);
    let line = sent(&mut alpha);
    assert!(line.trim_end().ends_with(r#": x"]]"#), "{line}");
}

#[test]
fn a_notice_is_for_the_account_that_it_names_and_no_other_of_that_name() {
    let (mut alpha, mut log) = linked();
    let notice = |by: u64, text: &str| {
        format!(r#"[["user_not_found",6,"nobody","amy","{text}",{{"id":40,"by":{by}}}]]"#)
    };
    let former = alpha.account("amy");
    log.bring(&mut alpha, &notice(former, "for the former"));
    assert_eq!(alpha.operator("REMOVEUSER amy")["status"], "OK");
    assert_eq!(alpha.say(2, "REGISTER amy pw")["status"], "OK");
    let present = alpha.account("amy");
    // It need not be looked up what they wrote, nor when.
    assert!(!log.bring(&mut alpha, &notice(former, "for the former too")));
    assert!(!log.bring(&mut alpha, &notice(present, "for the present one")));
    // One that names nobody is looked up as ever.
    let unnamed = r#"[["user_not_found",6,"nobody","amy","for who knows"]]"#;
    assert!(log.bring(&mut alpha, unnamed));
    alpha.disconnect(BETA);
    assert_eq!(alpha.texts(2, "INBOXREALM beta"), ["for the present one"]);
    // What a notice tells of is no message of beta's.
    assert!(identities(&alpha).iter().all(Option::is_none));
}

/// Where messages from beta went: the text, the number of the correspondent and the id here.
fn conversations(alpha: &Realm) -> Vec<(String, u64, u64)> {
    let posted = alpha.posted.iter().filter_map(|event| match event {
        Event::Posted(posted) => Some(posted),
        _ => None,
    });
    let with = posted.filter_map(|posted| match posted.conversation {
        Conversation::Peer(_, _, with) => {
            let message = &posted.message;
            Some((message.text.as_str().to_string(), with.0, message.id))
        }
        _ => None,
    });
    with.collect()
}

#[test]
fn who_has_a_name_at_a_peer_after_another_is_somebody_else() {
    let (mut alpha, mut log) = linked();
    let line = |text: &str, more: &str| format!(r#"["private",6,"bob","amy","{text}"{more}]"#);
    // As long as beta tells no accounts the name is all that is known.
    log.bring(&mut alpha, &format!("[{}]", line("a", "")));
    let [former, present] = [7, 9].map(|by| format!(r#",{{"id":40,"by":{by}}}"#));
    let both = [line("b", &former), line("c", &present), line("d", &former)];
    log.bring(&mut alpha, &format!("[{}]", both.join(",")));
    log.bring(&mut alpha, &format!("[{}]", line("e", &present)));
    let all = conversations(&alpha);
    let with = |text: &str| all.iter().find(|(is, ..)| is == text).unwrap().1;
    assert_eq!([with("b"), with("d")], [with("a"); 2]);
    assert_eq!(with("e"), with("c"));
    assert_ne!(with("c"), with("a"));
}

#[test]
fn numbers_that_come_again_or_go_back_change_nothing_but_what_is_told_of_each_message() {
    let (mut alpha, mut log) = linked();
    let numbers = [(40, 7), (40, 7), (40, 8), (39, 7), (0, 0), (u64::MAX, u64::MAX), (41, 7)];
    let entry = |(n, (id, by)): (usize, &(u64, u64))| {
        format!(r#"["private",6,"bob","amy","{n}",{{"id":{id},"by":{by}}}]"#)
    };
    let list: Vec<String> = numbers.iter().enumerate().map(entry).collect();
    log.bring(&mut alpha, &format!("[{}]", list.join(",")));
    let expected =
        numbers.map(|(id, account)| Some(RemoteIdentity { epoch: BETAS.0, id, account }));
    assert_eq!(identities(&alpha), expected);
    // Each came once, in order, with an id of this realm's own.
    let all = conversations(&alpha);
    assert!(all.iter().map(|(text, ..)| text.as_str()).eq(["0", "1", "2", "3", "4", "5", "6"]));
    assert!(all.is_sorted_by(|(.., one), (.., next)| one < next));
    // It says all of it again, which ends the link and brings nothing.
    let again = Log(Position::default()).deliver(&format!("[{}]", list.join(",")));
    alpha.hear(BETA, &again);
    assert!(alpha.asked.iter().any(|o| matches!(o, Output::HangUp(c) if c.0 == BETA)));
    assert_eq!(conversations(&alpha), all);
}

#[test]
fn two_peers_that_tell_the_same_numbers_stay_apart() {
    const GAMMA: u64 = 90;
    let (mut alpha, mut beta) = linked();
    // Its log has beta's epoch, as it says.
    alpha.link_peer(GAMMA, ("gamma", 3), Capabilities::ALL, Position::default());
    let mut gamma = Log(Position::default());
    let list = r#"[["private",6,"bob","amy","x",{"id":40,"by":7}]]"#;
    beta.bring(&mut alpha, list);
    gamma.bring_on(&mut alpha, GAMMA, list);
    let all = conversations(&alpha);
    assert!(all.len() == 2 && all[0].1 != all[1].1, "{all:?}");
    // Gamma's notice of beta's message is for nobody: the account that it names is not amy's.
    let notice = r#"[["user_not_found",6,"nobody","amy","y",{"id":40,"by":7}]]"#;
    gamma.bring_on(&mut alpha, GAMMA, notice);
    assert_eq!(conversations(&alpha), all);
}
