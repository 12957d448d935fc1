//! Data of older versions, brought up to date where a realm starts.

use super::State;
use crate::{AccountId, Conversation, Effects, Event, Marker, Readings};
use antar_types::Code;

/// What was said before there were markers counts as read by everybody.
const MARKERS: u64 = 1;

/// Events of one step, which is one batch.
const STEP: usize = 4_096;

impl State {
    /// Takes a step in bringing data of an older version up to date, and says whether there is another. A driver makes
    /// each step durable before the next, and before anybody is connected.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where nothing can be kept.
    pub fn upgrade(&mut self, readings: &Readings, effects: &mut Effects) -> Result<bool, Code> {
        if self.durable.sync_epoch == 0 {
            self.begin_sync_epoch(readings, effects)?;
        }
        if self.durable.upgrades.contains(&MARKERS) {
            return Ok(false);
        }
        let missing: Vec<Event> = self.markers_missing().take(STEP).collect();
        let more = missing.len() == STEP;
        missing.into_iter().try_for_each(|event| self.emit(event, effects))?;
        if !more {
            self.emit(Event::UpgradeDone(MARKERS), effects)?;
        }
        Ok(more)
    }

    fn markers_missing(&self) -> impl Iterator<Item = Event> {
        let conversations = &self.durable.conversations;
        conversations.all().flat_map(move |(conversation, tip)| {
            let marker = Marker::at(tip);
            let readers = self.readers(conversation).into_iter();
            let missing = readers.filter(move |account| {
                conversations.known_marker(*account, conversation).is_none()
            });
            missing.map(move |account| Event::MarkerSet { account, conversation, marker })
        })
    }

    /// The accounts whose conversation it is.
    fn readers(&self, conversation: Conversation) -> Vec<AccountId> {
        let accounts = match conversation {
            Conversation::Private(one, other) if one == other => vec![one],
            Conversation::Private(one, other) => vec![one, other],
            Conversation::Peer(account, ..) => vec![account],
            Conversation::Group(group) | Conversation::GroupPeer(group, _) => {
                let group = self.durable.groups.get(&group);
                return group
                    .map(|group| group.members.keys().copied().collect())
                    .unwrap_or_default();
            }
        };
        accounts.into_iter().filter(|id| self.durable.accounts.contains_key(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{ListConversations, Send};
    use crate::testing::Realm;
    use crate::{ConversationTip, Outcome};
    use antar_types::Time;

    #[test]
    fn what_was_said_before_there_were_markers_counts_as_read() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        let [amy, bob] = ["amy", "bob"].map(|name| AccountId(realm.account(name)));
        let old = Event::ConversationReached(
            Conversation::private(amy, bob),
            ConversationTip { ordinal: 7, id: bob.0 + 1 },
        );
        realm.state.apply(&old, &mut Vec::new());
        let mut effects = Effects::default();
        let readings = Readings { now: Time(1), uptime: 1, entropy: [7; 32] };
        assert_eq!(realm.state.upgrade(&readings, &mut effects), Ok(false));
        assert_eq!(effects.events.len(), 4);
        let mut again = Effects::default();
        assert_eq!(realm.state.upgrade(&readings, &mut again), Ok(false));
        assert!(again.events.is_empty());
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, Send { to: "bob".into(), text: "new".into() });
        let Outcome::Conversations { all, .. } = realm.does(2, ListConversations::default()) else {
            panic!("no list");
        };
        assert_eq!((all.len(), all[0].unread), (1, 1));
    }
}
