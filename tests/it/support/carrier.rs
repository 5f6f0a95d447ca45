//! A carrier that takes every text at once and counts what it was asked for: for tests and benches that send
//! more than the twin remembers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use tokio::net::TcpListener;

/// How often each text was asked for, by our id in its receipts' address.
#[derive(Clone, Default)]
pub struct CountingCarrier(Arc<Counts>);

#[derive(Default)]
struct Counts {
    sends: Mutex<HashMap<String, u32>>,
    sids: AtomicU64,
}

impl CountingCarrier {
    /// Starts it; returns its address too.
    pub async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let carrier = Self::default();
        let router = Router::new().fallback(take).with_state(carrier.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (carrier, base)
    }

    /// The texts that were asked for, each with how often.
    pub fn sends(&self) -> HashMap<String, u32> {
        self.0.sends.lock().unwrap().clone()
    }
}

async fn take(State(carrier): State<CountingCarrier>, body: Bytes) -> Response {
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(&body);
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let Some(callback) = field("StatusCallback") else {
        return (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "application/json")],
            r#"{"messages":[]}"#,
        )
            .into_response();
    };
    let key = callback.split("k=").nth(1).unwrap_or_default();
    let key = key.split('#').next().unwrap_or_default().to_owned();
    *carrier.0.sends.lock().unwrap().entry(key).or_default() += 1;
    let sid = carrier.0.sids.fetch_add(1, Ordering::Relaxed);
    let body = format!(r#"{{"sid":"SM{sid:032x}","status":"queued"}}"#);
    (
        StatusCode::CREATED,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}
