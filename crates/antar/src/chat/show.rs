//! How messages look on a terminal.

use super::texts;
use antar_client::Message;
use antar_client::sync;
use jiff::{Timestamp, tz::TimeZone};

/// Makes a text harmless on a terminal: control characters and those that reorder a line become
/// visible. Line breaks stay, as LF.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push_str("    "),
            // Each C0 character has a picture of its own: ESC is ␛.
            '\u{0}'..='\u{1f}' => {
                out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'));
            }
            '\u{7f}' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{061c}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// The same on one line: for names and sentences of a server.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// How to show things to one user.
#[derive(Clone, Debug)]
pub struct Look {
    /// The user, so that it can be called "you".
    pub me: String,
    /// Whether the terminal wants colours.
    pub colour: bool,
    /// In which times are shown.
    zone: TimeZone,
}

impl Look {
    /// Times are shown as this machine has them.
    pub fn new(me: String, colour: bool) -> Self {
        Self { me, colour, zone: TimeZone::system() }
    }

    /// Whose times are shown: `Asia/Jakarta`, or `UTC`.
    pub fn zone(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => clean_line(name),
            None if self.zone.is_unknown() => "UTC (this machine does not tell its own)".into(),
            None => format!("UTC{}", self.zone.to_offset(Timestamp::now())),
        }
    }

    /// One message, without a line end: `12:30:05 #team bob: hello`. Further lines of a text are
    /// indented under the first.
    pub fn message(&self, message: &Message, group: bool) -> String {
        let realm = message.realm.as_deref().or(message.to_realm.as_deref());
        let realm = realm.map(|realm| format!("@{}", clean_line(realm)));
        let realm = realm.unwrap_or_default();
        // Somebody of the same name may be at the other realm.
        let mine = message.realm.is_none() && message.from.eq_ignore_ascii_case(&self.me);
        let to = clean_line(&message.to);
        let from = if mine { "you".into() } else { clean_line(&message.from) };
        let who = match (group, mine) {
            (true, _) => {
                let group = self.paint("36", &format!("#{to}{realm}"));
                format!("{group} {}", self.name(&from, mine))
            }
            (false, true) => format!(
                "{} → {}",
                self.name(&from, true),
                self.name(&format!("{to}{realm}"), false)
            ),
            (false, false) => self.name(&format!("{from}{realm}"), false),
        };
        let time = self.paint("2", &when(message.time.as_deref(), &self.zone, Timestamp::now()));
        let text = clean(&message.text).replace('\n', "\n         ");
        match &message.notice {
            Some(code) => {
                let why = format!("! not delivered: {text} ({})", clean_line(code));
                format!("{time} {who} {}", self.paint("31", &why))
            }
            None => format!("{time} {who}: {text}"),
        }
    }

    /// One message of a conversation, likewise.
    pub fn said(&self, conversation: &str, message: &sync::Message) -> String {
        let mine = message.is_from(&self.me);
        let place = clean_line(conversation);
        // In a group that has members in several realms, others of the same name may be at another.
        let realm = message.realm.as_deref().filter(|_| !conversation.contains('+'));
        let realm = realm.map(|realm| format!("@{}", clean_line(realm))).unwrap_or_default();
        let from = if mine { "you".into() } else { clean_line(&message.from) + &realm };
        let who = match (conversation.starts_with('#'), mine) {
            (true, _) => format!("{} {}", self.paint("36", &place), self.name(&from, mine)),
            (false, true) => format!("{} → {}", self.name(&from, true), self.name(&place, false)),
            (false, false) => self.name(&place, false),
        };
        let time = self.paint("2", &when(message.time.as_deref(), &self.zone, Timestamp::now()));
        let text = clean(&message.text).replace('\n', "\n         ");
        if let Some(code) = &message.notice {
            let why = match texts::of_code(code) {
                Some(why) => format!("! not delivered: {text} ({why})"),
                None => format!("! not delivered: {text} ({})", clean_line(code)),
            };
            return format!("{time} {who} {}", self.paint("31", &why));
        }
        if message.deleted {
            return format!("{time} {who} {}", self.paint("2", "(deleted)"));
        }
        let text = match &message.file {
            Some(file) => format!("{text} {}", file_line(file, message.id)).trim_start().to_owned(),
            None => text,
        };
        let mark = match message {
            sync::Message { pending: true, .. } => self.paint("2", " (pending)"),
            sync::Message { lost: true, .. } => self.paint("2", " (lost there)"),
            sync::Message { edited: Some(_), .. } => self.paint("2", " (edited)"),
            _ => String::new(),
        };
        match message.kind.as_deref() {
            Some("action") => format!("{time} {who} {}{mark}", self.paint("3", &text)),
            _ => format!("{time} {who}: {text}{mark}"),
        }
    }

    /// A line of the client's own.
    pub fn notice(&self, text: &str) -> String {
        self.paint("33", &format!("-- {text}"))
    }

    fn name(&self, name: &str, mine: bool) -> String {
        if mine {
            return self.paint("1", name);
        }
        // The same name has the same colour each time: green, yellow, blue, magenta or bright ones.
        const COLOURS: [&str; 6] = ["1;32", "1;33", "1;34", "1;35", "1;92", "1;94"];
        let sum: usize = name.bytes().map(|b| usize::from(b.to_ascii_lowercase())).sum();
        self.paint(COLOURS[sum % COLOURS.len()], name)
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A file in its message: what it is, and how it is had.
fn file_line(file: &sync::File, id: u64) -> String {
    format!("[file {}, {}, /save {id}]", clean_line(&file.name), size(file.size))
}

/// How large something is, in words: to the nearest unit, and to the nearest tenth of one where that tells something.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "kB", "MB", "GB"];
    let rounded = |times: u128, unit: usize| {
        let one = 1 << (10 * unit);
        (u128::from(bytes) * times + one / 2) / one
    };
    let unit = (0..3).find(|unit| rounded(1, *unit) < 1024).unwrap_or(3);
    let (whole, tenths) = (rounded(1, unit), rounded(10, unit));
    match unit > 0 && tenths < 100 && tenths % 10 > 0 {
        true => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        false => format!("{whole} {}", UNITS[unit]),
    }
}

/// The time of day in a zone, with its date unless that is today there.
fn when(time: Option<&str>, zone: &TimeZone, now: Timestamp) -> String {
    let Some(time) = time else {
        return "--:--:--".into();
    };
    // 2026-01-31T12:00:00.000Z; anything else is shown as it is.
    let Ok(at) = time.parse::<Timestamp>() else { return clean_line(time) };
    let (at, now) = (zone.to_datetime(at), zone.to_datetime(now));
    let form = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: &str, to: &str, text: &str) -> Message {
        Message {
            time: Some("2026-01-31T12:30:05.000Z".into()),
            from: from.into(),
            to: to.into(),
            text: text.into(),
            ..Message::default()
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_control_sequence() {
        assert_eq!(clean("\x1b[2J\u{9b}1m\u{7f}\u{202e}"), "␛[2J\\u{9b}1m␡\\u{202e}");
        assert_eq!(clean("a\u{2028}b\r\nc\td"), "a\nb\nc    d");
        let look = Look { me: "amy".into(), colour: false, zone: TimeZone::UTC };
        let mut nasty = message("b\x1bob", "t\ream", "x\x07");
        nasty.time = Some("\x1b]0;x\x07".into());
        nasty.realm = Some("\x1b".into());
        nasty.notice = Some("\x1b\n".into());
        for group in [true, false] {
            let line = look.message(&nasty, group);
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn who_said_what_where() {
        let look = Look { me: "amy".into(), colour: false, zone: TimeZone::UTC };
        let day = "2026-01-31 12:30:05";
        assert_eq!(look.message(&message("bob", "amy", "hi"), false), format!("{day} bob: hi"));
        assert_eq!(
            look.message(&message("Amy", "bob", "hi"), false),
            format!("{day} you → bob: hi")
        );
        assert_eq!(
            look.message(&message("bob", "team", "a\u{2028}b"), true),
            format!("{day} #team bob: a\n         b")
        );
        let mut far = message("bob", "amy", "hi");
        far.realm = Some("beta".into());
        assert_eq!(look.message(&far, false), format!("{day} bob@beta: hi"));
        let elsewhere = Message { from: "amy".into(), ..far.clone() };
        assert_eq!(look.message(&elsewhere, false), format!("{day} amy@beta: hi"));
        let mut sent = message("amy", "bob", "hi");
        sent.to_realm = Some("beta".into());
        assert_eq!(look.message(&sent, false), format!("{day} you → bob@beta: hi"));
        far.notice = Some("user_not_found".into());
        assert!(look.message(&far, false).contains("! not delivered: hi (user_not_found)"));
    }

    #[test]
    fn what_is_said_in_a_conversation() {
        let look = Look { me: "amy".into(), colour: false, zone: TimeZone::UTC };
        let said = |conversation: &str, json: &str| {
            let message = sync::Message::of(&serde_json::from_str(json).unwrap()).unwrap();
            look.said(conversation, &message)
        };
        let bob = r#"{"id":1,"from":"bob","message":"a\u2028b","time":"2026-01-31T12:30:05.000Z"}"#;
        assert_eq!(said("bob", bob), "2026-01-31 12:30:05 bob: a\n         b");
        assert_eq!(said("#team+beta", bob), "2026-01-31 12:30:05 #team+beta bob: a\n         b");
        let own = r#"{"id":1,"from":"Amy","message":"hi","to_realm":"beta"}"#;
        assert_eq!(said("kim@beta", own), "--:--:-- you → kim@beta: hi");
        let far = r#"{"id":1,"from":"amy","message":"hi","realm":"beta","edited":"t"}"#;
        assert_eq!(said("amy@beta", far), "--:--:-- amy@beta: hi (edited)");
        assert_eq!(
            said("bob", r#"{"id":1,"from":"bob","deleted":true}"#),
            "--:--:-- bob (deleted)"
        );
        let wave = r#"{"id":1,"from":"bob","message":"waves","kind":"action"}"#;
        assert_eq!(said("bob", wave), "--:--:-- bob waves");
        let hash = "ab".repeat(32);
        let file = |text: &str| {
            format!(
                r#"{{"id":123,"from":"bob","message":"{text}","file":{{"sha256":"{hash}","name":"a\u001b.png","size":12300}}}}"#
            )
        };
        assert_eq!(said("bob", &file("")), "--:--:-- bob: [file a␛.png, 12 kB, /save 123]");
        assert_eq!(said("bob", &file("hi")), "--:--:-- bob: hi [file a␛.png, 12 kB, /save 123]");
        assert_eq!(
            [0, 1023, 1024, 1536, 10 << 10, 12_005, 10_190, (1 << 20) - 1, 3 << 29].map(size)[..],
            ["0 B", "1023 B", "1 kB", "1.5 kB", "10 kB", "12 kB", "10 kB", "1 MB", "1.5 GB"]
        );
        let room = "#team@beta";
        let there = r#"{"id":1,"from":"amy","message":"hi","realm":"beta"}"#;
        assert_eq!(said(room, there), "--:--:-- #team@beta amy@beta: hi");
        assert_eq!(said("#team+beta", there), "--:--:-- #team+beta amy: hi");
        let waits = r#"{"id":1,"from":"amy","message":"hi","pending":true}"#;
        assert_eq!(said(room, waits), "--:--:-- #team@beta you: hi (pending)");
        let lost = r#"{"id":1,"from":"amy","message":"hi","lost":true}"#;
        assert_eq!(said(room, lost), "--:--:-- #team@beta you: hi (lost there)");
        let lost =
            r#"{"id":1,"from":"eve","message":"x","notice":"user_not_found","realm":"beta"}"#;
        assert!(said("eve@beta", lost).contains("! not delivered: x (There is no such user.)"));
        let nasty = r#"{"id":1,"from":"b\u001bob","message":"\u001b[2J","notice":"\u001b","time":"\u001b"}"#;
        assert!(!said("#a\u{1b}", nasty).chars().any(char::is_control));
    }

    #[test]
    fn times() {
        let jakarta = TimeZone::fixed(jiff::tz::offset(7));
        let now: Timestamp = "2026-01-31T16:59:59Z".parse().unwrap();
        let shown = |time| when(Some(time), &jakarta, now);
        assert_eq!(shown("2026-01-31T12:30:05.000Z"), "19:30:05");
        // It was the same day in Greenwich.
        assert_eq!(shown("2026-01-30T17:00:00.000Z"), "00:00:00");
        assert_eq!(shown("2026-01-30T16:59:59.999Z"), "2026-01-30 23:59:59");
        assert_eq!(shown("soon"), "soon");
        assert_eq!(when(None, &jakarta, now), "--:--:--");
    }
}
