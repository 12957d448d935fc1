//! A connection as a client has it.

use crate::realm::PATIENCE;
use antar_client::{Incoming, REPLY_LIMIT, Replies};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpStream};

pub struct Conn {
    pub stream: TcpStream,
    replies: Replies,
}

impl Conn {
    #[track_caller]
    pub fn open(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// From another of this machine's own addresses, 127.0.0.N.
    #[track_caller]
    pub fn open_from(n: u8, address: &str) -> Self {
        let from = SocketAddrV4::new([127, 0, 0, n].into(), 0);
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &from).unwrap();
        connect(&socket, &address.parse::<SocketAddrV4>().unwrap()).unwrap();
        Self::over(socket.into())
    }

    #[track_caller]
    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, replies: Replies::new(REPLY_LIMIT) }
    }

    /// Sends a line.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Closes the sending side.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next reply or event; `None` where the connection has ended. Fails where nothing comes.
    #[track_caller]
    pub fn receive(&mut self) -> Option<Value> {
        let mut buffer = [0; 64 << 10];
        loop {
            match self.replies.pop().unwrap() {
                Some(Incoming::Reply(reply)) => return Some(reply.0),
                Some(Incoming::Event(event)) => return Some(event.0),
                None => {}
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => self.replies.feed(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    #[track_caller]
    pub fn next(&mut self) -> Value {
        self.receive().expect("the connection has ended")
    }

    /// Sends a line and returns the reply.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        self.next()
    }

    /// Sends a line and returns the reply as it came, without its end.
    #[track_caller]
    pub fn ask_raw(&mut self, line: &str) -> String {
        self.say(line);
        let mut buffer = [0; 64 << 10];
        loop {
            if let Some(raw) = self.replies.pop_raw().unwrap() {
                return String::from_utf8(raw.0.into()).unwrap();
            }
            match self.stream.read(&mut buffer).expect("nothing came") {
                0 => panic!("the connection has ended"),
                n => self.replies.feed(&buffer[..n]),
            }
        }
    }

    /// Sends a line that must succeed.
    #[track_caller]
    pub fn expect_ok(&mut self, line: &str) -> Value {
        let reply = self.ask(line);
        assert_eq!(reply["status"], "OK", "{line}: {reply}");
        reply
    }

    /// Logs in with the password `pw`.
    #[track_caller]
    pub fn login(&mut self, name: &str) -> String {
        self.expect_ok(&format!("AUTH {name} pw"))["data"].as_str().unwrap().into()
    }

    /// The connection ends, and nothing arrives before.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        assert_eq!(self.receive(), None);
    }

    /// Every message of a history, oldest first, page by page.
    #[track_caller]
    pub fn history(&mut self, request: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.expect_ok(&format!("{request} after={after}"));
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            after = all.last().map_or(0, |message: &Value| message["id"].as_u64().unwrap());
            if page["more"] != true {
                return all;
            }
        }
    }
}
