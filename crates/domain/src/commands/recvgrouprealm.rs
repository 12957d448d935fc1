//! RECVGROUPREALM: a plain peer brings a group message; from server to server.

use super::{Access, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Mailbox};
use antar_types::{Away, Code, Message, Name, Phrase, Reply};
use std::sync::Arc;

pub const VERBS: &[Verb] = &[Verb {
    name: "RECVGROUPREALM",
    params: &[Param::Word("R"), Param::Word("U"), Param::Word("G"), Param::Text("MSG")],
    help: "Brings a group message; from server to server, on plain links.",
    access: Access::Peer,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let realm = cx.plain_peer(args.word(0))?;
    let from = Name::parse(args.word(1)).ok_or(Code::BadName)?;
    let (group, to) = cx.group(args.word(2)).map(|(id, g)| (id, g.record.name.clone()))?;
    let text = cx.text(args.text)?;
    let (id, time) = (cx.next_id(), cx.readings.now);
    let name = Some(Away::From(cx.peer(realm)?.record.name.clone()));
    let message = Arc::new(Message { id, time, from, to, text, realm: name, notice: None });
    let (mailbox, said) = (Mailbox::GroupRealm(group, realm), message.clone());
    cx.post(mailbox, None, message)?;
    cx.step().link(realm).common.note(&said.from, &said.to, said.text.as_str());
    Ok(Reply::done(Phrase::same("Pesan grup realm terkirim")).into())
}
