//! INBOXREALM: private messages received from users of another realm.

use super::{HISTORY, Param, ROW, Verb};
use crate::links::{Ask, LinkKind, Listed, Told};
use crate::{
    Answer, Args, Context, Interrupt, Job, JobResult, MAX_PAGE_BYTES, Mailbox, Page, PeerId, Read,
    Source,
};
use antar_types::Name;

pub const VERBS: &[Verb] = &[Verb {
    name: "INBOXREALM",
    params: &[Param::Word("R")],
    options: HISTORY,
    help: "Lists the private messages received from users of a realm.",
    addressed: true,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let page = args.page()?;
    let (realm, peer) = cx.known_realm(args.word(0))?;
    let (plain, linked) = (peer.record.kind == LinkKind::Plain, peer.is_open());
    let user = cx.my_account()?.record.name.clone();
    if plain && linked {
        let line = format!("remoteinboxrealm {user} {}", cx.peer(realm)?.record.name);
        return cx.pass_on(realm, line, page, (Mailbox::Realm(cx.me()?, realm), &user));
    }
    let stale = !linked || cx.catch_up(realm, &user, None)?;
    let source = Source::Mailbox(Mailbox::Realm(cx.me()?, realm));
    Ok(Answer::Read(Read { stale, ..Read::new(source, page) }))
}

impl Context<'_> {
    /// Asks a plain peer and passes its list on after what is here: notices, and what it has forgotten.
    pub(crate) fn pass_on(
        &mut self,
        realm: PeerId,
        line: String,
        page: Page,
        (own, to): (Mailbox, &Name),
    ) -> Result<Answer, Interrupt> {
        let peer = self.peer(realm)?;
        let (name, address) = (peer.record.name.clone(), peer.record.address.clone());
        let answer = self.results.iter().find_map(|result| match result {
            JobResult::Asked(answer) => Some(answer.clone()),
            _ => None,
        });
        let told = match (answer, address) {
            (None, Some(address)) => {
                return Err(Interrupt::Job(Job::Ask(Ask { address, line, with_source: None })));
            }
            (Some(Ok((told, _))), _) => told,
            _ => Told::default(),
        };
        let stale = told.list().is_none();
        // What a plain peer tells has no ids: it is the newest, whatever the page.
        let list = told.list().filter(|_| page.before.is_none()).unwrap_or_default();
        let list = match own {
            Mailbox::Realm(account, _) if told.list().is_some() && page.before.is_none() => {
                let formers = self.step().formers(realm, account, list.len())?;
                list.get(formers..).unwrap_or_default()
            }
            _ => list,
        };
        let (newest, cut) = newest(list, page.limit);
        let also = newest.iter().map(|listed| listed.message(&name, to)).collect();
        let read = Read::new(Source::Mailbox(own), page);
        Ok(Answer::Read(Read { stale, also, cut: cut || told.cut, ..read }))
    }
}

/// Of a list as much as a page may hold, and whether there is more.
fn newest(list: &[Listed], limit: usize) -> (&[Listed], bool) {
    let mut bytes = 0;
    let fits = list.iter().rev().take(limit).take_while(|listed| {
        bytes += listed.text.as_str().len();
        bytes <= MAX_PAGE_BYTES
    });
    let newest = &list[list.len() - fits.count()..];
    (newest, newest.len() < list.len())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};
    use antar_types::{EntryKind, Notice, Value};

    #[test]
    fn waits_for_what_the_realm_has_and_then_shows_what_is_here() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        assert_eq!(realm.say(1, "INBOXREALM beta"), Value::Null);
        let asked = realm.said(BETA);
        assert!(asked[0].starts_with("REMOTEINBOXREALM amy alpha cursor="), "{asked:?}");
        realm.hear(BETA, r#"{"status":"OK","messages":[],"tip":1}"#);
        assert_eq!(realm.woken(), None);
        realm.deliver(EntryKind::Private, "bob", "AMY", "hi");
        let inbox = realm.woken().unwrap();
        assert_eq!((&inbox["data"][0]["from"], inbox.get("stale")), (&"bob".into(), None));
        assert_eq!(
            (&inbox["data"][0]["to"], &inbox["data"][0]["realm"]),
            (&"amy".into(), &"beta".into())
        );
        assert!(realm.said(BETA)[0].starts_with("CURSOR "));
    }

    #[test]
    fn is_stale_where_the_realm_does_not_answer() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        realm.deliver(EntryKind::Notice(Notice::UserNotFound), "bob", "amy", "not there");
        assert_eq!(realm.say(1, "inboxrealm beta"), Value::Null);
        (0..11).for_each(|_| realm.tick());
        assert_eq!(realm.woken(), None);
        realm.tick();
        let late = realm.woken().unwrap();
        assert_eq!(
            (&late["stale"], &late["messages"][0]["notice"]),
            (&true.into(), &"user_not_found".into())
        );
        realm.disconnect(BETA);
        assert_eq!(realm.say(1, "inboxrealm beta")["stale"], true);
        assert_eq!(realm.say(1, "inboxrealm gamma")["code"], "realm_not_found");
    }
}
