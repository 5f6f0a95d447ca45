//! The reference of the language, made of the tables that the reader, the checker and the schema use: verbs with
//! their keys and outcomes, names, filters, functions, and faults. `docs/flows.md` holds these parts between marks,
//! and a test of the pages holds them equal.

use super::Kind;
use super::engine::{CALLS_DEEP_MAX, FLOWS_PER_EVENT_MAX, STEPS_PER_EVENT_MAX, STEPS_PER_RUN_MAX};
use super::expr::FUNCTIONS;
use super::fault::pages;
use super::filters::FILTERS;
use super::form::outcomes::{KEY, NAME, rows};
use super::form::{self, Absent, Body, Form, KeyForm, Shape};
use super::scope::{ALWAYS, Type};
use super::steps::{SPECS, Spec, Style};

/// One part of the reference, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What its marks call it: `verbs`, `verb dial`, `faults`…
    pub name: String,
    /// Its text, whole lines.
    pub text: String,
}

/// Every part of the reference.
pub fn reference() -> Vec<Part> {
    let part = |name: &str, text: String| Part {
        name: name.to_owned(),
        text,
    };
    let mut parts = vec![
        part("verbs", verbs()),
        part("values", values()),
        part("names", names()),
        part("filters", filters()),
        part("functions", functions()),
        part("bounds", bounds()),
        part("faults", faults()),
    ];
    parts.extend(known().map(|spec| part(&format!("verb {}", spec.word), verb(spec))));
    parts
}

/// The verbs that there are.
fn known() -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(|spec| spec.read.is_some())
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let mut text = line(&head);
    text += &format!("|{}\n", "---|".repeat(head.len()));
    for row in rows {
        text += &line(&row);
    }
    text
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn codes<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(code).collect();
    quoted.join(", ")
}

fn verbs() -> String {
    let row = |spec: &'static Spec| {
        let about = form::of(spec.word).map_or("", |form| form.about);
        let outcomes: Vec<String> = rows(spec.word).map(|(name, _)| outcome(name)).collect();
        vec![
            format!("[`{0}`](#{0})", spec.word),
            kinds(spec).to_owned(),
            about.to_owned(),
            outcomes.join(", "),
            ways(spec).to_owned(),
        ]
    };
    let head = ["verb", "in", "does", "outcomes", "says where with"];
    table(&head, known().map(row))
}

/// Names that the writer chooses stand without the marks of code.
fn outcome(name: &str) -> String {
    match name {
        KEY | NAME => name.to_owned(),
        _ => code(name),
    }
}

fn kinds(spec: &Spec) -> &'static str {
    match spec.kinds {
        [Kind::Call] => "call",
        [Kind::Sms] => "sms",
        _ => "both",
    }
}

fn ways(spec: &Spec) -> &'static str {
    match (spec.style, rows(spec.word).count()) {
        (Style::Leaves, _) => "",
        (Style::Then(_), _) => "`then`",
        (Style::Next(_), 1) => "`next`",
        (Style::Next([]), _) => "`next` (`record`), `then`",
        (Style::Next(_), _) => "`next` or `then`",
    }
}

/// One verb: what it does, its keys, its outcomes, what later steps know of it.
fn verb(spec: &'static Spec) -> String {
    let Some(form) = form::of(spec.word) else {
        return String::new();
    };
    let mut text = format!("{} In: {}.", form.about, kinds(spec));
    if let Some(main) = form.main {
        text += &format!(" Short: `{0}: …` is `{0}: {{ {main}: … }}`.", spec.word);
    }
    text += "\n\n";
    match form.body {
        Body::Empty => text += "It has no keys.\n\n",
        Body::Names(shape) => {
            text += &format!(
                "It has names that you choose; behind each stands: {}.\n\n",
                shape.told()
            );
        }
        Body::Keys { keys, .. } => {
            let rows = keys.iter().map(|key| key_row(form, key));
            text += &table(&["key", "type", "left out", "says"], rows);
            text += "\n";
        }
    }
    let mut outcomes = rows(spec.word).peekable();
    if outcomes.peek().is_some() {
        let rows = outcomes.map(|(name, about)| vec![outcome(name), about.to_owned()]);
        text += &table(&["outcome", "when"], rows);
    } else {
        text += "It leads nowhere: neither `next` nor `then`.\n";
    }
    let values = spec.values.iter().filter(|(name, _)| *name != "outcome");
    let told: Vec<String> = values
        .map(|(name, kind)| format!("`steps.<step>.{name}` ({})", kind.word()))
        .collect();
    if !told.is_empty() {
        text += &format!("\nLater steps know {}.\n", told.join(", "));
    }
    text
}

fn key_row(form: &Form, key: &KeyForm) -> Vec<String> {
    vec![
        code(key.word),
        key.shape.told(),
        left_out(form, key),
        key.about.to_owned(),
    ]
}

/// What holds when the key is not there.
fn left_out(form: &Form, key: &KeyForm) -> String {
    let Body::Keys { one_of, any_of, .. } = form.body else {
        return String::new();
    };
    match key.absent {
        _ if key.required => "must stand".to_owned(),
        _ if one_of.contains(&key.word) => format!("one of {}", codes(one_of.iter().copied())),
        _ if any_of.contains(&key.word) => {
            format!("at least one of {}", codes(any_of.iter().copied()))
        }
        Absent::Is(written) => code(written),
        Absent::Means(words) => words.to_owned(),
        Absent::Nothing => String::new(),
    }
}

/// How values of each type are written.
fn values() -> String {
    let mut seen: Vec<Shape> = Vec::new();
    for form in known().filter_map(|spec| form::of(spec.word)) {
        let own = match form.body {
            Body::Names(shape) => Some(shape),
            _ => None,
        };
        for shape in form.keys().iter().map(|key| key.shape).chain(own) {
            if !seen.iter().any(|have| have.name() == shape.name()) {
                seen.push(shape);
            }
        }
    }
    seen.sort_by_key(|shape| shape.name());
    let row = |shape: Shape| vec![shape.name().to_owned(), shape.about().to_owned()];
    table(&["type", "is written"], seen.into_iter().map(row))
}

fn names() -> String {
    let row = |(name, known, about): &(&str, super::scope::Known, &str)| {
        vec![
            code(name),
            known.kind().word().to_owned(),
            (*about).to_owned(),
        ]
    };
    let more = [
        (
            "contact.<column>",
            "its column's type",
            "A column of the account's contacts.",
        ),
        (
            "flow.<name>",
            "what was saved",
            "A variable that a step of this flow saves, or `with` gives.",
        ),
        (
            "steps.<step>.outcome",
            "a text",
            "What a step of this flow came to; what else it knows stands with each verb.",
        ),
    ];
    let more = more.map(|(name, kind, about)| vec![code(name), kind.to_owned(), about.to_owned()]);
    table(&["name", "is", "says"], ALWAYS.iter().map(row).chain(more))
}

fn filters() -> String {
    let row = |(name, about): (&str, &str)| vec![code(name), about.to_owned()];
    table(&["filter", "makes"], FILTERS.map(row))
}

fn functions() -> String {
    let rows = FUNCTIONS.iter().map(|function| {
        let takes: Vec<&str> = function.takes.iter().map(|kind| plain(*kind)).collect();
        vec![
            code(&format!("{}({})", function.name, takes.join(", "))),
            function.gives.word().to_owned(),
            function.about.to_owned(),
        ]
    });
    table(&["function", "is", "gives"], rows)
}

/// A type's word without its article.
fn plain(kind: Type) -> &'static str {
    kind.word().trim_start_matches("a ")
}

fn bounds() -> String {
    let row = |what: &str, most: String| vec![what.to_owned(), most];
    table(
        &["what", "at most"],
        [
            row(
                "steps that one event may take",
                STEPS_PER_EVENT_MAX.to_string(),
            ),
            row(
                "steps of one run, those of the flows it calls included",
                STEPS_PER_RUN_MAX.to_string(),
            ),
            row(
                "flows inside one another by `call`",
                CALLS_DEEP_MAX.to_string(),
            ),
            row(
                "flows that one event may lead into by `goto` and `call`",
                FLOWS_PER_EVENT_MAX.to_string(),
            ),
            row("steps of a flow", super::check::STEPS_MAX.to_string()),
            row(
                "a flow file",
                format!("{} KiB", super::SOURCE_BYTES_MAX / 1024),
            ),
            row("values of a flow file", super::yaml::NODES_MAX.to_string()),
        ],
    )
}

fn faults() -> String {
    let row = |page: &super::Page| {
        let finds = page.finds.strip_prefix("Finds ").unwrap_or(page.finds);
        vec![
            code(page.code),
            page.severity.as_str().to_owned(),
            finds.to_owned(),
        ]
    };
    table(&["code", "", "finds"], pages().into_iter().map(row))
}
