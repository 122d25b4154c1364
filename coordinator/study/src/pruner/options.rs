//! Reads a pruner's options.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};

use super::{Hyperband, PrunerSpec};
use crate::options::{Table, kind, read};

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
            Kind::Hyperband => Self::Hyperband(read(table).and_then(Hyperband::checked)?),
            Kind::Patience => Self::Patience(read(table)?),
        })
    }
}

/// A whole number of at least `MIN`.
pub(super) fn at_least<'de, const MIN: u64, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number < MIN {
        let expected = format!("a whole number of at least {MIN}");
        return Err(D::Error::invalid_value(Unexpected::Unsigned(number), &expected.as_str()));
    }
    Ok(number)
}

/// A number above 0, up to 100.
pub(super) fn per_cent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number > 0.0 && number <= 100.0 {
        return Ok(number);
    }
    Err(D::Error::invalid_value(Unexpected::Float(number), &"a number above 0, up to 100"))
}

/// A finite number of at least 0.
pub(super) fn distance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number >= 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(D::Error::invalid_value(Unexpected::Float(number), &"a finite number of at least 0"))
}
