//! REMOTEINBOXREALM and REMOTEINBOXGROUPREALM: a peer asks for what it has not got; from server to
//! server.
//!
//! On a native link everything is on its way anyway, in order: the answer says how far that goes. A
//! plain peer is given the messages themselves.

use super::{Access, HISTORY, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Mailbox, Page, PeerId, Read, Source};
use antar_types::{Body, Code, Listing, Reply};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "REMOTEINBOXREALM",
        params: &[Param::Word("U"), Param::Word("R")],
        options: &[HISTORY[0], HISTORY[1], HISTORY[2], "cursor=EPOCH:N:HASH"],
        help: "Asks for the messages to a user of a realm; from server to server.",
        access: Access::Peer,
        run: private,
        ..ROW
    },
    Verb {
        name: "REMOTEINBOXGROUPREALM",
        params: &[Param::Word("G"), Param::Word("R")],
        options: &[HISTORY[0], HISTORY[1], HISTORY[2], "cursor=EPOCH:N:HASH"],
        help: "Asks for the messages of a group; from server to server.",
        access: Access::Peer,
        run: group,
        ..ROW
    },
];

fn private(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if let Some(reply) = caught_up(cx)? {
        return Ok(reply);
    }
    let realm = cx.plain_peer(args.word(1))?;
    let waiting = antar_types::Folded::new(args.word(0))
        .and_then(|name| cx.state.durable.peers.get(&realm)?.plain_mailboxes.get(&*name).copied());
    match waiting {
        Some(number) => Ok(read(Mailbox::Plain(realm, number), args.page()?)),
        None => Ok(Body::Messages(Listing::Messages, Vec::new(), false).into()),
    }
}

fn group(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if let Some(reply) = caught_up(cx)? {
        return Ok(reply);
    }
    let realm = cx.plain_peer(args.word(1))?;
    let (group, _) = cx.group(args.word(0))?;
    Ok(read(Mailbox::GroupRealm(group, realm), args.page()?))
}

fn read(mailbox: Mailbox, page: Page) -> Answer {
    Answer::Read(Read::new(Source::Mailbox(mailbox), page))
}

/// On a native link: how far what is owed goes by now.
fn caught_up(cx: &mut Context<'_>) -> Result<Option<Answer>, Interrupt> {
    if !cx.state.links.conns.contains_key(&cx.conn) {
        return Ok(None);
    }
    let realm = cx.linked()?;
    let tip = cx.peer(realm)?.out.tip.seq;
    let none = Reply::from(Body::Messages(Listing::Messages, Vec::new(), false));
    Ok(Some(none.with("tip", tip).into()))
}

impl Context<'_> {
    /// The realm of a plain link whose other end is calling.
    pub(crate) fn plain_peer(&self, name: &str) -> Result<PeerId, Code> {
        let ip = self.plain_caller()?;
        let (realm, peer) = self.realm(name)?;
        // A realm that can prove who it is does not speak without doing so; nor does one whose name is
        // another's by now.
        let speaks = peer.key().is_none() && !peer.is_gone();
        let address = peer.record.address.as_ref().filter(|_| speaks);
        let own = address.is_some_and(|a| a.host.parse() == Ok(ip));
        own.then_some(realm).ok_or(Code::Forbidden)
    }
}
