//! The yardstick of `antar bench` for what is delivered live: the same listener and codec, and each
//! message passed on to whoever watches, with no domain and no store.

use crate::doors::bind;
use antar_text::{Body, Decoder, Dialect, Frame, Phrase, Reply, encode_notification};
use antar_types::{BoxKind, Message, Name, Text, Time, words};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages a watching connection may leave unread; past it they are dropped.
const UNREAD: usize = 10_000;

/// Who watches under which name.
type Watching = Arc<Mutex<HashMap<String, Vec<Sender<Arc<Message>>>>>>;

/// A server that answers every line with what a SEND is answered; after `WATCH NAME` a connection
/// also gets what others send to this name, with whatever verb.
pub struct Relay {
    listener: TcpListener,
}

impl Relay {
    /// Binds an address; must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::from_std(bind(address)?)? })
    }

    /// The address it listens on, with the real port.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Relays until the process ends.
    ///
    /// # Errors
    /// Where nothing can be accepted any more.
    pub async fn run(self) -> io::Result<()> {
        let watching = Watching::default();
        loop {
            let (stream, _) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(relay(stream, watching.clone()));
        }
    }
}

async fn relay(mut stream: TcpStream, watching: Watching) {
    let sent = Phrase { lower: "Message Sent", upper: "Message sent" };
    let reply = Reply::from(Body::Sent(sent, 1_000_000, None));
    let (queue, mut inbox) = channel(UNREAD);
    let mut decoder = Decoder::new(64 << 10);
    let (mut buffer, mut frames, mut out) = (vec![0; 64 << 10], Vec::new(), Vec::new());
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => {
                let Ok(n @ 1..) = read else { return };
                decoder.feed(&buffer[..n], &mut frames);
                for frame in frames.drain(..) {
                    if let Frame::Line(line) = frame {
                        pass_on(&line, &queue, &watching);
                    }
                    reply.encode(Dialect::Upper, &mut out);
                }
            }
            Some(message) = inbox.recv() => encode(&message, &mut inbox, &mut out),
        }
        if stream.write_all(&out).await.is_err() {
            return;
        }
        out.clear();
    }
}

/// A message and all that wait behind it.
fn encode(message: &Message, inbox: &mut Receiver<Arc<Message>>, out: &mut Vec<u8>) {
    encode_notification(BoxKind::Private, message, Dialect::Upper, out);
    while let Ok(message) = inbox.try_recv() {
        encode_notification(BoxKind::Private, &message, Dialect::Upper, out);
    }
}

/// Does what a line asks: `WATCH NAME`, or any other verb, a name and a text.
fn pass_on(line: &str, queue: &Sender<Arc<Message>>, watching: &Watching) {
    let (verb, rest) = words::first(line);
    let (name, text) = words::first(rest);
    let mut watching = watching.lock().unwrap_or_else(PoisonError::into_inner);
    if verb == "WATCH" {
        watching.entry(name.to_owned()).or_default().push(queue.clone());
    } else if let Some(watchers) = watching.get(name)
        && let (Some(to), Ok(text)) = (Name::parse(name), Text::parse(text, 16 << 10))
    {
        let (id, time, from) = (1_000_000, Time(0), to.clone());
        let message = Arc::new(Message::new(id, time, from, to, text));
        for watcher in watchers {
            let _ = watcher.try_send(message.clone());
        }
    }
}
