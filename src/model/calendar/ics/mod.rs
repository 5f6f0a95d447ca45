//! Holidays out of an iCalendar file (RFC 5545), as offices and schools publish them.

mod rule;

use std::collections::{HashMap, HashSet};

use jiff::ToSpan;
use jiff::civil::Date;

use self::rule::{Rule, of_days, of_years};
use super::HOLIDAYS_MAX;

/// Days of one entry, such as a school's winter break.
const ENTRY_DAYS_MAX: i32 = 100;
/// Dates of a rule that goes by days or weeks.
const RULE_DATES_MAX: usize = 366;

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
    /// What tells it from other entries, save those that stand for one of its days.
    uid: Option<String>,
    /// The day of another entry that repeats, for which it stands.
    stands_for: Option<String>,
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
            "UID" => self.uid = Some(value.to_owned()),
            "RECURRENCE-ID" => self.stands_for = Some(value.to_owned()),
            "STATUS" => self.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            "SUMMARY" => self.name = plain(value),
            _ => {}
        }
    }
}

impl Entry {
    /// Whether all its days have dates: it does not go on for ever.
    fn has_dates(&self) -> bool {
        let first = self.start.as_deref().and_then(date);
        let rule = |rule: &String| first.and_then(|first| Rule::read(rule, first));
        !self
            .rules
            .iter()
            .any(|one| matches!(rule(one), None | Some(Rule::EveryYear(_))))
    }
}

fn listed(value: &str) -> impl Iterator<Item = String> {
    value.split(',').map(|one| one.trim().to_owned())
}

/// Reads the whole days of a file.
pub fn read_ics(text: &str) -> Ics {
    let mut entries = entries(text);
    let repeating = take_moved_out(&mut entries);
    let mut found = Ics::default();
    for entry in entries {
        let repeats = entry
            .uid
            .as_ref()
            .is_some_and(|uid| repeating.contains(uid));
        take(&mut found, &entry, repeats);
    }
    found
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut entry: Option<Entry> = None;
    for line in unfolded(text) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let word = name.split(';').next().unwrap_or(name).to_ascii_uppercase();
        let is_event = value.trim().eq_ignore_ascii_case("VEVENT");
        match (word.as_str(), &mut entry) {
            ("BEGIN", _) if is_event => entry = Some(Entry::default()),
            ("BEGIN", Some(entry)) => entry.parts += 1,
            ("END", Some(_)) if is_event => found.extend(entry.take()),
            ("END", Some(entry)) => entry.parts = entry.parts.saturating_sub(1),
            (word, Some(entry)) if entry.parts == 0 => entry.line(word, value),
            _ => {}
        }
    }
    found
}

/// Takes the days that others stand for out of the entries whose days have dates; which entries these are. One day of an
/// entry of every year cannot be taken out of it.
fn take_moved_out(entries: &mut [Entry]) -> HashSet<String> {
    let mut moved: HashMap<String, Vec<String>> = HashMap::new();
    for entry in entries.iter() {
        if let (Some(uid), Some(day)) = (&entry.uid, &entry.stands_for) {
            moved.entry(uid.clone()).or_default().push(day.clone());
        }
    }
    let mut dated = HashSet::new();
    for entry in entries.iter_mut().filter(|one| one.stands_for.is_none()) {
        let Some(uid) = entry.uid.clone().filter(|_| entry.has_dates()) else {
            continue;
        };
        entry
            .without
            .extend(moved.get(&uid).into_iter().flatten().cloned());
        dated.insert(uid);
    }
    dated
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

/// Takes an entry's days; `repeats`: the entry with dates, of which it may be one day, is there.
fn take(found: &mut Ics, entry: &Entry, repeats: bool) {
    let why = match days(entry, repeats) {
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
fn days(entry: &Entry, repeats: bool) -> Result<Vec<String>, &'static str> {
    match entry {
        Entry {
            cancelled: true, ..
        } => return Err("cancelled"),
        Entry {
            stands_for: Some(_),
            ..
        } if !repeats => return Err("one day of an entry that repeats"),
        _ => {}
    }
    let first = entry.start.as_deref().and_then(date).ok_or(NO_DAY)?;
    let lasting = lasts(entry, first)?;
    match entry.rules.as_slice() {
        _ if entry.ruled_out => Err(ODD_RULE),
        [] => single(entry, &[first], lasting),
        [rule] => match Rule::read(rule, first).ok_or(ODD_RULE)? {
            Rule::EveryYear(day) => every_year(entry, &day, first, lasting),
            Rule::Years(day, ends) => ruled(entry, &of_years(&day, first, ends), lasting),
            Rule::Days(step, ends) => match of_days(step, first, ends) {
                many if many.len() > RULE_DATES_MAX => Err("its rule has more than 366 dates"),
                begins => ruled(entry, &begins, lasting),
            },
        },
        [_, _, ..] => Err(ODD_RULE),
    }
}

/// Days that a rule names by their dates.
fn ruled(entry: &Entry, begins: &[Date], lasting: i32) -> Result<Vec<String>, &'static str> {
    match begins {
        [] => Err("its rule ends before it begins"),
        begins => single(entry, begins, lasting),
    }
}

/// Days that are named by their dates: those on which it begins, with what is added and without what is taken out.
fn single(entry: &Entry, begins: &[Date], lasting: i32) -> Result<Vec<String>, &'static str> {
    let (without, also) = (dates(&entry.without)?, dates(&entry.also)?);
    let begins = begins.iter().copied().chain(also);
    let begins = begins.filter(|first| !without.contains(first));
    let (mut seen, days) = (
        HashSet::new(),
        begins.flat_map(|first| from(first, lasting)),
    );
    let days = days.filter(|day| seen.insert(*day));
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
mod tests;
