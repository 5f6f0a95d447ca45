//! Every limit: its name with its unit, its default, what it may be set to, and why it is there.

use super::reader::Section;

/// The longest that an `http` step of a flow waits for its answer.
const HTTP_STEP_SECONDS_MAX: u64 = 15;

/// A limit as it is documented and checked.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its key under `limits:`.
    pub key: &'static str,
    /// What it is when nothing is written.
    pub default: u64,
    /// The least it can be set to.
    pub min: u64,
    /// The most it can be set to.
    pub max: u64,
    /// What it bounds and why.
    pub why: &'static str,
}

macro_rules! limits {
    ($($key:ident: $kind:ty = $default:literal, $min:literal..=$max:literal, $why:literal;)*) => {
        /// The bounds of everything; see [`LIMITS`] for their meaning.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $why] pub $key: $kind,)*
        }

        /// The limits in the order of the documentation.
        pub const LIMITS: &[Limit] = &[
            $(Limit { key: stringify!($key), default: $default, min: $min, max: $max, why: $why },)*
        ];

        impl Default for Limits {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl Limits {
            /// Reads the section, each limit by itself.
            fn each(section: &Section<'_>) -> Self {
                let default = Self::default();
                Self {
                    $($key: section
                        .whole(stringify!($key), $min, $max)
                        .and_then(|number| <$kind>::try_from(number).ok())
                        .unwrap_or(default.$key),)*
                }
            }
        }
    };
}

impl Limits {
    /// `asks`: flows may ask other systems.
    pub(super) fn read(section: &Section<'_>, asks: bool) -> Self {
        let limits = Self::each(section);
        limits.check_lease(section, asks);
        limits
    }

    /// What is still under way when its lease ends is begun a second time by another node: an e-mail would leave
    /// twice, a phone be rung twice.
    fn check_lease(&self, section: &Section<'_>, asks: bool) {
        let work = self.carrier_seconds.max(self.email_seconds);
        let work = if asks {
            work.max(HTTP_STEP_SECONDS_MAX)
        } else {
            work
        };
        let least = work + self.answer_ms.div_ceil(1000) + 1;
        if self.lease_seconds < least {
            let help = "work that takes longer than its lease would be done twice: answer_ms and the longest of carrier_seconds, email_seconds and, with http.allow, the 15 s of an http step count";
            let words = format!("expected at least {least} with the other limits as they are");
            section.wrong("lease_seconds", words, Some(help));
        }
    }
}

limits! {
    body_bytes_max: usize = 65536, 1024..=10485760,
        "Largest webhook body. Carriers post a few kilobytes; more is refused with 413.";
    body_seconds: u64 = 10, 1..=60,
        "How long a request's body may take to arrive before 408. Carriers give up after 15 s.";
    header_seconds: u64 = 10, 1..=60,
        "How long a connection may take to send a request's headers; an idle connection counts from its last answer.";
    headers_max: usize = 100, 16..=1000,
        "Header lines of one request.";
    streams_max: u32 = 100, 1..=1000,
        "Requests at a time on one HTTP/2 connection.";
    connections_max: usize = 4096, 16..=100000,
        "Open connections of each listener; more are closed at once. Keep the process's file limit above three times this.";
    queue_depth_max: usize = 8192, 64..=1000000,
        "Events that may wait for their commit; more are refused with 503, so that the carrier comes again.";
    batch_events_max: usize = 512, 1..=4096,
        "Events of one commit. Beyond 512 a batch gains nothing and the first event waits longer.";
    answer_ms: u64 = 5000, 100..=14000,
        "How long an event may wait for its commit before 503. Must leave time within the carrier's 15 s.";
    retry_after_seconds: u64 = 5, 1..=600,
        "What a 503 or 429 tells the carrier to wait.";
    drain_seconds: u64 = 20, 1..=300,
        "How long a stop waits for requests under way. The unit's TimeoutStopSec is above it.";
    dedupe_days: u32 = 30, 1..=400,
        "How long an event's key is remembered, so that a repeat has no effect.";
    outbox_in_flight_max: usize = 64, 1..=4096,
        "Texts being handed to carriers at a time by this node.";
    outbox_claim_max: usize = 256, 1..=4096,
        "Outbox rows claimed with one statement.";
    lease_seconds: u64 = 60, 10..=600,
        "How long claimed work belongs to a node before another may take it over; longer than answer_ms and the longest of carrier_seconds, email_seconds and, with http.allow, the 15 s of an http step together.";
    carrier_seconds: u64 = 15, 1..=60,
        "How long a request to a carrier may take, connecting included, before its outcome is unknown.";
    carrier_answer_bytes_max: usize = 1048576, 4096..=16777216,
        "Largest answer read from a carrier's API.";
    recording_bytes_max: u64 = 52428800, 65536..=1073741824,
        "Largest recording fetched: about 90 minutes of telephone sound.";
    media_bytes_max: u64 = 10485760, 65536..=104857600,
        "Largest file of a text fetched. Carriers allow 5 MB in all.";
    http_in_flight_max: usize = 64, 1..=1024,
        "Requests of flows to other systems under way at a time, apart from jobs_in_flight_max: a system that is slow holds no ringing back. One account has at most half of them; 1000 more wait for a place, of which it has at most as many as are left free for the others.";
    jobs_in_flight_max: usize = 64, 1..=1024,
        "Orders for calls, fetches of recordings and files, and e-mails under way at a time.";
    email_seconds: u64 = 30, 1..=300,
        "How long handing over one e-mail may take.";
    timers_claim_max: usize = 256, 1..=4096,
        "Due timers claimed with one statement.";
    directory_poll_ms: u64 = 500, 50..=60000,
        "How often the directory's version is looked at, so that a change in another process is heard.";
    flow_file_bytes_max: usize = 262144, 4096..=262144,
        "Largest flow file.";
    flow_files_max: usize = 1000, 1..=10000,
        "Flow files in the folder.";
    rate_keys_max: usize = 100000, 1000..=10000000,
        "Connections and numbers whose rate is remembered; the idle ones are forgotten first.";
    redis_ms: u64 = 100, 5..=1000,
        "How long a shared rate waits for Redis before this node's safe share is used.";
    redis_share_percent: u64 = 25, 1..=100,
        "The part of a shared rate that one node uses while Redis is away: 100 divided by the number of nodes.";
    sse_clients_max: usize = 1000, 1..=100000,
        "Pages that follow live events at a time.";
    sse_buffer_events_max: usize = 256, 16..=65536,
        "Live events kept for a slow page; one that falls further behind is told to reload.";
    signin_attempts_max: u32 = 10, 1..=1000,
        "Wrong sign-ins a minute, for each address and for each user, before they are refused unseen.";
    session_hours: u64 = 12, 1..=720,
        "How long a sign-in lasts without use.";
}
