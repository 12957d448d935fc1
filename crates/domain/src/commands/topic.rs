//! What a group is about.

use crate::{
    Answer, Draft, Event, GroupNews, GroupRecord, Interrupt, Outcome, RequestContext, TOPIC_BYTES,
    Word,
};
use antar_types::{Code, Text, TextError};

/// Says what a group is about, or asks for it.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The group.
    pub group: Word,
    /// What it is about from now on: an empty text where that is not said any more. None asks only.
    pub topic: Option<Draft>,
}

impl Topic {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.actor()?;
        let Some(draft) = &self.topic else {
            let (id, group) = cx.group(&self.group)?;
            if group.role(me).is_none() && !cx.state.may_run(id, me) {
                return Err(Code::NotMember.into());
            }
            return Ok(Outcome::Topic(group.record.topic.clone()).into());
        };
        let (id, group) = cx.group_to_moderate(&self.group)?;
        let text = Text::new(draft.0.clone(), TOPIC_BYTES).map_err(|error| match error {
            TextError::TooLong => Code::TooLong,
            TextError::Control => Code::BadText,
        })?;
        let topic = Some(text.clone()).filter(|text| !text.as_str().is_empty());
        if topic != group.record.topic {
            let record = GroupRecord { topic: topic.clone(), ..group.record.clone() };
            cx.emit(Event::GroupSet(id, record))?;
            cx.group_changed(id, me, GroupNews::Topic(text))?;
        }
        Ok(Outcome::Topic(topic).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupRole;
    use crate::testing::{Realm, staffed};

    fn topic(topic: &str) -> Topic {
        Topic { group: "staff".into(), topic: Some(topic.into()) }
    }

    fn asked(realm: &mut Realm, conn: u64) -> Option<String> {
        match realm.does(conn, Topic { group: "staff".into(), topic: None }) {
            Outcome::Topic(topic) => topic.map(|topic| topic.as_str().to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn is_set_by_who_keeps_order_and_shown_to_members() {
        let mut realm = staffed();
        assert_eq!(asked(&mut realm, 1), None);
        assert_eq!(realm.does(3, topic("mine")), Code::Forbidden.into());
        assert_eq!(realm.does(4, topic("mine")), Code::NotMember.into());
        for (conn, text) in [(1, "one"), (2, "two"), (5, "three")] {
            assert!(matches!(realm.does(conn, topic(text)), Outcome::Topic(Some(_))));
            assert_eq!(asked(&mut realm, 3).as_deref(), Some(text));
        }
        let ask = Topic { group: "staff".into(), topic: None };
        assert_eq!(realm.does(4, ask), Code::NotMember.into());
        assert_eq!(
            realm.state.role(realm.group_id("staff"), realm.id("bob")),
            Some(GroupRole::Moderator)
        );
        assert_eq!(realm.does(2, topic("")), Outcome::Topic(None));
        assert_eq!(asked(&mut realm, 3), None);
    }

    #[test]
    fn is_a_short_text() {
        let mut realm = staffed();
        assert_eq!(realm.does(1, topic(&"x".repeat(TOPIC_BYTES + 1))), Code::TooLong.into());
        assert_eq!(realm.does(1, topic("a\u{7}")), Code::BadText.into());
        assert!(matches!(realm.does(1, topic(&"x".repeat(TOPIC_BYTES))), Outcome::Topic(Some(_))));
    }
}
