//! Administration of a realm that is not running, with the same requests.

use crate::check::expect_realm;
use crate::identity::Identity;
use crate::passwords::prove_here;
use crate::{BackupError, Config, backup, compose};
use antar_domain::{ConnId, Input, Job, JobResult, Origin, Output, Readings, State};
use antar_runner::{Runner, Task, Writer, Written};
use antar_store::{Disk, Store, StoreError};
use antar_text::{self as text, Door};
use antar_text::{Dialect, Frame, Reply};
use antar_types::Time;
use rand::Rng;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A realm opened for administration; its directory is locked meanwhile.
pub struct Offline {
    store: Store,
    runner: Runner,
    writer: Writer,
    data: PathBuf,
    passwords: crate::PasswordsConfig,
}

/// Why a stopped realm could not be administered.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Its data cannot be opened or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no realm.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The request is not one for an administrator.
    #[error("a stopped realm cannot answer this")]
    Unanswered,
}

impl OfflineError {
    /// Whether it is that another process has the data directory open.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(StoreError::Locked(_)))
    }
}

const OPERATOR: ConnId = ConnId(0);

impl Offline {
    /// Opens a stopped realm; makes its directory where there is none yet, so that users can be
    /// added before the first start. Where nothing is changed by then, it is gone when this is dropped.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where it is running after all; otherwise what is wrong with the data.
    pub fn open(config: &Config) -> Result<Self, OfflineError> {
        let (store, events) = Store::open(Box::new(Disk::open(&config.data)?))?;
        let mut state = State::new(config.domain_limits(), config.policy(), events);
        let identity = state.name().map(|name| match state.is_known_by_key() {
            true => Identity::open(&config.data),
            false => Identity::open_or_make(&config.data, name),
        });
        if let Some(Ok(identity)) = identity {
            state.introduce(compose::contact(config, identity.fingerprint(), &config.listen));
        }
        let mut runner = Runner::new(state, false);
        runner.input(Input::Connected(OPERATOR, Origin::Operator), &mut readings);
        let (writer, passwords) = (runner.writer(), config.passwords.clone());
        Ok(Self { store, runner, writer, data: config.data.clone(), passwords })
    }

    /// As [`Offline::open`], where there is a realm already.
    ///
    /// # Errors
    /// [`BackupError::NoRealm`] where there is none; otherwise as [`Offline::open`].
    pub fn open_existing(config: &Config) -> Result<Self, OfflineError> {
        expect_realm(&config.data)?;
        Self::open(config)
    }

    /// Answers one request as a running realm would an operator; what it changes is on disk when
    /// this returns.
    ///
    /// # Errors
    /// [`OfflineError::Store`] where the disk refuses; [`OfflineError::Unanswered`] for what needs no answer.
    pub fn request(&mut self, line: &str) -> Result<(Dialect, Reply), OfflineError> {
        let request = Door::default().read(Frame::Line(line.into()));
        let request = request.ok_or(OfflineError::Unanswered)?;
        self.runner.input(Input::Request(OPERATOR, request), &mut readings);
        let mut answer = None;
        loop {
            while let Some(output) = self.runner.release(&mut readings) {
                match output {
                    Output::Reply(_, tag, outcome) => {
                        answer = Some((text::dialect(tag), text::reply(tag, outcome)));
                    }
                    Output::Read(_, tag, read) => {
                        let outcome = read.outcome(|source, page| self.store.read(source, page))?;
                        answer = Some((text::dialect(tag), text::reply(tag, outcome)));
                    }
                    Output::Job { conn, request, mut results, job } => {
                        results.push(self.prove(*job));
                        let again = Input::Resume { conn, request, results };
                        self.runner.input(again, &mut readings);
                    }
                    _ => {}
                }
            }
            let Some(Task::Write(batch)) = self.writer.next() else { break };
            let committed = self.store.commit(batch.events()).map_err(StoreError::from);
            let written = match &committed {
                Ok(()) => Written::Committed,
                Err(StoreError::Unknown(_)) => Written::Unknown(None),
                Err(_) => Written::Refused(None),
            };
            self.writer.wrote(batch, written, Duration::ZERO);
            self.runner.settle();
            committed?;
        }
        answer.ok_or(OfflineError::Unanswered)
    }

    fn prove(&self, job: Job) -> JobResult {
        match job {
            Job::Backup { path } => {
                let never = AtomicBool::new(false);
                backup::result(backup::write(&self.store, &self.data, Path::new(&path), &never))
            }
            job => prove_here(&self.passwords, job),
        }
    }
}

/// When it is, and chance, for what is done to a realm that does not run.
pub fn readings() -> Readings {
    let mut entropy = [0; 32];
    rand::rng().fill_bytes(&mut entropy);
    Readings { now: Time::now(), uptime: 0, entropy }
}
