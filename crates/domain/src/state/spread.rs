//! What all who watch a group are told, kept once however many they are.

use super::live::Watch;
use crate::{AccountId, ConnId, Event, GroupId, Notification, Tag};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Listeners in all lists that are kept, beyond which those are made anew: as many as 16,000 connections have
/// whose users are in a hundred groups each, and more.
const LISTENERS: usize = 4_000_000;

/// A connection that watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The connection.
    pub conn: ConnId,
    /// What its door wants to have back.
    pub tag: Tag,
    account: AccountId,
    /// It watches changes and is in step, else messages.
    pub in_step: bool,
}

impl Listener {
    /// Of a watch that is told what happens now; `None` of one that is behind.
    fn of(conn: ConnId, watch: Watch) -> Option<Self> {
        let Watch { account, tag, .. } = watch;
        (watch.is_in_step() || watch.is_of_messages()).then(|| Self {
            conn,
            tag,
            account,
            in_step: watch.is_in_step(),
        })
    }
}

/// All who watch for members of a group. What is told to one after the other shares it.
pub(crate) type Audience = Arc<[Listener]>;

/// Lists of who watches groups, as long as they are right.
#[derive(Debug, Default)]
pub(crate) struct Audiences {
    of: BTreeMap<GroupId, Audience>,
    listeners: usize,
}

impl Audiences {
    pub fn get(&self, group: GroupId) -> Option<Audience> {
        self.of.get(&group).cloned()
    }

    pub fn keep(&mut self, group: GroupId, watches: Vec<(ConnId, Watch)>) -> Audience {
        let listeners = watches.into_iter().filter_map(|(conn, watch)| Listener::of(conn, watch));
        let audience: Audience = listeners.collect();
        if self.listeners + audience.len() > LISTENERS {
            self.forget();
        }
        self.listeners += audience.len();
        self.of.insert(group, audience.clone());
        audience
    }

    /// Somebody may watch who did not, or be a member, or the other way round.
    pub fn forget(&mut self) {
        self.of.clear();
        self.listeners = 0;
    }
}

/// Whether after this event the same connections watch the same groups. What is not listed may well be such an
/// event, too: then lists are made anew.
pub(crate) fn moves_nobody(event: &Event) -> bool {
    matches!(
        event,
        Event::Posted(_)
            | Event::Received { .. }
            | Event::Rewritten(_)
            | Event::Changed { .. }
            | Event::ChangesTrimmed(..)
            | Event::MarkerSet { .. }
            | Event::MentionsSet { .. }
            | Event::UnshownSet { .. }
            | Event::SkippedSet(..)
            | Event::FileSet { .. }
            | Event::FileGiven { .. }
            | Event::FileHeld { .. }
            | Event::FileRemoved(_)
            | Event::FileLetGo { .. }
            | Event::FileKeySet(_)
            | Event::CorrespondentSet { .. }
            | Event::Owed { .. }
            | Event::Acked { .. }
            | Event::Trimmed { .. }
            | Event::Followed { .. }
    )
}

/// Something that happened in a group, for all who watch it.
#[derive(Clone, Debug)]
pub struct Spread {
    pub(crate) to: Audience,
    /// Who is not told.
    pub(crate) deaf: Box<[AccountId]>,
    /// For those that watch messages.
    pub(crate) message: Option<Notification>,
    /// For those that watch changes, but for the author's.
    pub(crate) change: Option<Notification>,
    /// For those, where an account that watches is the author.
    pub(crate) author: Option<(AccountId, Option<Notification>)>,
}

impl Spread {
    /// Who may have to be told.
    pub fn listeners(&self) -> &[Listener] {
        &self.to
    }

    /// Whether another is for the same listeners.
    pub fn is_to_those_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.to, &other.to)
    }

    /// What the listeners are told that are not told something else, or nothing: those that watch messages, or else
    /// those that watch changes.
    pub fn common(&self, in_step: bool) -> Option<&Notification> {
        if in_step { self.change.as_ref() } else { self.message.as_ref() }
    }

    /// Whether this listener is told what is common.
    pub fn is_common_to(&self, listener: &Listener) -> bool {
        let is_author = || self.author.as_ref().is_some_and(|(who, _)| *who == listener.account);
        !(self.deaf.contains(&listener.account) || listener.in_step && is_author())
    }

    /// What one of the listeners is told, if anything.
    pub fn told(&self, listener: &Listener) -> Option<&Notification> {
        if self.deaf.contains(&listener.account) {
            return None;
        }
        match &self.author {
            _ if !listener.in_step => self.message.as_ref(),
            Some((author, own)) if *author == listener.account => own.as_ref(),
            _ => self.change.as_ref(),
        }
    }

    /// Who is told what.
    pub fn all(&self) -> impl Iterator<Item = (ConnId, Tag, &Notification)> {
        let told = |to| Some((to, self.told(to)?));
        self.to.iter().filter_map(told).map(|(to, told)| (to.conn, to.tag, told))
    }

    /// How much it is to tell it: see [`crate::Output::weight`].
    pub(crate) fn weight(&self) -> usize {
        let all = [&self.message, &self.change].into_iter().flatten();
        self.to.len() * all.map(Notification::weight).max().unwrap_or(1)
    }
}

/// Which of those who watch changes a spread has something for.
pub(crate) fn in_step(
    to: &Audience,
    deaf: &[AccountId],
    mut which: impl FnMut(AccountId) -> bool,
) -> Option<AccountId> {
    let mut in_step = to.iter().filter(|to| to.in_step).map(|to| to.account);
    in_step.find(|account| which(*account) && !deaf.contains(account))
}

/// Whether somebody is told messages.
pub(crate) fn of_messages(to: &Audience) -> bool {
    to.iter().any(|to| !to.in_step)
}
