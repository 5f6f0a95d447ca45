//! Recorded calls through a changed flow, as a daemon has recorded them.

use signalbox::twin::{LineKind, PhoneAction};

use crate::support::on_both_stores;
use crate::support::stage::{ANA, Kind, SHARED, STRANGER, Stage};

on_both_stores!(a_call_that_was_taken_is_followed_whatever_came_before);

fn flow(connected: &str) -> String {
    format!(
        "flow: together\naccount: college\non: call\nsteps:\n  line:\n    queue: {{ group: billing, max_wait: 15s, ring: 5s, order: least_recent }}\n    then: {{ connected: {connected}, timeout: end }}\n"
    )
}

/// A caller waits to the end, and calls again: whoever has rested first takes the call.
async fn a_call_that_was_taken_is_followed_whatever_came_before(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.publish("together.yaml", &flow("end")).await;
    stage.twin.call(STRANGER, SHARED).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    let ended = stage.sees(LineKind::Ended, STRANGER, "").await.id;
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    let rung = "SELECT phone FROM leg WHERE status IN ('queued', 'ringing')";
    stage
        .eventually("somebody rings", async || {
            !stage.rows.column(rung).await.is_empty()
        })
        .await;
    let phone = stage.rows.column(rung).await.remove(0);
    stage.sees_after(ended, LineKind::Rings, &phone, "").await;
    stage.twin.phone(&phone, PhoneAction::Answer).unwrap();
    stage.sees_after(ended, LineKind::Listens, &phone, "").await;
    stage.twin.press_on(&phone, "1").unwrap();
    stage
        .sees_after(ended, LineKind::Connected, STRANGER, "")
        .await;
    stage.twin.hang_up(&call).unwrap();
    let outcomes = "SELECT outcome FROM call ORDER BY id";
    stage.until(outcomes, &[&["missed"], &["answered"]]).await;

    let finer = flow("fine") + "  fine:\n    inbox: { group: billing }\n    next: end\n";
    std::fs::write(stage.folder().join("finer.yaml"), finer).unwrap();
    let config = stage.config();
    let told = stage.run(&["flow", "replay", "finer.yaml", "--config", &config]);
    let expected = "together: 2 calls and threads, 1 as before, 1 elsewhere\n     1 after line: fine instead of end\n";
    assert!(told.starts_with(expected), "{told}");
}
