//! WHOAMI: the calling user.

use super::{ROW, Verb};
use crate::{Answer, Args, Context, Interrupt};
use antar_types::{Body, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "WHOAMI",
    help: "Tells the caller's name, realm and whether they administer it.",
    run,
    ..ROW
}];

fn run(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Answer, Interrupt> {
    let me = cx.my_account()?;
    let reply = Reply::from(Body::Value(me.record.name.as_str().into()))
        .with("realm", cx.state.name().map(|name| name.as_str()))
        .with("admin", me.record.admin);
    Ok(reply.into())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_who_and_where() {
        let mut realm = Realm::with_users(&["Bob"]);
        realm.login(1, "bob");
        realm.expect(1, "WHOAMI", r#"{"status":"OK","data":"Bob","realm":"alpha","admin":false}"#);
    }
}
