//! A calendar as a person writes it, and what may be wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::holiday::Holiday;

/// Ranges of one day.
pub const DAY_RANGES_MAX: usize = 24;
/// Holidays of one calendar, some years of them.
pub const HOLIDAYS_MAX: usize = 1_000;

/// A calendar as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// IANA name of its time zone; the account's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Days (`mon`, `mon-fri`, `sat, sun`) and their ranges (`"09:00-12:30"`, or a list of such).
    #[serde(default)]
    pub open: BTreeMap<String, DayRanges>,
    /// `2026-12-25`, `12-25` for every year, `easter+1`, `4th thu nov`; `observed` behind it moves a weekend's to the
    /// Friday before or the Monday after.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// Hours of single dates in place of all the above: `2026-12-24` and its ranges, none when closed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dates: BTreeMap<String, DayRanges>,
}

/// The ranges of a day: one text or a list of texts; nothing means closed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct DayRanges(pub Vec<String>);

/// What is wrong with a calendar; each names the offending part as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// No such time zone.
    #[error("there is no time zone \"{0}\"; expected an IANA name such as America/Chicago")]
    Zone(String),
    /// No such day.
    #[error(
        "\"{0}\" is no day; expected mon, tue, wed, thu, fri, sat or sun, a range such as mon-fri, or a list such as \"sat, sun\""
    )]
    Day(String),
    /// A day under two keys.
    #[error("{day} stands under \"{key}\" and under an earlier key; list all its ranges under one")]
    DayTwice {
        /// The day.
        day: &'static str,
        /// The second key that holds it.
        key: String,
    },
    /// An unreadable range.
    #[error(
        "\"{range}\" under \"{key}\" is no range of hours; expected such as \"09:00-12:30\" or \"20:00-24:00\""
    )]
    Range {
        /// The key of the day.
        key: String,
        /// The range.
        range: String,
    },
    /// Two ranges share a time.
    #[error("\"{first}\" and \"{second}\" overlap")]
    Overlap {
        /// One range, with its day.
        first: String,
        /// The other.
        second: String,
    },
    /// Too many ranges in a day.
    #[error("\"{0}\" has more than {DAY_RANGES_MAX} ranges")]
    TooManyRanges(String),
    /// An unreadable holiday.
    #[error(
        "\"{0}\" is no holiday; expected a date such as 2026-12-25, a day of every year such as 12-25, easter+1, or 4th thu nov"
    )]
    Holiday(String),
    /// An unreadable date.
    #[error("\"{0}\" is no date; expected such as 2026-12-24")]
    Date(String),
    /// Too many holidays.
    #[error("there are more than {HOLIDAYS_MAX} holidays or dates")]
    TooManyHolidays,
}

/// Minutes since the midnight that begins its day; the end is above 1440 when it lies on the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) start: u16,
    pub(super) end: u16,
}

pub(super) const DAY_MINUTES: u16 = 24 * 60;
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The time zone of an IANA name.
pub fn zone(name: &str) -> Result<TimeZone, CalendarError> {
    TimeZone::get(name).map_err(|_| CalendarError::Zone(name.to_owned()))
}

pub(super) fn read_days(
    open: &BTreeMap<String, DayRanges>,
    faults: &mut Vec<CalendarError>,
) -> [Vec<Range>; 7] {
    let mut days: [Option<Vec<Range>>; 7] = Default::default();
    for (key, texts) in open {
        let ranges = read_ranges(key, &texts.0, faults);
        let Some(named) = read_key(key) else {
            faults.push(CalendarError::Day(key.clone()));
            continue;
        };
        for (day, slot) in days.iter_mut().enumerate().filter(|(day, _)| named[*day]) {
            if slot.replace(ranges.clone()).is_some() {
                let (day, key) = (DAYS[day], key.clone());
                faults.push(CalendarError::DayTwice { day, key });
            }
        }
    }
    let days = days.map(Option::unwrap_or_default);
    faults.extend(overlap(&days));
    days
}

/// The days of a key: `mon`, `mon-fri` (also over the weekend: `sat-mon`), or several of these with commas.
fn read_key(key: &str) -> Option<[bool; 7]> {
    let mut named = [false; 7];
    for part in key.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (read_day(from)?, read_day(to)?);
        let length = (to + 7 - from) % 7;
        (0..=length).for_each(|step| named[(from + step) % 7] = true);
    }
    Some(named)
}

fn read_day(text: &str) -> Option<usize> {
    let text = text.trim();
    DAYS.iter().position(|day| text.eq_ignore_ascii_case(day))
}

fn read_ranges(key: &str, texts: &[String], faults: &mut Vec<CalendarError>) -> Vec<Range> {
    if texts.len() > DAY_RANGES_MAX {
        faults.push(CalendarError::TooManyRanges(key.to_owned()));
        return Vec::new();
    }
    let mut ranges = Vec::with_capacity(texts.len());
    for range in texts {
        match read_range(range) {
            Some(read) => ranges.push(read),
            None => faults.push(CalendarError::Range {
                key: key.to_owned(),
                range: range.clone(),
            }),
        }
    }
    ranges.sort_unstable();
    ranges
}

fn read_range(text: &str) -> Option<Range> {
    let (start, end) = text.split_once(['-', '–'])?;
    let (start, end) = (read_minutes(start)?, read_minutes(end)?);
    let end = if end < start { end + DAY_MINUTES } else { end };
    (start < DAY_MINUTES && start != end).then_some(Range { start, end })
}

/// Minutes since midnight of `9:00`, `09:00` or `24:00`.
fn read_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY_MINUTES).then_some(total)
}

/// The first two ranges of the week that share a time, Sunday night into Monday included.
fn overlap(days: &[Vec<Range>; 7]) -> Option<CalendarError> {
    let week = days.iter().enumerate().flat_map(|(day, ranges)| {
        let midnight = u32::try_from(day).unwrap_or(0) * u32::from(DAY_MINUTES);
        ranges.iter().map(move |range| {
            (
                midnight + u32::from(range.start),
                midnight + u32::from(range.end),
                day,
                *range,
            )
        })
    });
    let mut week: Vec<(u32, u32, usize, Range)> = week.collect();
    week.sort_unstable();
    let (first, last) = (*week.first()?, *week.last()?);
    let around = (
        first.0 + 7 * u32::from(DAY_MINUTES),
        first.1,
        first.2,
        first.3,
    );
    let shown = |entry: (u32, u32, usize, Range)| format!("{} {}", DAYS[entry.2], entry.3);
    let fault = |a, b| CalendarError::Overlap {
        first: shown(a),
        second: shown(b),
    };
    let inside = week.windows(2).find(|pair| pair[0].1 > pair[1].0);
    match inside {
        Some(pair) => Some(fault(pair[0], pair[1])),
        None => (last.1 > around.0).then(|| fault(last, around)),
    }
}

pub(super) fn read_holidays(texts: &[String], faults: &mut Vec<CalendarError>) -> Vec<Holiday> {
    if texts.len() > HOLIDAYS_MAX {
        faults.push(CalendarError::TooManyHolidays);
        return Vec::new();
    }
    let mut holidays = Vec::with_capacity(texts.len());
    for text in texts {
        match Holiday::read(text) {
            Some(holiday) => holidays.push(holiday),
            None => faults.push(CalendarError::Holiday(text.clone())),
        }
    }
    holidays
}

/// Dates with hours of their own.
pub(super) fn read_dates(
    dates: &BTreeMap<String, DayRanges>,
    faults: &mut Vec<CalendarError>,
) -> BTreeMap<Date, Vec<Range>> {
    if dates.len() > HOLIDAYS_MAX {
        faults.push(CalendarError::TooManyHolidays);
        return BTreeMap::new();
    }
    let mut read = BTreeMap::new();
    for (key, texts) in dates {
        let ranges = read_ranges(key, &texts.0, faults);
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].end > pair[1].start) {
            faults.push(CalendarError::Overlap {
                first: format!("{key} {}", pair[0]),
                second: format!("{key} {}", pair[1]),
            });
        }
        match Date::strptime("%Y-%m-%d", key.trim()) {
            Ok(date) => drop(read.insert(date, ranges)),
            Err(_) => faults.push(CalendarError::Date(key.clone())),
        }
    }
    read
}

/// As it would be written.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            end if end > DAY_MINUTES => end - DAY_MINUTES,
            end => end,
        };
        let (start, end) = ((self.start / 60, self.start % 60), (end / 60, end % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", start.0, start.1, end.0, end.1)
    }
}

/// By hand, because an untagged choice would answer a slip with "did not match any variant".
impl<'de> Deserialize<'de> for DayRanges {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DayRangesVisitor)
    }
}

struct DayRangesVisitor;

impl<'de> Visitor<'de> for DayRangesVisitor {
    type Value = DayRanges;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a range such as \"09:00-12:30\" or a list of ranges")
    }

    fn visit_str<E: de::Error>(self, range: &str) -> Result<DayRanges, E> {
        Ok(DayRanges(vec![range.to_owned()]))
    }

    fn visit_unit<E: de::Error>(self) -> Result<DayRanges, E> {
        Ok(DayRanges::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<DayRanges, A::Error> {
        let mut ranges = Vec::new();
        while let Some(range) = seq.next_element()? {
            if ranges.len() > DAY_RANGES_MAX {
                return Err(de::Error::invalid_length(ranges.len(), &self));
            }
            ranges.push(range);
        }
        Ok(DayRanges(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Calendar;
    use super::*;

    #[test]
    fn faults_name_the_part() {
        let table = [
            (
                r#"{ zone: America/Chicgo }"#,
                "there is no time zone \"America/Chicgo\"",
            ),
            (r#"{ open: { mond: "09:00-10:00" } }"#, "\"mond\" is no day"),
            (
                r#"{ open: { mon-fri: ["09:00-10:00"], wed: "11:00-12:00" } }"#,
                "wed stands under \"wed\"",
            ),
            (
                r#"{ open: { "mon, mon-tue": "9-10" } }"#,
                "\"9-10\" under \"mon, mon-tue\" is no range",
            ),
            (
                r#"{ open: { mon: "09:00-24:30" } }"#,
                "\"09:00-24:30\" under \"mon\"",
            ),
            (
                r#"{ open: { mon: "24:00-02:00" } }"#,
                "\"24:00-02:00\" under \"mon\"",
            ),
            (
                r#"{ open: { mon: "09:00-09:00" } }"#,
                "\"09:00-09:00\" under \"mon\"",
            ),
            (
                r#"{ open: { mon: "09:60-10:00" } }"#,
                "\"09:60-10:00\" under \"mon\"",
            ),
            (
                r#"{ open: { mon: ["09:00-12:30", "12:00-13:00"] } }"#,
                "\"mon 09:00-12:30\" and \"mon 12:00-13:00\" overlap",
            ),
            (
                r#"{ open: { sun: "22:00-06:00", mon: "05:00-09:00" } }"#,
                "\"sun 22:00-06:00\" and \"mon 05:00-09:00\" overlap",
            ),
            (
                r#"{ open: { mon: "22:00-06:00", tue: "05:00-09:00" } }"#,
                "\"mon 22:00-06:00\" and \"tue 05:00-09:00\" overlap",
            ),
            (
                r#"{ holidays: [25.12.2026] }"#,
                "\"25.12.2026\" is no holiday",
            ),
            (
                r#"{ holidays: [2026-02-30] }"#,
                "\"2026-02-30\" is no holiday",
            ),
            (
                r#"{ dates: { 12-24: "09:00-12:00" } }"#,
                "\"12-24\" is no date",
            ),
            (
                r#"{ dates: { 2026-12-24: "9" } }"#,
                "\"9\" under \"2026-12-24\"",
            ),
            (
                r#"{ dates: { 2026-12-24: ["09:00-12:00", "11:00-13:00"] } }"#,
                "\"2026-12-24 09:00-12:00\" and \"2026-12-24 11:00-13:00\" overlap",
            ),
        ];
        for (yaml, want) in table {
            let faults =
                Calendar::new(&serde_yaml::from_str(yaml).unwrap(), &TimeZone::UTC).unwrap_err();
            let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert!(shown[0].starts_with(want), "{yaml} {shown:?}");
        }
        let slip =
            serde_yaml::from_str::<CalendarSpec>("{ open: { mon: { from: 9 } } }").unwrap_err();
        assert!(slip.to_string().contains("a range such as"), "{slip}");
        assert!(serde_yaml::from_str::<CalendarSpec>("{ opne: {} }").is_err());
    }

    #[test]
    fn keys_name_days() {
        let table = [
            ("mon", [true, false, false, false, false, false, false]),
            ("Sat-Mon", [true, false, false, false, false, true, true]),
            ("sat, sun", [false, false, false, false, false, true, true]),
            ("mon,wed-fri", [true, false, true, true, true, false, false]),
        ];
        for (key, days) in table {
            assert_eq!(read_key(key), Some(days), "{key}");
        }
    }
}
