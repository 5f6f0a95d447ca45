//! A delivery receipt: moves a text's status forward, early, late, repeated or reversed.

use crate::model::turn::{Need, Notice, StatusChange, Write};
use crate::model::{Dlr, Message};

use super::text::opted_out_at_carrier;
use super::{Cx, Decided, by_email};

/// The carrier's own words for "the recipient has opted out" (Twilio).
const OPTED_OUT_CODES: [&str; 1] = ["21610"];

/// Why the thread says that the words went by e-mail.
const OPTED_OUT: &str = "opted_out";

/// Whether a carrier's error says that the recipient has opted out there.
pub fn means_opted_out(code: &str) -> bool {
    OPTED_OUT_CODES.contains(&code)
}

pub(super) fn needs(connection: &str, dlr: &Dlr) -> Vec<Need> {
    vec![match dlr.message {
        Some(message) => Need::Message(message),
        None => Need::MessageByCarrier(connection.to_owned(), dlr.carrier_id.clone()),
    }]
}

pub(super) fn received(cx: &mut Cx<'_>, connection: &str, dlr: &Dlr) -> Decided {
    let Some(message) = find(cx, connection, dlr)? else {
        return cx.ignored("receipt_unmatched");
    };
    cx.rule("receipt");
    cx.turn.account = Some(message.account);
    cx.write(Write::MessageStatus(StatusChange {
        message: message.id,
        status: dlr.status,
        carrier_id: Some(dlr.carrier_id.clone()).filter(|id| !id.is_empty()),
        reason: dlr.error.clone(),
        at: cx.at.now,
    }));
    if dlr
        .error
        .as_deref()
        .is_some_and(|code| OPTED_OUT_CODES.contains(&code))
    {
        let thread = cx.thread(message.number, &message.party)?;
        opted_out_at_carrier(cx, thread, message.number, &message.party);
        // Told again of a text that had come to its end, nothing is mailed again; a refusal of our own sending, which
        // has no carrier's id, comes once.
        if !message.status.is_final() || dlr.carrier_id.is_empty() {
            by_email::send(cx, thread, message, OPTED_OUT);
        }
        cx.turn.account = Some(message.account);
    }
    cx.notice(Notice {
        account: message.account,
        conversation: Some(message.conversation),
        boxes: Vec::new(),
    });
    Ok(())
}

/// By our id in the URL first, by the carrier's id second.
fn find<'a>(cx: &Cx<'a>, connection: &str, dlr: &Dlr) -> Decided<Option<&'a Message>> {
    let state = cx.state;
    let ours = match dlr.message {
        Some(ours) => Some(ours),
        None => {
            let key = (connection.to_owned(), dlr.carrier_id.clone());
            let need = || vec![Need::MessageByCarrier(key.0.clone(), key.1.clone())];
            *state.carrier_messages.get(&key).ok_or_else(need)?
        }
    };
    let Some(ours) = ours else { return Ok(None) };
    let found = state
        .messages
        .get(&ours)
        .ok_or_else(|| vec![Need::Message(ours)])?;
    Ok(found.as_ref())
}
