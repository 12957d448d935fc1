//! Somebody is away.

use crate::{Answer, Draft, Interrupt, Outcome, RequestContext};
use antar_types::{Code, Text, TextError};

/// The longest text that says why, in bytes: it is kept for each user, and told to many.
const MOST: usize = 256;

/// Says that the caller is away, on all devices, until [`ComeBack`] or until nobody is connected any more.
#[derive(Clone, Debug)]
pub struct BeAway {
    /// Why, if that is said.
    pub text: Option<Draft>,
}

/// Ends [`BeAway`].
#[derive(Clone, Copy, Debug)]
pub struct ComeBack;

impl BeAway {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let text = self.text.as_ref().map(|text| Text::new(text.0.clone(), MOST)).transpose();
        let text = text.map_err(|error| match error {
            TextError::TooLong => Code::TooLong,
            TextError::Control => Code::BadText,
        })?;
        say_away(cx, Some(text))
    }
}

impl ComeBack {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        say_away(cx, None)
    }
}

fn say_away(cx: &mut RequestContext<'_>, away: Option<Option<Text>>) -> Result<Answer, Interrupt> {
    let (me, uptime) = (cx.me()?, cx.readings.uptime);
    if !cx.state.live.signals.take(me, uptime) {
        return Err(Code::RateLimited.into());
    }
    cx.state.live.people.say_away(me, away);
    Ok(Outcome::Done.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{FollowPresence, Send, Unwatch};
    use crate::testing::Realm;
    use crate::{Availability, Notification, Presence};

    fn away(text: &str) -> BeAway {
        BeAway { text: (!text.is_empty()).then(|| text.into()) }
    }

    /// What a connection was told since the last look.
    fn told(realm: &mut Realm, conn: u64) -> Vec<Presence> {
        let presence = |told| match told {
            Notification::Presence(presence) => Presence::clone(&presence),
            other => panic!("{other:?}"),
        };
        realm.notifications(conn).into_iter().map(|(_, told)| presence(told)).collect()
    }

    /// Bob on 2, whom Amy follows on 1.
    fn realm() -> Realm {
        let mut realm = Realm::with_users(&["amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        realm.does(2, Send { to: "amy".into(), text: "hi".into() });
        realm.does(1, FollowPresence { users: "bob".into() });
        realm
    }

    #[test]
    fn is_told_with_its_text_until_one_is_back() {
        let mut realm = realm();
        realm.pass(5);
        let left = Some(antar_types::Time(realm.time()));
        assert_eq!(realm.does(2, away("at lunch")), Outcome::Done);
        let first = told(&mut realm, 1).remove(0);
        assert_eq!((first.availability, first.since), (Availability::Away, left));
        assert_eq!(first.text.as_ref().map(Text::as_str), Some("at lunch"));
        // Another text is told, and the same one is no news.
        realm.pass(5);
        realm.does(2, away(""));
        realm.does(2, away(""));
        let [other] = &told(&mut realm, 1)[..] else { panic!("one is told") };
        assert_eq!(
            (other.availability, other.since, &other.text),
            (Availability::Away, left, &None)
        );
        assert_eq!(realm.does(2, ComeBack), Outcome::Done);
        realm.does(2, ComeBack);
        let [back] = &told(&mut realm, 1)[..] else { panic!("one is told") };
        assert_eq!(back.availability, Availability::Online);
        assert_eq!(back.since, Some(antar_types::Time(realm.time())));
    }

    #[test]
    fn ends_where_nobody_is_connected_any_more() {
        let mut realm = realm();
        realm.does(2, away("gone"));
        realm.disconnect(2);
        realm.pass(11);
        realm.tick();
        assert_eq!(told(&mut realm, 1).pop().unwrap().availability, Availability::Offline);
        realm.login(2, "bob");
        assert_eq!(told(&mut realm, 1).pop().unwrap().availability, Availability::Online);
        realm.does(1, Unwatch);
        realm.does(2, away("again"));
        assert!(told(&mut realm, 1).is_empty());
    }

    #[test]
    fn what_is_said_of_it_is_bounded_and_so_is_how_often() {
        let mut realm = realm();
        assert_eq!(realm.does(2, away(&"x".repeat(257))), Code::TooLong.into());
        assert_eq!(realm.does(2, away("a\u{1}b")), Code::BadText.into());
        assert_eq!(realm.does(3, ComeBack), Code::NoSession.into());
        let outcomes: Vec<_> = (0..11).map(|n| realm.does(2, away(&format!("{n}")))).collect();
        assert_eq!(
            (outcomes[9].clone(), outcomes[10].clone()),
            (Outcome::Done, Code::RateLimited.into())
        );
        assert_eq!(told(&mut realm, 1).len(), 10);
    }
}
