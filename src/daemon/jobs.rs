//! What must leave besides texts: legs, moves and ends of calls, recordings and files to fetch, e-mails, requests of
//! flows to other systems.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::carrier::Carrier;
use crate::decide::Input;
use crate::limits::Verdict as RateVerdict;
use crate::metrics;
use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::turn::{Job, JobKind, Notice};
use crate::model::{FailureClass, Order, Outcome, SendFailure, VoicemailId};
use crate::net::blobs::BlobKey;
use crate::net::client::ClientError;
use crate::net::mail::{Mail, MailError};
use crate::policy::retry::{Retry, retry};
use crate::store::{Lane, NodeScope};

use super::send::{carry_out, lost, no_link, rate};
use super::timers::lease;
use super::{Daemon, Link, fault};

/// How often jobs are looked for when nobody says that one is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many are claimed with one statement.
const CLAIM_MAX: usize = 256;
/// How often a fetch may be pointed elsewhere.
const MOVES_MAX: usize = 3;
/// How long a fetch may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(50);
/// A leg that could not be placed in this time is of no use to the caller any more.
const PLACE_WITHIN: Duration = Duration::from_secs(60);

/// Carries out what is due until the daemon stops. A flow's request has places of its own: slow systems shall not hold
/// back whom to ring, nor slow files whom a flow asks.
pub(super) async fn run(daemon: Daemon) {
    let work = Arc::new(Semaphore::new(daemon.config().limits.jobs_in_flight_max));
    let requests = daemon.circuits.asking();
    tokio::join!(
        keep_on(&daemon, Lane::Work, &work, &daemon.work_due),
        keep_on(&daemon, Lane::Requests, &requests, &daemon.requests_due),
    );
}

async fn keep_on(daemon: &Daemon, lane: Lane, places: &Arc<Semaphore>, due: &Notify) {
    let stopping = daemon.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = due.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        while !stopping.is_cancelled() && round(daemon, lane, places).await {}
    }
}

/// Claims as many as there are places. Whether there may be more.
async fn round(daemon: &Daemon, lane: Lane, places: &Arc<Semaphore>) -> bool {
    let most = places.available_permits().min(CLAIM_MAX);
    if most == 0 {
        return places.acquire().await.is_ok();
    }
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    let due = daemon
        .store()
        .jobs_due(
            NodeScope::daemon(),
            lane,
            daemon.now(),
            limit,
            lease(daemon),
        )
        .await;
    let due = due.unwrap_or_else(|error| {
        tracing::warn!(
            code = error.code(),
            "due jobs could not be claimed; they are looked at again"
        );
        Vec::new()
    });
    let full = due.len() == most;
    for job in due {
        // Only this loop takes them, so that there is one for each.
        let place = places.clone().try_acquire_owned().ok();
        let (daemon, tasks) = (daemon.clone(), daemon.tasks.clone());
        tasks.spawn(async move {
            carry(&daemon, job).await;
            drop(place);
        });
    }
    full
}

async fn carry(daemon: &Daemon, job: Job) {
    let result = match &job.kind {
        JobKind::Order(order) => ask(daemon, &job, order).await,
        JobKind::FetchVoicemail { voicemail, url, .. } => {
            fetch_voicemail(daemon, &job, *voicemail, url).await
        }
        JobKind::FetchTalk { line, url } => fetch_talk(daemon, &job, line, url).await,
        JobKind::FetchMedia {
            message,
            index,
            url,
        } => {
            let id = format!("{message}-{index}");
            match fetch(daemon, &job, "media", &id, url).await {
                Ok(key) => {
                    let kind = key.content_type();
                    let store = daemon.store();
                    let saved = store
                        .media_ready(NodeScope::daemon(), *message, *index, key.as_str(), kind)
                        .await;
                    saved.map_err(|error| transient(error.code()))
                }
                Err(failure) => Err(failure),
            }
        }
        JobKind::TellOfVoicemail { to, whose, seconds } => {
            tell_of_voicemail(daemon, &job, to, whose, *seconds).await
        }
        JobKind::Http {
            run,
            call,
            ask,
            request,
        } => {
            super::http::carry(daemon, &job, (*run, *call, *ask), request).await;
            Ok(())
        }
        JobKind::Email {
            to, subject, text, ..
        } => mail(daemon, &job, to, subject, text).await,
    };
    settle(daemon, &job, result).await;
}

/// Done, again later, or never.
async fn settle(daemon: &Daemon, job: &Job, result: Result<(), Put>) {
    let (store, scope, now) = (daemon.store(), NodeScope::daemon(), daemon.now());
    let saved = match result {
        Ok(()) => store.job_done(scope, job.id, now).await,
        Err(Put::Later(at)) => store.job_retry(scope, job.id, at).await,
        Err(Put::Failed(failure)) => {
            fault::tell(daemon, &job.connection, &failure).await;
            match retry(failure.class, job.attempts + 1, now, daemon.seed()) {
                Retry::At(at) => store.job_retry(scope, job.id, at).await,
                Retry::Never => {
                    tracing::warn!(job = %job.id, code = %failure.code, reason = %failure.words, "a job is given up");
                    give_up(daemon, job, &failure).await;
                    store.job_failed(scope, job.id, now, &failure.code).await
                }
            }
        }
    };
    tell(daemon, job);
    if let Err(error) = saved {
        tracing::warn!(code = error.code(), job = %job.id, "a job's outcome was not saved; it comes again");
    }
}

/// A thread shows by which way its texts went, and their files.
fn tell(daemon: &Daemon, job: &Job) {
    let shown = matches!(job.kind, JobKind::Email { .. } | JobKind::FetchMedia { .. });
    if shown {
        daemon.announce(Notice {
            account: job.account,
            conversation: None,
            boxes: Vec::new(),
        });
    }
}

/// Why a job is not done.
enum Put {
    /// A rate says wait.
    Later(crate::model::Timestamp),
    /// It failed.
    Failed(SendFailure),
}

impl From<SendFailure> for Put {
    fn from(failure: SendFailure) -> Self {
        Self::Failed(failure)
    }
}

fn transient(code: &str) -> Put {
    failed(FailureClass::Transient, code)
}

fn failed(class: FailureClass, code: &str) -> Put {
    Put::Failed(SendFailure {
        class,
        code: code.to_owned(),
        words: code.to_owned(),
    })
}

/// What never will be done has consequences for who waits for it.
async fn give_up(daemon: &Daemon, job: &Job, failure: &SendFailure) {
    match &job.kind {
        // The leg may well ring: its own reports tell, or the ring time ends the waiting for it.
        JobKind::Order(order) if failure.class == FailureClass::Unknown && places(order) => {}
        JobKind::Order(order) => told(daemon, order, None, Some(failure.code.clone())).await,
        JobKind::FetchVoicemail { voicemail, .. } => {
            metrics::voicemails("lost");
            if let Err(error) = daemon
                .store()
                .voicemail_absent(NodeScope::daemon(), *voicemail)
                .await
            {
                tracing::warn!(code = error.code(), "a lost recording could not be marked");
            }
        }
        JobKind::FetchTalk { line, .. } => {
            let told = tell_of_talk(daemon, job, (**line).clone()).await;
            if told.is_err() {
                tracing::warn!(job = %job.id, "a thread could not be told of a lost recording");
            }
        }
        JobKind::FetchMedia { .. }
        | JobKind::TellOfVoicemail { .. }
        | JobKind::Http { .. }
        | JobKind::Email { .. } => {}
    }
}

/// An order to the carrier; a placed leg's id becomes an event.
async fn ask(daemon: &Daemon, job: &Job, order: &Order) -> Result<(), Put> {
    let Some(link) = daemon.link(&job.connection) else {
        return Err(no_link().into());
    };
    if !still_wanted(daemon, order).await {
        return Ok(());
    }
    if let Order::PlaceLeg { .. } = order {
        if daemon.now().since(job.due_at) > PLACE_WITHIN {
            return Err(failed(FailureClass::Permanent, "too_late"));
        }
        let key = format!("calls:{}", job.connection);
        let verdict = daemon
            .limits
            .take(
                &key,
                rate(link.connection.calls_per_second),
                1,
                daemon.now(),
            )
            .await;
        if let RateVerdict::WaitUntil(at) = verdict {
            metrics::rate_waits("calls");
            return Err(Put::Later(at));
        }
    }
    match carry_out(daemon, &link, order).await {
        Ok(Outcome::LegPlaced { carrier_id }) => told(daemon, order, Some(carrier_id), None).await,
        Ok(_) => {}
        Err(failure) if failure.class == FailureClass::Unknown && !places(order) => {
            // What was done is seen before it is asked for again; ending a leg twice does no harm.
            return Err(transient(&failure.code));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}

/// Whether nothing has happened since that makes an order needless, or harmful: sent to its script once more, a
/// caller would hear it from the beginning.
async fn still_wanted(daemon: &Daemon, order: &Order) -> bool {
    let (store, scope) = (daemon.store(), NodeScope::daemon());
    let wanted = match order {
        Order::PlaceLeg { leg, .. } => store.leg_is_wanted(scope, *leg).await,
        Order::MoveCall { call, turn, .. } => store.move_is_wanted(scope, *call, *turn).await,
        _ => Ok(true),
    };
    wanted.unwrap_or(true)
}

/// A leg may ring already; placing it again would ring twice.
fn places(order: &Order) -> bool {
    matches!(order, Order::PlaceLeg { .. })
}

async fn told(daemon: &Daemon, order: &Order, carrier_id: Option<String>, failed: Option<String>) {
    let input = Input::Ordered {
        order: order.clone(),
        carrier_id,
        failed,
    };
    if let Err(refused) = daemon.receive_own("ordered", input).await {
        tracing::warn!(
            reason = refused.reason(),
            "what became of an order was not saved"
        );
    }
}

async fn fetch_voicemail(
    daemon: &Daemon,
    job: &Job,
    voicemail: VoicemailId,
    url: &str,
) -> Result<(), Put> {
    if daemon
        .store()
        .voicemail_is_here(NodeScope::daemon(), voicemail)
        .await
        .unwrap_or(false)
    {
        return Ok(());
    }
    let key = fetch(daemon, job, "recording", &voicemail.to_string(), url).await?;
    let saved = daemon
        .store()
        .voicemail_ready(NodeScope::daemon(), voicemail, key.as_str())
        .await;
    saved.map_err(|error| transient(error.code()))?;
    metrics::voicemails("fetched");
    daemon.announce(Notice {
        account: job.account,
        conversation: None,
        boxes: Vec::new(),
    });
    Ok(())
}

/// The line of a recorded talk is written when its file is here.
async fn fetch_talk(daemon: &Daemon, job: &Job, line: &ThreadEvent, url: &str) -> Result<(), Put> {
    let here = daemon.store().line_is_here(NodeScope::daemon(), line.id);
    if here.await.unwrap_or(false) {
        return Ok(());
    }
    let key = fetch(daemon, job, "recording", &line.id.to_string(), url).await?;
    let mut line = line.clone();
    if let ThreadEventKind::CallRecorded { blob, .. } = &mut line.kind {
        *blob = Some(key.as_str().to_owned());
    }
    tell_of_talk(daemon, job, line).await
}

async fn tell_of_talk(daemon: &Daemon, job: &Job, line: ThreadEvent) -> Result<(), Put> {
    let conversation = Some(line.conversation);
    let saved = daemon.store().add_line(NodeScope::daemon(), line).await;
    saved.map_err(|error| transient(error.code()))?;
    daemon.announce(Notice {
        account: job.account,
        conversation,
        boxes: Vec::new(),
    });
    Ok(())
}

/// Fetches a file into the blob folder.
async fn fetch(
    daemon: &Daemon,
    job: &Job,
    kind: &str,
    id: &str,
    url: &str,
) -> Result<BlobKey, Put> {
    let Some(link) = daemon.link(&job.connection) else {
        return Err(no_link().into());
    };
    let mut order = Order::FetchMedia {
        url: url.to_owned(),
    };
    for _ in 0..MOVES_MAX {
        let reply = get(daemon, &link, &order, kind).await?;
        if let Some(elsewhere) = link.carrier.moved(&link.connection, &order, &reply) {
            order = elsewhere;
            continue;
        }
        return keep(daemon, link.carrier, &link, job, (kind, id), &order, &reply).await;
    }
    Err(failed(FailureClass::Permanent, "moved_too_often"))
}

async fn get(
    daemon: &Daemon,
    link: &Link,
    order: &Order,
    kind: &str,
) -> Result<http::Response<bytes::Bytes>, Put> {
    let request = link.carrier.request(&link.connection, order)?;
    let limits = &daemon.config().limits;
    let most = if kind == "recording" {
        limits.recording_bytes_max
    } else {
        limits.media_bytes_max
    };
    // A fetch changes nothing at the carrier, so a lost answer is simply asked for again.
    let again = |error: ClientError| {
        Put::Failed(SendFailure {
            class: FailureClass::Transient,
            ..lost(error)
        })
    };
    let fetched = daemon
        .client
        .fetch(request, most, FETCH_DEADLINE)
        .await
        .map_err(again)?;
    fetched.whole().await.map_err(again)
}

async fn keep(
    daemon: &Daemon,
    carrier: &'static dyn Carrier,
    link: &Link,
    job: &Job,
    (kind, id): (&str, &str),
    order: &Order,
    reply: &http::Response<bytes::Bytes>,
) -> Result<BlobKey, Put> {
    match carrier.outcome(&link.connection, order, reply)? {
        Outcome::Media {
            content_type,
            bytes,
        } => {
            let key = BlobKey::new(job.account, kind, id, &content_type);
            let key = key.map_err(|_| failed(FailureClass::Permanent, "blob_key"))?;
            daemon
                .blobs()
                .put(&key, bytes)
                .await
                .map_err(|_| transient("blob_folder"))?;
            Ok(key)
        }
        _ => Err(failed(FailureClass::Permanent, "no_media")),
    }
}

/// Says where to listen and nothing of who called: mail lies about in more places than our pages.
async fn tell_of_voicemail(
    daemon: &Daemon,
    job: &Job,
    to: &str,
    whose: &str,
    seconds: u32,
) -> Result<(), Put> {
    if daemon.mailer.is_none() {
        return Ok(());
    }
    let pages = daemon.config().staff_url.trim_end_matches('/');
    let subject = format!("A voicemail for {whose}");
    let text = format!(
        "A voicemail of {seconds} seconds was left for {whose}.\nListen to it: {pages}/voicemails\n"
    );
    mail(daemon, job, to, &subject, &text).await
}

async fn mail(daemon: &Daemon, job: &Job, to: &str, subject: &str, text: &str) -> Result<(), Put> {
    let Some(mailer) = &daemon.mailer else {
        return Err(failed(FailureClass::Permanent, "no_smtp"));
    };
    let mail = Mail {
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        message_id: job.id.to_string(),
    };
    mailer.send(mail).await.map_err(|error| match error {
        MailError::Refused(_) => failed(FailureClass::Permanent, "email_refused"),
        MailError::Failed(_) => transient("email_failed"),
    })
}

#[cfg(test)]
mod tests;
