//! What the staff listener's pages and endpoints share: the daemon behind them, and their own limits.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use super::throttle::Throttle;
use crate::ambient;
use crate::model::account::Route;
use crate::model::directory::Directory;
use crate::model::staff::StaffAction;
use crate::model::{AccountId, ConversationId, Timestamp};
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
    /// A recording or picture by the key in its row; a part of it where `range` says so.
    fn file<'a>(
        &'a self,
        key: &'a str,
        range: Option<FileRange>,
    ) -> BoxFuture<'a, Result<FilePart, FileError>>;
    /// Canceled when the node begins to stop.
    fn stopping(&self) -> CancellationToken;
}

/// What came of a member's act.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acted {
    /// The thread it concerned.
    pub conversation: Option<ConversationId>,
    /// The thread's version now.
    pub version: Option<i64>,
}

/// Why a member's act was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct ActRefused {
    /// A stable code: `thread_moved`, `not_yours`, `opted_out`, `may_not_start`, `unavailable`…
    pub code: &'static str,
    /// Words for the member.
    pub words: String,
}

/// Something changed that open pages may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose data.
    pub account: AccountId,
    /// Which thread, where it is one.
    pub conversation: Option<ConversationId>,
    /// The boxes it shows in.
    pub boxes: Vec<Route>,
}

/// Which bytes of a file are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRange {
    /// From this byte to that one, both included; an open end is the file's.
    From(u64, Option<u64>),
    /// The last bytes.
    Last(u64),
}

/// A file, or a part of it.
pub struct FilePart {
    /// The bytes of the whole file.
    pub size_bytes: u64,
    /// The first byte of this part.
    pub first: u64,
    /// The bytes of this part.
    pub length_bytes: u64,
    /// Them, in pieces.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Why there is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none under this key.
    #[error("no such file")]
    Missing,
    /// The range lies outside the file, which has this many bytes.
    #[error("the range lies outside the file")]
    Range(u64),
    /// It cannot be read now.
    #[error("the file cannot be read now")]
    Unavailable,
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
