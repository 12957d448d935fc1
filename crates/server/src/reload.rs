//! What changes when the configuration is read again.

use crate::Config;
use std::collections::BTreeSet;
use std::fmt;
use toml::{Table, Value};

/// Keys that hold until a restart, whatever the file says meanwhile.
const FIXED: [&str; 8] = [
    "name",
    "data",
    "listen",
    "web.listen",
    "metrics",
    "advertise",
    "threads",
    "passwords.workers",
];

/// Which keys have another value than before, for a line in the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that hold from now on.
    pub now: Vec<String>,
    /// Those that hold after a restart.
    pub later: Vec<String>,
}

impl Changes {
    /// From one configuration to another.
    pub fn between(old: &Config, new: &Config) -> Self {
        let (old, new) = (values(old), values(new));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changed = keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned();
        let (later, now) = changed.partition(|key| FIXED.contains(&key.as_str()));
        Self { now, later }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.now.as_slice() {
            [] => f.write_str("nothing changed")?,
            now => write!(f, "changed {}", now.join(", "))?,
        }
        match self.later.as_slice() {
            [] => Ok(()),
            later => write!(f, "; only a restart changes {}", later.join(", ")),
        }
    }
}

/// The new configuration, but for what holds until a restart. What the defaults are depends on it too:
/// unless `local_mode` is set, a realm is in local mode as long as it listens on loopback addresses only.
pub fn applicable(old: &Config, new: &Config) -> Config {
    let mut config = new.clone();
    config.name.clone_from(&old.name);
    config.data.clone_from(&old.data);
    config.listen.clone_from(&old.listen);
    config.web.listen.clone_from(&old.web.listen);
    config.metrics = old.metrics;
    config.advertise.clone_from(&old.advertise);
    config.threads = old.threads;
    config.passwords.workers = old.passwords.workers;
    config
}

/// Every key that is set, with those of a table after its name and a dot.
fn values(config: &Config) -> Table {
    let mut all = Table::new();
    for (key, value) in Table::try_from(config).unwrap_or_default() {
        match value {
            Value::Table(inner) => {
                all.extend(inner.into_iter().map(|(name, v)| (format!("{key}.{name}"), v)));
            }
            value => drop(all.insert(key, value)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_named() {
        let old = Config::default();
        let mut new = old.clone();
        assert_eq!(Changes::between(&old, &new).to_string(), "nothing changed");
        new.limits.connections = 1;
        new.limits.requests_per_second = Some(5);
        new.threads = Some(7);
        let said = Changes::between(&old, &new).to_string();
        let expected = "changed limits.connections, limits.requests_per_second; only a restart changes \
                        threads";
        assert_eq!(said, expected);
    }

    /// What is kept for a restart and what is said to be are the same.
    #[test]
    fn what_only_a_restart_changes_is_not_applied() {
        let old = Config::default();
        let mut new = Config {
            name: Some("x".into()),
            data: "elsewhere".into(),
            listen: vec![([0, 0, 0, 0], 1).into()],
            metrics: Some(([127, 0, 0, 1], 1).into()),
            advertise: Some("host".into()),
            threads: Some(99),
            ..Config::default()
        };
        new.passwords.workers = 99;
        new.web.listen = vec![([0, 0, 0, 0], 2).into()];
        new.limits.links = 1;
        let later = Changes::between(&old, &new).later;
        assert_eq!(later.iter().collect::<BTreeSet<_>>().len(), FIXED.len());
        let applied = applicable(&old, &new);
        assert_eq!(Changes::between(&old, &applied).later, [""; 0]);
        assert_eq!(Changes::between(&old, &applied).now, ["limits.links"]);
        assert!(applied.is_local());
    }
}
