//! INBOXGROUP and GROUP INBOX: all messages of a group, for its members.

use super::{HISTORY, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Mailbox, Read, Source};
use antar_types::Listing;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "INBOXGROUP",
        params: &[Param::Word("G")],
        options: HISTORY,
        help: "Lists the messages of a group, the caller's own too.",
        run: read,
        listing: Listing::BySender,
        ..ROW
    },
    Verb {
        name: "GROUP INBOX",
        params: &[Param::Word("G")],
        options: HISTORY,
        help: "Lists the messages of a group, the caller's own too.",
        run: read,
        listing: Listing::Message,
        ..ROW
    },
];

fn read(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let page = args.page()?;
    let group = cx.enter(args.word(0))?;
    Ok(Answer::Read(Read::new(Source::Mailbox(Mailbox::Group(group)), page)))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn one_conversation_in_three_forms() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.say(2, "group join staff pw");
        realm.say(1, "group send one");
        realm.say(2, "group send two");
        assert_eq!(realm.texts(1, "INBOXGROUP staff"), ["one", "two"]);
        let list = realm.say(1, "group inbox staff");
        assert_eq!(list["message"][1]["msg_from"], "bob");
        assert_eq!(list["message"][1]["msg_to"], "staff");
        let object = realm.say(1, "inboxgroup staff limit=1");
        assert_eq!(
            (&object["messages"]["bob"][0]["msg"], &object["more"]),
            (&"two".into(), &true.into())
        );
    }

    #[test]
    fn members_only() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.say(1, "group add staff pw");
        realm.expect(
            2,
            "group inbox staff",
            r#"{"status":"ERROR","message":"Bukan member group","code":"not_member"}"#,
        );
        realm.expect(
            2,
            "INBOXGROUP x",
            r#"{"status":"ERROR","data":"Group belum ada","code":"group_not_found"}"#,
        );
        assert_eq!(
            realm.say(2, "group inbox")["usage"],
            "group inbox G [after=ID] [before=ID] [limit=N]"
        );
    }
}
