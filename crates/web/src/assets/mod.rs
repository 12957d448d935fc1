//! The web client's files, as they are in the binary.
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
    for File { path, bytes } in FILES {
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let digits =
        hash.finalize()[..HASH].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("/assets/{digits}")
});

/// The file at a path of a request, below the prefix.
pub(crate) fn find(path: &str) -> Option<&'static File> {
    let path = path.strip_prefix(PREFIX.as_str())?.strip_prefix('/')?;
    FILES.iter().find(|file| file.path == path && path != INDEX)
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
    fn a_page_says_where_the_rest_is_and_whose_it_is() {
        let page = index("alpha");
        let page = std::str::from_utf8(&page).unwrap();
        assert!(page.contains("alpha") && !page.contains('%'), "{page}");
        assert!(find(&format!("{}/index.html", *PREFIX)).is_none());
    }
}
