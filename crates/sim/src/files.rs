//! People who upload files, name them in what they say to the group of their realm, and open those of others. A
//! door has the bytes on disk before the realm is told of them: here those are a set beside the disk.

use crate::node::Node;
use crate::people::{To, Written};
use crate::world::World;
use antar_domain::commands::{OpenFile, StoreFile};
use antar_domain::{Command, ConnId, Input, Limits, Policy, Request, State, Tag};
use antar_text::Value;
use antar_types::{Away, FileAbout, FileHash, FileName, FileType, Token};
use rand::RngExt;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long realms keep what was uploaded and is not named.
pub const UNNAMED: Duration = Duration::from_secs(8);

/// A realm lets go of files step by step, with its ticks; in milliseconds.
const TAKES: u64 = 15_000;

/// Bytes of every file, as far as anyone is told.
const SIZE: u64 = 1_000;

/// What was asked of a door that has to do with files.
#[derive(Clone, Debug)]
pub enum FileAsked {
    Upload(FileHash),
    Open { person: usize, hash: FileHash, of: Named },
}

/// Who has uploaded a file: a person, and how often the name had become another's by then.
pub type Uploader = (usize, u64);

/// What a file is that somebody opens.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// It was uploaded, and named at most in what its owner has said to nobody else.
    ToNobody { by: Uploader },
    /// A message of those that may be changed names it, which was deleted for certain when it was opened.
    By { talked: usize, deleted: bool },
}

impl World<'_> {
    /// A person uploads something that nobody else is to read, or opens what somebody has.
    pub fn use_files(&mut self, person: usize) {
        if self.chance.random_bool(0.3) {
            if let Some(hash) = self.upload(person) {
                let by = (person, self.people.all[person].renewals);
                self.people.own_files.push((by, hash));
                if self.chance.random_bool(0.5) {
                    self.note_to_self(person, hash);
                }
            }
            return;
        }
        let node = self.people.all[person].node;
        let talked = self.people.talked.iter().enumerate();
        let talked = talked.filter(|(_, talked)| talked.node == node);
        let mut all: Vec<(FileHash, Named)> = talked
            .filter_map(|(n, t)| Some((t.file?, Named::By { talked: n, deleted: t.deleted })))
            .collect();
        let own =
            self.people.own_files.iter().filter(|((of, _), _)| self.people.all[*of].node == node);
        all.extend(own.map(|(by, hash)| (*hash, Named::ToNobody { by: *by })));
        if all.is_empty() {
            return;
        }
        let (hash, of) = all[self.chance.random_range(0..all.len())];
        let asked = FileAsked::Open { person, hash, of };
        self.ask_for_file(person, asked, OpenFile { hash, link: None }.into());
    }

    /// A file that only this person may read here.
    pub fn own_file(&self, person: usize) -> Option<FileHash> {
        let by = (person, self.people.all[person].renewals);
        Some(self.people.own_files.iter().rfind(|(of, _)| *of == by)?.1)
    }

    /// A person names a file in what nobody else reads. Nobody hears what is answered.
    fn note_to_self(&mut self, person: usize, hash: FileHash) {
        let (node, name) = (self.people.all[person].node, self.people.all[person].name.clone());
        let text = format!("{:06}-{}-{person}", self.people.number(), self.seed);
        self.say(person, &format!("POST {name} file={hash} : {text}"));
        let by = (person, self.people.all[person].renewals);
        // As with what is posted again it may come after what is said later on another connection.
        let written = Written {
            retried: true,
            file: Some(hash),
            ..Written::new(by, node, To::Local(name), self.now)
        };
        self.people.written.insert(text, written);
    }

    /// A person uploads a file that nobody else has, or once more one that nobody else is to read.
    pub fn upload(&mut self, person: usize) -> Option<FileHash> {
        let number = self.people.number();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let again = self.own_file(person).filter(|_| self.chance.random_bool(0.2));
        let hash = again.unwrap_or(FileHash::from(bytes));
        let name = FileName::cleaned(&format!("{number}.txt"));
        let (kind, picture) = (FileType::default(), None);
        let about = FileAbout { name, kind, size: SIZE, picture }.into();
        self.ask_for_file(person, FileAsked::Upload(hash), StoreFile { hash, about }.into())?;
        again.is_none().then_some(hash)
    }

    /// Asks as a door does that has the bytes, on a connection of its own.
    fn ask_for_file(&mut self, person: usize, asked: FileAsked, command: Command) -> Option<()> {
        let node = self.people.all[person].node;
        let conn = self.connect(node)?;
        if let FileAsked::Upload(hash) = asked {
            self.nodes[node].blobs.insert(hash);
        }
        self.note(Some(node), || format!("{conn:?} asks {asked:?}"));
        let running = self.nodes[node].running.as_mut()?;
        running.files.insert(conn, asked);
        *running.unanswered.entry(conn).or_default() += 1;
        let token = Token::parse(&self.people.all[person].token);
        self.input(node, Input::Request(conn, Request { tag: Tag::default(), token, command }));
        Some(())
    }

    /// A door is answered; false where none has asked.
    pub fn file_answered(&mut self, node: usize, conn: ConnId, answer: &Value) -> bool {
        let Some(running) = self.nodes[node].running.as_mut() else { return false };
        match running.files.remove(&conn) {
            Some(FileAsked::Upload(_)) => self.checked.count("files uploaded"),
            Some(FileAsked::Open { person, hash, of }) => self.opened(person, hash, of, answer),
            None => return false,
        }
        true
    }

    fn opened(&mut self, person: usize, hash: FileHash, of: Named, answer: &Value) {
        let node = self.people.all[person].node;
        let here = &self.nodes[node];
        let put_back = here.put_back || here.by_hand;
        let renewals = self.people.all[person].renewals;
        if answer["status"] == "OK" {
            let may = match of {
                Named::ToNobody { by } => by == (person, renewals),
                Named::By { deleted, .. } => !deleted || put_back,
            };
            if !may || !here.blobs.contains(&hash) {
                let name = &self.people.all[person].name;
                return self.violate(format!("{name} opens {hash}, {of:?}: {answer}"));
            }
            return self.checked.count("files opened");
        }
        if answer["code"] != "file_not_found" {
            return self.checked.count("files not opened");
        }
        if let Named::By { talked, .. } = of {
            let talked = &self.people.talked[talked];
            let may_be_gone = talked.deleted || !talked.deletions.is_empty();
            if !may_be_gone && !put_back && renewals == 0 {
                return self.violate(format!("{talked:?} names a file that cannot be opened"));
            }
        }
        self.checked.count("files hidden");
    }

    /// Nobody reads a file any more: the door removes its bytes, unless they are being uploaded.
    pub fn remove_file(&mut self, node: usize, hash: FileHash) {
        let Node { running, blobs, .. } = &mut self.nodes[node];
        let mut asked = running.iter().flat_map(|running| running.files.values());
        if !asked.any(|asked| matches!(asked, FileAsked::Upload(of) if *of == hash)) {
            blobs.remove(&hash);
            self.checked.count("files removed");
        }
    }

    /// What a start finds: the bytes of every file that the state knows. Those that it does not know go.
    pub fn find_files(&mut self, node: usize, state: &State) {
        let known: BTreeSet<FileHash> = state.files().map(|(hash, _)| hash).collect();
        let here = &mut self.nodes[node];
        let lost = known.difference(&here.blobs).next().copied();
        here.blobs = known;
        if let Some(lost) = lost {
            let what = format!("{} has lost the bytes of {lost}", here.name);
            self.violate(what);
        }
    }

    /// In the end the files that are here are those that messages name.
    pub fn compare_files(&mut self) {
        let until = self.now + UNNAMED.as_millis() as u64 + TAKES;
        while self.violation.is_none() && self.advance(until) {}
        for node in 0..self.nodes.len() {
            let said = self.said_at(node);
            let mut named = BTreeSet::new();
            for message in said.values().flatten() {
                let Some(hash) = message.file().map(|file| file.hash) else { continue };
                let written = self.people.written.get(message.text.as_str());
                match &message.realm {
                    None | Some(Away::To(_)) => drop(named.insert(hash)),
                    Some(_) if written.is_some_and(|written| written.file == Some(hash)) => {
                        self.checked.count("files named elsewhere");
                    }
                    Some(_) => {
                        let text = message.text.as_str();
                        return self.violate(format!("{text} names {hash}, and did not"));
                    }
                }
            }
            let Some(running) = &self.nodes[node].running else { continue };
            let events = running.store.reload().unwrap_or_default();
            let state = State::new(Limits::default(), Policy::local(), events);
            let known: BTreeSet<FileHash> = state.files().map(|(hash, _)| hash).collect();
            // What was uploaded by a clock that was ahead is kept until then.
            let kept = known.difference(&named).next().filter(|_| !self.kinds.clocks);
            let lost = named.difference(&known).next();
            let blobs = &self.nodes[node].blobs;
            let lost = lost.or_else(|| known.difference(blobs).next());
            if let Some(hash) = kept.or(lost) {
                let name = &self.nodes[node].name;
                let what = format!("{hash} at {name}: named {}", named.contains(hash));
                return self.violate(what);
            }
            self.checked.add("files that are named", named.len() as u64);
        }
    }
}
