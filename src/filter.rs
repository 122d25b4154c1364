//! `--filter`: which trials, as an expression.

use kindling_proto::v1;
use kindling_report::Filter;

use crate::hint::hinted;

#[derive(clap::Args)]
pub(crate) struct FilterArgs {
    /// Only trials for which this holds, such as "lr < 0.001 and state = failed"
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
}

impl FilterArgs {
    pub(crate) fn is_there(&self) -> bool {
        self.filter.is_some()
    }

    /// The trials of the study that are meant; all of them without a filter.
    pub(crate) fn of(
        &self,
        study: &v1::Study,
        mut trials: Vec<v1::Trial>,
    ) -> anyhow::Result<Vec<v1::Trial>> {
        let Some(text) = &self.filter else { return Ok(trials) };
        let filter = Filter::new(text, study, &trials).map_err(|error| match &error.hint {
            Some(hint) => hinted(error.to_string(), hint),
            None => error.into(),
        })?;
        let matching: Vec<_> = trials.iter().map(|trial| filter.matches(trial)).collect();
        let mut matching = matching.into_iter();
        trials.retain(|_| matching.next().unwrap_or_default());
        Ok(trials)
    }
}
