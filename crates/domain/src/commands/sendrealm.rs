//! SENDREALM: a private message to a user of another realm.

use super::{Param, ROW, Verb};
use crate::links::{LONGEST, LinkKind, Status, owe};
use crate::{Answer, Args, Context, Event, Interrupt, Mailbox, PeerId};
use antar_types::{Away, Body, Code, Entry, EntryKind, Message, Name, Phrase};
use std::sync::Arc;

pub const VERBS: &[Verb] = &[Verb {
    name: "SENDREALM",
    params: &[Param::Word("R"), Param::Word("U"), Param::Text("MSG")],
    help: "Sends a private message to a user of another realm; OK once it is on disk here.",
    addressed: true,
    run,
    ..ROW
}];

/// Users of one plain realm that can be written to.
const ABROAD: usize = 10_000;

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.me()?;
    let realm = cx.open_realm(args.word(0))?;
    let to = Name::parse(args.word(1)).ok_or(Code::BadName)?;
    let text = cx.text(args.text)?;
    let (id, time) = (cx.next_id(), cx.readings.now);
    let from = cx.my_account()?.record.name.clone();
    let plain = cx.peer(realm)?.record.kind == LinkKind::Plain;
    let name = Some(Away::To(cx.peer(realm)?.record.name.clone()));
    let (mut id, owed) = (
        id,
        Entry {
            kind: EntryKind::Private,
            time,
            from: from.clone(),
            to: to.clone(),
            text: text.clone(),
        },
    );
    let waits = if plain { Some(number(cx, realm, &to)?) } else { None };
    if waits.is_some() {
        id = cx.next_id();
    } else {
        cx.owe(realm, owed)?;
    }
    let message = Message { id, time, from, to, text, realm: name, notice: None };
    if let Some(number) = waits {
        // It waits here until they ask for it, without the realm's name: there it is their own.
        let message = Arc::new(Message { realm: None, ..message.clone() });
        cx.post(Mailbox::Plain(realm, number), None, message)?;
    }
    cx.post(Mailbox::SentRealm(me, realm), None, Arc::new(message))?;
    Ok(Body::Sent(Phrase::same("Pesan realm dikirim"), id, None).into())
}

/// The number under which what is for a user of a plain realm waits.
fn number(cx: &mut Context<'_>, realm: PeerId, to: &Name) -> Result<u64, Code> {
    let plain_mailboxes = &cx.peer(realm)?.plain_mailboxes;
    if let Some(number) = plain_mailboxes.get(&*to.folded()) {
        return Ok(*number);
    }
    if plain_mailboxes.len() >= ABROAD {
        return Err(Code::LinkFull);
    }
    let number = cx.next_id();
    cx.emit(Event::PlainMailboxSet(realm, number, to.clone()))?;
    Ok(number)
}

impl Context<'_> {
    /// A realm by name that can be written to.
    pub(crate) fn open_realm(&self, name: &str) -> Result<PeerId, Code> {
        let (realm, peer) = self.realm(name)?;
        match peer.record.status {
            Status::Linked | Status::Asked => Ok(realm),
            Status::RemovedThere => Err(Code::RealmUnreachable),
            Status::Asking | Status::Removed | Status::Former => Err(Code::RealmNotFound),
        }
    }

    /// Appends to what a realm is owed, within its limit.
    pub(crate) fn owe(&mut self, realm: PeerId, entry: Entry) -> Result<(), Code> {
        if entry.text.as_str().len() > LONGEST {
            return Err(Code::TooLong);
        }
        let (limits, out) = (&self.state.limits, &self.peer(realm)?.out);
        if out.owed() >= limits.link_messages || out.owed_bytes() + entry.size() > limits.link_bytes
        {
            return Err(Code::LinkFull);
        }
        let event = owe(out, realm, entry);
        self.emit(event)
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};

    #[test]
    fn answers_at_once_whether_the_link_is_up_or_down() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        let id = realm.say(1, "sendrealm BETA bob one")["id"].clone();
        realm.disconnect(BETA);
        let sent = realm.say(1, "SENDREALM beta bob two  words ");
        assert_eq!((&sent["status"], &sent["data"]), (&"OK".into(), &"Pesan realm dikirim".into()));
        let list = realm.say(1, "SENT realm=beta");
        assert_eq!((&list["data"][0]["id"], &list["data"][0]["to_realm"]), (&id, &"beta".into()));
        assert_eq!(realm.texts(1, "SENT realm=beta"), ["one", "two  words"]);
        assert_eq!(realm.texts(1, "SENT"), Vec::<String>::new());
        assert_eq!(realm.say(1, "CHECKREALM")["data"][0]["owed"], 2);
    }

    #[test]
    fn refuses_what_could_not_be_delivered() {
        let mut realm = Realm::linked(&["amy"]);
        assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "no_session");
        realm.login(1, "amy");
        realm.expect(
            1,
            "sendrealm gamma bob x",
            r#"{"status":"ERROR","message":"Realm belum ada","code":"realm_not_found"}"#,
        );
        assert_eq!(realm.say(1, "sendrealm beta b!b x")["code"], "bad_name");
        assert_eq!(realm.say(1, "sendrealm beta bob a\u{1}")["code"], "bad_text");
        realm.state.limits.link_messages = 2;
        (0..2).for_each(|_| assert_eq!(realm.say(1, "sendrealm beta bob x")["status"], "OK"));
        assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "link_full");
        realm.state.limits.link_messages = 9;
        realm.state.limits.link_bytes = 100;
        assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "link_full");
        realm.hear(BETA, "REMOVED");
        assert_eq!(realm.say(1, "sendrealm beta bob x")["code"], "realm_unreachable");
    }
}
