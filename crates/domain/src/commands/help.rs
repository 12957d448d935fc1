//! HELP: the verbs, from their rows.

use super::{Access, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Body, Code, Dialect, List, words};
use std::sync::LazyLock;

pub const VERBS: &[Verb] = &[Verb {
    name: "HELP",
    params: &[Param::Maybe("[VERB]")],
    help: "Lists every request, or tells about one.",
    access: Access::Anyone,
    run,
    ..ROW
}];

/// All lines, made once and kept once: anybody may ask for them, over and over, and not read them.
static ALL_LOWER: LazyLock<List> = LazyLock::new(|| all(Dialect::Lower));
static ALL_UPPER: LazyLock<List> = LazyLock::new(|| all(Dialect::Upper));

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if args.text.is_empty() {
        let all = match cx.dialect {
            Dialect::Lower => &ALL_LOWER,
            Dialect::Upper => &ALL_UPPER,
        };
        return Ok(Body::List(List::clone(all)).into());
    }
    let (first, rest) = words::first(args.text);
    let verb = crate::text::find(first)
        .or_else(|| crate::text::find_pair(first, words::first(rest).0).map(|row| row.1));
    let help = line(verb.ok_or(Code::UnknownRequest)?, cx.dialect);
    Ok(Body::Value(help.into()).into())
}

fn all(dialect: Dialect) -> List {
    crate::text::all().map(|verb| line(verb, dialect).into()).collect()
}

fn line(verb: &Verb, dialect: Dialect) -> String {
    format!("{}: {}", verb.usage(dialect), verb.help)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_of_all_or_one() {
        let mut realm = Realm::with_users(&[]);
        let all = realm.say(1, "HELP")["data"].as_array().unwrap().len();
        assert_eq!(all, crate::text::all().count());
        assert_eq!(
            realm.say(1, "help group send")["message"],
            "group send [G] MSG: Sends a message to the group named first, else to the session's current group."
        );
        assert_eq!(realm.say(1, "help frobnicate")["code"], "unknown_request");
    }
}
