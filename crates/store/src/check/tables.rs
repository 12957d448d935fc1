//! The tree's files: its list of tables, and the tables themselves, against their checksums.
//!
//! `current` holds the number and the checksum of the latest list, `v` and the number; that names each
//! table with the checksum of its file. All of it is little-endian, as lsm-tree 3 writes it.

use super::Found;
use crate::StoreError;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The files of a tree that are in use, by their names in its directory.
pub struct Files {
    pub names: Vec<PathBuf>,
}

/// Checks every file; `None` where the tree cannot be opened.
pub fn check(tree: &Path, found: &mut Found<'_>) -> Result<Option<Files>, StoreError> {
    let current = match std::fs::read(tree.join("current")) {
        Ok(current) => current,
        Err(error) => {
            found.damage("tree/current", format!("cannot be read: {error}"));
            return Ok(None);
        }
    };
    let Some((list, checksum)) = latest(&current) else {
        found.damage("tree/current", "is not what was written there");
        return Ok(None);
    };
    let shown = format!("tree/{list}");
    match hash(&tree.join(&list)) {
        Err(error) => found.damage(shown, format!("cannot be read: {error}")),
        Ok((hash, _)) if hash != checksum => {
            found.damage(shown, "its checksum does not match: the list of tables is damaged");
        }
        Ok(_) => match tables(&tree.join(&list)) {
            Some(tables) => return check_tables(tree, &list, &tables, found),
            None => found.damage(shown, "the list of tables cannot be read"),
        },
    }
    Ok(None)
}

fn check_tables(
    tree: &Path,
    list: &str,
    tables: &[(u64, u128)],
    found: &mut Found<'_>,
) -> Result<Option<Files>, StoreError> {
    let mut names = vec!["current".into(), list.into()];
    let mut all = true;
    for (id, checksum) in tables {
        let name = Path::new("tables").join(id.to_string());
        let shown = format!("tree/{}", name.display());
        match hash(&tree.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                found.damage(shown, "the table is missing");
                all = false;
            }
            Err(error) => found.damage(shown, format!("cannot be read: {error}")),
            Ok((hash, bytes)) => {
                if hash != *checksum {
                    found.damage(shown, "its checksum does not match: the table is damaged");
                }
                found.checked.tables += 1;
                found.checked.table_bytes += bytes;
                found.progress();
            }
        }
        names.push(name);
    }
    Ok(all.then_some(Files { names }))
}

/// The name and the checksum of the latest list.
fn latest(current: &[u8]) -> Option<(String, u128)> {
    let (number, rest) = current.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<16>()?;
    let list = format!("v{}", u64::from_le_bytes(*number));
    (rest == [0]).then(|| (list, u128::from_le_bytes(*checksum)))
}

/// The checksum of a file and its length.
fn hash(path: &Path) -> io::Result<(u128, u64)> {
    let (mut file, mut hash, mut length) = (File::open(path)?, Xxh3::new(), 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hash.digest128(), length)),
            n => {
                hash.update(&buffer[..n]);
                length += n as u64;
            }
        }
    }
}

/// The tables in a list that is whole: number and checksum of each.
fn tables(list: &Path) -> Option<Vec<(u64, u128)>> {
    let reader = sfa::Reader::new(list).ok()?;
    let mut section = reader.toc().section(b"tables")?.buf_reader(list).ok()?;
    let mut bytes = Vec::new();
    section.read_to_end(&mut bytes).ok()?;
    let mut rest = &bytes[..];
    let mut tables = Vec::new();
    for _level in 0..take::<1>(&mut rest)?[0] {
        for _run in 0..take::<1>(&mut rest)?[0] {
            for _table in 0..u32::from_le_bytes(take(&mut rest)?) {
                let id = u64::from_le_bytes(take(&mut rest)?);
                let _kind_of_checksum = take::<1>(&mut rest)?;
                tables.push((id, u128::from_le_bytes(take(&mut rest)?)));
                let _number_of_changes = take::<8>(&mut rest)?;
            }
        }
    }
    rest.is_empty().then_some(tables)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}
