//! What realms tell each other of rooms: groups that have members in other realms.
//!
//! A group is decided on in one place, the realm in which it was made (its *host*). The host tells what happens
//! there to each realm that has members in it, and those realms ask the host for what their users want. Both go
//! as entries of the links' logs ([`crate::Entry`]): `from` is whom it is about, `to` the group, and what is here
//! stands in one line of words, which is a part of the log's hash. A text that goes with it is not.

use crate::{
    Code, Emoji, GroupEntry, GroupRole, Membership, Message, Name, Reactor, Rewriting, Silence,
    Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an entry says of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<str>", into = "String")]
pub struct RoomEntry {
    /// The group, as the host numbers it.
    pub room: u64,
    /// What it says.
    pub says: RoomSays,
}

/// What can be said of a room. What begins a copy is sent to a realm when its first member comes: the settings, all
/// members, and that these were all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomSays {
    /// The host: a copy begins, or begins anew; it has had so many messages. The text is its topic.
    Begins(RoomSettings, u64),
    /// The host: who is in it.
    Is(RoomUser, GroupRole),
    /// The host: nobody else is in it.
    Begun,
    /// The host: something happened to who is, was or comes to be in it, and who did that.
    Member(RoomUser, Membership, RoomDoer),
    /// The host: a member has another role, and who gave it.
    Role(RoomUser, GroupRole, RoomDoer),
    /// The host: a user may not write there, or may again, and who said so.
    Silence(RoomUser, Silence, RoomDoer),
    /// The host: its settings, and its topic as the text, are others, and who changed them.
    Settings(RoomSettings, RoomDoer),
    /// The host: the message of this id has its place after all that came before. It was posted under this number in
    /// its author's realm, where that is not the host.
    Message {
        /// Its id at the host.
        id: u64,
        /// Who wrote it.
        author: RoomUser,
        /// Its number in the author's realm.
        origin: Option<u64>,
    },
    /// The host: a message is another than it was: it comes once more, as it is now.
    Rewritten {
        /// Its id at the host.
        id: u64,
        /// What was done to it.
        what: Rewriting,
    },
    /// The host: there is no such group any more, and who ended it.
    Closed(RoomDoer),
    /// The host: nothing more of it is told.
    Ended,
    /// The host: what was asked under this number is done, or refused.
    Answer(u64, Option<Code>),
    /// A member's realm: the user whom the entry's origin tells posts a message, under the number that it tells.
    Post,
    /// A member's realm: that user wants something done.
    Ask(RoomAsk),
}

/// A user, by the number of the account in the user's realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomUser {
    /// The account.
    pub account: u64,
    /// The realm.
    pub realm: RoomRealm,
}

/// Which realm a user is of, as the realm says that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomRealm {
    /// Its own.
    Mine,
    /// The one that it tells.
    Yours,
    /// Another one, by the name that it has for the realm that tells.
    Of(Name),
}

/// Who did something in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomDoer {
    /// A user.
    User(Name, RoomRealm),
    /// Nobody: the host's operator, or the host by itself.
    Operator,
}

/// What is set of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSettings {
    /// Who may join: see [`GroupEntry`].
    pub entry: GroupEntry,
    /// It is listed.
    pub listed: bool,
    /// Only its owner and moderators write.
    pub announce: bool,
    /// For how many days its messages are kept.
    pub retention: Option<u16>,
}

/// What a user of another realm wants done in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomAsk {
    /// To leave it.
    Leave,
    /// To have somebody taken out of it.
    Kick(RoomWord),
    /// To have somebody taken out of it for good.
    Ban(RoomWord),
    /// To have somebody let in again.
    Unban(RoomWord),
    /// To have somebody given another role.
    Role(RoomWord, GroupRole),
    /// To have somebody kept from writing, for so many minutes where that is told.
    Silence(RoomWord, Option<u64>),
    /// To have the entry's text as its topic.
    Topic,
    /// To have it set otherwise, as far as each is told.
    Set {
        /// Who may join.
        entry: Option<GroupEntry>,
        /// Whether it is listed.
        listed: Option<bool>,
        /// Whether only its owner and moderators write.
        announce: Option<bool>,
    },
    /// To have the entry's text in place of a message's.
    Edit(u64),
    /// To have a message deleted.
    Delete(u64),
    /// To react to a message.
    React(u64, Emoji),
    /// To take a reaction back.
    Unreact(u64, Emoji),
    /// To have nothing left of what the user wrote in any group of the host: the account is gone, and this is no group's.
    Erase,
}

/// A user as the host addresses one: `bob`, or `bob@gamma`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomWord {
    /// The user.
    pub user: Name,
    /// The realm; the one that asks is [`RoomRealm::Mine`], and the host [`RoomRealm::Yours`].
    pub realm: RoomRealm,
}

/// What a room's message says besides its text, as it is when its entry is sent: what it said before is in no log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomSaid {
    /// The message that it answers, as the host numbers it.
    pub reply: Option<u64>,
    /// When its author last gave it another text.
    pub edited: Option<Time>,
    /// It was deleted.
    pub deleted: bool,
    /// Who has reacted, and how.
    pub reactions: Vec<RoomReaction>,
    /// When the host took it, where its entry was written later: it was there before.
    pub taken: Option<Time>,
}

/// A reaction to a room's message, and the name of who reacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomReaction {
    /// How.
    pub emoji: Emoji,
    /// Who.
    pub user: RoomUser,
    /// That one's name.
    pub name: Name,
}

impl RoomSaid {
    /// Of a message of the host's, for a realm that the host has under this number.
    pub fn of(message: &Message, peer: u64) -> Self {
        let Some(extras) = message.extras.as_deref() else { return Self::default() };
        let mut reactions = Vec::new();
        for reaction in &extras.reactions.0 {
            let emoji = || reaction.emoji.clone();
            let who = reaction.who.iter().filter_map(|who| RoomReaction::of(emoji(), who, peer));
            reactions.extend(who);
        }
        let (reply, edited, deleted) = (extras.reply, extras.edited, extras.deleted);
        Self { reply, edited, deleted, reactions, taken: None }
    }
}

impl RoomSaid {
    /// About how many bytes it takes.
    pub fn memory(&self) -> usize {
        let reaction = |r: &RoomReaction| 64 + r.emoji.as_str().len() + 2 * r.name.len();
        32 + self.reactions.iter().map(reaction).sum::<usize>()
    }
}

impl RoomReaction {
    fn of(emoji: Emoji, reactor: &Reactor, peer: u64) -> Option<Self> {
        let (name, realm) = match reactor.name.split_once('@') {
            _ if reactor.peer == 0 => (&*reactor.name, RoomRealm::Mine),
            Some((name, _)) if reactor.peer == peer => (name, RoomRealm::Yours),
            Some((name, realm)) => (name, RoomRealm::Of(Name::parse(realm)?)),
            None => return None,
        };
        let user = RoomUser { account: reactor.account, realm };
        Some(Self { emoji, user, name: Name::parse(name)? })
    }
}

impl RoomEntry {
    /// Whether it is a message, or one that is another than it was: what that says goes with it and is in no log.
    pub fn message(&self) -> Option<u64> {
        match self.says {
            RoomSays::Message { id, .. } | RoomSays::Rewritten { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether it is a message that has its place now.
    pub fn is_new(&self) -> bool {
        matches!(self.says, RoomSays::Message { .. })
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// ```
    /// use antar_types::RoomEntry;
    /// for line in ["7 message 12 5@gamma 3", "7 ask kick bob!", "7 member 4! joined @"] {
    ///     assert_eq!(RoomEntry::parse(line).unwrap().to_string(), line);
    /// }
    /// ```
    pub fn parse(line: &str) -> Option<Self> {
        let (room, rest) = line.split_once(' ')?;
        Some(Self { room: room.parse().ok()?, says: RoomSays::parse(rest)? })
    }
}

impl TryFrom<Box<str>> for RoomEntry {
    type Error = &'static str;

    fn try_from(line: Box<str>) -> Result<Self, Self::Error> {
        Self::parse(&line).ok_or("nothing that is said of a room")
    }
}

impl From<RoomEntry> for String {
    fn from(entry: RoomEntry) -> Self {
        entry.to_string()
    }
}

impl fmt::Display for RoomEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.room, self.says)
    }
}

/// A word that may be left open.
struct Maybe<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(word) => word.fmt(f),
            None => f.write_str("-"),
        }
    }
}

fn maybe<T>(word: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if word == "-" { Some(None) } else { read(word).map(Some) }
}

fn yes(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}

impl RoomSays {
    fn parse(line: &str) -> Option<Self> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if verb == "ask" {
            return RoomAsk::parse(rest).map(Self::Ask);
        }
        let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
        Some(match (verb, &words[..]) {
            ("begins", [all @ .., had]) => Self::Begins(RoomSettings::parse(all)?, number(had)?),
            ("is", [user, role]) => Self::Is(RoomUser::parse(user)?, GroupRole::parse(role)?),
            ("begun", []) => Self::Begun,
            ("member", [user, what, by]) => {
                Self::Member(RoomUser::parse(user)?, Membership::parse(what)?, RoomDoer::parse(by)?)
            }
            ("role", [user, role, by]) => {
                Self::Role(RoomUser::parse(user)?, GroupRole::parse(role)?, RoomDoer::parse(by)?)
            }
            ("silence", [user, until, by]) => {
                Self::Silence(RoomUser::parse(user)?, silence(until)?, RoomDoer::parse(by)?)
            }
            ("settings", [all @ .., by]) => {
                Self::Settings(RoomSettings::parse(all)?, RoomDoer::parse(by)?)
            }
            ("message", [id, author, origin]) => {
                let author = RoomUser::parse(author)?;
                Self::Message { id: number(id)?, author, origin: maybe(origin, number)? }
            }
            ("rewritten", [id, what]) => {
                // No host says of its own messages that they are lost.
                let what = Rewriting::parse(what).filter(|what| *what != Rewriting::Lost)?;
                Self::Rewritten { id: number(id)?, what }
            }
            ("closed", [by]) => Self::Closed(RoomDoer::parse(by)?),
            ("ended", []) => Self::Ended,
            ("answer", [request, code]) => {
                let known = |word: &str| Code::ALL.iter().copied().find(|c| c.as_str() == word);
                // A code of a later version is some refusal.
                let code = maybe(code, |word| known(word).or(Some(Code::Forbidden)))?;
                Self::Answer(number(request)?, code)
            }
            ("post", []) => Self::Post,
            _ => return None,
        })
    }
}

impl fmt::Display for RoomSays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins(settings, had) => write!(f, "begins {settings} {had}"),
            Self::Is(user, role) => write!(f, "is {user} {}", role.as_str()),
            Self::Begun => f.write_str("begun"),
            Self::Member(user, what, by) => write!(f, "member {user} {} {by}", what.as_str()),
            Self::Role(user, role, by) => write!(f, "role {user} {} {by}", role.as_str()),
            Self::Silence(user, Silence::Ended, by) => write!(f, "silence {user} ended {by}"),
            Self::Silence(user, Silence::Lasting, by) => write!(f, "silence {user} lasting {by}"),
            Self::Silence(user, Silence::Until(end), by) => {
                write!(f, "silence {user} {} {by}", end.0)
            }
            Self::Settings(settings, by) => write!(f, "settings {settings} {by}"),
            Self::Message { id, author, origin } => {
                write!(f, "message {id} {author} {}", Maybe(*origin))
            }
            Self::Rewritten { id, what } => write!(f, "rewritten {id} {}", what.as_str()),
            Self::Closed(by) => write!(f, "closed {by}"),
            Self::Ended => f.write_str("ended"),
            Self::Answer(request, code) => {
                write!(f, "answer {request} {}", Maybe(code.map(Code::as_str)))
            }
            Self::Post => f.write_str("post"),
            Self::Ask(ask) => write!(f, "ask {ask}"),
        }
    }
}

fn silence(word: &str) -> Option<Silence> {
    Some(match word {
        "ended" => Silence::Ended,
        "lasting" => Silence::Lasting,
        end => Silence::Until(Time(number(end)?)),
    })
}

impl RoomRealm {
    /// What follows a user's number or name.
    fn parse(word: &str) -> Option<(&str, Self)> {
        if let Some(word) = word.strip_suffix('!') {
            return Some((word, Self::Yours));
        }
        match word.split_once('@') {
            Some((word, realm)) => Some((word, Self::Of(Name::parse(realm)?))),
            None => Some((word, Self::Mine)),
        }
    }
}

impl fmt::Display for RoomRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mine => Ok(()),
            Self::Yours => f.write_str("!"),
            Self::Of(realm) => write!(f, "@{realm}"),
        }
    }
}

impl RoomUser {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        let (account, realm) = RoomRealm::parse(word)?;
        Some(Self { account: number(account)?, realm })
    }
}

impl fmt::Display for RoomUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.account, self.realm)
    }
}

impl RoomWord {
    fn parse(word: &str) -> Option<Self> {
        let (user, realm) = RoomRealm::parse(word)?;
        Some(Self { user: Name::parse(user)?, realm })
    }
}

impl fmt::Display for RoomWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.user, self.realm)
    }
}

impl RoomDoer {
    fn parse(word: &str) -> Option<Self> {
        if word == "@" {
            return Some(Self::Operator);
        }
        let RoomWord { user, realm } = RoomWord::parse(word)?;
        Some(Self::User(user, realm))
    }
}

impl fmt::Display for RoomDoer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user, realm) => write!(f, "{user}{realm}"),
            Self::Operator => f.write_str("@"),
        }
    }
}

impl RoomSettings {
    fn parse(words: &[&str]) -> Option<Self> {
        let [entry, listed, announce, retention] = words else { return None };
        let (listed, announce) = (yes(listed)?, yes(announce)?);
        let retention = maybe(retention, number)?;
        Some(Self { entry: GroupEntry::parse(entry)?, listed, announce, retention })
    }
}

impl fmt::Display for RoomSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, listed, announce, retention } = self;
        let (listed, announce) = (yes_or_no(*listed), yes_or_no(*announce));
        write!(f, "{} {listed} {announce} {}", entry.as_str(), Maybe(*retention))
    }
}

impl RoomAsk {
    /// The message that it is about.
    pub fn message(&self) -> Option<u64> {
        match self {
            Self::Edit(id) | Self::Delete(id) | Self::React(id, _) | Self::Unreact(id, _) => {
                Some(*id)
            }
            _ => None,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        // An emoji may have a blank in it, so it comes last.
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        if let ["react" | "unreact", id, emoji] = words[..] {
            let (id, emoji) = (number(id)?, Emoji::parse(emoji)?);
            let is_new = words[0] == "react";
            return Some(if is_new { Self::React(id, emoji) } else { Self::Unreact(id, emoji) });
        }
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words[..] {
            ["leave"] => Self::Leave,
            ["erase"] => Self::Erase,
            ["kick", user] => Self::Kick(RoomWord::parse(user)?),
            ["ban", user] => Self::Ban(RoomWord::parse(user)?),
            ["unban", user] => Self::Unban(RoomWord::parse(user)?),
            ["role", user, role] => Self::Role(RoomWord::parse(user)?, GroupRole::parse(role)?),
            ["silence", user, minutes] => {
                Self::Silence(RoomWord::parse(user)?, maybe(minutes, number)?)
            }
            ["topic"] => Self::Topic,
            ["set", entry, listed, announce] => {
                let entry = maybe(entry, GroupEntry::parse)?;
                Self::Set { entry, listed: maybe(listed, yes)?, announce: maybe(announce, yes)? }
            }
            ["edit", id] => Self::Edit(number(id)?),
            ["delete", id] => Self::Delete(number(id)?),
            _ => return None,
        })
    }
}

impl fmt::Display for RoomAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leave => f.write_str("leave"),
            Self::Erase => f.write_str("erase"),
            Self::Kick(user) => write!(f, "kick {user}"),
            Self::Ban(user) => write!(f, "ban {user}"),
            Self::Unban(user) => write!(f, "unban {user}"),
            Self::Role(user, role) => write!(f, "role {user} {}", role.as_str()),
            Self::Silence(user, minutes) => write!(f, "silence {user} {}", Maybe(*minutes)),
            Self::Topic => f.write_str("topic"),
            Self::Set { entry, listed, announce } => {
                let entry = Maybe(entry.map(GroupEntry::as_str));
                let [listed, announce] = [listed, announce].map(|is| Maybe(is.map(yes_or_no)));
                write!(f, "set {entry} {listed} {announce}")
            }
            Self::Edit(id) => write!(f, "edit {id}"),
            Self::Delete(id) => write!(f, "delete {id}"),
            Self::React(id, emoji) => write!(f, "react {id} {}", emoji.as_str()),
            Self::Unreact(id, emoji) => write!(f, "unreact {id} {}", emoji.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let lines = [
            "1 begins invite yes no - 812",
            "1 begins password no yes 30 0",
            "1 is 3 owner",
            "1 is 3@gamma moderator",
            "1 begun",
            "1 member 9! kicked salah",
            "1 role 9! moderator neymar@gamma",
            "1 silence 9 ended @",
            "1 silence 9 lasting messi!",
            "1 silence 9 1700000000000 messi!",
            "1 settings open yes yes 0 salah",
            "1 message 12 5 -",
            "1 message 12 5! 77",
            "1 rewritten 12 reactions",
            "1 closed salah",
            "1 ended",
            "1 answer 5 -",
            "1 answer 5 not_member",
            "1 post",
            "1 ask leave",
            "0 ask erase",
            "1 ask ban salah!",
            "1 ask unban neymar@gamma",
            "1 ask role messi owner",
            "1 ask silence messi -",
            "1 ask silence messi 15",
            "1 ask topic",
            "1 ask set - no -",
            "1 ask edit 12",
            "1 ask delete 12",
            "1 ask react 12 ❤",
            "1 ask unreact 12 ❤",
        ];
        for line in lines {
            assert_eq!(
                RoomEntry::parse(line).map(|entry| entry.to_string()).as_deref(),
                Some(line)
            );
        }
        for line in ["", "1", "x begun", "1 begun x", "1 is 3", "1 ask", "1 ask react 12 two words"]
        {
            assert_eq!(RoomEntry::parse(line), None, "{line}");
        }
        let later = RoomEntry::parse("1 answer 5 some_later_code").unwrap();
        assert_eq!(later.says, RoomSays::Answer(5, Some(Code::Forbidden)));
    }
}
