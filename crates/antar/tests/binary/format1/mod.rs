//! Data and backups of earlier formats and versions: whatever the format is now, all of it is there.

mod fixture;
mod old;

use crate::conn::Conn;
use crate::links::{done, until_it};
use crate::realm::{PATIENCE, Realm};
use antar_domain::Event;
use antar_domain::links::{Heir, Lost};
use antar_store::{Disk, Store};
use fixture::{FORMATS, forget_iota, records, unpack};
use old::{Old, lasting};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;
use std::process::Stdio;
use std::time::Instant;

#[test]
fn everything_in_the_data_is_there_and_goes_on() {
    for format in FORMATS {
        let mut alpha = Old::alpha_of(format);
        alpha.check();
        alpha.start();
        alpha.expect_everything();
        alpha.expect_passwords();
        alpha.system.realm.stop();
        alpha.check();
        alpha.start();
        alpha.expect_everything();
        alpha.send_on();
        alpha.expect_everything_and_more();
        alpha.system.realm.kill();
        alpha.check();
        alpha.start();
        alpha.expect_everything_and_more();
    }
}

#[test]
fn everything_in_the_backup_is_there_and_goes_on() {
    for format in FORMATS {
        let mut alpha = Old::restored(format);
        alpha.check();
        alpha.start();
        alpha.expect_everything();
        alpha.expect_passwords();
        // Past whatever was given out after the backup.
        assert!(alpha.send_on() > 1 << 36);
        alpha.system.realm.kill();
        alpha.check();
        alpha.start();
        alpha.expect_everything_and_more();
    }
}

/// Whatever is not told to users in so many words is as it was too: how far each realm has confirmed, what was
/// let go of, which lives of its log were followed, whose names were others'.
#[test]
fn every_record_is_what_it_was() {
    let all = FORMATS.iter().flat_map(|format| ["alpha", "beta"].map(|name| (*format, name)));
    for (format, name) in all {
        let (directory, records) = (tempfile::tempdir().unwrap(), records(format, name));
        unpack(format, &format!("{name}.packed"), directory.path());
        let before: BTreeSet<&str> = records.iter().map(String::as_str).collect();
        assert!(before.iter().any(|record| record.starts_with("Acked")));
        // Once they are put into today's format, and once they are in it.
        for _ in 0..2 {
            let disk = Disk::open(directory.path()).unwrap();
            let (_, events) = Store::open(Box::new(disk)).unwrap();
            let is_later = |event: &Event| {
                let new = matches!(
                    event,
                    Event::ConversationReached(..) | Event::CorrespondentSet { .. }
                );
                // Markers came later, and when the last message was taken is told of it.
                let is_told = matches!(event, Event::MarkerSet { .. } | Event::TimeReached(_));
                format == "format1" && new || is_told
            };
            let now = events.iter().filter(|event| !is_later(event));
            let now: BTreeSet<String> = now.map(as_it_was).collect();
            let now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
            let [gone, new] = [before.difference(&now), now.difference(&before)];
            let [gone, new] = [gone, new].map(|records| records.collect::<Vec<_>>());
            assert!(gone.is_empty() && new.is_empty(), "{format}, {name}: {gone:#?} are {new:#?}");
        }
    }
}

/// An event as it was shown before there was more to tell of it.
fn as_it_was(event: &Event) -> String {
    match event {
        Event::Dropped { peer, dropped, lost } if *lost == Lost::default() => {
            format!("Dropped({peer:?}, {dropped})")
        }
        // Nobody was told then.
        Event::Acked { acked, .. } => {
            format!("{event:?}").replace(&format!(", told: {}", acked.seq), "")
        }
        // What a plain peer lists was known by how much there is.
        Event::HeirSet(_, _, Heir { said: None, .. }) => {
            format!("{event:?}").replace(", said: None", "").replace("Holder(", "AccountId(")
        }
        // Nobody of another realm could be in a group.
        Event::GroupSet(..) => {
            format!("{event:?}").replace(", realms: None, past: 1000, home: None", "")
        }
        // Nobody could be locked.
        _ => format!("{event:?}").replace(", locked: false", ""),
    }
}

/// A backup of today's that is made of the data, and restored, has everything too.
#[test]
fn everything_is_in_a_backup_of_the_data() {
    let alpha = Old::alpha();
    let outer = tempfile::tempdir().unwrap();
    let backup = outer.path().join("backup");
    alpha.run(alpha.command("backup").arg(&backup));
    alpha.check();
    let mut restored = Old::empty(alpha.format, 1);
    restored.run(restored.command("restore").arg(&backup));
    restored.check();
    restored.start();
    restored.expect_everything();
}

/// Starts the server until it says that it listens, or has been killed; whether it was killed.
fn starts_to_be_killed(old: &Old) -> bool {
    let mut serve = old.serve();
    let serve = serve.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = serve.spawn().unwrap();
    let listens = child.stdout.take().unwrap().read(&mut [0; 64]).unwrap() > 0;
    let _ = child.kill();
    child.wait().unwrap();
    !listens
}

/// Each start gets a little further than the one before.
#[test]
fn nothing_is_lost_where_the_first_start_is_killed_again_and_again() {
    let mut alpha = Old::alpha();
    let killed = (1..).take_while(|call| {
        alpha.system.kill_at(*call);
        starts_to_be_killed(&alpha)
    });
    assert!(killed.count() > 3, "it writes more than that");
    alpha.system.spare();
    alpha.check();
    alpha.start();
    alpha.expect_everything();
    alpha.send_on();
    alpha.expect_everything_and_more();
}

/// The first start is killed at any moment, and then it is started again.
#[test]
fn nothing_is_lost_wherever_the_first_start_is_killed() {
    let mut at = 1;
    loop {
        let mut alpha = Old::alpha();
        alpha.system.kill_at(at);
        let killed = starts_to_be_killed(&alpha);
        alpha.system.spare();
        alpha.check();
        alpha.start();
        alpha.expect_everything();
        if !killed {
            break;
        }
        at += 1 + at / 2;
    }
    assert!(at > 3, "it writes more than that");
}

/// The invitation in the data is good for one.
#[test]
fn an_invitation_is_still_good() {
    let mut alpha = Old::alpha();
    alpha.start();
    let gamma = Realm::named("newcomer", "");
    let address = alpha.system.realm.address().to_string();
    let invitation = alpha.manifest.invitation.replace("127.88.0.1:1301", &address);
    assert_ne!(invitation, alpha.manifest.invitation);
    assert_eq!(done(&gamma, &["join", &invitation]), "linked with Aleph\n");
    until_it(&gamma, |link| link["state"] == "up");
}

#[test]
fn that_a_realm_was_forgotten_is_not() {
    let mut alpha = Old::alpha();
    forget_iota(&alpha.system.realm.data());
    // Its messages are nobody's: the check knows why.
    alpha.check();
    for _ in 0..2 {
        alpha.start();
        let links = lasting(&alpha.system.realm);
        let names = links.iter().map(|link| link["realm"].as_str().unwrap());
        assert!(
            !names.clone().any(|name| name == "iota")
                && names.count() + 1 == alpha.manifest.links.len()
        );
        let mut amy = alpha.system.realm.connect();
        amy.expect_ok(&format!("WHOAMI {}", alpha.manifest.token("amy")));
        assert_eq!(amy.ask("SENT realm=iota")["code"], "realm_not_found");
        alpha.send_on();
        alpha.system.realm.stop();
        alpha.check();
    }
}

/// Waits until neither of two realms owes the other anything.
#[track_caller]
fn await_all(realms: [(&Realm, &str); 2]) {
    let deadline = Instant::now() + PATIENCE;
    for (realm, other) in realms {
        loop {
            let links = crate::links::links(realm);
            let link = links.iter().find(|link| link["realm"] == other).unwrap();
            if link["state"] == "up" && link["owed"] == 0 {
                break;
            }
            assert!(Instant::now() < deadline, "{link}\n{}", realm.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// What the two owe each other is delivered once they link again, and goes where it would have gone.
#[track_caller]
fn expect_delivery(alpha: &Old, beta: &Old) {
    let [a, b] = [alpha, beta].map(|old| &old.system.realm);
    // Their addresses are others now.
    done(a, &["add", "beta", b.address()]);
    await_all([(a, "beta"), (b, "Aleph")]);
    for ([realm, user, request], texts) in &alpha.manifest.afterwards {
        let realm = if realm == "alpha" { a } else { b };
        let mut conn: Conn = realm.connect();
        conn.login(user);
        let reply = conn.expect_ok(request);
        let there = reply["data"].as_array().unwrap().iter();
        let there: Vec<Value> = there.map(|m| json!([m["from"], m["message"]])).collect();
        assert_eq!(Value::from(there), *texts, "{user}: {request}");
        assert_eq!(reply.get("stale"), None);
    }
}

#[test]
fn what_two_realms_owe_each_other_is_delivered() {
    for format in FORMATS {
        let (mut alpha, mut beta) = (Old::alpha_of(format), Old::beta(format));
        alpha.start();
        beta.start();
        expect_delivery(&alpha, &beta);
        for old in [&mut alpha, &mut beta] {
            old.system.realm.stop();
            old.check();
        }
    }
}

/// The other realm is still served by the binary that wrote its data, where `ANTAR_OLD_BINARY` names it.
#[test]
fn what_is_owed_to_a_realm_of_the_older_version_is_delivered() {
    let (mut alpha, mut beta) = (Old::alpha(), Old::beta("format1"));
    beta.system.realm.change_binary(std::env::var_os("ANTAR_OLD_BINARY").map(Into::into));
    beta.start();
    alpha.start();
    expect_delivery(&alpha, &beta);
    beta.system.realm.stop();
    beta.check();
}

#[test]
fn what_a_restored_realm_and_another_owe_each_other_is_delivered() {
    let (mut alpha, mut beta) = (Old::restored("format1"), Old::beta("format1"));
    beta.start();
    alpha.start();
    expect_delivery(&alpha, &beta);
    alpha.system.realm.stop();
    alpha.check();
}
