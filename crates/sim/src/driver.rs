//! What drives a realm here, as the server's hub and its committer do there.

use crate::node::Node;
use crate::plain;
use crate::world::{Happening, World, room};
use antar_domain::links::Unreadable;
use antar_domain::{ConnId, Input, Job, JobResult, Notification, Outcome, Output, Tag};
use antar_runner::{Batch, Place, Task, Written, tail};
use antar_store::NotCommitted;
use antar_text::Frame;
use antar_text::{self as text, Door};
use antar_types::Code;
use rand::RngExt;
use std::net::IpAddr;
use std::time::Duration;

/// What a sync takes of a disk that is fast, and of one that is not.
const TOOK: [Duration; 2] = [Duration::from_micros(300), Duration::from_millis(5)];

impl World<'_> {
    /// A connection of a realm sends a line.
    pub fn line(&mut self, node: usize, conn: ConnId, line: String) {
        if let Some(request) = Door::new(true).read(Frame::Line(line)) {
            let running = self.nodes[node].running.as_mut();
            running.into_iter().for_each(|r| *r.unanswered.entry(conn).or_default() += 1);
            self.input(node, Input::Request(conn, request));
        }
    }

    /// Tells a realm something. What comes of it is known at once, or only after more was told: the
    /// hub takes many messages in a turn.
    pub fn input(&mut self, node: usize, input: Input) {
        self.decide(node, input);
        match self.chance.random_bool(0.1) {
            true => {
                let life = self.nodes[node].life;
                self.at(1, Happening::Turn { node, life });
            }
            false => self.go_on(node),
        }
    }

    fn decide(&mut self, node: usize, input: Input) {
        let Node { running, skew, life, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        if let Input::Disconnected(conn) = input {
            running.unanswered.remove(&conn);
        }
        let most = room(node, *life).outputs;
        let before = running.runner.unreleased();
        let waits = matches!(input, Input::Request(..)) && before >= most;
        let (skew, began, now, chance) = (*skew, running.began, self.now, &mut self.chance);
        running.runner.input(input, &mut || Node::readings(skew, began, now, chance));
        if waits && running.runner.unreleased() > before {
            return self.violate(format!("a request is decided where {before} outputs wait"));
        }
        if waits {
            self.checked.count("requests that waited for room");
        }
    }

    /// The end of a turn: what may be known is carried out, and what was decided is written.
    pub fn go_on(&mut self, node: usize) {
        self.release(node);
        self.have_written(node);
    }

    fn release(&mut self, node: usize) {
        loop {
            let Node { running, skew, .. } = &mut self.nodes[node];
            let Some(running) = running else { return };
            let (skew, began, now, chance) = (*skew, running.began, self.now, &mut self.chance);
            let readings = &mut || Node::readings(skew, began, now, chance);
            match running.runner.release(readings) {
                Some(output) => self.perform(node, output),
                None => return,
            }
        }
    }

    fn have_written(&mut self, node: usize) {
        let mut quiet = false;
        loop {
            let Some(running) = &mut self.nodes[node].running else { return };
            match running.runner.place(quiet) {
                Place::Nowhere => return,
                Place::ByWriter => return self.write_next(node),
                Place::Gather => quiet = self.chance.random_bool(0.8),
                Place::Here(batch) => {
                    quiet = false;
                    self.write_here(node, batch);
                }
            }
        }
    }

    /// A batch is written on the hub's thread.
    fn write_here(&mut self, node: usize, batch: Batch) {
        self.checked.count("batches written by the hub");
        if self.breaks && self.kinds.crashes && self.chance.random_bool(0.002) {
            let Some(running) = &mut self.nodes[node].running else { return };
            running.writing = Some(batch);
            return self.crash_and_return(node);
        }
        let slow = self.nodes[node].slow > 4 || self.chance.random_bool(0.05);
        self.commit(node, batch, TOOK[usize::from(slow)]);
        self.settle_batches(node);
    }

    /// The committer's thread goes on with the next batch, where it writes none.
    fn write_next(&mut self, node: usize) {
        let Node { running, slow, life, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        if running.writing.is_some() || running.reopens {
            return;
        }
        let (slow, life) = (*slow, *life);
        match running.writer.next() {
            Some(Task::Write(batch)) => {
                running.writing = Some(batch);
                let delay = self.chance.random_range(1..=slow);
                self.at(delay, Happening::Synced { node, life });
            }
            Some(Task::Reopen) => {
                running.reopens = true;
                self.at(1_000, Happening::Reopen { node, life });
            }
            None => {}
        }
    }

    /// The committer's thread has written a batch. It goes on with the next; the hub gets to know of
    /// it, now or somewhat later.
    pub fn synced(&mut self, node: usize) {
        let Node { running, slow, life, .. } = &mut self.nodes[node];
        let Some(batch) = running.as_mut().and_then(|running| running.writing.take()) else {
            return;
        };
        let (slow, life) = (*slow > 4, *life);
        self.checked.count("batches written by the committer");
        self.commit(node, batch, TOOK[usize::from(slow)]);
        self.write_next(node);
        match self.chance.random_bool(0.2) {
            true => {
                let delay = self.chance.random_range(1..=4);
                self.at(delay, Happening::Settle { node, life });
            }
            false => {
                self.settle_batches(node);
                self.have_written(node);
            }
        }
    }

    fn commit(&mut self, node: usize, batch: Batch, took: Duration) {
        self.watch_keys(node, batch.events());
        let Node { running, written: on_disk, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        let committed = running.store.commit(batch.events());
        // Where the disk fails it may not be read either.
        let unreadable = committed.is_err() && self.chance.random_bool(0.3);
        let reload = || running.store.reload().ok().filter(|_| !unreadable);
        let written = match committed {
            Ok(()) => {
                on_disk.add(batch.events());
                Written::Committed
            }
            Err(NotCommitted::Refused(_)) => {
                self.checked.count("batches refused");
                self.people.refused(node, batch.events());
                Written::Refused(reload())
            }
            Err(NotCommitted::Unknown(_)) => {
                self.checked.count("batches of which nobody knows");
                on_disk.may_hold_more = true;
                Written::Unknown(reload())
            }
        };
        running.writer.wrote(batch, written, took);
        if let Some(text) = on_disk.strayed.take() {
            let here = self.nodes[node].name.clone();
            self.violate(format!("{text} at {here} is in a conversation with somebody else"));
        }
        let lies = self.options.lies && node + 1 == self.nodes.len();
        let told = self.nodes[node].written.rooms.told_to_nobody.take();
        if let Some(entry) = told.filter(|_| !lies) {
            let here = self.nodes[node].name.clone();
            self.violate(format!("{here} tells a realm that has nobody in the group: {entry}"));
        }
    }

    /// The hub takes note of what was written.
    pub fn settle_batches(&mut self, node: usize) {
        let Some(running) = &mut self.nodes[node].running else { return };
        running.runner.settle();
        self.release(node);
    }

    /// The committer's thread tries whether the disk takes batches again.
    pub fn reopen(&mut self, node: usize) {
        let Node { running, written, .. } = &mut self.nodes[node];
        let Some(running) = running else { return };
        running.reopens = false;
        if let Ok(events) = running.store.reopen() {
            written.add(&events);
            running.writer.reopened(events);
            self.settle_batches(node);
        }
        self.have_written(node);
    }

    fn perform(&mut self, node: usize, output: Output) {
        let life = self.nodes[node].life;
        match output {
            Output::Reply(conn, tag, outcome) => self.reply(node, conn, tag, outcome),
            Output::Read(conn, tag, read) => {
                let Some(running) = &self.nodes[node].running else { return };
                let outcome = read.outcome(|source, page| running.store.read(source, page));
                let outcome = outcome.unwrap_or_else(|_| Code::Unavailable.into());
                self.reply(node, conn, tag, outcome);
            }
            Output::Job { conn, request, results, job } => {
                let delay = self.chance.random_range(1..=5);
                self.at(delay, Happening::Done { node, life, conn, request, results, job });
            }
            Output::Request(conn, request) => self.asks(node, conn, &request),
            Output::Deliver { conn, peer, epoch, can, first, last, fresh } => {
                let Some(running) = &self.nodes[node].running else { return };
                // Live, what is at hand is sent without a look at the disk; here now and then.
                let owed = match fresh.is_empty() || self.chance.random_bool(0.3) {
                    true => running.store.owed(peer, first, last).unwrap_or_default(),
                    false => fresh,
                };
                if owed.len() as u64 != last + 1 - first {
                    return self.hang_up(node, conn);
                }
                owed.iter()
                    .for_each(|(_, entry)| self.expect_not_deleted(node, entry.text.as_str()));
                let mut lines = Vec::new();
                text::deliveries(epoch, can, &owed, &mut lines);
                let lines = String::from_utf8_lossy(&lines).into_owned();
                for line in lines.lines() {
                    let line = self.written(node, can, line);
                    self.send(node, conn, line);
                }
            }
            Output::Dial(dial, address) => {
                let to = (0..self.nodes.len()).find(|n| {
                    address.host.parse::<IpAddr>().is_ok_and(|ip| ip == Node::address(*n))
                });
                let delay = self.chance.random_range(2..60);
                match to {
                    Some(to) => self.at(delay, Happening::Reach { node, life, dial, to }),
                    None => self.at(delay, Happening::Vain { node, life, dial }),
                }
            }
            Output::HangUp(conn) => self.hang_up(node, conn),
            Output::RemoveFile(hash) => self.remove_file(node, hash),
            // Files come as a whole here.
            Output::RemoveUploads(_) => {}
            Output::Note { text, .. } => self.noted(node, &text),
            Output::Ask(ask, request) => self.ask_plain(node, ask, request),
            Output::Fetch { ask, peer, first, last } => {
                let Some(running) = &self.nodes[node].running else { return };
                let found = running.store.owed(peer, first, last).map_err(|_| Unreadable);
                self.decide(node, Input::Fetched(ask, found));
            }
            Output::Tail { ask, source } => {
                let Some(running) = &self.nodes[node].running else { return };
                let found = tail(source, |source, page| running.store.read(source, page));
                self.decide(node, Input::Tailed(ask, found.map_err(|_| Unreadable)));
            }
            Output::FindOwn(query) => {
                let Some(running) = &self.nodes[node].running else { return };
                let found = running.store.own(&query).map_err(|_| Unreadable);
                self.decide(node, Input::FoundOwn(query, found));
            }
            Output::FindOld(query) => {
                let Some(running) = &self.nodes[node].running else { return };
                let found = running.store.old(&query).map_err(|_| Unreadable);
                self.decide(node, Input::FoundOld(query, found));
            }
            Output::Notify(conn, _, told) => self.notify(node, conn, &told),
            Output::Spread(spread) => {
                spread.all().for_each(|(conn, _, told)| self.notify(node, conn, told));
            }
            Output::NoReply(conn) => self.answers_line(node, conn),
            Output::Park(_) | Output::Resume { .. } => {
                self.violate(format!("the runner leaves {output:?} to its driver"));
            }
        }
    }

    fn notify(&mut self, node: usize, conn: ConnId, told: &Notification) {
        match told {
            Notification::Message(_, message) => self.notified(node, conn, message),
            Notification::GroupElsewhere(told) => self.notified(node, conn, &told.message),
            Notification::Change(at) => self.told(node, conn, at, true),
            Notification::WatchEnded(_) => self.follow_ended(node, conn),
            Notification::Typing(_) | Notification::Presence(_) => {}
        }
    }

    pub fn prove(&mut self, node: usize, job: Job) -> JobResult {
        match job {
            Job::Hash { password, .. } => JobResult::hashed_as_is(&password),
            Job::Verify { password, hash, .. } => JobResult::verified_as_is(&password, hash),
            Job::Chains { .. } if self.kinds.disks && self.chance.random_bool(0.05) => {
                self.injected.count("unreadable hashes");
                JobResult::Unreadable
            }
            Job::Chains { sources, seq } => {
                let running = self.nodes[node].running.as_ref();
                let chain = |s| running.and_then(|r| r.store.chain(s, seq).ok().flatten());
                JobResult::Chains(sources.into_iter().filter_map(chain).collect())
            }
            Job::Quoted(quotes) => {
                let running = self.nodes[node].running.as_ref();
                let known = running.and_then(|running| running.store.wrote(quotes).ok());
                known.map_or(JobResult::Unreadable, JobResult::Quoted)
            }
            Job::Locate(place) => {
                let running = self.nodes[node].running.as_ref();
                let located = running.and_then(|r| r.store.locate(&place).ok());
                located.map_or(JobResult::Unreadable, |marker| JobResult::Located(place, marker))
            }
            Job::Refer(lookup) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|r| r.store.referred(&lookup).ok());
                found.map_or(JobResult::Unreadable, |found| JobResult::Referred(lookup, found))
            }
            Job::Message(lookup) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|r| r.store.message(&lookup).ok());
                found.map_or(JobResult::Unreadable, |found| JobResult::Message(lookup, found))
            }
            Job::Newest(query) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|r| r.store.newest(&query).ok());
                found.map_or(JobResult::Unreadable, |found| JobResult::Newest(query, found))
            }
            Job::Named(lookup) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|r| r.store.named(&lookup).ok());
                found.map_or(JobResult::Unreadable, |found| JobResult::Named(lookup, found))
            }
            Job::Changes(query) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|running| running.store.changes(&query).ok());
                let upto = query.upto;
                found.map_or(JobResult::Unreadable, |found| JobResult::Changes(upto, found))
            }
            Job::Search(query) => {
                let running = self.nodes[node].running.as_ref();
                let found = running.and_then(|running| running.store.search(&query).ok());
                found.map_or(JobResult::Unreadable, JobResult::Searched)
            }
            Job::Ask(ask, listing) => {
                let answer = self.answer_plainly(node, &ask);
                JobResult::Asked(listing, answer.map(|told| (told, plain::ADDRESS)))
            }
            Job::Backup { .. } => JobResult::Busy,
        }
    }

    /// A line is dealt with, as each is once.
    fn answers_line(&mut self, node: usize, conn: ConnId) {
        let Some(running) = &mut self.nodes[node].running else { return };
        let Some(lines) = running.unanswered.get_mut(&conn) else { return };
        match lines.checked_sub(1) {
            Some(left) => *lines = left,
            None => self.violate(format!("{conn:?} is answered more than it has asked")),
        }
    }

    fn reply(&mut self, node: usize, conn: ConnId, tag: Tag, outcome: Outcome) {
        self.answers_line(node, conn);
        let goes_on = text::goes_on(tag, &outcome);
        match outcome {
            Outcome::CaughtUp { all, .. } => {
                all.iter().for_each(|told| self.told(node, conn, told, false));
            }
            outcome => self.answer(node, conn, tag, outcome),
        }
        // Nobody asks for more on a connection that is gone.
        let running = self.nodes[node].running.as_mut();
        let lines = running.and_then(|running| running.unanswered.get_mut(&conn));
        if let (Some(request), Some(lines)) = (goes_on, lines) {
            *lines += 1;
            self.decide(node, Input::Request(conn, request));
        }
    }

    fn answer(&mut self, node: usize, conn: ConnId, tag: Tag, outcome: Outcome) {
        let mut bytes = Vec::new();
        let reply = text::reply(tag, outcome);
        reply.encode(text::dialect(tag), &mut bytes);
        let text = String::from_utf8_lossy(&bytes).trim_end().to_string();
        let is_client =
            self.nodes[node].running.as_ref().is_some_and(|r| r.clients.contains(&conn));
        if self.strangers.contains(&(node, conn)) && reply.refusal().is_none() {
            let name = &self.nodes[node].name;
            return self.violate(format!("{name} answers a stranger: {text}"));
        }
        if self.squatters.contains_key(&(node, conn)) {
            return self.answered_squatter(node, conn, &reply, &text);
        }
        if self.answers_plain(node, conn, &text) {
            return;
        }
        if is_client {
            self.note(Some(node), || format!("{conn:?} <- {text}"));
            self.answered(node, conn, &text);
        } else {
            self.send(node, conn, text);
        }
    }
}
