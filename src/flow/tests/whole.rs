//! What is wrong with a flow as a whole.

use super::faults::{call, check_table, sms};

#[test]
fn the_flow_as_a_whole() {
    check_table([
        (
            call("  one:\n    say: Hi\n    next: end\n  two:\n    say: Ho\n    next: end\n"),
            "unreachable-step@8:3",
        ),
        (
            call("  one:\n    say: Hi\n    next: two\n  two:\n    say: Ho\n    next: one\n"),
            "never-ends@5:3 endless-loop@5:3",
        ),
        (
            call("  one:\n    menu: { prompt: Hi }\n    then: { 1: one, else: one }\n"),
            "never-ends@5:3",
        ),
        (
            call(
                "  one:\n    menu: { prompt: Hi }\n    then: { 1: end, invalid: one, timeout: end }\n",
            ),
            "",
        ),
        (
            call("  one:\n    dial: { group: nurses }\n    then: { answered: end, else: one }\n"),
            "endless-loop@5:3",
        ),
        (
            call(
                "  one:\n    dial: { group: nurses }\n    then: { else: end, caller_hung_up: two }\n  two:\n    say: Hi\n    next: end\n",
            ),
            "needs-caller@9:5",
        ),
        (
            call(
                "  one:\n    dial: { group: nurses }\n    then: { else: end, caller_hung_up: two }\n  two:\n    inbox: { group: nurses }\n    next: end\n",
            ),
            "",
        ),
        (
            call("  one:\n    say: Hi\n    next: two\n  two:\n    reject:\n"),
            "late-reject@9:5",
        ),
        (
            sms("  one:\n    reply: Hi\n    next: one\n"),
            "never-ends@5:3 endless-loop@5:3",
        ),
        // Several faults in one pass, in the order of the file.
        (
            call(
                "  one:\n    say: \"{{ x.y }}\"\n    next: tow\n  two:\n    dial: { group: nurse, order: all }\n    then: { answered: end }\n",
            ),
            "unknown-name@6:14 unknown-step@7:11 unknown-group@9:20 unknown-value@9:34 missing-outcome@10:5",
        ),
    ]);
}

#[test]
fn what_goes_round_in_silence() {
    check_table([
        (
            sms("  one:\n    ask: { prompt: Hi }\n    then: { valid: end, else: one }\n"),
            "silent-loop@5:3",
        ),
        (
            sms(
                "  one:\n    ask: { prompt: Hi }\n    then: { valid: end, invalid: one, timeout: end }\n",
            ),
            "",
        ),
        // What is only looked at again and again, with a way out, reaches nobody.
        (
            sms(
                "  one:\n    hours: office\n    then: { open: end, else: two }\n  two:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        (
            sms("  one:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n"),
            "silent-loop@5:3",
        ),
        // Rounds that are counted, by the flow or by another system, come to an end.
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    set: { flow.n: \"{{ flow.n | default(0) + 1 }}\" }\n    next: three\n  three:\n    branch: { enough: flow.n >= 3 }\n    then: { enough: end, else: four }\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    http: { url: https://example.org/x, save_as: { flow.done: done } }\n    then: { ok: three, else: end }\n  three:\n    branch: { enough: flow.done == \"yes\" }\n    then: { enough: end, else: four }\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        // A name that only begins alike counts nothing.
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    set: { flow.n: x, flow.nn: y }\n    next: three\n  three:\n    branch: { enough: contact.medicine == \"flow.nnn\" }\n    then: { enough: end, else: four }\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "silent-loop@5:3",
        ),
        // Who opted out is not texted on and on, and comes out of it: that is no way out for others.
        (
            sms(
                "  one:\n    reply: Hi\n    then: { ok: two, refused: end }\n  two:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "silent-loop@5:3",
        ),
        // A round beside the one that is counted, past the condition or past what counts.
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    wait: 1h\n    then: { elapsed: three, replied: end }\n  three:\n    hours: office\n    then: { open: one, else: four }\n  four:\n    set: { flow.n: \"{{ flow.n | default(0) + 1 }}\" }\n    next: five\n  five:\n    branch: { enough: flow.n >= 3 }\n    then: { enough: end, else: one }\n",
            ),
            "silent-loop@5:3",
        ),
        (
            sms(
                "  one:\n    branch: { enough: flow.n == \"1\", first: not present(flow.n) }\n    then: { enough: end, first: two, else: three }\n  two:\n    set: { flow.n: 1 }\n    next: three\n  three:\n    reply: Hi\n    next: four\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "silent-loop@11:3",
        ),
        // By tags, and by what a called flow gives back.
        (
            sms(
                "  one:\n    branch: { done: '\"reminded\" in contact.tags' }\n    then: { done: end, else: two }\n  two:\n    tag: { add: [reminded] }\n    next: three\n  three:\n    reply: Hi\n    next: four\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        (
            sms(
                "  one:\n    call: refill\n    next: two\n  two:\n    branch: { done: steps.one.result == \"yes\" }\n    then: { done: end, else: three }\n  three:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        // What is the same after the first round ends them where it leads out, and only there.
        (
            sms(
                "  one:\n    branch: { done: flow.k == \"1\" }\n    then: { done: end, else: two }\n  two:\n    set: { flow.k: \"1\" }\n    next: three\n  three:\n    reply: Hi\n    next: four\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    wait: 1h\n    then: { elapsed: three, replied: end }\n  three:\n    set: { flow.k: \"1\" }\n    next: four\n  four:\n    branch: { again: 'flow.k == \"1\"' }\n    then: { again: one, else: end }\n",
            ),
            "silent-loop@5:3",
        ),
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    wait: 1h\n    then: { elapsed: three, replied: end }\n  three:\n    set: { flow.k: \"1\" }\n    next: four\n  four:\n    branch: { again: contact.insured, b: 'flow.k == \"2\"' }\n    then: { again: one, b: end, else: one }\n",
            ),
            "silent-loop@5:3",
        ),
        (
            sms(
                "  one:\n    branch: { done: present(flow.k) }\n    then: { done: end, else: two }\n  two:\n    set: { flow.k: \"1\" }\n    next: three\n  three:\n    reply: Hi\n    next: four\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "",
        ),
        // A count that begins again in every round, and one that begins again only where another way is taken.
        (
            sms(
                "  one:\n    set: { flow.n: 0 }\n    next: two\n  two:\n    reply: Hi\n    next: three\n  three:\n    set: { flow.n: \"{{ flow.n + 1 }}\" }\n    next: four\n  four:\n    branch: { enough: flow.n >= 3 }\n    then: { enough: end, else: five }\n  five:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "silent-loop@8:3",
        ),
        (
            sms(
                "  one:\n    set: { flow.n: 0 }\n    next: two\n  two:\n    reply: Hi\n    next: three\n  three:\n    set: { flow.n: \"{{ flow.n + 1 }}\" }\n    next: four\n  four:\n    branch: { enough: flow.n >= 3 }\n    then: { enough: end, else: five }\n  five:\n    wait: 1h\n    then: { elapsed: two, replied: one }\n",
            ),
            "",
        ),
        // What is computed from itself and never begins counts nothing; what is wrong in a condition is told alone.
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    set: { flow.n: \"{{ flow.n + 1 }}\" }\n    next: three\n  three:\n    branch: { enough: flow.n >= 3 }\n    then: { enough: end, else: four }\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "too-early@9:24 too-early@12:23",
        ),
        (
            sms(
                "  one:\n    reply: Hi\n    next: two\n  two:\n    branch: { enough: flow.n = 3 }\n    then: { enough: end, else: four }\n  four:\n    wait: 1h\n    then: { elapsed: five, replied: end }\n  five:\n    set: { flow.n: 3 }\n    next: one\n",
            ),
            "expression@9:30",
        ),
        // A tag counts where it is asked for.
        (
            sms(
                "  one:\n    branch: { done: 'contact.caseloads == contact.caseloads' }\n    then: { done: end, else: two }\n  two:\n    tag: { add: [reminded] }\n    next: three\n  three:\n    reply: Hi\n    next: four\n  four:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "type@6:22",
        ),
        // A question about consent waits for the person, as others do.
        (
            sms(
                "  one:\n    consent: { ask: May we? }\n    then: { in: end, out: end, unknown: two }\n  two:\n    branch: { again: not present(flow.asked) }\n    then: { again: three, else: end }\n  three:\n    set: { flow.asked: once }\n    next: one\n",
            ),
            "",
        ),
        // A called flow may text.
        (
            sms(
                "  one:\n    hours: office\n    then: { open: end, else: two }\n  two:\n    call: refill\n    next: three\n  three:\n    wait: 1h\n    then: { elapsed: one, replied: end }\n",
            ),
            "silent-loop@8:3",
        ),
        (
            call(
                "  one:\n    menu: { prompt: Press 1 }\n    then: { 1: end, invalid: end, timeout: two }\n  two:\n    voicemail: { group: nurses }\n    then: { left: end, empty: one }\n",
            ),
            "silent-loop@5:3",
        ),
    ]);
}

#[test]
fn where_secret_digits_may_go() {
    let after = |step: &str| {
        call(&format!(
            "  pin:\n    gather: {{ digits: 4, save_as: flow.pin, secret: true }}\n    then: {{ got: next, timeout: end }}\n  next:\n    {step}\n"
        ))
    };
    check_table([
        ("say: \"You pressed {{ flow.pin }}\"\n    next: end", ""),
        ("voicemail: { group: nurses, greeting: \"You pressed {{ flow.pin }}\" }\n    next: end", ""),
        ("call: { flow: nurse-line, with: { } }\n    next: end", ""),
        ("branch: { right: flow.pin == \"1234\" }\n    then: { right: end, else: end }", ""),
        ("set: { contact.medicine: \"{% if flow.pin == '1234' %}checked{% else %}wrong{% endif %}\" }\n    next: end", ""),
        ("set: { contact.medicine: \"{{ flow.pin }}\" }\n    next: end", "secret@9:34"),
        ("inbox: { group: nurses, note: The flow.pin was asked for }\n    next: end", ""),
        ("set: { flow.right: '{{ flow.pin == \"1234\" }}', contact.insured: \"{{ flow.right }}\" }\n    next: end", ""),
        ("inbox: { group: nurses, note: \"{% for d in flow.pin %}{{ d }}{% endfor %}\" }\n    next: end", "secret@9:48"),
        ("inbox: { group: nurses, note: \"{% if flow.pin %}given{% endif %}\" }\n    next: end", ""),
        ("inbox: { group: nurses, note: \"PIN {{ flow.pin }}\" }\n    next: end", "secret@9:43"),
    ].map(|(step, expected)| (after(step), expected)));
    // Before it is asked for there is nothing to show.
    let before = "  one:\n    inbox: { group: nurses, note: \"{{ flow.pin }}\" }\n    next: pin\n  pin:\n    gather: { digits: 4, save_as: flow.pin, secret: true }\n    then: { got: end, timeout: end }\n";
    check_table([(call(before), "too-early@6:39")]);
}

#[test]
fn a_spoken_question_needs_a_caller() {
    check_table([
        (
            call(
                "  one:\n    menu: { prompt: Hi }\n    then: { 1: end, else: end, caller_hung_up: two }\n  two:\n    consent: { ask: May we? }\n    then: { in: end, out: end, unknown: end }\n",
            ),
            "needs-caller@9:5",
        ),
        (
            call(
                "  one:\n    menu: { prompt: Hi }\n    then: { 1: end, else: end, caller_hung_up: two }\n  two:\n    consent: { check: program }\n    then: { in: end, out: end, unknown: end }\n",
            ),
            "",
        ),
    ]);
}
