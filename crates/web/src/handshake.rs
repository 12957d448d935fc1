//! WebSocket's opening handshake, of RFC 6455 section 4.2.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use sha1::{Digest, Sha1};

/// What the standard has appended to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The only version there is.
pub(crate) const VERSION: &str = "13";

/// Why no WebSocket comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWebSocket {
    /// It asks for none, or for another version.
    NotAsked,
    /// It has no key of 16 bytes, or more than one.
    BadKey,
}

/// The answer to the key of a request that asks for a WebSocket.
///
/// # Errors
/// See [`NoWebSocket`].
pub(crate) fn accept(headers: &HeaderMap) -> Result<String, NoWebSocket> {
    let has = |name: HeaderName, token: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(token)))
    };
    if !has(CONNECTION, "upgrade")
        || !has(UPGRADE, "websocket")
        || !has(SEC_WEBSOCKET_VERSION, VERSION)
    {
        return Err(NoWebSocket::NotAsked);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(NoWebSocket::BadKey) };
    match BASE64_STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == 16 => Ok(answer(key.as_bytes())),
        _ => Err(NoWebSocket::BadKey),
    }
}

fn answer(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    BASE64_STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_standard() {
        assert_eq!(answer(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_does_not_ask_for_it_is_refused() {
        let asking = |changed: &str, value: &str| {
            let mut headers = HeaderMap::new();
            for (name, given) in [
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "WebSocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                let given = if name == changed { value } else { given };
                headers.insert(name, given.parse().unwrap());
            }
            accept(&headers)
        };
        assert!(asking("", "").is_ok());
        assert_eq!(asking("connection", "close"), Err(NoWebSocket::NotAsked));
        assert_eq!(asking("upgrade", "h2c"), Err(NoWebSocket::NotAsked));
        assert_eq!(asking("sec-websocket-version", "8"), Err(NoWebSocket::NotAsked));
        assert_eq!(asking("sec-websocket-key", "dGhl"), Err(NoWebSocket::BadKey));
        assert_eq!(asking("sec-websocket-key", "?"), Err(NoWebSocket::BadKey));
    }
}
