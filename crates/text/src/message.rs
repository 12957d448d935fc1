//! A message as JSON: in the documents' lists, and in a conversation.

use crate::Dialect;
use crate::json::{key, number, text_field, write_text};
use antar_types::{Away, Extras, File, FileAbout, Message, Reaction, Reactions};

/// Appends the fields of a message, each led by a comma, under the names of `keys`, in the character set of
/// `charset` (a notification asked for in lower case has upper names and ASCII text). What was said in a group of another
/// realm went to that group, as it is addressed here.
pub(crate) fn fields(
    message: &Message,
    group: Option<&str>,
    keys: Dialect,
    charset: Dialect,
    out: &mut Vec<u8>,
) {
    let [from, to, text] = match keys {
        Dialect::Lower => ["msg_from", "msg_to", "msg"],
        Dialect::Upper => ["from", "to", "message"],
    };
    if message.id > 0 {
        number(out, "id", message.id);
        // What came from another realm shows when that took it.
        text_field(out, charset, "time", &message.sent().rfc3339());
    }
    text_field(out, charset, from, message.sender());
    text_field(out, charset, to, group.unwrap_or(message.to.as_str()));
    // What was deleted keeps its place, so that a page never ends where nothing is left to go on from.
    text_field(out, charset, text, message.text.as_str());
    origin_fields(message, charset, out);
    if message.is_deleted() {
        flag(out, "deleted");
    }
    if let Some(file) = message.file() {
        file_field(file, charset, out);
    }
}

/// Appends where a message came from or went to, and why another came back.
fn origin_fields(message: &Message, charset: Dialect, out: &mut Vec<u8>) {
    match &message.realm {
        Some(Away::From(realm) | Away::FromShown(realm, _) | Away::FromAccount(realm, _)) => {
            text_field(out, charset, "realm", realm.as_str())
        }
        Some(Away::To(realm)) => text_field(out, charset, "to_realm", realm.as_str()),
        None => {}
    }
    if let Some(notice) = message.notice {
        text_field(out, charset, "notice", notice.as_str());
    }
}

/// Appends the fields of a message in a conversation, each led by a comma: they have the same names in both
/// shapes. What only its sender is shown has been left off for others ([`antar_domain::Reader::shows`]).
pub(crate) fn conversation_fields(
    message: &Message,
    conversation: &str,
    charset: Dialect,
    out: &mut Vec<u8>,
) {
    number(out, "id", message.id);
    text_field(out, charset, "time", &message.time.rfc3339());
    text_field(out, charset, "conv", conversation);
    text_field(out, charset, "from", message.sender());
    if !message.is_deleted() {
        text_field(out, charset, "message", message.text.as_str());
    }
    origin_fields(message, charset, out);
    if let Some(extras) = &message.extras {
        extra_fields(extras, charset, out);
    }
}

/// Appends what only some messages have.
fn extra_fields(extras: &Extras, charset: Dialect, out: &mut Vec<u8>) {
    let Extras {
        kind,
        reply,
        reference,
        sent,
        edited,
        deleted,
        reactions,
        delivered,
        file,
        pending,
        lost,
        ..
    } = extras;
    if let Some(kind) = kind {
        text_field(out, charset, "kind", kind.as_str());
    }
    if let Some(reply) = reply {
        number(out, "reply", *reply);
    }
    if let Some(reference) = reference {
        text_field(out, charset, "ref", reference.as_str());
    }
    if let Some(sent) = sent {
        text_field(out, charset, "sent", &sent.rfc3339());
    }
    if let Some(edited) = edited {
        text_field(out, charset, "edited", &edited.rfc3339());
    }
    if *deleted {
        flag(out, "deleted");
    }
    if !reactions.0.is_empty() {
        reactions_field(reactions, charset, out);
    }
    if *delivered {
        flag(out, "delivered");
    }
    if *lost {
        flag(out, "lost");
    }
    if *pending {
        flag(out, "pending");
    }
    if let Some(file) = file {
        file_field(file, charset, out);
    }
}

/// Appends the file that comes with a message.
fn file_field(file: &File, charset: Dialect, out: &mut Vec<u8>) {
    let File { hash, about: FileAbout { name, kind, size, picture } } = file;
    key(out, "file");
    out.extend_from_slice(b"{\"sha256\":");
    write_text(out, charset, &hash.to_string());
    text_field(out, charset, "name", name.as_str());
    text_field(out, charset, "type", kind.as_str());
    number(out, "size", *size);
    if let Some((width, height)) = picture {
        number(out, "width", (*width).into());
        number(out, "height", (*height).into());
    }
    out.push(b'}');
}

/// Appends who has reacted how, as an object from each kind to names.
fn reactions_field(Reactions(all): &Reactions, charset: Dialect, out: &mut Vec<u8>) {
    key(out, "reactions");
    out.push(b'{');
    for (n, Reaction { emoji, who }) in all.iter().enumerate() {
        out.extend_from_slice(if n > 0 { b"," } else { b"" });
        write_text(out, charset, emoji.as_str());
        out.extend_from_slice(b":[");
        for (n, reactor) in who.iter().enumerate() {
            out.extend_from_slice(if n > 0 { b"," } else { b"" });
            write_text(out, charset, &reactor.name);
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn flag(out: &mut Vec<u8>, name: &'static str) {
    key(out, name);
    out.extend_from_slice(b"true");
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::{
        Emoji, FileHash, FileName, FileType, MessageKind, Name, Reactor, Reference, Text, Time,
    };

    fn message(extras: Extras) -> Message {
        let [from, to] = ["amy", "bob"].map(|name| Name::parse(name).unwrap());
        let extras = extras.boxed();
        Message { extras, ..Message::new(7, Time(1000), from, to, Text::parse("hi", 9).unwrap()) }
    }

    fn file() -> File {
        let (name, kind) = (FileName::cleaned("caé.png"), FileType::parse("image/png").unwrap());
        let about = FileAbout { name, kind, size: 9, picture: Some((3, 2)) };
        File { hash: FileHash::from([0xab; 32]), about }
    }

    fn reactions() -> Reactions {
        let mut all = Reactions::default();
        for (emoji, account, name) in [("❤", 1, "amy"), ("é", 1, "amy"), ("❤", 2, "zoe")] {
            let emoji = Emoji::parse(emoji).unwrap();
            all.add(&emoji, Reactor { peer: 0, account, name: name.into() }).unwrap();
        }
        all
    }

    fn shown(extras: Extras, charset: Dialect) -> String {
        let mut out = Vec::new();
        conversation_fields(&message(extras), "bob", charset, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_shows_what_applies_and_nothing_else() {
        let head = r#","id":7,"time":"1970-01-01T00:00:01.000Z","conv":"bob","from":"amy""#;
        let text = r#","message":"hi""#;
        assert_eq!(shown(Extras::default(), Dialect::Upper), format!("{head}{text}"));
        let all = Extras {
            kind: Some(MessageKind::Action),
            reply: Some(3),
            reference: Reference::parse("r-1"),
            sent: Some(Time(0)),
            edited: Some(Time(2000)),
            deleted: false,
            reactions: reactions(),
            carried: None,
            delivered: true,
            file: Some(file().into()),
            place: Some(9),
            asked: Some(4),
            pending: true,
            lost: true,
        };
        let extras = r#","kind":"action","reply":3,"ref":"r-1","sent":"1970-01-01T00:00:00.000Z""#;
        let edited = r#","edited":"1970-01-01T00:00:02.000Z""#;
        let reacted = r#","reactions":{"❤":["amy","zoe"],"\u00e9":["amy"]}"#;
        let hash = "ab".repeat(32);
        let named =
            format!(r#""sha256":"{hash}","name":"ca\u00e9.png","type":"image/png","size":9"#);
        let reacted = format!(
            r#"{reacted},"delivered":true,"lost":true,"pending":true,"file":{{{named},"width":3,"height":2}}"#
        );
        let reacted = [reacted.replace("\\u00e9", "é"), reacted.replace('❤', "\\u2764")];
        for (charset, reacted) in [Dialect::Upper, Dialect::Lower].into_iter().zip(reacted) {
            let expected = format!("{head}{text}{extras}{edited}{reacted}");
            assert_eq!(shown(all.clone(), charset), expected);
        }
    }

    #[test]
    fn a_deleted_message_has_no_text() {
        let deleted = Extras { deleted: true, ..Extras::default() };
        let expected =
            r#","id":7,"time":"1970-01-01T00:00:01.000Z","conv":"bob","from":"amy","deleted":true"#;
        assert_eq!(shown(deleted.clone(), Dialect::Upper), expected);
        // The documents' clients expect a text.
        let (mut out, mut message) = (Vec::new(), message(deleted));
        message.text = Text::empty();
        fields(&message, None, Dialect::Lower, Dialect::Lower, &mut out);
        let shown = String::from_utf8(out).unwrap();
        assert!(shown.ends_with(r#""msg":"","deleted":true"#), "{shown}");
    }

    #[test]
    fn the_documents_lists_show_when_the_senders_realm_took_it() {
        let mut out = Vec::new();
        let extras = Extras { sent: Some(Time(0)), reply: Some(3), ..Extras::default() };
        fields(&message(extras), None, Dialect::Upper, Dialect::Upper, &mut out);
        let shown = String::from_utf8(out).unwrap();
        let expected =
            r#","id":7,"time":"1970-01-01T00:00:00.000Z","from":"amy","to":"bob","message":"hi""#;
        assert_eq!(shown, expected);
    }
}
