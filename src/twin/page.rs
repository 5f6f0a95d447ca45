//! `/demo`: a handset in the browser.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header;

use super::Twin;

const PAGE: &str = include_str!("assets/demo.html");
const STYLE: &str = include_str!("assets/demo.css");
const SCRIPT: &str = include_str!("assets/demo.js");

/// Nothing but the page's own files; the frame shows the inbox of the same origin.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page, its files and its control routes, all below `/demo`.
pub(super) fn router(twin: Twin) -> Router {
    Router::new()
        .route(
            "/demo",
            get(async || file("text/html; charset=utf-8", PAGE)),
        )
        .route("/demo/", get(async || Redirect::permanent("/demo")))
        .route(
            "/demo/demo.css",
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/demo/demo.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .nest("/demo/api", super::control::router(twin))
}

fn file(content_type: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body).into_response()
}
