//! GETGROUPS and GROUP GET: the groups there are.

use super::{ROW, Verb};
use crate::{Answer, Args, Cx, Stop};
use antar_wire::{Body, Value, json};

pub const VERBS: &[Verb] = &[
    Verb {
        name: "GETGROUPS",
        help: "Lists the groups of this realm; in lower case as the existing clients read it.",
        run,
        ..ROW
    },
    Verb { name: "GROUP GET", help: "Lists the names of the groups.", run: names_only, ..ROW },
];

fn names(cx: &Cx<'_>) -> Value {
    cx.state.durable.groups.values().map(|group| group.record.name.as_str()).collect()
}

fn names_only(cx: &mut Cx<'_>, _: &Args<'_>) -> Result<Answer, Stop> {
    Ok(Body::Value(names(cx)).into())
}

fn run(cx: &mut Cx<'_>, _: &Args<'_>) -> Result<Answer, Stop> {
    if cx.dialect == antar_wire::Dialect::Upper {
        return names_only(cx, &Args::parse(&VERBS[0], "")?);
    }
    let me = cx.me()?;
    let groups = cx.state.durable.groups.values().map(|group| {
        let name = group.record.name.as_str();
        // Who is in a group is its members' business, as in MEMBERS.
        let visible = group.members.contains_key(&me);
        let members: Vec<&str> = (group.members.keys().filter(|_| visible))
            .filter_map(|id| Some(cx.account(*id)?.record.name.as_str()))
            .collect();
        (name.to_string(), json!({"nama": name, "members": members}))
    });
    Ok(Body::Value(Value::Object(groups.collect())).into())
}

#[cfg(test)]
mod tests {
    use crate::verbs::testing::Realm;

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
