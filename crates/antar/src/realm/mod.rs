//! `antar realm`: links with other realms, over the realm's own socket where it runs, on its data where
//! it does not and nobody else is needed.

mod table;

use crate::admin::{self, Refused, Whose, printable};
use crate::complain;
use crate::print::{self, say};
use antar_client::with_default_port;
use antar_server::{Config, Offline, SOCKET, is_loopback};
use antar_types::{Fingerprint, Name};
use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How long a running realm may take to answer: it waits 10 s for another, and once more for one that
/// knows no TLS.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    whose: Whose,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show the realm's name, address and fingerprint: what others need to link with it.
    Show {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List the linked realms and the state of each link.
    List {
        /// Print a JSON list, with every field of CHECKREALM.
        #[arg(long)]
        json: bool,
    },
    /// Link with a realm; both keep the link from then on. One that is linked and has moved keeps its key
    /// and its link. This realm must be running.
    Add {
        /// Its name.
        realm: String,
        /// Where it is.
        #[arg(value_name = "HOST[:PORT]")]
        address: String,
        /// The fingerprint it must have; otherwise the one it has now is kept.
        #[arg(long, value_name = "sha256:...", conflicts_with = "plain")]
        key: Option<String>,
        /// It is linked and has this key from now on: what it is owed and what was said stay.
        #[arg(long, value_name = "sha256:...", conflicts_with_all = ["plain", "key"])]
        new_key: Option<String>,
        /// It is a server that knows no TLS; plain_peers in the configuration lists its address.
        #[arg(long)]
        plain: bool,
    },
    /// End the link with a realm. What was received stays.
    Remove {
        /// The realm.
        realm: String,
        /// Drop what it is still owed.
        #[arg(long)]
        force: bool,
    },
    /// Let a realm link that asked for it.
    Approve {
        /// The realm.
        realm: String,
        /// The fingerprint it must have: compare it with what `antar realm show` prints there.
        #[arg(value_name = "sha256:...")]
        key: Option<String>,
    },
    /// Print a code with which one realm can link, once, within seven days.
    Invite {
        /// Where that realm reaches this one [default: `advertise`, else where it listens].
        #[arg(long, value_name = "HOST[:PORT]")]
        address: Option<String>,
    },
    /// Give this realm another name; linked realms are told.
    Rename {
        /// The new name.
        name: String,
    },
    /// Link with the realm that made a code. This realm must be running.
    Join {
        /// What `antar realm invite` printed there.
        code: String,
    },
}

/// Runs the action and prints what came of it.
///
/// # Errors
/// Where there is no realm, or it says no.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.whose.realm()?;
    match &options.action {
        Action::Show { json } => show(&config, *json),
        Action::List { json } => list(&config, *json),
        Action::Add { realm, address, key, new_key, plain } => {
            let how = match (key, new_key, plain) {
                (Some(key), ..) => format!(" {}", fingerprint(key)?),
                (_, Some(key), _) => format!(" new-key {}", fingerprint(key)?),
                (.., true) => " plain".into(),
                _ => String::new(),
            };
            add(&config, realm, address, &how)
        }
        Action::Remove { realm, force } => {
            let (realm, force) = (named(realm)?, if *force { " force" } else { "" });
            ask(&config, &format!("REMOVEREALM {realm}{force}"), opened)?;
            say!("the link with {realm} is ended");
            Ok(())
        }
        Action::Approve { realm, key } => approve(&config, realm, key.as_deref()),
        Action::Rename { name } => {
            let name = named(name)?;
            ask(&config, &format!("RENAMEREALM {name}"), opened)?;
            say!("this realm is named {name} from now on; linked realms are told");
            Ok(())
        }
        Action::Invite { address } => invite(&config, address.as_deref()),
        Action::Join { code } => {
            if code.contains(char::is_whitespace) {
                bail!("an invitation is one word, as `antar realm invite` prints it");
            }
            let reply = ask(&config, &format!("JOINREALM {code}"), must_run)?;
            linked(&reply);
            Ok(())
        }
    }
}

type Stopped = fn(&Config) -> anyhow::Result<Offline>;

fn ask(config: &Config, line: &str, stopped: Stopped) -> anyhow::Result<Value> {
    admin::request(config, line, Some(PATIENCE), stopped)
}

/// The data of a realm that does not run.
fn opened(config: &Config) -> anyhow::Result<Offline> {
    Ok(Offline::open_existing(config)?)
}

/// The same, where what it would say is not the whole of it: what it says of links is what it has kept,
/// and of its address what is configured, for it may have been started with `--listen`.
fn opened_with_a_word(config: &Config) -> anyhow::Result<Offline> {
    let offline = opened(config)?;
    complain("antar: the realm is not running; this is what it has kept and what is configured\n");
    Ok(offline)
}

/// The same, where its address must be right.
fn opened_at_its_address(config: &Config) -> anyhow::Result<Offline> {
    let offline = opened(config)?;
    if config.advertise.is_none() {
        bail!(
            "the realm is not running, so where it listens is not known: give --address HOST:PORT"
        );
    }
    Ok(offline)
}

/// Both realms must agree to a link, so both must be there.
fn must_run(config: &Config) -> anyhow::Result<Offline> {
    let socket = config.data.join(SOCKET);
    bail!("no realm answers at {}: start it (`antar serve`), then link it", socket.display())
}

fn show(config: &Config, json: bool) -> anyhow::Result<()> {
    let reply =
        ask(config, "SHOWREALM", opened_with_a_word).map_err(|error| match code(&error) {
            // It cannot be anything else: a running realm has a name.
            "unavailable" => anyhow!("this realm has no name yet: it gets one at its first start"),
            _ => error,
        })?;
    let me = &reply["data"];
    if json {
        say!("{me}");
        return Ok(());
    }
    let text = |key: &str| me[key].as_str().unwrap_or_default();
    let address = match (text("host"), &me["port"]) {
        ("", port) => format!("port {port}, on every address of this machine"),
        (host, port) => join(host, port),
    };
    say!("name         {}\naddress      {address}", text("realm"));
    say!("fingerprint  {}", text("fingerprint"));
    Ok(())
}

fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let reply = ask(config, "CHECKREALM", opened_with_a_word)?;
    match reply["data"].as_array() {
        _ if json => say!("{}", reply["data"]),
        Some(links) if !links.is_empty() => print::text(format_args!("{}", table::of(links))),
        _ => say!("no realm is linked"),
    }
    Ok(())
}

fn add(config: &Config, realm: &str, address: &str, how: &str) -> anyhow::Result<()> {
    let (host, port) = split(address)?;
    let reply = ask(config, &format!("ADDREALM {} {host} {port}{how}", named(realm)?), must_run)?;
    linked(&reply);
    Ok(())
}

fn approve(config: &Config, realm: &str, key: Option<&str>) -> anyhow::Result<()> {
    let realm = named(realm)?;
    let key = key.map(fingerprint).transpose()?.map_or(String::new(), |key| format!(" {key}"));
    let reply = ask(config, &format!("APPROVEREALM {realm}{key}"), opened)?;
    let key = printable(reply["fingerprint"].as_str().unwrap_or_default());
    say!("{realm} is approved, with the key {key}: the link comes about when it calls again");
    Ok(())
}

fn fingerprint(word: &str) -> anyhow::Result<Fingerprint> {
    Fingerprint::parse(word)
        .with_context(|| format!("{word:?} is no fingerprint: sha256: and 64 hexadecimal digits"))
}

/// Says how it stands after a link was asked for.
fn linked(reply: &Value) {
    let realm = printable(reply["realm"].as_str().unwrap_or_default());
    match reply["state"].as_str() {
        Some("waiting") => {
            say!("{realm} was asked: the link waits for `antar realm approve` there");
        }
        Some("down") => {
            let error = printable(reply["error"].as_str().unwrap_or_default());
            say!("{realm} is called there from now on; it cannot be reached just now: {error}");
        }
        _ => say!("linked with {realm}"),
    }
}

fn invite(config: &Config, address: Option<&str>) -> anyhow::Result<()> {
    let (line, stopped): (_, Stopped) = match address.map(split).transpose()? {
        Some((host, port)) => (format!("INVITEREALM {host} {port}"), opened),
        None => ("INVITEREALM".into(), opened_at_its_address),
    };
    let reply = ask(config, &line, stopped).map_err(|error| match code(&error) {
        "bad_parameters" if address.is_none() => anyhow!(
            "this realm listens on every address of the machine, so it does not know where others \
             reach it: give --address HOST:PORT, or set `advertise` in its configuration"
        ),
        _ => error,
    })?;
    let invitation = reply["data"].as_str().unwrap_or_default();
    if leads_home(invitation) {
        complain("antar: only realms on this machine can use this code; others need --address\n");
    }
    say!("{invitation}");
    Ok(())
}

/// Whether the address in an invitation is one that leads to whoever calls it.
fn leads_home(invitation: &str) -> bool {
    let address = invitation.split_once('@').and_then(|(_, rest)| rest.split_once('/'));
    let host = address.and_then(|(address, _)| address.rsplit_once(':')).map(|(host, _)| host);
    host.is_some_and(|host| host.parse::<IpAddr>().is_ok_and(is_loopback))
}

fn code(error: &anyhow::Error) -> &str {
    error.downcast_ref::<Refused>().map_or("", |refused| &refused.code)
}

/// A name is one word of the request, so what is none must not get into it.
fn named(realm: &str) -> anyhow::Result<Name> {
    Name::parse(realm).with_context(|| {
        format!("{realm:?} is no name: 1-64 of A-Z a-z 0-9 . _ -, the first a letter or digit")
    })
}

/// Host and port; the usual port where none is given.
fn split(address: &str) -> anyhow::Result<(String, u16)> {
    let whole = with_default_port(address);
    let parts = whole.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_string();
    parts
        .map(|(host, port)| (bare(host), port))
        .filter(|(host, port)| *port > 0 && is_host(host))
        .with_context(|| format!("{address:?} is no address: HOST, HOST:PORT or [IPV6]:PORT"))
}

/// Whether a word can be a host's name or address: more than one colon is an IPv6 address's.
fn is_host(host: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    let (v6, zone) = host.split_once('%').unwrap_or((host, "0"));
    match host.contains(':') {
        true => v6.parse::<Ipv6Addr>().is_ok() && zone.bytes().all(known),
        false => !host.is_empty() && host.bytes().all(known),
    }
}

/// An address as it is given and shown.
fn join(host: &str, port: &Value) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let read = |text| split(text).ok();
        assert_eq!(read("beta.example"), Some(("beta.example".into(), 8889)));
        assert_eq!(read("10.0.0.2:7002"), Some(("10.0.0.2".into(), 7002)));
        assert_eq!(read("[::1]:7002"), Some(("::1".into(), 7002)));
        assert_eq!(read("::1"), Some(("::1".into(), 8889)));
        for wrong in
            ["", ":8889", "host:0", "host:http", "two words:1", "a\nb:1", "host:1:2", "fe80::1%a b"]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(join("::1", &7002.into()), "[::1]:7002");
    }

    #[test]
    fn a_code_that_leads_to_this_machine_is_known() {
        assert!(leads_home("antar:a@127.0.0.1:1/k/s") && leads_home("antar:a@::1:1/k/s"));
        assert!(!leads_home("antar:a@10.0.0.2:1/k/s") && !leads_home("rubbish"));
    }
}
