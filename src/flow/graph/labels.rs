//! Where the words beside the arrows of a picture stand: on their arrow, and over no box and no other words.

/// Height of the words of an arrow.
pub(super) const HEIGHT: f64 = 17.0;
/// Kept free between two.
const GAP: f64 = 2.0;

/// A rectangle: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The words of an arrow, and the places of their middle, the best one first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) width: f64,
    pub(super) places: Vec<(f64, f64)>,
}

impl Rect {
    fn around((x, y): (f64, f64), width: f64) -> Self {
        Self {
            x: x - width / 2.0,
            y: y - HEIGHT / 2.0,
            width,
            height: HEIGHT,
        }
    }

    /// How much of this one another covers.
    pub(super) fn covered_by(&self, other: &Self) -> f64 {
        let overlap = |a: f64, a_size: f64, b: f64, b_size: f64| {
            ((a + a_size).min(b + b_size) - a.max(b)).max(0.0)
        };
        overlap(self.x, self.width, other.x, other.width)
            * overlap(self.y, self.height, other.y, other.height)
    }

    /// With a gap around it.
    fn apart(self) -> Self {
        Self {
            x: self.x - GAP,
            y: self.y - GAP,
            width: self.width + 2.0 * GAP,
            height: self.height + 2.0 * GAP,
        }
    }
}

/// The rectangle of each of these words: those with the fewest places choose first, and where all places are taken the
/// one that is covered least is.
pub(super) fn placed(labels: &[Label], boxes: &[Rect]) -> Vec<Rect> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|at| labels[*at].places.len());
    let mut taken: Vec<(usize, Rect)> = Vec::with_capacity(labels.len());
    for at in order {
        let Label { width, places, .. } = &labels[at];
        let mut best: Option<(f64, Rect)> = None;
        for place in places {
            let here = Rect::around(*place, *width);
            let wide = here.apart();
            let others = boxes.iter().chain(taken.iter().map(|(_, rect)| rect));
            let covered: f64 = others.map(|other| wide.covered_by(other)).sum();
            if best.is_none_or(|(least, _)| covered < least) {
                best = Some((covered, here));
            }
            if covered == 0.0 {
                break;
            }
        }
        let none = Rect::around((0.0, 0.0), 0.0);
        taken.push((at, best.map_or(none, |(_, rect)| rect)));
    }
    taken.sort_by_key(|(at, _)| *at);
    taken.into_iter().map(|(_, rect)| rect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(width: f64, places: &[(f64, f64)]) -> Label {
        Label {
            text: String::new(),
            width,
            places: places.to_vec(),
        }
    }

    #[test]
    fn words_take_the_first_free_place_on_their_arrow() {
        let boxes = [Rect {
            x: 0.0,
            y: 0.0,
            width: 100.0,
            height: 40.0,
        }];
        let check = |labels: &[Label], expected: &[(f64, f64)]| {
            let found = placed(labels, &boxes);
            let middles: Vec<(f64, f64)> = found
                .iter()
                .map(|rect| (rect.x + rect.width / 2.0, rect.y + HEIGHT / 2.0))
                .collect();
            assert_eq!(middles, expected, "{labels:?}");
        };
        // Not over the box.
        check(
            &[label(20.0, &[(50.0, 45.0), (50.0, 60.0)])],
            &[(50.0, 60.0)],
        );
        // Whoever has one place only has it.
        let (free, only) = (
            label(20.0, &[(50.0, 60.0), (50.0, 90.0)]),
            label(20.0, &[(55.0, 62.0)]),
        );
        check(&[free, only], &[(50.0, 90.0), (55.0, 62.0)]);
        // Where none is free, the one that is covered least.
        check(
            &[label(20.0, &[(50.0, 20.0), (50.0, 42.0)])],
            &[(50.0, 42.0)],
        );
    }
}
