//! Files that people and programs write beside the data: the configuration and the realm's key.

use crate::choices::Choices;
use crate::{Draw, Target};
use antar_server::bytes;

pub const FILES: Target = Target {
    name: "files",
    about: "the configuration and the realm's key and certificate: they are read, or what is wrong is \
            said in one line",
    run: files,
    draw: draw_files,
};

/// First byte: which of the two the rest is.
fn files(input: &[u8]) {
    let mut choices = Choices(input);
    let refused = match choices.below(2) {
        0 => match std::str::from_utf8(choices.0).map(bytes::config) {
            Ok(Ok(config)) => {
                // What is derived of it at a start.
                drop((config.domain_limits(), config.policy(), config.advertised()));
                let _ = (config.connections_per_address(), config.threads() > 0);
                return;
            }
            Ok(Err((line, why))) => {
                let lines = choices.0.iter().filter(|byte| **byte == b'\n').count();
                assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
                why
            }
            Err(_) => return,
        },
        _ => match bytes::identity(choices.0) {
            Ok(_) => return,
            Err(why) => why,
        },
    };
    assert!(!refused.is_empty() && !refused.contains('\n'), "{refused:?}");
}

const CONFIG: &[&str] = &[
    "name = \"alpha\"\n",
    "data = \"/var/lib/antar\"\n",
    "listen = [\"127.0.0.1:8889\", \"[::]:1\"]\n",
    "register = \"open\"\n",
    "link = \"admin\"\n",
    "inbound = \"listed\"\n",
    "link_keys = [\"sha256:ab\"]\n",
    "advertise = \"[::1]:99999\"\n",
    "plain_peers = [\"::ffff:127.0.0.1\"]\n",
    "threads = 0\n",
    "log = \"info\"\n",
    "[limits]\n",
    "line_bytes = 18446744073709551615\n",
    "token_idle_days = 9223372036854775807\n",
    "connections = -1\n",
    "link_grace_days = 1e9\n",
    "[passwords]\n",
    "memory_kib = 4294967296\n",
    "iterations = 2\n",
    "x = 1\n",
    "name = 5\n",
    "\"\u{e9}\" = '''\n",
    "# \u{1f980}\n",
    "= \n",
    "[[a]]\n",
    "a.b.c = {d = [1, 2]}\n",
    "\"",
];

/// A realm's key that nobody has.
const IDENTITY: &str = include_str!("../identity.pem");

fn draw_files(draw: &mut Draw, out: &mut Vec<u8>) {
    if draw.once_in(2) {
        out.push(0);
        for _ in 0..draw.below(4) {
            out.extend_from_slice(draw.pick(CONFIG).as_bytes());
        }
    } else {
        out.push(1);
        for line in IDENTITY.lines() {
            if !draw.once_in(16) {
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        }
    }
    draw.spoil(out);
}
