//! What the head of a request for a file says.

use super::range::number;
use super::{Part, Upload};
use crate::rules::only;
use antar_types::{FileHash, FileLink, FileName, FileType, Token};
use hyper::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
};
use hyper::http::request::Parts;

pub(super) const NAME: HeaderName = HeaderName::from_static("x-filename");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The type that a part of a file comes as; it says nothing of the file.
pub(super) const PARTIAL: &str = "application/partial-upload";

/// What a form with a file in it comes as; curl says the second of whatever it posts.
const FORM: &str = "multipart/form-data";
const MEANINGLESS: [&str; 2] = [PARTIAL, "application/x-www-form-urlencoded"];

/// The token that a request brings.
///
/// # Errors
/// Where it brings something else, or several.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<Token>, ()> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(AUTHORIZATION) { Err(()) } else { Ok(None) };
    };
    let (scheme, token) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or(())?;
    let good = scheme.eq_ignore_ascii_case("bearer");
    Token::parse(token.trim()).filter(|_| good).map(Some).ok_or(())
}

/// What the query of a request for a file asks for besides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// What the file is to be called.
    pub name: Option<FileName>,
    /// What lets the asker read it.
    pub link: Option<FileLink>,
}

pub(super) fn query(query: &str) -> Query {
    let value = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).and_then(|(_, value)| unescaped(value))
    };
    let shown = ["id", "by", "exp", "sig"].map(|key| value(key).unwrap_or_default());
    let link = FileLink::parse(shown.each_ref().map(String::as_str));
    Query { name: value("name").map(|name| FileName::cleaned(&name)), link }
}

/// What a request brings; `patch` where it goes on with what another began.
///
/// # Errors
/// What is wrong with it.
pub(super) fn upload(
    head: &Parts,
    hash: Option<FileHash>,
    patch: bool,
) -> Result<Upload, &'static str> {
    let headers = &head.headers;
    let offset = counted(headers, &OFFSET).ok_or("Upload-Offset is a number of bytes")?;
    let whole = counted(headers, &LENGTH).ok_or("Upload-Length is a number of bytes")?;
    let complete = match only(headers, &COMPLETE).map(|value| value.map(str::trim)) {
        Ok(None) => None,
        Ok(Some("?1")) => Some(true),
        Ok(Some("?0")) => Some(false),
        _ => return Err("Upload-Complete is ?1 or ?0"),
    };
    if patch && offset.is_none() {
        return Err("PATCH needs Upload-Offset");
    }
    let length = counted(headers, &CONTENT_LENGTH).ok_or("Content-Length is a number of bytes")?;
    let begins = offset.unwrap_or(0);
    let end = length.map_or(begins, |length| begins.saturating_add(length));
    if whole.is_some_and(|whole| {
        end > whole || complete == Some(true) && length.is_some() && end < whole
    }) {
        return Err("Upload-Length is how many bytes the whole file has");
    }
    let part = match (offset, complete) {
        (None, None) => None,
        (_, complete) => {
            // Whoever says nothing may have said how long the file is.
            let last = complete.unwrap_or(length.is_some() && whole == Some(end));
            Some(Part { offset: begins, last })
        }
    };
    let kind = only(headers, &CONTENT_TYPE).ok().flatten().and_then(FileType::parse);
    if kind.as_ref().is_some_and(|kind| kind.as_str() == FORM) {
        return Err("a file's bytes are sent as they are, not in a form");
    }
    let kind = kind.filter(|kind| !MEANINGLESS.contains(&kind.as_str()));
    Ok(Upload { hash, name: name(headers), kind: kind.unwrap_or_default(), length, whole, part })
}

/// A number of bytes, `Some(None)` where nothing is said.
#[expect(clippy::option_option, reason = "nothing said, and nothing good said, are different")]
fn counted(headers: &HeaderMap, name: &HeaderName) -> Option<Option<u64>> {
    only(headers, name).ok()?.map_or(Some(None), |value| number(value.trim()).map(Some))
}

/// What a file is called: `X-Filename`, as RFC 8187 writes it or as it is, or else what `Content-Disposition` says. Both may
/// be in UTF-8, as programs send them that know no better way.
fn name(headers: &HeaderMap) -> Option<FileName> {
    if let Some(value) = text(headers, &NAME) {
        return Some(FileName::cleaned(&extended(value).unwrap_or_else(|| value.to_owned())));
    }
    let parameters = parameters(text(headers, &CONTENT_DISPOSITION)?);
    let parameter = |key: &str| {
        let mut found = parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        found.next().map(|(_, value)| value)
    };
    let named = parameter("filename*").and_then(|value| extended(value));
    named.or_else(|| parameter("filename").cloned()).map(|name| FileName::cleaned(&name))
}

/// The one value of a header, where it is UTF-8.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    std::str::from_utf8(value.as_bytes()).ok()
}

/// What follows the first word of a value, as `; name=value` or `; name="value"`, in which a `;` ends nothing.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut rest = value.chars().peekable();
    let mut all = Vec::new();
    rest.by_ref().find(|c| *c == ';');
    while rest.peek().is_some() {
        let name: String = std::iter::from_fn(|| rest.next_if(|c| !";=".contains(*c))).collect();
        let mut value = String::new();
        if rest.next_if_eq(&'=').is_some() {
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
            if rest.next_if_eq(&'"').is_some() {
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    value.extend(if c == '\\' { rest.next() } else { Some(c) });
                }
            }
            value.extend(std::iter::from_fn(|| rest.next_if(|c| *c != ';')));
        }
        rest.next_if_eq(&';');
        all.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    all
}

/// A value as RFC 8187 writes it: `UTF-8''caf%C3%A9`.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, escaped) = rest.split_once('\'')?;
    unescaped(escaped).filter(|_| charset.eq_ignore_ascii_case("utf-8"))
}

/// Text of which bytes are written as `%41`.
fn unescaped(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, others) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.contains('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn head(pairs: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names_are_read_in_every_way_that_they_are_written() {
        for (header, value, expected) in [
            ("x-filename", "UTF-8''caf%C3%A9.txt", "café.txt"),
            ("x-filename", "utf-8'en'a%20b", "a b"),
            ("x-filename", "plain.txt", "plain.txt"),
            ("x-filename", "it's", "it's"),
            ("x-filename", "UTF-8''..%2f..%2fpasswd", "passwd"),
            ("x-filename", "naïve ☕.txt", "naïve ☕.txt"),
            ("x-filename", "../ü\u{202e}.txt", "ü_.txt"),
            ("content-disposition", "attachment; filename=\"a b.txt\"", "a b.txt"),
            ("content-disposition", "attachment; filename=\"a;b.txt\"", "a;b.txt"),
            ("content-disposition", "form-data; x=\";filename=y\"; filename=z", "z"),
            (
                "content-disposition",
                "attachment; FileName = \"say \\\"hi\\\" é.txt\" ",
                "say \"hi\" é.txt",
            ),
            ("content-disposition", "attachment;filename=a.txt;size=3", "a.txt"),
            ("content-disposition", "attachment; filename=\"unended; a", "unended; a"),
            ("content-disposition", "attachment; filename=x; filename*=UTF-8''%c3%a9", "é"),
        ] {
            let upload = upload(&head(&[(header, value)]), None, false).unwrap();
            assert_eq!(upload.name.unwrap().as_str(), expected, "{value}");
        }
        for bad in ["UTF-8''%", "UTF-8''%zz", "UTF-8''%+1", "UTF-8''%ff"] {
            assert_eq!(extended(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_say_where_they_are_and_whether_they_are_the_last() {
        let part = |pairs: &[(&str, &str)]| upload(&head(pairs), None, false).unwrap().part;
        assert_eq!(part(&[("content-length", "5")]), None);
        let first = Part { offset: 0, last: false };
        assert_eq!(part(&[("upload-complete", "?0")]), Some(first));
        let second = [("upload-offset", "5"), ("content-length", "3"), ("upload-length", "8")];
        assert_eq!(part(&second), Some(Part { offset: 5, last: true }));
        assert_eq!(part(&second[..2]), Some(Part { offset: 5, last: false }));
        for bad in [("upload-offset", "-1"), ("upload-complete", "1"), ("upload-length", "x")] {
            assert!(upload(&head(&[bad]), None, false).is_err(), "{bad:?}");
        }
        assert!(upload(&head(&[("upload-complete", "?1")]), None, true).is_err());
        for (complete, length) in [("?0", "7"), ("?1", "7"), ("?1", "9")] {
            let both = [("upload-complete", complete), ("upload-length", length)];
            let bad = [&both[..], &second[..2]].concat();
            assert!(upload(&head(&bad), None, false).is_err(), "{complete} {length}");
        }
    }

    #[test]
    fn a_token_comes_in_one_place_only() {
        let written = Token::new([7; 32]).reveal();
        let token = |values: &[&str]| {
            let pairs: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            token(&head(&pairs).headers)
        };
        let good = format!("Bearer {written}");
        assert_eq!(token(&[&good]), Ok(Some(Token::new([7; 32]))));
        assert_eq!(token(&[&good.replace('B', "b")]).map(|token| token.is_some()), Ok(true));
        assert_eq!(token(&[]), Ok(None));
        for bad in [&[&*written][..], &["Basic YTpi"], &["Bearer"], &["Bearer x"], &[&good, &good]]
        {
            assert_eq!(token(bad), Err(()), "{bad:?}");
        }
    }

    #[test]
    fn a_query_names_the_file_or_shows_a_link() {
        let sig = "01".repeat(32);
        let both = query(&format!("id=9&by=4&exp=7&sig={sig}&name=a%2Fb.txt"));
        assert_eq!(both.link, FileLink::parse(["9", "4", "7", &sig]));
        assert!(both.link.is_some() && query(&format!("id=9&exp=7&sig={sig}")).link.is_none());
        assert_eq!(both.name.unwrap().as_str(), "b.txt");
        assert_eq!(query("id=9&by=4&exp=7&sig=x&token=~a"), Query::default());
    }
}
