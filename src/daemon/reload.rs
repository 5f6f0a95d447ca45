//! The world is swapped whole when the organisation or a flow changed, here or in another process.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::config::{Config, StoreAddress};
use crate::decide::{Flows, World};
use crate::flow::{self, DirectoryNames, Flow};
use crate::limits::{Limits, Sharing};
use crate::metrics;
use crate::model::directory::Directory;
use crate::model::{AccountId, RevisionId};
use crate::store::{NodeScope, StoreAt, StoreError};

use super::Daemon;

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
        let scope = NodeScope::daemon();
        let directory = Arc::new(self.store().directory(scope).await?);
        let flows = self.load_flows(&directory).await?;
        metrics::directory_version(directory.version as f64);
        let old = self.world();
        self.world.store(Arc::new(World {
            directory,
            flows: Arc::new(flows),
            ..World::clone(&old)
        }));
        Ok(())
    }

    /// A revision that is loaded already is not checked again: it is immutable.
    async fn load_flows(&self, directory: &Directory) -> Result<Flows, StoreError> {
        let scope = NodeScope::daemon();
        let old = self.world().flows.clone();
        let mut flows = Flows::default();
        let active = self.store().active_flows(scope).await?;
        let live = self.store().revisions_of_live_runs(scope).await?;
        let mut seen: HashSet<RevisionId> = HashSet::new();
        let all = active
            .into_iter()
            .map(|row| (row, true))
            .chain(live.into_iter().map(|row| (row, false)));
        for (row, is_active) in all {
            if !seen.insert(row.id) {
                continue;
            }
            let known = old.revision(row.id);
            let read = || checked(directory, row.account, &row.key, &row.yaml);
            if let Some(flow) = known.or_else(read) {
                flows.insert(row.account, row.id, flow, is_active);
            }
        }
        Ok(flows)
    }
}

/// A published flow is read again without asking whom it names: people may have left since.
fn checked(directory: &Directory, account: AccountId, key: &str, yaml: &str) -> Option<Arc<Flow>> {
    let loose = || flow::check(key, yaml, &flow::NoNames);
    let names: Vec<_> = Vec::new();
    let strict = flow::check(key, yaml, &DirectoryNames::new(directory, names));
    match strict.or_else(|_| loose()) {
        Ok(checked) => Some(Arc::new(checked.flow)),
        Err(faults) => {
            let account = directory
                .account(account)
                .map_or("?", |account| account.key.as_str());
            tracing::error!(
                account,
                flow = key,
                faults = faults.len(),
                "a published flow cannot be read any more"
            );
            None
        }
    }
}

/// Looks at the directory's version, so that a change by another process is heard.
pub(super) async fn run(daemon: Daemon) {
    let every = Duration::from_millis(daemon.config().limits.directory_poll_ms);
    let stopping = daemon.stopping();
    let mut flow_warned: HashMap<&'static str, bool> = HashMap::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let changed = match daemon.store().directory_version(NodeScope::daemon()).await {
            Ok(version) => version != daemon.directory().version,
            Err(_) => continue,
        };
        if !changed {
            continue;
        }
        let reloaded = daemon.reload().await;
        metrics::directory_reload(if reloaded.is_ok() { "ok" } else { "failed" });
        let failed = reloaded.is_err();
        if failed && flow_warned.insert("reload", true) != Some(true) {
            tracing::warn!("the organisation could not be read again; the last one stays in force");
        }
    }
}
