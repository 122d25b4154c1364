//! The same for studies that Optuna's clients drive.

use kindling_study::external::{
    Decided, ExternalDistribution, ExternalEvent, ExternalStudy, ExternalTrial, NaiveTime,
    PythonJson, Scope, TrialState,
};
use kindling_study::{
    Annotation, Direction, Directions, Event, Registry, StudyId, StudyName, TrialNumber,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

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
        let now = NaiveTime(self.clock);
        let client = Client { random: &mut self.random, now };
        if let Some((id, events)) = client.acts(&self.registry) {
            self.take(id, events);
        }
    }
}

/// A client that does anything.
pub(in crate::store) struct Client<'a> {
    pub(in crate::store) random: &'a mut ChaCha8Rng,
    pub(in crate::store) now: NaiveTime,
}

impl Client<'_> {
    /// What happens by the next thing that it does; nothing if that is refused.
    pub(in crate::store) fn acts(mut self, registry: &Registry) -> Option<(StudyId, Vec<Event>)> {
        let ids: Vec<_> = registry.externals().map(|(id, _)| id).collect();
        if ids.is_empty() || self.random.random_range(0..20_u8) == 0 {
            return self.create(registry);
        }
        let id = self.pick(&ids);
        if self.random.random_range(0..60_u8) == 0 {
            return Some((id, vec![registry.delete(id).expect("a study")]));
        }
        let events = self.changes(registry.external(id).expect("a study"))?;
        Some((id, events.into_iter().map(Event::External).collect()))
    }

    fn changes(&mut self, study: &ExternalStudy) -> Option<Vec<ExternalEvent>> {
        let number = TrialNumber(self.random.random_range(0..=study.next_number().0));
        let scope = self.pick(&[Scope::User, Scope::System]);
        let (key, text) = (
            self.pick(&["a", "\u{e4} b", ""]),
            PythonJson::parse(self.pick(&TEXTS)).expect("JSON"),
        );
        match self.random.random_range(0..10_u8) {
            9 => {
                let tags = self.pick(&[&[][..], &["a", "b"]]);
                let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
                let note = self.pick(&["", "\u{e4}\n", "longer than the other"]).to_owned();
                let wanted =
                    Annotation { note: Some(note), tags: Some(tags), ..Annotation::default() };
                let on_trial = self.pick(&[None, Some(number)]);
                decided(study.annotate(on_trial, &wanted))
            }
            0 => decided(study.set_attribute(scope, key, text)),
            1 => decided(study.add_trial(Box::new(ExternalTrial::running(self.now)))),
            2 => decided(study.add_trial(Box::new(self.template(study)))),
            3 | 4 => {
                let place = self.random.random_range(0..DISTRIBUTIONS.len());
                let distribution =
                    ExternalDistribution::parse(DISTRIBUTIONS[place]).expect("known");
                let value = self.pick(&[0.0, -0.0, 1.0, 2.0, 1.5, f64::NAN]);
                decided(study.set_param(number, ["x", "n", "c"][place], value, distribution))
            }
            5 | 6 => {
                let (step, value) = (self.pick(&[-1, 0, 1, i64::MAX]), super::number(self.random));
                decided(study.set_intermediate(number, step, value))
            }
            7 => decided(study.set_trial_attribute(number, scope, key, text)),
            _ => {
                let (state, values) = (self.pick(&STATES), self.values(study));
                decided(study.set_state(number, state, values, self.now))
            }
        }
    }

    fn create(&mut self, registry: &Registry) -> Option<(StudyId, Vec<Event>)> {
        let number: u16 = self.random.random();
        let name = StudyName::of_external(format!("external {number}")).expect("a name");
        let directions = if number.is_multiple_of(2) {
            Direction::Minimize.into()
        } else {
            Directions::new([Direction::Maximize, Direction::Minimize]).expect("two")
        };
        let (id, event) = registry.create_external(name, directions).ok()?;
        Some((id, vec![event]))
    }

    fn template(&mut self, study: &ExternalStudy) -> ExternalTrial {
        let known = study.trials().first().map(|trial| (**trial).clone());
        let mut trial = known.unwrap_or_else(|| ExternalTrial::running(self.now));
        trial.state = self.pick(&STATES);
        trial.values = self.values(study);
        trial.completed = self.pick(&[None, Some(self.now)]);
        trial
    }

    fn values(&mut self, study: &ExternalStudy) -> Option<Box<[f64]>> {
        let objectives = study.directions().as_slice().len();
        let is_given = self.random.random_range(0..3_u8) > 0;
        is_given.then(|| (0..objectives).map(|_| super::number(self.random)).collect())
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.random_range(0..of.len())]
    }
}

fn decided<R>(decided: Decided<R>) -> Option<Vec<ExternalEvent>> {
    decided.ok().map(|(events, _)| events)
}

/// Everything that an external study holds, with every NaN alike.
pub(super) fn shown((id, study): (StudyId, &ExternalStudy)) -> String {
    let kept = (study.name(), study.directions(), study.created(), study.trials());
    let attributes = (study.attributes(Scope::User), study.attributes(Scope::System));
    let derived = (
        study.counts(),
        study.front().collect::<Vec<_>>(),
        study.constraints().collect::<Vec<_>>(),
    );
    format!("{id:?}\n{derived:#?}\n{attributes:#?}\n{kept:#?}")
}
