//! A line to a verb, a token and the rest.

use super::row::{self, Row};
use crate::Dialect;
use antar_types::{Token, words};

/// A line whose verb is known.
pub struct Line<'a> {
    /// Its row.
    pub row: &'static Row,
    /// The verb's place among [`row::all`].
    pub number: usize,
    /// The token that names its session.
    pub token: Option<Token>,
    /// What follows the verb and the token.
    pub params: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line; its dialect comes out either way, the rest only where the verb is known.
    pub fn parse(line: &'a str) -> (Dialect, Option<Self>) {
        let (first, rest) = words::first(line);
        if let Some(row) = row::find_word(first) {
            return (Dialect::of(first), Some(Self::of(row, rest)));
        }
        let (second, after) = words::first(rest);
        match row::find_pair(first, second) {
            Some(row) => {
                let upper = [first, second].iter().all(|w| Dialect::of(w) == Dialect::Upper);
                let dialect = if upper { Dialect::Upper } else { Dialect::Lower };
                (dialect, Some(Self::of(row, after)))
            }
            None => (Dialect::of(first), None),
        }
    }

    fn of((number, row): (usize, &'static Row), params: &'a str) -> Self {
        // Most lines bring none, and are not split in vain.
        if params.starts_with('~')
            && let (first, rest) = words::first(params)
            && let Some(token) = Token::parse(first)
        {
            return Self { row, number, token: Some(token), params: rest };
        }
        if row.addressed
            && let (_, rest) = words::first(params)
            && let (port, rest) = words::first(rest)
            && port.parse::<u16>().is_ok()
            && let (third, rest) = words::first(rest)
            && let Some(token) = Token::parse(third)
        {
            return Self { row, number, token: Some(token), params: rest };
        }
        Self { row, number, token: None, params }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn parse(line: &str) -> Option<(&'static str, bool, String)> {
        let (_, request) = Line::parse(line);
        request.map(|r| (r.row.name, r.token.is_some(), r.params.to_string()))
    }

    #[test]
    fn finds_the_verb_in_either_spelling_and_case() {
        assert_eq!(parse("sEnD bob hi"), Some(("SEND", false, "bob hi".into())));
        assert_eq!(parse("Group  GET"), Some(("GROUP GET", false, String::new())));
        assert_eq!(parse("getgroups {}").unwrap().0, "GETGROUPS");
        assert_eq!(parse("group"), None);
        assert_eq!(parse("sendd"), None);
    }

    #[test]
    fn takes_a_token_where_the_clients_put_it() {
        assert_eq!(parse(&format!("send {TOKEN} bob  hi")), Some(("SEND", true, "bob  hi".into())));
        assert!(parse(&format!("group send {TOKEN} hi")).unwrap().1);
        assert_eq!(
            parse(&format!("sendrealm 10.0.0.2 8889 {TOKEN} beta alice hello")),
            Some(("SENDREALM", true, "beta alice hello".into()))
        );
        assert!(!parse(&format!("sendrealm beta alice {TOKEN} hello")).unwrap().1);
        assert!(!parse(&format!("send a 8889 {TOKEN}")).unwrap().1);
    }

    #[test]
    fn capitals_of_every_word_make_it_upper() {
        for (line, dialect) in [
            ("SEND bob x", Dialect::Upper),
            ("Send bob x", Dialect::Lower),
            ("GROUP SEND x", Dialect::Upper),
            ("GROUP send x", Dialect::Lower),
            ("group SEND x", Dialect::Lower),
            ("FOO", Dialect::Upper),
            ("foo", Dialect::Lower),
            ("12", Dialect::Lower),
        ] {
            assert_eq!(Line::parse(line).0, dialect, "{line}");
        }
    }
}
