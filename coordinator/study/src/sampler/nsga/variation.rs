//! Children: crossover and mutation.

use rand_chacha::ChaCha8Rng;

use super::options::Genetic;
use crate::sampler::Ask;
use crate::sampler::axis::{Axis, Line};
use crate::sampler::history::INACTIVE;
use crate::sampler::random::{pick, uniform};
use crate::space::{Freedom, ParamValue, Params, freedoms};

/// A child of two parents, or a changed copy of the first. A parameter that is active in the child but in one parent only comes from that one,
/// and from neither it is drawn at random.
pub(super) fn child(
    genetic: &Genetic,
    ask: &Ask<'_>,
    [first, second]: [&[f64]; 2],
    rng: &mut ChaCha8Rng,
) -> Params {
    let freedoms = freedoms(ask.space, ask.fixed);
    let axes = ask.archive.history().axes();
    let is_crossed = uniform(rng) < genetic.crossover_probability;
    let open = axes
        .iter()
        .zip(first)
        .filter(|(axis, at)| !matches!(axis, Axis::Single(_)) && **at > INACTIVE);
    let mutation = genetic.mutation_probability.unwrap_or(1.0 / open.count().max(1) as f64);
    let mut values = ask.space.nothing();
    for (place, (axis, freedom)) in axes.iter().zip(&freedoms).enumerate() {
        if !ask.space.is_active(place, &values) {
            continue;
        }
        let gene = match (first[place], second[place]) {
            (INACTIVE, INACTIVE) => None,
            (INACTIVE, only) | (only, INACTIVE) => Some(only),
            (a, b) if is_crossed => Some(genetic.crossed(axis, a, b, rng)),
            (a, _) => Some(a),
        };
        let value = gene.map(|gene| {
            if uniform(rng) < mutation {
                genetic.mutated(axis, gene, rng)
            } else {
                axis.value(gene)
            }
        });
        values[place] = Some(match (value, freedom) {
            (_, Freedom::Fixed(value)) => *value,
            (Some(value @ ParamValue::Choice(choice)), Freedom::Among(open))
                if open.contains(&choice) =>
            {
                value
            }
            (Some(value), Freedom::Any) => value,
            _ => pick(axis, freedom, || uniform(rng)),
        });
    }
    values
}

impl Genetic {
    /// The child's coordinate from both parents'.
    fn crossed(&self, axis: &Axis, a: f64, b: f64, rng: &mut ChaCha8Rng) -> f64 {
        match axis {
            Axis::Single(_) => a,
            Axis::Choices(_) => {
                if uniform(rng) < self.swapping_probability {
                    b
                } else {
                    a
                }
            }
            // Half of the numbers are crossed, as in the authors' program.
            Axis::Line(_) if uniform(rng) < 0.5 => a,
            Axis::Line(_) => simulated_binary(self.crossover_eta, a, b, uniform(rng), uniform(rng)),
        }
    }

    /// Another value than that at the coordinate, if there is one nearby.
    fn mutated(&self, axis: &Axis, at: f64, rng: &mut ChaCha8Rng) -> ParamValue {
        match axis {
            Axis::Single(value) => *value,
            Axis::Choices(count) => {
                let other = (uniform(rng) * (count - 1) as f64) as usize;
                ParamValue::Choice(other + usize::from(other >= at as usize))
            }
            Axis::Line(line) => {
                let (before, after) =
                    (line.value(at), line.value(polynomial(self.mutation_eta, at, uniform(rng))));
                let is_up = uniform(rng) < 0.5;
                if after == before { neighbour(line, before, is_up) } else { after }
            }
        }
    }
}

/// Of a grid, the next value in this direction, or in the other at an end.
fn neighbour(line: &Line, value: ParamValue, is_up: bool) -> ParamValue {
    let (at, step) = (line.place(value), line.cell(value));
    let next = |step: f64| line.value((at + step).clamp(0.0, 1.0));
    let step = if is_up { step } else { -step };
    let there = next(step);
    if there == value { next(-step) } else { there }
}

/// Simulated binary crossover of two coordinates within `[0, 1]` (Deb and Agrawal 1995, with the bounds of the authors' program): a number near either of
/// them, at `u` of its distribution; `side` says which.
pub(super) fn simulated_binary(eta: f64, a: f64, b: f64, u: f64, side: f64) -> f64 {
    const SAME: f64 = 1e-14;
    let (low, high) = (a.min(b), a.max(b));
    let apart = high - low;
    if apart < SAME {
        return a;
    }
    let is_low = side < 0.5;
    let room = if is_low { low } else { 1.0 - high };
    let alpha = 2.0 - libm::pow(1.0 + 2.0 * room / apart, -(eta + 1.0));
    let scaled = u * alpha;
    let base = if scaled <= 1.0 { scaled } else { 1.0 / (2.0 - scaled) };
    let spread = libm::pow(base, 1.0 / (eta + 1.0)) * apart;
    let child = if is_low { low + high - spread } else { low + high + spread } / 2.0;
    child.clamp(0.0, 1.0)
}

/// Polynomial mutation of a coordinate within `[0, 1]` (Deb and Goyal 1996, with the bounds of the authors' program), at `u` of its distribution.
pub(super) fn polynomial(eta: f64, at: f64, u: f64) -> f64 {
    let power = eta + 1.0;
    let step = if u < 0.5 {
        let tail = 2.0 * u + (1.0 - 2.0 * u) * libm::pow(1.0 - at, power);
        libm::pow(tail, 1.0 / power) - 1.0
    } else {
        let tail = 2.0 * (1.0 - u) + 2.0 * (u - 0.5) * libm::pow(at, power);
        1.0 - libm::pow(tail, 1.0 / power)
    };
    (at + step).clamp(0.0, 1.0)
}
