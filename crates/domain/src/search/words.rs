//! Words that are looked for, and whether a text has them.
//!
//! Letters are compared as people take them for the same: in any case (`ß` is `ss`, `Σ` is `σ` and `ς`, all four
//! letters i of Turkish are one), and whether an accent is part of the letter or follows it. A word
//! begins where a letter or a digit follows anything else. Scripts that put no blanks between words begin one with
//! each letter.

use memchr::memmem::Finder;
use std::fmt;
use std::sync::LazyLock;
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The most words that are looked for at once, and the most bytes of what they are written in: each message is
/// compared with all of them.
const MOST: usize = 16;
const MOST_BYTES: usize = 256;

/// Words that are looked for. `Debug` hides them, as it does the texts of messages.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchWords(Vec<Term>);

/// One of them, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    folded: String,
    /// It has no letters or digits: it is found wherever it stands.
    anywhere: bool,
}

impl fmt::Debug for SearchWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SearchWords({})", self.0.len())
    }
}

impl SearchWords {
    /// Reads words as somebody has written them. Of what is between blanks only letters and digits count where
    /// there are any; `:-)` or an emoji stands for itself. `None` where there are none, or more than 16, or
    /// more than 256 bytes.
    ///
    /// ```
    /// use antar_domain::SearchWords;
    /// let mut matcher = SearchWords::parse("MEET, sta").unwrap().matcher();
    /// assert!(matcher.matches("Shall we meet at the station?"));
    /// assert!(!matcher.matches("Shall we meet at the bus stop?"));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let mut folded = String::new();
        fold(text, &mut folded);
        let mut terms: Vec<Term> = Vec::new();
        let mut add = |word: &str, anywhere| {
            if !terms.iter().any(|term| term.folded == word) {
                terms.push(Term { folded: word.into(), anywhere });
            }
        };
        for piece in folded.split_whitespace() {
            let mut words = words(piece).peekable();
            if words.peek().is_none() {
                add(piece, true);
            }
            words.for_each(|word| add(word, false));
        }
        // A long one is in the fewest messages.
        terms.sort_by_key(|term| std::cmp::Reverse(term.folded.len()));
        (1..=MOST).contains(&terms.len()).then_some(Self(terms))
    }

    /// What tells whether a text has all of them.
    pub fn matcher(&self) -> Matcher {
        let finders = self.0.iter().map(|term| {
            let finder = Finder::new(term.folded.as_bytes()).into_owned();
            (term.clone(), finder)
        });
        let is_ascii = self.0.iter().all(|term| term.folded.is_ascii());
        Matcher { finders: finders.collect(), is_ascii, folded: String::new() }
    }
}

/// Tells whether texts have words.
#[derive(Clone)]
pub struct Matcher {
    finders: Vec<(Term, Finder<'static>)>,
    /// All words are ASCII.
    is_ascii: bool,
    /// The text that is looked at, as it is compared.
    folded: String,
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matcher({})", self.finders.len())
    }
}

impl Matcher {
    /// Whether a text has all of the words. What it costs follows the text's length, whatever that is.
    pub fn matches(&mut self, text: &str) -> bool {
        if text.is_ascii() {
            // No letter of it is compared as one that is not.
            if !self.is_ascii {
                return false;
            }
            self.folded.clear();
            self.folded.push_str(text);
            self.folded.make_ascii_lowercase();
        } else {
            fold(text, &mut self.folded);
        }
        let folded = &*self.folded;
        let mut found = [0; MOST];
        for ((_, finder), at) in self.finders.iter().zip(&mut found) {
            match finder.find(folded.as_bytes()) {
                Some(first) => *at = first,
                None => return false,
            }
        }
        let mut found = self.finders.iter().zip(found);
        found.all(|((term, _), at)| {
            term.anywhere || begins_at(folded, at) || begins_with(folded, &term.folded)
        })
    }
}

/// Whether a word begins at a place of a folded text.
fn begins_at(folded: &str, at: usize) -> bool {
    let Some((before, after)) = folded.split_at_checked(at) else { return false };
    match after.chars().next().map(Kind::of) {
        Some(Kind::Letter) => {
            let mut before = before.chars().rev().map(Kind::of);
            before.find(|kind| *kind != Kind::Mark) != Some(Kind::Letter)
        }
        Some(Kind::Word) => true,
        _ => false,
    }
}

/// Whether some word of a folded text begins so.
fn begins_with(folded: &str, word: &str) -> bool {
    let mut before = Kind::Other;
    folded.char_indices().any(|(at, c)| {
        let kind = Kind::of(c);
        let begins = kind == Kind::Word || kind == Kind::Letter && before != Kind::Letter;
        if kind != Kind::Mark {
            before = kind;
        }
        begins && folded[at..].starts_with(word)
    })
}

/// The words of a folded text without blanks.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    let is_word = |word: &&str| word.chars().any(|c| Kind::of(c) != Kind::Mark);
    folded.split(|c| Kind::of(c) == Kind::Other).filter(is_word)
}

/// What a letter of a folded text is to words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter or a digit.
    Letter,
    /// A letter with which a word may begin wherever it stands.
    Word,
    /// Belongs to the letter before it.
    Mark,
    /// Between words.
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | '0'..='9' => Self::Letter,
            '\0'..='\x7f' => Self::Other,
            // Joiners, which words of some scripts have within.
            '\u{200c}' | '\u{200d}' => Self::Mark,
            // Emoji are not marked as they are shown.
            '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => Self::Other,
            _ if is_combining_mark(c) => Self::Mark,
            // Thai and Lao, Myanmar, Khmer; kana, ideographs.
            '\u{0e00}'..='\u{0eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
                if c.is_alphanumeric() =>
            {
                Self::Word
            }
            _ if c.is_alphanumeric() => Self::Letter,
            _ => Self::Other,
        }
    }
}

/// The dot that the small form of the Turkish İ keeps.
const DOT_ABOVE: char = '\u{307}';

/// Letters up to here are folded by a look into a list: those of nearly all alphabets.
const LISTED: usize = 0x1000;

/// What each of those is compared as, where that is one letter that stands for itself.
static SIMPLE: LazyLock<Vec<Option<char>>> = LazyLock::new(|| {
    let simple = |code: u32| {
        let c = char::from_u32(code)?;
        let mut all = fold_letter(c);
        let only = all.next().filter(|_| all.next().is_none())?;
        (is_nfc_quick(std::iter::once(only)) == IsNormalized::Yes && !is_combining_mark(only))
            .then_some(only)
    };
    (0..LISTED as u32).map(simple).collect()
});

/// Letters in any case are the same: small, of the capital, of the small one.
fn fold_letter(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// Puts a text, as it is compared, in place of what was there.
fn fold(text: &str, out: &mut String) {
    out.clear();
    let mut is_composed = true;
    for c in text.chars() {
        match SIMPLE.get(c as usize) {
            Some(Some(simple)) => out.push(*simple),
            // Ideographs and Hangul have no case.
            None if matches!(c, '\u{3041}'..='\u{3096}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}') =>
            {
                out.push(c);
            }
            _ => {
                for folded in fold_letter(c) {
                    if folded != DOT_ABOVE || !out.ends_with('i') {
                        out.push(folded);
                        is_composed = false;
                    }
                }
            }
        }
    }
    if !is_composed && is_nfc_quick(out.chars()) != IsNormalized::Yes {
        *out = out.nfc().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(words: &str, text: &str) -> bool {
        let mut matcher = SearchWords::parse(words).unwrap().matcher();
        let found = matcher.matches(text);
        // In whatever case either is written.
        for (words, text) in
            [(words.to_uppercase(), text.into()), (words.into(), text.to_uppercase())]
        {
            let mut other = SearchWords::parse(&words).unwrap().matcher();
            assert_eq!(other.matches(&text), found, "{words} in {text}");
        }
        found
    }

    #[test]
    fn words_match_from_their_beginning_in_any_order() {
        for (words, found) in [
            ("hello", true),
            ("hell", true),
            ("ello", false),
            ("world hello", true),
            ("w h", true),
            ("hello worlds", false),
            ("o", false),
            ("hello hello", true),
        ] {
            assert_eq!(finds(words, "Hello there, World!"), found, "{words}");
        }
        // A place within a word comes first, and the same as a word of its own later.
        assert!(finds("an", "banana and pear") && !finds("ana", "banana band"));
    }

    #[test]
    fn punctuation_is_no_part_of_words_unless_there_is_nothing_else() {
        assert!(finds("don't", "I DON'T know") && finds("dont", "dont") && !finds("dont", "don't"));
        assert!(finds("\"station\",", "the (station)") && finds("foo_bar", "foo bar"));
        assert!(finds("bar", "foo_bar foo-baz") && finds("@amy", "hi amy"));
        assert!(finds(":-)", "well:-)") && !finds(":-)", "well :)"));
        assert!(finds("🦀", "a🦀b") && !finds("🦀", "a crab") && finds("❤", "so ❤\u{fe0f}"));
        assert!(finds("c++ x", "C++, x") && finds("3.14", "pi is 3.14159"));
    }

    #[test]
    fn letters_are_the_same_in_any_case() {
        for (words, text) in [
            ("straße", "Die STRASSE dort"),
            ("strasse", "die Straße"),
            ("STRAẞE", "strasse"),
            ("istanbul", "İstanbul"),
            ("İSTANBUL", "istanbul"),
            ("ısparta", "ISPARTA"),
            ("diyarbakir", "DİYARBAKIR Diyarbakır"),
            ("ΟΔΟΣ", "η οδός μας, οδος"),
            ("ПРИВЕТ", "ну, Привет!"),
            ("ﬁsh", "FISH"),
            ("ǆ", "ǅungla"),
            ("KELVIN", "\u{212a}elvin"),
        ] {
            assert!(finds(words, text), "{words} in {text}");
        }
        assert!(!finds("strase", "Straße"));
    }

    #[test]
    fn accents_are_the_same_however_they_are_written() {
        let (one, two) = ("\u{e9}", "e\u{301}");
        for (words, text) in [(one, two), (two, one)] {
            assert!(finds(&format!("caf{words}"), &format!("the Caf{text}.")));
            assert!(finds(words, &format!("{text}cole")));
        }
        // An accent begins no word, and makes another letter.
        assert!(!finds("cole", "e\u{301}cole") && !finds("ecole", "École"));
        assert!(!finds("b", "x\u{323}b") && finds("x", "x\u{323}b"));
        // Marks that are vowels: within words.
        assert!(finds("हिन्दी", "यह हिन्दी है") && !finds("दी", "हिन्दी"));
        assert!(finds("\u{1112}\u{1161}\u{11ab}", "한국"));
    }

    #[test]
    fn scripts_without_blanks_are_searched_at_each_letter() {
        assert!(
            finds("東京", "私は東京に") && finds("に行く", "東京に行く") && !finds("京東", "東京")
        );
        assert!(finds("ไทย", "ภาษาไทย") && finds("abc", "東京abc") && !finds("bc", "東京abc"));
    }

    #[test]
    fn what_is_looked_for_is_bounded() {
        let many = |n: usize| (0..n).map(|n| format!("w{n} ")).collect::<String>();
        assert!(SearchWords::parse(&many(MOST)).is_some());
        assert!(SearchWords::parse(&many(MOST + 1)).is_none());
        assert!(SearchWords::parse(&"x".repeat(MOST_BYTES)).is_some());
        assert!(SearchWords::parse(&"x".repeat(MOST_BYTES + 1)).is_none());
        assert!(SearchWords::parse(" \t").is_none() && SearchWords::parse("").is_none());
        assert_eq!(format!("{:?}", SearchWords::parse("secret words")), "Some(SearchWords(2))");
    }
}
