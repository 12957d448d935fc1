//! What is let go of in time: uploads that no message names, and files that nobody needs any more.

use super::USED;
use crate::state::{Effects, State};
use crate::{AccountId, Bug, Event, FileHold, Output, RequestContext};
use antar_types::{Code, FileHash, Message, Time};

/// How many are let go of with one tick, of each kind.
const SWEPT: usize = 64;

impl State {
    /// Every file whose bytes must be here, and how many it has.
    pub fn files(&self) -> impl Iterator<Item = (FileHash, u64)> {
        self.durable.files.here()
    }

    /// Whether there is such an account here.
    pub fn has_account(&self, account: AccountId) -> bool {
        self.durable.accounts.contains_key(&account)
    }

    /// Whether there are files to be removed.
    pub(crate) fn has_idle_files(&self) -> bool {
        self.files_due || !self.durable.files.idle.is_empty()
    }

    /// Takes a step in letting go of what was uploaded and is not named, and of files that nobody needs.
    pub(crate) fn sweep_files(&mut self, now: Time, effects: &mut Effects) {
        let most = self.limits.files.unreferenced;
        let files = &self.durable.files;
        let is_due =
            |(since, ..): &&(Time, FileHash, AccountId)| *since == USED || now.since(*since) > most;
        let mut due: Vec<_> =
            files.unnamed.iter().take_while(is_due).take(SWEPT).copied().collect();
        let mut named: Vec<FileHash> = Vec::new();
        if self.is_planted(Bug::RemovesNamedFiles) {
            named.extend(files.all_holds().filter(|hold| is_due(&hold)).map(|(_, hash, _)| hash));
        }
        if self.is_planted(Bug::KeepsFiles) {
            due.clear();
        }
        self.files_due = due.len() == SWEPT;
        for (_, hash, account) in due {
            // Where nothing can be kept it is done at a later tick.
            let _ = self.emit(Event::FileLetGo { hash, account }, effects);
        }
        let idle = self.durable.files.idle.iter().take(SWEPT).copied();
        for hash in idle.chain(named).collect::<Vec<_>>() {
            if self.emit(Event::FileRemoved(hash), effects).is_ok() {
                effects.outputs.push(Output::RemoveFile(hash));
            }
        }
    }
}

impl RequestContext<'_> {
    /// Lets go of all that a user has uploaded, and of what is not whole yet.
    pub(crate) fn end_files(&mut self, account: AccountId) -> Result<(), Code> {
        self.output(Output::RemoveUploads(account));
        let mut held = self.state.durable.files.held_by(account).into_iter();
        held.try_for_each(|hash| self.emit(Event::FileLetGo { hash, account }))
    }

    /// A message of the caller's names a file: it need not be kept for one that is still to be written.
    pub(crate) fn use_file(&mut self, hash: FileHash) -> Result<(), Code> {
        let account = self.me()?;
        let hold = self.state.durable.files.hold(&hash, account);
        let Some(hold) = hold.filter(|hold| hold.since != USED) else { return Ok(()) };
        let hold = FileHold { since: USED, ..hold.clone() };
        self.emit(Event::FileHeld { hash, account, hold })
    }

    /// A message was deleted that named a file: if no other one does, its author has not uploaded it for another.
    pub(crate) fn end_file_of(&mut self, message: &Message) -> Result<(), Code> {
        let Some(hash) = message.file().map(|file| file.hash) else { return Ok(()) };
        let durable = &self.state.durable;
        let Some(account) = durable.author(message) else { return Ok(()) };
        let is_named = durable.files.places(&hash).next().is_some();
        match !is_named && durable.files.hold(&hash, account).is_some() {
            true => self.emit(Event::FileLetGo { hash, account }),
            false => Ok(()),
        }
    }
}
