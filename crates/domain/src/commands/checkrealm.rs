//! CHECKREALM and SHOWREALM: how it stands with links, and what others need to know of this realm.

use super::{Access, ROW, Verb};
use crate::links::{Link, LinkKind, Peer, Status};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Body, Capabilities, Code, Dialect, Name, Time, Value, json, written};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "CHECKREALM",
        aliases: &["REALM LIST"],
        help: "Lists the linked realms and the state of each link.",
        access: Access::SessionOrOperator,
        addressed: true,
        run: check,
        ..ROW
    },
    Verb {
        name: "SHOWREALM",
        aliases: &["REALM SHOW"],
        help: "Tells this realm's name, address and key.",
        access: Access::SessionOrOperator,
        run: show,
        ..ROW
    },
];

fn check(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let (state, now) = (&cx.state, cx.readings.now);
    let is_gone_here = |status| matches!(status, Status::Removed | Status::Former);
    let peers = state.durable.peers.iter().filter(|(_, p)| !is_gone_here(p.record.status));
    let none = Link::default();
    let described: Vec<(String, Value)> = peers
        .map(|(realm, peer)| {
            let link = state.links.links.get(realm).unwrap_or(&none);
            let name = &peer.record.name;
            let former = state.durable.formers(name).map(Name::to_string).collect();
            let conn = link.conn.and_then(|conn| state.links.conns.get(&conn));
            let can = conn.map_or(Capabilities::NONE, |conn| conn.can);
            (name.to_string(), describe(peer, link, can, former, now))
        })
        .collect();
    let shown = match cx.dialect {
        Dialect::Lower => Value::Object(described.into_iter().collect()),
        Dialect::Upper => described
            .into_iter()
            .map(|(name, fields)| {
                let mut all = json!({"realm": name, "host": fields["serverip"]});
                if let (Some(all), Value::Object(fields)) = (all.as_object_mut(), fields) {
                    all.extend(fields.into_iter().filter(|(key, _)| key != "serverip"));
                }
                all
            })
            .collect(),
    };
    let written = written(cx.dialect, &shown);
    Ok(Body::Written(cx.state.realms(cx.dialect, written)).into())
}

fn describe(peer: &Peer, link: &Link, can: Capabilities, former: Vec<String>, now: Time) -> Value {
    let record = &peer.record;
    let address = record.address.as_ref();
    let since = if link.since > record.since { link.since } else { record.since };
    let mut fields = json!({
        "serverip": address.map(|a| &*a.host).unwrap_or_default(),
        "port": address.map_or(0, |a| a.port),
        "state": link.state(&peer.record),
        "since": since.rfc3339(),
        "owed": peer.out.owed(),
        "received": peer.inbox.cursor.seq,
        "cursor": format!("{}:{}:{}", peer.inbox.epoch(), peer.inbox.cursor.seq, peer.inbox.cursor.chain),
        "sent": peer.out.delivered(),
    });
    let mut set = |key: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (fields.as_object_mut(), value) {
            fields.insert(key.into(), value);
        }
    };
    // It waits for approval here; otherwise one that waits does so there.
    set("can", (can != Capabilities::NONE).then(|| can.print().into()));
    set("asks", peer.is_asking().then(|| true.into()));
    set("calls_itself", link.calls_itself.as_ref().map(|name| name.as_str().into()));
    // Where it says it is itself, where that is elsewhere.
    set("told", peer.told.as_ref().map(|a| json!({"host": &*a.host, "port": a.port})));
    set("error", link.error.as_deref().map(Value::from));
    set("former", (!former.is_empty()).then(|| former.into()));
    set("oldest", peer.out.oldest().map(|oldest| now.since(oldest).as_secs().into()));
    set("clock", link.clock.map(Value::from));
    match record.kind {
        LinkKind::Native(key) => set("fingerprint", Some(key.to_string().into())),
        LinkKind::Plain => set("plain", Some(true.into())),
    }
    fields
}

fn show(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = &cx.state.links.me;
    let name = cx.state.durable.name.as_ref().ok_or(Code::Unavailable)?;
    Ok(Body::Value(json!({
        "realm": name.as_str(),
        "host": me.host.as_ref().or(me.listens.as_ref()),
        "port": me.port,
        "fingerprint": me.key.map(|key| key.to_string()),
    }))
    .into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};

    #[test]
    fn lists_links_in_both_shapes() {
        let mut realm = Realm::linked(&["amy"]);
        assert_eq!(realm.say(1, "checkrealm")["code"], "no_session");
        realm.login(1, "amy");
        let lower = realm.say(1, "checkrealm");
        let beta = &lower["message"]["beta"];
        assert_eq!((&beta["serverip"], &beta["port"]), (&"192.0.2.1".into(), &8889.into()));
        assert_eq!(realm.operator("REALM LIST")["data"][0]["state"], "up");
        realm.disconnect(BETA);
        let upper = realm.say(1, "CHECKREALM")["data"][0].clone();
        assert_eq!((&upper["realm"], &upper["host"]), (&"beta".into(), &"192.0.2.1".into()));
        assert_eq!(
            (&upper["state"], &upper["error"]),
            (&"down".into(), &"the connection was lost".into())
        );
        realm.say(1, "sendrealm beta bob x");
        realm.pass(7);
        assert_eq!(realm.say(1, "CHECKREALM")["data"][0]["oldest"], 7);
    }

    #[test]
    fn tells_what_others_need_to_link() {
        let mut realm = Realm::linked(&[]);
        let shown = realm.operator("showrealm")["message"].clone();
        assert_eq!((&shown["realm"], &shown["port"]), (&"alpha".into(), &8889.into()));
        assert_eq!(shown["fingerprint"], format!("sha256:{}", "01".repeat(32)));
    }
}
