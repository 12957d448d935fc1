//! A realm that begins with data of an earlier format.

use super::fixture::{Manifest, unpack};
use crate::realm::Realm;
use crate::system::Faulty;
use serde_json::{Value, json};
use std::process::Command;
use std::time::SystemTime;

/// A realm of an earlier format on a system whose clock stands where its data end, so that nothing in
/// them is too old.
pub struct Old {
    pub format: &'static str,
    pub system: Faulty,
    pub manifest: Manifest,
}

impl Old {
    /// One without data.
    pub fn empty(format: &'static str, number: u8) -> Self {
        let manifest = Manifest::read(format);
        let realm = Realm::stopped("");
        realm.configure(&format!(
            "advertise = \"127.88.0.{number}:{}\"\ninbound = \"approve\"\nplain_peers = [\"127.88.0.9\"]",
            1300 + u16::from(number)
        ));
        let system = Faulty::of(realm);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        system.set_clock(manifest.made + 1 - i64::try_from(now).unwrap());
        Self { format, system, manifest }
    }

    /// The one that has all there is.
    pub fn alpha() -> Self {
        Self::alpha_of("format1")
    }

    pub fn alpha_of(format: &'static str) -> Self {
        let alpha = Self::empty(format, 1);
        unpack(format, "alpha.packed", &alpha.system.realm.data());
        alpha
    }

    /// A realm that is linked with it, and is owed messages as it owes some.
    pub fn beta(format: &'static str) -> Self {
        let beta = Self::empty(format, 2);
        unpack(format, "beta.packed", &beta.system.realm.data());
        beta
    }

    /// The first one, restored from the backup.
    pub fn restored(format: &'static str) -> Self {
        let alpha = Self::empty(format, 1);
        let backup = tempfile::tempdir().unwrap();
        unpack(format, "backup.packed", backup.path());
        alpha.run(alpha.command("check").arg(backup.path()));
        alpha.run(alpha.command("restore").arg(backup.path()));
        alpha
    }

    pub fn command(&self, command: &str) -> Command {
        let mut command = self.system.realm.command(command);
        self.system.carry(&mut command);
        command
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn run(&self, command: &mut Command) {
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }

    #[track_caller]
    pub fn check(&self) {
        self.run(&mut self.command("check"));
    }

    pub fn serve(&self) -> Command {
        let mut serve = self.command("serve");
        serve.args(["--listen", "127.0.0.1:0"]);
        serve
    }

    #[track_caller]
    pub fn start(&mut self) {
        let serve = self.serve();
        self.system.realm.run(serve);
    }

    /// Everything is answered as it was by the binary that wrote the data.
    #[track_caller]
    pub fn expect_everything(&self) {
        let mut conn = self.system.realm.connect();
        for (request, reply) in &self.manifest.replies {
            if !self.is_an_administrators(request) {
                assert_eq!(conn.ask_raw(request), *reply, "{request}");
            }
        }
        assert_eq!(lasting(&self.system.realm), self.manifest.links);
    }

    /// Whether an administrator asks who is in a group, which is answered now.
    fn is_an_administrators(&self, request: &str) -> bool {
        request.starts_with(&format!("MEMBERS {}", self.manifest.token("root")))
    }

    /// The same where further messages were sent since, which only come after what there was.
    #[track_caller]
    pub fn expect_everything_and_more(&self) {
        let (mut conn, last) = (self.system.realm.connect(), self.manifest.last_id());
        for (request, reply) in &self.manifest.replies {
            // The newest are others now.
            if request.ends_with(" limit=3") || self.is_an_administrators(request) {
                continue;
            }
            let mut now = conn.ask(request);
            forget_later(&mut now, last);
            let before: Value = serde_json::from_str(reply).unwrap();
            assert_eq!(now, before, "{request}");
        }
    }

    /// Every password is still good.
    #[track_caller]
    pub fn expect_passwords(&self) {
        for (name, _, password) in self.manifest.users.iter().filter(|(name, ..)| name != "dave") {
            self.system.realm.connect().expect_ok(&format!("AUTH {name} {password}"));
        }
        let mut amy = self.system.realm.connect();
        amy.expect_ok(&format!("WHOAMI {}", self.manifest.token("amy")));
        assert_eq!(amy.ask("JOINGROUP staff sesame")["code"], "wrong_password");
        amy.expect_ok("JOINGROUP staff open sesame");
        let members = amy.expect_ok("MEMBERS staff");
        assert_eq!(members["data"], json!(["Bob", "carol", "amy"]));
        amy.expect_ok("JOINGROUP empty pw");
        assert_eq!(amy.expect_ok("MEMBERS empty")["owner"], "amy");
        amy.expect_ok("LEAVEGROUP empty");
        amy.expect_ok("LEAVEGROUP staff");
    }

    /// Messages are sent on, each with an id that is greater than any before.
    #[track_caller]
    pub fn send_on(&self) -> u64 {
        let mut carol = self.system.realm.connect();
        carol.expect_ok(&format!("WHOAMI {}", self.manifest.token("carol")));
        let requests = [
            "SEND carol sent on",
            "SEND amy sent on",
            "SENDGROUP room sent on",
            "SENDREALM beta bob sent on",
            "SENDGROUPREALM beta room sent on",
        ];
        let ids = requests.map(|line| carol.expect_ok(line)["id"].as_u64().unwrap());
        assert!(ids[0] > self.manifest.last_id() && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        for list in ["INBOX", "INBOXGROUP room", "SENT realm=beta", "INBOXGROUPREALM beta room"] {
            let last = carol.expect_ok(&format!("{list} limit=1"));
            assert_eq!(last["data"][0]["message"], "sent on", "{list}");
        }
        ids[4]
    }
}

/// What of CHECKREALM does not depend on the time or on who can be reached.
pub fn lasting(realm: &Realm) -> Vec<Value> {
    let kept = ["realm", "host", "port", "owed", "sent", "received", "cursor", "told", "former"];
    let kept = [&kept[..], &["fingerprint", "plain", "asks"]].concat();
    let mut links = crate::links::links(realm);
    for link in &mut links {
        link.as_object_mut().unwrap().retain(|key, _| kept.contains(&key.as_str()));
    }
    links
}

/// Takes messages out of a reply that came after the one with this id.
fn forget_later(value: &mut Value, last: u64) {
    match value {
        Value::Array(list) => {
            list.retain(|one| one.get("id").is_none_or(|id| id.as_u64().unwrap() <= last));
            list.iter_mut().for_each(|one| forget_later(one, last));
        }
        Value::Object(map) => {
            map.values_mut().for_each(|one| forget_later(one, last));
            let keeps = |key: &str, one: &Value| {
                ["data", "message", "messages", "members"].contains(&key) || *one != json!([])
            };
            map.retain(|key, one| keeps(key, one));
        }
        _ => {}
    }
}
