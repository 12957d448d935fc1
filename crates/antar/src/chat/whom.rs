//! Whom to call, and whose key must answer.

use super::session::PATIENCE;
use super::{Options, terminal};
use antar_client::live::Address;
use antar_client::{Client, Error, Fingerprint};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokio::time::timeout;

/// A realm's address, and how to be sure that it is this realm.
#[derive(Clone, Debug)]
pub struct Whom {
    /// `HOST:PORT`, or the path of a Unix socket.
    pub address: String,
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
struct Tls {
    /// Whose key must answer; none before the first time.
    key: Option<Fingerprint>,
    /// Where keys are remembered, if there is a place for it.
    known: Option<PathBuf>,
}

impl Whom {
    /// As the command line says. A key that answered at this address before must answer again.
    ///
    /// # Errors
    /// Where what stands after `--tls` is no fingerprint, or the keys of before cannot be read.
    pub fn of(options: &Options) -> Result<Self> {
        // `--tls HOST:PORT` is an address, and no fingerprint was given.
        let (key, stray) = match options.tls.as_deref() {
            None | Some("") => (None, None),
            Some(word) if word.to_ascii_lowercase().starts_with("sha256:") => {
                let key = Fingerprint::parse(word);
                let wrong =
                    "a fingerprint is sha256: and 64 digits, as `antar realm show` prints it";
                (Some(key.context(wrong)?), None)
            }
            Some(word) => (None, Some(word)),
        };
        let address = match (options.address.as_deref(), stray) {
            (Some(_), Some(word)) => bail!("{word:?} is no fingerprint: it begins with sha256:"),
            (address, stray) => address.or(stray).unwrap_or("127.0.0.1"),
        };
        if address.contains('/') {
            if options.tls.is_some() {
                bail!("there is no TLS over a Unix socket, and no need for it");
            }
            return Ok(Self { address: address.into(), tls: None });
        }
        let address = antar_client::with_default_port(address);
        let tls = match options.tls {
            None => None,
            Some(_) => {
                let known = terminal::state_directory().map(|state| state.join("known_realms"));
                let before = || known.as_deref().map_or(Ok(None), |path| recall(path, &address));
                let key = key.map_or_else(before, |key| Ok(Some(key)))?;
                Some(Tls { key, known })
            }
        };
        Ok(Self { address, tls })
    }

    /// Where a connection is made again: with the key that has answered.
    pub fn again(&self) -> Address {
        #[cfg(unix)]
        if self.address.contains('/') {
            return Address::Unix(self.address.clone().into());
        }
        match self.tls.as_ref().and_then(|tls| tls.key) {
            Some(key) => Address::Tls(self.address.clone(), key),
            None => Address::Tcp(self.address.clone()),
        }
    }

    /// Connects, with the key that must answer if one is known.
    ///
    /// # Errors
    /// Where nobody answers, or somebody else.
    pub async fn connect(&self) -> Result<Client, Error> {
        self.open().await.map(|(client, _)| client)
    }

    async fn open(&self) -> Result<(Client, Option<Fingerprint>), Error> {
        #[cfg(unix)]
        if self.address.contains('/') {
            return Ok((Client::connect_unix(&self.address).await?, None));
        }
        match &self.tls {
            None => Ok((Client::connect(&self.address).await?, None)),
            Some(tls) => {
                let (client, key) = Client::connect_tls(&self.address, tls.key).await?;
                Ok((client, Some(key)))
            }
        }
    }

    /// Connects for the first time: from now on the same key must answer, also next time. Returns what
    /// there is to say about it.
    ///
    /// # Errors
    /// A sentence for the user.
    pub async fn connect_first(&mut self) -> Result<(Client, Option<String>)> {
        let address = &self.address;
        let Ok(opened) = timeout(PATIENCE, self.open()).await else {
            let seconds = PATIENCE.as_secs();
            bail!("nobody answers at {address} within {seconds} s, or not as asked");
        };
        let (client, found) = match opened {
            Ok(open) => open,
            Err(Error::Key { expected, found }) => bail!(
                "whoever answers at {address} has the key {found}, not {expected}: it is not the realm it \
                 was, or somebody is in between. If the realm has a new key for sure: --tls {found}"
            ),
            Err(error) => {
                let hint = format!("no realm answers at {address} (`antar serve` starts one)");
                return Err(error).context(hint);
            }
        };
        let (Some(tls), Some(found)) = (&mut self.tls, found) else { return Ok((client, None)) };
        let first = tls.key.replace(found).is_none();
        let remembered = match &tls.known {
            Some(path) => remember(path, address, found).map_err(|error| error.to_string()),
            None => Err("there is no HOME".into()),
        };
        let said = match (first, remembered) {
            (true, Ok(())) => Some(format!(
                "the key of {address}, seen for the first time and remembered: {found}\n\
                 -- whether it is the right one, `antar realm show` there tells"
            )),
            (true, Err(why)) => Some(format!(
                "the key of {address}, taken unseen and not remembered ({why}): {found}"
            )),
            (false, _) => None,
        };
        Ok((client, said))
    }
}

/// The key that answered at an address before. The file has a line for each: the address, the key.
fn recall(path: &Path, address: &str) -> Result<Option<Fingerprint>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let Some((_, key)) = lines(&text).find(|(at, _)| at.eq_ignore_ascii_case(address)) else {
        return Ok(None);
    };
    let wrong = || format!("{} has no fingerprint for {address}", path.display());
    Fingerprint::parse(key).with_context(wrong).map(Some)
}

fn remember(path: &Path, address: &str, key: Fingerprint) -> std::io::Result<()> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let line = format!("{address} {key}\n");
    if before.split_inclusive('\n').any(|known| known == line) {
        return Ok(());
    }
    let others = lines(&before).filter(|(at, _)| !at.eq_ignore_ascii_case(address));
    let mut text: String = others.map(|(at, key)| format!("{at} {key}\n")).collect();
    text.push_str(&line);
    // At once, so that another chat that starts meanwhile reads no half of it.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&new, text)?;
    std::fs::rename(new, path)
}

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.trim().split_once(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: Option<&str>, tls: Option<&str>) -> Options {
        let (address, tls) = (address.map(str::to_owned), tls.map(str::to_owned));
        Options { address, user: None, register: false, tls }
    }

    #[test]
    fn the_command_line() {
        let key = format!("sha256:{}", "ab".repeat(32));
        let of = |address, tls| Whom::of(&options(address, tls));
        assert_eq!(of(None, None).unwrap().address, "127.0.0.1:8889");
        assert!(of(Some("x"), None).unwrap().tls.is_none());
        let pinned = of(Some("x"), Some(&key)).unwrap();
        assert_eq!(pinned.tls.unwrap().key, Fingerprint::parse(&key));
        assert_eq!(of(None, Some("example.org")).unwrap().address, "example.org:8889");
        for (address, tls) in [(Some("x"), "y"), (None, "sha256:ab"), (Some("./socket"), "")] {
            assert!(of(address, Some(tls)).is_err(), "{address:?} {tls}");
        }
    }

    #[test]
    fn keys_are_remembered_by_address() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_realms");
        let (old, new) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        assert_eq!(recall(&path, "a:1").unwrap(), None);
        for (address, key) in [("a:1", old), ("b:1", old), ("A:1", new), ("A:1", new)] {
            remember(&path, address, key).unwrap();
        }
        assert_eq!(recall(&path, "a:1").unwrap(), Some(new));
        assert_eq!(recall(&path, "b:1").unwrap(), Some(old));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        std::fs::write(&path, "a:1 sha256:cut").unwrap();
        assert!(recall(&path, "a:1").is_err());
    }
}
