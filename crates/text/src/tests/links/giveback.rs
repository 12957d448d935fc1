//! What was owed to a realm that was removed comes back to who wrote it.

use crate::Value;
use crate::tests::Realm;
use antar_domain::links::Position;
use antar_domain::testing::BETA;
use antar_domain::{AskId, Input, Output};
use antar_types::{Chain, Entry, EntryKind, Name, Text, Time};
use std::sync::Arc;

/// Entries that are read at a time.
const EACH: u64 = 64;

/// The realm has some of what was owed read: from where to where.
pub(super) fn asked(realm: &mut Realm) -> Option<(AskId, u64, u64)> {
    let fetch = |output: &Output| matches!(output, Output::Fetch { .. });
    let at = realm.asked.iter().position(fetch)?;
    match realm.asked.remove(at) {
        Output::Fetch { ask, first, last, .. } => Some((ask, first, last)),
        _ => None,
    }
}

fn entry(n: u64) -> Arc<Entry> {
    let name = |word| Name::parse(word).unwrap();
    let kind = if n.is_multiple_of(2) { EntryKind::Group } else { EntryKind::Private };
    let (time, text) = (Time(2_000_000), Text::parse(&format!("m{n}"), 9).unwrap());
    Arc::new(Entry {
        kind,
        time,
        from: name("amy"),
        to: name("bob"),
        text,
        origin: None,
        more: None,
    })
}

fn read(realm: &mut Realm, (ask, first, last): (AskId, u64, u64)) {
    let at = |seq| (Position { seq, chain: Chain::START }, entry(seq));
    realm.tell(Input::Fetched(ask, Ok((first..=last).map(at).collect())));
}

/// Alpha, with so much owed to beta when the link is ended.
fn ended(owed: u64) -> Realm {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.disconnect(BETA);
    (1..=owed).for_each(|n| drop(realm.say(1, &format!("sendrealm beta bob m{n}"))));
    assert_eq!(realm.say(1, "REMOVEREALM beta")["owed"], owed);
    assert_eq!(realm.say(1, "REMOVEREALM beta force")["status"], "OK");
    realm
}

#[test]
fn each_writer_is_told_bit_by_bit() {
    let owed = EACH + 2;
    let mut realm = ended(owed);
    let first = asked(&mut realm).unwrap();
    assert_eq!((first.1, first.2, asked(&mut realm)), (1, EACH, None));
    // It cannot be read at first.
    realm.tell(Input::Fetched(first.0, Err(antar_domain::links::Unreadable)));
    assert_eq!(asked(&mut realm), None);
    assert!(realm.state.is_busy());
    realm.pass(60);
    realm.tick();
    let first = asked(&mut realm).unwrap();
    read(&mut realm, first);
    let rest = asked(&mut realm).unwrap();
    assert_eq!((rest.1, rest.2), (EACH + 1, owed));
    read(&mut realm, rest);
    assert_eq!((asked(&mut realm), realm.state.is_busy()), (None, false));
    let told = realm.say(1, "INBOXREALM beta")["data"].clone();
    let told = told.as_array().unwrap();
    assert_eq!(told.len() as u64, owed);
    for (n, notice) in (1..).zip(told) {
        let text = format!("Pesan tidak terkirim (Realm sudah dihapus): m{n}");
        assert_eq!(
            (&notice["message"], &notice["notice"], &notice["from"]),
            (&Value::from(text), &"realm_removed".into(), &"bob".into())
        );
    }
    assert_eq!(realm.texts(1, "SENT realm=beta").len() as u64, owed);
    // Linked again: nothing of it was ever delivered.
    realm.link_beta(20, 0, Chain::START);
    let link = realm.say(1, "CHECKREALM")["data"][0].clone();
    assert_eq!((&link["sent"], &link["owed"]), (&0.into(), &0.into()));
    assert_eq!(realm.state.stats(Time(9)).links[0].delivered, 0);
}

#[test]
fn what_is_linked_again_meanwhile_is_owed() {
    let mut realm = ended(3);
    let first = asked(&mut realm).unwrap();
    realm.link_beta(20, 0, Chain::START);
    read(&mut realm, first);
    let link = realm.say(1, "CHECKREALM")["data"][0].clone();
    assert_eq!((&link["sent"], &link["owed"]), (&0.into(), &3.into()));
    assert_eq!(realm.texts(1, "INBOXREALM beta").len(), 0);
}

#[test]
fn who_wrote_it_is_told_by_the_account_where_that_is_known() {
    let mut realm = ended(3);
    let first = asked(&mut realm).unwrap();
    let amy = realm.account("amy");
    let of = |account, n| {
        let origin = Some(antar_types::EntryOrigin { id: n, account });
        Arc::new(Entry { origin, ..Entry::clone(&entry(n)) })
    };
    // The second was written by whoever was amy before.
    let entries = [of(amy, 1), of(amy + 1_000, 2), of(amy, 3)];
    let at = |seq| Position { seq, chain: Chain::START };
    let found = (1..).zip(entries).map(|(seq, entry)| (at(seq), entry)).collect();
    realm.tell(Input::Fetched(first.0, Ok(found)));
    let told = realm.texts(1, "INBOXREALM beta");
    assert_eq!(told.len(), 2);
    assert!(told[0].ends_with(": m1") && told[1].ends_with(": m3"), "{told:?}");
}
