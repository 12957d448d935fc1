//! All groups, as who administers the realm sees them.

use crate::state::Group;
use crate::{Answer, Conversation, GroupId, Interrupt, Outcome, RequestContext, ShownGroup, Word};

/// Asks for all groups, listed or not, in the order in which they were made; or for one.
#[derive(Clone, Debug)]
pub struct ShowGroups {
    /// The one.
    pub group: Option<Word>,
}

impl ShowGroups {
    pub(crate) fn decide(&self, cx: &mut RequestContext<'_>) -> Result<Answer, Interrupt> {
        let shown = |(id, group): (GroupId, &Group)| {
            let durable = &cx.state.durable;
            let of_group = durable.bans.range((id, crate::AccountId(0))..);
            let bans = of_group.take_while(|(of, _)| *of == id).count();
            let conversations = || durable.conversations.of_group(id);
            let messages =
                conversations().map(|each| durable.conversations.tip(each).ordinal).sum();
            let peers = conversations().filter_map(Conversation::peer);
            let pairs = peers.filter_map(|peer| Some(cx.peer(peer)?.record.name.clone())).collect();
            let owner = group.record.owner.and_then(|id| durable.member_name(id));
            let name = durable.group_shown(id).unwrap_or_default();
            let (record, members) = (group.record.clone(), group.members.len());
            let elsewhere = durable.guests.in_group(id);
            ShownGroup { name, record, owner, members, elsewhere, bans, messages, pairs }
        };
        let all = match &self.group {
            Some(group) => vec![shown(cx.any_group(group)?)],
            None => cx.state.durable.groups.iter().map(|(id, group)| shown((*id, group))).collect(),
        };
        Ok(Outcome::ShownGroups(all).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupRole;
    use crate::commands::{Ban, CloseGroup, Kick, ListBans, ListMembers, SetGroup, SetRole, Topic};
    use crate::testing::staffed;
    use antar_types::Code;

    #[test]
    fn the_operator_runs_any_group() {
        let mut realm = staffed();
        let group = || Word::from("staff");
        let show = ShowGroups { group: Some(group()) };
        assert_eq!(realm.does(1, show.clone()), Code::Forbidden.into());
        let set = SetGroup {
            group: group(),
            entry: None,
            listed: Some(false),
            announce: None,
            password: None,
            retention: None,
            realms: None,
            past: None,
        };
        assert!(realm.operator_does(set).refusal().is_none());
        let topic = Topic { group: group(), topic: Some("plans".into()) };
        assert!(realm.operator_does(topic).refusal().is_none());
        let since = realm.cursor(1);
        assert_eq!(realm.operator_does(Kick { group: group(), user: "cat".into() }), Outcome::Done);
        assert_eq!(realm.group_news(1, since), ["kicked #staff cat by @operator"]);
        assert_eq!(realm.operator_does(Ban { group: group(), user: "cat".into() }), Outcome::Done);
        let bans = ListBans { group: group() };
        assert_eq!(realm.operator_does(bans.clone()), Outcome::Names(["cat".into()].into()));
        assert_eq!(realm.does(2, bans.clone()), Outcome::Names(["cat".into()].into()));
        assert_eq!(realm.does(4, bans), Code::GroupNotFound.into());
        let Outcome::ShownGroups(all) = realm.operator_does(show) else { panic!("no groups") };
        let [shown] = &all[..] else { panic!("one group") };
        assert_eq!((shown.members, shown.bans, shown.record.listed), (2, 1, false));
        assert_eq!(shown.owner.as_deref(), Some("amy"));
        let list = ListMembers { group: group() };
        assert!(matches!(realm.operator_does(list), Outcome::Members { .. }));
        let role = SetRole { group: group(), user: "bob".into(), role: GroupRole::Owner };
        assert_eq!(realm.operator_does(role), Outcome::Done);
        assert_eq!(realm.operator_does(CloseGroup { group: group() }), Outcome::Done);
        let all = ShowGroups { group: None };
        assert_eq!(realm.operator_does(all), Outcome::ShownGroups(Vec::new()));
    }
}
