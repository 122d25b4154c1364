//! Reads a sampler's options.

use serde::Deserialize;

use super::SamplerSpec;
use crate::options::{Table, kind, read};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Auto,
    Gp,
    Tpe,
    Cmaes,
    Nsga2,
    Nsga3,
    Random,
    Sobol,
    Grid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

impl TryFrom<Table> for SamplerSpec {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        Ok(match kind(&mut table)? {
            Kind::Auto => read(table).map(|NoOptions {}| Self::Auto {})?,
            Kind::Gp => Self::Gp(read(table)?),
            Kind::Tpe => Self::Tpe(read(table)?),
            Kind::Cmaes => Self::Cmaes(read(table)?),
            Kind::Nsga2 => Self::Nsga2(read(table)?),
            Kind::Nsga3 => Self::Nsga3(read(table)?),
            Kind::Random => read(table).map(|NoOptions {}| Self::Random {})?,
            Kind::Sobol => read(table).map(|NoOptions {}| Self::Sobol {})?,
            Kind::Grid => Self::Grid(read(table)?),
        })
    }
}
