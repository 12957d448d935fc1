//! The yardstick of `antar bench`: the same listener and codec, a fixed reply, no domain, no store.

use crate::doors::bind;
use antar_text::{Body, Decoder, Dialect, Phrase, Reply};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers every line with what a SEND is answered.
pub struct BareLoop {
    listener: TcpListener,
}

impl BareLoop {
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

    /// Answers until the process ends.
    ///
    /// # Errors
    /// Where nothing can be accepted any more.
    pub async fn run(self) -> io::Result<()> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(answer(stream));
        }
    }
}

async fn answer(mut stream: TcpStream) {
    let sent = Phrase { lower: "Message Sent", upper: "Message sent" };
    let reply = Reply::from(Body::Sent(sent, 1_000_000, None));
    let mut decoder = Decoder::new(64 << 10);
    let (mut buffer, mut frames, mut out) = (vec![0; 64 << 10], Vec::new(), Vec::new());
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        decoder.feed(&buffer[..n], &mut frames);
        frames.drain(..).for_each(|_| reply.encode(Dialect::Upper, &mut out));
        if stream.write_all(&out).await.is_err() {
            return;
        }
        out.clear();
    }
}
