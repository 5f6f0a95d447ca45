//! Runs that wake by themselves: due ones become events.

use std::time::Duration;

use crate::decide::Input;
use crate::metrics;
use crate::store::NodeScope;

use super::Daemon;

/// How often due timers are looked for: the precision of ringing times and waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Fires due timers until the daemon stops.
pub(super) async fn run(daemon: Daemon) {
    let stopping = daemon.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        fire_due(&daemon).await;
    }
}

async fn fire_due(daemon: &Daemon) {
    let limits = &daemon.config().limits;
    let (most, lease) = (
        u32::try_from(limits.timers_claim_max).unwrap_or(256),
        lease(daemon),
    );
    let due = daemon
        .store()
        .timers_due(NodeScope::daemon(), daemon.now(), most, lease)
        .await;
    let due = match due {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(
                code = error.code(),
                "due timers could not be read; they are looked at again"
            );
            return;
        }
    };
    let fired = due.into_iter().map(|timer| {
        metrics::timers_fired();
        daemon.receive_own(
            "timer",
            Input::Timer {
                run: timer.run,
                call: timer.call,
            },
        )
    });
    // A timer that could not be saved comes again when its lease is over.
    futures_util::future::join_all(fired).await;
}

/// How long claimed work is this node's.
pub(super) fn lease(daemon: &Daemon) -> Duration {
    Duration::from_secs(daemon.config().limits.lease_seconds)
}
