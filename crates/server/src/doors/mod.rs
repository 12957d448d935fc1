//! The doors: where connections come in or are made, and what is spoken on them.

mod arrival;
mod dial;
mod fetch;
mod files;
pub mod session;
mod tcp;
mod unix;
mod web;

pub use dial::{Calls, Dialler, FULL, connect, ends};
pub use tcp::{Listener, bind, keep_alive};
pub use unix::{AdminSocket, connect_operator};

use crate::admission::Admission;
use crate::files::FileStore;
use antar_web::Site;
use session::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all doors share.
pub struct Doors {
    pub shared: Shared,
    pub admission: Arc<Admission>,
    /// What is served to browsers.
    pub site: Arc<Site>,
    /// The bytes of files.
    pub files: Arc<FileStore>,
    next: AtomicU64,
}

impl Doors {
    /// To one realm, with its pages and files.
    pub fn new(shared: Shared, site: Site, files: Arc<FileStore>) -> Self {
        let admission = Arc::new(Admission::new(shared.guard.clone()));
        Self { shared, admission, site: Arc::new(site), files, next: AtomicU64::new(1) }
    }

    /// A number no other connection of this process has.
    pub fn next_conn(&self) -> antar_domain::ConnId {
        antar_domain::ConnId(self.next.fetch_add(1, Ordering::Relaxed))
    }
}
