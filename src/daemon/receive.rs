//! Events become batches: what arrived while the last batch was being saved is the next one. No timer: an
//! event alone is not kept waiting, and events that come together pay for one sync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::ambient::Stopwatch;
use crate::decide::{self, At, Input, World};
use crate::metrics;
use crate::model::conversation::ThreadEventKind;
use crate::model::turn::{Decision, Job, State, Turn, Write};
use crate::model::{Inbound, MessageStatus, Timestamp};
use crate::store::{Answer, NewEvent, NodeScope, Saved, StoreError};

use super::Daemon;

/// Batches that may be on their way to disk while another one is decided.
const SETTLING_MAX: usize = 4;

/// Something that happened, on its way into a batch.
#[derive(Debug)]
pub(super) struct Arrival {
    input: Input,
    event: NewEvent,
    reply: oneshot::Sender<Result<Answer, Refused>>,
}

/// Why an event was not taken. The carrier is asked to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many events wait as may.
    #[error("too many events are waiting")]
    Overloaded,
    /// It could not be saved, or not in time.
    #[error("the store did not take it in time")]
    Unavailable,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

impl Refused {
    /// The reason as metrics name it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
        }
    }
}

/// What an event brings besides its meaning.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// The connection's key; empty for events of our own.
    pub connection: String,
    /// The hook's word, or the word of what happened inside.
    pub hook: String,
    /// By what a repeat is known.
    pub dedupe: Option<[u8; 16]>,
    /// The webhook as it came, as JSON.
    pub raw: Vec<u8>,
}

impl Daemon {
    /// Decides and saves one event. Returns once it is on disk, or tells why it is not.
    ///
    /// # Errors
    /// Nothing of the event was acknowledged. It may have been saved all the same when the time ran out;
    /// then its repeat changes nothing.
    pub async fn receive(&self, input: Input, received: Received) -> Result<Answer, Refused> {
        let (reply, answer) = oneshot::channel();
        let arrival = Arrival {
            event: self.event(&input, received),
            input,
            reply,
        };
        self.arrivals
            .try_send(arrival)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refused::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Refused::Stopping,
            })?;
        let wait = Duration::from_millis(self.config().limits.answer_ms);
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Refused::Stopping),
            Err(_) => Err(Refused::Unavailable),
        }
    }

    /// An event of our own: a timer, an order's outcome, a member's action.
    pub(super) async fn receive_own(&self, hook: &str, input: Input) -> Result<Answer, Refused> {
        self.receive_once(hook, None, input).await
    }

    /// An event of our own that must have its effect once, however often it is told under this key.
    pub(super) async fn receive_once(
        &self,
        hook: &str,
        key: Option<&str>,
        input: Input,
    ) -> Result<Answer, Refused> {
        let raw = serde_json::to_vec(&input).unwrap_or_default();
        let received = Received {
            hook: hook.to_owned(),
            dedupe: key.map(|key| super::Inner::dedupe("", &format!("{hook}:{key}"))),
            raw,
            ..Received::default()
        };
        self.receive(input, received).await
    }

    fn event(&self, input: &Input, received: Received) -> NewEvent {
        let (now, seed) = (self.now(), self.seed());
        let mut ids = crate::model::Ids::new(now, seed.rotate_left(32));
        NewEvent {
            id: ids.fresh(),
            connection: received.connection,
            hook: received.hook,
            dedupe: received.dedupe,
            received_at: now,
            seed,
            raw: received.raw,
            needs: decide::needs(&self.world(), input),
        }
    }
}

/// Takes batches until the last sender is gone. Saving is never cut short: what was taken is answered. While a batch is
/// brought to disk, the next one is decided. Answers are given at `doors`, since this may run on the writer's thread.
pub(super) async fn run(daemon: Daemon, mut arrivals: mpsc::Receiver<Arrival>, doors: Handle) {
    let most = daemon.config().limits.batch_events_max;
    let mut batch = Vec::with_capacity(most);
    let mut settling = JoinSet::new();
    loop {
        let taken = tokio::select! {
            taken = arrivals.recv_many(&mut batch, most) => taken,
            () = daemon.drained() => {
                arrivals.close();
                arrivals.recv_many(&mut batch, most).await
            }
        };
        if taken == 0 {
            break;
        }
        metrics::queue_depth("receive", arrivals.len() as f64);
        while settling.len() >= SETTLING_MAX {
            settling.join_next().await;
        }
        while settling.try_join_next().is_some() {}
        let waits = save(&daemon, std::mem::take(&mut batch)).await;
        settling.spawn_on(settle(daemon.clone(), waits), &doors);
    }
    while settling.join_next().await.is_some() {}
}

/// A batch that is decided, or could not be, and whoever waits for what came of it.
struct Waits {
    watch: Stopwatch,
    saved: Result<Saved, StoreError>,
    inputs: Arc<Vec<Input>>,
    connections: Vec<String>,
    replies: Vec<oneshot::Sender<Result<Answer, Refused>>>,
}

async fn save(daemon: &Daemon, batch: Vec<Arrival>) -> Waits {
    let watch = Stopwatch::start();
    let world = daemon.world();
    metrics::batch_size(batch.len() as f64);
    let oldest = batch.first().map(|arrival| arrival.event.received_at);
    let age = oldest.map_or(0.0, |oldest| daemon.now().since(oldest).as_secs_f64());
    metrics::queue_age("receive", age);
    let (mut inputs, mut events, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    for arrival in batch {
        inputs.push(arrival.input);
        events.push(arrival.event);
        replies.push(arrival.reply);
    }
    let connections = events.iter().map(|event| event.connection.clone());
    let connections = connections.collect();
    let inputs = Arc::new(inputs);
    let decide = decider(world, inputs.clone());
    let store = daemon.store();
    Waits {
        saved: store.turn_ahead(NodeScope::daemon(), events, decide).await,
        watch,
        inputs,
        connections,
        replies,
    }
}

/// Answers a batch once it is on disk.
async fn settle(daemon: Daemon, waits: Waits) {
    let saved = match waits.saved {
        Ok(saved) => saved.on_disk().await,
        Err(error) => Err(error),
    };
    metrics::batch_seconds(waits.watch.seconds());
    match saved {
        Ok(answers) => {
            let told = answers.iter().zip(waits.inputs.iter());
            for ((answer, input), connection) in told.zip(&waits.connections) {
                tell(&daemon, answer, input, connection);
            }
            wake(&daemon, &answers);
            for (answer, reply) in answers.into_iter().zip(waits.replies) {
                // Nobody listens any more when the carrier's patience was shorter than ours.
                let _ = reply.send(Ok(answer));
            }
        }
        Err(error) => {
            complain(&error);
            for reply in waits.replies {
                let _ = reply.send(Err(Refused::Unavailable));
            }
        }
    }
}

/// The plain function that the store runs inside the transaction.
fn decider(
    world: Arc<World>,
    inputs: Arc<Vec<Input>>,
) -> impl FnMut(&State, usize, &NewEvent) -> Decision {
    move |state, index, event| {
        let at = At {
            event: event.id,
            now: event.received_at,
            seed: event.seed,
        };
        let Some(input) = inputs.get(index) else {
            return Decision::Undecided("no input".to_owned());
        };
        let decided = catch_unwind(AssertUnwindSafe(|| {
            decide::decide(&world, state, input, at)
        }));
        decided.unwrap_or_else(|_| Decision::Undecided("panic".to_owned()))
    }
}

fn complain(error: &StoreError) {
    tracing::error!(code = error.code(), %error, "a batch was not saved; its carriers were asked to come again");
}

/// Counts what was decided and tells the pages.
fn tell(daemon: &Daemon, answer: &Answer, input: &Input, connection: &str) {
    match answer {
        Answer::Decided { turn } => {
            metrics::decided(turn.rule);
            count(turn, input, connection);
            for notice in &turn.notices {
                daemon.announce(notice.clone());
            }
        }
        Answer::Repeat { .. } => metrics::duplicates(connection),
        Answer::Undecided(reason) => {
            metrics::undecided();
            tracing::error!(%reason, connection, "an event could not be decided; it is kept for a look");
        }
    }
}

fn count(turn: &Turn, input: &Input, connection: &str) {
    if turn.rule == "unknown_number" {
        metrics::unknown_number(connection);
    }
    if turn.rule == "receipt_unmatched" {
        metrics::receipts_unmatched(connection);
    }
    if let Input::Carrier {
        inbound: Inbound::Receipt(dlr),
        ..
    } = input
    {
        metrics::receipts(connection, dlr.status.as_str());
    }
    for (verb, times) in &turn.steps {
        (0..*times).for_each(|_| metrics::flow_steps(verb));
    }
    for write in &turn.writes {
        if let Write::ThreadEvent(line) = write {
            told(&line.kind);
        }
    }
}

/// What a new line of a thread is counted as.
fn told(line: &ThreadEventKind) {
    call_ended(line).into_iter().for_each(metrics::calls);
    stop_word(line).into_iter().for_each(metrics::flow_stopped);
    // A missed call has a row in the box too, and is none.
    if matches!(line, ThreadEventKind::VoicemailLeft { .. }) {
        metrics::voicemails("left");
    }
}

/// Why a flow stopped that a thread is told of now.
fn stop_word(line: &ThreadEventKind) -> Option<&'static str> {
    match line {
        ThreadEventKind::FlowStopped { looped: true, .. } => Some("loop"),
        ThreadEventKind::FlowStopped { looped: false, .. } => Some("other"),
        _ => None,
    }
}

/// How a call ended that a thread is told of now; it is told once, however often the call is written after.
fn call_ended(line: &ThreadEventKind) -> Option<&'static str> {
    match line {
        ThreadEventKind::Called { outcome, .. } => Some(outcome_word(outcome)),
        _ => None,
    }
}

/// The closed set of outcomes, so that no other word becomes a label.
fn outcome_word(outcome: &str) -> &'static str {
    let known = ["answered", "voicemail", "missed", "rejected", "ended"];
    known
        .into_iter()
        .find(|word| *word == outcome)
        .unwrap_or("other")
}

/// Wakes whoever carries out what these turns asked for.
fn wake(daemon: &Daemon, answers: &[Answer]) {
    let writes = answers.iter().filter_map(|answer| match answer {
        Answer::Decided { turn } => Some(&turn.writes),
        _ => None,
    });
    let (mut texts, mut jobs) = (false, false);
    for write in writes.flatten() {
        texts |= matches!(write, Write::Message(row) if row.status == MessageStatus::Queued);
        jobs |= matches!(write, Write::Job(job) if is_due(job, daemon.now()));
    }
    if texts {
        daemon.wake_outbox();
    }
    if jobs {
        daemon.wake_jobs();
    }
}

fn is_due(job: &Job, now: Timestamp) -> bool {
    job.due_at <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_where_its_thread_is_told() {
        let mut ids = crate::model::Ids::new(Timestamp::from_micros(1), 1);
        for (outcome, counted) in [("missed", "missed"), ("odd", "other")] {
            let line = ThreadEventKind::Called {
                call: ids.fresh(),
                outcome: outcome.to_owned(),
                user: None,
            };
            assert_eq!(call_ended(&line), Some(counted));
        }
        assert_eq!(call_ended(&ThreadEventKind::Closed), None);
    }

    #[test]
    fn a_flow_that_went_round_is_counted_as_a_loop_whatever_it_says() {
        for (looped, counted) in [(true, "loop"), (false, "other")] {
            let reason = "any words".to_owned();
            let line = ThreadEventKind::FlowStopped { reason, looped };
            assert_eq!(stop_word(&line), Some(counted));
        }
        assert_eq!(stop_word(&ThreadEventKind::Closed), None);
    }
}
