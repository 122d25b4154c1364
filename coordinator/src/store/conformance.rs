//! A test suite for every [`Store`], which each store runs in its own tests. The store under test
//! can be opened again, as after a restart, and filled up.
//!
//! [`passes`] plays the ledger. A registry decides, its events are applied and committed, and the
//! content of the store is compared with the registry. It panics at the first difference.

use std::time::Duration;

use kindling_study::external::PythonJson;
use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Act, Annotation, Attributes, Blob, Choice, Claim, ConfirmSpec, Creation, Deed, Direction,
    Directions, Distribution, Event, FloatScale, Json, Mark, Message, Metrics, News, Notify,
    NotifyKind, ObjectiveSpec, Param, Phase, PrunerSpec, Recipient, Record, Registry, SearchSpace,
    Settings, Study, StudyId, StudyName, StudySpec, StudyState, Tick, Topic, TrialId, TrialNumber,
    TrialResult, Values, Wall, WorkerId,
};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::contract::Store;

pub(super) mod external;

/// A store under test.
pub trait Subject {
    /// The type of the store.
    type Store: Store;

    /// Opens the store as the next coordinator would. The one before is closed, whatever state it
    /// was in.
    fn open(&mut self) -> Self::Store;

    /// Makes the open store refuse commits for lack of room, or accept them again.
    fn fill(&mut self, store: &mut Self::Store, is_full: bool);
}

/// How many random sequences of changes are run.
const STORIES: u64 = 12;
/// How many changes each sequence has.
const LENGTH: usize = 150;
/// The deadline of open leases when a store is loaded.
const UNTIL: Tick = Tick(Duration::from_mins(7));

/// Runs the suite. Each call of `subject` must return an empty store.
pub fn passes<S: Subject>(mut subject: impl FnMut() -> S) {
    a_new_store_holds_nothing(subject());
    what_there_is_no_room_for_is_not_kept_and_can_be_committed_later(subject());
    open_leases_get_the_term_they_are_loaded_with(subject());
    trial_ids_ascend_and_are_never_used_again(subject());
    for seed in 0..STORIES {
        whatever_happens_is_there_after_a_restart(subject(), seed);
    }
}

fn a_new_store_holds_nothing(mut subject: impl Subject) {
    let mut store = subject.open();
    let loaded = store.load(UNTIL).expect("loaded");
    assert_eq!(shown(&loaded), shown(&Registry::default()));
    store.tend().expect("looked after");
    store.probe().expect("has room");
}

fn what_there_is_no_room_for_is_not_kept_and_can_be_committed_later(subject: impl Subject) {
    let mut world = World::new(subject, 0);
    world.create();
    world.commit();
    // More than may fit into what a store has at hand.
    (0..200).for_each(|_| world.create());
    (0..200).for_each(|_| world.lease());
    let World { subject, store: Some(store), waiting, kept, .. } = &mut world else {
        panic!("it is open")
    };
    subject.fill(store, true);
    let refused = store.commit(waiting).expect_err("there is no room");
    assert!(refused.may_pass(), "{refused}");
    store.probe().expect_err("there is still no room");
    // The ledger does the same.
    let loaded = store.load(UNTIL).expect("what is kept can be read");
    assert_eq!(shown(&loaded), shown(kept), "nothing of the batch is kept");
    subject.fill(store, false);
    store.probe().expect("there is room");
    world.commit();
    world.restart();
}

fn open_leases_get_the_term_they_are_loaded_with(subject: impl Subject) {
    let mut world = World::new(subject, 1);
    world.create();
    world.lease();
    world.commit();
    drop(world.store.take());
    let mut store = world.subject.open();
    let later = UNTIL + Duration::from_secs(1);
    let loaded = store.load(later).expect("loaded");
    let leases = loaded.iter().flat_map(|(_, study)| study.trials());
    let deadlines: Vec<_> = leases
        .filter_map(|trial| match trial.phase {
            Phase::Running(lease) => Some(lease.deadline),
            _ => None,
        })
        .collect();
    assert_eq!(deadlines, [later]);
}

fn trial_ids_ascend_and_are_never_used_again(subject: impl Subject) {
    let mut world = World::new(subject, 2);
    world.create();
    world.create();
    for _ in 0..6 {
        world.lease();
        world.enqueue();
    }
    let ids = |world: &World<_>| {
        let trials = world.registry.iter().flat_map(|(_, study)| study.trials());
        let mut ids: Vec<_> = trials.map(|trial| trial.id).collect();
        ids.sort_unstable();
        ids
    };
    let given = ids(&world);
    assert!(given.iter().copied().eq((1..=given.len() as i64).map(TrialId)), "{given:?}");
    world.commit();
    world.restart();
    // The newest trials are gone, and so is whoever remembers their ids, but for the store.
    world.expire_all();
    while !world.registry.is_empty() {
        world.delete();
    }
    world.commit();
    world.restart();
    world.create();
    world.lease();
    world.enqueue();
    let newest = given.last().copied().expect("a trial");
    assert_eq!(ids(&world), [newest.next(), newest.next().next()]);
    // Nor are those of trials that were never committed kept from others.
    world.restart();
    assert_eq!(world.registry.next_trial_id(), newest.next());
}

fn whatever_happens_is_there_after_a_restart(subject: impl Subject, seed: u64) {
    let mut world = World::new(subject, seed);
    world.create();
    for _ in 0..LENGTH {
        match world.random.random_range(0..70_u32) {
            0 => world.create(),
            1 => world.delete(),
            2..=12 => world.lease(),
            13..=22 => world.report(),
            23..=27 => world.finish(),
            28 => world.release(),
            29 => world.expire(),
            30 | 31 => world.enqueue(),
            32 => world.retry(),
            33 => world.change(),
            34..=38 => world.commit(),
            39 => world.restart(),
            40..=44 => world.save(),
            45..=47 => world.keep(),
            48 | 49 => world.remark(),
            64..=67 => world.act(),
            68 | 69 => world.tell(),
            _ => world.change_external(),
        }
    }
    world.commit();
    world.restart();
}

/// A store, the registry that it should hold, and what was decided but not committed.
struct World<S: Subject> {
    subject: S,
    /// `None` only while the store is opened again.
    store: Option<S::Store>,
    registry: Registry,
    /// The registry as of the last commit.
    kept: Registry,
    waiting: Vec<Record>,
    clock: i64,
    random: ChaCha8Rng,
    made: u32,
}

impl<S: Subject> World<S> {
    fn new(mut subject: S, seed: u64) -> Self {
        let mut store = subject.open();
        let registry = store.load(UNTIL).expect("loaded");
        Self {
            subject,
            store: Some(store),
            kept: registry.clone(),
            registry,
            waiting: Vec::new(),
            clock: 1_700_000_000_123_456,
            random: ChaCha8Rng::seed_from_u64(seed),
            made: 0,
        }
    }

    /// Applies the events, at a new time, and keeps them for the next commit.
    fn take(&mut self, study: StudyId, events: Vec<Event>) {
        self.clock += 1_000_003;
        for event in events {
            let record = self.registry.apply(study, Wall(self.clock), event, UNTIL);
            self.waiting.push(record);
        }
    }

    fn commit(&mut self) {
        let store = self.store.as_mut().expect("open");
        store.commit(&self.waiting).expect("committed");
        self.waiting.clear();
        self.kept = self.registry.clone();
    }

    /// Opens the store again. Only what was not committed may be lost.
    fn restart(&mut self) {
        // Dropped before the next one is opened.
        let history = self.store.take().expect("open").history();
        let mut store = self.subject.open();
        let loaded = store.load(UNTIL).expect("loaded");
        assert_eq!(shown(&loaded), shown(&self.kept));
        assert_eq!(store.history(), history, "the same store tells the same history");
        self.store = Some(store);
        self.registry = loaded;
        self.waiting.clear();
    }

    fn create(&mut self) {
        self.made += 1;
        let confirms = self.made.is_multiple_of(2);
        if let Ok(Creation::New(id, event)) = self.registry.create(spec(
            &format!("study {}", self.made),
            confirms,
            self.made.is_multiple_of(3),
        )) {
            self.take(id, vec![event]);
        }
    }

    fn delete(&mut self) {
        let Some(id) = self.any_study() else { return };
        let name = self.registry.name_of(id).expect("there").clone();
        if let Ok(event) = self.registry.delete(id) {
            self.take(id, vec![event]);
            let act = self.any_act();
            let event = self.registry.act_on_deleted(name, act);
            self.take(id, vec![event]);
        }
    }

    /// Notes that somebody did something with a study of either kind.
    fn act(&mut self) {
        let externals: Vec<_> = self.registry.externals().map(|(id, _)| id).collect();
        let ours = self.any_study();
        let some = externals.first().copied().filter(|_| self.random.random_bool(0.3)).or(ours);
        let Some(id) = some else { return };
        let act = self.any_act();
        let event = self.registry.act(id, act);
        self.take(id, vec![event]);
    }

    fn any_act(&mut self) -> Act {
        let texts = ["", "ä 'b\" %", "\u{1f525}"];
        let text = |random: &mut ChaCha8Rng| texts[random.random_range(0..texts.len())].into();
        Act {
            who: text(&mut self.random),
            from: text(&mut self.random),
            deed: Deed::ALL[self.random.random_range(0..Deed::ALL.len())],
            trial: self.random.random_bool(0.5).then_some(TrialNumber(u32::MAX)),
            details: text(&mut self.random),
        }
    }

    fn lease(&mut self) {
        let Some(id) = self.any_study() else { return };
        let worker = format!("worker {}", self.random.random_range(0..3_u8));
        let worker = WorkerId::new(worker).expect("an id");
        let (session, mark) = (self.random.next_u64(), self.random.random());
        if let Some((events, _)) = self.study(id).lease(&worker, session, Mark::new(mark)) {
            self.take(id, events);
        }
    }

    fn report(&mut self) {
        let Some((id, claim)) = self.any_lease() else { return };
        let trial = self.study(id).get(claim.number).expect("leased").clone();
        let goes_back = !trial.has_reported() && self.random.random_bool(0.3);
        let step = match trial.curve.last() {
            Some((step, _)) if goes_back => self.random.random_range(0..=*step),
            Some((step, _)) => step + self.random.random_range(1..4_u64),
            None => 0,
        };
        let value = number(&mut self.random);
        let is_single = self.study(id).spec().directions.as_slice().len() == 1;
        let others = [(0, number(&mut self.random))];
        let others = if is_single || self.random.random_bool(0.5) { &[] } else { &others[..] };
        if let Ok((events, _)) = self.study(id).report(&claim, step, value, others) {
            self.take(id, events);
        }
    }

    /// Saves a checkpoint.
    fn save(&mut self) {
        let Some((id, claim)) = self.any_lease() else { return };
        let step = self.random.random_range(0..9_u64);
        let blob = self.blob();
        if let Ok((events, ())) = self.study(id).save_checkpoint(&claim, step, blob) {
            self.take(id, events);
        }
    }

    /// Keeps an artifact of a trial or of the study itself.
    fn keep(&mut self) {
        let Some(id) = self.any_study() else { return };
        let name = ["ä/b \"1\".png", "loss.csv"][self.random.random_range(0..2_usize)];
        let (blob, lease) = (self.blob(), self.any_lease());
        let (id, events) = match lease {
            Some((id, claim)) if self.random.random_bool(0.7) => {
                let decided = self.study(id).save_artifact(&claim, name, "image/png", blob);
                (id, decided.map(|(events, ())| events).unwrap_or_default())
            }
            _ => (id, self.study(id).save_study_artifact(name, "", blob)),
        };
        self.take(id, events);
    }

    /// Writes about a study, or about one of its trials.
    fn remark(&mut self) {
        let Some(id) = self.any_study() else { return };
        let trials = self.study(id).trials().len() as u32;
        let number = TrialNumber(self.random.random_range(0..=trials));
        let on_trial = self.random.random_bool(0.7).then_some(number);
        let long = "\u{1F600} ä\n\"".repeat(self.random.random_range(0..2000));
        let wanted = Annotation {
            note: self.random.random_bool(0.7).then_some(long),
            note_version: None,
            tags: self.random.random_bool(0.5).then(|| vec!["ä \"1\"".to_owned(), "b".to_owned()]),
            archived: on_trial.is_none().then(|| self.random.random_bool(0.5)),
        };
        let study = self.study(id);
        let decided = match on_trial.and_then(|number| study.get(number)) {
            // As an Optuna client does it.
            Some(trial) if wanted.tags.is_none() => {
                let key = format!("dashboard:{}:note_ver", trial.id.0);
                study.set_remark(&key, PythonJson::parse("7").expect("JSON"))
            }
            _ => study.annotate(on_trial, &wanted),
        };
        if let Ok((events, ())) = decided {
            self.take(id, events);
        }
    }

    /// Some bytes. Few differ, so that calls repeat what was said.
    fn blob(&mut self) -> Blob {
        let content = self.random.random_range(0..4_u8);
        let key = format!("history/{:032x}", self.random.next_u64());
        Blob { key: key.into(), size: u64::from(content) << 60, sha256: [content; 32] }
    }

    fn finish(&mut self) {
        let Some((id, claim)) = self.any_lease() else { return };
        let spec = self.study(id).spec();
        let (objectives, constraints) =
            (spec.directions.as_slice().len(), spec.metrics.constraints.len());
        let values: Vec<_> = (0..objectives).map(|_| number(&mut self.random)).collect();
        let told: Vec<_> = (0..constraints).map(|_| number(&mut self.random)).collect();
        let result = match self.random.random_range(0..4_u8) {
            0 => TrialResult::Pruned,
            1 => TrialResult::Fail("no memory: \"ä\"\n".to_owned()),
            _ => TrialResult::Complete(Values::new(values).expect("some")),
        };
        let json = Json::parse(r#"{"a": [1, -0.0, 1e300, null, "ä\n"]}"#).expect("JSON");
        let attributes = [("a name".to_owned(), json)].into_iter().collect::<Attributes>();
        if let Ok((events, ())) = self.study(id).finish(&claim, result, &told, attributes) {
            self.take(id, events);
        }
    }

    /// Tells somebody of a study's news, or somebody else is to be told.
    fn tell(&mut self) {
        let Some(id) = self.any_study() else { return };
        let nth = self.random.random_range(0..3_u8);
        let events = match self.study(id).notify() {
            Some(Notify::Address(recipient)) if nth > 0 => {
                let (recipient, at) = (recipient.clone(), Wall(self.clock));
                let error = (nth == 1).then(|| "it answered \"404\"".into());
                let news = if nth == 1 { News::Finished } else { News::Best };
                let last = Message { news, at, host: "ä.org".into(), error };
                let told = self.study(id).told_of(news, last);
                self.study(id).note_told(&recipient, told)
            }
            _ => self.study(id).change_notify(recipient(nth)),
        };
        self.take(id, events);
    }

    fn release(&mut self) {
        let Some((id, claim)) = self.any_lease() else { return };
        if let Ok((events, ())) = self.study(id).release(&claim) {
            self.take(id, events);
        }
    }

    fn expire(&mut self) {
        let Some(id) = self.any_study() else { return };
        let events = self.study(id).expire(UNTIL);
        self.take(id, events);
    }

    fn expire_all(&mut self) {
        let overdue: Vec<_> =
            self.registry.iter().map(|(id, study)| (id, study.expire(UNTIL))).collect();
        for (id, events) in overdue {
            self.take(id, events);
        }
    }

    fn enqueue(&mut self) {
        let Some(id) = self.any_study() else { return };
        let fixed = ("layers".to_owned(), Choice::Int(self.random.random_range(1..9)));
        let request = self.random.random_bool(0.5).then(|| self.random.next_u32().to_string());
        let trials = self.study(id).trials().len() as u32;
        let from = self.random.random_range(0..=trials);
        let from = self.random.random_bool(0.3).then_some(TrialNumber(from));
        if let Ok((events, _)) = self.study(id).enqueue(&[fixed], from, request) {
            self.take(id, events);
        }
    }

    fn retry(&mut self) {
        let Some(id) = self.any_study() else { return };
        let trials = self.study(id).trials().len() as u32;
        let Some(number) = trials.checked_sub(1).map(|most| self.random.random_range(0..=most))
        else {
            return;
        };
        if let Ok((events, _)) = self.study(id).retry(TrialNumber(number), None) {
            self.take(id, events);
        }
    }

    /// Changes something about a study that may change.
    fn change(&mut self) {
        let Some(id) = self.any_study() else { return };
        let which = self.random.random_range(0..5_u8);
        let study = self.study(id);
        let events = match which {
            0 => study.change_state(StudyState::Paused),
            1 => study.change_state(StudyState::Stopped),
            2 => study.change_budget(20).map(|(events, ())| events).unwrap_or_default(),
            _ => study.change_state(StudyState::Active),
        };
        self.take(id, events);
    }

    fn study(&self, id: StudyId) -> &Study {
        self.registry.get(id).expect("a study")
    }

    fn any_study(&mut self) -> Option<StudyId> {
        let ids: Vec<_> = self.registry.iter().map(|(id, _)| id).collect();
        (!ids.is_empty()).then(|| ids[self.random.random_range(0..ids.len())])
    }

    fn any_lease(&mut self) -> Option<(StudyId, Claim)> {
        let id = self.any_study()?;
        let running: Vec<_> = self.study(id).running().iter().copied().collect();
        if running.is_empty() {
            return None;
        }
        let number = running[self.random.random_range(0..running.len())];
        let trial = self.study(id).get(number)?;
        let claim = Claim {
            number,
            attempt: trial.attempt,
            worker: trial.worker.clone()?,
            mark: trial.mark,
        };
        Some((id, claim))
    }
}

/// A value. Sometimes one that makes its trial fail.
fn number(random: &mut ChaCha8Rng) -> f64 {
    let odd = [f64::NAN, f64::INFINITY, f64::MAX, -1e-310, 0.0, -0.0];
    match random.random_range(0..20_usize) {
        place if place < odd.len() => odd[place],
        _ => random.random_range(-1e3..1e3),
    }
}

/// Everything that a registry holds, in a fixed order, with every NaN alike.
pub(super) fn shown(registry: &Registry) -> String {
    let study = |(id, study): (StudyId, &Study)| {
        let indices = (
            study.front().collect::<Vec<_>>(),
            study.waiting(),
            study.running(),
            study.finish_order(),
        );
        let asked = (study.spec(), study.state(), study.budget(), study.created());
        let kept = (asked, study.trials(), study.artifacts(), study.remarks());
        format!("{id:?}\n{indices:#?}\n{kept:#?}")
    };
    let studies: Vec<_> = registry.iter().map(study).collect();
    let externals: Vec<_> = registry.externals().map(external::shown).collect();
    let activities: Vec<_> = registry.activities().before(i64::MAX).collect();
    let next = (registry.next_id(), registry.next_trial_id(), activities);
    format!("next ids, and activities {next:#?}\n{}\n{}", studies.join("\n"), externals.join("\n"))
}

/// A study with a parameter of each kind, one of them conditional; with two objectives and two constraints, or with one.
fn spec(name: &str, confirms: bool, has_front: bool) -> StudySpec {
    let param =
        |name: &str, distribution| Param { name: name.to_owned(), distribution, when: vec![] };
    let choices = vec![Choice::Text("ädam \"w\"".into()), Choice::Bool(true), Choice::Float(0.1)];
    let mut width = param("width", Distribution::Int { low: 1, high: 1 << 20, step: 1, log: true });
    let when = kindling_study::Condition::any_of("kind", [Choice::Bool(true)]);
    width.when.push(when);
    let params = vec![
        param("kind", Distribution::Categorical { choices }),
        param("rate", Distribution::Float { low: 1e-9, high: 1.0, scale: FloatScale::Log }),
        param("layers", Distribution::Int { low: 1, high: 9, step: 1, log: false }),
        width,
    ];
    let by = if has_front { vec![] } else { vec!["kind".to_owned()] };
    let (directions, metrics) = if has_front {
        let names = |names: [&str; 2]| names.map(Box::from).into();
        let metrics = Metrics {
            names: names(["ä \"1\"", "loss"]),
            constraints: names(["gb", "watts"]),
            pruner_objective: 1,
        };
        let directions = [Direction::Maximize, Direction::Minimize];
        (Directions::new(directions).expect("two"), metrics)
    } else {
        let direction = if confirms { Direction::Maximize } else { Direction::Minimize };
        (direction.into(), Metrics::default())
    };
    StudySpec {
        name: StudyName::new(name).expect("a name"),
        directions,
        metrics,
        trials: 8,
        seed: 5,
        max_attempts: 2,
        max_failures_in_a_row: 4,
        keep_checkpoints: if confirms { 1 } else { 3 },
        sampler: SamplerSpec::Random {},
        pruner: PrunerSpec::None,
        space: SearchSpace::new(params).expect("a space"),
        objective: ObjectiveSpec { kind: "test".into(), settings: Settings::new() },
        confirm: confirms.then_some(ConfirmSpec { by, best: 2, seeds: 2, each: true }),
        notify: confirms.then(|| recipient(0)),
    }
}

/// Whom to tell: nobody, or one of some addresses.
fn recipient(nth: u8) -> Notify {
    let url = format!("https://user:ä@host/{nth}?q=\"");
    let recipient = Recipient::new(NotifyKind::Ntfy, &url, &Topic::ALL.map(|(_, topic)| topic));
    if nth == 1 { Notify::Nobody } else { Notify::Address(recipient.expect("an address")) }
}
