//! Style, script and pictures: inside the binary, served with a tag so that browsers ask only once in a while.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "src/web/assets/"]
struct Assets;

/// `GET /assets/{path}`
pub(super) async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Response {
    // In debug builds the files are read from disk, so nothing that climbs may pass.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let safe = path.chars().all(plain) && !path.starts_with('.');
    let Some(file) = safe.then(|| Assets::get(&path)).flatten() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(&file.metadata.sha256_hash());
    let known = headers.get(header::IF_NONE_MATCH);
    let cache = [
        (header::ETAG, tag.clone()),
        (
            header::CACHE_CONTROL,
            "max-age=60, must-revalidate".to_owned(),
        ),
    ];
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.metadata.mimetype().to_owned())];
    (kind, cache, file.data.into_owned()).into_response()
}

fn tag(hash: &[u8; 32]) -> String {
    let short: [u8; 8] = std::array::from_fn(|at| hash[at]);
    format!("W/\"{:016x}\"", u64::from_be_bytes(short))
}
