//! The verbs that cross realms. No realm can be linked yet, so each answers as a realm without
//! links does: what names another realm finds none, and what comes from servers is refused.

use super::{HISTORY, Needs, Param, ROW, Verb};
use crate::{Answer, Args, Cx, Stop};
use antar_wire::{Body, Code, Name, json};

const R: Param = Param::Word("R");

/// A verb that names a realm, which is never found.
const REALM: Verb = Verb { addressed: true, run: |_, _| Err(Code::RealmNotFound.into()), ..ROW };

/// A verb from server to server; no connection is a link.
const SERVER: Verb = Verb { needs: Needs::Link, ..ROW };

pub const VERBS: &[Verb] = &[
    Verb {
        name: "ADDREALM",
        params: &[R, Param::Word("HOST"), Param::Word("PORT")],
        help: "Links this realm with another.",
        run: add,
        ..REALM
    },
    Verb { name: "REMOVEREALM", params: &[R], help: "Ends the link with a realm.", ..REALM },
    Verb {
        name: "CHECKREALM",
        help: "Lists the linked realms and the state of each link.",
        run: |_, _| Ok(Body::Either { lower: json!({}), upper: json!([]) }.into()),
        ..REALM
    },
    Verb {
        name: "SENDREALM",
        params: &[R, Param::Word("U"), Param::Text("MSG")],
        help: "Sends a private message to a user of another realm.",
        ..REALM
    },
    Verb {
        name: "INBOXREALM",
        params: &[R],
        options: HISTORY,
        help: "Lists the private messages received from users of a realm.",
        ..REALM
    },
    Verb {
        name: "SENDGROUPREALM",
        params: &[R, Param::Text("[G] MSG")],
        help: "Sends a message to the group of the same name in another realm.",
        ..REALM
    },
    Verb {
        name: "INBOXGROUPREALM",
        params: &[R, Param::Word("G")],
        options: HISTORY,
        help: "Lists the conversation of a group between this realm and another.",
        ..REALM
    },
    Verb {
        name: "ACKREALM",
        params: &[
            R,
            Param::Word("HOST"),
            Param::Word("PORT"),
            Param::Word("SRCHOST"),
            Param::Word("SRCPORT"),
        ],
        help: "Answers ADDREALM; from server to server.",
        ..SERVER
    },
    Verb {
        name: "REMOTEINBOXREALM",
        params: &[Param::Word("U"), R],
        help: "Asks for the messages to a user of a realm; from server to server.",
        ..SERVER
    },
    Verb {
        name: "RECVGROUPREALM",
        params: &[R, Param::Word("U"), Param::Word("G"), Param::Text("MSG")],
        help: "Brings a group message; from server to server.",
        ..SERVER
    },
    Verb {
        name: "REMOTEINBOXGROUPREALM",
        params: &[Param::Word("G"), R],
        help: "Asks for the messages of a group; from server to server.",
        ..SERVER
    },
];

fn add(cx: &mut Cx<'_>, args: &Args<'_>) -> Result<Answer, Stop> {
    args.word(2).parse::<u16>().map_err(|_| Code::BadParameters)?;
    if !cx.state.policy.open_linking && !cx.is_admin() {
        return Err(Code::Forbidden.into());
    }
    Name::parse(args.word(0)).ok_or(Code::BadName)?;
    Err(Code::Unavailable.into())
}

#[cfg(test)]
mod tests {
    use crate::verbs::testing::Realm;

    #[test]
    fn answers_as_a_realm_without_links() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.say(1, "inboxrealm beta")["code"], "no_session");
        let token = realm.login(1, "bob");
        realm.expect(1, "checkrealm", r#"{"status":"OK","message":{}}"#);
        realm.expect(1, "CHECKREALM", r#"{"status":"OK","data":[]}"#);
        for line in [
            "sendrealm beta amy hi",
            &format!("sendrealm 10.0.0.2 8889 {token} beta amy hi "),
            "INBOXREALM beta limit=3",
            "sendgrouprealm beta hi",
            "inboxgrouprealm beta staff",
            "removerealm beta",
        ] {
            assert_eq!(realm.say(1, line)["code"], "realm_not_found", "{line}");
        }
        assert_eq!(
            realm.say(1, "addrealm beta 127.0.0.1 8890 127.0.0.1 8889")["code"],
            "unavailable"
        );
        assert_eq!(realm.say(1, "addrealm beta 127.0.0.1 port")["code"], "bad_parameters");
    }

    #[test]
    fn server_verbs_are_refused_on_client_connections() {
        let mut realm = Realm::with_users(&["bob"]);
        for line in [
            "ackrealm alpha 127.0.0.1 1 127.0.0.1 2",
            "remoteinboxrealm bob beta",
            "RECVGROUPREALM beta bob staff hi",
            "remoteinboxgrouprealm staff beta",
        ] {
            assert_eq!(realm.say(1, line)["code"], "forbidden", "{line}");
        }
    }
}
