//! What `--metrics` shows of a realm that is used.

use crate::conn::Conn;
use crate::realm::{PATIENCE, Realm, refusal};
use antar_types::Code;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const DOCUMENTED: &str = include_str!("../../../../docs/metrics.md");

/// A running realm and where its metrics are.
pub struct Watched {
    pub realm: Realm,
    metrics: String,
}

impl Watched {
    fn named(name: &'static str, limits: &str) -> Self {
        Self::of(Realm::stopped(limits), name)
    }

    /// A realm that is not started yet.
    pub fn of(mut realm: Realm, name: &'static str) -> Self {
        let mut command = realm.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--name", name]);
        realm.run(command);
        let line = realm.next_line();
        let address = line.trim_end().strip_prefix("antar: metrics on http://").unwrap();
        let metrics = address.strip_suffix("/metrics").unwrap().into();
        Self { realm, metrics }
    }

    /// The status and the body.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.metrics).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.metrics).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.into())
    }

    /// Every sample by its name and labels.
    pub fn samples(&self) -> BTreeMap<String, f64> {
        let (status, page) = self.get("/metrics");
        assert_eq!(status, 200);
        let samples = page.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_string(), value.parse().unwrap())
        });
        samples.collect()
    }

    /// Waits until samples are what they should be.
    #[track_caller]
    fn expect(&self, expected: &[(&str, f64)]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let samples = self.samples();
            let wrong = expected.iter().find(|(name, value)| samples.get(*name) != Some(value));
            let Some((name, value)) = wrong else { return };
            let is = samples.get(*name);
            assert!(Instant::now() < deadline, "{name} should be {value} and is {is:?}");
            std::thread::yield_now();
        }
    }
}

/// Sends something that is no request of ours and waits for the end.
fn knock(realm: &Realm, bytes: &[u8]) {
    let mut stream = TcpStream::connect(realm.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn what_is_asked_and_refused_is_counted() {
    let alpha = Watched::named("alpha", "message_bytes = 10");
    let (mut amy, mut bob) = (alpha.realm.user("amy"), alpha.realm.user("bob"));
    for (line, code) in [
        ("SEND nobody x", "user_not_found"),
        ("send amy far-too-long-a-text", "too_long"),
        ("AUTH amy wrong", "wrong_password"),
        ("frobnicate", "unknown_request"),
    ] {
        assert_eq!(amy.ask(line)["code"], code, "{line}");
    }
    bob.expect_ok("WATCH");
    for _ in 0..3 {
        amy.expect_ok("Send bob hello");
        assert_eq!(bob.next()["event"], "message");
    }
    bob.expect_ok("GROUP ADD staff pw");
    let last = amy.expect_ok("SEND bob last")["id"].as_f64().unwrap();
    alpha.expect(&[
        ("antar_requests_total{verb=\"REGISTER\"}", 2.0),
        ("antar_requests_total{verb=\"SEND\"}", 6.0),
        ("antar_requests_total{verb=\"ADDGROUP\"}", 1.0),
        ("antar_requests_total{verb=\"AUTH\"}", 1.0),
        ("antar_requests_total{verb=\"unknown\"}", 1.0),
        ("antar_requests_total{verb=\"INBOX\"}", 0.0),
        ("antar_refusals_total{code=\"user_not_found\"}", 1.0),
        ("antar_refusals_total{code=\"too_long\"}", 1.0),
        ("antar_refusals_total{code=\"wrong_password\"}", 1.0),
        ("antar_refusals_total{code=\"unknown_request\"}", 1.0),
        ("antar_refusals_total{code=\"forbidden\"}", 0.0),
        ("antar_accounts", 2.0),
        ("antar_groups", 1.0),
        ("antar_sessions", 2.0),
        ("antar_watchers", 1.0),
        ("antar_last_id", last),
        ("antar_healthy", 1.0),
        ("antar_hub_answers", 1.0),
        ("antar_hub_waiting", 0.0),
        ("antar_passwords_waiting", 0.0),
    ]);
    let samples = alpha.samples();
    // Each of these waited for its own reply, so each had a batch of its own.
    assert!(samples["antar_commit_seconds_count"] >= 7.0);
    assert!(samples["antar_batch_events_sum"] >= samples["antar_batch_events_count"]);
    assert!(samples["antar_store_log_bytes"] > 0.0);
    let code = |code: &Code| format!("antar_refusals_total{{code=\"{}\"}}", code.as_str());
    assert!(Code::ALL.iter().all(|c| samples.contains_key(&code(c))));
    let secret = ["amy", "bob", "hello", "staff", "127.0.0.1"];
    let page = alpha.get("/metrics").1;
    assert!(secret.iter().all(|word| !page.contains(word)), "{page}");
    assert_eq!(alpha.get("/health"), (200, "{\"status\":\"ok\"}\n".into()));
}

#[test]
fn connections_are_counted_by_how_they_came_and_went() {
    let alpha = Watched::named("alpha", "connections = 3");
    let amy = alpha.realm.user("amy");
    knock(&alpha.realm, b"GET / HTTP/1.1\r\n\r\n");
    knock(&alpha.realm, b"\x16no TLS at all\n\n");
    assert!(alpha.realm.command("user").arg("list").output().unwrap().status.success());
    alpha.expect(&[
        ("antar_connections{kind=\"client\",transport=\"plain\"}", 1.0),
        ("antar_connections_opened_total{kind=\"client\",transport=\"plain\"}", 1.0),
        ("antar_connections_opened_total{kind=\"client\",transport=\"http\"}", 1.0),
        ("antar_http_answers_total{status=\"400\"}", 1.0),
        ("antar_connections{kind=\"operator\",transport=\"unix\"}", 0.0),
        ("antar_connections_opened_total{kind=\"operator\",transport=\"unix\"}", 1.0),
        ("antar_connections_closed_total{reason=\"http\"}", 1.0),
        ("antar_connections_closed_total{reason=\"closed\"}", 1.0),
        ("antar_handshakes_failed_total", 1.0),
        ("antar_connections_refused_total", 0.0),
    ]);
    // Answered, so that they have been let in.
    let mut more: Vec<Conn> = (0..2).map(|_| alpha.realm.connect()).collect();
    more.iter_mut().for_each(|conn| assert_eq!(conn.ask("PING")["data"], "PONG"));
    assert_eq!(alpha.realm.connect().next()["code"], "too_many_connections");
    alpha.expect(&[
        ("antar_connections{kind=\"client\",transport=\"plain\"}", 3.0),
        ("antar_connections_refused_total", 1.0),
        ("antar_refusals_total{code=\"too_many_connections\"}", 1.0),
    ]);
    drop((amy, more));
    alpha.expect(&[("antar_connections{kind=\"client\",transport=\"plain\"}", 0.0)]);
}

/// Two realms, linked, with a user each.
fn linked() -> (Watched, Watched) {
    let (alpha, beta) = (Watched::named("alpha", ""), Watched::named("beta", ""));
    let add = alpha.realm.command("realm").args(["add", "beta", beta.realm.address()]).output();
    assert!(add.unwrap().status.success());
    (alpha, beta)
}

#[test]
fn what_passes_a_link_and_what_is_owed_is_counted() {
    let (alpha, mut beta) = linked();
    let (mut amy, bob) = (alpha.realm.user("amy"), beta.realm.user("bob"));
    amy.expect_ok("SENDREALM beta bob one");
    amy.expect_ok("SENDREALM beta bob two");
    alpha.expect(&[
        ("antar_link_up{realm=\"beta\"}", 1.0),
        ("antar_link_delivered_total{realm=\"beta\"}", 2.0),
        ("antar_link_owed_messages{realm=\"beta\"}", 0.0),
        ("antar_link_owed_age_seconds{realm=\"beta\"}", 0.0),
        ("antar_connections{kind=\"realm\",transport=\"tls\"}", 1.0),
    ]);
    beta.expect(&[
        ("antar_link_up{realm=\"alpha\"}", 1.0),
        ("antar_link_received_total{realm=\"alpha\"}", 2.0),
    ]);
    assert!(beta.samples()["antar_requests_total{verb=\"DELIVER\"}"] >= 1.0);
    drop(bob);
    beta.realm.stop();
    alpha.expect(&[
        ("antar_link_up{realm=\"beta\"}", 0.0),
        ("antar_link_lost_total{realm=\"beta\"}", 1.0),
    ]);
    amy.expect_ok("SENDREALM beta bob three");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let samples = alpha.samples();
        let link = |name: &str| samples[&format!("antar_link_{name}{{realm=\"beta\"}}")];
        assert_eq!(link("owed_messages"), 1.0);
        assert!(link("owed_bytes") > 0.0);
        if link("owed_age_seconds") > 0.0 && link("failures_total") > 0.0 {
            break;
        }
        assert!(Instant::now() < deadline, "{samples:?}");
        std::thread::yield_now();
    }
}

/// A family: its type, its labels and its help.
type Described = (String, BTreeSet<String>, String);

/// Every family on a page, by name.
fn exported(page: &str) -> BTreeMap<String, Described> {
    let mut families: BTreeMap<String, Described> = BTreeMap::new();
    let mut last = String::new();
    for line in page.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "HELP", name, help] => {
                last = name.into();
                families.entry(last.clone()).or_default().2 = help.into();
            }
            ["#", "TYPE", name, kind] => families.entry(name.into()).or_default().0 = kind.into(),
            ["#", ..] => {}
            _ => {
                let labels = line.split_once('{').map_or("", |(_, rest)| rest);
                let keys = labels.split("\",").filter_map(|label| Some(label.split_once("=\"")?.0));
                let keys = keys.filter(|key| *key != "le").map(str::to_string);
                families.entry(last.clone()).or_default().1.extend(keys);
            }
        }
    }
    families
}

/// Every row of the documentation's tables, by the metric's name.
fn documented() -> BTreeMap<String, Described> {
    let rows = DOCUMENTED.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, help] = cells[..] else { return None };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let labels = labels.split('`').filter(|word| word.chars().any(char::is_alphabetic));
        Some((name.into(), (kind.into(), labels.map(str::to_string).collect(), help.into())))
    });
    rows.collect()
}

#[test]
fn the_documentation_and_what_is_exported_are_the_same() {
    let (alpha, _beta) = linked();
    let (exported, documented) = (exported(&alpha.get("/metrics").1), documented());
    for (name, (kind, labels, help)) in &exported {
        let row =
            documented.get(name).unwrap_or_else(|| panic!("{name} is not documented: {help}"));
        assert_eq!((&row.0, &row.1), (kind, labels), "{name}");
        assert!(row.2.starts_with(help), "{name}: {help}");
        assert!(labels.len() < 3 && !help.is_empty());
    }
    let gone: Vec<_> = documented.keys().filter(|name| !exported.contains_key(*name)).collect();
    assert!(gone.is_empty(), "documented, but not exported: {gone:?}");
}

#[test]
fn each_verb_that_help_lists_has_its_series_from_the_start() {
    let alpha = Watched::named("alpha", "");
    let samples = alpha.samples();
    let help = alpha.realm.connect().expect_ok("HELP")["data"].clone();
    let verbs = help.as_array().unwrap();
    assert!(verbs.len() > 30);
    for verb in verbs {
        let usage = verb.as_str().or(verb["usage"].as_str()).unwrap();
        let words: Vec<&str> = usage.split([' ', ':']).collect();
        let series = |name: String| {
            samples.contains_key(&format!("antar_requests_total{{verb=\"{name}\"}}"))
        };
        let two = words.get(..2).is_some_and(|two| series(two.join(" ")));
        assert!(two || series(words[0].into()), "{usage}");
    }
}

#[test]
fn a_realm_that_is_renamed_has_its_new_name_everywhere_at_once() {
    let alpha = Watched::named("alpha", "");
    let page = || {
        let mut stream = TcpStream::connect(alpha.realm.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let named = |name: &str| {
        let info = alpha.get("/metrics").1.contains(&format!("realm=\"{name}\""));
        let first = alpha.get("/").1.contains(&format!("realm {name}:"));
        (info, first, page().contains(&format!("content=\"{name}\"")))
    };
    assert_eq!(named("alpha"), (true, true, true));
    let output = alpha.realm.command("realm").args(["rename", "omega"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(named("omega"), (true, true, true));
}

#[test]
fn an_address_for_metrics_that_is_taken_is_named() {
    let alpha = Watched::named("alpha", "");
    let other = Realm::stopped("");
    other.configure(&format!("metrics = \"{}\"", alpha.metrics));
    let said = refusal(&other.command("serve").args(["--listen", "127.0.0.1:0"]).output().unwrap());
    assert!(said.contains(&alpha.metrics) && said.contains("--metrics ADDR:PORT"), "{said}");
}
