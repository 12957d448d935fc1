//! How much memory an outcome takes while it waits to be written.

use super::{Outcome, ShownGroup, User};
use crate::links::{Invitation, PeerStatus};
use crate::{OpenSession, Presence};
use antar_types::{FileAbout, List, Message, Name, Token, share};
use std::sync::Arc;

impl Outcome {
    /// About how many bytes of memory it takes. What several outcomes share is divided among them.
    pub fn memory(&self) -> usize {
        match self {
            Self::Names(names) => share(names),
            Self::Members { names, moderators, .. } => share(names) + share(moderators),
            Self::Topic(topic) => topic.as_ref().map_or(0, |topic| topic.as_str().len()),
            Self::Groups { names, members } => {
                let each = |(_, list): &(usize, List)| size_of::<(usize, List)>() + share(list);
                share(names) + members.iter().map(each).sum::<usize>()
            }
            Self::Sessions(all) => all.iter().map(OpenSession::memory).sum(),
            Self::Profile(shown) => shown.memory(),
            Self::ShownGroups(all) => all.iter().map(ShownGroup::memory).sum(),
            Self::Users(users) => users.len() * size_of::<User>(),
            Self::Messages(page) => page.found.iter().map(Message::memory).sum(),
            Self::History(history) => {
                history.name.len() + history.found.iter().map(Message::memory).sum::<usize>()
            }
            Self::Found { all, .. } => {
                let each = |(name, message): &(Box<str>, Message)| name.len() + message.memory();
                all.iter().map(each).sum()
            }
            Self::Posted { conversation, .. } => conversation.len(),
            Self::FileFound { .. } | Self::FileWanted { .. } => size_of::<FileAbout>(),
            Self::FileLinked { path, .. } => path.len(),
            Self::BackedUp(done) => done.lacks.iter().map(|each| 16 + each.len()).sum(),
            Self::Conversations { all, .. } => {
                all.iter().map(|each| size_of_val(each) + each.memory()).sum()
            }
            Self::Muted(all) => all.iter().map(|each| size_of_val(each) + each.0.len()).sum(),
            Self::Presences(all) => all.iter().map(Presence::memory).sum(),
            Self::Changes { all, .. } => {
                all.iter().map(|each| size_of_val(each) + each.memory()).sum()
            }
            Self::CaughtUp { all, .. } => {
                all.iter().map(|each| size_of_val(each) + each.told.memory()).sum()
            }
            Self::Peers(peers) => {
                let all: usize = peers.iter().map(PeerStatus::memory).sum();
                // Whoever made them keeps one for the next.
                all / Arc::strong_count(peers).saturating_sub(1).max(1)
            }
            Self::Refused(refused) => refused.error.as_ref().map_or(0, String::len),
            Self::Invitation(_) => size_of::<Invitation>(),
            Self::UserInvited(_) => size_of::<(Name, Token)>(),
            // Their names are kept anyway, and the rest is in the outcome itself.
            Self::Done
            | Self::Marked(_)
            | Self::InStep(_)
            | Self::Watching { .. }
            | Self::Sent { .. }
            | Self::GroupSettings(_)
            | Self::Later
            | Self::Session(_)
            | Self::Caller { .. }
            | Self::FileStored
            | Self::Pong { .. }
            | Self::RealmName(_)
            | Self::Noop
            | Self::ThisRealm { .. }
            | Self::Linked { .. }
            | Self::Approved(_)
            | Self::Renamed(_)
            | Self::Greeted { .. }
            | Self::Tip(_)
            | Self::Following { .. }
            | Self::Diverged(_)
            | Self::Chain(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::Time;

    #[test]
    fn memory_is_counted_and_what_is_shared_by_its_share() {
        let list = |n: usize| List::from(vec![Arc::from("x"); n]);
        let each = size_of::<Arc<str>>();
        // Whoever makes a list keeps one for the next.
        let (names, members) = (list(8), list(4));
        let outcomes = || {
            let (names, member) = (names.clone(), (0, members.clone()));
            Outcome::Groups { names, members: vec![member] }
        };
        let alone = outcomes().memory();
        assert_eq!(alone, 12 * each + size_of::<(usize, List)>());
        let both = [outcomes(), outcomes()];
        assert_eq!(both[0].memory(), 6 * each + size_of::<(usize, List)>());
        let user = User {
            name: Name::parse("amy").unwrap(),
            admin: false,
            created: Time(0),
            locked: false,
        };
        assert_eq!(Outcome::Users(vec![user; 3]).memory(), 3 * size_of::<User>());
        let moderators = List::default();
        let three = Outcome::Members { names: names.clone(), owner: None, moderators };
        assert_eq!(three.memory(), 8 * each / 3);
    }
}
