//! Checks the core's promises under any sequence of calls, against a history kept outside.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use kindling_study::sampler::{GpOptions, Nsga2Options, SamplerSpec, TpeOptions};
use kindling_study::{
    Annotation, Attempt, Attributes, Choice, Claim, Condition, ConfirmSpec, Direction,
    Distribution, Event, FloatScale, Mark, Metrics, ObjectiveSpec, Outcome, Param, ParamValue,
    Params, Phase, PrunerSpec, Refusal, SearchSpace, Settings, Study, StudyName, StudySpec,
    StudyState, Tick, Trial, TrialId, TrialNumber, TrialResult, Verdict, Wall, WorkerId,
};
use proptest::prelude::*;

const TERM: Duration = Duration::from_secs(30);
const BUDGET: u32 = 8;
const MAX_ATTEMPTS: u32 = 3;
const MAX_FAILURES_IN_A_ROW: u32 = 4;

/// A call or an external event. Indices pick among what exists, modulo their number.
#[derive(Debug, Clone)]
enum Op {
    Lease {
        worker: u8,
    },
    /// A call under the `claim`-th claim ever given, whether it still holds or not.
    Report {
        claim: usize,
        step: u64,
        value: f64,
    },
    Finish {
        claim: usize,
        value: f64,
    },
    Fail {
        claim: usize,
    },
    Release {
        claim: usize,
    },
    /// Somebody else uses the `claim`-th claim, with another name or without its mark.
    Impostor {
        claim: usize,
    },
    /// The worker is heard of.
    Renew {
        worker: u8,
    },
    /// The worker loses its connection.
    Hasten {
        worker: u8,
    },
    /// Time passes, and overdue leases end.
    Wait {
        seconds: u64,
    },
    /// The coordinator restarts from its store.
    Restart,
    Enqueue {
        rate: f64,
        request: Option<u8>,
    },
    Retry {
        number: u32,
    },
    Change {
        state: StudyState,
    },
    Confirm {
        best: u32,
        seeds: u32,
        each: bool,
    },
    /// Somebody writes about a trial, or about the study.
    Annotate {
        number: Option<u32>,
        text: u8,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![8 => 0.0..1.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    let worker = 0..4_u8;
    let claim = any::<usize>();
    let state = prop_oneof![
        Just(StudyState::Active),
        Just(StudyState::Active),
        Just(StudyState::Paused),
        Just(StudyState::Stopped),
    ];
    prop_oneof![
        6 => worker.clone().prop_map(|worker| Op::Lease { worker }),
        4 => (claim, 0..3_u64, value.clone())
            .prop_map(|(claim, step, value)| Op::Report { claim, step, value }),
        4 => (claim, value).prop_map(|(claim, value)| Op::Finish { claim, value }),
        1 => claim.prop_map(|claim| Op::Fail { claim }),
        1 => claim.prop_map(|claim| Op::Release { claim }),
        1 => claim.prop_map(|claim| Op::Impostor { claim }),
        1 => worker.clone().prop_map(|worker| Op::Renew { worker }),
        1 => worker.prop_map(|worker| Op::Hasten { worker }),
        2 => (0..40_u64).prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::Restart),
        1 => (0.1..0.9, proptest::option::of(0..3_u8))
            .prop_map(|(rate, request)| Op::Enqueue { rate, request }),
        1 => (0..BUDGET).prop_map(|number| Op::Retry { number }),
        1 => state.prop_map(|state| Op::Change { state }),
        1 => (0..3_u32, 1..4_u32, any::<bool>())
            .prop_map(|(best, seeds, each)| Op::Confirm { best, seeds, each }),
        1 => (proptest::option::of(0..BUDGET), any::<u8>())
            .prop_map(|(number, text)| Op::Annotate { number, text }),
    ]
}

fn sampler() -> impl Strategy<Value = SamplerSpec> {
    prop_oneof![
        3 => Just(SamplerSpec::Tpe(TpeOptions { startup_trials: 2, candidates: 4 })),
        1 => Just(SamplerSpec::Gp(GpOptions { startup_trials: 2 })),
        1 => Just(SamplerSpec::Auto {}),
        1 => Just(SamplerSpec::Nsga2(Nsga2Options { population: 3, ..Nsga2Options::default() })),
    ]
}

fn pruner() -> impl Strategy<Value = PrunerSpec> {
    let options = prop_oneof![
        Just(r#"{"kind": "none"}"#),
        Just(r#"{"kind": "median", "startup_trials": 2}"#),
        Just(r#"{"kind": "percentile", "startup_trials": 0}"#),
        Just(r#"{"kind": "asha", "reduction_factor": 2}"#),
        Just(r#"{"kind": "hyperband", "max_resource": 4, "reduction_factor": 2}"#),
        Just(r#"{"kind": "patience", "patience": 1}"#),
    ];
    options.prop_map(|options| serde_json::from_str(options).expect("valid"))
}

/// The study, and what callers were told.
struct World {
    study: Study,
    now: Tick,
    /// Every claim ever given.
    claims: Vec<Claim>,
    /// Acknowledged results with their claims.
    acknowledged: HashMap<TrialNumber, (Claim, TrialResult)>,
    /// The parameters of each trial at its first lease.
    params: HashMap<TrialNumber, Params>,
    /// Acknowledged retries. Each retry of a search trial adds one to the budget.
    retries: HashSet<TrialNumber>,
}

impl World {
    fn new(sampler: SamplerSpec, pruner: PrunerSpec) -> Self {
        Self {
            study: Study::new(spec(sampler, pruner), Wall(0)),
            now: Tick::default(),
            claims: Vec::new(),
            acknowledged: HashMap::new(),
            params: HashMap::new(),
            retries: HashSet::new(),
        }
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall(0), self.now + TERM);
        }
    }

    fn claim(&self, index: usize) -> Option<Claim> {
        self.claims.get(index.checked_rem(self.claims.len())?).cloned()
    }

    /// Whether the claim is the newest given for its trial. Known from outside, because the study itself is
    /// under test.
    fn is_newest(&self, claim: &Claim) -> bool {
        let given = self.claims.iter().rev().find(|c| c.number == claim.number);
        given == Some(claim)
    }

    fn holds(&self, claim: &Claim) -> bool {
        let trial = self.study.get(claim.number).expect("claimed trials exist");
        matches!(trial.phase, Phase::Running(_)) && self.is_newest(claim)
    }

    /// A call under this claim was accepted. The claim must be the newest, and its trial must not have been
    /// waiting.
    fn assert_not_fenced(&self, before: &Study, claim: &Claim) {
        assert!(self.is_newest(claim), "a zombie was heard");
        let waits = before.get(claim.number).is_some_and(|t| t.phase == Phase::Waiting);
        assert!(!waits, "a lease that ended was heard");
    }

    fn step(&mut self, op: &Op) {
        let before = self.study.clone();
        match *op {
            Op::Lease { worker } => self.lease(&worker_id(worker)),
            Op::Report { claim, step, value } => {
                let Some(claim) = self.claim(claim) else { return };
                self.report(&before, &claim, step, value);
            }
            Op::Finish { claim, value } => {
                let Some(claim) = self.claim(claim) else { return };
                self.finish(&before, &claim, TrialResult::Complete(value.into()));
            }
            Op::Fail { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                self.finish(&before, &claim, TrialResult::Fail("boom".into()));
            }
            Op::Release { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                let held = self.holds(&claim);
                if let Ok((events, ())) = self.study.release(&claim) {
                    assert!(self.is_newest(&claim), "a zombie was heard");
                    self.apply(&events);
                    let trial = self.study.get(claim.number).expect("there");
                    assert_eq!(trial.phase, Phase::Waiting);
                    assert_eq!(trial.params(), self.params.get(&claim.number));
                } else {
                    assert!(!held, "the holder may give its trial back");
                }
            }
            Op::Impostor { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                let by_another = Claim { worker: worker_id(99), ..claim.clone() };
                let guessed = Claim { mark: Some(Mark::new([0; Mark::LEN])), ..claim };
                for claim in [by_another, guessed] {
                    assert!(self.study.report(&claim, 0, 0.5, &[]).is_err());
                    let result = TrialResult::Complete(0.5.into());
                    assert!(self.study.finish(&claim, result, &[], Attributes::new()).is_err());
                    assert!(self.study.release(&claim).is_err());
                }
            }
            Op::Renew { worker } => self.study.renew(&worker_id(worker), self.now + TERM),
            Op::Hasten { worker } => {
                self.study.hasten(&worker_id(worker), self.now + Duration::from_secs(3));
            }
            Op::Wait { seconds } => self.wait(&before, seconds),
            Op::Restart => self.restart(),
            Op::Enqueue { rate, request } => self.enqueue(&before, rate, request),
            Op::Retry { number } => {
                if let Ok((events, new)) = self.study.retry(TrialNumber(number), None) {
                    self.apply(&events);
                    assert!(self.retries.insert(new));
                    let old = before.get(TrialNumber(number)).expect("it failed");
                    let fixed = &self.study.get(new).expect("there").fixed;
                    assert_eq!(fixed, old.params().unwrap_or(&old.fixed));
                }
            }
            Op::Confirm { best, seeds, each } => {
                let confirm = ConfirmSpec { by: vec!["method".into()], best, seeds, each };
                let (events, ()) = self.study.change_confirm(confirm.clone()).expect("it fits");
                self.apply(&events);
                assert_eq!(self.study.confirm(), Some(&confirm));
            }
            Op::Annotate { number, text } => self.annotate(&before, number, text),
            Op::Change { state } => {
                let events = self.study.change_state(state);
                self.apply(&events);
                assert_eq!(self.study.state(), state);
            }
        }
        self.check(&before);
        if !matches!(op, Op::Change { .. }) {
            self.check_pauses(&before);
        }
    }

    fn lease(&mut self, worker: &WorkerId) {
        // A new one each time.
        let mark = Mark::new((self.claims.len() as u128 + 1).to_be_bytes());
        let Some((events, number)) = self.study.lease(worker, 0, mark) else {
            let spent = self.searched() >= self.study.budget() as usize;
            let confirmed = !self.study.has_confirmations_left();
            let idle = self.study.waiting().is_empty() && spent && confirmed;
            assert!(idle || self.study.state() != StudyState::Active, "there was work");
            return;
        };
        self.apply(&events);
        let trial = self.study.get(number).expect("leased");
        let claim =
            Claim { number, attempt: trial.attempt, worker: worker.clone(), mark: trial.mark };
        let older = self.claims.iter().filter(|c| c.number == number).map(|c| c.attempt);
        assert!(older.max().unwrap_or(Attempt(0)) < claim.attempt, "the attempt grows");
        let params = trial.params().expect("proposed").clone();
        assert!(self.study.spec().space.contains(&params));
        let first = self.params.entry(number).or_insert_with(|| params.clone());
        assert_eq!(*first, params, "a trial keeps its parameters");
        assert!(trial.curve.is_empty(), "an attempt starts anew");
        self.claims.push(claim);
    }

    fn report(&mut self, before: &Study, claim: &Claim, step: u64, value: f64) {
        let held = self.holds(claim);
        match self.study.report(claim, step, value, &[]) {
            Ok((events, verdict)) => {
                self.assert_not_fenced(before, claim);
                self.apply(&events);
                let again = self.study.report(claim, step, value, &[]);
                assert_eq!(again, Ok((vec![], verdict)), "the same answer again");
                if !value.is_finite() && held {
                    assert_eq!(verdict, Verdict::Stop);
                }
            }
            Err(refusal) => {
                let own_fault =
                    matches!(refusal, Refusal::Conflict { .. } | Refusal::StepGoesBack { .. });
                assert!(!held || own_fault, "the holder is heard: {refusal}");
                assert_eq!(*before, self.study, "a refusal changes nothing");
            }
        }
    }

    fn finish(&mut self, before: &Study, claim: &Claim, result: TrialResult) {
        let held = self.holds(claim);
        if let Ok((events, ())) = self.study.finish(claim, result.clone(), &[], Attributes::new()) {
            self.assert_not_fenced(before, claim);
            self.apply(&events);
            let again = self.study.finish(claim, result.clone(), &[], Attributes::new());
            assert_eq!(again, Ok((vec![], ())), "the same answer again");
            if held {
                let told = (claim.clone(), result);
                let before = self.acknowledged.insert(claim.number, told);
                assert!(before.is_none(), "recorded once");
            }
        } else {
            assert!(!held, "the holder's result is taken");
            assert_eq!(*before, self.study, "a refusal changes nothing");
        }
    }

    fn wait(&mut self, before: &Study, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        let events = self.study.expire(self.now);
        self.apply(&events);
        for number in before.running() {
            let (was, is) =
                (before.get(*number).expect("there"), self.study.get(*number).expect("there"));
            let Phase::Running(lease) = was.phase else { panic!("running") };
            match &is.phase {
                Phase::Running(_) => assert!(lease.deadline > self.now, "overdue leases end"),
                Phase::Waiting => {
                    assert!(lease.deadline <= self.now, "no lease ends early");
                    assert_eq!(is.losses, was.losses + 1);
                    assert!(is.losses < MAX_ATTEMPTS);
                }
                Phase::Finished(outcome) => {
                    assert!(matches!(outcome.result, TrialResult::Fail(_)));
                    assert_eq!(is.losses, MAX_ATTEMPTS);
                }
            }
        }
    }

    /// What a store keeps, after a restart: every open lease gets a full term.
    fn restart(&mut self) {
        let mut trials = self.study.trials().to_vec();
        for trial in &mut trials {
            if let Phase::Running(lease) = &mut trial.phase {
                lease.deadline = self.now + TERM;
            }
        }
        let restored = Study::restore(
            self.study.spec().clone(),
            self.study.state(),
            self.study.budget(),
            self.study.confirm().cloned(),
            self.study.created(),
            trials,
            self.study.finish_order().to_vec(),
        )
        .paused_because(self.study.pause_reason().map(str::to_owned))
        .with_remarks(self.study.remarks().clone());
        self.study.renew_all(self.now + TERM);
        assert_eq!(restored, self.study, "a restart loses nothing");
        self.study = restored;
    }

    fn enqueue(&mut self, before: &Study, rate: f64, request: Option<u8>) {
        let fixed = [("rate".to_owned(), Choice::Float(rate))];
        let request = request.map(|r| r.to_string());
        match self.study.enqueue(&fixed, None, request.clone()) {
            Ok((events, number)) => {
                self.apply(&events);
                if request.is_some() {
                    assert_eq!(self.study.enqueue(&fixed, None, request), Ok((vec![], number)));
                }
            }
            Err(Refusal::RequestReused { request: reused, number }) => {
                assert_eq!(Some(reused), request);
                let first = before.get(number).expect("the trial that it added");
                assert_eq!(first.request, request);
                assert!(!first.fixed.contains(&Some(ParamValue::Float(rate))), "another call");
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::BudgetSpent { budget: before.budget() });
                assert_eq!(searched(before), before.budget() as usize);
            }
        }
    }

    /// Remarks stand beside trials, of which nothing changes.
    fn annotate(&mut self, before: &Study, number: Option<u32>, text: u8) {
        let number = number.map(TrialNumber);
        let wanted = Annotation {
            note: Some(text.to_string()),
            tags: Some(vec![text.to_string()]),
            archived: number.is_none().then_some(text.is_multiple_of(2)),
            ..Annotation::default()
        };
        match self.study.annotate(number, &wanted) {
            Ok((events, ())) => {
                self.apply(&events);
                let there = number.map(|number| before.get(number).expect("there").id);
                let read = there.map_or_else(|| self.study.remark(), |id| self.study.remark_on(id));
                assert_eq!((Some(read.note), Some(read.tags)), (wanted.note, wanted.tags));
                let without = self.study.clone().with_remarks(before.remarks().clone());
                assert_eq!(&without, before, "nothing else has changed");
            }
            Err(refusal) => {
                let number = number.expect("a study can be written about");
                let trials = before.trials().len();
                assert_eq!(refusal, Refusal::UnknownTrial { number, trials });
            }
        }
    }

    /// What always holds.
    fn check(&self, before: &Study) {
        let study = &self.study;
        let of_search = |n: &&TrialNumber| study.get(**n).is_some_and(|t| t.confirms.is_none());
        let retried = self.retries.iter().filter(of_search).count();
        assert_eq!(study.budget(), BUDGET + retried as u32, "the budget is exact");
        assert!(searched(study) <= study.budget() as usize, "N trials means N");
        self.check_confirmations(before);
        let finished: HashSet<_> = study.finish_order().iter().collect();
        assert_eq!(finished.len(), study.finish_order().len(), "recorded once");
        assert!(study.finish_order().starts_with(before.finish_order()), "and for good");
        for number in before.finish_order() {
            let (was, is) = (before.get(*number), study.get(*number));
            assert_eq!(is, was, "a finished trial never changes");
        }
        for (number, (claim, result)) in &self.acknowledged {
            let trial = study.get(*number).expect("acknowledged");
            let Phase::Finished(Outcome { result: recorded, .. }) = &trial.phase else {
                panic!("an acknowledged result is lost");
            };
            assert!(self.is_newest(claim));
            match result {
                TrialResult::Complete(values) if !values.first().is_finite() => {
                    assert!(
                        matches!(recorded, TrialResult::Fail(why) if why.contains("objective value"))
                    );
                }
                result => assert_eq!(recorded, result),
            }
        }
        let mut values = study.trials().iter().filter_map(|trial| Some(trial.values()?.first()));
        assert!(values.all(f64::is_finite), "no value that is none");
        for (index, trial) in study.trials().iter().enumerate() {
            let number = TrialNumber(index as u32);
            let indexed = (study.waiting().contains(&number), study.running().contains(&number));
            let phase = match trial.phase {
                Phase::Waiting => (true, false),
                Phase::Running(_) => (false, true),
                Phase::Finished(_) => (false, false),
            };
            assert_eq!(indexed, phase);
        }
    }

    /// The study pauses itself exactly when too many trials have failed in a row.
    fn check_pauses(&self, before: &Study) {
        let failed = |study: &Study, n: &TrialNumber| {
            let phase = study.get(*n).map(|trial| &trial.phase);
            matches!(phase, Some(Phase::Finished(Outcome { result: TrialResult::Fail(_), .. })))
        };
        let in_a_row = |study: &Study| {
            study.finish_order().iter().rev().take_while(|n| failed(study, n)).count() as u32
        };
        let (was, is) = (in_a_row(before), in_a_row(&self.study));
        let all_failed = self.study.finish_order().len() == is as usize;
        let most = if all_failed { MAX_FAILURES_IN_A_ROW / 2 } else { MAX_FAILURES_IN_A_ROW };
        let too_many = is > was && is / most > was / most;
        let wanted = match before.state() {
            StudyState::Active if too_many => StudyState::Paused,
            state => state,
        };
        assert_eq!(self.study.state(), wanted, "{was} and then {is} failed in a row");
        if before.state() != wanted {
            assert!(self.study.pause_reason().is_some_and(|why| why.contains("in a row")));
        }
    }

    /// Confirmations come only after the search, and have the parameters of what they confirm.
    fn check_confirmations(&self, before: &Study) {
        let study = &self.study;
        let mut made = HashSet::new();
        for (number, trial) in (0..).map(TrialNumber).zip(study.trials()) {
            let Some(confirmation) = trial.confirms else { continue };
            let of = study.get(confirmation.of).expect("a trial of the study");
            assert!(of.confirms.is_none() && of.values().is_some(), "of the search, and complete");
            assert_eq!(Some(&trial.fixed), of.params());
            assert!(trial.params().is_none_or(|params| Some(params) == of.params()));
            let again = trial.retry_of.is_some();
            assert!(again || made.insert(confirmation), "once under each seed");
            assert_eq!(trial.pruned_at, None, "nobody gives it up");
            let pair = study
                .trials()
                .iter()
                .position(|t| t.confirms.is_some_and(|c| c.seed == confirmation.seed));
            assert_eq!(
                study.seed_of(number),
                study.seed_of(TrialNumber(pair.expect("itself") as u32))
            );
            if before.get(number).is_none() && !again {
                let finished = before.finish_order().iter();
                let finished =
                    finished.filter(|n| before.get(**n).is_some_and(|t| t.confirms.is_none()));
                assert_eq!(finished.count(), before.budget() as usize, "the search is over");
            }
        }
        let best = study.best().and_then(|best| study.get(best));
        assert!(best.is_none_or(|best| best.confirms.is_none()), "the best is one of the search");
    }

    fn searched(&self) -> usize {
        searched(&self.study)
    }

    /// Runs all remaining trials.
    fn run_to_end(&mut self) {
        let events = self.study.change_state(StudyState::Active);
        self.apply(&events);
        self.wait(&self.study.clone(), 1_000);
        // The lost trials may have paused the study.
        let events = self.study.change_state(StudyState::Active);
        self.apply(&events);
        for _ in 0..1_000 {
            self.lease(&worker_id(9));
            let before = self.study.clone();
            let Some(number) = self.study.running().first().copied() else { break };
            let trial = self.study.get(number).expect("there");
            let &Trial { attempt, mark, .. } = trial;
            let claim = Claim { number, attempt, worker: worker_id(9), mark };
            self.finish(&before, &claim, TrialResult::Complete(0.5.into()));
            self.check(&before);
        }
        assert!(self.study.is_finished());
        let due = self.study.budget() + self.study.confirmations();
        assert_eq!(self.study.finish_order().len(), due as usize, "N means N");
        assert_eq!(self.study.trials().len(), due as usize);
        let replay = self.study.replay();
        assert!(replay.mismatches.is_empty(), "{replay:?}");
    }
}

/// How many trials of the search exist.
fn searched(study: &Study) -> usize {
    study.trials().iter().filter(|trial| trial.confirms.is_none()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_sequence_of_calls_keeps_the_promises(
        sampler in sampler(),
        pruner in pruner(),
        ops in proptest::collection::vec(op(), 0..120),
    ) {
        let mut world = World::new(sampler, pruner);
        for op in ops {
            world.step(&op);
        }
        world.run_to_end();
    }
}

fn worker_id(n: u8) -> WorkerId {
    WorkerId::new(format!("w{n}")).expect("valid")
}

fn spec(sampler: SamplerSpec, pruner: PrunerSpec) -> StudySpec {
    let choices = ["a", "b"].map(|c| Choice::Text(c.into())).to_vec();
    let method = Param {
        name: "method".into(),
        distribution: Distribution::Categorical { choices },
        when: vec![],
    };
    let float = |name: &str, when| Param {
        name: name.into(),
        distribution: Distribution::Float { low: 0.1, high: 0.9, scale: FloatScale::Log },
        when,
    };
    let only_a = Condition::any_of("method", [Choice::Text("a".into())]);
    let params = vec![method, float("rate", vec![]), float("std", vec![only_a])];
    StudySpec {
        name: StudyName::new("s").expect("valid"),
        directions: Direction::Maximize.into(),
        metrics: Metrics::default(),
        trials: BUDGET,
        seed: 1,
        max_attempts: MAX_ATTEMPTS,
        max_failures_in_a_row: MAX_FAILURES_IN_A_ROW,
        keep_checkpoints: 1,
        notify: None,
        sampler,
        pruner,
        space: SearchSpace::new(params).expect("valid"),
        objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
        confirm: Some(ConfirmSpec { by: vec!["method".into()], best: 2, seeds: 2, each: true }),
    }
}
