//! The connection that carries a link: what is asked on it, and its end.

use super::live::{Asked, Following};
use super::{Failure, LinkStatus, PeerRequest, Why};
use crate::{ConnId, Context, JobResult, Output, PeerId};
use antar_types::Code;

/// Requests over one link that are not answered yet.
const UNANSWERED: usize = 4_096;

impl Context<'_> {
    /// A connection carries a link from now on.
    pub fn carry(&mut self, peer: PeerId, conn: ConnId) {
        let now = self.readings.now;
        let status = self.peer(peer).map(|p| p.record.status);
        let linked = status == Some(LinkStatus::Linked);
        let link = self.link(peer);
        let old = link.conn.replace(conn).filter(|old| *old != conn);
        if old.is_none() {
            link.since = now;
        }
        (link.failures, link.refused, link.error) = (0, false, None);
        // Another connection of one that waits, or is up, is nothing new.
        let is_new =
            status.is_some() && std::mem::replace(&mut link.told_operator, status) != status;
        if let Some(old) = old {
            self.links().conns.remove(&old);
            self.output(Output::HangUp(old));
        }
        if is_new {
            self.tell_of(peer);
        }
        if linked {
            self.follow(conn, peer);
        }
    }

    /// Tells the operator that a link has come about, or waits for somebody's approval.
    fn tell_of(&mut self, peer: PeerId) {
        let Some(known) = self.peer(peer) else { return };
        let (name, key) = (&known.record.name, known.key());
        let key = key.map_or(String::new(), |key| format!(" with the key {key}"));
        let text = match known.record.status {
            LinkStatus::Asking => format!("link with {name}: waits for approval{key}"),
            LinkStatus::Asked => format!("link with {name}: waits for approval there"),
            _ => format!("link with {name}: up"),
        };
        self.tell(peer, text);
    }

    /// Asks for what follows our cursor.
    pub fn follow(&mut self, conn: ConnId, peer: PeerId) {
        let Some(known) = self.peer(peer) else { return };
        let request = PeerRequest::Follow(known.followed.epoch(), known.followed.cursor);
        let asked_at = self.state.durable.next_id();
        if let Some(c) = self.conn(conn) {
            (c.following, c.asked_at) = (Following::Not, asked_at);
        }
        self.ask_clock(peer);
        self.ask(conn, Asked::Follow, request);
    }

    /// Sends a request over a link and remembers what its answer will be about.
    pub fn ask(&mut self, conn: ConnId, asked: Asked, request: PeerRequest) {
        let Some(c) = self.conn(conn) else { return };
        if c.asked.len() >= UNANSWERED {
            return self.hang_up(conn, "it answers nothing");
        }
        c.asked.push_back(asked);
        self.output(Output::Request(conn, request));
    }

    /// Notes that one side cannot give over a connection what the other is to follow. It will not be otherwise at once, so
    /// the next one is not made as soon as after one that was lost.
    pub fn note_stuck(&mut self, conn: ConnId) {
        self.conn(conn).into_iter().for_each(|c| c.stuck = true);
    }

    /// Ends a connection because of what came over it, or did not.
    pub fn hang_up(&mut self, conn: ConnId, why: &str) {
        self.output(Output::HangUp(conn));
        self.closed(conn, why);
    }

    /// A connection is gone.
    pub fn closed(&mut self, conn: ConnId, why: &str) {
        self.links().waiting.remove(&conn);
        let Some(gone) = self.links().conns.remove(&conn) else { return };
        if let Some(dial) = gone.call {
            let (code, error) = (Code::RealmUnreachable, why.to_string());
            return self.call_failed(dial, Failure { code, error, realm: None, plain: None });
        }
        let Some(peer) = gone.peer else { return };
        let now = self.readings.now;
        let link = self.link(peer);
        if link.conn != Some(conn) {
            return;
        }
        (link.conn, link.since, link.error) = (None, now, Some(why.to_string()));
        link.as_before = false;
        link.lost += 1;
        link.stuck = if gone.stuck { link.stuck.saturating_add(1) } else { 0 };
        if link.told_operator == Some(LinkStatus::Linked) {
            link.told_operator = None;
            let name = self.name_of(peer);
            self.tell(peer, format!("link with {name}: down, {why}"));
        }
        self.retry_later(peer);
        let waiting: Vec<ConnId> = (self.state.links.waiting.iter())
            .filter(|(_, w)| matches!(w.why, Why::CatchUp { peer: of, .. } if of == peer))
            .map(|(conn, _)| *conn)
            .collect();
        waiting.into_iter().for_each(|conn| self.wake(conn, JobResult::CaughtUp { stale: true }));
        self.go_on_without_host(|why| matches!(why, Why::Room { peer: of, .. } if *of == peer));
        // The peer may have called already, before it was known here that this one is dead.
        let next = self.links().conns.iter().rev().find(|(_, c)| c.greeted && c.peer == Some(peer));
        if let Some(next) = next.map(|(conn, _)| *conn) {
            self.carry(peer, next);
        }
    }

    /// Goes on with a user's request that waited for another realm.
    pub fn wake(&mut self, conn: ConnId, result: JobResult) {
        let Some(mut waiting) = self.links().waiting.remove(&conn) else { return };
        waiting.results.push(result);
        let request = Box::new(waiting.request);
        self.output(Output::Resume { conn, request, results: waiting.results });
    }
}
