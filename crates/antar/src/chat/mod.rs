//! `antar chat`: a client for people, one line at a time.
//!
//! A thread owns the terminal and turns lines into commands; one task owns the connection. The
//! thread waits for the answer to each command, so that it stands above the next prompt; what
//! comes unasked goes through a printer that draws above the prompt.

mod command;
mod execute;
mod files;
mod follow;
mod history;
mod login;
mod names;
mod session;
mod show;
mod terminal;
mod texts;
mod whom;

use crate::print::say;
use anyhow::{Result, bail};
use command::Command;
use names::Names;
use session::Session;
use show::Look;
use std::collections::VecDeque;
use std::io::Write;
use terminal::{Printer, Terminal};
use tokio::sync::{mpsc, oneshot};
use whom::Whom;

/// How many lines may wait for a slow terminal before events are left to the server.
const BACKLOG: usize = 1_024;

/// Talk to people on a realm.
///
/// Messages appear as they arrive; `/help` lists the commands. Where standard input is not a
/// terminal its lines are taken as they are, the name and the password first unless given
/// otherwise: `printf '%s\n' alice secret '/msg bob hello' | antar chat`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The realm, as HOST or HOST:PORT, or the path of its Unix socket [default: 127.0.0.1:8889].
    #[arg(value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Speak TLS. With a fingerprint, as `antar realm show` prints it, only a realm with that key is
    /// talked to; without, the key that answers first is shown and remembered, and must be the same
    /// each time.
    #[arg(long, value_name = "sha256:KEY", num_args = 0..=1, default_missing_value = "")]
    pub tls: Option<String>,
    /// Log in as this user (asked for otherwise). The password is asked for, or taken from the
    /// environment variable ANTAR_PASSWORD.
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// Register the user instead of logging in.
    #[arg(long)]
    pub register: bool,
}

/// A command on its way to the connection.
struct Input {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

/// What came of a command.
struct Answer {
    text: String,
    failed: bool,
    prompt: String,
}

/// Runs the client until its user leaves or the input ends.
///
/// # Errors
/// Where nobody answers at the address, nobody logs in, or (without a terminal) a command failed.
pub fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(chat(options))
}

async fn chat(options: Options) -> Result<()> {
    let mut whom = Whom::of(&options)?;
    let names = Names::default();
    let (mut terminal, printer) = Terminal::open(names.clone())?;
    let interactive = terminal.is_interactive();
    let login::LoggedIn { user, token, client } =
        login::login(&mut terminal, &options, &mut whom).await?;
    let colour = interactive && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let look = Look::new(user.clone(), colour);
    let address = whom.address.clone();
    let mut session =
        Session::new(whom, user.clone(), (client, token), look.clone(), names, interactive);
    let unread = session.start().await?;
    if interactive {
        println!(
            "{}",
            look.notice(&format!(
                "{user} at {address}; times are {}; /help lists the commands",
                look.zone()
            ))
        );
        unread.iter().for_each(|line| println!("{line}"));
    }
    let (inputs, commands) = mpsc::channel(1);
    let prompt = session.prompt();
    // Not joined before the connection is done: it may be waiting for a key.
    let reader = std::thread::spawn(move || read(terminal, prompt, inputs));
    let (output, lines) = mpsc::channel(16);
    let writer = std::thread::spawn(move || print(printer, lines));
    serve(&mut session, commands, output, interactive).await;
    session.close().await;
    let failures = reader.join().unwrap_or(Ok(0))?;
    // The reader has gone, so nothing holds the printer up.
    let _ = writer.join();
    if !interactive && failures > 0 {
        bail!("{failures} of the commands failed");
    }
    Ok(())
}

/// Reads lines until the end; returns how many commands failed.
fn read(mut terminal: Terminal, mut prompt: String, inputs: mpsc::Sender<Input>) -> Result<usize> {
    let mut failures = 0;
    while let Some(line) = terminal.line(&prompt)? {
        terminal.keep(&line);
        let command = match command::parse(&line) {
            Ok(None) => continue,
            Ok(Some(Command::Quit)) => break,
            Ok(Some(command)) => terminal.complete(command)?,
            Err(sentence) => {
                say!("{}", show::clean(&sentence));
                failures += 1;
                continue;
            }
        };
        let Some(command) = command else { continue };
        let (answer, answered) = oneshot::channel();
        if inputs.blocking_send(Input { command, answer }).is_err() {
            break;
        }
        let Ok(answer) = answered.blocking_recv() else { break };
        if !answer.text.is_empty() {
            say!("{}", answer.text);
        }
        failures += usize::from(answer.failed);
        prompt = answer.prompt;
    }
    Ok(failures)
}

/// Prints what came unasked. A thread of its own, as the printer may block for a while.
fn print(mut printer: Printer, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.blocking_recv() {
        if printer(line).is_err() {
            return;
        }
        let _ = std::io::stdout().flush();
    }
}

/// Serves the terminal and the connection until the terminal is done.
async fn serve(
    session: &mut Session,
    mut commands: mpsc::Receiver<Input>,
    output: mpsc::Sender<String>,
    interactive: bool,
) {
    let mut backlog: VecDeque<String> = VecDeque::new();
    loop {
        // A script waits for the server to come back; a person is told.
        let listening = interactive || !session.is_coming_back();
        tokio::select! {
            input = commands.recv(), if listening => {
                let Some(Input { command, answer }) = input else { break };
                let (text, worked) = session.execute(command).await;
                let prompt = session.prompt();
                // The terminal may have gone meanwhile; then the next turn ends the loop.
                let _ = answer.send(Answer { text, failed: !worked, prompt });
            }
            wake = session.wake(), if backlog.len() < BACKLOG => {
                backlog.extend(session.handle(wake).await);
            }
            permit = output.reserve(), if !backlog.is_empty() => {
                let Ok(permit) = permit else { break };
                if let Some(line) = backlog.pop_front() {
                    permit.send(line);
                }
            }
        }
    }
    for line in backlog {
        let _ = output.try_send(line);
    }
}
