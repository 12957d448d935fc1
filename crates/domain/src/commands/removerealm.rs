//! REMOVEREALM and APPROVEREALM: ending a link, and allowing one that was asked for.

use super::{Access, Param, ROW, Verb};
use crate::links::{PeerRecord, Status};
use crate::{Answer, Args, Context, Event, Interrupt};
use antar_types::{Code, Fingerprint, Phrase, Reply, words};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "REMOVEREALM",
        aliases: &["REALM REMOVE"],
        params: &[Param::Word("R"), Param::Maybe("[force]")],
        help: "Ends the link with a realm; with force also where messages are still owed to it.",
        access: Access::SessionOrOperator,
        addressed: true,
        run: remove,
        ..ROW
    },
    Verb {
        name: "APPROVEREALM",
        aliases: &["REALM APPROVE"],
        params: &[Param::Word("R"), Param::Maybe("[sha256:KEY]")],
        help: "Allows a realm that asked for it to link; administrators only.",
        access: Access::Admin,
        run: approve,
        ..ROW
    },
];

fn remove(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    cx.may_link()?;
    let force = words::all(args.text).any(|word| word.eq_ignore_ascii_case("force"));
    let (realm, peer) = cx.realm(args.word(0))?;
    let (owed, record) = (peer.out.owed(), peer.record.clone());
    if owed > 0 && !force && !peer.gives_back() {
        return Ok(Reply::from(Code::RealmOwed).with("owed", owed).into());
    }
    let since = cx.readings.now;
    cx.emit(Event::PeerSet(realm, PeerRecord { status: Status::Removed, since, ..record }))?;
    if owed == 0 {
        cx.step().end_log(realm)?;
    }
    // Best told at once; a peer that is away hears it when it calls.
    cx.step().sever(realm, Some("REMOVED"), "the link was ended here");
    // Who wrote what is still owed is told bit by bit, however much it is.
    cx.step().give_back();
    Ok(Reply::done(Phrase::same("Realm dihapus")).into())
}

fn approve(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (given, _) = words::first(args.text);
    let expected = Fingerprint::parse(given);
    if expected.is_none() && !given.is_empty() {
        return Err(Code::BadParameters.into());
    }
    let (realm, peer) = cx.realm(args.word(0))?;
    let Some(key) = peer.key().filter(|_| peer.is_asking()) else {
        return Err(Code::RealmExists.into());
    };
    // Whoever waits may have changed since the operator looked.
    if expected.is_some_and(|expected| expected != key) {
        let error = format!("the one that waits has the key {key}");
        return Ok(Reply::from(Code::RealmKey).with("error", error).into());
    }
    if cx.state.durable.links() >= cx.state.limits.links {
        return Err(Code::LimitReached.into());
    }
    cx.step().approve(realm)?;
    let reply = Reply::done(Phrase::same("Realm disetujui"));
    Ok(reply.with("fingerprint", key.to_string()).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};

    #[test]
    fn what_is_owed_is_dropped_by_force_only_and_history_stays() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.say(1, "sendrealm beta bob x");
        let refused = realm.say(1, "removerealm beta");
        assert_eq!((&refused["code"], &refused["owed"]), (&"realm_owed".into(), &1.into()));
        realm.said(BETA);
        assert_eq!(realm.say(1, "REMOVEREALM BETA force")["data"], "Realm dihapus");
        assert_eq!(realm.said(BETA), ["REMOVED"]);
        assert_eq!(realm.say(1, "removerealm beta")["code"], "realm_not_found");
        assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "realm_not_found");
        assert_eq!(realm.texts(1, "SENT realm=beta"), ["x"]);
        assert_eq!(realm.say(1, "INBOXREALM beta")["stale"], true);
    }

    #[test]
    fn only_who_may_link_may_end_a_link() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.state.policy.open_linking = false;
        assert_eq!(realm.say(1, "removerealm beta")["code"], "forbidden");
        assert_eq!(realm.say(1, "realm approve beta")["code"], "forbidden");
        assert_eq!(realm.operator("realm approve beta")["code"], "realm_exists");
        assert_eq!(realm.operator("realm remove beta")["status"], "OK");
    }
}
