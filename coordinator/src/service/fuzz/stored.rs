//! Well-formed calls with odd content. If one is accepted, its content is there after a restart.

use super::handlers::{shown_after_a_restart, world};
use super::messages::odd_json;
use super::*;
use crate::proofs::{Random, is_long, proofs};

/// A new world is made after this many calls.
const CALLS_OF_A_WORLD: usize = 60;

const NUMBERS: [f64; 9] =
    [0.0, -0.0, 0.1, 5e-324, -1.5e-310, f64::MAX, f64::MIN, 9_007_199_254_740_993.0, f64::NAN];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_is_there_after_a_restart() {
    let mut random = Random::new(4);
    let calls = proofs(600, 20_000);
    let (mut routes, mut folder) = world().await;
    let mut state = shown(routes.clone()).await;
    let (mut taken, mut refused) = ([0; 6], [0; 6]);
    for number in 0..calls {
        if number % CALLS_OF_A_WORLD == 0 {
            (routes, folder) = world().await;
            state = shown(routes.clone()).await;
        }
        let kind = random.within(0..6);
        let answer = make(kind, number, routes.clone(), &mut random).await;
        let now = shown(routes.clone()).await;
        let count = if answer.is_ok() { &mut taken } else { &mut refused };
        count[kind] += 1;
        if now != state {
            let again = shown_after_a_restart(folder.path()).await;
            assert!(again == now, "call {number} of kind {kind}: a restart shows something else");
        }
        state = now;
    }
    drop(folder);
    assert!(taken.iter().all(|count| *count > calls / 60), "{taken:?} taken, {refused:?} refused");
    if is_long() {
        eprintln!("stored: {taken:?} calls taken, all there after a restart; {refused:?} refused");
    }
}

/// Makes a call of one of six kinds.
async fn make<A: Api + 'static>(
    kind: usize,
    number: usize,
    api: A,
    random: &mut Random,
) -> Result<(), Status> {
    let mut workers = WorkerServiceClient::new(api.clone());
    match kind {
        0 => {
            let spec = Some(spec(number, random));
            let create = v1::CreateStudyRequest { spec };
            StudyServiceClient::new(api).create_study(create).await.map(drop)
        }
        1 => {
            let enqueue = v1::EnqueueTrialRequest {
                study: "s".to_owned(),
                params: vec![named("x", Kind::Float(*random.pick(&NUMBERS)))],
                request_id: random.pick::<&str>(&["", "r\0", "\u{202E}'\"; --"]).to_string(),
                warm_start: None,
            };
            TrialServiceClient::new(api).enqueue_trial(enqueue).await.map(drop)
        }
        2 => {
            let retry =
                v1::RetryTrialRequest { study: "s".to_owned(), number: 1, ..Default::default() };
            TrialServiceClient::new(api).retry_trial(retry).await.map(drop)
        }
        5 => {
            let (study, note) = ("s".to_owned(), Some(text(random)));
            let tags = Some(v1::Tags { tags: vec![text(random), "b".to_owned()] });
            let tags = tags.filter(|_| random.one_in(2));
            let number = random.within(0..4) as u32;
            let annotate =
                v1::AnnotateTrialRequest { study, number, note, note_version: None, tags };
            TrialServiceClient::new(api).annotate_trial(annotate).await.map(drop)
        }
        _ => {
            // The worker gets the trials that it already holds.
            let lease = v1::LeaseRequest {
                worker_id: "w".to_owned(),
                slots: 2,
                objectives: vec!["test".to_owned()],
                ..Default::default()
            };
            let leased = workers.lease(lease).await?.into_inner().assignments;
            let claim = leased.into_iter().next().and_then(|assignment| assignment.claim);
            if kind == 3 {
                let step = *random.pick(&[0, 1, 7, 1 << 53, i64::MAX as u64, u64::MAX]);
                let value = *random.pick(&NUMBERS);
                let other = v1::ObjectiveValue {
                    objective: *random.pick(&[0, 1, 1, 2, u32::MAX]),
                    value: *random.pick(&NUMBERS),
                };
                let others = vec![other; random.within(0..3)];
                let report = v1::ReportRequest { claim, step, value, others };
                return workers.report(report).await.map(drop);
            }
            let result = Some(match random.within(0..3) {
                0 => End::Pruned(v1::Pruned {}),
                1 => End::Failed(v1::Failed { reason: text(random) }),
                _ => End::Completed(v1::Completed { values: numbers(random) }),
            });
            let constraints = numbers(random);
            let attribute = |_| (text(random), odd_json(random));
            let attributes_json = (0..4).map(attribute).collect();
            let finish = v1::FinishRequest { claim, result, attributes_json, constraints };
            workers.finish(finish).await.map(drop)
        }
    }
}

/// The usual study with some odd parts.
fn spec(number: usize, random: &mut Random) -> v1::StudySpec {
    let mut spec = crate::convert::spec_to_wire(&crate::config::parse(STUDY).expect("valid"));
    spec.name = format!("{number}{}", text(random));
    let objective = spec.objective.as_mut().expect("it has one");
    objective.settings_json = odd_json(random);
    let odd = text(random);
    if random.one_in(2) {
        spec.directions = vec![*random.pick(&[1, 2]); random.within(1..4)];
        // Most texts are no names.
        let is_odd = random.one_in(4);
        let name = |place| if place == 0 && is_odd { odd.clone() } else { format!("m {place}é") };
        spec.metric_names = (0..spec.directions.len()).map(name).collect();
        let constraint = if random.one_in(4) { text(random) } else { "c/1".to_owned() };
        spec.constraints = vec![constraint; random.within(0..2)];
        spec.confirm = None;
    }
    if random.one_in(3) {
        objective.kind.clone_from(&odd);
    }
    let choice = match random.within(0..6) {
        0 => Kind::Float(*random.pick(&NUMBERS)),
        1 => Kind::Int(random.number().cast_signed()),
        2 => Kind::Bool(true),
        3 => Kind::None(0),
        4 => Kind::Json(odd_json(random)),
        _ => Kind::Text(odd.clone()),
    };
    let choices = vec![named("", choice).value.expect("a value")];
    let choices = v1::parameter::Distribution::Categorical(v1::CategoricalDistribution { choices });
    spec.space.push(v1::Parameter { name: odd, distribution: Some(choices), when: vec![] });
    // A condition on a number that some of the ranges have.
    let (at_least, at_most) = (random.pick(&NUMBERS), random.pick(&NUMBERS));
    let mut on_a_number = v1::Condition { parent: "x".to_owned(), ..Default::default() };
    on_a_number.at_least = Some(*at_least).filter(|_| random.one_in(2));
    on_a_number.at_most = Some(*at_most).filter(|_| random.one_in(2));
    let when = if random.one_in(3) { vec![on_a_number] } else { vec![] };
    let step = random.pick(&[0.1, 0.3, 1e-7, 0.007]);
    let (low, high) = (*random.pick(&[0.1, -0.7, 1e-3, 0.0]), *random.pick(&[1.0, 0.3, 123.456]));
    let grid = v1::FloatDistribution { low, high, log: false, step: Some(*step) };
    let distribution = Some(v1::parameter::Distribution::Float(grid));
    spec.space.push(v1::Parameter { name: "grid".to_owned(), distribution, when });
    spec
}

/// None, one or two.
fn numbers(random: &mut Random) -> Vec<f64> {
    (0..random.within(0..3)).map(|_| *random.pick(&NUMBERS)).collect()
}

fn named(name: &str, kind: Kind) -> v1::NamedValue {
    v1::NamedValue { name: name.to_owned(), value: Some(v1::Value { kind: Some(kind) }) }
}

fn text(random: &mut Random) -> String {
    const TEXTS: [&str; 9] = [
        "a",
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
        "__proto__",
        "\0",
        "\u{FEFF}\u{202E}\u{1F525}",
        "'; DROP TABLE trials; --",
        "left_out",
        "1e999",
    ];
    (*random.pick(&TEXTS)).to_owned()
}
