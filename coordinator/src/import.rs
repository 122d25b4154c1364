//! Takes the studies of Optuna's own stores into ours, once.

use std::path::Path;

use kindling_study::external::ExternalEvent::{self, AttributeSet, TrialAdded};
use kindling_study::external::{ExternalStudy, Scope};
use kindling_study::{Refusal, RemarkKey, TrialId, TrialNumber};

use crate::admission::Class;
use crate::ledger::{Ledger, LedgerError};
use crate::store::{Location, StoreError, read_foreign};

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is none of Optuna's.
    #[error("{0}: neither an SQLite file nor a journal of Optuna's")]
    NotOptunas(Location),
    /// A study cannot be kept.
    #[error("study `{study}` cannot be imported: {why}")]
    Study {
        /// Its name.
        study: String,
        /// Why.
        why: LedgerError,
    },
}

/// Takes the studies of this file, each with all that it has or not at all. Those whose name is taken stay as they are,
/// so that a second time changes nothing.
pub(crate) async fn import(ledger: &Ledger, path: &Path) -> Result<(), ImportError> {
    let registry =
        read_foreign(path)?.ok_or_else(|| ImportError::NotOptunas(Location::from(path)))?;
    for (_, study) in registry.externals() {
        let (name, trials) = (study.name().to_string(), study.trials().len());
        let copy = study.clone();
        let taken = ledger.write(Class::Begin, move |t| t.import(&copy)).await;
        match taken {
            Ok(()) => tracing::info!(study = name, trials, "imported"),
            Err(LedgerError::Refused(Refusal::NameTaken(_))) => {
                tracing::warn!(study = name, "a study of this name exists, and stays as it is");
            }
            Err(why) => return Err(ImportError::Study { study: name, why }),
        }
    }
    Ok(())
}

/// What makes the same study, but for ids. Its first trial gets the id `first`.
pub(crate) fn events(study: &ExternalStudy, first: TrialId) -> impl Iterator<Item = ExternalEvent> {
    let attributes = [Scope::User, Scope::System].into_iter().flat_map(move |scope| {
        study.attributes(scope).iter().filter_map(move |(key, value)| {
            let (mut key, value) = (key.clone(), value.clone());
            let remark = RemarkKey::parse(&key).filter(|_| scope == Scope::System);
            // A remark on a trial names it by its id.
            let of = remark.and_then(|remark| study.place_of(remark.trial?));
            if let Some(remark) = remark {
                let new = remark.moved(|_| Some(TrialId(first.0 + i64::from(of?.0))))?;
                key = new.to_string().into();
            }
            Some(AttributeSet { scope, key, value, of })
        })
    });
    let trials = (0..).map(TrialNumber).zip(study.trials());
    let added =
        trials.map(|(number, trial)| TrialAdded { number, trial: Box::new((**trial).clone()) });
    added.chain(attributes)
}
