//! What a diff tells of a step: every change of meaning, and no other.

use super::*;

/// What is told of two revisions of a flow of texts with one step, which is called `a`.
fn texts(before: &str, after: &str) -> Vec<String> {
    let of = |step: &str| {
        let source = format!("flow: main\naccount: clinic\non: sms\nsteps:\n  a:\n    {step}\n");
        let checked = check("main.yaml", &source, &NoNames).unwrap();
        Drawing::of(&checked.flow, &source)
    };
    let lines = between(&of(before), &of(after)).lines;
    let line = |line: String| line.replacen("~ a: ", "", 1);
    lines.into_iter().map(line).collect()
}

/// Each pair of steps with what is told of it.
fn check_texts(after: &str, table: &[(&str, &str, &[&str])]) {
    for (was, is, expected) in table {
        let told = texts(&format!("{was}{after}"), &format!("{is}{after}"));
        assert_eq!(told, *expected, "{was} against {is}");
    }
}

#[test]
fn what_is_emptied_is_told() {
    check_texts(
        "\n    next: end",
        &[
            (
                "set: { contact.medicine: ~, flow.z: \"1\" }",
                "set: { flow.z: \"1\" }",
                &["contact.medicine is no more; it was emptied"],
            ),
            (
                "set: { flow.z: \"1\" }",
                "set: { contact.medicine: ~, flow.z: \"1\" }",
                &["contact.medicine is emptied, which is new"],
            ),
            (
                "set: { contact.medicine: x }",
                "set: { contact.medicine: ~ }",
                &["contact.medicine is emptied instead of “x”"],
            ),
            (
                "set: { contact.medicine: ~ }",
                "set: { contact.medicine: x }",
                &["contact.medicine “x” instead of being emptied"],
            ),
            // Names that do not look at each other may stand in any order.
            (
                "set: { flow.y: a, flow.z: b }",
                "set: { flow.z: b, flow.y: a }",
                &[],
            ),
            (
                "set: { flow.y: a, flow.z: \"{{ flow.y }}\" }",
                "set: { flow.z: \"{{ flow.y }}\", flow.y: a }",
                &["what it names stands in another order"],
            ),
        ],
    );
}

#[test]
fn a_number_a_truth_and_a_text_are_not_the_same_to_a_server() {
    let http = |rest: &str| {
        format!("http: {{ url: \"https://example.org\", {rest} }}\n    then: {{ else: end }}")
    };
    for (was, is, expected) in [
        (
            "body: { a: 1 }",
            "body: { a: \"1\" }",
            &["body a \"1\" instead of 1"][..],
        ),
        (
            "body: { a: true }",
            "body: { a: \"true\" }",
            &["body a \"true\" instead of true"],
        ),
        (
            "body: { a: ~ }",
            "body: { b: ~ }",
            &["body b null is new", "body a is no more; it was null"],
        ),
        (
            "body: { a: ~ }",
            "body: { a: \"\" }",
            &["body a \"\" instead of null"],
        ),
        (
            "body: { a: [] }",
            "body: { a: {} }",
            &["body a {} instead of []"],
        ),
        (
            "body: { a: [1, 2] }",
            "body: { a: [2, 1] }",
            &["body a [1] 2 instead of 1", "body a [2] 1 instead of 2"],
        ),
        // Beside another key too.
        (
            "body: { a: 1 }, timeout: 3s",
            "body: { a: \"1\" }, timeout: 4s",
            &["body a \"1\" instead of 1", "timeout “4s” instead of “3s”"],
        ),
        // The keys of a document have no order.
        ("body: { a: 1, b: 2 }", "body: { b: 2, a: 1 }", &[]),
        ("body: { a: 1 }", "body: { a: 1 }, method: POST", &[]),
        (
            "timeout: 3s",
            "timeout: 4s, method: GET",
            &["timeout “4s” instead of “3s”"],
        ),
        (
            "timeout: 3s",
            "method: PUT",
            &[
                "method “PUT” instead of “GET”",
                "timeout “5s” instead of “3s”",
            ],
        ),
    ] {
        assert_eq!(texts(&http(was), &http(is)), expected, "{was} against {is}");
    }
}

#[test]
fn spaces_and_lines_of_a_text_count() {
    check_texts(
        "\n    next: end",
        &[
            (
                "reply: 'Hi you'",
                "reply: 'Hi  you'",
                &["text “Hi  you” instead of “Hi you”"],
            ),
            (
                "reply: 'Hi you'",
                "reply: \"Hi\\nyou\"",
                &["text “Hi\\nyou” instead of “Hi you”"],
            ),
            ("reply: Hi you", "reply: { text: 'Hi you' }", &[]),
            (
                "reply: Hi",
                "reply: { en: Hi }",
                &["text en “Hi” is new", "text is no more; it was “Hi”"],
            ),
            (
                "reply: { en: Hi, es: Hola, fr: Salut }",
                "reply: { es: Hola, en: Hi, fr: Salut }",
                &["what it names stands in another order"],
            ),
            // Only the first language is for everybody else.
            (
                "reply: { en: Hi, es: Hola, fr: Salut }",
                "reply: { en: Hi, fr: Salut, es: Hola }",
                &[],
            ),
        ],
    );
}

#[test]
fn words_have_no_order() {
    check_texts(
        "\n    next: end",
        &[
            ("tag: { add: [a, b] }", "tag: { add: [b, a] }", &[]),
            ("tag: { add: [a] }", "tag: { add: a }", &[]),
            (
                "tag: { add: [a, b] }",
                "tag: { add: [b, c] }",
                &["add “b, c” instead of “a, b”"],
            ),
            (
                "tag: { add: [a, b] }",
                "tag: { remove: c, add: [b, a] }",
                &["remove “c” is new"],
            ),
        ],
    );
    check_texts(
        "\n    then: { else: end }",
        &[
            (
                "keywords: { BILL: [billing, invoice], HOURS: [] }",
                "keywords: { HOURS: [], BILL: [invoice, billing] }",
                &[],
            ),
            (
                "ask: { tries: 2, choices: { s: [x], l: [y] } }",
                "ask: { tries: 3, expect: choice, choices: { l: [y], s: [x] } }",
                &["tries “3” instead of “2”"],
            ),
        ],
    );
}

#[test]
fn conditions_count_however_they_are_spaced() {
    check_texts(
        "\n    then: { else: end }",
        &[(
            "branch: { x: present( contact.name )  and hour()>=8, y: contact.name == \"a  b\" }",
            "branch: { x: present(contact.name) and hour() >= 8, y: contact.name == \"a b\" }",
            &["y “contact.name == \"a b\"” instead of “contact.name == \"a  b\"”"],
        )],
    );
}

#[test]
fn defaults_that_are_written_out_are_no_change() {
    let lines = |was: &str, is: &str, then: &str| {
        let step = |step: &str| drawing(&format!("\n  a:\n    {step}\n    then: {then}\n"));
        between(&step(was), &step(is)).lines
    };
    let dials = "{ answered: end, else: end }";
    for (was, is, expected) in [
        (
            "group: nurses",
            "group: nurses, ring: 25s, accept: none, devices: first",
            &["~ a: ring “25s” instead of “20s”"][..],
        ),
        ("group: nurses", "group: nurses, total: 10m", &[]),
        (
            "group: nurses",
            "group: nurses, total: 600s, skip: [caller, offline, busy]",
            &[],
        ),
        (
            "group: nurses, total: 5m",
            "group: nurses",
            &["~ a: total “10m” instead of “5m”"],
        ),
        // All at once it takes as long as they ring.
        (
            "group: nurses, order: simultaneous, ring: 30s",
            "group: nurses, order: simultaneous, ring: 40s",
            &["~ a: ring “40s” instead of “30s”"],
        ),
        (
            "group: nurses, order: simultaneous, ring: 30s",
            "group: nurses, order: simultaneous, ring: 30s, total: 30s, record: true",
            &["~ a: record “true” instead of “false”"],
        ),
        (
            "to: [{ user: erin }, { group: nurses }]",
            "to: [{ group: nurses }, { user: erin }]",
            &["~ a: to “group nurses, user erin” instead of “user erin, group nurses”"],
        ),
    ] {
        let (was, is) = (format!("dial: {{ {was} }}"), format!("dial: {{ {is} }}"));
        assert_eq!(lines(&was, &is, dials), expected, "{is}");
    }
    let was = "menu: { prompt: Press 1 }";
    let is = "menu: { prompt: Press one, timeout: 5s, tries: 3 }";
    assert_eq!(
        lines(was, is, "{ 1: end, else: end }"),
        ["~ a: prompt “Press one” instead of “Press 1”"]
    );
}

/// What depends on other keys is said twice in the forms: in words, and so that it can be reckoned with.
#[test]
fn what_depends_on_other_keys_means_what_its_reader_makes_of_it() {
    check_texts(
        "\n    then: { else: end }",
        &[
            (
                "consent: { ask: \"Yes?\" }",
                "consent: { ask: \"OK?\", timeout: 24h, tries: 2 }",
                &["ask “OK?” instead of “Yes?”"],
            ),
            (
                "ask: { pattern: A9 }",
                "ask: { pattern: A9, expect: pattern, tries: 2 }",
                &["tries “2” instead of “1”"],
            ),
            (
                "ask: { prompt: A }",
                "ask: { prompt: B, expect: any }",
                &["prompt “B” instead of “A”"],
            ),
        ],
    );
}

#[test]
fn what_means_the_same_is_no_change() {
    let step = |dial: &str| {
        format!("\n  ring:\n    dial: {dial}\n    then: {{ answered: end, else: end }}\n")
    };
    let one = step("{ group: nurses, ring: 60s, skip: [busy, offline], devices: first }");
    let other = step("{ group: nurses, ring: 1m, skip: [offline, busy], order: sequential }");
    assert_eq!(between(&drawing(&one), &drawing(&other)).lines, [""; 0]);
    let longer = drawing(&step("{ group: nurses, ring: 2m, skip: [offline, busy] }"));
    assert_eq!(
        between(&drawing(&one), &longer).lines[0],
        "~ ring: ring “2m” instead of “60s”"
    );
}

#[test]
fn phones_and_orders_count() {
    let lines = |one: &str, other: &str| {
        let step = |step: &str| drawing(&format!("\n  a:\n    {step}\n"));
        between(&step(one), &step(other)).lines
    };
    let transfer = |phone: &str| format!("transfer: \"{phone}\"");
    // They end alike.
    let changed = lines(&transfer("+12025550150"), &transfer("+12025550250"));
    assert_eq!(changed.len(), 1, "{changed:?}");
    let order = ["~ a: what it names stands in another order"];
    for (one, other) in [
        (
            "{ branch: { x: present(contact.name), y: present(contact.email) }, then: { x: end, y: end, else: end } }",
            "{ branch: { y: present(contact.email), x: present(contact.name) }, then: { x: end, y: end, else: end } }",
        ),
        (
            "{ split: { x: 10, y: 90 }, then: { x: end, y: end } }",
            "{ split: { y: 90, x: 10 }, then: { x: end, y: end } }",
        ),
        (
            "{ say: { fr: Bonjour, es: Hola }, next: end }",
            "{ say: { es: Hola, fr: Bonjour }, next: end }",
        ),
    ] {
        let (one, other) = (
            drawing(&format!("\n  a: {one}\n")),
            drawing(&format!("\n  a: {other}\n")),
        );
        assert_eq!(between(&one, &other).lines, order);
    }
}
