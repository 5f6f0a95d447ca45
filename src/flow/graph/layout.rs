//! Where the boxes of a drawing stand: in rows from the start downwards, neighbours near each other, few arrows crossing.
//!
//! Arrows that lead back up are left out at first. What spans several rows is led through empty places in the rows
//! between, so that no arrow runs through a box.

use super::Drawing;

/// Width of a box.
pub(super) const WIDTH: f64 = 260.0;
/// Width kept free for an arrow that passes a row.
const LANE: f64 = 26.0;
const GAP: f64 = 34.0;
const ROW_GAP: f64 = 84.0;
/// Times that the rows are put in order, down and up again.
const SWEEPS: usize = 12;
/// Times that the boxes are moved towards what they are joined with.
const PULLS: usize = 24;

/// Where everything stands.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Each step's middle and top.
    pub(super) steps: Vec<(f64, f64)>,
    /// The bottom of each step's row.
    pub(super) bottoms: Vec<f64>,
    /// Each arrow between steps: from, which of its arrows, and the points it goes through.
    pub(super) arrows: Vec<Path>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An arrow between two steps.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) from: usize,
    pub(super) arrow: usize,
    pub(super) to: usize,
    /// It leads back up.
    pub(super) back: bool,
    /// Middles of the free places it passes: top and bottom of the row at each.
    pub(super) through: Vec<(f64, f64, f64)>,
}

/// A box, or a free place for an arrow.
struct Spot {
    row: usize,
    width: f64,
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Places the steps, whose heights are given.
pub(super) fn layout(drawing: &Drawing, heights: &[f64]) -> Layout {
    let back = back_arrows(drawing);
    let rows_of = rows(drawing, &back);
    let mut spots: Vec<Spot> = rows_of.iter().map(|row| spot(*row, WIDTH)).collect();
    let mut paths: Vec<(Path, Vec<usize>)> = Vec::new();
    for (from, arrow, to) in arrows(drawing) {
        let path = Path {
            from,
            arrow,
            to,
            back: back.contains(&(from, to)),
            through: Vec::new(),
        };
        let mut lane = Vec::new();
        if !path.back {
            let mut last = from;
            for row in rows_of[from] + 1..rows_of[to] {
                spots.push(spot(row, LANE));
                join(&mut spots, last);
                last = spots.len() - 1;
                lane.push(last);
            }
            spots[last].below.push(to);
            spots[to].above.push(last);
        }
        paths.push((path, lane));
    }
    let mut rows = by_row(&spots);
    order(&mut rows, &spots);
    place(&rows, &mut spots);
    finish(&spots, &rows, paths, heights)
}

fn spot(row: usize, width: f64) -> Spot {
    Spot {
        row,
        width,
        x: 0.0,
        above: Vec::new(),
        below: Vec::new(),
    }
}

/// Joins the newest spot below this one.
fn join(spots: &mut [Spot], above: usize) {
    let newest = spots.len() - 1;
    spots[above].below.push(newest);
    spots[newest].above.push(above);
}

/// All arrows between steps: from, which of its arrows, to.
fn arrows(drawing: &Drawing) -> impl Iterator<Item = (usize, usize, usize)> {
    let of = |(from, step): (usize, &super::Shape)| {
        let arrows = step.arrows.iter().enumerate();
        let to = arrows.filter_map(|(at, arrow)| Some((at, arrow.to?)));
        to.map(|(at, to)| (from, at, to)).collect::<Vec<_>>()
    };
    drawing.steps.iter().enumerate().flat_map(of)
}

/// The arrows that close a circle, seen from the start.
fn back_arrows(drawing: &Drawing) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        Open,
        Done,
    }
    let mut seen = vec![Seen::Never; drawing.steps.len()];
    let mut back = Vec::new();
    for start in 0..drawing.steps.len() {
        if seen[start] != Seen::Never {
            continue;
        }
        seen[start] = Seen::Open;
        let mut stack = vec![(start, 0)];
        while let Some((at, next)) = stack.last_mut() {
            let (at, arrow) = (*at, drawing.steps[*at].arrows.get(*next));
            *next += 1;
            match arrow.map(|arrow| arrow.to) {
                None => {
                    seen[at] = Seen::Done;
                    stack.pop();
                }
                Some(Some(to)) if seen[to] == Seen::Open => back.push((at, to)),
                Some(Some(to)) if seen[to] == Seen::Never => {
                    seen[to] = Seen::Open;
                    stack.push((to, 0));
                }
                Some(_) => {}
            }
        }
    }
    back
}

/// The row of each step: below everything that leads to it.
fn rows(drawing: &Drawing, back: &[(usize, usize)]) -> Vec<usize> {
    let mut rows = vec![0; drawing.steps.len()];
    // Each round settles one more row, so that there are no more rounds than steps.
    for _ in 0..drawing.steps.len() {
        let mut moved = false;
        for (from, _, to) in arrows(drawing) {
            if !back.contains(&(from, to)) && rows[to] <= rows[from] {
                rows[to] = rows[from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    rows
}

fn by_row(spots: &[Spot]) -> Vec<Vec<usize>> {
    let count = spots.iter().map(|spot| spot.row + 1).max().unwrap_or(0);
    let mut rows = vec![Vec::new(); count];
    for (at, spot) in spots.iter().enumerate() {
        rows[spot.row].push(at);
    }
    rows
}

/// Puts each row in the order of what its spots are joined with, down and up again; the best order stays.
fn order(rows: &mut [Vec<usize>], spots: &[Spot]) {
    let mut best = (crossings(rows, spots), rows.to_vec());
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let indices: Vec<usize> = match down {
            true => (1..rows.len()).collect(),
            false => (0..rows.len().saturating_sub(1)).rev().collect(),
        };
        for row in indices {
            let beside = &rows[if down { row - 1 } else { row + 1 }];
            let place = |spot: usize| beside.iter().position(|at| *at == spot).unwrap_or(0) as f64;
            let middle = |(at, spot): (usize, &usize)| {
                let joined = match down {
                    true => &spots[*spot].above,
                    false => &spots[*spot].below,
                };
                let sum: f64 = joined.iter().map(|at| place(*at)).sum();
                match joined.len() {
                    0 => at as f64,
                    n => sum / n as f64,
                }
            };
            let mut sorted: Vec<(f64, usize)> = rows[row]
                .iter()
                .enumerate()
                .map(|(at, spot)| (middle((at, spot)), *spot))
                .collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[row] = sorted.into_iter().map(|(_, spot)| spot).collect();
        }
        let now = crossings(rows, spots);
        if now < best.0 {
            best = (now, rows.to_vec());
        }
    }
    rows.clone_from_slice(&best.1);
}

fn crossings(rows: &[Vec<usize>], spots: &[Spot]) -> usize {
    let mut count = 0;
    for pair in rows.windows(2) {
        let place = |spot: usize| pair[1].iter().position(|at| *at == spot);
        let ends: Vec<(usize, usize)> = pair[0]
            .iter()
            .enumerate()
            .flat_map(|(from, spot)| {
                let below = spots[*spot].below.iter();
                below.filter_map(move |to| Some((from, place(*to)?)))
            })
            .collect();
        for (at, a) in ends.iter().enumerate() {
            count += ends[at + 1..]
                .iter()
                .filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1))
                .count();
        }
    }
    count
}

/// Moves the spots of each row towards the middle of what they are joined with, never over each other.
fn place(rows: &[Vec<usize>], spots: &mut [Spot]) {
    for row in rows {
        let wanted: Vec<f64> = (0..row.len()).map(|at| at as f64 * (WIDTH + GAP)).collect();
        settle(row, &wanted, spots);
    }
    for pull in 0..PULLS {
        let down = pull % 2 == 0;
        let order: Vec<&Vec<usize>> = match down {
            true => rows.iter().collect(),
            false => rows.iter().rev().collect(),
        };
        for row in order {
            let wanted = |spot: &usize| {
                let Spot {
                    above, below, x, ..
                } = &spots[*spot];
                let joined: Vec<f64> = match (pull + 1 < PULLS, down) {
                    (true, true) => above.iter().map(|at| spots[*at].x).collect(),
                    (true, false) => below.iter().map(|at| spots[*at].x).collect(),
                    (false, _) => above.iter().chain(below).map(|at| spots[*at].x).collect(),
                };
                match joined.len() {
                    0 => *x,
                    n => joined.iter().sum::<f64>() / n as f64,
                }
            };
            let wanted: Vec<f64> = row.iter().map(wanted).collect();
            settle(row, &wanted, spots);
        }
    }
}

/// The places nearest to those wanted that keep the order and the gaps: neighbours that would overlap are moved as one.
fn settle(row: &[usize], wanted: &[f64], spots: &mut [Spot]) {
    let mut offsets = Vec::with_capacity(row.len());
    let mut offset = 0.0;
    for (at, spot) in row.iter().enumerate() {
        if at > 0 {
            offset += (spots[row[at - 1]].width + spots[*spot].width) / 2.0 + GAP;
        }
        offsets.push(offset);
    }
    // Groups of neighbours: how many, and the sum of where they want to begin.
    let mut groups: Vec<(usize, f64)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        let mut group = (1, wanted - offset);
        while let Some(last) =
            groups.pop_if(|last| last.1 / last.0 as f64 > group.1 / group.0 as f64)
        {
            group = (last.0 + group.0, last.1 + group.1);
        }
        groups.push(group);
    }
    let begins = groups
        .iter()
        .flat_map(|(count, sum)| std::iter::repeat_n(sum / *count as f64, *count));
    for ((spot, begin), offset) in row.iter().zip(begins).zip(&offsets) {
        spots[*spot].x = begin + offset;
    }
}

fn finish(
    spots: &[Spot],
    rows: &[Vec<usize>],
    paths: Vec<(Path, Vec<usize>)>,
    heights: &[f64],
) -> Layout {
    let (mut tops, mut bottoms, mut y) = (Vec::new(), Vec::new(), 0.0);
    for row in rows {
        let tallest = row.iter().filter_map(|spot| heights.get(*spot));
        let tallest = tallest.copied().fold(0.0, f64::max);
        tops.push(y);
        bottoms.push(y + tallest);
        y += tallest + ROW_GAP;
    }
    let left = spots
        .iter()
        .map(|spot| spot.x - spot.width / 2.0)
        .fold(f64::MAX, f64::min);
    let right = spots
        .iter()
        .map(|spot| spot.x + spot.width / 2.0)
        .fold(f64::MIN, f64::max);
    let at = |spot: &usize| {
        let Spot { x, row, .. } = &spots[*spot];
        (x - left, tops[*row], bottoms[*row])
    };
    let arrows = paths.into_iter().map(|(path, lane)| Path {
        through: lane.iter().map(at).collect(),
        ..path
    });
    Layout {
        steps: (0..heights.len())
            .map(|step| (at(&step).0, at(&step).1))
            .collect(),
        bottoms: (0..heights.len()).map(|step| at(&step).2).collect(),
        arrows: arrows.collect(),
        width: (right - left).max(0.0),
        height: (y - ROW_GAP).max(0.0),
    }
}
