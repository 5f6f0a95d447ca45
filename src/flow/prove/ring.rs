//! How long a caller may hear ringing in a row, in the worst case.
//!
//! Ringing adds up from one dial to the next until somebody answers, or until a step waits for the caller, who then
//! has a say again. Between two such steps a flow has no circles (that is a fault of its own), so the longest way
//! is found exactly.

use super::{after, position};
use crate::flow::Rung;
use crate::flow::amounts::{read_duration, show_duration};
use crate::flow::check::Written;
use crate::flow::reader::Reading;
use crate::flow::steps::StepDef;
use crate::flow::yaml::{Node, Value};

/// What a dial does that does not say otherwise.
const RING_S: u32 = 20;
const TOTAL_S: u32 = 600;
/// Devices that carriers ring together; further ones have their turn after them, as long as `total` lasts.
const AT_ONCE: u32 = 10;

/// Warns where a caller may hear ringing for too long.
pub(super) fn judge(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    let rings: Vec<u32> = written
        .iter()
        .map(|step| match step.spec.word {
            "dial" => dial_s(reading, step.verb.1),
            "queue" => queue_s(step.verb.1),
            _ => 0,
        })
        .collect();
    let mut ways = Ways {
        steps,
        rings: &rings,
        known: vec![None; steps.len()],
        open: vec![false; steps.len()],
    };
    let starts = starts(steps);
    let mut longest: Option<usize> = None;
    for start in starts {
        let seconds = ways.longest(start);
        if longest.is_none_or(|before| seconds > ways.longest(before)) {
            longest = Some(start);
        }
    }
    let Some(start) = longest else { return };
    let seconds = ways.longest(start);
    if seconds <= reading.bounds.ring_s_max {
        return;
    }
    let path = ways.path(start);
    let Some(first) = path.first() else { return };
    let names: Vec<String> = path
        .iter()
        .map(|at| format!("{} ({})", steps[*at].name, show_duration(rings[*at])))
        .collect();
    let message = format!(
        "a caller may hear ringing for {} in a row: {}",
        show_duration(seconds),
        names.join(" → ")
    );
    let most = show_duration(reading.bounds.ring_s_max);
    let help = match steps[*first].spec.word {
        "queue" => "let the caller hear more than ringing: add `music: …`, `position: true` or `callback_key: 9`"
            .to_owned(),
        _ => format!(
            "shorten `ring` or add `total` so that it is at most {most}, or put a menu or a voicemail in between"
        ),
    };
    let at = written[*first].verb.0.at.clone();
    reading.warn(&at, "ring-time", message, help);
}

/// The steps where ringing begins anew: the first one, and those behind a step that waits or an answered dial.
fn starts(steps: &[StepDef]) -> Vec<usize> {
    let mut found = vec![0];
    for step in steps {
        if step.waits() {
            found.extend(after(step));
        }
        let answered = step.then.iter().filter(|(name, _)| is_taken(name));
        found.extend(answered.filter_map(|(_, target)| position(*target)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether this outcome means that the caller has talked to somebody.
fn is_taken(outcome: &str) -> bool {
    matches!(outcome, "answered" | "connected")
}

/// The longest ringing from each step on.
struct Ways<'s> {
    steps: &'s [StepDef],
    rings: &'s [u32],
    /// Seconds, and the step that comes next on the longest way.
    known: Vec<Option<(u32, Option<usize>)>>,
    /// Under way: a circle, which is told elsewhere.
    open: Vec<bool>,
}

impl Ways<'_> {
    fn longest(&mut self, at: usize) -> u32 {
        if let Some((seconds, _)) = self.known[at] {
            return seconds;
        }
        if std::mem::replace(&mut self.open[at], true) {
            return 0;
        }
        let step = &self.steps[at];
        let mut best = (self.rings[at], None);
        for (outcome, target) in &step.then {
            let own = match outcome.as_str() {
                name if is_taken(name) => continue,
                "nobody_available" => 0,
                _ => self.rings[at],
            };
            let Some(next) = position(*target).filter(|_| !step.waits()) else {
                continue;
            };
            let seconds = own.saturating_add(self.longest(next));
            if seconds > best.0 {
                best = (seconds, Some(next));
            }
        }
        self.known[at] = Some(best);
        self.open[at] = false;
        best.0
    }

    /// The dials on the longest way.
    fn path(&self, start: usize) -> Vec<usize> {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(step) = at {
            if self.rings[step] > 0 {
                path.push(step);
            }
            if path.len() > self.steps.len() {
                break;
            }
            at = self.known[step].and_then(|(_, next)| next);
        }
        path
    }
}

/// The longest ringing of one dial. Devices of one person ring together, unless they are `ordered`. Where nothing is known of a group, it counts as one device.
fn dial_s(reading: &Reading<'_>, node: &Node) -> u32 {
    let ring = node.word("ring").and_then(read_duration).unwrap_or(RING_S);
    let total = node.word("total").and_then(read_duration);
    let at_once = node.word("order") == Some("simultaneous");
    let each = at_once || node.word("devices") == Some("ordered");
    let devices = match node.get("to") {
        Some(Node {
            value: Value::List(items),
            ..
        }) => items
            .iter()
            .map(|item| devices(reading, item, each))
            .fold(0, u32::saturating_add),
        _ => devices(reading, node, each),
    };
    match at_once {
        true => {
            let rounds = devices.div_ceil(AT_ONCE).max(1);
            ring.saturating_mul(rounds).min(total.unwrap_or(ring))
        }
        false => ring.saturating_mul(devices).min(total.unwrap_or(TOTAL_S)),
    }
}

/// A queue is ringing where the caller hears nothing else.
fn queue_s(node: &Node) -> u32 {
    let told = node.word("position") == Some("true") || node.get("callback_key").is_some();
    if told || node.get("music").is_some() {
        return 0;
    }
    let most = node.word("max_wait").and_then(read_duration);
    most.unwrap_or(TOTAL_S)
}

fn devices(reading: &Reading<'_>, node: &Node, each: bool) -> u32 {
    let group = node.word("group").map(Rung::Group);
    let Some(rung) = group.or_else(|| node.word("user").map(Rung::User)) else {
        return 1;
    };
    let Some(found) = reading.names.devices(&reading.account, rung) else {
        return 1;
    };
    found
        .iter()
        .map(|devices| if each { *devices } else { (*devices).min(1) })
        .fold(0, u32::saturating_add)
}
