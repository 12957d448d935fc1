//! The caller's conversations.

use crate::{
    AccountId, Answer, Conversation, ConversationsRead, Interrupt, Listed, MAX_PAGE, Overview,
    Read, RequestContext,
};
use antar_types::Code;
use std::cmp::Reverse;

/// Asks for the caller's conversations, those with the latest message first; groups in which nothing was said
/// yet come last.
#[derive(Clone, Copy, Debug)]
pub struct ListConversations {
    /// Only those whose last message has a smaller id.
    pub before: Option<u64>,
    /// How many at most, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for ListConversations {
    fn default() -> Self {
        Self { before: None, limit: MAX_PAGE }
    }
}

impl ListConversations {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let before = self.before.unwrap_or(u64::MAX);
        let (mut spoken, empty): (Vec<_>, Vec<_>) =
            cx.conversations_apart()?.into_iter().partition(|(last, _)| *last > 0);
        spoken.retain(|(last, _)| *last < before);
        spoken.sort_unstable_by_key(|(last, _)| Reverse(*last));
        let listed = |(last, conversation)| {
            let delivered = cx.state.durable.delivered(conversation);
            Some(Listed { conversation, last, overview: cx.overview(me, conversation)?, delivered })
        };
        let (mut apart, durable) = (spoken.into_iter().peekable(), &cx.state.durable);
        let own = durable.conversations.of_account_before(me, before);
        let mut own = own.filter(|(last, of)| durable.last_shown(me, *of) == *last).peekable();
        let latest = std::iter::from_fn(|| match (own.peek(), apart.peek()) {
            (Some((last, _)), Some((other, _))) if other > last => apart.next(),
            (Some(_), _) => own.next(),
            (None, _) => apart.next(),
        });
        // A page holds as many as can be shown: whoever goes on needs the last of them.
        let mut shown = latest.filter_map(listed);
        let mut all: Vec<_> = shown.by_ref().take(self.limit).collect();
        let mut more = shown.next().is_some();
        if !more {
            // Nobody could go on from groups in which nothing was said: they are all on one page, and where they
            // have no place on this one, on one after it.
            let empty: Vec<_> = empty.into_iter().filter_map(listed).collect();
            more = !all.is_empty() && all.len() + empty.len() > self.limit;
            if !more {
                all.extend(empty);
            }
        }
        let reader = cx.reader()?;
        Ok(Answer::Read(Read::Conversations(ConversationsRead { all, reader, more })))
    }
}

impl RequestContext<'_> {
    /// The caller's conversations that are not in the order in which messages came: those of groups, and those of
    /// which the caller is not shown the last message. Each after the id of the last one that is shown, 0 for a group
    /// in which there is none.
    fn conversations_apart(&self) -> Result<Vec<(u64, Conversation)>, Code> {
        let (me, groups) = (self.me()?, &self.my_account()?.groups);
        let durable = &self.state.durable;
        let of_groups = groups.iter().flat_map(|group| durable.conversations.of_group(*group));
        let of_groups = of_groups.map(|of| (durable.last_shown(me, of), of));
        let hidden = durable.personal.partly_hidden(me).filter(|of| of.side(me).is_some());
        let hidden = hidden.map(|of| (durable.last_shown(me, of), of));
        // One with somebody who was never heard is none.
        let hidden =
            hidden.filter(|(last, of)| *last > 0 && *last != durable.conversations.tip(*of).id);
        Ok(of_groups.chain(hidden).collect())
    }

    /// What is told of a conversation, but for its last message. None of the one that users of a peer share
    /// of whom there are too many to be told apart: it is nobody's.
    fn overview(&self, me: AccountId, conversation: Conversation) -> Option<Overview> {
        let conversations = &self.state.durable.conversations;
        let read = conversations.marker(me, conversation).id;
        let unread = conversations.unread(me, conversation);
        let name = self.state.durable.conversation_name(me, conversation)?.to_string().into();
        let group = match conversation {
            Conversation::Group(group) => self.state.durable.groups.get(&group),
            _ => None,
        };
        let members = group.map(|group| group.members.len());
        let role = group.and_then(|group| group.role(me));
        let topic = group.and_then(|group| group.record.topic.clone());
        let muted = self.state.durable.personal.is_muted(me, conversation, self.readings.now);
        let blocked = self.is_blocked(me, conversation);
        let mentions = self.state.durable.unread_mentions(me, conversation);
        Some(Overview {
            name,
            last: None,
            read,
            unread,
            mentions,
            topic,
            members,
            role,
            muted,
            blocked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{RemoveUser, Send, SendGroupRealm, SendRealm};
    use crate::testing::{Realm, group};
    use crate::{GroupRole, Outcome};
    use antar_types::EntryKind;

    fn list(realm: &mut Realm, conn: u64, list: ListConversations) -> (Vec<String>, bool) {
        match realm.does(conn, list) {
            Outcome::Conversations { all, more } => {
                let last = |each: &Overview| {
                    each.last.as_ref().map_or("-".into(), |last| last.text.as_str().to_string())
                };
                (all.iter().map(|each| format!("{} {}", each.name, last(each))).collect(), more)
            }
            other => panic!("{other:?}"),
        }
    }

    fn all(realm: &mut Realm, conn: u64) -> Vec<String> {
        list(realm, conn, ListConversations::default()).0
    }

    fn send(realm: &mut Realm, conn: u64, to: &str, text: &str) {
        realm.does(conn, Send { to: to.into(), text: text.into() });
    }

    #[test]
    fn are_all_kinds_the_latest_first_and_empty_groups_last() {
        let mut realm = Realm::linked(&["amy", "Bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        assert!(all(&mut realm, 1).is_empty());
        realm.does(1, group("ops"));
        realm.does(1, group("Staff"));
        send(&mut realm, 1, "bob", "one");
        let (beta, to) = (|| "beta".into(), crate::commands::Destination::Named);
        let staff = Ok(to("staff".into(), "two".into()));
        realm.does(1, SendGroupRealm { realm: beta(), to: staff });
        realm.does(1, SendRealm { realm: beta(), to: "Eve".into(), text: "three".into() });
        realm.deliver(EntryKind::Private, "Eve", "amy", "four");
        send(&mut realm, 2, "amy", "five");
        send(&mut realm, 1, "amy", "six");
        let expected =
            ["amy six", "Bob five", "eve@beta four", "#Staff+beta two", "#Staff -", "#ops -"];
        let mut found = all(&mut realm, 1);
        found[4..].sort();
        assert_eq!(found, expected);
        assert_eq!(all(&mut realm, 2), ["amy five"]);
    }

    #[test]
    fn come_in_pages() {
        let mut realm = Realm::with_users(&["amy", "bob", "cat"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        for to in ["bob", "cat", "amy"] {
            send(&mut realm, 1, to, "hi");
        }
        let page = |before| ListConversations { before, limit: 2 };
        assert_eq!(list(&mut realm, 1, page(None)), (vec!["amy hi".into(), "cat hi".into()], true));
        let Outcome::Conversations { all, .. } = realm.does(1, page(None)) else { panic!() };
        let last = all[1].last.as_ref().map(|last| last.id);
        assert_eq!(
            list(&mut realm, 1, page(last)),
            (vec!["bob hi".into(), "#staff -".into()], false)
        );
        let Outcome::Conversations { all, .. } = realm.does(1, page(last)) else { panic!() };
        let owner = Some(GroupRole::Owner);
        assert_eq!((all[1].members, all[1].role, all[0].members), (Some(1), owner, None));
    }

    #[test]
    fn empty_groups_are_on_a_page_of_their_own_where_they_do_not_fit() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.does(1, group("ops"));
        realm.does(1, group("staff"));
        send(&mut realm, 1, "bob", "hi");
        let page = |before, limit| ListConversations { before, limit };
        assert_eq!(list(&mut realm, 1, page(None, 2)), (vec!["bob hi".into()], true));
        let (found, more) = list(&mut realm, 1, page(Some(1), 2));
        assert_eq!((found.len(), more), (2, false));
        assert_eq!(list(&mut realm, 1, page(None, 3)).0.len(), 3);
        // All of them, however many they are.
        assert_eq!(list(&mut realm, 1, page(Some(1), 1)).0.len(), 2);
    }

    #[test]
    fn with_somebody_who_was_removed_it_has_a_name_of_its_own() {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        let former = realm.account("bob");
        send(&mut realm, 1, "bob", "old");
        realm.operator_does(RemoveUser { user: "bob".into() });
        assert_eq!(all(&mut realm, 1), ["bob old"]);
        realm.add_user("bob");
        send(&mut realm, 1, "bob", "new");
        assert_eq!(all(&mut realm, 1), ["bob new".to_string(), format!("bob~{former} old")]);
    }
}
