//! Recordings and pictures, whole or in part, only to those who see the box or thread they belong to.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::page::{Member, Refusal};
use super::{inbox, voicemails};
use crate::api::door::{Door, FileError, FilePart, FileRange};

/// `GET /voicemails/{voicemail}/audio`
pub(super) async fn of_voicemail(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (_, row) = voicemails::find(&door, &who, &id).await?;
    let key = row.voicemail.blob.ok_or(Refusal::NotFound)?;
    Ok(file(&door, &key, audio_kind(&key), &headers).await)
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
    let (key, kind) = found.ok_or(Refusal::NotFound)?;
    let shown = is_picture(&kind) || kind.starts_with("audio/") || kind.starts_with("video/");
    let mut response = match shown {
        true => file(&door, &key, &kind, &headers).await,
        false => file(&door, &key, "application/octet-stream", &headers).await,
    };
    // It came from anybody's phone: whatever it is, it runs nothing here.
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    if !shown {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    Ok(response)
}

/// Pictures that browsers draw and that cannot carry a script.
pub(crate) fn is_picture(kind: &str) -> bool {
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"].contains(&kind)
}

async fn file(door: &Door, key: &str, kind: &str, headers: &HeaderMap) -> Response {
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = asked.and_then(range);
    match door.staff.file(key, range).await {
        Ok(part) => answer(part, range.is_some(), kind),
        Err(FileError::Missing) => Refusal::NotFound.into_response(),
        Err(FileError::Range(size)) => {
            let all = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, all).into_response()
        }
        Err(FileError::Unavailable) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn answer(part: FilePart, ranged: bool, kind: &str) -> Response {
    let (first, length, size) = (part.first, part.length_bytes, part.size_bytes);
    let kind = HeaderValue::from_str(kind)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = Response::new(Body::from_stream(part.body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    // A player asks for parts again and again; only this member's browser may keep them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=600"));
    if ranged && length > 0 {
        let last = first + length - 1;
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// One range of bytes (RFC 9110 §14.1.2); several at once are answered with the whole file.
fn range(value: &str) -> Option<FileRange> {
    let (first, last) = value.strip_prefix("bytes=")?.trim().split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => last.parse().ok().map(FileRange::Last),
        (false, true) => Some(FileRange::From(first.parse().ok()?, None)),
        (false, false) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(FileRange::From(first, Some(last)))
        }
    }
}

fn audio_kind(key: &str) -> &'static str {
    match key.rsplit_once('.').map(|(_, end)| end) {
        Some("wav") => "audio/wav",
        Some("ogg" | "opus") => "audio/ogg",
        Some("m4a" | "mp4") => "audio/mp4",
        Some("amr") => "audio/amr",
        _ => "audio/mpeg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (value, want) in [
            ("bytes=0-", Some(FileRange::From(0, None))),
            ("bytes=10-19", Some(FileRange::From(10, Some(19)))),
            ("bytes=-5", Some(FileRange::Last(5))),
            ("bytes=9-3", None),
            ("bytes=-", None),
            ("bytes=0-1,4-5", None),
            ("items=0-1", None),
        ] {
            assert_eq!(range(value), want, "{value}");
        }
    }
}
