//! The connection to the realm: kept up, caught up, and told what the user wants.

use super::command::{Command, Target};
use super::execute::Problem;
use super::mailbox::Mailbox;
use super::names::Names;
use super::show::{Look, clean_line};
use antar_client::{Client, Error, Event, History, Page, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long to wait for a connection or an answer. Reading from another realm may take the server 3 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often to look whether a silent server is still there, and our session too.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How many ids of messages of our own are remembered, to tell their echoes.
const OWN: usize = 1_000;
/// How many groups are looked into at the start.
const SURVEYED: usize = 200;

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
    Check,
    Retry,
}

/// The connection and what is known about it.
pub struct Session {
    pub(super) address: String,
    pub(super) user: String,
    token: Option<Token>,
    link: Link,
    pub(super) target: Option<Target>,
    pub(super) look: Look,
    pub(super) names: Names,
    /// The newest id seen in each mailbox.
    seen: BTreeMap<Mailbox, u64>,
    /// Shown already, though their events may still be on the way.
    shown: BTreeSet<u64>,
    own: BTreeSet<u64>,
    next_check: Instant,
}

impl Session {
    pub fn new(
        address: String,
        user: String,
        client: Client,
        token: Token,
        look: Look,
        names: Names,
    ) -> Self {
        names.user(&user);
        Self {
            address,
            user,
            token: Some(token),
            link: Link::Up(Box::new(client)),
            target: None,
            look,
            names,
            seen: BTreeMap::new(),
            shown: BTreeSet::new(),
            own: BTreeSet::new(),
            next_check: Instant::now() + KEEPALIVE,
        }
    }

    pub fn is_up(&self) -> bool {
        matches!(self.link, Link::Up(_))
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
            Wake::Event(event) => self.event(&event).into_iter().collect(),
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
            let newest = self.seen.entry(mailbox).or_default();
            *newest = id.max(*newest);
            if self.shown.remove(&id) || self.own.remove(&id) {
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

    /// Begins to follow a group just joined, from now on.
    pub(super) async fn follow_group(&mut self, group: &str) -> Result<(), Error> {
        self.names.group(group);
        self.mark(Mailbox::Group(group.to_ascii_lowercase())).await
    }

    pub(super) fn forget_group(&mut self, group: &str) {
        let group = group.to_ascii_lowercase();
        self.seen.remove(&Mailbox::Group(group.clone()));
        self.seen.retain(|mailbox, _| !matches!(mailbox, Mailbox::GroupRealm(_, g) if *g == group));
    }

    /// Marks everything that a mailbox holds as seen.
    async fn mark(&mut self, mailbox: Mailbox) -> Result<(), Error> {
        let page = mailbox.read(self.client()?, History::newest(1)).await?;
        let newest = page.messages.iter().filter_map(|m| m.id).max();
        self.seen.insert(mailbox, newest.unwrap_or(0));
        Ok(())
    }

    /// After the first login: watches, shows the newest private messages, and finds out which
    /// mailboxes there are, so that nothing is missed when the connection breaks.
    pub async fn start(&mut self, show: u32) -> Result<Vec<String>, Error> {
        self.client()?.watch().await?;
        let page = self.client()?.inbox(History::newest(show.max(1))).await?;
        let newest = page.messages.iter().filter_map(|m| m.id).max();
        self.seen.insert(Mailbox::Private, newest.unwrap_or(0));
        let groups = self.client()?.groups().await?;
        for group in groups.iter().take(SURVEYED) {
            match self.follow_group(group).await {
                // Most groups are other people's.
                Err(Error::Refused(_)) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(if show == 0 { Vec::new() } else { self.show_new(&page, false) })
    }

    /// Shows messages and remembers that they were shown.
    fn show_new(&mut self, page: &Page, group: bool) -> Vec<String> {
        self.shown.extend(page.messages.iter().filter_map(|m| m.id));
        page.messages
            .iter()
            .map(|message| {
                self.names.message(message, group);
                self.look.message(message, group)
            })
            .collect()
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
        let why = clean_line(why);
        self.look.notice(&format!("connection lost ({why}); connecting again …"))
    }

    /// The session is over: its token is worth nothing any more.
    pub(super) fn ended(&mut self) -> String {
        self.token = None;
        self.link = Link::LoggedOut;
        self.look.notice("your session has ended (logged out elsewhere, or a new password); /login opens a new one")
    }

    async fn reconnect(&mut self) -> Vec<String> {
        let attempts = match self.link {
            Link::Down(_, attempts) => attempts,
            _ => return Vec::new(),
        };
        match timeout(PATIENCE, self.resume()).await {
            Ok(Ok(missed)) => {
                let news = match missed.len() {
                    0 => "connected again; nothing was missed".to_owned(),
                    1 => "connected again; 1 message came in between:".to_owned(),
                    n => format!("connected again; {n} messages came in between:"),
                };
                let mut lines = vec![self.look.notice(&news)];
                lines.extend(missed);
                lines
            }
            Ok(Err(Error::Refused(refusal))) if refusal.code == "no_session" => vec![self.ended()],
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

    /// Connects with the token and fetches what came in between.
    async fn resume(&mut self) -> Result<Vec<String>, Error> {
        let token = self.token.clone().ok_or(Error::Closed)?;
        let mut client = connect(&self.address).await?;
        client.resume(&token).await?;
        // First watch, then look back: nothing falls in between, and what comes twice is known.
        client.watch().await?;
        self.shown.clear();
        let mut missed = Vec::new();
        for (mailbox, newest) in self.seen.clone() {
            for page in mailbox.catch_up(&mut client, newest).await? {
                let last = page.messages.iter().filter_map(|m| m.id).max();
                self.seen.insert(mailbox.clone(), last.unwrap_or(newest).max(newest));
                missed.extend(self.show_new(&page, mailbox.is_group()));
            }
        }
        self.next_check = Instant::now() + KEEPALIVE;
        self.link = Link::Up(Box::new(client));
        Ok(missed)
    }

    /// Opens a new session, on a new connection.
    pub(super) async fn login(
        &mut self,
        user: Option<String>,
        password: &str,
    ) -> Result<Vec<String>, Error> {
        let user = user.unwrap_or_else(|| self.user.clone());
        let mut client = connect(&self.address).await?;
        let token = client.login(&user, password).await?;
        self.close().await;
        let other = !user.eq_ignore_ascii_case(&self.user);
        self.token = Some(token);
        self.link = Link::Up(Box::new(client));
        self.look.me.clone_from(&user);
        self.user = user;
        if other {
            self.seen.clear();
            self.shown.clear();
            self.target = None;
        }
        self.start(if other { 10 } else { 0 }).await
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
                return (clean_line(&error.to_string()), false);
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
            text.push_str("\nThe message may or may not have been sent; /sent or /history tells.");
        }
        (text, false)
    }
}

/// Connects to `HOST:PORT`, or to a Unix socket where the address is a path.
pub async fn connect(address: &str) -> Result<Client, Error> {
    #[cfg(unix)]
    if address.contains('/') {
        return Client::connect_unix(address).await;
    }
    Client::connect(address).await
}
