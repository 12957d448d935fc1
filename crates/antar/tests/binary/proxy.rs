//! What a network does to connections: it cuts them, or passes nothing while they stay open.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a connection that may have been stalled is looked at.
const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Wire {
    target: Mutex<String>,
    stalled: AtomicBool,
    /// Bytes that pass on a connection in one direction before it is cut.
    most: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

/// An address that leads to another one.
pub struct Proxy {
    wire: Arc<Wire>,
    pub address: String,
}

impl Proxy {
    /// One that leads nowhere yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let wire = Arc::new(Wire { most: AtomicUsize::new(usize::MAX), ..Wire::default() });
        let proxy = Self { wire: wire.clone(), address };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let target = wire.target.lock().unwrap().clone();
                if let Ok(other) = TcpStream::connect(target) {
                    wire.join(&stream, &other);
                    wire.join(&other, &stream);
                }
            }
        });
        proxy
    }

    pub fn lead_to(&self, target: &str) {
        *self.wire.target.lock().unwrap() = target.into();
    }

    /// Ends every connection, whatever is on its way.
    pub fn cut(&self) {
        for stream in self.wire.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts each connection once so many bytes have passed in one direction.
    pub fn cut_after(&self, bytes: usize) {
        self.wire.most.store(bytes, Ordering::Relaxed);
    }

    /// Passes nothing, or everything again.
    pub fn stall(&self, stalled: bool) {
        self.wire.stalled.store(stalled, Ordering::Relaxed);
    }
}

impl Wire {
    /// Passes on what one says to the other.
    fn join(self: &Arc<Self>, from: &TcpStream, to: &TcpStream) {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let _ = (from.set_read_timeout(Some(TICK)), from.set_nodelay(true));
        self.streams.lock().unwrap().push(from.try_clone().unwrap());
        let wire = self.clone();
        std::thread::spawn(move || {
            let (mut buffer, mut passed) = ([0; 16 << 10], 0);
            while passed < wire.most.load(Ordering::Relaxed) {
                if wire.stalled.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    continue;
                }
                match from.read(&mut buffer) {
                    Ok(n @ 1..) if to.write_all(&buffer[..n]).is_ok() => passed += n,
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    _ => break,
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
}
