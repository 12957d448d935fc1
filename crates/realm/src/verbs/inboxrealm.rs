//! INBOXREALM: private messages received from users of another realm.

use super::{HISTORY, Param, ROW, Verb};
use crate::links::{Ask, LinkKind, messages_of};
use crate::{Answer, Args, Cx, Mailbox, Page, Proof, Read, RealmId, Source, Stop, Work};
use antar_wire::Listing;

pub const VERBS: &[Verb] = &[Verb {
    name: "INBOXREALM",
    params: &[Param::Word("R")],
    options: HISTORY,
    help: "Lists the private messages received from users of a realm.",
    addressed: true,
    run,
    ..ROW
}];

fn run(cx: &mut Cx<'_>, args: &Args<'_>) -> Result<Answer, Stop> {
    let page = args.page()?;
    let (realm, peer) = cx.known_realm(args.word(0))?;
    let (plain, linked) = (peer.record.kind == LinkKind::Plain, peer.is_open());
    let user = cx.my_account()?.record.name.clone();
    if plain && linked {
        let line = format!("remoteinboxrealm {user} {}", cx.peer(realm)?.record.name);
        return cx.pass_on(realm, line, page, Mailbox::Realm(cx.me()?, realm));
    }
    let stale = !linked || cx.catch_up(realm, &user, None)?;
    let source = Source::Mailbox(Mailbox::Realm(cx.me()?, realm));
    Ok(Answer::Read(Read { stale, ..Read::new(source, page, Listing::Messages) }))
}

impl Cx<'_> {
    /// Asks a plain peer and passes its list on after what is here: notices, and what it has forgotten.
    pub(crate) fn pass_on(
        &mut self,
        realm: RealmId,
        line: String,
        page: Page,
        own: Mailbox,
    ) -> Result<Answer, Stop> {
        let peer = self.peer(realm)?;
        let (name, address) = (peer.record.name.clone(), peer.record.address.clone());
        let answer = self.proofs.iter().find_map(|proof| match proof {
            Proof::Asked(answer) => Some(answer.clone()),
            _ => None,
        });
        let list = match (answer, address) {
            (None, Some(address)) => {
                return Err(Stop::Work(Work::Ask(Ask { address, line, with_source: None })));
            }
            (Some(Ok((answer, _))), _) => messages_of(&answer, &name),
            _ => None,
        };
        let stale = list.is_none();
        // What a plain peer tells has no ids: it is the newest, whatever the page.
        let also = list.filter(|_| page.before.is_none()).unwrap_or_default();
        let read = Read::new(Source::Mailbox(own), page, Listing::Messages);
        Ok(Answer::Read(Read { stale, also, ..read }))
    }
}
