//! Splitting a line into words: white space is space and TAB, nothing else.

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Byte by byte: every line that is read is trimmed, several times.
fn is_blank_byte(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

/// Drops white space at both ends.
pub fn trim(text: &str) -> &str {
    let last = text.bytes().rposition(|b| !is_blank_byte(b));
    last.map_or("", |last| trim_start(&text[..=last]))
}

/// Drops white space at the beginning.
fn trim_start(text: &str) -> &str {
    text.bytes().position(|b| !is_blank_byte(b)).map_or("", |begin| &text[begin..])
}

/// Takes the first word off a line; both parts come back trimmed, the word empty when the
/// line was.
///
/// ```
/// use antar_types::words::first;
/// assert_eq!(first("  send   bob  hi  there "), ("send", "bob  hi  there"));
/// ```
pub fn first(line: &str) -> (&str, &str) {
    let line = trim(line);
    match line.bytes().position(is_blank_byte) {
        Some(end) => (&line[..end], trim_start(&line[end..])),
        None => (line, ""),
    }
}

/// The words of a text, several blanks counting as one.
pub fn all(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

/// Splits a line at its first word `:`; both parts come back trimmed. `None` where it has no such word.
///
/// ```
/// use antar_types::words::at_colon;
/// assert_eq!(at_colon("limit=5 :  a : b "), Some(("limit=5", "a : b")));
/// assert_eq!(at_colon("a:b"), None);
/// ```
pub fn at_colon(line: &str) -> Option<(&str, &str)> {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(is_blank);
    let ends = |at: &usize| line[at + 1..].chars().next().is_none_or(is_blank);
    let mut colons = line.match_indices(':').map(|(at, _)| at);
    let at = colons.find(|at| begins(at) && ends(at))?;
    Some((trim(&line[..at]), trim(&line[at + 1..])))
}

/// Splits `key=value`; `None` where the word has no such form (a key is letters, digits and `_`,
/// beginning with a letter).
///
/// ```
/// use antar_types::words::option;
/// assert_eq!(option("limit=5"), Some(("limit", "5")));
/// assert_eq!(option("{}"), None);
/// ```
pub fn option(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.split_once('=')?;
    let valid = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some((key, value))
}
