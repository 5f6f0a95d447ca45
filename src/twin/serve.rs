//! The twin's own server: unlike a general one it can close a connection without a word.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::rest::Lost;
use super::shared::Shared;

/// Connections at the same time, at most; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
const HEADER_READ_S: u64 = 10;

/// The answer to a send that is lost on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
struct AnswerLost;

/// Accepts connections until the twin stops.
pub(super) async fn serve(twin: &Arc<Shared>, listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = twin.stop.cancelled() => return,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let router = router.clone();
        twin.spawn(async move {
            connection(stream, router).await;
            drop(place);
        });
    }
}

type Accepted = (TcpStream, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(_) => {
            // Out of file handles: the next try comes when some are free again.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            match response.extensions().get::<Lost>() {
                Some(_) => Err(AnswerLost),
                None => Ok(response),
            }
        }
    });
    // An error here is a connection that broke, by the other side or on purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_READ_S))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
