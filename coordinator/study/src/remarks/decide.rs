//! The decisions on remarks on one of our own studies.

use super::change;
use super::{Annotation, Remark, RemarkKey};
use crate::decide::Decision;
use crate::event::Event;
use crate::external::PythonJson;
use crate::ids::{TrialId, TrialNumber};
use crate::refusal::Refusal;
use crate::study::Study;

impl Study {
    /// What people wrote about it.
    pub fn remark(&self) -> Remark {
        Remark::read(self.remarks().attributes(), None)
    }

    /// What people wrote about the trial of this id.
    pub fn remark_on(&self, trial: TrialId) -> Remark {
        Remark::read(self.remarks().attributes(), Some(trial))
    }

    /// Whether it is archived: it has left the lists. It goes on as before.
    pub fn is_archived(&self) -> bool {
        super::remark::is_archived(self.remarks().attributes())
    }

    /// Changes what people wrote about it, or about one of its trials, in whatever state that is.
    pub fn annotate(&self, number: Option<TrialNumber>, wanted: &Annotation) -> Decision<()> {
        let trial = number.map(|number| self.trial_at(number).map(|trial| trial.id)).transpose()?;
        let remarks = self.remarks();
        let puts = change::annotate(remarks.attributes(), remarks.bytes(), trial, wanted)?;
        let set = |(key, value)| Event::RemarkSet { number, key, value };
        Ok((puts.into_iter().map(set).collect(), ()))
    }

    /// Sets one attribute of a remark, as Optuna's clients do it. Refused if it is none: what else there is of a study,
    /// they may only read.
    pub fn set_remark(&self, key: &str, value: PythonJson) -> Decision<()> {
        let read = RemarkKey::parse(key);
        let read = read.ok_or_else(|| Refusal::NotExternal(self.spec().name.clone()))?;
        let number = read.trial.map(|trial| self.number_of(trial)).transpose()?;
        let remarks = self.remarks();
        change::check_attribute(remarks.attributes(), remarks.bytes(), read, &value)?;
        Ok((vec![Event::RemarkSet { number, key: key.into(), value }], ()))
    }

    /// The number of its trial of this id.
    pub fn number_of(&self, trial: TrialId) -> Result<TrialNumber, Refusal> {
        let place = self.trials().binary_search_by_key(&trial, |known| known.id);
        place.map(|place| TrialNumber(place as u32)).map_err(|_| Refusal::UnknownTrialId(trial))
    }
}
