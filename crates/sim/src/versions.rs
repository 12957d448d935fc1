//! Realms of different versions: the first one, which tells no capabilities; this one; and a later one,
//! some of whose messages are of a kind that the others do not know.

use crate::people::Written;
use crate::plain;
use crate::world::{Happening, World};
use antar_domain::links::LinkStatus;
use antar_domain::{Event, Mailbox, Page, Source};
use antar_text::Value;
use antar_types::{Away, Capabilities, Message, RemoteIdentity};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};

/// Which version of links a realm speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    First,
    #[default]
    This,
    Later,
}

impl Version {
    /// What a realm of this version says that it understands.
    pub fn can(self) -> Capabilities {
        match self {
            Self::First => Capabilities::NONE,
            Self::This | Self::Later => Capabilities::ALL,
        }
    }
}

/// Whether a later version would send a message as of a kind of its own. Texts begin with the number of
/// their writing.
pub fn is_odd(text: &str) -> bool {
    let number = text.split('-').next().and_then(|number| number.parse::<u64>().ok());
    number.is_some_and(|number| number.is_multiple_of(8))
}

impl World<'_> {
    /// A realm that starts may be of another version than before.
    pub fn choose_version(&mut self, node: usize) {
        let Some(versions) = &mut self.versions else { return };
        let mut version = match versions.random_range(0..3) {
            0 => Version::First,
            1 => Version::This,
            _ => Version::Later,
        };
        let here = &mut self.nodes[node];
        // What was replaced since an older copy is passed over where one side has gone back to the first version.
        if here.upgraded || self.kinds.put_backs && here.was_newer {
            version = version.max(Version::This);
        }
        here.was_newer |= version != Version::First;
        if std::mem::replace(&mut here.version, version) != version {
            self.injected.count("realms of another version");
            self.note(Some(node), || format!("FAULT is of version {version:?} from now on"));
        }
    }

    /// A realm that went back to the first version may be owed what that cannot take, and is sent nothing then, nor
    /// can one that went back itself send it. Who runs them reads so, and in the end the newer version comes back.
    pub fn see_to_version(&mut self, node: usize, note: &str) {
        if self.breaks || !note.contains("it needs the newer one") {
            return;
        }
        let is_named = |of: usize| note.starts_with(&format!("{} goes by", self.nodes[of].name));
        let both = (0..self.nodes.len()).filter(|of| *of == node || is_named(*of));
        let older: Vec<usize> = both.filter(|of| !self.nodes[*of].upgraded).collect();
        for node in older {
            self.nodes[node].upgraded = true;
            self.at(1, Happening::Upgrade { node });
        }
    }

    /// A realm is stopped, and starts with a newer version.
    pub fn upgrade(&mut self, node: usize) {
        self.crash(node);
        self.start(node);
        self.checked.count("realms that needed the newer version");
    }

    /// A line that brings entries, as the version of the realm writes it.
    pub fn written(&mut self, node: usize, can: Capabilities, line: &str) -> String {
        let words: Vec<&str> = line.splitn(5, ' ').collect();
        let later = self.nodes[node].version == Version::Later && can.kinds;
        let (true, Some(list)) = (later, words.get(4)) else { return line.into() };
        let Ok(Value::Array(mut list)) = list.parse() else { return line.into() };
        for entry in &mut list {
            // What is to nobody leads to a notice, which is looked for.
            let to = entry[3].as_str().is_some_and(|to| ["u0", "u1", "staff"].contains(&to));
            let odd = to && entry[4].as_str().is_some_and(is_odd);
            if let Some(fields) = entry.as_array_mut().filter(|_| odd) {
                if fields.len() == 5 {
                    fields.push(Value::Object(Default::default()));
                }
                fields[5]["kind"] = "poll".into();
                fields.push(7.into());
                self.injected.count("entries of an unknown kind");
            }
        }
        format!("{} {}", words[..4].join(" "), Value::Array(list))
    }

    /// What a realm has set apart of what another one sent: texts, each there once.
    pub fn set_apart(&mut self, node: usize, realm: usize) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for text in self.apart_of(node, realm) {
            let (here, known) = (&self.nodes[node].name, self.people.written.get(&text));
            let sent = known.is_some_and(|written| {
                self.people.all[written.person].node == realm && written.realm == node
            });
            if !sent || !is_odd(&text) {
                let what = format!("{text:?} is set apart at {here}, where it was not sent");
                self.violate(what);
            } else if !texts.insert(text.clone()) {
                let what = format!("{text} is set apart twice at {here}");
                self.violate(what);
            }
        }
        self.checked.add("entries set apart", texts.len() as u64);
        texts
    }

    fn apart_of(&self, node: usize, realm: usize) -> Vec<String> {
        let name = &self.nodes[realm].name;
        let Some(running) = &self.nodes[node].running else { return Vec::new() };
        let peer = running.store.reload().unwrap_or_default().into_iter().find_map(|event| {
            let Event::PeerSet(peer, record) = event else { return None };
            (record.name.as_str() == name && record.status == LinkStatus::Linked).then_some(peer)
        });
        let found = peer.map(|peer| running.store.apart(peer).unwrap_or_default());
        let text = |fields: &str| {
            let fields: Value = fields.parse().unwrap_or_default();
            fields[4].as_str().unwrap_or(&fields.to_string()).to_string()
        };
        found.unwrap_or_default().iter().map(|entry| text(&entry.fields)).collect()
    }

    /// No two messages of a realm have one identity, and each is that of its sender.
    pub fn identities_are_their_own(&mut self) {
        for node in 0..self.nodes.len() {
            let mut messages: BTreeMap<(String, RemoteIdentity), String> = BTreeMap::new();
            let mut people: BTreeMap<(String, u64), (usize, u64)> = BTreeMap::new();
            for message in self.remote_messages(node) {
                let text = message.text.as_str().to_string();
                let here = self.nodes[node].name.clone();
                let (realm, identity) = match &message.realm {
                    Some(Away::FromAccount(realm, identity)) => (realm.to_string(), *identity),
                    // Nobody who knows only the two documents says more than a name.
                    Some(Away::From(realm)) if realm.as_str() == plain::NAME => continue,
                    Some(Away::From(_)) if message.notice.is_none() && self.versions.is_none() => {
                        return self.violate(format!("{text} at {here} does not say whose it is"));
                    }
                    _ => continue,
                };
                let Some(Written { person, renewed, id, .. }) = self.people.written.get(&text)
                else {
                    continue;
                };
                let (who, id) = ((*person, *renewed), *id);
                if id.is_some_and(|id| id != identity.id) {
                    self.violate(format!("{text} at {here} has the id of another: {identity:?}"));
                }
                let key = (realm.clone(), RemoteIdentity { account: 0, ..identity });
                if let Some(other) = messages.insert(key, text.clone()) {
                    self.violate(format!("{text} and {other} at {here} are both {identity:?}"));
                }
                let by_hand = self.nodes.iter().any(|node| node.name == realm && node.by_hand);
                let before = people.insert((realm, identity.account), who);
                if before.is_some_and(|before| before != who) && !by_hand {
                    self.violate(format!("{text} at {here} is of an account of somebody else"));
                }
                self.checked.count("messages with an identity");
            }
        }
    }

    /// What is in a realm's mailboxes from others.
    fn remote_messages(&self, node: usize) -> Vec<Message> {
        let Some(running) = &self.nodes[node].running else { return Vec::new() };
        let events = running.store.reload().unwrap_or_default();
        let peers: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::PeerSet(peer, _) => Some(*peer),
                _ => None,
            })
            .collect();
        let lists = events.iter().flat_map(|event| {
            peers.iter().filter_map(move |peer| match event {
                Event::AccountSet(account, _) => Some(Mailbox::Realm(*account, *peer)),
                Event::GroupSet(group, _) => Some(Mailbox::GroupRealm(*group, *peer)),
                _ => None,
            })
        });
        let mut all = Vec::new();
        for list in lists {
            let mut page = Page { after: Some(0), ..Page::default() };
            while let Ok((messages, more)) = running.store.read(Source::Mailbox(list), page) {
                page.after = messages.last().map(|message| message.id);
                all.extend(messages);
                if !more {
                    break;
                }
            }
        }
        all
    }
}
