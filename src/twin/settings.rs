//! What a twin is told at its start, and what it answers when it refuses.

use url::Url;

use crate::model::Timestamp;

/// Everything a twin needs to know.
#[derive(Clone)]
pub struct TwinSettings {
    /// The carrier account that the daemon's connection names (`AC…`).
    pub account_sid: String,
    /// The secret of that account: demanded from the daemon and used to sign webhooks.
    pub auth_token: String,
    /// Where the daemon takes webhooks: texts go to `{hooks_base}/sms`, calls to `{hooks_base}/call`,
    /// the end of a call to `{hooks_base}/call-status`.
    pub hooks_base: Url,
    /// What is written behind `#` on those three addresses: how a failed delivery is repeated, for
    /// instance `rc=5&rp=all`. Empty: once more when no connection could be made.
    pub hook_options: String,
    /// Where the twin itself is reached, without a path; stands in the addresses of recordings and media.
    pub own_base: Url,
    /// Our numbers at this carrier.
    pub numbers: Vec<TwinNumber>,
    /// The members whose phones stand on the page.
    pub people: Vec<TwinPerson>,
    /// People outside whom the handset can play.
    pub outside: Vec<TwinPerson>,
    /// What the right side of the page shows, for instance `/inbox`; nothing when absent.
    pub inbox: Option<String>,
    /// Seconds of the twin per real second: with 100, a ring of 20 s takes 0.2 s.
    pub seconds_per_second: f64,
    /// Whether the carrier itself keeps STOP and START (standard opt-out of long codes): it refuses
    /// texts to who stopped with 21610 and marks the webhook with `OptOutType`.
    pub opt_out: bool,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// What ids are made of.
    pub seed: u64,
}

/// One of our numbers at the carrier.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct TwinNumber {
    /// E.164 or a short code.
    pub number: String,
    /// What the page calls it.
    pub name: String,
}

/// A person with a phone.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct TwinPerson {
    /// What the page calls them.
    pub name: String,
    /// E.164.
    pub phone: String,
}

/// Why the twin refuses something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// The number called or texted is none of ours.
    #[error("this number is not one of the demo's numbers")]
    UnknownNumber,
    /// There is no live call with this id.
    #[error("there is no such call, or it is over")]
    UnknownCall,
    /// No live leg of this phone is in a state for that.
    #[error("this phone has no call to do that with")]
    IdlePhone,
    /// A limit of the twin is reached.
    #[error("too much at once: {0}")]
    TooMany(&'static str),
    /// The request makes no sense.
    #[error("{0}")]
    Malformed(&'static str),
    /// The HTTP client could not be made.
    #[error("the HTTP client of the twin cannot start: {0}")]
    Client(String),
}
