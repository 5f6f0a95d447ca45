//! May this text go now? Asked when it is dispatched, whatever was true when it was queued.
//!
//! The order of the questions is the order of what cannot be mended: a number or phone that cannot take part, a person
//! who opted out, the clock, the plan. The window is asked before the plan because a text that waits until
//! tomorrow may find a new month's plan there.

use serde::{Deserialize, Serialize};

use crate::model::account::Number;
use crate::model::account::{Account, Beyond, Plan, PlanUnit};
use crate::model::calendar::{Calendar, Hours};
use crate::model::consent::Verdict;
use crate::model::{MessageKind, Party, Timestamp};

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

/// One text, as far as it does not depend on the moment of its dispatch.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Why it exists.
    pub kind: MessageKind,
    /// Whose it is.
    pub account: &'a Account,
    /// Our number.
    pub number: &'a Number,
    /// Whom it goes to.
    pub party: &'a Party,
    /// The phone may be texted, as far as its contact is known.
    pub textable: bool,
    /// What the ledger says, over every scope that applies.
    pub consent: Verdict,
    /// An e-mail could go instead: an address is known, and e-mails leave.
    pub email: bool,
}

impl Facts {
    /// What is known of a text at this moment.
    pub fn of(text: &About<'_>, plan: PlanUse, now: Timestamp) -> Self {
        // A confirmation answers a text of this very phone, whatever its contact's entry says.
        let answers = text.kind == MessageKind::Compliance;
        Self {
            kind: text.kind,
            number_active: text.number.active && text.number.sms,
            textable: text.party.can_receive() && (text.textable || answers),
            consent: text.consent,
            window: Window::of_text(text.account, text.kind, now),
            plan,
            contact_email: text.email,
            now,
        }
    }
}

/// The sending window at the moment of dispatch. Texts that answer the person at once, and those a
/// member writes, have [`Window::Any`].
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

impl Window {
    /// The account's sending hours, for a text that they hold for. Without a calendar of this name there are none: the
    /// organisation's file is checked when it comes, and a text must not wait for ever.
    pub fn of_text(account: &Account, kind: MessageKind, now: Timestamp) -> Self {
        let hours = account.plan.hours.as_ref().filter(|_| kind.is_unprompted());
        let calendar = hours.and_then(|key| account.calendars.get(key));
        calendar.map_or(Self::Any, |calendar| Self::of(calendar, now))
    }

    /// The window of a calendar at this moment; a holiday is outside it.
    pub fn of(calendar: &Calendar, now: Timestamp) -> Self {
        match calendar.state(now) {
            Hours::Open => Self::Open,
            Hours::Closed | Hours::Holiday => Self::Closed {
                next_open: calendar.next_open(now),
            },
        }
    }
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
            Self::BudgetExhausted => {
                "Too many automatic answers went to this person in a short time"
            }
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
            Self::Refuse(reason) => (reason, "it was not sent"),
        };
        Some(format!("{}: {done}.", reason.words()))
    }
}

/// Decides about one text. What only an e-mail could mend (no textable phone, opted out, a plan that says so) goes by e-mail
/// when an address is known. A compliance confirmation answers a text, so it goes to those who opted out and
/// at any hour, but never by e-mail, and the plan's limit holds for it as for all.
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
    if let Window::Closed { next_open } = facts.window
        && facts.kind != MessageKind::Compliance
    {
        return hold_or_refuse(facts, next_open, Reason::OutsideWindow);
    }
    if facts.plan.is_exhausted() {
        return beyond(facts);
    }
    Allowance::Send
}

impl PlanUse {
    /// How a text of so many segments stands to a plan of which so many messages and segments are used.
    pub fn of(
        plan: &Plan,
        (messages, segments): (u64, u64),
        needs: u16,
        renews_at: Timestamp,
    ) -> Self {
        let (used, needs) = match plan.unit {
            PlanUnit::Messages => (messages, 1),
            PlanUnit::Segments => (segments, u32::from(needs)),
        };
        Self {
            limit: plan.monthly,
            used: u32::try_from(used).unwrap_or(u32::MAX),
            needs,
            beyond: plan.beyond,
            renews_at,
        }
    }

    /// What is left of the plan before this text; nothing when it has no limit.
    pub fn left(&self) -> Option<u32> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }

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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::calendar::CalendarSpec;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const LATER: Timestamp = Timestamp::from_micros(1_700_000_060_000_000);
    const MONTH: Timestamp = Timestamp::from_micros(1_701_000_000_000_000);

    /// A text that may go; each row spoils it in some way.
    fn good() -> Facts {
        Facts {
            kind: MessageKind::Staff,
            number_active: true,
            textable: true,
            consent: Verdict::Unknown,
            window: Window::Any,
            plan: PlanUse {
                limit: Some(10),
                used: 9,
                needs: 1,
                beyond: Beyond::Email,
                renews_at: MONTH,
            },
            contact_email: true,
            now: NOW,
        }
    }

    fn check(spoil: impl FnOnce(&mut Facts), want: Allowance) {
        let mut facts = good();
        spoil(&mut facts);
        assert_eq!(allowance(&facts), want, "{facts:?}");
    }

    #[test]
    fn what_may_go() {
        use Allowance::{Email, Hold, Refuse, Send};
        use Reason::{NotTextable, NumberInactive, OptedOut, OutsideWindow, PlanExhausted};
        let out = Verdict::Out;
        let closed = |next_open| Window::Closed { next_open };
        check(|_| {}, Send);
        check(|f| f.consent = Verdict::In, Send);
        check(|f| f.number_active = false, Refuse(NumberInactive));
        check(|f| f.textable = false, Email(NotTextable));
        check(
            |f| (f.textable, f.contact_email) = (false, false),
            Refuse(NotTextable),
        );
        check(|f| f.consent = out, Email(OptedOut));
        check(
            |f| (f.consent, f.contact_email) = (out, false),
            Refuse(OptedOut),
        );
        check(
            |f| (f.consent, f.kind) = (out, MessageKind::Compliance),
            Send,
        );
        check(
            |f| (f.consent, f.kind) = (out, MessageKind::Automated),
            Email(OptedOut),
        );
        check(|f| f.window = Window::Open, Send);
        check(
            |f| f.window = closed(Some(LATER)),
            Hold(LATER, OutsideWindow),
        );
        check(|f| f.window = closed(Some(NOW)), Refuse(OutsideWindow));
        check(|f| f.window = closed(None), Refuse(OutsideWindow));
        check(
            |f| (f.window, f.kind) = (closed(Some(LATER)), MessageKind::Compliance),
            Send,
        );
        check(
            |f| (f.window, f.plan.used) = (closed(Some(LATER)), 10),
            Hold(LATER, OutsideWindow),
        );
        check(|f| f.plan.used = 10, Email(PlanExhausted));
        check(|f| f.plan.needs = 2, Email(PlanExhausted));
        check(
            |f| (f.plan.used, f.plan.needs) = (u32::MAX, u32::MAX),
            Email(PlanExhausted),
        );
        check(|f| (f.plan.used, f.plan.limit) = (u32::MAX, None), Send);
        check(
            |f| (f.plan.used, f.contact_email) = (10, false),
            Refuse(PlanExhausted),
        );
        check(
            |f| (f.plan.used, f.plan.beyond) = (10, Beyond::Hold),
            Hold(MONTH, PlanExhausted),
        );
        check(
            |f| (f.plan.used, f.plan.beyond) = (10, Beyond::Refuse),
            Refuse(PlanExhausted),
        );
        check(
            |f| (f.plan.used, f.kind) = (10, MessageKind::Compliance),
            Refuse(PlanExhausted),
        );
        check(|f| (f.consent, f.plan.used) = (out, 10), Email(OptedOut));
    }

    #[test]
    fn a_window_is_a_calendar() {
        let spec: CalendarSpec = serde_json::from_str(r#"{"open":{"wed":"00:00-01:00"}}"#).unwrap();
        let calendar = Calendar::new(&spec, &TimeZone::UTC).unwrap();
        let inside = Timestamp::from_micros(1_700_006_400_000_000);
        let (open, closed) = (Window::of(&calendar, inside), Window::of(&calendar, NOW));
        assert_eq!(open, Window::Open);
        let next_open = Some(inside);
        assert_eq!(closed, Window::Closed { next_open });
    }

    #[test]
    fn reasons_have_stable_codes_and_words() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
        assert_eq!(Reason::from_code("else"), None);
        let said = Allowance::Email(Reason::OptedOut).words();
        assert_eq!(
            said.as_deref(),
            Some("The person has opted out of texts: it went by e-mail.")
        );
        assert_eq!(Allowance::Send.words(), None);
    }
}
