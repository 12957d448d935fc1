//! The door that speaks HTTP: which requests are answered, the web client's files, and WebSocket frames
//! made into lines, so that a session reads them as it reads any other connection.
//!
//! Any page that a user visits can drive an HTTP door, so little is let in: [`Rules`] say for whom, and whatever
//! is answered carries the headers of [`answer`]. [`first_line`] tells HTTP from chat, [`serve`] answers the
//! requests of one connection, [`Files`] is what the realm says to those below `/files`, and [`WebSocket`] is what a
//! connection becomes at `/ws`.

pub mod answer;
mod assets;
mod files;
mod first_line;
mod gate;
mod handshake;
mod network;
mod prefixed;
mod proxy;
mod rules;
mod serve;
mod site;
mod websocket;

pub use files::{Asker, FileRefusal, Files, Found, Part, Promise, Reader, Sent, Taken, Upload};
pub use first_line::{FIRST_LINE, FirstLine, begins_request, first_line, may_begin};
pub use gate::Pieces;
pub use network::Network;
pub use prefixed::Prefixed;
pub use proxy::{PROXY_HEADER, ProxyError, SIGNATURE, addressed, length};
pub use rules::{Refusal, Rules};
pub use serve::{Admit, HEAD_TIME, Served, Visit, serve};
pub use site::Site;
pub use websocket::{Unframer, WebSocket};

pub use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};

/// What a connection is to this door, over TLS or without.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
