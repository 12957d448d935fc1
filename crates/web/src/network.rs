//! Addresses that begin alike.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One address, or a network as CIDR writes it: `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    /// How many bits all of its addresses have in common.
    bits: u8,
}

impl Network {
    /// Whether an address is in it. An IPv4 address in its IPv6 form is the same address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// The network of so many bits in which an address is.
    fn around(address: IpAddr, bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & !host).into())
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & !host).into())
            }
        };
        Self { first, bits }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self { first, bits: width(first) }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{word:?} is neither an address nor a network: write 10.0.0.1, 10.0.0.0/8 or fd00::/8"
            )
        };
        let Some((address, bits)) = word.split_once('/') else {
            return word.parse().map(IpAddr::into).map_err(|_| wrong());
        };
        let written = address.parse::<IpAddr>().map_err(|_| wrong())?;
        let is_number = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        let bits = bits.parse::<u8>().ok().filter(|_| is_number).ok_or_else(wrong)?;
        if bits > width(written) {
            let most = width(written);
            return Err(format!(
                "{word:?} is no network: an address like {written} has {most} bits"
            ));
        }
        // An IPv4 network may be written in the IPv6 form of its addresses.
        let (address, bits) = match written.to_canonical() {
            IpAddr::V4(v4) if written.is_ipv6() && bits >= 96 => (v4.into(), bits - 96),
            _ => (written, bits),
        };
        let network = Self::around(address, bits);
        if network.first != address {
            return Err(format!("{word:?} has bits set after the first {bits}: write {network}"));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits == width(self.first) {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.bits),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_all_addresses_that_begin_as_it_does() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:9.255.255.255"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.0"),
            ("::ffff:192.0.2.1", "192.0.2.1", "::1"),
            ("::ffff:10.0.0.0/104", "10.0.0.1", "11.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "10.0.0.1"),
        ] {
            assert!(contains(network, inside), "{network} {inside}");
            assert!(!contains(network, outside), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_what_to_write() {
        let wrong = |word: &str| word.parse::<Network>().unwrap_err();
        for word in ["", "x", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "/8", "a/8"] {
            assert!(wrong(word).contains("neither an address nor a network"), "{word}");
        }
        assert!(wrong("10.0.0.0/33").contains("has 32 bits"), "{}", wrong("10.0.0.0/33"));
        assert!(wrong("fd00::/129").contains("has 128 bits"));
        assert!(wrong("10.1.0.0/8").ends_with("write 10.0.0.0/8"), "{}", wrong("10.1.0.0/8"));
        assert!(wrong("fd00::1/8").ends_with("write fd00::/8"), "{}", wrong("fd00::1/8"));
        for word in ["10.0.0.0/8", "fd00::/8", "::1", "192.0.2.1"] {
            assert_eq!(word.parse::<Network>().unwrap().to_string(), word);
        }
    }
}
