//! The requests of one connection, read by hyper.

use crate::answer::{last, refusal, too_many};
use crate::files::{self, Files, Sent};
use crate::gate::{Content, Gate, Gated, Load};
use crate::site::Verdict;
use crate::{Prefixed, Rules, Site, Stream};
use hyper::body::Incoming;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::server::conn::http1::{Builder, Connection, Parts};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long the head of a request may take to arrive, and how long a connection may be idle.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a connection is kept for further requests, and how long after that the last answer may take: as long
/// again, as often as at least so many bytes of the request or the answer passed meanwhile.
const KEPT: Duration = Duration::from_secs(60);
const LAST_ANSWER: Duration = Duration::from_secs(60);
const LEAST: u64 = 512 << 10;

/// How long nothing may come of what is not read any more.
const NEXT_UNREAD: Duration = Duration::from_secs(5);

/// How long the last answer may take when the server stops, and writing a refusal.
const STOPPING: Duration = Duration::from_secs(1);

/// What is said to whom this was too little.
const TOO_SLOW: &str = "the file came too slowly: less than 512 KiB in a minute; in parts it goes on where it was cut\n";

/// Bytes of a request's head, and headers in it.
const LARGEST: (usize, usize) = (16 << 10, 64);

/// What the realm says to somebody who wants in.
pub trait Admit: Send + Sync {
    /// Whether somebody at this address may ask for so much more, counted as [`Visit`] has it.
    fn may_ask(&self, address: IpAddr, bytes: usize) -> bool;

    /// Whether somebody at this address may have a connection of their own: where the connection is a
    /// proxy's, it is the client's from then on.
    fn may_enter(&self, address: IpAddr) -> bool;

    /// Notes the status of an answer.
    fn answered(&self, status: StatusCode);
}

/// A connection whose first line is an HTTP request.
pub struct Visit {
    /// What is served.
    pub site: Arc<Site>,
    /// For whom.
    pub rules: Arc<Rules>,
    /// Where the connection comes from.
    pub peer: IpAddr,
    /// Whom the realm lets in. Each request counts as one, and its answer by its bytes.
    pub admit: Arc<dyn Admit>,
    /// The realm's files, which count what passes themselves.
    pub files: Arc<dyn Files>,
    /// How much of [`HEAD_TIME`] is left for the first request's head.
    pub head_time: Duration,
}

/// What became of a connection.
pub enum Served<S> {
    /// It has ended.
    Ended,
    /// It is a WebSocket from here on, of a client at this address.
    WebSocket(Prefixed<S>, IpAddr),
}

/// Answers the requests of one connection, until it ends or becomes a WebSocket.
/// When `stop` is ready, the answer that is under way is the last.
pub async fn serve<S: Stream>(
    stream: Prefixed<S>,
    visit: Visit,
    stop: impl Future<Output = ()>,
) -> Served<S> {
    let (gate, upgraded) = (Arc::new(Gate::default()), Arc::new(Mutex::new(None)));
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(visit.head_time);
    // Who has said all closes that side: the answer is heard all the same.
    http.max_buf_size(LARGEST.0).max_headers(LARGEST.1).half_close(true);
    let stream = Gated { stream: TokioIo::new(stream), gate: gate.clone() };
    let visit = Arc::new(visit);
    let service = {
        let (visit, gate, upgraded) = (visit.clone(), gate.clone(), upgraded.clone());
        service_fn(move |request| {
            let all = (visit.clone(), gate.clone(), upgraded.clone());
            Box::pin(respond(all.0, all.1, all.2, request))
        })
    };
    let mut connection = http.serve_connection(stream, service);
    let mut stop = pin!(stop);
    let (done, stopped) = drive(&mut connection, &gate, stop.as_mut()).await;
    let too_slow = done.is_none() && !stopped && gate.is_hearing();
    let Parts { io, read_buf, .. } = connection.into_parts();
    let mut stream = io.stream.into_inner();
    let address = *upgraded.lock().unwrap_or_else(PoisonError::into_inner);
    match (done, address) {
        (Some(Ok(())), Some(address)) => {
            // Not with the memory that HTTP has read into.
            stream.put_back(read_buf.to_vec());
            return Served::WebSocket(stream, address);
        }
        (Some(Err(error)), _) if error.is_parse() && !gate.is_cut() => {
            let said = match error.is_parse_too_large() {
                true => refusal(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too large a head\n"),
                false => refusal(StatusCode::BAD_REQUEST, "no good request\n"),
            };
            let _ = timeout(STOPPING, stream.write_all(&said)).await;
        }
        _ if too_slow => {
            visit.admit.answered(StatusCode::REQUEST_TIMEOUT);
            let said = refusal(StatusCode::REQUEST_TIMEOUT, TOO_SLOW);
            let _ = timeout(STOPPING, stream.write_all(&said)).await;
        }
        _ => {}
    }
    let _ = timeout(STOPPING, stream.shutdown()).await;
    if gate.is_cut() && !stopped {
        tokio::select! {
            () = hear_out(&mut stream) => {}
            () = stop => {}
        }
    }
    Served::Ended
}

/// Reads on for a while: to whoever is still sending, a connection that ends looks broken, and the answer is lost.
async fn hear_out(stream: &mut (impl AsyncRead + Unpin)) {
    let mut unread = [0; 4 << 10];
    let read_all =
        async { while let Ok(Ok(1..)) = timeout(NEXT_UNREAD, stream.read(&mut unread)).await {} };
    let _ = timeout(LAST_ANSWER, read_all).await;
}

/// Has a connection served until it is done, `None` where it took too long; and whether it was stopped.
async fn drive<S, F>(
    connection: &mut Connection<Gated<TokioIo<Prefixed<S>>>, F>,
    gate: &Gate,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> (Option<hyper::Result<()>>, bool)
where
    S: Stream,
    F: hyper::service::HttpService<Incoming, ResBody = Content> + Unpin,
    F::Future: Unpin,
    F::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut patience = KEPT;
    let mut moved = None;
    loop {
        tokio::select! {
            biased;
            done = poll_fn(|cx| connection.poll_without_shutdown(cx)) => return (Some(done), false),
            () = &mut stop => break,
            () = tokio::time::sleep(patience) => {}
        }
        // The last answer may take long, as long as much of it passes.
        if moved.is_some_and(|before| gate.moved() - before < LEAST) {
            return (None, false);
        }
        Pin::new(&mut *connection).graceful_shutdown();
        (patience, moved) = (LAST_ANSWER, Some(gate.moved()));
    }
    Pin::new(&mut *connection).graceful_shutdown();
    let done = timeout(STOPPING, poll_fn(|cx| connection.poll_without_shutdown(cx))).await;
    (done.ok(), true)
}

async fn respond(
    visit: Arc<Visit>,
    gate: Arc<Gate>,
    upgraded: Arc<Mutex<Option<IpAddr>>>,
    request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    let (head, body) = request.into_parts();
    let address = visit.rules.client(visit.peer, &head.headers);
    let mut answer = match visit.site.judge(&visit.rules, &head) {
        Verdict::Answer(answer) => match visit.admit.may_ask(address, answer.body().len()) {
            true => answer.map(Load::from),
            false => too_many("too many requests\n").map(Load::from),
        },
        Verdict::WebSocket(answer) => match visit.admit.may_enter(address) {
            true => {
                *upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
                answer.map(Load::from)
            }
            false => too_many("too many connections\n").map(Load::from),
        },
        Verdict::File => {
            let mut body = Sent::new(body, gate.clone());
            let mut answer = match visit.admit.may_ask(address, 0) {
                true => {
                    gate.hear();
                    files::respond(&*visit.files, address, &head, &mut body).await
                }
                false => last(too_many("too many requests\n")).map(Load::from),
            };
            if let Some(origin) = visit.rules.shared_with(&head.headers) {
                files::share(answer.headers_mut(), origin);
            }
            answer
        }
    };
    if files::is_below(head.uri.path()) {
        let policy = HeaderValue::from_static(files::POLICY);
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    visit.admit.answered(answer.status());
    Ok(answer.map(|load| gate.open(load)))
}

#[cfg(test)]
pub(crate) mod tests;
