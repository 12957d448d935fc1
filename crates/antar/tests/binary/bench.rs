//! `antar bench`, one workload after another and each for a moment.

use crate::realm::{Realm, antar, refusal};
use serde_json::Value;
use std::process::Output;

const SHORT: [&str; 6] = ["--seconds", "0.3", "--warmup", "0.1", "--connections", "4"];

fn bench(arguments: &[&str]) -> Output {
    antar().arg("bench").args(SHORT).args(arguments).output().unwrap()
}

/// What a run that must succeed measured.
#[track_caller]
fn measured(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything that was sent arrived, and both rates are there.
#[track_caller]
fn check(measured: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let delivered = &measured["delivered"];
    assert!(number(&measured["local"]["requests_per_second"]) > 0.0, "{measured}");
    assert!(number(&delivered["messages_per_second"]) > 0.0, "{measured}");
    assert!(number(&delivered["arrived_once"]) >= number(&measured["sendrealm"]["ok"]));
    let latency = &delivered["latency_us"];
    assert!(number(&latency["p50"]) > 0.0 && number(&latency["p99"]) >= number(&latency["p50"]));
    assert!(number(&measured["ratio"]) > 0.0, "{measured}");
}

#[test]
fn from_one_realm_to_another_that_are_started_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = antar();
    command.args(["bench", "--realm", "--json", "--in-flight", "4"]).args(SHORT);
    check(&measured(&command.env("TMPDIR", directory.path()).output().unwrap()));
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn to_a_group_with_members_of_three_realms_that_are_started_for_it() {
    let measured = measured(&bench(&["--rooms", "--json", "--in-flight", "4"]));
    positive(&measured, &["/private/messages_per_second", "/room/messages_per_second", "/ratio"]);
    positive(&measured, &["/private/latency_us/p50", "/room/latency_us/p50"]);
    // A message to the group is carried to two realms, a private one to one of them.
    let arrived = |what: &str| measured[what]["arrived_once"].as_u64().unwrap();
    let accepted = |what: &str| measured[what]["accepted"].as_u64().unwrap();
    assert_eq!(arrived("private"), accepted("sendrealm"));
    assert_eq!(arrived("room"), 2 * accepted("post"));
    let ratio = measured["ratio"].as_f64().unwrap();
    let rate = |what: &str| measured[what]["messages_per_second"].as_f64().unwrap();
    assert!((ratio - rate("room") / rate("private")).abs() < 0.01, "{measured}");
}

#[test]
fn from_one_realm_to_another_that_run() {
    let (alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let at = ["--at", beta.address(), "--json"];
    let bench = |name| bench(&[&[alpha.address(), "--realm", name], &at[..]].concat());
    assert!(refusal(&bench("gamma")).contains("is named beta, not gamma"));
    assert!(refusal(&bench("beta")).contains("alpha is not linked there"));
    let mut amy = alpha.user("amy");
    amy.expect_ok(&format!("ADDREALM beta {}", beta.address().replace(':', " ")));
    check(&measured(&bench("beta")));
    // What is there from before does not count.
    check(&measured(&bench("BETA")));
}

#[test]
fn what_does_not_go_together_is_said() {
    for (arguments, word) in [
        (&["--realm", "beta"][..], "--realm alone"),
        (&["127.0.0.1:1", "--realm"], "--realm alone"),
        (&["127.0.0.1:1", "--realm", "b", "--at", "127.0.0.1:1"], "no realm answers"),
        (&["--realm", "--size", "20"], "--size 26"),
        (&["--rooms", "--size", "20"], "--size 26"),
        (&["--workload", "live", "--size", "20"], "--size 26"),
        (&["--workload", "live", "--bare-loop"], "compare with --relay"),
        (&["--relay"], "--workload live and --workload fanout"),
        (&["--raw-disk", "/nowhere", "--rate", "5"], "a disk has no rate"),
    ] {
        let said = refusal(&bench(arguments));
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

/// What a realm answers to a load on it.
#[track_caller]
fn of_a_realm(arguments: &[&str]) -> Value {
    for_seconds("0.2", arguments)
}

#[track_caller]
fn for_seconds(seconds: &str, arguments: &[&str]) -> Value {
    let realm = Realm::with("");
    let short = ["--seconds", seconds, "--warmup", "0", "--connections", "4", "--json"];
    let output = antar().args(["bench", realm.address()]).args(short).args(arguments).output();
    measured(&output.unwrap())
}

#[track_caller]
fn positive(measured: &Value, pointers: &[&str]) {
    for pointer in pointers {
        let number = measured.pointer(pointer).and_then(Value::as_f64);
        assert!(number.is_some_and(|number| number > 0.0), "{pointer}: {measured}");
    }
}

#[test]
fn what_is_delivered_live_beside_a_relay_and_at_half_load() {
    let measured = of_a_realm(&["--workload", "live", "--relay", "--rate", "half"]);
    for side in ["/realm", "/relay", "/half_load/realm", "/half_load/relay"] {
        let of = |what| format!("{side}/{what}");
        let figures = [of("delivered_per_second"), of("latency_us/p50"), of("ok_latency_us/p50")];
        positive(&measured, &figures.each_ref().map(String::as_str));
        assert_eq!(measured.pointer(&of("errors")), Some(&serde_json::json!({})));
    }
    positive(&measured, &["/ratio", "/half_load/rate"]);
}

#[test]
fn what_reaches_all_members_of_a_group() {
    let measured = of_a_realm(&["--workload", "fanout", "--members", "5", "--in-flight", "2"]);
    let number = |what: &str| measured["realm"][what].as_f64().unwrap();
    // Each message five times; what is under way at either end may be counted in part.
    let times = number("delivered_per_second") / number("requests_per_second");
    assert!((4.0..6.0).contains(&times), "{measured}");
}

#[test]
fn a_rate_is_kept_and_a_number_of_requests_too() {
    let measured = of_a_realm(&["--rate", "200"]);
    let rate = measured["realm"]["requests_per_second"].as_f64().unwrap();
    assert!((1.0..=220.0).contains(&rate), "{measured}");
    let measured = for_seconds("60", &["--requests", "40"]);
    assert_eq!(measured["realm"]["accepted"], 40);
    assert!(measured["realm"]["seconds"].as_f64().unwrap() < 50.0);
}

#[test]
fn beside_the_raw_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let measured = of_a_realm(&["--raw-disk", path, "--batch", "1,16"]);
    positive(&measured, &["/disk_1/ratio", "/disk_16/ratio", "/disk_1/latency_us/p50"]);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn logins_tokens_and_large_inboxes() {
    for workload in ["login", "token"] {
        let measured = of_a_realm(&["--workload", workload]);
        positive(&measured, &["/realm/ok"]);
        assert_eq!(measured["realm"]["errors"], serde_json::json!({}));
    }
    let inbox = ["--workload", "inbox", "--mailbox", "200", "--users", "1"];
    let measured = of_a_realm(&inbox);
    // 50 messages of 100 bytes.
    let each = measured["realm"]["mb_per_second"]["received"].as_f64().unwrap() * 1e6
        / measured["realm"]["requests_per_second"].as_f64().unwrap();
    assert!((8_000.0..15_000.0).contains(&each), "{each}: {measured}");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_of_idle_connections_with_tls_and_without() {
    let realm = Realm::with("");
    for more in [&[][..], &["--tls"]] {
        let idle = ["bench", realm.address(), "--idle", "9", "--json"];
        let measured = measured(&antar().args(idle).args(more).output().unwrap());
        assert_eq!(measured["steps"][3]["connections"], 9);
        positive(&measured, &["/steps/0/resident_kib", "/steps/3/resident_kib"]);
    }
}
