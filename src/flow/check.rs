//! From a file to a flow: names resolved, every fault collected.

mod declare;
mod head;

use std::collections::{BTreeMap, BTreeSet};

use self::declare::declare;
pub(crate) use self::declare::saves;
use self::head::{head, missing};
use super::fault::{self, quoted};
use super::outcomes::Outcomes;
use super::prove::flows::Passage;
use super::reader::Reading;
use super::scope::Scope;
use super::steps::{self, Spec, StepDef, is_name};
use super::yaml::{self, At, Key, Node, Value};
use super::{Fault, Flow, Kind, Names, Severity, Test, prove, script};

/// Steps of one flow.
pub(crate) const STEPS_MAX: usize = 300;

/// A flow that may run, and what is doubtful about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The flow.
    pub flow: Flow,
    /// What is allowed and yet looks wrong.
    pub warnings: Vec<Fault>,
    /// The tests in the file.
    pub tests: Vec<Test>,
    /// The groups, users and calendars that it names.
    pub used: Used,
}

/// What a flow and its tests name of an organisation, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Those of them of which it was told that nobody is in them.
    pub empty_groups: BTreeSet<String>,
    /// Users.
    pub users: BTreeSet<String>,
    /// Calendars.
    pub calendars: BTreeSet<String>,
    /// Caseloads.
    pub caseloads: BTreeSet<String>,
}

/// What is too much, though it would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Seconds that a caller may hear ringing in a row.
    pub ring_s_max: u32,
    /// Segments that one text may cost.
    pub segments_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            ring_s_max: 120,
            segments_max: 3,
        }
    }
}

/// All that was found in a flow file.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// The flow, when nothing but warnings was found.
    pub flow: Option<Flow>,
    /// Faults and warnings, in the order of the source.
    pub faults: Vec<Fault>,
    /// Its steps as far as the ways between flows go, for [`super::judge_flows`].
    pub passages: Vec<Passage>,
    /// Its tests.
    pub tests: Vec<Test>,
    /// The names it asks for.
    pub used: Used,
}

/// Reads a flow and finds all faults in one pass. `file` is only for display.
///
/// # Errors
/// Every fault found, in the order of the source.
pub fn check(file: &str, source: &str, names: &dyn Names) -> Result<Checked, Vec<Fault>> {
    let found = inspect(file, source, names, &Bounds::default());
    match found.flow {
        Some(flow) => Ok(Checked {
            flow,
            warnings: found.faults,
            tests: found.tests,
            used: found.used,
        }),
        None => Err(refusing(found.faults)),
    }
}

/// Those of them for which a flow is refused.
fn refusing(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.retain(|fault| fault.severity == Severity::Fault);
    faults
}

/// Reads a flow again that was published: without its tests, and without what is said only to whoever writes one, so
/// that what was good when it was published stays so.
///
/// # Errors
/// Every fault found, in the order of the source.
pub fn read_published(source: &str, names: &dyn Names) -> Result<Flow, Vec<Fault>> {
    let found = find("", source, names, &Bounds::default(), true);
    found.flow.ok_or_else(|| refusing(found.faults))
}

/// Reads a flow and finds all faults and warnings in one pass. `file` is only for display.
pub fn inspect(file: &str, source: &str, names: &dyn Names, bounds: &Bounds) -> Findings {
    find(file, source, names, bounds, false)
}

fn find(
    file: &str,
    source: &str,
    names: &dyn Names,
    bounds: &Bounds,
    is_published: bool,
) -> Findings {
    let mut tree = match yaml::read(file, source) {
        Ok(tree) => tree,
        Err(fault) => {
            let faults = vec![fault];
            return Findings {
                flow: None,
                faults,
                passages: Vec::new(),
                tests: Vec::new(),
                used: Used::default(),
            };
        }
    };
    let mut reading = Reading {
        file,
        source,
        names,
        bounds,
        is_published,
        account: String::new(),
        kind: Kind::Call,
        scope: Scope {
            is_published,
            ..Scope::default()
        },
        faults: Vec::new(),
        warnings: Vec::new(),
        left_out: (0, 0),
        passages: Vec::new(),
        tests: Vec::new(),
        used: Used::default(),
    };
    for key in yaml::take_repeated(&mut tree) {
        let message = format!("`{}` stands here twice", key.text);
        let help = "keep one of the two; a name stands once in a mapping";
        reading.fault_help(&key.at, "duplicate-key", message, help);
    }
    let flow = whole(&mut reading, &tree).filter(|_| reading.faults.is_empty());
    let mut faults = reading.faults;
    faults.append(&mut reading.warnings);
    let meant = misspelled(&faults);
    faults.retain(|fault| {
        fault.code != "missing-key" || !meant.iter().any(|one| one.explains(fault))
    });
    faults.sort_by_key(|fault| (fault.span.start, fault.line, fault.column));
    faults.dedup();
    faults.extend(left_out(file, reading.left_out, faults.last()));
    Findings {
        flow,
        faults,
        passages: reading.passages,
        tests: reading.tests,
        used: reading.used,
    }
}

/// Says how many faults and warnings are not told.
fn left_out(file: &str, (faults, warnings): (usize, usize), last: Option<&Fault>) -> Option<Fault> {
    let last = last.filter(|_| faults + warnings > 0)?;
    let at = At {
        line: last.line,
        column: last.column,
        span: last.span.clone(),
    };
    let words = format!("{} more are not shown", faults + warnings);
    let help = "mend these first and check again";
    let fault = Fault::new(file, &at, "more-faults", words).with_help(help);
    Some(if faults > 0 { fault } else { fault.warning() })
}

/// A key that was probably meant by one that is not known.
struct Meant {
    key: String,
    span: std::ops::Range<usize>,
}

impl Meant {
    /// Whether nothing but the wrong spelling is why this key seems to be missing.
    fn explains(&self, missing: &Fault) -> bool {
        let whole = missing.span.is_empty();
        let inside = missing.span.start <= self.span.start && self.span.end <= missing.span.end;
        (whole || inside) && missing.message.ends_with(&self.key)
    }
}

fn misspelled(faults: &[Fault]) -> Vec<Meant> {
    let unknown = faults.iter().filter(|fault| fault.code == "unknown-key");
    let meant = |fault: &Fault| {
        let key = format!("`{}`", fault.nearest()?);
        let span = fault.span.clone();
        Some(Meant { key, span })
    };
    unknown.filter_map(meant).collect()
}

fn whole(reading: &mut Reading<'_>, tree: &Node) -> Option<Flow> {
    if !matches!(tree.value, Value::Map(_)) {
        let help = "begin with `flow:`, `account:`, `on:` and `steps:`";
        reading.fault_help(&tree.at, "shape", "a flow file is a mapping", help);
        return None;
    }
    let keys = ["flow", "account", "on", "with", "steps", "tests"];
    let fields = reading.fields(tree, "a flow", &keys, None)?;
    let (key, kind) = head(reading, &fields);
    let head = |key: &str| fields.get(key);
    let Some(node) = head("steps") else {
        missing(
            reading,
            &fields,
            "steps",
            "add `steps:` and the first step below it",
        );
        return None;
    };
    // Without its kind, every verb would seem to be in the wrong place.
    kind?;
    let before = reading.faults.len();
    let with = head("with").map_or_else(Vec::new, |node| steps::read_parameters(reading, node));
    let is_read = reading.faults.len() == before;
    let steps = steps_of(reading, node)?;
    if !reading.is_published {
        if let (Some(key), Some(on)) = (&key, head("on")) {
            prove::lines::judge(reading, key, on, node);
            if is_read {
                let taken: Vec<String> = with.iter().map(|(name, _)| name.clone()).collect();
                let at = head("with").or(head("flow")).unwrap_or(on);
                prove::lines::not_taken(reading, key, &taken, &at.at);
            }
        }
        if let Some(tests) = head("tests") {
            reading.tests = script::read(reading, tests);
        }
    }
    let kept = std::mem::take(&mut reading.scope.kept);
    let account = reading.account.clone();
    Some(Flow {
        key: key?,
        account,
        kind: kind?,
        with,
        steps,
        kept,
    })
}

/// A step as it was written, with its verb found.
pub(crate) struct Written<'n> {
    pub(crate) name: &'n Key,
    pub(crate) spec: &'static Spec,
    pub(crate) verb: (&'n Key, &'n Node),
    pub(crate) next: Option<(&'n Key, &'n Node)>,
    pub(crate) then: Option<(&'n Key, &'n Node)>,
    /// A key beside the verb was not understood; it may have been `next`.
    pub(crate) odd: bool,
}

fn steps_of(reading: &mut Reading<'_>, node: &Node) -> Option<Vec<StepDef>> {
    let Value::Map(pairs) = &node.value else {
        let help = "write each step as a name with its verb below it";
        reading.fault_help(
            &node.at,
            "shape",
            "`steps` is a mapping of steps by name",
            help,
        );
        return None;
    };
    if pairs.is_empty() || pairs.len() > STEPS_MAX {
        reading.fault(
            &node.at,
            "out-of-range",
            format!("a flow has 1 to {STEPS_MAX} steps"),
        );
        return None;
    }
    let positions: BTreeMap<&str, usize> = pairs
        .iter()
        .enumerate()
        .map(|(at, (key, _))| (key.text.as_str(), at))
        .collect();
    let written: Vec<Option<Written<'_>>> = pairs
        .iter()
        .map(|(key, node)| written(reading, key, node))
        .collect();
    reading.scope.given = reading.scope.vars.keys().cloned().collect();
    declare(reading, &written, pairs);
    let mut found = Vec::new();
    let mut places = Vec::new();
    let mut uses = Vec::new();
    for one in written.iter().flatten() {
        places.push((one.name.at.clone(), one.verb.0.at.clone()));
        found.push(read_step(reading, one, &positions));
        uses.push(std::mem::take(&mut reading.scope.uses));
    }
    // The whole is judged only where all could be read.
    let sound = |one: &Option<Written<'_>>| one.as_ref().is_some_and(|one| !one.odd);
    let sound = written.iter().all(sound);
    let whole = sound && found.iter().all(Option::is_some);
    let steps: Vec<StepDef> = found.into_iter().flatten().collect();
    let mut faults = reading.faults.iter();
    let whole = whole && faults.all(|fault| !is_about_targets(fault.code));
    if whole && !reading.is_published {
        let written: Vec<&Written<'_>> = written.iter().flatten().collect();
        prove::prove(reading, &steps, &places, &written);
        prove::early::judge(reading, &steps, &written, &uses);
        prove::secrets::judge(reading, &steps, &written);
    } else if sound && !whole {
        prove::unnamed(reading, pairs);
    }
    Some(steps)
}

fn is_about_targets(code: &str) -> bool {
    matches!(
        code,
        "unknown-step" | "missing-outcome" | "unknown-outcome" | "next-not-here" | "missing-next"
    )
}

/// The keys of a step: one verb, `next` and `then`.
fn written<'n>(reading: &mut Reading<'_>, name: &'n Key, node: &'n Node) -> Option<Written<'n>> {
    step_name(reading, name);
    let Value::Map(pairs) = &node.value else {
        let help = "put a verb below it, such as `say: …` or `reply: …`";
        reading.fault_help(
            &name.at,
            "no-verb",
            format!("the step `{}` does nothing", name.text),
            help,
        );
        return None;
    };
    let found = |wanted: &str| pairs.iter().find(|(key, _)| key.text == wanted);
    let of_step = |(key, value): &'n (Key, Node)| (key, value);
    let mut verbs = Vec::new();
    let mut odd = false;
    for (key, value) in pairs {
        match (key.text.as_str(), steps::spec(&key.text)) {
            ("next" | "then", _) => {}
            (_, Some(spec)) => verbs.push((spec, key, value)),
            (_, None) => {
                odd = true;
                unknown_verb(reading, key);
            }
        }
    }
    let (spec, key, value) = only_verb(reading, name, &verbs, odd)?;
    Some(Written {
        name,
        spec,
        verb: (key, value),
        next: found("next").map(of_step),
        then: found("then").map(of_step),
        odd,
    })
}

/// A verb with its key and its value.
type WrittenVerb<'n> = (&'static Spec, &'n Key, &'n Node);

/// The one verb of a step, if it may stand in this flow; `odd` says that another key may have been meant for it.
fn only_verb<'n>(
    reading: &mut Reading<'_>,
    name: &Key,
    verbs: &[WrittenVerb<'n>],
    odd: bool,
) -> Option<WrittenVerb<'n>> {
    match verbs {
        [] if odd => {}
        [] => {
            let message = format!("the step `{}` has no verb", name.text);
            let help = "put a verb into it, such as `say: …` or `reply: …`";
            reading.fault_help(&name.at, "no-verb", message, help);
        }
        [(spec, key, value)] if spec.kinds.contains(&reading.kind) => {
            return Some((spec, key, value));
        }
        [(spec, key, _)] => {
            let kind = reading.kind;
            let message = format!(
                "`{}` does not belong into a flow on {}",
                spec.word,
                kind.as_str()
            );
            reading.fault_help(&key.at, "wrong-kind", message, available(kind));
        }
        [_, (_, second, _), ..] => {
            let message = format!("the step `{}` has two verbs", name.text);
            let help = "make a step of its own of the second";
            reading.fault_help(&second.at, "two-verbs", message, help);
        }
    }
    None
}

/// Faults a name that no step may have.
fn step_name(reading: &mut Reading<'_>, name: &Key) {
    if !is_name(&name.text) || name.text == "end" {
        let message = format!("`{}` is no name for a step", name.text);
        let help = if name.text == "end" {
            "`end` is where a flow ends; choose another name"
        } else {
            "a step's name is written in small letters, digits and _"
        };
        reading.fault_help(&name.at, "name", message, help);
    }
}

fn unknown_verb(reading: &mut Reading<'_>, key: &Key) {
    let known = steps::SPECS
        .iter()
        .map(|spec| spec.word)
        .chain(["next", "then"]);
    let help = match fault::nearest(&key.text, known) {
        Some(name) => fault::meant(name),
        None => available(reading.kind),
    };
    reading.fault_help(
        &key.at,
        "unknown-key",
        format!("there is no verb `{}`", key.text),
        help,
    );
}

fn available(kind: Kind) -> String {
    let verbs: Vec<&str> = steps::SPECS
        .iter()
        .filter(|spec| spec.read.is_some() && spec.kinds.contains(&kind))
        .map(|spec| spec.word)
        .collect();
    format!("a flow on {} has {}", kind.as_str(), quoted(&verbs))
}

fn read_step(
    reading: &mut Reading<'_>,
    step: &Written<'_>,
    positions: &BTreeMap<&str, usize>,
) -> Option<StepDef> {
    let (key, value) = step.verb;
    let verb = step.spec.read.and_then(|read| read(reading, value));
    prove::texts::judge(reading, step.spec.word, value);
    let mut outcomes = Outcomes::of(reading, step, positions);
    let Some(mut verb) = verb else {
        // What comes after the step is judged all the same.
        if let Some(keys) = outcomes.presumed() {
            outcomes.complete(reading, &keys);
        }
        return None;
    };
    let keys = outcomes.fixed_by(&mut verb, reading, key);
    let then = outcomes.complete(reading, &keys);
    let hung_up = outcomes.hung_up;
    let line = step.name.at.line;
    Some(StepDef {
        name: step.name.text.clone(),
        line,
        spec: step.spec,
        verb,
        then,
        hung_up,
    })
}
