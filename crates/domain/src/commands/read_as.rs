//! What a user may read, read by the realm's operator: for a copy of all that is kept of that user.

use crate::{Answer, Command, Interrupt, Origin, RequestContext, Word};
use antar_types::Code;

/// Reads something as a user does, and of a group that the user is not in what the user wrote there. For the operator alone: an administrator who is elsewhere must not read what others
/// write to each other.
#[derive(Clone, Debug)]
pub struct ReadAs {
    /// The user.
    pub user: Word,
    /// What is read: one of those that [`ReadAs::may`] names.
    pub command: Box<Command>,
}

impl ReadAs {
    /// Whether something may be asked for so: it changes nothing.
    pub fn may(command: &Command) -> bool {
        matches!(
            command,
            Command::ShowProfile(_)
                | Command::ListSessions(_)
                | Command::ListConversations(_)
                | Command::ReadHistory(_)
                | Command::ListBlocked(_)
                | Command::ListMuted(_)
        )
    }

    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        if cx.origin != Origin::Operator {
            return Err(Code::Forbidden.into());
        }
        if !Self::may(&self.command) {
            return Err(Code::BadParameters.into());
        }
        let (user, _) = cx.user(&self.user)?;
        let before = cx.caller.replace(user);
        let answer = match &*self.command {
            Command::ReadHistory(history) => history.decide_for_copy(cx),
            command => command.decide(cx),
        };
        cx.caller = before;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use crate::commands::{AddUser, ListConversations, Logout, Role, Send};
    use crate::testing::Realm;
    use antar_types::Secret;

    #[test]
    fn the_operator_alone_reads_what_a_user_may_and_changes_nothing() {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        let (role, password) = (Some(Role::Admin), Secret::new("pw".into()));
        realm.operator_does(AddUser { user: "root".into(), role, password });
        for (conn, user) in [(1, "amy"), (2, "bob"), (3, "cat"), (4, "root")] {
            realm.login(conn, user);
        }
        realm.does(1, Send { to: "bob".into(), text: "hi".into() });
        let read =
            |user: &str, command: Command| ReadAs { user: user.into(), command: Box::new(command) };
        let list = || Command::from(ListConversations::default());
        assert_eq!(realm.does(4, read("bob", list())), Code::Forbidden.into());
        let names = |outcome| match outcome {
            Outcome::Conversations { all, .. } => {
                all.into_iter().map(|each| each.name).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(names(realm.operator_does(read("bob", list()))), ["amy".into()]);
        assert!(names(realm.operator_does(read("cat", list()))).is_empty());
        assert_eq!(realm.operator_does(read("eve", list())), Code::UserNotFound.into());
        assert_eq!(realm.operator_does(read("bob", Logout.into())), Code::BadParameters.into());
    }
}
