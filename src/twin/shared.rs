//! What all parts of a twin hold in common: settings, world, transcript, client, tasks.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::hook;
use super::settings::{TwinError, TwinSettings};
use super::transcript::{Line, LineKind, Transcript};
use super::world::World;
use crate::model::Timestamp;

/// Texts of people whose webhook is under way, at most.
const TEXTS_UNDER_WAY_MAX: usize = 1_000;

/// Held by every task of the twin.
pub(super) struct Shared {
    pub(super) settings: TwinSettings,
    pub(super) client: reqwest::Client,
    pub(super) transcript: Transcript,
    /// One permit a text whose webhook is under way.
    pub(super) texts_under_way: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
    tasks: TaskTracker,
    world: Mutex<World>,
}

impl Shared {
    pub(super) fn new(settings: TwinSettings) -> Result<Arc<Self>, TwinError> {
        let client = hook::client().map_err(|fault| TwinError::Client(fault.to_string()))?;
        let world = World::new((settings.now)(), settings.seed);
        Ok(Arc::new(Self {
            settings,
            client,
            transcript: Transcript::new(),
            texts_under_way: Arc::new(Semaphore::new(TEXTS_UNDER_WAY_MAX)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            world: Mutex::new(world),
        }))
    }

    /// The world, for a moment: never held while something is waited for.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.settings.now)()
    }

    /// Runs until done or until the twin stops.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Ends all tasks and waits for them.
    pub(super) async fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How long so many seconds of the twin really take.
    pub(super) fn real(&self, seconds: f64) -> Duration {
        let speed = self.settings.seconds_per_second.clamp(0.01, 100_000.0);
        Duration::try_from_secs_f64(seconds / speed).unwrap_or(Duration::MAX)
    }

    /// How many seconds of the twin passed between two instants, rounded.
    pub(super) fn seconds_between(&self, from: Timestamp, to: Timestamp) -> u32 {
        let speed = self.settings.seconds_per_second.clamp(0.01, 100_000.0);
        (to.since(from).as_secs_f64() * speed).round() as u32
    }

    /// Waits so many seconds of the twin.
    pub(super) async fn pause(&self, seconds: f64) {
        tokio::time::sleep(self.real(seconds)).await;
    }

    /// Adds a line to the transcript.
    pub(super) fn line(
        &self,
        kind: LineKind,
        call: Option<&str>,
        phone: Option<&str>,
        text: impl Into<String>,
    ) {
        self.transcript.add(Line {
            id: 0,
            at: self.now(),
            kind,
            call: call.map(str::to_owned),
            phone: phone.map(str::to_owned),
            text: text.into(),
        });
    }
}
