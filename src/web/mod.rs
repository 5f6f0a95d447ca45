//! The staff's pages: sign-in, inbox, voicemail, presence and ops, rendered here and working without
//! JavaScript; live updates make them better, not possible.

mod actions;
mod assets;
pub(crate) mod files;
mod inbox;
mod live;
mod page;
mod people;
mod sign_in;
mod start;
mod views;
mod voicemails;
mod words;

#[cfg(test)]
mod look;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::api::door::Door;
use crate::daemon::Daemon;

/// A form with a reply of ten parts fits many times.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a body may pause.
const BODY_PAUSE: Duration = Duration::from_secs(10);

/// What a page may load: only what we serve. `/demo` may show the inbox beside its handset.
const CONTENT_SECURITY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; \
     form-action 'self'; frame-ancestors 'self'";

/// The whole staff listener of a daemon: pages, live events and the API, behind one guard.
pub fn router(daemon: Daemon) -> Router {
    routes(Arc::new(Door::of(daemon)))
}

/// The same behind any door.
pub(crate) fn routes(door: Arc<Door>) -> Router {
    let pages = Router::new()
        .route("/", get(inbox::home))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route(
            "/sign-in/link",
            get(sign_in::show_link).post(sign_in::enter_by_link),
        )
        .route("/sign-out", post(sign_in::leave))
        .route("/account", post(people::change_account))
        .route("/inbox", get(inbox::list))
        .route("/inbox/new", get(start::show).post(start::send))
        .route("/inbox/{conversation}", get(inbox::thread))
        .route("/inbox/{conversation}/reply", post(actions::reply))
        .route("/inbox/{conversation}/assign", post(actions::assign))
        .route("/inbox/{conversation}/complete", post(actions::complete))
        .route("/inbox/{conversation}/close", post(actions::close))
        .route("/inbox/{conversation}/reopen", post(actions::reopen))
        .route("/inbox/{conversation}/note", post(actions::note))
        .route("/inbox/{conversation}/judge", post(actions::judge))
        .route("/inbox/{conversation}/read", post(actions::read))
        .route(
            "/inbox/{conversation}/files/{message}/{index}",
            get(files::of_text),
        )
        .route(
            "/inbox/{conversation}/recordings/{line}",
            get(files::of_talk),
        )
        .route("/voicemails", get(voicemails::list))
        .route("/voicemails/{voicemail}/audio", get(files::of_voicemail))
        .route("/voicemails/{voicemail}/heard", post(voicemails::heard))
        .route("/me", get(people::me))
        .route("/me/presence", post(people::presence))
        .route("/ops", get(people::ops))
        .route("/live", get(live::stream))
        .route("/assets/{*path}", get(assets::serve))
        .fallback(missing)
        .with_state(Arc::clone(&door));
    guarded(pages.merge(crate::api::router(Arc::clone(&door))), &door)
}

/// The guard around every staff route: cross-site posts are refused, bodies are bounded, and browsers are told to be strict.
fn guarded(routes: Router, door: &Door) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let layers = ServiceBuilder::new()
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed(
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=()",
        ))
        .layer(fixed(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
        // Pages show people's data: nothing of them stays in a cache. Assets say otherwise themselves.
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(csrf(door));
    let smaller = DefaultPredicate::new().and(NotForContentType::const_new("audio/"));
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(CompressionLayer::new().compress_when(smaller))
        .layer(layers)
}

fn csrf(door: &Door) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let layer =
        CsrfLayer::new().with_rejection_response(cross_site as fn(ProtectionError) -> Response);
    let Some(origin) = &door.settings.origin else {
        return layer;
    };
    match layer.clone().add_trusted_origin(origin) {
        Ok(trusting) => trusting,
        Err(error) => {
            tracing::error!(%error, "the staff origin cannot be trusted; only the Host header counts");
            layer
        }
    }
}

async fn missing() -> page::Refusal {
    page::Refusal::NotFound
}

fn cross_site(_error: ProtectionError) -> Response {
    let words = "This form was sent from another site and was not accepted.";
    (StatusCode::FORBIDDEN, words).into_response()
}
