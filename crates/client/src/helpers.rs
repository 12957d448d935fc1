//! The requests of the protocol as methods, in the upper dialect. Each returns
//! [`Error::Refused`] where the server answers ERROR, [`Error::Request`] where a part cannot be
//! sent, and otherwise what befell the connection.

use crate::request::{self, History};
use crate::{Client, Error, Event, Page, Reply};
use antar_types::Token;
use serde_json::Value;

impl Client {
    /// Logs in and binds the connection to the session. The token names the session later, also
    /// after a restart of the server, until it has been idle for 30 days.
    ///
    /// # Errors
    /// Code `user_not_found`, `wrong_password` or `rate_limited`; see [`Error`].
    pub async fn login(&mut self, user: &str, password: &str) -> Result<Token, Error> {
        self.session("AUTH", user, password).await
    }

    /// Registers a user and logs in as it.
    ///
    /// # Errors
    /// Code `forbidden` where registration is closed, `user_exists`, `bad_name`, `bad_password`;
    /// see [`Error`].
    pub async fn register(&mut self, user: &str, password: &str) -> Result<Token, Error> {
        self.session("REGISTER", user, password).await
    }

    /// Binds a connection that has no session to the one a token names.
    ///
    /// # Errors
    /// Code `no_session` where the token has expired; see [`Error`].
    pub async fn resume(&mut self, token: &Token) -> Result<(), Error> {
        // WHOAMI, unlike PING, needs a session: a token that is none cannot pass.
        self.ask(&request::with_token("WHOAMI", token)).await?;
        Ok(())
    }

    /// Ends the session everywhere it is in use.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn logout(&mut self) -> Result<(), Error> {
        self.ask("LOGOUT").await.map(drop)
    }

    /// Asks whether the server is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.ask("PING").await.map(drop)
    }

    /// Sends a private message to a user of this realm (16 KiB at most, unless the server is
    /// configured otherwise). When it returns, the message is on the server's disk.
    ///
    /// # Errors
    /// Code `user_not_found`, `too_long`, `bad_text`, `rate_limited`; see [`Error`].
    pub async fn send(&mut self, to: &str, text: &str) -> Result<u64, Error> {
        self.deliver("SEND", &[to], text).await
    }

    /// Sends a message to a group the caller is in. Returns its id.
    ///
    /// # Errors
    /// Code `group_not_found`, `not_member` and those of [`send`](Self::send).
    pub async fn send_group(&mut self, group: &str, text: &str) -> Result<u64, Error> {
        self.deliver("SENDGROUP", &[group], text).await
    }

    /// Sends a message to a user of another realm. It is on this realm's disk when this returns,
    /// and delivered when the link is up. Returns its id.
    ///
    /// # Errors
    /// Code `realm_not_found`, `link_full` and those of [`send`](Self::send); that the user does
    /// not exist there shows later, as a notice in [`inbox_realm`](Self::inbox_realm).
    pub async fn send_realm(&mut self, realm: &str, to: &str, text: &str) -> Result<u64, Error> {
        self.deliver("SENDREALM", &[realm, to], text).await
    }

    /// Sends a message to the group of this name at another realm, as a member of the group here. It is
    /// on this realm's disk when this returns. Returns its id.
    ///
    /// # Errors
    /// Code `realm_not_found`, `group_not_found`, `not_member`, `link_full` and those of
    /// [`send`](Self::send); that there is no such group shows later, as a notice in
    /// [`inbox_realm`](Self::inbox_realm).
    pub async fn send_group_realm(
        &mut self,
        realm: &str,
        group: &str,
        text: &str,
    ) -> Result<u64, Error> {
        self.deliver("SENDGROUPREALM", &[realm, group], text).await
    }

    /// Answers a message where it was written: its sender here or at another realm, or the group it
    /// was said in, here or across realms. Returns the answer's id.
    ///
    /// # Errors
    /// [`Error::Unanswerable`] where the event is no message or came to a mailbox that this version
    /// does not know; else those of the four methods that send.
    pub async fn answer(&mut self, to: &Event, text: &str) -> Result<u64, Error> {
        let message = to.message().ok_or(Error::Unanswerable)?;
        // A group's message that a member here sent to a realm has the realm it went to.
        let realm = message.realm.as_deref().or(message.to_realm.as_deref());
        match (to.mailbox(), realm) {
            (Some("private"), None) => self.send(&message.from, text).await,
            // A group of another realm says so in its name, and one here may have members of others.
            (Some("group"), _) => self.send_group(&message.to, text).await,
            (Some("realm"), Some(realm)) => self.send_realm(realm, &message.from, text).await,
            (Some("grouprealm"), Some(realm)) => {
                self.send_group_realm(realm, &message.to, text).await
            }
            _ => Err(Error::Unanswerable),
        }
    }

    /// Reads private messages from users of this realm.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn inbox(&mut self, part: History) -> Result<Page, Error> {
        self.read("INBOX", &[], part).await
    }

    /// Reads the private messages the caller sent to users of this realm.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sent(&mut self, part: History) -> Result<Page, Error> {
        self.read("SENT", &[], part).await
    }

    /// Reads the messages of a group the caller is in, its own too.
    ///
    /// # Errors
    /// Code `group_not_found` or `not_member`; see [`Error`].
    pub async fn inbox_group(&mut self, group: &str, part: History) -> Result<Page, Error> {
        self.read("INBOXGROUP", &[group], part).await
    }

    /// Reads private messages from users of another realm; may take 3 seconds while the realms
    /// catch up.
    ///
    /// # Errors
    /// Code `realm_not_found`; see [`Error`].
    pub async fn inbox_realm(&mut self, realm: &str, part: History) -> Result<Page, Error> {
        self.read("INBOXREALM", &[realm], part).await
    }

    /// Reads the conversation of a group between this realm and another, both sides; may take 3
    /// seconds while the realms catch up.
    ///
    /// # Errors
    /// Code `realm_not_found`, `group_not_found` or `not_member`; see [`Error`].
    pub async fn inbox_group_realm(
        &mut self,
        realm: &str,
        group: &str,
        part: History,
    ) -> Result<Page, Error> {
        self.read("INBOXGROUPREALM", &[realm, group], part).await
    }

    /// Reads the private messages the caller sent to users of another realm.
    ///
    /// # Errors
    /// Code `realm_not_found`; see [`Error`].
    pub async fn sent_realm(&mut self, realm: &str, part: History) -> Result<Page, Error> {
        let of = request::words("SENT", &[&format!("realm={realm}")])?;
        self.read(&of, &[], part).await
    }

    /// The names of all groups.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn groups(&mut self) -> Result<Vec<String>, Error> {
        let reply = self.ask("GETGROUPS").await?;
        Ok(reply.names().into_iter().map(str::to_owned).collect())
    }

    /// The names of the groups the caller is in.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn my_groups(&mut self) -> Result<Vec<String>, Error> {
        // The lower shape has each group's members, and none where the caller is not one of them.
        let reply = self.ask("getgroups").await?;
        let Some(Value::Object(groups)) = reply.data() else { return Ok(Vec::new()) };
        let mine = |group: &Value| {
            group.get("members").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
        };
        Ok(groups.iter().filter(|(_, group)| mine(group)).map(|(name, _)| name.clone()).collect())
    }

    /// The names of the realms that are linked.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn realms(&mut self) -> Result<Vec<String>, Error> {
        let reply = self.ask("CHECKREALM").await?;
        let Some(Value::Array(realms)) = reply.data() else { return Ok(Vec::new()) };
        let name = |realm: &Value| Some(realm.get("realm")?.as_str()?.to_owned());
        Ok(realms.iter().filter_map(name).collect())
    }

    /// Creates a group; the caller is its owner and first member.
    ///
    /// # Errors
    /// Code `group_exists`, `bad_name`, `limit_reached`; see [`Error`].
    pub async fn add_group(&mut self, group: &str, password: &str) -> Result<(), Error> {
        self.ask(&request::password("ADDGROUP", &[group], password)?).await.map(drop)
    }

    /// Joins a group.
    ///
    /// # Errors
    /// Code `group_not_found`, `wrong_password`, `already_member`; see [`Error`].
    pub async fn join_group(&mut self, group: &str, password: &str) -> Result<(), Error> {
        self.ask(&request::password("JOINGROUP", &[group], password)?).await.map(drop)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// Code `group_not_found` or `not_member`; see [`Error`].
    pub async fn leave_group(&mut self, group: &str) -> Result<(), Error> {
        self.ask(&request::words("LEAVEGROUP", &[group])?).await.map(drop)
    }

    /// The members of a group the caller is in.
    ///
    /// # Errors
    /// Code `group_not_found` or `not_member`; see [`Error`].
    pub async fn members(&mut self, group: &str) -> Result<Vec<String>, Error> {
        let reply = self.ask(&request::words("MEMBERS", &[group])?).await?;
        Ok(reply.names().into_iter().map(str::to_owned).collect())
    }

    /// From now on every message that lands in the caller's inboxes also comes as an event.
    ///
    /// # Errors
    /// Code `no_session`; see [`Error`].
    pub async fn watch(&mut self) -> Result<(), Error> {
        self.ask("WATCH").await.map(drop)
    }

    /// No more events. Those that had come are still there to be read.
    ///
    /// # Errors
    /// Code `no_session`; see [`Error`].
    pub async fn unwatch(&mut self) -> Result<(), Error> {
        self.ask("UNWATCH").await.map(drop)
    }

    async fn session(
        &mut self,
        verb: &'static str,
        user: &str,
        password: &str,
    ) -> Result<Token, Error> {
        let reply = self.ask(&request::password(verb, &[user], password)?).await?;
        reply.token().ok_or(Error::Incomplete { request: verb, missing: "token" })
    }

    async fn deliver(&mut self, verb: &'static str, to: &[&str], text: &str) -> Result<u64, Error> {
        let reply: Reply = self.ask(&request::message(verb, to, text)?).await?;
        reply.id().ok_or(Error::Incomplete { request: verb, missing: "id" })
    }

    async fn read(&mut self, verb: &str, of: &[&str], part: History) -> Result<Page, Error> {
        let line = request::history(verb, of, part)?;
        Ok(self.ask(&line).await?.page())
    }
}
