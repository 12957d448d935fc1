//! The form in which CHECKREALM shows links.

use crate::{Dialect, Value, json};
use antar_domain::links::{Address, LinkKind, LinkState, PeerRoom, PeerStatus};
use antar_types::{Capabilities, Name};

/// How it stands with each link: in lower case an object by name, in upper case a list.
pub(super) fn shown(dialect: Dialect, peers: &[PeerStatus]) -> Value {
    let described = peers.iter().map(|peer| (peer.name.to_string(), describe(peer)));
    match dialect {
        Dialect::Lower => Value::Object(described.collect()),
        Dialect::Upper => described
            .map(|(name, fields)| {
                let mut all = json!({"realm": name, "host": fields["serverip"]});
                if let (Some(all), Value::Object(fields)) = (all.as_object_mut(), fields) {
                    all.extend(fields.into_iter().filter(|(key, _)| key != "serverip"));
                }
                all
            })
            .collect(),
    }
}

/// The word for how it stands with a link.
pub(super) fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Up => "up",
        LinkState::Down => "down",
        LinkState::Waiting => "waiting",
        LinkState::Refused => "refused",
        LinkState::Removed => "removed",
    }
}

fn describe(peer: &PeerStatus) -> Value {
    let address = peer.address.as_ref();
    let PeerStatus { epoch, cursor, .. } = peer;
    let mut fields = json!({
        "serverip": address.map(|a| &*a.host).unwrap_or_default(),
        "port": address.map_or(0, |a| a.port),
        "state": state(peer.state),
        "since": peer.since.rfc3339(),
        "owed": peer.owed,
        "received": cursor.seq,
        "cursor": format!("{epoch}:{}:{}", cursor.seq, cursor.chain),
        "sent": peer.sent,
    });
    let mut set = |key: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (fields.as_object_mut(), value) {
            fields.insert(key.into(), value);
        }
    };
    let told = |a: &Address| json!({"host": &*a.host, "port": a.port});
    let former: Vec<&str> = peer.former.iter().map(Name::as_str).collect();
    let count = |count: u64| (count > 0).then(|| count.into());
    set("apart", count(peer.apart.kept));
    set("apart_dropped", count(peer.apart.dropped));
    set("can", (peer.can != Capabilities::NONE).then(|| peer.can.print().into()));
    set("asks", peer.asks.then(|| true.into()));
    set("calls_itself", peer.calls_itself.as_ref().map(|name| name.as_str().into()));
    set("told", peer.told.as_ref().map(told));
    set("error", peer.error.as_deref().map(Value::from));
    set("former", (!former.is_empty()).then(|| former.into()));
    let room = |room: &PeerRoom| json!({"group": &*room.name, "members": room.members});
    set("rooms", (!peer.rooms.is_empty()).then(|| peer.rooms.iter().map(room).collect()));
    set("more_rooms", (peer.more_rooms > 0).then(|| peer.more_rooms.into()));
    set("oldest", peer.oldest.map(Value::from));
    set("clock", peer.clock.map(Value::from));
    match peer.kind {
        LinkKind::Native(key) => set("fingerprint", Some(key.to_string().into())),
        LinkKind::Plain => set("plain", Some(true.into())),
    }
    fields
}
