//! SENDGROUPREALM: a message to the group of the same name in another realm.

use super::{Param, ROW, Verb, sendgroup};
use crate::{Answer, Args, Cx, Event, Mailbox, Stop};
use antar_wire::{Away, Body, Code, Dialect, Entry, EntryKind, Message, Phrase, words};
use std::sync::Arc;

pub const VERBS: &[Verb] = &[Verb {
    name: "SENDGROUPREALM",
    params: &[Param::Word("R"), Param::Text("[G] MSG")],
    help: "Sends a message to the group of the same name in another realm.",
    addressed: true,
    run,
    ..ROW
}];

fn run(cx: &mut Cx<'_>, args: &Args<'_>) -> Result<Answer, Stop> {
    let realm = cx.open_realm(args.word(0))?;
    let (group, text) = match cx.dialect {
        // In capitals it always names its group.
        Dialect::Upper => {
            let (name, text) = words::first(args.text);
            if text.is_empty() {
                return Err(Code::BadParameters.into());
            }
            (cx.enter(name)?, text)
        }
        Dialect::Lower => sendgroup::address(cx, args.text)?,
    };
    let text = cx.text(text)?;
    let to = cx.state.durable.groups.get(&group).map(|g| g.record.name.clone());
    let to = to.ok_or(Code::GroupNotFound)?;
    let from = cx.my_account()?.record.name.clone();
    let (id, time) = (cx.next_id(), cx.moment.now);
    let name = Some(Away::To(cx.peer(realm)?.record.name.clone()));
    let kind = EntryKind::Group;
    cx.owe(realm, Entry { kind, time, from: from.clone(), to: to.clone(), text: text.clone() })?;
    let group_name = to.clone();
    let message = Arc::new(Message { id, time, from, to, text, realm: name, notice: None });
    cx.emit(Event::Posted { mailbox: Mailbox::GroupRealm(group, realm), sender: None, message })?;
    cx.step().run_errands(realm);
    let phrase = Phrase { lower: "Pesan realm dikirim", upper: "Pesan grup realm terkirim" };
    Ok(Body::Sent(phrase, id, Some(group_name)).into())
}
