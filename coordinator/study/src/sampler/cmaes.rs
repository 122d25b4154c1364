//! CMA-ES (Hansen, arXiv 1604.00772): draws numbers from a normal distribution that each generation of trials moves and
//! reshapes. For long searches over numbers. TPE proposes what is not a number or not always active.
//!
//! A generation is a certain number of trials in the order in which they finished, whatever they were drawn from. So
//! what the sampler knows follows from the history, however many trials run at once.

mod distribution;
mod eigen;
mod margin;
mod run;
mod state;
mod strategy;

use std::f64::consts::PI;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Ask;
use super::archive::Archive;
use super::axis::{Axis, Line};
use super::hash::mix;
use super::random::uniform;
use super::sobol;
use super::tpe::{self, TpeOptions};
use super::truncnorm::inverse_cdf;
use crate::space::{Freedom, Params, freedoms};
use run::Run;

pub(super) use state::State;

/// Options of the CMA-ES sampler.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CmaesOptions {
    /// How many trials make a generation, until restarts change that; 0 for 4 + 3 ln d in d dimensions.
    pub population: u32,
}

/// The most trials of a generation.
const LARGEST: usize = 10_000;

impl CmaesOptions {
    fn population(&self, dimensions: usize) -> usize {
        match self.population {
            0 => 4 + (3.0 * libm::log(dimensions as f64)) as usize,
            population => (population as usize).clamp(4, LARGEST),
        }
    }
}

pub(super) fn propose(options: &CmaesOptions, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let numbers = numbers(ask.archive);
    if numbers.is_empty() {
        return tpe::propose(&TpeOptions::default(), ask, rng);
    }
    let state = known(options, ask, &numbers);
    let first = evenly_drawn(ask, numbers.len());
    let params = with_numbers(ask, &numbers, draw(state.run(), &numbers, &first, rng), rng);
    if !ask.is_tried(&params) {
        return params;
    }
    let first = standard(numbers.len(), rng);
    with_numbers(ask, &numbers, draw(state.run(), &numbers, &first, rng), rng)
}

/// These numbers where none are fixed, and the rest by TPE.
fn with_numbers(
    ask: &Ask<'_>,
    numbers: &[(usize, Line)],
    point: Vec<f64>,
    rng: &mut ChaCha8Rng,
) -> Params {
    let mut fixed = ask.fixed.clone();
    // A fixed value may need its parents to be some of their numbers.
    let freedoms = freedoms(ask.space, ask.fixed);
    for ((place, line), at) in numbers.iter().zip(point) {
        let value = line.value(at);
        fixed[*place].get_or_insert(match &freedoms[*place] {
            Freedom::Within(open) => open.nearest(value),
            _ => value,
        });
    }
    if ask.space.contains(&fixed) {
        return fixed;
    }
    let rest = Ask { fixed: &fixed, pending: ask.pending.clone(), ..*ask };
    tpe::propose(&TpeOptions::default(), &rest, rng)
}

/// The numbers that are always active, with their places in the space.
fn numbers(archive: &Archive) -> Vec<(usize, Line)> {
    let table = &archive.tables()[0];
    let line = |(place, axis): (&usize, &Axis)| match axis {
        Axis::Line(line) => Some((*place, *line)),
        Axis::Single(_) | Axis::Choices(_) => None,
    };
    table.places.iter().zip(&table.axes).filter_map(line).collect()
}

/// What the history teaches. The newest of it is kept, so that only new generations take time.
fn known(options: &CmaesOptions, ask: &Ask<'_>, numbers: &[(usize, Line)]) -> Arc<State> {
    let history = ask.archive.history();
    let memo = ask.archive.cmaes();
    let is_ours = |state: &Arc<State>| state.is_seeded(ask.seed) && state.is_of(options, history);
    let kept = memo.get().filter(is_ours);
    let mut state = kept.unwrap_or_else(|| Arc::new(State::new(options, ask.seed, numbers)));
    if state.is_behind(history) {
        Arc::make_mut(&mut state).learn(history);
        memo.set(Arc::clone(&state));
    }
    state
}

/// How many draws may lie outside the space.
const DRAWS: usize = 100;

/// A point in the space, or on its edge if most draws lie outside. `first` is the first draw, from a standard normal
/// distribution.
fn draw(run: &Run, numbers: &[(usize, Line)], first: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let is_inside =
        |(x, (_, line)): (&f64, &(usize, Line))| !line.is_continuous() || (0.0..=1.0).contains(x);
    let mut point = run.point(first);
    for _ in 1..DRAWS {
        if point.iter().zip(numbers).all(is_inside) {
            return point;
        }
        point = run.point(&standard(numbers.len(), rng));
    }
    point.into_iter().map(|x| x.clamp(0.0, 1.0)).collect()
}

/// A standard normal vector that, together with those of the trials before and after it, covers the distribution evenly:
/// a point of a Sobol sequence (Teytaud and Gelly 2007, "DCMA: yet another derandomization in covariance-matrix-adaptation").
fn evenly_drawn(ask: &Ask<'_>, dimensions: usize) -> Vec<f64> {
    /// Not the sequence of the startup's designs.
    const OWN: u64 = 0x636d_6165_7300_0000;
    const LEAST: f64 = f64::EPSILON / 4.0;
    let seed = mix(ask.seed ^ OWN);
    let number = |dimension| {
        let share = sobol::unit(seed, dimension, ask.number);
        if share <= 0.5 { inverse_cdf(share.max(LEAST)) } else { -inverse_cdf(1.0 - share) }
    };
    (0..dimensions as u32).map(number).collect()
}

/// A standard normal vector (Box and Muller 1958).
fn standard(dimensions: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let number = |_| {
        let radius = (-2.0 * libm::log(1.0 - uniform(rng))).sqrt();
        radius * libm::cos(2.0 * PI * uniform(rng))
    };
    (0..dimensions).map(number).collect()
}

/// The steps of the next proposal: learning from new generations, drawing, and what TPE does for the rest.
pub(super) fn effort(options: &CmaesOptions, archive: &Archive) -> usize {
    let dimensions = numbers(archive).len();
    let is_all = archive.tables().len() == 1 && archive.tables()[0].axes.len() == dimensions;
    let rest = if is_all { 0 } else { tpe::effort(&TpeOptions::default(), archive) };
    if dimensions == 0 {
        return rest;
    }
    let history = archive.history();
    let kept = archive.cmaes().get().filter(|state| state.is_of(options, history));
    let left = kept.map_or(history.len(), |state| state.left(history));
    let population = options.population(dimensions);
    let square = dimensions * dimensions;
    let generation = square * (population + 4 * dimensions);
    let learning = (left / population).saturating_mul(generation);
    rest.saturating_add(learning).saturating_add(square * DRAWS / 2)
}

#[cfg(test)]
mod tests;
