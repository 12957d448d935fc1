//! A message to a conversation, whichever it is.

use crate::{Answer, Draft, Interrupt, Outcome, RequestContext};
use antar_types::{Code, ConversationName};

/// Posts a message to a conversation: what [`Send`](super::Send), [`SendToGroup`](super::SendToGroup),
/// [`SendRealm`](super::SendRealm) and [`SendGroupRealm`](super::SendGroupRealm) do, each for one kind.
#[derive(Clone, Debug)]
pub struct Post {
    /// The conversation.
    pub to: Box<ConversationName>,
    /// What is said.
    pub text: Draft,
}

impl Post {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let id = self.post(cx)?;
        // It is sent, whether or not it went where all are put who are too many to be told apart.
        let name = cx.conversation(&self.to).map(|found| found.name);
        let conversation = name.unwrap_or_else(|_| (*self.to).clone()).to_string().into();
        Ok(Outcome::Posted { id, conversation }.into())
    }

    fn post(&self, cx: &mut RequestContext<'_>) -> Result<u64, Code> {
        match &*self.to {
            // Nobody has that name any more.
            ConversationName::User { former: Some(_), .. } => Err(Code::UserNotFound),
            ConversationName::User { user, realm, .. } => match cx.elsewhere(realm) {
                None => cx.send(user, &self.text),
                Some(realm) => cx.send_to_peer(realm, user, &self.text),
            },
            ConversationName::Group { group, realm } => {
                if cx.elsewhere(realm).is_some() {
                    return Err(Code::GroupNotFound);
                }
                let (group, _) = cx.group_of_mine(group)?;
                cx.send_to_group(group, &self.text).map(|(id, _)| id)
            }
            ConversationName::Pair { group, realm } => {
                let peer = cx.open_peer(realm)?;
                let (group, _) = cx.group_of_mine(group)?;
                cx.send_to_pair(group, peer, &self.text).map(|(id, _)| id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Page;
    use crate::commands::{GroupInbox, Inbox, InboxGroupRealm, ListConversations, Send, Sent};
    use crate::testing::{BETA, Realm, group};

    fn post(to: &str) -> Post {
        let to = Box::new(ConversationName::parse(to).unwrap());
        Post { to, text: "hi".into() }
    }

    #[track_caller]
    fn went_to(realm: &mut Realm, to: &str) -> String {
        match realm.does(1, post(to)) {
            Outcome::Posted { conversation, .. } => conversation.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reaches_every_kind_of_conversation_and_the_documents_requests_show_it() {
        let mut realm = Realm::linked(&["amy", "Bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(1, group("staff"));
        assert_eq!(went_to(&mut realm, "BOB"), "Bob");
        assert_eq!(went_to(&mut realm, "bob@ALPHA"), "Bob");
        assert_eq!(went_to(&mut realm, "#STAFF@alpha"), "#staff");
        assert_eq!(went_to(&mut realm, "eve@BETA"), "eve@beta");
        assert_eq!(went_to(&mut realm, "#Staff+beta"), "#staff+beta");
        assert_eq!(realm.reads(2, Inbox::default()), ["hi", "hi"]);
        let staff = || GroupInbox { group: "staff".into(), page: Page::default() };
        assert_eq!(realm.reads(1, staff()), ["hi"]);
        let there = Sent { realm: Some("beta".into()), ..Sent::default() };
        assert_eq!(realm.reads(1, there), ["hi"]);
        assert_eq!(realm.owed_up_to().1.seq, 2);
        realm.disconnect(BETA);
        let (group, page) = ("staff".into(), Page::default());
        let both = InboxGroupRealm { realm: "beta".into(), group, page };
        assert_eq!(realm.reads(1, both), ["hi"]);
    }

    /// So many users of a peer are told apart, for one account.
    #[test]
    fn what_was_sent_is_not_refused_where_nobody_more_is_told_apart() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        for n in 0..=1_000 {
            assert_eq!(
                went_to(&mut realm, &format!("U{n}@beta")).to_lowercase(),
                format!("u{n}@beta")
            );
        }
        let Outcome::Conversations { all, more } =
            realm.does(1, ListConversations { before: None, limit: 1 })
        else {
            panic!("no list");
        };
        // What they share has no name, and takes no place of a page.
        assert_eq!((all.len(), &*all[0].name, more), (1, "u999@beta", true));
    }

    #[test]
    fn is_refused_as_the_documents_requests_are() {
        let mut realm = Realm::linked(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, group("ops"));
        for (to, code) in [
            ("eve", Code::UserNotFound),
            ("bob~2", Code::UserNotFound),
            ("eve@gamma", Code::RealmNotFound),
            ("-@beta", Code::BadName),
            ("#staff", Code::GroupNotFound),
            ("#ops", Code::NotMember),
            ("#ops@beta", Code::GroupNotFound),
            ("#ops+beta", Code::NotMember),
            ("#ops+gamma", Code::RealmNotFound),
        ] {
            assert_eq!(realm.does(1, post(to)), code.into(), "{to}");
        }
        assert_eq!(realm.does(3, post("bob")), Code::NoSession.into());
        let long = Post { text: "x".repeat(99_999).as_str().into(), ..post("bob") };
        assert_eq!(realm.does(1, long), Code::TooLong.into());
        assert!(realm.reads(2, Inbox::default()).is_empty());
    }

    #[test]
    fn does_not_choose_the_current_group() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        realm.does(1, group("staff"));
        realm.does(1, group("ops"));
        assert_eq!(went_to(&mut realm, "#staff"), "#staff");
        let sent = realm.does(
            1,
            crate::commands::SendToGroup {
                to: crate::commands::Destination::NamedOrCurrent("hi".into()),
            },
        );
        assert!(matches!(sent, Outcome::Sent { group: Some(g), .. } if &*g == "ops"));
        realm.does(1, Send { to: "amy".into(), text: "self".into() });
        assert_eq!(went_to(&mut realm, "amy"), "amy");
    }
}
