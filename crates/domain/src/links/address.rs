//! Where a peer can be reached, and whether its word for it may be believed.

use std::net::IpAddr;

/// Where a realm can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host's name or an address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// The address it was learnt from, where the other realm itself gave it: then it must not lead
    /// anywhere that the other realm could not reach ([`crate::may_dial`]).
    pub told_by: Option<IpAddr>,
}

impl Address {
    /// Whether it leads to the same place, whoever has told it.
    pub fn is_at(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port
    }
}

/// What an address counts as: all of IPv6's addresses in one /64 are one customer.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !crate::is_loopback(address) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

/// Whether an address that another realm gave may be dialled, learnt from whoever had `told_by`: not
/// this machine's own, nor its network's, unless that is where the other realm is itself.
pub fn may_dial(address: IpAddr, told_by: IpAddr) -> bool {
    let (address, told_by) = (address.to_canonical(), told_by.to_canonical());
    match reach(address) {
        Reach::Nowhere => false,
        reached => reached >= reach(told_by),
    }
}

/// How far an address leads.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nowhere,
    Machine,
    Link,
    Site,
    World,
}

fn reach(address: IpAddr) -> Reach {
    if address.is_unspecified() || address.is_multicast() {
        return Reach::Nowhere;
    }
    let (link, site) = match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            if v4.is_broadcast() || a == 0 {
                return Reach::Nowhere;
            }
            (v4.is_link_local(), v4.is_private() || shared)
        }
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unique_local()),
    };
    match (crate::is_loopback(address), link, site) {
        (true, ..) => Reach::Machine,
        (_, true, _) => Reach::Link,
        (_, _, true) => Reach::Site,
        _ => Reach::World,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_point_us_closer_than_it_is_itself() {
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        for (address, told_by, may) in [
            ("127.0.0.1", "127.0.0.9", true),
            ("127.0.0.1", "192.168.1.2", false),
            ("::ffff:127.0.0.1", "8.8.8.8", false),
            ("::1", "10.0.0.1", false),
            ("169.254.169.254", "10.0.0.1", false),
            ("fe80::1", "2001:db8::1", false),
            ("192.168.1.3", "192.168.1.2", true),
            ("10.0.0.1", "8.8.8.8", false),
            ("8.8.4.4", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", false),
            ("224.0.0.1", "8.8.8.8", false),
        ] {
            assert_eq!(may_dial(ip(address), ip(told_by)), may, "{address} told by {told_by}");
        }
    }
}
