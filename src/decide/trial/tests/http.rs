//! Other systems that flows ask.

use super::*;

#[test]
fn other_systems_answer() {
    let steps = "
  ask:
    http: { url: \"https://crm.example.org/people?phone={{ call.from }}\", timeout: 5s, save_as: { flow.name: name } }
    then: { ok: hello, refused: stranger, failed: on }
  hello:
    say: \"Hello {{ flow.name }}\"
    next: on
  stranger:
    say: Hello stranger
    next: on
  on:
    transfer: \"+12025550150\"
";
    check_table(
        "call",
        steps,
        &[
            (
                "{ http: { status: 200, body: { name: Pat }, url: /people } }, { hears: Hello Pat }, { rings: \"+12025550150\" }, hangs_up",
                "ended_at: on",
                "",
            ),
            (
                "{ http: { body: '{\"name\": \"Bo\"}' } }, { hears: Hello Bo }",
                "",
                "",
            ),
            (
                "{ http: 404 }, { hears: Hello stranger }",
                "ended_at: on",
                "",
            ),
            ("{ http: no_answer }, { rings: \"+12025550150\" }", "", ""),
            (
                "{ passes: 20s }, { rings: \"+12025550150\" }",
                "ended_at: on",
                "",
            ),
            // A system that has not answered in time does not answer any more, as in production.
            (
                "{ passes: 4s }, { http: { body: '{\"name\": \"Bo\"}' } }, { hears: Hello Bo }",
                "",
                "",
            ),
            (
                "{ passes: 6s }, { http: 200 }",
                "",
                "no other system was asked",
            ),
            (
                "{ http: no_answer }, { http: 200 }",
                "",
                "no other system was asked",
            ),
            (
                "{ http: { status: 200, url: /calls } }",
                "",
                "\"https://crm.example.org/people?phone=%2B12025550143\" was asked, not \"/calls\"",
            ),
            (
                "{ http: 200 }, { http: 200 }",
                "",
                "no other system was asked",
            ),
        ],
    );
}
