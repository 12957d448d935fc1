//! How fast what was read goes to the hub: as far as it is answered, and as the rates allow.

use super::Session;
use super::incoming::size;
use crate::admission::whom;
use crate::hub::ToHub;
use crate::send_queue::State;
use antar_domain::{AccountId, Request};
use antar_text::Frame;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Bytes of a request that count as one more, and bytes of replies that do.
const REQUEST: usize = 1 << 10;
const REPLIES: usize = 16 << 10;

/// Requests waiting for an answer that an idle connection keeps room for.
const FEW: usize = 8;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Hands as many frames to the hub as may wait for an answer.
    pub(super) async fn forward(&mut self, state: State) {
        self.go_on(state).await;
        let ready = self.incoming.ready(self.room());
        self.wasted += self.incoming.take_wasted();
        if ready == 0 && self.wasted == 0 {
            return;
        }
        let keeps_pace = self.keeps_pace(ready, state);
        if !keeps_pace || ready == 0 {
            return;
        }
        if self.rules.session.idle.is_some() {
            self.heard = Instant::now();
        }
        // Waits with nothing in its hands: an idle connection need not have room for what it sends.
        // Without a hub there is no server: the session ends with its task.
        let Ok(place) = self.shared.hub.reserve().await else { return };
        place.send(ToHub::Requests(self.conn, self.hand_on(ready)));
    }

    /// Asks for what a watch that is behind is to be told next: what it was told before is written by now.
    async fn go_on(&mut self, state: State) {
        if self.goes_on.is_empty() {
            return;
        }
        let next = std::mem::take(&mut self.goes_on);
        if !state.draining
            && let Ok(place) = self.shared.hub.reserve().await
        {
            self.pending.extend(next.iter().map(|_| 0));
            place.send(ToHub::Requests(self.conn, next));
        }
    }

    /// So many of the frames that were read, as requests.
    fn hand_on(&mut self, ready: usize) -> Vec<Request> {
        let frames = self.incoming.hand_on(ready);
        for frame in &frames {
            let size = size(frame);
            self.held += size;
            self.pending.push_back(u32::try_from(size).unwrap_or(u32::MAX));
        }
        self.requests += frames.len() as u64;
        frames.into_iter().filter_map(|frame| self.door.read(frame)).collect()
    }

    /// A frame the hub had is answered.
    pub(super) fn answered(&mut self) {
        self.held -= self.pending.pop_front().unwrap_or_default() as usize;
        // An idle connection holds no memory for the many that it once had at once.
        if self.pending.is_empty() && self.pending.capacity() > FEW {
            self.pending = VecDeque::new();
        }
    }

    /// Whether the next frames may be handed on now, as far as their address and their account are
    /// concerned; if not, when they may. Nothing more is read meanwhile.
    fn keeps_pace(&mut self, frames: usize, state: State) -> bool {
        // What arrived before the server stops is answered.
        let address = whom(self.origin).filter(|_| !state.linked && !state.draining);
        let Some(address) = address else {
            self.wasted = 0;
            return true;
        };
        let now = Instant::now();
        if self.resumes.is_some_and(|at| at > now) {
            return false;
        }
        let cost = |frame: &Frame| match frame {
            Frame::Line(line) => 1 + line.len() / REQUEST,
            Frame::TooLong | Frame::BadEncoding | Frame::TwoLines | Frame::Http => 1,
        };
        // How long a reply is nobody knows before it is there: the next request pays for it.
        let cost =
            self.incoming.frames().take(frames).map(cost).sum::<usize>() + self.replied / REPLIES;
        let cost = cost + self.wasted;
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let waits = self.charge(address, state.account, cost).err();
        self.resumes = waits.map(|wait| now + wait);
        waits.is_none()
    }

    /// Takes what frames cost from the rates of their address and their account.
    ///
    /// # Errors
    /// How long until there is so much; what the address was charged already it is not charged again.
    fn charge(
        &mut self,
        address: IpAddr,
        account: Option<AccountId>,
        cost: u32,
    ) -> Result<(), Duration> {
        self.rules.requests.take_many(address, cost.saturating_sub(self.charged))?;
        self.charged = cost;
        if let Some(account) = account {
            self.rules.account_requests.take_many(account, cost)?;
        }
        self.charged = 0;
        self.wasted = 0;
        self.replied %= REPLIES;
        Ok(())
    }
}
