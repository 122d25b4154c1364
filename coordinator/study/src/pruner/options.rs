//! Reads a pruner's options, and checks numbers.

use serde::Deserialize;

use super::PrunerSpec;
use crate::options::{Table, kind, read};
use crate::spec::SpecError;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    None,
    Median,
    Percentile,
    Asha,
    Hyperband,
    Patience,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

impl TryFrom<Table> for PrunerSpec {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        Ok(match kind(&mut table)? {
            Kind::None => read(table).map(|NoOptions {}| Self::None)?,
            Kind::Median => Self::Median(read(table)?),
            Kind::Percentile => Self::Percentile(read(table)?),
            Kind::Asha => Self::Asha(read(table)?),
            Kind::Hyperband => Self::Hyperband(read(table)?),
            Kind::Patience => Self::Patience(read(table)?),
        })
    }
}

/// Refuses a whole number below `least`.
pub(super) fn at_least(key: &str, least: u64, found: u64) -> Result<(), SpecError> {
    if found >= least {
        return Ok(());
    }
    Err(SpecError::at([key], format!("expected a whole number of at least {least}, found {found}")))
}

/// Refuses what is not a number above 0, up to 100.
pub(super) fn per_cent(key: &str, found: f64) -> Result<(), SpecError> {
    if found > 0.0 && found <= 100.0 {
        return Ok(());
    }
    Err(SpecError::at([key], format!("expected a number above 0, up to 100, found {found:?}")))
}

/// Refuses what is not a finite number of at least 0.
pub(super) fn distance(key: &str, found: f64) -> Result<(), SpecError> {
    if found >= 0.0 && found.is_finite() {
        return Ok(());
    }
    Err(SpecError::at([key], format!("expected a finite number of at least 0, found {found:?}")))
}
