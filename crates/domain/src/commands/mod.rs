//! The commands: one file each, with what it takes, what it decides and its tests.

pub(crate) mod ackrealm;
pub(crate) mod addgroup;
pub(crate) mod addrealm;
pub(crate) mod backup;
pub(crate) mod checkrealm;
pub(crate) mod deliver;
pub(crate) mod follow;
pub(crate) mod getgroups;
pub(crate) mod help;
pub(crate) mod inbox;
pub(crate) mod inboxgroup;
pub(crate) mod inboxgrouprealm;
pub(crate) mod inboxrealm;
pub(crate) mod inviterealm;
pub(crate) mod joingroup;
pub(crate) mod leavegroup;
pub(crate) mod line;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod members;
pub(crate) mod passwd;
pub(crate) mod ping;
pub(crate) mod recvgrouprealm;
pub(crate) mod register;
pub(crate) mod remoteinbox;
pub(crate) mod removerealm;
pub(crate) mod renamerealm;
pub(crate) mod send;
pub(crate) mod sendgroup;
pub(crate) mod sendgrouprealm;
pub(crate) mod sendrealm;
pub(crate) mod sent;
pub(crate) mod users;
pub(crate) mod version;
pub(crate) mod watch;
pub(crate) mod who_am_i;

#[cfg(test)]
pub(crate) mod testing;

pub use inbox::Inbox;
pub use line::Line;
pub use login::Login;
pub(crate) use login::guessed_at;
pub use send::Send;
pub use watch::{Unwatch, Watch};
pub use who_am_i::WhoAmI;

pub(crate) use crate::Access;
pub(crate) use crate::text::{HISTORY, Param, ROW, Row as Verb};
