//! Distributions as `cases.json` and `ask_optuna.py` have them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::space::{Choice, Distribution, FloatScale};

#[derive(Serialize, Deserialize)]
struct One(#[serde(with = "Values")] Distribution);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Distribution", tag = "type", rename_all = "lowercase")]
enum Values {
    Float {
        low: f64,
        high: f64,
        #[serde(with = "Scale")]
        scale: FloatScale,
    },
    Int {
        low: i64,
        high: i64,
        step: i64,
        log: bool,
    },
    Categorical {
        choices: Vec<Choice>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FloatScale", rename_all = "lowercase")]
enum Scale {
    Linear,
    Log,
    Step(f64),
}

pub(in crate::sampler) fn serialize<S: Serializer>(
    space: &[Distribution],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(space.iter().cloned().map(One))
}

pub(in crate::sampler) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<Distribution>, D::Error> {
    Ok(Vec::<One>::deserialize(from)?.into_iter().map(|One(distribution)| distribution).collect())
}
