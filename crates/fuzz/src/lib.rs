//! Hostile bytes for everything that reads bytes from outside or from disk.
//!
//! A [`Target`] is a plain function of some bytes that panics where a property does not hold. What
//! calls it is elsewhere: `cargo test` with a bounded number of inputs, the runner of this crate with
//! as many as one likes, libFuzzer with the same function (`fuzz/`). Each input stands for itself, so
//! that one which fails fails again alone.
//!
//! A target comes with a generator, since random bytes get nowhere: it makes inputs that are mostly
//! right and somewhere wrong.

mod checks;
mod choices;
mod disk;
mod draw;
mod files;
mod play;
mod requests;
mod web;
mod wire;
mod world;

pub use draw::Draw;
pub use requests::dictionary;

/// Something that reads bytes, and what must hold whatever they are.
#[derive(Clone, Copy)]
pub struct Target {
    /// For the command line.
    pub name: &'static str,
    /// What is fuzzed, and which property must hold.
    pub about: &'static str,
    /// Takes one input.
    ///
    /// # Panics
    /// Where the property does not hold.
    pub run: fn(&[u8]),
    /// Appends an input worth trying.
    pub draw: fn(&mut Draw, &mut Vec<u8>),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    wire::LINES,
    wire::REPLIES,
    wire::WORDS,
    web::WEB,
    requests::REQUESTS,
    requests::LINKS,
    disk::LOG,
    disk::VALUES,
    disk::BACKUP,
    files::FILES,
];

/// Gives a target one input.
///
/// # Panics
/// Where there is no target of that name, or its property does not hold.
pub fn run(name: &str, input: &[u8]) {
    match find(name) {
        Some(target) => (target.run)(input),
        None => panic!("no target {name}"),
    }
}

/// The target of that name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
