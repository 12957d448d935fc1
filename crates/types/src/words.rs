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
    let bytes = line.as_bytes();
    let ends_at = |at: usize| bytes.get(at).is_none_or(|b| is_blank_byte(*b));
    let begins_at = |at: usize| at == 0 || ends_at(at - 1);
    let is_word = |at: usize| begins_at(at) && ends_at(at + 1);
    let at = (0..bytes.len()).find(|at| bytes[*at] == b':' && is_word(*at))?;
    Some((trim(&line[..at]), trim(&line[at + 1..])))
}

/// Splits a word at the first of some ASCII character, which is in neither part. Words are short: a search that is
/// made for long texts takes several times as long.
pub(crate) fn split(word: &str, at: u8) -> Option<(&str, &str)> {
    let at = word.bytes().position(|b| b == at)?;
    Some((word.get(..at)?, word.get(at + 1..)?))
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
    let (key, value) = split(word, b'=')?;
    let valid = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some((key, value))
}
