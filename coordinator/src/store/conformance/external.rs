//! The same for studies that Optuna's clients drive.

use kindling_study::external::{
    Decided, ExternalDistribution, ExternalStudy, ExternalTrial, NaiveTime, PythonJson, Scope,
    TrialState,
};
use kindling_study::{Direction, Directions, Event, StudyId, StudyName, TrialNumber};
use rand::RngExt as _;

use super::{Subject, World};

const STATES: [TrialState; 5] = [
    TrialState::Waiting,
    TrialState::Running,
    TrialState::Complete,
    TrialState::Pruned,
    TrialState::Fail,
];

const DISTRIBUTIONS: [&str; 3] = [
    r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 2.5, "log": false}}"#,
    r#"{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 4096}}"#,
    r#"{"name": "CategoricalDistribution", "attributes": {"choices": [null, true, NaN, "\u00e4", 2]}}"#,
];

const TEXTS: [&str; 5] =
    ["1", r#"{"a": [NaN, -Infinity]}"#, r#""\ud800 half""#, "[]", "123456789012345678901"];

impl<S: Subject> World<S> {
    /// Something that a client does, which may be refused.
    pub(super) fn change_external(&mut self) {
        let ids: Vec<_> = self.registry.externals().map(|(id, _)| id).collect();
        if ids.is_empty() || self.random.random_range(0..20_u8) == 0 {
            return self.create_external();
        }
        let id = ids[self.random.random_range(0..ids.len())];
        if self.random.random_range(0..60_u8) == 0 {
            let deleted = self.registry.delete(id).expect("a study");
            return self.take(id, vec![deleted]);
        }
        let study = self.registry.external(id).expect("a study").clone();
        let number = TrialNumber(self.random.random_range(0..=study.next_number().0));
        let now = NaiveTime(self.clock);
        let scope = self.pick(&[Scope::User, Scope::System]);
        let (key, text) = (
            self.pick(&["a", "\u{e4} b", ""]),
            PythonJson::parse(self.pick(&TEXTS)).expect("JSON"),
        );
        match self.random.random_range(0..9_u8) {
            0 => self.decided(id, study.set_attribute(scope, key, text)),
            1 => self.decided(id, study.add_trial(Box::new(ExternalTrial::running(now)))),
            2 => {
                let template = self.template(&study);
                self.decided(id, study.add_trial(Box::new(template)));
            }
            3 | 4 => {
                let place = self.random.random_range(0..DISTRIBUTIONS.len());
                let distribution =
                    ExternalDistribution::parse(DISTRIBUTIONS[place]).expect("known");
                let value = self.pick(&[0.0, 1.0, 2.0, 1.5, f64::NAN]);
                self.decided(
                    id,
                    study.set_param(number, ["x", "n", "c"][place], value, distribution),
                );
            }
            5 | 6 => {
                let (step, value) = (self.pick(&[-1, 0, 1, i64::MAX]), self.number());
                self.decided(id, study.set_intermediate(number, step, value));
            }
            7 => self.decided(id, study.set_trial_attribute(number, scope, key, text)),
            _ => {
                let state = self.pick(&STATES);
                let values = self.values(&study);
                self.decided(id, study.set_state(number, state, values, now));
            }
        }
    }

    fn create_external(&mut self) {
        self.made += 1;
        let name = StudyName::of_external(format!("external {}", self.made)).expect("a name");
        let directions = if self.made.is_multiple_of(2) {
            Direction::Minimize.into()
        } else {
            Directions::new([Direction::Maximize, Direction::Minimize]).expect("two")
        };
        let (id, event) = self.registry.create_external(name, directions).expect("a new name");
        self.take(id, vec![event]);
    }

    fn template(&mut self, study: &ExternalStudy) -> ExternalTrial {
        let known = study.trials().first().map(|trial| (**trial).clone());
        let mut trial = known.unwrap_or_else(|| ExternalTrial::running(NaiveTime(self.clock)));
        trial.state = self.pick(&STATES);
        trial.values = self.values(study);
        trial.completed = self.pick(&[None, Some(NaiveTime(self.clock))]);
        trial
    }

    fn values(&mut self, study: &ExternalStudy) -> Option<Box<[f64]>> {
        let objectives = study.directions().as_slice().len();
        let is_given = self.random.random_range(0..3_u8) > 0;
        is_given.then(|| (0..objectives).map(|_| self.number()).collect())
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.random_range(0..of.len())]
    }

    fn decided<R>(&mut self, id: StudyId, decided: Decided<R>) {
        if let Ok((events, _)) = decided {
            self.take(id, events.into_iter().map(Event::External).collect());
        }
    }
}

/// Everything that an external study holds, with every NaN alike.
pub(super) fn shown((id, study): (StudyId, &ExternalStudy)) -> String {
    let kept = (study.name(), study.directions(), study.created(), study.trials());
    let attributes = (study.attributes(Scope::User), study.attributes(Scope::System));
    let derived = (study.counts(), study.best());
    format!("{id:?}\n{derived:#?}\n{attributes:#?}\n{kept:#?}")
}
