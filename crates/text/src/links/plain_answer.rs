//! What a plain peer answers, read with bounds and off the domain's thread.
//!
//! Its answers are JSON of any size and shape. Whoever asks it reads the bytes into a [`Told`], which
//! holds so many messages and nothing else; only that gets to the domain.

use antar_domain::links::{Listed, MOST_LISTED as MOST, Told};
use antar_types::Text;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// Bytes of what it says in words; its sentences are short.
const SAID: usize = 200;

/// Bytes of a name that are kept: no name is so long, and no more of another is shown.
const NAME: usize = 256;

/// What they answer where there is nothing to read.
const NOTHING: &str = "informasi tidak ditemukan";

/// What their document and ours answer where a realm is not linked.
const FORGOTTEN: &str = "realm belum ada";

/// How they begin to speak of groups.
const GROUP: [&str; 2] = ["group", "grup"];

/// Reads an answer; of one that was `cut` what there is of it. Rubbish tells nothing.
pub fn plain_answer(answer: &[u8], cut: bool) -> Told {
    let mut top = Top::default();
    let mut reader = serde_json::Deserializer::from_slice(answer);
    let read = reader.deserialize_map(&mut top).and_then(|()| match cut {
        true => Ok(()),
        false => reader.end(),
    });
    if read.is_err() && !cut {
        return Told::default();
    }
    let words = if top.message.there { &top.message.words } else { &top.data.words };
    let said = words.as_deref().unwrap_or_default().to_lowercase();
    let numbered = top.messages.numbered;
    let shown = [top.messages, top.message, top.data].into_iter().find(|field| field.there);
    let (list, more) = shown.map_or((None, false), |field| (field.list, field.cut));
    let list = match top.ok {
        true => list.map(|mut list| {
            list.reverse();
            list.into()
        }),
        false => said.contains(NOTHING).then(Arc::default),
    };
    let forgot = said.contains(FORGOTTEN);
    let of_group = GROUP.iter().any(|word| said.contains(word));
    Told { ok: top.ok, said, forgot, of_group, list, cut: cut || more, numbered }
}

/// Nothing of a value of a kind that is not expected matters, and that it is there is no error.
macro_rules! ignoring {
    ($($visit:ident: $kind:ty),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        $(fn $visit<E>(self, _: $kind) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

/// The object that an answer is.
#[derive(Default)]
struct Top {
    ok: bool,
    messages: Field,
    message: Field,
    data: Field,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Status,
    Messages,
    Message,
    Data,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for &mut Top {
    type Value = ();
    ignoring!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key()? {
            match key {
                Key::Status => self.ok = map.next_value::<Word>()?.0.as_deref() == Some("OK"),
                Key::Messages => map.next_value_seed(&mut self.messages)?,
                Key::Message => map.next_value_seed(&mut self.message)?,
                Key::Data => map.next_value_seed(&mut self.data)?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Where an answer has its words or its list. What was read stays where the rest cannot be.
#[derive(Default)]
struct Field {
    there: bool,
    words: Option<String>,
    list: Option<Vec<Listed>>,
    numbered: bool,
    cut: bool,
    /// It is an object from each sender to a list.
    by_sender: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Field {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, field: D) -> Result<(), D::Error> {
        self.there = true;
        field.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Field {
    type Value = ();
    ignoring!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_str<E>(self, words: &str) -> Result<(), E> {
        if !self.by_sender {
            self.words = Some(words[..words.floor_char_boundary(SAID)].into());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let kept = self.list.get_or_insert_default();
        while kept.len() < MOST {
            let Some(Element(element)) = list.next_element()? else { return Ok(()) };
            if let Some((listed, numbered)) = element {
                kept.push(listed);
                self.numbered |= numbered && !self.by_sender;
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.cut = true;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if std::mem::replace(&mut self.by_sender, true) {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.list.get_or_insert_default();
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(&mut *self)?;
        }
        self.by_sender = false;
        Ok(())
    }
}

/// One of a list, and whether it is numbered; nothing where it is no object.
#[derive(Default)]
struct Element(Option<(Listed, bool)>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(element: D) -> Result<Self, D::Error> {
        element.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;
    ignoring!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        let first = |lower: Word, upper: Word| lower.0.or(upper.0).unwrap_or_default();
        let text = first(fields.msg, fields.message);
        let text = text.trim().replace(|c: char| c.is_control() && c != '\t', " ");
        let name = |word: String| word.trim()[..word.trim().floor_char_boundary(NAME)].into();
        let listed = Listed {
            from: name(first(fields.msg_from, fields.from)),
            to: name(first(fields.msg_to, fields.to)),
            text: Text::parse(&text, text.len()).unwrap_or_else(|_| Text::empty()),
        };
        Ok(Element(Some((listed, fields.id.1))))
    }
}

/// The keys of a message, as the documents spell them in either case.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    msg_from: Word,
    from: Word,
    msg_to: Word,
    to: Word,
    msg: Word,
    message: Word,
    id: Word,
}

/// A string, or else whether it is a number.
#[derive(Default)]
struct Word(Option<String>, bool);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(word: D) -> Result<Self, D::Error> {
        word.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word;
    ignoring!(visit_bool: bool, visit_i64: i64, visit_f64: f64);

    fn visit_u64<E>(self, _: u64) -> Result<Word, E> {
        Ok(Word(None, true))
    }

    fn visit_str<E>(self, word: &str) -> Result<Word, E> {
        Ok(Word(Some(word.into()), false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Word, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::Name;

    fn texts(told: &Told) -> Option<Vec<&str>> {
        told.list().map(|list| list.iter().map(|listed| listed.text.as_str()).collect())
    }

    fn read(answer: &str) -> Told {
        plain_answer(answer.as_bytes(), false)
    }

    fn said(answer: &str) -> (bool, String) {
        let told = read(answer);
        (told.ok, told.said)
    }

    #[test]
    fn reads_the_lists_of_the_old_servers() {
        let told = read(
            r#"{"status":"OK","messages":[{"msg_from":"b","msg_to":"a","msg":" two\r\n"},
            {"msg_from":"b","msg_to":"a","msg":"one"}]}"#,
        );
        assert_eq!(texts(&told).unwrap(), ["one", "two"]);
        let by_sender = read(
            r#"{"status":"OK","messages":{"a":[{"msg":"2"}],"x":3,"b":[{"msg":"1"}],"y":{"z":[{}]}}}"#,
        );
        assert_eq!(texts(&by_sender).unwrap(), ["1", "2"]);
        let upper =
            read(r#"{"status":"OK","data":[{"from":"b","to":"a","message":"one","id":5}]}"#);
        assert_eq!(texts(&upper).unwrap(), ["one"]);
        let nothing = r#"{"status":"ERROR","message":"Informasi tidak ditemukan"}"#;
        assert_eq!(texts(&read(nothing)), Some(Vec::new()));
        for none in [
            r#"{"status":"ERROR","message":"Realm belum ada"}"#,
            r#"{"status":"OK","message":"Message Sent"}"#,
            r#"{"status":"OK"} x"#,
            r#"["status"]"#,
            "rubbish",
            "",
        ] {
            assert_eq!(texts(&read(none)), None, "{none}");
        }
    }

    #[test]
    fn reads_what_it_says() {
        assert_eq!(said(r#"{"status":"OK","message":"Done"}"#), (true, "done".into()));
        assert_eq!(said(r#"{"data":"No","status":"ERROR"}"#), (false, "no".into()));
        assert_eq!(said(r#"{"status":1,"message":["x"],"data":"y"}"#), (false, String::new()));
        let long = format!(r#"{{"status":"ERROR","message":"{}"}}"#, "é".repeat(9_999));
        assert_eq!(said(&long).1, "é".repeat(SAID / 2));
    }

    #[test]
    fn odd_messages_are_none_or_shown_as_far_as_they_can_be() {
        let beta = Name::parse("beta").unwrap();
        let told = read(
            r#"{"status":"OK","messages":[1,"x",[{}],null,{"msg":7,"from":{"a":[]}},
            {"msg_from":"no name","msg":"a\u0007b\tc"}]}"#,
        );
        let list: Vec<_> = told.list().unwrap().iter().map(|m| m.message(&beta, &beta)).collect();
        let shown: Vec<_> = list.iter().map(|m| (m.sender(), m.text.as_str())).collect();
        assert_eq!(shown, [("no name", "a b\tc"), ("beta", "")]);
        assert!(!told.numbered);
        assert!(read(r#"{"messages":[{"id":7}],"status":"OK"}"#).numbered);
    }

    #[test]
    fn the_newest_are_kept_and_what_is_cut_off_is_told() {
        let list =
            |n: usize| (1..=n).rev().map(|n| format!(r#"{{"msg":"{n}"}}"#)).collect::<Vec<_>>();
        let answer = |n| format!(r#"{{"status":"OK","messages":[{}]}}"#, list(n).join(","));
        let told = read(&answer(MOST));
        assert_eq!((told.list().unwrap().len(), told.cut), (MOST, false));
        let told = read(&answer(2 * MOST));
        let kept = texts(&told).unwrap();
        assert_eq!((kept.len(), kept[MOST - 1], told.cut), (MOST, "20000", true));
        // One that never ended.
        let answer = answer(9);
        for end in 0..answer.len() {
            let told = plain_answer(&answer.as_bytes()[..end], true);
            assert!(told.cut);
            let kept = texts(&told).unwrap_or_default();
            let newest: Vec<_> = (10 - kept.len()..10).map(|n| n.to_string()).collect();
            assert_eq!(kept, newest, "{end}");
        }
    }
}
