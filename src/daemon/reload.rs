//! The world is swapped whole when the organisation or a flow changed, here or in another process.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::config::{Config, StoreAddress};
use crate::decide::{Flows, World};
use crate::flow::Flow;
use crate::limits::{Limits, Sharing};
use crate::metrics;
use crate::model::directory::Directory;
use crate::store::{FlowRevision, NodeScope, Store, StoreAt, StoreError};

use super::{Daemon, StartError, world_of};

/// Connections to PostgreSQL that one node opens.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;

/// The store that the configuration names.
pub fn store_at(config: &Config) -> StoreAt {
    match &config.store {
        StoreAddress::Sqlite(file) => StoreAt::Sqlite { file: file.clone() },
        StoreAddress::Postgres(url) => StoreAt::Postgres {
            url: url.clone(),
            connections_max: POSTGRES_CONNECTIONS_MAX,
        },
    }
}

/// The rates of this node, shared with others when there is a Redis.
pub(super) fn limits(config: &Config) -> Result<Limits, redis::RedisError> {
    let limits = &config.limits;
    let Some(redis) = &config.redis else {
        return Ok(Limits::local(limits.rate_keys_max));
    };
    let sharing = Sharing {
        share: limits.redis_share_percent as f64 / 100.0,
        timeout: Duration::from_millis(limits.redis_ms),
    };
    Limits::shared(redis.expose_secret(), sharing, limits.rate_keys_max)
}

impl Daemon {
    /// Reads the organisation and the active flows, and every revision that a live run may be on.
    ///
    /// # Errors
    /// The store cannot be read; the old world stays.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let (directory, flows) = read(self.store(), &self.world().flows).await?;
        metrics::directory_version(directory.version as f64);
        let now = self.now();
        // Two that reload at a time keep what either held.
        self.world.rcu(|old| {
            let mut flows = flows.clone();
            flows.keep(&old.flows, now);
            World {
                directory: directory.clone(),
                flows: Arc::new(flows),
                ..World::clone(old)
            }
        });
        Ok(())
    }
}

/// What a store holds, as decisions see it, on top of what the configuration says.
///
/// # Errors
/// The store cannot be read.
pub async fn world(config: &Config, store: &Store) -> Result<World, StartError> {
    let first = world_of(config)?;
    let (directory, flows) = read(store, &first.flows).await?;
    Ok(World {
        directory,
        flows: Arc::new(flows),
        ..first
    })
}

/// The organisation, its active flows, and the revisions of live runs.
async fn read(store: &Store, known: &Flows) -> Result<(Arc<Directory>, Flows), StoreError> {
    let scope = NodeScope::daemon();
    let directory = Arc::new(store.directory(scope).await?);
    let active = store.active_flows(scope).await?.into_iter();
    let live = store.revisions_of_live_runs(scope).await?.into_iter();
    let all = active
        .map(|row| (row, true))
        .chain(live.map(|row| (row, false)));
    let (mut flows, mut seen) = (Flows::default(), HashSet::new());
    for (row, is_active) in all {
        if !seen.insert(row.id) {
            continue;
        }
        // A revision that is loaded already is not checked again: it is immutable.
        let flow = known.revision(row.id);
        if let Some(flow) = flow.or_else(|| checked(&directory, &row)) {
            flows.insert(row.account, row.id, flow, is_active);
        }
    }
    Ok((directory, flows))
}

fn checked(directory: &Directory, row: &FlowRevision) -> Option<Arc<Flow>> {
    let read = Flows::read(directory, &row.yaml);
    let told = read.inspect_err(|faults| {
        let account = directory.account(row.account);
        tracing::error!(
            account = account.map_or("?", |account| account.key.as_str()),
            flow = row.key,
            faults = faults.len(),
            "a published flow cannot be read any more"
        );
    });
    told.ok()
}

/// Looks at the directory's version, so that a change by another process is heard.
pub(super) async fn run(daemon: Daemon) {
    let every = Duration::from_millis(daemon.config().limits.directory_poll_ms);
    let stopping = daemon.stopping();
    let mut failing = false;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let looked = look(&daemon).await;
        match &looked {
            // Told once and not at every look.
            Err(error) if !failing => tracing::warn!(
                code = error.code(),
                "the organisation could not be read again; the last one stays in force"
            ),
            Ok(()) if failing => tracing::info!("the organisation can be read again"),
            _ => {}
        }
        failing = looked.is_err();
    }
}

/// Reloads when the version is another one.
async fn look(daemon: &Daemon) -> Result<(), StoreError> {
    let version = daemon.store().directory_version(NodeScope::daemon()).await;
    if matches!(version, Ok(version) if version == daemon.directory().version) {
        return Ok(());
    }
    let reloaded = match version {
        Ok(_) => daemon.reload().await,
        Err(error) => Err(error),
    };
    metrics::directory_reload(if reloaded.is_ok() { "ok" } else { "failed" });
    reloaded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_cannot_be_asked_is_told_and_counted() {
        let shown = metrics::install();
        let folder = tempfile::tempdir().unwrap();
        let listen = crate::config::Listen::default();
        let mut config =
            Config::demo(folder.path(), listen, "http://127.0.0.1:1", "token").unwrap();
        config.flows = folder.path().join("flows");
        let (daemon, _saving) = Daemon::open(config).await.unwrap();
        assert!(look(&daemon).await.is_ok());
        daemon.store().close().await;
        assert!(look(&daemon).await.is_err());
        let counted = "signalbox_directory_reloads_total{outcome=\"failed\"} ";
        assert!(shown.text().contains(counted));
    }
}
