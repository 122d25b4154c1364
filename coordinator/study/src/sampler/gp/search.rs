//! Finds the point with the largest expected improvement, in a space of numbers, choices and conditions.
//!
//! It begins with many points all over the space and around the best trials. The most promising ones then climb side
//! by side: along the gradient where coordinates are continuous, and one parameter at a time by trying other values,
//! which reaches choices, whole numbers and other basins.

use rand_chacha::ChaCha8Rng;

use super::acquisition::Acquisition;
use super::lanes::WIDTH;
use super::lbfgs::Lbfgs;
use super::model::{self, Model};
use crate::sampler::Ask;
use crate::sampler::archive::Archive;
use crate::sampler::axis::Axis;
use crate::sampler::random::{self, uniform};
use crate::space::{Freedom, ParamValue, Params, SearchSpace, freedoms};

/// Points all over the space.
const ANYWHERE: usize = 160;
/// Points around the best trials, and how many trials those are.
const NEARBY: usize = 96;
const BEST: usize = 8;
/// How many points climb.
const CLIMBERS: usize = WIDTH;
/// How many steps along the gradient.
const STEPS: usize = 14;
/// How many of the climbers then go through their parameters, how often.
const SWEEPERS: usize = 3;
const SWEEPS: usize = 2;
/// How many parameters one sweep goes through.
const SWEPT: usize = 16;

/// A point, and how promising it is.
#[derive(Debug, Clone)]
struct Candidate {
    params: Params,
    score: f64,
}

/// What the search works with.
struct Search<'a> {
    space: &'a SearchSpace,
    axes: &'a [Axis],
    freedoms: Vec<Freedom>,
    acquisition: Acquisition<'a>,
}

pub(super) fn propose(model: &Model, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
    let acquisition = Acquisition::new(model, ask, rng);
    let freedoms = freedoms(ask.space, ask.fixed);
    let search =
        Search { space: ask.space, axes: ask.archive.history().axes(), freedoms, acquisition };
    let is_new = |candidate: &Candidate| !ask.is_tried(&candidate.params);

    let mut points: Vec<_> =
        (0..ANYWHERE).map(|_| random::propose(ask.space, ask.fixed, rng)).collect();
    let best = search.acquisition.best(BEST);
    let best: Vec<_> = best.iter().map(|at| search.params(at)).collect();
    points.extend((0..NEARBY).map(|i| search.near(&best[i % best.len()], rng)));
    let mut candidates = search.scored(points);
    sort(&mut candidates);

    let mut climbers = Search::apart(&candidates);
    search.climb(&mut climbers);
    sort(&mut climbers);
    for climber in climbers.iter_mut().take(SWEEPERS) {
        for _ in 0..SWEEPS {
            if !search.sweep(climber, rng) {
                break;
            }
        }
    }
    search.climb(&mut climbers);
    candidates.extend(climbers);
    sort(&mut candidates);
    let best = candidates.iter().position(is_new).unwrap_or(0);
    candidates.swap_remove(best).params
}

/// The steps of a search, some nanoseconds each.
pub(super) fn effort(archive: &Archive) -> usize {
    let dimensions = archive.history().axes().len();
    let (rows, sweeps) = (model::rows(archive), SWEEPERS * SWEEPS * dimensions.min(SWEPT));
    // A step along the gradient takes as long as three points.
    let blocks = (ANYWHERE + NEARBY) / WIDTH + 2 * 3 * STEPS + sweeps;
    blocks * rows * (8 * (dimensions + 1) + rows / 2)
}

/// The most promising first.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
}

impl Search<'_> {
    fn scored(&self, points: Vec<Params>) -> Vec<Candidate> {
        let scores: Vec<_> =
            points.chunks(WIDTH).flat_map(|points| self.acquisition.scores(points)).collect();
        let candidates = points.into_iter().zip(scores);
        candidates.map(|(params, score)| Candidate { params, score }).collect()
    }

    /// The best candidates, but few that differ from a better one in numbers alone.
    fn apart(candidates: &[Candidate]) -> Vec<Candidate> {
        const ALIKE: usize = 4;
        let choices = |params: &Params| -> Vec<_> {
            params
                .iter()
                .map(|value| match value {
                    Some(ParamValue::Choice(choice)) => Some(*choice),
                    _ => None,
                })
                .collect()
        };
        let mut kept: Vec<(Candidate, Vec<Option<usize>>)> = Vec::new();
        for candidate in candidates {
            let own = choices(&candidate.params);
            if kept.iter().filter(|(_, other)| *other == own).count() < ALIKE {
                kept.push((candidate.clone(), own));
            }
            if kept.len() == CLIMBERS {
                break;
            }
        }
        kept.into_iter().map(|(candidate, _)| candidate).collect()
    }

    /// Moves all climbers along the gradient. Those that end better than they began stay there.
    fn climb(&self, climbers: &mut [Candidate]) {
        let smooth = self.acquisition.smooth(self.axes, &self.freedoms);
        if smooth.is_empty() {
            return;
        }
        let mut at: Vec<_> =
            climbers.iter().map(|c| self.acquisition.coordinates(&c.params)).collect();
        let pick =
            |at: &[f64]| smooth.iter().map(|(place, _)| at[*place].max(0.0)).collect::<Vec<_>>();
        // Where a parameter is not active it stays as it is.
        let bound = |at: &[f64], open: f64| {
            smooth
                .iter()
                .map(|(place, _)| if at[*place] < 0.0 { 0.0 } else { open })
                .collect::<Vec<_>>()
        };
        let slopes =
            |gradient: &[f64]| smooth.iter().map(|(_, d)| -gradient[*d]).collect::<Vec<_>>();
        let mut searches: Vec<Lbfgs> = Vec::new();
        for step in 0..=STEPS {
            let evaluated = self.acquisition.slopes(&at);
            for (lane, (value, gradient)) in evaluated.into_iter().enumerate() {
                if step == 0 {
                    let boxed = [bound(&at[lane], 0.0), bound(&at[lane], 1.0)];
                    searches.push(Lbfgs::new(
                        boxed,
                        pick(&at[lane]),
                        -value,
                        slopes(&gradient),
                        0.1,
                    ));
                } else if !searches[lane].is_done() {
                    searches[lane].tell(pick(&at[lane]), -value, slopes(&gradient));
                }
                let next = searches[lane].next();
                for ((place, _), x) in smooth.iter().zip(next) {
                    if at[lane][*place] >= 0.0 {
                        at[lane][*place] = x;
                    }
                }
            }
            if searches.iter().all(Lbfgs::is_done) {
                break;
            }
        }
        let moved = climbers.iter().zip(&searches).map(|(climber, search)| {
            // Other values stay as they are. Coordinates do not tell all their digits.
            let mut params = climber.params.clone();
            for ((place, _), x) in smooth.iter().zip(search.best()) {
                if let Some(value) = &mut params[*place] {
                    *value = self.axes[*place].value(*x);
                }
            }
            // A number that others depend on must not cross where that changes them.
            if !self.space.contains(&params) {
                for (place, _) in (0..params.len()).flat_map(|place| self.space.conditions(place)) {
                    params[*place] = climber.params[*place];
                }
            }
            params
        });
        let moved = self.scored(moved.collect());
        for (climber, moved) in climbers.iter_mut().zip(moved) {
            if moved.score > climber.score {
                *climber = moved;
            }
        }
    }

    /// Tries other values of each parameter in turn, of some if there are many, and keeps the best. Whether any was
    /// better.
    fn sweep(&self, climber: &mut Candidate, rng: &mut ChaCha8Rng) -> bool {
        let mut any = false;
        let first = (uniform(rng) * self.axes.len() as f64) as usize;
        for place in (first..self.axes.len()).chain(0..first).take(SWEPT) {
            if climber.params[place].is_none() || matches!(self.freedoms[place], Freedom::Fixed(_))
            {
                continue;
            }
            let others = self.others(place, climber.params[place], rng);
            let points = others.into_iter().map(|value| {
                let mut params = climber.params.clone();
                params[place] = Some(value);
                self.mended(&params, rng)
            });
            let mut tried = self.scored(points.collect());
            sort(&mut tried);
            if let Some(best) = tried.into_iter().next().filter(|best| best.score > climber.score) {
                *climber = best;
                any = true;
            }
        }
        any
    }

    /// Up to [`WIDTH`] other values of a parameter: all, if there are no more.
    fn others(
        &self,
        place: usize,
        now: Option<ParamValue>,
        rng: &mut ChaCha8Rng,
    ) -> Vec<ParamValue> {
        let mut others: Vec<ParamValue> = Vec::new();
        match (&self.axes[place], &self.freedoms[place]) {
            (Axis::Single(_), _) => {}
            (Axis::Choices(count), freedom) => {
                let mut open: Vec<_> = match freedom {
                    Freedom::Among(open) => open.clone(),
                    _ => (0..*count).collect(),
                };
                open.retain(|choice| Some(ParamValue::Choice(*choice)) != now);
                while open.len() > WIDTH {
                    open.swap_remove((uniform(rng) * open.len() as f64) as usize);
                }
                others.extend(open.into_iter().map(ParamValue::Choice));
            }
            (Axis::Line(line), _) => {
                let at = now.map_or(0.5, |now| line.place(now));
                for i in 0..WIDTH {
                    let z = if line.cells().is_some_and(|cells| cells <= WIDTH as f64 + 1.0) {
                        // The middle of each cell in turn.
                        let cells = line.cells().unwrap_or(1.0);
                        (i as f64 + 0.5) / cells
                    } else if i % 2 == 0 {
                        (i as f64 / WIDTH as f64 + uniform(rng) / 4.0).min(1.0)
                    } else {
                        at + 0.2 * (uniform(rng) - 0.5)
                    };
                    let mut value = line.value(z.clamp(0.0, 1.0));
                    if let Freedom::Within(open) = &self.freedoms[place] {
                        value = open.nearest(value);
                    }
                    if Some(value) != now && !others.contains(&value) {
                        others.push(value);
                    }
                }
            }
        }
        others
    }

    /// A point near another: some of its parameters have other values.
    fn near(&self, params: &Params, rng: &mut ChaCha8Rng) -> Params {
        let active: Vec<_> = (0..params.len()).filter(|place| params[*place].is_some()).collect();
        let share = if uniform(rng) < 0.5 { 1.0 / active.len() as f64 } else { 0.5 };
        let forced = active[(uniform(rng) * active.len() as f64) as usize];
        let reach = 0.3 * libm::exp(-4.0 * uniform(rng));
        let mut moved = params.clone();
        for place in active {
            if place != forced && uniform(rng) >= share {
                continue;
            }
            moved[place] = Some(match &self.axes[place] {
                Axis::Line(line) => {
                    let at = params[place].map_or(0.5, |value| line.place(value));
                    // About normal: the sum of three uniform numbers.
                    let step = uniform(rng) + uniform(rng) + uniform(rng) - 1.5;
                    line.value((at + 2.0 * reach * step).clamp(0.0, 1.0))
                }
                axis => random::pick(axis, &self.freedoms[place], || uniform(rng)),
            });
        }
        self.mended(&moved, rng)
    }

    /// The same point with values for the parameters that are active, and no others.
    fn mended(&self, params: &Params, rng: &mut ChaCha8Rng) -> Params {
        let mut mended = self.space.nothing();
        for place in 0..params.len() {
            if !self.space.is_active(place, &mended) {
                continue;
            }
            let draw = |rng: &mut ChaCha8Rng| {
                random::pick(&self.axes[place], &self.freedoms[place], || uniform(rng))
            };
            mended[place] = Some(match (&self.freedoms[place], params[place]) {
                (Freedom::Fixed(value), _) => *value,
                (freedom, Some(value)) if freedom.allows(value) => value,
                _ => draw(rng),
            });
        }
        mended
    }

    /// The parameters at these coordinates.
    fn params(&self, at: &[f64]) -> Params {
        let value = |(axis, x): (&Axis, &f64)| (*x >= 0.0).then(|| axis.value(*x));
        let params: Vec<_> = self.axes.iter().zip(at).map(value).collect();
        params.into()
    }
}
