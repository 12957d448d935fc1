//! Entries of a log as they stand in DELIVER, those of kinds unknown here too.
//!
//! An entry is a list. Its first five fields are the kind, the time, the sender, the recipient and the text,
//! whatever the kind: the hash of a log is over these. What may follow came later than the first version,
//! and only to a realm that says it can take it: an object, in which an entry may say that it is of another
//! kind than its first field has it, and anything.

use antar_types::{
    Capabilities, Chain, Emoji, Entry, EntryChange, EntryKind, EntryMore, EntryOrigin, File,
    FileAbout, FileHash, FileName, FileType, IncomingEntry, MessageKind, MessageRef, Name,
    RoomEntry, RoomReaction, RoomSaid, RoomUser, Text, Time, UnknownEntry,
};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The longest word for a kind, in bytes.
const KIND: usize = 32;

/// Appends entries as they stand in a link's DELIVER to a realm that can take so much: a list of
/// `[kind, milliseconds, from, to, text]`, each with an object at its end where there is more.
pub fn write_entries<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    can: Capabilities,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (i, entry) in entries.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let (from, to, text) = (entry.from.as_str(), entry.to.as_str(), entry.text.as_str());
        // What is said of a room stands where others have their text, so the hash is over the same fields for all.
        let line = entry.room().map(ToString::to_string);
        let text = line.as_deref().unwrap_or(text);
        let (kind, time) = (entry.kind.as_str(), entry.time.0);
        let written = match Further::of(entry, can) {
            None => serde_json::to_writer(&mut *out, &(kind, time, from, to, text)),
            Some(more) => serde_json::to_writer(&mut *out, &(kind, time, from, to, text, more)),
        };
        debug_assert!(written.is_ok(), "a Vec takes every write");
    }
    out.push(b']');
}

/// Reads a list of entries: what [`write_entries`] writes, and what a later version may write.
/// Returns `None` where it is anything else, and where a text is longer than `limit` bytes.
pub fn read_entries(list: &str, limit: usize) -> Option<Vec<IncomingEntry>> {
    let fields: Vec<Fields<'_>> = serde_json::from_str(list).ok()?;
    let read = fields.into_iter().map(|fields| fields.read(limit));
    let mut read: Vec<IncomingEntry> = read.collect::<Option<_>>()?;
    if read.iter().any(|entry| matches!(entry, IncomingEntry::Unknown(_))) {
        let raw: Vec<&RawValue> = serde_json::from_str(list).ok()?;
        for (entry, raw) in read.iter_mut().zip(raw) {
            if let IncomingEntry::Unknown(entry) = entry {
                entry.fields = raw.get().into();
            }
        }
    }
    Some(read)
}

/// What follows the text of an entry: the keys of an object, as they are read and written.
#[derive(Default, Serialize, Deserialize)]
struct Further {
    /// What the entry is, where that is another kind than its first field has: what is done to a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Box<str>>,
    /// See [`EntryOrigin`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<u64>,
    /// What came later. Other kinds may have keys of the same names, which mean something else.
    #[serde(flatten, skip_deserializing)]
    later: Later,
}

/// What an entry of a kind that this version knows may have besides.
#[derive(Default, Serialize, Deserialize)]
struct Later {
    /// What the message is, if not a text that somebody says.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    said_as: Option<Box<str>>,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<Named>,
    /// The message to which something is done, and the emoji where it is a reaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emoji: Option<Box<str>>,
    /// The file that the message names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<Attached>,
    /// The hash of the log with the entry, where it does not say any more what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<Box<str>>,
    /// The text that goes with what the entry says of a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Box<str>>,
    /// What a room's message says besides its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Said>,
}

/// Its keys.
const LATER: [&str; 8] =
    ["\"as\"", "\"reply\"", "\"of\"", "\"emoji\"", "\"file\"", "\"hash\"", "\"text\"", "\"said\""];

/// See [`RoomSaid`].
#[derive(Default, Serialize, Deserialize)]
struct Said {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<u64>,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    /// Each as the emoji, the user and the user's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<(Box<str>, Box<str>, Box<str>)>,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
}

/// Reactions to one message that are read of a list.
const REACTIONS: usize = 1_000;

impl Said {
    fn of(said: &RoomSaid) -> Self {
        let RoomSaid { reply, edited, deleted, reactions, taken } = said;
        let reaction = |RoomReaction { emoji, user, name }: &RoomReaction| {
            (emoji.as_str().into(), user.to_string().into(), name.as_str().into())
        };
        let edited = edited.map(|time| time.0);
        let reactions = reactions.iter().map(reaction).collect();
        let time = taken.map(|time| time.0);
        Self { reply: *reply, edited, deleted: *deleted, reactions, time }
    }

    /// What it says; of reactions, those that can be read.
    fn read(&self) -> RoomSaid {
        let reaction = |(emoji, user, name): &(Box<str>, Box<str>, Box<str>)| {
            let (emoji, user) = (Emoji::parse(emoji)?, RoomUser::parse(user)?);
            Some(RoomReaction { emoji, user, name: Name::parse(name)? })
        };
        let reactions = self.reactions.iter().take(REACTIONS).filter_map(reaction).collect();
        let (reply, deleted, taken) = (self.reply, self.deleted, self.time.map(Time));
        RoomSaid { reply, edited: self.edited.map(Time), deleted, reactions, taken }
    }
}

/// See [`File`].
#[derive(Clone, Serialize, Deserialize)]
struct Attached {
    sha256: Box<str>,
    name: Box<str>,
    #[serde(rename = "type")]
    kind: Box<str>,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

impl Attached {
    fn of(File { hash, about }: &File) -> Self {
        let FileAbout { name, kind, size, picture } = about;
        let (width, height) = picture.unzip();
        let (name, kind) = (name.as_str().into(), kind.as_str().into());
        Self { sha256: hash.to_string().into(), name, kind, size: *size, width, height }
    }

    /// The file, where its hash is one: the rest is made to fit.
    fn read(&self) -> Option<Box<File>> {
        let kind = FileType::parse(&self.kind).unwrap_or_default();
        let (name, size) = (FileName::cleaned(&self.name), self.size);
        let about = FileAbout { name, kind, size, picture: self.width.zip(self.height) };
        Some(Box::new(File { hash: FileHash::parse(&self.sha256)?, about }))
    }
}

/// See [`MessageRef`].
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Named {
    id: u64,
    /// When the realm took it that wrote it, in milliseconds.
    time: u64,
    /// It is of the realm to which the entry goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    yours: bool,
}

impl From<MessageRef> for Named {
    fn from(MessageRef { theirs: yours, id, time }: MessageRef) -> Self {
        Self { id, time: time.0, yours }
    }
}

impl From<Named> for MessageRef {
    fn from(Named { id, time, yours: theirs }: Named) -> Self {
        Self { theirs, id, time: Time(time) }
    }
}

impl Further {
    /// What goes with an entry to a realm that can take so much.
    fn of(entry: &Entry, can: Capabilities) -> Option<Self> {
        if !can.kinds {
            return None;
        }
        let origin = entry.origin.filter(|_| can.origins);
        let (id, by) = origin.map(|EntryOrigin { id, account }| (id, account)).unzip();
        let further = Self { id, by, ..Self::default() };
        let more = match entry.more.as_deref() {
            None => further,
            Some(EntryMore { kind, reply, change, file, hash, room, said }) => {
                let emoji = match change {
                    Some(EntryChange::React(_, emoji) | EntryChange::Unreact(_, emoji)) => {
                        Some(emoji.as_str().into())
                    }
                    _ => None,
                };
                let replies = can.replies;
                let later = Later {
                    said_as: kind.filter(|_| replies).map(|kind| kind.as_str().into()),
                    reply: reply.filter(|_| replies).map(Named::from),
                    of: change.as_ref().and_then(EntryChange::of).map(Named::from),
                    emoji,
                    file: file.as_deref().filter(|_| replies).map(Attached::of),
                    hash: hash.filter(|_| can.changes).map(|hash| hash.to_string().into()),
                    text: room
                        .as_ref()
                        .filter(|_| can.rooms && !entry.text.as_str().is_empty())
                        .map(|_| entry.text.as_str().into()),
                    said: said.as_deref().filter(|_| can.rooms).map(Said::of),
                };
                // Whoever does not know of such a kind sets it apart.
                let kind = change.as_ref().map(|change| change.as_str().into());
                Self { kind, later, ..further }
            }
        };
        let Later { said_as, reply, file, hash, text, said, .. } = &more.later;
        let has = more.kind.is_some() || more.id.is_some() || said_as.is_some();
        let has = has || text.is_some() || said.is_some();
        (has || reply.is_some() || file.is_some() || hash.is_some()).then_some(more)
    }

    /// What is done to a message, where this version knows of it and all of it is told.
    fn change(&self) -> Option<EntryChange> {
        let of = || self.later.of.map(MessageRef::from);
        let emoji = || Emoji::parse(self.later.emoji.as_deref()?);
        Some(match self.kind.as_deref()? {
            "edit" => EntryChange::Edit(of()?),
            "delete" => EntryChange::Delete(of()?),
            "react" => EntryChange::React(of()?, emoji()?),
            "unreact" => EntryChange::Unreact(of()?, emoji()?),
            "gone" => EntryChange::Gone,
            _ => return None,
        })
    }

    /// What only some entries have.
    fn more(&self) -> Option<Box<EntryMore>> {
        let Later { said_as, reply, file, hash, said, .. } = &self.later;
        let said = said.as_ref().map(|said| Box::new(said.read()));
        let file = file.as_ref().and_then(Attached::read);
        let hash = hash.as_deref().and_then(Chain::parse);
        let kind = said_as.as_deref().and_then(MessageKind::parse);
        let reply = reply.map(MessageRef::from);
        EntryMore { kind, reply, change: self.change(), file, hash, said, room: None }.boxed()
    }

    /// The origin, where all of it is told.
    fn origin(&self) -> Option<EntryOrigin> {
        let (id, account) = self.id.zip(self.by)?;
        Some(EntryOrigin { id, account })
    }
}

/// An entry's fields as they are read.
struct Fields<'a> {
    kind: Cow<'a, str>,
    time: u64,
    from: Cow<'a, str>,
    to: Cow<'a, str>,
    text: Cow<'a, str>,
    /// What follows the text first.
    more: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn read(self, limit: usize) -> Option<IncomingEntry> {
        let Self { kind, time, from, to, text, more } = self;
        let (time, from, to) = (Time(time), Name::parse(&from)?, Name::parse(&to)?);
        let text = Text::parse(&text, limit).ok()?;
        let object = more.map(RawValue::get).filter(|more| more.starts_with('{'));
        let further = object.map(serde_json::from_str::<Further>).transpose().ok()?;
        let mut further = further.unwrap_or_default();
        // Most have none of it, and what there is may be of a kind that is unknown here.
        let later = object.filter(|object| LATER.iter().any(|key| object.contains(key)));
        further.later = later.and_then(|o| serde_json::from_str(o).ok()).unwrap_or_default();
        let (origin, more) = (further.origin(), further.more());
        let is_message = |kind| matches!(kind, EntryKind::Private | EntryKind::Group);
        let is_change = further.change().is_some();
        let known = EntryKind::parse(&kind);
        if known == Some(EntryKind::Room) && further.kind.is_none() {
            return room_entry((time, from, to, text), origin, (more, further.later.text), limit);
        }
        let named = match (further.kind, known) {
            (None, Some(kind)) if kind != EntryKind::Room => {
                let entry = Entry { kind, time, from, to, text, origin, more };
                return Some(IncomingEntry::Known(entry));
            }
            (Some(_), Some(kind)) if is_change && is_message(kind) => {
                let entry = Entry { kind, time, from, to, text, origin, more };
                return Some(IncomingEntry::Known(entry));
            }
            (Some(named), _) => named,
            (None, _) => (*kind).into(),
        };
        let is_kind = |word: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            (1..=KIND).contains(&word.len()) && word.bytes().all(plain)
        };
        if !is_kind(&kind) || !is_kind(&named) {
            return None;
        }
        let hashed = ((*kind).into(), time, from, to, text);
        Some(IncomingEntry::Unknown(UnknownEntry { kind: named, fields: "".into(), hashed }))
    }
}

/// An entry about a room; one of which a later version says more than this one knows is as unknown as any.
fn room_entry(
    (time, from, to, line): (Time, Name, Name, Text),
    origin: Option<EntryOrigin>,
    (more, text): (Option<Box<EntryMore>>, Option<Box<str>>),
    limit: usize,
) -> Option<IncomingEntry> {
    let kind = EntryKind::Room;
    let Some(room) = RoomEntry::parse(line.as_str()) else {
        let hashed = (kind.as_str().into(), time, from, to, line);
        let (kind, fields) = (kind.as_str().into(), "".into());
        return Some(IncomingEntry::Unknown(UnknownEntry { kind, fields, hashed }));
    };
    let text = Text::parse(text.as_deref().unwrap_or_default(), limit).ok()?;
    let more = more.map(|more| *more).unwrap_or_default();
    let more = EntryMore { room: Some(Box::new(room)), ..more }.boxed();
    Some(IncomingEntry::Known(Entry { kind, time, from, to, text, origin, more }))
}

/// A string that is borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of an entry")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Fields<'de>, A::Error> {
        let missing = || A::Error::custom("a field is missing");
        let Word(kind) = seq.next_element()?.ok_or_else(missing)?;
        let time = seq.next_element()?.ok_or_else(missing)?;
        let Word(from) = seq.next_element()?.ok_or_else(missing)?;
        let Word(to) = seq.next_element()?.ok_or_else(missing)?;
        let Word(text) = seq.next_element()?.ok_or_else(missing)?;
        let more = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields { kind, time, from, to, text, more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::{Chain, Notice};

    const ALL: Capabilities = Capabilities::ALL;

    fn entry(kind: EntryKind, text: &str) -> Entry {
        let name = |n| Name::parse(n).unwrap();
        let text = Text::parse(text, 99).unwrap();
        Entry {
            kind,
            time: Time(7),
            from: name("amy"),
            to: name("bob"),
            text,
            origin: None,
            more: None,
        }
    }

    fn written(entries: &[Entry]) -> String {
        let mut out = Vec::new();
        write_entries(entries, ALL, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn read(list: &str) -> Option<Vec<IncomingEntry>> {
        read_entries(list, 99)
    }

    /// The kind and the fields of an only entry that is unknown.
    fn unknown(list: &str) -> Option<(String, String)> {
        match read(list)?.pop()? {
            IncomingEntry::Unknown(UnknownEntry { kind, fields, .. }) => {
                Some((kind.to_string(), fields.to_string()))
            }
            IncomingEntry::Known(_) => None,
        }
    }

    #[test]
    fn entries_read_as_they_were_written() {
        let kinds = [EntryKind::Private, EntryKind::Group, EntryKind::Notice(Notice::UserNotFound)];
        let list = kinds.map(|kind| entry(kind, "a\t\"é\u{2028}"));
        let known: Vec<IncomingEntry> = list.iter().cloned().map(IncomingEntry::Known).collect();
        assert_eq!(read(&written(&list)).as_ref(), Some(&known));
        assert_eq!(written(&list[..1]), "[[\"private\",7,\"amy\",\"bob\",\"a\\t\\\"é\u{2028}\"]]");
        let long = written(&[entry(EntryKind::Group, "long")]);
        assert_eq!(read_entries(&long, 3), None);
        let chain = known.iter().fold(Chain::START, |chain, entry| entry.chain(chain));
        assert_eq!(chain, list.iter().fold(Chain::START, Chain::with));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "",
            "{}",
            "[[]]",
            r#"[["private",1,"a","b"]]"#,
            r#"[["poll",1,"a","b"]]"#,
            r#"[["poll","1","a","b","c"]]"#,
            r#"[["poll",1,"a","","c"]]"#,
            r#"[["poll",1,"a","b","c\n"]]"#,
            r#"[["group",1,"a","b","c\n"]]"#,
            r#"[["group",1,"a","b","c"],1]"#,
            r#"[["",1,"a","b","c"]]"#,
            r#"[["Poll",1,"a","b","c"]]"#,
            r#"[["po ll",1,"a","b","c"]]"#,
            r#"[["group",1,"a","b","c",{"kind":""}]]"#,
            r#"[["group",1,"a","b","c",{"kind":7}]]"#,
            r#"[["Poll",1,"a","b","c",{"kind":"poll"}]]"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let long = format!(r#"[["{}",1,"a","b","c"]]"#, "x".repeat(33));
        assert_eq!(read(&long), None);
        assert!(read(&long.replacen('x', "", 1)).is_some());
    }

    #[test]
    fn an_origin_goes_only_to_who_can_take_it_and_is_no_part_of_the_hash() {
        let without = entry(EntryKind::Private, "x");
        let with = Entry { origin: Some(EntryOrigin { id: 9, account: 3 }), ..without.clone() };
        let list = written(std::slice::from_ref(&with));
        assert_eq!(list, r#"[["private",7,"amy","bob","x",{"id":9,"by":3}]]"#);
        assert_eq!(read(&list), Some(vec![IncomingEntry::Known(with.clone())]));
        assert_eq!(Chain::START.with(&with), Chain::START.with(&without));
        for can in [Capabilities { origins: false, ..ALL }, Capabilities { kinds: false, ..ALL }] {
            let mut out = Vec::new();
            write_entries([&with], can, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), written(std::slice::from_ref(&without)));
        }
        let read_with = |more: &str| read(&format!(r#"[["private",7,"amy","bob","x",{more}]]"#));
        for bad in [r#"{"id":"9","by":3}"#, r#"{"id":-1,"by":3}"#, r#"{"id":9,"by":3,"id":9}"#] {
            assert_eq!(read_with(bad), None, "{bad}");
        }
        // Half of one is none.
        for half in [r#"{"id":9}"#, r#"{"by":3}"#] {
            let known = read_with(half).unwrap().remove(0);
            assert_eq!(known.known().unwrap().origin, None, "{half}");
        }
    }

    #[test]
    fn what_is_done_to_a_message_reads_as_it_was_written() {
        let of = |theirs| MessageRef { theirs, id: 9, time: Time(5) };
        let origin = Some(EntryOrigin { id: 9, account: 3 });
        let emoji = || Emoji::parse("👍").unwrap();
        let file = || {
            let (name, kind) = (FileName::cleaned("é.png"), FileType::parse("image/png").unwrap());
            let about = FileAbout { name, kind, size: 9, picture: Some((3, 2)) };
            File { hash: FileHash::from([7; 32]), about }
        };
        let change = |change| EntryMore { change: Some(change), ..EntryMore::default() };
        let all = [
            EntryMore { kind: Some(MessageKind::Action), ..EntryMore::default() },
            EntryMore { reply: Some(of(true)), ..EntryMore::default() },
            EntryMore { file: Some(Box::new(file())), ..EntryMore::default() },
            change(EntryChange::Edit(of(false))),
            change(EntryChange::Delete(of(false))),
            change(EntryChange::React(of(true), emoji())),
            change(EntryChange::Unreact(of(true), emoji())),
            EntryMore { hash: Some(Chain::START), ..change(EntryChange::Gone) },
        ];
        let plain = entry(EntryKind::Private, "x");
        let all = all.map(|more| Entry { origin, more: more.boxed(), ..plain.clone() });
        let known: Vec<_> = all.iter().cloned().map(IncomingEntry::Known).collect();
        assert_eq!(read(&written(&all)), Some(known));
        let of = r#"{"kind":"edit","id":9,"by":3,"of":{"id":9,"time":5}}"#;
        assert_eq!(written(&all[3..4]), format!(r#"[["private",7,"amy","bob","x",{of}]]"#));
        // Whoever takes less has it apart, or as a message.
        let can = Capabilities { replies: false, changes: false, ..ALL };
        for entry in &all {
            let mut out = Vec::new();
            write_entries([entry], can, &mut out);
            let out = String::from_utf8(out).unwrap();
            let has_kind = out.contains(r#""kind":"#);
            assert_eq!(has_kind, entry.change().is_some(), "{out}");
            assert!(
                !out.contains("reply")
                    && !out.contains("file")
                    && !out.contains("as\"")
                    && !out.contains("hash")
            );
            let mut out = Vec::new();
            write_entries([entry], Capabilities::NONE, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), written(std::slice::from_ref(&plain)));
        }
        // What makes no sense is set apart.
        let read_with = |more: &str| read(&format!(r#"[["private",7,"amy","bob","x",{more}]]"#));
        let four = r#"{"kind":"edit","of":4}"#;
        for odd in
            [four, r#"{"kind":"edit"}"#, r#"{"kind":"react","of":{"id":9,"time":5},"emoji":"ab"}"#]
        {
            assert!(matches!(read_with(odd).unwrap()[0], IncomingEntry::Unknown(_)), "{odd}");
        }
        let no_hash = r#"{"file":{"sha256":"x","name":"a","type":"b","size":1}}"#;
        for none in [no_hash, r#"{"hash":"x"}"#, r#"{"as":4,"reply":{}}"#] {
            assert_eq!(read_with(none), Some(vec![IncomingEntry::Known(plain.clone())]));
        }
    }

    #[test]
    fn an_unknown_kind_is_kept_as_it_came() {
        let list = r#"[["poll",1,"a","b","c"] , ["group",2,"a","b","c"],["x_1",1,"a","b","\u0063", 1.0, [ ]]]"#;
        let entries = read(list).unwrap();
        let fields: Vec<&str> = entries
            .iter()
            .map(|entry| match entry {
                IncomingEntry::Unknown(entry) => &*entry.fields,
                IncomingEntry::Known(_) => "",
            })
            .collect();
        assert_eq!(fields[..2], [r#"["poll",1,"a","b","c"]"#, ""]);
        assert_eq!(fields[2], r#"["x_1",1,"a","b","\u0063", 1.0, [ ]]"#);
        // Its hash is made as any.
        let hash = Chain::START.with_fields("poll", Time(1), ["a", "b", "c"]);
        assert_eq!(entries[0].chain(Chain::START), hash);
    }

    #[test]
    fn what_follows_the_text_may_say_that_an_entry_is_of_another_kind() {
        let list = r#"[["private",7,"amy","bob","x",{"kind":"poll","until":9},"y"]]"#;
        assert_eq!(unknown(list), Some(("poll".into(), list[1..list.len() - 1].into())));
        // The hash is that of what a realm of the first version is sent.
        let plain = entry(EntryKind::Private, "x");
        assert_eq!(read(list).unwrap()[0].chain(Chain::START), Chain::START.with(&plain));
        // Nothing else that follows changes an entry.
        for more in ["{}", r#"{"later":[{}],"kind":null}"#, "7,{}", r#"["kind"]"#, "null"] {
            let list = format!(r#"[["private",7,"amy","bob","x",{more}]]"#);
            assert_eq!(read(&list), Some(vec![IncomingEntry::Known(plain.clone())]), "{list}");
        }
    }
}
