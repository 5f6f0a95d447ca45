//! A drawing in the notations of Mermaid and Graphviz, for pages and tools that draw themselves.

use std::fmt::Write as _;

use super::{Arrow, Change, Drawing, Shape};

/// Mermaid's flowchart.
pub fn mermaid(drawing: &Drawing) -> String {
    let mut out = format!(
        "---\ntitle: \"{}\"\n---\nflowchart TD\n",
        plain(&drawing.title)
    );
    let ends = drawing
        .steps
        .iter()
        .any(|step| step.ends().next().is_some());
    // Writing to a String cannot fail.
    for (at, step) in drawing.steps.iter().enumerate() {
        let _ = writeln!(out, "  s{at}[\"{}\"]", lines(step, "<br/>"));
    }
    if ends {
        out.push_str("  end_([\"end\"])\n");
    }
    each_arrow(drawing, |from, arrow| {
        let to = arrow.to.map_or("end_".to_owned(), |to| format!("s{to}"));
        let _ = match arrow.only {
            true => writeln!(out, "  s{from} --> {to}"),
            false => writeln!(out, "  s{from} -->|\"{}\"| {to}", plain(&arrow.label())),
        };
    });
    for (at, step) in drawing.steps.iter().enumerate() {
        if let Some((fill, line)) = colours(step.change) {
            let _ = writeln!(out, "  style s{at} fill:{fill},stroke:{line}");
        }
    }
    let mut at = 0;
    each_arrow(drawing, |_, arrow| {
        if let Some((_, line)) = colours(arrow.change) {
            let dashed = match arrow.change {
                Change::Removed => ",stroke-dasharray:6 4",
                _ => "",
            };
            let _ = writeln!(out, "  linkStyle {at} stroke:{line}{dashed}");
        }
        at += 1;
    });
    out
}

/// Graphviz' DOT.
pub fn dot(drawing: &Drawing) -> String {
    let mut out = String::from("digraph flow {\n");
    let _ = writeln!(out, "  label=\"{}\";", plain(&drawing.title));
    out.push_str(
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n",
    );
    for (at, step) in drawing.steps.iter().enumerate() {
        let _ = write!(out, "  s{at} [label=\"{}\"", lines(step, "\\n"));
        if let Some((fill, line)) = colours(step.change) {
            let _ = write!(out, ", fillcolor=\"{fill}\", color=\"{line}\"");
        }
        out.push_str("];\n");
    }
    if drawing
        .steps
        .iter()
        .any(|step| step.ends().next().is_some())
    {
        out.push_str("  end_ [label=\"end\", shape=circle];\n");
    }
    each_arrow(drawing, |from, arrow| {
        let to = arrow.to.map_or("end_".to_owned(), |to| format!("s{to}"));
        let colour = colours(arrow.change).map(|(_, line)| format!(", color=\"{line}\""));
        let dashed = match arrow.change {
            Change::Removed => ", style=dashed",
            _ => "",
        };
        let _ = writeln!(
            out,
            "  s{from} -> {to} [label=\"{}\"{}{dashed}];",
            plain(&arrow.label()),
            colour.unwrap_or_default()
        );
    });
    out.push_str("}\n");
    out
}

fn each_arrow(drawing: &Drawing, mut with: impl FnMut(usize, &Arrow)) {
    for (from, step) in drawing.steps.iter().enumerate() {
        step.arrows.iter().for_each(|arrow| with(from, arrow));
    }
}

fn lines(step: &Shape, between: &str) -> String {
    let head = format!("{} ({})", step.does(), step.name);
    let all = std::iter::once(&head).chain(&step.words);
    all.map(|line| plain(line))
        .collect::<Vec<_>>()
        .join(between)
}

/// Without what the notations take for their own.
fn plain(text: &str) -> String {
    text.replace('"', "'")
        .replace('\\', "/")
        .replace('<', "‹")
        .replace('>', "›")
}

/// How a change is coloured: the filling and the line.
pub(super) fn colours(change: Change) -> Option<(&'static str, &'static str)> {
    match change {
        Change::Same => None,
        Change::Added => Some(("#e3f6e5", "#2a8a3c")),
        Change::Removed => Some(("#fde7e7", "#b63a3a")),
        Change::Changed => Some(("#fff4d6", "#b07a00")),
    }
}
