//! Where the boxes of a drawing stand: in rows from the start downwards, neighbours near each other, few arrows crossing.
//!
//! Arrows that lead back up are left out at first. What spans several rows is led through empty places in the rows
//! between, so that no arrow runs through a box.

use std::collections::{BTreeSet, VecDeque};

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
/// Boxes and free places that are looked at in all sweeps together, and in all pulls; a drawing with very many is gone
/// through less often, as nobody would see the difference.
const SWEPT_MAX: usize = 200_000;
const PULLED_MAX: usize = 400_000;
/// Times that are not gone below.
const TIMES_MIN: usize = 2;

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
    /// Kept free at its right, for an arrow that leads to where it begins, and its words.
    beside: f64,
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

impl Path {
    /// It leads to where it begins.
    pub(super) const fn turns(&self) -> bool {
        self.from == self.to
    }
}

/// Places the steps, whose heights are given, and what each needs at its right.
pub(super) fn layout(drawing: &Drawing, heights: &[f64], beside: &[f64]) -> Layout {
    let back = back_arrows(drawing);
    let rows_of = rows(drawing, &back);
    let mut spots: Vec<Spot> = rows_of.iter().map(|row| spot(*row, WIDTH)).collect();
    for (spot, beside) in spots.iter_mut().zip(beside) {
        spot.beside = *beside;
    }
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
        beside: 0.0,
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
fn back_arrows(drawing: &Drawing) -> BTreeSet<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        Open,
        Done,
    }
    let mut seen = vec![Seen::Never; drawing.steps.len()];
    let mut back = BTreeSet::new();
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
                Some(Some(to)) if seen[to] == Seen::Open => {
                    back.insert((at, to));
                }
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
fn rows(drawing: &Drawing, back: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let count = drawing.steps.len();
    let (mut after, mut before) = (vec![Vec::new(); count], vec![0; count]);
    for (from, _, to) in arrows(drawing).filter(|(from, _, to)| !back.contains(&(*from, *to))) {
        after[from].push(to);
        before[to] += 1;
    }
    let mut rows = vec![0; count];
    let mut open: VecDeque<usize> = (0..count).filter(|step| before[*step] == 0).collect();
    while let Some(from) = open.pop_front() {
        for to in after[from].iter().copied() {
            rows[to] = rows[to].max(rows[from] + 1);
            before[to] -= 1;
            if before[to] == 0 {
                open.push_back(to);
            }
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

/// How often something is done to so many spots that they are not looked at more than so often in all.
fn times(most: usize, spots: usize, looks_max: usize) -> usize {
    (looks_max / spots.max(1)).clamp(TIMES_MIN, most)
}

/// Puts each row in the order of what its spots are joined with, down and up again; the best order stays.
fn order(rows: &mut [Vec<usize>], spots: &[Spot]) {
    let mut places = vec![0; spots.len()];
    rows.iter().for_each(|row| number(row, &mut places));
    let mut best = (crossings(rows, spots, &places), rows.to_vec());
    for sweep in 0..times(SWEEPS, spots.len(), SWEPT_MAX) {
        let down = sweep % 2 == 0;
        let indices: Vec<usize> = match down {
            true => (1..rows.len()).collect(),
            false => (0..rows.len().saturating_sub(1)).rev().collect(),
        };
        for row in indices {
            let middle = |spot: usize| {
                let joined = match down {
                    true => &spots[spot].above,
                    false => &spots[spot].below,
                };
                let sum: usize = joined.iter().map(|at| places[*at]).sum();
                match joined.len() {
                    0 => places[spot] as f64,
                    n => sum as f64 / n as f64,
                }
            };
            let sorted = rows[row].iter().map(|spot| (middle(*spot), *spot));
            let mut sorted: Vec<(f64, usize)> = sorted.collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[row] = sorted.into_iter().map(|(_, spot)| spot).collect();
            number(&rows[row], &mut places);
        }
        let now = crossings(rows, spots, &places);
        if now < best.0 {
            best = (now, rows.to_vec());
        }
    }
    rows.clone_from_slice(&best.1);
}

/// Notes the place of each spot in its row.
fn number(row: &[usize], places: &mut [usize]) {
    for (at, spot) in row.iter().enumerate() {
        places[*spot] = at;
    }
}

/// How many arrows cross another between two rows.
fn crossings(rows: &[Vec<usize>], spots: &[Spot], places: &[usize]) -> usize {
    let between = |pair: &[Vec<usize>]| {
        let mut passed = Passed::new(pair[1].len());
        let (mut count, mut ends) = (0, Vec::new());
        for spot in &pair[0] {
            ends.clear();
            ends.extend(spots[*spot].below.iter().map(|to| places[*to]));
            // Those that begin at one spot do not cross each other.
            count += ends.iter().map(|end| passed.beyond(*end)).sum::<usize>();
            ends.iter().for_each(|end| passed.add(*end));
        }
        count
    };
    rows.windows(2).map(between).sum()
}

/// How many arrows end at each place of a row, summed up in a tree (Fenwick's), so that both to add one and to count
/// those beyond a place take no longer than the tree is high.
struct Passed {
    tree: Vec<usize>,
    all: usize,
}

impl Passed {
    fn new(places: usize) -> Self {
        Self {
            tree: vec![0; places + 1],
            all: 0,
        }
    }

    fn add(&mut self, place: usize) {
        self.all += 1;
        let mut at = place + 1;
        while let Some(sum) = self.tree.get_mut(at) {
            *sum += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// Those that end at a later place.
    fn beyond(&self, place: usize) -> usize {
        let (mut at, mut up_to) = (place + 1, 0);
        while at > 0 {
            up_to += self.tree[at];
            at &= at - 1;
        }
        self.all - up_to
    }
}

/// Moves the spots of each row towards the middle of what they are joined with, never over each other.
fn place(rows: &[Vec<usize>], spots: &mut [Spot]) {
    for row in rows {
        let wanted: Vec<f64> = (0..row.len()).map(|at| at as f64 * (WIDTH + GAP)).collect();
        settle(row, &wanted, spots);
    }
    let pulls = times(PULLS, spots.len(), PULLED_MAX);
    for pull in 0..pulls {
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
                let none: &[usize] = &[];
                let (above, below) = match (pull + 1 < pulls, down) {
                    (true, true) => (above.as_slice(), none),
                    (true, false) => (none, below.as_slice()),
                    (false, _) => (above.as_slice(), below.as_slice()),
                };
                let joined = above.iter().chain(below).map(|at| spots[*at].x);
                match above.len() + below.len() {
                    0 => *x,
                    n => joined.sum::<f64>() / n as f64,
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
            let left = &spots[row[at - 1]];
            offset += (left.width + spots[*spot].width) / 2.0 + left.beside + GAP;
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
        .map(|spot| spot.x + spot.width / 2.0 + spot.beside)
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
