//! The operators' door: Prometheus metrics and health.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use crate::daemon::Daemon;
use crate::metrics;

/// The routes of the operators' listener.
pub fn router(daemon: Daemon) -> Router {
    Router::new()
        .route("/metrics", get(render))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(daemon)
}

async fn render() -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics::install().text(),
    )
        .into_response()
}

/// The process answers. Says nothing of the servers it depends on: a restart would not mend that, and what a restart
/// would mend ends the process by itself.
async fn live() -> &'static str {
    "live\n"
}

/// Whether traffic should come here: not while stopping, and not while the store does not answer.
async fn ready(State(daemon): State<Daemon>) -> Response {
    if daemon.stopping().is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match daemon.store().ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(code = error.code(), "not ready: the store does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n",
            )
                .into_response()
        }
    }
}
