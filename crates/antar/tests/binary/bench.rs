//! `antar bench --realm`.

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
    ] {
        let said = refusal(&bench(arguments));
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
