//! Limited-memory BFGS in a box, for smooth functions of some dozens of variables (Nocedal 1980, "Updating
//! Quasi-Newton Matrices With Limited Storage"). It asks for one point at a time, so whoever evaluates them may do so
//! for several searches at once.

use std::collections::VecDeque;

/// A search for a minimum.
pub(super) struct Lbfgs {
    low: Vec<f64>,
    high: Vec<f64>,
    /// The best point so far, with its value and gradient.
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// Where to go from there, how far of it, and how often that was cut.
    direction: Vec<f64>,
    step: f64,
    cuts: u32,
    /// The last steps, and by how much each changed the gradient; the oldest first.
    steps: VecDeque<(Vec<f64>, Vec<f64>)>,
    done: bool,
}

/// How many steps to remember.
const MEMORY: usize = 8;
/// What a step must gain, as a share of what the gradient promises (Armijo).
const ENOUGH: f64 = 1e-4;
/// How often a step is cut before the search gives up.
const CUTS: u32 = 10;

impl Lbfgs {
    /// A search from a point of the box, where the function has this value and gradient. The first step is no longer
    /// than `first`.
    pub(super) fn new(
        [low, high]: [Vec<f64>; 2],
        at: Vec<f64>,
        value: f64,
        gradient: Vec<f64>,
        first: f64,
    ) -> Self {
        let direction = vec![0.0; at.len()];
        let mut search = Self {
            low,
            high,
            at,
            value,
            gradient,
            direction,
            step: 1.0,
            cuts: 0,
            steps: VecDeque::new(),
            done: false,
        };
        search.done = !value.is_finite();
        search.turn();
        let length = norm(&search.direction);
        search.step = if length > first { first / length } else { 1.0 };
        search
    }

    /// Where to evaluate the function next.
    pub(super) fn next(&self) -> Vec<f64> {
        let along = self.at.iter().zip(&self.direction).zip(self.low.iter().zip(&self.high));
        along.map(|((x, d), (low, high))| (x + self.step * d).clamp(*low, *high)).collect()
    }

    /// Takes the function's value and gradient at the point asked for.
    pub(super) fn tell(&mut self, at: Vec<f64>, value: f64, gradient: Vec<f64>) {
        let moved: Vec<_> = at.iter().zip(&self.at).map(|(new, old)| new - old).collect();
        let promised = dot(&moved, &self.gradient);
        let gains =
            value <= self.value + ENOUGH * promised && gradient.iter().all(|g| g.is_finite());
        if !gains {
            self.cuts += 1;
            self.step *= 0.35;
            self.done = self.cuts >= CUTS;
            return;
        }
        let changed: Vec<_> =
            gradient.iter().zip(&self.gradient).map(|(new, old)| new - old).collect();
        if dot(&moved, &changed) > 1e-12 * norm(&moved) * norm(&changed) {
            if self.steps.len() == MEMORY {
                self.steps.pop_front();
            }
            self.steps.push_back((moved, changed));
        }
        let gained = self.value - value;
        (self.at, self.value, self.gradient) = (at, value, gradient);
        self.done = gained <= 1e-9 * (1.0 + value.abs());
        (self.step, self.cuts) = (1.0, 0);
        self.turn();
    }

    /// Whether nothing more is to be gained.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The best point so far.
    pub(super) fn best(&self) -> &[f64] {
        &self.at
    }

    /// The function's value there.
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Finds the direction: downhill, in the metric that the last steps showed, and not out of the box.
    fn turn(&mut self) {
        let is_free = |i: usize| {
            let out = self.at[i] <= self.low[i] && self.gradient[i] > 0.0
                || self.at[i] >= self.high[i] && self.gradient[i] < 0.0;
            !out && self.low[i] < self.high[i]
        };
        let free: Vec<_> = (0..self.at.len()).map(is_free).collect();
        let keep = |vector: &mut [f64]| {
            for (x, free) in vector.iter_mut().zip(&free) {
                if !free {
                    *x = 0.0;
                }
            }
        };
        let mut direction: Vec<_> = self.gradient.iter().map(|g| -g).collect();
        keep(&mut direction);
        let mut shares = Vec::with_capacity(self.steps.len());
        for (moved, changed) in self.steps.iter().rev() {
            let share = dot(moved, &direction) / dot(moved, changed);
            add(&mut direction, -share, changed);
            shares.push(share);
        }
        if let Some((moved, changed)) = self.steps.back() {
            let scale = dot(moved, changed) / dot(changed, changed);
            for d in &mut direction {
                *d *= scale;
            }
        }
        for ((moved, changed), share) in self.steps.iter().zip(shares.iter().rev()) {
            let back = dot(changed, &direction) / dot(moved, changed);
            add(&mut direction, share - back, moved);
        }
        keep(&mut direction);
        if dot(&direction, &self.gradient) >= 0.0 {
            // The remembered steps mislead.
            self.steps.clear();
            direction = self.gradient.iter().map(|g| -g).collect();
            keep(&mut direction);
        }
        self.done |= norm(&direction) < 1e-10;
        self.direction = direction;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Adds `factor` times `b` to `a`.
fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += factor * b;
    }
}
