//! Private messages received from users of another realm.

use crate::links::{Ask, LinkKind, Listed, Of, PlainRequest, Told};
use crate::{
    Answer, Interrupt, Job, JobResult, MAX_PAGE_BYTES, Mailbox, MailboxRead, Page, PeerId,
    RequestContext, Source, Word,
};
use antar_types::Code;

/// Asks for the private messages that the caller received from users of another realm.
#[derive(Clone, Debug)]
pub struct InboxRealm {
    /// The other realm.
    pub realm: Word,
    /// How much of them.
    pub page: Page,
}

impl InboxRealm {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let (peer, known) = cx.known_peer(&self.realm)?;
        let (plain, linked) = (known.record.kind == LinkKind::Plain, known.is_open());
        let user = cx.my_account()?.record.name.clone();
        if plain && linked {
            let own = Mailbox::Realm(cx.me()?, peer);
            return cx.pass_on(peer, Of::User(user), self.page, own);
        }
        let stale = !linked || cx.catch_up(peer, Of::User(user))?;
        let source = Source::Mailbox(Mailbox::Realm(cx.me()?, peer));
        Ok(MailboxRead { stale, ..MailboxRead::new(source, self.page) }.into())
    }
}

/// How often a plain peer is asked for one list, where what is known of it has changed meanwhile.
const ASKED: usize = 2;

impl RequestContext<'_> {
    /// Asks a plain peer and passes its list on after what is here: notices, and what it has forgotten.
    pub(crate) fn pass_on(
        &mut self,
        peer: PeerId,
        of: Of,
        page: Page,
        own: Mailbox,
    ) -> Result<Answer, Interrupt> {
        let known = self.peer(peer).ok_or(Code::RealmNotFound)?;
        let (name, address) = (known.record.name.clone(), known.record.address.clone());
        let listing = self.listing(peer, own).map(Box::new);
        let asked = |result: &&JobResult| matches!(result, JobResult::Asked(..));
        let times = self.results.iter().filter(asked).count();
        let answer = self.results.iter().find_map(|result| match result {
            JobResult::Asked(then, answer) if *then == listing => Some(answer.clone()),
            _ => None,
        });
        let told = match (answer, address) {
            (None, Some(address)) if times < ASKED => {
                let ask = Ask { address, realm: name, request: PlainRequest::List(of) };
                return Err(Interrupt::Job(Job::Ask(ask, listing)));
            }
            (Some(Ok((told, _))), _) => told,
            _ => Told::default(),
        };
        let stale = told.list().is_none();
        // What a plain peer tells has no ids: it is the newest, whatever the page.
        let list = told.list().filter(|_| page.before.is_none()).unwrap_or_default();
        let list = match own.holder() {
            Some(holder) if told.list().is_some() && page.before.is_none() => {
                let formers = self.formers(peer, holder, &told)?;
                list.get(formers..).unwrap_or_default()
            }
            _ => list,
        };
        let (newest, cut) = newest(list, page.limit);
        let (Of::User(to) | Of::Group(to)) = &of;
        let also = newest.iter().map(|listed| listed.message(&name, to)).collect();
        let read = MailboxRead::new(Source::Mailbox(own), page);
        let read = MailboxRead { stale, also, cut: cut || told.cut, ..read };
        Ok(read.without(self.my_blocks()?).into())
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
    use super::*;
    use crate::commands::{
        CloseGroup, Destination, Greet, How, InboxGroupRealm, LinkRealm, RemoveUser, SendGroupRealm,
    };
    use crate::testing::{Realm, group};
    use crate::{Event, Input, Origin, Outcome, Output};
    use antar_types::{Capabilities, Text};
    use std::net::{IpAddr, Ipv4Addr};

    /// Users, the second under the name of one who is gone, and the connection of the plain peer.
    const BOB: u64 = 2;
    const OLD: u64 = 9;

    /// A realm that is linked with a plain peer, where bob is gone and somebody else is bob now.
    fn with_an_heir() -> Realm {
        let mut realm = linked();
        assert_eq!(realm.operator_does(RemoveUser { user: "bob".into() }), Outcome::Done);
        realm.pass(60);
        realm.add_user("bob");
        realm.login(BOB, "bob");
        realm
    }

    /// A realm that is linked with a plain peer.
    fn linked() -> Realm {
        let mut realm = Realm::with_users(&["bob"]);
        realm.policy().plain_peers = [IpAddr::V4(Ipv4Addr::LOCALHOST)].into_iter().collect();
        let port = 9.try_into().unwrap();
        let add =
            LinkRealm { name: "old".into(), host: "127.0.0.1".into(), port, how: Ok(How::Plain) };
        let asked = realm.begin(crate::testing::OPERATOR, add);
        let linked = realm.plain_answers(asked, Told { ok: true, ..Told::default() });
        assert!(realm.end(linked).refusal().is_none());
        realm
    }

    fn inbox() -> InboxRealm {
        let page = Page { after: None, before: None, limit: 9 };
        InboxRealm { realm: "old".into(), page }
    }

    fn list(texts: &[&str]) -> Told {
        let listed = |text: &&str| Listed {
            from: "eve".into(),
            to: "bob".into(),
            text: Text::parse(text, 99).unwrap(),
        };
        Told { ok: true, list: Some(texts.iter().map(listed).collect()), ..Told::default() }
    }

    fn texts(outcome: Outcome) -> Vec<String> {
        match outcome {
            Outcome::Messages(page) => {
                page.found.iter().map(|message| message.text.as_str().to_owned()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The plain peer tells this realm of itself: it has forgotten what waited there.
    fn introduce_anew(realm: &mut Realm) {
        realm.pass(1);
        realm.connect_from(OLD, Origin::Client(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let (to, host, port) = ("old".into(), "127.0.0.1".into(), 9);
        let (again, invitation, can) = (false, None, Capabilities::NONE);
        let greet = Greet { to, host, port, from: None, again, invitation, can };
        assert_eq!(realm.does(OLD, greet), Outcome::Done);
    }

    #[test]
    fn a_list_from_before_the_peer_forgot_is_not_an_heirs() {
        let mut realm = with_an_heir();
        let asked = realm.begin(BOB, inbox());
        introduce_anew(&mut realm);
        let again = realm.plain_answers(asked, list(&["for the former", "this too"]));
        let told = realm.plain_answers(again, list(&["for the heir"]));
        assert_eq!(texts(realm.end(told)), ["for the heir"]);
    }

    #[test]
    fn an_older_list_does_not_say_that_the_peer_forgot() {
        let mut realm = with_an_heir();
        let asked = realm.begin(BOB, inbox());
        let later = realm.begin(BOB, inbox());
        let later = realm.plain_answers(later, list(&["for the former", "this too"]));
        assert!(texts(realm.end(later)).is_empty());
        let again = realm.plain_answers(asked, list(&["for the former"]));
        let told = realm.plain_answers(again, list(&["for the former", "this too", "mine"]));
        assert_eq!(texts(realm.end(told)), ["mine"]);
    }

    #[test]
    fn what_a_peer_listed_when_the_account_was_made_is_told_once() {
        let mut realm = with_an_heir();
        let asks = |output: &Output| match output {
            Output::Ask(ask, _) => Some(*ask),
            _ => None,
        };
        let asked = realm.asked.iter().find_map(asks).unwrap();
        let first = realm.begin(BOB, inbox());
        let first = realm.plain_answers(first, list(&["for the former", "this too"]));
        assert!(texts(realm.end(first)).is_empty());
        // It was read before the second message came, and is heard of last.
        realm.tell(Input::Asked(asked, Ok(list(&["for the former"]))));
        let told = realm.begin(BOB, inbox());
        let told = realm.plain_answers(told, list(&["for the former", "this too"]));
        assert!(texts(realm.end(told)).is_empty());
    }

    fn shown(realm: &mut Realm, told: Told) -> Vec<String> {
        let asked = realm.begin(BOB, inbox());
        let told = realm.plain_answers(asked, told);
        texts(realm.end(told))
    }

    /// The plain peer has everything that it is owed.
    fn carry(realm: &mut Realm) {
        let (peer, known) = realm.state.durable.peers.first_key_value().unwrap();
        let (peer, acked, total) = (*peer, known.out.tip, known.out.total());
        let told = acked.seq;
        realm.state.durable.apply(&Event::Acked { peer, acked, total, hour: 0, told });
    }

    /// Bob has closed the group staff and made another.
    #[test]
    fn a_group_is_not_shown_what_a_plain_peer_lists_of_one_that_was_closed() {
        let mut realm = linked();
        realm.login(BOB, "bob");
        assert_eq!(realm.does(BOB, group("staff")), Outcome::Done);
        let to = Destination::Named("staff".into(), "ours".into());
        let sent = realm.does(BOB, SendGroupRealm { realm: "old".into(), to: Ok(to) });
        assert!(sent.refusal().is_none());
        assert_eq!(realm.does(BOB, CloseGroup { group: "staff".into() }), Outcome::Done);
        assert_eq!(realm.does(BOB, group("staff")), Outcome::Done);
        let shown = |realm: &mut Realm, texts: &[&str]| {
            let page = Page { after: None, before: None, limit: 9 };
            let inbox = InboxGroupRealm { realm: "old".into(), group: "staff".into(), page };
            let asked = realm.begin(BOB, inbox);
            let told = realm.plain_answers(asked, list(texts));
            self::texts(realm.end(told))
        };
        // What the former wrote is not carried yet, and will be listed.
        assert!(shown(&mut realm, &["theirs"]).is_empty());
        introduce_anew(&mut realm);
        assert!(shown(&mut realm, &["theirs"]).is_empty());
        carry(&mut realm);
        assert!(shown(&mut realm, &["theirs", "ours"]).is_empty());
        assert_eq!(shown(&mut realm, &["theirs", "ours", "mine"]), ["mine"]);
        introduce_anew(&mut realm);
        assert_eq!(shown(&mut realm, &["hello"]), ["hello"]);
    }

    /// It was told of this realm and its answer was lost, or somebody else has told it.
    #[test]
    fn a_peer_that_forgot_and_has_not_said_so_lists_others() {
        let mut realm = with_an_heir();
        assert!(shown(&mut realm, list(&["for  the former"])).is_empty());
        // Blanks come and go.
        assert_eq!(shown(&mut realm, list(&["for the former ", "mine"])), ["mine"]);
        assert_eq!(shown(&mut realm, list(&["mine too"])), ["mine too"]);
        assert_eq!(shown(&mut realm, list(&["mine too", "and this"])), ["mine too", "and this"]);
    }

    #[test]
    fn the_oldest_are_not_known_of_a_list_that_was_cut() {
        let mut realm = with_an_heir();
        let cut = |texts: &[&str]| Told { cut: true, ..list(texts) };
        assert!(shown(&mut realm, cut(&["for the former"])).is_empty());
        assert!(shown(&mut realm, list(&["for the former", "this too"])).is_empty());
        assert!(shown(&mut realm, cut(&["this too"])).is_empty());
        let told = list(&["for the former", "this too", "mine"]);
        assert_eq!(shown(&mut realm, told), ["mine"]);
    }
}
