//! What CMA-ES knows after some trials: a run, and the runs before it. It follows from the history alone, generation by
//! generation.

use super::distribution::Distribution;
use super::run::{Member, Run};
use super::{CmaesOptions, LARGEST};
use crate::sampler::axis::Line;
use crate::sampler::hash::{mix, unit};
use crate::sampler::history::{Finished, History};

/// Learned from the first trials of a history.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sampler) struct State {
    options: CmaesOptions,
    seed: u64,
    /// The numbers that it learns: their places in the space, and their shapes.
    places: Vec<usize>,
    lines: Vec<Line>,
    /// How many trials it learned from, and the history's digest of them.
    count: usize,
    digest: u64,
    run: Run,
    restarts: Restarts,
}

/// How the runs take turns (BIPOP: Hansen 2009, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function
/// Testbed"). Large runs double the population each time; small ones get as many trials in all, in smaller
/// populations and from narrower distributions.
#[derive(Debug, Clone, PartialEq, Default)]
struct Restarts {
    count: u64,
    doublings: u32,
    is_small: bool,
    /// Trials in this run, and at most.
    used: usize,
    most: Option<usize>,
    /// Trials in all large and in all small runs, without the first.
    large: usize,
    small: usize,
}

/// The deviation of a run's first generation, of a line's length.
const WIDE: f64 = 0.2;

impl State {
    /// Before the first trial.
    pub(super) fn new(options: &CmaesOptions, seed: u64, numbers: &[(usize, Line)]) -> Self {
        let (places, lines): (_, Vec<_>) = numbers.iter().copied().unzip();
        let middle = Distribution::new(vec![0.5; lines.len()], WIDE);
        let run = Run::new(lines.clone(), middle, options.population(lines.len()));
        let (options, restarts) = (options.clone(), Restarts::default());
        Self { options, seed, places, lines, count: 0, digest: 0, run, restarts }
    }

    /// Whether it was learned with this seed.
    pub(super) fn is_seeded(&self, seed: u64) -> bool {
        self.seed == seed
    }

    /// Whether it was learned from the first trials of this history.
    pub(super) fn is_of(&self, options: &CmaesOptions, history: &History) -> bool {
        self.options == *options
            && self.count <= history.len()
            && self.digest == history.digest(self.count)
    }

    /// The run that draws come from.
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// How many trials of the history it has not learned from.
    pub(super) fn left(&self, history: &History) -> usize {
        history.len() - self.count
    }

    /// Whether the history has a generation that it has not learned from.
    pub(super) fn is_behind(&self, history: &History) -> bool {
        self.left(history) >= self.run.population()
    }

    /// Learns from all whole generations.
    pub(super) fn learn(&mut self, history: &History) {
        while self.is_behind(history) {
            let trials = history.since(self.count).take(self.run.population());
            let members: Vec<_> = trials.map(|trial| self.member(&trial)).collect();
            self.count += members.len();
            self.run.learn(&members);
            if self.restarts.is_due(members.len()) || self.run.is_over() {
                self.run = self.again();
            }
        }
        self.digest = history.digest(self.count);
    }

    fn member(&self, trial: &Finished) -> Member {
        Member { at: self.places.iter().map(|place| trial.at[*place]).collect(), end: trial.end }
    }

    /// The next run, from anywhere.
    fn again(&mut self) -> Run {
        self.restarts.next();
        let key = mix(mix(self.seed) ^ self.restarts.count);
        let random = |what: usize| unit(mix(key ^ what as u64));
        let dimensions = self.lines.len();
        let mean = (0..dimensions).map(random).collect();
        let default = self.options.population(dimensions);
        let (population, step) = if self.restarts.is_small {
            let ratio = self.restarts.ratio() / 2.0;
            let (u, v) = (random(dimensions), random(dimensions + 1));
            let population = default as f64 * libm::pow(ratio, u * u);
            (population as usize, WIDE * libm::pow(10.0, -2.0 * v))
        } else {
            ((default as f64 * self.restarts.ratio()) as usize, WIDE)
        };
        let population = population.clamp(default.div_ceil(2), LARGEST.max(default));
        Run::new(self.lines.clone(), Distribution::new(mean, step), population)
    }
}

impl Restarts {
    /// Counts the trials of a generation. Whether the run has had all that it gets.
    fn is_due(&mut self, trials: usize) -> bool {
        self.used += trials;
        self.most.is_some_and(|most| self.used >= most)
    }

    /// Goes on to the next run: a small one if those got fewer trials so far.
    fn next(&mut self) {
        if self.count > 0 {
            *(if self.is_small { &mut self.small } else { &mut self.large }) += self.used;
        }
        self.count += 1;
        self.used = 0;
        self.is_small = self.count > 1 && self.small < self.large;
        self.most = self.is_small.then_some(self.large / 2);
        if !self.is_small {
            self.doublings += 1;
        }
    }

    /// How many times larger the population of the newest large run is than the first one's.
    fn ratio(&self) -> f64 {
        /// So that a generation never takes a study's whole life.
        const MOST: u32 = 10;
        f64::from(1_u32 << self.doublings.min(MOST))
    }
}
