//! Requests and what comes over links, made of the verbs' rows.

use crate::play::{LOADED, play};
use crate::{Draw, Target};
use antar_domain::Access;
use antar_text as text;
use antar_text::{Param, Row};

pub const REQUESTS: Target = Target {
    name: "requests",
    about: "what clients say to a realm: every line is answered once, every reply is JSON in both \
            dialects, what was emitted makes the same state again",
    run: play,
    draw: draw_requests,
};

pub const LINKS: Target = Target {
    name: "links",
    about: "what other realms say to one, whether they are linked or not, and what plain peers answer: \
            the same holds",
    run: play,
    draw: draw_links,
};

/// Words that something is named by, or that nothing is.
const WORDS: &[&str] = &[
    "amy",
    "bob",
    "cat",
    "AMY",
    "dan",
    "kim",
    "alpha",
    "beta",
    "old",
    "gamma",
    "staff",
    "Staff",
    "news",
    "pw",
    "wrong",
    "8889",
    "0",
    "1",
    "2",
    "9",
    "65536",
    "127.0.0.1",
    "192.0.2.1",
    "::1",
    "localhost",
    "%t",
    "%u",
    "admin",
    "user",
    "plain",
    "after=1",
    "before=9",
    "limit=2",
    "limit=1000",
    "limit=0",
    "x=y",
    "{}",
    "[]",
    "-",
    "18446744073709551615",
    "9223372036854775807",
    "sha256:0202020202020202020202020202020202020202020202020202020202020202",
    "from=gamma",
    "from=beta",
    "again=1",
    "cursor=1:2:3",
    "antar:alpha@h:1/02/~x",
    "~x",
    "é",
    "\u{85}",
    "force",
];

const TEXTS: &[&str] = &[
    "hello",
    "hello   there",
    "é🦀",
    "a\tb",
    "a\u{0}b",
    "\u{1b}[31m",
    "\u{2028}",
    "{\"a\":1}",
    "\\u0000\"",
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "limit=1",
    "~x y",
];

/// Where a word of a row's name is usually right.
fn word(draw: &mut Draw, name: &str) -> &'static str {
    if draw.once_in(6) {
        return draw.pick(WORDS);
    }
    match name {
        "U" | "USER" => draw.pick(&["amy", "bob", "cat", "dan", "kim"]),
        "G" => draw.pick(&["staff", "news", "Staff", "g3", "g4"]),
        "CONV" => draw.pick(&["amy", "BOB@beta", "#staff", "#staff+beta", "#g3@alpha", "cat~9"]),
        "R" => draw.pick(&["beta", "old", "gamma", "alpha"]),
        "P" | "PW" | "PASSWORD" | "OLD" | "NEW" => draw.pick(&["pw", "wrong", "new"]),
        "HOST" | "SRCHOST" => draw.pick(&["127.0.0.1", "192.0.2.1", "example.net", "[::1]"]),
        "PORT" | "SRCPORT" => draw.pick(&["8889", "9", "1", "0", "65536"]),
        "EPOCH" => draw.pick(&["%E", "%e", "0000000000000000", "0000000000000007"]),
        "N" | "FIRST" => draw.pick(&["%N", "%n", "0", "1", "2", "3", "9223372036854775807"]),
        "HASH" => draw.pick(&["%H", "%h", "00000000000000000000000000000000"]),
        "moderator|member|owner" => draw.pick(&["moderator", "member", "owner"]),
        _ => draw.pick(WORDS),
    }
}

fn request(draw: &mut Draw, verb: &Row, out: &mut Vec<u8>) {
    let start = out.len();
    let spelled = match verb.aliases {
        [] => verb.name,
        aliases if draw.once_in(2) => draw.pick(aliases),
        _ => verb.name,
    };
    out.extend_from_slice(spelled.as_bytes());
    match draw.below(4) {
        0 | 1 => out[start..].make_ascii_lowercase(),
        2 => out[start] = out[start].to_ascii_lowercase(),
        _ => {}
    }
    if draw.once_in(6) {
        out.extend_from_slice(if draw.once_in(2) { b" %t" } else { b" %u" });
    }
    let mut colon = false;
    for param in verb.params {
        if draw.once_in(16) {
            break;
        }
        out.push(b' ');
        match param {
            Param::Word(name) => out.extend_from_slice(word(draw, name).as_bytes()),
            Param::Text(_) | Param::Maybe(_) => out.extend_from_slice(draw.pick(TEXTS).as_bytes()),
            Param::Colon(_) | Param::MaybeAfterColon(_) => colon = true,
            Param::MaybeColon(_) => colon = draw.once_in(2),
        }
    }
    for option in verb.options {
        if draw.once_in(4) {
            let (key, values) = option.split_once('=').unwrap_or_default();
            let value = match one_of(draw, values) {
                Some(value) => value.to_string(),
                None => draw.number().to_string(),
            };
            out.extend_from_slice(format!(" {key}={value}").as_bytes());
        }
    }
    if draw.once_in(8) {
        out.push(b' ');
        out.extend_from_slice(draw.pick(WORDS).as_bytes());
    }
    if colon {
        out.extend_from_slice(b" : ");
        out.extend_from_slice(draw.pick(TEXTS).as_bytes());
    }
}

/// One of several words that a row gives to choose from, as in `yes|no`.
fn one_of<'a>(draw: &mut Draw, words: &'a str) -> Option<&'a str> {
    let words: Vec<&str> = words.split('|').collect();
    (words.len() > 1).then(|| words[draw.below(words.len())])
}

fn drawn_verb(draw: &mut Draw, of: impl Fn(&Row) -> bool) -> &'static Row {
    loop {
        let verbs = draw.pick(text::ALL);
        let verb = &verbs[draw.below(verbs.len())];
        if of(verb) {
            return verb;
        }
    }
}

/// Few, so that there can be many inputs; now and then many.
fn lines(draw: &mut Draw) -> usize {
    let most = if draw.once_in(16) { 24 } else { 3 };
    1 + draw.below(most)
}

fn finish(draw: &mut Draw, out: &mut Vec<u8>) {
    if draw.once_in(6) {
        draw.spoil(out);
    }
}

fn draw_requests(draw: &mut Draw, out: &mut Vec<u8>) {
    for _ in 0..lines(draw) {
        out.extend_from_slice(draw.pick(&[b"1", b"1", b"1", b"2", b"2", b"3", b"0", b"4"]));
        if draw.once_in(12) {
            out.pop();
            out.extend_from_slice(draw.pick(&[
                &b"!T"[..],
                b"!T3000000000",
                b"!N",
                b"!X1",
                b"!B1",
                b"!C",
            ]));
        } else {
            let verb = drawn_verb(draw, |verb| verb.access() != Access::Peer);
            request(draw, verb, out);
        }
        out.push(b'\n');
    }
    finish(draw, out);
}

/// Answers of a realm to what it was asked over a link.
const ANSWERS: &[&str] = &[
    r#"{"status":"OK","epoch":"%e","from":%n,"chain":"%h","tip":9,"floor":0,"floor_chain":"00000000000000000000000000000000"}"#,
    r#"{"status":"ERROR","code":"diverged","epoch":"0000000000000009","tip":5,"floor":1,"floor_chain":"%h"}"#,
    r#"{"status":"OK","epoch":"0000000000000009","from":1,"chain":"00000000000000000000000000000000","tip":1,"floor":0,"floor_chain":"00000000000000000000000000000000"}"#,
    r#"{"status":"OK","chain":"%h"}"#,
    r#"{"status":"OK","chain":null}"#,
    r#"{"status":"OK","tip":2}"#,
    r#"{"status":"OK","tip":18446744073709551615,"clock":18446744073709551615}"#,
    r#"{"status":"OK","realm":"beta","state":"up"}"#,
    r#"{"status":"OK","realm":"gamma","state":"waiting"}"#,
    r#"{"status":"ERROR","code":"realm_removed","realm":"gamma"}"#,
    r#"{"status":"ERROR","code":"x","data":"\u001b[31m"}"#,
    "{}",
    "{",
];

/// Answers of plain peers.
const PLAIN: &[&str] = &[
    r#"{"status":"OK","message":"x"}"#,
    r#"{"status":"ERROR","message":"Realm belum ada"}"#,
    r#"{"status":"ERROR","message":"Group belum ada"}"#,
    r#"{"status":"ERROR","message":"Informasi tidak ditemukan"}"#,
    r#"{"status":"OK","messages":[{"msg_from":"kim","msg_to":"staff","msg":"one\r\n"},{"msg_from":"no name","msg":"a\u0007"}]}"#,
    r#"{"status":"OK","messages":{"kim":[{"msg_from":"kim","msg":"x","id":5}],"a":3}}"#,
    r#"{"status":"OK","data":[1,[],{}]}"#,
    "rubbish",
    "",
];

/// Entries of beta's log.
const ENTRIES: &[&str] = &[
    r#"["private",7,"kim","amy","hi"]"#,
    r#"["poll",7,"kim","amy","hi",{"x":1}]"#,
    r#"["private",7,"kim","amy","hi",{"kind":"edit"}]"#,
    r#"["private",7,"kim","amy","hi",{"id":40,"by":7}]"#,
    r#"["private",7,"Kim","amy","hi",{"id":40,"by":9}]"#,
    r#"["group",7,"kim","staff","x",{"id":18446744073709551615,"by":0}]"#,
    r#"["user_not_found",7,"nobody","amy","x",{"id":40,"by":1}]"#,
    r#"["private",18446744073709551615,"kim","nobody","hi"]"#,
    r#"["group",7,"kim","staff","é🦀"]"#,
    r#"["group",7,"kim","nowhere","x"]"#,
    r#"["user_not_found",7,"kim","bob","Pesan"]"#,
    r#"["private",7,"kim","bob","12345678901234567890123456789012345678901234567890123456789012345678901234567890x"]"#,
    r#"["public",7,"kim","amy","hi"]"#,
];

/// What users say that concerns other realms.
const ABROAD: &[&str] = &[
    "1SENDREALM beta kim hello",
    "2INBOXREALM beta",
    "1SENDGROUPREALM old staff hi",
    "1CHECKREALM",
    "1SENDREALM old kim hello",
    "1INBOXGROUPREALM beta staff",
    "2ADDREALM gamma 192.0.2.7 8889",
    "1REMOVEREALM beta force",
    "0REALM APPROVE gamma",
    "1ADDREALM gamma example.net 9 plain",
    "1WATCH",
    "1REMOVEREALM old",
    "1ADDREALM beta 192.0.2.1 1",
    "2INBOXREALM old",
];

fn draw_links(draw: &mut Draw, out: &mut Vec<u8>) {
    for _ in 0..lines(draw) {
        match draw.below(12) {
            0..=2 => {
                out.extend_from_slice(draw.pick(&[b"5", b"5", b"5", b"6", b"7", b"8", b"4"]));
                let verb = drawn_verb(draw, |verb| verb.access() == Access::Peer);
                request(draw, verb, out);
            }
            3..=5 => {
                let list: Vec<&str> = (0..1 + draw.below(3)).map(|_| draw.pick(ENTRIES)).collect();
                out.extend_from_slice(format!("!L[{}]", list.join(",")).as_bytes());
            }
            6..=7 => {
                out.extend_from_slice(draw.pick(&[b"5", b"5", b"8"]));
                out.extend_from_slice(draw.pick(ANSWERS).as_bytes());
            }
            8 => {
                out.extend_from_slice(b"!A");
                out.extend_from_slice(draw.pick(PLAIN).as_bytes());
            }
            9 => out.extend_from_slice(draw.pick(&[
                &b"!T"[..],
                b"!T500",
                b"!T31000",
                b"!T700000000",
                b"!E",
                b"!N",
                b"!Np",
                b"!C",
                b"!X5",
                b"!X8",
                b"!B5",
            ])),
            _ => out.extend_from_slice(draw.pick(ABROAD).as_bytes()),
        }
        out.push(b'\n');
    }
    finish(draw, out);
}

/// What a fuzzer may put together: the verbs in both cases, and words that mean something.
pub fn dictionary() -> String {
    let spelled = text::all().flat_map(|verb| verb.aliases.iter().chain([&verb.name]));
    let verbs = spelled.flat_map(|name| [name.to_string(), name.to_lowercase()]);
    let others = [WORDS, TEXTS, ANSWERS, PLAIN, ENTRIES, ABROAD].concat();
    let tokens = LOADED.tokens.iter().cloned();
    let words = verbs.chain(others.into_iter().map(String::from)).chain(tokens);
    let quoted = |word: String| {
        let bytes = word.bytes().map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        });
        format!("\"{}\"\n", bytes.collect::<String>())
    };
    words.filter(|word| !word.is_empty()).map(quoted).collect()
}
