//! Samplers: who proposes the next trial's parameters. A sampler is one file and one arm of
//! [`SamplerSpec::draw`].

mod archive;
mod axis;
mod chance;
mod dimension;
mod effort;
mod exponential;
mod grid;
mod hash;
mod normal;
mod options;
mod parzen;
mod random;
mod sobol;
mod startup;
mod table;
#[cfg(test)]
mod tests;
mod tpe;
mod truncnorm;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::space::{Configurations, Freedom, Params, SearchSpace, Values};
use axis::Axis;
use random::{pick, uniform};

pub use archive::Archive;
pub use grid::GridOptions;
pub use tpe::TpeOptions;

/// Which sampler a study uses, with its options. Read from JSON, `{"kind": "grid", "points": 3}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", try_from = "crate::options::Table")]
pub enum SamplerSpec {
    /// Tree-structured Parzen estimator.
    Tpe(TpeOptions),
    /// Independent uniform draws.
    Random {},
    /// A scrambled Sobol sequence.
    Sobol {},
    /// A few values of each parameter, in every combination.
    Grid(GridOptions),
}

impl Default for SamplerSpec {
    fn default() -> Self {
        Self::Tpe(TpeOptions::default())
    }
}

/// What a proposal may look at.
pub struct Ask<'a> {
    /// Where to search.
    pub space: &'a SearchSpace,
    /// The trials that finished.
    pub archive: &'a Archive,
    /// The parameters of trials that were proposed and have not finished.
    pub pending: Vec<&'a Params>,
    /// Values that are set already; `None` where the sampler chooses.
    pub fixed: &'a Params,
    /// The study's seed.
    pub seed: u64,
    /// The number of the trial to propose for.
    pub number: u32,
}

impl SamplerSpec {
    /// Proposes values for every active parameter. Those that are fixed stay as they are.
    /// The same question and generator give the same proposal.
    ///
    /// No configuration is proposed that another trial has or had, as long as there are others; in
    /// a continuous space there always are, and two draws are hardly ever the same. None is proposed
    /// that has failed, as long as there are others, whatever the space.
    pub fn propose(&self, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
        if ask.space.contains(ask.fixed) {
            return ask.fixed.clone();
        }
        let first = self.draw(ask, rng);
        if !ask.is_tried(&first) {
            return first;
        }
        let mut again = (1..self.draws(ask.space)).map(|_| self.draw(ask, rng));
        let untried = again.find(|params| !ask.is_tried(params)).or_else(|| ask.untried(rng));
        match untried {
            None if ask.archive.has_failed(&first) => ask.elsewhere(rng).unwrap_or(first),
            untried => untried.unwrap_or(first),
        }
    }

    /// Draws, before the sampler's choice is given up for another one that was not tried: fewer where
    /// one takes long.
    fn draws(&self, space: &SearchSpace) -> usize {
        const DRAWS: usize = 8;
        const VALUES: usize = 60_000;
        match self {
            Self::Tpe(options) => {
                let values = (options.candidates as usize).saturating_mul(space.params().len());
                (VALUES / values.max(1)).clamp(2, DRAWS)
            }
            Self::Random {} | Self::Sobol {} | Self::Grid(_) => DRAWS,
        }
    }

    fn draw(&self, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
        match self {
            Self::Tpe(options) => tpe::propose(options, ask, rng),
            Self::Random {} => random::propose(ask.space, ask.fixed, rng),
            Self::Sobol {} => sobol::propose(ask.space, ask.seed, ask.number, ask.fixed),
            Self::Grid(options) => {
                let is_tried = |params: &Params| ask.is_tried(params);
                grid::propose(options, ask.space, ask.number, ask.fixed, is_tried)
            }
        }
    }

    /// The name as a study file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tpe(_) => "tpe",
            Self::Random {} => "random",
            Self::Sobol {} => "sobol",
            Self::Grid(_) => "grid",
        }
    }
}

impl Ask<'_> {
    fn is_tried(&self, params: &Params) -> bool {
        self.archive.has_tried(params) || self.pending.contains(&params)
    }

    /// Any configuration that was not tried, of a discrete space that has one.
    fn untried(&self, rng: &mut ChaCha8Rng) -> Option<Params> {
        let all = Configurations::new(self.space, self.fixed, Values::All)?;
        let start = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        all.untried(start, |params| self.is_tried(params))
    }

    /// A random configuration that was not tried, of a space that cannot be counted: mostly one of a
    /// continuous parameter that the draws so far have left out. So each parameter that is not
    /// fixed gets a value, and its parents with it what makes it active; of a few, each several times.
    fn elsewhere(&self, rng: &mut ChaCha8Rng) -> Option<Params> {
        const TURNS: usize = 64;
        let params = self.space.params();
        let start = (uniform(rng) * params.len() as f64) as usize;
        let turns = TURNS.max(params.len());
        let places = (start..params.len()).chain(0..start).cycle().take(turns);
        places.filter(|place| self.fixed[*place].is_none()).find_map(|place| {
            let mut fixed = self.fixed.clone();
            let axis = Axis::new(&params[place].distribution);
            fixed[place] = Some(pick(&axis, &Freedom::Any, || uniform(rng)));
            let found = random::propose(self.space, &fixed, rng);
            let mut asked = found.iter().zip(self.fixed);
            let keeps = asked.all(|(found, fixed)| fixed.is_none() || found == fixed);
            (keeps && !self.is_tried(&found)).then_some(found)
        })
    }
}
