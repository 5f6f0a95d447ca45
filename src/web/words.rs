//! How things are said on the pages: times in the account's zone, phones, statuses and events.

use std::fmt::Write as _;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::model::account::Account;
use crate::model::calendar::{Calendar, Hours};
use crate::model::conversation::ThreadEventKind;
use crate::model::directory::Directory;
use crate::model::{Message, MessageKind, MessageStatus, Party, Timestamp, UserId, Via};
use crate::policy::allowance::Reason;

/// The clock of a page: now, in the account's zone.
pub(crate) struct Clock {
    now: Zoned,
}

/// An instant in the ways a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// For machines (RFC 3339).
    pub(crate) iso: String,
    /// For lists: `now`, `5 min`, `14:05`, `Mon`, `3 Mar`, `3 Mar 2025`.
    pub(crate) short: String,
    /// The time of day.
    pub(crate) clock: String,
    /// `Today, 14:05` or `3 Mar, 14:05`.
    pub(crate) long: String,
    /// All of it, for a tooltip.
    pub(crate) full: String,
    /// The day as a heading, and as an element's id.
    pub(crate) day: String,
    pub(crate) day_key: String,
}

impl Clock {
    /// The clock in this zone (UTC where it is unknown).
    pub(crate) fn new(now: Timestamp, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self {
            now: now.to_jiff().to_zoned(zone),
        }
    }

    /// An instant as seen from now.
    pub(crate) fn stamp(&self, at: Timestamp) -> Stamp {
        let then = at.to_jiff().to_zoned(self.now.time_zone().clone());
        let minutes = (self.now.timestamp().as_second() - then.timestamp().as_second()) / 60;
        let (date, today) = (then.date(), self.now.date());
        let days = (today - date).get_days();
        let format = |form: &str| then.strftime(form).to_string();
        let clock = format("%H:%M");
        let day_short = match date.year() == today.year() {
            true => format("%-d %b"),
            false => format("%-d %b %Y"),
        };
        let day = match days {
            0 => "Today".to_owned(),
            1 => "Yesterday".to_owned(),
            -1 => "Tomorrow".to_owned(),
            _ => format!("{} {day_short}", format("%A")),
        };
        let short = match minutes {
            0 => "now".to_owned(),
            1..60 => format!("{minutes} min"),
            _ if days == 0 => clock.clone(),
            _ if (1..7).contains(&days) => format("%a"),
            _ => day_short.clone(),
        };
        let long = match days {
            -1..=1 => format!("{day}, {clock}"),
            _ => format!("{day_short}, {clock}"),
        };
        Stamp {
            iso: at.to_string(),
            full: format("%A %-d %B %Y, %H:%M:%S %Z"),
            day_key: format("day-%Y-%m-%d"),
            short,
            clock,
            long,
            day,
        }
    }
}

/// A party as people write it: North American numbers in groups, others as they are.
pub(crate) fn party(party: &Party) -> String {
    match party {
        Party::Withheld => "Withheld number".to_owned(),
        Party::Raw(text) => text.clone(),
        _ => number(&party.to_string()),
    }
}

/// One of our numbers as people write it.
pub(crate) fn number(address: &str) -> String {
    match address.strip_prefix("+1").filter(|rest| rest.len() == 10) {
        Some(rest) if rest.is_ascii() => {
            // Blanks that do not break: a number stays on its line.
            format!(
                "+1\u{a0}{}\u{a0}{}\u{a0}{}",
                &rest[..3],
                &rest[3..6],
                &rest[6..]
            )
        }
        _ => address.to_owned(),
    }
}

/// One or two letters for a name's badge.
pub(crate) fn initials(name: &str) -> String {
    let letters = name.split_whitespace().filter_map(|word| {
        let first = word.chars().next()?;
        first.is_alphabetic().then(|| first.to_uppercase())
    });
    let found: String = letters.take(2).flatten().collect();
    match found.is_empty() {
        true => "#".to_owned(),
        false => found,
    }
}

/// The length of a recording: `0:12`.
pub(crate) fn length(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Which way a text of ours went, or why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The picture's name in `icons.svg`.
    pub(crate) icon: &'static str,
    /// `good`, `warn`, `bad` or nothing.
    pub(crate) tone: &'static str,
    /// What it means, with the reason.
    pub(crate) words: String,
}

/// The way of a text; nothing for one that came in.
pub(crate) fn way(message: &Message, on: &Clock) -> Option<Way> {
    use MessageStatus::{
        Accepted, Canceled, Delivered, Expired, Failed, Held, Queued, Received, Refused, Sending,
        Sent, Undelivered, Unknown,
    };
    if message.kind == MessageKind::Inbound || message.status == Received {
        return None;
    }
    let by_email = message.via == Via::Email;
    let (icon, tone, base) = match message.status {
        Refused => ("refused", "bad", "Not sent"),
        Failed if by_email => ("failed", "bad", "The e-mail in its place failed"),
        Failed => ("failed", "bad", "Failed"),
        Undelivered => ("failed", "bad", "Not delivered"),
        Expired => ("refused", "bad", "Not sent: it waited too long"),
        Canceled => ("refused", "", "Taken back"),
        Held => ("waiting", "warn", "Waits"),
        Queued | Sending if by_email => ("email", "", "Going by e-mail"),
        Queued | Sending => ("waiting", "", "On its way"),
        _ if by_email => ("email", "warn", "Sent by e-mail, not as a text"),
        Unknown => (
            "unknown",
            "warn",
            "Maybe sent: the carrier's answer was lost",
        ),
        Accepted | Sent => ("sent", "", "Sent as text"),
        Delivered | Received => ("delivered", "good", "Delivered as text"),
    };
    let until = message.due_at.filter(|_| message.status == Held);
    let base = match until {
        Some(until) => format!("{base} until {}", lower_first(&on.stamp(until).long)),
        None => base.to_owned(),
    };
    let reason = message.reason.as_deref().map(reason);
    let words = match reason {
        Some(reason) => format!("{base}: {reason}"),
        None => base,
    };
    Some(Way { icon, tone, words })
}

/// What a calendar says now, and until when it is not open.
pub(crate) fn hours(calendar: &Calendar, now: Timestamp, on: &Clock) -> String {
    let state = match calendar.state(now) {
        Hours::Open => return "open".to_owned(),
        Hours::Closed => "closed",
        Hours::Holiday => "closed for a holiday",
    };
    match calendar.next_open(now) {
        Some(opens) => format!("{state} until {}", lower_first(&on.stamp(opens).long)),
        None => state.to_owned(),
    }
}

/// A reason's code in words; a code without words is shown as it is, spaced.
pub(crate) fn reason(code: &str) -> String {
    match Reason::from_code(code) {
        Some(reason) => lower_first(reason.words()),
        None => code.replace('_', " "),
    }
}

fn lower_first(words: &str) -> String {
    let mut chars = words.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// Who did something; a flow or the person outside has no name here.
pub(crate) fn who(directory: &Directory, user: Option<UserId>) -> Option<String> {
    let user = user?;
    let name = directory.user(user).map(|user| user.name.clone());
    Some(name.unwrap_or_else(|| "Somebody who has left".to_owned()))
}

/// A thread event in words, and what was written along with it.
pub(crate) fn event(
    directory: &Directory,
    account: &Account,
    by: Option<UserId>,
    kind: &ThreadEventKind,
) -> (String, Option<String>) {
    use ThreadEventKind as Kind;
    let route = |to| directory.route_name(account.id, to);
    let by = who(directory, by);
    let did = |verb: &str, alone: &str| match &by {
        Some(name) => format!("{name} {verb}"),
        None => alone.to_owned(),
    };
    match kind {
        Kind::Posted { to, note } => (format!("Came into the box of {}", route(*to)), note.clone()),
        Kind::Assigned { to, note } => {
            let mut words = did("assigned it to ", "Assigned to ");
            words.push_str(&route(*to));
            (words, note.clone())
        }
        Kind::NotAssigned { reason: code } => (
            format!("Nobody could take it: {}", self::reason(code)),
            None,
        ),
        Kind::Completed => (did("completed it", "Completed"), None),
        Kind::Closed => (did("closed it", "Closed"), None),
        Kind::Reopened => (did("opened it again", "Opened again"), None),
        Kind::OptedOut => (opted(&by, "opted out of texts from this number"), None),
        Kind::OptedIn => (opted(&by, "opted in to texts again"), None),
        Kind::RevocationSuspected => ("This text reads like a wish to stop".to_owned(), None),
        Kind::ByEmail { reason: code, .. } => (
            format!("A text went by e-mail: {}", self::reason(code)),
            None,
        ),
        Kind::Refused { reason: code, .. } => {
            (format!("A text was not sent: {}", self::reason(code)), None)
        }
        Kind::Called { outcome, user, .. } => (called(directory, outcome, *user), None),
        Kind::VoicemailLeft { .. } => ("A voicemail was left".to_owned(), None),
        Kind::CallRecorded { blob, seconds, .. } => (recorded(blob.is_some(), *seconds), None),
        Kind::FlowStopped { reason, .. } => (
            "The flow could not go on and left it to people".to_owned(),
            Some(reason.clone()),
        ),
        Kind::Note { text } => (did("wrote a note", "Note"), Some(text.clone())),
    }
}

fn recorded(here: bool, seconds: u32) -> String {
    match here {
        true => format!("The call was recorded ({})", length(seconds)),
        false => "The call was recorded, but its recording could not be fetched".to_owned(),
    }
}

fn opted(by: &Option<String>, verb: &str) -> String {
    let mut words = format!("The person {verb}");
    if let Some(name) = by {
        let _ = write!(words, " (recorded by {name})");
    }
    words
}

fn called(directory: &Directory, outcome: &str, user: Option<UserId>) -> String {
    match outcome {
        "answered" => match who(directory, user) {
            Some(name) => format!("Called; {name} answered"),
            None => "Called and was answered".to_owned(),
        },
        "voicemail" => "Called and reached the voicemail".to_owned(),
        "missed" => "Missed call".to_owned(),
        "rejected" => "Called and was turned away".to_owned(),
        _ => "Called".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_said_as_seen_from_now() {
        let at = |text: &str| Timestamp::from_jiff(text.parse().unwrap());
        let clock = Clock::new(at("2026-03-04T20:00:00Z"), "America/Chicago");
        for (then, short, long) in [
            ("2026-03-04T20:00:00Z", "now", "Today, 14:00"),
            ("2026-03-04T19:55:00Z", "5 min", "Today, 13:55"),
            ("2026-03-04T16:05:00Z", "10:05", "Today, 10:05"),
            ("2026-03-04T05:00:00Z", "Tue", "Yesterday, 23:00"),
            ("2026-03-01T18:00:00Z", "Sun", "1 Mar, 12:00"),
            ("2026-02-01T18:00:00Z", "1 Feb", "1 Feb, 12:00"),
            ("2025-12-31T18:00:00Z", "31 Dec 2025", "31 Dec 2025, 12:00"),
            ("2026-03-05T15:00:00Z", "5 Mar", "Tomorrow, 09:00"),
        ] {
            let stamp = clock.stamp(at(then));
            assert_eq!((&stamp.short[..], &stamp.long[..]), (short, long), "{then}");
        }
    }

    #[test]
    fn a_held_text_says_until_when_it_waits() {
        let mut ids = crate::model::Ids::new(Timestamp::default(), 1);
        let held: Message = serde_json::from_value(serde_json::json!({
            "id": ids.fresh::<crate::model::MessageId>(), "account": ids.fresh::<crate::model::AccountId>(),
            "conversation": ids.fresh::<crate::model::ConversationId>(),
            "number": ids.fresh::<crate::model::NumberId>(), "party": "+12025550143", "kind": "unprompted",
            "text": "Soon", "media": [], "status": "held", "via": "text", "segments": 1,
            "carrier_id": null, "reason": "outside_window", "author": null, "run": null, "contact": null,
            "event": null, "created_at": 0, "due_at": 9_i64 * 3_600_000_000, "attempts": 0,
        }))
        .unwrap();
        let way = way(&held, &Clock::new(Timestamp::default(), "UTC")).unwrap();
        assert_eq!(
            way.words,
            "Waits until today, 09:00: it is outside the sending hours"
        );
    }

    #[test]
    fn what_calendars_say() {
        let yaml = "open: { mon-fri: '09:00-17:00' }\nholidays: [2026-12-25]\n";
        let spec = serde_yaml::from_str(yaml).unwrap();
        let chicago = TimeZone::get("America/Chicago").unwrap();
        let calendar = Calendar::new(&spec, &chicago).unwrap();
        for (at, expected) in [
            ("2026-12-24T16:00:00Z", "open"),
            ("2026-12-24T13:00:00Z", "closed until today, 09:00"),
            (
                "2026-12-25T18:00:00Z",
                "closed for a holiday until 28 Dec, 09:00",
            ),
        ] {
            let now = Timestamp::from_jiff(at.parse().unwrap());
            let clock = Clock::new(now, "America/Chicago");
            assert_eq!(hours(&calendar, now, &clock), expected, "{at}");
        }
    }

    #[test]
    fn people_and_phones_are_easy_to_read() {
        let shown = party(&Party::read("+12025550143"));
        assert_eq!(shown.replace('\u{a0}', " "), "+1 202 555 0143");
        assert_eq!(party(&Party::read("+442079460000")), "+442079460000");
        assert_eq!(party(&Party::read("anonymous")), "Withheld number");
        assert_eq!(number("74454"), "74454");
        assert_eq!(initials("Ana María Ruiz"), "AM");
        assert_eq!(initials("+1 202"), "#");
        assert_eq!(initials(""), "#");
        assert_eq!(length(75), "1:15");
    }
}
