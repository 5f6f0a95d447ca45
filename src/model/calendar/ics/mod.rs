//! Holidays out of an iCalendar file (RFC 5545), as offices and schools publish them.

mod rule;

use jiff::ToSpan;
use jiff::civil::Date;

use self::rule::{Rule, of_years};
use super::HOLIDAYS_MAX;

/// Days of one entry, such as a school's winter break.
const ENTRY_DAYS_MAX: i32 = 100;

/// A day taken from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcsDay {
    /// As a calendar's `holidays` have it: `2026-12-25`, or `12-25` or `4th thu nov` for one of every year.
    pub holiday: String,
    /// What the file calls it.
    pub name: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ics {
    /// Whole days, in the file's order; at most a thousand.
    pub days: Vec<IcsDay>,
    /// Entries left out, each with the reason: their times of day, rules or dates say more than a holiday can, they last
    /// longer than a holiday does, or they are cancelled.
    pub left_out: Vec<String>,
}

#[derive(Default)]
struct Entry {
    start: Option<String>,
    end: Option<String>,
    /// How long it lasts, where it has no end.
    lasts: Option<String>,
    rules: Vec<String>,
    /// It is taken out by a rule.
    ruled_out: bool,
    name: String,
    /// Days that are taken out of it, and days that are added.
    without: Vec<String>,
    also: Vec<String>,
    /// It does not take place.
    cancelled: bool,
    /// It stands for one day of another entry that repeats.
    moved: bool,
    /// How many parts are open in it, such as an alarm, whose lines are not its own.
    parts: usize,
}

impl Entry {
    /// Takes one line of it.
    fn line(&mut self, word: &str, value: &str) {
        let value = value.trim();
        match word {
            "DTSTART" => self.start = Some(value.to_owned()),
            "DTEND" => self.end = Some(value.to_owned()),
            "DURATION" => self.lasts = Some(value.to_ascii_uppercase()),
            "RRULE" => self.rules.push(value.to_ascii_uppercase()),
            "EXDATE" => self.without.extend(listed(value)),
            "RDATE" => self.also.extend(listed(value)),
            "EXRULE" => self.ruled_out = true,
            "RECURRENCE-ID" => self.moved = true,
            "STATUS" => self.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            "SUMMARY" => self.name = plain(value),
            _ => {}
        }
    }
}

fn listed(value: &str) -> impl Iterator<Item = String> {
    value.split(',').map(|one| one.trim().to_owned())
}

/// Reads the whole days of a file.
pub fn read_ics(text: &str) -> Ics {
    let mut found = Ics::default();
    let mut entry: Option<Entry> = None;
    for line in unfolded(text) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let word = name.split(';').next().unwrap_or(name).to_ascii_uppercase();
        let is_event = value.trim().eq_ignore_ascii_case("VEVENT");
        match (word.as_str(), &mut entry) {
            ("BEGIN", _) if is_event => entry = Some(Entry::default()),
            ("BEGIN", Some(entry)) => entry.parts += 1,
            ("END", Some(_)) if is_event => {
                if let Some(entry) = entry.take() {
                    take(&mut found, entry);
                }
            }
            ("END", Some(entry)) => entry.parts = entry.parts.saturating_sub(1),
            (word, Some(entry)) if entry.parts == 0 => entry.line(word, value),
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
    let why = match days(&entry) {
        Ok(days) if found.days.len() + days.len() <= HOLIDAYS_MAX => {
            let name = |holiday| IcsDay {
                holiday,
                name: entry.name.clone(),
            };
            return found.days.extend(days.into_iter().map(name));
        }
        Ok(_) => "a calendar has at most a thousand holidays",
        Err(why) => why,
    };
    if found.left_out.len() < HOLIDAYS_MAX {
        found.left_out.push(format!("{} ({why})", entry.name));
    }
}

/// The holidays of an entry, or why it is none.
fn days(entry: &Entry) -> Result<Vec<String>, &'static str> {
    match entry {
        Entry {
            cancelled: true, ..
        } => return Err("cancelled"),
        Entry { moved: true, .. } => return Err("one day of an entry that repeats"),
        _ => {}
    }
    let first = entry.start.as_deref().and_then(date).ok_or(NO_DAY)?;
    let lasting = lasts(entry, first)?;
    match entry.rules.as_slice() {
        _ if entry.ruled_out => Err(ODD_RULE),
        [] => single(entry, &[first], lasting),
        [rule] => match Rule::read(rule, first).ok_or(ODD_RULE)? {
            Rule { day, ends: None } => every_year(entry, &day, first, lasting),
            Rule {
                day,
                ends: Some(ends),
            } => match of_years(&day, first, ends) {
                none if none.is_empty() => Err("its rule ends before it begins"),
                begins => single(entry, &begins, lasting),
            },
        },
        [_, _, ..] => Err(ODD_RULE),
    }
}

/// Days that are named by their dates: those on which it begins, with what is added and without what is taken out.
fn single(entry: &Entry, begins: &[Date], lasting: i32) -> Result<Vec<String>, &'static str> {
    let (without, also) = (dates(&entry.without)?, dates(&entry.also)?);
    let begins = begins.iter().copied().chain(also);
    let begins = begins.filter(|first| !without.contains(first));
    let days = begins.flat_map(|first| from(first, lasting));
    Ok(days.map(|day| day.to_string()).collect())
}

/// Days of every year.
fn every_year(
    entry: &Entry,
    day: &str,
    first: Date,
    lasting: i32,
) -> Result<Vec<String>, &'static str> {
    if !entry.without.is_empty() || !entry.also.is_empty() {
        return Err("a day of every year has no year in which it is none");
    }
    let later = |after: i32| format!("{day} +{after}");
    if day != yearly(first) {
        let more = (1..lasting).map(later);
        return Ok([day.to_owned()].into_iter().chain(more).collect());
    }
    let days: Vec<Date> = from(first, lasting).collect();
    let february = days.iter().any(|day| day.month() == 2);
    let over = days.iter().any(|day| day.month() == 3 || day.day() == 29);
    if february && over && days.len() > 1 {
        return Err("it lasts over the end of February, which is not the same day in every year");
    }
    Ok(days.into_iter().map(yearly).collect())
}

fn from(first: Date, lasting: i32) -> impl Iterator<Item = Date> {
    (0..lasting).filter_map(move |days| first.checked_add(days.days()).ok())
}

/// A day of every year as a calendar's `holidays` have it.
fn yearly(day: Date) -> String {
    day.strftime("%m-%d").to_string()
}

const ODD_RULE: &str = "its rule says more than a holiday can";
const NO_DAY: &str = "it has a time of day, or a day that cannot be read";

/// How many days an entry lasts.
fn lasts(entry: &Entry, first: Date) -> Result<i32, &'static str> {
    let count = match (&entry.end, &entry.lasts) {
        // The end is the day after the last.
        (Some(end), _) => date(end).and_then(|end| Some(first.until(end).ok()?.get_days())),
        (None, Some(lasts)) => whole_days(lasts),
        (None, None) => Some(1),
    };
    match count.ok_or("it does not last whole days")? {
        ..0 => Err("it ends before it begins"),
        // Some write the last day itself for the day after it.
        0 => Ok(1),
        count @ 1..=ENTRY_DAYS_MAX => Ok(count),
        _ => Err("it lasts longer than 100 days"),
    }
}

/// The days of a duration that says only days or weeks (`P5D`, `P2W`).
fn whole_days(lasts: &str) -> Option<i32> {
    let rest = lasts.strip_prefix('+').unwrap_or(lasts).strip_prefix('P')?;
    let (count, unit) = match (rest.strip_suffix('D'), rest.strip_suffix('W')) {
        (Some(days), _) => (days, 1),
        (_, Some(weeks)) => (weeks, 7),
        _ => return None,
    };
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    let count: i32 = digits.then(|| count.parse().ok())??;
    count.checked_mul(unit)
}

fn dates(all: &[String]) -> Result<Vec<Date>, &'static str> {
    all.iter().map(|one| date(one).ok_or(NO_DAY)).collect()
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 8).then(|| Date::strptime("%Y%m%d", text).ok())?
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
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260119\r\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=3MO\r\nSUMMARY:Third Monday\r\nEND:VEVENT\r\n\
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
                ("3rd mon jan", "Third Monday"),
            ]
        );
        let meeting = "Meeting (it has a time of day, or a day that cannot be read)";
        assert_eq!(found.left_out, [meeting]);
    }

    /// The days and what is left out, of entries that are written as `KEY:value; KEY:value`.
    fn check(entries: &[&str], days: &[&str], left_out: &[&str]) {
        let mut file = String::new();
        for entry in entries {
            file += &format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", entry.replace("; ", "\n"));
        }
        let found = read_ics(&file);
        let taken: Vec<String> = found
            .days
            .iter()
            .map(|day| format!("{} {}", day.holiday, day.name))
            .collect();
        assert_eq!(
            (taken.as_slice(), found.left_out.as_slice()),
            (
                days.iter()
                    .map(|&day| day.to_owned())
                    .collect::<Vec<_>>()
                    .as_slice(),
                left_out
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>()
                    .as_slice(),
            ),
            "{entries:?}"
        );
    }

    #[test]
    fn single_days_are_taken_out_and_added() {
        let day = "DTSTART;VALUE=DATE:20260601; SUMMARY:Day";
        let with = |more: &str| format!("{day}; {more}");
        check(
            &[&with(
                "RDATE;VALUE=DATE:20260701,20260801; EXDATE;VALUE=DATE:20260701",
            )],
            &["2026-06-01 Day", "2026-08-01 Day"],
            &[],
        );
        check(&[&with("EXDATE:20260601")], &[], &[]);
        // What a day of every year is not in one year cannot be said.
        check(
            &[&with("RRULE:FREQ=YEARLY; EXDATE:20270601")],
            &[],
            &["Day (a day of every year has no year in which it is none)"],
        );
        check(
            &[&with("RDATE:20260701T100000Z")],
            &[],
            &["Day (it has a time of day, or a day that cannot be read)"],
        );
    }

    #[test]
    fn an_entry_may_last_so_long_in_place_of_an_end() {
        let lasting =
            |words: &str| format!("DTSTART;VALUE=DATE:20260601; SUMMARY:Day; DURATION:{words}");
        let three = ["2026-06-01 Day", "2026-06-02 Day", "2026-06-03 Day"];
        check(&[&lasting("P3D")], &three, &[]);
        check(&[&lasting("P1D")], &three[..1], &[]);
        check(
            &[&lasting("PT24H")],
            &[],
            &["Day (it does not last whole days)"],
        );
        check(
            &[&lasting("P15W")],
            &[],
            &["Day (it lasts longer than 100 days)"],
        );
    }

    #[test]
    fn weekdays_of_every_year_are_read() {
        let ruled = |rule: &str| format!("DTSTART;VALUE=DATE:20261126; SUMMARY:Day; RRULE:{rule}");
        for (rule, day) in [
            ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "4th thu nov Day"),
            (
                "FREQ=YEARLY;INTERVAL=1;BYMONTH=5;BYDAY=-1MO;WKST=SU",
                "last mon may Day",
            ),
            (
                "FREQ=YEARLY;BYMONTH=9;BYDAY=MO;BYSETPOS=1",
                "1st mon sep Day",
            ),
            (
                "FREQ=YEARLY;BYSETPOS=+2;BYMONTH=10;BYDAY=MO",
                "2nd mon oct Day",
            ),
        ] {
            check(&[&ruled(rule)], &[day], &[]);
        }
        for rule in [
            "FREQ=YEARLY;BYDAY=4TH",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TH",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH,4FR",
            "FREQ=YEARLY;BYMONTH=11,12;BYDAY=4TH",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=-2TH",
            "FREQ=MONTHLY;BYMONTH=11;BYDAY=4TH",
            "FREQ=YEARLY;COUNT=2;UNTIL=20300101",
            "FREQ=YEARLY;COUNT=two",
            "FREQ=YEARLY;UNTIL=2030",
            "FREQ=WEEKLY",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=2MO;BYSETPOS=1",
            "FREQ=YEARLY; EXRULE:FREQ=YEARLY",
            "FREQ=YEARLY; RRULE:FREQ=YEARLY",
            "INTERVAL=1",
            // Another day than the first one is.
            "FREQ=YEARLY;BYMONTH=7",
            "FREQ=YEARLY;BYMONTHDAY=25",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=é",
        ] {
            check(
                &[&ruled(rule)],
                &[],
                &["Day (its rule says more than a holiday can)"],
            );
        }
        let excepted = format!(
            "EXRULE:FREQ=YEARLY; {}",
            ruled("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=26")
        );
        check(&[&excepted], &[], &[&format!("Day ({ODD_RULE})")]);
        check(
            &[&ruled("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=26")],
            &["11-26 Day"],
            &[],
        );
        let long = format!(
            "{}; DURATION:P2D",
            ruled("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH")
        );
        check(&[&long], &["4th thu nov Day", "4th thu nov +1 Day"], &[]);
    }

    #[test]
    fn a_rule_may_end() {
        let ruled = |more: &str| format!("DTSTART;VALUE=DATE:20261126; SUMMARY:Day; RRULE:{more}");
        let three = ["2026-11-26 Day", "2027-11-26 Day", "2028-11-26 Day"];
        check(&[&ruled("FREQ=YEARLY;COUNT=3")], &three, &[]);
        check(&[&ruled("FREQ=YEARLY;UNTIL=20281126")], &three, &[]);
        check(
            &[&ruled("UNTIL=20281125T235959Z;FREQ=YEARLY")],
            &three[..2],
            &[],
        );
        check(
            &[&ruled("FREQ=YEARLY;COUNT=3; EXDATE:20271126")],
            &[three[0], three[2]],
            &[],
        );
        let fourth = "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2; DURATION:P2D";
        check(
            &[&ruled(fourth)],
            &[
                "2026-11-26 Day",
                "2026-11-27 Day",
                "2027-11-25 Day",
                "2027-11-26 Day",
            ],
            &[],
        );
        let leap = "DTSTART;VALUE=DATE:20240229; SUMMARY:Day; RRULE:FREQ=YEARLY;COUNT=2";
        check(&[leap], &["2024-02-29 Day", "2028-02-29 Day"], &[]);
        let none = ["Day (its rule ends before it begins)"];
        check(&[&ruled("FREQ=YEARLY;COUNT=0")], &[], &none);
        check(&[&ruled("FREQ=YEARLY;UNTIL=20261125")], &[], &none);
        let many = ["Day (a calendar has at most a thousand holidays)"];
        check(&[&ruled("FREQ=YEARLY;COUNT=99999")], &[], &many);
        check(&[&ruled("FREQ=YEARLY;UNTIL=99991231")], &[], &many);
    }

    #[test]
    fn what_does_not_take_place_is_told() {
        let day = "DTSTART;VALUE=DATE:20260601; SUMMARY:Day";
        let status = |word: &str| format!("{day}; STATUS:{word}");
        check(&[&status("cancelled")], &[], &["Day (cancelled)"]);
        check(&[&status("CONFIRMED")], &["2026-06-01 Day"], &[]);
        let moved = format!("{day}; RECURRENCE-ID;VALUE=DATE:20260531");
        check(&[&moved], &[], &["Day (one day of an entry that repeats)"]);
    }

    #[test]
    fn days_that_are_none_are_told() {
        let lasts = |end: &str| format!("DTSTART;VALUE=DATE:20240227; SUMMARY:Day; DTEND:{end}");
        let yearly = |end: &str| format!("{}; RRULE:FREQ=YEARLY", lasts(end));
        check(
            &[&lasts("20240226")],
            &[],
            &["Day (it ends before it begins)"],
        );
        check(&[&lasts("20240227")], &["2024-02-27 Day"], &[]);
        check(&[&yearly("20240229")], &["02-27 Day", "02-28 Day"], &[]);
        let over =
            "Day (it lasts over the end of February, which is not the same day in every year)";
        check(&[&yearly("20240302")], &[], &[over]);
        check(&[&yearly("20240301")], &[], &[over]);
    }

    #[test]
    fn an_alarm_has_words_of_its_own() {
        check(
            &[
                "DTSTART;VALUE=DATE:20260601; SUMMARY:Day; BEGIN:VALARM; SUMMARY:Wake up; DTSTART:20260101T090000Z; END:VALARM",
            ],
            &["2026-06-01 Day"],
            &[],
        );
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
