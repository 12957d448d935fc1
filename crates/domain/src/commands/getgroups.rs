//! GETGROUPS and GROUP GET: the groups there are.

use super::{ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Body, Dialect};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "GETGROUPS",
        help: "Lists the groups of this realm; in lower case as the existing clients read it.",
        run,
        ..ROW
    },
    Verb { name: "GROUP GET", help: "Lists the names of the groups.", run: names_only, ..ROW },
];

fn names_only(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    Ok(Body::List(cx.state.groups().names).into())
}

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if cx.dialect == Dialect::Upper {
        return names_only(cx, args);
    }
    let groups = cx.state.groups();
    // Who is in a group is its members' business, as in MEMBERS.
    let mine = cx.my_account()?.groups.clone();
    let members = mine.into_iter().filter_map(|id| Some((groups.place(id)?, cx.state.members(id))));
    let members = members.collect();
    Ok(Body::Groups(groups.names, members).into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn three_forms_of_one_list() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.expect(1, "group get", r#"{"status":"OK","message":[]}"#);
        realm.say(1, "group add Staff pw");
        realm.expect(1, "group get", r#"{"status":"OK","message":["Staff"]}"#);
        realm.expect(1, "GETGROUPS", r#"{"status":"OK","data":["Staff"]}"#);
        realm.expect(1, "GROUP GET", r#"{"status":"OK","data":["Staff"]}"#);
        realm.expect(
            1,
            "getgroups {}",
            r#"{"status":"OK","message":{"Staff":{"nama":"Staff","members":["amy"]}}}"#,
        );
        realm.login(2, "bob");
        realm.expect(
            2,
            "getgroups {}",
            r#"{"status":"OK","message":{"Staff":{"nama":"Staff","members":[]}}}"#,
        );
    }
}
