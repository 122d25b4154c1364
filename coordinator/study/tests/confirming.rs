//! What a study runs again once its search is over.

use std::collections::BTreeMap;
use std::time::Duration;

use kindling_study::sampler::{SamplerSpec, TpeOptions};
use kindling_study::{
    Attributes, Choice, Claim, ConfirmSpec, Direction, Distribution, Event, FloatScale,
    ObjectiveSpec, Param, PrunerSpec, Result as TrialResult, SearchSpace, Settings, Study,
    StudyName, StudySpec, Tick, TrialNumber, Verdict, Wall, WorkerId,
};

struct Confirming(Study);

impl Confirming {
    /// A study over two methods, from a, b and c and from x and y, whose search has run these trials.
    fn after(confirm: ConfirmSpec, trials: &[(&str, &str, f64)]) -> Self {
        Self::pruned_after(PrunerSpec::None, confirm, trials)
    }

    fn pruned_after(
        pruner: PrunerSpec,
        confirm: ConfirmSpec,
        trials: &[(&str, &str, f64)],
    ) -> Self {
        let choices = |of: &[&str]| of.iter().map(|c| Choice::Text((*c).to_owned())).collect();
        let method = |name: &str, of| Param {
            name: name.into(),
            distribution: Distribution::Categorical { choices: choices(of) },
            when: vec![],
        };
        let rate = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        let rate = Param { name: "rate".into(), distribution: rate, when: vec![] };
        let params = vec![method("conv", &["a", "b", "c"]), method("fc", &["x", "y"]), rate];
        let mut study = Self(Study::new(
            StudySpec {
                name: StudyName::new("s").expect("valid"),
                direction: Direction::Maximize,
                trials: trials.len() as u32,
                seed: 1,
                max_attempts: 1,
                sampler: SamplerSpec::Tpe(TpeOptions { startup_trials: 2, candidates: 8 }),
                pruner,
                space: SearchSpace::new(params).expect("valid"),
                objective: ObjectiveSpec { kind: "none".into(), settings: Settings::new() },
                confirm: Some(confirm),
            },
            Wall(0),
        ));
        for (conv, fc, _) in trials {
            let fixed = [("conv", conv), ("fc", fc)];
            let fixed = fixed.map(|(name, choice)| (name.into(), Choice::Text((*choice).into())));
            let (events, _) = study.0.enqueue(&fixed, None).expect("room");
            study.apply(&events);
        }
        for (_, _, value) in trials {
            let claim = study.lease();
            study.finish(&claim, *value);
        }
        study
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            self.0.apply(event, Wall(0), Tick(Duration::from_secs(30)));
        }
    }

    fn lease(&mut self) -> Claim {
        let worker = WorkerId::new("w").expect("valid");
        let (events, number) = self.0.lease(&worker).expect("work");
        self.apply(&events);
        Claim { number, attempt: self.0.get(number).expect("leased").attempt, worker }
    }

    fn finish(&mut self, claim: &Claim, value: f64) {
        let result = TrialResult::Complete(value);
        let (events, ()) = self.0.finish(claim, result, Attributes::new()).expect("taken");
        self.apply(&events);
    }

    /// Works through what is left; which trial was confirmed under which seed, in order.
    fn run(&mut self) -> Vec<(u32, u32)> {
        let mut confirmed = Vec::new();
        while !self.0.is_finished() {
            let claim = self.lease();
            let trial = self.0.get(claim.number).expect("leased");
            confirmed.extend(trial.confirms.map(|c| (c.of.0, c.seed)));
            self.finish(&claim, 0.1);
        }
        confirmed
    }
}

fn pairs(best: u32, seeds: u32) -> ConfirmSpec {
    ConfirmSpec { by: vec!["conv".into(), "fc".into()], best, seeds, each: false }
}

const SEARCH: [(&str, &str, f64); 6] = [
    ("a", "x", 0.5),
    ("b", "y", 0.9),
    ("a", "x", 0.7),
    ("b", "y", 0.9),
    ("c", "x", 0.6),
    ("a", "y", 0.1),
];

#[test]
fn the_best_trial_of_each_of_the_best_pairs_runs_again_and_seeds_take_turns() {
    let confirmed = Confirming::after(pairs(3, 2), &SEARCH).run();
    // Of equals the first; the second of a pair is not another pair.
    assert_eq!(confirmed, [(1, 0), (2, 0), (4, 0), (1, 1), (2, 1), (4, 1)]);
}

#[test]
fn each_choice_on_its_own_runs_again_once() {
    let each = ConfirmSpec { each: true, ..pairs(1, 1) };
    // b and y are the best pair's; then a, c and x, whose best is a's.
    assert_eq!(Confirming::after(each, &SEARCH).run(), [(1, 0), (2, 0), (4, 0)]);
    let one = ConfirmSpec { by: vec!["fc".into()], ..pairs(2, 1) };
    assert_eq!(Confirming::after(one, &SEARCH).run(), [(1, 0), (2, 0)]);
}

#[test]
fn nothing_runs_again_before_the_search_is_over() {
    let mut study = Confirming::after(pairs(2, 2), &SEARCH);
    assert_eq!(study.0.confirmations(), 4);
    let (events, ()) = study.0.change_budget(7).expect("more");
    study.apply(&events);
    assert_eq!(study.0.confirmations(), 0);
    let claim = study.lease();
    assert_eq!(study.0.get(claim.number).expect("leased").confirms, None);
    let worker = WorkerId::new("idle").expect("valid");
    assert_eq!(study.0.lease(&worker), None, "its end decides what is confirmed");
    study.finish(&claim, 0.0);
    assert_eq!(study.0.confirmations(), 4);
}

#[test]
fn a_longer_search_confirms_what_it_found_and_keeps_what_was_confirmed() {
    let mut study = Confirming::after(pairs(1, 2), &SEARCH[..3]);
    assert_eq!(study.run(), [(1, 0), (1, 1)]);
    let (events, ()) = study.0.change_budget(4).expect("more");
    study.apply(&events);
    let claim = study.lease();
    study.finish(&claim, 1.0);
    let number = claim.number.0;
    assert_eq!(number, 5, "after two that confirm");
    assert_eq!(study.run(), [(number, 0), (number, 1)]);
    assert_eq!(study.0.trials().len(), 8);
}

#[test]
fn another_wish_adds_what_is_missing() {
    let mut study = Confirming::after(pairs(1, 1), &SEARCH);
    assert_eq!(study.run(), [(1, 0)]);
    let (events, ()) = study.0.change_confirm(pairs(2, 2)).expect("it fits");
    study.apply(&events);
    assert!(!study.0.is_finished());
    assert_eq!(study.run(), [(2, 0), (1, 1), (2, 1)]);
    assert_eq!(study.0.change_confirm(pairs(2, 2)), Ok((vec![], ())), "said before");
}

#[test]
fn trials_under_one_seed_share_it_and_no_other_has_it() {
    let mut study = Confirming::after(pairs(2, 2), &SEARCH);
    study.run();
    let mut seeds: BTreeMap<u64, Vec<Option<u32>>> = BTreeMap::new();
    for (number, trial) in (0..).map(TrialNumber).zip(study.0.trials()) {
        let place = seeds.entry(study.0.seed_of(number)).or_default();
        place.push(trial.confirms.map(|c| c.seed));
    }
    let mut shared: Vec<_> = seeds.into_values().filter(|of| of.len() > 1).collect();
    shared.sort();
    assert_eq!(shared, [[Some(0), Some(0)], [Some(1), Some(1)]]);
}

#[test]
fn what_confirms_is_neither_learned_from_nor_pruned_nor_the_best() {
    let pruner = r#"{"kind": "median", "startup_trials": 0, "warmup_steps": 0}"#;
    let pruner = serde_json::from_str(pruner).expect("valid");
    let mut study = Confirming::pruned_after(pruner, pairs(1, 2), &SEARCH);
    for (step, value) in [(0, 0.9), (0, 0.1)] {
        let claim = study.lease();
        let (events, verdict) = study.0.report(&claim, step, value).expect("taken");
        study.apply(&events);
        assert_eq!(verdict, Verdict::Continue);
        study.finish(&claim, 5.0);
    }
    assert_eq!(study.0.best(), Some(TrialNumber(1)));
    // A replay learns from the search alone; so does a search that goes on.
    let (events, ()) = study.0.change_budget(7).expect("more");
    study.apply(&events);
    let claim = study.lease();
    assert_eq!(study.0.get(claim.number).expect("leased").confirms, None);
    assert!(study.0.replay().mismatches.is_empty());
}

#[test]
fn a_failed_confirmation_is_tried_again_as_one() {
    let mut study = Confirming::after(pairs(1, 1), &SEARCH);
    let claim = study.lease();
    let result = TrialResult::Fail("boom".into());
    let (events, ()) = study.0.finish(&claim, result, Attributes::new()).expect("taken");
    study.apply(&events);
    assert!(study.0.is_finished());
    let (events, again) = study.0.retry(claim.number, None).expect("it failed");
    study.apply(&events);
    assert_eq!(study.0.budget(), 6);
    assert_eq!((study.0.confirmations(), study.0.is_finished()), (2, false));
    assert_eq!(study.0.seed_of(again), study.0.seed_of(claim.number));
    assert_eq!(study.run(), [(1, 0)]);
}

#[test]
fn what_does_not_fit_the_space_is_refused() {
    let study = Confirming::after(pairs(1, 1), &SEARCH);
    for (confirm, said) in [
        (ConfirmSpec { by: vec![], ..pairs(1, 1) }, "confirm.by: expected at least one"),
        (ConfirmSpec { by: vec!["rate".into()], ..pairs(1, 1) }, "`rate` is not categorical"),
        (ConfirmSpec { by: vec!["lr".into()], ..pairs(1, 1) }, "has no parameter `lr`"),
        (ConfirmSpec { by: vec!["fc".into(), "fc".into()], ..pairs(1, 1) }, "twice"),
        (pairs(1, 0), "confirm.seeds: expected 1 to 10000, found 0"),
    ] {
        let refusal = study.0.change_confirm(confirm).expect_err(said).to_string();
        assert!(refusal.contains(said), "{refusal}");
    }
}
