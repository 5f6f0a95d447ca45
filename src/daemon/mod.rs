//! The shell: one value that everything long-lived hangs on, built once and passed along. It feeds the pure
//! core with events and carries out what that asks for, after it is saved.

mod fault;
mod flows;
mod forget;
mod http;
mod jobs;
mod lifecycle;
mod lines;
mod notices;
mod receive;
mod reload;
mod send;
mod settle;
mod staff;
mod timers;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::carrier::{self, Carrier};
use crate::config::{Config, Finding, SmtpTls, StoreAddress};
use crate::decide::{ConnectionFacts, World};
use crate::limits::Limits;
use crate::model::account::OptOutBy;
use crate::model::connection::OptOut;
use crate::model::consent::ComplianceWords;
use crate::model::directory::Directory;
use crate::model::turn::Notice;
use crate::model::{Connection, Timestamp};
use crate::net::blobs::Blobs;
use crate::net::client::Client;
use crate::net::mail::{Mailer, Protection, Relay};
use crate::store::{Store, StoreError};

pub use flows::{FileReport, failed_tests, ground, ground_beside, publish_folder};
pub use lifecycle::{Doors, serve};
pub use receive::{Received, Refused};
pub use reload::{store_at, world};
pub use staff::{ActRefused, Acted};
#[cfg(test)]
pub(crate) use staff::{acted, once};

/// Everything that lives as long as the process. Cheap to clone; clones are the same daemon.
#[derive(Debug, Clone)]
pub struct Daemon(Arc<Inner>);

/// See [`Daemon`]; reached through it.
#[derive(Debug)]
pub struct Inner {
    config: Config,
    store: Store,
    links: HashMap<String, Link>,
    world: ArcSwap<World>,
    arrivals: mpsc::Sender<receive::Arrival>,
    live: broadcast::Sender<Notice>,
    shared_live: Option<mpsc::Sender<Notice>>,
    blobs: Blobs,
    client: Client,
    mailer: Option<Mailer>,
    limits: Limits,
    faults_told: fault::Told,
    circuits: http::Circuits,
    outbox_due: Notify,
    work_due: Notify,
    requests_due: Notify,
    stopping: CancellationToken,
    drained: CancellationToken,
    tasks: TaskTracker,
}

impl std::ops::Deref for Daemon {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// A connection with the adapter that speaks its carrier's language.
#[derive(Clone)]
pub struct Link {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its carrier.
    pub carrier: &'static dyn Carrier,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Link({} by {})",
            self.connection.key,
            self.carrier.name()
        )
    }
}

/// Why the daemon cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong; the words show the places.
    #[error("{0}")]
    Config(String),
    /// The store cannot be used.
    #[error("the store")]
    Store(#[from] StoreError),
    /// Something of the machine: a folder, a socket.
    #[error("{0}")]
    Machine(String),
    /// This part of the daemon ended although nobody wanted it to stop.
    #[error("the part {0:?} ended by itself; the log tells why")]
    Ended(&'static str),
}

impl Daemon {
    /// Opens everything and reads the organisation; nothing is received or sent yet. The returned task
    /// saves batches and must be spawned.
    ///
    /// # Errors
    /// The store cannot be opened or migrated, a connection's settings are wrong, or a folder cannot be used.
    pub async fn open(
        config: Config,
    ) -> Result<(Self, impl Future<Output = ()> + Send), StartError> {
        let links = links(&config)?;
        let store = open_store(&config).await?;
        let machine = |place: String, error: &dyn std::fmt::Display| {
            StartError::Machine(format!("{place}: {error}"))
        };
        let (arrivals, queue) = mpsc::channel(config.limits.queue_depth_max);
        let (shared_live, announced) = mpsc::channel(notices::WAITING_MAX);
        let inner = Inner {
            blobs: Blobs::open(&config.blobs)
                .map_err(|error| machine(format!("blobs {}", config.blobs.display()), &error))?,
            client: Client::new(config.limits.carrier_answer_bytes_max)
                .map_err(|error| machine("requests to carriers".to_owned(), &error))?,
            mailer: mailer(&config).map_err(|error| {
                let host = config.smtp.as_ref().map_or("", |smtp| &smtp.host);
                machine(format!("smtp {host}"), &error)
            })?,
            limits: reload::limits(&config).map_err(|error| machine("redis".to_owned(), &error))?,
            shared_live: config.redis.as_ref().map(|_| shared_live),
            live: broadcast::channel(config.limits.sse_buffer_events_max).0,
            world: ArcSwap::from_pointee(first_world(
                &links,
                config.words.clone(),
                config.smtp.is_some(),
            )),
            faults_told: fault::Told::default(),
            circuits: http::Circuits::new(config.limits.http_in_flight_max),
            outbox_due: Notify::new(),
            work_due: Notify::new(),
            requests_due: Notify::new(),
            stopping: CancellationToken::new(),
            drained: CancellationToken::new(),
            tasks: TaskTracker::new(),
            links,
            store,
            arrivals,
            config,
        };
        let daemon = Self(Arc::new(inner));
        daemon.reload().await?;
        daemon.tasks.spawn(notices::run(daemon.clone(), announced));
        let saving = receive::run(daemon.clone(), queue, Handle::current());
        Ok((daemon, saving))
    }
}

/// Opens the store and brings it up to date; a file that cannot be used is named.
async fn open_store(config: &Config) -> Result<Store, StartError> {
    let open = async {
        let store = Store::open(&reload::store_at(config)).await?;
        store.migrate().await.map(|()| store)
    };
    open.await.map_err(|error| match &config.store {
        StoreAddress::Sqlite(file) => {
            StartError::Machine(format!("store {}: {error}", file.display()))
        }
        StoreAddress::Postgres(_) => StartError::Store(error),
    })
}

impl Inner {
    /// What an administrator decided about this node.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The folder of recordings and media.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The connection of this key and its carrier.
    pub fn link(&self, connection: &str) -> Option<Link> {
        self.links.get(connection).cloned()
    }

    /// The organisation and its flows as they are now.
    pub fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// The organisation as it is now.
    pub fn directory(&self) -> Arc<Directory> {
        self.world.load().directory.clone()
    }

    /// The time, for whoever has no other source of it.
    pub fn now(&self) -> Timestamp {
        crate::ambient::now()
    }

    pub(crate) fn seed(&self) -> u64 {
        crate::ambient::seed()
    }

    /// What changes on people's pages, from now on.
    pub fn live(&self) -> broadcast::Receiver<Notice> {
        self.live.subscribe()
    }

    /// Ends when the daemon begins to stop: streams end, no new work is begun.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// By what a repeat of an event is known, over all connections.
    pub fn dedupe(connection: &str, key: &str) -> [u8; 16] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(connection.as_bytes());
        context.update(&[0]);
        context.update(key.as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&context.finish().as_ref()[..16]);
        short
    }

    /// Tells pages, here and on other nodes, that something on them changed.
    pub(crate) fn announce(&self, notice: Notice) {
        if let Some(shared) = &self.shared_live {
            // A full queue loses freshness, no row.
            let _ = shared.try_send(notice.clone());
        }
        self.hear(notice);
    }

    /// Tells the pages of this node.
    fn hear(&self, notice: Notice) {
        // Nobody may be looking.
        let _ = self.live.send(notice);
    }

    fn wake_outbox(&self) {
        self.outbox_due.notify_one();
    }

    fn wake_jobs(&self) {
        self.work_due.notify_one();
        self.requests_due.notify_one();
    }

    /// Ends when nothing will be received any more.
    async fn drained(&self) {
        self.drained.cancelled().await;
    }
}

/// What decisions know of a configuration alone: its connections and the compliance words in force.
///
/// # Errors
/// Every wrong setting, at its place in the file.
pub fn world_of(config: &Config) -> Result<World, StartError> {
    links(config).map(|links| first_world(&links, config.words.clone(), config.smtp.is_some()))
}

/// The same where no configuration is at hand: there is a mail server, and a number's connection is of the kind that
/// it is named for, else of the first kind there is, with the settings that a connection has by itself.
pub fn world_without_config(directory: &Directory) -> World {
    let link = |key: &str| {
        let carrier = carrier::by_kind(key).or_else(|| carrier::ALL.first().copied())?;
        let connection = Arc::new(Connection::new(key, carrier.name(), ""));
        Some((
            key.to_owned(),
            Link {
                connection,
                carrier,
            },
        ))
    };
    let keys = directory.numbers().map(|number| number.connection.as_str());
    first_world(
        &keys.filter_map(link).collect(),
        ComplianceWords::everywhere().clone(),
        true,
    )
}

/// Whether every connection's settings are what its carrier needs.
///
/// # Errors
/// Every wrong setting, at its place in the file.
pub fn check_connections(config: &Config) -> Result<(), StartError> {
    links(config).map(|_| ())
}

/// Each connection with its carrier; every wrong setting is told at its place in the file.
fn links(config: &Config) -> Result<HashMap<String, Link>, StartError> {
    let (mut links, mut findings) = (HashMap::new(), Vec::new());
    for connection in &config.connections {
        let finding = |setting: &str, words: String| Finding {
            connection: connection.key.clone(),
            setting: setting.to_owned(),
            words,
            hide: false,
        };
        let Some(carrier) = carrier::by_kind(&connection.kind) else {
            findings.push(finding(
                "kind",
                format!("no carrier is called {:?}", connection.kind),
            ));
            continue;
        };
        let wrong = carrier.settings(connection).err().unwrap_or_default();
        findings.extend(wrong.into_iter().map(|fault| Finding {
            hide: fault.hide,
            ..finding(&fault.setting, fault.words)
        }));
        links.insert(
            connection.key.clone(),
            Link {
                connection: Arc::new(connection.clone()),
                carrier,
            },
        );
    }
    config
        .judge(findings)
        .map_err(|problems| StartError::Config(problems.to_string()))?;
    Ok(links)
}

/// The world before the organisation is read.
fn first_world(links: &HashMap<String, Link>, words: ComplianceWords, email: bool) -> World {
    let facts = |link: &Link| ConnectionFacts {
        opt_out: match link.connection.opt_out {
            OptOut::Us => OptOutBy::Us,
            OptOut::Carrier => OptOutBy::Carrier,
        },
        legs_max: u32::try_from(link.carrier.capabilities().dial_legs_max).unwrap_or(1),
        calls_per_second: link.connection.calls_per_second,
        rate: link.connection.rate,
    };
    World {
        connections: Arc::new(
            links
                .iter()
                .map(|(key, link)| (key.clone(), facts(link)))
                .collect(),
        ),
        words: Arc::new(words),
        email,
        ..World::default()
    }
}

fn mailer(config: &Config) -> Result<Option<Mailer>, crate::net::mail::MailError> {
    let relay = |smtp: &crate::config::Smtp| Relay {
        host: smtp.host.clone(),
        port: smtp.port,
        protection: match smtp.tls {
            SmtpTls::Start => Protection::StartTls,
            SmtpTls::Wrapped => Protection::Wrapped,
            SmtpTls::None => Protection::None,
        },
        credentials: smtp.credentials.clone(),
        from: smtp.from.clone(),
        timeout: std::time::Duration::from_secs(config.limits.email_seconds),
    };
    config
        .smtp
        .as_ref()
        .map(|smtp| Mailer::new(&relay(smtp)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in-the-way");
        std::fs::write(&file, "no folder, no store").unwrap();
        let config = || {
            let listen = crate::config::Listen::default();
            Config::demo(folder.path(), listen, "http://127.0.0.1:1", "token").unwrap()
        };
        let told = async |config: Config| Daemon::open(config).await.err().unwrap().to_string();
        let mut wrong = config();
        wrong.blobs.clone_from(&file);
        let words = told(wrong).await;
        assert!(
            words.starts_with(&format!("blobs {}: ", file.display())),
            "{words}"
        );
        let mut wrong = config();
        wrong.store = StoreAddress::Sqlite(file.clone());
        let words = told(wrong).await;
        assert!(
            words.starts_with(&format!("store {}: ", file.display())),
            "{words}"
        );
        let mut wrong = config();
        wrong.redis = Some(secrecy::SecretString::from("nowhere"));
        let words = told(wrong).await;
        assert!(words.starts_with("redis: "), "{words}");
    }
}
