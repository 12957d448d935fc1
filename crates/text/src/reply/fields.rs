//! Events and conversations as JSON: each field is led by a comma.

use crate::Dialect;
use crate::json::{field, key, number, text_field, write_text};
use crate::message::{conversation_fields, fields};
use antar_domain::{Overview, ShownProfile};
use antar_types::{BoxKind, END, Message, Time};
use serde_json::Value;

/// Writes a list of objects, each with the fields that `fields` appends.
pub(super) fn write_list<T>(
    out: &mut Vec<u8>,
    list: impl Iterator<Item = T>,
    fields: impl Fn(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (i, entry) in list.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_object(out, |out| fields(entry, out));
    }
    out.push(b']');
}

/// Writes `{…}` around fields that each bring a leading comma.
pub(super) fn write_object(out: &mut Vec<u8>, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    fields(out);
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

/// Appends what a watching connection receives: a flat object, the message in the upper shape,
/// in the character set of the dialect that asked for it (protocol section 5).
pub fn encode_notification(kind: BoxKind, message: &Message, dialect: Dialect, out: &mut Vec<u8>) {
    encode_message(kind, message, None, dialect, out);
}

/// The same; of a group of another realm, how that is addressed.
pub(crate) fn encode_message(
    kind: BoxKind,
    message: &Message,
    group: Option<&str>,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(br#"{"event":"message""#);
    text_field(out, dialect, "box", kind.as_str());
    fields(message, group, Dialect::Upper, dialect, out);
    out.push(b'}');
    out.extend_from_slice(END);
}

/// Appends an event with these keys.
pub(crate) fn encode_event(
    event: &str,
    keys: &[(&str, Value)],
    charset: Dialect,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"event\":");
    write_text(out, charset, event);
    keys.iter().for_each(|(key, value)| field(out, charset, key, value));
    out.push(b'}');
    out.extend_from_slice(END);
}

/// Appends the fields of a conversation in a list.
pub(super) fn overview_fields(overview: &Overview, charset: Dialect, out: &mut Vec<u8>) {
    text_field(out, charset, "conv", &overview.name);
    key(out, "last");
    match &overview.last {
        Some(last) => write_object(out, |out| {
            conversation_fields(last, &overview.name, charset, out);
        }),
        None => out.extend_from_slice(b"null"),
    }
    number(out, "read", overview.read);
    number(out, "unread", overview.unread);
    number(out, "mentions", overview.mentions);
    if let Some(topic) = &overview.topic {
        text_field(out, charset, "topic", topic.as_str());
    }
    if let Some(members) = overview.members {
        number(out, "members", members as u64);
    }
    if let Some(role) = overview.role {
        text_field(out, charset, "role", role.as_str());
    }
    if overview.muted.is_some() {
        field(out, charset, "muted", &true);
        until_field(overview.muted, charset, out);
    }
    if overview.blocked {
        field(out, charset, "blocked", &true);
    }
}

/// Appends until when a conversation is muted, where there is an end.
pub(super) fn until_field(muted: Option<Option<Time>>, charset: Dialect, out: &mut Vec<u8>) {
    if let Some(until) = muted.flatten() {
        text_field(out, charset, "until", &until.rfc3339());
    }
}

/// Appends the fields of what a user tells.
pub(super) fn profile_fields(shown: &ShownProfile, charset: Dialect, out: &mut Vec<u8>) {
    let ShownProfile { user, name, about } = shown;
    text_field(out, charset, "user", user);
    let name = name.as_ref().map(|name| name.as_str());
    field(out, charset, "name", &name);
    text_field(out, charset, "about", about.as_str());
}
