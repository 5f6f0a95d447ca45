//! What holds of a flow as a whole.

use super::{Call, File, Files, Made, Page, Sms, fault, warning};

pub(super) const PAGES: &[Page] = &[
    fault(
        "unreachable-step",
        "Finds a step that no path leads to.",
        "Most often a target was changed and this step forgotten: what it does no longer happens.",
        Call(
            "  greet:\n    say: Hello\n    next: end\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
        Call(
            "  greet:\n    say: Hello\n    next: box\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
    ),
    fault(
        "never-ends",
        "Finds a step from which no path leads to an end.",
        "The person could only hang up, and the run would stay open for good.",
        Call("  choose:\n    menu: { prompt: Press 1 }\n    then: { 1: choose, else: choose }\n"),
        Call(
            "  choose:\n    menu: { prompt: Press 1 }\n    then: { 1: end, invalid: choose, timeout: end }\n",
        ),
    ),
    fault(
        "endless-loop",
        "Finds steps that go round without waiting for the person.",
        "It would ring, speak or text on and on, without anybody having a say. Between two rounds stands a step that waits: a menu, a voicemail, a question.",
        Call("  ring:\n    dial: { group: nurses }\n    then: { answered: end, else: ring }\n"),
        Call(
            "  ring:\n    dial: { group: nurses }\n    then: { answered: end, else: again }\n  again:\n    menu: { prompt: To try again press 1 }\n    then: { 1: ring, else: end }\n",
        ),
    ),
    fault(
        "silent-loop",
        "Finds steps that go round while the person does nothing: back by a time that passes, an answer that does not come, or a recording of silence. Among texts it is a fault where nothing else leads out, and a warning where something leads out that the rounds themselves do not change. In a call it is a warning. Over several flows only texts are looked at, and only what never comes to an end.",
        "Somebody who never answers would get one text after another, and a forgotten line would be held, until the steps of the run are used up. Count the rounds, and let a `branch` end them.",
        Sms(
            "  remind:\n    reply: Please call us about your visit.\n    next: pause\n  pause:\n    wait: 24h\n    then: { elapsed: remind, replied: end }\n",
        ),
        Sms(
            "  remind:\n    reply: Please call us about your visit.\n    next: count\n  count:\n    set: { flow.rounds: \"{{ flow.rounds | default(0) + 1 }}\" }\n    next: enough\n  enough:\n    branch: { enough: flow.rounds >= 3 }\n    then: { enough: end, else: pause }\n  pause:\n    wait: 24h\n    then: { elapsed: remind, replied: end }\n",
        ),
    ),
    fault(
        "too-many-steps",
        "Finds more than 100 steps one behind the other without one that waits for the person.",
        "One event takes 100 steps at most, so that a mistake cannot hold up everybody else; the flow would stop there and be put before a person.",
        Made(
            "(101 steps that say something, one behind the other)\n",
            too_many,
        ),
        Call("  greet:\n    say: Hello, and all the rest of it in one text\n    next: end\n"),
    ),
    fault(
        "flow-loop",
        "Finds flows that lead into each other by `goto` or `call`, round and round, without waiting for the person. It is looked for over all files that are checked together.",
        "Nobody would have a say, until a guard ends the run and puts it before a person.",
        File(
            "flow: example\naccount: clinic\non: call\nsteps:\n  greet:\n    say: Hello\n    next: again\n  again:\n    goto: example\n",
        ),
        File(
            "flow: example\naccount: clinic\non: call\nsteps:\n  greet:\n    menu: { prompt: To hear this again press 1 }\n    then: { 1: again, else: end }\n  again:\n    goto: example\n",
        ),
    ),
    fault(
        "calls-too-deep",
        "Finds flows that call each other deeper than flows may be inside one another, such as one that calls itself behind a menu. It is looked for over all files that are checked together.",
        "Each `call` waits to be come back to. One that is too deep is not made: the run ends and is put before a person. `goto` leaves for good, so that any number may follow.",
        File(
            "flow: example\naccount: clinic\non: call\nsteps:\n  greet:\n    menu: { prompt: To hear this again press 1 }\n    then: { 1: again, else: end }\n  again:\n    call: example\n    next: end\n",
        ),
        File(
            "flow: example\naccount: clinic\non: call\nsteps:\n  greet:\n    menu: { prompt: To hear this again press 1 }\n    then: { 1: again, else: end }\n  again:\n    goto: example\n",
        ),
    ),
    fault(
        "too-many-flows",
        "Finds a way on which one event leads into more flows by `goto` and `call` than it may. It is looked for over all files that are checked together.",
        "Beyond that the run ends and is put before a person. A step that waits for the person begins anew, and several flows may be put into one.",
        Files(
            "flow: part\naccount: clinic\non: call\nsteps:\n  say: { say: Hello, next: end }\n---\nflow: example\naccount: clinic\non: call\nsteps:\n  a: { call: part, next: b }\n  b: { call: part, next: c }\n  c: { call: part, next: d }\n  d: { call: part, next: e }\n  e: { call: part, next: f }\n  f: { call: part, next: g }\n  g: { call: part, next: h }\n  h: { call: part, next: i }\n  i: { call: part, next: j }\n  j: { call: part, next: k }\n  k: { call: part, next: end }\n",
        ),
        Files(
            "flow: part\naccount: clinic\non: call\nsteps:\n  say: { say: Hello, next: end }\n---\nflow: example\naccount: clinic\non: call\nsteps:\n  a: { call: part, next: b }\n  b: { call: part, next: end }\n",
        ),
    ),
    fault(
        "same-name",
        "Finds files that say they are the same flow of an account.",
        "Only one of them can answer. In the folder that is followed it stays the one that the active revision came from; if it came from none of them, the only one that says the same, and else none is published.",
        Files(
            "flow: night\naccount: clinic\non: call\nsteps:\n  greet:\n    say: Hello\n    next: end\n---\nflow: night\naccount: clinic\non: call\nsteps:\n  greet:\n    say: Good evening\n    next: end\n",
        ),
        Files(
            "flow: night\naccount: clinic\non: call\nsteps:\n  greet:\n    say: Hello\n    next: end\n---\nflow: evening\naccount: clinic\non: call\nsteps:\n  greet:\n    say: Good evening\n    next: end\n",
        ),
    ),
    fault(
        "needs-caller",
        "Finds a step that speaks to the caller and comes after the caller has left.",
        "Nobody is there to hear it. After `caller_hung_up` stand steps such as inbox, set and tag.",
        Call(
            "  ring:\n    dial: { group: nurses }\n    then: { caller_hung_up: sorry, else: end }\n  sorry:\n    say: Sorry to have missed you\n    next: end\n",
        ),
        Call(
            "  ring:\n    dial: { group: nurses }\n    then: { caller_hung_up: missed, else: end }\n  missed:\n    inbox: { group: nurses, note: Hung up while it rang }\n    next: end\n",
        ),
    ),
    warning(
        "too-early",
        "Finds the value of a step, or a variable, that is named where it cannot be there yet.",
        "It is always empty there: a text has a gap, and a condition decides as if nobody had answered.",
        Call(
            "  greet:\n    say: Thank you, {{ steps.who.digits }}\n    next: who\n  who:\n    gather: { prompt: Your number please, digits: 3 }\n    then: { else: end }\n",
        ),
        Call(
            "  who:\n    gather: { prompt: Your number please, digits: 3 }\n    then: { got: greet, else: end }\n  greet:\n    say: Thank you, {{ steps.who.digits }}\n    next: end\n",
        ),
    ),
    warning(
        "late-reject",
        "Finds a `reject` that may come after something was said or rung.",
        "A call that was answered can only be ended: the caller hears a hang-up, not a busy line, and is billed.",
        Call(
            "  greet:\n    say: Hello\n    next: refuse\n  refuse:\n    reject: { reason: busy }\n",
        ),
        Call("  refuse:\n    reject: { reason: busy }\n"),
    ),
    warning(
        "ring-time",
        "Finds a path on which a caller may hear ringing for more than the bound (120 s, or `--max-ring`) without being asked anything. The longest such path is named. Where nothing is known of a group, it counts as one device.",
        "Callers give up after about a minute, and their carrier may end the call before you do.",
        Call(
            "  first:\n    dial: { user: erin, ring: 80s }\n    then: { answered: end, else: second }\n  second:\n    dial: { user: farid, ring: 80s }\n    then: { answered: end, else: box }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
        Call(
            "  first:\n    dial: { user: erin, ring: 25s }\n    then: { answered: end, else: second }\n  second:\n    dial: { user: farid, ring: 25s }\n    then: { answered: end, else: box }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
    ),
];

fn too_many() -> Vec<u8> {
    let steps = (0..101).map(|n| match n {
        100 => "  s100:\n    say: Bye\n    next: end\n".to_owned(),
        n => format!("  s{n}:\n    say: Hello\n    next: s{}\n", n + 1),
    });
    format!(
        "flow: example\naccount: clinic\non: call\nsteps:\n{}",
        steps.collect::<String>()
    )
    .into_bytes()
}
