//! How many uploads and downloads there may be at once.

use antar_domain::AccountId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Uploads at once: in all, of an address, of an account.
const UPLOADS: [usize; 3] = [64, 16, 8];

/// Downloads at once: in all, of an address.
const DOWNLOADS: [usize; 2] = [256, 64];

/// Whose an upload or a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Upload,
    UploadFrom(IpAddr),
    UploadOf(AccountId),
    Download,
    DownloadTo(IpAddr),
}

/// Gives each upload and each download a place, as far as there are any.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<Whose, usize>>>);

impl Places {
    /// A place for an upload from an address.
    pub fn upload(&self, address: IpAddr) -> Option<Taken> {
        let [all, of_address, _] = UPLOADS;
        self.take(vec![(Whose::Upload, all), (Whose::UploadFrom(address), of_address)])
    }

    /// A place among those of an account.
    pub fn upload_of(&self, account: AccountId) -> Option<Taken> {
        self.take(vec![(Whose::UploadOf(account), UPLOADS[2])])
    }

    /// A place for a download to an address.
    pub fn download(&self, address: IpAddr) -> Option<Taken> {
        let [all, of_address] = DOWNLOADS;
        self.take(vec![(Whose::Download, all), (Whose::DownloadTo(address), of_address)])
    }

    /// How many uploads and downloads there are.
    pub fn count(&self) -> (usize, usize) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |whose| held.get(&whose).copied().unwrap_or_default();
        (of(Whose::Upload), of(Whose::Download))
    }

    fn take(&self, wanted: Vec<(Whose, usize)>) -> Option<Taken> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.iter().any(|(whose, most)| held.get(whose).is_some_and(|held| held >= most)) {
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
        let mut held = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in &self.whose {
            if let Some(many) = held.get_mut(whose) {
                *many -= 1;
                if *many == 0 {
                    held.remove(whose);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let (places, one, other) =
            (Places::default(), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let mut taken: Vec<_> = std::iter::from_fn(|| places.upload(one)).collect();
        assert_eq!((taken.len(), places.count()), (16, (16, 0)));
        assert!(places.upload(other).is_some() && places.download(one).is_some());
        taken.pop();
        assert!(places.upload(one).is_some());
        let all: Vec<_> = std::iter::from_fn(|| places.upload_of(AccountId(7))).collect();
        assert_eq!(all.len(), 8);
        drop((taken, all));
        assert_eq!(places.0.lock().unwrap().len(), 0);
    }
}
