//! Why the carrier did not do what it was asked, and what may be done about it.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use serde::Deserialize;

use crate::model::FailureClass::{
    self, OptedOut, OurFault, Permanent, RateLimited, Transient, Unknown,
};
use crate::model::{Order, SendFailure};

/// The longest wait that a reply can ask for.
const RETRY_AFTER_S_MAX: u64 = 3600;

/// The carrier's error numbers that say more than the status of the reply.
const CODES: &[(u32, FailureClass, &str)] = &[
    (10001, OurFault, "the carrier's account is not active"),
    (
        10004,
        RateLimited(None),
        "too many calls at once for the carrier's account",
    ),
    (
        14107,
        RateLimited(None),
        "too many texts at once for the sender",
    ),
    (
        20003,
        OurFault,
        "the carrier refuses the credentials of the connection",
    ),
    (20005, OurFault, "the carrier's account is not active"),
    (20429, RateLimited(None), "too many requests at once"),
    (21205, OurFault, "the carrier cannot use our public URL"),
    (
        21210,
        OurFault,
        "the sender's number is not verified at the carrier",
    ),
    (21211, Permanent, "the recipient's number is not valid"),
    (
        21212,
        OurFault,
        "the sender's number is not valid at the carrier",
    ),
    (21214, Permanent, "the recipient's number cannot be reached"),
    (
        21215,
        Permanent,
        "the carrier's account may not call this region",
    ),
    (
        21216,
        Permanent,
        "the carrier's account may not call this number",
    ),
    (21217, Permanent, "the recipient's number is not valid"),
    (
        21219,
        Permanent,
        "a trial account may only reach verified numbers",
    ),
    (21265, Permanent, "the recipient cannot be a short code"),
    (21266, Permanent, "sender and recipient are the same number"),
    (
        21408,
        Permanent,
        "the carrier's account may not text this region",
    ),
    (21601, OurFault, "the sender's number cannot send texts"),
    (21602, Permanent, "the text is empty"),
    (21603, OurFault, "the sender's number is missing"),
    (21604, Permanent, "the recipient's number is missing"),
    (
        21606,
        OurFault,
        "the sender's number is not the account's, or cannot send texts",
    ),
    (
        21608,
        Permanent,
        "a trial account may only reach verified numbers",
    ),
    (21609, OurFault, "the carrier cannot use our public URL"),
    (
        21610,
        OptedOut,
        "the recipient has opted out at the carrier",
    ),
    (
        21611,
        RateLimited(None),
        "the sender's queue at the carrier is full",
    ),
    (
        21612,
        Permanent,
        "the carrier has no way from this sender to this recipient",
    ),
    (21614, Permanent, "the recipient's number is no mobile"),
    (21617, Permanent, "the text is too long for the carrier"),
    (21635, Permanent, "the recipient's number is a landline"),
    (21659, OurFault, "the sender's number is not the account's"),
    (21660, OurFault, "the sender's number is of another account"),
    (21661, OurFault, "the sender's number cannot send texts"),
    (
        30001,
        RateLimited(None),
        "the sender's queue at the carrier is full",
    ),
    (30002, OurFault, "the carrier's account is suspended"),
    (30003, Permanent, "the handset cannot be reached"),
    (30004, Permanent, "the recipient's network blocks the text"),
    (30005, Permanent, "the recipient's number is unknown"),
    (
        30006,
        Permanent,
        "the recipient's number is a landline or its network cannot be reached",
    ),
    (30007, Permanent, "the text was filtered as unwanted"),
    (30008, Permanent, "the network gave no reason"),
    (
        30034,
        OurFault,
        "the sender's number is not registered for texting in the United States",
    ),
    (
        63017,
        RateLimited(None),
        "too many texts at once for the sender",
    ),
    (
        63038,
        RateLimited(None),
        "the account's texts of the day are used up",
    ),
];

/// A call that is over cannot be moved or ended, and need not be.
const NOT_IN_PROGRESS: u32 = 21220;

#[derive(Deserialize, Default)]
struct Fault {
    #[serde(default)]
    code: Option<u32>,
}

/// Whether the reply says that the order was taken; else why not.
pub(super) fn check(order: &Order, reply: &Response<Bytes>) -> Result<(), SendFailure> {
    let status = reply.status();
    if status.is_success() {
        return Ok(());
    }
    // The carrier's own words are not used: they quote the number.
    let fault: Fault = serde_json::from_slice(reply.body()).unwrap_or_default();
    let known = CODES.iter().find(|(code, _, _)| fault.code == Some(*code));
    let (class, words) = match known {
        Some((_, class, words)) if status.is_client_error() => (*class, *words),
        _ => by_status(order, reply),
    };
    let class = match class {
        RateLimited(_) => RateLimited(retry_after(reply)),
        class => class,
    };
    let code = match fault.code {
        Some(code) => code.to_string(),
        None => format!("http_{}", status.as_u16()),
    };
    Err(failure(class, &code, words))
}

fn by_status(order: &Order, reply: &Response<Bytes>) -> (FailureClass, &'static str) {
    match reply.status() {
        StatusCode::TOO_MANY_REQUESTS => (RateLimited(None), "too many requests at once"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            OurFault,
            "the carrier refuses the credentials of the connection",
        ),
        StatusCode::NOT_FOUND if makes_something(order) => (
            OurFault,
            "the carrier does not know the account of the connection",
        ),
        // The file of a recording may lag behind its announcement.
        StatusCode::NOT_FOUND if matches!(order, Order::FetchMedia { .. }) => {
            (Transient, "the carrier does not have the file (yet)")
        }
        StatusCode::REQUEST_TIMEOUT => (lost(order), "the carrier gave up waiting for our request"),
        StatusCode::SERVICE_UNAVAILABLE if retry_after(reply).is_some() => {
            (Transient, "the carrier is not available at the moment")
        }
        status if status.is_client_error() => (Permanent, "the carrier refused it"),
        status if status.is_redirection() => (
            OurFault,
            "the carrier's address in `api_base` points elsewhere",
        ),
        _ => (lost(order), "the carrier failed while it worked on it"),
    }
}

/// What a failure means that came after the carrier may have acted: what makes something new must not be
/// repeated, all else may.
fn lost(order: &Order) -> FailureClass {
    if makes_something(order) {
        Unknown
    } else {
        Transient
    }
}

fn makes_something(order: &Order) -> bool {
    matches!(order, Order::SendText { .. } | Order::PlaceLeg { .. })
}

/// Whether the failure says that the leg is over.
pub(super) fn is_over(reply: &Response<Bytes>) -> bool {
    let fault: Fault = serde_json::from_slice(reply.body()).unwrap_or_default();
    let gone = reply.status() == StatusCode::NOT_FOUND;
    reply.status().is_client_error() && (gone || fault.code == Some(NOT_IN_PROGRESS))
}

/// A success whose words cannot be read.
pub(super) fn unreadable(order: &Order) -> SendFailure {
    let words = "the carrier took it but its answer cannot be read";
    failure(lost(order), "unreadable", words)
}

fn failure(class: FailureClass, code: &str, words: &str) -> SendFailure {
    SendFailure {
        class,
        code: code.to_owned(),
        words: words.to_owned(),
    }
}

/// Seconds only; a date would need a clock, and Twilio sends none.
fn retry_after(reply: &Response<Bytes>) -> Option<Duration> {
    let text = reply.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_S_MAX)))
}
