//! A calendar in words, whole, since they are kept as the record of the change.

use super::list;
use crate::model::calendar::{CalendarSpec, DayRanges};

/// Its hours, holidays and dates.
pub(super) fn calendar_words(spec: &CalendarSpec) -> String {
    let days = spec.open.iter().map(own_hours);
    let holidays = list(spec.holidays.iter().cloned());
    let mut words = format!("open {}; holidays {holidays}", list(days));
    if !spec.dates.is_empty() {
        words.push_str("; own hours ");
        words.push_str(&list(spec.dates.iter().map(own_hours)));
    }
    words
}

fn own_hours((day, ranges): (&String, &DayRanges)) -> String {
    match ranges.0.is_empty() {
        true => format!("{day} closed"),
        false => format!("{day} {}", ranges.0.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_dates_are_told_whole() {
        let ranges =
            |words: &[&str]| DayRanges(words.iter().map(|&word| word.to_owned()).collect());
        let mut spec = CalendarSpec::default();
        assert_eq!(calendar_words(&spec), "open none; holidays none");
        spec.open
            .insert("mon".into(), ranges(&["09:00-12:00", "13:00-17:00"]));
        spec.dates
            .insert("2026-12-24".into(), ranges(&["09:00-12:00"]));
        spec.dates.insert("2026-12-31".into(), ranges(&[]));
        spec.holidays = (10..=31).map(|day| format!("2026-01-{day}")).collect();
        let all = spec.holidays.join(", ");
        let hours = "own hours 2026-12-24 09:00-12:00, 2026-12-31 closed";
        let open = "open mon 09:00-12:00 13:00-17:00";
        assert_eq!(
            calendar_words(&spec),
            format!("{open}; holidays {all}; {hours}")
        );
    }
}
