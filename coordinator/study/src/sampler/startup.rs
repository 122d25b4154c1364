//! The first trials, when there is nothing to learn from yet. They follow a design that is balanced at any
//! time, no matter how many trials run, fail or are enqueued. Choices are used equally often, give or take
//! one, and numbers follow a Sobol sequence.
//!
//! Where trials fail, the design thins out. A point is kept with the chance that trials near it get a value.
//! Otherwise a random point replaces it, and the same applies to that one.

use rand_chacha::ChaCha8Rng;

use super::Ask;
use super::archive::Archive;
use super::axis::Axis;
use super::chance::Chance;
use super::effort::most_rows;
use super::random::{pick, uniform};
use super::sobol;
use super::table::Table;
use crate::space::{Freedom, ParamValue, Params, freedoms};

/// How many points to look at. The last one is taken in any case.
const POINTS: usize = 16;

/// Whether there is too little to learn from. Failed trials teach where not to look, so twice as many trials
/// of any kind are enough as soon as one has a value.
pub(super) fn is_startup(startup_trials: u32, archive: &Archive) -> bool {
    let (observed, wanted) = (archive.observations(), startup_trials as usize);
    let finished = observed + archive.failures();
    observed < wanted && (observed == 0 || finished < wanted.saturating_mul(2))
}

pub(super) fn propose(ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let freedoms = freedoms(ask.space, ask.fixed);
    let most = most_rows(POINTS, ask.archive.tables());
    let mut values = ask.space.nothing();
    for table in ask.archive.tables() {
        if !ask.space.is_active(table.places[0], &values) {
            continue;
        }
        let mut point = balanced(ask, table, &freedoms, rng);
        if let Some(chance) = Chance::of_a_value(table, most) {
            for _ in 1..POINTS {
                if uniform(rng) < libm::exp(chance.log_of(&point)) {
                    break;
                }
                let at =
                    |(place, axis): (&usize, &Axis)| pick(axis, &freedoms[*place], || uniform(rng));
                point = table.places.iter().zip(&table.axes).map(at).collect();
            }
        }
        for (place, value) in table.places.iter().zip(point) {
            values[*place] = Some(value);
        }
    }
    values
}

/// The design's next point for one group of parameters.
fn balanced(
    ask: &Ask<'_>,
    table: &Table,
    freedoms: &[Freedom],
    rng: &mut ChaCha8Rng,
) -> Vec<ParamValue> {
    let running: Vec<_> = ask.pending.iter().filter(|params| table.is_active_in(params)).collect();
    let index = (table.finished() + running.len()) as u32;
    let mut point = Vec::with_capacity(table.axes.len());
    for (column, (place, axis)) in table.places.iter().zip(&table.axes).enumerate() {
        let uses = || {
            let mut uses = table.uses(column).to_vec();
            for params in &running {
                if let Some(ParamValue::Choice(choice)) = params[*place] {
                    uses[choice] += 1;
                }
            }
            uses
        };
        let freedom = match (&freedoms[*place], axis) {
            (Freedom::Among(open), Axis::Choices(_)) => {
                Freedom::Among(least_used(open.iter().copied(), &uses()))
            }
            (Freedom::Any, Axis::Choices(count)) => Freedom::Among(least_used(0..*count, &uses())),
            (freedom, _) => freedom.clone(),
        };
        let at = || match axis {
            Axis::Line(_) => sobol::unit(ask.seed, *place as u32, index),
            _ => uniform(rng),
        };
        point.push(pick(axis, &freedom, at));
    }
    point
}

/// The open choices that were used least.
fn least_used(open: impl Iterator<Item = usize> + Clone, uses: &[u32]) -> Vec<usize> {
    let least = open.clone().map(|choice| uses[choice]).min();
    open.filter(|choice| Some(uses[*choice]) == least).collect()
}
