//! SENT: the private messages the caller sent.

use super::{HISTORY, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Mailbox, Read, Source};

pub const VERBS: &[Verb] = &[Verb {
    name: "SENT",
    options: &[HISTORY[0], HISTORY[1], HISTORY[2], "realm=R"],
    help: "Lists the private messages the caller sent to users here or, with realm=R, there.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let page = args.page()?;
    let source = match args.option("realm") {
        Some(name) => Source::Mailbox(Mailbox::SentRealm(cx.me()?, cx.known_realm(name)?.0)),
        None => Source::Sent(cx.me()?),
    };
    Ok(Answer::Read(Read::new(source, page)))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn shows_each_message_under_the_id_it_has_in_the_inbox() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        let id = realm.say(1, "send bob one")["id"].clone();
        realm.say(2, "send amy back");
        realm.say(1, "send amy self");
        let sent = realm.say(1, "sent");
        assert_eq!(sent["messages"][0]["id"], id);
        assert_eq!(realm.texts(1, "SENT"), ["one", "self"]);
        assert_eq!(realm.texts(1, "SENT limit=1"), ["self"]);
        assert_eq!(realm.say(1, "sent realm=beta")["code"], "realm_not_found");
    }
}
