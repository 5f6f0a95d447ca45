//! Which ways over flows are too long, and which are not.

use crate::flow::prove::flows::{Together, Ways, judge};
use crate::flow::{Bounds, Findings, NoNames, inspect};

fn flow(key: &str, steps: &str) -> String {
    format!("flow: {key}\naccount: clinic\non: call\nsteps:\n{steps}")
}

/// Flows of which each one leads to the next by this step.
fn chain(count: usize, step: &str) -> Vec<String> {
    let link = |at: usize| {
        let step = step.replace("NEXT", &format!("f{:02}", at + 1));
        flow(&format!("f{at:02}"), &step)
    };
    let mut all: Vec<String> = (0..count).map(link).collect();
    all.push(flow(
        &format!("f{count:02}"),
        "  a: { say: One, next: end }\n",
    ));
    all
}

/// What is told of these flows together: code, line and message.
fn told(texts: &[String]) -> Vec<String> {
    let look = |text: &String| inspect("f", text, &NoNames, &Bounds::default());
    let found: Vec<Findings> = texts.iter().map(look).collect();
    let ways: Vec<Ways<'_>> = found
        .iter()
        .map(|one| Ways {
            file: "f",
            account: "clinic",
            flow: &one.flow.as_ref().expect("sound by itself").key,
            steps: &one.passages,
        })
        .collect();
    let faults = judge(&ways).into_iter();
    faults
        .map(|(_, fault)| format!("{} {}: {}", fault.code, fault.line, fault.message))
        .collect()
}

/// Which of these flows may not be published beside the others.
fn refused(texts: &[String]) -> Vec<String> {
    let together = Together::beside([], texts.iter().map(|text| ("f", text.as_str())));
    let names = texts.iter().filter_map(|text| crate::flow::name_of(text));
    let faulty = names.filter(|name| together.fault(&name.account, &name.flow).is_some());
    faulty.map(|name| name.flow).collect()
}

const CALL: &str = "  a: { call: NEXT, next: end }\n";
const GOTO: &str = "  a: { goto: NEXT }\n";
const CALL_BEHIND_MENU: &str =
    "  m: { menu: { prompt: One }, then: { 1: a, else: end } }\n  a: { call: NEXT, next: end }\n";

#[test]
fn flows_are_inside_one_another_up_to_the_bound() {
    for link in [CALL, CALL_BEHIND_MENU] {
        assert_eq!(told(&chain(5, link)), [""; 0]);
        let names: Vec<String> = (0..=6).map(|at| format!("f{at:02}")).collect();
        let line = if link == CALL { 5 } else { 6 };
        assert_eq!(
            told(&chain(6, link)),
            [format!(
                "calls-too-deep {line}: flows call each other more than 5 deep: {}",
                names.join(" → ")
            )]
        );
        assert_eq!(refused(&chain(6, link)), names);
    }
    // One that leaves for good begins anew.
    let mut mixed = chain(9, CALL);
    mixed[4] = flow("f04", "  a: { goto: f05 }\n");
    assert_eq!(told(&mixed), [""; 0]);
}

/// A flow on texts.
fn on_texts(key: &str, steps: &str) -> String {
    format!("flow: {key}\naccount: clinic\non: sms\nsteps:\n{steps}")
}

/// Steps that ask, and leave for another flow when nobody answers.
fn ask(into: &str) -> String {
    format!(
        "  a:\n    ask: {{ prompt: Hi }}\n    then: {{ valid: end, invalid: end, timeout: b }}\n  b: {{ goto: {into} }}\n"
    )
}

#[test]
fn flows_that_go_round_in_silence_are_told() {
    let (there, back) = (on_texts("one", &ask("two")), on_texts("two", &ask("one")));
    let words = "these flows lead into each other for good while the person does nothing";
    assert_eq!(
        told(&[there.clone(), back.clone()]),
        [format!("silent-loop 8: {words}: one → two → one")]
    );
    assert_eq!(refused(&[there.clone(), back]), ["one", "two"]);
    // A called flow that leaves for good ends it, and one that nobody knows may.
    let calls = "  a:\n    hours: office\n    then: { open: b, else: d }\n  b: { wait: 1h, then: { elapsed: c, replied: end } }\n  c: { goto: main }\n  d: { call: part, next: b }\n";
    let (part, last) = (
        on_texts("part", "  a: { goto: last }\n"),
        on_texts("last", "  a: { reply: Hi, next: end }\n"),
    );
    assert_eq!(told(&[on_texts("main", calls), part, last]), [""; 0]);
    assert_eq!(told(&[on_texts("main", calls)]), [""; 0]);
    // Where one of them ends in silence, and where nobody knows the other.
    let ends = "  a:\n    hours: office\n    then: { open: b, closed: end, holiday: end }\n  b: { goto: one }\n";
    assert_eq!(told(&[there.clone(), on_texts("two", ends)]), [""; 0]);
    assert_eq!(told(&[there]), [""; 0]);
    // Through a flow that is come back from: it ends, and the round does not.
    let part = on_texts("part", "  a: { reply: Hi, next: end }\n");
    let calls = "  a: { call: part, next: b }\n  b: { wait: 1h, then: { elapsed: c, replied: end } }\n  c: { goto: main }\n";
    assert_eq!(
        told(&[on_texts("main", calls), part]),
        [format!("silent-loop 7: {words}: main → main")]
    );
}

#[test]
fn a_flow_called_again_and_again_has_to_wait() {
    let main = on_texts(
        "main",
        "  a: { call: part, next: b }\n  b: { branch: { again: contact.insured }, then: { again: a, else: end } }\n",
    );
    let asks = on_texts(
        "part",
        "  a: { ask: { prompt: Hi }, then: { valid: end, else: end } }\n",
    );
    let says = on_texts("part", "  a: { reply: Hi, next: end }\n");
    assert_eq!(told(&[main.clone(), asks]), [""; 0]);
    let both = [main, says];
    assert_eq!(
        told(&both),
        [
            "flow-loop 5: these flows lead into each other without waiting for the person: main → part → main"
        ]
    );
    assert_eq!(refused(&both), ["main"]);
}

#[test]
fn what_was_too_far_before_refuses_nothing_new() {
    let long = chain(11, GOTO);
    let active: Vec<&str> = long.iter().map(String::as_str).collect();
    let leaf = long[11].replace("One", "Two");
    let beside = |files: &[&str]| {
        let texts: Vec<(&str, &str)> = files.iter().map(|text| ("f", *text)).collect();
        let together = Together::beside(active.iter().copied(), texts);
        together.fault("clinic", "f11").map(|fault| fault.code)
    };
    assert_eq!(beside(&[&leaf]), None);
    // A round in silence that was there before hides no way that is too long.
    let round = on_texts("round", &ask("round"));
    let together = Together::beside([round.as_str()], active.iter().map(|text| ("f", *text)));
    assert_eq!(
        together.fault("clinic", "f03").map(|fault| fault.code),
        Some("too-many-flows")
    );
    assert!(together.fault("clinic", "round").is_none());
    // Another fault is a new one.
    let round = flow("f11", "  a: { goto: f10 }\n");
    assert_eq!(beside(&[&round]), Some("flow-loop"));
    // What is not active yet is refused as it was.
    let together = Together::beside([], active.iter().map(|text| ("f", *text)));
    assert_eq!(
        together.fault("clinic", "f11").map(|fault| fault.code),
        Some("too-many-flows")
    );
}

#[test]
fn a_flow_that_calls_itself_behind_a_menu_is_too_deep() {
    let around = flow("f", &CALL_BEHIND_MENU.replace("NEXT", "f"));
    assert_eq!(
        told(&[around]),
        ["calls-too-deep 6: flows call each other more than 5 deep: f (7 times)"]
    );
}

#[test]
fn one_event_leads_into_flows_up_to_the_bound() {
    assert_eq!(told(&chain(10, GOTO)), [""; 0]);
    let names: Vec<String> = (0..=11).map(|at| format!("f{at:02}")).collect();
    let long = chain(11, GOTO);
    let told_of_long = format!(
        "too-many-flows 5: one event may lead into more than 10 flows here: {}",
        names.join(" → ")
    );
    assert_eq!(told(&long), [told_of_long]);
    assert_eq!(refused(&long), names);
    let mut halved = long;
    halved[6] = flow(
        "f06",
        &CALL_BEHIND_MENU.replace("call: NEXT, next: end", "goto: f07"),
    );
    assert_eq!(told(&halved), [""; 0]);
}

/// A flow that calls one so many times, the last time before it ends.
fn calls(key: &str, into: &str, times: usize) -> String {
    let step = |at: usize| {
        let next = if at + 1 == times {
            "end".to_owned()
        } else {
            format!("s{}", at + 1)
        };
        format!("  s{at}: {{ call: {into}, next: {next} }}\n")
    };
    flow(key, &(0..times).map(step).collect::<String>())
}

#[test]
fn calls_one_after_another_count_too() {
    let part = flow("part", "  a: { say: One, next: end }\n");
    assert_eq!(told(&[calls("main", "part", 10), part.clone()]), [""; 0]);
    let eleven = [calls("main", "part", 11), part.clone()];
    assert_eq!(
        told(&eleven),
        [
            "too-many-flows 5: one event may lead into more than 10 flows here: main → part (11 times)"
        ]
    );
    assert_eq!(refused(&eleven), ["main", "part"]);
    // Those of flows that are called count with them: 3 × (1 + 3).
    let deep = [
        calls("main", "part", 3),
        calls("part", "leaf", 3),
        flow("leaf", "  a: { say: One, next: end }\n"),
    ];
    let around = "part → leaf (3 times)";
    assert_eq!(
        told(&deep),
        [format!(
            "too-many-flows 5: one event may lead into more than 10 flows here: main → {around} → {around} → {around}"
        )]
    );
    // What waits in between begins anew.
    let waiting = flow(
        "part",
        "  a: { menu: { prompt: One }, then: { 1: end, else: end } }\n",
    );
    assert_eq!(told(&[calls("main", "part", 11), waiting]), [""; 0]);
}

#[test]
fn what_follows_in_the_calling_flow_counts_behind_a_wait_in_the_called_one() {
    let asks = |times: usize| {
        let calls: String = (0..times)
            .map(|at| format!("  s{at}: {{ call: leaf, next: s{} }}\n", at + 1))
            .collect();
        let text = format!(
            "  m: {{ menu: {{ prompt: One }}, then: {{ 1: s0, else: s0 }} }}\n{calls}  s{times}: {{ say: One, next: end }}\n"
        );
        flow("part", &text)
    };
    let leaf = flow("leaf", "  a: { say: One, next: end }\n");
    // The first of the calls ends at the menu; six follow in the called flow and five in the calling one.
    let main = |behind: usize| {
        let once = calls("main", "leaf", behind);
        once.replace("steps:\n", "steps:\n  first: { call: part, next: s0 }\n")
    };
    assert_eq!(told(&[main(5), asks(5), leaf.clone()]), [""; 0]);
    let told = told(&[main(5), asks(6), leaf.clone()]);
    assert_eq!(
        told,
        [
            "too-many-flows 6: one event may lead into more than 10 flows here: part → leaf (6 times) → main → leaf (5 times)"
        ]
    );
}

#[test]
fn steps_are_counted_over_flows() {
    let long = |key: &str, count: usize, last: &str| {
        let step = |at: usize| format!("  s{at}: {{ say: One, next: s{} }}\n", at + 1);
        flow(
            key,
            &((0..count - 1).map(step).collect::<String>()
                + &format!("  s{}: {last}\n", count - 1)),
        )
    };
    let rest = long("rest", 40, "{ say: One, next: end }");
    let fits = long("main", 60, "{ goto: rest }");
    assert_eq!(told(&[fits, rest.clone()]), [""; 0]);
    assert_eq!(
        told(&[long("main", 61, "{ goto: rest }"), rest]),
        ["too-many-steps 65: more than 100 steps may follow at once over these flows: main → rest"]
    );
}

#[test]
fn what_waits_for_a_phone_or_a_system_ends_an_event() {
    for (step, then) in [
        (
            "http: { url: https://a.example/, save: {} }",
            "{ ok: end, refused: end, failed: end }",
        ),
        (
            "dial: { group: nurses }",
            "{ nobody_available: h, else: end }",
        ),
    ] {
        let part = flow(
            "part",
            &format!("  a: {{ {step}, then: {then} }}\n  h: {{ hangup: }}\n"),
        );
        let part = match step.starts_with("http") {
            true => part
                .replace("  h: { hangup: }\n", "")
                .replace(", save: {}", ""),
            false => part,
        };
        assert_eq!(told(&[calls("main", "part", 11), part]), [""; 0], "{step}");
    }
}

#[test]
fn a_fault_of_one_account_hides_none_of_another() {
    let own = flow("own", &CALL_BEHIND_MENU.replace("NEXT", "own"));
    let mut texts = chain(11, GOTO);
    let alone = refused(&texts);
    texts.push(own.replace("account: clinic", "account: college"));
    assert_eq!(alone.len(), 12);
    assert_eq!(refused(&texts).len(), 13);
}
