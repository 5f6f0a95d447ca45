//! May this text go now? Asked when it is dispatched, whatever was true when it was queued.
//!
//! The order of the questions is the order of what cannot be mended: a number or phone that cannot take part, a person
//! who opted out, the clock, the plan. The window is asked before the plan because a text that waits until
//! tomorrow may find a new month's plan there.

use serde::{Deserialize, Serialize};

use crate::model::consent::Verdict;
use crate::model::{MessageKind, Timestamp};

/// Everything known about one text at its dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Why the text exists.
    pub kind: MessageKind,
    /// Our number can send (it is no placeholder).
    pub number_active: bool,
    /// The recipient is a phone, and one that may be texted.
    pub textable: bool,
    /// What the ledger says, over every scope that applies.
    pub consent: Verdict,
    /// The sending window.
    pub window: Window,
    /// The account's plan.
    pub plan: PlanUse,
    /// An e-mail address of the contact is known.
    pub contact_email: bool,
    /// The moment of dispatch.
    pub now: Timestamp,
}

/// The sending window at the moment of dispatch. Texts that answer the person at once (a member's reply, a compliance
/// confirmation, a flow that answers) have [`Window::Any`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// No window applies.
    Any,
    /// Inside it.
    Open,
    /// Outside; it opens then, or never.
    Closed {
        /// The next opening.
        next_open: Option<Timestamp>,
    },
}

/// How much of the plan is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanUse {
    /// Messages or segments a month; nothing when unlimited.
    pub limit: Option<u32>,
    /// Used so far this month, in the same unit, this text not included.
    pub used: u32,
    /// What this text uses.
    pub needs: u32,
    /// What happens beyond the limit.
    pub beyond: Beyond,
    /// When the next month of the plan begins.
    pub renews_at: Timestamp,
}

/// What happens to a text beyond the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// It goes by e-mail where an address is known, else it is refused.
    #[default]
    Email,
    /// It waits for the next month.
    Hold,
    /// It is refused.
    Refuse,
}

/// What is to be done with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Send it.
    Send,
    /// Send it by e-mail instead.
    Email(Reason),
    /// Ask again then.
    Hold(Timestamp, Reason),
    /// Never send it.
    Refuse(Reason),
}

/// Why a text does not go as a text; a closed list whose codes are kept in the store and in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Our number is a placeholder.
    NumberInactive,
    /// The recipient is no phone that may be texted.
    NotTextable,
    /// The person opted out.
    OptedOut,
    /// Outside the sending window.
    OutsideWindow,
    /// The month's plan is used up.
    PlanExhausted,
    /// The bot-loop budget is used up.
    BudgetExhausted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::NumberInactive,
        Self::NotTextable,
        Self::OptedOut,
        Self::OutsideWindow,
        Self::PlanExhausted,
        Self::BudgetExhausted,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NumberInactive => "number_inactive",
            Self::NotTextable => "not_textable",
            Self::OptedOut => "opted_out",
            Self::OutsideWindow => "outside_window",
            Self::PlanExhausted => "plan_exhausted",
            Self::BudgetExhausted => "budget_exhausted",
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// For staff, as the beginning of a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NumberInactive => "Our number cannot send texts yet",
            Self::NotTextable => "This is no phone that may be texted",
            Self::OptedOut => "The person has opted out of texts",
            Self::OutsideWindow => "It is outside the sending hours",
            Self::PlanExhausted => "The message plan of this month is used up",
            Self::BudgetExhausted => "Too many automatic answers went to this person in a short time",
        }
    }
}

impl Allowance {
    /// For staff: a whole sentence on the thread; nothing when the text simply goes.
    pub fn words(self) -> Option<String> {
        let (reason, done) = match self {
            Self::Send => return None,
            Self::Email(reason) => (reason, "it went by e-mail"),
            Self::Hold(_, reason) => (reason, "it waits"),
            Self::Refuse(Reason::OptedOut | Reason::PlanExhausted | Reason::NotTextable) => {
                let reason = match self {
                    Self::Refuse(reason) => reason,
                    _ => Reason::OptedOut,
                };
                (reason, "it was not sent")
            }
            Self::Refuse(reason) => (reason, "it was not sent"),
        };
        Some(format!("{}: {done}.", reason.words()))
    }
}

/// Decides about one text. What only an e-mail could mend (no textable phone, opted out, a plan that says so) goes by e-mail
/// when an address is known; a compliance confirmation never does, because it answers a text.
pub fn allowance(facts: &Facts) -> Allowance {
    if !facts.number_active {
        return Allowance::Refuse(Reason::NumberInactive);
    }
    if !facts.textable {
        return email_or_refuse(facts, Reason::NotTextable);
    }
    if facts.consent == Verdict::Out && facts.kind != MessageKind::Compliance {
        return email_or_refuse(facts, Reason::OptedOut);
    }
    if let Window::Closed { next_open } = facts.window {
        return hold_or_refuse(facts, next_open, Reason::OutsideWindow);
    }
    if facts.plan.is_exhausted() {
        return beyond(facts);
    }
    Allowance::Send
}

impl PlanUse {
    /// Whether this text would pass the limit. In wide numbers, so that no sum can wrap.
    pub fn is_exhausted(&self) -> bool {
        let after = u64::from(self.used) + u64::from(self.needs);
        self.limit.is_some_and(|limit| after > u64::from(limit))
    }
}

fn beyond(facts: &Facts) -> Allowance {
    let reason = Reason::PlanExhausted;
    match facts.plan.beyond {
        Beyond::Email => email_or_refuse(facts, reason),
        Beyond::Hold => hold_or_refuse(facts, Some(facts.plan.renews_at), reason),
        Beyond::Refuse => Allowance::Refuse(reason),
    }
}

fn email_or_refuse(facts: &Facts, reason: Reason) -> Allowance {
    if facts.contact_email && facts.kind != MessageKind::Compliance {
        Allowance::Email(reason)
    } else {
        Allowance::Refuse(reason)
    }
}

/// A hold needs a moment that lies ahead, or the text would be asked for again at once and for ever. A
/// confirmation is never held: hours later it answers nothing.
fn hold_or_refuse(facts: &Facts, until: Option<Timestamp>, reason: Reason) -> Allowance {
    match until {
        Some(until) if until > facts.now && facts.kind != MessageKind::Compliance => {
            Allowance::Hold(until, reason)
        }
        _ => Allowance::Refuse(reason),
    }
}
