//! Drawings of small flows, and their differences.

mod diffs;

use super::layout::{WIDTH, layout};
use super::*;
use crate::flow::{NoNames, check};

fn drawing(steps: &str) -> Drawing {
    let source = format!("flow: main\naccount: clinic\non: call\nsteps:\n{steps}");
    let checked = check("main.yaml", &source, &NoNames).unwrap();
    Drawing::of(&checked.flow, &source)
}

const MENU: &str = "
  choose:
    menu: { prompt: For nurses press 1, timeout: 5s, tries: 2 }
    then: { 1: nurses, 2: box, invalid: box, timeout: end }
  nurses:
    dial: { group: nurses, order: sequential, ring: 15s }
    then: { answered: end, else: box }
  box:
    voicemail: { group: nurses, greeting: { en: Please speak, es: Hable } }
    next: end
";

#[test]
fn a_step_tells_what_it_does_and_where_its_outcomes_lead() {
    let drawing = drawing(MENU);
    assert_eq!(drawing.title, "clinic · main");
    let [choose, nurses, voicemail] = drawing.steps.as_slice() else {
        panic!("{drawing:?}")
    };
    assert_eq!(
        (choose.does(), nurses.does(), voicemail.does()),
        ("Menu", "Ring", "Voicemail")
    );
    assert_eq!(choose.words, ["“For nurses press 1”", "waits 5s · 2 tries"]);
    assert_eq!(voicemail.words, ["“Please speak”", "group nurses"]);
    let labels: Vec<_> = choose
        .arrows
        .iter()
        .map(|arrow| (arrow.label(), arrow.to))
        .collect();
    assert_eq!(
        labels,
        [
            ("1".to_owned(), Some(1)),
            ("2, invalid".to_owned(), Some(2)),
            ("timeout".to_owned(), None)
        ]
    );
    assert_eq!(voicemail.arrows[0].label(), "");
}

#[test]
fn the_notations_name_every_step_and_arrow() {
    let drawing = drawing(MENU);
    let (mermaid, dot) = (mermaid(&drawing), dot(&drawing));
    for line in [
        "s0 -->|\"1\"| s1",
        "s0 -->|\"2, invalid\"| s2",
        "s1 -->|\"answered\"| end_",
        "s2 --> end_",
    ] {
        assert!(mermaid.contains(line), "{line} in\n{mermaid}");
    }
    for line in [
        "s0 -> s1 [label=\"1\"];",
        "s2 [label=\"Voicemail (box)\\n“Please speak”\\ngroup nurses\"",
        "end_ [label=\"end\"",
    ] {
        assert!(dot.contains(line), "{line} in\n{dot}");
    }
}

#[test]
fn what_is_written_in_a_flow_cannot_leave_its_place_in_the_picture() {
    let drawing = drawing("\n  one:\n    say: \"<script>\\\"&\"\n    next: end\n");
    let svg = svg(&drawing);
    assert!(
        !svg.contains("<script") && svg.contains("&lt;script&gt;&quot;&amp;"),
        "{svg}"
    );
    assert!(!mermaid(&drawing).contains("<script"));
}

/// A flow of so many menus, each leading to the next two and back to the first.
fn many(count: usize) -> Drawing {
    let step = |at: usize| {
        let (next, after) = ((at + 1).min(count - 1), (at + 2).min(count - 1));
        let then = match at + 1 == count {
            true => "{ 1: end, invalid: end, timeout: end }".to_owned(),
            false => format!("{{ 1: s{next}, 2: s{after}, 9: s0, invalid: end, timeout: end }}"),
        };
        format!("  s{at}:\n    menu: {{ prompt: Press }}\n    then: {then}\n")
    };
    drawing(&(0..count).map(step).collect::<String>())
}

#[test]
fn boxes_never_stand_over_each_other_nor_over_passing_arrows() {
    for count in [1, 2, 7, 40, 300] {
        let drawing = many(count);
        let heights = vec![80.0; count];
        let placed = layout(&drawing, &heights, &[]);
        for (at, (x, y)) in placed.steps.iter().enumerate() {
            assert!(*x >= WIDTH / 2.0 - 0.01 && *x <= placed.width - WIDTH / 2.0 + 0.01);
            for (other_x, other_y) in &placed.steps[at + 1..] {
                assert!(y != other_y || (x - other_x).abs() >= WIDTH, "{count}");
            }
            for (lane, top, _) in placed.arrows.iter().flat_map(|path| &path.through) {
                assert!(y != top || (x - lane).abs() >= WIDTH / 2.0, "{count}");
            }
        }
        let down = placed.arrows.iter().filter(|path| !path.back);
        for path in down {
            assert!(placed.steps[path.from].1 < placed.steps[path.to].1);
        }
    }
}

/// A hospital's front door: many ways lead into few boxes.
fn hospital() -> Drawing {
    let mut steps = String::from(
        "  main_menu:\n    menu: { prompt: Press a key, tries: 3 }\n    then: { 1: ward1, 2: ward2, 3: ward3, 4: ward4, 5: ward5, 6: ward6, 7: ward7, \"*\": again, else: night, caller_hung_up: missed }\n\
         \x20 again:\n    menu: { prompt: Once more }\n    then: { 1: main_menu, else: night, caller_hung_up: missed }\n",
    );
    for n in 1..=7 {
        steps += &format!(
            "  ward{n}:\n    branch: {{ vip: present(contact.name) }}\n    then: {{ vip: ring{n}, else: info{n} }}\n\
             \x20 info{n}:\n    say: You have reached the ward. Please hold the line.\n    next: ring{n}\n\
             \x20 ring{n}:\n    dial: {{ group: nurses }}\n    then: {{ answered: end, busy: second{n}, caller_hung_up: missed, else: box{n} }}\n\
             \x20 second{n}:\n    dial: {{ group: doctors }}\n    then: {{ answered: survey, caller_hung_up: missed, else: box{n} }}\n\
             \x20 box{n}:\n    voicemail: {{ group: nurses }}\n    next: end\n"
        );
    }
    steps += "  survey:\n    menu: { prompt: Were we of help }\n    then: { 1: again, else: end, caller_hung_up: end }\n\
              \x20 night:\n    voicemail: { group: desk }\n    then: { left: thanks, empty: end, caller_hung_up: missed }\n\
              \x20 thanks:\n    say: Thank you\n    next: end\n\
              \x20 missed:\n    inbox: { group: desk }\n    next: end\n";
    drawing(&steps)
}

/// Menus beside each other that repeat themselves.
fn turning() -> Drawing {
    let wards = (1..=3).map(|n| {
        format!(
            "  ward{n}:\n    menu: {{ prompt: Press 1 }}\n    \
             then: {{ 1: box, 7: ward{n}, 8: ward{n}, invalid: ward{n}, timeout: end }}\n"
        )
    });
    let steps = format!(
        "\n  choose:\n    menu: {{ prompt: Press a key }}\n    \
         then: {{ 1: ward1, 2: ward2, 3: ward3, 9: choose, invalid: end, timeout: end }}\n{}  \
         box:\n    voicemail: {{ group: nurses }}\n    next: end\n",
        wards.collect::<String>()
    );
    drawing(&steps)
}

#[test]
fn what_leads_to_where_it_begins_turns_beside_its_box() {
    let drawing = turning();
    let heights: Vec<f64> = drawing.steps.iter().map(svg::height).collect();
    let placed = layout(&drawing, &heights, &svg::beside(&drawing));
    let labels = svg::arrows(&mut String::new(), &drawing, &placed, &heights);
    let boxes = svg::boxes(&placed, &heights);
    let words = labels::placed(&labels, &boxes);
    let turning = labels
        .iter()
        .zip(&words)
        .filter(|(one, _)| one.places.len() == 1);
    let turning: Vec<_> = turning.collect();
    let said: Vec<&str> = turning.iter().map(|(one, _)| one.text.as_str()).collect();
    assert_eq!(
        said,
        ["9", "7, 8, invalid", "7, 8, invalid", "7, 8, invalid"]
    );
    for ((label, rect), of) in turning.iter().zip(&boxes) {
        let right = of.x + of.width;
        assert!(
            rect.x > right && rect.x < right + 40.0,
            "{label:?} {rect:?}"
        );
        assert!(
            rect.x + rect.width <= placed.width + 0.1,
            "{label:?} {rect:?}"
        );
        assert!(rect.y > of.y && rect.y + rect.height < of.y + of.height);
    }
    // No lane at the right of the picture is kept for them.
    assert!(!svg(&drawing).contains("class=\"back\""));
}

/// The drawings of the shipped flows.
fn shipped() -> Vec<Drawing> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files
        .map(|file| {
            let source = std::fs::read_to_string(file).unwrap();
            let checked = check("", &source, &NoNames).unwrap();
            Drawing::of(&checked.flow, &source)
        })
        .collect()
}

#[test]
fn the_words_of_arrows_stand_over_no_box_and_no_other_words() {
    let mut drawings = shipped();
    assert!(drawings.len() > 9);
    drawings.push(hospital());
    assert!(drawings.last().unwrap().steps.len() >= 40);
    drawings.push(turning());
    for drawing in drawings {
        let heights: Vec<f64> = drawing.steps.iter().map(svg::height).collect();
        let placed = layout(&drawing, &heights, &svg::beside(&drawing));
        let boxes = svg::boxes(&placed, &heights);
        let labels = svg::arrows(&mut String::new(), &drawing, &placed, &heights);
        let words = labels::placed(&labels, &boxes);
        for (at, one) in words.iter().enumerate() {
            let others = boxes.iter().chain(&words[..at]);
            let over: Vec<_> = others.filter(|other| one.covered_by(other) > 0.0).collect();
            assert!(
                over.is_empty(),
                "{}: {:?} {one:?} {over:?}",
                drawing.title,
                labels[at].text
            );
        }
    }
}

#[test]
fn revisions_are_compared_by_meaning() {
    let before = drawing(MENU);
    let spelled = "
  choose:   # the same in other words
    menu:
      prompt: For nurses press 1
      timeout: 5s
      tries: 2
    then: { timeout: end, 1: nurses, 2: box, invalid: box }
  box:
    voicemail: { group: nurses, greeting: { en: Please speak, es: Hable } }
    next: end
  nurses:
    dial: { group: nurses, order: sequential, ring: 15s }
    then: { answered: end, else: box }
";
    assert_eq!(between(&before, &drawing(spelled)).lines, [""; 0]);
    let after = "
  choose:
    menu: { prompt: For nurses press 1, timeout: 5s, tries: 2 }
    then: { 1: nurses, 3: bye, invalid: bye, timeout: end }
  nurses:
    dial: { group: nurses, order: sequential, ring: 20s }
    then: { answered: end, else: bye }
  bye:
    say: Goodbye
    next: end
";
    let changed = between(&before, &drawing(after));
    assert_eq!(
        changed.lines,
        [
            "~ choose: 3 is new and leads to bye",
            "~ choose: invalid leads to bye instead of box",
            "~ choose: 2 is no more; it led to box",
            "~ nurses: ring “20s” instead of “15s”",
            "~ nurses: no answer leads to bye instead of box",
            "~ nurses: busy leads to bye instead of box",
            "~ nurses: declined leads to bye instead of box",
            "~ nurses: failed leads to bye instead of box",
            "~ nurses: nobody available leads to bye instead of box",
            "+ bye: Say Goodbye",
            "- box: Voicemail “Please speak” group nurses",
        ]
    );
    let kinds: Vec<_> = changed
        .drawing
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.change))
        .collect();
    assert_eq!(
        kinds,
        [
            ("choose", Change::Changed),
            ("nurses", Change::Changed),
            ("bye", Change::Added),
            ("box", Change::Removed)
        ]
    );
    ways_are_drawn_by_what_became_of_them(&changed.drawing);
}

/// What was removed is drawn too, from a step that stays to one that does not.
fn ways_are_drawn_by_what_became_of_them(drawing: &Drawing) {
    let ways = |step: &Shape| {
        let way = |arrow: &Arrow| (arrow.label(), arrow.to, arrow.change);
        step.arrows.iter().map(way).collect::<Vec<_>>()
    };
    let way = |label: &str, to: Option<usize>, change| (label.to_owned(), to, change);
    assert_eq!(
        ways(&drawing.steps[0]),
        [
            way("1", Some(1), Change::Same),
            way("3, invalid", Some(2), Change::Added),
            way("timeout", None, Change::Same),
            way("2, invalid", Some(3), Change::Removed),
        ]
    );
    let all = |at: usize| {
        ways(&drawing.steps[at])
            .into_iter()
            .map(|(.., change)| change)
    };
    assert!(all(2).all(|change| change == Change::Added));
    assert!(all(3).all(|change| change == Change::Removed));
    let (mermaid, dot, svg) = (mermaid(drawing), dot(drawing), svg(drawing));
    for line in [
        "s0 -->|\"2, invalid\"| s3",
        "linkStyle 1 stroke:#2a8a3c\n",
        "linkStyle 3 stroke:#b63a3a,stroke-dasharray:6 4\n",
    ] {
        assert!(mermaid.contains(line), "{line} in\n{mermaid}");
    }
    let line = "s0 -> s3 [label=\"2, invalid\", color=\"#b63a3a\", style=dashed];";
    assert!(dot.contains(line), "{dot}");
    let red = "stroke=\"#b63a3a\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\" marker-end";
    // From both steps that led to the box.
    assert_eq!(svg.matches(red).count(), 2, "{svg}");
}

#[test]
fn an_arrow_is_parted_where_some_of_its_outcomes_are_new() {
    let of = |then: &str| {
        drawing(&format!(
            "\n  a:\n    menu: {{ prompt: Press }}\n    then: {then}\n  b:\n    say: Hi\n    next: end\n"
        ))
    };
    let changed = between(
        &of("{ 1: b, invalid: a, timeout: end }"),
        &of("{ 1: b, 2: b, invalid: b, timeout: b }"),
    );
    let arrows = changed.drawing.steps[0].arrows.iter();
    let arrows: Vec<_> = arrows
        .map(|arrow| (arrow.outcomes.join(" "), arrow.label(), arrow.change))
        .collect();
    let arrow =
        |outcomes: &str, label: &str, change| (outcomes.to_owned(), label.to_owned(), change);
    assert_eq!(
        arrows,
        [
            arrow("1", "1", Change::Same),
            arrow("2 invalid timeout", "2, invalid, timeout", Change::Added),
            arrow("invalid", "invalid", Change::Removed),
            arrow("timeout", "timeout", Change::Removed),
        ]
    );
    assert!(svg(&changed.drawing).contains("class=\"ended\""));
}

/// As many steps as a flow may have, each with an outcome that leads on and two that lead far: the time that it takes
/// grows with the arrows, not with their square.
#[test]
fn the_largest_flow_is_drawn_soon() {
    let steps: String = (0..300)
        .map(|n| {
            let to = |step: usize| match step {
                300.. => "end".to_owned(),
                step => format!("s{step}"),
            };
            let (next, far, last) = (to(n + 1), to(n + 2 + n % 17), to(299.max(n + 1)));
            format!(
                "  s{n}:\n    menu: {{ prompt: Press }}\n    then: {{ 1: {next}, 2: {far}, else: {last} }}\n"
            )
        })
        .collect();
    let drawing = drawing(&format!("\n{steps}"));
    let heights = vec![60.0; drawing.steps.len()];
    let begun = crate::ambient::Stopwatch::start();
    let layout = layout(&drawing, &heights, &[]);
    let picture = svg(&drawing);
    println!("drawn in {:?}, {} bytes", begun.elapsed(), picture.len());
    assert_eq!(
        (layout.steps.len(), layout.height),
        (300, 300.0 * 60.0 + 299.0 * 84.0)
    );
    let spots = layout.arrows.iter().map(|arrow| 1 + arrow.through.len());
    assert!(spots.sum::<usize>() > 40_000);
}

#[test]
fn what_stands_above_the_steps_counts_too() {
    let of = |head: &str| {
        let source = format!("{head}steps:\n  a:\n    inbox: {{ group: nurses }}\n    next: end\n");
        let checked = check("main.yaml", &source, &NoNames).unwrap();
        Drawing::of(&checked.flow, &source)
    };
    let before = of("flow: main\naccount: clinic\non: call\nwith: { a: \"1\", b: x }\n");
    let after = of("flow: other\naccount: college\non: sms\nwith: { a: \"2\", c: x }\n");
    assert_eq!(
        between(&before, &after).lines,
        [
            "account is college instead of clinic",
            "flow is other instead of main",
            "on is sms instead of call",
            "with a is 2 instead of 1",
            "with c is new: \"x\"",
            "with b is no more",
        ]
    );
}

#[test]
fn what_is_computed_is_drawn() {
    for (text, expected) in [
        ("{{ flow.n | default(0) + 1 }}", "[flow n + 1]"),
        (
            "Hi {{ contact.name | first_word | upper }}!",
            "Hi [contact name]!",
        ),
        ("{{ contact.next_visit + 7 }}", "[contact next visit + 7]"),
    ] {
        assert_eq!(super::without_braces(text), expected, "{text}");
    }
}
