//! What root does with a realm of another account's, and what is said of files that an account may not use.

use crate::realm::{Realm, antar, refusal, run};
use rustix::process::geteuid;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// An account that a machine hardly has.
const SERVICE: u32 = 54_321;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whether these tests can be run, which say so where they cannot.
fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        eprintln!("not run: only root can give files to another account");
    }
    root
}

/// A directory that everybody may enter, and in it one that is the service account's.
fn service() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    mode(directory.path(), 0o755);
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    chown(&data, Some(SERVICE), Some(SERVICE)).unwrap();
    (directory, data)
}

/// Everything in a directory and itself belongs to the account.
#[track_caller]
fn is_the_services(path: &Path) {
    let found = path.symlink_metadata().unwrap();
    assert_eq!((found.uid(), found.gid()), (SERVICE, SERVICE), "{}", path.display());
    if found.is_dir() {
        path.read_dir().unwrap().for_each(|entry| is_the_services(&entry.unwrap().path()));
    }
}

/// Runs to the end with a password on standard input; `data` is the service's after that.
#[track_caller]
fn done(data: &Path, arguments: &[&str]) -> String {
    let mut command = antar();
    command.args(arguments).arg("--data").arg(data);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"surabaya\n");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    is_the_services(data);
    String::from_utf8(output.stdout).unwrap()
}

fn serve(data: &Path) -> Command {
    let mut serve = antar();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--name", "alpha", "--data"]).arg(data);
    serve
}

#[test]
fn what_root_does_with_an_accounts_realm_leaves_it_the_accounts() {
    if !is_root() {
        return;
    }
    let (outer, data) = service();
    done(&data, &["user", "add", "amy"]);
    assert!(done(&data, &["user", "list"]).starts_with("amy"));
    done(&data, &["user", "passwd", "amy"]);
    done(&data, &["check"]);
    // One that is refused, and a start.
    let mut again = antar();
    again.args(["user", "remove", "eve", "--data"]).arg(&data);
    assert!(refusal(&again.output().unwrap()).contains("user_not_found"));
    is_the_services(&data);
    let mut realm = Realm::stopped("");
    realm.run(serve(&data));
    is_the_services(&data);
    let new = outer.path().join("backups/new");
    done(&data, &["backup", &new.to_string_lossy()]);
    is_the_services(&new);
    realm.stop();
    is_the_services(&data);
    let there = outer.path().join("there");
    std::fs::create_dir(&there).unwrap();
    done(&data, &["backup", &there.to_string_lossy()]);
    is_the_services(&there);

    // From a backup that only root can read, to a directory that is there and to one that is not.
    let (kept, owned) = (outer.path().join("kept"), outer.path().join("owned"));
    std::fs::create_dir(&kept).unwrap();
    mode(&kept, 0o700);
    for name in ["data", "identity.pem"] {
        std::fs::copy(there.join(name), kept.join(name)).unwrap();
    }
    std::fs::create_dir(&owned).unwrap();
    chown(&owned, Some(SERVICE), Some(SERVICE)).unwrap();
    for to in [owned.clone(), owned.join("in it")] {
        if to != owned {
            std::fs::remove_dir_all(&owned).unwrap();
            std::fs::create_dir(&owned).unwrap();
            chown(&owned, Some(SERVICE), Some(SERVICE)).unwrap();
        }
        done(&to, &["restore", &kept.to_string_lossy()]);
        assert!(done(&to, &["user", "list"]).starts_with("amy"));
    }
    // What it remembers of restores is still root's to keep.
    assert_eq!(kept.join("restored").metadata().unwrap().uid(), 0);
    let noted = std::fs::read_to_string(kept.join("restored")).unwrap();
    assert!(noted.trim_end().parse::<u64>().is_ok_and(|id| id > 0), "{noted}");
}

/// One that the service account may write to by its group.
#[test]
fn what_root_does_in_a_directory_of_its_own_with_an_accounts_realm_in_it() {
    if !is_root() {
        return;
    }
    let (outer, data) = service();
    done(&data, &["user", "add", "amy"]);
    for (group, open) in [(SERVICE, 0o770), (SERVICE + 1, 0o770), (0, 0o777)] {
        chown(&data, Some(0), Some(group)).unwrap();
        mode(&data, open);
        let name = format!("user{open}{group}");
        let mut add = antar();
        add.args(["user", "add", &name, "--data"]).arg(&data);
        let password = outer.path().join("password");
        std::fs::write(&password, "surabaya\n").unwrap();
        let added = add.stdin(std::fs::File::open(password).unwrap()).output().unwrap();
        assert!(added.status.success(), "{added:?}");
        assert_eq!(data.metadata().unwrap().mode() & 0o7777, open);
        for entry in data.read_dir().unwrap() {
            is_the_services(&entry.unwrap().path());
        }
    }
}

#[test]
fn a_file_that_the_account_may_not_use_is_named_with_whose_it_is() {
    if !is_root() {
        return;
    }
    let (_outer, data) = service();
    done(&data, &["user", "add", "amy"]);
    let mut realm = Realm::stopped("");
    realm.run(serve(&data));
    realm.kill();
    let mut files = Vec::new();
    for part in ["tree/tables", "tree", "log"] {
        let entries = data.join(part).read_dir().unwrap().map(|entry| entry.unwrap());
        let own = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.extend(own.map(|entry| Path::new(part).join(entry.file_name())));
    }
    // The last of them is read once the rest is open, and closed again.
    files.extend(["tree/tables", "log", "acknowledged", "identity.pem"].map(Into::into));
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let path = data.join(file);
        let before = path.metadata().unwrap().mode();
        chown(&path, Some(0), Some(0)).unwrap();
        mode(&path, if path.is_dir() { 0o700 } else { 0o600 });
        let said = refusal(&serve(&data).output().unwrap());
        assert!(said.contains(&format!("{}", path.display())), "{said}");
        let why = format!("belongs to root, this process runs as uid {SERVICE}");
        assert!(said.contains("Permission denied") && said.contains(&why), "{said}");
        chown(&path, Some(SERVICE), Some(SERVICE)).unwrap();
        mode(&path, before & 0o7777);
    }
    realm.run(serve(&data));
    realm.stop();
}

/// The same for whoever is not root, where it is a mode.
#[test]
fn a_path_that_cannot_be_used_is_named() {
    let realm = Realm::stopped("");
    let data = realm.data();
    std::fs::create_dir(&data).unwrap();
    mode(&data, 0o700);
    std::fs::write(data.join("log"), "").unwrap();
    mode(&data.join("log"), 0o600);
    let shown = data.join("log").display().to_string();
    let said = refusal(&serve(&data).output().unwrap());
    assert!(said.contains(&shown), "{said}");
    let said = refusal(&run(&["user", "list", "--data", &data.to_string_lossy()]));
    assert_eq!(said.matches(&shown).count(), 1, "{said}");
    // So is that of a backup.
    let to = realm.config().join("backup");
    std::fs::remove_file(data.join("log")).unwrap();
    assert!(user_added(&data));
    let said = refusal(&run(&["backup", &to.to_string_lossy(), "--data", &data.to_string_lossy()]));
    assert!(said.contains(&*to.to_string_lossy()), "{said}");
}

fn user_added(data: &Path) -> bool {
    let mut child = antar()
        .args(["user", "add", "amy", "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"surabaya\n");
    child.wait().unwrap().success()
}
