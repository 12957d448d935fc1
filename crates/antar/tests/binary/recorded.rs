//! What realms of the first version say on a link (tests/links), said to a realm of today's: it must answer
//! as they did.

use crate::conn::Conn;
use crate::links::{done, until, until_it};
use crate::realm::{PATIENCE, Realm};
use antar_server::{Identity, Tls};
use antar_types::Name;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Where the recorded realm was called.
const HOST: &str = "127.88.0.15";

/// Beta, played by what was recorded.
struct Beta {
    runtime: Runtime,
    tls: Tls,
    listener: TcpListener,
    stream: Option<Box<dyn Stream>>,
    read: Vec<u8>,
}

impl Beta {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = Name::parse("beta").unwrap();
        let tls = Tls::new(&Identity::open_or_make(directory.path(), &name).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((HOST, 0))).unwrap();
        Self { runtime, tls, listener, stream: None, read: Vec::new() }
    }

    fn port(&self) -> String {
        self.listener.local_addr().unwrap().port().to_string()
    }

    fn call(&mut self, address: &str) {
        let Self { runtime, tls, .. } = self;
        self.stream = Some(Box::new(runtime.block_on(async {
            tls.connect(TcpStream::connect(address).await.unwrap()).await.unwrap().0
        })));
    }

    fn take_call(&mut self) {
        let Self { runtime, tls, listener, .. } = self;
        self.stream = Some(Box::new(runtime.block_on(async {
            let call = timeout(PATIENCE, listener.accept()).await.expect("it calls");
            tls.accept(call.unwrap().0, PATIENCE).await.unwrap().0
        })));
    }

    fn cut(&mut self) {
        self.stream = None;
        self.read.clear();
    }

    fn say(&mut self, line: &str) {
        // An answer ends as every reply does.
        let end = if line.starts_with('{') { "\r\n\r\n" } else { "\n" };
        let stream = self.stream.as_mut().expect("a connection");
        self.runtime.block_on(async {
            stream.write_all(format!("{line}{end}").as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        });
    }

    #[track_caller]
    fn hear(&mut self) -> String {
        let stream = self.stream.as_mut().expect("a connection");
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                if !line.trim().is_empty() {
                    return line.trim_end_matches(['\r', '\n']).into();
                }
            }
            let mut buffer = [0; 4096];
            let more = async { timeout(PATIENCE, stream.read(&mut buffer)).await };
            let count = self.runtime.block_on(more).expect("nothing was said").unwrap();
            assert!(count > 0, "the connection has ended");
            self.read.extend_from_slice(&buffer[..count]);
        }
    }
}

/// What stands now for what was random, or told a time, when it was recorded.
#[derive(Clone, Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    /// Whether a word is an epoch, a hash or a time.
    fn is_free(word: &str) -> bool {
        let hex = word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let time = word.len() == 13 && word.bytes().all(|b| b.is_ascii_digit());
        hex && [16, 32].contains(&word.len()) && word.bytes().any(|b| b != b'0') || time
    }

    /// Splits a line into words of letters and digits and what stands between them.
    fn words(line: &str) -> impl Iterator<Item = &str> {
        line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).flat_map(|piece| {
            let end = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
            [&piece[..end], &piece[end..]].into_iter().filter(|word| !word.is_empty())
        })
    }

    /// A recorded line as it is said now.
    fn now(&self, recorded: &str) -> String {
        Self::words(recorded).map(|word| self.0.get(word).map_or(word, String::as_str)).collect()
    }

    /// Whether a line is the recorded one but for what stands for something else now; learns what does.
    fn are(&mut self, recorded: &str, heard: &str) -> bool {
        let mut learnt = self.clone();
        let (mut one, mut two) = (Self::words(recorded), Self::words(heard));
        loop {
            match (one.next(), two.next()) {
                (None, None) => break,
                (Some(one), Some(two)) => {
                    let free = Self::is_free(one) && Self::is_free(two) && one.len() == two.len();
                    let new = || if free { two.to_owned() } else { one.to_owned() };
                    if *learnt.0.entry(one.into()).or_insert_with(new) != two {
                        return false;
                    }
                }
                _ => return false,
            }
        }
        *self = learnt;
        true
    }
}

/// What a realm of the first version would make of a line: it ignores what it does not know in an
/// answer, and words after the parameters of a greeting.
fn as_understood(recorded: &str, heard: &str) -> String {
    if let (Ok(recorded), Ok(mut heard)) = (recorded.parse::<Value>(), heard.parse::<Value>()) {
        let known = recorded.as_object().unwrap();
        heard.as_object_mut().unwrap().retain(|key, _| known.contains_key(key));
        return heard.to_string();
    }
    let words = heard.split(' ').take_while(|_| heard.starts_with("ACKREALM "));
    let known: Vec<&str> =
        words.enumerate().filter(|(n, w)| *n < 6 || w.contains('=')).map(|(_, w)| w).collect();
    if known.is_empty() { heard.into() } else { known.join(" ") }
}

struct Play {
    alpha: Realm,
    amy: Conn,
    beta: Beta,
    names: Names,
    /// What alpha is to say next, in any order.
    expected: Vec<String>,
    /// The hash at each entry of alpha's log, from none on.
    chain: Vec<Vec<u8>>,
}

impl Play {
    fn begin() -> Self {
        let alpha = Realm::named("alpha", "advertise = \"127.88.0.1:1299\"");
        let mut amy = alpha.user("amy");
        amy.expect_ok("ADDGROUP room pw");
        let (beta, names, expected) = (Beta::new(), Names::default(), Vec::new());
        Self { alpha, amy, beta, names, expected, chain: vec![vec![0; 16]] }
    }

    /// Waits until alpha has said all that it is to say.
    #[track_caller]
    fn hear_all(&mut self) {
        while !self.expected.is_empty() {
            let heard = self.beta.hear();
            self.expect_hash(&heard);
            let names = &mut self.names;
            let is = |line: &String| names.are(line, &as_understood(line, &heard));
            let Some(at) = self.expected.iter().position(is) else {
                panic!(
                    "{heard} and not {:?}",
                    self.expected.iter().map(|l| self.names.now(l)).collect::<Vec<_>>()
                );
            };
            self.expected.remove(at);
        }
    }

    /// The hash of what is delivered is that of the first version.
    #[track_caller]
    fn expect_hash(&mut self, heard: &str) {
        let Some(delivered) = heard.strip_prefix("DELIVER ") else { return };
        let [_, first, hash, entries] = delivered.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{heard}")
        };
        self.chain.truncate(first.parse().unwrap());
        for entry in entries.parse::<Value>().unwrap().as_array().unwrap() {
            let mut sum = Sha256::new();
            sum.update(self.chain.last().unwrap());
            sum.update(entry[1].as_u64().unwrap().to_be_bytes());
            let [kind, from, to, text] = [0, 2, 3, 4].map(|n| entry[n].as_str().unwrap());
            sum.update(format!("{kind}\0{from}\0{to}\0{text}"));
            self.chain.push(sum.finalize()[..16].to_vec());
        }
        let hex: String = self.chain.last().unwrap().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, hash, "{heard}");
    }

    #[track_caller]
    fn line(&mut self, line: &str) {
        let (who, said) = line.split_once(' ').unwrap_or((line, ""));
        if who == "alpha>" {
            self.expected.push(said.into());
            return;
        }
        if who != "alpha" {
            self.hear_all();
        }
        match who {
            "port" => drop(self.names.0.insert(said.into(), self.beta.port())),
            "alpha" => self.beta.take_call(),
            "beta" => self.beta.call(self.alpha.address()),
            "cut" => self.beta.cut(),
            "beta>" => {
                self.beta.say(&self.names.now(said));
                // Nothing answers this, and what amy asks next is to come after it.
                if said == "REMOVED" {
                    until(&self.alpha, "removed");
                }
            }
            "amy>" => self.amy.say(&self.names.now(said)),
            "amy<" => {
                let reply = self.amy.next()["data"].clone();
                let reply = match reply.as_array() {
                    Some(list) => {
                        list.iter().map(|m| json!([m["from"], m["to"], m["message"]])).collect()
                    }
                    None => reply,
                };
                assert_eq!(reply, said.parse::<Value>().unwrap());
            }
            _ => panic!("{line}"),
        }
    }
}

#[track_caller]
fn play(name: &str) -> Play {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/links");
    let recorded = std::fs::read_to_string(directory.join(name)).unwrap();
    let mut play = Play::begin();
    for line in recorded.lines() {
        play.line(line);
    }
    play.hear_all();
    play
}

#[test]
fn a_realm_of_the_first_version_calls() {
    let play = play("called");
    assert_eq!(until(&play.alpha, "removed")["realm"], "beta");
}

#[test]
fn a_realm_of_the_first_version_is_called() {
    let play = play("calls");
    assert_eq!(done(&play.alpha, &["list"]), "no realm is linked\n");
}

#[test]
fn a_realm_of_the_first_version_is_put_back() {
    let play = play("put-back");
    until_it(&play.alpha, |link| link["owed"] == 0);
}
