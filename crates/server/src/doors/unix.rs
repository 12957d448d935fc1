//! The Unix socket in the data directory: whoever may open it runs the server.

use super::{Doors, session};
use crate::metrics::Transport;
use antar_domain::Origin;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};

/// Connections for administration at once.
const AT_ONCE: usize = 16;

/// Bytes that the system has for the path of a socket, with the zero at its end.
const PATH_ROOM: usize = 108;

/// Connects to the socket at a path, however long it is.
///
/// # Errors
/// What the system says: [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`] where no
/// realm runs.
pub fn connect_operator(path: &Path) -> io::Result<UnixStream> {
    by_a_short_path(path, |path| UnixStream::connect(path))
}

/// Uses a socket by a path that the system takes. One that is too long is replaced by one through
/// the directory it is in, held open meanwhile.
fn by_a_short_path<T>(path: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let length = path.as_os_str().len();
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return with(path);
    };
    if length < PATH_ROOM {
        return with(path);
    }
    let directory = File::open(directory)?;
    let through = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    if !through.exists() {
        return Err(io::Error::other(format!(
            "its path has {length} bytes, more than the {} a socket's may have, and there is no /proc \
             to shorten it by; give a data directory with a shorter path",
            PATH_ROOM - 1
        )));
    }
    with(&through.join(name))
}

/// Accepts connections for administration; removes the socket when dropped.
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    doors: Arc<Doors>,
}

impl AdminSocket {
    /// Binds the socket, replacing one that a killed server left: the directory is locked, so no
    /// other server can be using it.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(path: &Path, doors: Arc<Doors>) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Until its mode is set nobody else reaches it either: the directory is the owner's only.
        let listener = by_a_short_path(path, |path| UnixListener::bind(path))?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.into(), doors })
    }

    /// Accepts until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let next = async {
                let place = places.clone().acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                _ = stop.changed() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let doors = self.doors.clone();
                    tokio::spawn(async move {
                        let conn = doors.next_conn();
                        let _open = doors.shared.connections.open(Transport::Operator);
                        session::serve(stream, conn, Origin::Operator, &doors.shared).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept an administrator");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
