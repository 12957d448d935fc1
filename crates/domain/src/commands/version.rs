//! VERSION: what is running.

use super::{Access, ROW, Verb};
use antar_types::{Body, Reply};

pub const VERBS: &[Verb] = &[Verb {
    name: "VERSION",
    help: "Tells the server's version and the realm's name.",
    access: Access::Anyone,
    run: |cx, _| {
        let version = concat!("antar ", env!("CARGO_PKG_VERSION"));
        let realm = cx.state.name().map(|name| name.as_str());
        Ok(Reply::from(Body::Value(version.into())).with("realm", realm).into())
    },
    ..ROW
}];

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;

    #[test]
    fn tells_version_and_realm() {
        let mut realm = Realm::with_users(&[]);
        let version = realm.say(1, "VERSION");
        assert!(version["data"].as_str().unwrap().starts_with("antar 0."));
        assert_eq!(version["realm"], "alpha");
    }
}
