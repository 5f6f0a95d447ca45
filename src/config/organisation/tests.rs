//! Files and what is said of them, as tables.

use super::*;

mod broken;

const SHIPPED: &str = include_str!("../../../config/organisation.yaml");

/// A small organisation that the tables break in one place each.
const SMALL: &str = r#"cost_centres: [{ key: main, name: Main }]
users:
  - { key: ana, name: Ana Ruiz, email: ana@example.org, devices: [{ phone: "+12025550111" }] }
  - { key: ben, name: Ben Okafor }
numbers:
  - { number: "+12025550100", connection: twilio, can: [sms, voice], manage_unmatched: clinic }
accounts:
  - key: clinic
    zone: America/Chicago
    cost_centre: main
    columns: { size: text }
    plan: { monthly: 5000, unit: messages, rate: 10/s, beyond: email }
    members: [{ user: ana, roles: [staff] }]
    calendars: { office: { open: { mon-fri: ["09:00-12:30", "13:30-17:00"] }, holidays: [2026-12-25] } }
    groups: [{ key: billing, members: [ana] }]
    numbers: [{ number: "+12025550100", call_flow: main-line, text_flow: none, route: { group: billing } }]
    keywords: [{ number: "+12025550100", word: APPLY, aliases: [APLY], flow: apply, sub: { NURSE: { flow: nurse } } }]
    contacts: [{ name: Noor, phones: [{ phone: "+12025550140" }], columns: { size: large }, caseloads: [north] }]
    programs: [{ key: main, caseloads: [north, { key: south, name: South side }] }]
"#;

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn flow(key: &str, call: bool) -> FlowRef {
    FlowRef {
        account: "clinic".to_owned(),
        key: key.to_owned(),
        call,
    }
}

fn ids() -> Ids {
    Ids::new(NOW, 1)
}

/// Applies a text to an empty organisation.
fn judge(text: &str) -> Result<Vec<OrgChange>, Problems> {
    let nothing = Directory::default();
    let flows = [
        flow("main-line", true),
        flow("apply", false),
        flow("nurse", false),
    ];
    let connections = ["twilio".to_owned()];
    let existing = Existing {
        flows: Some(&flows),
        connections: Some(&connections),
        ..Existing::of(&nothing)
    };
    OrganisationFile::read("organisation.yaml", text).changes(&existing, &mut ids(), NOW)
}

/// What is said of the small organisation with `old` replaced by `new`: `line:column words / help`, one a line.
fn said(old: &str, new: &str) -> String {
    assert!(SMALL.contains(old), "{old}");
    let text = SMALL.replacen(old, new, 1);
    let problems = match judge(&text) {
        Ok(_) => return String::new(),
        Err(problems) => problems,
    };
    let line = |problem: &Problem| {
        let (line, column) = problems.place(problem).unwrap_or((0, 0));
        let help = problem.help.as_ref().map(|help| format!(" / {help}"));
        format!(
            "{line}:{column} {}{}",
            problem.words,
            help.unwrap_or_default()
        )
    };
    let lines: Vec<String> = problems.list.iter().map(line).collect();
    lines.join("\n")
}

#[test]
fn broken_files_say_where_and_what() {
    for (old, new, expected) in broken::BROKEN {
        let said = said(old, new);
        assert_eq!(said, *expected, "\n{old}\n→ {new}\n{said}");
    }
}

#[test]
fn the_shipped_file_is_clean() {
    let file = OrganisationFile::read("config/organisation.yaml", SHIPPED);
    let directory = file.directory(&mut ids(), NOW);
    let directory = directory.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(directory.accounts().count(), 2);
    assert_eq!(directory.users().count(), 7);
    let groups = directory.accounts().map(|account| account.groups.len());
    assert!(groups.sum::<usize>() >= 4);
    let shared = directory.number_by_address("+12025550100").unwrap();
    assert_eq!(directory.users_of(shared.id).len(), 2);
}

/// What the store would hand back after a file was applied to an empty one.
struct Applied {
    directory: Directory,
    cost_centres: Vec<CostCentre>,
    contacts: Vec<Contact>,
}

impl Applied {
    fn of(text: &str) -> Self {
        let nothing = Directory::default();
        let file = OrganisationFile::read("organisation.yaml", text);
        let rows = file.draft(&Existing::of(&nothing), &mut ids(), NOW);
        let rows = rows.unwrap_or_else(|problems| panic!("{problems}"));
        Self {
            directory: Directory::new(1, rows.accounts, rows.users, rows.numbers, rows.keywords),
            cost_centres: rows.cost_centres,
            contacts: rows.contacts,
        }
    }

    fn existing(&self) -> Existing<'_> {
        Existing {
            cost_centres: &self.cost_centres,
            contacts: &self.contacts,
            ..Existing::of(&self.directory)
        }
    }

    /// What a further file would change, in words, or what is wrong with it.
    fn then(&self, text: &str) -> Vec<String> {
        let file = OrganisationFile::read("organisation.yaml", text);
        let mut later = Ids::new(NOW, 2);
        match file.changes(&self.existing(), &mut later, NOW) {
            Ok(changes) => changes.iter().map(OrgChange::describe).collect(),
            Err(problems) => {
                let words = problems.list.iter().map(|problem| problem.words.clone());
                words.collect()
            }
        }
    }
}

#[test]
fn twice_is_nothing() {
    for text in [SMALL, SHIPPED] {
        assert_eq!(Applied::of(text).then(text), [""; 0]);
    }
}

#[test]
fn a_change_is_told_alone() {
    let small = Applied::of(SMALL);
    for (old, new, expected) in [
        (
            "name: Ana Ruiz",
            "name: Ana Soto",
            "~ user ana: name Ana Ruiz → name Ana Soto",
        ),
        (
            r#"devices: [{ phone: "+12025550111" }]"#,
            "devices: []",
            "~ user ana: devices +12025550111 → devices none",
        ),
        (
            "beyond: email",
            "beyond: hold",
            "~ account clinic: plan 5000 messages a month, 10/s, beyond it by e-mail → plan 5000 messages a month, 10/s, beyond it held",
        ),
        (
            "monthly: 5000",
            "monthly: none",
            "~ account clinic: plan 5000 messages a month, 10/s, beyond it by e-mail → plan no limit, 10/s, beyond it by e-mail",
        ),
        (
            "beyond: email",
            "beyond: email, hours: office",
            "~ account clinic: sending hours any → sending hours office",
        ),
        (
            "can: [sms, voice]",
            "can: [sms]",
            "~ number +12025550100: can sms, voice → can sms",
        ),
        (
            "{ key: billing,",
            "{ key: billing, name: Billing,",
            "~ group clinic/billing: name billing → name Billing",
        ),
        (
            "roles: [staff]",
            "roles: [staff, admin]",
            "~ member clinic/ana: roles staff → roles staff, admin",
        ),
        (
            "text_flow: none",
            "text_flow: front",
            "~ use of clinic/+12025550100: text_flow none → text_flow front",
        ),
        (
            "09:00-12:30",
            "08:00-12:30",
            "~ calendar clinic/office: other hours or holidays → open mon-fri 08:00-12:30 13:30-17:00; holidays 2026-12-25",
        ),
        (
            "[APLY]",
            "[APLY, APPLYING]",
            "~ keyword clinic/APPLY on +12025550100: aliases aply → aliases aply, applying",
        ),
        (
            "size: large",
            "size: small",
            "~ contact clinic/Noor: columns size \"large\" → columns size \"small\"",
        ),
        (
            "name: Noor",
            "name: Noor Abbas",
            "~ contact clinic/Noor Abbas: name Noor → name Noor Abbas",
        ),
        (
            "caseloads: [north] }]",
            "caseloads: [south, north] }]",
            "~ contact clinic/Noor: caseloads north → caseloads south, north",
        ),
        (
            "caseloads: [north, {",
            "caseloads: [{ key: north, name: North side }, {",
            "~ program clinic/main: caseloads north, south (South side) → caseloads north (North side), south (South side)",
        ),
        (
            "South side }] }]",
            "South side }] }, { key: night, caseloads: [late] }]",
            "+ program clinic/night: name night; caseloads late",
        ),
        (
            "{ size: text }",
            "{ size: text, age: number }",
            "~ account clinic: columns size text → columns age number, size text",
        ),
    ] {
        assert!(SMALL.contains(old), "{old}");
        assert_eq!(small.then(&SMALL.replacen(old, new, 1)), [expected]);
    }
}

#[test]
fn what_is_left_out_stays() {
    let small = Applied::of(SMALL);
    for (text, expected) in [
        ("", &[][..]),
        ("users: [{ key: ana }]", &[]),
        (
            "users: [{ key: ana, admin: true }]",
            &["~ user ana: admin false → admin true"],
        ),
        (
            "accounts: [{ key: clinic, groups: [{ key: billing, name: Bills }] }]",
            &["~ group clinic/billing: name billing → name Bills"],
        ),
        (
            r#"accounts: [{ key: clinic, numbers: [{ number: "+12025550100", call_flow: none }] }]"#,
            &["~ use of clinic/+12025550100: call_flow main-line → call_flow none"],
        ),
        (
            r#"accounts: [{ key: clinic, contacts: [{ phones: [{ phone: "+12025550140" }], email: noor@example.org }] }]"#,
            &["~ contact clinic/Noor: email none → email noor@example.org"],
        ),
        // A caseload that the file does not name any more stays, as do those who are in it.
        (
            "accounts: [{ key: clinic, programs: [{ key: main, caseloads: [south] }] }]",
            &[],
        ),
        (
            r#"accounts: [{ key: clinic, contacts: [{ phones: [{ phone: "+12025550140" }], caseloads: [] }] }]"#,
            &["~ contact clinic/Noor: caseloads north → caseloads none"],
        ),
        (
            "users: [{ key: ana, email: \"\" }]",
            &["~ user ana: email ana@example.org → email none"],
        ),
        (
            "users: [{ key: zoe, name: Zoe Hill }]\naccounts: [{ key: clinic, members: [{ user: zoe }], groups: [{ key: billing, members: [zoe, ana] }] }]",
            &[
                "+ user zoe: name Zoe Hill; active true; admin false",
                "+ member clinic/zoe",
                "~ group clinic/billing: members ana → members zoe, ana",
            ],
        ),
    ] {
        assert_eq!(small.then(text), expected, "{text}");
    }
}

#[test]
fn a_file_cannot_break_what_is_there() {
    let small = Applied::of(SMALL);
    let other = |word: &str| {
        format!(
            r#"cost_centres: [{{ key: main }}]
accounts:
  - key: college
    zone: UTC
    cost_centre: main
    members: [{{ user: ana }}]
    numbers: [{{ number: "+12025550100", call_flow: none, text_flow: none, route: {{ user: ana }} }}]
    keywords: [{{ number: "+12025550100", word: {word} }}]
"#
        )
    };
    for (text, expected) in [
        (
            "users: [{ key: ana, active: false }]".to_owned(),
            "+12025550100 of account \"clinic\" leads to billing, where nobody is active",
        ),
        (
            "accounts: [{ key: clinic, groups: [{ key: billing, members: [] }] }]".to_owned(),
            "+12025550100 of account \"clinic\" leads to billing, where nobody is active",
        ),
        (
            "accounts: [{ key: clinic, columns: { size: number } }]".to_owned(),
            "the type of column \"size\" cannot change; contacts have values in it",
        ),
        (
            other("aply"),
            "\"aply\" on +12025550100 cannot be account \"college\"'s; account \"clinic\" has it in the store (APPLY)",
        ),
        (
            other("\"aply nurse\""),
            "\"APLY NURSE\" on +12025550100 cannot be account \"college\"'s; account \"clinic\" has it in the store (APPLY)",
        ),
        (
            "accounts: [{ key: clinic, members: [{ user: zoe }] }]".to_owned(),
            "there is no user \"zoe\"",
        ),
    ] {
        assert_eq!(small.then(&text), [expected], "{text}");
    }
    // The alias is kept by the store although the file names the keyword without it.
    let alias = other("aply")
        + r#"  - key: clinic
    keywords: [{ number: "+12025550100", word: APPLY, match: whole }]
"#;
    let said = small.then(&alias);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("has it in the store"), "{said:#?}");
    let fine = small.then(&other("ENROL"));
    assert_eq!(fine.len(), 7, "{fine:#?}");
}

#[test]
fn two_words_are_not_anothers_word_with_one_that_follows_it() {
    for (words, told) in [
        ("APPLY EVENING", Some("APPLY EVENING")),
        ("\"apply evening!\"", Some("APPLY EVENING")),
        ("APPLYING NIGHT", Some("APPLYING NIGHT")),
        ("EVENING", None),
        ("APPLY LATER", None),
    ] {
        let text = SHIPPED.replacen("word: CLINIC", &format!("word: {words}"), 1);
        let file = OrganisationFile::read("organisation.yaml", text);
        let found = file.directory(&mut ids(), NOW).err();
        let found: Vec<String> = found
            .iter()
            .flat_map(|problems| &problems.list)
            .map(|problem| problem.words.clone())
            .collect();
        let expected = told.map(|told| format!(
            "\"{told}\" on +12025550100 cannot be account \"clinic\"'s; account \"college\" has it on line 71 (APPLY)"
        ));
        assert_eq!(found, Vec::from_iter(expected), "{words}");
    }
}

#[test]
fn two_accounts_cannot_share_a_word_on_a_number() {
    let text = SHIPPED.replacen("word: CLINIC", "word: Aply", 1);
    let file = OrganisationFile::read("organisation.yaml", text);
    let problems = file.directory(&mut ids(), NOW).unwrap_err();
    let expected = "\"Aply\" on +12025550100 cannot be account \"clinic\"'s; account \"college\" has it on line";
    assert!(problems.list[0].words.starts_with(expected), "{problems}");
    assert_eq!(problems.list.len(), 1, "{problems}");
    let shown = problems.to_string();
    assert!(
        shown.contains("word: Aply") && shown.contains("organisation.yaml:"),
        "{shown}"
    );
}

#[test]
fn rows_come_in_an_order_that_can_be_saved() {
    let changes = judge(SMALL).unwrap();
    let kinds: Vec<&str> = changes.iter().map(|change| change.what.kind()).collect();
    let expected = [
        "cost_centre",
        "user",
        "user",
        "account",
        "number",
        "role",
        "role",
        "member",
        "group",
        "calendar",
        "account_number",
        "program",
        "keyword",
        "contact",
    ];
    assert_eq!(kinds, expected);
    assert!(changes.iter().all(OrgChange::is_new));
    let program = changes
        .iter()
        .find(|change| change.what.kind() == "program")
        .unwrap();
    assert_eq!(
        program.describe(),
        "+ program clinic/main: name clinic; number +12025550100; caseloads north, south (South side)"
    );
}

#[test]
fn hostile_files_are_refused_quickly() {
    for text in [
        "[".repeat(50_000),
        "x: ".to_owned() + &"y".repeat(2_000_000),
        "- 1\n- 2\n".to_owned(),
        "users: 3\naccounts: {}\nnumbers: [[], 4, {}]\n".to_owned(),
        "users: [{ key: \u{0}ana }]".to_owned(),
    ] {
        let nothing = Directory::default();
        let file = OrganisationFile::read("organisation.yaml", text);
        assert!(
            file.changes(&Existing::of(&nothing), &mut ids(), NOW)
                .is_err()
        );
    }
}
