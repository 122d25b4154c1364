//! A study whose proposals take long, beside the one that is measured.

use std::fmt::Write as _;
use std::num::ParseIntError;
use std::path::Path;
use std::str::FromStr;

use kindling_coordinator::{SqliteStore, Store as _, config};
use kindling_study::sampler::{GpOptions, SamplerSpec, TpeOptions};
use kindling_study::{Creation, Registry, StudySpec, Tick, Wall};

use super::ENDLESS;
use super::coordinator::store_in;

/// What its trials run.
pub(crate) const OBJECTIVE: &str = "beside";
/// A whole number costs a proposal more than any other parameter.
const PARAMS: usize = 20;

/// Whose proposals take long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Costly {
    Gp,
    /// With so many candidates.
    Tpe(u32),
}

impl FromStr for Costly {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        if text == "gp" { Ok(Self::Gp) } else { text.parse().map(Self::Tpe) }
    }
}

/// Puts the study into the store that a coordinator is going to open. It is older than all others, so that its
/// trials would be leased first. A coordinator would not take it: with many candidates it is too dear.
pub(crate) fn create(folder: &Path, sampler: Costly) -> anyhow::Result<()> {
    let mut text =
        format!("name = \"beside\"\ndirection = \"minimize\"\ntrials = {ENDLESS}\nseed = 0\n");
    write!(text, "[objective]\nkind = \"{OBJECTIVE}\"\n")?;
    for i in 0..PARAMS {
        write!(text, "[space.p{i}]\ntype = \"int\"\nlow = 0\nhigh = 1000\n")?;
    }
    let sampler = match sampler {
        Costly::Gp => SamplerSpec::Gp(GpOptions::default()),
        Costly::Tpe(candidates) => {
            SamplerSpec::Tpe(TpeOptions { candidates, ..TpeOptions::default() })
        }
    };
    let spec = StudySpec { sampler, ..config::parse(&text)? };
    let mut registry = Registry::default();
    let Creation::New(study, event) = registry.create(spec)? else {
        anyhow::bail!("the store is not empty");
    };
    let record = registry.apply(study, Wall::default(), event, Tick::default());
    SqliteStore::open(&store_in(folder))?.commit(&[record])?;
    Ok(())
}
