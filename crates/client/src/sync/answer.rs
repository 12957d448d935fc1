//! What the realm answers, applied.

use super::requests::{Ask, Part};
use super::spans::OPEN;
use super::{Follow, Message, Model, Phase, Update, key};
use crate::Reply;
use serde_json::Value;

impl Model {
    /// Takes the reply to the first request that is not answered yet.
    pub fn answered(&mut self, reply: &Reply) {
        let Some(ask) = self.next_asked() else { return };
        if let Ask::One(name, _) | Ask::History(name, ..) = &ask {
            // Only once it is taken is what changed meanwhile let go of.
            let key = key(name);
            self.take(ask, reply);
            self.with(&key, |each, _| each.settle());
        } else {
            self.take(ask, reply);
        }
    }

    fn take(&mut self, ask: Ask, reply: &Reply) {
        if reply.code() == Some("no_session") {
            if let Ask::Post(reference) = &ask {
                self.outbox.hold(reference);
            }
            return self.cannot_go_on("no_session");
        }
        match ask {
            Ask::Past => {}
            // Nothing can be told any more, or not now.
            Ask::Now | Ask::List(_) if self.phase != Phase::Listing => {}
            Ask::Changes | Ask::Watch if !self.listed => {}
            Ask::Now | Ask::List(_) | Ask::Changes | Ask::Watch if !reply.ok() => {
                self.cannot_go_on(reply.code().unwrap_or_default());
            }
            Ask::Now => {
                self.cursor = reply.str("cursor").map(str::to_owned);
                self.want_step(Ask::List(None));
            }
            Ask::List(_) => self.take_list(reply),
            Ask::Changes => self.take_changes(reply),
            Ask::Watch => self.watching = true,
            Ask::One(key, before) => self.take_one(&key, before, reply),
            Ask::Members(key) => self.take_members(&key, reply),
            Ask::History(name, part, _) => self.take_history(&name, part, reply),
            Ask::Mark(name, ..) => match reply.0.get("read").and_then(Value::as_u64) {
                Some(id) if reply.ok() => self.told_read(&name, id),
                _ => self.failed(name, reply),
            },
            Ask::Post(reference) => self.take_posted(reference, reply),
        }
    }

    fn take_list(&mut self, reply: &Reply) {
        let Some(Value::Array(list)) = reply.data() else { return self.cannot_go_on("") };
        let mut before = None;
        for told in list {
            let Some(name) = told.get("conv").and_then(Value::as_str) else { continue };
            let key = self.make(name);
            self.with(&key, |each, _| each.take_overview(told));
            before = self.conversations[&key].last().map_or(before, |last| Some(last.id));
            self.trim(&key, OPEN);
        }
        let full = self.conversations.len() >= self.limits.conversations;
        if reply.flag("more") && before.is_some() && !full {
            return self.want_step(Ask::List(before));
        }
        self.listed = true;
        // What was posted before is in the list.
        self.outbox.forget_posted();
        self.go_on();
    }

    /// Everything up to the cursor is known.
    fn go_on(&mut self) {
        self.in_step();
        if self.follow == Follow::Watch {
            self.want_step(Ask::Watch);
        }
    }

    fn take_changes(&mut self, reply: &Reply) {
        let Some(Value::Array(list)) = reply.data() else { return self.cannot_go_on("") };
        for told in list {
            self.change(told.get("change").and_then(Value::as_str).unwrap_or_default(), told);
            // It has begun anew.
            if !self.listed {
                return;
            }
        }
        if let Some(cursor) = reply.str("cursor") {
            self.cursor = Some(cursor.to_owned());
        }
        match reply.flag("more") {
            true => self.want_step(Ask::Changes),
            false => self.go_on(),
        }
    }

    /// The state of the conversation with the latest message before an id.
    fn take_one(&mut self, asked: &str, before: u64, reply: &Reply) {
        let told = reply.data().and_then(Value::as_array).and_then(|list| list.first());
        let found = told.and_then(|told| told.get("conv")?.as_str()).map(key);
        match told {
            Some(told) if found.as_deref() == Some(asked) => {
                let touched = self.with(asked, |each, _| {
                    let touched = std::mem::take(&mut each.touched);
                    each.take_overview(told);
                    touched
                });
                if touched == Some(true) {
                    self.look_at(asked);
                }
                let name = self.conversations.get(asked).map(|each| each.name.clone());
                self.updates.extend(name.map(Update::Conversation));
            }
            // A later message is in it, which will be told; or the realm could not answer.
            _ => {
                let told = self.conversations.get(asked).and_then(|each| each.last());
                match told.is_some_and(|last| last.id >= before) {
                    true => self.look_at(asked),
                    false => drop(self.with(asked, |each, _| each.ahead = true)),
                }
            }
        }
    }

    fn take_members(&mut self, key: &str, reply: &Reply) {
        if !reply.ok() {
            return;
        }
        let members = reply.names().len() as u64;
        let owner = reply.str("owner").unwrap_or_default();
        let is_me = |name: &str| name.eq_ignore_ascii_case(&self.me);
        let moderators = reply.0.get("moderators").and_then(Value::as_array);
        let mut moderators = moderators.into_iter().flatten().filter_map(Value::as_str);
        let role = match is_me(owner) {
            true => "owner",
            false if moderators.any(is_me) => "moderator",
            false => "member",
        };
        let touched = self.with(key, |each, _| {
            each.set_members(members);
            each.role = Some(role.to_owned());
            std::mem::take(&mut each.touched)
        });
        if touched == Some(true) {
            self.look_at(key);
        }
        let name = self.conversations.get(key).map(|each| each.name.clone());
        self.updates.extend(name.map(Update::Conversation));
    }

    fn take_history(&mut self, name: &str, part: Part, reply: &Reply) {
        let Some(Value::Array(list)) = reply.data().filter(|_| reply.ok()) else {
            return self.failed(name.to_owned(), reply);
        };
        let messages: Vec<Message> = list.iter().filter_map(Message::of).collect();
        // A group that is not known was left meanwhile.
        if self.conversation(name).is_none() && !name.starts_with('#') && !messages.is_empty() {
            self.make(name);
        }
        let state = self.conversation(name).map(|each| each.is_counted() && each.spans.is_open());
        // What waits for its place stands at the end, and is no part of the stretch.
        let mut placed = messages.iter().filter(|message| !message.pending).map(|m| m.id);
        let first = placed.next();
        let last = placed.next_back().or(first);
        let (more, newer) = (reply.flag("more"), reply.flag("newer"));
        // A page on which nothing is shown says where to go on.
        let (before, after) = (reply.number("before"), reply.number("after"));
        let oldest = |more: bool| if more { first.or(before).unwrap_or(OPEN) } else { 0 };
        let past_last = last.or(after).map_or(0, |last| last.saturating_add(1));
        let span = match part {
            // Whatever comes after the newest is told as a change.
            Part::Newest => (oldest(more), OPEN),
            Part::Before(id) => (oldest(more), id),
            Part::After(id) => (id.saturating_add(1), if more { past_last } else { OPEN }),
            Part::Around(_) => (oldest(more), if newer { past_last } else { OPEN }),
        };
        let (key, count, mut joining) = (key(name), messages.len(), false);
        self.with(&key, |each, _| {
            messages.into_iter().for_each(|message| each.take_page_message(message));
            each.spans.add(span.0, span.1);
            if std::mem::take(&mut each.joining) {
                each.set_read(last.unwrap_or(0).max(each.read));
                joining = true;
            }
        });
        if state != Some(true) || joining {
            self.look_at(&key);
        }
        let near = match part {
            Part::Newest => OPEN,
            Part::Before(id) | Part::Around(id) => first.unwrap_or(id),
            Part::After(id) => last.unwrap_or(id),
        };
        self.trim(&key, near);
        self.updates.push(Update::Loaded { conversation: name.to_owned(), more, count });
    }

    fn failed(&mut self, conversation: String, reply: &Reply) {
        let code = reply.code().unwrap_or_default().to_owned();
        self.updates.push(Update::Failed { conversation, code });
    }

    fn take_posted(&mut self, reference: String, reply: &Reply) {
        let code = reply.code().unwrap_or_default();
        match reply.id().filter(|_| reply.ok()) {
            Some(id) => {
                if self.outbox.get(&reference).is_none() {
                    // Its message was told first.
                    return;
                }
                let name = reply.str("conv").unwrap_or_default();
                let known = self.conversation(name).is_some_and(|c| c.message(id).is_some());
                // One that was posted before may have been told before, too.
                let told_late = self.follow == Follow::Poll || self.phase == Phase::CatchingUp;
                if known || reply.flag("again") || told_late {
                    self.outbox.settle(&reference);
                } else {
                    self.outbox.posted(&reference, id);
                }
                self.updates.push(Update::Posted { reference, id });
            }
            // Not done, or perhaps done: under its reference it is done once.
            None if ["unavailable", "unknown", "rate_limited"].contains(&code) => {
                self.outbox.hold(&reference);
                self.updates.push(Update::Held { reference, code: code.to_owned() });
            }
            None => {
                self.outbox.refuse(&reference, code);
                self.updates.push(Update::Refused { reference, code: code.to_owned() });
            }
        }
    }
}
