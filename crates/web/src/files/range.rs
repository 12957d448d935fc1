//! Which bytes of a file are asked for.

use hyper::HeaderMap;
use hyper::header::{HeaderValue, IF_RANGE, RANGE};
use std::ops::Range;

/// What `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: also where it asks for several ranges, or for what is none.
    All,
    /// These bytes.
    Some(Range<u64>),
    /// Bytes that the file has not.
    None,
}

/// What is asked for of a file of this size and tag.
pub(super) fn asked(headers: &HeaderMap, size: u64, tag: &str) -> Asked {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    if headers.get(IF_RANGE).is_some_and(|known| text(known).as_deref() != Some(tag)) {
        return Asked::All;
    }
    let mut values = headers.get_all(RANGE).iter();
    let (Some(value), None) = (values.next().and_then(text), values.next()) else {
        return Asked::All;
    };
    parse(&value, size).unwrap_or(Asked::All)
}

fn parse(value: &str, size: u64) -> Option<Asked> {
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") || range.contains(',') {
        return None;
    }
    let range = match (first.trim(), last.trim()) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.start < range.end { Asked::Some(range) } else { Asked::None })
}

/// A number in digits; one that is too large is larger than any file.
pub(super) fn number(digits: &str) -> Option<u64> {
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_found_within_the_file() {
        for (value, expected) in [
            ("bytes=0-3", Asked::Some(0..4)),
            ("bytes=4-", Asked::Some(4..10)),
            ("bytes=-3", Asked::Some(7..10)),
            ("bytes=-99", Asked::Some(0..10)),
            ("Bytes=5-99999999999999999999", Asked::Some(5..10)),
            ("bytes=10-", Asked::None),
            ("bytes=10-12", Asked::None),
            ("bytes=-0", Asked::None),
            ("bytes=3-2", Asked::All),
            ("bytes=0-1,4-5", Asked::All),
            ("bytes=+1-2", Asked::All),
            ("bytes=-", Asked::All),
            ("lines=0-1", Asked::All),
            ("", Asked::All),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, value.parse().unwrap());
            assert_eq!(asked(&headers, 10, "\"a\""), expected, "{value}");
            headers.insert(IF_RANGE, "\"b\"".parse().unwrap());
            assert_eq!(asked(&headers, 10, "\"a\""), Asked::All, "{value}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=0-0".parse().unwrap());
        assert_eq!(asked(&headers, 0, "\"a\""), Asked::None);
    }
}
