//! The configuration file and its defaults.

mod files;
mod limits;
mod rooms;
mod tls;
mod web;

pub use files::FilesConfig;
pub use limits::LimitsConfig;
pub use rooms::RoomsConfig;
pub use tls::TlsConfig;
pub use web::WebConfig;

use antar_domain::{Inbound, PlainPeers, Policy, RETENTION_DAYS, is_loopback};
use antar_types::Fingerprint;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The Unix socket for administration, in the data directory.
pub const SOCKET: &str = "antar.sock";

/// Everything an operator can set. Every field has a default; an unknown one is an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The realm's name; the host's name where it is not given at the first start.
    pub name: Option<String>,
    /// A new key is made where that by which linked realms know this one is gone; on the command line only.
    #[serde(skip)]
    pub new_identity: bool,
    /// The data directory.
    pub data: PathBuf,
    /// Addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Local mode: everybody who connects is at this machine, and may do more. Without it, where every
    /// address of `listen` is a loopback one.
    pub local_mode: Option<bool>,
    /// Who may REGISTER; anyone in local mode, else administrators.
    pub register: Option<Register>,
    /// Who may link realms; anyone in local mode, else administrators.
    pub link: Option<Link>,
    /// From which realms links are accepted: anyone in local mode, else those that are approved.
    pub inbound: Option<InboundLinks>,
    /// Keys (`sha256:…`) from which links are accepted whatever `inbound` says.
    pub link_keys: Vec<String>,
    /// Where other realms reach this one, `host:port` or `host`; otherwise the address it calls from.
    pub advertise: Option<String>,
    /// Addresses of servers that know no TLS and may be linked all the same.
    pub plain_peers: Vec<IpAddr>,
    /// AUTH does not tell an unknown user from a wrong password.
    pub hide_unknown_users: bool,
    /// Threads for connections; by default one on a small machine, half the cores on a larger one.
    pub threads: Option<usize>,
    /// Where metrics and health are served over HTTP, if anywhere; port 0 takes a free one.
    pub metrics: Option<SocketAddr>,
    /// What to log: a level, or directives such as `info,antar_server=debug`.
    pub log: String,
    /// Pages and WebSockets for browsers.
    pub web: WebConfig,
    /// A certificate for browsers and clients.
    pub tls: TlsConfig,
    /// How long messages are kept.
    pub retention: RetentionConfig,
    /// Groups with members of several realms.
    pub rooms: RoomsConfig,
    /// Files that messages name.
    pub files: FilesConfig,
    /// Bounds on everything.
    pub limits: LimitsConfig,
    /// How passwords are hashed.
    pub passwords: PasswordsConfig,
}

/// Who may REGISTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Register {
    /// Anyone who connects.
    Open,
    /// Administrators, for others.
    Closed,
}

/// Who may link realms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// Any user.
    Open,
    /// Administrators.
    Admin,
}

/// From which realms links are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InboundLinks {
    /// From anyone.
    Open,
    /// From anyone, once an administrator approves.
    Approve,
    /// From those with one of `link_keys`, or an invitation.
    Listed,
}

/// How long messages are kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Days, where a group does not say otherwise; 0 for ever.
    pub days: u16,
}

/// argon2id's parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordsConfig {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Passwords hashed at once.
    pub workers: usize,
    /// Passwords waiting to be hashed before further ones are refused.
    pub waiting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            new_identity: false,
            data: "antar-data".into(),
            listen: vec![SocketAddr::from(([127, 0, 0, 1], antar_types::DEFAULT_PORT))],
            local_mode: None,
            register: None,
            link: None,
            inbound: None,
            link_keys: Vec::new(),
            advertise: None,
            plain_peers: Vec::new(),
            hide_unknown_users: false,
            threads: None,
            metrics: None,
            log: "info".into(),
            web: WebConfig::default(),
            tls: TlsConfig::default(),
            retention: RetentionConfig::default(),
            rooms: RoomsConfig::default(),
            files: FilesConfig::default(),
            limits: LimitsConfig::default(),
            passwords: PasswordsConfig::default(),
        }
    }
}

impl Default for PasswordsConfig {
    /// OWASP's recommendation for argon2id: 19 MiB, two passes.
    fn default() -> Self {
        Self { memory_kib: 19 << 10, iterations: 2, workers: cores(), waiting: 1_024 }
    }
}

impl Config {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// Names the file, the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { file: shown.clone(), error })?;
        let config = Self::parse(&text);
        let config = config.and_then(|config| match config.wrong_value() {
            Some((value, what)) => {
                let line = text.lines().position(|line| line.contains(&value)).unwrap_or(0) + 1;
                Err((line, format!("{value:?} is no {what}")))
            }
            None => Ok(config),
        });
        config.map_err(|(line, what)| ConfigError::Wrong { file: shown, line, what })
    }

    /// A value of the right type that is wrong all the same, and what it should be.
    fn wrong_value(&self) -> Option<(String, &'static str)> {
        let key = self.link_keys.iter().find(|key| Fingerprint::parse(key).is_none());
        let key = key.map(|key| (key.clone(), "key: sha256: and 64 hexadecimal digits"));
        let days = Some(self.retention.days).filter(|days| *days > RETENTION_DAYS);
        let days = days.map(|days| (days.to_string(), "number of days up to 36500"));
        key.or(days).or_else(|| self.web.wrong_value()).or_else(|| self.rooms.wrong_value())
    }

    /// Reads TOML; on failure the line and what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text[..at].matches('\n').count() + 1;
            (line, error.message().replace('\n', "; "))
        })
    }

    /// Local mode: as it is set, else whether only this machine's own programs can connect.
    pub fn is_local(&self) -> bool {
        self.local_mode.unwrap_or_else(|| self.listens_here_only())
    }

    fn listens_here_only(&self) -> bool {
        self.listen.iter().chain(&self.web.listen).all(|address| is_loopback(address.ip()))
    }

    /// Where servers that know no TLS may call from.
    pub fn plain_peers(&self) -> PlainPeers {
        self.plain_peers.iter().copied().collect()
    }

    /// What local mode means for this realm, for the log: whether that needs the operator's attention, and
    /// a sentence. `None` where it is not in local mode.
    pub fn local_note(&self) -> Option<(bool, String)> {
        if !self.is_local() {
            return None;
        }
        let policy = self.policy();
        let mut may = Vec::new();
        if policy.open_registration {
            may.push("anyone who can connect may register");
        }
        if policy.open_linking {
            may.push("any user may link realms and end links");
        }
        if policy.inbound == Inbound::Open {
            may.push("any realm that calls is linked");
        }
        may.push("no address is limited unless [limits] says so");
        let may = may.join(", ");
        Some(match self.listens_here_only() {
            true => (
                false,
                format!("local mode: {may}; behind a proxy on this machine set local_mode = false"),
            ),
            false => (
                true,
                format!(
                    "local mode on an address that others can reach, as local_mode = true has it: {may}"
                ),
            ),
        })
    }

    /// Who may do what.
    pub fn policy(&self) -> Policy {
        let default = if self.is_local() { Policy::local() } else { Policy::public() };
        Policy {
            open_registration: self
                .register
                .map_or(default.open_registration, |r| r == Register::Open),
            open_linking: self.link.map_or(default.open_linking, |l| l == Link::Open),
            hide_unknown_users: self.hide_unknown_users,
            inbound: match self.inbound {
                None => default.inbound,
                Some(InboundLinks::Open) => Inbound::Open,
                Some(InboundLinks::Approve) => Inbound::Approve,
                Some(InboundLinks::Listed) => Inbound::Listed,
            },
            listed_keys: self.link_keys.iter().filter_map(|key| Fingerprint::parse(key)).collect(),
            plain_peers: self.plain_peers(),
            refused_rooms: self.rooms.refused(),
        }
    }

    /// The host and the port that other realms are told, as far as they are set.
    pub fn advertised(&self) -> (Option<String>, Option<u16>) {
        let Some(text) = &self.advertise else { return (None, None) };
        let port = |port: &str| port.parse().ok();
        match text.rsplit_once(':') {
            Some((host, digits)) if port(digits).is_some() && !host.contains("::") => {
                (Some(host.trim_matches(['[', ']']).into()), port(digits))
            }
            _ => (Some(text.trim_matches(['[', ']']).into()), None),
        }
    }

    /// Threads for connections.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| if cores() <= 4 { 1 } else { cores() / 2 }).max(1)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {error}")]
    Unreadable {
        /// Its name.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("{file}, line {line}: {what}")]
    Wrong {
        /// Its name.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_for_a_century_at_most_or_for_ever() {
        let wrong = |days: u16| {
            let config = Config::parse(&format!("[retention]\ndays = {days}")).unwrap();
            config.wrong_value().map(|(value, _)| value)
        };
        assert_eq!((wrong(0), wrong(RETENTION_DAYS)), (None, None));
        assert_eq!(wrong(RETENTION_DAYS + 1).as_deref(), Some("36501"));
    }

    #[test]
    fn an_unknown_key_names_its_line() {
        let (line, what) =
            Config::parse("name = \"a\"\n\n[limits]\nmesage_bytes = 1\n").unwrap_err();
        assert_eq!(line, 4);
        assert!(what.contains("mesage_bytes") && what.contains("message_bytes"), "{what}");
        assert_eq!(Config::parse("listen = [\"nowhere\"]").unwrap_err().0, 1);
    }

    #[test]
    fn the_policy_follows_the_addresses_until_it_is_set() {
        let local = Config::parse("").unwrap();
        assert_eq!(local.policy(), Policy::local());
        let public = Config::parse("listen = [\"127.0.0.1:1\", \"0.0.0.0:2\"]").unwrap();
        assert_eq!(public.policy(), Policy::public());
        let set = Config::parse("listen = [\"[::]:1\"]\nregister = \"open\"").unwrap();
        assert!(set.policy().open_registration && !set.policy().open_linking);
    }

    #[test]
    fn local_mode_is_what_is_set_or_follows_from_the_addresses() {
        let local = |text: &str| Config::parse(text).unwrap().is_local();
        let listening = |address: &str| format!("listen = [\"{address}\"]\n");
        for here in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(local(&listening(here)), "{here}");
            assert!(!local(&(listening(here) + "local_mode = false")), "{here}");
        }
        for away in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
            assert!(!local(&listening(away)), "{away}");
            assert!(local(&(listening(away) + "local_mode = true")), "{away}");
        }
        let refused = Config::parse("local_mode = false").unwrap();
        assert_eq!(refused.policy(), Policy::public());
        let set = Config::parse("local_mode = false\nregister = \"open\"").unwrap();
        assert!(set.policy().open_registration && !set.policy().open_linking);
    }

    #[test]
    fn local_mode_says_what_it_means() {
        let note = |text: &str| Config::parse(text).unwrap().local_note();
        let (warning, said) = note("").unwrap();
        assert!(!warning && said.contains("may register") && said.contains("local_mode = false"));
        let closed = "register = \"closed\"\nlink = \"admin\"\ninbound = \"approve\"";
        let (_, said) = note(closed).unwrap();
        assert!(!said.contains("register") && !said.contains("link"), "{said}");
        let (warning, _) = note("listen = [\"0.0.0.0:1\"]\nlocal_mode = true").unwrap();
        assert!(warning);
        assert_eq!(note("local_mode = false"), None);
        assert_eq!(note("listen = [\"0.0.0.0:1\"]"), None);
    }

    #[test]
    fn there_are_no_plain_peers_but_those_that_are_listed() {
        let include = |text: &str, address: &str| {
            Config::parse(text).unwrap().plain_peers().include(address.parse().unwrap())
        };
        for local in ["", "local_mode = true"] {
            assert!(!include(local, "127.0.0.1") && !include(local, "::1"));
        }
        let listed = "plain_peers = [\"192.0.2.1\", \"127.0.0.1\"]";
        assert!(include(listed, "192.0.2.1") && include(listed, "::ffff:192.0.2.1"));
        assert!(include(listed, "127.0.0.1") && !include(listed, "192.0.2.2"));
    }

    #[test]
    fn the_documented_configuration_is_the_default() {
        let documented = include_str!("../../../../docs/antar.toml");
        let uncommented: String = documented
            .lines()
            .map(|l| l.strip_prefix("#= ").unwrap_or(l).to_string() + "\n")
            .collect();
        let config = Config::parse(&uncommented).unwrap();
        let default = Config { name: Some("alpha".into()), ..Config::default() };
        let same = |c: &Config| {
            format!(
                "{:?}",
                Config {
                    local_mode: None,
                    register: None,
                    link: None,
                    inbound: None,
                    advertise: None,
                    threads: None,
                    metrics: None,
                    passwords: PasswordsConfig { workers: 2, ..c.passwords.clone() },
                    limits: LimitsConfig {
                        connections_per_address: None,
                        connects_per_minute: None,
                        handshakes_per_address: None,
                        strangers_per_minute: None,
                        registrations_per_hour: None,
                        requests_per_second: None,
                        requests_per_account: None,
                        ..c.limits.clone()
                    },
                    ..c.clone()
                }
            )
        };
        assert_eq!(same(&config), same(&default));
    }
}
