//! argon2id, on its own bounded pool and never on the hub.

use crate::throttle::Throttle;
use crate::{LimitsConfig, PasswordsConfig};
use antar_realm::{Origin, PasswordHash, Proof, Work};
use antar_wire::Time;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Hashes and verifies passwords, so many at once and so many waiting, unless too many guesses
/// failed lately.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    hasher: Argon2<'static>,
    throttle: Mutex<Throttle>,
    workers: Semaphore,
    waiting: AtomicUsize,
    most: usize,
}

impl Passwords {
    pub fn new(config: &PasswordsConfig, limits: &LimitsConfig) -> Self {
        Self(Arc::new(Inner {
            hasher: hasher(config),
            throttle: Mutex::new(Throttle::new(limits)),
            workers: Semaphore::new(config.workers.max(1)),
            waiting: AtomicUsize::new(0),
            most: config.waiting.max(1),
        }))
    }

    /// Does the work on a thread of the pool; [`Proof::Busy`] at once where too much waits already.
    pub async fn prove(&self, origin: Origin, work: Work) -> Proof {
        let inner = &self.0;
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= inner.most {
            inner.waiting.fetch_sub(1, Ordering::Relaxed);
            return Proof::Busy;
        }
        let permit = inner.workers.acquire().await;
        let proof = self.attempt(origin, work).await;
        drop(permit);
        inner.waiting.fetch_sub(1, Ordering::Relaxed);
        proof
    }

    /// Failures are looked up and counted while the worker is held: a thousand guesses sent at once
    /// see each other, except those being worked on at the same moment.
    async fn attempt(&self, origin: Origin, work: Work) -> Proof {
        let guess: Option<(IpAddr, String)> = match (origin, &work) {
            (
                Origin::Client(address) | Origin::Certified(address, _),
                Work::Verify { subject, .. },
            ) => Some((address, subject.clone())),
            _ => None,
        };
        if let Some((address, subject)) = &guess
            && !self.throttle().allows(Time::now(), *address, subject)
        {
            return Proof::Throttled;
        }
        let pool = self.clone();
        let proof = tokio::task::spawn_blocking(move || prove(&pool.0.hasher, work)).await;
        let proof = proof.unwrap_or(Proof::Busy);
        if let (Some((address, subject)), Proof::Verified { matches: false, .. }) = (guess, &proof)
        {
            self.throttle().failed(Time::now(), address, &subject);
        }
        proof
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hasher(config: &PasswordsConfig) -> Argon2<'static> {
    let params = Params::new(config.memory_kib, config.iterations.max(1), 1, None);
    // Parameters that argon2 cannot take (too little memory) fall back to its own, stronger ones.
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap_or_default())
}

/// Hashes at the cost of the configuration, without a pool: for a realm that is not running.
pub fn prove_here(config: &PasswordsConfig, work: Work) -> Proof {
    prove(&hasher(config), work)
}

fn prove(hasher: &Argon2<'_>, work: Work) -> Proof {
    match work {
        Work::Hash { password, salt } => {
            let hashed = hasher.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hashed.map_or(Proof::Busy, |hash| Proof::Hashed(PasswordHash::new(hash.to_string())))
        }
        Work::Verify { password, hash, .. } => {
            let password = password.expose().as_bytes();
            // The parameters of a stored hash are its own, not those configured now.
            let matches = match hash.as_ref().and_then(|h| Phc::new(h.as_phc()).ok()) {
                Some(phc) => hasher.verify_password(password, &phc).is_ok(),
                None => {
                    let _ = hasher.hash_password_with_salt(password, &[0; 16]);
                    false
                }
            };
            Proof::Verified { hash, matches }
        }
        // Not this pool's.
        Work::Backup { .. } | Work::Chains { .. } | Work::Ask(_) => Proof::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_wire::Secret;

    #[test]
    fn a_hash_verifies_under_other_parameters() {
        let cheap = PasswordsConfig { memory_kib: 8, iterations: 1, ..Default::default() };
        let password = Secret::new("surabaya".to_string());
        let work = Work::Hash { password: password.clone(), salt: [7; 16] };
        let Proof::Hashed(hash) = prove_here(&cheap, work) else { panic!("not hashed") };
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let other = PasswordsConfig { memory_kib: 16, iterations: 2, ..cheap };
        for (guess, expected) in [("surabaya", true), ("Surabaya", false)] {
            let work = Work::Verify {
                password: Secret::new(guess.into()),
                hash: Some(hash.clone()),
                subject: String::new(),
            };
            let proof = Proof::Verified { hash: Some(hash.clone()), matches: expected };
            assert_eq!(prove_here(&other, work), proof);
        }
    }
}
