//! Holidays out of an iCalendar file (RFC 5545), as offices and schools publish them.

use jiff::ToSpan;
use jiff::civil::Date;

use super::HOLIDAYS_MAX;

/// Days of one entry, such as a school's winter break.
const ENTRY_DAYS_MAX: i32 = 100;

/// A day taken from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcsDay {
    /// As a calendar's `holidays` have it: `2026-12-25`, or `12-25` for one of every year.
    pub holiday: String,
    /// What the file calls it.
    pub name: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ics {
    /// Whole days, in the file's order; at most a thousand.
    pub days: Vec<IcsDay>,
    /// Entries left out: their times of day, rules or dates say more than a holiday can, or they last longer than a holiday does.
    pub left_out: Vec<String>,
}

#[derive(Default)]
struct Entry {
    start: Option<String>,
    end: Option<String>,
    rule: Option<String>,
    name: String,
}

/// Reads the whole days of a file.
pub fn read_ics(text: &str) -> Ics {
    let mut found = Ics::default();
    let mut entry: Option<Entry> = None;
    for line in unfolded(text) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let word = name.split(';').next().unwrap_or(name).to_ascii_uppercase();
        match (word.as_str(), &mut entry) {
            ("BEGIN", _) if value.trim().eq_ignore_ascii_case("VEVENT") => {
                entry = Some(Entry::default());
            }
            ("END", Some(_)) if value.trim().eq_ignore_ascii_case("VEVENT") => {
                if let Some(entry) = entry.take() {
                    take(&mut found, entry);
                }
            }
            ("DTSTART", Some(entry)) => entry.start = Some(value.trim().to_owned()),
            ("DTEND", Some(entry)) => entry.end = Some(value.trim().to_owned()),
            ("RRULE", Some(entry)) => entry.rule = Some(value.trim().to_ascii_uppercase()),
            ("SUMMARY", Some(entry)) => entry.name = plain(value),
            _ => {}
        }
    }
    found
}

/// Lines, those put together that were folded.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// A text without its escapes, on one line.
fn plain(value: &str) -> String {
    let text = value.replace("\\n", " ").replace("\\N", " ");
    text.replace('\\', "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn take(found: &mut Ics, entry: Entry) {
    match days(&entry) {
        Some(days) if found.days.len() + days.len() <= HOLIDAYS_MAX => {
            let name = |holiday| IcsDay {
                holiday,
                name: entry.name.clone(),
            };
            found.days.extend(days.into_iter().map(name));
        }
        _ if found.left_out.len() < HOLIDAYS_MAX => found.left_out.push(entry.name),
        _ => {}
    }
}

/// The holidays of an entry; none when it is more than whole days.
fn days(entry: &Entry) -> Option<Vec<String>> {
    let first = date(entry.start.as_deref()?)?;
    // The end is the day after the last.
    let end = match &entry.end {
        Some(end) => date(end)?,
        None => first.tomorrow().ok()?,
    };
    let count = first.until(end).ok()?.get_days().max(1);
    if count > ENTRY_DAYS_MAX {
        return None;
    }
    let days = (0..count).filter_map(|days| first.checked_add(days.days()).ok());
    match entry.rule.as_deref().map(is_every_year) {
        None => Some(days.map(|day| day.to_string()).collect()),
        Some(true) => Some(days.map(|day| day.strftime("%m-%d").to_string()).collect()),
        Some(false) => None,
    }
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 8).then(|| Date::strptime("%Y%m%d", text).ok())?
}

/// Whether a rule says no more than "on this day of every year".
fn is_every_year(rule: &str) -> bool {
    let mut parts = rule.split(';').filter(|part| !part.is_empty());
    parts.all(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name {
            "FREQ" => value == "YEARLY",
            "INTERVAL" => value == "1",
            // These repeat what the first day says already.
            "BYMONTH" | "BYMONTHDAY" => !value.contains([',', '-']),
            "WKST" => true,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_are_taken_and_the_rest_is_told() {
        let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261226\r\nSUMMARY:Christmas\\, for\r\n  all\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:New Year\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261230\r\nDTEND;VALUE=DATE:20270102\r\nSUMMARY:Break\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART:20260601T090000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260119\r\nRRULE:FREQ=YEARLY;BYDAY=3MO\r\nSUMMARY:Third Monday\r\nEND:VEVENT\r\n\
            END:VCALENDAR\r\n";
        let found = read_ics(file);
        let days: Vec<_> = found
            .days
            .iter()
            .map(|day| (day.holiday.as_str(), day.name.as_str()))
            .collect();
        assert_eq!(
            days,
            [
                ("2026-12-25", "Christmas, for all"),
                ("01-01", "New Year"),
                ("2026-12-30", "Break"),
                ("2026-12-31", "Break"),
                ("2027-01-01", "Break"),
            ]
        );
        assert_eq!(found.left_out, ["Meeting", "Third Monday"]);
    }

    #[test]
    fn what_is_no_calendar_is_nothing() {
        for text in [
            "",
            "BEGIN:VEVENT",
            "END:VEVENT\nDTSTART:1",
            "\n \n",
            "BEGIN:VEVENT\nDTSTART:20261332\nEND:VEVENT",
        ] {
            assert!(read_ics(text).days.is_empty(), "{text:?}");
        }
    }
}
