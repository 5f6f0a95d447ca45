//! Every metric, once: its name, its labels, what it means, and the function that counts it.
//!
//! Labels hold closed sets of words, connection keys and nothing else: never a phone number, an account's name
//! or a text. `docs/metrics.md` is the same list, and a test holds the two together.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::thread::LocalKey;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, from zero at each start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in the buckets given.
    Histogram(&'static [f64]),
}

/// One metric as it is listed for people and described to Prometheus.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name it is scraped by.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

/// Seconds from half a millisecond to half a minute: the store, carriers and pages.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Events in one commit; the largest batch is 512 unless configured.
const BATCH: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// The handles that this thread has counted with, by the values of their labels. Finding one here costs a comparison
/// or two, asking the recorder for it several allocations; labels hold closed sets of words, so there are few.
type Handles<T> = RefCell<Vec<(Box<[String]>, T)>>;

/// Counts with the handle of these values.
fn with_handle<T>(
    known: &'static LocalKey<Handles<T>>,
    values: &[&str],
    make: impl FnOnce() -> T,
    count: impl FnOnce(&T),
) {
    known.with_borrow_mut(|known| {
        let same = |(labels, _): &&(Box<[String]>, T)| labels.iter().eq(values);
        if let Some((_, handle)) = known.iter().find(same) {
            return count(handle);
        }
        let handle = make();
        count(&handle);
        // Before there is a recorder a handle counts nowhere, and must not stay.
        if INSTALLED.get().is_some() {
            let labels = values.iter().map(|value| (*value).to_owned());
            known.push((labels.collect(), handle));
        }
    });
}

/// Label values that live for ever cost no copy; a connection's key is copied once a thread.
macro_rules! label {
    (word $value:ident) => {
        $value
    };
    (key $value:ident) => {
        $value.to_owned()
    };
}
macro_rules! label_type {
    (word) => { &'static str };
    (key) => { &str };
}
macro_rules! kind {
    (seconds) => {
        Kind::Histogram(SECONDS)
    };
    (events) => {
        Kind::Histogram(BATCH)
    };
}
macro_rules! metrics {
    (
        counters { $($c:ident $cname:literal ($($cl:ident: $ct:ident),*) $chelp:literal;)* }
        gauges { $($g:ident $gname:literal ($($gl:ident: $gt:ident),*) $ghelp:literal;)* }
        histograms { $($h:ident $hname:literal $hk:ident ($($hl:ident: $ht:ident),*) $hhelp:literal;)* }
    ) => {
        /// All metrics, in the order of the documentation.
        pub const ALL: &[Metric] = &[
            $(Metric { name: $cname, kind: Kind::Counter, labels: &[$(stringify!($cl)),*], help: $chelp },)*
            $(Metric { name: $gname, kind: Kind::Gauge, labels: &[$(stringify!($gl)),*], help: $ghelp },)*
            $(Metric { name: $hname, kind: kind!($hk), labels: &[$(stringify!($hl)),*], help: $hhelp },)*
        ];
        $(#[doc = $chelp]
        pub fn $c($($cl: label_type!($ct)),*) {
            thread_local! { static KNOWN: Handles<metrics::Counter> = const { RefCell::new(Vec::new()) }; }
            let make = || metrics::counter!($cname $(, stringify!($cl) => label!($ct $cl))*);
            with_handle(&KNOWN, &[$($cl),*], make, |counter| counter.increment(1));
        })*
        $(#[doc = $ghelp]
        pub fn $g($($gl: label_type!($gt),)* value: f64) {
            thread_local! { static KNOWN: Handles<metrics::Gauge> = const { RefCell::new(Vec::new()) }; }
            let make = || metrics::gauge!($gname $(, stringify!($gl) => label!($gt $gl))*);
            with_handle(&KNOWN, &[$($gl),*], make, |gauge| gauge.set(value));
        })*
        $(#[doc = $hhelp]
        pub fn $h($($hl: label_type!($ht),)* value: f64) {
            thread_local! { static KNOWN: Handles<metrics::Histogram> = const { RefCell::new(Vec::new()) }; }
            let make = || metrics::histogram!($hname $(, stringify!($hl) => label!($ht $hl))*);
            with_handle(&KNOWN, &[$($hl),*], make, |histogram| histogram.record(value));
        })*
    };
}

metrics! {
    counters {
        received "signalbox_received_total" (connection: key, hook: word)
            "Webhooks of a known connection, before any check.";
        refused "signalbox_refused_total" (reason: word)
            "Webhooks refused at the door: unknown_connection, unknown_hook, method, signature, malformed, too_large, too_slow, broken, overloaded, unavailable, stopping.";
        duplicates "signalbox_duplicates_total" (connection: key)
            "Events that were known already and changed nothing.";
        unknown_number "signalbox_unknown_number_total" (connection: key)
            "Signed events for a number we do not have: kept, answered, shown to ops.";
        decided "signalbox_decided_total" (rule: word)
            "Events decided, by the rule that won (compliance, question, keyword, wait, conversation, unmatched, call_started, call_turn, receipt, staff and others).";
        undecided "signalbox_undecided_total" ()
            "Events that no decision could be made for; kept raw and shown to ops. Anything but zero wants a look.";
        batch_retries "signalbox_batch_retries_total" ()
            "Batches that failed as a whole and were done again event by event.";
        flow_steps "signalbox_flow_steps_total" (verb: word)
            "Flow steps done, by verb.";
        flow_stopped "signalbox_flow_stopped_total" (reason: word)
            "Flows that could not go on and whose thread went to a person: loop (too many automated texts to one phone, or more steps or flows than one run may take), other.";
        flow_requests "signalbox_flow_requests_total" (outcome: word)
            "Requests of flows to other systems, by class of status (2xx to 5xx), or none, not_allowed, circuit_open.";
        flow_reload "signalbox_flow_reloads_total" (outcome: word)
            "Flow files looked at after a change: published, unchanged, refused, conflict.";
        directory_reload "signalbox_directory_reloads_total" (outcome: word)
            "Reloads of the directory snapshot: ok, failed.";
        calls "signalbox_calls_total" (outcome: word)
            "Calls ended, each once, by outcome (answered, voicemail, missed, rejected, ended).";
        voicemails "signalbox_voicemails_total" (outcome: word)
            "Recordings of callers: left, fetched, lost.";
        sent "signalbox_sent_total" (connection: key, outcome: word)
            "Dispatched texts, by outcome (accepted, failed, unknown, retried).";
        withheld "signalbox_withheld_total" (reason: word)
            "Texts not given to the carrier, by the reason's code (opted_out, plan_exhausted, number_inactive, not_textable and others).";
        receipts "signalbox_receipts_total" (connection: key, status: word)
            "Delivery receipts, by the status they brought.";
        receipts_unmatched "signalbox_receipts_unmatched_total" (connection: key)
            "Receipts for a text we do not know (yet).";
        emails "signalbox_emails_total" (outcome: word)
            "E-mails handed to the mail server: sent, refused, failed.";
        blobs "signalbox_blobs_total" (outcome: word)
            "Recordings and media fetched into the blob folder: stored, failed.";
        timers_fired "signalbox_timers_fired_total" ()
            "Due waits, time-outs and retries that became events.";
        rate_waits "signalbox_rate_waits_total" (limit: word)
            "Times a dispatch had to wait for a rate: connection, number, account, calls.";
        redis_lost "signalbox_redis_lost_total" ()
            "Times a shared rate fell back to this node's safe share because Redis did not answer in time.";
        signins "signalbox_signins_total" (outcome: word)
            "Sign-ins to the staff pages and API: ok, refused, limited.";
        http_requests "signalbox_http_requests_total" (listener: word, status: word)
            "Answered HTTP requests, by class of status (1xx to 5xx).";
        http_connections_refused "signalbox_http_connections_refused_total" (listener: word)
            "Connections closed at once because the listener had its most.";
    }
    gauges {
        queue_depth "signalbox_queue_depth" (queue: word)
            "Entries that are due and wait: receive, outbox, jobs (calls, fetches, e-mails), timers.";
        queue_age "signalbox_queue_age_seconds" (queue: word)
            "How long the oldest due entry has waited, in seconds: receive, outbox, jobs, timers.";
        http_connections "signalbox_http_connections" (listener: word)
            "Open HTTP connections.";
        sse_clients "signalbox_sse_clients" ()
            "Pages that follow live events.";
        open_calls "signalbox_open_calls" ()
            "Calls that have not ended; one whose end is not told counts for four hours.";
        callers_waiting "signalbox_callers_waiting" ()
            "Callers who wait in line in a `queue` of a flow.";
        directory_version "signalbox_directory_version" ()
            "Version of the directory snapshot this node decides by; nodes should agree within a second.";
        redis_up "signalbox_redis_up" ()
            "1 while Redis answers, 0 while it does not; absent without `redis:`.";
        started_at "signalbox_start_time_seconds" ()
            "When the process started, in seconds since 1970.";
        build_info "signalbox_build_info" (version: word)
            "Always 1; the label tells the version.";
    }
    histograms {
        answer_seconds "signalbox_answer_seconds" seconds (hook: word)
            "From a webhook's whole body to its answer, in seconds.";
        batch_size "signalbox_batch_events" events ()
            "Events in one commit.";
        batch_seconds "signalbox_batch_seconds" seconds ()
            "From a batch's first statement until it is on disk, in seconds.";
        carrier_request_seconds "signalbox_carrier_request_seconds" seconds (connection: key, outcome: word)
            "Requests to carriers but fetches of recordings and media, in seconds, by outcome (2xx to 5xx, not_sent, unknown).";
    }
}

/// What `/metrics` shows.
#[derive(Clone)]
pub struct Rendering(PrometheusHandle);

impl std::fmt::Debug for Rendering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rendering")
    }
}

impl Rendering {
    /// All metrics in Prometheus' text format.
    pub fn text(&self) -> String {
        self.0.render()
    }

    /// Folds recorded distributions into their buckets; call it every few seconds, or memory grows with each
    /// observation until the next scrape.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

static INSTALLED: OnceLock<Rendering> = OnceLock::new();

/// Makes this process count, and returns what shows the counts. Later calls return the same.
pub fn install() -> Rendering {
    INSTALLED
        .get_or_init(|| {
            let recorder = builder().build_recorder();
            let rendering = Rendering(recorder.handle());
            // Another recorder can only be there in a test that brought its own: then that one counts.
            if metrics::set_global_recorder(recorder).is_ok() {
                describe();
            }
            rendering
        })
        .clone()
}

fn builder() -> PrometheusBuilder {
    ALL.iter()
        .fold(PrometheusBuilder::new(), |builder, metric| {
            match metric.kind {
                Kind::Histogram(buckets) => builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                    .expect("every histogram of the list above has buckets"),
                Kind::Counter | Kind::Gauge => builder,
            }
        })
}

/// Tells the help texts, and shows counters without labels from the first scrape on, so that an alert on
/// their increase sees the first one.
fn describe() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
        if metric.kind == Kind::Counter && metric.labels.is_empty() {
            metrics::counter!(metric.name).absolute(0);
        }
    }
    build_info(env!("CARGO_PKG_VERSION"), 1.0);
}

/// The class of an HTTP status as a label: `2xx` and so on.
pub fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/metrics.md`, made from the list.
    fn table() -> String {
        let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
        for metric in ALL {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<_> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
            let (name, help) = (metric.name, metric.help);
            table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
        }
        table
    }

    /// `UPDATE_DOCS=1 cargo test documentation` writes the page's table anew.
    #[test]
    fn documentation_lists_every_metric_and_nothing_else() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- list -->\n").unwrap();
        let (listed, after) = rest.split_once("<!-- end of list -->").unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let new = format!(
                "{before}<!-- list -->\n{}<!-- end of list -->{after}",
                table()
            );
            std::fs::write(path, new).unwrap();
        } else {
            assert_eq!(listed, table(), "UPDATE_DOCS=1 cargo test documentation");
        }
    }

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = std::collections::HashSet::new();
        for metric in ALL {
            assert!(seen.insert(metric.name), "{} twice", metric.name);
            assert!(metric.name.starts_with("signalbox_"), "{}", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn what_is_counted_is_shown() {
        let shown = install();
        received("twilio", "sms");
        batch_seconds(0.002);
        queue_depth("outbox", 7.0);
        install().upkeep();
        let text = shown.text();
        for line in [
            "signalbox_received_total{connection=\"twilio\",hook=\"sms\"} ",
            "signalbox_batch_seconds_bucket{le=\"0.0025\"} ",
            "signalbox_queue_depth{queue=\"outbox\"} 7",
            "# HELP signalbox_undecided_total ",
            "signalbox_undecided_total 0",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
