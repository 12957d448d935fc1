//! INBOXGROUPREALM: the conversation of a group between this realm and another.

use super::{HISTORY, Param, ROW, Verb};
use crate::links::LinkKind;
use crate::{Answer, Args, Context, Interrupt, Mailbox, Read, Source};
use antar_types::Code;

pub const VERBS: &[Verb] = &[Verb {
    name: "INBOXGROUPREALM",
    params: &[Param::Word("R"), Param::Word("G")],
    options: HISTORY,
    help: "Lists the conversation of a group between this realm and another, both sides.",
    addressed: true,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let page = args.page()?;
    let (realm, peer) = cx.known_realm(args.word(0))?;
    let (plain, linked) = (peer.record.kind == LinkKind::Plain, peer.is_open());
    let group = cx.enter(args.word(1))?;
    let name = cx.state.durable.groups.get(&group).map(|g| g.record.name.clone());
    let name = name.ok_or(Code::GroupNotFound)?;
    let own = Mailbox::GroupRealm(group, realm);
    if plain && linked {
        let line = format!("remoteinboxgrouprealm {name} {}", cx.peer(realm)?.record.name);
        return cx.pass_on(realm, line, page, (own, &name));
    }
    let user = cx.my_account()?.record.name.clone();
    let stale = !linked || cx.catch_up(realm, &user, Some(&name))?;
    let read = Read::new(Source::Mailbox(own), page);
    Ok(Answer::Read(Read { stale, ..read }))
}
