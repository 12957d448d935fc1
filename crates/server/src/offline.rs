//! Administration of a realm that is not running, with the same requests.

use crate::check::expect_realm;
use crate::identity::Identity;
use crate::passwords::prove_here;
use crate::{BackupError, Config, backup, server};
use antar_domain::text::{self, Door};
use antar_domain::{ConnId, Effects, Input, Job, JobResult, Origin, Output, Readings, State};
use antar_store::{Disk, Store, StoreError};
use antar_types::{Dialect, Frame, Reply, Time};
use rand::Rng;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A realm opened for administration; its directory is locked meanwhile.
pub struct Offline {
    store: Store,
    state: State,
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
        let readings = Readings { now: Time::now(), uptime: 0, entropy: [0; 32] };
        let identity = state.name().map(|name| match state.is_known_by_key() {
            true => Identity::open(&config.data),
            false => Identity::open_or_make(&config.data, name),
        });
        if let Some(Ok(identity)) = identity {
            state.introduce(server::contact(config, identity.fingerprint(), &config.listen));
        }
        let connected = Input::Connected(OPERATOR, Origin::Operator);
        state.step(&readings, connected, &mut Effects::default());
        Ok(Self { store, state, data: config.data.clone(), passwords: config.passwords.clone() })
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
    /// [`OfflineError::Store`] where the disk refuses; [`OfflineError::Unanswered`] for history.
    pub fn request(&mut self, line: &str) -> Result<(Dialect, Reply), OfflineError> {
        let request = Door::default().read(Frame::Line(line.into()));
        let mut input = Input::Request(OPERATOR, request.ok_or(OfflineError::Unanswered)?);
        loop {
            let mut entropy = [0; 32];
            rand::rng().fill_bytes(&mut entropy);
            let mut effects = Effects::default();
            let readings = Readings { now: Time::now(), uptime: 0, entropy };
            self.state.step(&readings, input, &mut effects);
            if !effects.events.is_empty() {
                self.store.commit(&effects.events)?;
            }
            match effects.outputs.pop() {
                Some(Output::Reply(_, tag, outcome)) => {
                    return Ok((text::dialect(tag), text::reply(tag, outcome)));
                }
                Some(Output::Job { conn, request, mut results, job }) => {
                    results.push(self.prove(job));
                    input = Input::Resume { conn, request, results };
                }
                _ => return Err(OfflineError::Unanswered),
            }
        }
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
