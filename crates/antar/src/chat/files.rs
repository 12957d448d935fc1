//! Files that are sent and saved.

use super::execute::Problem;
use super::session::Session;
use super::show::{clean_line, size};
use antar_client::files::Files;
use antar_client::sync::{File, Message};
use antar_client::{Error, Value, request};
use antar_types::FileName;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What a saved file is called while it is not whole yet.
const PART: &str = ".antar-part-";

impl Session {
    /// Uploads a file, and sends it to the current conversation.
    pub(super) async fn send_file(&mut self, path: &str, text: &str) -> Result<String, Problem> {
        let Some(target) = self.target.clone() else {
            return Err(Problem::Say("To whom? Choose with /to USER or /to #GROUP.".into()));
        };
        let path = at_home(path);
        let files = self.files()?;
        let uploaded = self.meanwhile(async { files.upload(&path).await }).await;
        let file = uploaded.map_err(|error| match error {
            Error::Io(error) => Problem::Say(format!(
                "{} is not sent: {error}.",
                clean_line(&path.to_string_lossy())
            )),
            error => error.into(),
        })?;
        let posted = self.live.post_file(&target, &file, text);
        self.sent(&target, posted).await?;
        let (name, to) = (clean_line(&file.name), clean_line(&target));
        Ok(format!("{name} ({}) is sent to {to}.", size(file.size)))
    }

    /// Fetches the file of a message. No file that is there is ever touched.
    pub(super) async fn save_file(&mut self, id: u64, to: Option<&str>) -> Result<String, Problem> {
        let file = self.file_of(id).await?;
        let path = place(&file, to);
        let shown = clean_line(&path.to_string_lossy());
        let taken = || {
            Problem::Say(format!("There is {shown} already; /save {id} PATH takes another name."))
        };
        if path.symlink_metadata().is_ok() {
            return Err(taken());
        }
        let failed = |error: io::Error| Problem::Say(format!("{shown} is not saved: {error}."));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut part = tempfile::Builder::new().prefix(PART).tempfile_in(folder).map_err(failed)?;
        let files = self.files()?;
        let saved = self.meanwhile(async { files.download(&file, &mut part).await }).await;
        let bytes = match saved {
            Err(Error::Io(error)) => return Err(failed(error)),
            saved => saved?,
        };
        part.as_file().sync_all().map_err(failed)?;
        match NamedTempFile::persist_noclobber(part, &path) {
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Err(taken()),
            kept => kept.map_err(|error| failed(error.error))?,
        };
        Ok(format!("Saved as {shown} ({}).", size(bytes)))
    }

    fn files(&self) -> Result<Files, Problem> {
        self.live.files().ok_or_else(|| Error::Closed.into())
    }

    /// The file of a message that is known, or is in the current conversation.
    async fn file_of(&mut self, id: u64) -> Result<File, Problem> {
        let all = self.live.model().conversations();
        let mut found = all.into_iter().find_map(|each| each.message(id)).cloned();
        if found.is_none()
            && let Some(target) = self.target.clone()
        {
            let line = request::words("HISTORY", &[&target, &format!("around={id}"), "limit=1"])?;
            let reply = self.live.ask(&line).await?;
            let told = reply.data().and_then(Value::as_array).into_iter().flatten();
            found = told.filter_map(Message::of).find(|message| message.id == id);
        }
        let none = "There is no such message here; /history shows those that there are.";
        let message = found.ok_or_else(|| Problem::Say(none.into()))?;
        let file =
            message.file.ok_or_else(|| Problem::Say("No file comes with that message.".into()))?;
        Ok(*file)
    }

    /// Does something that takes a while. What happens meanwhile is shown afterwards.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let (mut later, mut ended) = (Vec::new(), false);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                happening = self.live.next(), if !ended => match happening {
                    Ok(happening) => later.push(happening),
                    Err(_) => ended = true,
                },
            }
        };
        self.live.put_back(later);
        done
    }
}

/// Where a file is put: there, in the folder there, or here under the name that its sender has given it.
fn place(file: &File, to: Option<&str>) -> PathBuf {
    let Some(to) = to else { return name(file).into() };
    let path = at_home(to);
    if path.is_dir() { path.join(name(file)) } else { path }
}

/// A name that leads nowhere else, and hides nothing.
fn name(file: &File) -> String {
    let cleaned = FileName::cleaned(&file.name);
    let seen = cleaned.as_str().trim_start_matches(|c: char| c == '.' || c.is_whitespace()).trim();
    if seen.is_empty() { "file".into() } else { seen.into() }
}

/// `~/` is the user's own folder, as a shell has it.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_elsewhere() {
        let named = |given: &str| name(&File { name: given.into(), ..File::default() });
        assert_eq!(named("a b.png"), "a b.png");
        for (given, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\windows\\a.exe", "a.exe"),
            (".bashrc", "bashrc"),
            ("...", "file"),
            (". .x", "x"),
            ("/", "file"),
            ("", "file"),
            ("a\u{1b}[2J\n\u{202e}gnp", "a_[2J__gnp"),
        ] {
            assert_eq!(named(given), expected, "{given:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = File { name: "../x".into(), ..File::default() };
        assert_eq!(place(&file, Some(folder.path().to_str().unwrap())), folder.path().join("x"));
        assert_eq!(place(&file, Some("y/z")), Path::new("y/z"));
    }
}
