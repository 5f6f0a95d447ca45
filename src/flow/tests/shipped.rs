//! The flows we ship, and the documentation's examples, pass the check without a warning.

use super::*;

/// Every flow of `flows/`.
pub(super) const SHIPPED: [(&str, &str); 16] = [
    ("main-line", include_str!("../../../flows/main-line.yaml")),
    ("apply", include_str!("../../../flows/apply.yaml")),
    ("front", include_str!("../../../flows/front.yaml")),
    ("nurse-line", include_str!("../../../flows/nurse-line.yaml")),
    ("refill", include_str!("../../../flows/refill.yaml")),
    (
        "clinic-menu",
        include_str!("../../../flows/clinic-menu.yaml"),
    ),
    (
        "after-hours",
        include_str!("../../../flows/after-hours.yaml"),
    ),
    (
        "appointment",
        include_str!("../../../flows/appointment.yaml"),
    ),
    ("bilingual", include_str!("../../../flows/bilingual.yaml")),
    (
        "group-voicemail",
        include_str!("../../../flows/group-voicemail.yaml"),
    ),
    (
        "missed-call",
        include_str!("../../../flows/missed-call.yaml"),
    ),
    ("on-call", include_str!("../../../flows/on-call.yaml")),
    ("opt-in", include_str!("../../../flows/opt-in.yaml")),
    ("queue", include_str!("../../../flows/queue.yaml")),
    ("sales-ring", include_str!("../../../flows/sales-ring.yaml")),
    ("survey", include_str!("../../../flows/survey.yaml")),
];

fn check_all(flows: &[(String, String)]) {
    let directory = organisation();
    let names: Vec<FlowName> = flows
        .iter()
        .filter_map(|(_, source)| name_of(source))
        .collect();
    assert_eq!(names.len(), flows.len());
    let names = DirectoryNames::new(&directory, names);
    for (file, source) in flows {
        match check(file, source, &names) {
            Ok(checked) => assert_eq!(checked.warnings, [], "{file}"),
            Err(faults) => panic!("{}", render(source, &faults)),
        }
        // A flow must also be readable where nothing is known of the organisation.
        assert!(check(file, source, &NoNames).is_ok(), "{file}");
    }
}

#[test]
fn the_shipped_flows_are_sound() {
    let owned = |(file, source): (&str, &str)| (file.to_owned(), source.to_owned());
    check_all(&SHIPPED.map(owned));
}

#[test]
fn the_examples_of_the_documentation_are_sound() {
    let page = include_str!("../../../docs/flows.md");
    let mut examples = Vec::new();
    for block in page.split("```yaml\n").skip(1) {
        let source = block.split("```").next().unwrap();
        assert!(
            source.starts_with("flow:") || source.starts_with('#'),
            "{source}"
        );
        examples.push((
            format!("docs/flows.md example {}", examples.len() + 1),
            source.to_owned(),
        ));
    }
    assert!(examples.len() >= 10, "{}", examples.len());
    // An example may go on in a shipped flow.
    let shipped = SHIPPED.map(|(file, source)| (file.to_owned(), source.to_owned()));
    examples.extend(shipped);
    check_all(&examples);
}
