//! The PROXY protocol, version 2: what a proxy says of the connection that it passes on, before its bytes.
//!
//! Of <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a header begins with.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of a header before what it says of addresses.
pub const PROXY_HEADER: usize = 16;

/// Bytes that may follow those: addresses, and what else a proxy tells, which is not read.
const MOST: usize = 4 << 10;

/// Why a header cannot be used; the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// It is none of version 2.
    NotVersion2,
    /// It is longer than one may be.
    TooLong,
    /// It is of no TCP connection.
    NotTcp,
}

/// How many bytes follow a header.
///
/// # Errors
/// See [`ProxyError`].
pub fn length(header: &[u8; PROXY_HEADER]) -> Result<usize, ProxyError> {
    if header[..12] != SIGNATURE || header[12] >> 4 != 2 || header[12] & 0xf > 1 {
        return Err(ProxyError::NotVersion2);
    }
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    if length <= MOST { Ok(length) } else { Err(ProxyError::TooLong) }
}

/// Whose connection it is; `None` where it is the proxy's own, or the proxy does not know.
///
/// # Errors
/// See [`ProxyError`].
pub fn addressed(header: &[u8; PROXY_HEADER], rest: &[u8]) -> Result<Option<IpAddr>, ProxyError> {
    length(header)?;
    // A connection of the proxy's own, to see whether anybody is there.
    if header[12] & 0xf == 0 {
        return Ok(None);
    }
    let address = match header[13] {
        0x00 => return Ok(None),
        0x11 if rest.len() >= 12 => rest.first_chunk().map(|b: &[u8; 4]| Ipv4Addr::from(*b).into()),
        0x21 if rest.len() >= 36 => {
            rest.first_chunk().map(|b: &[u8; 16]| IpAddr::from(Ipv6Addr::from(*b)))
        }
        _ => return Err(ProxyError::NotTcp),
    };
    Ok(address.map(|address: IpAddr| address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, length: u16) -> [u8; PROXY_HEADER] {
        let mut header = [0; PROXY_HEADER];
        header[..12].copy_from_slice(&SIGNATURE);
        (header[12], header[13]) = (command, family);
        header[14..].copy_from_slice(&length.to_be_bytes());
        header
    }

    #[test]
    fn says_whose_connection_it_is() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 1, 2, 3, 4, 99];
        assert_eq!(addressed(&header(0x21, 0x11, 13), &four), Ok(Some([192, 0, 2, 7].into())));
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 1]);
        assert_eq!(addressed(&header(0x21, 0x21, 36), &six), Ok(Some("2001::".parse().unwrap())));
        // Its own, and one that it does not know.
        assert_eq!(addressed(&header(0x20, 0x11, 12), &four), Ok(None));
        assert_eq!(addressed(&header(0x21, 0x00, 0), &[]), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        assert_eq!(length(&header(0x11, 0x11, 12)), Err(ProxyError::NotVersion2));
        assert_eq!(length(&header(0x22, 0x11, 12)), Err(ProxyError::NotVersion2));
        assert_eq!(length(&[0; PROXY_HEADER]), Err(ProxyError::NotVersion2));
        assert_eq!(length(&header(0x21, 0x11, 4097)), Err(ProxyError::TooLong));
        assert_eq!(addressed(&header(0x21, 0x12, 12), &[0; 12]), Err(ProxyError::NotTcp));
        assert_eq!(addressed(&header(0x21, 0x31, 0), &[0; 216]), Err(ProxyError::NotTcp));
        assert_eq!(addressed(&header(0x21, 0x11, 4), &[0; 4]), Err(ProxyError::NotTcp));
    }
}
