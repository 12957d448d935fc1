//! Hosts and members' realms that say more than they should.

use super::*;

#[test]
fn who_has_left_is_not_put_back() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    let amy = realm.account("amy");
    assert_eq!(realm.does(1, LeaveGroup { group: "staff@beta".into() }), Outcome::Done);
    beta.says(&mut realm, BETA, "40 ended", "staff", "");
    beta.says(&mut realm, BETA, "40 begins open yes no - 0", "staff", "");
    beta.says(&mut realm, BETA, &format!("40 is {amy}! member"), "amy", "");
    assert_eq!(realm.state.durable.copies.count(), 0);
}

#[test]
fn a_realm_is_told_the_past_five_times_a_day() {
    let mut realm = host();
    realm.does(1, post("#staff", "before"));
    let mut beta = Peer::default();
    let leave = format!("{} ask leave", realm.group_id("staff").0);
    let mut told = |realm: &mut Realm| {
        let so_far = tip(realm, "beta");
        assert_eq!(join(realm, BETA, "zoe", 7), Ok(()));
        let told = owed(realm, "beta", so_far).iter().any(|line| line.contains("before"));
        beta.says_as(realm, BETA, (&leave, Some((70, 7))), "zoe", "");
        told
    };
    assert_eq!([(); 7].map(|()| told(&mut realm)), [true, true, true, true, true, false, false]);
    realm.pass(86_400);
    assert!(told(&mut realm));
}

#[test]
fn a_copy_is_swept_in_as_many_steps_as_it_has_messages() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    let waits = realm.begin(1, JoinGroup { group: "staff@beta".into(), password: None });
    let amy = realm.account("amy");
    beta.says(&mut realm, BETA, "40 begins open yes no - 1099511627775", "staff", "");
    beta.says(&mut realm, BETA, &format!("40 is {amy}! member"), "amy", "");
    beta.says(&mut realm, BETA, "40 ended", "staff", "");
    drop(waits);
    assert_eq!(realm.state.durable.closed.values().copied().collect::<Vec<_>>(), [1]);
}

#[test]
fn an_edit_is_told_as_one_whatever_it_came_under() {
    let (mut realm, mut beta) = (linked(), Peer::default());
    joined(&mut realm, &mut beta);
    beta.says(&mut realm, BETA, "40 message 91 3 -", "zoe", "one");
    let since = realm.cursor(1);
    beta.says(&mut realm, BETA, "40 rewritten 91 reactions", "zoe", "another");
    let Outcome::Changes { all, .. } =
        realm.does(1, Sync { after: Some(Some(since)), ..Sync::default() })
    else {
        panic!()
    };
    let edited =
        |told: &Told| matches!(told, Told::Rewritten { what: antar_types::Rewriting::Edited, .. });
    assert!(all.iter().any(edited));
}
