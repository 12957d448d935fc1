//! `antar user export`: all that a realm keeps of a user, as JSON Lines and the files that those name.
//!
//! It is read a page at a time, as the user's own client would read it, so that neither this process nor the realm
//! holds more than a page.

use crate::admin::{Several, word};
use crate::{complain, print};
use antar_server::{Config, copy_file};
use antar_types::FileHash;
use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Messages of a page.
const PAGE: usize = 1_000;

#[derive(clap::Args)]
pub struct Options {
    /// The user.
    name: String,
    /// A file that is not there yet, readable by its owner only; the files of messages go to a directory beside it, of
    /// the same name with `.files` [default: standard output, and no files].
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Where the lines go.
enum To {
    Out,
    File(BufWriter<File>),
}

struct Export {
    realm: Several,
    user: String,
    to: To,
    messages: u64,
    /// Conversations that are written.
    done: BTreeSet<String>,
    /// What messages say of the files that they name, the first of each.
    files: BTreeMap<FileHash, Value>,
    /// The realm's data, and where to copy files to, if anywhere.
    copy: (PathBuf, Option<PathBuf>),
}

/// Writes all that is kept of a user.
///
/// # Errors
/// Where there is no such user, the file is there already, or something cannot be read or written: then there is no
/// file.
pub fn run(config: &Config, options: &Options) -> anyhow::Result<()> {
    let user = word(&options.name)?.to_string();
    let realm = Several::open(config)?;
    let to = match &options.to {
        Some(path) => To::File(made(path)?),
        None => To::Out,
    };
    let beside = options.to.as_deref().map(beside);
    if let Some(beside) = beside.as_ref().filter(|beside| beside.exists()) {
        let _ = options.to.as_ref().map(std::fs::remove_file);
        bail!("{} exists; give another name", beside.display());
    }
    let (done, files, copy) =
        (BTreeSet::new(), BTreeMap::new(), (config.data.clone(), beside.clone()));
    let mut export = Export { realm, user, to, messages: 0, done, files, copy };
    let files = export.all();
    if let (Err(_), Some(path), Some(beside)) = (&files, &options.to, &beside) {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir_all(beside);
    }
    let files = files?;
    let Export { messages, user, .. } = export;
    if let Some(path) = &options.to {
        let path = path.display();
        complain(&format!("antar: {path} has all of {user}: {messages} messages, {files} files\n"));
    }
    Ok(())
}

fn made(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    Ok(BufWriter::new(file.with_context(|| format!("cannot make {}", path.display()))?))
}

/// The directory of the files of an export.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".files");
    name.into()
}

impl Export {
    /// Writes everything; returns how many files there are.
    fn all(&mut self) -> anyhow::Result<usize> {
        let users = self.realm.request("GETUSERS")?;
        let named = |user: &&Value| {
            user["user"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&self.user))
        };
        let mut account = users["data"].as_array().and_then(|all| all.iter().find(named)).cloned();
        let profile = self.read("PROFILE")?;
        let account = account.get_or_insert_with(|| json!({}));
        for key in ["name", "about"] {
            account[key] = profile["data"][key].clone();
        }
        self.line("user", account.clone())?;
        for session in list(self.read("SESSIONS")?) {
            self.line("session", session)?;
        }
        for blocked in list(self.read("BLOCKS")?) {
            self.line("blocked", json!({"conv": blocked}))?;
        }
        for muted in list(self.read("MUTES")?) {
            self.line("muted", muted)?;
        }
        let newest = self.conversations(0)?;
        // One that was on a later page may have come to be on an earlier one meanwhile.
        self.conversations(newest)?;
        self.left_groups()?;
        let files = self.copy_files()?;
        let (messages, conversations) = (self.messages, self.done.len());
        let end = json!({"conversations": conversations, "messages": messages, "files": files});
        self.line("end", end)?;
        if let To::File(file) = &mut self.to {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(files)
    }

    /// Writes the conversations that are not written yet, of those whose last message has a greater id than this; returns
    /// the greatest.
    fn conversations(&mut self, after: u64) -> anyhow::Result<u64> {
        let (mut before, mut newest) = (String::new(), 0);
        loop {
            let page = self.read(&format!("CONVERSATIONS{before} limit={PAGE}"))?;
            let (more, all) = (page["more"] == true, list(page));
            let mut last = None;
            for mut conversation in all {
                let id = conversation["last"]["id"].as_u64();
                last = id.or(last);
                newest = newest.max(id.unwrap_or(0));
                if id.is_some_and(|id| id <= after) {
                    return Ok(newest);
                }
                let name = conversation["conv"].as_str().unwrap_or_default().to_owned();
                if !self.done.insert(name.clone()) {
                    continue;
                }
                // It is among the messages.
                conversation.as_object_mut().map(|keys| keys.remove("last"));
                self.line("conversation", conversation)?;
                if id.is_some() {
                    self.history(&name)?;
                }
            }
            match last.filter(|_| more) {
                Some(last) => before = format!(" before={last}"),
                None => return Ok(newest),
            }
        }
    }

    /// Writes what the user wrote in groups that the user is not in any more.
    fn left_groups(&mut self) -> anyhow::Result<()> {
        for group in list(self.realm.request("SHOWGROUPS")?) {
            let name = format!("#{}", group["group"].as_str().unwrap_or_default());
            let realms = group["pairs"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let apart: Vec<String> = realms.map(|realm| format!("{name}+{realm}")).collect();
            for name in [name].into_iter().chain(apart) {
                if !self.done.contains(&name) {
                    self.history(&name)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the messages of a conversation.
    fn history(&mut self, name: &str) -> anyhow::Result<()> {
        let mut after = 0;
        loop {
            let page = self.read(&format!("HISTORY {name} after={after} limit={PAGE}"))?;
            let (more, past) = (page["more"] == true, page["after"].as_u64());
            let mut next = past;
            for message in list(page) {
                next = message["id"].as_u64();
                let file = &message["file"];
                if let Some(hash) = file["sha256"].as_str().and_then(FileHash::parse) {
                    self.files.entry(hash).or_insert_with(|| file.clone());
                }
                // Of one that is in no list it is told once there is a message.
                if self.done.insert(name.to_owned()) {
                    self.line("conversation", json!({"conv": name, "left": true}))?;
                }
                self.line("message", message)?;
                self.messages += 1;
            }
            match next.filter(|next| more && *next > after) {
                Some(next) => after = next,
                None if more => bail!("the realm does not say how the history of {name} goes on"),
                None => return Ok(()),
            }
        }
    }

    /// Writes which files messages name, and copies those that the realm has; returns how many there are.
    fn copy_files(&mut self) -> anyhow::Result<usize> {
        let (files, (data, to)) = (std::mem::take(&mut self.files), self.copy.clone());
        if let Some(to) = to.as_ref().filter(|_| !files.is_empty()) {
            let made = DirBuilder::new().mode(0o700).create(to);
            made.with_context(|| format!("cannot make {}", to.display()))?;
        }
        let many = files.len();
        for (hash, mut file) in files {
            if let Some(to) = &to {
                let copied = copy_file(&data, &hash, &to.join(hash.to_string()));
                if copied.with_context(|| format!("cannot copy the file {hash}"))? {
                    let directory = to.file_name().unwrap_or_default().to_string_lossy();
                    file["path"] = format!("{directory}/{hash}").into();
                }
            }
            self.line("file", file)?;
        }
        Ok(many)
    }

    /// What the user reads.
    fn read(&mut self, request: &str) -> anyhow::Result<Value> {
        let line = format!("READAS {} {request}", self.user);
        self.realm.request(&line)
    }

    /// Writes a line, which says first of what kind it is.
    fn line(&mut self, kind: &str, keys: Value) -> anyhow::Result<()> {
        let mut line = Map::new();
        line.insert("kind".into(), kind.into());
        match keys {
            Value::Object(keys) => line.extend(keys),
            other => drop(line.insert("value".into(), other)),
        }
        let line = Value::Object(line);
        match &mut self.to {
            To::Out => print::text(format_args!("{line}\n")),
            To::File(file) => writeln!(file, "{line}").context("the file cannot be written")?,
        }
        Ok(())
    }
}

/// The list that a reply has.
fn list(mut reply: Value) -> Vec<Value> {
    match reply["data"].take() {
        Value::Array(all) => all,
        _ => Vec::new(),
    }
}
