//! Files as others publish them, and what is taken of them.

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
fn a_day_that_was_moved_is_the_new_one() {
    let ruled = |more: &str| {
        format!("UID:a@example.org; DTSTART;VALUE=DATE:20261126; SUMMARY:Day; RRULE:{more}")
    };
    let moved = "UID:a@example.org; DTSTART;VALUE=DATE:20271129; SUMMARY:Later; RECURRENCE-ID;VALUE=DATE:20271126";
    let dates = ["2026-11-26 Day", "2028-11-26 Day", "2027-11-29 Later"];
    check(&[&ruled("FREQ=YEARLY;COUNT=3"), moved], &dates, &[]);
    let first = [dates[2], dates[0], dates[1]];
    check(&[moved, &ruled("FREQ=YEARLY;UNTIL=20281126")], &first, &[]);
    let away = format!("{moved}; STATUS:CANCELLED");
    let three = ruled("FREQ=YEARLY;COUNT=3");
    check(&[&three, &away], &dates[..2], &["Later (cancelled)"]);
    // It is another entry's, or a day of every year.
    let told = ["Later (one day of an entry that repeats)"];
    let other = moved.replace("UID:a", "UID:b");
    let all = ["2026-11-26 Day", "2027-11-26 Day", "2028-11-26 Day"];
    check(&[&three, &other], &all, &told);
    check(&[&ruled("FREQ=YEARLY"), moved], &["11-26 Day"], &told);
}

#[test]
fn days_and_weeks_that_end_are_dates() {
    let ruled = |more: &str| format!("DTSTART;VALUE=DATE:20261126; SUMMARY:Day; RRULE:{more}");
    let days = ["2026-11-26 Day", "2026-11-27 Day", "2026-11-28 Day"];
    check(&[&ruled("FREQ=DAILY;COUNT=3")], &days, &[]);
    check(&[&ruled("FREQ=DAILY;UNTIL=20261128")], &days, &[]);
    check(&[&ruled("FREQ=DAILY;COUNT=2; DURATION:P2D")], &days, &[]);
    let second = ruled("INTERVAL=2;FREQ=DAILY;COUNT=2");
    check(&[&second], &[days[0], days[2]], &[]);
    let weeks = ["2026-11-26 Day", "2026-12-03 Day", "2026-12-10 Day"];
    check(&[&ruled("FREQ=WEEKLY;COUNT=3")], &weeks, &[]);
    let thursdays = ruled("FREQ=WEEKLY;WKST=SU;BYDAY=TH;UNTIL=20261210T000000Z");
    check(&[&thursdays], &weeks, &[]);
    let without = ruled("FREQ=WEEKLY;COUNT=3; EXDATE:20261203");
    check(&[&without], &[weeks[0], weeks[2]], &[]);
    let many = ["Day (its rule has more than 366 dates)"];
    for rule in ["FREQ=DAILY;COUNT=367", "FREQ=WEEKLY;UNTIL=99991231"] {
        check(&[&ruled(rule)], &[], &many);
    }
    for rule in [
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=MO;COUNT=3",
        "FREQ=WEEKLY;BYDAY=TH,FR;COUNT=3",
        "FREQ=DAILY;INTERVAL=0;COUNT=3",
        "FREQ=DAILY;INTERVAL=-1;COUNT=3",
        "FREQ=DAILY;BYMONTH=1;COUNT=3",
    ] {
        check(&[&ruled(rule)], &[], &[&format!("Day ({ODD_RULE})")]);
    }
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
    let over = "Day (it lasts over the end of February, which is not the same day in every year)";
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
