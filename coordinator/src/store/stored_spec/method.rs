//! Samplers and pruners with their options, as stores have them. The defaults are for options that a store does
//! not have because it is older than they are.

use std::num::NonZeroU16;

use kindling_study::SpecError;
use kindling_study::pruner::{Asha, Hyperband, Median, Patience, Percentile, PrunerSpec};
use kindling_study::sampler::{
    CmaesOptions, GpOptions, GridOptions, Nsga2Options, Nsga3Options, SamplerSpec, TpeOptions,
};
use serde::{Deserialize, Serialize};

use super::n;

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Sampler {
    Auto {},
    Gp {
        #[serde(default = "n::<10, _>")]
        startup_trials: u32,
    },
    Tpe {
        #[serde(default = "n::<10, _>")]
        startup_trials: u32,
        #[serde(default = "n::<24, _>")]
        candidates: u32,
    },
    Cmaes {
        #[serde(default)]
        population: u32,
    },
    Nsga2 {
        #[serde(default = "n::<20, _>")]
        population: u32,
        #[serde(default = "nine_tenths")]
        crossover_probability: f64,
        #[serde(default = "half")]
        swapping_probability: f64,
        #[serde(default = "n::<5, _>")]
        crossover_eta: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mutation_probability: Option<f64>,
        #[serde(default = "n::<5, _>")]
        mutation_eta: f64,
    },
    Nsga3 {
        #[serde(default = "n::<20, _>")]
        population: u32,
        #[serde(default)]
        divisions: u32,
        #[serde(default = "nine_tenths")]
        crossover_probability: f64,
        #[serde(default = "half")]
        swapping_probability: f64,
        #[serde(default = "n::<5, _>")]
        crossover_eta: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mutation_probability: Option<f64>,
        #[serde(default = "n::<5, _>")]
        mutation_eta: f64,
    },
    Random {},
    Sobol {},
    Grid {
        #[serde(default = "n::<5, _>")]
        points: u16,
    },
}

fn nine_tenths() -> f64 {
    0.9
}

fn half() -> f64 {
    0.5
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Pruner {
    None {},
    Median {
        #[serde(default = "n::<5, _>")]
        startup_trials: u64,
        #[serde(default)]
        warmup_steps: u64,
        #[serde(default = "n::<1, _>")]
        min_trials: u64,
    },
    Percentile {
        #[serde(default = "n::<25, _>")]
        percentile: f64,
        #[serde(default = "n::<5, _>")]
        startup_trials: u64,
        #[serde(default)]
        warmup_steps: u64,
        #[serde(default = "n::<1, _>")]
        min_trials: u64,
    },
    Asha {
        #[serde(default = "n::<1, _>")]
        min_resource: u64,
        #[serde(default = "n::<4, _>")]
        reduction_factor: u64,
        #[serde(default)]
        min_early_stopping_rate: u64,
    },
    Hyperband {
        #[serde(default = "n::<1, _>")]
        min_resource: u64,
        max_resource: u64,
        #[serde(default = "n::<3, _>")]
        reduction_factor: u64,
    },
    Patience {
        #[serde(default = "n::<5, _>")]
        patience: u64,
        #[serde(default)]
        min_delta: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wrapped: Option<Box<Pruner>>,
    },
}

impl From<&SamplerSpec> for Sampler {
    fn from(sampler: &SamplerSpec) -> Self {
        match *sampler {
            SamplerSpec::Auto {} => Self::Auto {},
            SamplerSpec::Gp(GpOptions { startup_trials }) => Self::Gp { startup_trials },
            SamplerSpec::Tpe(TpeOptions { startup_trials, candidates }) => {
                Self::Tpe { startup_trials, candidates }
            }
            SamplerSpec::Cmaes(CmaesOptions { population }) => Self::Cmaes { population },
            SamplerSpec::Nsga2(Nsga2Options {
                population,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            }) => Self::Nsga2 {
                population,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            },
            SamplerSpec::Nsga3(Nsga3Options {
                population,
                divisions,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            }) => Self::Nsga3 {
                population,
                divisions,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            },
            SamplerSpec::Random {} => Self::Random {},
            SamplerSpec::Sobol {} => Self::Sobol {},
            SamplerSpec::Grid(GridOptions { points }) => Self::Grid { points: points.get() },
        }
    }
}

impl TryFrom<Sampler> for SamplerSpec {
    type Error = SpecError;
    fn try_from(sampler: Sampler) -> Result<Self, SpecError> {
        Ok(match sampler {
            Sampler::Auto {} => Self::Auto {},
            Sampler::Gp { startup_trials } => Self::Gp(GpOptions { startup_trials }),
            Sampler::Tpe { startup_trials, candidates } => {
                Self::Tpe(TpeOptions { startup_trials, candidates })
            }
            Sampler::Cmaes { population } => Self::Cmaes(CmaesOptions { population }),
            Sampler::Nsga2 {
                population,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            } => Self::Nsga2(Nsga2Options {
                population,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            }),
            Sampler::Nsga3 {
                population,
                divisions,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            } => Self::Nsga3(Nsga3Options {
                population,
                divisions,
                crossover_probability,
                swapping_probability,
                crossover_eta,
                mutation_probability,
                mutation_eta,
            }),
            Sampler::Random {} => Self::Random {},
            Sampler::Sobol {} => Self::Sobol {},
            Sampler::Grid { points } => {
                let points = NonZeroU16::new(points).ok_or_else(|| {
                    let message = "expected a whole number from 1 to 65535, found 0";
                    SpecError::at(["sampler", "points"], message)
                })?;
                Self::Grid(GridOptions { points })
            }
        })
    }
}

impl From<&PrunerSpec> for Pruner {
    fn from(pruner: &PrunerSpec) -> Self {
        match pruner {
            PrunerSpec::None => Self::None {},
            &PrunerSpec::Median(Median { startup_trials, warmup_steps, min_trials }) => {
                Self::Median { startup_trials, warmup_steps, min_trials }
            }
            &PrunerSpec::Percentile(Percentile {
                percentile,
                startup_trials,
                warmup_steps,
                min_trials,
            }) => Self::Percentile { percentile, startup_trials, warmup_steps, min_trials },
            &PrunerSpec::Asha(Asha { min_resource, reduction_factor, min_early_stopping_rate }) => {
                Self::Asha { min_resource, reduction_factor, min_early_stopping_rate }
            }
            &PrunerSpec::Hyperband(Hyperband { min_resource, max_resource, reduction_factor }) => {
                Self::Hyperband { min_resource, max_resource, reduction_factor }
            }
            PrunerSpec::Patience(Patience { patience, min_delta, wrapped }) => Self::Patience {
                patience: *patience,
                min_delta: *min_delta,
                wrapped: wrapped.as_deref().map(|pruner| Box::new(pruner.into())),
            },
        }
    }
}

impl From<Pruner> for PrunerSpec {
    fn from(pruner: Pruner) -> Self {
        match pruner {
            Pruner::None {} => Self::None,
            Pruner::Median { startup_trials, warmup_steps, min_trials } => {
                Self::Median(Median { startup_trials, warmup_steps, min_trials })
            }
            Pruner::Percentile { percentile, startup_trials, warmup_steps, min_trials } => {
                Self::Percentile(Percentile {
                    percentile,
                    startup_trials,
                    warmup_steps,
                    min_trials,
                })
            }
            Pruner::Asha { min_resource, reduction_factor, min_early_stopping_rate } => {
                Self::Asha(Asha { min_resource, reduction_factor, min_early_stopping_rate })
            }
            Pruner::Hyperband { min_resource, max_resource, reduction_factor } => {
                Self::Hyperband(Hyperband { min_resource, max_resource, reduction_factor })
            }
            Pruner::Patience { patience, min_delta, wrapped } => Self::Patience(Patience {
                patience,
                min_delta,
                wrapped: wrapped.map(|pruner| Box::new((*pruner).into())),
            }),
        }
    }
}
