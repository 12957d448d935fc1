//! Where lines come from: a prompt with editing and completion, or plain standard input.

use super::command::{self, Command, Password};
use super::names::{Names, Prompter};
use crate::secret;
use antar_types::Secret;
use anyhow::{Context, Result};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Prints what was not asked for, between whatever else is on the screen.
pub type Printer = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// How many lines the history file keeps.
const HISTORY: usize = 2_000;

/// Standard input, with or without a person at it.
pub enum Terminal {
    Prompt { editor: Box<Editor<Prompter, FileHistory>>, history: Option<PathBuf> },
    Plain,
}

impl Terminal {
    /// Opens a prompt where both ends are a terminal, else plain standard input.
    ///
    /// # Errors
    /// Where the terminal cannot be set up.
    pub fn open(names: Names) -> Result<(Self, Printer)> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            let print = |text: String| writeln!(io::stdout().lock(), "{text}");
            return Ok((Self::Plain, Box::new(print)));
        }
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)?
            .build();
        let mut editor = Editor::with_config(config).context("cannot set up the terminal")?;
        editor.set_helper(Some(Prompter(names)));
        let history = history_file();
        if let Some(path) = &history {
            // There is none before the first time.
            let _ = editor.load_history(path);
        }
        let mut printer = editor.create_external_printer()?;
        let print = move |text: String| printer.print(text + "\n").map_err(io::Error::other);
        let editor = Box::new(editor);
        Ok((Self::Prompt { editor, history }, Box::new(print)))
    }

    pub fn is_interactive(&self) -> bool {
        matches!(self, Self::Prompt { .. })
    }

    /// One line; `None` at the end of the input.
    pub fn line(&mut self, prompt: &str) -> Result<Option<String>> {
        let Self::Prompt { editor, .. } = self else {
            return plain_line();
        };
        loop {
            match editor.readline(prompt) {
                Ok(line) => return Ok(Some(line)),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(ReadlineError::Interrupted) => println!("Ctrl-D or /quit leaves."),
                Err(error) => return Err(error).context("cannot read from the terminal"),
            }
        }
    }

    /// The answer to a question; `None` where there is none.
    pub fn ask(&mut self, question: &str) -> Result<Option<String>> {
        let Self::Prompt { editor, .. } = self else {
            return plain_line();
        };
        match editor.readline(question) {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
            Err(error) => Err(error).context("cannot read from the terminal"),
        }
    }

    /// Says something about the connection, where a script's own output is not disturbed.
    pub fn tell(&self, said: &str) {
        match self {
            Self::Prompt { .. } => println!("{said}"),
            Self::Plain => crate::complain(&format!("{said}\n")),
        }
    }

    /// A line that is not shown while it is typed; `None` at the end of the input, or where it is given up.
    pub fn secret(&mut self, prompt: &str) -> Result<Option<Secret<String>>> {
        if !io::stdin().is_terminal() {
            return Ok(plain_line()?.map(Secret::new));
        }
        secret::ask(prompt).context("cannot read a password")
    }

    /// Remembers a line for the arrow keys and the next time, without passwords.
    pub fn keep(&mut self, line: &str) {
        let Self::Prompt { editor, history } = self else {
            return;
        };
        if let Some(line) = command::without_secrets(line) {
            // Losing history is no reason to stop a chat.
            let _ = editor.add_history_entry(line);
            if let Some(path) = history {
                let _ = editor.append_history(path);
            }
        }
    }

    /// Asks for the passwords a command lacks; `None` where the user gave up.
    pub fn complete(&mut self, command: Command) -> Result<Option<Command>> {
        Ok(match command {
            Command::Create(group, None) => self
                .new_secret("Password for the new group: ")?
                .map(|word| Command::Create(group, Some(word))),
            Command::Join(group, None) => {
                self.secret("Password of the group: ")?.map(|word| Command::Join(group, Some(word)))
            }
            Command::Login(user, None) => {
                self.secret("Password: ")?.map(|word| Command::Login(user, Some(word)))
            }
            Command::Passwd(..) => {
                let old: Password = self.secret("Old password: ")?;
                match old {
                    Some(old) => self
                        .new_secret("New password: ")?
                        .map(|new| Command::Passwd(Some(old), Some(new))),
                    None => None,
                }
            }
            complete => Some(complete),
        })
    }

    /// A password that is typed twice where nobody can see what was typed.
    pub fn new_secret(&mut self, prompt: &str) -> Result<Password> {
        let first = self.secret(prompt)?;
        if first.is_none() || !self.is_interactive() {
            return Ok(first);
        }
        let Some(second) = self.secret("Once more: ")?.map(Some) else { return Ok(None) };
        if first != second {
            println!("These were not the same; nothing was done.");
            return Ok(None);
        }
        Ok(first)
    }
}

fn plain_line() -> Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if read.context("cannot read standard input")? == 0 {
        return Ok(None);
    }
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(Some(line))
}

fn history_file() -> Option<PathBuf> {
    Some(state_directory()?.join("history"))
}

/// `$XDG_STATE_HOME/antar`, or the same under `~/.local/state`.
pub fn state_directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = set("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state")))?;
    let directory = state.join("antar");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory)
}
