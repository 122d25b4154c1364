//! The options of the genetic algorithms.

use serde::{Deserialize, Serialize};

use super::niching::layer_size;
use crate::spec::SpecError;

/// Options of NSGA-II.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nsga2Options {
    /// How many trials survive; 2 at least. So many first trials follow the startup's design.
    pub population: u32,
    /// The chance that a child has two parents.
    pub crossover_probability: f64,
    /// The chance that a choice comes from the second parent.
    pub swapping_probability: f64,
    /// How near to their parents' the numbers of children are (the distribution index of simulated binary crossover).
    pub crossover_eta: f64,
    /// The chance of each parameter to change; without it, 1 over their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation_probability: Option<f64>,
    /// How little a number changes (the distribution index of polynomial mutation).
    pub mutation_eta: f64,
}

/// Options of NSGA-III.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nsga3Options {
    /// How many trials survive; 2 at least. So many first trials follow the startup's design.
    pub population: u32,
    /// Into how many parts the reference points divide an edge between two objectives; 0 for about as many points as the
    /// population.
    pub divisions: u32,
    /// The chance that a child has two parents.
    pub crossover_probability: f64,
    /// The chance that a choice comes from the second parent.
    pub swapping_probability: f64,
    /// How near to their parents' the numbers of children are (the distribution index of simulated binary crossover).
    pub crossover_eta: f64,
    /// The chance of each parameter to change; without it, 1 over their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation_probability: Option<f64>,
    /// How little a number changes (the distribution index of polynomial mutation).
    pub mutation_eta: f64,
}

/// What both have in common, and who survives.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sampler) struct Genetic {
    pub(super) population: usize,
    pub(super) survival: Survival,
    pub(super) crossover_probability: f64,
    pub(super) swapping_probability: f64,
    pub(super) crossover_eta: f64,
    pub(super) mutation_probability: Option<f64>,
    pub(super) mutation_eta: f64,
}

/// Who of the last front survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survival {
    /// Who has most room.
    Crowding,
    /// Who is near a reference point that few others are near.
    Niching {
        /// Of the edge between two objectives; 0 for about as many points as the population.
        divisions: usize,
    },
}

/// The largest population that is used, whatever a store says.
const LARGEST: u32 = 10_000;

impl Nsga2Options {
    /// What a study file without options means.
    pub const DEFAULT: Self = Self {
        population: 20,
        crossover_probability: 0.9,
        swapping_probability: 0.5,
        crossover_eta: 5.0,
        mutation_probability: None,
        mutation_eta: 5.0,
    };

    pub(in crate::sampler) fn genetic(&self) -> Genetic {
        Genetic {
            population: self.population.clamp(2, LARGEST) as usize,
            survival: Survival::Crowding,
            crossover_probability: self.crossover_probability,
            swapping_probability: self.swapping_probability,
            crossover_eta: self.crossover_eta,
            mutation_probability: self.mutation_probability,
            mutation_eta: self.mutation_eta,
        }
    }
}

impl Nsga3Options {
    /// What a study file without options means: what it means for NSGA-II, too.
    pub const DEFAULT: Self = {
        let both = Nsga2Options::DEFAULT;
        Self {
            population: both.population,
            divisions: 0,
            crossover_probability: both.crossover_probability,
            swapping_probability: both.swapping_probability,
            crossover_eta: both.crossover_eta,
            mutation_probability: both.mutation_probability,
            mutation_eta: both.mutation_eta,
        }
    };

    pub(in crate::sampler) fn genetic(&self) -> Genetic {
        Genetic {
            population: self.population.clamp(2, LARGEST) as usize,
            survival: Survival::Niching { divisions: self.divisions as usize },
            crossover_probability: self.crossover_probability,
            swapping_probability: self.swapping_probability,
            crossover_eta: self.crossover_eta,
            mutation_probability: self.mutation_probability,
            mutation_eta: self.mutation_eta,
        }
    }
}

impl Nsga3Options {
    /// How many reference points there are, with the divisions that were asked for.
    pub fn references(&self, objectives: usize) -> usize {
        layer_size(objectives, self.divisions as usize)
    }
}

impl Default for Nsga2Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Default for Nsga3Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Genetic {
    /// Whether all numbers are in their ranges.
    pub(in crate::sampler) fn check(&self, population: u32) -> Result<(), SpecError> {
        if population < 2 {
            let message = format!("expected a whole number of at least 2, found {population}");
            return Err(SpecError::at(["population"], message));
        }
        let probabilities = [
            ("crossover_probability", Some(self.crossover_probability)),
            ("swapping_probability", Some(self.swapping_probability)),
            ("mutation_probability", self.mutation_probability),
        ];
        for (key, found) in probabilities {
            if let Some(found) = found.filter(|found| !(0.0..=1.0).contains(found)) {
                let message = format!("expected a number from 0 to 1, found {found:?}");
                return Err(SpecError::at([key], message));
            }
        }
        for (key, found) in
            [("crossover_eta", self.crossover_eta), ("mutation_eta", self.mutation_eta)]
        {
            if !(0.0..=1000.0).contains(&found) {
                let message = format!("expected a number from 0 to 1000, found {found:?}");
                return Err(SpecError::at([key], message));
            }
        }
        Ok(())
    }
}
