//! A backup of everything on disk.

use crate::{Answer, Interrupt, Job, JobResult, Origin, Outcome, Refused, RequestContext};
use antar_types::Code;

/// Writes everything on disk to a directory of the server's machine. Only the operator may ask: an
/// administrator who is elsewhere must not have the server write files where they like.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The directory, which must be absolute.
    pub path: Box<str>,
}

impl Backup {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if cx.origin != Origin::Operator {
            return Err(Code::Forbidden.into());
        }
        if !self.path.starts_with('/') {
            return Err(Code::BadParameters.into());
        }
        let done = cx.results.iter().find_map(|result| match result {
            JobResult::BackedUp(done) => Some(done),
            _ => None,
        });
        match done {
            None => Err(Interrupt::Job(Job::Backup { path: self.path.to_string() })),
            Some(Ok(done)) => Ok(Outcome::BackedUp(done.clone()).into()),
            Some(Err(why)) => Ok(Refused::from(Code::BackupFailed).because(why.as_str()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{AddUser, Role};
    use crate::testing::Realm;
    use antar_types::Secret;

    fn backup(path: &str) -> Backup {
        Backup { path: path.into() }
    }

    #[test]
    fn for_the_operator_alone() {
        let mut realm = Realm::with_users(&["bob"]);
        assert_eq!(realm.does(1, backup("/b")), Code::NoSession.into());
        realm.login(1, "bob");
        assert_eq!(realm.does(1, backup("/b")), Code::Forbidden.into());
        let (role, password) = (Some(Role::Admin), Secret::new("pw".into()));
        realm.operator_does(AddUser { user: "root".into(), role, password });
        realm.login(2, "root");
        assert_eq!(realm.does(2, backup("/b")), Code::Forbidden.into());
        assert_eq!(realm.operator_does(backup("relative")), Code::BadParameters.into());
    }

    #[test]
    fn tells_what_was_written_or_why_nothing_was() {
        let mut realm = Realm::with_users(&[]);
        let done = realm.operator_does(backup("/tmp/two  words"));
        let messages = "/tmp/two  words".len() as u64;
        assert!(matches!(done, Outcome::BackedUp(written) if written.messages == messages));
        let failed = Refused::from(Code::BackupFailed).because("/full is full");
        assert_eq!(realm.operator_does(backup("/full")), failed.into());
    }
}
