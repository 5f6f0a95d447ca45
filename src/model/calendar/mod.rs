//! Opening hours: several ranges a day, holidays, a time zone of their own.
//!
//! Times are wall-clock times. When the clocks go back, a time that occurs twice means its first occurrence, so that
//! a range never closes and opens again in between: `22:00-02:00` is then five hours long. When they go
//! forward, a time that is skipped means the moment of the jump: `02:30-10:00` opens at what has become
//! three o'clock, and `02:15-02:45` does not open at all that day.
//!
//! A range whose end is before its start runs past midnight and belongs to the day on which it begins. A
//! holiday lasts from midnight to midnight: its own ranges do not open, and what began the day before ends there. A
//! date with hours of its own has these in place of its weekday's and of a holiday.

mod holiday;
mod ics;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

use self::holiday::Holiday;
pub use self::ics::{Ics, IcsDay, read_ics};
pub use self::written::{
    CalendarError, CalendarSpec, DAY_RANGES_MAX, DayRanges, HOLIDAYS_MAX, zone,
};
use self::written::{DAY_MINUTES, Range, read_dates, read_days, read_holidays};
use super::Timestamp;

/// How far ahead the next opening is looked for; a year and what a long closure adds.
pub const AHEAD_DAYS_MAX: i32 = 400;
/// What a calendar says about a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    /// Inside a range.
    Open,
    /// Outside.
    Closed,
    /// On a holiday, whatever the time of day.
    Holiday,
}

/// A month of a message plan, in the account's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    /// Year and month as one number: 202611 is November 2026.
    pub key: i32,
    /// The first instant of the month after it.
    pub ends_at: Timestamp,
}

/// The month that holds a moment.
pub fn month(zone: &TimeZone, at: Timestamp) -> Month {
    let date = zone.to_datetime(at.to_jiff()).date();
    let next = date.first_of_month().checked_add(1.month()).ok();
    let ends = next.and_then(|date| date.to_zoned(zone.clone()).ok());
    Month {
        key: i32::from(date.year()) * 100 + i32::from(date.month()),
        ends_at: ends.map_or(Timestamp::from_micros(i64::MAX), |ends| {
            Timestamp::from_jiff(ends.timestamp())
        }),
    }
}

/// A checked calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    /// By weekday from Monday; sorted and disjoint.
    days: [Vec<Range>; 7],
    /// Holidays of one date each.
    once: BTreeSet<Date>,
    /// Those that come again by a rule.
    holidays: Vec<Holiday>,
    /// Dates with hours of their own, whatever day or holiday they are.
    dates: BTreeMap<Date, Vec<Range>>,
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
        let once = holidays.iter().filter_map(Holiday::once).collect();
        let holidays = holidays.into_iter().filter(|one| one.once().is_none());
        let holidays = holidays.collect();
        let dates = read_dates(&spec.dates, &mut faults);
        if faults.is_empty() {
            Ok(Self {
                zone,
                days,
                once,
                holidays,
                dates,
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
            once: BTreeSet::new(),
            holidays: Vec::new(),
            dates: BTreeMap::new(),
        }
    }

    /// Its time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether it has a holiday in any year.
    pub fn has_holidays(&self) -> bool {
        !self.holidays.is_empty() || !self.once.is_empty()
    }

    /// Whether it has a holiday in this year.
    pub fn has_holidays_in(&self, year: i16) -> bool {
        let falls = |date: &Date| date.year() == year;
        self.once.iter().any(falls)
            || self
                .holidays
                .iter()
                .any(|holiday| holiday.of(year).is_some())
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
        let kept = || self.holidays.iter().any(|holiday| holiday.is_on(date));
        !self.dates.contains_key(&date) && (self.once.contains(&date) || kept())
    }

    /// The ranges that begin on a date, as instants; none on a holiday.
    fn spans(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let own = self.dates.get(&date).map(Vec::as_slice);
        let ranges: &[Range] = match (own, self.days.get(day)) {
            (Some(own), _) => own,
            (None, Some(ranges)) if !self.is_holiday(date) => ranges,
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
        instant(&self.zone, wall.ok()?)
    }
}

/// The instant of a wall-clock time, by the rule in the module's doc; none outside what the clock can show.
pub fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(wall);
    let gap = matches!(found.offset(), AmbiguousOffset::Gap { .. });
    let first = found.earlier().ok()?;
    let jump = gap.then(|| zone.following(first).next()).flatten();
    Some(Timestamp::from_jiff(
        jump.map_or(first, |jump| jump.timestamp()),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::written::DAYS;
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
    fn a_date_has_hours_of_its_own_on_holidays_too() {
        let office = calendar(
            r#"{ open: { mon-fri: "09:00-17:00" }, holidays: [12-24, 12-25],
                 dates: { 2026-12-24: "09:00-12:00", 2026-12-26: "10:00-11:00", 2026-12-28: [] } }"#,
        );
        for (moment, state) in [
            ("2026-12-24T10:00:00-06:00", Hours::Open),
            ("2026-12-24T13:00:00-06:00", Hours::Closed),
            ("2026-12-25T10:00:00-06:00", Hours::Holiday),
            ("2026-12-26T10:30:00-06:00", Hours::Open),
            ("2026-12-28T10:00:00-06:00", Hours::Closed),
            ("2027-12-24T10:00:00-06:00", Hours::Holiday),
        ] {
            assert_eq!(office.state(at(moment)), state, "{moment}");
        }
        let next = office.next_open(at("2026-12-26T12:00:00-06:00"));
        assert_eq!(next, Some(at("2026-12-29T09:00:00-06:00")));
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
    fn months_end_at_local_midnight() {
        let table = [
            (
                "2026-11-30T23:59:59-06:00",
                202_611,
                "2026-12-01T00:00:00-06:00",
            ),
            (
                "2026-12-01T00:00:00-06:00",
                202_612,
                "2027-01-01T00:00:00-06:00",
            ),
            (
                "2026-10-31T23:00:00-05:00",
                202_610,
                "2026-11-01T00:00:00-05:00",
            ),
        ];
        for (moment, key, ends) in table {
            let ends_at = at(ends);
            assert_eq!(
                month(&chicago(), at(moment)),
                Month { key, ends_at },
                "{moment}"
            );
        }
        for edge in [i64::MIN, i64::MAX] {
            let edge = Timestamp::from_micros(edge);
            assert!(month(&chicago(), edge).ends_at > edge || edge.micros() == i64::MAX);
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
                dates: BTreeMap::new(),
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
