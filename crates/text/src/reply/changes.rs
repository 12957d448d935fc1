//! What changes, as SYNC lists it and as a watch is told it.

use super::fields::{profile_fields, until_field, write_object};
use crate::Dialect;
use crate::json::{field, number, text_field};
use crate::message::conversation_fields;
use antar_domain::{GroupNews, Silence, Told, ToldAt};
use antar_types::END;

/// Appends a change as an event, which has the cursor of whoever was told it.
pub fn encode_change(at: &ToldAt, charset: Dialect, out: &mut Vec<u8>) {
    write_object(out, |out| {
        fields(&at.told, "event", charset, out);
        text_field(out, charset, "cursor", &at.cursor.to_string());
    });
    out.extend_from_slice(END);
}

/// Appends the fields of a change, each led by a comma; what it is is under `kind`.
pub fn fields(told: &Told, kind: &str, charset: Dialect, out: &mut Vec<u8>) {
    match told {
        Told::Message { conversation, message } => {
            text_field(out, charset, kind, "message");
            conversation_fields(message, conversation, charset, out);
        }
        Told::Rewritten { what, conversation, message } => {
            text_field(out, charset, kind, what.as_str());
            conversation_fields(message, conversation, charset, out);
        }
        Told::Read { conversation, read } => {
            text_field(out, charset, kind, "read");
            text_field(out, charset, "conv", conversation);
            number(out, "read", *read);
        }
        Told::Delivered { conversation, id } => {
            text_field(out, charset, kind, "delivered");
            text_field(out, charset, "conv", conversation);
            number(out, "id", *id);
        }
        Told::Placed { conversation, was, id } => {
            text_field(out, charset, kind, "placed");
            text_field(out, charset, "conv", conversation);
            number(out, "was", *was);
            match id {
                Some(id) => number(out, "id", *id),
                None => field(out, charset, "refused", &true),
            }
        }
        Told::Member(change) => {
            text_field(out, charset, kind, change.what.as_str());
            text_field(out, charset, "conv", &format!("#{}", &*change.group));
            text_field(out, charset, "user", &change.user);
            text_field(out, charset, "by", &change.by);
        }
        Told::Group(change) => {
            text_field(out, charset, kind, change.what.as_str());
            text_field(out, charset, "conv", &format!("#{}", &*change.group));
            news_fields(&change.what, charset, out);
            text_field(out, charset, "by", &change.by);
        }
        Told::Muted { conversation, muted } => {
            text_field(out, charset, kind, "muted");
            text_field(out, charset, "conv", conversation);
            field(out, charset, "muted", &muted.is_some());
            until_field(*muted, charset, out);
        }
        Told::Blocked { conversation, blocked } => {
            text_field(out, charset, kind, "blocked");
            text_field(out, charset, "conv", conversation);
            field(out, charset, "blocked", blocked);
        }
        Told::Profile(shown) => {
            text_field(out, charset, kind, "profile");
            profile_fields(shown, charset, out);
        }
        Told::Session { id, what } => {
            text_field(out, charset, kind, "session");
            number(out, "id", id.0);
            text_field(out, charset, "state", what.as_str());
        }
    }
}

/// Appends what is different of a group.
fn news_fields(news: &GroupNews, charset: Dialect, out: &mut Vec<u8>) {
    match news {
        GroupNews::Role(user, role) => {
            text_field(out, charset, "user", user);
            text_field(out, charset, "role", role.as_str());
        }
        GroupNews::Silenced(user, silence) => {
            text_field(out, charset, "user", user);
            match silence {
                Silence::Until(end) => text_field(out, charset, "until", &end.rfc3339()),
                Silence::Lasting => {}
                Silence::Ended => field(out, charset, "ended", &true),
            }
        }
        GroupNews::Topic(topic) => text_field(out, charset, "topic", topic.as_str()),
        GroupNews::Settings(entry, listed, announce) => {
            text_field(out, charset, "entry", entry.as_str());
            field(out, charset, "listed", listed);
            field(out, charset, "announce", announce);
        }
        GroupNews::Retention(Some(days)) => number(out, "retention", u64::from(*days)),
        GroupNews::Retention(None) => text_field(out, charset, "retention", "realm"),
        GroupNews::Closed => {}
    }
}
