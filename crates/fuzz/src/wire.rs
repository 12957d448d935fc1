//! What turns bytes off the wire into lines, replies and words.

use crate::choices::{Choices, segments};
use crate::{Draw, Target};
use antar_client::{Incoming, Replies, ReplyError};
use antar_text::{Decoder, Dialect, Frame};
use antar_types::{
    BoxKind, Capabilities, Chain, Code, Emoji, Entry, EntryChange, EntryKind, EntryMore,
    EntryOrigin, File, FileAbout, FileHash, FileName, FileType, Fingerprint, GroupEntry, GroupRole,
    IncomingEntry, Membership, Message, MessageKind, MessageRef, Name, Notice, RemoteIdentity,
    Rewriting, RoomAsk, RoomDoer, RoomEntry, RoomRealm, RoomSays, RoomSettings, RoomUser, RoomWord,
    Text, Time, Token, words,
};

pub const LINES: Target = Target {
    name: "lines",
    about: "the line decoder: any split gives the same frames, each as it should be, in bounded memory",
    run: lines,
    draw: draw_lines,
};

pub const REPLIES: Target = Target {
    name: "replies",
    about: "the client's reply decoder: any split gives the same replies, in bounded memory; what is \
            encoded reads as it was",
    run: replies,
    draw: draw_replies,
};

pub const WORDS: Target = Target {
    name: "words",
    about: "words, names, tokens, keys, hashes and lists of entries: what reads is written the same",
    run: read_words,
    draw: draw_words,
};

/// First byte: the limit. Second: how the rest is cut.
fn lines(input: &[u8]) {
    let mut choices = Choices(input);
    let limit = choices.below(128);
    let seed = choices.byte();
    let bytes = choices.0;
    let mut whole = Vec::new();
    Decoder::new(limit).feed(bytes, &mut whole);
    let (mut decoder, mut cut) = (Decoder::new(limit), Vec::new());
    for segment in segments(bytes, seed) {
        decoder.feed(segment, &mut cut);
        assert!(decoder.held() <= 2 * limit.max(64) + 2, "{} bytes held", decoder.held());
    }
    assert!(whole == cut, "another split, other frames: {whole:?} {cut:?}");
    let ends = bytes.iter().filter(|b| **b == b'\n').count();
    assert!(whole.len() <= ends + 1, "{} frames of {ends} lines", whole.len());
    for (i, frame) in whole.iter().enumerate() {
        match frame {
            Frame::Line(line) => {
                assert!(!line.is_empty() && line.len() <= limit && !line.contains('\n'));
                assert_eq!(words::trim(line), line);
            }
            Frame::Http => assert!(i == 0 && whole.len() == 1, "something after HTTP"),
            Frame::TwoLines => panic!("lines do not come as frames"),
            Frame::TooLong | Frame::BadEncoding => {}
        }
    }
}

fn draw_lines(draw: &mut Draw, out: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b"\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"ping",
        b"send bob hi",
        b"GET / HTTP/1.1",
        b"POST ",
        b"HTTP/",
        b"/",
        b"*",
        b"a:1",
        b"\xc3\xa9",
        b"\xff",
        b"\xf0\x9f\xa6\x80",
        b"\0",
        b"xxxxxxxxxxxxxxxx",
        b"                                ",
    ];
    draw.bytes(2, out);
    for _ in 0..draw.below(16) {
        out.extend_from_slice(draw.pick(PIECES));
    }
    if draw.once_in(4) {
        draw.spoil(out);
    }
}

/// First byte: whether the rest is to be taken as it is, or as choices of what is encoded. Second: how
/// it is cut.
fn replies(input: &[u8]) {
    let mut choices = Choices(input);
    let (kind, seed) = (choices.byte(), choices.byte());
    if kind % 4 > 0 {
        let limit = usize::from(kind / 2);
        return same_replies(choices.0, limit, seed);
    }
    let message = message(&mut choices);
    let dialect = if kind & 4 == 0 { Dialect::Lower } else { Dialect::Upper };
    let mut out = Vec::new();
    antar_text::encode_notification(BoxKind::Realm, &message, dialect, &mut out);
    assert!(dialect == Dialect::Upper || out.is_ascii());
    same_replies(&out, 1 << 20, seed);
    let mut decoder = Replies::new(1 << 20);
    decoder.feed(&out);
    let Ok(Some(Incoming::Event(event))) = decoder.pop() else { panic!("no event") };
    let seen = event.message().map(|m| (m.id, m.from, m.text));
    let (from, text) = (message.sender().to_string(), message.text.as_str().to_string());
    assert_eq!(seen, Some((Some(message.id).filter(|id| *id > 0), from, text)));
    assert!(!decoder.is_midway());
}

/// What comes of bytes: each reply, or why there is none.
fn popped(
    limit: usize,
    segments: impl Iterator<Item = Vec<u8>>,
) -> Vec<Result<Incoming, ReplyError>> {
    let (mut decoder, mut found) = (Replies::new(limit), Vec::new());
    for segment in segments {
        decoder.feed(&segment);
        loop {
            match decoder.pop() {
                Ok(Some(one)) => found.push(Ok(one)),
                Ok(None) => break,
                Err(error @ ReplyError::TooLong { .. }) => {
                    found.push(Err(error));
                    return found;
                }
                Err(error) => found.push(Err(error)),
            }
        }
        let held = decoder.space().len();
        assert!(held < limit + antar_types::END.len(), "{held} bytes held past {limit}");
    }
    found
}

fn same_replies(bytes: &[u8], limit: usize, seed: u8) {
    let whole = popped(limit, [bytes.to_vec()].into_iter());
    let cut = popped(limit, segments(bytes, seed).map(<[u8]>::to_vec));
    assert_eq!(whole, cut, "another split, other replies");
    // What programs do with a reply, whoever sent it.
    for found in whole.into_iter().flatten() {
        match found {
            Incoming::Event(event) => drop((event.message(), event.mailbox().is_some())),
            Incoming::Reply(reply) => {
                drop((reply.token(), reply.id(), reply.page(), reply.names().len()));
                let _ = reply.accepted();
            }
        }
    }
}

fn draw_replies(draw: &mut Draw, out: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b"\r\n\r\n", b"\r\n\r\n", b"\r\n", b"\r", b"{\"status\":\"OK\"", b"}", b"{", b"[", b"]", b",", b":",
        b"{\"status\":\"OK\",\"data\":[{\"id\":1,\"from\":\"a\",\"to\":\"b\",\"message\":\"c\"}],\"more\":true}\r\n\r\n",
        b"{\"status\":\"ERROR\",\"message\":\"x\",\"code\":\"no_session\"}\r\n\r\n",
        b"{\"event\":\"message\",\"box\":\"private\",\"id\":5,\"from\":\"a\",\"to\":\"b\",\"message\":\"c\"}\r\n\r\n",
        b"{\"status\":\"OK\",\"messages\":{\"amy\":[{\"msg_from\":\"amy\",\"msg\":\"x\"}]}}\r\n\r\n",
        b"\"id\"", b"\"data\"", b"18446744073709551616", b"-1", b"1e999", b"\"\\ud800\"", b"null",
    ];
    draw.bytes(2, out);
    if out[0].is_multiple_of(4) {
        let n = draw.below(60);
        return draw.bytes(n, out);
    }
    for _ in 0..1 + draw.below(5) {
        out.extend_from_slice(draw.pick(PIECES));
    }
    if draw.once_in(4) {
        draw.spoil(out);
    }
}

/// A name out of choices.
pub fn name(choices: &mut Choices<'_>) -> Name {
    const LETTERS: &[u8] = b"abyzABYZ0189._-";
    let (first, more) = (choices.below(12), choices.below(8));
    let letters = std::iter::once(first).chain((0..more).map(|_| choices.below(LETTERS.len())));
    let word: String = letters.map(|i| char::from(LETTERS[i])).collect();
    Name::parse(&word).unwrap_or_else(|| panic!("{word} is a name"))
}

/// A text out of choices: what of the bytes a text may hold.
pub fn text(choices: &mut Choices<'_>) -> Text {
    let length = choices.below(80);
    let text =
        String::from_utf8_lossy(choices.take(length)).replace(|c: char| c.is_control(), "\t");
    Text::parse(&text, 1 << 20).unwrap_or_else(|_| Text::empty())
}

/// A message out of choices.
pub fn message(choices: &mut Choices<'_>) -> Message {
    let (id, time) = (choices.number(), Time(choices.number()));
    let (from, to, text) = (name(choices), name(choices), text(choices));
    let shown = || antar_types::DisplayName::new("Jordan Henderson(127.0.0.1:8889)");
    let realm = match choices.below(5) {
        0 => None,
        4 => Some(antar_types::Away::FromAccount(name(choices), identity(choices))),
        3 => shown().map(|shown| antar_types::Away::FromShown(name(choices), shown)),
        1 => Some(antar_types::Away::From(name(choices))),
        _ => Some(antar_types::Away::To(name(choices))),
    };
    let notice = notice(choices);
    Message { realm, notice, ..Message::new(id, time, from, to, text) }
}

fn identity(choices: &mut Choices<'_>) -> RemoteIdentity {
    let (epoch, id, account) = (choices.number(), choices.number(), choices.number());
    RemoteIdentity { epoch, id, account }
}

fn notice(choices: &mut Choices<'_>) -> Option<Notice> {
    [None, Some(Notice::UserNotFound), Some(Notice::GroupNotFound), Some(Notice::Refused)]
        [choices.below(4)]
}

/// An entry of a link's log out of choices.
pub fn entry(choices: &mut Choices<'_>) -> Entry {
    let kind = match (notice(choices), choices.below(2)) {
        (Some(notice), 0) => EntryKind::Notice(notice),
        (_, 1) => EntryKind::Group,
        _ => EntryKind::Private,
    };
    let (time, from, to) = (Time(choices.number()), name(choices), name(choices));
    if choices.below(4) == 0 {
        let origin = Some(EntryOrigin { id: choices.number(), account: choices.number() });
        let (kind, text) = (EntryKind::Room, text(choices));
        let more =
            EntryMore { room: Some(Box::new(room(choices))), ..EntryMore::default() }.boxed();
        return Entry { kind, time, from, to, text, origin, more };
    }
    let origin = [None, Some(EntryOrigin { id: choices.number(), account: choices.number() })];
    let origin = origin[choices.below(2)];
    let more = match (kind, choices.below(3)) {
        (EntryKind::Private | EntryKind::Group, 0) => more(choices).boxed(),
        _ => None,
    };
    Entry { kind, time, from, to, text: text(choices), origin, more }
}

fn file(choices: &mut Choices<'_>) -> File {
    let (name, kind) = (FileName::cleaned("a b.png"), FileType::default());
    let size = choices.number();
    let picture = [None, Some((3, 2))][choices.below(2)];
    File { hash: FileHash::from([7; 32]), about: FileAbout { name, kind, size, picture } }
}

/// What an entry says of a room.
fn room(choices: &mut Choices<'_>) -> RoomEntry {
    let (room, id, account) = (choices.number(), choices.number(), choices.number());
    let realm =
        [RoomRealm::Mine, RoomRealm::Yours, RoomRealm::Of(name(choices))][choices.below(3)].clone();
    let user = RoomUser { account, realm: realm.clone() };
    let by = RoomDoer::User(name(choices), realm.clone());
    let word = RoomWord { user: name(choices), realm };
    let settings = RoomSettings {
        entry: GroupEntry::ALL[choices.below(3)],
        listed: choices.below(2) == 0,
        announce: choices.below(2) == 0,
        retention: [None, Some(7)][choices.below(2)],
    };
    let says = match choices.below(12) {
        0 => RoomSays::Begins(settings, id),
        1 => RoomSays::Is(user, GroupRole::ALL[choices.below(3)]),
        2 => RoomSays::Begun,
        3 => RoomSays::Member(user, Membership::ALL[choices.below(4)], by),
        4 => RoomSays::Role(user, GroupRole::ALL[choices.below(3)], by),
        5 => RoomSays::Settings(settings, by),
        6 => {
            RoomSays::Message { id, author: user, origin: [None, Some(account)][choices.below(2)] }
        }
        7 => RoomSays::Rewritten { id, what: Rewriting::ALL[choices.below(3)] },
        8 => [RoomSays::Closed(by), RoomSays::Ended][choices.below(2)].clone(),
        9 => RoomSays::Answer(id, [None, Some(Code::Forbidden)][choices.below(2)]),
        10 => RoomSays::Post,
        _ => RoomSays::Ask(
            [RoomAsk::Leave, RoomAsk::Delete(id), RoomAsk::Kick(word)][choices.below(3)].clone(),
        ),
    };
    RoomEntry { room, says }
}

fn more(choices: &mut Choices<'_>) -> EntryMore {
    let of = MessageRef {
        theirs: choices.below(2) == 0,
        id: choices.number(),
        time: Time(choices.number()),
    };
    let emoji = || Emoji::parse("👍").unwrap_or_else(|| panic!("it is one"));
    let change = match choices.below(6) {
        0 => Some(EntryChange::Edit(of)),
        1 => Some(EntryChange::Delete(of)),
        2 => Some(EntryChange::React(of, emoji())),
        3 => Some(EntryChange::Unreact(of, emoji())),
        4 => Some(EntryChange::Gone),
        _ => None,
    };
    let kind = [None, Some(MessageKind::Action), Some(MessageKind::Notice)][choices.below(3)];
    let reply = [None, Some(of)][choices.below(2)];
    let hash = [None, Some(Chain::START)][choices.below(2)];
    let file = [None, Some(Box::new(file(choices)))][choices.below(2)].clone();
    EntryMore { kind, reply, change, file, hash, room: None, said: None }
}

/// First byte: whether entries are made of the rest, or it is read as they are.
fn read_words(input: &[u8]) {
    let mut choices = Choices(input);
    if choices.byte().is_multiple_of(4) {
        let list: Vec<Entry> = (0..choices.below(4)).map(|_| entry(&mut choices)).collect();
        let known = list.iter().cloned().map(IncomingEntry::Known).collect();
        assert_eq!(read_list(&written(&list)), Some(known));
        return;
    }
    let Ok(line) = std::str::from_utf8(choices.0) else { return };
    if let Some(list) = read_list(line) {
        list.iter().for_each(read_again);
    }
    let mut rest = line;
    loop {
        let (word, after) = words::first(rest);
        if word.is_empty() {
            break;
        }
        read_word(word);
        assert!(after.len() < rest.len(), "a word was taken");
        rest = after;
    }
    let joined: Vec<&str> = words::all(line).collect();
    assert!(joined.iter().all(|word| !word.is_empty() && words::trim(word) == *word));
}

fn read_list(list: &str) -> Option<Vec<IncomingEntry>> {
    antar_text::read_entries(list, 1 << 20)
}

/// An entry that was read is read in the same way from what is written or kept of it.
fn read_again(entry: &IncomingEntry) {
    let list = match entry {
        IncomingEntry::Known(entry) => written(std::slice::from_ref(entry)),
        IncomingEntry::Unknown(entry) => format!("[{}]", entry.fields),
    };
    let again = read_list(&list).unwrap_or_else(|| panic!("{list}"));
    assert_eq!(again, std::slice::from_ref(entry));
    assert_eq!(again[0].chain(Chain::START), entry.chain(Chain::START));
}

fn written(list: &[Entry]) -> String {
    let mut out = Vec::new();
    antar_text::write_entries(list, Capabilities::ALL, &mut out);
    let text = String::from_utf8(out).unwrap_or_else(|error| panic!("{error}"));
    assert!(!text.contains('\n'), "a list is a line");
    text
}

fn read_word(word: &str) {
    if let Some(token) = Token::parse(word) {
        assert_eq!(token.reveal(), word);
    }
    if let Some(key) = Fingerprint::parse(word) {
        assert_eq!(Fingerprint::parse(&key.to_string()), Some(key));
    }
    if let Some(chain) = Chain::parse(word) {
        assert!(chain.to_string().eq_ignore_ascii_case(word));
    }
    if let Some(epoch) = antar_domain::links::Epoch::parse(word) {
        assert!(epoch.to_string().eq_ignore_ascii_case(word));
    }
    if let Some(name) = Name::parse(word) {
        assert!(name.as_str() == word && name.folded().eq_ignore_ascii_case(word));
    }
    if let Some((key, value)) = words::option(word) {
        assert_eq!(format!("{key}={value}"), word);
    }
}

fn draw_words(draw: &mut Draw, out: &mut Vec<u8>) {
    const PIECES: &[&[u8]] = &[
        b" ",
        b"\t",
        b"amy",
        b"limit=5",
        b"=",
        b"~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        b"-",
        b"sha256:abababababababababababababababababababababababababababababababab",
        b":",
        b"0123456789abcdef",
        b"00000000000000000000000000000000",
        b"+f",
        b"\xc3\xa9",
        b"18446744073709551616",
        b"[[\"private\",7,\"amy\",\"bob\",\"hi\"]]",
        b"[[\"group\",7,\"amy\",\"bob\",\"a\\tb\\\"\"],",
        b"[\"user_not_found\",18446744073709551615,\"a\",\"b\",\"\\u2028\"]]",
        b"[[\"poll\",7,\"amy\",\"bob\",\"hi\",{\"x\":[1]},2]]",
        b",{\"kind\":\"poll\"}]]",
        b"[",
        b"]",
        b",",
        b"\\u0000",
    ];
    out.push(draw.byte());
    if out[0].is_multiple_of(4) {
        let n = draw.below(120);
        return draw.bytes(n, out);
    }
    for _ in 0..1 + draw.below(5) {
        out.extend_from_slice(draw.pick(PIECES));
    }
    if draw.once_in(3) {
        draw.spoil(out);
    }
}
