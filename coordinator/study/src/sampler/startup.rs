//! The first trials, before there is anything to learn from: a design that is balanced at any time,
//! however many trials run, fail or were fixed by somebody. Each choice is as frequent as any other,
//! give or take one, and numbers follow a Sobol sequence.

use rand_chacha::ChaCha8Rng;

use super::Ask;
use super::axis::Axis;
use super::random::{pick, uniform};
use super::sobol;
use crate::space::{Freedom, Params, freedoms};

pub(super) fn propose(ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let freedoms = freedoms(ask.space, ask.fixed);
    let mut values = ask.space.nothing();
    for table in ask.archive.tables() {
        if !ask.space.is_active(table.places[0], &values) {
            continue;
        }
        let running: Vec<_> = ask.pending.iter().filter_map(|params| table.row(params)).collect();
        let index = (table.len() + running.len()) as u32;
        for (column, (place, axis)) in table.places.iter().zip(&table.axes).enumerate() {
            let finished = table.column(column).iter().copied();
            let seen = finished.chain(running.iter().map(|row| row[column]));
            let freedom = match (&freedoms[*place], axis) {
                (Freedom::Among(open), _) => Freedom::Among(least_used(open, seen)),
                (Freedom::Any, Axis::Choices(count)) => {
                    Freedom::Among(least_used(&(0..*count).collect::<Vec<_>>(), seen))
                }
                (freedom, _) => freedom.clone(),
            };
            let at = || match axis {
                Axis::Line(_) => sobol::unit(ask.seed, *place as u32, index),
                _ => uniform(rng),
            };
            values[*place] = Some(pick(axis, &freedom, at));
        }
    }
    values
}

/// The choices that are open and were used least.
fn least_used(open: &[usize], seen: impl Iterator<Item = f64>) -> Vec<usize> {
    let mut uses = vec![0; open.len()];
    for choice in seen {
        if let Some(place) = open.iter().position(|c| *c == choice as usize) {
            uses[place] += 1;
        }
    }
    let least = uses.iter().min().copied();
    let places = open.iter().zip(uses).filter(|(_, uses)| Some(*uses) == least);
    places.map(|(choice, _)| *choice).collect()
}
