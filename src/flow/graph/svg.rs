//! A drawing as an SVG picture that stands alone: no script, no font or style from elsewhere.

use std::fmt::Write as _;

use super::labels::{self, Label, Rect};
use super::layout::{Layout, Path, WIDTH, layout};
use super::notation::colours;
use super::{Arrow, Change, Drawing, Shape};

const MARGIN: f64 = 32.0;
const TITLE: f64 = 44.0;
const HEAD: f64 = 30.0;
const LINE: f64 = 17.0;
const PAD: f64 = 10.0;
/// Between arrows that lead back up, beside the boxes.
const BACK_GAP: f64 = 22.0;
/// Between a box and the words of an arrow that leads to where it begins.
const TURN: f64 = 22.0;
/// Room for the words beside those that lead back up.
const BACK_WORDS: f64 = 110.0;
/// Places that are tried on each part of an arrow.
const PLACES_MAX: usize = 29;
/// Between two of them on a level line.
const PLACES_EVERY: f64 = 12.0;
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 30;

/// The picture.
pub fn svg(drawing: &Drawing) -> String {
    let heights: Vec<f64> = drawing.steps.iter().map(height).collect();
    let placed = layout(drawing, &heights, &beside(drawing));
    let is_back = |path: &&Path| path.back && !path.turns();
    let back = placed.arrows.iter().filter(is_back).count();
    let side = match back {
        0 => 0.0,
        n => BACK_WORDS + n as f64 * BACK_GAP,
    };
    let width = placed.width + 2.0 * MARGIN + side;
    let height = placed.height + 2.0 * MARGIN + TITLE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n{MARKERS}\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"{MARGIN}\">{title}</text>\n<g transform=\"translate({MARGIN} {top:.0})\">\n",
        title = escaped(&drawing.title),
        top = MARGIN + TITLE,
    );
    let labels = arrows(&mut out, drawing, &placed, &heights);
    for ((step, (x, y)), height) in drawing.steps.iter().zip(&placed.steps).zip(&heights) {
        shape(&mut out, step, x - WIDTH / 2.0, *y, *height);
    }
    for (label, rect) in labels
        .iter()
        .zip(labels::placed(&labels, &boxes(&placed, &heights)))
    {
        write_label(&mut out, label, &rect);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Where the boxes of the steps are.
pub(super) fn boxes(placed: &Layout, heights: &[f64]) -> Vec<Rect> {
    let steps = placed.steps.iter().zip(heights);
    let of = |((x, y), height): (&(f64, f64), &f64)| Rect {
        x: x - WIDTH / 2.0,
        y: *y,
        width: WIDTH,
        height: *height,
    };
    steps.map(of).collect()
}

/// Draws the arrows; the words that belong beside them.
pub(super) fn arrows(
    out: &mut String,
    drawing: &Drawing,
    placed: &Layout,
    heights: &[f64],
) -> Vec<Label> {
    let (mut lane, mut labels) = (0, Vec::new());
    for path in &placed.arrows {
        let step = &drawing.steps[path.from];
        let drawn = &step.arrows[path.arrow];
        lane += usize::from(path.back && !path.turns());
        let places = match path.back {
            _ if path.turns() => turning(out, step, (placed, heights), path),
            true => back_up(out, drawn, (placed, heights), path, lane),
            false => onward(out, drawn, (placed, heights), path),
        };
        labels.extend(label(drawn, places));
    }
    labels
}

const STYLE: &str = ".title{font-size:20px;font-weight:600;fill:#1d2733}.does{font-weight:600;fill:#ffffff}\
    .name{font-size:11px;fill:#ffffff;opacity:.85}.words{fill:#27313d}.ends{fill:#66717e;font-size:12px}.ended{fill:#b63a3a;font-size:12px}\
    .label{font-size:12px;fill:#3b4754}.back{stroke-dasharray:5 4}";

const MARKERS: &str = "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
    markerHeight=\"8\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"#7a8694\"/></marker></defs>";

/// The room that each step needs at its right.
pub(super) fn beside(drawing: &Drawing) -> Vec<f64> {
    let steps = drawing.steps.iter().enumerate();
    let of = |(at, step): (usize, &Shape)| {
        let turning = step.arrows.iter().filter(|arrow| arrow.to == Some(at));
        let widths = turning.map(|arrow| TURN + label_width(arrow));
        widths.fold(0.0, f64::max)
    };
    steps.map(of).collect()
}

pub(super) fn height(step: &Shape) -> f64 {
    let lines = step.words.len() + ends(step).len();
    HEAD + lines as f64 * LINE + if lines > 0 { PAD } else { 0.0 }
}

/// The colour of what the verb has to do with: speaking, people, boxes, deciding, leaving, data.
fn colour(verb: &str) -> &'static str {
    match verb {
        "say" | "play" | "reply" | "send" => "#2f6db3",
        "menu" | "gather" | "ask" | "keywords" | "consent" => "#5b4fb0",
        "dial" | "queue" | "transfer" => "#22805a",
        "voicemail" | "inbox" | "assign" | "notify" | "email" => "#b4661a",
        "hours" | "branch" | "split" | "lookup" => "#5a6776",
        "hangup" | "reject" | "close" | "goto" | "call" => "#8a3f57",
        _ => "#3f7d86",
    }
}

fn shape(out: &mut String, step: &Shape, x: f64, y: f64, height: f64) {
    let (fill, line) = colours(step.change).unwrap_or(("#ffffff", "#c3ccd6"));
    let dash = if step.change == Change::Removed {
        " stroke-dasharray=\"6 4\""
    } else {
        ""
    };
    let head = colour(&step.verb);
    let (r, b) = (x + WIDTH, y + HEAD);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<g><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{WIDTH}\" height=\"{height:.1}\" rx=\"9\" fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.6\"{dash}/>\
         <path d=\"M{x:.1} {b:.1}V{t:.1}a9 9 0 0 1 9 -9H{e:.1}a9 9 0 0 1 9 9V{b:.1}z\" fill=\"{head}\"/>\
         <text class=\"does\" x=\"{tx:.1}\" y=\"{ty:.1}\">{does}</text>\
         <text class=\"name\" x=\"{nx:.1}\" y=\"{ty:.1}\" text-anchor=\"end\">{name}</text>",
        t = y + 9.0,
        e = r - 9.0,
        tx = x + 12.0,
        ty = y + 20.0,
        nx = r - 12.0,
        does = escaped(step.does()),
        name = escaped(&cut(&step.name, 22)),
    );
    let mut line_y = b + LINE;
    for words in &step.words {
        let _ = writeln!(
            out,
            "<text class=\"words\" x=\"{:.1}\" y=\"{line_y:.1}\">{}</text>",
            x + 12.0,
            escaped(words)
        );
        line_y += LINE;
    }
    for (ends, class) in ends(step) {
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{line_y:.1}\">{}</text>",
            x + 12.0,
            escaped(&cut(&ends, 36))
        );
        line_y += LINE;
    }
    out.push_str("</g>\n");
}

/// What ends in a step, and what did, in lines at the bottom of its box with their class: arrows to one common end would
/// cross everything.
fn ends(step: &Shape) -> Vec<(String, &'static str)> {
    let line = |removed: bool, words: &str| {
        let is_so = |arrow: &&Arrow| (arrow.change == Change::Removed) == removed;
        let ends = step.ends().filter(is_so);
        let labels: Vec<String> = ends.map(Arrow::label).collect();
        let named: Vec<&str> = labels
            .iter()
            .map(String::as_str)
            .filter(|label| !label.is_empty())
            .collect();
        (!labels.is_empty()).then(|| match named.is_empty() {
            true => format!("■ {words} here"),
            false => format!("■ {words}: {}", named.join(", ")),
        })
    };
    let ends = line(false, "ends").map(|line| (line, "ends"));
    let ended = line(true, "ended").map(|line| (line, "ended"));
    ends.into_iter().chain(ended).collect()
}

/// The colour of an arrow, and how it is drawn.
fn line(arrow: &Arrow) -> String {
    let colour = colours(arrow.change).map_or("#7a8694", |(_, line)| line);
    let dash = match arrow.change {
        Change::Removed => " stroke-dasharray=\"6 4\"",
        _ => "",
    };
    format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash} marker-end=\"url(#tip)\"")
}

/// An arrow that leads to where it begins: a small loop at the right of the box. The place beside it where its words
/// stand, for which room is kept.
fn turning(
    out: &mut String,
    step: &Shape,
    (placed, heights): (&Layout, &[f64]),
    path: &Path,
) -> Vec<(f64, f64)> {
    const HALF: f64 = 8.0;
    const FAR: f64 = 26.0;
    let turning: Vec<usize> = (0..step.arrows.len())
        .filter(|at| step.arrows[*at].to == Some(path.from))
        .collect();
    let nth = turning.iter().position(|at| *at == path.arrow).unwrap_or(0);
    let (x, y) = placed.steps[path.from];
    let part = (nth as f64 + 1.0) / (turning.len() as f64 + 1.0);
    let (right, middle) = (x + WIDTH / 2.0, y + heights[path.from] * part);
    let drawn = &step.arrows[path.arrow];
    let _ = writeln!(
        out,
        "<path d=\"M{right:.1} {a:.1}C{far:.1} {a:.1} {far:.1} {b:.1} {right:.1} {b:.1}\" {line}/>",
        far = right + FAR,
        a = middle - HALF,
        b = middle + HALF,
        line = line(drawn),
    );
    vec![(right + TURN + label_width(drawn) / 2.0, middle)]
}

/// An arrow that leads down: through the free places of the rows between. The places on it where words may stand.
fn onward(
    out: &mut String,
    drawn: &Arrow,
    (placed, heights): (&Layout, &[f64]),
    path: &Path,
) -> Vec<(f64, f64)> {
    // From left to right in the order of where they lead, so that they do not cross at once.
    let mut onward: Vec<(f64, usize)> = placed
        .arrows
        .iter()
        .filter(|other| other.from == path.from && !other.back)
        .map(|other| (aim(placed, other), other.arrow))
        .collect();
    onward.sort_by(|a, b| a.0.total_cmp(&b.0));
    let nth = onward.iter().position(|(_, at)| *at == path.arrow);
    let nth = nth.unwrap_or(0);
    let ((x, y), (to_x, to_y)) = (placed.steps[path.from], placed.steps[path.to]);
    let spread = |at: usize, of: usize| (at as f64 + 1.0) / (of as f64 + 1.0) * WIDTH - WIDTH / 2.0;
    let (start_x, start_y) = (x + spread(nth, onward.len()) * 0.8, y + heights[path.from]);
    let mut d = format!("M{start_x:.1} {start_y:.1}");
    let (mut last_x, mut last_y) = (start_x, start_y);
    let mut places = Vec::new();
    let through = path.through.iter().copied();
    for (at_x, top, bottom) in through.chain([(to_x, to_y, to_y)]) {
        let bend = (top - last_y) / 2.0;
        let _ = write!(
            d,
            "C{last_x:.1} {:.1} {at_x:.1} {:.1} {at_x:.1} {top:.1}",
            last_y + bend,
            top - bend
        );
        places.extend(on_curve((last_x, last_y), (at_x, top), nth));
        if bottom > top {
            let _ = write!(d, "V{bottom:.1}");
        }
        (last_x, last_y) = (at_x, bottom);
    }
    let _ = writeln!(out, "<path d=\"{d}\" {}/>", line(drawn));
    places
}

/// Where an arrow heads for first.
fn aim(placed: &Layout, path: &Path) -> f64 {
    let first = path.through.first().map(|(x, ..)| *x);
    first.unwrap_or(placed.steps[path.to].0)
}

/// An arrow that leads back up: below its row to the side, up there, and above the other's row to its box. The places on
/// it where words may stand.
fn back_up(
    out: &mut String,
    drawn: &Arrow,
    (placed, heights): (&Layout, &[f64]),
    path: &Path,
    lane: usize,
) -> Vec<(f64, f64)> {
    const BEND: f64 = 10.0;
    let ((x, _), (to_x, to_y)) = (placed.steps[path.from], placed.steps[path.to]);
    let shift = 3.0 * lane as f64;
    let (from_x, from_y) = (x + WIDTH / 2.0 - 16.0, placed.bottoms[path.from]);
    let below = from_y + BEND + shift;
    let far = placed.width + BACK_WORDS / 3.0 + lane as f64 * BACK_GAP;
    let above = to_y - 2.0 * BEND - shift;
    let end_x = to_x + WIDTH / 2.0 - 16.0 - shift;
    // Its box may be lower than its row.
    let start_y = placed.steps[path.from].1 + heights[path.from];
    let _ = writeln!(
        out,
        "<path class=\"back\" d=\"M{from_x:.1} {start_y:.1}V{a:.1}q0 {BEND} {BEND} {BEND}H{b:.1}q{BEND} 0 {BEND} -{BEND}V{c:.1}\
         q0 -{BEND} -{BEND} -{BEND}H{d:.1}q-{BEND} 0 -{BEND} {BEND}V{to_y:.1}\" {line}/>",
        a = below - BEND,
        b = far - BEND,
        c = above + BEND,
        d = end_x + BEND,
        line = line(drawn),
    );
    let first = from_x + BEND + label_width(drawn) / 2.0 + 4.0;
    let level = (0..PLACES_MAX).map(|at| (first + at as f64 * PLACES_EVERY, below));
    level.take_while(|(x, _)| *x < far || *x == first).collect()
}

/// Points of the curve between two points that begins and ends upright; where the words of the `nth` of several stand
/// best comes first, neighbours at different heights.
fn on_curve((x, y): (f64, f64), (to_x, to_y): (f64, f64), nth: usize) -> Vec<(f64, f64)> {
    let bend = (to_y - y) / 2.0;
    let point = |a: f64| {
        let rest = 1.0 - a;
        let (b0, b1, b2, b3) = (
            rest * rest * rest,
            3.0 * rest * rest * a,
            3.0 * rest * a * a,
            a * a * a,
        );
        let at_x = (b0 + b1) * x + (b2 + b3) * to_x;
        let at_y = b0 * y + b1 * (y + bend) + b2 * (to_y - bend) + b3 * to_y;
        (at_x, at_y)
    };
    let best = [0.3, 0.52, 0.74][nth % 3];
    let others = (0..PLACES_MAX).map(|at| 0.08 + 0.84 * at as f64 / (PLACES_MAX - 1) as f64);
    let mut parts: Vec<f64> = others.collect();
    parts.sort_by(|a, b| (a - best).abs().total_cmp(&(b - best).abs()));
    [best].into_iter().chain(parts).map(point).collect()
}

/// The words of an arrow, if it has any.
fn label(arrow: &Arrow, places: Vec<(f64, f64)>) -> Option<Label> {
    let text = cut(&arrow.label(), LABEL_CHARS_MAX);
    (!text.is_empty()).then(|| Label {
        width: label_width(arrow),
        text,
        places,
    })
}

fn write_label(out: &mut String, label: &Label, rect: &Rect) {
    let Rect {
        x,
        y,
        width,
        height,
    } = rect;
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"4\" fill=\"#ffffff\" fill-opacity=\".92\"/>\
         <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        x + width / 2.0,
        y + 13.0,
        escaped(&label.text)
    );
}

fn label_width(arrow: &Arrow) -> f64 {
    cut(&arrow.label(), LABEL_CHARS_MAX).chars().count() as f64 * 6.6 + 8.0
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
