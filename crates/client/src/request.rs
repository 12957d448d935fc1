//! From words to request lines, in the upper dialect. Lines come back without their LF.
//!
//! What one caller passes as a name or a text must not become a second request, so every part is
//! checked: a word may hold no white space or control character, a text no control character
//! but TAB. Names and lengths are the server's to judge.

use antar_types::Token;
use std::fmt::Write;

/// A line break inside a message, as sent.
const LINE_SEPARATOR: &str = "\u{2028}";

/// Why something cannot be written as a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A name, or a password that is not in last place, is empty.
    #[error("a name or a text is empty")]
    Empty,
    /// A name, or a password that is not in last place, holds white space.
    #[error("a name, or a password that is not last, cannot contain white space")]
    Space,
    /// A part holds a control character; a line break too, except in a message.
    #[error("control characters cannot be sent")]
    Control,
    /// A password begins or ends with white space, which the server would drop.
    #[error("a password cannot begin or end with white space")]
    Padded,
}

/// Which part of a history to read: `History::default()` is the newest 1,000 messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Only messages with a greater id; the first `limit` of them.
    pub after: Option<u64>,
    /// Only messages with a smaller id; the last `limit` of them.
    pub before: Option<u64>,
    /// How many at most, 1–1,000; the server's default is 1,000.
    pub limit: Option<u32>,
}

impl History {
    /// What came after the message with this id; at most 1,000 messages, the earliest first.
    pub fn after(id: u64) -> Self {
        Self { after: Some(id), ..Self::default() }
    }

    /// The newest messages, 1–1,000.
    pub fn newest(limit: u32) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// The same, of at most `limit` messages (1–1,000).
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn append_to(self, line: &mut String) {
        let ids = [("after", self.after), ("before", self.before)];
        let all = ids.into_iter().chain([("limit", self.limit.map(u64::from))]);
        for (key, value) in all {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = write!(line, " {key}={value}");
            }
        }
    }
}

/// A line as a caller wrote it, if it is one line: no LF, CR or NUL within.
///
/// # Errors
/// [`RequestError::Control`].
pub fn raw(line: &str) -> Result<&str, RequestError> {
    if line.contains(['\n', '\r', '\0']) {
        return Err(RequestError::Control);
    }
    Ok(line)
}

/// A verb and words.
///
/// # Errors
/// Where a word is empty or holds white space or a control character.
pub fn words(verb: &str, words: &[&str]) -> Result<String, RequestError> {
    let mut line = verb.to_owned();
    for word in words {
        if word.is_empty() {
            return Err(RequestError::Empty);
        }
        if word.contains([' ', '\t', '\n', '\r']) {
            return Err(RequestError::Space);
        }
        if word.chars().any(char::is_control) {
            return Err(RequestError::Control);
        }
        line.push(' ');
        line.push_str(word);
    }
    Ok(line)
}

/// A verb, words, and a message to the end of the line. Line breaks become U+2028 and white space
/// around the message goes.
///
/// # Errors
/// As [`words`]; [`RequestError::Empty`] and [`RequestError::Control`] for the message too.
pub fn message(verb: &str, to: &[&str], text: &str) -> Result<String, RequestError> {
    let mut line = words(verb, to)?;
    let text = text.trim().replace("\r\n", LINE_SEPARATOR).replace(['\n', '\r'], LINE_SEPARATOR);
    if text.is_empty() {
        return Err(RequestError::Empty);
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(RequestError::Control);
    }
    line.push(' ');
    line.push_str(&text);
    Ok(line)
}

/// A verb, words, and a password to the end of the line.
///
/// # Errors
/// As [`words`]; for the password any but [`RequestError::Space`], which is allowed inside it.
pub fn password(verb: &str, before: &[&str], password: &str) -> Result<String, RequestError> {
    let mut line = words(verb, before)?;
    if password.is_empty() {
        return Err(RequestError::Empty);
    }
    if password.chars().any(|c| c.is_control() && c != '\t') {
        return Err(RequestError::Control);
    }
    if password.trim_matches([' ', '\t']) != password {
        return Err(RequestError::Padded);
    }
    line.push(' ');
    line.push_str(password);
    Ok(line)
}

/// A verb that reads a history, and the words it takes.
///
/// # Errors
/// As [`words`].
pub fn history(verb: &str, of: &[&str], part: History) -> Result<String, RequestError> {
    let mut line = words(verb, of)?;
    part.append_to(&mut line);
    Ok(line)
}

/// A request that names its session by a token and binds the connection to it.
pub fn with_token(verb: &str, token: &Token) -> String {
    format!("{verb} {}", token.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_as_the_protocol_has_them() {
        assert_eq!(message("SEND", &["bob"], "hello  you"), Ok("SEND bob hello  you".into()));
        assert_eq!(password("AUTH", &["bob"], "two words"), Ok("AUTH bob two words".into()));
        assert_eq!(
            history("INBOXGROUP", &["team"], History::after(7).limit(2)),
            Ok("INBOXGROUP team after=7 limit=2".into())
        );
        assert_eq!(history("INBOX", &[], History::default()), Ok("INBOX".into()));
    }

    #[test]
    fn line_breaks_of_a_message_become_separators() {
        let line = message("SEND", &["bob"], "\n one\r\ntwo\nthree\rfour \n").unwrap();
        assert_eq!(line, "SEND bob one\u{2028}two\u{2028}three\u{2028}four");
    }

    #[test]
    fn refuses_what_would_be_another_request() {
        assert_eq!(raw("PING\nLOGOUT"), Err(RequestError::Control));
        assert_eq!(words("MEMBERS", &["a b"]), Err(RequestError::Space));
        assert_eq!(words("MEMBERS", &["a\nb"]), Err(RequestError::Space));
        assert_eq!(words("MEMBERS", &[""]), Err(RequestError::Empty));
        assert_eq!(words("MEMBERS", &["a\u{1b}"]), Err(RequestError::Control));
        assert_eq!(message("SEND", &["bob"], " \n"), Err(RequestError::Empty));
        assert_eq!(message("SEND", &["bob"], "\u{1b}[2J"), Err(RequestError::Control));
        assert_eq!(password("AUTH", &["bob"], "a\nb"), Err(RequestError::Control));
        assert_eq!(password("AUTH", &["bob"], "a "), Err(RequestError::Padded));
    }

    proptest! {
        #[test]
        fn no_part_ever_makes_a_second_line(to in "(?s).{0,9}", text in "(?s).{0,40}") {
            let lines = [
                words("VERB", &[&to]),
                message("VERB", &["bob"], &text),
                message("VERB", &[&to], &text),
                password("VERB", &[&to], &text),
            ];
            for line in lines.into_iter().flatten() {
                prop_assert!(!line.contains(['\n', '\r']));
                prop_assert!(line.starts_with("VERB "));
            }
        }
    }
}
