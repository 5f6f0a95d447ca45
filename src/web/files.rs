//! Recordings and pictures, whole or in part, only to those who see the box or thread they belong to.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::page::{Member, Refusal};
use super::{inbox, voicemails};
use crate::api::auth::Place;
use crate::api::door::Door;
use crate::model::conversation::ThreadEventKind;
use crate::net::blobs::{BlobError, BlobKey};

/// Bytes read at a time: what a slow listener holds in memory.
const PIECE_BYTES: u64 = 256 * 1024;

/// `GET /voicemails/{voicemail}/audio`
pub(super) async fn of_voicemail(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (place, row) = voicemails::find(&door, &who, &id).await?;
    let key = own_key(&place, &row.voicemail.blob.ok_or(Refusal::NotFound)?)?;
    let kind = key.content_type();
    file(door, key, kind, &headers).await
}

/// `GET /inbox/{conversation}/files/{message}/{index}`
pub(super) async fn of_text(
    State(door): State<Arc<Door>>,
    who: Member,
    Path((conversation, message, index)): Path<(String, String, u16)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (place, row) = inbox::find(&door, &who, &conversation).await?;
    let message = message.parse().map_err(|_| Refusal::NotFound)?;
    let found = door
        .store()
        .message_file(place.scope, &row.conversation, message, index)
        .await?;
    let (key, _) = found.ok_or(Refusal::NotFound)?;
    let key = own_key(&place, &key)?;
    let kind = key.content_type();
    let shown = is_picture(kind) || kind.starts_with("audio/") || kind.starts_with("video/");
    let kind = if shown {
        kind
    } else {
        "application/octet-stream"
    };
    let mut response = file(door, key, kind, &headers).await?;
    // It came from anybody's phone: whatever it is, it runs nothing here.
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    if !shown {
        headers.insert(
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        );
    }
    Ok(response)
}

/// `GET /inbox/{conversation}/recordings/{line}`: what was said in a call, to those who see its thread.
pub(super) async fn of_talk(
    State(door): State<Arc<Door>>,
    who: Member,
    Path((conversation, line)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (place, row) = inbox::find(&door, &who, &conversation).await?;
    let line = line.parse().map_err(|_| Refusal::NotFound)?;
    let store = door.store();
    let found = store.line(place.scope, &row.conversation, line).await?;
    let Some(ThreadEventKind::CallRecorded {
        blob: Some(key), ..
    }) = found.map(|line| line.kind)
    else {
        return Err(Refusal::NotFound);
    };
    let key = own_key(&place, &key)?;
    let kind = key.content_type();
    file(door, key, kind, &headers).await
}

/// Pictures that browsers draw and that cannot carry a script.
pub(super) fn is_picture(kind: &str) -> bool {
    ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&kind)
}

/// The key of a row, if it lies in the account it was found in.
fn own_key(place: &Place, key: &str) -> Result<BlobKey, Refusal> {
    let key: BlobKey = key.parse().map_err(|_| Refusal::NotFound)?;
    let own = key.account() == Some(place.scope.account());
    own.then_some(key).ok_or(Refusal::NotFound)
}

async fn file(
    door: Arc<Door>,
    key: BlobKey,
    kind: &'static str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let size = match door.staff.blobs().length(&key).await {
        Ok(size) => size,
        Err(BlobError::Missing) => return Err(Refusal::NotFound),
        Err(error) => return Ok(unreadable(&error)),
    };
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let Some(part) = asked.map_or(Some(None), |value| range(value, size)) else {
        let all = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
    };
    let bytes = part.clone().unwrap_or(0..size);
    let mut response = Response::new(pieces(door, key, bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, (bytes.end - bytes.start).into());
    // A player asks for parts again and again; only this member's browser may keep them.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=600"),
    );
    if part.is_some() {
        let (first, last) = (bytes.start, bytes.end - 1);
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The bytes, read piece by piece as fast as they are taken.
fn pieces(door: Arc<Door>, key: BlobKey, bytes: Range<u64>) -> Body {
    let state = (door, key, bytes);
    Body::from_stream(stream::unfold(state, |(door, key, left)| async move {
        if left.is_empty() {
            return None;
        }
        let end = left.end.min(left.start + PIECE_BYTES);
        let piece = door.staff.blobs().range(&key, left.start..end).await;
        // After a failure nothing follows: the client sees that the length is short.
        let left = if piece.is_ok() { end..left.end } else { 0..0 };
        Some((piece, (door, key, left)))
    }))
}

fn unreadable(error: &BlobError) -> Response {
    tracing::warn!(%error, "a file could not be read for staff");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// One range of bytes (RFC 9110 §14.1.2): `None` when it lies outside the file, `Some(None)` for the whole
/// file, which is also the answer to what cannot be read and to several ranges at once.
fn range(value: &str, size: u64) -> Option<Option<Range<u64>>> {
    let Some((first, last)) = value
        .strip_prefix("bytes=")
        .and_then(|rest| rest.split_once('-'))
    else {
        return Some(None);
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(last)) if first.is_empty() => size.saturating_sub(last)..size,
        _ => return Some(None),
    };
    (!range.is_empty()).then_some(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (value, want) in [
            ("bytes=0-", Some(Some(0..100))),
            ("bytes=10-19", Some(Some(10..20))),
            ("bytes=90-200", Some(Some(90..100))),
            ("bytes=-5", Some(Some(95..100))),
            ("bytes=-500", Some(Some(0..100))),
            ("bytes=100-", None),
            ("bytes=-0", None),
            ("bytes=9-3", Some(None)),
            ("bytes=-", Some(None)),
            ("bytes=0-1,4-5", Some(None)),
            ("items=0-1", Some(None)),
        ] {
            assert_eq!(range(value, 100), want, "{value}");
        }
        assert_eq!(range("bytes=0-", 0), None);
    }
}
