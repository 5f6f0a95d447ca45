//! Opening hours: several ranges a day, holidays, a time zone of their own.
//!
//! Times are wall-clock times. When the clocks go back, a time that occurs twice means its first occurrence, so that
//! a range never closes and opens again in between: `22:00-02:00` is then five hours long. When they go
//! forward, a time that is skipped means the moment of the jump: `02:30-10:00` opens at what has become
//! three o'clock, and `02:15-02:45` does not open at all that day.
//!
//! A range whose end is not after its start runs past midnight and belongs to the day on which it begins. A
//! holiday lasts from midnight to midnight: its own ranges do not open, and what began the day before ends there.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::Timestamp;

/// How far ahead the next opening is looked for; a year and what a long closure adds.
pub const AHEAD_DAYS_MAX: i32 = 400;
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
    /// Dates such as `2026-12-25`.
    #[serde(default)]
    pub holidays: Vec<String>,
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
    /// An unreadable date.
    #[error("\"{0}\" is no date; expected such as 2026-12-25")]
    Holiday(String),
    /// Too many holidays.
    #[error("there are more than {HOLIDAYS_MAX} holidays")]
    TooManyHolidays,
}

/// What a calendar says about a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, DeriveDeserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    /// Inside a range.
    Open,
    /// Outside.
    Closed,
    /// On a holiday, whatever the time of day.
    Holiday,
}

/// A checked calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    /// By weekday from Monday; sorted and disjoint.
    days: [Vec<Range>; 7],
    /// Sorted.
    holidays: Vec<Date>,
}

/// Minutes since the midnight that begins its day; the end is above 1440 when it lies on the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    start: u16,
    end: u16,
}

const DAY_MINUTES: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The time zone of an IANA name.
pub fn zone(name: &str) -> Result<TimeZone, CalendarError> {
    TimeZone::get(name).map_err(|_| CalendarError::Zone(name.to_owned()))
}

impl Calendar {
    /// Checks what a person wrote; all faults are found at once.
    pub fn new(spec: &CalendarSpec, account_zone: &TimeZone) -> Result<Self, Vec<CalendarError>> {
        let mut faults = Vec::new();
        let zone = match spec.zone.as_deref().map(zone) {
            None => account_zone.clone(),
            Some(Ok(zone)) => zone,
            Some(Err(fault)) => {
                faults.push(fault);
                TimeZone::UTC
            }
        };
        let days = read_days(&spec.open, &mut faults);
        let holidays = read_holidays(&spec.holidays, &mut faults);
        if faults.is_empty() {
            Ok(Self {
                zone,
                days,
                holidays,
            })
        } else {
            Err(faults)
        }
    }

    /// A calendar that is always open.
    pub fn always(zone: TimeZone) -> Self {
        let whole = Range {
            start: 0,
            end: DAY_MINUTES,
        };
        Self {
            zone,
            days: std::array::from_fn(|_| vec![whole]),
            holidays: Vec::new(),
        }
    }

    /// Its time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What it says about a moment. The start of a range is inside it, the end is not.
    pub fn state(&self, at: Timestamp) -> Hours {
        let today = self.date(at);
        if self.is_holiday(today) {
            return Hours::Holiday;
        }
        let yesterday = today.yesterday().ok();
        let mut spans = yesterday
            .into_iter()
            .chain([today])
            .flat_map(|date| self.spans(date));
        match spans.any(|(start, end)| start <= at && at < end) {
            true => Hours::Open,
            false => Hours::Closed,
        }
    }

    /// The first moment from `at` on (`at` itself, when open) at which the calendar is open; nothing when it
    /// stays closed for [`AHEAD_DAYS_MAX`] days.
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.date(at);
        (-1..=AHEAD_DAYS_MAX)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .flat_map(|date| self.spans(date))
            .filter(|(_, end)| at < *end)
            .map(|(start, _)| start.max(at))
            .find(|start| !self.is_holiday(self.date(*start)))
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at.to_jiff()).date()
    }

    fn is_holiday(&self, date: Date) -> bool {
        self.holidays.binary_search(&date).is_ok()
    }

    /// The ranges that begin on a date, as instants; none on a holiday.
    fn spans(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let ranges: &[Range] = match self.days.get(day) {
            Some(ranges) if !self.is_holiday(date) => ranges,
            _ => &[],
        };
        ranges.iter().filter_map(move |range| {
            let (start, end) = (
                self.instant(date, range.start)?,
                self.instant(date, range.end)?,
            );
            (start < end).then_some((start, end))
        })
    }

    /// The instant of a wall-clock time, by the rule in the module's doc.
    fn instant(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let wall = date
            .at(0, 0, 0, 0)
            .checked_add(Span::new().minutes(i64::from(minutes)));
        let found = self.zone.to_ambiguous_timestamp(wall.ok()?);
        let gap = matches!(found.offset(), AmbiguousOffset::Gap { .. });
        let first = found.earlier().ok()?;
        let jump = gap.then(|| self.zone.following(first).next()).flatten();
        Some(Timestamp::from_jiff(
            jump.map_or(first, |jump| jump.timestamp()),
        ))
    }
}

fn read_days(
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

fn read_holidays(texts: &[String], faults: &mut Vec<CalendarError>) -> Vec<Date> {
    if texts.len() > HOLIDAYS_MAX {
        faults.push(CalendarError::TooManyHolidays);
        return Vec::new();
    }
    let mut dates = Vec::with_capacity(texts.len());
    for text in texts {
        match Date::strptime("%Y-%m-%d", text.trim()) {
            Ok(date) => dates.push(date),
            Err(_) => faults.push(CalendarError::Holiday(text.clone())),
        }
    }
    dates.sort_unstable();
    dates.dedup();
    dates
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
    use proptest::prelude::*;

    use super::*;

    fn spec(yaml: &str) -> CalendarSpec {
        serde_yaml::from_str(yaml).unwrap()
    }

    fn chicago() -> TimeZone {
        zone("America/Chicago").unwrap()
    }

    fn calendar(yaml: &str) -> Calendar {
        Calendar::new(&spec(yaml), &chicago()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_jiff(text.parse().unwrap())
    }

    const OFFICE: &str = r#"{ open: { mon-fri: ["09:00-12:30", "13:30-17:00"], sat: "22:00-02:00" }, holidays: ["2026-12-25", "2026-02-08"] }"#;

    #[test]
    fn hours_of_an_ordinary_week() {
        let office = calendar(OFFICE);
        let table = [
            (
                "2026-03-03T08:59:59-06:00",
                Hours::Closed,
                "2026-03-03T09:00:00-06:00",
            ),
            (
                "2026-03-03T09:00:00-06:00",
                Hours::Open,
                "2026-03-03T09:00:00-06:00",
            ),
            (
                "2026-03-03T12:29:59-06:00",
                Hours::Open,
                "2026-03-03T12:29:59-06:00",
            ),
            (
                "2026-03-03T12:30:00-06:00",
                Hours::Closed,
                "2026-03-03T13:30:00-06:00",
            ),
            (
                "2026-03-03T17:00:00-06:00",
                Hours::Closed,
                "2026-03-04T09:00:00-06:00",
            ),
            (
                "2026-03-06T18:00:00-06:00",
                Hours::Closed,
                "2026-03-07T22:00:00-06:00",
            ),
            (
                "2026-02-15T01:59:00-06:00",
                Hours::Open,
                "2026-02-15T01:59:00-06:00",
            ),
            (
                "2026-02-15T02:00:00-06:00",
                Hours::Closed,
                "2026-02-16T09:00:00-06:00",
            ),
            // Saturday night ends at the midnight of a holiday.
            (
                "2026-02-07T23:59:00-06:00",
                Hours::Open,
                "2026-02-07T23:59:00-06:00",
            ),
            (
                "2026-02-08T01:00:00-06:00",
                Hours::Holiday,
                "2026-02-09T09:00:00-06:00",
            ),
            (
                "2026-12-25T10:00:00-06:00",
                Hours::Holiday,
                "2026-12-26T22:00:00-06:00",
            ),
        ];
        for (moment, state, next) in table {
            assert_eq!(office.state(at(moment)), state, "{moment}");
            assert_eq!(office.next_open(at(moment)), Some(at(next)), "{moment}");
        }
    }

    #[test]
    fn clocks_change() {
        // Forward on 8 March 2026 at 08:00Z, back on 1 November 2026 at 07:00Z.
        let table = [
            (
                r#"{ open: { sun: "02:30-10:00" } }"#,
                "2026-03-08T07:59:59Z",
                Hours::Closed,
                "2026-03-08T08:00:00Z",
            ),
            (
                r#"{ open: { sun: "02:30-10:00" } }"#,
                "2026-03-08T14:59:59Z",
                Hours::Open,
                "2026-03-08T14:59:59Z",
            ),
            (
                r#"{ open: { sun: "02:15-02:45" } }"#,
                "2026-03-08T08:20:00Z",
                Hours::Closed,
                "2026-03-15T07:15:00Z",
            ),
            (
                r#"{ open: { sun: "01:00-02:30" } }"#,
                "2026-03-08T07:59:59Z",
                Hours::Open,
                "2026-03-08T07:59:59Z",
            ),
            (
                r#"{ open: { sun: "01:00-02:30" } }"#,
                "2026-03-08T08:00:00Z",
                Hours::Closed,
                "2026-03-15T06:00:00Z",
            ),
            (
                r#"{ open: { sun: "01:30-05:00" } }"#,
                "2026-11-01T06:30:00Z",
                Hours::Open,
                "2026-11-01T06:30:00Z",
            ),
            (
                r#"{ open: { sun: "01:30-05:00" } }"#,
                "2026-11-01T07:10:00Z",
                Hours::Open,
                "2026-11-01T07:10:00Z",
            ),
            (
                r#"{ open: { sun: "01:30-05:00" } }"#,
                "2026-11-01T10:59:59Z",
                Hours::Open,
                "2026-11-01T10:59:59Z",
            ),
            (
                r#"{ open: { sun: "00:30-01:30" } }"#,
                "2026-11-01T06:30:00Z",
                Hours::Closed,
                "2026-11-08T06:30:00Z",
            ),
            (
                r#"{ open: { sat: "22:00-02:00" } }"#,
                "2026-11-01T07:59:59Z",
                Hours::Open,
                "2026-11-01T07:59:59Z",
            ),
            (
                r#"{ open: { sun: "00:00-24:00" } }"#,
                "2026-11-02T05:59:59Z",
                Hours::Open,
                "2026-11-02T05:59:59Z",
            ),
            (
                r#"{ open: { sun: "00:00-24:00" } }"#,
                "2026-11-02T06:00:00Z",
                Hours::Closed,
                "2026-11-08T06:00:00Z",
            ),
            (
                r#"{ zone: Europe/Paris, open: { tue: "09:00-10:00" } }"#,
                "2026-03-03T08:00:00Z",
                Hours::Open,
                "2026-03-03T08:00:00Z",
            ),
        ];
        for (yaml, moment, state, next) in table {
            let calendar = calendar(yaml);
            assert_eq!(calendar.state(at(moment)), state, "{yaml} {moment}");
            assert_eq!(
                calendar.next_open(at(moment)),
                Some(at(next)),
                "{yaml} {moment}"
            );
        }
    }

    #[test]
    fn never_open_ends_the_search() {
        let moment = at("2026-03-03T09:00:00Z");
        assert_eq!(calendar("{}").next_open(moment), None);
        assert_eq!(calendar("{ open: { mon: } }").state(moment), Hours::Closed);
        for edge in [i64::MIN, i64::MAX] {
            let edge = Timestamp::from_micros(edge);
            let always = Calendar::always(chicago());
            let _ = (always.state(edge), always.next_open(edge));
        }
        assert_eq!(Calendar::always(chicago()).state(moment), Hours::Open);
    }

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
            (r#"{ holidays: [25.12.2026] }"#, "\"25.12.2026\" is no date"),
            (r#"{ holidays: [2026-02-30] }"#, "\"2026-02-30\" is no date"),
        ];
        for (yaml, want) in table {
            let faults = Calendar::new(&spec(yaml), &chicago()).unwrap_err();
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

    proptest! {
        #[test]
        fn the_next_opening_is_open_and_the_first(
            seconds in 1_767_225_600_i64..1_830_297_600,
            start in 0_u16..1440,
            length in 1_u16..1440,
            day in 0_usize..7,
            holiday in 1_u8..28,
        ) {
            let end = (start + length) % DAY_MINUTES;
            let range = Range { start, end }.to_string();
            let spec = CalendarSpec {
                open: BTreeMap::from([(DAYS[day].to_owned(), DayRanges(vec![range]))]),
                holidays: vec![format!("2026-11-{holiday:02}"), format!("2026-03-{holiday:02}")],
                zone: None,
            };
            let calendar = Calendar::new(&spec, &chicago()).unwrap();
            let moment = Timestamp::from_micros(seconds * 1_000_000);
            let next = calendar.next_open(moment).unwrap();
            prop_assert_eq!(calendar.state(next), Hours::Open);
            prop_assert!(next >= moment);
            let hour = std::time::Duration::from_secs(3600);
            let between = (0..200_u32).map(|hours| moment + hour * hours).take_while(|at| *at < next);
            for at in between {
                prop_assert!(calendar.state(at) != Hours::Open, "{}", at);
            }
        }
    }
}
