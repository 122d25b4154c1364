//! Samplers propose the parameters of the next trial. A sampler is one file and one arm of
//! [`SamplerSpec::draw`].

mod archive;
mod auto;
mod axis;
mod chance;
mod cmaes;
mod dimension;
mod effort;
mod exponential;
mod fronts;
mod gp;
mod grid;
pub(crate) mod hash;
mod history;
mod memo;
mod normal;
mod nsga;
mod options;
mod parzen;
mod random;
mod results;
mod rows;
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
use crate::spec::SpecError;
use axis::Axis;
use random::{pick, uniform};

pub use archive::{Archive, Goal};
pub use cmaes::CmaesOptions;
pub use gp::GpOptions;
pub use grid::GridOptions;
pub use nsga::{Nsga2Options, Nsga3Options};
pub use tpe::TpeOptions;

/// Which sampler a study uses, with its options. Read from JSON, `{"kind": "grid", "points": 3}`, as
/// people write it (see `options.rs`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", try_from = "crate::options::Table")]
pub enum SamplerSpec {
    /// Whichever of the others suits the space and what is known so far.
    Auto {},
    /// Gaussian process.
    Gp(GpOptions),
    /// Tree-structured Parzen estimator.
    Tpe(TpeOptions),
    /// CMA-ES for numbers, TPE for the rest.
    Cmaes(CmaesOptions),
    /// NSGA-II, a genetic algorithm for several objectives.
    Nsga2(Nsga2Options),
    /// NSGA-III, the same with reference points.
    Nsga3(Nsga3Options),
    /// Independent uniform draws.
    Random {},
    /// A scrambled Sobol sequence.
    Sobol {},
    /// A few values of each parameter, in every combination.
    Grid(GridOptions),
}

impl Default for SamplerSpec {
    fn default() -> Self {
        Self::Auto {}
    }
}

/// What a sampler sees for one proposal.
pub struct Ask<'a> {
    /// The search space.
    pub space: &'a SearchSpace,
    /// The trials that finished.
    pub archive: &'a Archive,
    /// The parameters of trials that were proposed and have not finished.
    pub pending: Vec<&'a Params>,
    /// Fixed values; `None` where the sampler chooses.
    pub fixed: &'a Params,
    /// The study's seed.
    pub seed: u64,
    /// The number of the trial to propose for.
    pub number: u32,
}

impl SamplerSpec {
    /// Proposes a value for every active parameter and keeps the fixed ones. The same input and generator
    /// give the same proposal.
    ///
    /// A proposal does not repeat the configuration of another trial as long as there are others, unless all
    /// its values are fixed. A continuous space always has others, and two draws are almost never the same.
    /// No proposal repeats a failed configuration as long as there are others, in any space.
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

    /// How many draws to make before giving up and taking any untried configuration. Fewer if a draw takes
    /// long.
    fn draws(&self, space: &SearchSpace) -> usize {
        const DRAWS: usize = 8;
        const VALUES: usize = 60_000;
        match self {
            Self::Tpe(options) => {
                let values = (options.candidates as usize).saturating_mul(space.params().len());
                (VALUES / values.max(1)).clamp(2, DRAWS)
            }
            // The Gaussian process looks for an untried configuration itself.
            Self::Gp(_) => 1,
            Self::Auto {} => 2,
            Self::Cmaes(_)
            | Self::Nsga2(_)
            | Self::Nsga3(_)
            | Self::Random {}
            | Self::Sobol {}
            | Self::Grid(_) => DRAWS,
        }
    }

    fn draw(&self, ask: &Ask<'_>, rng: &mut ChaCha8Rng) -> Params {
        match self.fitting(ask.archive) {
            Self::Auto {} => auto::choice(ask.archive, ask.number).draw(ask, rng),
            Self::Gp(options) => gp::propose(options, ask, rng),
            Self::Tpe(options) => tpe::propose(options, ask, rng),
            Self::Cmaes(options) => cmaes::propose(options, ask, rng),
            Self::Nsga2(options) => nsga::propose(&options.genetic(), ask, rng),
            Self::Nsga3(options) => nsga::propose(&options.genetic(), ask, rng),
            Self::Random {} => random::propose(ask.space, ask.fixed, rng),
            Self::Sobol {} => sobol::propose(ask.space, ask.seed, ask.number, ask.fixed),
            Self::Grid(options) => {
                let is_tried = |params: &Params| ask.is_tried(params);
                grid::propose(options, ask.space, ask.number, ask.fixed, is_tried)
            }
        }
    }

    /// How much the next proposal takes, in steps of a few nanoseconds; 0 if that is next to nothing. Only TPE in
    /// a wide space, or with many candidates, takes long.
    pub(crate) fn effort(&self, archive: &Archive) -> usize {
        match self.fitting(archive) {
            Self::Auto {} => {
                let of = |number| auto::choice(archive, number).effort(archive);
                of(0).max(of(1))
            }
            Self::Gp(options) => gp::effort(options, archive),
            Self::Tpe(options) => tpe::effort(options, archive),
            Self::Cmaes(options) => cmaes::effort(options, archive),
            Self::Nsga2(options) => nsga::effort(&options.genetic(), archive),
            Self::Nsga3(options) => nsga::effort(&options.genetic(), archive),
            Self::Random {} | Self::Sobol {} | Self::Grid(_) => 0,
        }
    }

    /// The sampler that takes this one's place where it does not fit: a Gaussian process and CMA-ES know one objective and no constraints.
    fn fitting(&self, archive: &Archive) -> &Self {
        const TPE: &SamplerSpec = &SamplerSpec::Tpe(TpeOptions::DEFAULT);
        match self {
            Self::Gp(_) | Self::Cmaes(_)
                if archive.objectives() > 1 || archive.constraints() > 0 =>
            {
                TPE
            }
            fitting => fitting,
        }
    }

    /// Whether the options make sense, as far as they were not checked when they were read.
    pub fn check(&self) -> Result<(), SpecError> {
        match self {
            Self::Nsga2(options) => options.genetic().check(options.population),
            Self::Nsga3(options) => options.genetic().check(options.population),
            _ => Ok(()),
        }
    }

    /// The name as in a study file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Auto {} => "auto",
            Self::Gp(_) => "gp",
            Self::Tpe(_) => "tpe",
            Self::Cmaes(_) => "cmaes",
            Self::Nsga2(_) => "nsga2",
            Self::Nsga3(_) => "nsga3",
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

    /// Any untried configuration, if the space is discrete and has one.
    fn untried(&self, rng: &mut ChaCha8Rng) -> Option<Params> {
        let all = Configurations::new(self.space, self.fixed, Values::All)?;
        let start = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        all.untried(start, |params| self.is_tried(params))
    }

    /// A random untried configuration of a space that cannot be counted. The draws so far have usually left
    /// out some continuous parameter. So this gives each parameter that is not fixed a value in turn, and its
    /// parents the values that make it active. If there are few parameters, each gets several turns.
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
