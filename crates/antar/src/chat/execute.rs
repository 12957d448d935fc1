//! What each command does.

use super::command::{self, Command};
use super::session::{PATIENCE, Session};
use super::show::{clean, clean_line};
use super::texts;
use antar_client::live::Happening;
use antar_client::sync::{Entry, PostError, Update};
use antar_client::{Error, History, Message, Value, request};
use antar_types::Secret;
use tokio::time::timeout;

/// Why a command was not carried out.
pub(super) enum Problem {
    /// The connection or the server says no.
    Client(Error),
    /// A sentence for the user: what the command lacks, or what has become of it.
    Say(String),
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Client(error.into())
    }
}

impl Session {
    /// Carries a command out; returns what to show, perhaps nothing.
    pub(super) async fn run(&mut self, command: Command) -> Result<String, Problem> {
        match command {
            Command::Say(text) => match self.target.clone() {
                Some(target) => self.send(&target, &text).await,
                None => {
                    let ask = "To whom? Choose with /to USER or /to #GROUP, or send with /msg.";
                    Err(Problem::Say(ask.into()))
                }
            },
            Command::Msg(target, text) => self.send(&target, &text).await,
            Command::To(target) => self.turn_to(target).await,
            Command::List(unread) => Ok(self.conversations(unread)),
            Command::Inbox(limit) => self.mailbox("INBOX", limit).await,
            Command::Sent(limit) => self.mailbox("SENT", limit).await,
            Command::History(name) => match name.or_else(|| self.target.clone()) {
                Some(name) => self.history(&name).await,
                None => Err(Problem::Say("Of what? /history USER or /history #GROUP.".into())),
            },
            Command::More => self.more().await,
            Command::Read(name) => match name.or_else(|| self.target.clone()) {
                Some(name) => self.read(&name),
                None => Err(Problem::Say("What? /read USER or /read #GROUP.".into())),
            },
            Command::Send(path, text) => self.send_file(&path, &text).await,
            Command::Save(id, to) => self.save_file(id, to.as_deref()).await,
            Command::Realms => self.realms().await,
            Command::Whoami => {
                let reply = self.live.ask("WHOAMI").await?;
                let name = reply.data().map(command::shown).unwrap_or_default();
                let realm = reply.str("realm").map(|realm| format!("@{realm}"));
                let admin = if reply.flag("admin") { " (administrator)" } else { "" };
                Ok(clean_line(&(name + &realm.unwrap_or_default() + admin)))
            }
            Command::Passwd(Some(old), Some(new)) => {
                let line = request::password("PASSWD", &[old.expose()], new.expose())?;
                self.live.ask(&line).await?;
                Ok("The password is changed.".into())
            }
            Command::Login(user, Some(password)) => {
                self.login(user, password.expose()).await?;
                let mut lines = vec![format!("Logged in as {}.", self.user)];
                if !self.started {
                    lines.extend(self.start().await?);
                }
                Ok(lines.join("\n"))
            }
            Command::Raw(line) => {
                let reply = self.live.request(&line).await?;
                Ok(clean(&format!("{:#}", reply.0)))
            }
            Command::Help(about) => Ok(command::help(about.as_deref())),
            other => self.run_group(other).await,
        }
    }

    async fn run_group(&mut self, command: Command) -> Result<String, Problem> {
        match command {
            Command::Groups => {
                let reply = self.live.ask("GETGROUPS").await?;
                let groups = reply.names();
                groups.iter().for_each(|group| self.names.group(group));
                let names: Vec<String> =
                    groups.iter().map(|g| format!("#{}", clean_line(g))).collect();
                Ok(if names.is_empty() {
                    "There are no groups yet.".into()
                } else {
                    names.join("  ")
                })
            }
            Command::Create(group, password) => {
                self.group("ADDGROUP", &group, password).await?;
                Ok(self.enter(group, "is created"))
            }
            Command::Join(group, password) => {
                self.group("JOINGROUP", &group, password).await?;
                Ok(self.enter(group, "is joined"))
            }
            Command::Leave(group) => match self.group_or_current(group) {
                Some(group) => {
                    self.live.ask(&request::words("LEAVEGROUP", &[&group])?).await?;
                    let place = format!("#{group}");
                    self.target.take_if(|target| target.eq_ignore_ascii_case(&place));
                    Ok(format!("You have left {place}."))
                }
                None => Err(Problem::Say("Which one? /leave #GROUP.".into())),
            },
            Command::Members(group) => match self.group_or_current(group) {
                Some(group) => self.members(&group).await,
                None => Err(Problem::Say("Of which group? /members #GROUP.".into())),
            },
            // What is left is done by the prompt, or has had its passwords asked for there.
            _ => Ok(String::new()),
        }
    }

    /// A request about a group and its password; an open group has none.
    async fn group(
        &mut self,
        verb: &str,
        group: &str,
        password: Option<Secret<String>>,
    ) -> Result<(), Problem> {
        let line = match password.filter(|password| !password.expose().is_empty()) {
            Some(password) => request::password(verb, &[group], password.expose())?,
            None => request::words(verb, &[group])?,
        };
        self.live.ask(&line).await?;
        Ok(())
    }

    /// Sends a message, and waits until it is known what becomes of it.
    async fn send(&mut self, name: &str, text: &str) -> Result<String, Problem> {
        let posted = self.live.post(name, text);
        self.sent(name, posted).await
    }

    /// Waits until it is known what becomes of a message that was written.
    pub(super) async fn sent(
        &mut self,
        name: &str,
        posted: Result<String, PostError>,
    ) -> Result<String, Problem> {
        let reference = posted.map_err(|error| Problem::Say(format!("{error}.")))?;
        let mut later = Vec::new();
        let held = &self.held;
        let waits = |entry: &Entry| {
            held.contains(&entry.draft.reference)
                && entry.draft.conversation.eq_ignore_ascii_case(name)
        };
        let said = if !self.live.is_connected() {
            Err(Problem::Say("Not connected; it is sent as soon as that is possible.".into()))
        } else if self.live.model().outbox().any(waits) {
            Err(Problem::Say("It is sent once what was written before is sent.".into()))
        } else {
            let outcome = timeout(PATIENCE, self.outcome(&reference, &mut later)).await;
            let late = "No answer yet; the message is sent again until there is one.";
            outcome.unwrap_or_else(|_| Err(Problem::Say(late.into())))
        };
        self.live.put_back(later);
        if said.is_ok() {
            self.names.conversation(name);
        } else if self.live.model().outbox().any(|entry| entry.draft.reference == reference) {
            self.held.insert(reference);
        }
        said
    }

    async fn outcome(
        &mut self,
        reference: &str,
        later: &mut Vec<Happening>,
    ) -> Result<String, Problem> {
        loop {
            let happening = match self.live.next().await {
                Ok(happening) => happening,
                Err(error) => {
                    self.live.model_mut().disconnected();
                    self.live.model_mut().discard(reference);
                    return Err(error.into());
                }
            };
            match happening {
                Happening::Update(Update::Posted { reference: of, .. }) if of == reference => {
                    return Ok(String::new());
                }
                Happening::Update(Update::Refused { reference: of, code }) if of == reference => {
                    self.live.model_mut().discard(reference);
                    let why =
                        texts::of_code(&code).map_or_else(|| clean_line(&code), str::to_owned);
                    return Err(Problem::Say(format!("{why} ({})", clean_line(&code))));
                }
                Happening::Update(Update::Held { reference: of, code }) if of == reference => {
                    let why = texts::of_code(&code).unwrap_or("The realm cannot take it just now.");
                    let goes_on =
                        "The message is sent again until it is certain; it is posted once.";
                    return Err(Problem::Say(format!("{why} ({}) {goes_on}", clean_line(&code))));
                }
                lost @ Happening::Lost(_) => {
                    later.push(lost);
                    let said = "The connection is lost; the message is sent again once it is back, and posted once.";
                    return Err(Problem::Say(said.into()));
                }
                other => later.push(other),
            }
        }
    }

    /// Changes the conversation, after a look whether it exists as far as that can be told.
    async fn turn_to(&mut self, name: Option<String>) -> Result<String, Problem> {
        let Some(name) = name else {
            self.target = None;
            return Ok("Plain text goes nowhere now.".into());
        };
        if name.starts_with('#') && !name.contains('+') {
            // Also tells whether we are in it.
            self.live.ask(&request::words("HISTORY", &[&name, "limit=1"])?).await?;
        }
        let unread = self.live.model().count(&name).unread;
        let unread = if unread > 0 {
            format!(" {unread} unread: /history shows them.")
        } else {
            String::new()
        };
        let text = format!("Plain text goes to {name} now.{unread}");
        self.target = Some(name);
        Ok(text)
    }

    fn enter(&mut self, group: String, what: &str) -> String {
        self.names.group(&group);
        let text = format!("#{group} {what}; plain text goes there now.");
        self.target = Some(format!("#{group}"));
        text
    }

    fn group_or_current(&self, group: Option<String>) -> Option<String> {
        let current = self.target.as_deref().and_then(|target| target.strip_prefix('#'));
        group.or_else(|| current.map(|name| name.split('+').next().unwrap_or(name).to_owned()))
    }

    /// The conversations, the latest first, or those in which something is unread.
    fn conversations(&self, unread: bool) -> String {
        let model = self.live.model();
        let lines = model.conversations().into_iter().filter_map(|each| {
            let count = model.count(each.name());
            let mut line = format!("{:<24} ", clean_line(each.name()));
            line.push_str(&match count.unread {
                0 if unread => return None,
                0 => "-".to_owned(),
                n => format!("{n} unread"),
            });
            if count.mentions > 0 {
                line.push_str(&format!(", {} of them to you", count.mentions));
            }
            if let Some(topic) = each.topic() {
                line.push_str(&format!("  {}", clean_line(topic)));
            }
            line.push_str(if each.is_muted() { "  (muted)" } else { "" });
            Some(line)
        });
        let lines: Vec<String> = lines.collect();
        match (lines.is_empty(), unread) {
            (true, true) => "Nothing is unread.".into(),
            (true, false) => "You have no conversations yet.".into(),
            _ => lines.join("\n"),
        }
    }

    fn read(&mut self, name: &str) -> Result<String, Problem> {
        let known = self.live.model().conversation(name);
        let Some(last) = known.and_then(|each| each.last()).map(|last| last.id) else {
            return Err(Problem::Say("There is no such conversation.".into()));
        };
        self.live.model_mut().mark_read(name, last);
        Ok(format!("All of {name} is read."))
    }

    async fn members(&mut self, group: &str) -> Result<String, Problem> {
        let line = request::words("MEMBERS", &[group])?;
        let reply = self.live.ask(&line).await?;
        let owner = reply.str("owner").unwrap_or_default();
        let names: Vec<String> = reply
            .names()
            .into_iter()
            .inspect(|name| self.names.user(name))
            .map(|name| match name == owner {
                true => format!("{} (owner)", clean_line(name)),
                false => clean_line(name),
            })
            .collect();
        Ok(names.join("  "))
    }

    /// The newest private messages of this realm, received or sent.
    async fn mailbox(&mut self, verb: &str, limit: u32) -> Result<String, Problem> {
        let line = request::history(verb, &[], History::newest(limit))?;
        let messages = self.live.ask(&line).await?.messages();
        let lines: Vec<String> =
            messages.iter().map(|m: &Message| self.look.message(m, false)).collect();
        Ok(if lines.is_empty() { "No messages.".into() } else { lines.join("\n") })
    }

    async fn realms(&mut self) -> Result<String, Problem> {
        let reply = self.live.ask("CHECKREALM").await?;
        let Some(Value::Array(realms)) = reply.data() else {
            return Ok("No realms are linked.".into());
        };
        let lines: Vec<String> = realms.iter().map(|realm| self.realm_line(realm)).collect();
        Ok(match lines.is_empty() {
            true => "No realms are linked.".into(),
            false => lines.join("\n"),
        })
    }

    /// `beta  up  10.0.0.2:8889  owed: 3 …`: the first keys in this order, the rest as they come.
    fn realm_line(&self, realm: &Value) -> String {
        let shown = |key: &str| realm.get(key).map(command::shown).unwrap_or_default();
        let name = shown("realm");
        self.names.realm(&name);
        let mut line =
            format!("{name:<16} {:<8} {}:{}", shown("state"), shown("host"), shown("port"));
        let first = ["realm", "state", "host", "port"];
        let rest = realm.as_object().into_iter().flatten();
        for (key, value) in
            rest.filter(|(key, value)| !first.contains(&key.as_str()) && !value.is_null())
        {
            line.push_str(&format!("  {key}: {}", command::shown(value)));
        }
        clean_line(&line)
    }
}
