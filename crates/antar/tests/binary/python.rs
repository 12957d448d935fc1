//! The existing Python clients, as far as their manners matter: they read 64 bytes at a time and
//! decode each piece by itself, put the token into every request and two blanks before a message.

use crate::realm::{PATIENCE, Realm};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

struct Client {
    stream: TcpStream,
    token: String,
}

impl Client {
    fn open(realm: &Realm) -> Self {
        let stream = TcpStream::connect(realm.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, token: String::new() }
    }

    fn sendstring(&mut self, text: &str) -> Value {
        self.stream.write_all(text.as_bytes()).unwrap();
        let (mut received, mut piece) = (String::new(), [0; 64]);
        while !received.ends_with("\r\n\r\n") {
            let n = self.stream.read(&mut piece).unwrap();
            assert!(n > 0, "closed after {received}");
            received += std::str::from_utf8(&piece[..n]).expect("a piece is no UTF-8 by itself");
        }
        serde_json::from_str(&received).unwrap()
    }

    fn login(&mut self, user: &str, password: &str) {
        let result = self.sendstring(&format!("auth {user} {password} \r\n"));
        self.token = result["tokenid"].as_str().unwrap().into();
    }

    /// `VERB TOKEN REST`, ended as each request ends it.
    fn command(&mut self, verb: &str, rest: &str) -> Value {
        let token = self.token.clone();
        self.sendstring(&format!("{verb} {token} {rest}"))
    }
}

/// A realm and two users logged in to it.
fn two() -> (Realm, Client, Client) {
    let realm = Realm::with("");
    let [messi, henderson] = ["messi", "henderson"].map(|name| {
        drop(realm.user(name));
        let mut client = Client::open(&realm);
        client.login(name, "pw");
        client
    });
    (realm, messi, henderson)
}

#[test]
fn pieces_decode_by_themselves_whatever_the_alphabet() {
    let (_realm, mut messi, mut henderson) = two();
    // Of every length, so that some character would straddle any border.
    let texts: Vec<String> = (1..70).map(|n| "é雪🦀".chars().cycle().take(n).collect()).collect();
    for text in &texts {
        let result = messi.command("send", &format!("henderson  {text} \r\n"));
        assert_eq!(result["message"], "Message Sent");
    }
    let result = henderson.command("inbox", "\r\n");
    let list = result["messages"]["messi"].as_array().unwrap();
    let read: Vec<&str> = list.iter().map(|m| m["msg"].as_str().unwrap()).collect();
    assert_eq!(read, texts);
    assert_eq!((&list[0]["msg_from"], &list[0]["msg_to"]), (&"messi".into(), &"henderson".into()));
}

#[test]
fn groups_and_realms() {
    let (_realm, mut messi, mut henderson) = two();
    assert_eq!(messi.command("addgroup", "g rahasia \r\n")["message"], "Add group Berhasil");
    let joined = henderson.command("joingroup", "g rahasia \r\n");
    assert_eq!(joined["message"], "Join group berhasil");
    assert_eq!(henderson.command("sendgroup", "g  höllo \r\n")["message"], "Message Sent");
    let result = messi.command("inboxgroup", "g\r\n");
    assert_eq!(result["messages"]["henderson"][0]["msg"], "höllo");
    let groups = messi.sendstring("getgroups {}\r\n");
    assert_eq!(groups["message"]["g"]["nama"], "g");
    assert_eq!(groups["message"]["g"]["members"][1], "henderson");
    assert_eq!(messi.sendstring("checkrealm\r\n")["status"], "OK");
    let token = messi.token.clone();
    let result = messi.sendstring(&format!("sendrealm 127.0.0.1 8889 {token} beta amy  hi\r\n"));
    assert_eq!(
        (&result["status"], &result["message"]),
        (&"ERROR".into(), &"Realm belum ada".into())
    );
    let result = messi.command("inboxrealm", "beta\r\n");
    assert_eq!(result["message"], "Realm belum ada");
    // An empty line now and then; the next reply is that of the next request.
    messi.stream.write_all(b"\r\n").unwrap();
    assert_eq!(messi.command("inbox", "\r\n")["messages"], serde_json::json!({}));
}
