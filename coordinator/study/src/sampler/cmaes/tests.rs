//! Compares with the package `cmaes`, and checks what the package does not know.

use proptest::prelude::*;
use rand::SeedableRng as _;
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::margin::Stretch;
use super::strategy::Strategy;
use super::*;
use crate::Direction;
use crate::peer;
use crate::sampler::history::End;
use crate::sampler::tests::finished;
use crate::space::{FloatScale, Param, ParamValue, SearchSpace};
use crate::trial::TrialResult;

/// A run as the package makes it: see `ask_cmaes.py`. On a grid, of whole numbers from 0, points are not rounded.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Case {
    /// Per coordinate, the largest whole number, or 0 on a continuous line.
    grids: Vec<i64>,
    mean: Vec<f64>,
    step: f64,
    generations: Vec<Generation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Generation {
    /// Points, as shares of the lines, and losses.
    points: Vec<Vec<f64>>,
    losses: Vec<f64>,
    /// What is known after it.
    #[serde(default)]
    mean: Vec<f64>,
    #[serde(default)]
    step: f64,
    #[serde(default)]
    covariance: Vec<Vec<f64>>,
    #[serde(default)]
    stretch: Vec<f64>,
}

fn line_of(grid: i64) -> Line {
    let distribution = match grid {
        0 => crate::Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear },
        high => crate::Distribution::Int { low: 0, high, step: 1, log: false },
    };
    match Axis::new(&distribution) {
        Axis::Line(line) => line,
        other => panic!("not a line: {other:?}"),
    }
}

/// The distribution and its margins, without what is ours alone: clipping, repair, restarts.
struct Plain {
    strategy: Strategy,
    normal: Distribution,
    stretch: Stretch,
}

impl Plain {
    fn new(case: &Case, population: usize) -> Self {
        let lines: Vec<_> = case.grids.iter().map(|grid| line_of(*grid)).collect();
        Self {
            strategy: Strategy::new(lines.len(), population),
            normal: Distribution::new(case.mean.clone(), case.step),
            stretch: Stretch::new(&lines),
        }
    }

    fn learn(&mut self, generation: &Generation) {
        let mut order: Vec<_> = (0..generation.points.len()).collect();
        order.sort_by(|a, b| generation.losses[*a].total_cmp(&generation.losses[*b]));
        let step = |place: &usize| -> Vec<f64> {
            let point = generation.points[*place].iter().zip(&self.normal.mean);
            point.map(|(x, mean)| (x - mean) / self.normal.step).collect()
        };
        let weights = self.strategy.weights.iter().copied();
        let steps: Vec<_> = weights.zip(order.iter().map(step)).collect();
        assert!(self.normal.learn(&self.strategy, &steps));
        let margin = 1.0 / (self.normal.mean.len() * steps.len()) as f64;
        self.stretch.keep_only(margin, &mut self.normal);
    }

    fn agrees(&self, generation: &Generation) -> bool {
        let close = |found: f64, known: f64| (found - known).abs() <= 1e-8 * (1.0 + known.abs());
        let all = |found: &[f64], known: &[f64]| {
            found.iter().zip(known).all(|(found, known)| close(*found, *known))
        };
        let stretch: Vec<_> = (0..generation.stretch.len()).map(|i| self.stretch.of(i)).collect();
        let mut rows = self.normal.covariance.iter().zip(&generation.covariance);
        all(&self.normal.mean, &generation.mean)
            && close(self.normal.step, generation.step)
            && all(&stretch, &generation.stretch)
            && rows.all(|(found, known)| all(found, known))
    }
}

/// Runs on an ellipsoid whose axes lie askew.
fn case(grids: &[i64], generations: usize, seed: u64) -> Case {
    let n = grids.len();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mean = (0..n).map(|_| 0.2 + 0.6 * uniform(&mut rng)).collect();
    let mut case = Case { grids: grids.to_vec(), mean, step: 0.2, generations: Vec::new() };
    let population = CmaesOptions::default().population(n);
    let mut plain = Plain::new(&case, population);
    for _ in 0..generations {
        let point = |rng: &mut ChaCha8Rng| -> Vec<f64> {
            let shaped = plain.normal.shaped(&standard(n, rng));
            let mean = plain.normal.mean.iter().zip(shaped);
            mean.map(|(mean, y)| mean + plain.normal.step * y).collect()
        };
        let points: Vec<_> = (0..population).map(|_| point(&mut rng)).collect();
        let loss = |point: &Vec<f64>| -> f64 {
            let from = |i: usize| point[i] - 0.3 - 0.05 * i as f64;
            (0..n).map(|i| (i + 1) as f64 * (from(i) + 0.5 * from((i + 1) % n)).powi(2)).sum()
        };
        let losses = points.iter().map(loss).collect();
        let (mean, covariance, stretch) = (vec![], vec![], vec![]);
        let generation = Generation { points, losses, mean, step: 0.0, covariance, stretch };
        plain.learn(&generation);
        case.generations.push(generation);
    }
    case
}

fn check(known: &[Case]) {
    for case in known {
        let mut plain = Plain::new(case, case.generations[0].points.len());
        for (number, generation) in case.generations.iter().enumerate() {
            plain.learn(generation);
            assert!(plain.agrees(generation), "{:?}, generation {number}", case.grids);
        }
    }
}

#[test]
fn runs_are_those_of_the_cmaes_package() {
    check(&serde_json::from_str::<Vec<Case>>(include_str!("cases.json")).expect("cases"));
}

/// Asks the real package, if `KINDLING_PEERS_PYTHON` names a Python that has it.
#[test]
fn runs_are_what_the_cmaes_package_says_now() {
    let spaces: [&[i64]; 6] =
        [&[0; 2], &[0; 5], &[0; 12], &[0, 9, 0, 20], &[1, 0, 3, 0, 50], &[4, 4, 4]];
    let cases: Vec<_> = (0..5).flat_map(|seed| spaces.map(|grids| case(grids, 30, seed))).collect();
    let Some(answers) = peer::ask("sampler/cmaes/ask_cmaes.py", &cases) else { return };
    check(&serde_json::from_slice::<Vec<Case>>(&answers).expect("answers"));
}

fn floats(count: usize) -> SearchSpace {
    let distribution =
        crate::Distribution::Float { low: -1.0, high: 3.0, scale: FloatScale::Linear };
    let param = |i: usize| Param {
        name: format!("x{i}"),
        distribution: distribution.clone(),
        when: vec![],
    };
    SearchSpace::new((0..count).map(param).collect()).expect("valid")
}

fn number(value: Option<ParamValue>) -> f64 {
    match value {
        Some(ParamValue::Float(x)) => x,
        other => panic!("no float: {other:?}"),
    }
}

/// Squared distance from a point off the middle, but for a factor of each coordinate.
fn loss(params: &Params) -> f64 {
    let square =
        |(i, value): (usize, &Option<ParamValue>)| (i + 1) as f64 * (number(*value) - 0.3).powi(2);
    params.iter().enumerate().map(square).sum()
}

fn result(value: f64) -> TrialResult {
    TrialResult::Complete(value.into())
}

/// An archive of this many trials of a study, and the best loss.
fn study(
    options: &CmaesOptions,
    space: &SearchSpace,
    trials: u32,
    at_once: usize,
) -> (Archive, f64) {
    let mut archive = Archive::new(space, Direction::Minimize);
    let fixed = space.nothing();
    let (mut running, mut best) = (std::collections::VecDeque::<Params>::new(), f64::INFINITY);
    for number in 0..trials {
        if running.len() == at_once {
            let params = running.pop_front().expect("one runs");
            best = best.min(loss(&params));
            archive.add(space, &finished(&params, &result(loss(&params))));
        }
        let pending = running.iter().collect();
        let ask = Ask { space, archive: &archive, pending, fixed: &fixed, seed: 3, number };
        let params = propose(options, &ask, &mut ChaCha8Rng::seed_from_u64(number.into()));
        running.push_back(params);
    }
    (archive, best)
}

fn proposal(options: &CmaesOptions, space: &SearchSpace, archive: &Archive) -> Params {
    let fixed = space.nothing();
    let ask = Ask { space, archive, pending: vec![], fixed: &fixed, seed: 3, number: 1 };
    propose(options, &ask, &mut ChaCha8Rng::seed_from_u64(1))
}

#[test]
fn a_long_search_converges_however_many_trials_run_at_once() {
    let space = floats(5);
    for (population, at_once) in [(0, 1), (0, 8), (12, 20)] {
        let (_, best) = study(&CmaesOptions { population }, &space, 700, at_once);
        assert!(best < 1e-4, "{population}, {at_once}: {best}");
    }
}

/// The same trials in an archive that was never asked.
fn anew(space: &SearchSpace, archive: &Archive) -> Archive {
    let mut anew = Archive::new(space, Direction::Minimize);
    for trial in archive.history().since(0) {
        let values = trial.at.iter().map(|at| Some(line_of(0).value(*at)));
        let params: Params = values.collect();
        let value = match trial.end {
            End::Complete(loss) => result(loss),
            other => panic!("it completed: {other:?}"),
        };
        anew.add(space, &finished(&params, &value));
    }
    anew
}

#[test]
fn what_was_kept_changes_no_proposal() {
    let distribution =
        crate::Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let param =
        |name: &str| Param { name: name.into(), distribution: distribution.clone(), when: vec![] };
    let space = SearchSpace::new(vec![param("a"), param("b")]).expect("valid");
    for population in [0, 10] {
        let options = CmaesOptions { population };
        for trials in [9, 40, 333, 700] {
            let (archive, _) = study(&options, &space, trials, 2);
            let kept = proposal(&options, &space, &archive);
            assert_eq!(kept, proposal(&options, &space, &anew(&space, &archive)));
            assert_eq!(kept, proposal(&options, &space, &archive));
        }
        // Copies share what is kept, and go on in different ways.
        let (mut archive, _) = study(&options, &space, 100, 1);
        let mut other = archive.clone();
        for i in 0..30 {
            let x = f64::from(i) / 40.0;
            let at = |x: f64| -> Params { vec![Some(ParamValue::Float(x)); 2].into() };
            archive.add(&space, &finished(&at(x), &result(x)));
            other.add(&space, &finished(&at(x), &result(-x)));
            let found = [&archive, &other].map(|one| proposal(&options, &space, one));
            assert_eq!(
                found,
                [&archive, &other].map(|one| proposal(&options, &space, &anew(&space, one)))
            );
        }
    }
}

#[test]
fn options_and_seeds_do_not_share_what_was_kept() {
    let space = floats(2);
    let (archive, _) = study(&CmaesOptions::default(), &space, 200, 1);
    let large = CmaesOptions { population: 20 };
    let found = [&CmaesOptions::default(), &large, &CmaesOptions::default()]
        .map(|options| proposal(options, &space, &archive));
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Long enough for restarts, and with whatever a history may hold.
    #[test]
    fn any_history_gives_a_run_that_can_be_drawn_from(
        grids in prop::collection::vec(prop_oneof![Just(0_i64), 1..4_i64, Just(1000), Just(i64::MAX / 2)], 1..6),
        trials in prop::collection::vec(
            (any::<u64>(), 0..6_u8, prop_oneof![Just(0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324), -1.0..1.0]),
            0..400,
        ),
        population in 0..9_u32,
        same in any::<bool>(),
    ) {
        let param = |(i, grid): (usize, &i64)| {
            let distribution = match *grid {
                0 => crate::Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear },
                high => crate::Distribution::Int { low: 0, high, step: 1, log: false },
            };
            Param { name: i.to_string(), distribution, when: vec![] }
        };
        let space = SearchSpace::new(grids.iter().enumerate().map(param).collect()).expect("valid");
        let mut archive = Archive::new(&space, Direction::Maximize);
        let options = CmaesOptions { population };
        for (seed, kind, value) in trials {
            let seed = if same { 0 } else { seed };
            let nothing = space.nothing();
            let params = super::super::random::propose(&space, &nothing, &mut ChaCha8Rng::seed_from_u64(seed));
            let result = match kind {
                0 => TrialResult::Fail("no reason".into()),
                1 => TrialResult::Pruned,
                _ => result(value),
            };
            archive.add(&space, &finished(&params, &result));
        }
        for _ in 0..30 {
            let params = proposal(&options, &space, &archive);
            prop_assert!(space.contains(&params), "{:?}", params);
            archive.add(&space, &finished(&params, &result(0.0)));
        }
    }
}
