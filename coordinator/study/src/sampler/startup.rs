//! The first trials, before there is anything to learn from: a design that is balanced at any time,
//! however many trials run, fail or were fixed by somebody. Each choice is as frequent as any other,
//! give or take one, and numbers keep their distance.

use rand_chacha::ChaCha8Rng;

use super::Ask;
use super::axis::{Axis, Line};
use super::freedom::{Freedom, freedoms};
use super::random::{index, uniform};
use crate::space::{ParamValue, Params};

/// Draws of a number, of which the one farthest from all before is taken (Mitchell's best
/// candidate, 1991).
const CANDIDATES: usize = 8;

pub(super) fn propose(ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let freedoms = freedoms(ask.space, ask.fixed);
    let mut values = ask.space.nothing();
    for table in ask.archive.tables() {
        if !ask.space.is_active(table.places[0], &values) {
            continue;
        }
        let running: Vec<_> = ask.pending.iter().filter_map(|params| table.row(params)).collect();
        for (column, (place, axis)) in table.places.iter().zip(&table.axes).enumerate() {
            let finished = table.column(column).iter().copied();
            let seen = finished.chain(running.iter().map(|row| row[column]));
            values[*place] = Some(match (&freedoms[*place], axis) {
                (Freedom::Fixed(value), _) | (_, Axis::Single(value)) => *value,
                (Freedom::Among(open), _) => least_used(open, seen, rng),
                (Freedom::Any, Axis::Choices(count)) => {
                    least_used(&(0..*count).collect::<Vec<_>>(), seen, rng)
                }
                (Freedom::Any, Axis::Line(line)) => farthest(line, &seen.collect::<Vec<_>>(), rng),
            });
        }
    }
    values
}

/// One of the choices that are open and were used least.
fn least_used(open: &[usize], seen: impl Iterator<Item = f64>, rng: &mut ChaCha8Rng) -> ParamValue {
    let mut uses = vec![0; open.len()];
    for choice in seen {
        if let Some(place) = open.iter().position(|c| *c == choice as usize) {
            uses[place] += 1;
        }
    }
    let least = uses.iter().min().copied().unwrap_or(0);
    let rarest: Vec<_> = open.iter().zip(uses).filter(|(_, n)| *n == least).collect();
    ParamValue::Choice(*rarest[index(rarest.len(), rng)].0)
}

/// Of a few draws the one farthest from all before.
fn farthest(line: &Line, seen: &[f64], rng: &mut ChaCha8Rng) -> ParamValue {
    let distance = |at: f64| seen.iter().map(|x| (x - at).abs()).fold(f64::INFINITY, f64::min);
    let draws = (0..CANDIDATES).map(|_| uniform(rng));
    let far = draws.map(|at| (distance(at), at)).reduce(|a, b| if b.0 > a.0 { b } else { a });
    line.value(far.map_or(0.5, |(_, at)| at))
}
