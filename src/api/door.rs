//! What the staff listener's pages and endpoints share: the daemon behind them, and their own limits.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use super::throttle::Throttle;
use crate::ambient;
use crate::config::Config;
use crate::daemon::{ActRefused, Acted, Daemon};
use crate::model::directory::Directory;
use crate::model::staff::StaffAction;
use crate::model::turn::Notice;
use crate::model::{Cidr, Timestamp};
use crate::net::blobs::Blobs;
use crate::store::Store;

/// Passwords hashed at the same time; each takes 19 MiB and a core for some 20 ms.
const HASHING_MAX: usize = 2;
/// Sign-ins that wait for their turn to be hashed; more are turned away.
const HASHING_WAITING_MAX: usize = 64;
/// What staff's pages and endpoints ask of the daemon.
pub trait Staff: Send + Sync + 'static {
    /// Decides and saves what a member does; the same from the same `form` once.
    fn act<'s>(
        &'s self,
        action: StaffAction,
        form: Option<&'s str>,
    ) -> BoxFuture<'s, Result<Acted, ActRefused>>;
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

/// How the staff listener is reached, and what it bears.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// It is reached over https: cookies are `Secure` and carry the `__Host-` prefix. Off only for plain
    /// http on this very machine.
    pub secure: bool,
    /// The origin people type (`https://inbox.example.org`), where a proxy changes the `Host` header.
    pub origin: Option<String>,
    /// Proxies that are believed when they say whose request it is.
    pub trusted_proxies: Vec<Cidr>,
    /// Pages that follow live events at a time.
    pub live_clients_max: usize,
    /// Tries to sign in a minute, for each user and each address.
    pub attempts_max: u32,
    /// A session nobody uses ends after this.
    pub session_idle: Duration,
}

impl Default for DoorSettings {
    fn default() -> Self {
        Self {
            secure: false,
            origin: None,
            trusted_proxies: Vec::new(),
            live_clients_max: 1000,
            attempts_max: 10,
            session_idle: Duration::from_secs(12 * 3600),
        }
    }
}

impl DoorSettings {
    /// As a node's configuration says.
    fn of(config: &Config) -> Self {
        let url = Some(config.staff_url.clone()).filter(|url| !url.is_empty());
        let secure = url.as_deref().is_some_and(|url| !is_plain_and_local(url));
        if secure && url.as_deref().is_some_and(|url| url.starts_with("http://")) {
            tracing::warn!(
                "staff_url is plain http on another machine: browsers keep no session there; put TLS before it"
            );
        }
        let limits = &config.limits;
        Self {
            secure,
            origin: url,
            trusted_proxies: config.trusted_proxies.clone(),
            live_clients_max: limits.sse_clients_max,
            attempts_max: limits.signin_attempts_max,
            session_idle: Duration::from_secs(limits.session_hours * 3600),
        }
    }
}

/// Plain http on this very machine, where browsers take no secure cookies and nobody listens in.
fn is_plain_and_local(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && local
}

/// Shared by every handler of the staff listener.
pub struct Door {
    pub(crate) staff: Arc<dyn Staff>,
    pub(crate) settings: DoorSettings,
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
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            hashing_waiting: Arc::new(Semaphore::new(HASHING_WAITING_MAX)),
            live_clients: Arc::new(Semaphore::new(settings.live_clients_max)),
            throttle: Throttle::new(settings.attempts_max),
            settings,
            clock: ambient::now,
        }
    }

    /// The door to the daemon of this process, as its configuration says.
    pub fn of(daemon: Daemon) -> Self {
        let settings = DoorSettings::of(daemon.config());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_plain_on_this_machine_only() {
        for (url, plain) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:80", true),
            ("http://inbox.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("https://127.0.0.1", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_plain_and_local(url), plain, "{url}");
        }
    }
}
