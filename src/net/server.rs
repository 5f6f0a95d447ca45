//! Serving HTTP: our own accept loop, because the bounds are in it. A connection has so long to send headers,
//! so many of them, so many requests at a time, and a listener so many connections; a stop lets requests under
//! way finish and ends what is idle.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::metrics;

/// Bytes of a request's line and headers, and of what is read ahead.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Pause after the system had no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a silent HTTP/2 connection is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(20);
/// What a connection beyond the listener's most is told before it is closed.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// How long a connection may take to send a request's headers, waiting for the next request included.
    pub header: Duration,
    /// Header lines of one request.
    pub headers_max: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams_max: u32,
    /// Open connections.
    pub connections_max: usize,
    /// How long a stop waits for requests under way.
    pub drain: Duration,
}

/// A socket and what is behind it.
#[derive(Debug)]
pub struct Listener {
    /// Its name in metrics and logs: carriers, staff or ops.
    pub name: &'static str,
    /// Where connections come from.
    pub socket: TcpListener,
    /// Its bounds.
    pub limits: ListenerLimits,
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because the drain's time was over.
    pub cut: usize,
}

impl Listener {
    /// Serves until `stop`, then drains. Handlers find the peer's address as `ConnectInfo<SocketAddr>`.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> Drained {
        let Self {
            name,
            socket,
            limits,
        } = self;
        let hall = Hall {
            name,
            limits,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            stop: stop.clone(),
            cut: CancellationToken::new(),
            http: http(&limits),
        };
        let guests = TaskTracker::new();
        let mut accepting = pin!(stop.cancelled());
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut accepting => break,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = hall.admit(&stream) {
                        guests.spawn(hall.clone().host(stream, peer, router.clone(), place));
                    }
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::warn!(listener = name, %error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(socket);
        guests.close();
        hall.drain(&guests).await
    }
}

/// Whether only the connection that was about to come failed.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn http(limits: &ListenerLimits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(limits.headers_max)
        .max_buf_size(BUFFER_BYTES_MAX);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(BUFFER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(limits.header);
    http
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Hall {
    name: &'static str,
    limits: ListenerLimits,
    places: Arc<Semaphore>,
    /// Finish what is under way.
    stop: CancellationToken,
    /// The drain's time is over.
    cut: CancellationToken,
    http: auto::Builder<TokioExecutor>,
}

impl Hall {
    /// A place for the connection; a connection too many is told so and closed.
    fn admit(&self, stream: &TcpStream) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned().ok();
        if place.is_none() {
            metrics::http_connections_refused(self.name);
            // The best that can be done without waiting for somebody who may never read it.
            let _ = stream.try_write(FULL);
        }
        place
    }

    fn count(&self) {
        let open = self.limits.connections_max - self.places.available_permits();
        metrics::http_connections(self.name, open as f64);
    }

    async fn host(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        router: Router,
        place: OwnedSemaphorePermit,
    ) {
        self.count();
        // Answers are small and complete: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        self.converse(stream, peer, router).await;
        drop(place);
        self.count();
    }

    /// One connection, until it ends, is drained or is cut.
    async fn converse(&self, stream: TcpStream, peer: SocketAddr, router: Router) {
        let began = Arc::new(AtomicBool::new(false));
        let service = Guest {
            name: self.name,
            peer,
            router,
            began: began.clone(),
        };
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        // hyper's own header time begins when it knows the protocol; somebody who sends one byte and waits
        // would never get there.
        let mut first = pin!(tokio::time::sleep(self.limits.header));
        let (mut waiting, mut stopping) = (true, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(listener = self.name, %error, "connection ended");
                    }
                    return;
                }
                () = &mut first, if waiting => {
                    waiting = false;
                    if !began.load(Ordering::Relaxed) {
                        return;
                    }
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.cut.cancelled() => return,
            }
        }
    }

    async fn drain(&self, guests: &TaskTracker) -> Drained {
        if tokio::time::timeout(self.limits.drain, guests.wait())
            .await
            .is_ok()
        {
            return Drained { cut: 0 };
        }
        let cut = guests.len();
        tracing::warn!(
            listener = self.name,
            connections = cut,
            "cut connections that did not end in time"
        );
        self.cut.cancel();
        guests.wait().await;
        Drained { cut }
    }
}

/// What answers the requests of one connection.
struct Guest {
    name: &'static str,
    peer: SocketAddr,
    router: Router,
    /// Set by the first request.
    began: Arc<AtomicBool>,
}

impl hyper::service::Service<Request<Incoming>> for Guest {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.began.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready, so it may be called without being polled first.
        let answer = self.router.clone().call(request);
        let name = self.name;
        Box::pin(async move {
            let answer = answer.await?;
            metrics::http_requests(name, metrics::status_class(answer.status().as_u16()));
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::{get, post};
    use http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    const LIMITS: ListenerLimits = ListenerLimits {
        header: Duration::from_millis(300),
        headers_max: 16,
        streams_max: 8,
        connections_max: 4,
        drain: Duration::from_secs(10),
    };

    struct House {
        address: SocketAddr,
        stop: CancellationToken,
        served: JoinHandle<Drained>,
        /// Lets the answers of `/slow` go.
        go: Arc<Notify>,
        /// Told when `/slow` is under way.
        busy: Arc<Notify>,
    }

    async fn open(limits: ListenerLimits) -> House {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, go, busy) = (
            CancellationToken::new(),
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
        );
        let (wait, begun) = (go.clone(), busy.clone());
        let slow = async move || {
            begun.notify_one();
            wait.notified().await;
            "slow"
        };
        let read =
            async |body: Body| super::super::body::read(body, 16, Duration::from_millis(300)).await;
        let router = Router::new()
            .route(
                "/",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()),
            )
            .route("/slow", get(slow))
            .route("/read", post(read));
        let listener = Listener {
            name: "staff",
            socket,
            limits,
        };
        let served = tokio::spawn(listener.serve(router, stop.clone()));
        House {
            address,
            stop,
            served,
            go,
            busy,
        }
    }

    impl House {
        async fn connect(&self, sent: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            stream
        }

        /// All that comes back until the server ends the connection.
        async fn talk(&self, sent: &str) -> String {
            rest(self.connect(sent).await).await
        }
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        let whole = tokio::time::timeout(Duration::from_secs(8), stream.read_to_end(&mut text));
        // A reset ends a conversation as well as a close does.
        let _ = whole.await.expect("the server ends the connection");
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn requests_are_answered_with_the_peer_known() {
        let house = open(LIMITS).await;
        let answer = house
            .talk("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn slow_headers_end_the_connection() {
        let house = open(LIMITS).await;
        for sent in ["", "P", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let answer = house.talk(sent).await;
            assert!(!answer.contains("200"), "{sent:?} was answered {answer}");
        }
        // The same bound ends a connection that is kept open without a further request.
        let answer = house.talk("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.contains("200 OK"), "{answer}");
    }

    #[tokio::test]
    async fn too_many_headers_and_bytes_are_refused() {
        let house = open(LIMITS).await;
        let many: String = (0..40).map(|n| format!("x-{n}: 1\r\n")).collect();
        let answer = house
            .talk(&format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        let post = "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: ";
        for (sent, status) in [
            (
                format!("{post}4\r\nconnection: close\r\n\r\nabcd"),
                StatusCode::OK,
            ),
            (
                format!("{post}99\r\n\r\nabcd"),
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (format!("{post}9\r\n\r\nabcd"), StatusCode::REQUEST_TIMEOUT),
        ] {
            let answer = house.talk(&sent).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {}", status.as_u16())),
                "{sent} → {answer}"
            );
        }
    }

    #[tokio::test]
    async fn a_connection_too_many_is_told_so() {
        let house = open(ListenerLimits {
            header: Duration::from_secs(60),
            ..LIMITS
        })
        .await;
        let mut kept = Vec::new();
        for _ in 0..LIMITS.connections_max {
            let mut stream = house.connect("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            assert!(stream.read(&mut [0; 256]).await.unwrap() > 0);
            kept.push(stream);
        }
        let refused = rest(TcpStream::connect(house.address).await.unwrap()).await;
        assert!(
            refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"),
            "{refused}"
        );
        drop(kept);
        // Places are free again as soon as the server has seen the ends.
        for _ in 0..200 {
            let answer = house
                .talk("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await;
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no place became free");
    }

    #[tokio::test]
    async fn a_drain_ends_the_idle_and_lets_requests_finish() {
        let house = open(ListenerLimits {
            header: Duration::from_secs(60),
            ..LIMITS
        })
        .await;
        let mut idle = house.connect("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(idle.read(&mut [0; 256]).await.unwrap() > 0);
        let busy = house.connect("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        house.busy.notified().await;
        house.stop.cancel();
        assert_eq!(rest(idle).await, "");
        assert!(
            TcpStream::connect(house.address).await.is_err(),
            "nothing new is accepted"
        );
        house.go.notify_one();
        let answer = rest(busy).await;
        assert!(answer.ends_with("slow"), "{answer}");
        assert_eq!(house.served.await.unwrap(), Drained { cut: 0 });
    }

    #[tokio::test]
    async fn a_drain_has_an_end() {
        let house = open(ListenerLimits {
            drain: Duration::from_millis(100),
            ..LIMITS
        })
        .await;
        let stuck = house.connect("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        house.busy.notified().await;
        house.stop.cancel();
        assert_eq!(rest(stuck).await, "");
        assert_eq!(house.served.await.unwrap(), Drained { cut: 1 });
    }
}
