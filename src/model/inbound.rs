//! What a carrier's webhook means, and the key by which its repeats are known.

use serde::{Deserialize, Serialize};

use super::{CallEvent, CallEventKind, Dlr, Hook, Mo};

/// One thing that a carrier told us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inbound {
    /// A text from a phone.
    Message(Mo),
    /// A delivery receipt.
    Receipt(Dlr),
    /// Something happened to a call or a leg.
    Call(CallEvent),
}

impl Inbound {
    /// The key under which a second delivery of the same event is recognised, unique inside a connection:
    /// `mo:<id>`, `dlr:<status>:<id>` or `call:<hook>:<k or carrier id>[:<what>]`. Keys pressed are not
    /// part of it: a second answer to the same turn comes too late, whatever it says.
    pub fn dedupe(&self, hook: Hook) -> String {
        match self {
            Self::Message(mo) => format!("mo:{}", mo.carrier_id),
            Self::Receipt(dlr) => format!("dlr:{}:{}", dlr.status.as_str(), dlr.carrier_id),
            Self::Call(event) => call_key(event, hook),
        }
    }
}

/// The carrier may report several things about one key on one hook; the last part tells them apart.
fn call_key(event: &CallEvent, hook: Hook) -> String {
    let about = match (&event.kind, event.key) {
        (CallEventKind::RecordingReady { recording, .. }, _)
        | (CallEventKind::TalkRecorded { recording, .. }, _)
        | (CallEventKind::Transcribed { recording, .. }, _) => recording.clone(),
        (_, Some(key)) => key.to_string(),
        (_, None) => event.carrier_id.clone(),
    };
    let what = match &event.kind {
        CallEventKind::Recorded { .. } => ":recorded".to_owned(),
        CallEventKind::Resumed => ":resumed".to_owned(),
        CallEventKind::Screen {
            digits: Some(_), ..
        } => ":digits".to_owned(),
        CallEventKind::Status { status, .. } => format!(":{}", status.as_str()),
        CallEventKind::LegStatus { status, sequence } => {
            let sequence = sequence.map(|at| format!(".{at}")).unwrap_or_default();
            format!(":{}{sequence}", status.as_str())
        }
        _ => String::new(),
    };
    format!("call:{}:{about}{what}", hook.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallStatus, CallbackKey, Ids, Timestamp};

    fn call(key: Option<CallbackKey>, kind: CallEventKind, hook: Hook) -> String {
        let carrier_id = "CA1".to_owned();
        Inbound::Call(CallEvent {
            key,
            carrier_id,
            kind,
        })
        .dedupe(hook)
    }

    fn screen(digits: Option<&str>) -> CallEventKind {
        CallEventKind::Screen {
            digits: digits.map(str::to_owned),
            machine: false,
            unsure: false,
        }
    }

    #[test]
    fn repeats_share_a_key_and_other_events_do_not() {
        let mut ids = Ids::new(Timestamp::from_micros(1_700_000_000_000_000), 1);
        let turn = CallbackKey::Call(ids.fresh(), 2);
        let leg = CallbackKey::Leg(ids.fresh());
        let digits = |digits: &str| CallEventKind::Digits {
            digits: digits.to_owned(),
        };
        assert_eq!(
            call(Some(turn), digits("1"), Hook::Gather),
            call(Some(turn), digits("2"), Hook::Gather)
        );
        assert_eq!(
            call(Some(leg), screen(Some("1")), Hook::Screen),
            call(Some(leg), screen(Some("2")), Hook::Screen)
        );
        assert_ne!(
            call(Some(leg), screen(None), Hook::Screen),
            call(Some(leg), screen(Some("1")), Hook::Screen)
        );
        let recorded = CallEventKind::Recorded {
            duration_s: 1,
            recording: None,
            url: None,
            caller_gone: false,
        };
        assert_ne!(
            call(Some(turn), recorded, Hook::Call),
            call(Some(turn), CallEventKind::Resumed, Hook::Call)
        );
        let status = |status, sequence| CallEventKind::LegStatus { status, sequence };
        assert_ne!(
            call(Some(leg), status(CallStatus::Ringing, Some(1)), Hook::Leg),
            call(Some(leg), status(CallStatus::Busy, Some(2)), Hook::Leg)
        );
        assert_eq!(
            call(None, CallEventKind::HoldAsked, Hook::Hold),
            "call:hold:CA1"
        );
    }
}
