//! The web client's files, as they are in the binary; scripts and styles are served without their comments and their
//! indentation (`strip`), and otherwise as they were written.
//!
//! All but `index.html` are served below a prefix with one hash of all of them, so that a file can be kept for
//! ever, and what one says about where another is holds as it is written.

use hyper::body::Bytes;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// A file, by its path below `ui/`.
pub(crate) struct File {
    pub path: &'static str,
    pub bytes: &'static [u8],
}

/// Makes the table of all files.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        pub(crate) const FILES: &[super::File] = &[
            $(super::File { path: $path, bytes: include_bytes!(concat!("../../ui/", $path)) },)*
        ];
    };
}

mod table;

pub(crate) use table::FILES;

/// What is served of each file, in the order of the table.
static SERVED: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let served = |file: &File| match (kind(file.path), std::str::from_utf8(file.bytes)) {
        ("text/javascript; charset=utf-8" | "text/css; charset=utf-8", Ok(text)) => {
            Bytes::from(strip(text))
        }
        _ => Bytes::from_static(file.bytes),
    };
    FILES.iter().map(served).collect()
});

/// Leaves out indentation, all from `/**` to `*/`, and lines that begin with `//`. Each line stays on its line, so an error in
/// a browser names the line of the file. No string and no template may hold these signs or go over lines, as a test ensures.
fn strip(text: &str) -> String {
    let mut in_comment = false;
    let mut served = String::with_capacity(text.len());
    for line in text.lines() {
        let (start, mut rest) = (served.len(), line.trim_start());
        while let Some((before, after)) = rest.split_once(if in_comment { "*/" } else { "/**" }) {
            if !in_comment {
                served.push_str(before);
            }
            rest = after.trim_start();
            in_comment = !in_comment;
        }
        if !in_comment {
            served.push_str(rest);
        }
        if served[start..].starts_with("//") {
            served.truncate(start);
        }
        served.truncate(start + served[start..].trim_end().len());
        served.push('\n');
    }
    served
}

/// The page, which is served at the root, filled in.
pub(crate) const INDEX: &str = "index.html";

/// What stands in it for the prefix of all other files, and for the realm's name.
const ASSETS: &str = "%ASSETS%";
const REALM: &str = "%REALM%";

/// Bytes of the hash: enough that no two versions have the same.
const HASH: usize = 12;

/// The prefix of all files that are kept for ever.
pub(crate) static PREFIX: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (File { path, .. }, bytes) in FILES.iter().zip(SERVED.iter()) {
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let digits =
        hash.finalize()[..HASH].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("/assets/{digits}")
});

/// The type and the bytes of the file at a path of a request, below the prefix.
pub(crate) fn find(path: &str) -> Option<(&'static str, Bytes)> {
    let path = path.strip_prefix(PREFIX.as_str())?.strip_prefix('/')?;
    let at = FILES.iter().position(|file| file.path == path && path != INDEX)?;
    Some((kind(path), SERVED[at].clone()))
}

/// The page of a realm, filled in.
pub(crate) fn index(realm: &str) -> Bytes {
    let text = include_str!("../../ui/index.html");
    text.replace(ASSETS, &PREFIX).replace(REALM, realm).into()
}

/// The type of a file, by its name.
pub(crate) fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// What is for those who develop the client.
    fn is_served(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap();
        let tools = ["package.json", "package-lock.json", "tsconfig.json", "jsconfig.json"];
        let endings = [".test.js", ".d.ts", ".md"];
        let folders = ["tests/", "types/", "node_modules/"];
        !folders.iter().any(|folder| path.starts_with(folder))
            && !tools.contains(&name)
            && !name.starts_with('.')
            && !endings.iter().any(|ending| name.ends_with(ending))
    }

    fn below(directory: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => below(&path, root, found),
                false => {
                    let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
                    found.extend(Some(path).filter(|path| is_served(path)));
                }
            }
        }
    }

    #[test]
    fn every_file_of_the_client_is_in_the_table() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
        let mut there = BTreeSet::new();
        below(&root, &root, &mut there);
        let listed: Vec<String> = FILES.iter().map(|file| file.path.to_string()).collect();
        assert_eq!(listed, there.into_iter().collect::<Vec<_>>(), "src/assets/table.rs");
        for file in FILES {
            assert_ne!(kind(file.path), "application/octet-stream", "{}", file.path);
        }
    }

    #[test]
    fn comments_and_indentation_are_not_served() {
        let text = "/** Of\n * two lines. */\nlet a = /** @type {any} */ (b);\n  // Why.\n  a(); // c\n\n/** @x */ c();\n* {}";
        assert_eq!(strip(text), "\n\nlet a = (b);\n\na(); // c\n\nc();\n* {}\n");
    }

    /// What is left out must be a comment, and indentation: neither a string nor a template may look like it.
    #[test]
    fn nothing_that_runs_is_left_out() {
        for file in FILES.iter().filter(|file| file.path.ends_with(".js")) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            for (at, line) in text.lines().enumerate() {
                let place = format!("{}:{}: {line}", file.path, at + 1);
                assert_eq!(line.matches('`').count() % 2, 0, "a template over lines? {place}");
                assert!(!line.ends_with('\\'), "a string over lines? {place}");
                for (at, _) in line.match_indices("/**") {
                    let (before, after) = (&line[..at], &line[at + 3..]);
                    let doc = after.is_empty() || after.starts_with(' ');
                    let quoted =
                        ['\'', '"', '`'].iter().any(|q| before.matches(*q).count() % 2 == 1);
                    assert!(doc && !quoted, "a comment in a string? {place}");
                }
            }
            assert_eq!(text.matches("/**").count(), text.matches("*/").count(), "{}", file.path);
            assert_eq!(strip(text).lines().count(), text.lines().count(), "{}", file.path);
        }
    }

    #[test]
    fn a_page_says_where_the_rest_is_and_whose_it_is() {
        let page = index("alpha");
        let page = std::str::from_utf8(&page).unwrap();
        assert!(page.contains("alpha") && !page.contains('%'), "{page}");
        assert!(find(&format!("{}/index.html", *PREFIX)).is_none());
    }
}
