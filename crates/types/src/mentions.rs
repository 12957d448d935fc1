//! Who is mentioned in a text: `@name`, in any case.

use crate::MAX_NAME;

/// How many words of a text may be mentions: the first ones.
const MOST: usize = 32;

/// The words of a text that follow an `@` at the border of a word, without it. One that goes on with an `@` is of the
/// realm of that name: `@bob@beta` is somebody else, unless this realm, `here`, is beta; none stands for no name.
pub fn words<'a>(text: &'a str, here: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"@_".contains(c))
    };
    let word = move |at: usize| {
        let (word, rest) = name(&text[at + 1..])?;
        let Some(rest) = rest.strip_prefix('@') else { return Some(word) };
        let (realm, rest) = name(rest)?;
        let is_here = names(realm).any(|one| here.is_some_and(|own| one.eq_ignore_ascii_case(own)));
        (is_here && !rest.starts_with('@')).then_some(word)
    };
    let ats = bytes.iter().enumerate().filter(|(_, b)| **b == b'@').map(|(at, _)| at);
    ats.filter(begins).filter_map(word).take(MOST)
}

/// The letters of names with which a text begins, and what follows them, which are not more letters of a word.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_of_name = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let end = text.bytes().position(|b| !is_of_name(b)).unwrap_or(text.len());
    let goes_on = text[end..].starts_with(char::is_alphanumeric);
    (end > 0 && end <= 2 * MAX_NAME && !goes_on).then(|| text.split_at(end))
}

/// What names such a word may stand for: all of it, or what is left without signs at its end, the longest first.
///
/// ```
/// use antar_types::mentions::{names, words};
/// let found = words("(@Bob, @eve... a@b @amy@beta @cat@alpha", Some("alpha"));
/// let found: Vec<_> = found.map(|word| names(word).last()).collect();
/// assert_eq!(found, [Some("Bob"), Some("eve"), Some("cat")]);
/// ```
pub fn names(word: &str) -> impl Iterator<Item = &str> {
    let plain = word.trim_end_matches(['.', '_', '-']).len();
    (plain..=word.len()).rev().map(|end| &word[..end]).filter(|name| !name.is_empty())
}

/// Whether a text mentions somebody of this name, of the realm `here`.
pub fn has(text: &str, name: &str, here: Option<&str>) -> bool {
    words(text, here).any(|word| names(word).any(|one| one.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, name: &str) -> bool {
        super::has(text, name, Some("alpha"))
    }

    #[test]
    fn a_mention_is_a_name_after_an_at_at_the_border_of_a_word() {
        for text in [
            "@bob",
            "hi @BOB!",
            "(@bob)",
            "@bob, @eve",
            "@bob.",
            "é @bob…",
            "\t@bob\t",
            "x/@bob",
            "@bob@Alpha",
            "@bob@alpha.",
            "(@bob@alpha)",
        ] {
            assert!(has(text, "bob"), "{text}");
        }
        for text in [
            "bob",
            "@ bob",
            "@bobby",
            "a@bob",
            "@bob@beta",
            "@@bob",
            "é@bob",
            "@bobé",
            "_@bob",
            "@bob@",
            "@bob@alphas",
            "@bob@alpha@beta",
        ] {
            assert!(!has(text, "bob"), "{text}");
        }
        assert!(has("@a.b. and", "a.b.") && has("@a.b. and", "a.b") && !has("@a.b. and", "a"));
        assert!(!super::has("@bob@alpha", "bob", None) && super::has("@bob", "bob", None));
        let many = "@x ".repeat(MOST) + "@bob";
        assert!(!has(&many, "bob") && has(&many[3..], "bob"));
    }
}
