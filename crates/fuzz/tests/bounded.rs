//! Every target with some inputs: the same ones each time.

use antar_fuzz::{Draw, TARGETS};

/// Inputs for each target: a second or so.
const INPUTS: usize = 20_000;

#[test]
fn every_target_holds_for_drawn_inputs() {
    std::thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(|| {
                let (mut draw, mut input) = (Draw::new(7), Vec::new());
                for n in 0..INPUTS {
                    input.clear();
                    (target.draw)(&mut draw, &mut input);
                    let run = std::panic::AssertUnwindSafe(|| (target.run)(&input));
                    if let Err(panic) = std::panic::catch_unwind(run) {
                        eprintln!("{}: input {n} is {}", target.name, input.escape_ascii());
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
}

#[test]
fn every_target_holds_for_random_bytes_and_for_none() {
    for target in TARGETS {
        let (mut draw, mut input) = (Draw::new(8), Vec::new());
        (target.run)(&[]);
        for n in 0..2_000 {
            input.clear();
            draw.bytes(n % 90, &mut input);
            (target.run)(&input);
        }
    }
}

#[test]
fn what_failed_once() {
    let run = |name: &str, input: &[u8]| (antar_fuzz::find(name).unwrap().run)(input);
    // Whether a long first line is HTTP depended on how much of it came at once.
    run(
        "lines",
        b"\x00\x1bPOST a:1pingxxxxxxxxxxxxxxxx\nGET / HTTP/1.1\nping\r\n\nxxxxxxxxxxxxxxxx",
    );
}

#[test]
fn the_same_seed_draws_the_same() {
    for target in TARGETS {
        let drawn = || {
            let (mut draw, mut input) = (Draw::new(3), Vec::new());
            (0..50).for_each(|_| (target.draw)(&mut draw, &mut input));
            input
        };
        assert!(!drawn().is_empty() && drawn() == drawn(), "{}", target.name);
    }
}
