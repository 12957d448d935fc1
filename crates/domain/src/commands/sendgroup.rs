//! SENDGROUP, which names its group, and GROUP SEND, which need not.

use super::{Param, ROW, Verb};
use crate::{Answer, Args, Context, GroupId, Interrupt, Mailbox};
use antar_types::{Body, Code, Message, Phrase, words};
use std::sync::Arc;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "SENDGROUP",
        params: &[Param::Word("G"), Param::Text("MSG")],
        help: "Sends a message to a group the caller is in.",
        run,
        ..ROW
    },
    Verb {
        name: "GROUP SEND",
        params: &[Param::Text("[G] MSG")],
        help: "Sends a message to the group named first, else to the session's current group.",
        run: to_current,
        ..ROW
    },
];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let group = cx.enter(args.word(0))?;
    post(cx, group, args.text)
}

fn to_current(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let (group, text) = address(cx, args.text)?;
    post(cx, group, text)
}

/// Takes the group off a text that may begin with one: where the first word names a group and a
/// text follows, it is the address; else the text goes to the session's current group.
pub(super) fn address<'t>(
    cx: &mut Context<'_>,
    text: &'t str,
) -> Result<(GroupId, &'t str), Interrupt> {
    let (first, rest) = words::first(text);
    if !rest.is_empty() && cx.group(first).is_ok() {
        return Ok((cx.enter(first)?, rest));
    }
    Ok((cx.current_group().ok_or(Code::NoGroup)?, text))
}

fn post(cx: &mut Context<'_>, group: GroupId, text: &str) -> Result<Answer, Interrupt> {
    let text = cx.text(text)?;
    let (id, time) = (cx.next_id(), cx.readings.now);
    let from = cx.my_account()?.record.name.clone();
    let to = cx.state.durable.groups.get(&group).map(|g| g.record.name.clone());
    let to = to.ok_or(Code::GroupNotFound)?;
    let message =
        Arc::new(Message { id, time, from, to: to.clone(), text, realm: None, notice: None });
    cx.post(Mailbox::Group(group), None, message)?;
    Ok(Body::Sent(Phrase::same("Message Sent"), id, Some(to)).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.say(1, "group add ops pw");
        realm
    }

    #[test]
    fn sendgroup_always_names_its_group() {
        let mut realm = realm();
        let sent = realm.say(1, "SENDGROUP Staff hi");
        assert_eq!((&sent["data"], &sent["group"]), (&"Message Sent".into(), &"staff".into()));
        realm.expect(
            1,
            "SENDGROUP none hi",
            r#"{"status":"ERROR","data":"Group belum ada","code":"group_not_found"}"#,
        );
        realm.expect(
            2,
            "sendgroup staff hi",
            r#"{"status":"ERROR","message":"Bukan member group","code":"not_member"}"#,
        );
        assert_eq!(realm.say(1, "sendgroup staff")["usage"], "sendgroup G MSG");
    }

    #[test]
    fn group_send_goes_to_the_current_group() {
        let mut realm = realm();
        // The one added last, sent to, read or joined.
        assert_eq!(realm.say(1, "group send hello all")["group"], "ops");
        assert_eq!(realm.say(1, "group send staff hello")["group"], "staff");
        assert_eq!(realm.say(1, "group send again")["group"], "staff");
        // A group's name alone is a text.
        assert_eq!(realm.say(1, "GROUP SEND ops")["group"], "staff");
        realm.say(1, "group inbox ops");
        assert_eq!(realm.say(1, "group send hi")["group"], "ops");
        realm.expect(
            2,
            "group send hi there",
            r#"{"status":"ERROR","message":"Group tidak ditemukan","code":"no_group"}"#,
        );
        assert_eq!(realm.say(2, "group send staff hi")["code"], "not_member");
        realm.say(2, "group join ops pw");
        assert_eq!(realm.say(2, "group send hi there")["group"], "ops");
        assert_eq!(realm.texts(2, "INBOXGROUP ops"), ["hello all", "hi", "hi there"]);
    }
}
