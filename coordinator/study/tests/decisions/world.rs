//! A study that applies its own decisions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Blob, Claim, Direction, Event, MAX_FAILURES_IN_A_ROW, Mark, Metrics, ObjectiveSpec,
    PrunerSpec, Refusal, SearchSpace, Settings, Study, StudyName, StudySpec, StudyState, Tick,
    Trial, TrialId, TrialNumber, TrialResult, Verdict, Wall, WorkerId,
};
use serde_json::json;

use crate::described::Described;

/// When a lease ends.
pub(crate) const UNTIL: Tick = Tick(Duration::from_secs(30));

/// A study with this many trials and one parameter, `x` from 0 to 1.
pub(crate) fn spec(trials: u32) -> StudySpec {
    StudySpec {
        name: StudyName::new("s").expect("a name"),
        directions: Direction::Maximize.into(),
        metrics: Metrics::default(),
        trials,
        seed: 1,
        max_attempts: 2,
        max_failures_in_a_row: MAX_FAILURES_IN_A_ROW,
        keep_checkpoints: 1,
        notify: None,
        sampler: SamplerSpec::Random {},
        pruner: PrunerSpec::None,
        space: space(json!([{
            "name": "x",
            "distribution": { "type": "float", "low": 0.0, "high": 1.0 },
        }])),
        objective: ObjectiveSpec { kind: "test".into(), settings: Settings::new() },
        confirm: None,
    }
}

pub(crate) fn space(description: serde_json::Value) -> SearchSpace {
    serde_json::from_value::<Described>(description).expect("a description").space()
}

pub(crate) struct World {
    pub(crate) study: Study,
    /// The wall clock, in microseconds.
    pub(crate) at: i64,
}

impl World {
    pub(crate) fn new(trials: u32) -> Self {
        Self::of(spec(trials))
    }

    pub(crate) fn of(spec: StudySpec) -> Self {
        Self { study: Study::new(spec, Wall(0)), at: 0 }
    }

    pub(crate) fn apply(&mut self, events: &[Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall(self.at), UNTIL);
        }
    }

    pub(crate) fn lease(&mut self, name: &str) -> Claim {
        let (events, number) = self.study.lease(&worker(name), 0, fresh_mark()).expect("work");
        self.apply(&events);
        let &Trial { attempt, mark, .. } = self.trial(number);
        Claim { number, attempt, worker: worker(name), mark }
    }

    pub(crate) fn report(
        &mut self,
        claim: &Claim,
        step: u64,
        value: f64,
    ) -> Result<Verdict, Refusal> {
        let (events, verdict) = self.study.report(claim, step, value, &[])?;
        self.apply(&events);
        Ok(verdict)
    }

    pub(crate) fn finish(&mut self, claim: &Claim, result: TrialResult) -> Result<(), Refusal> {
        let (events, ()) = self.study.finish(claim, result, &[], Attributes::new())?;
        self.apply(&events);
        Ok(())
    }

    pub(crate) fn release(&mut self, claim: &Claim) -> Result<(), Refusal> {
        let (events, ()) = self.study.release(claim)?;
        self.apply(&events);
        Ok(())
    }

    pub(crate) fn save(&mut self, claim: &Claim, step: u64, content: u8) -> Result<(), Refusal> {
        let (events, ()) = self.study.save_checkpoint(claim, step, blob(content))?;
        self.apply(&events);
        Ok(())
    }

    /// An artifact of a trial.
    pub(crate) fn keep(&mut self, claim: &Claim, name: &str, content: u8) -> Result<(), Refusal> {
        let (events, ()) = self.study.save_artifact(claim, name, "", blob(content))?;
        self.apply(&events);
        Ok(())
    }

    /// A trial that goes on from another one's checkpoint.
    pub(crate) fn enqueue_from(&mut self, from: TrialNumber) -> Result<TrialNumber, Refusal> {
        let (events, number) = self.study.enqueue(&[], Some(from), None)?;
        self.apply(&events);
        Ok(number)
    }

    /// The trial's steps, as the curve has them.
    pub(crate) fn steps(&self, number: TrialNumber) -> Vec<u64> {
        self.trial(number).curve.iter().map(|(step, _)| *step).collect()
    }

    pub(crate) fn enqueue(&mut self, request: Option<&str>) -> Result<TrialNumber, Refusal> {
        let (events, number) = self.study.enqueue(&[], None, request.map(str::to_owned))?;
        self.apply(&events);
        Ok(number)
    }

    pub(crate) fn retry(
        &mut self,
        number: u32,
        request: Option<&str>,
    ) -> Result<TrialNumber, Refusal> {
        let (events, number) = self.study.retry(TrialNumber(number), request.map(str::to_owned))?;
        self.apply(&events);
        Ok(number)
    }

    pub(crate) fn change(&mut self, state: StudyState) {
        let events = self.study.change_state(state);
        self.apply(&events);
    }

    pub(crate) fn change_budget(&mut self, trials: u32) -> Result<(), Refusal> {
        let (events, ()) = self.study.change_budget(trials)?;
        self.apply(&events);
        Ok(())
    }

    pub(crate) fn trial(&self, number: TrialNumber) -> &Trial {
        self.study.get(number).expect("it is there")
    }
}

/// Bytes with this content, at a place of their own.
pub(crate) fn blob(content: u8) -> Blob {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let key = format!("history/{:032x}", NEXT.fetch_add(1, Ordering::Relaxed));
    Blob { key: key.into(), size: 3, sha256: [content; 32] }
}

/// A new one each time.
pub(crate) fn fresh_mark() -> Mark {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Mark::new(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name).expect("a name")
}

pub(crate) fn complete(value: f64) -> TrialResult {
    TrialResult::Complete(value.into())
}

pub(crate) fn after(seconds: u64) -> Tick {
    Tick(Duration::from_secs(seconds))
}

/// The study after a restart with these trials.
pub(crate) fn restored(study: &Study, trials: Vec<Trial>) -> Study {
    let (spec, order) = (study.spec().clone(), study.finish_order().to_vec());
    let artifacts = study.artifacts().to_vec();
    let (state, confirm) = (study.state(), study.confirm().cloned());
    Study::restore(spec, state, study.budget(), confirm, study.created(), trials, order)
        .paused_because(study.pause_reason().map(str::to_owned))
        .with_artifacts(artifacts)
        .telling(study.notify().cloned(), study.told().clone())
        .with_remarks(study.remarks().clone())
}
