//! What another realm answers, as it is read: JSON, of which some keys mean something.

use crate::Value;
use antar_domain::commands::UnreadAnswer;
use antar_domain::links::{Epoch, PeerAnswer, Position};
use antar_types::{Capabilities, Chain, Code, Name};

/// Bytes of the longest answer, many times what any has. A line of a link may be far longer; what it
/// would cost to make values of one, of whatever shape, is not to be spent on it.
const LONGEST: usize = 8 << 10;

/// Bytes of a code that are kept: whatever it says is shown to users here.
const CODE: usize = 40;

/// Reads an answer.
pub(crate) fn read(line: &str) -> Result<Box<PeerAnswer>, UnreadAnswer> {
    if line.len() > LONGEST {
        return Err(UnreadAnswer::TooLong);
    }
    let answer: Value = line.parse().map_err(|_| UnreadAnswer::Nonsense)?;
    let word = |key: &str| answer[key].as_str();
    let number = |key: &str| answer[key].as_u64();
    let chain = |key: &str| word(key).and_then(Chain::parse);
    // No log gets further than that: what comes after it is counted.
    let seq = |key: &str| number(key).filter(|seq| *seq < u64::MAX / 2);
    let position = |at: &str, hash: &str| Some(Position { seq: seq(at)?, chain: chain(hash)? });
    let code = word("code").unwrap_or_default();
    let can_be = |c: &char| c.is_ascii_lowercase() || *c == '_';
    Ok(Box::new(PeerAnswer {
        ok: answer["status"] == "OK",
        code: Code::ALL.iter().copied().find(|known| known.as_str() == code),
        code_word: code.chars().filter(can_be).take(CODE).collect::<String>().into(),
        realm: word("realm").and_then(Name::parse),
        now: word("now").and_then(Name::parse),
        waiting: answer["state"] == "waiting",
        can: word("can").map(Capabilities::parse),
        epoch: word("epoch").and_then(Epoch::parse),
        from: position("from", "chain"),
        floor: position("floor", "floor_chain"),
        tip: number("tip"),
        chain: chain("chain"),
        clock: number("clock"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_as_if_it_were_not_there() {
        let read = |line: &str| *read(line).unwrap();
        assert_eq!(read("{}"), PeerAnswer::default());
        let odd = r#"{"status":1,"code":[],"realm":"a b","tip":-1,"epoch":"7","chain":"x","can":2,
            "from":5,"floor":{},"clock":"x","now":null,"else":{"a":[1]}}"#;
        assert_eq!(read(odd), PeerAnswer::default());
        let hash = Chain::START.to_string();
        let far = format!(r#"{{"from":{},"chain":"{hash}"}}"#, u64::MAX / 2);
        assert_eq!(read(&far), PeerAnswer { chain: Some(Chain::START), ..PeerAnswer::default() });
    }

    #[test]
    fn a_code_of_another_version_is_kept_as_far_as_it_can_be_one() {
        let read = |line: &str| *read(line).unwrap();
        let known = read(r#"{"status":"ERROR","code":"realm_key"}"#);
        assert_eq!((known.code, &*known.code_word), (Some(Code::RealmKey), "realm_key"));
        let other = read(&format!(r#"{{"code":"<b>new_{}"}}"#, "x".repeat(99)));
        assert_eq!((other.code, other.code_word.len()), (None, CODE));
        assert!(other.code_word.starts_with("bnew_x"));
    }

    #[test]
    fn one_that_is_too_long_or_no_json_is_none() {
        let long = format!(r#"{{"status":"{}"}}"#, "x".repeat(LONGEST));
        assert_eq!(read(&long), Err(UnreadAnswer::TooLong));
        assert_eq!(read("{"), Err(UnreadAnswer::Nonsense));
    }
}
