//! Words that are typed and not shown.

use antar_types::Secret;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// The terminal with what is typed not shown, until this is dropped.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn on(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        hidden.local_modes |= LocalModes::ECHONL | LocalModes::ICANON;
        // Ctrl-C ends the line instead of the program, which would leave the terminal as it is now.
        hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Asks for one at the terminal; `None` where whoever types gives up, with Ctrl-C or Ctrl-D.
///
/// # Errors
/// Where there is no terminal.
pub fn ask(prompt: &str) -> io::Result<Option<Secret<String>>> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::on(&terminal)?;
    (&terminal).write_all(prompt.as_bytes())?;
    let line = read_line(&terminal)?;
    drop(hidden);
    if line.is_none() {
        (&terminal).write_all(b"\n")?;
    }
    let Some(line) = line else { return Ok(None) };
    let word =
        String::from_utf8(line).map_err(|_| io::Error::other("what was typed is not UTF-8"))?;
    Ok(Some(Secret::new(word)))
}

/// A line without its end; `None` where it was given up.
fn read_line(mut from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        match from.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => match byte[0] {
                b'\n' => return Ok(Some(line)),
                INTERRUPT => return Ok(None),
                byte => line.push(byte),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_it_and_is_given_up_with_anything_else() {
        let read = |typed: &str| read_line(typed.as_bytes()).unwrap();
        assert_eq!(read("pass word\nnext"), Some(b"pass word".to_vec()));
        assert_eq!(read("\n"), Some(Vec::new()));
        assert_eq!((read("pass\x03"), read("pass"), read("")), (None, None, None));
    }
}
