//! The listening end: connections in, with limits of time, size and number.

use crate::access::{TokenFile, guard};
use crate::params::FORM_BYTES_MAX;
use crate::rest;
use crate::state::{LogLine, LogListener, Shared};
use crate::tls::Tls;
use crate::ui;
use crate::vouching::Vouching;
use crate::{graphql, headers};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use codex_ledger_app::Setup;
use codex_ledger_query::Zone;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// How long a client may take to greet, and to say what it wants.
const HEADERS_PATIENCE: Duration = Duration::from_secs(5);
/// Connections at a time; more wait.
const CONNECTIONS_MAX: usize = 1024;
/// Connections of one other machine at a time; more are closed.
const CONNECTIONS_OF_ONE_MAX: usize = 128;
/// How long those who are being answered are waited for when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Threads that read and write files at a time.
const DESKS_MAX: usize = 8;

/// Where to listen, and what is the same for all who ask.
pub struct ServeOptions {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Other names under which this is reached, each with its port where that is not the usual one.
    pub hosts: Vec<String>,
    /// Zone of days and times.
    pub zone: Zone,
    /// Who else may come in.
    pub tokens: TokenFile,
    /// What only the door knows of the ledger.
    pub vouching: Vouching,
    /// Speaks TLS, where that is wanted.
    pub tls: Option<Tls>,
    /// Hears of each request.
    pub log: Option<LogListener>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("{address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system gives no threads or no randomness.
    #[error("the server cannot be started: {0}")]
    System(#[from] io::Error),
}

/// A server that listens, and answers once it runs.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    shared: Shared,
    tls: Option<Tls>,
    /// What stands in the link: where it listens, or a name that others reach.
    name: String,
    stop: watch::Sender<bool>,
}

/// Stops a server from elsewhere.
#[derive(Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Those who are being answered are answered; nobody else is.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the system refuses.
    pub fn bind(setup: Setup, options: ServeOptions) -> Result<Server, ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(DESKS_MAX)
            .enable_all()
            .build()?;
        let wanted = options.address;
        let bound = runtime.block_on(async {
            let listener = TcpListener::bind(wanted).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) =
            bound.map_err(|error| ServeError::Bind { address: wanted, error })?;
        let tls = options.tls.clone();
        let mut names = names_of(address, &options.hosts);
        // Without a proxy it is reached at its own port; and a certificate is one for names.
        let here: Vec<String> = options.hosts.iter().map(|host| with_port(host, address)).collect();
        let name = here.first().filter(|_| tls.is_some()).cloned();
        let name = name.unwrap_or_else(|| address.to_string());
        if tls.is_some() {
            names.extend(here);
        }
        let stop = watch::Sender::new(false);
        let shared = Shared::new(setup, names, options, stop.subscribe());
        Ok(Server { runtime, listener, address, shared, tls, name, stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A link that lets the owner in once; it takes the place of an earlier one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new_link(&self) -> Result<String, ServeError> {
        let secret = self.shared.logins().new_link(self.shared.now_ms())?;
        // Behind `#`, it is neither sent as an address nor handed on as one.
        Ok(format!("{}://{}{}#{}", self.shared.scheme(), self.name, ui::enter::PATH, secret.text()))
    }

    /// Stops it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Answers until it is stopped.
    pub fn run(self) {
        let Server { runtime, listener, shared, tls, stop, .. } = self;
        let waiting = shared.clone();
        runtime.spawn_blocking(move || waiting.warm_up());
        runtime.block_on(answer((listener, tls), router(shared), stop.subscribe()));
        runtime.shutdown_timeout(STOP_PATIENCE);
    }
}

/// The hosts that are ours: where it listens, and, on this machine's own address, its names.
fn names_of(address: SocketAddr, others: &[String]) -> Vec<String> {
    let mut names = vec![address.to_string()];
    if address.ip().is_loopback() {
        names.push(format!("localhost:{}", address.port()));
    }
    names.extend(others.iter().cloned());
    names
}

/// A name with the port that is listened on, unless it has one.
fn with_port(host: &str, address: SocketAddr) -> String {
    match host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        true => host.to_string(),
        false => format!("{host}:{}", address.port()),
    }
}

fn router(shared: Shared) -> Router {
    ui::routes()
        .layer(RequestBodyLimitLayer::new(FORM_BYTES_MAX))
        .merge(rest::routes(&shared))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .layer(middleware::from_fn(rest::problems))
        .layer(middleware::from_fn(graphql::refusals))
        .layer(middleware::from_fn_with_state(shared.clone(), headers::add))
        .layer(middleware::from_fn_with_state(shared.clone(), log))
        .layer(CompressionLayer::new())
        .with_state(shared)
}

/// Tells of each request what kind of page it asked for, and nothing of what stands in it.
async fn log(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().as_str().to_string();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("other", MatchedPath::as_str).to_string();
    let who = shared.who(request.headers());
    let response = next.run(request).await;
    shared.log(&LogLine {
        at_ms: shared.now_ms(),
        method,
        route,
        status: response.status().as_u16(),
        duration_us: started.elapsed().as_micros() as u64,
        role: who.as_ref().map(|who| who.role.name()),
        token: who.and_then(|who| who.token),
    });
    response
}

async fn answer(
    (listener, tls): (TcpListener, Option<Tls>),
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = tls.map(|tls| tls.acceptor());
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let peers = Peers::default();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            _ = stop.wait_for(|is_stopped| *is_stopped) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|is_stopped| *is_stopped) => break,
        };
        match accepted {
            Ok((stream, from)) => {
                // Nobody takes all places: those of this machine may be a proxy's, who sees to that itself.
                let Some(peer) = peers.come(from.ip()) else { continue };
                let (router, watcher, acceptor) =
                    (router.clone(), graceful.watcher(), acceptor.clone());
                tokio::spawn(async move {
                    stream.set_nodelay(true).ok();
                    // A client that went away is none of our business.
                    match acceptor {
                        None => watcher.watch(connection(stream, router)).await.ok(),
                        Some(acceptor) => match enciphered(stream, &acceptor).await {
                            Some(stream) => watcher.watch(connection(stream, router)).await.ok(),
                            None => None,
                        },
                    };
                    drop((place, peer));
                });
            }
            // Out of file handles, for one: others will be given back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    tokio::time::timeout(STOP_PATIENCE, graceful.shutdown()).await.ok();
}

/// How many connections each other machine has.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of its connections.
struct Peer(Peers, IpAddr);

impl Peers {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None for one that has too many already.
    fn come(&self, address: IpAddr) -> Option<Peer> {
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        let may_come = address.is_loopback() || *count < CONNECTIONS_OF_ONE_MAX;
        may_come.then(|| {
            *count += 1;
            Peer(self.clone(), address)
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut counts = self.0.counts();
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// The same in TLS, for a client that greets within its time.
async fn enciphered(stream: TcpStream, acceptor: &TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    tokio::time::timeout(HEADERS_PATIENCE, acceptor.accept(stream)).await.ok()?.ok()
}

fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
) -> hyper::server::conn::http1::Connection<
    TokioIo<S>,
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = Response,
        Error = std::convert::Infallible,
        Future: Send + 'static,
    >,
> {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_has_its_share_of_places_and_this_one_all() {
        let peers = Peers::default();
        let (other, own) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([127, 0, 0, 1]));
        let come = |from| (0..CONNECTIONS_OF_ONE_MAX).map(|_| peers.come(from)).collect::<Vec<_>>();
        let (mut here, own_ones) = (come(other), come(own));
        assert!(here.iter().chain(&own_ones).all(Option::is_some));
        assert!(peers.come(other).is_none() && peers.come(own).is_some());
        here.pop();
        assert!(peers.come(other).is_some(), "who goes leaves a place");
        drop((here, own_ones));
        assert!(peers.counts().is_empty());
    }
}
