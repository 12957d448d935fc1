//! The one place where an outcome becomes a reply.

use super::door::{self, dialect};
use super::help::help;
use super::row::Row;
use super::{invitation, link_list};
use crate::reply::{encode_change, encode_event, encode_message};
use crate::{Body, Listing, Phrase, Reply, Value, encode_notification, json};
use antar_domain::links::LinkState;
use antar_domain::{
    GroupSettings, History, LogEnds, Notification, OpenSession, Outcome, PAST, Past, Presence,
    Refused, Request, RoomRealms, ShownGroup, ShownProfile, Tag, User,
};
use antar_types::{BoxKind, Capabilities, Code, Time};

/// What VERSION tells.
const VERSION: &str = concat!("antar ", env!("CARGO_PKG_VERSION"));

/// Appends what a request is answered, in its own dialect.
pub fn write(tag: Tag, outcome: Outcome, out: &mut Vec<u8>) {
    match outcome {
        // What a watch is told is no reply.
        Outcome::CaughtUp { all, .. } => {
            all.iter().for_each(|told| encode_change(told, dialect(tag), out));
        }
        outcome => reply(tag, outcome).encode(dialect(tag), out),
    }
}

/// What is asked for in the place of whoever was answered this, once it is written: see
/// [`Outcome::goes_on`].
pub fn goes_on(tag: Tag, outcome: &Outcome) -> Option<Request> {
    Some(Request { tag, token: None, command: outcome.goes_on()? })
}

/// Appends what a connection is told unasked, in the dialect in which it asked to be told.
pub fn write_notification(tag: Tag, told: &Notification, out: &mut Vec<u8>) {
    match told {
        Notification::Message(kind, message) => {
            encode_notification(*kind, message, dialect(tag), out);
        }
        Notification::GroupElsewhere(told) => {
            let (group, message) = (Some(&*told.group), &told.message);
            encode_message(BoxKind::Group, message, group, dialect(tag), out);
        }
        Notification::Change(told) => encode_change(told, dialect(tag), out),
        Notification::WatchEnded(code) => {
            encode_event("ended", &[("code", code.as_str().into())], dialect(tag), out);
        }
        Notification::Presence(told) => {
            encode_event("presence", &presence_keys(told), dialect(tag), out);
        }
        Notification::Typing(typing) => {
            let (conv, user) = (&*typing.conversation, typing.user.as_str());
            encode_event(
                "typing",
                &[("conv", conv.into()), ("user", user.into())],
                dialect(tag),
                out,
            );
        }
    }
}

/// What a request is answered.
pub fn reply(tag: Tag, outcome: Outcome) -> Reply {
    let row = door::row(tag);
    let says = row.map_or(Phrase::same("OK"), |row| row.says);
    match outcome {
        Outcome::Done => Reply::done(says),
        Outcome::Refused(refused) => self::refused(row, tag, refused),
        Outcome::Sent { id, group } => Body::Sent(says, id, group).into(),
        Outcome::Session(token) => Body::Session(token).into(),
        Outcome::Caller { user, realm, admin } => Reply::from(Body::Value(user.as_str().into()))
            .with("realm", realm.as_deref())
            .with("admin", admin),
        Outcome::Names(names) => Body::List(names).into(),
        Outcome::Groups { names, members } => Body::Groups(names, members).into(),
        Outcome::Members { names, owner, moderators } => {
            let reply = Reply::from(Body::List(names)).with("owner", owner.as_deref());
            if moderators.is_empty() {
                return reply;
            }
            reply.with("moderators", moderators.iter().map(|name| &**name).collect::<Value>())
        }
        Outcome::Topic(topic) => {
            Reply::done(says).with("topic", topic.as_ref().map(|topic| topic.as_str()))
        }
        Outcome::GroupSettings(settings) => {
            let GroupSettings { entry, listed, announce, retention, realms, past } = settings;
            let reply = Reply::done(says)
                .with("entry", entry.as_str())
                .with("listed", listed)
                .with("announce", announce);
            let reply = match retention {
                Some(days) => reply.with("retention", days),
                None => reply,
            };
            let reply = match realms {
                RoomRealms::None => reply,
                realms => reply.with("realms", realms.to_string()),
            };
            if past == PAST { reply } else { reply.with("history", past) }
        }
        Outcome::Later => Reply::done(says).with("pending", true),
        Outcome::Users(users) => Body::Value(users.iter().map(user).collect()).into(),
        Outcome::ShownGroups(all) => Body::Value(all.iter().map(group).collect()).into(),
        Outcome::Messages(page) => {
            let listing = row.map(|row| row.listing).unwrap_or_default();
            let reply = Reply::from(Body::Messages(listing, page.found, page.more, page.group));
            let reply = if page.stale { reply.with("stale", true) } else { reply };
            self::past(reply, page.past)
        }
        Outcome::Posted { id, conversation, again, pending } => {
            let reply = Reply::done(says).with("id", id).with("conv", String::from(conversation));
            let reply = if again { reply.with("again", true) } else { reply };
            if pending { reply.with("pending", true) } else { reply }
        }
        Outcome::FileWanted { here, room, .. } => {
            Reply::done(says).with("here", here).with("most", room.most())
        }
        Outcome::FileStored => Reply::done(says),
        Outcome::FileFound { about, .. } => Reply::done(says)
            .with("name", about.name.as_str())
            .with("type", about.kind.as_str())
            .with("size", about.size),
        Outcome::FileLinked { path, until } => {
            Reply::done(says).with("path", &*path).with("until", until.rfc3339())
        }
        Outcome::History(History { name, found, more, newer, past }) => {
            let reply = Reply::from(Body::History(name, found, more));
            let reply = if newer { reply.with("newer", true) } else { reply };
            self::past(reply, past)
        }
        Outcome::Found { all, before, .. } => {
            let reply = Reply::from(Body::Found(all, before.is_some()));
            before.into_iter().fold(reply, |reply, before| reply.with("before", before))
        }
        Outcome::Conversations { all, more } => Body::Conversations(all, more).into(),
        Outcome::Muted(all) => {
            let muted = |(conv, until): &(Box<str>, Option<Time>)| json!({"conv": conv, "until": until.map(|until| until.rfc3339())});
            Body::Entries(all.iter().map(muted).collect()).into()
        }
        Outcome::Presences(all) => Body::Entries(all.iter().map(presence).collect()).into(),
        Outcome::Profile(shown) => {
            let ShownProfile { user, name, about } = &*shown;
            let name = name.as_ref().map(|name| name.as_str());
            let shown = json!({"user": user.as_str(), "name": name, "about": about.as_str()});
            Body::Value(shown).into()
        }
        Outcome::Sessions(all) => Body::Entries(all.iter().map(session).collect()).into(),
        Outcome::Marked(id) => Reply::done(says).with("read", id),
        Outcome::InStep(cursor) => Reply::done(says).with("cursor", cursor.word()),
        Outcome::Changes { all, cursor, more } => {
            Reply::from(Body::Changes(all, more)).with("cursor", cursor.word())
        }
        Outcome::Watching { cursor, .. } => Reply::done(says).with("cursor", cursor.word()),
        // It is written as events.
        Outcome::CaughtUp { .. } => Reply::done(says),
        Outcome::BackedUp(done) => Reply::done(says)
            .with("messages", done.messages)
            .with("records", done.records)
            .with("bytes", done.bytes)
            .with("files", done.files)
            .with("lacking", done.lacking)
            .with("lacks", Value::from_iter(done.lacks.iter().map(|each| &**each))),
        Outcome::Pong { clock: None } => Reply::done(says),
        Outcome::Pong { clock: Some(clock) } => Reply::done(says).with("clock", clock.0),
        Outcome::RealmName(realm) => {
            Reply::from(Body::Value(VERSION.into())).with("realm", realm.as_deref())
        }
        Outcome::Noop => help(tag).into(),
        Outcome::Peers(peers) => Body::Value(link_list::shown(dialect(tag), &peers)).into(),
        Outcome::ThisRealm { name, host, port, key } => {
            let (realm, key) = (name.as_str(), key.map(|key| key.to_string()));
            let shown = json!({"realm": realm, "host": host, "port": port, "fingerprint": key});
            Body::Value(shown).into()
        }
        Outcome::Linked { realm, state, error } => {
            let reply = Reply::done(says).with("realm", realm.as_str());
            let reply = reply.with("state", link_list::state(state));
            match error {
                Some(error) => reply.with("error", error),
                None => reply,
            }
        }
        Outcome::Approved(key) => Reply::done(says).with("fingerprint", key.to_string()),
        Outcome::Invitation(invitation) => {
            Body::Value(invitation::print(&invitation).into()).into()
        }
        Outcome::UserInvited(invited) => {
            let (name, secret) = *invited;
            Reply::done(says).with("user", name.as_str()).with("invitation", &secret.reveal()[1..])
        }
        Outcome::Renamed(name) => Reply::done(says).with("realm", name.as_str()),
        Outcome::Greeted { realm, linked, can, now } => {
            let state = if linked { LinkState::Up } else { LinkState::Waiting };
            let reply = Reply::done(says).with("realm", realm.as_str());
            let reply = reply.with("state", link_list::state(state));
            let can = (can != Capabilities::NONE).then(|| can.print());
            let reply = can.into_iter().fold(reply, |reply, can| reply.with("can", can));
            now.into_iter().fold(reply, |reply, now| reply.with("now", now.as_str()))
        }
        Outcome::Tip(tip) => {
            Reply::from(Body::Messages(Listing::Messages, Vec::new(), false, None)).with("tip", tip)
        }
        Outcome::Following { from, log } => {
            let reply = Reply::done(says).with("epoch", log.epoch.to_string());
            let reply = reply.with("from", from.seq).with("chain", from.chain.to_string());
            ends(reply, &log)
        }
        Outcome::Diverged(log) => {
            ends(Reply::from(Code::Diverged).with("epoch", log.epoch.to_string()), &log)
        }
        Outcome::Chain(chain) => {
            Reply::done(says).with("chain", chain.map(|chain| chain.to_string()))
        }
    }
}

/// Says where to go on from a page on which nothing is shown.
fn past(reply: Reply, past: Option<Past>) -> Reply {
    match past {
        Some(Past::Before(id)) => reply.with("before", id),
        Some(Past::After(id)) => reply.with("after", id),
        None => reply,
    }
}

fn ends(reply: Reply, log: &LogEnds) -> Reply {
    let reply = reply.with("tip", log.tip).with("floor", log.floor.seq);
    reply.with("floor_chain", log.floor.chain.to_string())
}

fn presence(presence: &Presence) -> Value {
    presence_keys(presence).into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

fn presence_keys(presence: &Presence) -> Vec<(&'static str, Value)> {
    let Presence { user, availability, since, text } = presence;
    let since = since.map(|since| since.rfc3339());
    let mut keys = vec![
        ("user", (&**user).into()),
        ("state", availability.as_str().into()),
        ("since", since.into()),
    ];
    keys.extend(text.iter().map(|text| ("text", text.as_str().into())));
    keys
}

fn session(session: &OpenSession) -> Value {
    let OpenSession { id, client, address, since, used, current } = session;
    let client = client.as_ref().map(|client| client.as_str());
    let address = address.map(|address| address.to_string());
    let (since, used) = (since.rfc3339(), used.rfc3339());
    json!({
        "id": id.0, "client": client, "address": address, "since": since, "used": used,
        "current": current,
    })
}

fn user(user: &User) -> Value {
    let (name, created) = (user.name.as_str(), user.created.rfc3339());
    match user.locked {
        true => json!({"user": name, "admin": user.admin, "created": created, "locked": true}),
        false => json!({"user": name, "admin": user.admin, "created": created}),
    }
}

fn group(group: &ShownGroup) -> Value {
    let ShownGroup { name, record, owner, members, elsewhere, bans, messages, pairs } = group;
    let topic = record.topic.as_ref().map(|topic| topic.as_str());
    let mut shown = json!({
        "group": name, "owner": owner, "members": members, "bans": bans, "messages": messages,
        "topic": topic, "entry": record.entry.as_str(), "listed": record.listed,
        "announce": record.announce, "retention": record.retention, "created": record.created.rfc3339(),
    });
    if record.realms != RoomRealms::None {
        shown["realms"] = record.realms.to_string().into();
    }
    if record.past != PAST {
        shown["history"] = record.past.into();
    }
    if *elsewhere > 0 {
        shown["elsewhere"] = (*elsewhere).into();
    }
    if !pairs.is_empty() {
        shown["pairs"] = pairs.iter().map(|realm| realm.as_str()).collect();
    }
    shown
}

fn refused(row: Option<&Row>, tag: Tag, refused: Refused) -> Reply {
    let Refused { code, error, realm, owed } = refused;
    let usage = row.filter(|_| code == Code::BadParameters).map(|row| row.usage(dialect(tag)));
    let mut reply = Reply::from(Body::Refused(code, usage));
    if let Some(error) = error {
        let key = if code == Code::BackupFailed { "reason" } else { "error" };
        reply = reply.with(key, error);
    }
    if let Some(realm) = realm {
        reply = reply.with("realm", realm.as_str());
    }
    match owed {
        Some(owed) => reply.with("owed", owed),
        None => reply,
    }
}
