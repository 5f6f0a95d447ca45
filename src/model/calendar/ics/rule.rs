//! Rules by which entries repeat (RFC 5545, 3.3.10), as far as a calendar's holidays can say them.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{date, yearly};
use crate::model::calendar::HOLIDAYS_MAX;
use crate::model::calendar::holiday::Holiday;

/// A rule by which an entry repeats, as far as holidays can say it.
pub(super) enum Rule {
    /// For ever, as a calendar's `holidays` have it: `12-25`, `4th thu nov`.
    EveryYear(String),
    /// The same, and it ends.
    Years(String, Ends),
    /// Every so many days, and it ends.
    Days(i32, Ends),
}

#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// Having taken place so often.
    After(usize),
    /// With what takes place on this day, or before.
    With(Date),
}

impl Rule {
    pub(super) fn read(rule: &str, first: Date) -> Option<Self> {
        let is_end = |part: &&str| part.starts_with("COUNT=") || part.starts_with("UNTIL=");
        let (ends, parts): (Vec<&str>, Vec<&str>) = rule.split(';').partition(is_end);
        let ends = match ends.as_slice() {
            [] => None,
            [one] => Some(Ends::read(one)?),
            _ => return None,
        };
        let rule = parts.join(";");
        let on_date = is_every_year(&rule, first).then(|| yearly(first));
        match (on_date.or_else(|| nth_weekday(&rule, first)), ends) {
            (Some(day), None) => Some(Self::EveryYear(day)),
            (Some(day), Some(ends)) => Some(Self::Years(day, ends)),
            (None, Some(ends)) => Some(Self::Days(step(&rule, first)?, ends)),
            (None, None) => None,
        }
    }
}

impl Ends {
    fn read(part: &str) -> Option<Self> {
        match part.split_once('=')? {
            ("COUNT", count) => Some(Self::After(count.parse().ok()?)),
            // A day, or a moment of one.
            (_, until) => Some(Self::With(date(until.get(..8)?)?)),
        }
    }
}

/// The days of a rule that ends: no more than show that they are too many for a calendar.
pub(super) fn of_years(day: &str, first: Date, ends: Ends) -> Vec<Date> {
    let holiday = Holiday::read(day);
    let years = first.year()..=Date::MAX.year();
    let days = years.filter_map(|year| holiday?.of(year));
    until(days.filter(|day| *day >= first), ends)
}

/// The days of a rule that goes by so many days, as far.
pub(super) fn of_days(step: i32, first: Date, ends: Ends) -> Vec<Date> {
    let next = |day: &Date| day.checked_add(step.days()).ok();
    until(std::iter::successors(Some(first), next), ends)
}

fn until(days: impl Iterator<Item = Date>, ends: Ends) -> Vec<Date> {
    match ends {
        Ends::After(count) => days.take(count.min(HOLIDAYS_MAX + 1)).collect(),
        Ends::With(last) => {
            let days = days.take_while(|day| *day <= last);
            days.take(HOLIDAYS_MAX + 1).collect()
        }
    }
}

/// How many days lie between the days of a rule that says no more than "every so many days", or weeks on the weekday of
/// the first one.
fn step(rule: &str, first: Date) -> Option<i32> {
    let (mut unit, mut times, mut weekday) = (None, 1, None);
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=')? {
            ("FREQ", "DAILY") => unit = Some(1),
            ("FREQ", "WEEKLY") => unit = Some(7),
            ("INTERVAL", value) => times = value.parse().ok().filter(|times| *times > 0)?,
            ("BYDAY", day) => weekday = Some(day),
            ("WKST", _) => {}
            _ => return None,
        }
    }
    let unit: i32 = unit?;
    let own = first.strftime("%a").to_string().to_uppercase();
    let is_own = weekday.is_none_or(|day| unit == 7 && own.get(..2) == Some(day));
    is_own.then(|| unit.checked_mul(times))?
}

/// A rule such as "the fourth Thursday of every November", as a calendar's `holidays` have it: `4th thu nov`.
fn nth_weekday(rule: &str, first: Date) -> Option<String> {
    let (mut yearly, mut month, mut day) = (false, None, None);
    // By the day and by the place in the set; one of them says which one it is.
    let (mut nth, mut place) = (None, None);
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=')? {
            ("FREQ", "YEARLY") => yearly = true,
            ("INTERVAL", "1") | ("WKST", _) => {}
            ("BYMONTH", value) => month = Some(value.parse::<i8>().ok()?),
            ("BYSETPOS", value) => place = Some(value),
            ("BYDAY", value) => {
                let (count, name) = value.split_at_checked(value.len().checked_sub(2)?)?;
                day = Some(name);
                nth = Some(count).filter(|count| !count.is_empty());
            }
            _ => return None,
        }
    }
    // Without a month, the days of a whole year are counted.
    let month = Date::new(first.year(), month?, 1).ok()?.strftime("%b");
    let nth = match (nth, place) {
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) | (Some(_), Some(_)) => return None,
    };
    let nth = match nth.trim_start_matches('+') {
        "1" => "1st",
        "2" => "2nd",
        "3" => "3rd",
        "4" => "4th",
        "5" => "5th",
        "-1" => "last",
        _ => return None,
    };
    let day = match day? {
        "MO" => "mon",
        "TU" => "tue",
        "WE" => "wed",
        "TH" => "thu",
        "FR" => "fri",
        "SA" => "sat",
        "SU" => "sun",
        _ => return None,
    };
    yearly.then(|| format!("{nth} {day} {}", month.to_string().to_lowercase()))
}

/// Whether a rule says no more than "on this day of every year".
fn is_every_year(rule: &str, first: Date) -> bool {
    let mut yearly = false;
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let says = match name {
            "FREQ" => {
                yearly = value == "YEARLY";
                yearly
            }
            "INTERVAL" => value == "1",
            "BYMONTH" => value.parse() == Ok(first.month()),
            "BYMONTHDAY" => value.parse() == Ok(first.day()),
            "WKST" => true,
            _ => false,
        };
        if !says {
            return false;
        }
    }
    yearly
}
