//! Holidays as people write them: a date, a day of every year, a day counted from Easter, or a weekday of a month.

use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::written::DAYS;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Days that a holiday may be counted from Easter or from a weekday.
const SHIFT_MAX: i16 = 200;

/// A holiday of every year it falls in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holiday {
    falls: Falls,
    /// Days added to that.
    shift: i16,
    /// One on a Saturday is kept on the Friday before, one on a Sunday on the Monday after.
    observed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Falls {
    Once(Date),
    /// Month and day; 29 February in leap years alone.
    Yearly(i8, i8),
    Easter,
    /// The first to fifth or the last (-1) such weekday of a month.
    Weekday(i8, Weekday, i8),
}

impl Holiday {
    /// Reads `2026-12-25`, `12-25`, `easter`, `easter+1`, `4th thu nov`, `last mon may`, `4th thu nov +1`, each with
    /// `observed` behind it or not.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (text, observed) = match text.strip_suffix("observed") {
            Some(before) if before.ends_with(' ') => (before.trim(), true),
            _ => (text.as_str(), false),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (falls, shift) = match words.as_slice() {
            [one] => read_one(one)?,
            [nth, day, month] => (weekday(nth, day, month)?, 0),
            [nth, day, month, shift] => (weekday(nth, day, month)?, read_shift(shift)?),
            _ => return None,
        };
        Some(Self {
            falls,
            shift,
            observed,
        })
    }

    /// The day of one that falls on a single date.
    pub(super) fn once(&self) -> Option<Date> {
        match self.falls {
            Falls::Once(date) => self.of(date.year()),
            _ => None,
        }
    }

    pub(super) fn is_on(&self, date: Date) -> bool {
        // What is moved may fall into the year beside its own.
        let year = date.year();
        [year - 1, year, year + 1]
            .into_iter()
            .any(|year| self.of(year) == Some(date))
    }

    /// The day on which it is kept in a year, by the year of the day it is counted from.
    pub(super) fn of(&self, year: i16) -> Option<Date> {
        let date = match self.falls {
            Falls::Once(date) => (date.year() == year).then_some(date)?,
            Falls::Yearly(month, day) => Date::new(year, month, day).ok()?,
            Falls::Easter => easter(year)?,
            Falls::Weekday(nth, day, month) => {
                let first = Date::new(year, month, 1).ok()?;
                first.nth_weekday_of_month(nth, day).ok()?
            }
        };
        let date = date.checked_add(self.shift.days()).ok()?;
        match date.weekday() {
            Weekday::Saturday if self.observed => date.yesterday().ok(),
            Weekday::Sunday if self.observed => date.tomorrow().ok(),
            _ => Some(date),
        }
    }
}

fn read_one(text: &str) -> Option<(Falls, i16)> {
    if let Some(shift) = text.strip_prefix("easter") {
        let shift = if shift.is_empty() {
            0
        } else {
            read_shift(shift)?
        };
        return Some((Falls::Easter, shift));
    }
    if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        return Some((Falls::Once(date), 0));
    }
    let (month, day) = text.split_once('-')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let (month, day) = match two(month) && two(day) {
        true => (month.parse().ok()?, day.parse().ok()?),
        false => return None,
    };
    // A leap year, so that 29 February is a day.
    Date::new(2024, month, day).ok()?;
    Some((Falls::Yearly(month, day), 0))
}

fn read_shift(text: &str) -> Option<i16> {
    let signed = text.starts_with(['+', '-']);
    let days: i16 = text.parse().ok()?;
    (signed && (-SHIFT_MAX..=SHIFT_MAX).contains(&days)).then_some(days)
}

fn weekday(nth: &str, day: &str, month: &str) -> Option<Falls> {
    let nth = match nth {
        "1st" => 1,
        "2nd" => 2,
        "3rd" => 3,
        "4th" => 4,
        "5th" => 5,
        "last" => -1,
        _ => return None,
    };
    let day = DAYS.iter().position(|one| *one == day)?;
    let month = MONTHS.iter().position(|one| *one == month)?;
    let day = Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok()?;
    Some(Falls::Weekday(nth, day, i8::try_from(month).ok()? + 1))
}

/// Years whose Easter is kept at hand.
const EASTER_YEARS: std::ops::Range<i16> = 1970..2200;
static EASTERS: LazyLock<Vec<Option<Date>>> =
    LazyLock::new(|| EASTER_YEARS.map(gregorian_easter).collect());

fn easter(year: i16) -> Option<Date> {
    let at = usize::try_from(year - EASTER_YEARS.start).ok();
    let known = at.and_then(|at| EASTERS.get(at));
    known.copied().unwrap_or_else(|| gregorian_easter(year))
}

/// Easter Sunday of the Gregorian calendar: the Sunday after the first full moon, by the church's tables, of spring.
fn gregorian_easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (century, golden) = (y.div_euclid(100), y.rem_euclid(19));
    let solar = century - century / 4 - (8 * century + 13) / 25;
    let moon = (19 * golden + solar + 15).rem_euclid(30);
    let late = moon > 28 || (moon == 28 && golden > 10);
    let full = moon - i32::from(late);
    let sunday = (y + y / 4 + full + 2 - century + century / 4).rem_euclid(7);
    let days = full - sunday;
    let month = 3 + (days + 40) / 44;
    let day = days + 28 - 31 * (month / 4);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_fall_where_they_are_known_to() {
        for (rule, year, date) in [
            ("2026-12-25", 2026, "2026-12-25"),
            ("12-25", 2027, "2027-12-25"),
            ("12-25 observed", 2027, "2027-12-24"),
            ("01-01 observed", 2028, "2027-12-31"),
            ("07-04 observed", 2027, "2027-07-05"),
            ("easter", 2026, "2026-04-05"),
            ("easter", 2025, "2025-04-20"),
            ("easter", 2000, "2000-04-23"),
            ("easter", 2038, "2038-04-25"),
            ("easter", 2285, "2285-03-22"),
            ("Easter-2", 2026, "2026-04-03"),
            ("easter+1", 2027, "2027-03-29"),
            ("easter+39", 2026, "2026-05-14"),
            ("3rd mon jan", 2026, "2026-01-19"),
            ("last mon may", 2026, "2026-05-25"),
            ("4th thu nov", 2026, "2026-11-26"),
            ("4th Thu Nov +1", 2026, "2026-11-27"),
        ] {
            let holiday = Holiday::read(rule).unwrap_or_else(|| panic!("{rule}"));
            let date: Date = date.parse().unwrap();
            assert_eq!(holiday.of(year), Some(date), "{rule} {year}");
            assert!(
                holiday.is_on(date) && !holiday.is_on(date.tomorrow().unwrap()),
                "{rule}"
            );
        }
        for (rule, year) in [("02-29", 2026), ("2026-12-25", 2027), ("5th mon feb", 2026)] {
            assert_eq!(Holiday::read(rule).unwrap().of(year), None, "{rule} {year}");
        }
    }

    #[test]
    fn what_is_no_holiday_is_refused() {
        for rule in [
            "",
            "25.12.2026",
            "2026-02-30",
            "02-30",
            "2-3",
            "easter1",
            "easter+",
            "easter+999",
            "easter-32768",
            "0th mon jan",
            "mon jan",
            "4th thu nov 1",
            "4th thursday nov",
            "observed",
            "12-25observed",
            "12-25 twice",
        ] {
            assert_eq!(Holiday::read(rule), None, "{rule}");
        }
    }
}
