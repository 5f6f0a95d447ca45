//! What the staff listener's pages and endpoints share: the daemon behind them, and their own limits.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::throttle::Throttle;
use crate::ambient;
use crate::daemon::{ActRefused, Acted, Daemon};
use crate::model::Timestamp;
use crate::model::directory::Directory;
use crate::model::staff::StaffAction;
use crate::model::turn::Notice;
use crate::net::blobs::Blobs;
use crate::store::Store;

/// Passwords hashed at the same time; each takes 19 MiB and a core for some 20 ms.
const HASHING_MAX: usize = 2;
/// Sign-ins that wait for their turn to be hashed; more are turned away.
const HASHING_WAITING_MAX: usize = 64;
/// Live streams a node serves; a browser holds one, whatever the number of its tabs.
const LIVE_CLIENTS_MAX: usize = 1024;

/// What staff's pages and endpoints ask of the daemon.
pub trait Staff: Send + Sync + 'static {
    /// Decides and saves what a member does.
    fn act(&self, action: StaffAction) -> BoxFuture<'_, Result<Acted, ActRefused>>;
    /// The organisation now.
    fn directory(&self) -> Arc<Directory>;
    /// The store.
    fn store(&self) -> &Store;
    /// Notices of changes from now on; who lags behind misses some and is told so.
    fn live(&self) -> broadcast::Receiver<Notice>;
    /// Recordings and pictures.
    fn blobs(&self) -> &Blobs;
    /// Canceled when the node begins to stop.
    fn stopping(&self) -> CancellationToken;
}

/// How the staff listener is reached.
#[derive(Debug, Clone, Default)]
pub struct DoorSettings {
    /// It is reached over https: cookies are `Secure` and carry the `__Host-` prefix. Off only for plain
    /// http on this very machine.
    pub secure: bool,
    /// The origin people type (`https://inbox.example.org`), where a proxy changes the `Host` header.
    pub origin: Option<String>,
}

/// Shared by every handler of the staff listener.
pub struct Door {
    pub(crate) staff: Arc<dyn Staff>,
    pub(crate) secure: bool,
    pub(crate) origin: Option<String>,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) hashing_waiting: Arc<Semaphore>,
    pub(crate) live_clients: Arc<Semaphore>,
    pub(crate) throttle: Throttle,
    clock: fn() -> Timestamp,
}

impl Door {
    /// The door to this daemon.
    pub fn new(staff: Arc<dyn Staff>, settings: DoorSettings) -> Self {
        Self {
            staff,
            secure: settings.secure,
            origin: settings.origin,
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            hashing_waiting: Arc::new(Semaphore::new(HASHING_WAITING_MAX)),
            live_clients: Arc::new(Semaphore::new(LIVE_CLIENTS_MAX)),
            throttle: Throttle::default(),
            clock: ambient::now,
        }
    }

    /// The door to the daemon of this process, as its configuration says.
    pub fn of(daemon: Daemon) -> Self {
        let url = &daemon.config().staff_url;
        let settings = DoorSettings {
            secure: url.starts_with("https://"),
            origin: Some(url.clone()).filter(|url| !url.is_empty()),
        };
        Self::new(Arc::new(daemon), settings)
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        self.staff.store()
    }

    /// With another clock, for tests.
    #[cfg(test)]
    pub(crate) fn with_clock(mut self, clock: fn() -> Timestamp) -> Self {
        self.clock = clock;
        self
    }
}
