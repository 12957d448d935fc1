//! argon2id, on threads of its own and never on the hub.

use crate::PasswordsConfig;
use crate::admission::{FairSemaphore, Guard, Guesser, Rules, whom};
use crate::panics::contain_here;
use antar_domain::{Job, JobResult, Origin, PasswordHash};
use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
#[cfg(target_os = "linux")]
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::oneshot;

/// Hashes and verifies passwords, so many at once and so many waiting, unless too many guesses
/// failed lately. Addresses take turns.
#[derive(Clone)]
pub struct Passwords {
    guard: Guard,
    turns: FairSemaphore,
    /// Threads that stand back, and as many that do not.
    workers: Sender<Queued>,
    urgent: Sender<Queued>,
}

struct Queued {
    rules: Arc<Rules>,
    job: Job,
    done: oneshot::Sender<JobResult>,
}

impl Passwords {
    /// Starts the threads, which end when the last clone of this is gone.
    ///
    /// # Errors
    /// Where the system has no room for a thread.
    pub fn start(guard: Guard) -> io::Result<Self> {
        let at_once = guard.rules().passwords.workers.max(1);
        let (workers, urgent) = (pool(at_once, stand_back)?, pool(at_once, || {})?);
        Ok(Self { guard, turns: FairSemaphore::new(at_once), workers, urgent })
    }

    /// Passwords being worked on or waiting for it.
    pub fn waiting(&self) -> usize {
        self.turns.wanted()
    }

    /// Does the job; [`JobResult::Busy`] at once where too much waits already, [`JobResult::Throttled`] where
    /// the address or what it guesses at has had too much.
    pub async fn prove(&self, origin: Origin, job: Job) -> JobResult {
        let rules = self.guard.rules();
        let whom = whom(origin);
        if let (Some(address), Job::Hash { registers: true, .. }) = (whom, &job)
            && !rules.registrations.take(address)
        {
            return JobResult::Throttled;
        }
        let Some(_turn) = self.turns.take(whom, rules.passwords.waiting).await else {
            return JobResult::Busy;
        };
        // Failures are looked up and counted during the turn: a thousand guesses sent at once see each
        // other, except those being worked on at the same moment.
        let guess = match (whom, &job) {
            (Some(address), Job::Verify { subject, by, .. }) => {
                let from = by.map_or(Guesser::Address(address), Guesser::Account);
                Some((from, subject.clone()))
            }
            _ => None,
        };
        if let Some((from, subject)) = &guess
            && !rules.guesses.allow(*from, subject)
        {
            return JobResult::Throttled;
        }
        let result = self.job(rules.clone(), job).await;
        if let (Some((from, subject)), JobResult::Verified { matches: false, .. }) =
            (guess, &result)
        {
            rules.guesses.failed(from, &subject);
        }
        result
    }
}

impl Passwords {
    /// Has a thread that stands back do it. Where other programs keep the processors busy those threads may
    /// get next to nothing of them: then it is done once more, on a thread that gets its share.
    async fn job(&self, rules: Arc<Rules>, job: Job) -> JobResult {
        let mut hear = queue(&self.workers, &rules, &job);
        if let Ok(result) = tokio::time::timeout(PATIENCE, &mut hear).await {
            return result.unwrap_or(JobResult::Busy);
        }
        // Each works on one at a time, also where what it works on has been done elsewhere meanwhile: that
        // bounds how much memory passwords take.
        let urgent = queue(&self.urgent, &rules, &job);
        let result = tokio::select! {
            result = hear => result,
            result = urgent => result,
        };
        result.unwrap_or(JobResult::Busy)
    }
}

/// Hands a job to the threads that take from there; the result comes when one of them has done it.
fn queue(to: &Sender<Queued>, rules: &Arc<Rules>, job: &Job) -> oneshot::Receiver<JobResult> {
    let (done, hear) = oneshot::channel();
    let _ = to.send(Queued { rules: rules.clone(), job: job.clone(), done });
    hear
}

/// Starts so many threads that work on what is sent, and end when nobody can send any more.
fn pool(threads: usize, begin: fn()) -> io::Result<Sender<Queued>> {
    let (sender, jobs) = channel();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads {
        let jobs = jobs.clone();
        let work = move || {
            begin();
            run(&jobs);
        };
        std::thread::Builder::new().name("passwords".into()).spawn(work)?;
    }
    Ok(sender)
}

/// How long a thread that stands back may take for a password: twice what was measured where the realm itself had both
/// processors busy.
const PATIENCE: Duration = Duration::from_millis(500);

/// Works. The memory is kept while there is work: to get and give back 19 MiB for each password makes all
/// threads of the process wait for each other.
fn run(jobs: &Mutex<Receiver<Queued>>) {
    let mut memory = Vec::new();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(KEPT);
        match job {
            // Done elsewhere meanwhile.
            Ok(Queued { done, .. }) if done.is_closed() => {}
            Ok(Queued { rules, job, done }) => {
                if let Some(result) = contain_here(|| prove(&rules.passwords, &mut memory, job)) {
                    let _ = done.send(result);
                }
            }
            Err(RecvTimeoutError::Timeout) => memory = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Has this thread work only while no other wants to: whoever waits for a password has more patience than who
/// waits for a message. A thread with a low priority is not enough where
/// that is possible: one that is running is not interrupted for a while, which whoever sends a message
/// feels (docs/performance.md).
fn stand_back() {
    #[cfg(target_os = "linux")]
    if set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
    )
    .is_ok()
    {
        return;
    }
    let _ = rustix::process::setpriority_process(None, LOWEST);
}

/// The lowest priority there is.
const LOWEST: i32 = 19;

/// How long a thread without work keeps its memory, times the number of threads: they wait one at a time.
const KEPT: Duration = Duration::from_secs(5);

/// Hashes at the cost of the configuration, without a pool: for a realm that is not running.
pub fn prove_here(config: &PasswordsConfig, job: Job) -> JobResult {
    prove(config, &mut Vec::new(), job)
}

fn prove(config: &PasswordsConfig, memory: &mut Vec<Block>, job: Job) -> JobResult {
    match job {
        Job::Hash { password, salt, .. } => {
            let hashed = hash(params(config), memory, password.expose().as_bytes(), &salt);
            hashed.map_or(JobResult::Busy, |hash| {
                JobResult::Hashed(PasswordHash::new(hash.to_string()))
            })
        }
        Job::Verify { password, hash: against, .. } => {
            let password = password.expose().as_bytes();
            let matches = match against.as_ref().and_then(|h| Phc::new(h.as_phc()).ok()) {
                Some(phc) => verify(&phc, memory, password).unwrap_or(false),
                None => {
                    let _ = hash(params(config), memory, password, &[0; 16]);
                    false
                }
            };
            JobResult::Verified { hash: against, matches }
        }
        // Not this pool's.
        Job::Backup { .. }
        | Job::Chains { .. }
        | Job::Quoted(_)
        | Job::Locate(_)
        | Job::Refer(_)
        | Job::Message(_)
        | Job::Newest(_)
        | Job::Named(_)
        | Job::Changes(_)
        | Job::Search(_)
        | Job::Ask(..) => JobResult::Busy,
    }
}

fn params(config: &PasswordsConfig) -> Params {
    let params = Params::new(config.memory_kib, config.iterations.max(1), 1, None);
    // Those that argon2 cannot take (too little memory) fall back to its own, stronger ones.
    params.unwrap_or_default()
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(
    params: Params,
    memory: &mut Vec<Block>,
    password: &[u8],
    salt: &[u8],
) -> password_hash::Result<Phc> {
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    fill(&argon2id(params.clone()), memory, password, salt, &mut out)?;
    Ok(Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&params).try_into()?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(&out)?),
    })
}

/// The parameters of a stored hash are its own, not those configured now.
fn verify(phc: &Phc, memory: &mut Vec<Block>, password: &[u8]) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(phc.algorithm.as_str())?;
    let version = phc.version.map_or(Ok(Version::V0x13), Version::try_from)?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(phc)?);
    let mut out = vec![0; expected.len()];
    fill(&argon2, memory, password, &salt, &mut out)?;
    // Compares in constant time.
    Ok(Output::new(&out)? == expected)
}

/// Hashes in memory that grows as needed.
fn fill(
    argon2: &Argon2<'_>,
    memory: &mut Vec<Block>,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> password_hash::Result<()> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    Ok(argon2.hash_password_into_with_memory(password, salt, out, &mut memory[..blocks])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::Secret;
    use argon2::PasswordVerifier;

    #[test]
    fn a_hash_verifies_under_other_parameters() {
        let cheap = PasswordsConfig { memory_kib: 8, iterations: 1, ..Default::default() };
        let password = Secret::new("surabaya".to_string());
        let job = Job::Hash { password: password.clone(), salt: [7; 16], registers: false };
        let JobResult::Hashed(hash) = prove_here(&cheap, job) else { panic!("not hashed") };
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let other = PasswordsConfig { memory_kib: 16, iterations: 2, ..cheap };
        for (guess, expected) in [("surabaya", true), ("Surabaya", false)] {
            let job = Job::Verify {
                password: Secret::new(guess.into()),
                hash: Some(hash.clone()),
                subject: String::new(),
                by: None,
            };
            let result = JobResult::Verified { hash: Some(hash.clone()), matches: expected };
            assert_eq!(prove_here(&other, job), result);
        }
    }

    /// Memory that held other passwords makes no difference, and others can read what is made here.
    #[test]
    fn memory_is_used_again() {
        let mut memory = Vec::new();
        for (kib, password) in [(64, "first"), (8, "second"), (32, "third"), (128, "fourth")] {
            let params = Params::new(kib, 2, 1, None).unwrap();
            let phc = hash(params, &mut memory, password.as_bytes(), &[7; 16]).unwrap();
            assert!(Argon2::default().verify_password(password.as_bytes(), &phc).is_ok());
            assert!(verify(&phc, &mut memory, password.as_bytes()).unwrap());
            assert!(!verify(&phc, &mut memory, b"other").unwrap());
        }
        assert_eq!(memory.len(), 128);
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_that_takes_long_is_given_to_a_thread_that_gets_its_share() {
        let (_rules, guard) = Guard::new(&crate::Config::default());
        let (workers, standing_back) = channel();
        let passwords = Passwords { workers, ..Passwords::start(guard).unwrap() };
        let (password, subject) = (Secret::new("surabaya".into()), String::new());
        let job = move || Job::Verify {
            password: password.clone(),
            hash: None,
            subject: subject.clone(),
            by: None,
        };
        let wrong = JobResult::Verified { hash: None, matches: false };
        assert_eq!(passwords.prove(Origin::Operator, job()).await, wrong);
        // Nobody works on it once more.
        assert!(standing_back.recv().unwrap().done.is_closed());
        // Nor on what those that stand back have done in the end.
        let (urgent, waiting) = channel();
        let passwords = Passwords { urgent, ..passwords };
        let proving = tokio::spawn(async move { passwords.prove(Origin::Operator, job()).await });
        tokio::time::sleep(2 * PATIENCE).await;
        let _ = standing_back.recv().unwrap().done.send(JobResult::Busy);
        assert_eq!(proving.await.unwrap(), JobResult::Busy);
        assert!(waiting.recv().unwrap().done.is_closed());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_threads_stand_back() {
        let policy = std::thread::spawn(|| {
            stand_back();
            thread_priority::thread_schedule_policy().unwrap()
        });
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(policy.join().unwrap(), idle);
    }
}
