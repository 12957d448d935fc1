//! What a server says, in either dialect.

use crate::Refusal;
use antar_types::Token;
use serde_json::Value;

/// One object off the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The answer to a request.
    Reply(Reply),
    /// Something that happened, on a connection that watches.
    Event(Event),
}

impl Incoming {
    /// An object is an event where it has the key `event`.
    pub(crate) fn of(value: Value) -> Self {
        if value.get("event").is_some() {
            Self::Event(Event(value))
        } else {
            Self::Reply(Reply(value))
        }
    }
}

/// The answer to a request. Its methods understand the upper and the lower shape alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(pub Value);

impl Reply {
    /// Whether the request was carried out.
    pub fn ok(&self) -> bool {
        self.str("status") == Some("OK")
    }

    /// The sentence, of a success or of an error.
    pub fn text(&self) -> Option<&str> {
        self.str("data").or_else(|| self.str("message"))
    }

    /// Why the request was refused, for programs; `None` on success, and from servers that send
    /// no codes.
    pub fn code(&self) -> Option<&str> {
        self.str("code")
    }

    /// The token a login or a registration returned.
    pub fn token(&self) -> Option<Token> {
        let word = ["data", "tokenid", "tokenId"];
        word.iter().find_map(|key| Token::parse(self.str(key)?))
    }

    /// The id of a message that was sent.
    pub fn id(&self) -> Option<u64> {
        self.0.get("id")?.as_u64()
    }

    /// What stands under `data`, `messages` or `message`, whichever is there.
    pub fn data(&self) -> Option<&Value> {
        let keys = ["data", "messages", "message"];
        keys.iter().find_map(|key| self.0.get(key))
    }

    /// The names in a list of names (groups, members); empty where there is none. The lower
    /// `getgroups` gives an object, whose keys they are.
    pub fn names(&self) -> Vec<&str> {
        match self.data() {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The messages, oldest first; empty where there are none. An object from senders to lists is
    /// put back in the order of the ids.
    pub fn messages(&self) -> Vec<Message> {
        match self.data() {
            Some(Value::Array(list)) => list.iter().filter_map(Message::of).collect(),
            Some(Value::Object(senders)) => {
                let lists = senders.values().filter_map(Value::as_array);
                let mut all: Vec<Message> = lists.flatten().filter_map(Message::of).collect();
                all.sort_by_key(|message| message.id);
                all
            }
            _ => Vec::new(),
        }
    }

    /// The messages and what the reply says about them.
    pub fn page(&self) -> Page {
        Page { messages: self.messages(), more: self.flag("more"), stale: self.flag("stale") }
    }

    /// The string under a key.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// The number under a key.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_u64()
    }

    /// Whether a key is there and `true`.
    pub fn flag(&self, key: &str) -> bool {
        self.0.get(key) == Some(&Value::Bool(true))
    }

    /// The reply itself where it is OK.
    ///
    /// # Errors
    /// The refusal otherwise.
    pub fn accepted(self) -> Result<Self, Refusal> {
        if self.ok() {
            return Ok(self);
        }
        Err(Refusal {
            code: self.code().unwrap_or_default().to_owned(),
            text: self.text().unwrap_or_default().to_owned(),
            usage: self.str("usage").map(str::to_owned),
        })
    }
}

/// Something that happened, told to a connection that watches.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(pub Value);

impl Event {
    /// What kind it is: `message`, so far. Ignore kinds you do not know.
    pub fn kind(&self) -> &str {
        self.0.get("event").and_then(Value::as_str).unwrap_or_default()
    }

    /// The message that came, if that is what happened.
    pub fn message(&self) -> Option<Message> {
        Message::of(&self.0).filter(|_| self.kind() == "message")
    }

    /// Which inbox it went to: `private`, `group`, `realm` or `grouprealm`.
    pub fn mailbox(&self) -> Option<&str> {
        self.0.get("box")?.as_str()
    }
}

/// A message as a server showed it. Nothing in it is validated: a server may be another one than
/// ours, so escape it before it reaches a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Grows within a realm; `None` for what a plain link passed on.
    pub id: Option<u64>,
    /// RFC 3339, UTC, with milliseconds; `None` for what a plain link passed on.
    pub time: Option<String>,
    /// The sender.
    pub from: String,
    /// The recipient or the group.
    pub to: String,
    /// What was written; U+2028 is a line break.
    pub text: String,
    /// The realm it came from, unless that is this one.
    pub realm: Option<String>,
    /// The realm it went to, unless that is this one.
    pub to_realm: Option<String>,
    /// Set on a message the system wrote: the code of why another was not delivered.
    pub notice: Option<String>,
}

impl Message {
    /// Whether this user of this realm wrote it: names are the same in either case of their letters,
    /// and a user of the same name at another realm is somebody else.
    pub fn is_from(&self, user: &str) -> bool {
        self.realm.is_none() && self.from.eq_ignore_ascii_case(user)
    }

    fn of(value: &Value) -> Option<Self> {
        let str = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            id: value.get("id").and_then(Value::as_u64),
            time: str("time"),
            from: str("from").or_else(|| str("msg_from"))?,
            to: str("to").or_else(|| str("msg_to")).unwrap_or_default(),
            text: str("message").or_else(|| str("msg"))?,
            realm: str("realm"),
            to_realm: str("to_realm"),
            notice: str("notice"),
        })
    }
}

/// A stretch of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Something is left in the direction asked for.
    pub more: bool,
    /// The other realm did not answer: this is what was known before.
    pub stale: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_text::Dialect;
    use antar_types::{Away, BoxKind, Name, Text, Time};
    use serde_json::json;

    fn reply(value: Value) -> Reply {
        match Incoming::of(value) {
            Incoming::Reply(reply) => reply,
            Incoming::Event(event) => panic!("{event:?}"),
        }
    }

    #[test]
    fn success_error_and_token_in_both_dialects() {
        let token = Token::new([9; 32]);
        let word = token.reveal();
        for value in [
            json!({"status": "OK", "data": word}),
            json!({"status": "OK", "tokenId": word, "tokenid": word}),
        ] {
            assert_eq!(reply(value).token(), Some(token.clone()));
        }
        for key in ["data", "message"] {
            let error =
                reply(json!({"status": "ERROR", key: "Password salah", "code": "wrong_password"}));
            assert!(!error.ok());
            assert_eq!(error.text(), Some("Password salah"));
            let refusal = error.accepted().unwrap_err();
            assert_eq!(refusal.code, "wrong_password");
            assert_eq!(refusal.to_string(), "Password salah (wrong_password)");
        }
    }

    #[test]
    fn messages_in_every_listing() {
        let upper =
            |id: u64, from: &str| json!({"id": id, "from": from, "to": "me", "message": "x"});
        let lower =
            |id: u64, from: &str| json!({"id": id, "msg_from": from, "msg_to": "me", "msg": "x"});
        for value in [
            json!({"status": "OK", "data": [upper(1, "amy"), upper(2, "zoe"), upper(3, "amy")]}),
            json!({"status": "OK", "messages": [lower(1, "amy"), lower(2, "zoe"), lower(3, "amy")]}),
            json!({"status": "OK", "message": [lower(1, "amy"), lower(2, "zoe"), lower(3, "amy")]}),
            json!({"status": "OK", "messages": {"amy": [lower(1, "amy"), lower(3, "amy")], "zoe": [lower(2, "zoe")]}}),
        ] {
            let list = reply(value).messages();
            let short: Vec<_> = list.iter().map(|m| (m.id.unwrap(), m.from.as_str())).collect();
            assert_eq!(short, [(1, "amy"), (2, "zoe"), (3, "amy")]);
            assert!(list.iter().all(|m| m.to == "me" && m.text == "x"));
        }
    }

    #[test]
    fn events_as_the_server_writes_them() {
        let [from, to] = ["amy", "team"].map(|name| Name::parse(name).unwrap());
        let text = Text::parse("hé", 99).unwrap();
        let message = antar_types::Message {
            realm: Name::parse("beta").map(Away::From),
            ..antar_types::Message::new(5, Time(0), from, to, text)
        };
        let mut bytes = Vec::new();
        antar_text::encode_notification(BoxKind::GroupRealm, &message, Dialect::Lower, &mut bytes);
        let mut replies = crate::Replies::new(1000);
        replies.feed(&bytes);
        let Ok(Some(Incoming::Event(event))) = replies.pop() else { panic!("no event") };
        assert_eq!(event.mailbox(), Some("grouprealm"));
        let seen = event.message().unwrap();
        assert_eq!(
            (seen.id, seen.text.as_str(), seen.realm.as_deref()),
            (Some(5), "hé", Some("beta"))
        );
    }

    #[test]
    fn names_from_lists_and_objects() {
        assert_eq!(reply(json!({"status": "OK", "data": ["a", "b"]})).names(), ["a", "b"]);
        let object = json!({"status": "OK", "message": {"a": {"nama": "a"}, "b": {}}});
        assert_eq!(reply(object).names(), ["a", "b"]);
        assert!(reply(json!({"status": "OK", "data": "x"})).names().is_empty());
    }
}
