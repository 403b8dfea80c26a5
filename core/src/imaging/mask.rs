//! Regions of a micrograph that a person has ruled out: carbon, crystalline ice, damage. Nothing is picked there and
//! no unlabeled patch is drawn from there.

use serde::{Deserialize, Serialize};

/// A region, px of the unbinned micrograph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// What a closed line surrounds (even-odd rule); fewer than three corners surround nothing.
    Polygon(Vec<[f32; 2]>),
    /// What a round brush has passed over.
    Stroke {
        /// Radius of the brush, px.
        radius: f32,
        /// Places it was at, in order; between two of them it went straight.
        line: Vec<[f32; 2]>,
    },
}

impl Region {
    /// Whether a place lies in it.
    pub fn covers(&self, [x, y]: [f32; 2]) -> bool {
        match self {
            Self::Polygon(corners) => {
                let ends = corners.iter().zip(corners.iter().cycle().skip(1));
                let crossed = ends.filter(|(a, b)| {
                    (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
                });
                crossed.count() % 2 == 1
            }
            Self::Stroke { radius, line } => {
                let near = |a: [f32; 2], b: [f32; 2]| distance([x, y], a, b) <= *radius;
                match line.as_slice() {
                    [only] => near(*only, *only),
                    line => line.windows(2).any(|pair| near(pair[0], pair[1])),
                }
            }
        }
    }
}

/// Distance of a place from a piece of a line.
fn distance(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (along, to) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length = along[0] * along[0] + along[1] * along[1];
    let share =
        if length > 0.0 { ((to[0] * along[0] + to[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (to[0] - share * along[0]).hypot(to[1] - share * along[1])
}

/// What is ruled out on one micrograph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mask {
    /// The whole micrograph.
    pub excluded: bool,
    /// Parts of it, in the order in which they were drawn.
    pub regions: Vec<Region>,
}

impl Mask {
    /// Whether nothing is ruled out.
    pub fn is_empty(&self) -> bool {
        !self.excluded && self.regions.is_empty()
    }

    /// Whether a place is ruled out, px of the unbinned micrograph.
    pub fn covers(&self, x: f64, y: f64) -> bool {
        self.excluded || self.regions.iter().any(|region| region.covers([x as f32, y as f32]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_covers_what_it_surrounds() {
        // An L: the upper right quarter is free.
        let corners = vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [0.0, 20.0]];
        let region = Region::Polygon(corners);
        assert!(region.covers([5.0, 5.0]) && region.covers([15.0, 15.0]) && region.covers([5.0, 15.0]));
        assert!(!region.covers([15.0, 5.0]) && !region.covers([-1.0, 5.0]) && !region.covers([5.0, 21.0]));
        assert!(!Region::Polygon(vec![[0.0, 0.0], [5.0, 5.0]]).covers([2.0, 2.0]));
    }

    #[test]
    fn a_stroke_covers_what_lies_within_its_radius() {
        let region = Region::Stroke { radius: 3.0, line: vec![[10.0, 10.0], [20.0, 10.0], [20.0, 30.0]] };
        assert!(region.covers([15.0, 12.9]) && region.covers([7.1, 10.0]) && region.covers([22.0, 25.0]));
        assert!(!region.covers([15.0, 13.1]) && !region.covers([6.9, 10.0]) && !region.covers([20.0, 33.1]));
        assert!(Region::Stroke { radius: 1.0, line: vec![[5.0, 5.0]] }.covers([5.5, 5.5]));
        assert!(!Region::Stroke { radius: 1.0, line: Vec::new() }.covers([0.0, 0.0]));
    }

    #[test]
    fn an_excluded_micrograph_is_covered_everywhere() {
        assert!(Mask::default().is_empty() && !Mask::default().covers(1.0, 1.0));
        let excluded = Mask { excluded: true, ..Mask::default() };
        assert!(!excluded.is_empty() && excluded.covers(1.0, 1.0));
    }
}
