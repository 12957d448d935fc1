//! How many uploads, downloads and fetches of other realms' files there may be at once.

use antar_domain::{AccountId, PeerId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Uploads at once: in all, of an address, of an account.
const UPLOADS: [usize; 3] = [64, 16, 8];

/// Downloads at once: in all, of an address.
const DOWNLOADS: [usize; 2] = [256, 64];

/// Files of other realms that are fetched at once: in all, of a realm.
const FETCHES: [usize; 2] = [16, 4];

/// Open files and sockets that all of them need: a fetch has one of each.
pub const OPEN: usize = UPLOADS[0] + DOWNLOADS[0] + 2 * FETCHES[0];

/// How long a file waits for a place to be fetched: many people may open a conversation at once.
const WAIT: Duration = Duration::from_secs(10);

/// How long nothing is fetched of a realm that has been too slow: whoever asks meanwhile would wait for nothing, in a
/// browser before everything else that it asks for.
const PAUSE: Duration = Duration::from_secs(30);

/// Whose an upload or a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Upload,
    UploadFrom(IpAddr),
    UploadOf(AccountId),
    Download,
    DownloadTo(IpAddr),
    Fetch,
    FetchFrom(PeerId),
    /// An open file or socket.
    Open,
}

/// Gives each upload, each download and each fetch a place, as far as there are any.
#[derive(Clone, Debug)]
pub struct Places {
    held: Arc<Mutex<HashMap<Whose, usize>>>,
    /// Until when nothing is fetched of realms that were too slow.
    slow: Arc<Mutex<HashMap<PeerId, Instant>>>,
    /// Files and sockets that may be open for all of them.
    open: usize,
    /// Told where a place has become free.
    freed: Arc<Notify>,
}

impl Places {
    /// As many as need no more than so many open files and sockets.
    pub fn new(open: usize) -> Self {
        Self { held: Arc::default(), slow: Arc::default(), open, freed: Arc::default() }
    }

    /// A place for an upload from an address.
    pub fn upload(&self, address: IpAddr) -> Option<Taken> {
        let [all, of_address, _] = UPLOADS;
        let open = (Whose::Open, self.open);
        self.take(vec![(Whose::Upload, all), (Whose::UploadFrom(address), of_address), open])
    }

    /// A place among those of an account.
    pub fn upload_of(&self, account: AccountId) -> Option<Taken> {
        self.take(vec![(Whose::UploadOf(account), UPLOADS[2])])
    }

    /// A place for a download to an address.
    pub fn download(&self, address: IpAddr) -> Option<Taken> {
        let [all, of_address] = DOWNLOADS;
        let open = (Whose::Open, self.open);
        self.take(vec![(Whose::Download, all), (Whose::DownloadTo(address), of_address), open])
    }

    /// A place to fetch a file of a realm, once there is one: a file and a socket. None where that takes too long, or the
    /// realm has been too slow a moment ago.
    pub async fn fetch(&self, peer: PeerId) -> Option<Taken> {
        let until = Instant::now() + WAIT;
        loop {
            let freed = self.freed.notified();
            if self.leaves_alone(peer, Instant::now()) {
                return None;
            }
            if let Some(place) = self.fetch_now(peer) {
                return Some(place);
            }
            timeout_at(until, freed).await.ok()?;
        }
    }

    fn fetch_now(&self, peer: PeerId) -> Option<Taken> {
        let ([all, of_peer], open) = (FETCHES, (Whose::Open, self.open));
        self.take(vec![(Whose::Fetch, all), (Whose::FetchFrom(peer), of_peer), open, open])
    }

    /// Whether a realm has been too slow a moment ago.
    fn leaves_alone(&self, peer: PeerId, now: Instant) -> bool {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.retain(|_, until| *until > now);
        slow.contains_key(&peer)
    }

    /// Notes that a realm was too slow.
    pub fn note_slow(&self, peer: PeerId, now: Instant) {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, now + PAUSE);
    }

    /// How many uploads and downloads there are.
    pub fn count(&self) -> (usize, usize) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |whose| held.get(&whose).copied().unwrap_or_default();
        (of(Whose::Upload), of(Whose::Download))
    }

    fn take(&self, wanted: Vec<(Whose, usize)>) -> Option<Taken> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(whose, most): &(Whose, usize)| {
            let more = wanted.iter().filter(|(other, _)| other == whose).count();
            held.get(whose).copied().unwrap_or_default() + more > *most
        };
        if wanted.iter().any(is_full) {
            return None;
        }
        wanted.iter().for_each(|(whose, _)| *held.entry(*whose).or_default() += 1);
        let whose = wanted.into_iter().map(|(whose, _)| whose).collect();
        Some(Taken { places: self.clone(), whose })
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Taken {
    places: Places,
    whose: Vec<Whose>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.places.held.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in &self.whose {
            if let Some(many) = held.get_mut(whose) {
                *many -= 1;
                if *many == 0 {
                    held.remove(whose);
                }
            }
        }
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let (places, one, other) = (Places::new(400), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let mut taken: Vec<_> = std::iter::from_fn(|| places.upload(one)).collect();
        assert_eq!((taken.len(), places.count()), (16, (16, 0)));
        assert!(places.upload(other).is_some() && places.download(one).is_some());
        taken.pop();
        assert!(places.upload(one).is_some());
        let all: Vec<_> = std::iter::from_fn(|| places.upload_of(AccountId(7))).collect();
        assert_eq!(all.len(), 8);
        drop((taken, all));
        assert_eq!(places.held.lock().unwrap().len(), 0);
    }

    #[test]
    fn nobody_s_files_take_all_places_to_fetch() {
        let places = Places::new(400);
        let all = |peer| std::iter::from_fn(|| places.fetch_now(PeerId(peer))).collect::<Vec<_>>();
        let mut taken: Vec<_> = (1..=5).flat_map(all).collect();
        assert_eq!(taken.len(), 16);
        taken.truncate(4);
        assert!(places.fetch_now(PeerId(1)).is_none() && places.fetch_now(PeerId(2)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_waits_for_its_place_but_not_for_who_is_slow() {
        let (places, peer) = (Places::new(400), PeerId(1));
        let mut taken: Vec<_> = std::iter::from_fn(|| places.fetch_now(peer)).collect();
        let began = Instant::now();
        assert!(places.fetch(peer).await.is_none() && began.elapsed() >= WAIT);
        let (waits, free) = tokio::join!(places.fetch(peer), async { taken.pop().is_some() });
        assert!(waits.is_some() && free);
        places.note_slow(peer, Instant::now());
        let began = Instant::now();
        assert!(places.fetch(peer).await.is_none() && began.elapsed() < WAIT);
        assert!(places.fetch(PeerId(2)).await.is_some());
        drop((taken, waits));
        tokio::time::sleep(PAUSE).await;
        assert!(places.fetch(peer).await.is_some());
    }

    #[test]
    fn files_leave_descriptors_for_the_data() {
        let (places, here) = (Places::new(9), [127, 0, 0, 1].into());
        let uploads: Vec<_> = (0..3).filter_map(|_| places.upload(here)).collect();
        let downloads: Vec<_> = (0..2).filter_map(|_| places.download(here)).collect();
        assert_eq!((uploads.len(), downloads.len()), (3, 2));
        let fetches = [(); 3].map(|()| places.fetch_now(PeerId(1)));
        assert_eq!(fetches.iter().flatten().count(), 2);
        assert!(places.upload(here).is_none() && places.download(here).is_none());
    }
}
