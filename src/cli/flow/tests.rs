//! What `flow check` prints, and its exit codes.

use super::*;

/// The exit code and what was printed, for these files in one folder.
fn run(files: &[(&str, &str)], options: &[&str], against: Option<&Against>) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        std::fs::write(folder.path().join(name), source).unwrap();
    }
    let args = CheckArgs {
        paths: vec![folder.path().to_owned()],
        organisation: None,
        config: None,
        json: options.contains(&"json"),
        strict: options.contains(&"strict"),
        max_ring: 120,
        max_segments: 3,
        explain: None,
    };
    let mut out = Vec::new();
    let code = check_to(&args, against, false, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    (
        code,
        shown.replace(&folder.path().display().to_string(), "FOLDER"),
    )
}

const SOUND: &str = "flow: a\naccount: b\non: call\nsteps:\n  one:\n    say: Hi\n    next: end\n";
const DOUBTFUL: &str =
    "flow: c\naccount: b\non: call\nsteps:\n  one:\n    say: Press # now\n    next: end\n";

#[test]
fn a_sound_file_is_told_in_one_line_and_the_last_one_says_what_was_not_checked() {
    let (code, shown) = run(&[("a.yaml", SOUND)], &[], None);
    assert_eq!(code, 0);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "1 flow file: 0 faults, 0 warnings");
    assert!(
        lines[1].starts_with("not checked: names of accounts"),
        "{shown}"
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn warnings_are_allowed_unless_strict() {
    let (code, shown) = run(&[("a.yaml", DOUBTFUL)], &[], None);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("warning[comment-in-text]"), "{shown}");
    assert!(shown.contains("0 faults, 1 warning"), "{shown}");
    assert_eq!(run(&[("a.yaml", DOUBTFUL)], &["strict"], None).0, 1);
}

#[test]
fn a_fault_shows_its_line_and_the_nearest_name() {
    let wrong = SOUND.replace("next: end", "next: en");
    let (code, shown) = run(&[("a.yaml", &wrong)], &[], None);
    assert_eq!(code, 1);
    assert!(shown.contains("FOLDER/a.yaml:7:11"), "{shown}");
    assert!(shown.contains("did you mean `end`?"), "{shown}");
}

#[test]
fn json_is_an_array_of_records_with_stable_names() {
    let wrong = SOUND.replace("next: end", "next: en");
    let files = [("a.yaml", wrong.as_str()), ("b.yaml", DOUBTFUL)];
    let (code, shown) = run(&files, &["json"], None);
    assert_eq!(code, 1);
    let found: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let expected = serde_json::json!([
        {
            "file": "FOLDER/a.yaml", "line": 7, "column": 11, "end_column": 13,
            "code": "unknown-step", "severity": "fault", "text": "there is no step `en`",
            "help": "did you mean `end`?", "nearest": "end",
        },
        {
            "file": "FOLDER/b.yaml", "line": 6, "column": 10, "end_column": 15,
            "code": "comment-in-text", "severity": "warning",
            "text": "what is said ends before ` #`: what follows is a comment",
            "help": found[1]["help"], "nearest": null,
        },
    ]);
    assert_eq!(found, expected);
    assert_eq!(run(&[("a.yaml", SOUND)], &["json"], None).1.trim(), "[]");
}

#[test]
fn wrong_use_is_told_apart_from_faults() {
    assert_eq!(run(&[("a.txt", "")], &[], None).0, 2);
    assert_eq!(explain("unknown-stop").unwrap(), 2);
    assert_eq!(explain("unknown-step").unwrap(), 0);
}

#[test]
fn files_that_are_no_text_or_too_long_are_faults_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), b"flow: Ol\xe1\n").unwrap();
    std::fs::write(folder.path().join("b.yaml"), "# é\n".repeat(3_000_000)).unwrap();
    let found = files(&[folder.path().to_owned()]).unwrap();
    let fault = found[0].odd.as_ref().unwrap();
    assert_eq!((fault.code, fault.line, fault.column), ("encoding", 1, 9));
    let drawn = fault.draw(&found[0].text, false);
    assert!(
        drawn.contains("a.yaml:1:9") && drawn.contains("1 | flow: Ol\u{fffd}\n"),
        "{drawn}"
    );
    let text = found[1].readable().unwrap();
    assert!(text.len() > flow::SOURCE_BYTES_MAX && text.len() < flow::SOURCE_BYTES_MAX + 32);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, SOUND).unwrap();
    let roundabout = folder.path().join(".").join("a.yaml");
    let found = files(&[folder.path().to_owned(), file, roundabout]).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn sound_files_are_looked_for_where_the_configuration_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let (beside, media) = (folder.path().join("media"), folder.path().join("served"));
    for (place, name) in [(&beside, "draft.mp3"), (&media, "music.mp3")] {
        std::fs::create_dir(place).unwrap();
        std::fs::write(place.join(name), "").unwrap();
    }
    let paths = [folder.path().join("a.yaml"), folder.path().to_owned()];
    let names = |found: BTreeSet<String>| found.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(names(sounds(Some(&media), &paths)), "music.mp3");
    assert_eq!(names(sounds(None, &paths)), "draft.mp3");
}

#[test]
fn flows_that_lead_into_each_other_are_found() {
    let flow = |name: &str, step: &str, next: &str| {
        format!(
            "flow: {name}\naccount: b\non: call\nsteps:\n  one:\n    {step}\n  two:\n    goto: {next}\n"
        )
    };
    let speaks = "say: Hi\n    next: two";
    let waits = "menu: { prompt: Hi }\n    then: { 1: two, else: end }";
    let (a, b) = (flow("a", speaks, "b"), flow("b", speaks, "a"));
    let (code, shown) = run(&[("a.yaml", &a), ("b.yaml", &b)], &[], None);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("error[flow-loop]"), "{shown}");
    assert!(shown.contains("a → b → a"), "{shown}");
    assert!(shown.contains("FOLDER/a.yaml:9:11"), "{shown}");
    assert!(shown.contains("2 flow files: 1 fault,"), "{shown}");
    let b_waits = flow("b", waits, "a");
    assert_eq!(run(&[("a.yaml", &a), ("b.yaml", &b_waits)], &[], None).0, 0);
    // What is called may wait, or not.
    let a = flow("a", "call: c\n    next: two", "b");
    for (step, code) in [
        ("say: Hi\n    next: end", 1),
        ("menu: { prompt: Hi }\n    then: { 1: end, else: end }", 0),
    ] {
        let c = format!("flow: c\naccount: b\non: call\nsteps:\n  one:\n    {step}\n");
        let all = [("a.yaml", &*a), ("b.yaml", &*b), ("c.yaml", &*c)];
        let (found, shown) = run(&all, &[], None);
        assert_eq!(found, code, "{shown}");
    }
}

/// What flows are checked against: this organisation's file.
fn organisation(source: &str, now: Timestamp) -> Against {
    let read = crate::config::organisation::OrganisationFile::read("o.yaml", source);
    let directory = read.directory(&mut crate::model::Ids::new(now, 7), now);
    Against {
        directory: directory.unwrap(),
        file: "o.yaml".to_owned(),
        source: source.to_owned(),
        published: Vec::new(),
        carriers: BTreeMap::new(),
        http: None,
        media: None,
        now,
    }
}

/// The example that is shipped.
fn college(now: Timestamp) -> Against {
    organisation(include_str!("../../../config/organisation.yaml"), now)
}

#[test]
fn a_folder_is_judged_with_its_organisation() {
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let against = college(now);
    let flow = include_str!("../../../flows/apply.yaml");
    let (code, shown) = run(&[("apply.yaml", flow)], &[], Some(&against));
    assert_eq!(code, 1);
    // The organisation names flows that are not in this folder.
    assert!(
        shown.contains("error[unknown-flow]: the number +12025550100 leads to `main-line`"),
        "{shown}"
    );
    assert!(shown.contains("--> o.yaml:"), "{shown}");
}

#[test]
fn what_a_keyword_leads_to_is_marked_in_its_own_entry() {
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let against = college(now);
    let (_, shown) = run(&[("a.yaml", SOUND)], &[], Some(&against));
    // Both numbers of the clinic have this keyword.
    let of_keyword = shown.split("error[unknown-flow]: the keyword `REFILL` leads to `refill`");
    let places: BTreeSet<&str> = of_keyword
        .skip(1)
        .filter_map(|told| told.lines().nth(1))
        .map(|place| place.rsplit_once(':').unwrap().0)
        .collect();
    assert_eq!(places.len(), 2, "{shown}");
    let marked = |place: &str| {
        let line: usize = place.rsplit(':').next().unwrap().parse().unwrap();
        against.source.lines().nth(line - 1).unwrap()
    };
    assert!(
        places
            .iter()
            .all(|place| marked(place).contains("flow: refill")),
        "{places:?}"
    );
}

#[test]
fn that_nobody_is_in_a_group_is_told_once() {
    let source = "cost_centres:
  - { key: c, name: C }
users:
  - { key: ana, name: Ana, email: ana@example.org }
accounts:
  - key: b
    name: B
    zone: America/Chicago
    language: en
    cost_centre: c
    members: [{ user: ana }]
    groups:
      - { key: named, name: Named, members: [] }
      - { key: other, name: Other, members: [] }
";
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let against = organisation(source, now);
    let flow = "flow: a\naccount: b\non: sms\nsteps:\n  one:\n    inbox: { group: named }\n    next: end\n";
    let (code, shown) = run(&[("a.yaml", flow)], &[], Some(&against));
    assert_eq!(code, 0, "{shown}");
    for (group, place) in [("named", "FOLDER/a.yaml:6:21"), ("other", "o.yaml:14:16")] {
        assert_eq!(
            shown.matches(&format!("the group `{group}`")).count(),
            1,
            "{shown}"
        );
        assert!(shown.contains(&format!("--> {place}")), "{shown}");
    }
}

#[test]
fn a_file_alone_is_not_asked_where_it_leads() {
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    let flow = "flow: a\naccount: college\non: sms\nsteps:\n  one:\n    http: { url: https://crm.example.org/x }\n    then: { else: two }\n  two:\n    goto: elsewhere\n";
    std::fs::write(&file, flow).unwrap();
    let args = CheckArgs {
        paths: vec![file],
        organisation: None,
        config: None,
        json: false,
        strict: false,
        max_ring: 120,
        max_segments: 3,
        explain: None,
    };
    let mut out = Vec::new();
    let code = check_to(&args, Some(&college(now)), false, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("give the folder of all flows"), "{shown}");
    assert!(
        shown.contains("secrets of `http`; give --config"),
        "{shown}"
    );
}
