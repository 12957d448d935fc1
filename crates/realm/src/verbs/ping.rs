//! PING: is anyone there.

use super::{Needs, ROW, Verb};
use antar_wire::{Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "PING",
    help: "Answers PONG; keeps a connection from being idle.",
    needs: Needs::Nobody,
    run: |_, _| Ok(Reply::done(Phrase::same("PONG")).into()),
    ..ROW
}];

#[cfg(test)]
mod tests {
    use crate::verbs::testing::Realm;

    #[test]
    fn needs_no_session_and_binds_one_it_is_given() {
        let mut realm = Realm::with_users(&["bob"]);
        let token = realm.login(1, "bob");
        realm.expect(2, "ping", r#"{"status":"OK","message":"PONG"}"#);
        realm.expect(2, &format!("PING {token}"), r#"{"status":"OK","data":"PONG"}"#);
        assert_eq!(realm.say(2, "whoami")["message"], "bob");
    }
}
