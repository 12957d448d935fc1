//! The connection to the realm: kept up, caught up, and told what the user wants.

use super::command::{Command, Target};
use super::execute::Problem;
use super::follow::{Tally, mailboxes};
use super::mailbox::Mailbox;
use super::names::Names;
use super::show::{Look, clean_line};
use super::whom::Whom;
use antar_client::{Client, Error, Event, Token};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long to wait for a connection or an answer. Reading from another realm may take the server 3 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// How often to look whether a silent server is still there, and our session too.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How many messages are shown after the login.
pub const RECENT: u32 = 20;
/// How many ids of messages of our own are remembered, to tell their echoes.
const OWN: usize = 1_000;
/// What is added where nobody knows whether something was done.
const MAY_BE_SENT: &str = "\nThe message may or may not have been sent; /sent or /history tells.";
const MAY_BE_DONE: &str = "\nIt may or may not have been done; look before you try again.";

/// The state of the connection.
enum Link {
    Up(Box<Client>),
    /// Connecting again at that time, after so many attempts.
    Down(Instant, u32),
    /// The session has ended: only a password helps.
    LoggedOut,
}

/// What woke the session up.
pub enum Wake {
    Event(Event),
    Lost(Error),
    /// There are mailboxes to look into.
    Behind,
    Check,
    Retry,
}

/// The connection and what is known about it.
pub struct Session {
    pub(super) whom: Whom,
    pub(super) user: String,
    token: Option<Token>,
    link: Link,
    pub(super) target: Option<Target>,
    pub(super) look: Look,
    pub(super) names: Names,
    /// The newest id shown of each mailbox; none where it was not looked into yet.
    pub(super) seen: BTreeMap<Mailbox, Option<u64>>,
    /// The newest id that was heard of while nothing was left to catch up with.
    pub(super) heard: u64,
    /// Mailboxes to look into. Events wait meanwhile, so that what is older stands above.
    pub(super) todo: VecDeque<Mailbox>,
    pub(super) tally: Option<Tally>,
    /// How many messages of a mailbox are shown after the login.
    pub(super) recent: u32,
    own: BTreeSet<u64>,
    next_check: Instant,
}

impl Session {
    pub fn new(
        whom: Whom,
        user: String,
        client: Client,
        token: Token,
        look: Look,
        names: Names,
    ) -> Self {
        names.user(&user);
        Self {
            whom,
            user,
            token: Some(token),
            link: Link::Up(Box::new(client)),
            target: None,
            look,
            names,
            seen: BTreeMap::new(),
            heard: 0,
            todo: VecDeque::new(),
            tally: None,
            recent: 1,
            own: BTreeSet::new(),
            next_check: Instant::now() + KEEPALIVE,
        }
    }

    pub fn is_up(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// Whether it tries to be up again.
    pub fn is_coming_back(&self) -> bool {
        matches!(self.link, Link::Down(..))
    }

    /// `alice> `, or `alice → bob> ` in a conversation.
    pub fn prompt(&self) -> String {
        match &self.target {
            Some(target) => format!("{} → {target}> ", self.user),
            None => format!("{}> ", self.user),
        }
    }

    pub(super) fn client(&mut self) -> Result<&mut Client, Error> {
        match &mut self.link {
            Link::Up(client) => Ok(client),
            _ => Err(Error::Closed),
        }
    }

    /// Waits for the next thing to do. Cancel-safe.
    pub async fn wake(&mut self) -> Wake {
        match &mut self.link {
            Link::Up(_) if !self.todo.is_empty() => Wake::Behind,
            Link::Up(client) => tokio::select! {
                event = client.next_event() => match event {
                    Ok(event) => Wake::Event(event),
                    Err(error) => Wake::Lost(error),
                },
                () = sleep_until(self.next_check) => Wake::Check,
            },
            Link::Down(at, _) => {
                sleep_until(*at).await;
                Wake::Retry
            }
            Link::LoggedOut => std::future::pending().await,
        }
    }

    /// Does it; returns what to show.
    pub async fn handle(&mut self, wake: Wake) -> Vec<String> {
        match wake {
            Wake::Event(_) if self.client().is_ok_and(|c| c.events_lost() > 0) => {
                vec![self.lost("more came at once than could be kept")]
            }
            Wake::Event(event) => self.event(&event).into_iter().collect(),
            Wake::Behind => self.look_on().await,
            Wake::Lost(error) => vec![self.lost(&error.to_string())],
            Wake::Check => self.check().await.into_iter().collect(),
            Wake::Retry => self.reconnect().await,
        }
    }

    fn event(&mut self, event: &Event) -> Option<String> {
        let message = event.message()?;
        let mailbox = Mailbox::of(event)?;
        let group = mailbox.is_group();
        self.names.message(&message, group);
        if let Some(id) = message.id {
            self.heard = self.heard.max(id);
            // What was caught up with may still come as an event too.
            let before = self.seen.insert(mailbox.clone(), Some(id)).flatten();
            if before.is_some_and(|seen| id <= seen) {
                self.seen.insert(mailbox, before);
                return None;
            }
            if self.own.remove(&id) {
                return None;
            }
        }
        Some(self.look.message(&message, group))
    }

    /// A message of ours: a group's members are told of it too, and so are we.
    pub(super) fn remember_own(&mut self, id: u64) {
        self.own.insert(id);
        if self.own.len() > OWN {
            self.own.pop_first();
        }
    }

    async fn check(&mut self) -> Option<String> {
        self.next_check = Instant::now() + KEEPALIVE;
        let token = self.token.clone()?;
        let client = self.client().ok()?;
        match timeout(PATIENCE, client.resume(&token)).await {
            Ok(Ok(())) => None,
            Ok(Err(Error::Refused(refusal))) if refusal.code == "no_session" => Some(self.ended()),
            Ok(Err(Error::Refused(_))) => None,
            Ok(Err(error)) => Some(self.lost(&error.to_string())),
            Err(_) => Some(self.lost("no answer")),
        }
    }

    /// The server has gone; we will try again at once.
    pub(super) fn lost(&mut self, why: &str) -> String {
        if self.token.is_none() {
            return self.ended();
        }
        self.link = Link::Down(Instant::now() + Duration::from_millis(300), 0);
        self.todo.clear();
        self.tally = None;
        let why = clean_line(why);
        self.look.notice(&format!("connection lost ({why}); connecting again …"))
    }

    /// The session is over: its token is worth nothing any more.
    pub(super) fn ended(&mut self) -> String {
        self.token = None;
        self.link = Link::LoggedOut;
        self.todo.clear();
        self.tally = None;
        self.look.notice("your session has ended (logged out elsewhere, or a new password); /login opens a new one")
    }

    async fn reconnect(&mut self) -> Vec<String> {
        let attempts = match self.link {
            Link::Down(_, attempts) => attempts,
            _ => return Vec::new(),
        };
        match timeout(PATIENCE, self.resume()).await {
            Ok(Ok(())) => vec![self.look.notice("connected again")],
            Ok(Err(Error::Refused(refusal))) if refusal.code == "no_session" => vec![self.ended()],
            Ok(Err(error @ Error::Key { .. })) => {
                self.link = Link::LoggedOut;
                vec![self.look.notice(&format!("{error}; not connecting to it"))]
            }
            Ok(Err(_)) | Err(_) => {
                let pause = Duration::from_millis(500 << attempts.min(6)).min(LONGEST_PAUSE);
                self.link = Link::Down(Instant::now() + pause, attempts + 1);
                // Once is enough: the rest would only fill the screen.
                let first = attempts == 0;
                let notice = self.look.notice("no answer yet; trying again until it is back");
                first.then_some(notice).into_iter().collect()
            }
        }
    }

    /// Connects with the token; what came in between is looked up then.
    async fn resume(&mut self) -> Result<(), Error> {
        let token = self.token.clone().ok_or(Error::Closed)?;
        let mut client = self.whom.connect().await?;
        client.resume(&token).await?;
        // First watch, then look back: nothing falls in between, and what comes twice is known.
        client.watch().await?;
        let all = mailboxes(&mut client).await?;
        self.next_check = Instant::now() + KEEPALIVE;
        self.link = Link::Up(Box::new(client));
        self.catch_up(all);
        Ok(())
    }

    /// Opens a new session, on a new connection.
    pub(super) async fn login(
        &mut self,
        user: Option<String>,
        password: &str,
    ) -> Result<Vec<String>, Error> {
        let user = user.unwrap_or_else(|| self.user.clone());
        let mut client = self.whom.connect().await?;
        let token = client.login(&user, password).await?;
        self.close().await;
        let other = !user.eq_ignore_ascii_case(&self.user);
        self.token = Some(token);
        self.link = Link::Up(Box::new(client));
        self.look.me.clone_from(&user);
        self.user = user;
        if other {
            (self.heard, self.target) = (0, None);
            self.own.clear();
            return self.start(RECENT).await;
        }
        let client = self.client()?;
        client.watch().await?;
        let all = mailboxes(client).await?;
        self.catch_up(all);
        Ok(Vec::new())
    }

    /// Ends the session; nobody else has its token.
    pub async fn close(&mut self) {
        if let Link::Up(client) = &mut self.link {
            let _ = timeout(Duration::from_secs(1), client.logout()).await;
        }
        self.link = Link::LoggedOut;
    }

    /// Carries a command out; what to show, and whether it worked.
    pub async fn execute(&mut self, command: Command) -> (String, bool) {
        let sends = matches!(command, Command::Say(_) | Command::Msg(..));
        let login = matches!(command, Command::Login(..));
        if !self.is_up() && !matches!(command, Command::Login(..) | Command::Help(_)) {
            return ("Not connected; nothing was sent.".into(), false);
        }
        let problem = match timeout(PATIENCE, self.run(command)).await {
            Ok(Ok(text)) => return (text, true),
            Ok(Err(Problem::Ask(question))) => return (question.into(), false),
            Ok(Err(Problem::Client(error))) if error.code() == Some("no_session") => {
                return (self.ended(), false);
            }
            Ok(Err(Problem::Client(error))) if error.is_recoverable() => {
                let mut text = clean_line(&error.to_string());
                if error.may_be_done() {
                    text.push_str(if sends { MAY_BE_SENT } else { MAY_BE_DONE });
                }
                return (text, false);
            }
            Ok(Err(Problem::Client(error))) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        if login {
            // It was tried on a connection of its own: the old one is as it was.
            return (clean_line(&problem), false);
        }
        let mut text = self.lost(&problem);
        if sends {
            text.push_str(MAY_BE_SENT);
        }
        (text, false)
    }
}
