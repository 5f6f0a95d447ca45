//! Callers who wait in line: served in order, by members as they become free, whatever happens to the daemon.

use signalbox::twin::{LineKind, PhoneAction};

use crate::support::on_both_stores;
use crate::support::stage::{ANA, BEN, Kind, LINE, STRANGER, Stage};

on_both_stores!(
    first_come_first_served_over_a_crash,
    a_caller_asks_to_be_called_back,
);

const SECOND: &str = "+12025550144";
const THIRD: &str = "+12025550145";

/// Ana rings for the first caller and Ben for the second, whom he takes; when that talk is over he rings for the third,
/// though another process decides it than the one that took the call.
async fn first_come_first_served_over_a_crash(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    stage.twin.call(STRANGER, LINE).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    let second = stage.twin.call(SECOND, LINE).unwrap();
    let rang = stage.sees(LineKind::Rings, BEN, "").await.id;
    let third = stage.twin.call(THIRD, LINE).unwrap();
    stage
        .sees(LineKind::Hears, THIRD, "You are number 3 in line")
        .await;
    let count = "SELECT CAST(count(*) AS TEXT) FROM waiting";
    stage.until(count, &[&["3"]]).await;

    stage.twin.phone(BEN, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Hears, BEN, "Press 1").await;
    stage.twin.press_on(BEN, "1").unwrap();
    stage.sees(LineKind::Connected, SECOND, "").await;
    stage.kill();
    stage.restart().await;
    stage.twin.hang_up(&second).unwrap();
    stage.sees_after(rang, LineKind::Ended, SECOND, "").await;

    let again = stage.sees_after(rang, LineKind::Rings, BEN, "").await.id;
    let whose = "SELECT CAST(count(*) AS TEXT), min(c.party) FROM leg l JOIN call c ON c.id = l.call_id \
         WHERE l.status NOT IN ('completed', 'canceled') AND l.phone = '+12025550112'";
    stage.until(whose, &[&["1", THIRD]]).await;
    stage.twin.phone(BEN, PhoneAction::Answer).unwrap();
    stage
        .sees_after(again, LineKind::Hears, BEN, "Press 1")
        .await;
    stage.twin.press_on(BEN, "1").unwrap();
    stage
        .sees_after(again, LineKind::Connected, THIRD, "")
        .await;
    stage.twin.hang_up(&third).unwrap();
    // Ana never picked up: the first caller still waits, alone.
    let waits = "SELECT c.party FROM waiting w JOIN call c ON c.id = w.call_id";
    stage.until(waits, &[&[STRANGER]]).await;
    stage
        .eventually("operators see that one waits", async || {
            stage.metric("signalbox_callers_waiting", &[]).await == 1.0
        })
        .await;
}

async fn a_caller_asks_to_be_called_back(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, LINE).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.twin.press(&call, "9").unwrap();
    stage
        .sees(LineKind::Hears, STRANGER, "We will call you back")
        .await;
    stage.sees(LineKind::Canceled, ANA, "").await;
    stage
        .until("SELECT state FROM conversation", &[&["open"]])
        .await;
    stage
        .until(
            "SELECT status, outcome FROM call",
            &[&["completed", "missed"]],
        )
        .await;
    assert_eq!(stage.rows.count("waiting").await, 0);
}
