//! The files of `tests/sync`, which say what a model does.

use super::{Draft, Follow, Limits, Message, Model, Part, Phase, State, Update};
use crate::{Incoming, RawReply};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn the_files_of_tests_sync() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sync");
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "chat"));
    paths.sort();
    assert!(paths.len() > 12);
    let mut failures = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err((line, what)) = play(&text) {
            failures.push(format!("{}:{line}: {what}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Whoever answers messages answers each once: when it has its place.
#[test]
fn what_waits_for_its_place_is_told_apart() {
    let mut model = Model::new("amy").from_cursor("e-1");
    model.connected(Follow::Poll);
    assert_eq!(model.next_request().as_deref(), Some("SYNC after=e-1 limit=500"));
    let told = r##"{"status":"OK","data":[
        {"change":"message","id":2,"conv":"#a@beta","from":"bob","message":"x","pending":true},
        {"change":"message","id":2,"conv":"#a@beta","from":"bob","message":"x","pending":true},
        {"change":"message","id":4,"conv":"#a@beta","from":"bob","message":"x"},
        {"change":"placed","conv":"#a@beta","was":2,"id":4},
        {"change":"placed","conv":"#a@beta","was":3,"refused":true}],"cursor":"e-6"}"##;
    let Ok(Incoming::Reply(reply)) = RawReply(told.as_bytes()).parse() else { panic!() };
    model.answered(&reply);
    let conversation = "#a@beta".to_owned();
    let expected = [
        Update::Pending { conversation: conversation.clone(), id: 2 },
        Update::Message { conversation: conversation.clone(), id: 4 },
        Update::Placed { conversation: conversation.clone(), was: 2, id: Some(4) },
        Update::Placed { conversation, was: 3, id: None },
        Update::InStep,
    ];
    assert_eq!(model.take_updates(), expected);
}

/// # Errors
/// The number of the line that did not go as written, and why.
fn play(text: &str) -> Result<(), (usize, String)> {
    let mut player = Player { model: Model::new("nobody"), limits: Limits::default() };
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        last = at + 1;
        player.line(line).map_err(|what| (last, what))?;
    }
    player.quiet().map_err(|what| (last, what))
}

struct Player {
    model: Model,
    limits: Limits,
}

impl Player {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match sign {
            "" | "#" => Ok(()),
            "user" => {
                let (name, realm) = rest.split_once('@').unwrap_or((rest, ""));
                let model = Model::with_limits(name, self.limits);
                self.model = if realm.is_empty() { model } else { model.in_realm(realm) };
                Ok(())
            }
            "keep" => {
                self.limits.messages = rest.parse().map_err(|_| "no number")?;
                Ok(())
            }
            ">" => match self.model.next_request() {
                Some(request) if request == rest => Ok(()),
                other => Err(format!("the model asks {other:?}")),
            },
            "<" => {
                match RawReply(rest.as_bytes()).parse().map_err(|error| error.to_string())? {
                    Incoming::Event(event) => self.model.event(&event),
                    Incoming::Reply(reply) => self.model.answered(&reply),
                }
                self.model.take_updates();
                Ok(())
            }
            "+" => self.act(rest).ok_or_else(|| "it cannot be done".into()),
            "=" => self.check(rest),
            _ => Err("no such line".into()),
        }
    }

    fn act(&mut self, line: &str) -> Option<()> {
        let (line, text) = line.split_once(" : ").unwrap_or((line, ""));
        let words: Vec<&str> = line.split_whitespace().collect();
        let id = |at: usize| words.get(at)?.parse().ok();
        let model = &mut self.model;
        match words[..] {
            ["connect"] => model.connected(Follow::Watch),
            ["connect", "poll"] => model.connected(Follow::Poll),
            ["disconnect"] => model.disconnected(),
            ["resume", cursor] => *model = Model::new(model.me()).from_cursor(cursor),
            ["poll"] => model.poll(),
            ["retry"] => model.retry(),
            ["post", conversation, reference, ref options @ ..] => {
                let mut draft = Draft::new(conversation, reference, text);
                for option in options {
                    match option.split_once('=')? {
                        ("reply", id) => draft.reply = Some(id.parse().ok()?),
                        ("kind", kind) => draft.kind = Some(kind.to_owned()),
                        ("file", hash) => draft.file = Some(hash.to_owned()),
                        _ => return None,
                    }
                }
                model.post(draft).ok()?;
            }
            ["again", reference] => return model.post_again(reference).then_some(()),
            ["discard", reference] => return model.discard(reference).map(drop),
            ["read", conversation, _] => model.mark_read(conversation, id(2)?),
            ["unread", conversation, _] => model.mark_unread(conversation, id(2)?),
            ["load", conversation, part, ..] => {
                let limit = words.last()?.parse().ok()?;
                let part = match part {
                    "newest" => Part::Newest,
                    "before" => Part::Before(id(3)?),
                    "after" => Part::After(id(3)?),
                    "around" => Part::Around(id(3)?),
                    _ => return None,
                };
                model.load(conversation, part, limit);
            }
            _ => return None,
        }
        Some(())
    }

    fn check(&mut self, line: &str) -> Result<(), String> {
        let (what, expected) = line.split_once(' ').unwrap_or((line, ""));
        let (name, rest) = expected.split_once(' ').unwrap_or((expected, ""));
        let conversation = || self.model.conversation(name).ok_or("there is no such conversation");
        let (found, expected) = match what {
            "quiet" => return self.quiet(),
            "phase" => (phase(self.model.phase()).to_owned(), expected),
            "cursor" => (self.model.cursor().unwrap_or("none").to_owned(), expected),
            "conversations" => {
                let all = self.model.conversations();
                let names: Vec<&str> = all.iter().map(|each| each.name()).collect();
                (names.join(" "), expected)
            }
            "unread" => {
                let count = self.model.count(name);
                let mentions = format!(" mentions {}", count.mentions);
                let mentions = if count.mentions == 0 { "" } else { &mentions };
                (format!("{}{mentions}", count.unread), rest)
            }
            "read" => (conversation()?.read().to_string(), rest),
            "messages" => (messages(&self.model, name), rest),
            "message" => {
                let (id, keys) = rest.split_once(' ').ok_or("no keys")?;
                let id = id.parse().map_err(|_| "no id")?;
                let message = conversation()?.message(id).ok_or("there is no such message")?;
                let delivered = self.model.is_delivered(name, message.id);
                return is_like(keys, &shown(message, delivered));
            }
            "group" => {
                let group = conversation()?;
                let number = |n: Option<u64>| n.map_or(Value::Null, Value::from);
                let shown = BTreeMap::from([
                    ("members", number(group.members())),
                    ("role", group.role().into()),
                    ("topic", group.topic().into()),
                    ("muted", group.is_muted().into()),
                ]);
                return is_like(rest, &shown);
            }
            "outbox" => (outbox(&self.model), expected),
            _ => return Err("nothing to be checked".into()),
        };
        if found == expected { Ok(()) } else { Err(format!("it is: {found}")) }
    }

    fn quiet(&mut self) -> Result<(), String> {
        match self.model.clone().next_request() {
            Some(request) => Err(format!("the model asks {request}")),
            None => Ok(()),
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Offline => "offline",
        Phase::Listing => "listing",
        Phase::CatchingUp => "catching-up",
        Phase::InStep => "in-step",
        Phase::Waiting => "waiting",
        Phase::LoggedOut => "logged-out",
    }
}

/// `... 3 4 | 7`: what may be missing is `...` at the beginning, and `|` in between.
fn messages(model: &Model, name: &str) -> String {
    let Some(conversation) = model.conversation(name) else { return "none".into() };
    let (mut before, mut out) = (0, String::new());
    for message in conversation.messages() {
        let follows = conversation.follows(before, message.id);
        out.push_str(match (before, follows) {
            (0, true) => "",
            (0, false) => "... ",
            (_, true) => " ",
            (_, false) => " | ",
        });
        let _ = write!(out, "{}", message.id);
        before = message.id;
    }
    out
}

fn outbox(model: &Model) -> String {
    let entry = |entry: &super::Entry| {
        let state = match &entry.state {
            State::Waiting => "waiting".into(),
            State::Asked => "asked".into(),
            State::Posted(id) => format!("posted={id}"),
            State::Refused(code) => format!("refused={code}"),
        };
        format!("{}:{state}", entry.draft.reference)
    };
    model.outbox().map(entry).collect::<Vec<_>>().join(" ")
}

fn shown(message: &Message, delivered: bool) -> BTreeMap<&'static str, Value> {
    let names = |(emoji, by): &(String, Vec<String>)| (emoji.clone(), by.clone().into());
    let file = message.file.as_ref().map(|file| {
        let (width, height) = file.picture.unzip();
        serde_json::json!({
            "sha256": file.sha256, "name": file.name, "type": file.kind, "size": file.size,
            "width": width, "height": height,
        })
    });
    BTreeMap::from([
        ("file", file.into()),
        ("from", message.from.clone().into()),
        ("message", message.text.clone().into()),
        ("time", message.time.clone().into()),
        ("realm", message.realm.clone().into()),
        ("to_realm", message.to_realm.clone().into()),
        ("notice", message.notice.clone().into()),
        ("kind", message.kind.clone().into()),
        ("reply", message.reply.into()),
        ("ref", message.reference.clone().into()),
        ("edited", message.edited.clone().into()),
        ("deleted", message.deleted.into()),
        ("lost", message.lost.into()),
        ("delivered", delivered.into()),
        ("pending", message.pending.into()),
        ("reactions", Value::Object(message.reactions.iter().map(names).collect())),
    ])
}

/// Whether the keys of an object have these values.
fn is_like(expected: &str, found: &BTreeMap<&'static str, Value>) -> Result<(), String> {
    let expected: serde_json::Map<String, Value> =
        serde_json::from_str(expected).map_err(|error| error.to_string())?;
    for (key, value) in expected {
        let is = found.get(key.as_str()).ok_or_else(|| format!("there is no {key}"))?;
        if *is != value {
            return Err(format!("{key} is {is}"));
        }
    }
    Ok(())
}
