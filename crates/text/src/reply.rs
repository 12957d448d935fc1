//! Replies and notifications, and the one place where each gets its shape.

mod changes;
mod fields;

pub(crate) use self::changes::encode_change;
pub use self::fields::encode_notification;
pub(crate) use self::fields::{encode_event, encode_message};

use self::fields::{overview_fields, write_list};
use crate::Dialect;
use crate::json::{field, key, number, text_field, write_text};
use crate::message::{conversation_fields, fields};
use antar_domain::{Overview, Told};
use antar_types::{Code, END, List, Message, Token};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;

/// A success text that the two documents may spell differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// As `protocol-lower.txt` has it.
    pub lower: &'static str,
    /// As `protocol-upper.txt` has it.
    pub upper: &'static str,
}

impl Phrase {
    /// A text spelled the same in both.
    pub const fn same(text: &'static str) -> Self {
        Self { lower: text, upper: text }
    }

    fn of(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Lower => self.lower,
            Dialect::Upper => self.upper,
        }
    }
}

/// How a lower reply shows a list of messages; an upper one always has a list under `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// A list under `messages`.
    #[default]
    Messages,
    /// A list under `message`.
    Message,
    /// Under `messages`, an object from each sender to the list of what they sent.
    BySender,
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Done.
    Done(Phrase),
    /// A message was taken: its id, and the group it went to where the request could leave it open.
    Sent(Phrase, u64, Option<Arc<str>>),
    /// A session was opened.
    Session(Token),
    /// Refused, and how the request should have looked where that was what was wrong.
    Refused(Code, Option<String>),
    /// A text or a value, in both shapes the same (`message` / `data`).
    Value(Value),
    /// A list of texts, the same way. Many replies may have the same one.
    List(List),
    /// Groups by name, each with the members that may be seen: those are given with their group's place
    /// among the names, in order.
    Groups(List, Vec<(usize, List)>),
    /// Messages, oldest first, and whether more are left in the direction asked for; of a group of another realm, how
    /// that is addressed.
    Messages(Listing, Vec<Message>, bool, Option<Box<str>>),
    /// Messages of a conversation with how its reader addresses it, oldest first, and whether more are left
    /// in the direction asked for.
    History(Box<str>, Vec<Message>, bool),
    /// Messages of several conversations, each with how its reader addresses that, and whether there may be more.
    Found(Vec<(Box<str>, Message)>, bool),
    /// A list of objects, under the key of such lists.
    Entries(Vec<Value>),
    /// What is new, in order, and whether there is more.
    Changes(Vec<Told>, bool),
    /// Conversations, those with the latest message first, and whether there are more.
    Conversations(Vec<Overview>, bool),
}

/// A reply: its body and whatever else it tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What it says.
    pub body: Body,
    /// Further keys, after those of the body.
    pub extra: Vec<(&'static str, Value)>,
}

impl From<Body> for Reply {
    fn from(body: Body) -> Self {
        Self { body, extra: Vec::new() }
    }
}

impl From<Code> for Reply {
    fn from(code: Code) -> Self {
        Body::Refused(code, None).into()
    }
}

impl Reply {
    /// A plain success.
    pub fn done(phrase: Phrase) -> Self {
        Body::Done(phrase).into()
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((key, value.into()));
        self
    }

    /// Whether the request was refused, and why.
    pub fn refusal(&self) -> Option<Code> {
        match self.body {
            Body::Refused(code, _) => Some(code),
            _ => None,
        }
    }

    /// Appends the reply and its end mark in the given shape (protocol section 2).
    pub fn encode(&self, dialect: Dialect, out: &mut Vec<u8>) {
        let text_key = match dialect {
            Dialect::Lower => "message",
            Dialect::Upper => "data",
        };
        let status: &[u8] = match self.body {
            Body::Refused(..) => br#"{"status":"ERROR""#,
            _ => br#"{"status":"OK""#,
        };
        out.extend_from_slice(status);
        match &self.body {
            Body::Done(phrase) => text_field(out, dialect, text_key, phrase.of(dialect)),
            Body::Sent(phrase, id, group) => {
                text_field(out, dialect, text_key, phrase.of(dialect));
                number(out, "id", *id);
                if let Some(group) = group {
                    text_field(out, dialect, "group", group);
                }
            }
            Body::Session(token) => {
                let keys: &[&str] = match dialect {
                    Dialect::Lower => &["tokenId", "tokenid"],
                    Dialect::Upper => &["data"],
                };
                keys.iter().for_each(|key| text_field(out, dialect, key, &token.reveal()));
            }
            Body::Refused(code, usage) => {
                text_field(out, dialect, text_key, code.text());
                text_field(out, dialect, "code", code.as_str());
                if let Some(usage) = usage {
                    text_field(out, dialect, "usage", usage);
                }
            }
            Body::Value(value) => field(out, dialect, text_key, value),
            Body::List(texts) => field(out, dialect, text_key, texts),
            Body::Groups(names, members) => {
                field(out, dialect, text_key, &Groups { names, members });
            }
            Body::Messages(listing, messages, more, group) => {
                write_listing(out, dialect, *listing, (messages, group.as_deref()));
                if *more {
                    field(out, dialect, "more", &true);
                }
            }
            Body::Entries(all) => field(out, dialect, list_key(dialect), all),
            Body::Changes(all, more) => {
                key(out, list_key(dialect));
                write_list(out, all.iter(), |told, out| {
                    changes::fields(told, "change", dialect, out);
                });
                if *more {
                    field(out, dialect, "more", &true);
                }
            }
            Body::Conversations(all, more) => {
                key(out, list_key(dialect));
                write_list(out, all.iter(), |each, out| overview_fields(each, dialect, out));
                if *more {
                    field(out, dialect, "more", &true);
                }
            }
            Body::Found(all, more) => {
                key(out, list_key(dialect));
                write_list(out, all.iter(), |(conversation, message), out| {
                    conversation_fields(message, conversation, dialect, out);
                });
                if *more {
                    field(out, dialect, "more", &true);
                }
            }
            Body::History(conversation, messages, more) => {
                key(out, list_key(dialect));
                let each = |message, out: &mut Vec<u8>| {
                    conversation_fields(message, conversation, dialect, out);
                };
                write_list(out, messages.iter(), each);
                if *more {
                    field(out, dialect, "more", &true);
                }
            }
        }
        for (key, value) in &self.extra {
            match value {
                Value::String(text) => text_field(out, dialect, key, text),
                value => field(out, dialect, key, value),
            }
        }
        out.push(b'}');
        out.extend_from_slice(END);
    }
}

/// The form in which the existing clients read groups.
struct Groups<'a> {
    names: &'a List,
    members: &'a [(usize, List)],
}

#[derive(Serialize)]
struct Group<'a> {
    nama: &'a str,
    members: &'a [Arc<str>],
}

impl Serialize for Groups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut visible = self.members.iter().peekable();
        serializer.collect_map(self.names.iter().enumerate().map(|(place, name)| {
            let members = visible.next_if(|(of, _)| *of == place);
            let members = members.map_or(&[][..], |(_, members)| members);
            (name, Group { nama: name, members })
        }))
    }
}

fn write_listing(
    out: &mut Vec<u8>,
    dialect: Dialect,
    listing: Listing,
    (messages, group): (&[Message], Option<&str>),
) {
    let (key, by_sender) = match (dialect, listing) {
        (Dialect::Upper, _) => ("data", false),
        (Dialect::Lower, Listing::Message) => ("message", false),
        (Dialect::Lower, Listing::Messages) => ("messages", false),
        (Dialect::Lower, Listing::BySender) => ("messages", true),
    };
    crate::json::key(out, key);
    let each = |message, out: &mut Vec<u8>| fields(message, group, dialect, dialect, out);
    if !by_sender {
        return write_list(out, messages.iter(), each);
    }
    let mut senders: Vec<&str> = Vec::new();
    let mut lists: std::collections::BTreeMap<&str, Vec<&Message>> = Default::default();
    for message in messages {
        let list = lists.entry(message.sender()).or_default();
        if list.is_empty() {
            senders.push(message.sender());
        }
        list.push(message);
    }
    out.push(b'{');
    for (i, sender) in senders.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_text(out, dialect, sender);
        out.push(b':');
        write_list(out, lists.remove(sender).unwrap_or_default().into_iter(), each);
    }
    out.push(b'}');
}

/// The key of a list of what is in conversations.
fn list_key(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Lower => "messages",
        Dialect::Upper => "data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::{BoxKind, Name, Text, Time};

    fn encoded(reply: impl Into<Reply>, dialect: Dialect) -> String {
        let mut out = Vec::new();
        reply.into().encode(dialect, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn message(id: u64, from: &str, text: &str) -> Message {
        let [from, to] = [from, "bob"].map(|name| Name::parse(name).unwrap());
        Message::new(id, Time(0), from, to, Text::parse(text, 99).unwrap())
    }

    #[test]
    fn both_shapes_of_success_and_error() {
        let sent = Phrase { lower: "Message Sent", upper: "Message sent" };
        assert_eq!(
            encoded(Reply::done(sent), Dialect::Lower),
            "{\"status\":\"OK\",\"message\":\"Message Sent\"}\r\n\r\n"
        );
        assert_eq!(
            encoded(Body::Sent(sent, 7, None), Dialect::Upper),
            "{\"status\":\"OK\",\"data\":\"Message sent\",\"id\":7}\r\n\r\n"
        );
        assert_eq!(
            encoded(Code::NoSession, Dialect::Upper),
            "{\"status\":\"ERROR\",\"data\":\"Session tidak ditemukan\",\"code\":\"no_session\"}\r\n\r\n"
        );
    }

    #[test]
    fn a_token_has_two_spellings_in_lower() {
        let token = Token::new([0; 32]);
        let t = token.reveal();
        assert_eq!(
            encoded(Body::Session(token), Dialect::Lower),
            format!("{{\"status\":\"OK\",\"tokenId\":\"{t}\",\"tokenid\":\"{t}\"}}\r\n\r\n")
        );
    }

    #[test]
    fn lists_by_sender_keep_the_order_and_lower_is_ascii() {
        let list = vec![message(1, "zoe", "é🦀"), message(2, "amy", "x"), message(3, "zoe", "y")];
        let body = Body::Messages(Listing::BySender, list, true, None);
        let lower = encoded(body.clone(), Dialect::Lower);
        assert!(lower.is_ascii());
        assert!(lower.starts_with(
            "{\"status\":\"OK\",\"messages\":{\"zoe\":[{\"id\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\
             \"msg_from\":\"zoe\",\"msg_to\":\"bob\",\"msg\":\"\\u00e9\\ud83e\\udd80\"},{\"id\":3"
        ));
        assert!(lower.ends_with("\"msg\":\"x\"}]},\"more\":true}\r\n\r\n"));
        assert!(encoded(body, Dialect::Upper).contains("\"message\":\"é🦀\""));
    }

    #[test]
    fn events_are_flat_and_upper() {
        let mut out = Vec::new();
        encode_notification(BoxKind::Private, &message(1, "amy", "é"), Dialect::Lower, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"event\":\"message\",\"box\":\"private\",\"id\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\
             \"from\":\"amy\",\"to\":\"bob\",\"message\":\"\\u00e9\"}\r\n\r\n"
        );
    }
}
