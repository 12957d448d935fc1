//! What the user sees and what is done about it: the model, the connection that keeps it in step, and what was
//! shown of it.

use super::command::Command;
use super::execute::Problem;
use super::names::Names;
use super::show::{Look, clean_line};
use super::texts;
use super::whom::Whom;
use antar_client::live::{Happening, Live, Login};
use antar_client::sync::{Model, Update};
use antar_client::{Client, Error, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for a connection or an answer. Reading from another realm may take the server 3 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// How long a file may take that goes on all the while.
const TRANSFER: Duration = Duration::from_secs(3600);
/// What is added where nobody knows whether something was done.
const MAY_BE_DONE: &str = "\nIt may or may not have been done; look before you try again.";

/// The connection and what is known about it.
pub struct Session {
    pub(super) whom: Whom,
    pub(super) user: String,
    pub(super) live: Live,
    /// The session has ended: only a password helps.
    logged_out: bool,
    /// That the connection is lost was said.
    is_lost: bool,
    /// Where plain text goes.
    pub(super) target: Option<String>,
    pub(super) look: Look,
    pub(super) names: Names,
    /// A person is at the terminal, so what is shown is read.
    pub(super) interactive: bool,
    /// Everything was told once.
    pub(super) started: bool,
    /// How many messages were shown since the connection came back; none where it is in step.
    missed: Option<usize>,
    /// How many of them are not, since more came at once than is kept.
    unshown: usize,
    /// How far what is shown is read, by conversation.
    pub(super) seen: BTreeMap<String, u64>,
    /// What `/more` goes on from.
    pub(super) shown: Option<(String, u64)>,
    /// Messages that the realm could not take at once.
    pub(super) held: BTreeSet<String>,
}

/// What woke the session up.
pub enum Wake {
    Happened(Happening),
    /// It cannot go on.
    Ended(Error),
}

impl Session {
    pub fn new(
        whom: Whom,
        user: String,
        (client, token): (Client, Token),
        look: Look,
        names: Names,
        interactive: bool,
    ) -> Self {
        names.user(&user);
        Self {
            live: live(&whom, &user, client, token),
            whom,
            user,
            logged_out: false,
            is_lost: false,
            target: None,
            look,
            names,
            interactive,
            started: false,
            missed: None,
            unshown: 0,
            seen: BTreeMap::new(),
            shown: None,
            held: BTreeSet::new(),
        }
    }

    /// Whether it tries to be up again.
    pub fn is_coming_back(&self) -> bool {
        !self.logged_out && !self.live.is_connected()
    }

    /// `alice> `, or `alice → bob> ` in a conversation.
    pub fn prompt(&self) -> String {
        match &self.target {
            Some(target) => format!("{} → {target}> ", self.user),
            None => format!("{}> ", self.user),
        }
    }

    /// Waits for the next thing to do. Cancel-safe.
    pub async fn wake(&mut self) -> Wake {
        if self.logged_out {
            return std::future::pending().await;
        }
        if !self.live.has_happened() {
            self.mark_seen();
        }
        match self.live.next().await {
            Ok(happening) => Wake::Happened(happening),
            Err(error) => Wake::Ended(error),
        }
    }

    /// Does it; returns what to show.
    pub async fn handle(&mut self, wake: Wake) -> Vec<String> {
        let notice = match wake {
            Wake::Happened(Happening::Update(update)) => return self.update(update).await,
            Wake::Happened(Happening::Connected) => {
                (self.missed, self.is_lost) = (Some(0), false);
                self.started.then(|| "connected again".to_owned())
            }
            Wake::Happened(Happening::Lost(why)) => {
                Some(match std::mem::replace(&mut self.is_lost, true) {
                    false => {
                        format!("connection lost ({}); connecting again …", clean_line(&why))
                    }
                    true => "no answer yet; trying again until it is back".to_owned(),
                })
            }
            Wake::Happened(Happening::Event(_)) => None,
            Wake::Ended(error) => return vec![self.ended(&error)],
        };
        notice.map(|notice| self.look.notice(&notice)).into_iter().collect()
    }

    async fn update(&mut self, update: Update) -> Vec<String> {
        let notice = match update {
            Update::Message { conversation, id } => {
                return self.told(&conversation, id).into_iter().collect();
            }
            Update::Changed { conversation, id } => {
                let known = self.live.model().conversation(&conversation);
                let message = known.and_then(|each| each.message(id));
                let message = message.filter(|m| m.deleted || m.lost || m.edited.is_some());
                return message.map(|m| self.look.said(&conversation, m)).into_iter().collect();
            }
            Update::InStep => return self.in_step().await,
            Update::Reset => {
                self.missed = None;
                Some(
                    "the realm was put back, or changed too much: what was said since may be gone"
                        .into(),
                )
            }
            Update::Member { conversation, what, user, by } => {
                self.names.conversation(&conversation);
                self.member(&conversation, &what, &user, &by)
            }
            Update::Gone(conversation) => {
                self.target.take_if(|target| target.eq_ignore_ascii_case(&conversation));
                None
            }
            Update::Posted { reference, .. } if self.held.remove(&reference) => {
                Some("what waited to be sent is sent".into())
            }
            Update::Refused { reference, code } => self.refused(&reference, &code),
            _ => None,
        };
        notice.map(|notice| self.look.notice(&notice)).into_iter().collect()
    }

    /// A message was written: shown unless it was typed here.
    fn told(&mut self, conversation: &str, id: u64) -> Option<String> {
        self.names.conversation(conversation);
        let known = self.live.model().conversation(conversation)?;
        let Some(message) = known.message(id) else {
            self.unshown += 1;
            return None;
        };
        let typed_here = message.reference.as_deref().is_some_and(|r| self.live.wrote(r));
        if typed_here && message.is_from(&self.user) {
            return None;
        }
        if let Some(missed) = &mut self.missed {
            *missed += 1;
        }
        if self.interactive && self.started && !message.is_from(&self.user) {
            self.seen.insert(conversation.to_owned(), id);
        }
        Some(self.look.said(conversation, message))
    }

    fn member(&self, conversation: &str, what: &str, user: &str, by: &str) -> Option<String> {
        let (place, who) = (clean_line(conversation), clean_line(user));
        let (who, are) = match user.eq_ignore_ascii_case(&self.user) {
            true => ("you".to_owned(), "are"),
            false => (who, "is"),
        };
        let other = !by.is_empty() && !by.eq_ignore_ascii_case(user);
        let by = if other { format!(" ({})", clean_line(by)) } else { String::new() };
        Some(match what {
            "joined" => format!("{who} {are} in {place} now{by}"),
            "left" | "kicked" => format!("{who} {are} not in {place} any more{by}"),
            "banned" => format!("{who} {are} banned from {place}{by}"),
            _ => return None,
        })
    }

    /// A message that was refused after a while; what is refused at once is answered where it was typed.
    pub(super) fn refused(&mut self, reference: &str, code: &str) -> Option<String> {
        let draft = self.live.model_mut().discard(reference)?;
        self.held.remove(reference);
        let why = texts::of_code(code).map_or_else(|| clean_line(code), str::to_owned);
        let (to, text) = (clean_line(&draft.conversation), clean_line(&draft.text));
        Some(format!("not sent to {to}: {text} ({why})"))
    }

    async fn in_step(&mut self) -> Vec<String> {
        let missed = self.missed.take();
        if !std::mem::replace(&mut self.started, true) {
            return Vec::new();
        }
        let Some(missed) = missed else { return Vec::new() };
        let mut lines = match missed {
            0 => vec!["nothing was missed".to_owned()],
            1 => vec!["1 message came in between; it stands above".to_owned()],
            n => vec![format!("{n} messages came in between; they stand above")],
        };
        let mut but = self.not_told().await;
        if let Some(n) = Some(std::mem::take(&mut self.unshown)).filter(|n| *n > 0) {
            but.push(format!(
                "{n} more came than can be shown at once; /unread and /history show them"
            ));
        }
        if !but.is_empty() {
            lines[0] = lines[0].replacen("missed", "missed, as far as can be told", 1);
            lines[0] = lines[0].replacen("in between", "in between, as far as can be told", 1);
            lines.extend(but);
        }
        lines.iter().map(|line| self.look.notice(line)).collect()
    }

    /// The session is over: its token is worth nothing any more; or the connection is another one.
    pub(super) fn ended(&mut self, error: &Error) -> String {
        self.logged_out = true;
        self.live.model_mut().disconnected();
        let said = match error.code() {
            Some("no_session") => {
                "your session has ended (logged out elsewhere, or a new password); /login opens a new one".into()
            }
            _ => format!("{}; not connecting any more. /login tries again", texts::of_error(error)),
        };
        self.look.notice(&clean_line(&said))
    }

    /// Opens a new session, on a new connection.
    pub(super) async fn login(
        &mut self,
        user: Option<String>,
        password: &str,
    ) -> Result<(), Error> {
        let user = user.unwrap_or_else(|| self.user.clone());
        let mut client = self.whom.connect().await?;
        let token = client.login(&user, password).await?;
        self.close().await;
        self.logged_out = false;
        if user.eq_ignore_ascii_case(&self.user) {
            self.live.attach(client, token);
        } else {
            self.live = live(&self.whom, &user, client, token);
            (self.target, self.shown, self.started) = (None, None, false);
            (self.missed, self.seen) = (None, BTreeMap::new());
            self.held.clear();
        }
        self.look.me.clone_from(&user);
        self.user = user;
        Ok(())
    }

    /// Ends the session; nobody else has its token.
    pub async fn close(&mut self) {
        if self.interactive {
            self.mark_seen();
        }
        self.live.logout().await;
        self.logged_out = true;
    }

    /// Carries a command out; what to show, and whether it worked.
    pub async fn execute(&mut self, command: Command) -> (String, bool) {
        let (login, help) =
            (matches!(command, Command::Login(..)), matches!(command, Command::Help(_)));
        let sends = matches!(command, Command::Say(_) | Command::Msg(..));
        let connected = self.live.is_connected() && !self.logged_out;
        if !connected && !login && !help && (self.logged_out || !sends) {
            let nothing = if sends { "sent" } else { "done" };
            return (format!("Not connected; nothing was {nothing}."), false);
        }
        // What waits for less gives up by itself, and loses nothing of what happens meanwhile.
        let is_file = matches!(command, Command::Send(..) | Command::Save(..));
        let patience = if is_file { TRANSFER } else { 2 * PATIENCE };
        let problem = match timeout(patience, self.run(command)).await {
            Ok(Ok(text)) => return (text, true),
            Ok(Err(Problem::Say(sentence))) => return (sentence, false),
            Ok(Err(Problem::Client(error))) if error.code() == Some("no_session") => {
                return (self.ended(&error), false);
            }
            Ok(Err(Problem::Client(error))) if error.is_recoverable() => {
                let mut text = clean_line(&texts::of_error(&error));
                if error.may_be_done() {
                    text.push_str(MAY_BE_DONE);
                }
                return (text, false);
            }
            Ok(Err(Problem::Client(error))) => texts::of_error(&error),
            Err(_) => format!("No answer within {} s.", patience.as_secs()),
        };
        let asked = if login { "" } else { MAY_BE_DONE };
        (clean_line(&problem) + asked, false)
    }
}

fn live(whom: &Whom, user: &str, client: Client, token: Token) -> Live {
    let mut live = Live::new(whom.again(), Login::Token(token.clone()), Model::new(user));
    live.attach(client, token);
    live
}
