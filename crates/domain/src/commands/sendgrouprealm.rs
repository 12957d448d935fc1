//! SENDGROUPREALM: a message to the group of the same name in another realm.

use super::{Destination, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Mailbox};
use antar_types::{Away, Body, Code, Dialect, Entry, EntryKind, Message, Phrase, words};
use std::sync::Arc;

pub const VERBS: &[Verb] = &[Verb {
    name: "SENDGROUPREALM",
    params: &[Param::Word("R"), Param::Text("[G] MSG")],
    help: "Sends a message to the group of the same name in another realm.",
    addressed: true,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let realm = cx.open_realm(args.word(0))?;
    let (first, rest) = words::first(args.text);
    let to = match cx.dialect {
        // In capitals it always names its group.
        Dialect::Upper if rest.is_empty() => return Err(Code::BadParameters.into()),
        Dialect::Upper => Destination::Named(first.into(), rest.into()),
        Dialect::Lower => Destination::NamedOrCurrent(args.text.into()),
    };
    let (group, text) = to.find(cx)?;
    let text = cx.draft(&text)?;
    let to = cx.state.durable.groups.get(&group).map(|g| g.record.name.clone());
    let to = to.ok_or(Code::GroupNotFound)?;
    let from = cx.my_account()?.record.name.clone();
    let (id, time) = (cx.next_id(), cx.readings.now);
    let name = Some(Away::To(cx.peer(realm)?.record.name.clone()));
    let kind = EntryKind::Group;
    cx.owe(realm, Entry { kind, time, from: from.clone(), to: to.clone(), text: text.clone() })?;
    let group_name = to.clone();
    let message = Arc::new(Message { id, time, from, to, text, realm: name, notice: None });
    cx.post(Mailbox::GroupRealm(group, realm), None, message)?;
    cx.step().run_errands(realm);
    let phrase = Phrase { lower: "Pesan realm dikirim", upper: "Pesan grup realm terkirim" };
    Ok(Body::Sent(phrase, id, Some(group_name)).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{BETA, Realm};
    use antar_types::{EntryKind, Value};

    fn realm() -> Realm {
        let mut realm = Realm::linked(&["amy", "zoe"]);
        realm.login(1, "amy");
        realm.login(2, "zoe");
        realm.say(1, "group add staff pw");
        realm
    }

    #[test]
    fn both_sides_are_one_conversation() {
        let mut realm = realm();
        realm.say(1, "WATCH");
        let sent = realm.say(1, "SENDGROUPREALM beta Staff hello");
        assert_eq!(
            (&sent["data"], &sent["group"]),
            (&"Pesan grup realm terkirim".into(), &"staff".into())
        );
        realm.deliver(EntryKind::Group, "bob", "STAFF", "hello too");
        let events = realm.events(1);
        let shown = |i: usize| [&events[i]["box"], &events[i]["realm"], &events[i]["to_realm"]];
        assert_eq!(shown(0), [&"grouprealm".into(), &Value::Null, &"beta".into()]);
        assert_eq!(shown(1), [&"grouprealm".into(), &"beta".into(), &Value::Null]);
        realm.disconnect(BETA);
        assert_eq!(realm.texts(1, "INBOXGROUPREALM beta staff"), ["hello", "hello too"]);
        assert_eq!(realm.texts(1, "INBOXGROUP staff"), Vec::<String>::new());
        assert_eq!(realm.say(2, "inboxgrouprealm beta staff")["code"], "not_member");
    }

    #[test]
    fn in_lower_case_the_group_may_be_left_out() {
        let mut realm = realm();
        assert_eq!(realm.say(1, "sendgrouprealm beta hello all")["group"], "staff");
        assert_eq!(
            realm.say(1, "sendgrouprealm beta staff hello")["message"],
            "Pesan realm dikirim"
        );
        assert_eq!(realm.say(2, "sendgrouprealm beta hello")["code"], "no_group");
        assert_eq!(realm.say(2, "sendgrouprealm beta staff hello")["code"], "not_member");
        assert_eq!(realm.say(1, "SENDGROUPREALM beta none hello")["code"], "group_not_found");
        assert_eq!(realm.say(1, "SENDGROUPREALM beta staff")["code"], "bad_parameters");
    }
}
