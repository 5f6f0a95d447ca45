//! How what does not hold is told.

use super::*;

#[test]
fn only_the_line_that_does_not_hold_is_marked() {
    let test = "    script: [{ hears: Welcome }, { rings: [] }, { hangs_up: }]\n    expect: {}\n";
    let steps = "  hi:\n    say: Hi\n    next: end\n";
    let played = played("call", steps, test);
    let entry = played.failed.unwrap().entry.unwrap();
    assert_eq!(played.transcript[entry].words, "hears \"Welcome\"");
    let test = "    script: [{ hears: Hi }]\n    expect: { ended_at: hi, sent: 1 }\n";
    let failed = super::played("call", steps, test).failed.unwrap();
    assert_eq!(failed.entry, None);
}

#[test]
fn nobody_and_nothing_are_told_as_such() {
    let steps = "  hi:\n    menu: { prompt: Hi }\n    then: { 1: end, else: end }\n";
    let test = "    script: [{ rings: [] }]\n    expect: { contact: { medicine: insulin } }\n";
    let played = played("call", steps, test);
    let mut entries = played.transcript.iter();
    assert!(entries.any(|entry| entry.words == "rings nobody"));
    let words = played.failed.unwrap().words;
    assert_eq!(words, "`medicine` is empty, not \"insulin\"");
}
