//! What an operator sets about browsers: where they come in, and by which names.

use super::Config;
use antar_web::{Network, Rules};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Pages and WebSockets for browsers, on every address of the chat port too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// Addresses where only HTTP is spoken; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Names by which browsers may ask for the realm, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Origins of pages that may use the realm, besides its own: `https://chat.example.org`.
    pub origins: Vec<String>,
    /// Addresses and networks of proxies that are believed about whose connection or request it is.
    pub trusted_proxies: Vec<Network>,
    /// Where people find the page, if that is not where the realm listens: behind a proxy.
    pub url: Option<String>,
}

impl WebConfig {
    /// For whom the door opens.
    pub(crate) fn rules(&self) -> Rules {
        Rules::new(&self.hosts, &self.origins, self.trusted_proxies.iter().copied())
    }

    /// A value that is wrong, and what it should be.
    pub(super) fn wrong_value(&self) -> Option<(String, &'static str)> {
        let scheme = |url: &&String| url.starts_with("http://") || url.starts_with("https://");
        let origin = self.origins.iter().chain(&self.url).find(|url| !scheme(url));
        let origin = origin.map(|url| (url.clone(), "URL: https://HOST or http://HOST:PORT"));
        let host = self.hosts.iter().find(|host| host.contains(['/', ':', '*']));
        let host = host.map(|host| (host.clone(), "name of a host: without http://, a port or *"));
        origin.or(host)
    }
}

impl Config {
    /// Whether only this machine finds the page where [`Self::page`] says it is, though others could.
    pub fn is_page_unnamed(&self, listens: Option<SocketAddr>) -> bool {
        let is_named = self.web.url.is_some() || !self.web.hosts.is_empty();
        !is_named && listens.is_none_or(|address| address.ip().is_unspecified())
    }

    /// Where a browser finds the page of a realm that listens there.
    pub fn page(&self, listens: Option<SocketAddr>) -> String {
        if let Some(url) = &self.web.url {
            return format!("{}/", url.trim_end_matches('/'));
        }
        let port = listens.map_or(antar_types::DEFAULT_PORT, |address| address.port());
        let host = match (self.web.hosts.first(), listens.map(|address| address.ip())) {
            (Some(host), _) => host.clone(),
            (None, Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) | None) => "127.0.0.1".into(),
            (None, Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED))) => "[::1]".into(),
            (None, Some(IpAddr::V4(address))) => address.to_string(),
            (None, Some(IpAddr::V6(address))) => format!("[{address}]"),
        };
        match (self.tls.certificate.is_some(), port) {
            (true, 443) => format!("https://{host}/"),
            (true, _) => format!("https://{host}:{port}/"),
            (false, 80) => format!("http://{host}/"),
            (false, _) => format!("http://{host}:{port}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_where_the_realm_listens_unless_it_is_said_to_be_elsewhere() {
        let page = |text: &str, address: &str| {
            Config::parse(text).unwrap().page(Some(address.parse().unwrap()))
        };
        assert_eq!(page("", "127.0.0.1:8889"), "http://127.0.0.1:8889/");
        assert_eq!(page("", "0.0.0.0:1"), "http://127.0.0.1:1/");
        assert_eq!(page("", "[::]:1"), "http://[::1]:1/");
        assert_eq!(page("[web]\nhosts = [\"chat.example\"]", "[::]:1"), "http://chat.example:1/");
        let secure = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n[web]\nhosts = [\"chat.example\"]";
        assert_eq!(page(secure, "[::]:443"), "https://chat.example/");
        let set = "[web]\nurl = \"https://chat.example\"";
        assert_eq!(page(set, "127.0.0.1:1"), "https://chat.example/");
    }

    #[test]
    fn pages_for_others_end_local_mode_and_what_is_wrong_is_named() {
        let config = |text: &str| Config::parse(&format!("[web]\n{text}")).unwrap();
        assert!(config("listen = [\"127.0.0.1:0\"]").is_local());
        assert!(!config("listen = [\"0.0.0.0:0\"]").is_local());
        let wrong = |text: &str| config(text).web.wrong_value().map(|(value, _)| value);
        assert_eq!(wrong("origins = [\"chat.example\"]").as_deref(), Some("chat.example"));
        for host in ["chat.example:80", "*", "*.chat.example"] {
            assert_eq!(wrong(&format!("hosts = [\"{host}\"]")).as_deref(), Some(host));
        }
        let proxies = "[web]\ntrusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\", \"192.0.2.1\"]";
        assert!(Config::parse(proxies).unwrap().web.rules().trusts([10, 9, 9, 9].into()));
        let error = Config::parse("[web]\ntrusted_proxies = [\"10.1.0.0/8\"]").unwrap_err();
        assert!(error.1.contains("write 10.0.0.0/8"), "{error:?}");
        assert_eq!(wrong("hosts = [\"chat.example\"]\norigins = [\"http://a\"]"), None);
    }
}
