//! What changes, applied.

use super::requests::{Ask, Part};
use super::{Message, Model, Phase, State, Update, key};
use crate::Event;
use serde_json::Value;

/// How much of a group is loaded when the user joins it.
const FIRST_LOOK: usize = 50;

impl Model {
    /// Takes an event: what a watch tells. Events that it does not know change nothing.
    pub fn event(&mut self, event: &Event) {
        let kind = event.kind();
        // A watch that was left behind when everything was let go of may tell on for a while.
        if !self.watching {
            return;
        }
        if kind == "ended" {
            let code = event.0.get("code").and_then(Value::as_str).unwrap_or_default();
            return self.cannot_go_on(code);
        }
        let Some(cursor) = event.0.get("cursor").and_then(Value::as_str) else { return };
        self.change(kind, &event.0);
        // The change may have made it begin anew.
        if self.listed {
            self.cursor = Some(cursor.to_owned());
        }
    }

    /// The realm cannot tell more, for this reason.
    pub(super) fn cannot_go_on(&mut self, code: &str) {
        self.watching = false;
        match code {
            "resync" => self.reset(),
            "no_session" => {
                self.phase = Phase::LoggedOut;
                self.updates.push(Update::LoggedOut);
            }
            _ => self.phase = Phase::Waiting,
        }
    }

    /// Applies a change.
    pub(super) fn change(&mut self, kind: &str, told: &Value) {
        let Some(name) = told.get("conv").and_then(Value::as_str) else {
            if kind == "blocked" {
                self.reset();
            }
            return;
        };
        match kind {
            "message" => self.told_message(name, told),
            "placed" => self.told_placed(name, told),
            "edited" | "deleted" | "reactions" | "lost" => self.told_changed(name, told),
            "read" => {
                if let Some(id) = told.get("read").and_then(Value::as_u64) {
                    self.told_read(name, id);
                }
            }
            "delivered" => {
                if let Some(id) = told.get("id").and_then(Value::as_u64) {
                    self.set(name, |each| each.delivered = each.delivered.max(id));
                }
            }
            "joined" | "left" | "kicked" | "banned" | "role" | "silenced" => {
                self.told_member(name, kind, told);
            }
            "closed" => self.leave(name),
            "topic" => {
                let topic = told.get("topic").and_then(Value::as_str).filter(|t| !t.is_empty());
                self.set(name, |each| each.topic = topic.map(str::to_owned));
            }
            "muted" => {
                let muted = told.get("muted") != Some(&Value::Bool(false));
                self.set(name, |each| each.muted = muted);
            }
            "group" => self.look_at(&key(name)),
            // Whose messages are shown has changed, and what counts as unread.
            "blocked" => self.reset(),
            _ => {}
        }
    }

    fn set(&mut self, name: &str, act: impl FnOnce(&mut super::Conversation)) {
        if self.with(&key(name), |each, _| act(each)).is_some() {
            self.updates.push(Update::Conversation(name.to_owned()));
        }
    }

    fn told_message(&mut self, name: &str, told: &Value) {
        let Some(message) = Message::of(told) else { return };
        let (id, is_own) = (message.id, message.is_from(&self.me));
        let pending = message.pending;
        let reference = message.reference.clone().filter(|_| is_own);
        let unknown = self.conversation(name).is_none();
        let key = self.make(name);
        let taken = self.with(&key, |each, me| each.take_new(message, me));
        let (is_new, changes_count) = taken.unwrap_or_default();
        if let Some(reference) = reference.or_else(|| self.outbox.of_id(id)) {
            let is_known = self.outbox.get(&reference).map(|e| matches!(e.state, State::Posted(_)));
            self.outbox.settle(&reference);
            if is_known == Some(false) {
                self.updates.push(Update::Posted { reference, id });
            }
        }
        let uncounted =
            self.conversation(name).is_some_and(|each| !each.is_counted() || each.ahead);
        // Where it is asked for already, what is told meanwhile is counted on top.
        if changes_count || (unknown || uncounted) && !self.is_looking_at(&key) {
            self.look_at(&key);
        }
        self.trim(&key, id);
        let conversation = name.to_owned();
        let update = match pending {
            true => Update::Pending { conversation, id },
            false => Update::Message { conversation, id },
        };
        self.updates.extend(is_new.then_some(update));
    }

    fn told_placed(&mut self, name: &str, told: &Value) {
        let number = |key: &str| told.get(key).and_then(Value::as_u64);
        let (Some(was), id) = (number("was"), number("id")) else { return };
        // One that had its place, or was refused, before it could be told that it waits.
        if let Some(reference) = self.outbox.of_id(was) {
            self.outbox.settle(&reference);
        }
        if self.with(&key(name), |each, _| each.take_placed(was)).is_some() {
            self.updates.push(Update::Placed { conversation: name.to_owned(), was, id });
        }
    }

    fn told_changed(&mut self, name: &str, told: &Value) {
        let Some(message) = Message::of(told) else { return };
        let (id, key) = (message.id, key(name));
        let taken = self.with(&key, |each, me| each.take_changed(message, me));
        let Some((changed, uncounted)) = taken else { return };
        if uncounted {
            self.look_at(&key);
        }
        if changed {
            self.updates.push(Update::Changed { conversation: name.to_owned(), id });
        }
    }

    /// The marker is there now.
    pub(super) fn told_read(&mut self, name: &str, id: u64) {
        let key = key(name);
        let before = self.conversation(name).map(|each| (each.read, each.count(&self.me)));
        self.with(&key, |each, _| each.set_read(id));
        let Some(after) = self.conversation(name) else { return };
        let is_counted = after.is_counted();
        if before != Some((id, after.count(&self.me))) {
            self.updates.push(Update::Conversation(name.to_owned()));
        }
        if !is_counted {
            self.look_at(&key);
        }
    }

    fn told_member(&mut self, name: &str, what: &str, told: &Value) {
        let str = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
        let (user, by) = (str("user").to_owned(), str("by").to_owned());
        let is_me = user.eq_ignore_ascii_case(&self.me);
        let out = ["left", "kicked", "banned"].contains(&what);
        let known = self.conversation(name).is_some();
        let conversation = name.to_owned();
        match what {
            _ if is_me && out => self.leave(name),
            "joined" if is_me && !known => {
                let key = self.make(name);
                self.with(&key, |each, _| each.joining = true);
                self.want(Ask::History(conversation.clone(), Part::Newest, FIRST_LOOK));
            }
            "role" if is_me => {
                let role = told.get("role").and_then(Value::as_str).map(str::to_owned);
                self.set(name, |each| each.role = role);
            }
            "silenced" | "role" => {}
            // How many there are then cannot be told from the change, which may be an old one. A ban need not
            // have been of a member.
            _ => self.look_at(&key(name)),
        }
        if known || is_me {
            let what = what.to_owned();
            self.updates.push(Update::Member { conversation, what, user, by });
        }
    }

    /// The user is not in a group any more: lets go of what was said there, and across realms.
    pub(super) fn leave(&mut self, name: &str) {
        let group = key(name);
        let of_it = |key: &&String| {
            key.strip_prefix(&group).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
        };
        let gone: Vec<String> = self.conversations.keys().filter(of_it).cloned().collect();
        for key in gone {
            self.outdate_about(&key);
            if let Some(gone) = self.drop_conversation(&key) {
                self.updates.push(Update::Gone(gone.name));
            }
        }
    }

    /// From now on everything is known.
    pub(super) fn in_step(&mut self) {
        self.phase = Phase::InStep;
        self.updates.push(Update::InStep);
    }
}
