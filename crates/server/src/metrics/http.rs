//! The listener: HTTP/1.1, one request a connection, GET and HEAD only.

use super::page::{self, Format};
use super::sources::Sources;
use super::{families, health};
use crate::doors::bind;
use crate::panics::contain;
use antar_text::json;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Connections at once; further ones wait to be accepted.
const AT_ONCE: usize = 16;

/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(5);

/// How long a connection may take in all.
const WHOLE: Duration = Duration::from_secs(20);

/// Bytes of a request's head, and headers in it.
const LARGEST: (usize, usize) = (16 << 10, 64);

/// How long to wait before accepting again where the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text";

/// The listener, running.
pub struct Metrics {
    address: SocketAddr,
    /// Dropped to end it.
    end: oneshot::Sender<()>,
    /// Closed when it has ended.
    ended: oneshot::Receiver<()>,
}

/// An address that is taken and not served yet.
pub struct Bound(std::net::TcpListener, SocketAddr);

impl Metrics {
    /// Takes an address.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(address: SocketAddr) -> io::Result<Bound> {
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        Ok(Bound(listener, address))
    }

    /// Serves at an address until it is told to end, or dropped. On a thread of its own: it
    /// has to answer when the hub's is held up, by a disk that hangs or by a load.
    ///
    /// # Errors
    /// Where the system has no room for a thread.
    pub fn serve(Bound(listener, address): Bound, sources: Sources) -> io::Result<Self> {
        let (end, told) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("metrics".into()).spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => run(listener, Arc::new(sources), told).await,
                    Err(error) => tracing::error!(%error, "metrics are not served"),
                }
            });
            drop(ending);
        })?;
        Ok(Self { address, end, ended })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, and every connection.
    pub async fn end(self) {
        drop(self.end);
        let _ = self.ended.await;
    }
}

async fn run(listener: TcpListener, sources: Arc<Sources>, mut ended: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut ended => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < AT_ONCE => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, sources.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection for metrics");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, sources: Arc<Sources>) {
    let service = service_fn(|request| {
        let sources = sources.clone();
        async move { Ok::<_, Infallible>(answer(&sources, &request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
    http.max_buf_size(LARGEST.0).max_headers(LARGEST.1);
    let served = http.serve_connection(TokioIo::new(stream), service);
    let served = pin!(tokio::time::timeout(WHOLE, served));
    if let Some(Ok(Err(error))) = contain(served).await {
        tracing::debug!(%error, "a connection for metrics broke");
    }
}

async fn answer(sources: &Sources, request: &Request<Incoming>) -> Response<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut no = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n".into());
        no.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return no;
    }
    match request.uri().path() {
        "/metrics" => metrics(sources, format_for(request)).await,
        "/health" => healthy(sources).await,
        "/" => {
            let version = env!("CARGO_PKG_VERSION");
            let realm = sources.realm.borrow().clone();
            let said = format!("antar {version}, realm {realm}: /metrics /health\n");
            text(StatusCode::OK, said)
        }
        _ => text(StatusCode::NOT_FOUND, "/metrics and /health are here\n".into()),
    }
}

fn format_for(request: &Request<Incoming>) -> Format {
    let mut accepted = request.headers().get_all(ACCEPT).iter();
    match accepted.any(|value| value.to_str().is_ok_and(|value| value.contains(OPEN_METRICS))) {
        true => Format::OpenMetrics,
        false => Format::Text,
    }
}

async fn metrics(sources: &Sources, format: Format) -> Response<String> {
    let (now, around) = tokio::join!(sources.gather(), sources.look_around());
    let Ok(page) = page::print(format, families::families(&now, &around)) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n".into());
    };
    response(StatusCode::OK, format.content_type(), page)
}

async fn healthy(sources: &Sources) -> Response<String> {
    let (status, said) = match health::trouble(&sources.gather().await) {
        None => (StatusCode::OK, json!({"status": "ok"})),
        Some(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "unavailable", "reason": why}))
        }
    };
    response(status, "application/json", format!("{said}\n"))
}

fn text(status: StatusCode, said: String) -> Response<String> {
    response(status, "text/plain; charset=utf-8", said)
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
