//! What an operator looks up later: who did what to others, and which log-ins failed. A line has names and
//! addresses, never a text or a secret.

use crate::commands::Role;
use crate::{Command, Output, RequestContext};
use antar_types::Name;

/// Lines a minute of what users do as owners and moderators, and of log-ins that fail. How many were left out
/// is said with the next line.
const LINES: u32 = 300;

impl Command {
    /// What it does to others, for the log; `None` where it does nothing to them. It must have succeeded: then
    /// every word in it is a name.
    fn audited(&self) -> Option<String> {
        Some(match self {
            Self::Kick(it) => format!("kick {} {}", &*it.group, &*it.user),
            Self::Ban(it) => format!("ban {} {}", &*it.group, &*it.user),
            Self::Unban(it) => format!("unban {} {}", &*it.group, &*it.user),
            Self::SilenceMember(it) => {
                let minutes = it.minutes.map(|minutes| format!(" {minutes}"));
                format!("silence {} {}{}", &*it.group, &*it.user, minutes.unwrap_or_default())
            }
            Self::SetRole(it) => format!("role {} {} {}", &*it.group, &*it.user, it.role.as_str()),
            Self::SetGroup(it) => format!("groupset {}", &*it.group),
            Self::CloseGroup(it) => format!("closegroup {}", &*it.group),
            Self::Invite(it) => format!("invite {} {}", &*it.group, &*it.user),
            Self::InviteUser(it) => format!("user invite {}", &*it.user),
            Self::Redeem(_) => "user redeem".into(),
            Self::AddUser(it) => format!("user add {}", &*it.user),
            Self::SetPassword(it) => format!("user passwd {}", &*it.user),
            Self::EraseUser(it) => format!("user erase {}", &*it.user),
            Self::RemoveUser(it) => format!("user remove {}", &*it.user),
            Self::LockUser(it) => format!("user lock {}", &*it.user),
            Self::UnlockUser(it) => format!("user unlock {}", &*it.user),
            Self::SetUserRole(it) => {
                let role = if it.role == Some(Role::Admin) { "admin" } else { "user" };
                format!("user role {} {role}", &*it.user)
            }
            Self::RevokeUserSession(it) => format!("user revoke {} {}", &*it.user, it.session.0),
            // It is what an export begins with.
            Self::ReadAs(it) if matches!(*it.command, Self::ShowProfile(_)) => {
                format!("user export {}", &*it.user)
            }
            Self::Disconnect(it) => format!("kick {}", &*it.user),
            Self::Topic(it) if it.topic.is_some() => format!("topic {}", &*it.group),
            Self::ApproveRealm(it) => format!("realm approve {}", &*it.realm),
            Self::LinkRealm(it) => format!("realm link {}", &*it.name),
            Self::UnlinkRealm(it) => format!("realm unlink {}", &*it.realm),
            Self::RenameRealm(it) => format!("realm rename {}", &*it.name),
            Self::InviteRealm(_) => "realm invite".into(),
            Self::JoinRealm(_) => "realm join".into(),
            Self::Backup(_) => "backup".into(),
            _ => return None,
        })
    }
}

impl RequestContext<'_> {
    /// Notes in the log a command that succeeded, where it did something to others.
    pub(crate) fn audit(&mut self, command: &Command) {
        if let Some(what) = command.audited() {
            self.audit_as(&what);
        }
    }

    /// Notes in the log what the caller did to others.
    pub(crate) fn audit_as(&mut self, what: &str) {
        // Who administers the realm is not many, and nobody else makes these lines go missing.
        let is_bounded = self.caller.is_some() && !self.is_admin();
        let by = self.caller.and_then(|caller| self.state.durable.member_name(caller));
        let by = by.as_deref().unwrap_or("the operator");
        let line = format!("audit: {what}, by {by}{}", self.origin_shown());
        self.line(is_bounded, false, line);
    }

    /// Notes in the log that somebody gave a wrong password for a user, or named none that there is.
    pub(crate) fn audit_failed_login(&mut self, user: &str) {
        // Anything else might look like another line.
        let user = Name::parse(user).map_or_else(|| "?".into(), |name| name.to_string());
        let line = format!("audit: log-in failed, user {user}{}", self.origin_shown());
        self.line(true, true, line);
    }

    fn origin_shown(&self) -> String {
        self.origin.address().map(|address| format!(", from {address}")).unwrap_or_default()
    }

    fn line(&mut self, is_bounded: bool, warning: bool, text: String) {
        if is_bounded {
            let now = self.readings.uptime;
            let said = match warning {
                true => &mut self.state.live.said_of_logins,
                false => &mut self.state.live.said_of_groups,
            };
            let Some(unsaid) = said.one_more(now, LINES) else { return };
            if unsaid > 0 {
                let text = format!("audit: {unsaid} lines were left out before the next");
                self.effects.outputs.push(Output::Note { warning, text });
            }
        }
        self.effects.outputs.push(Output::Note { warning, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Ban, Login, RemoveUser, SetPassword};
    use crate::testing::{Realm, staffed};
    use antar_types::Secret;

    fn lines(realm: &mut Realm) -> Vec<String> {
        let notes = realm.asked.extract_if(.., |output| matches!(output, Output::Note { .. }));
        let text = |note| match note {
            Output::Note { text, .. } => text,
            _ => String::new(),
        };
        notes.map(text).collect()
    }

    fn login(user: &str) -> Login {
        Login { user: user.into(), password: Secret::new("hunter2".into()) }
    }

    #[test]
    fn says_who_did_what_where_it_was_done() {
        let mut realm = staffed();
        let ban = |user: &str| Ban { group: "staff".into(), user: user.into() };
        lines(&mut realm);
        realm.does(3, ban("bob"));
        assert!(lines(&mut realm).is_empty());
        realm.does(1, ban("cat"));
        assert_eq!(lines(&mut realm), ["audit: ban staff cat, by amy, from 127.0.0.1"]);
        let password = Secret::new("a new one".into());
        realm.operator_does(SetPassword { user: "cat".into(), password });
        assert_eq!(lines(&mut realm), ["audit: user passwd cat, by the operator"]);
        realm.operator_does(RemoveUser { user: "cat".into() });
        assert_eq!(lines(&mut realm), ["audit: user remove cat, by the operator"]);
    }

    #[test]
    fn says_which_log_ins_failed_and_nothing_that_looks_like_another_line() {
        let mut realm = Realm::with_users(&["amy"]);
        lines(&mut realm);
        realm.does(1, login("amy"));
        assert_eq!(lines(&mut realm), ["audit: log-in failed, user amy, from 127.0.0.1"]);
        realm.does(1, login("eve,_from_10.0.0.1"));
        assert_eq!(lines(&mut realm), ["audit: log-in failed, user ?, from 127.0.0.1"]);
    }

    #[test]
    fn so_many_lines_a_minute_and_how_many_were_left_out() {
        let mut realm = Realm::with_users(&["amy"]);
        lines(&mut realm);
        let mut said = 0;
        for _ in 0..LINES + 2 {
            realm.does(1, login("eve"));
            said += lines(&mut realm).len();
        }
        assert_eq!(said, LINES as usize);
        realm.pass(60);
        realm.does(1, login("eve"));
        let left = "audit: 2 lines were left out before the next";
        let failed = "audit: log-in failed, user eve, from 127.0.0.1";
        assert_eq!(lines(&mut realm), [left, failed]);
    }
}
