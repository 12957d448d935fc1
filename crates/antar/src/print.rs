//! Standard output of the subcommands that end by themselves.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// What a shell reports of a program that was ended by a closed pipe: 128 and the number of SIGPIPE.
const CLOSED: i32 = 128 + 13;

/// Prints a line. The standard `println!` panics where nobody reads any more.
macro_rules! say {
    ($($arg:tt)*) => { $crate::print::text(format_args!("{}\n", format_args!($($arg)*))) };
}
pub(crate) use say;

/// Prints a text. Where its reader has gone, as `head` does, the process ends without a word; where it
/// cannot be written for another reason, the process says why and ends.
pub fn text(text: Arguments<'_>) {
    let mut out = io::stdout().lock();
    let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(CLOSED);
    }
    eprintln!("antar: standard output cannot be written: {error}");
    std::process::exit(1);
}
