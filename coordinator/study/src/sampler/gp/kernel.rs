//! The covariance function: a sum of Matérn 5/2 kernels, each over some of the parameters.
//!
//! One term is over all parameters at once, so that any interaction can be learned. One term is over each parameter by
//! itself: much of what parameters do they do alone, and a sum of functions of one parameter each is learned from few
//! trials (Duvenaud et al. 2011, "Additive Gaussian Processes"). A conditional parameter's own term is 0 where it is
//! not active. In the joint term a number that is not active stands at the middle of its line (Lévesque et al. 2017,
//! "Bayesian optimization for conditional hyperparameter spaces"), a choice at a choice of its own.

use super::lanes::{self, Lanes, ZERO, fast};
use crate::sampler::axis::Axis;
use crate::sampler::history::INACTIVE;

/// The terms of the kernel for a space. Its dimensions are the parameters that have more than one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Per dimension, the parameter's place in the space.
    pub(super) places: Vec<usize>,
    /// Per dimension, whether its coordinates are choices.
    pub(super) is_choice: Vec<bool>,
    pub(super) terms: Vec<Term>,
}

/// A Matérn kernel over some dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) dimensions: Vec<usize>,
    /// The dimension that must be active in both points; otherwise the term is 0.
    pub(super) gate: Option<usize>,
    /// Among how many terms of its kind the function's variance is shared out where it is active.
    pub(super) shares: usize,
}

impl Term {
    /// Whether it is a parameter's own.
    pub(super) fn is_own(&self) -> bool {
        self.dimensions.len() == 1
    }

    /// Whether it is 0 wherever the other point is.
    #[inline(always)]
    fn is_off(&self, point: &Point) -> bool {
        self.gate.is_some_and(|dimension| point.gates[dimension] == 0.0)
    }

    /// Sets the lanes to 0 in which it is not active.
    #[inline(always)]
    fn shut(&self, block: &Block, lanes: &mut Lanes) {
        if let Some(dimension) = self.gate {
            lanes::multiply(lanes, &block.gates[dimension]);
        }
    }
}

/// A point: a coordinate per dimension.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    values: Vec<f64>,
    /// Per dimension, 1 if it is active and 0 if not.
    gates: Vec<f64>,
}

/// Points side by side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    values: Vec<Lanes>,
    gates: Vec<Lanes>,
}

/// The hyper-parameters of the kernel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kernel {
    /// Per term, its variance.
    pub(super) variances: Vec<f64>,
    /// Per term and dimension of it, 5 over the square of the length scale.
    pub(super) weights: Vec<Vec<f64>>,
    /// Per term, the square root of its first weight.
    roots: Vec<f64>,
    /// How much the products of each two parameters' own terms count.
    pub(super) pairs: f64,
    /// The variance of the noise.
    pub(super) noise: f64,
}

/// Memory for what is computed for one point and a block.
pub(super) struct Scratch {
    /// Distances along each dimension.
    distances: Vec<Lanes>,
    /// Per term, its value, and its derivative by the scaled distance.
    values: Vec<Lanes>,
    slopes: Vec<Lanes>,
}

impl Layout {
    /// The terms for parameters of these shapes, in groups that are active under the same conditions, the first always.
    pub(super) fn new(axes: &[Axis], groups: &[&[usize]]) -> Self {
        let places: Vec<_> =
            (0..axes.len()).filter(|place| !matches!(axes[*place], Axis::Single(_))).collect();
        let is_choice = places.iter().map(|place| axes[*place].choices() > 0).collect();
        let group =
            |place: &usize| groups.iter().position(|group| group.contains(place)).unwrap_or(0);
        let always = places.iter().filter(|place| group(place) == 0).count();
        let mut terms = Vec::new();
        if places.len() > 1 {
            terms.push(Term { dimensions: (0..places.len()).collect(), gate: None, shares: 1 });
        }
        for g in 0..groups.len() {
            let dimensions: Vec<_> =
                (0..places.len()).filter(|d| group(&places[*d]) == g).collect();
            let gate = dimensions.first().copied().filter(|_| g > 0);
            if g > 0 && dimensions.len() > 1 {
                terms.push(Term { dimensions: dimensions.clone(), gate, shares: 2 });
            }
            let shares = always + if g > 0 { dimensions.len() } else { 0 };
            let own = |d: &usize| Term { dimensions: vec![*d], gate: gate.map(|_| *d), shares };
            terms.extend(dimensions.iter().map(own));
        }
        Self { places, is_choice, terms }
    }

    /// How many dimensions there are.
    pub(super) fn dimensions(&self) -> usize {
        self.places.len()
    }

    /// The point at these coordinates of the whole space.
    pub(super) fn point(&self, at: &[f64]) -> Point {
        let value = |(place, is_choice): (&usize, &bool)| match at[*place] {
            x if x >= 0.0 => x,
            _ if *is_choice => INACTIVE,
            _ => 0.5,
        };
        let gate = |place: &usize| f64::from(u8::from(at[*place] >= 0.0));
        Point {
            values: self.places.iter().zip(&self.is_choice).map(value).collect(),
            gates: self.places.iter().map(gate).collect(),
        }
    }

    /// Up to [`WIDTH`](lanes::WIDTH) points side by side. Lanes without a point repeat the last one.
    pub(super) fn block(&self, points: &[Point]) -> Block {
        let lane = |lane: usize| &points[lane.min(points.len() - 1)];
        let of = |pick: &dyn Fn(&Point) -> f64| std::array::from_fn(|l| pick(lane(l)));
        Block {
            values: (0..self.dimensions()).map(|d| of(&|p| p.values[d])).collect(),
            gates: (0..self.dimensions()).map(|d| of(&|p| p.gates[d])).collect(),
        }
    }

    /// Memory to compute in.
    pub(super) fn scratch(&self) -> Scratch {
        let terms = vec![ZERO; self.terms.len()];
        Scratch { distances: vec![ZERO; self.dimensions()], values: terms.clone(), slopes: terms }
    }

    /// Sets the distances of a point from each of a block. Between different choices it is 1.
    #[inline(always)]
    #[expect(clippy::float_cmp, reason = "choices are whole numbers")]
    fn fill(&self, point: &Point, block: &Block, distances: &mut [Lanes]) {
        let dimensions = point.values.iter().zip(&block.values).zip(&self.is_choice);
        for (distance, ((x, lanes), is_choice)) in distances.iter_mut().zip(dimensions) {
            *distance = if *is_choice {
                lanes::map(lanes, |y| if y == *x { 0.0 } else { 1.0 })
            } else {
                lanes::map(lanes, |y| (y - x).abs())
            };
        }
    }
}

/// The Matérn 5/2 correlation at each `root`, √5 times the scaled distance.
#[inline(always)]
fn matern(roots: &Lanes) -> Lanes {
    lanes::map(roots, |root| (1.0 + root + root * root * (1.0 / 3.0)) * lanes::exp(-root))
}

/// The same, and its derivative by the square of `root`.
#[inline(always)]
fn matern_and_slope(roots: &Lanes) -> (Lanes, Lanes) {
    let decays = lanes::map(roots, |root| lanes::exp(-root));
    let value = |lane: usize| {
        let root = roots[lane];
        (1.0 + root + root * root * (1.0 / 3.0)) * decays[lane]
    };
    let slope = |lane: usize| (1.0 + roots[lane]) * decays[lane] * (-1.0 / 6.0);
    (std::array::from_fn(value), std::array::from_fn(slope))
}

impl Kernel {
    /// The prior variance of the function.
    pub(super) fn variance(&self, layout: &Layout, point: &Point) -> f64 {
        let (mut joint, mut own, mut squares) = (0.0, 0.0, 0.0);
        for (term, variance) in layout.terms.iter().zip(&self.variances) {
            let value = variance * term.gate.map_or(1.0, |dimension| point.gates[dimension]);
            if term.is_own() {
                own += value;
                squares += value * value;
            } else {
                joint += value;
            }
        }
        joint + own + self.pairs * 0.5 * (own * own - squares)
    }

    /// The covariances of some points with each of a block.
    pub(super) fn covariances(
        &self,
        layout: &Layout,
        points: &[Point],
        block: &Block,
    ) -> Vec<Lanes> {
        covariances(self, layout, points, block)
    }

    #[inline(always)]
    fn covariance(
        &self,
        layout: &Layout,
        point: &Point,
        block: &Block,
        scratch: &mut Scratch,
    ) -> Lanes {
        layout.fill(point, block, &mut scratch.distances);
        let (mut joint, mut own, mut squares) = (ZERO, ZERO, ZERO);
        for (t, term) in layout.terms.iter().enumerate() {
            if term.is_off(point) {
                continue;
            }
            let mut value = matern(&self.roots(t, term, &scratch.distances));
            term.shut(block, &mut value);
            if term.is_own() {
                let value = lanes::map(&value, |value| self.variances[t] * value);
                lanes::add(&mut own, 1.0, &value);
                lanes::add(&mut squares, 1.0, &lanes::product(&value, &value));
            } else {
                lanes::add(&mut joint, self.variances[t], &value);
            }
        }
        // Σ_{i<j} a_i a_j = ½ ((Σ a_i)² − Σ a_i²)
        lanes::add(&mut joint, 1.0, &own);
        lanes::add(&mut joint, 0.5 * self.pairs, &lanes::product(&own, &own));
        lanes::add(&mut joint, -0.5 * self.pairs, &squares);
        joint
    }

    /// Computes each term's value and slope, times `factor` and what the pairs make of it. Returns the pairs' part of
    /// `factor · covariance`, without [`Self::pairs`].
    #[inline(always)]
    fn fill(
        &self,
        layout: &Layout,
        point: &Point,
        block: &Block,
        factor: &Lanes,
        scratch: &mut Scratch,
    ) -> Lanes {
        layout.fill(point, block, &mut scratch.distances);
        let (mut own, mut squares) = (ZERO, ZERO);
        for (t, term) in layout.terms.iter().enumerate() {
            (scratch.values[t], scratch.slopes[t]) = (ZERO, ZERO);
            if term.is_off(point) {
                continue;
            }
            let (value, slope) = matern_and_slope(&self.roots(t, term, &scratch.distances));
            let scale = |x: f64| self.variances[t] * x;
            let (mut value, mut slope) = (lanes::map(&value, scale), lanes::map(&slope, scale));
            term.shut(block, &mut value);
            term.shut(block, &mut slope);
            (scratch.values[t], scratch.slopes[t]) = (value, slope);
            if term.is_own() {
                lanes::add(&mut own, 1.0, &value);
                lanes::add(&mut squares, 1.0, &lanes::product(&value, &value));
            }
        }
        for (t, term) in layout.terms.iter().enumerate() {
            let value = &mut scratch.values[t];
            let mut share = *factor;
            if term.is_own() {
                // ∂/∂a_i Σ_{j<k} a_j a_k = Σ_j a_j − a_i
                let mut with = lanes::map(&own, |own| 1.0 + self.pairs * own);
                lanes::add(&mut with, -self.pairs, value);
                lanes::multiply(&mut share, &with);
            }
            lanes::multiply(value, &share);
            lanes::multiply(&mut scratch.slopes[t], &share);
        }
        let mut pairs = lanes::product(&own, &own);
        lanes::add(&mut pairs, -1.0, &squares);
        lanes::multiply(&mut pairs, factor);
        lanes::map(&pairs, |pairs| 0.5 * pairs)
    }

    /// For each lane, the derivatives of its covariance with `point` by its own coordinates, times `factor`, added to
    /// `gradient`. Choices have none.
    #[inline(always)]
    pub(super) fn add_slopes(
        &self,
        layout: &Layout,
        point: &Point,
        block: &Block,
        factor: &Lanes,
        scratch: &mut Scratch,
        gradient: &mut [Lanes],
    ) {
        self.fill(layout, point, block, factor, scratch);
        for (t, term) in layout.terms.iter().enumerate() {
            if term.is_off(point) {
                continue;
            }
            for (dimension, weight) in term.dimensions.iter().zip(&self.weights[t]) {
                if layout.is_choice[*dimension] {
                    continue;
                }
                let (x, lanes) = (point.values[*dimension], &block.values[*dimension]);
                let along = lanes::product(&lanes::map(lanes, |y| y - x), &scratch.slopes[t]);
                lanes::add(&mut gradient[*dimension], 2.0 * weight, &along);
            }
        }
    }

    /// The derivatives by the logarithms of the hyper-parameters, in the order of [`Self::from_logarithms`] but without
    /// the noise, of `Σ factor · covariance` over the lanes, added to `gradient`.
    #[inline(always)]
    pub(super) fn add_derivatives(
        &self,
        layout: &Layout,
        point: &Point,
        block: &Block,
        factor: &Lanes,
        scratch: &mut Scratch,
        gradient: &mut [Lanes],
    ) {
        let pairs = self.fill(layout, point, block, factor, scratch);
        let mut weights = layout.terms.len();
        for (t, term) in layout.terms.iter().enumerate() {
            let first = weights;
            weights += term.dimensions.len();
            if term.is_off(point) {
                continue;
            }
            lanes::add(&mut gradient[t], 1.0, &scratch.values[t]);
            let of_term = term.dimensions.iter().zip(&self.weights[t]);
            for (sum, (dimension, weight)) in gradient[first..weights].iter_mut().zip(of_term) {
                let squared =
                    lanes::map(&scratch.distances[*dimension], |distance| distance * distance);
                lanes::add(sum, *weight, &lanes::product(&scratch.slopes[t], &squared));
            }
        }
        lanes::add(&mut gradient[weights], self.pairs, &pairs);
    }

    /// √5 times the scaled distances of a term.
    #[inline(always)]
    fn roots(&self, t: usize, term: &Term, distances: &[Lanes]) -> Lanes {
        if let [dimension] = term.dimensions[..] {
            // A square root of each lane would take as long as all the rest.
            return lanes::map(&distances[dimension], |distance| self.roots[t] * distance);
        }
        let mut sum = ZERO;
        for (dimension, weight) in term.dimensions.iter().zip(&self.weights[t]) {
            let square = lanes::map(&distances[*dimension], |distance| distance * distance);
            lanes::add(&mut sum, *weight, &square);
        }
        lanes::map(&sum, f64::sqrt)
    }

    /// The kernel with these logarithms: the terms' variances, the terms' weights, the pairs, the noise.
    pub(super) fn from_logarithms(layout: &Layout, logarithms: &[f64]) -> Self {
        let mut values = logarithms.iter().map(|x| libm::exp(*x));
        let variances = values.by_ref().take(layout.terms.len()).collect();
        let of_term = |term: &Term| values.by_ref().take(term.dimensions.len()).collect();
        let weights: Vec<Vec<_>> = layout.terms.iter().map(of_term).collect();
        let roots = weights.iter().map(|weights| weights[0].sqrt()).collect();
        let [pairs, noise] = [values.next(), values.next()].map(Option::unwrap_or_default);
        Self { variances, weights, roots, pairs, noise }
    }
}

fast! {
    fn covariances<'a>(
        kernel: &'a Kernel,
        layout: &'a Layout,
        points: &'a [Point],
        block: &'a Block,
    ) -> Vec<Lanes> {
        let mut scratch = layout.scratch();
        let mut covariances = Vec::with_capacity(points.len());
        for point in points {
            covariances.push(kernel.covariance(layout, point, block, &mut scratch));
        }
        covariances
    }
}
