//! What trials leave behind, under any sequence of calls, against a model kept outside: the curve of each trial as its
//! attempts went on from checkpoints, the checkpoints, and the attempts.

use std::collections::BTreeMap;
use std::time::Duration;

use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Attributes, Blob, Claim, Direction, Distribution, Event, FloatScale, KNOWN_ATTEMPTS, Mark,
    Metrics, ObjectiveSpec, Param, Phase, PrunerSpec, Refusal, SearchSpace, Settings, Study,
    StudyName, StudySpec, Tick, Trial, TrialId, TrialNumber, TrialResult, Wall, WorkerId,
};
use proptest::prelude::*;

const UNTIL: Tick = Tick(Duration::from_secs(30));

/// A call. Indices pick among the claims ever given, whether they still hold or not.
#[derive(Debug, Clone, Copy)]
enum Op {
    Lease,
    Report { claim: usize, step: u64, value: f64 },
    Save { claim: usize, step: u64, content: u8 },
    Keep { claim: usize, name: u8, content: u8 },
    Release { claim: usize },
    Lose { claim: usize },
    Finish { claim: usize },
    Enqueue { from: u32 },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    // Mostly the newest ones.
    let claim = prop_oneof![3 => 0..2_usize, 1 => any::<usize>()];
    let step = 0..6_u64;
    let content = 0..3_u8;
    prop_oneof![
        6 => Just(Op::Lease),
        9 => (claim.clone(), step.clone(), 0.0..1.0)
            .prop_map(|(claim, step, value)| Op::Report { claim, step, value }),
        7 => (claim.clone(), step, content.clone())
            .prop_map(|(claim, step, content)| Op::Save { claim, step, content }),
        2 => (claim.clone(), 0..3_u8, content)
            .prop_map(|(claim, name, content)| Op::Keep { claim, name, content }),
        2 => claim.clone().prop_map(|claim| Op::Release { claim }),
        3 => claim.clone().prop_map(|claim| Op::Lose { claim }),
        1 => claim.prop_map(|claim| Op::Finish { claim }),
        1 => (0..4_u32).prop_map(|from| Op::Enqueue { from }),
        1 => Just(Op::Restart),
    ]
}

fn pruner() -> impl Strategy<Value = PrunerSpec> {
    let options = prop_oneof![
        Just(r#"{"kind": "none"}"#),
        Just(r#"{"kind": "median", "startup_trials": 1}"#),
        Just(r#"{"kind": "asha", "reduction_factor": 2}"#),
        Just(r#"{"kind": "patience", "patience": 1}"#),
    ];
    options.prop_map(|options| serde_json::from_str(options).expect("valid"))
}

/// What is known of a trial outside.
#[derive(Default)]
struct Told {
    /// What its attempts reported and did not go over.
    curve: BTreeMap<u64, f64>,
    /// The checkpoints that were taken, oldest first: the attempts, the steps and the contents.
    checkpoints: Vec<(u32, u64, u8)>,
    artifacts: BTreeMap<String, u8>,
    /// Whether the newest attempt has reported.
    has_reported: bool,
    ended: Vec<u32>,
}

struct World {
    study: Study,
    claims: Vec<Claim>,
    told: BTreeMap<TrialNumber, Told>,
    keep: usize,
}

impl World {
    fn apply(&mut self, events: &[Event]) {
        for event in events {
            let next = TrialId(self.study.trials().len() as i64);
            self.study.apply(event, next, Wall(0), UNTIL);
        }
    }

    /// A claim, counted from the newest.
    fn claim(&self, index: usize) -> Option<Claim> {
        let place = self.claims.len().checked_sub(1 + index.checked_rem(self.claims.len())?)?;
        self.claims.get(place).cloned()
    }

    fn trial(&self, number: TrialNumber) -> &Trial {
        self.study.get(number).expect("there")
    }

    /// Whether the claim's trial runs under it.
    fn holds(&self, claim: &Claim) -> bool {
        let newest = self.claims.iter().rev().find(|other| other.number == claim.number);
        matches!(self.trial(claim.number).phase, Phase::Running(_)) && newest == Some(claim)
    }

    fn step(&mut self, op: Op) {
        let before = self.study.clone();
        match op {
            Op::Lease => self.lease(),
            Op::Report { claim, step, value } => {
                let Some(claim) = self.claim(claim) else { return };
                self.report(&claim, step, value);
            }
            Op::Save { claim, step, content } => {
                let Some(claim) = self.claim(claim) else { return };
                self.save(&claim, step, content);
            }
            Op::Keep { claim, name, content } => {
                let Some(claim) = self.claim(claim) else { return };
                let (holds, name) = (self.holds(&claim), format!("{name}"));
                let Ok((events, ())) = self.study.save_artifact(&claim, &name, "", blob(content))
                else {
                    assert!(!holds, "the holder may keep what it wants");
                    return;
                };
                let told = self.told.entry(claim.number).or_default();
                assert!(holds || told.artifacts.get(&name) == Some(&content), "a zombie is heard");
                told.artifacts.insert(name, content);
                self.apply(&events);
            }
            Op::Release { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                if self.holds(&claim) {
                    let (events, ()) = self.study.release(&claim).expect("held");
                    self.apply(&events);
                    self.end(&claim);
                }
            }
            Op::Lose { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                if self.holds(&claim) {
                    let events = self.study.lose(claim.number);
                    self.apply(&events);
                    self.end(&claim);
                }
            }
            Op::Finish { claim } => {
                let Some(claim) = self.claim(claim) else { return };
                if self.holds(&claim) {
                    let result = TrialResult::Complete(0.5.into());
                    let decided = self.study.finish(&claim, result, &[], Attributes::new());
                    self.apply(&decided.expect("held").0);
                }
            }
            Op::Enqueue { from } => self.enqueue(TrialNumber(from)),
            Op::Restart => self.restart(),
        }
        self.check(&before);
    }

    fn lease(&mut self) {
        let mark = Mark::new((self.claims.len() as u128 + 1).to_be_bytes());
        let worker = WorkerId::new("w").expect("a name");
        let Some((events, number)) = self.study.lease(&worker, 0, mark) else { return };
        self.apply(&events);
        let attempt = self.trial(number).attempt;
        self.claims.push(Claim { number, attempt, worker, mark: Some(mark) });
        let told = self.told.entry(number).or_default();
        let newest = told.checkpoints.last().map(|(_, step, _)| *step);
        told.curve.retain(|step, _| newest.is_some_and(|newest| *step <= newest));
        told.has_reported = false;
        let newest = told.checkpoints.last().copied();
        let trial = self.trial(number);
        let start = trial.start().map(|s| (s.attempt.0, s.step, s.blob.sha256[0]));
        assert_eq!(start, newest, "it goes on from the newest one");
        assert_eq!(trial.resumed, newest.map(|(_, step, _)| step));
        assert!(!trial.has_reported() && !trial.has_begun(), "it has only been leased");
    }

    fn report(&mut self, claim: &Claim, step: u64, value: f64) {
        let holds = self.holds(claim);
        match self.study.report(claim, step, value, &[]) {
            Ok((events, verdict)) => {
                self.apply(&events);
                let told = self.told.entry(claim.number).or_default();
                if !told.has_reported {
                    told.curve.retain(|earlier, _| *earlier < step);
                }
                assert!(holds || told.curve.contains_key(&step), "a zombie is heard");
                told.has_reported = true;
                told.curve.insert(step, value);
                let again = self.study.report(claim, step, value, &[]);
                assert_eq!(again, Ok((vec![], verdict)), "the same answer again");
            }
            Err(Refusal::StepGoesBack { .. } | Refusal::Conflict { .. }) => {
                assert!(self.told[&claim.number].has_reported, "a first report may begin anywhere");
            }
            Err(refusal) => assert!(!holds, "the holder is heard: {refusal}"),
        }
    }

    fn save(&mut self, claim: &Claim, step: u64, content: u8) {
        let holds = self.holds(claim);
        let own = (claim.attempt.0, step, content);
        match self.study.save_checkpoint(claim, step, blob(content)) {
            Ok((events, ())) => {
                let told = self.told.entry(claim.number).or_default();
                let known = told.checkpoints.contains(&own);
                assert!(holds || known, "a zombie is heard");
                assert_eq!(events.is_empty(), known, "to repeat it changes nothing");
                if !known {
                    told.checkpoints.push(own);
                }
                self.apply(&events);
                let again = self.study.save_checkpoint(claim, step, blob(content));
                assert_eq!(again, Ok((vec![], ())), "the same answer again");
            }
            Err(Refusal::StepGoesBack { newest, .. }) => {
                assert!(step < newest, "{step} comes after {newest}");
            }
            Err(Refusal::Conflict { .. }) => {
                let mut others = self.told[&claim.number].checkpoints.iter();
                assert!(
                    others.any(|(by, at, other)| (*by, *at) == (own.0, step) && *other != content)
                );
            }
            Err(refusal) => assert!(!holds, "the holder is heard: {refusal}"),
        }
    }

    fn end(&mut self, claim: &Claim) {
        self.told.entry(claim.number).or_default().ended.push(claim.attempt.0);
    }

    fn enqueue(&mut self, from: TrialNumber) {
        let newest = self.study.get(from).and_then(|trial| trial.checkpoints.last().cloned());
        match self.study.enqueue(&[], Some(from), None) {
            Ok((events, number)) => {
                self.apply(&events);
                let newest = newest.expect("it has one");
                let told = self.told.entry(number).or_default();
                told.checkpoints.push((0, newest.step, newest.blob.sha256[0]));
            }
            Err(Refusal::NoCheckpoint(_) | Refusal::UnknownTrial { .. }) => {
                assert_eq!(newest, None);
            }
            Err(refusal) => assert!(matches!(refusal, Refusal::BudgetSpent { .. }), "{refusal}"),
        }
    }

    fn restart(&mut self) {
        let restored = Study::restore(
            self.study.spec().clone(),
            self.study.state(),
            self.study.budget(),
            None,
            self.study.created(),
            self.study.trials().to_vec(),
            self.study.finish_order().to_vec(),
        );
        assert_eq!(restored, self.study, "a restart loses nothing");
        self.study = restored;
    }

    /// What always holds.
    fn check(&self, before: &Study) {
        for number in before.finish_order() {
            assert_eq!(before.get(*number), self.study.get(*number), "a finished trial changes");
        }
        for (number, told) in &self.told {
            let trial = self.trial(*number);
            let curve: Vec<_> = told.curve.iter().map(|(step, value)| (*step, *value)).collect();
            assert_eq!(trial.curve, curve, "the curve has each step once");
            let is_over = matches!(trial.phase, Phase::Finished(_));
            let keep = if is_over { 1 } else { self.keep };
            let kept = trial.checkpoints.iter().map(|c| (c.attempt.0, c.step, c.blob.sha256[0]));
            let newest = told.checkpoints.len().saturating_sub(keep);
            assert!(kept.eq(told.checkpoints[newest..].iter().copied()), "{trial:?}");
            let artifacts = trial.artifacts.iter().map(|a| (a.name.to_string(), a.blob.sha256[0]));
            assert!(artifacts.eq(told.artifacts.clone()), "{:?}", trial.artifacts);
            let running = matches!(trial.phase, Phase::Running(_));
            assert!(!running || trial.has_reported() == told.has_reported, "{trial:?}");
            assert!(trial.pruned_at.is_none_or(|at| told.curve.contains_key(&at)), "{trial:?}");
            let known = told.ended.iter().copied();
            let known = known.filter(|ended| ended + KNOWN_ATTEMPTS > trial.attempt.0);
            assert!(trial.attempts.iter().map(|past| past.attempt.0).eq(known));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn attempts_go_on_from_what_was_saved(
        keep in 1..4_u32,
        pruner in pruner(),
        ops in proptest::collection::vec(op(), 0..160),
    ) {
        run(keep, pruner, ops);
    }
}

fn run(keep: u32, pruner: PrunerSpec, ops: Vec<Op>) {
    let study = Study::new(spec(keep, pruner), Wall(0));
    let (claims, told) = (Vec::new(), BTreeMap::new());
    let mut world = World { study, claims, told, keep: keep as usize };
    for op in ops {
        world.step(op);
    }
}

#[cfg(feature = "deliberate-bugs")]
#[test]
fn each_deliberate_bug_is_caught() {
    use kindling_study::Bug;
    use proptest::test_runner::TestRunner;

    let config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 0, ..Default::default() };
    let all = (1..4_u32, pruner(), proptest::collection::vec(op(), 0..160));
    for bug in
        [Bug::ZombieSaves, Bug::OlderCheckpointReplacesNewer, Bug::CurveBeyondCheckpointIsKept]
    {
        Bug::set(Some(bug));
        let found = TestRunner::new(config.clone()).run(&all, |(keep, pruner, ops)| {
            run(keep, pruner, ops);
            Ok(())
        });
        Bug::set(None);
        assert!(found.is_err(), "{bug:?} is not caught");
    }
}

fn blob(content: u8) -> Blob {
    Blob { key: "a/b".into(), size: 3, sha256: [content; 32] }
}

fn spec(keep_checkpoints: u32, pruner: PrunerSpec) -> StudySpec {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    let x = Param { name: "x".into(), distribution, when: vec![] };
    StudySpec {
        name: StudyName::new("s").expect("valid"),
        directions: Direction::Maximize.into(),
        metrics: Metrics::default(),
        trials: 4,
        seed: 1,
        max_attempts: 1000,
        max_failures_in_a_row: 0,
        keep_checkpoints,
        notify: None,
        sampler: SamplerSpec::Random {},
        pruner,
        space: SearchSpace::new(vec![x]).expect("valid"),
        objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
        confirm: None,
    }
}
