//! A model that is kept in step over a connection, with tokio.

use crate::files::Files;
use crate::sync::{Draft, File, Follow, Model, Phase, PostError, Update};
use crate::{Client, Error, Event, Incoming, Refusal, Reply, Token};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long to wait for a connection, or for an answer. Reading from another realm may take the server 3 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// After how much silence to ask whether the server is still there.
const SILENCE: Duration = Duration::from_secs(30);
/// The first pause between two attempts, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Where a realm is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`.
    Tcp(String),
    /// `HOST:PORT`, over TLS, and whose key must answer there.
    #[cfg(feature = "tls")]
    Tls(String, crate::Fingerprint),
    /// The path of a Unix socket.
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Address {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody answers, or somebody with another key.
    pub async fn connect(&self) -> Result<Client, Error> {
        match self {
            Self::Tcp(address) => Client::connect(address).await,
            #[cfg(feature = "tls")]
            Self::Tls(address, key) => {
                Client::connect_tls(address, Some(*key)).await.map(|(client, _)| client)
            }
            #[cfg(unix)]
            Self::Unix(path) => Client::connect_unix(path).await,
        }
    }
}

/// How to be let in.
#[derive(Clone)]
pub enum Login {
    /// With the token of a session. When that ends, it is over.
    Token(Token),
    /// With a password. When a session ends, another one is opened.
    Password(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Password(_) => "Password(…)",
        })
    }
}

/// What happens on a [`Live`].
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The model has changed.
    Update(Update),
    /// An event that is none of the model's: who types, who is here.
    Event(Event),
    /// It is connected, for the first time or again.
    Connected,
    /// The connection is gone, for this reason, and it is tried again.
    Lost(String),
}

enum Link {
    Up(Box<Client>),
    /// Connecting at that time, after so many attempts that failed.
    Down(Instant, u32),
}

/// Whose a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Model,
    /// A request of this number, of whoever drives.
    Caller(u64),
    Ping,
}

/// A [`Model`] that is kept in step over a connection: it connects again where the connection is lost, logs in, goes
/// on where it was, and sends what was not answered.
///
/// Call [`next`](Self::next) again and again; it is cancel-safe, so a `select!` can do other things meanwhile.
pub struct Live {
    model: Model,
    address: Address,
    user: String,
    password: Option<String>,
    token: Option<Token>,
    link: Link,
    owners: VecDeque<Owner>,
    happened: VecDeque<Happening>,
    /// The replies to callers' requests that came while they waited.
    replies: Vec<(u64, Reply)>,
    requests: u64,
    /// When the server is to be asked whether it is there, or given up.
    check: Instant,
    pinged: bool,
    retry: Option<Instant>,
    retries: u32,
    references: (u64, u64),
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (user, address) = (&self.user, &self.address);
        let f = &mut f.debug_struct("Live");
        f.field("user", user).field("address", address).finish_non_exhaustive()
    }
}

impl Live {
    /// One that connects when [`next`](Self::next) is called first. The model says whose it is, and from where on.
    pub fn new(address: Address, login: Login, model: Model) -> Self {
        let (password, token) = match login {
            Login::Password(password) => (Some(password), None),
            Login::Token(token) => (None, Some(token)),
        };
        let (user, now) = (model.me().to_owned(), Instant::now());
        Self {
            model,
            address,
            user,
            password,
            token,
            link: Link::Down(now, 0),
            owners: VecDeque::new(),
            happened: VecDeque::new(),
            replies: Vec::new(),
            requests: 0,
            check: now,
            pinged: false,
            retry: None,
            retries: 0,
            references: (by_chance(), 0),
        }
    }

    /// Goes on with a connection that is there, on which the user is logged in.
    pub fn attach(&mut self, client: Client, token: Token) {
        self.token = Some(token);
        self.up(client);
    }

    /// What the user sees.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The same, to have something loaded or marked as read: [`next`](Self::next) asks for it.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// The token of the session, once there is one.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Writes to a conversation, also where there is no connection just now. Returns what the message is called:
    /// the model's updates tell what becomes of it.
    ///
    /// # Errors
    /// Where it cannot be sent, or too many messages wait.
    pub fn post(&mut self, conversation: &str, text: &str) -> Result<String, PostError> {
        let draft = Draft::new(conversation, &self.new_reference(), text);
        self.post_draft(draft)
    }

    /// Writes to a conversation, with a file that was uploaded; what is said of it may be empty. Otherwise as
    /// [`post`](Self::post).
    ///
    /// # Errors
    /// Those of [`post`](Self::post).
    pub fn post_file(
        &mut self,
        conversation: &str,
        file: &File,
        text: &str,
    ) -> Result<String, PostError> {
        let draft = Draft::new(conversation, &self.new_reference(), text);
        self.post_draft(Draft { file: Some(file.sha256.clone()), ..draft })
    }

    fn new_reference(&mut self) -> String {
        self.references.1 += 1;
        format!("{:x}-{}", self.references.0, self.references.1)
    }

    fn post_draft(&mut self, draft: Draft) -> Result<String, PostError> {
        let reference = draft.reference.clone();
        self.model.post(draft)?;
        Ok(reference)
    }

    /// The realm's files, once there is a session.
    pub fn files(&self) -> Option<Files> {
        Some(Files::new(self.address.clone(), self.token.clone()?))
    }

    /// Whether it is this one that has given a message its reference.
    pub fn wrote(&self, reference: &str) -> bool {
        reference.strip_prefix(&format!("{:x}-", self.references.0)).is_some()
    }

    /// Whether something has happened that [`next`](Self::next) has not returned yet.
    pub fn has_happened(&self) -> bool {
        !self.happened.is_empty()
    }

    /// Has [`next`](Self::next) return these again, in this order, before anything else: for who waits for one thing
    /// and does the others later.
    pub fn put_back(&mut self, happened: Vec<Happening>) {
        happened.into_iter().rev().for_each(|each| self.happened.push_front(each));
    }

    /// The next thing that happens. Cancel-safe.
    ///
    /// # Errors
    /// Where it cannot go on: the session has ended and there is no password, the password is wrong, or another
    /// key answers. Everything else it tries again.
    pub async fn next(&mut self) -> Result<Happening, Error> {
        loop {
            if let Some(happening) = self.happened.pop_front() {
                return Ok(happening);
            }
            self.turn().await?;
        }
    }

    /// Sends a request of the caller's own, and waits for its reply, OK or ERROR. What happens meanwhile is kept for
    /// [`next`](Self::next). A request whose future is dropped may still be carried out.
    ///
    /// # Errors
    /// [`Error::Closed`] where there is no connection, or it is lost; those of [`Client::request`].
    pub async fn request(&mut self, line: &str) -> Result<Reply, Error> {
        // What the model asks comes first: a LOGOUT, say, is not to come before it.
        self.flush()?;
        let Link::Up(client) = &mut self.link else { return Err(Error::Closed) };
        client.send_line(line)?;
        let number = self.requests;
        self.requests += 1;
        self.owners.push_back(Owner::Caller(number));
        // Of those who have gone, nobody asks any more.
        self.replies.clear();
        loop {
            if let Some(at) = self.replies.iter().position(|(of, _)| *of == number) {
                return Ok(self.replies.swap_remove(at).1);
            }
            if !self.owners.contains(&Owner::Caller(number)) {
                return Err(Error::Closed);
            }
            self.turn().await?;
        }
    }

    /// As [`request`](Self::request), but an ERROR is an error.
    ///
    /// # Errors
    /// Those of [`request`](Self::request), and [`Error::Refused`].
    pub async fn ask(&mut self, line: &str) -> Result<Reply, Error> {
        Ok(self.request(line).await?.accepted()?)
    }

    /// Ends the session, if there is a connection.
    pub async fn logout(&mut self) {
        let _ = timeout(Duration::from_secs(1), self.request("LOGOUT")).await;
        self.token = None;
    }

    /// Waits for one thing and does it.
    async fn turn(&mut self) -> Result<(), Error> {
        if self.model.phase() == Phase::LoggedOut && self.password.is_none() {
            let (code, text) = ("no_session".to_owned(), "the session has ended".to_owned());
            return Err(Refusal { code, text, usage: None }.into());
        }
        let retry = self.schedule_retry();
        self.flush()?;
        match &mut self.link {
            Link::Down(at, _) => {
                sleep_until(*at).await;
                match timeout(PATIENCE, self.connect()).await {
                    Ok(Ok(client)) => self.up(client),
                    Ok(Err(error)) => self.not_connected(error)?,
                    Err(_) => self.not_connected(Error::Closed)?,
                }
            }
            Link::Up(client) => {
                tokio::select! {
                    incoming = client.incoming() => match incoming {
                        Ok(incoming) => self.heard(incoming),
                        Err(error) => self.lost(&error.to_string()),
                    },
                    () = sleep_until(self.check) => self.check(),
                    () = sleep_until(retry.unwrap_or(self.check)), if retry.is_some() => {
                        self.retry = None;
                        self.retries += 1;
                        self.model.retry();
                    }
                }
            }
        }
        self.note_updates();
        Ok(())
    }

    /// Has the connection send what the model asks.
    fn flush(&mut self) -> Result<(), Error> {
        let Link::Up(client) = &mut self.link else { return Ok(()) };
        while let Some(line) = self.model.next_request() {
            client.send_line(&line)?;
            self.owners.push_back(Owner::Model);
        }
        Ok(())
    }

    fn schedule_retry(&mut self) -> Option<Instant> {
        if !self.model.needs_retry() {
            (self.retry, self.retries) = (None, 0);
        } else if self.retry.is_none() {
            self.retry = Some(Instant::now() + pause(self.retries));
        }
        self.retry
    }

    async fn connect(&mut self) -> Result<Client, Error> {
        let mut client = self.address.connect().await?;
        if let Some(token) = &self.token {
            match client.resume(token).await {
                Err(error) if error.code() == Some("no_session") && self.password.is_some() => {
                    self.token = None;
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(client),
            }
        }
        // Without a token there is a password.
        let password = self.password.clone().unwrap_or_default();
        self.token = Some(client.login(&self.user, &password).await?);
        Ok(client)
    }

    fn up(&mut self, client: Client) {
        self.link = Link::Up(Box::new(client));
        self.owners.clear();
        (self.check, self.pinged) = (Instant::now() + SILENCE, false);
        self.model.connected(Follow::Watch);
        self.happened.push_back(Happening::Connected);
    }

    fn not_connected(&mut self, error: Error) -> Result<(), Error> {
        let Link::Down(_, attempts) = self.link else { return Ok(()) };
        self.link = Link::Down(Instant::now() + pause(attempts), attempts.saturating_add(1));
        let passing = ["unavailable", "rate_limited", "too_many_connections", "timed_out"];
        match &error {
            Error::Key { .. } => Err(error),
            Error::Refused(refusal) if !passing.contains(&refusal.code.as_str()) => Err(error),
            // Once is enough.
            _ if attempts > 0 => Ok(()),
            _ => {
                self.happened.push_back(Happening::Lost(error.to_string()));
                Ok(())
            }
        }
    }

    fn lost(&mut self, why: &str) {
        self.link = Link::Down(Instant::now() + pause(0) / 2, 0);
        self.owners.clear();
        self.model.disconnected();
        self.happened.push_back(Happening::Lost(why.to_owned()));
    }

    fn heard(&mut self, incoming: Incoming) {
        (self.check, self.pinged) = (Instant::now() + SILENCE, false);
        match incoming {
            Incoming::Event(event) => {
                self.model.event(&event);
                if event.0.get("cursor").is_none() && event.kind() != "ended" {
                    self.happened.push_back(Happening::Event(event));
                }
            }
            Incoming::Reply(reply) => match self.owners.pop_front() {
                Some(Owner::Model) => self.model.answered(&reply),
                Some(Owner::Caller(number)) => self.replies.push((number, reply)),
                Some(Owner::Ping) | None => {}
            },
        }
    }

    /// Nothing was heard for long.
    fn check(&mut self) {
        let Link::Up(client) = &mut self.link else { return };
        if self.pinged || client.send_line("PING").is_err() {
            return self.lost("no answer");
        }
        self.owners.push_back(Owner::Ping);
        (self.check, self.pinged) = (Instant::now() + PATIENCE, true);
    }

    fn note_updates(&mut self) {
        for update in self.model.take_updates() {
            if update != Update::LoggedOut {
                self.happened.push_back(Happening::Update(update));
            } else if self.password.is_some() {
                self.token = None;
                self.lost("the session has ended");
            }
        }
    }
}

/// How long to wait after so many attempts: twice as long each time, and a little longer by chance, so that not all
/// who lost a realm come back at once.
fn pause(attempts: u32) -> Duration {
    let pause = (PAUSES.0 * (1 << attempts.min(6))).min(PAUSES.1);
    pause + pause.mul_f64((by_chance() % 256) as f64 / 1_024.0)
}

/// A number by chance: each state of the standard library's hasher is another one.
fn by_chance() -> u64 {
    RandomState::new().hash_one(0)
}
