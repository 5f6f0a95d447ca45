//! Requests to the carrier's API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri};

use super::failure;
use super::settings::Settings;
use crate::model::{FailureClass, Order, Outcome, SendFailure};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*/*");

/// A form posted to a path below the account.
pub(super) fn form(settings: &Settings<'_>, path: &str, fields: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let mut request = api(settings, Method::POST, path, body.into());
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    request
}

/// A request to a path below the account.
pub(super) fn api(
    settings: &Settings<'_>,
    method: Method,
    path: &str,
    body: Bytes,
) -> Request<Bytes> {
    let account = escaped(settings.account_sid());
    let url = format!(
        "{}/2010-04-01/Accounts/{account}{path}",
        settings.api_base()
    );
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Settings are checked at start; an address that is none leads nowhere rather than to a panic.
    *request.uri_mut() = url.parse().unwrap_or_default();
    request.headers_mut().insert(ACCEPT, JSON);
    request.headers_mut().insert(AUTHORIZATION, basic(settings));
    request
}

/// A part of a path, such as an id that a webhook brought, with what could leave its place escaped.
pub(super) fn escaped(part: &str) -> String {
    form_urlencoded::byte_serialize(part.as_bytes()).collect()
}

fn basic(settings: &Settings<'_>) -> HeaderValue {
    let (user, password) = settings.login();
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Fetches a file: with credentials from the API itself, without from a listed host, else not at all, so
/// that nobody can make us ask an address inside our own network.
pub(super) fn media(settings: &Settings<'_>, url: &str) -> Result<Request<Bytes>, SendFailure> {
    let url: Uri = url.parse().map_err(|_| refused("media_url"))?;
    let base: Uri = settings.api_base().parse().unwrap_or_default();
    let home = url.scheme() == base.scheme() && authority(&url) == authority(&base);
    let listed = url.scheme_str() == Some("https")
        && url.port().is_none()
        && url.host().is_some_and(|host| settings.is_media_host(host));
    if url.host().is_none() || !(home || listed) {
        return Err(refused("media_host"));
    }
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = if home { as_wav(url) } else { url };
    request.headers_mut().insert(ACCEPT, ANY);
    if home {
        request.headers_mut().insert(AUTHORIZATION, basic(settings));
    }
    Ok(request)
}

/// Host and port, without a user name that would only pretend to be the host.
fn authority(url: &Uri) -> Option<(String, Option<u16>)> {
    let plain = !url.authority()?.as_str().contains('@');
    plain.then_some((url.host()?.to_ascii_lowercase(), url.port_u16()))
}

/// A recording is asked for by its bare address, which answers with its description or the format of the
/// day; we keep WAV.
fn as_wav(url: Uri) -> Uri {
    let path = url.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let bare = path.contains("/Recordings/") && !last.is_empty() && !last.contains('.');
    if !bare {
        return url;
    }
    let query = url.query().map(|query| format!("?{query}"));
    let path = format!("{path}.wav{}", query.unwrap_or_default());
    let mut parts = url.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).unwrap_or(url)
}

fn refused(code: &str) -> SendFailure {
    SendFailure {
        class: FailureClass::Permanent,
        code: code.to_owned(),
        words: "the file is not on the carrier's own host, nor on one listed in `media_hosts`"
            .to_owned(),
    }
}

/// Statuses with which an API points to where a file really is.
const MOVED: [StatusCode; 5] = [
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];

/// The file's other address; [`media`] judges it like any.
pub(super) fn moved(order: &Order, reply: &Response<Bytes>) -> Option<Order> {
    let Order::FetchMedia { url } = order else {
        return None;
    };
    if !MOVED.contains(&reply.status()) {
        return None;
    }
    let to = reply.headers().get(LOCATION)?.to_str().ok()?;
    let to = url::Url::parse(url).ok()?.join(to).ok()?;
    Some(Order::FetchMedia { url: to.into() })
}

/// A fetched file.
pub(super) fn fetched(order: &Order, reply: &Response<Bytes>) -> Result<Outcome, SendFailure> {
    failure::check(order, reply)?;
    if reply.body().is_empty() {
        return Err(failure::unreadable(order));
    }
    let kind = reply.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    Ok(Outcome::Media {
        content_type: kind.unwrap_or("application/octet-stream").to_owned(),
        bytes: reply.body().clone(),
    })
}
