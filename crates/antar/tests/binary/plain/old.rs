//! The imitation of an old server, and a client of it.

use crate::conn::Conn;
use crate::realm::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

pub struct Old {
    child: Child,
    orders: ChildStdin,
    said: Receiver<String>,
    pub port: u16,
}

impl Drop for Old {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Old {
    /// One with these users and nobody linked.
    #[track_caller]
    pub fn start() -> Self {
        Self::on(0)
    }

    /// The same on a port that an earlier one had.
    #[track_caller]
    pub fn on(port: u16) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/binary/plain/old_server.py");
        let port = port.to_string();
        let mut command = Command::new("python3");
        command.args(["-B", script, &port, "messi", "henderson", "lineker"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (say, said) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(out).lines();
            lines.map_while(Result::ok).for_each(|line| drop(say.send(line)));
        });
        let mut old = Self { child, orders, said, port: 0 };
        old.port = old.hear().parse().unwrap();
        old
    }

    #[track_caller]
    fn hear(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("the old server says something")
    }

    /// Gives an order; what has happened there.
    #[track_caller]
    pub fn obey(&mut self, order: &str) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        self.hear().parse().unwrap()
    }

    /// How it lists one of its own users, by what they are called.
    pub fn called(&self, name: &str) -> String {
        format!("{name}(127.0.0.1:{})", self.port)
    }

    /// The requests it has had, of these verbs.
    #[track_caller]
    pub fn requests(&mut self, verb: &str) -> Vec<String> {
        let report = self.obey("report");
        let seen = report["seen"].as_array().unwrap();
        let lines = seen.iter().map(|line| line.as_str().unwrap());
        lines.filter(|line| line.split(' ').next() == Some(verb)).map(String::from).collect()
    }

    /// Nothing that we did has broken it.
    #[track_caller]
    pub fn expect_unharmed(&mut self) {
        let broken = self.obey("report")["broken"].clone();
        assert_eq!(broken, serde_json::json!({"spins": 0, "split": 0, "confused": 0}));
    }

    /// A user of it.
    #[track_caller]
    pub fn client(&self, user: &str) -> OldClient {
        let mut conn = Conn::open(&format!("127.0.0.1:{}", self.port));
        let reply = conn.ask(&format!("auth {user} pw\r"));
        let token = reply["tokenid"].as_str().unwrap().into();
        OldClient { conn, token }
    }
}

pub struct OldClient {
    conn: Conn,
    token: String,
}

impl OldClient {
    /// `VERB REST` without a token.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> Value {
        self.conn.ask(&format!("{line}\r"))
    }

    /// `VERB TOKEN REST`.
    #[track_caller]
    pub fn command(&mut self, verb: &str, rest: &str) -> Value {
        let token = self.token.clone();
        self.ask(&format!("{verb} {token} {rest}"))
    }

    /// The same with a message, of which no character may stand across two pieces.
    #[track_caller]
    pub fn tell(&mut self, verb: &str, rest: &str, text: &str) -> Value {
        let head = format!("{verb} {} {rest}", self.token);
        let line = |blanks: usize| format!("{head}{}{text}", " ".repeat(blanks));
        let whole =
            |line: &String| (32..line.len()).step_by(32).all(|at| line.is_char_boundary(at));
        let line = (1..33).map(line).find(whole).expect("a text that can be kept whole");
        self.ask(&line)
    }

    /// The texts of a list, as it is shown.
    #[track_caller]
    pub fn texts(&mut self, verb: &str, rest: &str) -> Vec<String> {
        let reply = self.command(verb, rest);
        assert_eq!(reply["status"], "OK", "{verb} {rest}: {reply}");
        let list = reply["messages"].as_array().unwrap();
        list.iter().map(|m| m["msg"].as_str().unwrap().trim().to_string()).collect()
    }
}
