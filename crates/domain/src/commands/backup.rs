//! BACKUP: everything on disk, written to a directory of the server's machine; for the operator.

use super::{Access, Param, ROW, Verb};
use crate::{Answer, Args, Context, Interrupt, Job, JobResult, Origin};
use antar_types::{Code, Phrase, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "BACKUP",
    params: &[Param::Text("DIR")],
    help: "Writes a backup to a directory of the server's; on the realm's own socket only.",
    access: Access::Admin,
    run,
    ..ROW
}];

/// An administrator who is elsewhere must not have the server write files where they like.
fn run(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    if cx.origin != Origin::Operator {
        return Err(Code::Forbidden.into());
    }
    if !args.text.starts_with('/') {
        return Err(Code::BadParameters.into());
    }
    let done = cx.results.iter().find_map(|result| match result {
        JobResult::BackedUp(done) => Some(done),
        _ => None,
    });
    match done {
        None => Err(Interrupt::Job(Job::Backup { path: args.text.into() })),
        Some(Ok(done)) => Ok(Reply::done(Phrase::same("Backup berhasil"))
            .with("messages", done.messages)
            .with("records", done.records)
            .with("bytes", done.bytes)
            .into()),
        Some(Err(why)) => Ok(Reply::from(Code::BackupFailed).with("reason", why.as_str()).into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn for_the_operator_alone() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.say(1, "backup /b")["code"], "no_session");
        realm.login(1, "bob");
        assert_eq!(realm.say(1, "backup /b")["code"], "forbidden");
        realm.operator("user add root admin pw");
        realm.login(2, "root");
        assert_eq!(realm.say(2, "backup /b")["code"], "forbidden");
        assert_eq!(realm.operator("BACKUP relative")["usage"], "BACKUP DIR");
    }

    #[test]
    fn says_what_was_written_or_why_nothing_was() {
        let mut realm = Realm::with_users(&[]);
        let done = realm.operator("BACKUP /tmp/two  words");
        assert_eq!(done["data"], "Backup berhasil");
        assert_eq!(done["messages"], "/tmp/two  words".len());
        let failed = realm.operator("BACKUP /full");
        assert_eq!(failed["code"], "backup_failed");
        assert_eq!(failed["reason"], "/full is full");
    }
}
