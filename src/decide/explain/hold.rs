//! What a text of ours costs, and what would hold it: the questions of its dispatch, asked ahead.

use serde::Serialize;

use crate::decide::{Cx, contact};
use crate::model::account::{Account, Beyond, Number, PlanUnit};
use crate::model::calendar::{month, zone};
use crate::model::consent::Verdict;
use crate::model::people::Contact;
use crate::model::text::{Segments, forces_ucs2, segments};
use crate::model::turn::{Need, Thread, Usage, Write};
use crate::model::{Message, MessageKind, Party, Timestamp};
use crate::policy::allowance::{About, Allowance, Facts, PlanUse, Reason, Window, allowance};
use crate::policy::budget::{Budget, LoopBudget};

/// A text of ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// Why it exists.
    pub kind: MessageKind,
    /// To whom, when it is not who texts or calls.
    pub to: Option<String>,
    /// Its words.
    pub text: String,
    /// What it costs: alphabet, units, segments.
    #[serde(flatten)]
    pub cost: Segments,
    /// The first character that GSM-7 lacks, so that the whole text needs UCS-2.
    pub forces_ucs2: Option<Forcing>,
    /// What would become of it at its dispatch.
    pub fate: Fate,
}

/// A character that makes a text cost more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forcing {
    /// It.
    pub character: char,
    /// Its code point, as `U+2019`.
    pub code: String,
    /// Its place in the text, from 1.
    pub place: usize,
}

/// What would become of a text at its dispatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// `send`, `email`, `hold` or `refuse`.
    pub verdict: &'static str,
    /// Why it does not simply go.
    pub reason: Option<Reason>,
    /// Until when it is held.
    pub until: Option<Timestamp>,
}

/// What any text to this phone would meet now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Texting {
    /// What would become of an automatic answer of one segment.
    pub fate: Fate,
    /// The account's plan.
    pub plan: PlanTold,
    /// The budget of automatic answers.
    pub budget: BudgetTold,
    /// How fast texts may leave, in the order in which it is asked.
    pub rates: Vec<RateTold>,
    /// The sending hours, which hold for texts that answer nobody.
    pub window: WindowTold,
}

/// The account's sending hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowTold {
    /// The calendar; nothing where texts leave at any hour.
    pub calendar: Option<String>,
    /// Whether a text that answers nobody would leave now.
    pub open: bool,
    /// When it would, when not now and ever.
    pub opens_at: Option<Timestamp>,
}

/// How a plan stands, without the texts of this event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanTold {
    /// What it counts.
    pub unit: PlanUnit,
    /// How many a month; nothing when there is no limit.
    pub monthly: Option<u32>,
    /// How many are used; nothing when that is not known here.
    pub used: Option<u32>,
    /// How many are left, of a plan with a limit and where it is known.
    pub left: Option<u32>,
    /// How many the texts of this event take.
    pub takes: u32,
    /// What happens beyond the limit.
    pub beyond: Beyond,
    /// When the next month begins.
    pub renews_at: Timestamp,
}

/// How the budget of automatic answers stands, without those of this event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetTold {
    /// Sent in the last minute.
    pub minute: usize,
    /// The most of a minute.
    pub minute_max: usize,
    /// Sent in the last hour.
    pub hour: usize,
    /// The most of an hour.
    pub hour_max: usize,
    /// When the next one fits, when none does now.
    pub until: Option<Timestamp>,
}

/// A rate that texts keep to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateTold {
    /// Whose: `account`, `number` or `connection`.
    pub of: &'static str,
    /// How many a second.
    pub per_second: f64,
    /// What is counted.
    pub counts: PlanUnit,
}

/// Where the texts of an event would go out from.
pub(super) struct From<'a> {
    pub(super) account: &'a Account,
    pub(super) number: &'a Number,
    pub(super) thread: &'a Thread,
    pub(super) party: &'a Party,
    pub(super) contact: Option<&'a Contact>,
    /// The ledger's verdict after the event.
    pub(super) consent: Verdict,
}

/// The texts that a decision makes, and what any text would meet.
///
/// # Errors
/// What must be known first.
pub(super) fn judged(cx: &Cx<'_>, from: &From<'_>) -> Result<(Vec<Reply>, Texting), Vec<Need>> {
    let (now, account) = (cx.at.now, from.account);
    let zone = zone(&account.zone).ok();
    let month = zone.map(|zone| month(&zone, now));
    let key = (account.id, month.as_ref().map_or(0, |month| month.key));
    let known = cx.state.usage.get(&key);
    let known = *known.ok_or_else(|| vec![Need::Usage(key.0, key.1)])?;
    let mut used = known.unwrap_or_default();
    let renews_at = month.map_or(now, |month| month.ends_at);
    let plan = |used: Usage, segments: u16| {
        PlanUse::of(
            &account.plan,
            (used.messages, used.segments),
            segments,
            renews_at,
        )
    };
    let before = plan(used, 1);
    let (mut replies, mut takes) = (Vec::new(), 0);
    for message in ours(cx) {
        let plan = plan(used, message.segments);
        let fate = Fate::of(cx, from, message, plan);
        if fate.verdict == "send" {
            takes += plan.needs;
            used.messages += 1;
            used.segments += u64::from(message.segments);
        }
        replies.push(Reply::of(message, from.party, fate));
    }
    let texting = Texting {
        fate: Fate::of_any(cx, from, before),
        plan: PlanTold {
            unit: account.plan.unit,
            monthly: before.limit,
            used: known.map(|_| before.used),
            left: known.and_then(|_| before.left()),
            takes,
            beyond: before.beyond,
            renews_at,
        },
        budget: BudgetTold::of(&from.thread.lately.automated(), now),
        rates: rates(cx, from),
        window: WindowTold::of(account, now),
    };
    Ok((replies, texting))
}

/// The texts of ours that the decision makes.
fn ours<'t>(cx: &'t Cx<'_>) -> impl Iterator<Item = &'t Message> {
    cx.turn.writes.iter().filter_map(|write| match write {
        Write::Message(message) if message.kind != MessageKind::Inbound => Some(&**message),
        _ => None,
    })
}

impl Reply {
    fn of(message: &Message, party: &Party, fate: Fate) -> Self {
        let forced = forces_ucs2(&message.text).map(|(character, place)| Forcing {
            character,
            code: format!("U+{:04X}", u32::from(character)),
            place,
        });
        Self {
            kind: message.kind,
            to: (message.party != *party).then(|| message.party.to_string()),
            text: message.text.clone(),
            cost: segments(&message.text),
            forces_ucs2: forced,
            fate,
        }
    }
}

impl Fate {
    fn of(cx: &Cx<'_>, from: &From<'_>, message: &Message, plan: PlanUse) -> Self {
        let own = message.party == *from.party;
        // Of somebody else the flow's step has judged before it made the text.
        let consent = if own { from.consent } else { Verdict::Unknown };
        let contact = from.contact.filter(|_| own);
        Self::told(
            cx,
            from,
            &message.party,
            message.kind,
            contact,
            consent,
            plan,
        )
    }

    /// Of an automatic answer that is not made.
    fn of_any(cx: &Cx<'_>, from: &From<'_>, plan: PlanUse) -> Self {
        let kind = MessageKind::Automated;
        let fate = Self::told(cx, from, from.party, kind, from.contact, from.consent, plan);
        let sent = &from.thread.lately.automated();
        match LoopBudget::default().check(sent, cx.at.now) {
            Budget::Exhausted { .. } if fate.verdict == "send" => {
                Self::from(Allowance::Refuse(Reason::BudgetExhausted))
            }
            _ => fate,
        }
    }

    fn told(
        cx: &Cx<'_>,
        from: &From<'_>,
        party: &Party,
        kind: MessageKind,
        contact: Option<&Contact>,
        consent: Verdict,
        plan: PlanUse,
    ) -> Self {
        let text = About {
            kind,
            account: from.account,
            number: from.number,
            party,
            textable: contact::textable(contact, party),
            consent,
            email: cx.world.email && contact.is_some_and(|contact| contact.email.is_some()),
        };
        Self::from(allowance(&Facts::of(&text, plan, cx.at.now)))
    }

    /// For people; nothing when it simply goes.
    pub(super) fn words(&self) -> Option<String> {
        let reason = self.reason?.words();
        let until = self
            .until
            .map_or_else(String::new, |at| format!(" until {at}"));
        Some(match self.verdict {
            "email" => format!("{reason}: it goes by e-mail"),
            "hold" => format!("{reason}: it waits{until}"),
            _ => format!("{reason}: it is not sent"),
        })
    }
}

impl std::convert::From<Allowance> for Fate {
    fn from(allowance: Allowance) -> Self {
        let (verdict, reason, until) = match allowance {
            Allowance::Send => ("send", None, None),
            Allowance::Email(reason) => ("email", Some(reason), None),
            Allowance::Hold(until, reason) => ("hold", Some(reason), Some(until)),
            Allowance::Refuse(reason) => ("refuse", Some(reason), None),
        };
        Self {
            verdict,
            reason,
            until,
        }
    }
}

impl WindowTold {
    fn of(account: &Account, now: Timestamp) -> Self {
        let window = Window::of_text(account, MessageKind::Unprompted, now);
        let key = account.plan.hours.clone();
        Self {
            calendar: key.filter(|_| window != Window::Any),
            open: !matches!(window, Window::Closed { .. }),
            opens_at: match window {
                Window::Closed { next_open } => next_open,
                Window::Any | Window::Open => None,
            },
        }
    }
}

impl BudgetTold {
    fn of(sent: &[Timestamp], now: Timestamp) -> Self {
        let budget = LoopBudget::default();
        let (hour, minute) = LoopBudget::used(sent, now);
        Self {
            minute,
            minute_max: budget.texts_per_minute_max,
            hour,
            hour_max: budget.texts_per_hour_max,
            until: match budget.check(sent, now) {
                Budget::Left => None,
                Budget::Exhausted { until } => Some(until),
            },
        }
    }
}

fn rates(cx: &Cx<'_>, from: &From<'_>) -> Vec<RateTold> {
    let told = |of, counts| {
        move |per_second| RateTold {
            of,
            per_second,
            counts,
        }
    };
    let connection = cx.world.connections.get(&from.number.connection);
    let account = Some(from.account.plan.rate).map(told("account", PlanUnit::Messages));
    let number = from.number.rate.map(told("number", PlanUnit::Segments));
    let connection = connection.map(|facts| facts.rate);
    let connection = connection.map(told("connection", PlanUnit::Segments));
    account
        .into_iter()
        .chain(number)
        .chain(connection)
        .collect()
}
