//! For whom the door opens.

use crate::network::Network;
use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::{Authority, Uri};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Where proxies say for whom a request is.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the operator has set about who may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Names under which the realm may be asked for, in lower case.
    hosts: BTreeSet<String>,
    /// Origins of other pages that may use the realm, in lower case.
    origins: BTreeSet<String>,
    /// Proxies whose word counts.
    proxies: Vec<Network>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no `Host`, more than one, or one that is none.
    BadHost,
    /// Its `Host` is a name that nobody has said is this realm's: another page's, pointed here.
    StrangeHost,
    /// It comes from a page of another origin.
    StrangeOrigin,
}

impl Rules {
    /// Of names, origins (`https://chat.example.org`) and the addresses of proxies.
    pub fn new<'a>(
        hosts: impl IntoIterator<Item = &'a String>,
        origins: impl IntoIterator<Item = &'a String>,
        proxies: impl IntoIterator<Item = Network>,
    ) -> Self {
        let origin = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self {
            hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: origins.into_iter().map(origin).collect(),
            proxies: proxies.into_iter().collect(),
        }
    }

    /// Whether an address is a proxy's whose word counts.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
    }

    /// Lets a request in by its headers.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = only(headers, &HOST).map_err(|()| Refusal::BadHost)?.ok_or(Refusal::BadHost)?;
        let host = authority(host).ok_or(Refusal::BadHost)?;
        if !self.is_known(host.host()) {
            return Err(Refusal::StrangeHost);
        }
        let origin = only(headers, &ORIGIN).map_err(|()| Refusal::StrangeOrigin)?;
        match origin {
            None => Ok(()),
            Some(origin) if self.is_same(origin, &host) => Ok(()),
            Some(origin) if self.origins.contains(&origin.to_ascii_lowercase()) => Ok(()),
            Some(_) => Err(Refusal::StrangeOrigin),
        }
    }

    /// The origin of a request that was let in, where it is another than the realm's own.
    pub(crate) fn shared_with(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let folded = origin.to_str().ok()?.to_ascii_lowercase();
        self.origins.contains(&folded).then(|| origin.clone())
    }

    /// A page that was loaded from a name of its author's cannot have the name point here: an address
    /// and `localhost` are nobody's to point.
    fn is_known(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        literal.is_ok() || host == "localhost" || self.hosts.contains(&host)
    }

    /// Whether an origin has the authority that the request was sent to.
    fn is_same(&self, origin: &str, host: &Authority) -> bool {
        let Ok(origin) = origin.parse::<Uri>() else { return false };
        let usual = match origin.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return false,
        };
        let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
        origin.authority().is_some_and(|from| {
            from.host().eq_ignore_ascii_case(host.host()) && port(from) == port(host)
        })
    }

    /// For whom a request is that comes from an address: where that is a proxy's, the nearest that the proxy
    /// names and that is no proxy itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let values = headers.get_all(FORWARDED).iter().rev();
        let texts = values.map(|value| value.to_str().unwrap_or_default());
        for hop in texts.flat_map(|text| text.rsplit(',')) {
            // What cannot be read was not written by a proxy that can be trusted, nor is what stands before it.
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            if !self.trusts(hop) {
                return hop.to_canonical();
            }
        }
        peer
    }
}

/// The one value of a header; an error where there are more, or it is no text.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(()),
    }
}

/// A host, with its port or without.
fn authority(host: &str) -> Option<Authority> {
    let authority = host.parse::<Authority>().ok()?;
    let has_port = authority.as_str().len() > authority.host().len();
    let good = !authority.as_str().contains('@') && (!has_port || authority.port_u16().is_some());
    good.then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let hosts = ["Chat.example".to_string()];
        let origins = ["https://Other.example/".to_string()];
        Rules::new(&hosts, &origins, ["127.0.0.1", "10.0.0.0/8"].map(|a| a.parse().unwrap()))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_name_counts_where_it_is_nobodys_to_point() {
        let admit = |host: &str| rules().admit(&headers(&[("host", host)]));
        for host in ["127.0.0.1:8889", "192.0.2.1", "[::1]:8889", "[2001:db8::1]", "localhost:1"] {
            assert_eq!(admit(host), Ok(()), "{host}");
        }
        assert_eq!((admit("chat.example"), admit("CHAT.example:443")), (Ok(()), Ok(())));
        for host in ["evil.example", "localhost.", "localhost.evil", "127.0.0.1.evil", "x127.0.0.1"]
        {
            assert_eq!(admit(host), Err(Refusal::StrangeHost), "{host}");
        }
        for host in ["", "a b", "user@localhost", "localhost:", "localhost:99999", "localhost/x"] {
            assert_eq!(admit(host), Err(Refusal::BadHost), "{host}");
        }
        assert_eq!(rules().admit(&headers(&[])), Err(Refusal::BadHost));
        let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert_eq!(rules().admit(&twice), Err(Refusal::BadHost));
    }

    #[test]
    fn another_origin_is_refused_unless_it_is_listed() {
        let admit = |host, origin| rules().admit(&headers(&[("host", host), ("origin", origin)]));
        for (host, origin) in [
            ("localhost:8889", "http://localhost:8889"),
            ("127.0.0.1:8889", "https://127.0.0.1:8889"),
            ("[::1]:8889", "http://[::1]:8889"),
            ("chat.example", "https://chat.example"),
            ("chat.example:443", "https://Chat.example"),
            ("localhost:8889", "https://other.example"),
        ] {
            assert_eq!(admit(host, origin), Ok(()), "{host} {origin}");
        }
        for (host, origin) in [
            ("localhost:8889", "http://localhost:3000"),
            ("localhost:8889", "http://localhost"),
            ("localhost:8889", "http://127.0.0.1:8889"),
            ("localhost:8889", "null"),
            ("localhost:8889", ""),
            ("localhost:8889", "http://localhost:8889.evil"),
            ("localhost:8889", "http://evil@localhost:8888"),
            ("localhost", "ftp://localhost"),
            ("localhost:8889", "https://other.example:444"),
        ] {
            assert_eq!(admit(host, origin), Err(Refusal::StrangeOrigin), "{host} {origin}");
        }
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://x")];
        assert_eq!(rules().admit(&headers(&twice)), Err(Refusal::StrangeOrigin));
    }

    #[test]
    fn only_a_proxys_word_counts_and_only_about_whom_it_heard() {
        let client = |peer: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED, value.parse().unwrap());
            }
            rules().client(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(client("192.0.2.9", &["1.2.3.4"]), "192.0.2.9");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("::ffff:127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.1"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["6.6.6.6, unknown"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["10.0.0.1, 127.0.0.1"]), "127.0.0.1");
        assert_eq!(client("10.9.9.9", &["6.6.6.6, 1.2.3.4, 10.1.0.1"]), "1.2.3.4");
    }
}
