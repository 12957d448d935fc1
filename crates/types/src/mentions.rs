//! Who is mentioned in a text: `@name`, in any case.

use crate::MAX_NAME;

/// How many words of a text may be mentions: the first ones.
const MOST: usize = 32;

/// The words of a text that follow an `@` at the border of a word, without it. None of those that go on with an
/// `@`: `@bob@beta` is somebody else.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"@_".contains(c))
    };
    let word = move |at: usize| {
        let rest = &text[at + 1..];
        let is_of_name = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let end = rest.bytes().position(|b| !is_of_name(b)).unwrap_or(rest.len());
        let goes_on = rest[end..].chars().next().is_some_and(|c| c == '@' || c.is_alphanumeric());
        let is_word = end > 0 && end <= 2 * MAX_NAME && !goes_on;
        is_word.then(|| &rest[..end])
    };
    let ats = bytes.iter().enumerate().filter(|(_, b)| **b == b'@').map(|(at, _)| at);
    ats.filter(begins).filter_map(word).take(MOST)
}

/// What names such a word may stand for: all of it, or what is left without signs at its end, the longest first.
///
/// ```
/// use antar_types::mentions::{names, words};
/// let found: Vec<_> = words("(@Bob, @eve... a@b @amy@beta").map(|word| names(word).last()).collect();
/// assert_eq!(found, [Some("Bob"), Some("eve")]);
/// ```
pub fn names(word: &str) -> impl Iterator<Item = &str> {
    let plain = word.trim_end_matches(['.', '_', '-']).len();
    (plain..=word.len()).rev().map(|end| &word[..end]).filter(|name| !name.is_empty())
}

/// Whether a text mentions somebody of this name.
pub fn has(text: &str, name: &str) -> bool {
    words(text).any(|word| names(word).any(|one| one.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_a_name_after_an_at_at_the_border_of_a_word() {
        for text in
            ["@bob", "hi @BOB!", "(@bob)", "@bob, @eve", "@bob.", "é @bob…", "\t@bob\t", "x/@bob"]
        {
            assert!(has(text, "bob"), "{text}");
        }
        for text in
            ["bob", "@ bob", "@bobby", "a@bob", "@bob@beta", "@@bob", "é@bob", "@bobé", "_@bob"]
        {
            assert!(!has(text, "bob"), "{text}");
        }
        assert!(has("@a.b. and", "a.b.") && has("@a.b. and", "a.b") && !has("@a.b. and", "a"));
        let many = "@x ".repeat(MOST) + "@bob";
        assert!(!has(&many, "bob") && has(&many[3..], "bob"));
    }
}
