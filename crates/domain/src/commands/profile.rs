//! What users tell of themselves.

use crate::{
    AccountId, Answer, Change, ChangeList, Draft, Event, Interrupt, Outcome, Profile,
    RequestContext, ShownProfile, Word,
};
use antar_types::{Code, ConversationName, Text, TextError};

/// The longest display name, and the longest text about a user, in bytes.
const MOST: (usize, usize) = (64, 512);

/// Asks what a user of this realm tells.
#[derive(Clone, Debug)]
pub struct ShowProfile {
    /// The user; the caller where it is none.
    pub user: Option<Word>,
}

/// Says what the caller tells.
#[derive(Clone, Debug)]
pub struct SetProfile {
    /// The display name, with underscores for its blanks; as it was where it is none.
    pub name: Option<Word>,
    /// The text.
    pub about: Draft,
}

impl ShowProfile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let account = match &self.user {
            None => cx.me()?,
            Some(word) => match ConversationName::parse(word) {
                Some(ConversationName::User { user, former: None, realm })
                    if cx.elsewhere(&realm).is_none() =>
                {
                    cx.user(&user)?.0
                }
                _ => return Err(Code::UserNotFound.into()),
            },
        };
        let shown = cx.state.shown_profile(account).ok_or(Code::UserNotFound)?;
        Ok(Outcome::Profile(Box::new(shown)).into())
    }
}

impl SetProfile {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let me = cx.me()?;
        let before = cx.state.durable.personal.profile(me);
        let name = match &self.name {
            None => before.name.clone(),
            Some(word) => {
                let shown = word.replace('_', " ");
                let name = text(shown.trim().into(), MOST.0)?;
                Some(name).filter(|name| !name.as_str().is_empty())
            }
        };
        let profile = Profile { name, about: text(self.about.0.clone(), MOST.1)? };
        if profile != before {
            let event = match profile == Profile::default() {
                true => Event::ProfileEnded(me),
                false => Event::ProfileSet(me, profile),
            };
            cx.emit(event)?;
            cx.change(ChangeList::Account(me), Change::Profile)?;
        }
        Ok(Outcome::Done.into())
    }
}

fn text(text: std::sync::Arc<str>, most: usize) -> Result<Text, Code> {
    Text::new(text, most).map_err(|error| match error {
        TextError::TooLong => Code::TooLong,
        TextError::Control => Code::BadText,
    })
}

impl crate::State {
    /// What an account tells, as others are shown it.
    pub(crate) fn shown_profile(&self, account: AccountId) -> Option<ShownProfile> {
        let user = self.durable.accounts.get(&account)?.record.name.clone();
        let Profile { name, about } = self.durable.personal.profile(account);
        Some(ShownProfile { user, name, about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::RemoveUser;
    use crate::testing::Realm;

    fn set(name: Option<&str>, about: &str) -> SetProfile {
        SetProfile { name: name.map(Word::from), about: about.into() }
    }

    fn shown(realm: &mut Realm, user: Option<&str>) -> Result<(String, String, String), Code> {
        match realm.does(1, ShowProfile { user: user.map(Word::from) }) {
            Outcome::Profile(shown) => {
                let name = shown.name.map_or("-".into(), |name| name.as_str().to_string());
                Ok((shown.user.to_string(), name, shown.about.as_str().to_string()))
            }
            other => Err(other.refusal().unwrap()),
        }
    }

    fn told(user: &str, name: &str, about: &str) -> Result<(String, String, String), Code> {
        Ok((user.into(), name.into(), about.into()))
    }

    #[test]
    fn is_a_name_with_blanks_and_a_text_which_may_change_alone() {
        let mut realm = Realm::with_users(&["Amy", "bob"]);
        realm.login(1, "amy");
        realm.login(2, "bob");
        assert_eq!(shown(&mut realm, None), told("Amy", "-", ""));
        assert_eq!(realm.does(1, set(Some("Amy_Lee"), "plays  chess")), Outcome::Done);
        assert_eq!(shown(&mut realm, None), told("Amy", "Amy Lee", "plays  chess"));
        assert_eq!(realm.does(1, set(None, "plays")), Outcome::Done);
        assert_eq!(shown(&mut realm, Some("AMY@alpha")), told("Amy", "Amy Lee", "plays"));
        assert_eq!(shown(&mut realm, Some("bob")), told("bob", "-", ""));
        // Blanks only are no name.
        assert_eq!(realm.does(1, set(Some("_"), "plays")), Outcome::Done);
        assert_eq!(shown(&mut realm, None), told("Amy", "-", "plays"));
        for nobody in ["eve", "bob@beta", "#staff", "@", "bob~1"] {
            assert_eq!(shown(&mut realm, Some(nobody)), Err(Code::UserNotFound), "{nobody}");
        }
    }

    #[test]
    fn is_bounded_and_ends_with_the_account() {
        let mut realm = Realm::with_users(&["amy"]);
        realm.login(1, "amy");
        let long = |n: usize| "x".repeat(n);
        assert_eq!(realm.does(1, set(Some(&long(65)), "")), Code::TooLong.into());
        assert_eq!(realm.does(1, set(None, &long(513))), Code::TooLong.into());
        assert_eq!(realm.does(1, set(None, "a\u{1}")), Code::BadText.into());
        assert_eq!(realm.does(1, set(Some(&long(64)), &long(512))), Outcome::Done);
        realm.operator_does(RemoveUser { user: "amy".into() });
        realm.pass(60);
        realm.add_user("amy");
        realm.login(1, "amy");
        assert_eq!(shown(&mut realm, None), told("amy", "-", ""));
    }
}
