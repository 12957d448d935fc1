//! Tests of what is done to messages that cross a link, and of what they are besides texts.

use super::versions::{called, followed_by, linked, sent};
use crate::Value;
use crate::tests::Realm;
use antar_domain::Event;
use antar_domain::testing::BETA;

const ALL: &str = " can:kinds,origins,replies,changes,rooms";

const FOLLOW: &str = "FOLLOW 0000000000000000 0 00000000000000000000000000000000";

/// The messages of a conversation.
fn history(alpha: &mut Realm, conn: u64, of: &str) -> Vec<Value> {
    let found = alpha.say(conn, &format!("HISTORY {of}"));
    found["data"].as_array().unwrap_or_else(|| panic!("{found}")).clone()
}

fn texts(alpha: &mut Realm, of: &str) -> Vec<String> {
    let all = history(alpha, 1, of).into_iter();
    all.map(|message| message["message"].as_str().unwrap_or("-").to_string()).collect()
}

fn post(alpha: &mut Realm, what: &str) -> u64 {
    let posted = alpha.say(1, &format!("POST {what}"));
    posted["id"].as_u64().unwrap_or_else(|| panic!("{posted}"))
}

#[test]
fn a_message_says_what_it_is_what_it_answers_and_when_it_was_sent() {
    let (mut alpha, mut beta) = linked();
    let own = post(&mut alpha, "bob@beta : hi");
    let time = alpha.time();
    beta.bring(&mut alpha, r#"[["private",6,"bob","amy","one",{"id":40,"by":7}]]"#);
    let ours = format!(r#"{{"id":{own},"time":{time},"yours":true}}"#);
    let list = format!(
        r#"[["private",7,"bob","amy","* bob waves",{{"id":41,"by":7,"as":"action","reply":{ours}}}],
        ["private",8,"bob","amy","three",{{"id":42,"by":7,"reply":{{"id":40,"time":6}}}}],
        ["private",9,"bob","amy","four",{{"id":43,"by":7,"reply":{{"id":42,"time":8}}}}],
        ["private",9,"bob","amy","five",{{"id":44,"by":7,"as":"dance","reply":{{"id":42,"time":9}}}}]]"#
    );
    beta.bring(&mut alpha, &list.replace('\n', ""));
    let all = history(&mut alpha, 1, "bob@beta");
    assert_eq!(all.len(), 6);
    let (waves, three, four, five) = (&all[2], &all[3], &all[4], &all[5]);
    assert_eq!((&waves["message"], &waves["kind"]), (&"waves".into(), &"action".into()));
    assert_eq!(waves["reply"], own);
    assert_eq!((&three["reply"], &four["reply"]), (&all[1]["id"], &three["id"]));
    assert_eq!(waves["sent"], "1970-01-01T00:00:00.007Z");
    assert_eq!((five.get("reply"), five.get("kind")), (None, None));
}

#[test]
fn what_a_peers_users_do_to_messages_is_done_here() {
    let (mut alpha, mut beta) = linked();
    let own = post(&mut alpha, "bob@beta : hi");
    let time = alpha.time();
    beta.bring(
        &mut alpha,
        r#"[["private",6,"bob","amy","one",{"id":40,"by":7}],["private",6,"bob","amy","two",{"id":41,"by":7}]]"#,
    );
    let edit = |text: &str, by: u64, id: u64, time: u64| {
        let of = format!(r#""of":{{"id":{id},"time":{time}}}"#);
        format!(
            r#"[["private",9,"bob","amy","{text}",{{"kind":"edit","id":{id},"by":{by},{of}}}]]"#
        )
    };
    // Nobody else's, no other message, and not what was written here.
    for (by, id, time) in [(8, 40, 6), (7, 40, 5), (7, 39, 6), (7, own, time)] {
        beta.bring(&mut alpha, &edit("no", by, id, time));
    }
    assert_eq!(texts(&mut alpha, "bob@beta"), ["hi", "one", "two"]);
    beta.bring(&mut alpha, &edit("uno", 7, 40, 6));
    let react = |kind: &str| {
        let of = format!(r#""of":{{"id":{own},"time":{time},"yours":true}}"#);
        format!(
            r#"["private",9,"bob","amy","x",{{"kind":"{kind}","id":{own},"by":7,{of},"emoji":"👍"}}]"#
        )
    };
    let delete =
        r#"["private",9,"bob","amy","",{"kind":"delete","id":41,"by":7,"of":{"id":41,"time":6}}]"#;
    beta.bring(&mut alpha, &format!("[{},{delete},{}]", react("react"), react("react")));
    let all = history(&mut alpha, 1, "bob@beta");
    assert_eq!(texts(&mut alpha, "bob@beta"), ["hi", "uno", "-"]);
    assert_eq!(all[0]["reactions"]["👍"], Value::from(vec!["bob@beta"]));
    assert!(all[1]["edited"].is_string() && all[2]["deleted"] == true);
    let listed = alpha.say(1, "CONVERSATIONS")["data"][0].clone();
    assert_eq!((&listed["unread"], &listed["last"]["deleted"]), (&1.into(), &true.into()));
    beta.bring(&mut alpha, &format!("[{}]", react("unreact")));
    beta.bring(&mut alpha, &edit("no", 7, 41, 6));
    assert_eq!(history(&mut alpha, 1, "bob@beta")[0].get("reactions"), None);
    assert_eq!(texts(&mut alpha, "bob@beta"), ["hi", "uno", "-"]);
}

#[test]
fn what_comes_with_its_message_is_done_at_once() {
    let (mut alpha, mut beta) = linked();
    alpha.say(1, "ADDGROUP staff pw");
    let message =
        |id: u64| format!(r#"["group",6,"bob","staff","@amy {id}",{{"id":{id},"by":7}}]"#);
    let change = |kind: &str, id: u64, by: u64| {
        let of = format!(r#""of":{{"id":{id},"time":6}},"emoji":"e""#);
        let by = format!(r#""id":{id},"by":{by},{of}"#);
        format!(r#"["group",9,"kim","staff","new",{{"kind":"{kind}",{by}}}]"#)
    };
    let list = [
        message(40),
        change("edit", 40, 8),
        change("edit", 40, 7),
        message(41),
        change("react", 41, 8),
        message(42),
        change("delete", 42, 7),
        change("edit", 42, 7),
        change("edit", 43, 7),
        message(43),
    ];
    assert!(!beta.bring(&mut alpha, &format!("[{}]", list[..8].join(","))));
    assert!(beta.bring(&mut alpha, &format!("[{}]", list[8..].join(","))));
    assert_eq!(texts(&mut alpha, "#staff+beta"), ["new", "@amy 41", "-", "@amy 43"]);
    let all = history(&mut alpha, 1, "#staff+beta");
    assert_eq!(all[1]["reactions"]["e"], Value::from(vec!["kim@beta"]));
    let listed = alpha.say(1, "CONVERSATIONS")["data"].clone();
    let mut listed = listed.as_array().unwrap().iter();
    let both = listed.find(|each| each["conv"] == "#staff+beta").unwrap();
    assert_eq!((&both["unread"], &both["mentions"]), (&3.into(), &2.into()));
}

#[test]
fn what_users_do_to_messages_is_told_to_who_can_take_it() {
    let mut alpha = followed_by(ALL);
    let id = post(&mut alpha, "bob@beta kind=action : waves");
    let (by, time) = (alpha.account("amy"), alpha.time());
    let named = format!(r#""id":{id},"by":{by}"#);
    assert!(sent(&mut alpha).contains(&format!(r#""* amy waves",{{{named},"as":"action"}}]]"#)));
    let of = format!(r#""of":{{"id":{id},"time":{time}}}"#);
    for (line, expected) in [
        (
            format!("EDIT bob@beta {id} : sits"),
            format!(r#""* amy sits",{{"kind":"edit",{named},{of}}}]]"#),
        ),
        (
            format!("REACT bob@beta {id} é"),
            format!(r#"{{"kind":"react",{named},{of},"emoji":"é"}}]]"#),
        ),
        (
            format!("UNREACT bob@beta {id} é"),
            format!(r#"{{"kind":"unreact",{named},{of},"emoji":"é"}}]]"#),
        ),
        (format!("DELETE bob@beta {id}"), format!(r#"{{"kind":"delete",{named},{of}}}]]"#)),
    ] {
        assert_eq!(alpha.say(1, &line)["status"], "OK");
        let told = sent(&mut alpha);
        assert!(told.contains(&expected), "{told}");
        // Nothing more where nothing is done.
        if !line.starts_with("REACT") {
            alpha.say(1, &line);
            assert_eq!(sent(&mut alpha), "");
        }
    }
}

#[test]
fn who_cannot_take_it_is_sent_the_new_text_as_a_message() {
    for can in ["", " can:kinds,origins"] {
        let mut alpha = followed_by(can);
        let id = post(&mut alpha, "bob@beta : old");
        sent(&mut alpha);
        alpha.say(1, &format!("REACT bob@beta {id} é"));
        alpha.say(1, &format!("EDIT bob@beta {id} : new"));
        let told = sent(&mut alpha);
        assert!(told.contains(r#"["private","#) && told.contains(r#""new"]]"#), "{told}");
        assert!(!told.contains("kind") && !told.contains('é'), "{told}");
        alpha.say(1, &format!("DELETE bob@beta {id}"));
        assert_eq!(sent(&mut alpha), "");
    }
}

#[test]
fn entries_say_what_their_message_says_now_and_keep_their_hashes() {
    let mut alpha = followed_by(ALL);
    let ids = ["secret", "other"].map(|text| post(&mut alpha, &format!("bob@beta : {text}")));
    alpha.say(1, &format!("EDIT bob@beta {} : hidden", ids[0]));
    alpha.say(1, &format!("EDIT bob@beta {} : plain", ids[0]));
    let all = sent(&mut alpha);
    assert!(!all.contains("secret") && !all.contains("hidden") && all.contains("gone"), "{all}");
    // Whoever takes it comes to the same hash.
    let list = all.trim_end().splitn(5, ' ').nth(4).unwrap();
    let (_, at) = alpha.owed_up_to();
    let (mut other, mut log) = linked();
    other.add_user("bob");
    other.login(2, "bob");
    log.bring(&mut other, list);
    assert_eq!(log.chain(), at.chain);
    let all = history(&mut other, 2, "amy@beta");
    let all: Vec<_> = all.iter().map(|message| message["message"].as_str().unwrap()).collect();
    assert_eq!(all, ["plain", "other"]);
}

#[test]
fn a_moderators_hand_reaches_what_others_wrote_here_alone() {
    let (mut alpha, mut beta) = linked();
    alpha.say(1, "ADDGROUP staff pw");
    assert_eq!(alpha.hear(BETA, FOLLOW).unwrap()["status"], "OK");
    let own = post(&mut alpha, "#staff+beta : mine");
    sent(&mut alpha);
    beta.bring(&mut alpha, r#"[["group",6,"bob","staff","x",{"id":40,"by":7}]]"#);
    let theirs = history(&mut alpha, 1, "#staff+beta")[1]["id"].as_u64().unwrap();
    sent(&mut alpha);
    assert_eq!(alpha.say(1, &format!("DELETE #staff+beta {theirs}"))["status"], "OK");
    assert_eq!(sent(&mut alpha), "");
    assert_eq!(alpha.say(1, &format!("DELETE #staff+beta {own}"))["status"], "OK");
    assert!(sent(&mut alpha).contains("delete"));
    assert_eq!(texts(&mut alpha, "#staff+beta"), ["-", "-"]);
}

#[test]
fn what_is_refused_changes_nothing_of_what_is_owed() {
    let mut alpha = followed_by(ALL);
    let id = post(&mut alpha, "bob@beta : said");
    alpha.limits().link_messages = 1;
    assert_eq!(alpha.say(1, &format!("EDIT bob@beta {id} : other"))["code"], "link_full");
    assert_eq!(alpha.say(1, &format!("DELETE bob@beta {id}"))["code"], "link_full");
    assert_eq!(texts(&mut alpha, "bob@beta"), ["said"]);
    let told = sent(&mut alpha);
    assert!(told.contains("said") && !told.contains("other"), "{told}");
}

#[test]
fn what_a_realm_never_had_is_not_passed_over_once_it_goes_by_an_older_version() {
    let mut alpha = followed_by(ALL);
    let id = post(&mut alpha, "bob@beta : secret");
    post(&mut alpha, "bob@beta : other");
    alpha.say(1, &format!("EDIT bob@beta {id} : plain"));
    alpha.disconnect(BETA);
    called(&mut alpha, BETA, " can:kinds,origins");
    assert_eq!(alpha.hear(BETA, FOLLOW).unwrap()["code"], "unavailable");
    assert_eq!(sent(&mut alpha), "");
    let link = alpha.operator("CHECKREALM")["data"][0].clone();
    assert!(link["error"].as_str().unwrap().contains("older version"), "{link}");
    alpha.disconnect(BETA);
    called(&mut alpha, BETA, ALL);
    assert_eq!(alpha.hear(BETA, FOLLOW).unwrap()["status"], "OK");
    let told = sent(&mut alpha);
    assert!(told.contains("other") && told.contains("plain") && !told.contains("secret"), "{told}");
}

#[test]
fn what_is_deleted_goes_from_conversations_of_removed_users_too() {
    let (mut alpha, mut beta) = linked();
    let said = |id: u64, text: &str| {
        format!(r#"[["private",6,"bob","amy","{text}",{{"id":{id},"by":7}}]]"#)
    };
    let delete = |id: u64| {
        let of = format!(r#""of":{{"id":{id},"time":6}}"#);
        format!(r#"[["private",9,"bob","amy","",{{"kind":"delete","id":{id},"by":7,{of}}}]]"#)
    };
    beta.bring(&mut alpha, &said(40, "for the first"));
    assert_eq!(alpha.operator("REMOVEUSER amy")["status"], "OK");
    assert_eq!(alpha.say(1, "REGISTER amy pw")["status"], "OK");
    alpha.hear(BETA, r#"{"status":"OK","data":"PONG"}"#);
    alpha.hear(BETA, r#"{"status":"OK","data":[],"tip":1}"#);
    beta.bring(&mut alpha, &said(41, "for the second"));
    assert_eq!(alpha.operator("REMOVEUSER amy")["status"], "OK");
    let kept = |alpha: &Realm| {
        let texts = alpha.posted.iter().filter_map(|event| match event {
            Event::Posted(posted) => Some(posted.message.text.as_str().to_owned()),
            _ => None,
        });
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(kept(&alpha), ["for the first", "for the second"]);
    beta.bring(&mut alpha, &delete(41));
    assert_eq!(kept(&alpha), ["for the first"]);
    // Whoever has the name now has nothing to do with it.
    assert_eq!(alpha.say(1, "REGISTER amy pw")["status"], "OK");
    beta.bring(&mut alpha, &delete(40));
    assert_eq!(kept(&alpha), [""; 0]);
    assert_eq!(alpha.say(1, "CONVERSATIONS")["data"], Value::Array(Vec::new()));
}
