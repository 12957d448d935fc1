//! What each command does.

use super::command::{self, Command, Target};
use super::history::SHOWN;
use super::session::Session;
use super::show::{clean, clean_line};
use antar_client::{Error, History, Message, Reply, Value, request};
use antar_types::Secret;

/// Why a command was not carried out.
pub(super) enum Problem {
    /// The connection or the server says no.
    Client(Error),
    /// The command lacks something that only the user can tell.
    Ask(&'static str),
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
                None => Err(Problem::Ask(
                    "To whom? Choose with /to USER or /to #GROUP, or send with /msg.",
                )),
            },
            Command::Msg(target, text) => self.send(&target, &text).await,
            Command::To(target) => self.turn_to(target).await,
            Command::Inbox(limit) => {
                let page = self.client()?.inbox(History::newest(limit)).await?;
                Ok(self.list(&page.messages, false))
            }
            Command::Sent(limit) => {
                let page = self.client()?.sent(History::newest(limit)).await?;
                Ok(self.list(&page.messages, false))
            }
            Command::History(target) => match target.or_else(|| self.target.clone()) {
                Some(target) => self.history(&target).await,
                None => Err(Problem::Ask("Of what? /history USER or /history #GROUP.")),
            },
            Command::Realms => self.realms().await,
            Command::Whoami => {
                let reply = self.client()?.ask("WHOAMI").await?;
                let name = reply.data().map(command::shown).unwrap_or_default();
                let realm = reply.str("realm").map(|realm| format!("@{realm}"));
                let admin = if reply.flag("admin") { " (administrator)" } else { "" };
                Ok(clean_line(&(name + &realm.unwrap_or_default() + admin)))
            }
            Command::Passwd(Some(old), Some(new)) => {
                let line = request::password("PASSWD", &[old.expose()], new.expose())?;
                self.client()?.ask(&line).await?;
                Ok("The password is changed.".into())
            }
            Command::Login(user, Some(password)) => {
                let mut lines = self.login(user, password.expose()).await?;
                lines.insert(0, format!("Logged in as {}.", self.user));
                Ok(lines.join("\n"))
            }
            Command::Raw(line) => {
                let reply = self.client()?.request(&line).await?;
                Ok(clean(&format!("{:#}", reply.0)))
            }
            Command::Help(about) => Ok(command::help(about.as_deref())),
            other => self.run_group(other).await,
        }
    }

    async fn run_group(&mut self, command: Command) -> Result<String, Problem> {
        match command {
            Command::Groups => {
                let groups = self.client()?.groups().await?;
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
                let password = password.unwrap_or_else(|| Secret::new(String::new()));
                self.client()?.add_group(&group, password.expose()).await?;
                self.enter(group, "is created").await
            }
            Command::Join(group, password) => {
                let password = password.unwrap_or_else(|| Secret::new(String::new()));
                self.client()?.join_group(&group, password.expose()).await?;
                self.enter(group, "is joined").await
            }
            Command::Leave(group) => match self.group_or_current(group) {
                Some(group) => {
                    self.client()?.leave_group(&group).await?;
                    self.forget_group(&group);
                    self.target
                        .take_if(|target| target.group && target.name.eq_ignore_ascii_case(&group));
                    Ok(format!("You have left #{group}."))
                }
                None => Err(Problem::Ask("Which one? /leave #GROUP.")),
            },
            Command::Members(group) => match self.group_or_current(group) {
                Some(group) => self.members(&group).await,
                None => Err(Problem::Ask("Of which group? /members #GROUP.")),
            },
            // What is left is done by the prompt, or has had its passwords asked for there.
            _ => Ok(String::new()),
        }
    }

    async fn send(&mut self, target: &Target, text: &str) -> Result<String, Problem> {
        let name = target.name.as_str();
        let (verb, to) = match (target.group, target.realm.as_deref()) {
            (false, None) => ("SEND", vec![name]),
            (true, None) => ("SENDGROUP", vec![name]),
            (false, Some(realm)) => ("SENDREALM", vec![realm, name]),
            (true, Some(realm)) => ("SENDGROUPREALM", vec![realm, name]),
        };
        let line = request::message(verb, &to, text)?;
        let reply = self.client()?.ask(&line).await?;
        if let Some(id) = reply.id().filter(|_| target.group) {
            self.remember_own(id);
        }
        match target.realm.as_deref() {
            Some(realm) => {
                self.names.realm(realm);
                Ok(String::new())
            }
            None if target.group => Ok(String::new()),
            None => {
                self.names.user(name);
                Ok(String::new())
            }
        }
    }

    /// Changes the conversation, after a look whether it exists as far as that can be told.
    async fn turn_to(&mut self, target: Option<Target>) -> Result<String, Problem> {
        let Some(target) = target else {
            self.target = None;
            return Ok("Plain text goes nowhere now.".into());
        };
        if target.group {
            // Also tells whether we are in it.
            self.client()?.inbox_group(&target.name, History::newest(1)).await?;
        }
        let text = format!("Plain text goes to {target} now.");
        self.target = Some(target);
        Ok(text)
    }

    async fn enter(&mut self, group: String, what: &str) -> Result<String, Problem> {
        self.follow_group(&group).await?;
        let text = format!("#{group} {what}; plain text goes there now.");
        self.target = Some(Target { group: true, name: group, realm: None });
        Ok(text)
    }

    fn group_or_current(&self, group: Option<String>) -> Option<String> {
        let current = self.target.as_ref().filter(|target| target.group);
        group.or_else(|| current.map(|target| target.name.clone()))
    }

    async fn members(&mut self, group: &str) -> Result<String, Problem> {
        let line = request::words("MEMBERS", &[group])?;
        let reply: Reply = self.client()?.ask(&line).await?;
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

    async fn history(&mut self, target: &Target) -> Result<String, Problem> {
        let name = target.name.as_str();
        if target.group {
            let part = History::newest(SHOWN as u32);
            let client = self.client()?;
            let page = match &target.realm {
                None => client.inbox_group(name, part).await?,
                Some(realm) => client.inbox_group_realm(realm, name, part).await?,
            };
            let stale = self.stale_notice(target.realm.as_deref(), page.stale);
            return Ok(self.list(&page.messages, true) + &stale);
        }
        Ok(self.history_with(target).await?)
    }

    pub(super) fn list(&self, messages: &[Message], group: bool) -> String {
        if messages.is_empty() {
            return "No messages.".into();
        }
        messages.iter().for_each(|message| self.names.message(message, group));
        let lines: Vec<String> = messages.iter().map(|m| self.look.message(m, group)).collect();
        lines.join("\n")
    }

    async fn realms(&mut self) -> Result<String, Problem> {
        let reply = self.client()?.ask("CHECKREALM").await?;
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
