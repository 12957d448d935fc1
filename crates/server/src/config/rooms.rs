//! What an operator sets about groups with members of several realms.

use antar_domain::RoomRealms;
use antar_types::Name;
use serde::{Deserialize, Serialize};

/// Groups with members of several realms.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomsConfig {
    /// Realms whose users are in no group here, and whose groups nobody here is in; `*` for all.
    pub refuse: Vec<String>,
}

/// All realms.
const ALL: &str = "*";

impl RoomsConfig {
    /// The realms with which there are none.
    pub(super) fn refused(&self) -> RoomRealms {
        match &self.refuse[..] {
            [] => RoomRealms::None,
            all if all.iter().any(|realm| realm == ALL) => RoomRealms::Linked,
            all => RoomRealms::Listed(all.iter().filter_map(|realm| Name::parse(realm)).collect()),
        }
    }

    /// A value that is wrong, and what it should be.
    pub(super) fn wrong_value(&self) -> Option<(String, &'static str)> {
        let is_wrong = |realm: &&String| *realm != ALL && Name::parse(realm).is_none();
        self.refuse.iter().find(is_wrong).map(|realm| (realm.clone(), "name of a realm, and not *"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(refuse: &[&str]) -> RoomsConfig {
        RoomsConfig { refuse: refuse.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn realms_are_refused_by_name_or_all_of_them() {
        let refused =
            |list: &[&str], realm: &str| rooms(list).refused().admits(&Name::parse(realm).unwrap());
        assert!(refused(&["beta", "gamma"], "Gamma") && !refused(&["beta"], "gamma"));
        assert!(refused(&["*"], "gamma") && !refused(&[], "gamma"));
        let wrong = |list| rooms(list).wrong_value().map(|(value, _)| value);
        assert_eq!((wrong(&["beta", "*"]), wrong(&["a b"])), (None, Some("a b".into())));
    }
}
