//! RFC 9457 problem documents: the one form in which the API says no.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::daemon::ActRefused;
use crate::store::StoreError;

/// Seconds after which a caller may try again when the store is out of reach.
const RETRY_AFTER_S: &str = "2";

/// A refusal with its stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    /// Refuses with this status, code and words.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
        }
    }

    /// Nobody is signed in.
    pub(crate) fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "Sign in first: this endpoint needs a session.",
        )
    }

    /// No such thing, or none that the caller may see: the two look alike on purpose.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here that you may see.",
        )
    }

    /// The request cannot be read.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = store_status(&error);
        tracing::warn!(code = error.code(), "the store refused a request of staff");
        let detail = match status {
            StatusCode::SERVICE_UNAVAILABLE => "The store cannot be reached now; try again.",
            _ => "The stored data could not be read; ops can see why in the log.",
        };
        Self::new(status, "store", detail)
    }
}

impl From<ActRefused> for Problem {
    fn from(refused: ActRefused) -> Self {
        Self::new(
            refused_status(refused.code),
            refused.code,
            refused.words.clone(),
        )
    }
}

/// The status of a store's error.
pub(crate) fn store_status(error: &StoreError) -> StatusCode {
    match error.retryable() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status of a refused act.
pub(crate) fn refused_status(code: &str) -> StatusCode {
    match code {
        "thread_moved" => StatusCode::CONFLICT,
        // Whether it is another's or not there at all must not be told apart.
        "not_yours" | "not_found" => StatusCode::NOT_FOUND,
        "may_not_start" => StatusCode::FORBIDDEN,
        "overloaded" | "unavailable" | "stopping" | "undecided" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:signalbox:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Refused"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}
