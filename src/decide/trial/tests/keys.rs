//! Keys of one prompt add up, as a phone line takes them.

use super::*;

/// A call that gathers digits so, told of in the end.
fn gather(digits: &str) -> String {
    format!(
        "
  code:
    gather: {{ {digits}, timeout: 10s }}
    then: {{ got: told, timeout: late, caller_hung_up: gone }}
  told:
    say: \"Got {{{{ steps.code.digits }}}}\"
    next: end
  late:
    say: Too late
    next: end
  gone:
    inbox: {{ group: nurses }}
    next: end
"
    )
}

#[test]
fn a_line_takes_as_many_keys_as_it_may() {
    for (digits, script) in [
        ("digits: 4", "{ presses: 1234 }, { hears: Got 1234 }"),
        ("digits: 4", "{ presses: 12345 }, { hears: Got 1234 }"),
        (
            "digits: 4..6",
            "{ presses: 12345678 }, { hears: Got 123456 }",
        ),
        ("digits: 4..6", "{ presses: 1234 }, { hears: Got 1234 }"),
        ("digits: 4..6", "{ presses: 123 }, { hears: Too late }"),
        (
            "digits: 4..6",
            "{ presses: \"1234#56\" }, { hears: Got 1234 }",
        ),
        (
            "digits: 4..6",
            "{ presses: \"12#3456\" }, { hears: Too late }",
        ),
        (
            "finish_on: \"*\"",
            "{ presses: \"12*\" }, { hears: Got 12 }",
        ),
    ] {
        check_table("call", &gather(digits), &[(script, "", "")]);
    }
}

#[test]
fn keys_add_up_while_there_is_time() {
    let ended = |at: &str, script: &str| {
        let test = format!("    script: [{script}]\n    expect: {{ ended_at: {at} }}\n");
        let played = played("call", &gather("digits: 4..6"), &test);
        assert_eq!(played.failed, None, "{script}");
        let last = played.transcript.last().unwrap().at;
        last.since(played.transcript[0].at).as_secs()
    };
    for (at, seconds, script) in [
        (
            "told",
            3,
            "{ presses: 12 }, { passes: 3s }, { presses: 34 }, { hears: Got 1234 }",
        ),
        ("told", 0, "{ presses: 12 }, { presses: 34 }"),
        (
            "told",
            12,
            "{ presses: 12 }, { passes: 3s }, { presses: 34 }, { passes: 9s }, { presses: 56 }",
        ),
        // The time counts from the last key, and what was pressed is handed in.
        (
            "told",
            13,
            "{ presses: 12 }, { passes: 3s }, { presses: 34 }, { passes: 1m }",
        ),
        ("late", 10, "{ presses: 12 }, { passes: 10s }"),
        ("late", 0, "{ presses: 12 }, { hears: Too late }"),
        (
            "told",
            4,
            "{ presses: 1234 }, { passes: 4s }, { presses: \"#\" }",
        ),
        ("late", 2, "{ passes: 2s }, { presses: \"#\" }"),
    ] {
        assert_eq!(ended(at, script), seconds, "{script}");
    }
    check_table(
        "call",
        &gather("digits: 4..6"),
        &[
            (
                "{ presses: 12 }, { passes: 10s }, { presses: 34 }",
                "",
                "no keys are awaited now; the call is over",
            ),
            // Whoever hangs up in the midst of it hands nothing in.
            ("{ presses: 12 }, hangs_up", "", ""),
        ],
    );
}

#[test]
fn keys_of_two_prompts_stay_apart() {
    let steps = "
  one:
    menu: { prompt: First, timeout: 5s }
    then: { 1: two, 12: both, else: end }
  two:
    menu: { prompt: Second, timeout: 5s }
    then: { 2: second, else: end }
  second:
    say: One and two
    next: end
  both:
    say: Twelve
    next: end
";
    check_table(
        "call",
        steps,
        &[
            ("{ presses: 1 }, { presses: 2 }, { hears: Twelve }", "", ""),
            (
                "{ presses: 1 }, { hears: Second }, { presses: 2 }, { hears: One and two }",
                "",
                "",
            ),
            (
                "{ presses: 1 }, { passes: 5s }, { presses: 2 }, { hears: One and two }",
                "",
                "",
            ),
        ],
    );
}
