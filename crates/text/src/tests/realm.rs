//! A realm that is spoken to in lines.

use crate::{self as text, Door, Frame, Value};
use antar_domain::testing::{OPERATOR, Realm as Typed};
use antar_domain::{Notification, Outcome, Output, Request, Tag};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// A realm, and the doors of its connections.
pub struct Realm {
    realm: Typed,
    doors: BTreeMap<u64, Door>,
}

impl Deref for Realm {
    type Target = Typed;

    fn deref(&self) -> &Typed {
        &self.realm
    }
}

impl DerefMut for Realm {
    fn deref_mut(&mut self) -> &mut Typed {
        &mut self.realm
    }
}

impl Realm {
    /// A realm named alpha, in local mode, with users whose password is `pw`.
    pub fn with_users(users: &[&str]) -> Self {
        Self { realm: Typed::with_users(users), doors: BTreeMap::new() }
    }

    /// A realm with users that is linked with beta.
    pub fn linked(users: &[&str]) -> Self {
        Self { realm: Typed::linked(users), doors: BTreeMap::new() }
    }

    /// What a connection's line is answered.
    pub fn say(&mut self, conn: u64, line: &str) -> Value {
        self.meet(conn);
        let output = self.line(conn, line).expect("each line of a client is answered");
        self.finish(output)
    }

    /// What the operator's line is answered.
    pub fn operator(&mut self, line: &str) -> Value {
        self.say(OPERATOR, line)
    }

    /// Asserts a reply to the letter.
    #[track_caller]
    pub fn expect(&mut self, conn: u64, line: &str, reply: &str) {
        let got = self.say(conn, line).to_string();
        assert_eq!(got, reply, "{line}");
    }

    /// What another realm's line is answered, if it is: what was done about it is in `asked`.
    pub fn hear(&mut self, conn: u64, line: &str) -> Option<Value> {
        let answer = self.line(conn, line)?;
        Some(self.finish(answer))
    }

    /// The lines that another realm was told since the last look.
    pub fn said(&mut self, conn: u64) -> Vec<String> {
        self.realm.said(conn).iter().map(text::peer_request).collect()
    }

    /// What a line that waited for another realm is answered in the end.
    pub fn woken(&mut self) -> Option<Value> {
        let output = self.realm.woken()?;
        Some(self.finish(output))
    }

    /// The texts of an upper list.
    pub fn texts(&mut self, conn: u64, line: &str) -> Vec<String> {
        let reply = self.say(conn, line);
        let list = reply.get("data").or(reply.get("messages")).and_then(Value::as_array);
        list.into_iter().flatten().map(|m| m["message"].as_str().unwrap().into()).collect()
    }

    /// The notifications of a connection since the last look, to the letter.
    pub fn raw_events(&mut self, conn: u64) -> Vec<String> {
        let written = |(tag, told): (Tag, Notification)| {
            let mut out = Vec::new();
            text::write_notification(tag, &told, &mut out);
            String::from_utf8(out).unwrap()
        };
        self.notifications(conn).into_iter().map(written).collect()
    }

    /// The notifications of a connection since the last look.
    pub fn events(&mut self, conn: u64) -> Vec<Value> {
        self.raw_events(conn).iter().map(|event| parse(event)).collect()
    }

    fn line(&mut self, conn: u64, line: &str) -> Option<Output> {
        let request = self.request(conn, line);
        self.send(conn, request)
    }

    /// A line of a connection, read by its door.
    pub fn request(&mut self, conn: u64, line: &str) -> Request {
        let may_be_peer = self.may_be_peer(conn);
        let door = self.doors.entry(conn).or_insert_with(|| Door::new(may_be_peer));
        door.read(Frame::Line(line.into())).expect("a line is a request")
    }

    fn finish(&mut self, output: Output) -> Value {
        self.settle(output).map_or(Value::Null, reply)
    }
}

fn reply((tag, outcome): (Tag, Outcome)) -> Value {
    let mut out = Vec::new();
    text::write(tag, outcome, &mut out);
    parse(std::str::from_utf8(&out).unwrap())
}

fn parse(text: &str) -> Value {
    text.trim_end().parse().unwrap()
}
