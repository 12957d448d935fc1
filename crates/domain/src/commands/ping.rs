//! PING: is anyone there.

use super::{Access, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "PING",
    help: "Answers PONG; keeps a connection from being idle.",
    access: Access::AnyoneOrPeer,
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let reply = Reply::done(Phrase::same("PONG"));
    // Realms tell each other how their clocks differ.
    Ok(match cx.state.links.conns.contains_key(&cx.conn) {
        true => reply.with("clock", cx.readings.now.0).into(),
        false => reply.into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn needs_no_session_and_binds_one_it_is_given() {
        let mut realm = Realm::with_users(&["bob"]);
        let token = realm.login(1, "bob");
        realm.expect(2, "ping", r#"{"status":"OK","message":"PONG"}"#);
        realm.expect(2, &format!("PING {token}"), r#"{"status":"OK","data":"PONG"}"#);
        assert_eq!(realm.say(2, "whoami")["message"], "bob");
    }
}
