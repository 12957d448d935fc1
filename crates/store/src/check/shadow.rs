//! A tree that can be opened without a change to its files.

use super::Found;
use super::tables::Files;
use crate::engine::{Direction, Key, Pairs, Value, Visit};
use crate::event_log::{Batch, NotCommitted};
use crate::named::{At, named};
use crate::tree::{Replay, Tree};
use crate::{Engine, StoreError};
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The tree as its files have it, opened by way of links to them; what the log adds is in its memory.
pub struct Shadow {
    tree: Tree,
    _links: tempfile::TempDir,
}

impl Shadow {
    /// Opens it; `None` where it cannot be, which is noted.
    pub fn open(
        from: &Path,
        files: &Files,
        found: &mut Found<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let links = tempfile::tempdir().map_err(|error| named(&std::env::temp_dir(), error))?;
        let from = from.canonicalize().at(from)?;
        let tables = links.path().join("tables");
        std::fs::create_dir(&tables).at(&tables)?;
        for name in &files.names {
            let link = links.path().join(name);
            symlink(from.join(name), &link).at(&link)?;
        }
        match Tree::open(links.path()) {
            Ok(tree) => Ok(Some(Self { tree, _links: links })),
            Err(error) => {
                found.damage("tree", format!("cannot be opened: {error}"));
                Ok(None)
            }
        }
    }

    pub fn applied(&self) -> Result<u64, StoreError> {
        self.tree.applied()
    }

    /// What a start would put into it of the log.
    pub fn replay(&self) -> Replay<'_> {
        Replay::new(&self.tree)
    }
}

impl Pairs for Shadow {
    fn read(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.tree.read(key)
    }

    fn scan(
        &self,
        range: Range<Key>,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.tree.scan(range, direction, visit)
    }
}

impl Engine for Shadow {
    fn commit(&self, _: u64, _: Batch) -> Result<(), NotCommitted> {
        Ok(self.reopen()?)
    }

    fn acknowledged(&self) -> u64 {
        0
    }

    fn reopen(&self) -> Result<(), StoreError> {
        Err(StoreError::Engine("a check changes nothing".into()))
    }
}
