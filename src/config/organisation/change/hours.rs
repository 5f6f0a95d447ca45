//! A calendar in words, short enough to be read beside the other changes.

use super::{NOTHING, list};
use crate::model::calendar::{CalendarSpec, DayRanges};

/// Holidays and dates that are named; the others are counted.
const NAMED_MAX: usize = 8;

/// Its hours, holidays and dates.
pub(super) fn calendar_words(spec: &CalendarSpec) -> String {
    let days = spec.open.iter().map(own_hours);
    let holidays = few(spec.holidays.iter().cloned());
    let mut words = format!("open {}; holidays {holidays}", list(days));
    if !spec.dates.is_empty() {
        words.push_str("; own hours ");
        words.push_str(&few(spec.dates.iter().map(own_hours)));
    }
    words
}

fn own_hours((day, ranges): (&String, &DayRanges)) -> String {
    match ranges.0.is_empty() {
        true => format!("{day} closed"),
        false => format!("{day} {}", ranges.0.join(" ")),
    }
}

/// The first of many, and how many there are.
fn few(all: impl ExactSizeIterator<Item = String>) -> String {
    match all.len() {
        0 => NOTHING.to_owned(),
        few if few <= NAMED_MAX => list(all),
        many => {
            let first = list(all.take(NAMED_MAX));
            format!("{first} and {} more ({many} in all)", many - NAMED_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_and_long_lists_counted() {
        let ranges =
            |words: &[&str]| DayRanges(words.iter().map(|&word| word.to_owned()).collect());
        let mut spec = CalendarSpec::default();
        assert_eq!(calendar_words(&spec), "open none; holidays none");
        spec.open
            .insert("mon".into(), ranges(&["09:00-12:00", "13:00-17:00"]));
        spec.dates
            .insert("2026-12-24".into(), ranges(&["09:00-12:00"]));
        spec.dates.insert("2026-12-31".into(), ranges(&[]));
        spec.holidays = (1..=8).map(|day| format!("2026-01-0{day}")).collect();
        let all = spec.holidays.join(", ");
        let hours = "own hours 2026-12-24 09:00-12:00, 2026-12-31 closed";
        let open = "open mon 09:00-12:00 13:00-17:00";
        assert_eq!(
            calendar_words(&spec),
            format!("{open}; holidays {all}; {hours}")
        );
        spec.holidays.extend(["05-01".into(), "12-25".into()]);
        assert_eq!(
            calendar_words(&spec),
            format!("{open}; holidays {all} and 2 more (10 in all); {hours}")
        );
    }
}
