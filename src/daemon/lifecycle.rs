//! The daemon's life: what starts in which order, when it is ready, how it stops without dropping anything.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use tokio::task::{self, JoinHandle, JoinSet};
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
/// Something needed for the start is missing; nothing was received. Or a part of the daemon ended before `stop`:
/// then everything else was drained, so that whoever started the process can start it anew.
pub async fn serve(
    config: Config,
    stop: CancellationToken,
    doors: impl FnOnce(&Daemon) -> Doors,
    ready: impl FnOnce(&Daemon),
) -> Result<(), StartError> {
    // Before anything counts: what happens at the start would be lost.
    metrics::install();
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
    let mut saving = daemon.store().spawn_at_writer(saving);
    let doors = doors(&daemon);
    let listeners = listen(&daemon, doors).await?;
    let mut workers = work(&daemon, looked);
    ready(&daemon);
    notify(&[sd_notify::NotifyState::Ready]);
    let watchdog = tokio::spawn(watchdog());
    let parts = (&mut saving, daemon.store().ended(), &mut workers);
    let ended = until_stop(&stop, parts).await;
    tracing::info!("stopping: no new connections; what is under way is finished");
    notify(&[sd_notify::NotifyState::Stopping]);
    daemon.stopping.cancel();
    listeners.close();
    listeners.wait().await;
    finish(&daemon, workers, drain).await;
    // Only now can nothing be received any more.
    daemon.drained.cancel();
    if !saving.is_finished() {
        let _ = saving.await;
    }
    watchdog.abort();
    daemon.store().close().await;
    tracing::info!("stopped");
    ended.map_or(Ok(()), |part| Err(StartError::Ended(part)))
}

/// Waits for `stop`; gives the part that ended before it. Without this a daemon would live on that answers and
/// looks well, and does not send, or saves nothing.
async fn until_stop(
    stop: &CancellationToken,
    (saving, store, workers): (&mut JoinHandle<()>, impl Future<Output = ()>, &mut Workers),
) -> Option<&'static str> {
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        _ = saving => "saving",
        () = store => "store",
        name = workers.first_end() => name,
    };
    tracing::error!(
        part = ended,
        "a part of the daemon ended by itself; all of it stops"
    );
    Some(ended)
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

/// What works by itself until the daemon stops.
#[derive(Default)]
struct Workers {
    tasks: JoinSet<()>,
    names: HashMap<task::Id, &'static str>,
}

impl Workers {
    fn spawn(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(work);
        self.names.insert(task.id(), name);
    }

    /// The name of the first one that ends, however it ends; never ready when there is none.
    async fn first_end(&mut self) -> &'static str {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.names.get(&id).copied().unwrap_or("a worker")
    }

    async fn all_end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Starts everything that works by itself.
fn work(daemon: &Daemon, looked: flows::Looked) -> Workers {
    let mut workers = Workers::default();
    workers.spawn("send", send::run(daemon.clone()));
    workers.spawn("settle", settle::run(daemon.clone()));
    workers.spawn("jobs", jobs::run(daemon.clone()));
    workers.spawn("timers", timers::run(daemon.clone()));
    workers.spawn("reload", reload::run(daemon.clone()));
    workers.spawn("flows", flows::watch(daemon.clone(), looked));
    workers.spawn("forget", forget::run(daemon.clone()));
    workers.spawn("upkeep", upkeep(daemon.clone()));
    workers
}

async fn upkeep(daemon: Daemon) {
    let rendering = metrics::install();
    let stopping = daemon.stopping();
    loop {
        rendering.upkeep();
        daemon.limits.ping().await;
        measure(&daemon).await;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_EVERY) => {}
        }
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
    metrics::callers_waiting(waiting.waiting as f64);
}

/// Waits for the workers and for texts and jobs under way, no longer than the drain.
async fn finish(daemon: &Daemon, mut workers: Workers, drain: Duration) {
    daemon.tasks.close();
    let all = async {
        workers.all_end().await;
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

/// Shows life to systemd's watchdog for as long as tasks get their turns. A server of the store that is away is told
/// by `/health/ready`: to end this process would not bring it back, and would cut off what waits for it.
async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        notify(&[sd_notify::NotifyState::Watchdog]);
        tokio::time::sleep(limit / 3).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn endless() {
        std::future::pending().await
    }

    async fn breaks() {
        panic!("as told");
    }

    /// Which part ends the wait for `stop`.
    async fn check(saving: JoinHandle<()>, sending: JoinHandle<()>, expected: Option<&str>) {
        let store = std::future::pending();
        assert_eq!(first(saving, store, sending, expected).await, expected);
    }

    async fn first(
        mut saving: JoinHandle<()>,
        store: impl Future<Output = ()>,
        sending: JoinHandle<()>,
        expected: Option<&str>,
    ) -> Option<&'static str> {
        let (stop, mut workers) = (CancellationToken::new(), Workers::default());
        workers.spawn("timers", endless());
        workers.spawn("send", async move { sending.await.unwrap_or_default() });
        if expected.is_none() {
            stop.cancel();
        }
        until_stop(&stop, (&mut saving, store, &mut workers)).await
    }

    #[tokio::test]
    async fn a_part_that_ends_before_the_stop_is_named() {
        let spawn = |ends: bool| match ends {
            true => tokio::spawn(async {}),
            false => tokio::spawn(endless()),
        };
        check(spawn(false), spawn(false), None).await;
        check(spawn(false), spawn(true), Some("send")).await;
        check(spawn(true), spawn(false), Some("saving")).await;
        check(tokio::spawn(breaks()), spawn(false), Some("saving")).await;
        let store = first(spawn(false), async {}, spawn(false), Some("store")).await;
        assert_eq!(store, Some("store"));
        let mut workers = Workers::default();
        workers.spawn("jobs", breaks());
        workers.spawn("timers", endless());
        assert_eq!(workers.first_end().await, "jobs");
    }
}
