//! Plays every transcript of `tests/transcripts` and every example of the protocol's document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antar_testkit::{Driver, Failure, OnState, OnTcp, Transcript, play};
use std::path::{Path, PathBuf};

/// Longer than anything a transcript sends.
const WHOLE: usize = 1 << 20;

type Made = Result<Box<dyn Driver>, Failure>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The transcripts in the order of their names; failures name them as seen from the repository.
fn files() -> Vec<Transcript> {
    let directory = root().join("tests/transcripts");
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "chat"));
    paths.sort();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let name = format!("tests/transcripts/{}", path.file_name().unwrap().display());
        let text = std::fs::read_to_string(path).unwrap();
        Transcript::parse(&name, &text).unwrap_or_else(|failure| panic!("{failure}"))
    };
    paths.into_iter().map(read).collect()
}

fn examples() -> Vec<Transcript> {
    let text = std::fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let blocks = Transcript::blocks("docs/protocol.md", &text);
    let blocks = blocks.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(!blocks.is_empty());
    blocks
}

/// Plays all of them, so that one failure does not hide another.
fn play_all(transcripts: &[Transcript], driver: impl Fn(&Transcript) -> Made) {
    let played = transcripts.iter().map(|t| driver(t).and_then(|mut d| play(t, &mut *d)));
    let failures: Vec<String> =
        played.filter_map(Result::err).map(|failure| failure.to_string()).collect();
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// Those of one realm: several need sockets.
fn of_one(mut transcripts: Vec<Transcript>) -> Vec<Transcript> {
    transcripts.retain(|transcript| !transcript.has_several_realms());
    transcripts
}

fn state(transcript: &Transcript) -> Made {
    Ok(Box::new(OnState::new(transcript)?))
}

fn tcp(segment: usize) -> impl Fn(&Transcript) -> Made {
    move |transcript| Ok(Box::new(OnTcp::new(transcript, segment)?))
}

fn tls(segment: usize) -> impl Fn(&Transcript) -> Made {
    move |transcript| Ok(Box::new(OnTcp::new(transcript, segment)?.with_tls()))
}

#[test]
fn transcripts_on_the_domain_alone() {
    play_all(&of_one(files()), state);
}

#[test]
fn transcripts_over_tcp() {
    play_all(&files(), tcp(WHOLE));
}

#[test]
fn transcripts_over_tcp_in_three_byte_segments() {
    play_all(&files(), tcp(3));
}

#[test]
fn transcripts_over_tls() {
    play_all(&files(), tls(WHOLE));
}

#[test]
fn transcripts_over_tls_in_three_byte_segments() {
    play_all(&files(), tls(3));
}

#[test]
fn examples_on_the_domain_alone() {
    play_all(&of_one(examples()), state);
}

#[test]
fn examples_over_tcp() {
    play_all(&examples(), tcp(WHOLE));
}

#[test]
fn examples_over_tls() {
    play_all(&examples(), tls(WHOLE));
}
