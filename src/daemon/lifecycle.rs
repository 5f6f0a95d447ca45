//! The daemon's life: what starts in which order, when it is ready, how it stops without dropping anything.

use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, StoreAddress};
use crate::metrics;
use crate::net::server::{Listener, ListenerLimits};
use crate::net::sockets;
use crate::store::{NodeScope, StoreError};

use super::{Daemon, StartError, flows, forget, jobs, reload, send, settle, timers};

/// How often distributions are folded into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Pause before a server of the store that does not answer is asked again at the start.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// By how much each time it does not answer puts off systemd's time limit for a start, in microseconds.
const START_EXTEND_US: u32 = 60_000_000;

/// The routers behind the three listeners.
#[derive(Debug)]
pub struct Doors {
    /// For carriers.
    pub carriers: Router,
    /// For members of staff.
    pub staff: Router,
    /// For operators.
    pub ops: Router,
}

/// Runs until `stop`, then drains: no new connections, requests under way answered, everything received saved,
/// texts under way settled. `doors` builds the routers once the daemon is open; `ready` is told when all
/// three listeners accept.
///
/// # Errors
/// Something needed for the start is missing; nothing was received.
pub async fn serve(
    config: Config,
    stop: CancellationToken,
    doors: impl FnOnce(&Daemon) -> Doors,
    ready: impl FnOnce(&Daemon),
) -> Result<(), StartError> {
    metrics::started_at(crate::ambient::now().micros() as f64 / 1e6);
    metrics::build_info(env!("CARGO_PKG_VERSION"), 1.0);
    let drain = Duration::from_secs(config.limits.drain_seconds);
    let Some((daemon, saving)) = open(config, &stop).await? else {
        return Ok(());
    };
    daemon
        .store()
        .prepare_to_receive(NodeScope::daemon())
        .await?;
    let looked = flows::publish_at_start(&daemon).await;
    let saving = tokio::spawn(saving);
    let doors = doors(&daemon);
    let listeners = listen(&daemon, doors).await?;
    let workers = work(&daemon, looked);
    ready(&daemon);
    notify(&[sd_notify::NotifyState::Ready]);
    let watchdog = tokio::spawn(watchdog());
    stop.cancelled().await;
    tracing::info!("stopping: no new connections; what is under way is finished");
    notify(&[sd_notify::NotifyState::Stopping]);
    daemon.stopping.cancel();
    listeners.close();
    listeners.wait().await;
    finish(&daemon, workers, drain).await;
    // Only now can nothing be received any more.
    daemon.drained.cancel();
    let _ = saving.await;
    watchdog.abort();
    daemon.store().close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the daemon. A server of the store that does not answer is waited for: the sockets stay as they are,
/// where a restart would only ask it the same again. Nothing when the daemon is to stop before.
async fn open(
    config: Config,
    stop: &CancellationToken,
) -> Result<Option<(Daemon, impl Future<Output = ()> + Send + use<>)>, StartError> {
    loop {
        match Daemon::open(config.clone()).await {
            Err(StartError::Store(error)) if comes_back(&config, &error) => {
                tracing::warn!(%error, "the store does not answer; it is asked again");
            }
            opened => return opened.map(Some),
        }
        notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(START_EXTEND_US)]);
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(STORE_AGAIN_AFTER) => {}
        }
    }
}

/// A server may be on its way; a file that cannot be opened needs a person.
fn comes_back(config: &Config, error: &StoreError) -> bool {
    matches!(config.store, StoreAddress::Postgres(_)) && error.retryable()
}

/// Opens the three listeners; all are bound before the first one accepts.
async fn listen(daemon: &Daemon, doors: Doors) -> Result<TaskTracker, StartError> {
    let limits = &daemon.config().limits;
    let bounds = ListenerLimits {
        header: Duration::from_secs(limits.header_seconds),
        headers_max: limits.headers_max,
        streams_max: limits.streams_max,
        connections_max: limits.connections_max,
        drain: Duration::from_secs(limits.drain_seconds),
    };
    let at = daemon.config().listen;
    let wanted = [
        ("carriers", at.carriers, doors.carriers),
        ("staff", at.staff, doors.staff),
        ("ops", at.ops, doors.ops),
    ];
    let mut bound = Vec::new();
    for (name, address, router) in wanted {
        let socket = sockets::listen(name, address).await;
        let socket = socket.map_err(|error| StartError::Machine(error.to_string()))?;
        bound.push((
            Listener {
                name,
                socket,
                limits: bounds,
            },
            router,
        ));
    }
    let tracker = TaskTracker::new();
    for (listener, router) in bound {
        tracker.spawn(listener.serve(router, daemon.stopping()));
    }
    Ok(tracker)
}

/// Starts everything that works by itself.
fn work(daemon: &Daemon, looked: flows::Looked) -> TaskTracker {
    let tracker = TaskTracker::new();
    tracker.spawn(send::run(daemon.clone()));
    tracker.spawn(settle::run(daemon.clone()));
    tracker.spawn(jobs::run(daemon.clone()));
    tracker.spawn(timers::run(daemon.clone()));
    tracker.spawn(reload::run(daemon.clone()));
    tracker.spawn(flows::watch(daemon.clone(), looked));
    tracker.spawn(forget::run(daemon.clone()));
    tracker.spawn(upkeep(daemon.clone()));
    tracker
}

async fn upkeep(daemon: Daemon) {
    let rendering = metrics::install();
    let stopping = daemon.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_EVERY) => {}
        }
        rendering.upkeep();
        measure(&daemon).await;
    }
}

/// Shows what waits in the store.
async fn measure(daemon: &Daemon) {
    let now = daemon.now();
    let waiting = match daemon.store().backlogs(NodeScope::daemon(), now).await {
        Ok(waiting) => waiting,
        Err(error) => {
            tracing::warn!(code = error.code(), "what waits could not be counted");
            return;
        }
    };
    let queues = [
        ("outbox", waiting.outbox, waiting.outbox_since),
        ("jobs", waiting.jobs, waiting.jobs_since),
        ("timers", waiting.timers, waiting.timers_since),
    ];
    for (queue, depth, since) in queues {
        metrics::queue_depth(queue, depth as f64);
        let age = since.map_or(Duration::ZERO, |at| now.since(at));
        metrics::queue_age(queue, age.as_secs_f64());
    }
    metrics::open_calls(waiting.calls as f64);
}

/// Waits for the workers and for texts and jobs under way, no longer than the drain.
async fn finish(daemon: &Daemon, workers: TaskTracker, drain: Duration) {
    workers.close();
    daemon.tasks.close();
    let all = async {
        workers.wait().await;
        daemon.tasks.wait().await;
    };
    if tokio::time::timeout(drain, all).await.is_err() {
        tracing::warn!("the drain's time is over; what is cut off is settled after the next start");
    }
}

/// Tells systemd; without it nothing happens.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}

/// Shows life to systemd's watchdog for as long as tasks get their turns. A store that is away is told by
/// `/health/ready`: to end this process would not bring it back, and would cut off what waits for it.
async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        notify(&[sd_notify::NotifyState::Watchdog]);
        tokio::time::sleep(limit / 3).await;
    }
}
