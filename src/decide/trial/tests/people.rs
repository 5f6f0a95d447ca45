//! Whom a test knows: what it is given of people, and what it expects of them.

use super::*;

#[test]
fn caseloads_are_given_and_expected() {
    let steps = "
  ours:
    lookup: { caseload: north }
    then: { found: out, missing: in }
  out:
    tag: { add_caseload: south, remove_caseload: north }
    next: end
  in:
    tag: { add_caseload: [north] }
    next: end
";
    for (given_to, expected, failed) in [
        ("[north, east]", "[south, east]", None),
        ("[]", "north", None),
        ("[east]", "[east, north]", None),
        (
            "[north]",
            "[north]",
            Some("the caseloads are [\"south\"], not [\"north\"]"),
        ),
        (
            "[north]",
            "[]",
            Some("the caseloads are [\"south\"], not []"),
        ),
    ] {
        let test = format!(
            "    given: {{ contacts: {{ \"+12025550143\": {{ name: Quinn, caseloads: {given_to} }} }} }}\n    \
             script: [receives_nothing]\n    expect: {{ contact: {{ caseloads: {expected} }} }}\n",
        );
        let told = given("sms", steps, &test).failed.map(|one| one.words);
        assert_eq!(told.as_deref(), failed, "{given_to}");
    }
}

#[test]
fn people_are_found_by_what_a_test_gives_them() {
    let steps = "
  who:
    lookup: { field: contact.student_id, equals: \"{{ message.text }}\" }
    then: { found: yes, missing: no }
  yes:
    reply: \"Hello {{ steps.who.name }}\"
    next: end
  no:
    reply: Who are you?
    next: end
";
    for (id, hears) in [("hello", "Hello Quinn"), ("bye", "Who are you?")] {
        let test = format!(
            "    given: {{ contacts: {{ \"+12025550150\": {{ name: Quinn, student_id: {id} }} }} }}\n    \
             script: [{{ receives: \"{hears}\" }}]\n    expect: {{ ended_at: {} }}\n",
            if id == "hello" { "yes" } else { "no" }
        );
        assert_eq!(given("sms", steps, &test).failed, None, "{id}");
    }
}
