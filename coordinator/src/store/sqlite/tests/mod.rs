//! Tests of the store alone. The fixture plays the ledger: a registry decides, applies and commits.

mod activity;
mod backing_up;
mod conforming;
mod damage;
mod damaged_files;
mod failing;
mod foreign;
mod histories;
mod kept;
mod logs;
mod objectives;
mod opening;
mod optuna;
mod power_loss;
mod reading;
mod remarks;
mod round_trip;
mod taken_away;

use std::path::PathBuf;

use kindling_study::{
    Act, Attempt, Attributes, Blob, Choice, Claim, Condition, Creation, Deed, Direction,
    Distribution, Event, FloatScale, Json, Mark, Metrics, Nested, ObjectiveSpec, Param, ParamValue,
    Params, Proposal, Record, Registry, SearchSpace, Settings, Study, StudyId, StudyName,
    StudySpec, Tick, TrialId, TrialNumber, Wall, WorkerId, sampler::SamplerSpec,
};
use tempfile::TempDir;

use super::super::conformance::shown;
use super::*;

const UNTIL: Tick = Tick(Duration::from_mins(1));
const SHORT: Duration = Duration::from_millis(50);

fn act(deed: Deed) -> Act {
    let (who, from, details) = ("ä".into(), "10.0.0.7 (client)".into(), "x".into());
    Act { who, from, deed, trial: Some(TrialNumber(0)), details }
}

/// A store, the registry that it should hold, and what was decided but not committed.
struct Ledger {
    dir: TempDir,
    store: SqliteStore,
    registry: Registry,
    committed: Registry,
    queue: Vec<Record>,
    clock: i64,
}

impl Ledger {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let store =
            SqliteStore::open_with(&dir.path().join("study.db"), SHORT).expect("a new store");
        let registry = Registry::default();
        let committed = registry.clone();
        Self { dir, store, registry, committed, queue: Vec::new(), clock: 1_700_000_000_123_456 }
    }

    /// A ledger with a study.
    fn with_study(spec: StudySpec) -> (Self, StudyId) {
        let mut ledger = Self::new();
        let id = ledger.create(spec).expect("a new name");
        ledger.commit();
        (ledger, id)
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("study.db")
    }

    fn study(&self, id: StudyId) -> &Study {
        self.registry.get(id).expect("a study")
    }

    /// Applies the events, at a new time, and queues them for the store.
    fn take(&mut self, study: StudyId, events: Vec<Event>) {
        self.clock += 1_000_003;
        for event in events {
            let record = self.registry.apply(study, Wall(self.clock), event, UNTIL);
            self.queue.push(record);
        }
    }

    fn try_commit(&mut self) -> Result<(), StoreError> {
        self.store.commit(&self.queue)?;
        self.queue.clear();
        self.committed = self.registry.clone();
        Ok(())
    }

    fn commit(&mut self) {
        self.try_commit().expect("committed");
    }

    /// Opens the file again, as after a restart, and compares its content.
    fn reopen(self) -> Self {
        let path = self.path();
        let Self { dir, store, .. } = self;
        drop(store);
        let mut store = SqliteStore::open_with(&path, SHORT).expect("opened again");
        let loaded = store.load(UNTIL).expect("loaded");
        assert_eq!(shown(&loaded), shown(&self.committed));
        Self { dir, store, ..self }
    }

    fn create(&mut self, spec: StudySpec) -> Option<StudyId> {
        let Ok(Creation::New(id, event)) = self.registry.create(spec) else { return None };
        self.take(id, vec![event]);
        Some(id)
    }

    /// Notes that somebody did something.
    fn act(&mut self, id: StudyId, deed: Deed) {
        let event = self.registry.act(id, act(deed));
        self.take(id, vec![event]);
    }

    /// The same with a study that is gone.
    fn act_on_deleted(&mut self, name: &str) {
        let name = StudyName::new(name).expect("a name");
        let event = self.registry.act_on_deleted(name, act(Deed::Delete));
        self.take(StudyId(99), vec![event]);
    }

    /// A different mark for each lease.
    fn mark(&self) -> Mark {
        Mark::new(u128::from(self.clock.cast_unsigned()).to_be_bytes())
    }

    /// Leases a trial. Its parameters are drawn here, so that the test does not depend on a
    /// sampler.
    fn lease(&mut self, id: StudyId, worker: &str) -> Option<Claim> {
        self.lease_by(id, worker, 0)
    }

    fn lease_by(&mut self, id: StudyId, worker: &str, session: u64) -> Option<Claim> {
        let worker = WorkerId::new(worker).expect("a worker's id");
        let (mut events, number) = self.study(id).lease(&worker, session, self.mark())?;
        let fixed = self.study(id).get(number).map(|trial| trial.fixed.clone());
        let space = &self.study(id).spec().space;
        for event in &mut events {
            if let Event::Proposed { proposal: Proposal { params, .. }, .. } = event {
                *params = draw(space, fixed.as_ref(), u64::from(number.0) + 1);
            }
        }
        self.take(id, events);
        Some(self.claim(id, number))
    }

    /// Reports a value without the study's check.
    fn report_unchecked(
        &mut self,
        id: StudyId,
        claim: &Claim,
        (step, value): (u64, f64),
        prune: bool,
    ) {
        let number = claim.number;
        let newest = self.study(id).get(number).and_then(|trial| trial.curve.last());
        if newest.is_none_or(|(newest, _)| *newest < step) && i64::try_from(step).is_ok() {
            self.take(id, vec![Event::Reported { number, step, value, others: [].into(), prune }]);
        }
    }

    fn report(&mut self, id: StudyId, claim: &Claim, step: u64, value: f64) {
        if let Ok((events, _)) = self.study(id).report(claim, step, value, &[]) {
            self.take(id, events);
        }
    }

    fn save(&mut self, id: StudyId, claim: &Claim, step: u64, blob: Blob) {
        if let Ok((events, ())) = self.study(id).save_checkpoint(claim, step, blob) {
            self.take(id, events);
        }
    }

    /// Keeps an artifact of the claim's trial, or of the study.
    fn keep(&mut self, id: StudyId, claim: Option<&Claim>, name: &str, blob: Blob) {
        let events = match claim {
            Some(claim) => self.study(id).save_artifact(claim, name, "image/png", blob),
            None => Ok((self.study(id).save_study_artifact(name, "", blob), ())),
        };
        if let Ok((events, ())) = events {
            self.take(id, events);
        }
    }

    fn finish(
        &mut self,
        id: StudyId,
        claim: &Claim,
        result: kindling_study::TrialResult,
        said: Attributes,
    ) {
        if let Ok((events, ())) = self.study(id).finish(claim, result, &[], said) {
            self.take(id, events);
        }
    }

    fn release(&mut self, id: StudyId, claim: &Claim) {
        if let Ok((events, ())) = self.study(id).release(claim) {
            self.take(id, events);
        }
    }

    fn expire(&mut self, id: StudyId) {
        let events = self.study(id).expire(UNTIL);
        self.take(id, events);
    }

    fn enqueue(&mut self, id: StudyId, fixed: &[(String, Choice)], request: Option<String>) {
        if let Ok((events, _)) = self.study(id).enqueue(fixed, None, request) {
            self.take(id, events);
        }
    }

    /// A trial that goes on from another one's checkpoint.
    fn enqueue_from(&mut self, id: StudyId, from: TrialNumber) {
        if let Ok((events, _)) = self.study(id).enqueue(&[], Some(from), None) {
            self.take(id, events);
        }
    }

    /// The claim of the trial's newest lease.
    fn claim(&self, id: StudyId, number: TrialNumber) -> Claim {
        let trial = self.study(id).get(number).expect("a trial");
        let worker = trial.worker.clone().expect("leased");
        Claim { number, attempt: trial.attempt, worker, mark: trial.mark }
    }

    fn on_a_full_disk<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        self.store.conn.execute_batch("PRAGMA max_page_count = 1").expect("lowered");
        let result = act(self);
        self.store.conn.execute_batch("PRAGMA max_page_count = 1000000").expect("raised");
        result
    }

    fn text(&self, query: &str) -> String {
        self.store.conn.query_row(query, [], |row| row.get(0)).expect("a text")
    }

    /// The number of rows in each table, and the counters of `kindling_meta`.
    fn rows(&self) -> Vec<(String, i64)> {
        let conn = &self.store.conn;
        let mut tables =
            conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("sql");
        let names = tables.query_map([], |row| row.get::<_, String>(0)).expect("run");
        names
            .map(|name| {
                let name = name.expect("a name");
                let count = format!("SELECT count(*) FROM {name}");
                let rows = conn.query_row(&count, [], |row| row.get(0)).expect("counted");
                (name, rows)
            })
            .collect()
    }
}

/// A JSON object's entries as attributes.
fn attributes(object: &serde_json::Value) -> Attributes {
    let said = object.as_object().expect("an object").iter();
    let json = |value: &serde_json::Value| Json::parse(&value.to_string()).expect("JSON");
    said.map(|(name, value)| (name.clone(), json(value))).collect()
}

/// Some bytes. Their place is no other's.
fn blob(place: u64, content: u8) -> Blob {
    let key = format!("0123abcd/{place:032x}");
    Blob { key: key.into(), size: i64::MAX as u64, sha256: [content; 32] }
}

fn spec(name: &str) -> StudySpec {
    StudySpec {
        name: StudyName::new(name).expect("a name"),
        directions: if name.len().is_multiple_of(2) {
            Direction::Minimize
        } else {
            Direction::Maximize
        }
        .into(),
        metrics: Metrics::default(),
        trials: 12,
        seed: i64::MAX as u64 - 3,
        max_attempts: 2,
        max_failures_in_a_row: 5,
        keep_checkpoints: 2,
        sampler: SamplerSpec::Random {},
        pruner: serde_json::from_str(r#"{"kind": "median", "startup_trials": 1}"#).expect("valid"),
        space: space(),
        objective: ObjectiveSpec { kind: "test".into(), settings: Settings::new() },
        confirm: None,
        notify: None,
    }
}

/// A parameter of each kind, and two conditional ones.
fn space() -> SearchSpace {
    let float = |low, high, scale| Distribution::Float { low, high, scale };
    let int = |low, high, step, log| Distribution::Int { low, high, step, log };
    let choices = vec![
        Choice::Text("ädam \"w\"".into()),
        Choice::Bool(true),
        Choice::Int(1),
        Choice::Float(1.0),
        Choice::Float(0.1),
    ];
    let list = Nested::parse(r#"[64, 64.0, null, {"ä": "\""}]"#).expect("a list");
    let shapes = vec![Choice::None, Choice::Nested(list), Choice::Text("None".into())];
    let deep = Condition::between("layers", Some(4.0), None);
    let when = |any_of: Vec<Choice>| vec![Condition::any_of("kind", any_of)];
    let param = |name: &str, distribution, when| Param { name: name.into(), distribution, when };
    let params = vec![
        param("kind", Distribution::Categorical { choices }, vec![]),
        param("lr", float(1e-300, 1e300, FloatScale::Log), vec![]),
        param("momentum", float(-0.5, 0.5, FloatScale::Linear), when(vec![Choice::Bool(true)])),
        param("dropout", float(0.1, 0.75, FloatScale::Step(0.1)), vec![]),
        param("layers", int(-3, 40, 7, false), vec![]),
        param("width", int(1, 1 << 20, 1, true), when(vec![Choice::Int(1), Choice::Float(0.1)])),
        param("huge", int(1 << 53, i64::MAX, 1, false), vec![]),
        param("shape", Distribution::Categorical { choices: shapes }, vec![deep]),
    ];
    SearchSpace::new(params).expect("a space")
}

/// A random point of the search space.
fn draw(space: &SearchSpace, fixed: Option<&Params>, seed: u64) -> Params {
    let mut values: Params = vec![None; space.params().len()].into();
    let mut random = seed;
    for place in 0..values.len() {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if space.is_active(place, &values) {
            let drawn = draw_one(&space.params()[place].distribution, random >> 11);
            values[place] = fixed.and_then(|fixed| fixed[place]).or(Some(drawn));
        }
    }
    assert!(space.contains(&values), "{values:?}");
    values
}

/// `random` has 53 bits.
fn draw_one(distribution: &Distribution, random: u64) -> ParamValue {
    let unit = random as f64 / (1_u64 << 53) as f64;
    match distribution {
        Distribution::Float { low, high, scale: FloatScale::Log } => {
            let log = low.ln() + unit * (high.ln() - low.ln());
            ParamValue::Float(log.exp().clamp(*low, *high))
        }
        Distribution::Float { low, high, scale: FloatScale::Linear } => {
            ParamValue::Float(low + unit * (high - low))
        }
        Distribution::Float { low, high, scale: FloatScale::Step(step) } => {
            ParamValue::Float(low + (unit * (high - low) / step).floor() * step)
        }
        Distribution::Int { low, high, step, .. } => {
            // Odd values too, even where a float can hold only even ones.
            let half_way = (unit * ((high - low) / step / 2) as f64) as i64;
            ParamValue::Int(low + step * (half_way + (random % 2).cast_signed()))
        }
        Distribution::Categorical { choices } => {
            ParamValue::Choice(random as usize % choices.len())
        }
    }
}
