//! Texts that are due: judged in the transaction that claims them, handed to the carrier, and their outcome
//! saved. What may have left is never handed over again.

mod facts;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::ambient::Stopwatch;
use crate::decide::{Input, World};
use crate::limits::{Rate, Verdict as RateVerdict};
use crate::metrics;
use crate::model::calendar::{month, zone};
use crate::model::turn::Notice;
use crate::model::{
    AccountId, Dlr, FailureClass, Inbound, Message, MessageStatus, Order, Outcome, SendFailure,
    Timestamp,
};
use crate::net::client::ClientError;
use crate::policy::allowance::{Allowance, Reason, allowance};
use crate::policy::retry::{Retry, retry};
use crate::store::{AttemptOutcome, AttemptResult, Dispatch, DueText, NodeScope, ToSend};

use facts::{Asked, by_email, connection_rate, facts, rates, refused};

use super::lines::Lines;
use super::timers::lease;
use super::{Daemon, Link, fault};

/// How often the outbox is looked at when nobody says that something is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked at while no connection may send anything: for the texts that go another way.
const LOOK_CLOSED_EVERY: Duration = Duration::from_secs(1);
/// Texts looked at then.
const CLOSED_CLAIM_MAX: usize = 64;
/// How long after a lost answer the carrier's own record is first looked at.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Sends what is due until the daemon stops; texts under way are finished.
pub(super) async fn run(daemon: Daemon) {
    let stopping = daemon.stopping();
    let in_flight = daemon.config().limits.outbox_in_flight_max;
    let places = Arc::new(Semaphore::new(in_flight));
    let (outcomes, saved) = mpsc::channel::<Tried>(in_flight);
    daemon.tasks.spawn(save_outcomes(daemon.clone(), saved));
    let waiting = Arc::new(Mutex::new(Waiting::default()));
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = daemon.outbox_due.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        while !stopping.is_cancelled() && round(&daemon, &places, &outcomes, &waiting).await {}
    }
}

/// What came of an attempt, and whose pages show it.
type Tried = (AttemptOutcome, Notice);

/// What is remembered from one round to the next.
#[derive(Debug, Default)]
struct Waiting {
    /// The texts that wait for a rate.
    lines: Lines,
    /// How many texts the round has looked at, sent or not.
    looked_at: usize,
    /// When a round last looked at any.
    last_at: Timestamp,
}

/// Claims as many as there are places and sends them. Whether there may be more.
async fn round(
    daemon: &Daemon,
    places: &Arc<Semaphore>,
    outcomes: &mpsc::Sender<Tried>,
    waiting: &Arc<Mutex<Waiting>>,
) -> bool {
    let most = daemon
        .config()
        .limits
        .outbox_claim_max
        .min(places.available_permits());
    if most == 0 {
        // A place comes free before long; its holder sends nothing that would wake us.
        let freed = places.acquire().await;
        return freed.is_ok();
    }
    daemon.limits.refill(daemon.now()).await;
    let most = most.min(may_leave(daemon, waiting));
    if most == 0 {
        return false;
    }
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    let claimed = claim(daemon, limit, waiting.clone()).await;
    // Texts that were told to wait were in the way of others as much as those that leave.
    let looked_at = {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut waiting.looked_at)
    };
    let full = 2 * looked_at >= most;
    for text in claimed {
        let Ok(place) = places.clone().try_acquire_owned() else {
            break;
        };
        let (daemon, outcomes) = (daemon.clone(), outcomes.clone());
        let tasks = daemon.tasks.clone();
        tasks.spawn(async move {
            let outcome = attempt(&daemon, &text).await;
            let notice = about(&text.text.message);
            let _ = outcomes.send((outcome, notice)).await;
            drop(place);
        });
    }
    full
}

/// How many texts are worth a look: no more than the connections' rates let out, because each of the others would
/// be read and written only to wait.
fn may_leave(daemon: &Daemon, waiting: &Mutex<Waiting>) -> usize {
    let now = daemon.now();
    let left = daemon.links.values().map(|link| {
        let (key, rate) = connection_rate(&link.connection);
        daemon.limits.left(&key, rate, now) as usize
    });
    let left = left.fold(0, usize::saturating_add);
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if left == 0 && now < waiting.last_at + LOOK_CLOSED_EVERY {
        return 0;
    }
    waiting.last_at = now;
    if left == 0 { CLOSED_CLAIM_MAX } else { left }
}

async fn claim(daemon: &Daemon, most: u32, waiting: Arc<Mutex<Waiting>>) -> Vec<ToSend> {
    let world = daemon.world();
    let now = daemon.now();
    let months = months(&world, now);
    let month = move |account: AccountId| months.get(&account).copied().unwrap_or_default();
    let judge = judge(daemon.clone(), world, waiting, now);
    let claimed = daemon
        .store()
        .dispatch(NodeScope::daemon(), now, most, lease(daemon), month, judge)
        .await;
    claimed.unwrap_or_else(|error| {
        tracing::warn!(
            code = error.code(),
            "due texts could not be claimed; they are looked at again"
        );
        Vec::new()
    })
}

/// Each account's current month as `yyyymm`.
fn months(world: &World, now: Timestamp) -> HashMap<AccountId, i32> {
    let of = |account: &crate::model::account::Account| {
        Some((account.id, month(&zone(&account.zone).ok()?, now).key))
    };
    world.directory.accounts().filter_map(of).collect()
}

/// What is done with a due text: consent, plan and rates, asked at the moment of dispatch.
fn judge(
    daemon: Daemon,
    world: Arc<World>,
    waiting: Arc<Mutex<Waiting>>,
    now: Timestamp,
) -> impl FnMut(&DueText) -> Dispatch {
    move |due| {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.looked_at += 1;
        let Some(facts) = facts(&world, due, now) else {
            return refused(Reason::NumberInactive);
        };
        let decided = match allowance(&facts) {
            Allowance::Send => return rated(&daemon, &world, &mut waiting.lines, due, now),
            Allowance::Email(reason) => by_email(&world, due, reason),
            Allowance::Hold(until, reason) => Dispatch::Hold(until, reason.code().to_owned()),
            Allowance::Refuse(reason) => refused(reason),
        };
        tell(&daemon, due);
        decided
    }
}

/// Asks the rates of the account's plan, of the number and of the connection, in this order: what waits for one
/// takes nothing from the others of the next. A text that must wait gets its place in the line.
fn rated(
    daemon: &Daemon,
    world: &World,
    lines: &mut Lines,
    due: &DueText,
    now: Timestamp,
) -> Dispatch {
    let Some(link) = daemon.links.get(&due.connection) else {
        return refused(Reason::NumberInactive);
    };
    let waited = due.message.due_at > Some(due.message.created_at);
    for Asked {
        word,
        key,
        rate,
        tokens,
    } in rates(world, &link.connection, due)
    {
        let turn = match lines.before(&key, waited, now) {
            Some(end) => end,
            None => match daemon.limits.take_now(&key, rate, tokens, now) {
                RateVerdict::Go => continue,
                RateVerdict::WaitUntil(at) => at,
            },
        };
        metrics::rate_waits(word);
        let step = Duration::from_secs_f64(f64::from(tokens) / rate.per_second);
        return Dispatch::Later(lines.join(key, waited, turn, step, now));
    }
    Dispatch::Send
}

/// A second's worth may go at once after a pause.
pub(super) fn rate(per_second: f64) -> Rate {
    let per_second = per_second.clamp(0.001, 1e9);
    Rate {
        per_second,
        burst: per_second.ceil() as u32,
    }
}

/// The thread shows by which way a text went; this is said once the claim is saved, so a look too early
/// sees the old state and the next notice mends it.
fn tell(daemon: &Daemon, due: &DueText) {
    daemon.announce(about(&due.message));
}

/// Whose pages show what becomes of a text.
pub(super) fn about(message: &Message) -> Notice {
    Notice {
        account: message.account,
        conversation: Some(message.conversation),
        boxes: Vec::new(),
    }
}

/// One attempt. Whatever happens, there is an outcome.
async fn attempt(daemon: &Daemon, text: &ToSend) -> AttemptOutcome {
    let message = &text.text.message;
    let order = Order::SendText {
        message: message.id,
        from: text.text.number_address.clone(),
        to: message.party.clone(),
        text: message.text.clone(),
    };
    let result = match daemon.link(&text.text.connection) {
        Some(link) => carry_out(daemon, &link, &order).await,
        None => Err(no_link()),
    };
    if let Err(failure) = &result {
        fault::tell(daemon, &text.text.connection, failure).await;
    }
    let now = daemon.now();
    let result = judged(daemon, text, result, now);
    count(text, &result);
    AttemptOutcome {
        message: message.id,
        attempt: text.attempt,
        at: now,
        result,
    }
}

pub(super) fn no_link() -> SendFailure {
    SendFailure {
        class: FailureClass::OurFault,
        code: "no_connection".to_owned(),
        words: "the number's connection is not configured".to_owned(),
    }
}

/// Asks a carrier for an order.
///
/// # Errors
/// What the carrier or the way to it says. A lost answer is [`FailureClass::Unknown`].
pub(super) async fn carry_out(
    daemon: &Daemon,
    link: &Link,
    order: &Order,
) -> Result<Outcome, SendFailure> {
    let request = link.carrier.request(&link.connection, order)?;
    let deadline = Duration::from_secs(daemon.config().limits.carrier_seconds);
    let watch = Stopwatch::start();
    let reply = daemon.client.send(request, deadline).await;
    let word = match &reply {
        Ok(reply) => metrics::status_class(reply.status().as_u16()),
        Err(error) => error.word(),
    };
    metrics::carrier_request_seconds(&link.connection.key, word, watch.seconds());
    match reply {
        Ok(reply) => link.carrier.outcome(&link.connection, order, &reply),
        Err(error) => Err(lost(error)),
    }
}

/// What a broken way to the carrier means.
pub(super) fn lost(error: ClientError) -> SendFailure {
    let class = match error {
        ClientError::NotSent(_) => FailureClass::Transient,
        ClientError::Unknown(_) => FailureClass::Unknown,
    };
    SendFailure {
        class,
        code: error.word().to_owned(),
        words: error.to_string(),
    }
}

fn judged(
    daemon: &Daemon,
    text: &ToSend,
    result: Result<Outcome, SendFailure>,
    now: Timestamp,
) -> AttemptResult {
    let failure = match result {
        Ok(Outcome::TextAccepted { carrier_id, status }) => {
            return AttemptResult::Accepted { carrier_id, status };
        }
        Ok(_) => SendFailure {
            class: FailureClass::Unknown,
            code: "unreadable".to_owned(),
            words: "the carrier's answer names no text".to_owned(),
        },
        Err(failure) => failure,
    };
    tracing::warn!(
        message = %text.text.message.id,
        connection = %text.text.connection,
        code = %failure.code,
        reason = %failure.words,
        attempt = text.attempt,
        "a text was not taken"
    );
    let code = failure.code.clone();
    match failure.class {
        FailureClass::Unknown => AttemptResult::Unknown {
            code,
            look_again_at: Some(now + LOOK_AGAIN_AFTER),
        },
        class => match retry(class, text.attempt, now, daemon.seed()) {
            Retry::At(due_at) => AttemptResult::Retry { due_at, code },
            Retry::Never => AttemptResult::Failed { code },
        },
    }
}

fn count(text: &ToSend, result: &AttemptResult) {
    let word = match result {
        AttemptResult::Accepted { .. } => "accepted",
        AttemptResult::Retry { .. } => "retried",
        AttemptResult::Failed { .. } => "failed",
        AttemptResult::Unknown { .. } => "unknown",
    };
    metrics::sent(&text.text.connection, word);
}

/// Outcomes that come together are saved together. One that cannot be saved is tried until it is, because
/// only its loss would make the text unknown.
async fn save_outcomes(daemon: Daemon, mut outcomes: mpsc::Receiver<Tried>) {
    let most = daemon.config().limits.outbox_in_flight_max;
    let mut batch = Vec::with_capacity(most);
    while outcomes.recv_many(&mut batch, most).await > 0 {
        let (taken, notices): (Vec<_>, Vec<_>) = std::mem::take(&mut batch).into_iter().unzip();
        while let Err(error) = daemon
            .store()
            .attempted(NodeScope::daemon(), taken.clone())
            .await
        {
            tracing::error!(
                code = error.code(),
                texts = taken.len(),
                "outcomes of texts were not saved; again"
            );
            tokio::time::sleep(LOOK_EVERY).await;
            if daemon.stopping().is_cancelled() && !error.retryable() {
                break;
            }
        }
        for notice in each_once(notices) {
            daemon.announce(notice);
        }
        for outcome in taken {
            learn_opt_out(&daemon, outcome).await;
        }
    }
}

/// Several texts of a thread are one change of its page.
fn each_once(notices: Vec<Notice>) -> Vec<Notice> {
    let mut told = HashSet::new();
    let mut fresh = notices;
    fresh.retain(|notice| told.insert((notice.account, notice.conversation)));
    fresh
}

/// A refusal that says "opted out" goes into the ledger, by the same way as a receipt that says so.
async fn learn_opt_out(daemon: &Daemon, outcome: AttemptOutcome) {
    let AttemptResult::Failed { code } = outcome.result else {
        return;
    };
    if !crate::decide::means_opted_out(&code) {
        return;
    }
    let dlr = Dlr {
        message: Some(outcome.message),
        carrier_id: String::new(),
        status: MessageStatus::Failed,
        error: Some(code),
    };
    let input = Input::Carrier {
        connection: String::new(),
        inbound: Inbound::Receipt(dlr),
    };
    let once = format!("{}:{}", outcome.message, outcome.attempt);
    let told = daemon.receive_once("refusal", Some(&once), input);
    if let Err(refused) = told.await {
        tracing::warn!(
            reason = refused.reason(),
            "an opt-out told by the carrier was not saved"
        );
    }
}
