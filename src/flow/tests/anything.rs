//! Whatever happens in whatever order, a run answers, stays inside its bounds, and ends once.

use proptest::prelude::*;

use super::shipped::SHIPPED;
use super::*;
use crate::flow::engine::{STEPS_PER_EVENT_MAX, STEPS_PER_RUN_MAX};
use crate::flow::steps::{SPECS, Spec, Style};
use crate::model::http::HttpAnswer;
use crate::model::{CallStatus, DialStatus};

/// Flows that have every verb that waits, rings or asks.
const EVERYTHING: [&str; 3] = [
    "flow: test\naccount: clinic\non: call\nsteps:\n  one:\n    menu: { prompt: Hi }\n    then: { 1: ring, 2: box, else: one }\n  ring:\n    dial: { to: [{ group: nurses }, { group: reception }], order: simultaneous, accept: key, devices: all }\n    then: { answered: one, caller_hung_up: note, else: box }\n  box:\n    voicemail: { group: nurses }\n    then: { left: end, empty: one, caller_hung_up: note }\n  note:\n    inbox: { group: nurses, auto_reply: Missed you }\n    next: end\n",
    "flow: test\naccount: clinic\non: call\nsteps:\n  one:\n    menu: { prompt: Hi }\n    then: { 1: ring, 2: ask, 9: part, else: away }\n  ring:\n    dial: { to: [{ user: carla }, { group: nurses }], order: round_robin, accept: key, devices: all, ring: 10s }\n    then: { answered: one, caller_hung_up: note, else: second }\n  second:\n    dial: { group: reception, order: least_recent, devices: ordered }\n    then: { answered: one, caller_hung_up: note, else: ask }\n  ask:\n    consent: { ask: Press 1 }\n    then: { in: request, out: one, unknown: one, caller_hung_up: note }\n  request:\n    http: { url: https://crm.example.org/a, save_as: { flow.name: name } }\n    then: { ok: one, refused: one, failed: one, caller_hung_up: note }\n  part:\n    call: other\n    then: { returned: one, caller_hung_up: note }\n  note:\n    send: { text: \"Sorry {{ flow.name }}\" }\n    next: end\n  away:\n    transfer: \"+12025550199\"\n",
    "flow: test\naccount: clinic\non: sms\nsteps:\n  one:\n    wait: 2h\n    then: { elapsed: two, replied: three }\n  two:\n    consent: { ask: May we?, tries: 2 }\n    then: { in: three, out: three, unknown: one }\n  three:\n    http: { url: https://crm.example.org/a, save_as: flow.name }\n    then: { ok: four, refused: four, failed: five }\n  four:\n    split: { a: 1, b: 1 }\n    then: { a: five, b: six }\n  five:\n    send: { to: \"+12025550199\", text: Hi }\n    then: { ok: six, refused: one }\n  six:\n    notify: { group: nurses, by: [email, text], on_shift: true, text: \"{{ flow.name }}\" }\n    next: seven\n  seven:\n    lookup: { phone: \"+12025550199\" }\n    then: { found: one, missing: eight }\n  eight:\n    wait: { until: office }\n    then: { elapsed: nine, replied: one }\n  nine:\n    call: other\n    next: end\n",
];

/// An event to be, its leg chosen among those rung by then.
#[derive(Debug, Clone)]
enum Likely {
    Started,
    Text(String),
    Timer,
    Digits(String),
    DialEnded(DialStatus, bool),
    Recorded(u32, bool),
    Ready(u32),
    Screen(usize, Option<String>, bool),
    LegStatus(usize, CallStatus),
    HungUp,
    Returned,
    Answered(u32, u16),
    /// Time passes, and what is due comes.
    Passes(u64),
    /// Time passes, and the timer is late: the next event comes first.
    Late(u64),
}

fn likely() -> impl Strategy<Value = Likely> {
    let dial = prop::sample::select(vec![
        DialStatus::Answered,
        DialStatus::NoAnswer,
        DialStatus::Busy,
        DialStatus::Declined,
        DialStatus::Failed,
        DialStatus::Canceled,
    ]);
    let leg = prop::sample::select(vec![
        CallStatus::Queued,
        CallStatus::Ringing,
        CallStatus::InProgress,
        CallStatus::Completed,
        CallStatus::Busy,
        CallStatus::NoAnswer,
        CallStatus::Canceled,
        CallStatus::Failed,
    ]);
    let words = prop::sample::select(vec![
        "",
        "1",
        "nurse",
        "refill",
        "insulin",
        "2026-03-04",
        "menu",
        "☃",
    ]);
    let keys = prop::sample::select(vec!["", "1", "2", "9", "1985", "#"]);
    prop_oneof![
        1 => Just(Likely::Started),
        4 => words.prop_map(|text| Likely::Text(text.to_owned())),
        3 => Just(Likely::Timer),
        6 => keys.clone().prop_map(|keys| Likely::Digits(keys.to_owned())),
        4 => (dial, any::<bool>()).prop_map(|(status, gone)| Likely::DialEnded(status, gone)),
        2 => (0..20u32, any::<bool>()).prop_map(|(length, gone)| Likely::Recorded(length, gone)),
        1 => (0..20u32).prop_map(Likely::Ready),
        4 => (0..4usize, prop::option::of(keys), any::<bool>()).prop_map(|(leg, keys, machine)| {
            Likely::Screen(leg, keys.map(str::to_owned), machine)
        }),
        5 => (0..4usize, leg).prop_map(|(at, status)| Likely::LegStatus(at, status)),
        1 => Just(Likely::HungUp),
        1 => Just(Likely::Returned),
        2 => (1..4u32, prop::sample::select(vec![200_u16, 404, 500, 0])).prop_map(|(ask, status)| Likely::Answered(ask, status)),
        2 => (1..200_000u64).prop_map(Likely::Passes),
        1 => (1..200_000u64).prop_map(Likely::Late),
    ]
}

fn happens(drive: &mut Drive, likely: &Likely, rung: &mut Vec<LegId>) {
    let leg =
        |at: usize, drive: &mut Drive| rung.get(at).copied().unwrap_or_else(|| drive.ids.fresh());
    match likely {
        Likely::Started => drive.take(Event::Started),
        Likely::Text(text) => drive.texts(text),
        Likely::Timer => drive.take(Event::Timer),
        Likely::Digits(digits) => drive.take(Event::Digits(digits)),
        Likely::DialEnded(status, gone) => drive.take(Event::DialEnded {
            status: *status,
            duration_s: 5,
            caller_gone: *gone,
        }),
        Likely::Recorded(duration_s, gone) => drive.take(Event::Recorded {
            duration_s: *duration_s,
            recording: None,
            url: None,
            caller_gone: *gone,
        }),
        Likely::Screen(at, digits, machine) => {
            let leg = leg(*at, drive);
            drive.take(Event::Screen {
                leg,
                digits: digits.as_deref(),
                machine: *machine,
                unsure: false,
            })
        }
        Likely::LegStatus(at, status) => {
            let leg = leg(*at, drive);
            drive.take(Event::LegStatus {
                leg,
                status: *status,
            })
        }
        Likely::HungUp => drive.take(Event::HungUp),
        Likely::Returned => drive.take(Event::Returned),
        Likely::Answered(ask, status) => {
            let body = "{\"name\":\"x\"}".to_owned();
            let answer = match status {
                0 => HttpAnswer::None("no_answer".to_owned()),
                status => HttpAnswer::Answer {
                    status: *status,
                    body,
                },
            };
            drive.take(Event::Answered {
                ask: *ask,
                answer: &answer,
            })
        }
        Likely::Ready(duration_s) => drive.take(Event::RecordingReady(EarlyRecording {
            recording: "RE1",
            url: "https://example.org/RE1",
            duration_s: *duration_s,
        })),
        Likely::Late(seconds) => {
            drive.later(*seconds);
            return;
        }
        Likely::Passes(seconds) => {
            drive.later(*seconds);
            drive.take(Event::Timer)
        }
    };
    for effect in &drive.last().effects {
        if let Effect::Ring { legs, .. } = effect {
            rung.extend(legs.iter().map(|leg| leg.leg));
        }
    }
}

/// What holds after every event.
fn judge(drive: &Drive, likely: &Likely, was_over: bool) {
    // Nothing has happened yet.
    if matches!(likely, Likely::Late(_)) {
        return;
    }
    let last = drive.last();
    assert!(drive.run.steps_event <= STEPS_PER_EVENT_MAX + 1);
    assert!(drive.run.steps_total <= STEPS_PER_RUN_MAX + 1);
    assert!(!last.waits_for_text || last.ended.is_none());
    assert!(last.due_at.is_none() || last.ended.is_none());
    let asked = matches!(likely, Likely::Screen(..));
    assert_eq!(
        last.leg_script.is_some(),
        asked,
        "a leg is answered when it asks, and only then"
    );
    if let Some(script) = &last.script {
        assert_eq!(drive.flow.kind, Kind::Call);
        assert!(!drive.run.call.gone, "nobody hears it");
        let waits = |verb: &CallVerb| {
            !matches!(
                verb,
                CallVerb::Say { .. } | CallVerb::Play { .. } | CallVerb::Pause { .. }
            )
        };
        let ends = script.iter().filter(|verb| waits(verb)).count();
        assert!(
            ends == 1 && waits(script.last().unwrap()),
            "one waiting verb, at the end"
        );
    }
    if was_over {
        assert!(last.ended.is_some() && last.script.is_none() && last.goto.is_none());
    }
    // One winner at most for each dial: a second accepted leg never joins.
    if let Some(CallVerb::Join { .. }) = last.leg_script.as_ref().and_then(|verbs| verbs.first()) {
        assert!(!drive.run.call.gone);
    }
}

/// Steps to be, one of each verb at least; what no carrier or store is asked for is left to other tests.
const BODIES: [(&str, &[&str]); 30] = [
    ("say", &["Hi", "{ en: Hi, es: Hola }"]),
    ("play", &["welcome.mp3"]),
    (
        "menu",
        &["{ prompt: Hi }", "{ prompt: Hi, tries: 1, timeout: 1s }"],
    ),
    (
        "gather",
        &[
            "{ prompt: Hi, digits: 4..6, secret: true, save_as: flow.x }",
            "{ digits: 1, tries: 2 }",
        ],
    ),
    (
        "dial",
        &[
            "{ group: nurses }",
            "{ to: [{ group: nurses }, { group: reception }], order: simultaneous, accept: key, devices: all }",
            "{ to: [{ user: carla }, { group: nurses }], order: round_robin, accept: key, total: 60s }",
            "{ group: reception, order: least_recent, devices: ordered, skip: busy }",
            "{ number: \"+12025550199\", caller_id: number }",
        ],
    ),
    (
        "voicemail",
        &["{ group: nurses }", "{ user: erin, min: 0s, notify: none }"],
    ),
    ("queue", &["{ group: nurses, callback_key: 9 }"]),
    ("hangup", &[""]),
    ("reject", &["{ reason: busy }"]),
    ("transfer", &["\"+12025550199\""]),
    ("reply", &["Hi"]),
    (
        "send",
        &[
            "{ text: \"Hi {{ flow.x }}\" }",
            "{ to: \"+12025550199\", text: Hi }",
        ],
    ),
    (
        "ask",
        &[
            "{ prompt: Hi, save_as: contact.medicine, tries: 2 }",
            "{ expect: number, tries: 3, timeout: 1m }",
            "{ prompt: Hi, again: No, expect: date, save_as: contact.birth_date }",
            "{ choices: { a: [insulin], b: } }",
            "{ pattern: A9 }",
        ],
    ),
    ("keywords", &["{ a: [nurse], b: [refill] }"]),
    (
        "inbox",
        &[
            "{ group: nurses, auto_reply: Hi, priority: high }",
            "{ user: erin, tags: [a] }",
        ],
    ),
    ("assign", &["{ group: nurses }", "{ user: erin }"]),
    ("close", &[""]),
    (
        "consent",
        &[
            "{ record: out }",
            "{ record: in, scope: number }",
            "{ ask: May we?, tries: 2 }",
            "{ check: account }",
        ],
    ),
    ("hours", &["office"]),
    (
        "branch",
        &[
            "{ a: hour() > 11, b: contact.insured }",
            "{ a: present(flow.x), b: age(contact.birth_date) < 18 }",
        ],
    ),
    ("split", &["{ a: 1, b: 3 }"]),
    (
        "lookup",
        &["\"+12025550199\"", "contact.phone", "{ caseload: insulin }"],
    ),
    (
        "set",
        &["{ contact.medicine: Hi, contact.insured: yes, flow.x: \"{{ contact.name }}\" }"],
    ),
    (
        "tag",
        &[
            "{ add: [a], remove: [b] }",
            "{ add_caseload: insulin, remove_caseload: [home-visits] }",
        ],
    ),
    (
        "http",
        &["{ url: https://crm.example.org/a, save_as: { flow.x: name } }"],
    ),
    (
        "email",
        &[
            "{ to: contact.email, subject: Hi, text: Hi }",
            "{ group: nurses, subject: Hi, text: Hi }",
        ],
    ),
    (
        "notify",
        &["{ group: nurses, by: [email, text], on_shift: true, text: Hi }"],
    ),
    ("wait", &["2h", "{ until: office }"]),
    ("call", &["other"]),
    ("goto", &["other"]),
];

/// One step to be: its verb and how it is written, and where each outcome goes.
type Drawn = (
    prop::sample::Index,
    prop::sample::Index,
    Vec<prop::sample::Index>,
);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let index = any::<prop::sample::Index>;
    let targets = prop::collection::vec(index(), 8);
    prop::collection::vec((index(), index(), targets), 1..9)
}

/// The outcomes that a step with this verb, written so, must say where they go.
fn outcomes(spec: &Spec, body: &str) -> Vec<&'static str> {
    let (Style::Next(fixed) | Style::Then(fixed)) = spec.style else {
        return Vec::new();
    };
    let own: &[&str] = match spec.word {
        "menu" => &["1", "2"],
        "keywords" | "branch" | "split" => &["a", "b"],
        "consent" if body.contains("record") => &["ok"],
        "consent" => &["in", "out", "unknown"],
        _ => &[],
    };
    own.iter().chain(fixed).copied().collect()
}

/// A flow of steps that were drawn. The first outcome of each leads to the next step, so that all are reached; the others
/// lead on, or, where the step waits for the person, anywhere. So every such flow is sound.
fn made(kind: Kind, drawn: &[Drawn]) -> String {
    let verbs = |leaving: bool| -> Vec<&Spec> {
        let known = SPECS.iter().filter(|spec| spec.read.is_some());
        let of_kind = known.filter(|spec| spec.kinds.contains(&kind));
        of_kind
            .filter(|spec| leaving || spec.style != Style::Leaves)
            .collect()
    };
    let mut text = format!(
        "flow: test\naccount: clinic\non: {}\nwith: {{ x: Hi }}\nsteps:\n",
        kind.as_str()
    );
    let mut gone = false;
    for (at, (verb, body, targets)) in drawn.iter().enumerate() {
        let last = at + 1 == drawn.len();
        let all = verbs(last);
        let spec = all[verb.index(all.len())];
        let bodies = BODIES.iter().find(|(word, _)| *word == spec.word);
        let bodies = bodies.map_or(&[][..], |(_, bodies)| bodies);
        assert!(!bodies.is_empty(), "a row of BODIES for `{}`", spec.word);
        let body = bodies[body.index(bodies.len())];
        text += &format!("  s{at}:\n    {}: {body}\n", spec.word);
        let mut then = Vec::new();
        for (nth, outcome) in outcomes(spec, body).iter().enumerate() {
            // One that waits for a calendar may pass at once.
            let ahead: Vec<usize> = match spec.waits && !body.contains("until") {
                true => (0..=drawn.len()).collect(),
                false => (at + 1..=drawn.len()).collect(),
            };
            let to = match nth {
                0 => at + 1,
                _ => ahead[targets[nth % targets.len()].index(ahead.len())],
            };
            let to = if to == drawn.len() {
                "end".to_owned()
            } else {
                format!("s{to}")
            };
            then.push(format!("\"{outcome}\": {to}"));
        }
        if kind == Kind::Call && !then.is_empty() && targets[0].index(2) == 0 {
            then.push("caller_hung_up: gone".to_owned());
            gone = true;
        }
        if !then.is_empty() {
            text += &format!("    then: {{ {} }}\n", then.join(", "));
        }
    }
    if gone {
        text += "  gone:\n    http: { url: https://crm.example.org/a }\n    then: { else: note }\n  note:\n    inbox: { group: nurses, auto_reply: Missed you }\n    next: end\n";
    }
    text
}

/// The flow that drawn ones lead to; it is over at once.
fn other(kind: Kind) -> Flow {
    let source = format!(
        "flow: other\naccount: clinic\non: {}\nsteps:\n  one:\n    set: {{ flow.result: x }}\n    next: end\n",
        kind.as_str()
    );
    Drive::new(&source).flow
}

/// Goes through the flow that a `call` step called, and comes back; whether the run has left for good.
fn leaves(drive: &mut Drive, home: &Flow, other: &Flow) -> bool {
    while drive.last().goto.is_some() {
        if drive.run.callers.is_empty() {
            return true;
        }
        drive.flow = other.clone();
        drive.take(Event::Started);
        let returns = drive.last().returns.is_some();
        drive.flow = home.clone();
        if !returns {
            // It had no steps left to take.
            return drive.run.ended.is_some();
        }
        drive.take(Event::Returned);
        judge(drive, &Likely::Returned, false);
    }
    false
}

/// Whatever still waits is left alone: the caller hangs up, nobody answers, and time passes.
fn ends(drive: &mut Drive, other: &Flow, rung: &mut Vec<LegId>) -> bool {
    let home = drive.flow.clone();
    if home.kind == Kind::Call {
        let was_over = drive.run.ended.is_some();
        happens(drive, &Likely::HungUp, rung);
        judge(drive, &Likely::HungUp, was_over);
    }
    // Each time a step is taken, and there are only so many of them.
    for _ in 0..=STEPS_PER_RUN_MAX {
        if leaves(drive, &home, other) || drive.run.ended.is_some() {
            return true;
        }
        happens(drive, &Likely::Passes(61 * 86_400), rung);
        judge(drive, &Likely::Timer, false);
    }
    false
}

/// Everything there is, played as it came, with repeats, and then once more from the end.
fn disordered(events: &[(Likely, bool)]) -> Vec<Likely> {
    let mut order = Vec::new();
    for (likely, twice) in events {
        order.push(likely.clone());
        if *twice {
            order.push(likely.clone());
        }
    }
    let late: Vec<Likely> = order.iter().rev().cloned().collect();
    order.extend(late);
    order
}

#[test]
fn every_verb_is_among_those_that_are_drawn() {
    let missing = SPECS.iter().map(|spec| spec.word);
    let missing: Vec<&str> = missing
        .filter(|verb| !BODIES.iter().any(|(word, _)| word == verb))
        .collect();
    assert!(missing.is_empty(), "rows of BODIES: {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn drawn_flows_answer_stay_inside_their_bounds_and_end(
        call in any::<bool>(),
        steps in drawn(),
        events in prop::collection::vec((likely(), any::<bool>()), 1..20),
        legs_max in 1..3u32,
        reachable in any::<bool>(),
    ) {
        let kind = if call { Kind::Call } else { Kind::Sms };
        // Every flow drawn is to be sound; what is not is shown.
        let mut drive = Drive::new(&made(kind, &steps));
        let (home, other) = (drive.flow.clone(), other(kind));
        drive.legs_max = legs_max;
        drive.textable = reachable;
        drive.automated_left = reachable;
        let mut rung = Vec::new();
        happens(&mut drive, &Likely::Started, &mut rung);
        let mut left = leaves(&mut drive, &home, &other);
        for likely in disordered(&events) {
            if left {
                // It goes on in another flow, on events of its own.
                break;
            }
            let was_over = drive.run.ended.is_some();
            happens(&mut drive, &likely, &mut rung);
            judge(&drive, &likely, was_over);
            left = leaves(&mut drive, &home, &other);
        }
        prop_assert!(left || ends(&mut drive, &other, &mut rung), "it never ends: {:?}", drive.run);
        let told = drive.effects.iter().filter(|effect| matches!(effect, Effect::CallOutcome(_)));
        prop_assert!(told.count() <= 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn shipped_flows_survive_any_order_of_events(
        flow in 0..SHIPPED.len() + EVERYTHING.len(),
        events in prop::collection::vec(likely(), 1..40),
        legs_max in 1..3u32,
    ) {
        let source = SHIPPED.get(flow).map_or_else(|| EVERYTHING[flow - SHIPPED.len()], |(_, source)| source);
        let mut drive = Drive::new(source);
        drive.legs_max = legs_max;
        let mut rung = Vec::new();
        happens(&mut drive, &Likely::Started, &mut rung);
        for likely in &events {
            let was_over = drive.run.ended.is_some();
            happens(&mut drive, likely, &mut rung);
            judge(&drive, likely, was_over);
        }
        let ended = drive.effects.iter().filter(|effect| matches!(effect, Effect::CallOutcome(_))).count();
        // Once, and once more for a voicemail told only after the end.
        prop_assert!(ended <= 2);
        let mut winners: Vec<LegId> = Vec::new();
        for effect in &drive.effects {
            if let Effect::Accepted { leg } = effect {
                prop_assert!(!winners.contains(leg), "accepted twice");
                winners.push(*leg);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "\\PC{0,200}") {
        let _ = check("flow.yaml", &source, &NoNames);
    }

    #[test]
    fn any_condition_and_template_is_read_or_refused(
        condition in "[a-z\"'.()<>=!+\\-\\[\\], 0-9é]{0,80}",
        template in "[{}%#|.a-z\"' *~()é]{0,80}",
    ) {
        let mut scope = crate::flow::scope::Scope::default();
        let _ = crate::flow::expr::parse(&condition, &mut scope);
        let _ = crate::flow::template::Template::parse(&template, &mut scope);
    }

    #[test]
    fn a_damaged_flow_is_read_or_refused(
        flow in 0..SHIPPED.len(),
        at in any::<prop::sample::Index>(),
        cut in 0..30usize,
        put in "[ -~\\n]{0,8}",
    ) {
        let (_, source) = SHIPPED[flow];
        let mut damaged: Vec<char> = source.chars().collect();
        let at = at.index(damaged.len());
        let end = (at + cut).min(damaged.len());
        damaged.splice(at..end, put.chars());
        let damaged: String = damaged.into_iter().collect();
        if let Err(faults) = check("flow.yaml", &damaged, &NoNames) {
            prop_assert!(!faults.is_empty());
            // Drawing finds every place.
            let _ = render(&damaged, &faults);
        }
    }
}
