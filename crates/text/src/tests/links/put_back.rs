//! Tests of links with realms whose data were put back.

use crate::deliveries;
use crate::json;
use crate::tests::Realm;
use antar_domain::Origin;
use antar_domain::links::{Epoch, Position};
use antar_domain::testing::{BETA, BETAS};
use antar_types::{Capabilities, Chain, Entry, EntryKind, Fingerprint, Name, Text, Time};
use std::net::IpAddr;

fn entry(text: &str) -> Entry {
    let name = |word| Name::parse(word).unwrap();
    let (kind, text) = (EntryKind::Private, Text::parse(text, 99).unwrap());
    let (from, to, origin) = (name("bob"), name("amy"), None);
    Entry { kind, time: Time(5), from, to, text, origin, more: None }
}

/// Beta brings one more entry.
fn deliver(alpha: &mut Realm, conn: u64, epoch: Epoch, before: Position, text: &str) -> Position {
    let entry = entry(text);
    let at = Position { seq: before.seq + 1, chain: before.chain.with(&entry) };
    let mut line = Vec::new();
    deliveries(epoch, Capabilities::NONE, &[(at, entry.into())], &mut line);
    alpha.said(conn);
    alpha.hear(conn, std::str::from_utf8(&line).unwrap().trim_end());
    assert_eq!(alpha.said(conn), [format!("CURSOR {epoch} {} {}", at.seq, at.chain)]);
    at
}

/// Beta is there again and has a log of this epoch, which ends at an entry that both have. What alpha
/// says when it has found that out; it goes on in the epoch `then`.
fn returns(alpha: &mut Realm, conn: u64, epoch: Epoch, common: Position, then: Epoch) -> String {
    let ip: IpAddr = "192.0.2.1".parse().unwrap();
    alpha.connect_from(conn, Origin::Certified(ip, Fingerprint([2; 32])));
    let greeting = format!("ACKREALM alpha 192.0.2.9 8889 {ip} 8889 from=beta again=1");
    assert_eq!(alpha.hear(conn, &greeting).unwrap()["status"], "OK");
    alpha.said(conn);
    let diverged = json!({"status": "ERROR", "code": "diverged", "epoch": epoch.to_string(),
        "tip": common.seq, "floor": 0, "floor_chain": Chain::START.to_string()});
    alpha.hear(conn, &diverged.to_string());
    assert_eq!(alpha.said(conn), [format!("CHAIN {}", common.seq)]);
    alpha.chains = vec![common.chain];
    let line = json!({"status": "OK", "chain": common.chain.to_string()}).to_string();
    alpha.hear(conn, &line);
    let [rejoin] = &alpha.said(conn)[..] else { panic!() };
    let answer = json!({"status": "OK", "epoch": then.to_string(), "from": common.seq,
        "chain": common.chain.to_string(), "tip": common.seq, "floor": 0,
        "floor_chain": Chain::START.to_string()});
    assert_eq!(alpha.hear(conn, &answer.to_string()), None);
    rejoin.clone()
}

#[test]
fn a_log_that_goes_back_to_an_epoch_it_was_put_back_in_before_is_told_so() {
    let mut alpha = Realm::linked(&["amy"]);
    let common = deliver(&mut alpha, BETA, BETAS, Position::default(), "one");
    deliver(&mut alpha, BETA, BETAS, common, "lost");
    alpha.disconnect(BETA);
    let asked = |epoch: Epoch| format!("REJOIN {epoch} {} {}", common.seq, common.chain);
    // Put back by hand, it has the epoch that it had, and has to begin another.
    let next = Epoch(8);
    assert_eq!(returns(&mut alpha, 20, BETAS, common, next), asked(BETAS));
    deliver(&mut alpha, 20, next, common, "two");
    alpha.disconnect(20);
    // Once more, to the same past: that it lost entries of this epoch is to be said again.
    assert_eq!(returns(&mut alpha, 21, BETAS, common, Epoch(9)), asked(BETAS));
    alpha.disconnect(21);
    // After a restore the epoch is a new one, and that which was followed is named.
    assert_eq!(returns(&mut alpha, 22, Epoch(11), common, Epoch(11)), asked(Epoch(9)));
}
