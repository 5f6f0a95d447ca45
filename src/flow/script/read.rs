//! Reading tests out of a flow file, collecting every fault on the way.

use jiff::civil::DateTime;

use super::{Expect, Expected, Given, Line, Test, lines};
use crate::flow::fault::suggest;
use crate::flow::reader::{Fields, Reading};
use crate::flow::scope::{CONTACT_FIELDS, Type, Val};
use crate::flow::yaml::{At, Key, Node, Value};
use crate::model::Party;
use crate::model::conversation::ConversationState;

/// Tests of one flow, and lines of one test.
const TESTS_MAX: usize = 200;
/// When a test begins that does not say: a Tuesday morning.
const AT_DEFAULT: DateTime = jiff::civil::datetime(2026, 3, 3, 10, 30, 0, 0);

/// The keys of a test, and of what it expects; the schema for editors lists them too.
pub(crate) const KEYS: [&str; 7] = ["name", "at", "call", "sms", "given", "script", "expect"];
pub(crate) const EXPECT: [&str; 7] = [
    "voicemail_in",
    "in_box",
    "notified",
    "state",
    "contact",
    "sent",
    "ended_at",
];

/// The tests of a file that are sound; what is wrong with the others is noted.
pub(crate) fn read(reading: &mut Reading<'_>, tests: &Node) -> Vec<Test> {
    let Value::List(items) = &tests.value else {
        let help = "write `tests:` and below it `- name: …`";
        reading.fault_help(&tests.at, "shape", "`tests` is a list", help);
        return Vec::new();
    };
    if items.len() > TESTS_MAX {
        let message = format!("a flow has at most {TESTS_MAX} tests");
        reading.fault(&tests.at, "out-of-range", message);
        return Vec::new();
    }
    items.iter().filter_map(|item| one(reading, item)).collect()
}

fn one(reading: &mut Reading<'_>, test: &Node) -> Option<Test> {
    let fields = reading.fields(test, "a test", &KEYS, None)?;
    if fields.get("name").is_none() {
        missing(reading, &test.at, "name");
    }
    let name = fields
        .get("name")
        .and_then(|node| reading.word(node, "a test's name").map(str::to_owned));
    let at = moment(reading, &fields);
    let begin = beginning(reading, test, &fields);
    let given = fields.get("given");
    let given = given.map_or_else(Given::default, |node| super::given::read(reading, node));
    let before = reading.faults.len();
    let script = fields.get("script");
    let script = script.map_or_else(Vec::new, |node| lines::read(reading, node));
    let expect = fields.get("expect");
    let expect = expect.map_or_else(Vec::new, |node| expected(reading, node));
    if !asks(&script, &expect) && reading.faults.len() == before {
        let message = "this test would hold whatever the flow does";
        let help = "say what must come of it: `- hears: …` or `- receives: …` below `script:`, or something in `expect:`";
        reading.fault_help(&test.at, "empty-test", message, help);
    }
    let (from, to, text) = begin?;
    Some(Test {
        name: name?,
        line: test.at.line,
        at: at?,
        from,
        to,
        text,
        given,
        script,
        expect,
    })
}

/// Whether a flow could be otherwise than this says.
fn asks(script: &[Line], expect: &[Expected]) -> bool {
    let asked = |one: &Expected| !matches!(&one.what, Expect::Tags(tags) if tags.is_empty());
    script.iter().any(|line| line.says.can_fail()) || expect.iter().any(asked)
}

fn missing(reading: &mut Reading<'_>, at: &At, key: &str) {
    let message = format!("a test needs `{key}`");
    reading.fault_help(at, "missing-key", message, format!("add `{key}: …`"));
}

fn moment(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Option<DateTime> {
    let Some(node) = fields.get("at") else {
        return Some(AT_DEFAULT);
    };
    let text = reading.word(node, "a moment")?.trim().replace(' ', "T");
    let read = text.parse().ok().filter(|_: &DateTime| text.contains('T'));
    if read.is_none() {
        let help = "write it as 2026-03-03 10:30, in the account's zone";
        reading.fault_help(&node.at, "moment", "this is no moment", help);
    }
    read
}

/// Who begins it: far end, our number, and the text of a text.
fn beginning(
    reading: &mut Reading<'_>,
    test: &Node,
    fields: &Fields<'_>,
) -> Option<(Party, String, Option<String>)> {
    let begin = reading.kind.as_str();
    let Some(node) = fields.get(begin) else {
        missing(reading, &test.at, begin);
        return None;
    };
    let keys: &[&'static str] = match begin {
        "call" => &["from", "to"],
        _ => &["from", "to", "text"],
    };
    let fields = reading.fields(node, begin, keys, None)?;
    let mut words = Vec::new();
    for key in keys {
        match fields.get(key) {
            Some(node) => words.extend(reading.word(node, key).map(str::to_owned)),
            None => missing(reading, &node.at, key),
        }
    }
    if words.len() < keys.len() {
        return None;
    }
    let mut words = words.into_iter();
    let (from, to) = (words.next()?, words.next()?);
    let from = party(reading, fields.get("from")?, &from);
    if let Some(node) = fields.get("to") {
        let known = reading.names.numbers(&reading.account);
        reading.known(&node.at, "unknown-number", "number", &to, known);
    }
    Some((from?, to, words.next()))
}

/// Who may call or text: a phone, a short code, a sender's name, or nobody who can be known.
fn party(reading: &mut Reading<'_>, node: &Node, text: &str) -> Option<Party> {
    let party = Party::given(text);
    if party.is_none() {
        let help = "write \"+12025550143\", a short code, a sender's name or withheld";
        reading.fault_help(&node.at, "phone", "this is no phone number", help);
    }
    party
}

fn expected(reading: &mut Reading<'_>, node: &Node) -> Vec<Expected> {
    let Some(fields) = reading.fields(node, "expect", &EXPECT, None) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for key in EXPECT {
        let Some(node) = fields.get(key) else {
            continue;
        };
        let line = node.at.line;
        let what = expectation(reading, key, node);
        all.extend(what.into_iter().map(|what| Expected { line, what }));
    }
    all
}

fn expectation(reading: &mut Reading<'_>, key: &str, node: &Node) -> Vec<Expect> {
    let one = match key {
        "voicemail_in" => who(reading, node).map(Expect::VoicemailIn),
        "in_box" => who(reading, node).map(Expect::InBox),
        "notified" => {
            let nodes = reading.list(node, "`notified`");
            let users = nodes.into_iter().filter_map(|node| reading.player(node));
            Some(Expect::Notified(users.collect()))
        }
        "state" => {
            let states = ConversationState::ALL.map(|state| (state.as_str(), state));
            reading.choice(node, "state", &states).map(Expect::State)
        }
        "sent" => reading.count(node, "`sent`", 0, 1_000).map(Expect::Sent),
        "ended_at" => step(reading, node).map(Expect::EndedAt),
        _ => return contact(reading, node),
    };
    one.into_iter().collect()
}

/// A box: a group's or a user's.
pub(super) fn who(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let key = reading.word(node, "a box")?.to_owned();
    let users = reading.names.users(&reading.account);
    let known = reading.names.groups(&reading.account).map(|mut groups| {
        groups.extend(users.into_iter().flatten());
        groups
    });
    reading
        .known(&node.at, "unknown-box", "box", &key, known)
        .then_some(key)
}

fn step(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let name = reading.word(node, "a step")?.to_owned();
    if reading.scope.steps.contains_key(&name) {
        return Some(name);
    }
    let help = suggest(&name, reading.scope.steps.keys().map(String::as_str));
    let message = format!("there is no step `{name}`");
    reading.fault_help(&node.at, "unknown-step", message, help);
    None
}

fn contact(reading: &mut Reading<'_>, node: &Node) -> Vec<Expect> {
    let mut all = Vec::new();
    for (key, value) in pairs(reading, node, "contact") {
        let Some(kind) = field(reading, key) else {
            continue;
        };
        match (key.text.as_str(), &value.value) {
            ("tags", _) => all.push(Expect::Tags(words(reading, value, "`tags`"))),
            ("caseloads", _) => all.push(Expect::Caseloads(reading.caseloads(value))),
            (_, Value::Null) => all.push(Expect::Contact(key.text.clone(), None)),
            _ => {
                let value = field_value(reading, key, kind, value);
                all.extend(value.map(|value| Expect::Contact(key.text.clone(), Some(value))));
            }
        }
    }
    all
}

/// What kind of value a field has that contacts of the account have.
pub(super) fn field(reading: &mut Reading<'_>, key: &Key) -> Option<Type> {
    match reading.scope.contact(&key.text, &key.text) {
        Ok(known) => Some(known.kind()),
        Err(unknown) => {
            reading.unknown(&key.at, unknown);
            None
        }
    }
}

/// A value of this kind for a field; any other one no contact could ever have.
pub(super) fn field_value(
    reading: &mut Reading<'_>,
    key: &Key,
    kind: Type,
    node: &Node,
) -> Option<String> {
    let value = reading.word(node, "a field")?.to_owned();
    if !value.is_empty() && Val::read(&value, kind) == Val::Missing {
        let (name, word) = (&key.text, kind.word());
        let message = format!("`{name}` holds {word}, and `{value}` is none");
        let help = match kind {
            Type::Date => "write it as 2026-12-31",
            Type::Bool => "write \"true\" or \"false\", in quotes",
            _ => "write it as 12 or 3.5",
        };
        reading.fault_help(&node.at, "type", message, help);
        return None;
    }
    Some(value)
}

/// The pairs of a mapping whose keys are names.
pub(super) fn pairs<'n>(
    reading: &mut Reading<'_>,
    node: &'n Node,
    what: &str,
) -> &'n [(Key, Node)] {
    match &node.value {
        Value::Map(pairs) => pairs,
        _ => {
            let help = format!("write {{ {}: … }}", CONTACT_FIELDS[0]);
            let help = if what == "contact" {
                help
            } else {
                "write { name: … }".to_owned()
            };
            reading.fault_help(&node.at, "shape", format!("`{what}` needs keys"), help);
            &[]
        }
    }
}

/// A list of words.
pub(super) fn words(reading: &mut Reading<'_>, node: &Node, what: &str) -> Vec<String> {
    let nodes = reading.list(node, what);
    let words = nodes
        .into_iter()
        .filter_map(|node| reading.word(node, what).map(str::to_owned));
    words.collect()
}
