//! Keys of repeats and raw events are kept for `dedupe_days`; what is older goes, a little at a time.

use std::time::Duration;

use crate::model::Timestamp;
use crate::store::NodeScope;

use super::Daemon;

/// How often old rows are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);
/// Rows forgotten with one statement, so that no batch waits long for the writer.
const ROWS_MAX: u32 = 5_000;
/// Pause between two such statements.
const PAUSE: Duration = Duration::from_millis(200);

/// Forgets until the daemon stops.
pub(super) async fn run(daemon: Daemon) {
    let stopping = daemon.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let kept = Duration::from_secs(u64::from(daemon.config().limits.dedupe_days) * 86_400);
        let before = daemon.now() - kept;
        if let Err(error) = daemon
            .store()
            .forget_waiting(NodeScope::daemon(), before)
            .await
        {
            tracing::warn!(
                code = error.code(),
                "places in line that were left behind were not forgotten; again later"
            );
        }
        while !stopping.is_cancelled() && round(&daemon, before).await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether there may be more.
async fn round(daemon: &Daemon, before: Timestamp) -> bool {
    let (store, scope) = (daemon.store(), NodeScope::daemon());
    let keys = store.forget_keys(scope, before, ROWS_MAX).await;
    let events = store.forget_events(scope, before, ROWS_MAX).await;
    let full = |gone: &Result<u64, _>| matches!(gone, Ok(rows) if *rows >= u64::from(ROWS_MAX));
    for error in [&keys, &events]
        .into_iter()
        .filter_map(|gone| gone.as_ref().err())
    {
        tracing::warn!(
            code = error.code(),
            "old events were not forgotten; again later"
        );
    }
    full(&keys) || full(&events)
}
