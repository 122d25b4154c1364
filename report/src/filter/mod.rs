//! Filters: which trials, as an expression such as `lr < 0.001 and optimizer = adam`.
//!
//! The page reads the same language (`web/src/filter/`), word for word: `cases.json` holds both to it, and
//! `docs/reference/filters.md` explains it. A filter is data that is walked; nothing in it is ever run.

mod check;
mod fields;
mod lexer;
mod names;
mod nearest;
mod parser;
mod problem;
#[cfg(test)]
mod tests;

use kindling_proto::v1;

use check::Predicate;
use fields::Fields;
pub use nearest::nearest;
pub use problem::FilterError;

/// Says which trials of a study are meant.
pub struct Filter<'a> {
    study: &'a v1::Study,
    /// Nothing is asked: all trials are meant.
    predicate: Option<Predicate>,
}

impl<'a> Filter<'a> {
    /// Reads an expression. The names in it are those of the study and of its trials' attributes.
    pub fn new(
        text: &str,
        study: &'a v1::Study,
        trials: &[v1::Trial],
    ) -> Result<Self, FilterError> {
        let predicate = match parser::parse(text)? {
            Some(node) => Some(check::check(node, &Fields::new(study, trials))?),
            None => None,
        };
        Ok(Self { study, predicate })
    }

    /// Whether the trial is meant.
    pub fn matches(&self, trial: &v1::Trial) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| predicate(self.study, trial))
    }
}
