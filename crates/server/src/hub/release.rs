//! Carries out the outputs that the runner has released.

use super::{Conn, Running, ToHub};
use crate::admission::whom;
use crate::send_queue::{Encoded, Item, Notifications};
use antar_domain::{ConnId, Job, JobResult, Notification, Outcome, Output, Request, Spread, Tag};
use std::sync::Arc;

impl Running {
    /// Carries out one output.
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Reply(conn, tag, outcome) => {
                if let Some(code) = outcome.refusal() {
                    self.refusals[code as usize] += 1;
                }
                if let Outcome::Renamed(name) = &outcome {
                    self.hub.renamed.send_replace(name.clone());
                }
                let asked = self.push(conn, Item::Reply(tag, outcome));
                // Whoever waited to be taken for a realm may be a link now, and who waited for room logged in.
                if asked.is_some_and(|conn| conn.may_link() || !conn.logged_in) {
                    self.note_login(conn);
                }
            }
            Output::Read(conn, tag, read) => {
                self.push(conn, Item::Read(tag, read));
            }
            Output::Notify(conn, tag, told) => {
                let notification = match self.last_notification.take() {
                    Some(last) if last.is(&told) => last,
                    _ => Arc::new(Encoded::new(told)),
                };
                self.last_notification = Some(notification.clone());
                self.push_notification(conn, tag, notification);
            }
            Output::Spread(spread) => self.spread(&[spread]),
            Output::Job { conn, request, results, job } => {
                self.start_job(conn, request, results, *job)
            }
            // The runner sees to these.
            Output::Park(_) | Output::Resume { .. } => {}
            Output::NoReply(conn) => {
                self.push(conn, Item::NoReply);
            }
            Output::Request(conn, request) => {
                // Whoever is asked for a log may send it at once, and it comes in long lines.
                self.note_login(conn);
                self.push(conn, Item::Request(request));
            }
            Output::Deliver { conn, peer, epoch, can, first, last, fresh } => {
                self.push(conn, Item::Deliver { peer, epoch, can, first, last, fresh });
            }
            Output::RemoveFile(hash) => {
                let files = self.hub.files.clone();
                tokio::task::spawn_blocking(move || files.remove(hash));
            }
            Output::RemoveUploads(account) => {
                let files = self.hub.files.clone();
                tokio::task::spawn_blocking(move || files.remove_uploads(account));
            }
            Output::HangUp(conn) => {
                if let Some(c) = self.conns.get(&conn) {
                    c.queue.set(|state| state.hung_up = true);
                }
            }
            Output::Note { warning: true, text } => tracing::warn!("{text}"),
            Output::Note { warning: false, text } => tracing::info!("{text}"),
            output @ (Output::Dial(..)
            | Output::Ask(..)
            | Output::Fetch { .. }
            | Output::Tail { .. }
            | Output::FindOld(_)
            | Output::FindOwn(_)) => self.reach_out(output),
        }
    }

    /// Has other realms called or asked, off this task.
    fn reach_out(&self, output: Output) {
        let Some(back) = self.hub.back.upgrade().filter(|_| self.drained.is_none()) else { return };
        let (peers, reads) = (self.hub.peers.clone(), self.hub.reads.clone());
        let calls = self.hub.calls.clone();
        tokio::spawn(async move {
            let told = match output {
                Output::Dial(dial, address) => match calls.make(dial, address) {
                    Ok(()) => return,
                    Err(why) => ToHub::NotDialled(dial, why),
                },
                Output::Ask(ask, what) => {
                    ToHub::Asked(ask, peers.ask(&what).await.map(|(answer, _)| answer))
                }
                Output::Fetch { ask, peer, first, last } => ToHub::Fetched(
                    ask,
                    reads.owed(peer, first, last).await.ok_or(antar_domain::links::Unreadable),
                ),
                Output::Tail { ask, source } => ToHub::Tailed(ask, reads.tail(source).await),
                Output::FindOwn(query) => {
                    let found = reads.own(query.clone()).await;
                    ToHub::FoundOwn(query, found.ok_or(antar_domain::links::Unreadable))
                }
                Output::FindOld(query) => {
                    let found = reads.old(query.clone()).await;
                    ToHub::FoundOld(query, found.ok_or(antar_domain::links::Unreadable))
                }
                _ => return,
            };
            let _ = back.send(told).await;
        });
    }

    /// Returns who is to have it, if anybody is there.
    fn push(&self, conn: ConnId, item: Item) -> Option<&Conn> {
        let c = self.conns.get(&conn)?;
        c.queue.push(item);
        Some(c)
    }

    fn push_notification(&self, conn: ConnId, tag: Tag, notification: Arc<Encoded>) {
        if let Some(c) = self.conns.get(&conn) {
            c.queue.push_notification(tag, notification);
        }
    }

    /// Tells all who watch one group several things. What is the same is encoded once, and where all of it is it is
    /// one item for each of them.
    pub(super) fn spread(&self, run: &[Box<Spread>]) {
        let Some(first) = run.first() else { return };
        let mut encoded: Vec<Arc<Encoded>> = Vec::new();
        let mut known = |told: &Notification| {
            let known = encoded.iter().find(|encoded| encoded.is(told)).cloned();
            known.unwrap_or_else(|| {
                let new = Arc::new(Encoded::new(told.clone()));
                encoded.push(new.clone());
                new
            })
        };
        let common = [false, true].map(|in_step| {
            let all = run.iter().filter_map(|spread| spread.common(in_step));
            Notifications::new(all.map(&mut known).collect(), first.listeners().len())
        });
        for listener in first.listeners() {
            let Some(c) = self.conns.get(&listener.conn) else { continue };
            let all = match run.iter().all(|spread| spread.is_common_to(listener)) {
                true => common[usize::from(listener.in_step)].clone(),
                false => {
                    let told = run.iter().filter_map(|spread| spread.told(listener));
                    Notifications::new(told.map(&mut known).collect(), 1)
                }
            };
            c.queue.push_notifications(listener.tag, all);
        }
    }

    /// Has what takes long done off this task.
    fn start_job(
        &mut self,
        conn: ConnId,
        request: Box<Request>,
        mut results: Vec<JobResult>,
        job: Job,
    ) {
        let Some(origin) = self.conns.get(&conn).map(|c| c.origin) else { return };
        let Some(back) = self.hub.back.upgrade() else { return };
        let (passwords, backups) = (self.hub.passwords.clone(), self.hub.backups.clone());
        let (peers, reads) = (self.hub.peers.clone(), self.hub.reads.clone());
        tokio::spawn(async move {
            results.push(match job {
                Job::Backup { path } => backups.write(path).await,
                Job::Chains { sources, seq } => reads
                    .chains(sources, seq)
                    .await
                    .map_or(JobResult::Unreadable, JobResult::Chains),
                Job::Quoted(quotes) => {
                    reads.wrote(quotes).await.map_or(JobResult::Unreadable, JobResult::Quoted)
                }
                Job::Locate(place) => match reads.locate(whom(origin), place.clone()).await {
                    Some(marker) => JobResult::Located(place, marker),
                    None => JobResult::Unreadable,
                },
                Job::Refer(lookup) => match reads.referred(whom(origin), lookup.clone()).await {
                    Some(found) => JobResult::Referred(lookup, found),
                    None => JobResult::Unreadable,
                },
                Job::Message(lookup) => match reads.message(whom(origin), lookup.clone()).await {
                    Some(found) => JobResult::Message(lookup, found),
                    None => JobResult::Unreadable,
                },
                Job::Newest(query) => match reads.newest(query.clone()).await {
                    Some(found) => JobResult::Newest(query, found),
                    None => JobResult::Unreadable,
                },
                Job::Named(lookup) => match reads.named(lookup.clone()).await {
                    Some(found) => JobResult::Named(lookup, found),
                    None => JobResult::Unreadable,
                },
                Job::Changes(query) => match reads.changes(whom(origin), query.clone()).await {
                    Some(found) => JobResult::Changes(query.upto, found),
                    None => JobResult::Unreadable,
                },
                Job::Search(query) => match reads.search(whom(origin), query).await {
                    Some(found) => JobResult::Searched(found),
                    None => JobResult::Unreadable,
                },
                Job::Ask(ask, listing) => JobResult::Asked(listing, peers.ask(&ask).await),
                job => passwords.prove(origin, job).await,
            });
            let _ = back.send(ToHub::Done { conn, request, results }).await;
        });
    }
}
