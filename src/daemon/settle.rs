//! Texts of which nobody can say whether they left: looked up in the carrier's own record, never sent again.

use std::time::Duration;

use crate::decide::Input;
use crate::model::connection::OnUnknown;
use crate::model::turn::Need;
use crate::model::{MessageId, MessageStatus, Order, Outcome, Timestamp};
use crate::store::{AttemptOutcome, AttemptResult, NodeScope, UnknownText};

use super::send::{about, carry_out};
use super::{Daemon, Link};

/// How often unknown texts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long after its attempt a text that the carrier has no record of is given up on.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10 * 60);
/// The same where the carrier could not be asked.
const GIVE_UP_UNASKED_AFTER: Duration = Duration::from_secs(24 * 3600);
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
    let Some(link) = daemon.link(&text.connection) else {
        return;
    };
    let sought = seek(daemon, &link, text).await;
    let now = daemon.now();
    match next(sought, now.since(text.attempted_at)) {
        Next::Take(carrier_id, status) => take(daemon, text, carrier_id, status, now).await,
        Next::GiveUp => give_up(daemon, text).await,
        Next::LookAgain => {}
    }
}

/// The carrier's own record of a text, with its id there.
type Record = (String, MessageStatus);

/// What the carrier says of a text; an error when it cannot be asked.
async fn seek(daemon: &Daemon, link: &Link, text: &UnknownText) -> Result<Option<Record>, ()> {
    if !link.carrier.capabilities().finds_texts {
        return Ok(None);
    }
    let message = &text.message;
    let order = Order::FindText {
        message: message.id,
        from: text.number_address.clone(),
        to: message.party.clone(),
        text: message.text.clone(),
        since: text.attempted_at,
    };
    let code = match carry_out(daemon, link, &order).await {
        Ok(Outcome::TextsFound(found)) => return ours(daemon, text, found).await,
        Ok(_) => "unreadable".to_owned(),
        Err(failure) => failure.code,
    };
    tracing::warn!(message = %message.id, %code, "an unknown text could not be looked for");
    Err(())
}

/// The first of the found texts that is no other text of ours: the same words may have gone to the same phone
/// twice.
async fn ours(
    daemon: &Daemon,
    text: &UnknownText,
    found: Vec<Record>,
) -> Result<Option<Record>, ()> {
    let key = |record: &Record| (text.connection.clone(), record.0.clone());
    let needs = found.iter().map(|record| {
        let (connection, carrier_id) = key(record);
        Need::MessageByCarrier(connection, carrier_id)
    });
    let needs: Vec<Need> = needs.collect();
    let looked = daemon
        .store()
        .look(NodeScope::daemon(), &needs, daemon.now());
    let known = looked.await.map_err(drop)?.carrier_messages;
    let of = |record: &Record| known.get(&key(record)).copied().flatten();
    Ok(first_free(found, text.message.id, of))
}

fn first_free(
    found: Vec<Record>,
    message: MessageId,
    of: impl Fn(&Record) -> Option<MessageId>,
) -> Option<Record> {
    let free = |record: &Record| of(record).is_none_or(|owner| owner == message);
    found.into_iter().find(free)
}

/// What follows a look.
#[derive(Debug, PartialEq)]
enum Next {
    /// It was found.
    Take(String, MessageStatus),
    /// Nobody will know.
    GiveUp,
    /// It may still be found.
    LookAgain,
}

/// A carrier that cannot be asked knows more than one that has no record, so it is given longer.
fn next(sought: Result<Option<Record>, ()>, age: Duration) -> Next {
    match sought {
        Ok(Some((carrier_id, status))) => Next::Take(carrier_id, status),
        Ok(None) if age > GIVE_UP_AFTER => Next::GiveUp,
        Err(()) if age > GIVE_UP_UNASKED_AFTER => Next::GiveUp,
        _ => Next::LookAgain,
    }
}

async fn take(
    daemon: &Daemon,
    text: &UnknownText,
    carrier_id: String,
    status: MessageStatus,
    at: Timestamp,
) {
    let message = &text.message;
    let outcome = AttemptOutcome {
        message: message.id,
        attempt: message.attempts,
        at,
        result: AttemptResult::Accepted { carrier_id, status },
    };
    let saved = daemon.store().attempted(NodeScope::daemon(), vec![outcome]);
    if saved.await.is_ok() {
        tracing::info!(message = %message.id, "an unknown text was found in the carrier's record");
        daemon.announce(about(message));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;

    fn record(id: &str) -> Record {
        (id.to_owned(), MessageStatus::Sent)
    }

    #[test]
    fn the_record_of_another_text_is_passed_over() {
        let mut ids = Ids::new(Timestamp::default(), 1);
        let (this, other): (MessageId, MessageId) = (ids.fresh(), ids.fresh());
        let of = |(id, _): &Record| match id.as_str() {
            "other" => Some(other),
            "this" => Some(this),
            _ => None,
        };
        for (found, expected) in [
            (vec![], None),
            (vec!["other"], None),
            (vec!["other", "free", "more"], Some("free")),
            (vec!["this", "free"], Some("this")),
        ] {
            let found = found.into_iter().map(record).collect();
            let got = first_free(found, this, of);
            assert_eq!(got, expected.map(record));
        }
    }

    #[test]
    fn who_cannot_be_asked_has_not_said_no() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let take = Next::Take("SM1".to_owned(), MessageStatus::Sent);
        for (sought, age, expected) in [
            (Ok(Some(record("SM1"))), minutes(1), take),
            (Ok(None), minutes(9), Next::LookAgain),
            (Ok(None), minutes(11), Next::GiveUp),
            (Err(()), minutes(11), Next::LookAgain),
            (Err(()), minutes(23 * 60), Next::LookAgain),
            (Err(()), minutes(25 * 60), Next::GiveUp),
        ] {
            assert_eq!(next(sought, age), expected);
        }
    }
}
