//! Faults that a test asks for: lost answers, refusals, odd receipts, double delivery.

use serde::{Deserialize, Serialize};

/// What goes wrong on purpose. A control request replaces the whole set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// So many of the next sends are taken, but the connection is closed without an answer.
    pub lose_answer_of_next_send: u32,
    /// So many of the next orders to place or change a leg are carried out, but the connection is closed
    /// without an answer.
    pub lose_answer_of_next_call: u32,
    /// The next send is refused with this status and carrier code; it is not taken.
    pub answer_next_send_with: Option<Refusal>,
    /// The next placed leg is refused likewise.
    pub answer_next_call_with: Option<Refusal>,
    /// Every answer to a send waits so many real milliseconds, at most [`DELAY_MS_MAX`].
    pub delay_ms: u64,
    /// How receipts are sent.
    pub receipts: Receipts,
    /// Every webhook is delivered twice at the same time, with the same idempotency token.
    pub deliver_twice: bool,
}

/// Milliseconds that an answer is held back, at most.
pub const DELAY_MS_MAX: u64 = 60_000;

/// A refusal of the REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The carrier's code, for instance 20429.
    pub code: u32,
}

/// How receipts are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipts {
    /// `sent`, then `delivered`, after the answer.
    #[default]
    Normal,
    /// None at all.
    Off,
    /// `delivered`, then `sent`.
    Reversed,
    /// Each of them twice.
    Repeated,
    /// Both before the answer to the send.
    Early,
    /// `sent`, then `undelivered` with 30003.
    Undelivered,
    /// `failed` with 30007.
    Failed,
}

impl Receipts {
    /// The statuses in the order of sending, each with its error code.
    pub(super) fn plan(self) -> &'static [(&'static str, Option<u32>)] {
        match self {
            Self::Normal | Self::Early => &[("sent", None), ("delivered", None)],
            Self::Off => &[],
            Self::Reversed => &[("delivered", None), ("sent", None)],
            Self::Repeated => &[
                ("sent", None),
                ("sent", None),
                ("delivered", None),
                ("delivered", None),
            ],
            Self::Undelivered => &[("sent", None), ("undelivered", Some(30_003))],
            Self::Failed => &[("failed", Some(30_007))],
        }
    }
}
