//! Transcripts: sessions that a person can read and a test can play.
//!
//! A transcript says who sends what and who receives what, line by line:
//!
//! ```text
//! # a comment
//! user messi surabaya
//! messi> AUTH messi surabaya
//! messi< {"status":"OK","data":"$token"}
//! henderson>> "send $token messi hi\r\n"
//! henderson< {"status":"OK","message":"Message Sent","id":"$id"}
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `user NAME PASSWORD` | a user there is from the beginning |
//! | `admin NAME PASSWORD` | one who may administer the realm |
//! | `config KEY = VALUE` | a line of the configuration, as `limits.line_bytes = 99` |
//! | `X> LINE` | the connection X, opened when first mentioned, sends LINE and LF |
//! | `X>> "BYTES"` | it sends these, written as a JSON string; no LF is added |
//! | `X>x HEX` | it sends these bytes, which need not be UTF-8 |
//! | `X< OBJECT` | the next that X receives; lines that begin with a blank continue it |
//! | `X<ascii OBJECT` | likewise, and every byte of it is ASCII |
//! | `X<utf8 OBJECT` | likewise, and no character of it is escaped as `\u` |
//! | `X<closed` | the server closes X; nothing arrives before |
//! | `close X` | the client closes its sending side; what it is owed can still be read |
//! | `restart` | the realm stops and starts again; all connections are gone |
//! | `realms R R …` | there are several realms, each linked with all others; then users and connections are `X@R` |
//! | `stop R`, `start R` | one of them stops, and starts again |
//!
//! The realm is named `alpha`; of several, each line that sends something is played once all that run have what they
//! owe each other. Objects are compared as JSON values, except that `"*"` stands for
//! any value, `"$name"` takes whatever comes the first time and must equal it afterwards, and
//! the key `"..."` allows keys that are not listed. In what is sent, `$name` is replaced by what was
//! taken. Whatever a connection receives must be said: something unread at the end of a connection
//! is a failure. Each request is answered before the next line of the transcript is played; several
//! in one `>>` are sent at once.

mod on_state;
mod on_tcp;
mod pattern;
mod play;
mod transcript;

pub use on_state::OnState;
pub use on_tcp::OnTcp;
pub use play::{Driver, Received, play};
pub use transcript::{Failure, Transcript};
