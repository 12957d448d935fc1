//! The requests, written once and copied from then on.

use super::mark::Mark;
use super::options::Options;
use super::setup::Person;
use antar_client::request;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Private messages to users picked at random.
    Send,
    /// Messages to the group of the sending user.
    Group,
    /// Reads of the newest 50 private messages.
    Inbox,
    /// 70 % private messages, 20 % to groups, 10 % reads.
    Mixed,
    /// Private messages, each watched by its recipient: half of the connections send, half watch.
    Live,
    /// Messages of one user to a group whose members all watch.
    Fanout,
    /// Logins with name and password.
    Login,
    /// Requests that name their session by its token.
    Token,
    /// Signs of life.
    Ping,
    /// Private messages to users picked at random, as POST.
    Post,
    /// Changes since everything was told, of which there are none.
    Sync,
    /// Reads of the newest 50 messages of a conversation.
    History,
    /// Reads of the 50 latest conversations.
    Conversations,
    /// Searches for a word that no message has.
    Search,
}

impl Workload {
    pub fn has_groups(self) -> bool {
        matches!(self, Self::Group | Self::Mixed | Self::Fanout)
    }

    /// Whether messages are followed to those who watch.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Fanout)
    }

    pub fn reads(self) -> bool {
        matches!(
            self,
            Self::Inbox
                | Self::Mixed
                | Self::Sync
                | Self::History
                | Self::Conversations
                | Self::Search
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Group => "group",
            Self::Inbox => "inbox",
            Self::Mixed => "mixed",
            Self::Live => "live",
            Self::Fanout => "fanout",
            Self::Login => "login",
            Self::Token => "token",
            Self::Ping => "ping",
            Self::Post => "post",
            Self::Sync => "sync",
            Self::History => "history",
            Self::Conversations => "conversations",
            Self::Search => "search",
        }
    }
}

/// Request lines, each with its LF.
pub struct Traffic {
    workload: Workload,
    /// To each user.
    sends: Vec<Vec<u8>>,
    /// To the group of each user.
    groups: Vec<Vec<u8>>,
    /// Of each user: its name and password, and its token.
    logins: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
    /// To the conversation with each user.
    posts: Vec<Vec<u8>>,
    /// Of that conversation.
    histories: Vec<Vec<u8>>,
    /// What is new since everything was told.
    sync: Vec<u8>,
    /// How far before a line's end its text begins, where each text is to be told from all others.
    marked: Option<usize>,
}

const INBOX: &[u8] = b"INBOX limit=50\n";
const PING: &[u8] = b"PING\n";
const CONVERSATIONS: &[u8] = b"CONVERSATIONS limit=50\n";
const SEARCH: &[u8] = b"SEARCH : absentee\n";

impl Traffic {
    pub fn new(options: &Options, people: &[Person], members: usize) -> Self {
        let text = text(options.size as usize);
        let line = |verb: &str, to: &str| line_of(&format!("{verb} {to} {text}"));
        let login = |person: &Person| line_of(&format!("AUTH {} {}", person.name, person.password));
        let token = |person: &Person| line_of(&request::with_token("WHOAMI", &person.token));
        let post = |person: &Person| line_of(&format!("POST {} : {text}", person.name));
        let history = |person: &Person| line_of(&format!("HISTORY {} limit=50", person.name));
        let groups =
            (0..people.len()).map(|user| line("SENDGROUP", &group_name(people, members, user)));
        Self {
            workload: options.workload,
            sends: people.iter().map(|person| line("SEND", &person.name)).collect(),
            groups: groups.collect(),
            logins: people.iter().map(login).collect(),
            tokens: people.iter().map(token).collect(),
            posts: people.iter().map(post).collect(),
            histories: people.iter().map(history).collect(),
            sync: b"SYNC\n".to_vec(),
            marked: None,
        }
    }

    /// Private messages to users of another realm, each with a [`Mark`].
    pub fn across(options: &Options, realm: &str, people: &[Person]) -> Self {
        let to = |person: &Person| format!("SENDREALM {realm} {}", person.name);
        Self::marked(options, people.iter().map(to).collect())
    }

    /// Messages to whatever these requests lack nothing but a text for, each with a [`Mark`].
    pub fn marked(options: &Options, requests: Vec<String>) -> Self {
        let text = text(options.size as usize);
        let line = |request: &String| format!("{request} {text}\n").into_bytes();
        let sends = requests.iter().map(line).collect();
        let marked = Some(text.len() + 1);
        let (groups, logins, tokens, posts) = Default::default();
        let (workload, histories, sync) = (Workload::Send, Vec::new(), Vec::new());
        Self { workload, sends, groups, logins, tokens, posts, histories, sync, marked }
    }

    /// Asks for what is new since a cursor from now on.
    pub fn since(&mut self, cursor: &str) {
        self.sync = line_of(&format!("SYNC after={cursor}"));
    }

    /// The same, of private messages only.
    pub fn sends_only(options: &Options, people: &[Person]) -> Self {
        let options = Options { workload: Workload::Send, ..options.clone() };
        Self::new(&options, people, 1)
    }

    /// Appends the next request of a user's connection; `mark` is for where messages are marked.
    pub fn next(
        &self,
        user: usize,
        random: &mut SmallRng,
        mark: impl FnOnce() -> Mark,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(self.pick(user, random));
        if let Some(text) = self.marked {
            let at = out.len() - text;
            mark().put(&mut out[at..]);
        }
    }

    fn pick(&self, user: usize, random: &mut SmallRng) -> &[u8] {
        let workload = match self.workload {
            Workload::Mixed => match random.random_range(0..10u32) {
                0..7 => Workload::Send,
                7..9 => Workload::Group,
                _ => Workload::Inbox,
            },
            one => one,
        };
        match workload {
            Workload::Group => &self.groups[user],
            Workload::Inbox => INBOX,
            Workload::Login => &self.logins[user],
            Workload::Token => &self.tokens[user],
            Workload::Ping => PING,
            Workload::Post => &self.posts[random.random_range(0..self.posts.len())],
            Workload::Sync => &self.sync,
            Workload::History => &self.histories[random.random_range(0..self.histories.len())],
            Workload::Conversations => CONVERSATIONS,
            Workload::Search => SEARCH,
            _ => &self.sends[random.random_range(0..self.sends.len())],
        }
    }
}

fn line_of(words: &str) -> Vec<u8> {
    format!("{words}\n").into_bytes()
}

/// The group a user is in: users stand in rows of `members`, named after the first of them.
pub fn group_name(people: &[Person], members: usize, user: usize) -> String {
    let first = user / members * members;
    format!("g-{}", people[first].name)
}

/// Words of random letters, the same each time.
pub fn text(size: usize) -> String {
    let mut random = SmallRng::seed_from_u64(1);
    let mut text: String = (0..size)
        .map(|i| match i % 7 {
            6 => ' ',
            _ => char::from(random.random_range(b'a'..=b'z')),
        })
        .collect();
    // A blank in last place would not be part of the message.
    if text.pop().is_some() {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_size() {
        for size in [1, 7, 100] {
            let text = text(size);
            assert_eq!((text.len(), text.trim()), (size, text.as_str()));
        }
    }

    #[test]
    fn groups_are_rows_of_users() {
        let people = super::super::setup::made_up(5);
        let groups: Vec<String> = (0..5).map(|user| group_name(&people, 2, user)).collect();
        assert_eq!(groups[0], groups[1]);
        assert_ne!(groups[1], groups[2]);
        assert_eq!(groups[4], format!("g-{}", people[4].name));
    }
}
