//! The one place where an outcome becomes a reply.

use super::door::{self, dialect};
use super::row::Row;
use crate::{Outcome, Refused, Tag};
use antar_types::{Body, BoxKind, Code, Message, Phrase, Reply, encode_notification};

/// Appends what a request is answered, in its own dialect.
pub fn write(tag: Tag, outcome: Outcome, out: &mut Vec<u8>) {
    reply(tag, outcome).encode(dialect(tag), out);
}

/// Appends what a watching connection receives, in the dialect of its WATCH.
pub fn write_notification(tag: Tag, kind: BoxKind, message: &Message, out: &mut Vec<u8>) {
    encode_notification(kind, message, dialect(tag), out);
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
        Outcome::Messages(page) => {
            let listing = row.map(|row| row.listing).unwrap_or_default();
            let reply = Reply::from(Body::Messages(listing, page.found, page.more));
            if page.stale { reply.with("stale", true) } else { reply }
        }
        Outcome::Line(reply) => reply,
    }
}

fn refused(row: Option<&Row>, tag: Tag, refused: Refused) -> Reply {
    let Refused { code, error, realm, owed } = refused;
    let usage = row.filter(|_| code == Code::BadParameters).map(|row| row.usage(dialect(tag)));
    let mut reply = Reply::from(Body::Refused(code, usage));
    if let Some(error) = error {
        reply = reply.with("error", error);
    }
    if let Some(realm) = realm {
        reply = reply.with("realm", realm.as_str());
    }
    match owed {
        Some(owed) => reply.with("owed", owed),
        None => reply,
    }
}
