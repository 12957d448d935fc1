//! HTTP: pages, and the WebSocket, which is a connection like any other.

use super::Doors;
use super::arrival::{Caller, stopped};
use super::session::{End, Session};
use crate::admission::{Place, network};
use crate::metrics::Transport;
use antar_domain::Origin;
use antar_types::Code;
use antar_web::{Admit, HEAD_TIME, Prefixed, Served, StatusCode, Stream, Visit, WebSocket};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of an answer that count as one request more.
const ANSWER: usize = 16 << 10;

/// Somebody who asks for pages and files.
pub(super) struct Guest {
    pub(super) doors: Arc<Doors>,
    place: Mutex<Place>,
    /// A realm that asks, which has shown its key.
    pub(super) realm: Option<Origin>,
}

impl Admit for Guest {
    fn may_ask(&self, address: IpAddr, bytes: usize) -> bool {
        let many = u32::try_from(1 + bytes / ANSWER).unwrap_or(u32::MAX);
        let rules = self.doors.shared.guard.rules();
        rules.requests.take_many(network(address), many).is_ok()
    }

    fn may_enter(&self, address: IpAddr) -> bool {
        let admitted = self.place.lock().unwrap_or_else(PoisonError::into_inner).hand_to(address);
        if !admitted {
            self.doors.shared.connections.refused(Code::TooManyConnections);
        }
        admitted
    }

    fn answered(&self, status: StatusCode) {
        self.doors.shared.connections.answered(status);
    }
}

/// Serves a connection whose first line is a request, of which so much time has gone.
pub(super) async fn serve(
    caller: Caller,
    stream: Prefixed<Box<dyn Stream>>,
    gone: Duration,
    origin: Origin,
) {
    let Caller { peer, doors, place, mut stop, arriving, .. } = caller;
    let connections = &doors.shared.connections;
    let guest = Arc::new(Guest {
        doors: doors.clone(),
        place: Mutex::new(place),
        realm: Some(origin).filter(|origin| matches!(origin, Origin::Certified(..))),
    });
    let visit = Visit {
        site: doors.site.clone(),
        rules: doors.shared.guard.rules().web.clone(),
        peer,
        admit: guest.clone(),
        files: guest.clone(),
        head_time: HEAD_TIME.saturating_sub(gone).max(Duration::from_millis(1)),
    };
    let open = connections.open(Transport::Http);
    // What HTTP takes is given back once the connection is a WebSocket, which may live for long.
    let served = Box::pin(antar_web::serve(stream, visit, stopped(&mut stop))).await;
    drop(open);
    let Served::WebSocket(stream, address) = served else {
        return connections.ended(End::Http);
    };
    let _open = connections.open(Transport::WebSocket);
    let (stream, origin) = (WebSocket::new(stream), Origin::Client(address));
    let (conn, began) = (doors.next_conn(), Instant::now());
    let mut session = Session::new(stream, conn, origin, began, &doors.shared).of_frames();
    if session.open().await {
        drop(arriving);
        session.serve().await;
    }
    drop(guest);
}
