//! Some seeds, and the bugs that the simulator must find.

use antar_sim::{Options, Planted, run};

/// Seeds that every `cargo test` runs; CI runs thousands more with `antar simulate`.
const SEEDS: u64 = 60;

/// Seeds within which each planted bug is found: the rarest show in one of some 140.
const ENOUGH: u64 = 600;

#[test]
fn some_seeds_are_clean() {
    for seed in 0..SEEDS {
        let report = run(seed, &Options::default());
        assert_eq!(report.violation, None, "antar simulate --seed {seed}");
    }
}

#[test]
fn a_realm_that_lies_about_groups_harms_nobody_else() {
    for seed in 0..SEEDS {
        let report = run(seed, &Options { lies: true, ..Options::default() });
        assert_eq!(report.violation, None, "seed {seed}, where the last realm lies");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let options = Options { trace: true, seconds: 10, ..Options::default() };
    for seed in [3, 17, 99] {
        let [one, two] = [run(seed, &options), run(seed, &options)];
        assert!(one.trace.len() > 100);
        assert_eq!(one.trace, two.trace);
        assert_eq!(one.checked, two.checked);
    }
}

#[test]
fn every_planted_bug_is_found() {
    let missed: Vec<Planted> = Planted::all()
        .filter(|bug| {
            let lies = bug.needs_lies();
            let options = Options { planted: Some(*bug), lies, ..Options::default() };
            let found = (0..ENOUGH).find_map(|seed| Some((seed, run(seed, &options).violation?)));
            println!("{bug:?}: {found:?}");
            found.is_none()
        })
        .collect();
    assert!(missed.is_empty(), "not found within {ENOUGH} seeds: {missed:?}");
}
