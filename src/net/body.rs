//! Reading a request's body: so many bytes, so much time, no more.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than allowed.
    #[error("the request's body is too large")]
    TooLarge,
    /// Not all there in time.
    #[error("the request's body took too long to arrive")]
    TooSlow,
    /// The connection ended within it, or it was not what its headers say.
    #[error("the request's body ended early")]
    Broken,
}

impl BodyError {
    /// The reason as metrics name it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Broken => "broken",
        }
    }

    /// What the client is answered.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// A problem document (RFC 9457). The connection ends, because the rest of the body is in its way.
impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        let (status, code) = (self.status(), self.reason());
        let text = format!(
            r#"{{"type":"about:blank","title":"{self}","status":{},"code":"{code}"}}"#,
            status.as_u16()
        );
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CONNECTION, "close"),
        ];
        (status, headers, text).into_response()
    }
}

/// The whole body, if it has at most `bytes_max` bytes and arrives within `deadline`. A body whose headers
/// announce too much is refused unread.
pub async fn read(body: Body, bytes_max: usize, deadline: Duration) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let whole = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(deadline, whole).await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    async fn check(body: Body, expected: Result<&'static str, BodyError>) {
        let read = read(body, 8, Duration::from_millis(100)).await;
        assert_eq!(
            read,
            expected.map(|text| Bytes::from_static(text.as_bytes()))
        );
    }

    #[tokio::test]
    async fn bodies_are_bounded_in_bytes_and_time() {
        type Piece = Result<&'static str, std::io::Error>;
        let pieces = |list: Vec<Piece>| Body::from_stream(stream::iter(list));
        check(Body::empty(), Ok("")).await;
        check(Body::from("12345678"), Ok("12345678")).await;
        check(Body::from("123456789"), Err(BodyError::TooLarge)).await;
        check(pieces(vec![Ok("1234"), Ok("5678")]), Ok("12345678")).await;
        check(
            pieces(vec![Ok("12345"), Ok("6789")]),
            Err(BodyError::TooLarge),
        )
        .await;
        check(
            pieces(vec![Ok("1"), Err(std::io::ErrorKind::BrokenPipe.into())]),
            Err(BodyError::Broken),
        )
        .await;
        check(
            Body::from_stream(stream::pending::<Piece>()),
            Err(BodyError::TooSlow),
        )
        .await;
    }
}
