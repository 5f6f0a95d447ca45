//! Texts of which nobody can say whether they left: looked up in the carrier's own record, never sent again.

use std::time::Duration;

use crate::decide::Input;
use crate::model::connection::OnUnknown;
use crate::model::{Order, Outcome};
use crate::store::{AttemptOutcome, AttemptResult, NodeScope, UnknownText};

use super::Daemon;
use super::send::carry_out;

/// How often unknown texts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long after its attempt a text that the carrier has no record of is given up on.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10 * 60);
/// How long until the same text is looked up again.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Texts looked up in one round.
const LOOKED_UP_MAX: u32 = 32;

/// Settles unknown texts until the daemon stops.
pub(super) async fn run(daemon: Daemon) {
    let stopping = daemon.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let scope = NodeScope::daemon();
        if let Ok(left @ 1..) = daemon.store().stale_sending(scope, daemon.now()).await {
            tracing::warn!(
                texts = left,
                "texts of a node that went away are unknown; they are looked up"
            );
        }
        let unknown = daemon
            .store()
            .unknown_texts(scope, daemon.now(), LOOKED_UP_MAX, AGAIN_AFTER)
            .await;
        for text in unknown.unwrap_or_default() {
            look_up(&daemon, &text).await;
        }
    }
}

async fn look_up(daemon: &Daemon, text: &UnknownText) {
    let message = &text.message;
    let Some(link) = daemon.link(&text.connection) else {
        return;
    };
    let order = Order::FindText {
        message: message.id,
        from: text.number_address.clone(),
        to: message.party.clone(),
        text: message.text.clone(),
        since: text.attempted_at,
    };
    let found = match carry_out(daemon, &link, &order).await {
        Ok(Outcome::TextFound(found)) => found,
        _ => None,
    };
    let now = daemon.now();
    if let Some((carrier_id, status)) = found {
        let result = AttemptResult::Accepted { carrier_id, status };
        let outcome = AttemptOutcome {
            message: message.id,
            attempt: message.attempts,
            at: now,
            result,
        };
        if daemon
            .store()
            .attempted(NodeScope::daemon(), vec![outcome])
            .await
            .is_ok()
        {
            tracing::info!(message = %message.id, "an unknown text was found in the carrier's record");
        }
    } else if now.since(text.attempted_at) > GIVE_UP_AFTER {
        give_up(daemon, text).await;
    }
}

/// The connection says what then: it stays unknown, or the words go by e-mail.
async fn give_up(daemon: &Daemon, text: &UnknownText) {
    let message = text.message.id;
    tracing::warn!(%message, "an unknown text stays unknown");
    let link = daemon.link(&text.connection);
    if link.is_some_and(|link| link.connection.on_unknown == OnUnknown::Email) {
        // Told again because it could not be marked as settled, it must not be mailed again.
        let (once, given_up) = (message.to_string(), Input::GivenUp { message });
        let given_up = daemon.receive_once("given_up", Some(&once), given_up);
        if let Err(refused) = given_up.await {
            let reason = refused.reason();
            tracing::warn!(%message, reason, "its words could not be mailed; it is looked up again");
            return;
        }
    }
    let settled = daemon.store().settled(NodeScope::daemon(), vec![message]);
    if let Err(error) = settled.await {
        let code = error.code();
        tracing::warn!(%message, code, "it could not be settled; it is looked up again");
    }
}
