//! Compares with Optuna's own numbers, and checks general properties.

use std::collections::BTreeMap;

use kindling_proto::v1;
use kindling_proto::v1::parameter::Distribution;
use kindling_proto::v1::value::Kind;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::*;
use crate::analysis::table::Rows;
use crate::testing;

/// A study and the known results for its parameters; see `ask_optuna.py`.
#[derive(Debug, Serialize, Deserialize)]
struct Case {
    direction: String,
    space: Vec<Param>,
    trials: Vec<(f64, BTreeMap<String, Json>)>,
    #[serde(default)]
    importances: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Param {
    name: String,
    r#type: String,
    #[serde(default)]
    low: f64,
    #[serde(default)]
    high: f64,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    step: Option<f64>,
    #[serde(default)]
    choices: Vec<Json>,
}

impl Param {
    fn wire(&self) -> v1::Parameter {
        let (low, high, log) = (self.low, self.high, self.log);
        let distribution = match self.r#type.as_str() {
            "float" => {
                Distribution::Float(v1::FloatDistribution { low, high, log, step: self.step })
            }
            "int" => Distribution::Int(v1::IntDistribution {
                low: low as i64,
                high: high as i64,
                log,
                step: self.step.unwrap_or_default() as i64,
            }),
            _ => Distribution::Categorical(v1::CategoricalDistribution {
                choices: self.choices.iter().map(wire_value).collect(),
            }),
        };
        testing::param(&self.name, distribution)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Json {
        let Self { low, high, log, step, .. } = *self;
        let share: f64 = rng.random();
        let x = if log { low * (high / low).powf(share) } else { low + share * (high - low) };
        let step = step.or((self.r#type == "int").then_some(1.0));
        let x = step.map_or(x, |step| low + ((x - low) / step).round() * step);
        match self.r#type.as_str() {
            "float" => json!(x.clamp(low, high)),
            "int" => json!(x.clamp(low, high) as i64),
            _ => self.choices[rng.random_range(0..self.choices.len())].clone(),
        }
    }
}

fn wire_value(value: &Json) -> v1::Value {
    testing::value(match value {
        Json::Bool(b) => Kind::Bool(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Kind::Float(n.as_f64().unwrap()), Kind::Int),
        other => Kind::Text(other.as_str().expect("a word").to_owned()),
    })
}

impl Case {
    fn table(&self) -> Table {
        let mut study = testing::study(self.space.iter().map(Param::wire).collect(), None);
        if self.direction == "minimize" {
            study.spec.as_mut().unwrap().directions = vec![v1::Direction::Minimize.into()];
        }
        let trials = self.trials.iter().enumerate().map(|(number, (value, params))| {
            let params: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), wire_value(v))).collect();
            testing::trial(number as u32, *value, &params)
        });
        Table::new(&study, &Rows::of(&study, &trials.collect::<Vec<_>>()), 0)
    }

    fn check(&self) {
        let found = Importance::new(&self.table()).expect("enough trials");
        assert_eq!(found.params.len(), self.importances.len());
        for Share { name, importance, .. } in &found.params {
            let known = self.importances[name];
            assert!((importance - known).abs() < 1e-9, "{name}: {importance}, not {known}");
        }
    }
}

#[test]
fn importances_are_those_that_optuna_gave() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).expect("cases");
    cases.iter().for_each(Case::check);
}

#[test]
fn importances_are_those_that_optuna_gives() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let cases: Vec<_> = (0..60).map(|_| random_case(&mut rng)).collect();
    let script = "analysis/importance/ask_optuna.py";
    let Some(answers) = crate::peer::ask::<Vec<Case>>(script, &cases) else { return };
    assert_eq!(answers.len(), cases.len());
    answers.iter().for_each(Case::check);
}

/// Parameters of all kinds, some of them conditional, and 20 to 400 trials that favour some values.
fn random_case(rng: &mut ChaCha8Rng) -> Case {
    let number = |name: &str, r#type: &str, low, high, log, step| Param {
        name: name.to_owned(),
        r#type: r#type.to_owned(),
        low,
        high,
        log,
        step,
        choices: vec![],
    };
    let words = |name: &str, choices: &[Json]| Param {
        choices: choices.to_vec(),
        ..number(name, "categorical", 0.0, 0.0, false, None)
    };
    let top = 2.0_f64.powi(rng.random_range(1..40));
    let mut space = vec![
        number("float", "float", -3.0, 5.0, false, None),
        number("log", "float", 1e-5, 1e-1, true, None),
        number("step", "float", 0.0, 30.0, false, Some(0.5)),
        number("few steps", "float", 0.0, 0.9, false, Some(0.3)),
        number("int", "int", -9.0, 100_000.0, false, None),
        number("few ints", "int", 3.0, 7.0, false, Some(2.0)),
        number("log int", "int", 1.0, top, true, None),
        number("single", "int", 4.0, 4.0, false, None),
        words("words", &[json!("a"), json!("b"), json!("c"), json!(3), json!(0.5)]),
        words("truth", &[json!(true), json!(false)]),
    ];
    space.retain(|_| rng.random_bool(0.7));
    space.push(words("parent", &[json!("x"), json!("y"), json!("z")]));
    space.push(number("child", "float", 0.25, 4.0, true, None));
    let favour: f64 = rng.random_range(0.0..3.0);
    let trial = |rng: &mut ChaCha8Rng| {
        let mut params: BTreeMap<_, _> =
            space.iter().map(|param| (param.name.clone(), param.draw(rng))).collect();
        if params["parent"] != "y" {
            params.remove("child");
        }
        let child = params.get("child").map_or(0.0, |x| x.as_f64().unwrap().ln());
        let words = f64::from(u8::from(params.get("words") == Some(&json!("a"))));
        let value: f64 = rng.random_range(0.0..1.0) + favour * (words - child.powi(2));
        // Rounding makes ties at the threshold.
        (if favour < 1.0 { (value * 10.0).round() } else { value }, params)
    };
    let count = rng.random_range(20..400);
    let trials = (0..count).map(|_| trial(rng)).collect();
    let direction = if rng.random_bool(0.5) { "maximize" } else { "minimize" }.to_owned();
    Case { direction, space, trials, importances: BTreeMap::new() }
}

/// Two parameters with four choices each, drawn uniformly, and a value.
fn two_choices(seed: u64, count: u32, value: impl Fn(u32, u32, f64) -> f64) -> Table {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let names = ["a", "b", "c", "d"];
    let trials = (0..count).map(|number| {
        let (x, y) = (rng.random_range(0..4), rng.random_range(0..4));
        let params = [("x", testing::text(names[x])), ("y", testing::text(names[y]))];
        testing::trial(number, value(x as u32, y as u32, rng.random()), &params)
    });
    let space = vec![testing::words("x", &names), testing::words("y", &names)];
    let study = testing::study(space, None);
    Table::new(&study, &Rows::of(&study, &trials.collect::<Vec<_>>()), 0)
}

/// The strength before it is limited to 0 or more, in units of the sum of single importances.
fn strength(table: &Table) -> f64 {
    let columns = columns(table);
    let total: f64 = columns.iter().map(|c| score(c.axis.as_ref(), &c.entries)).sum();
    interaction::score(&columns[0], &columns[1]).expect("enough trials") / total
}

#[test]
fn what_only_both_decide_is_an_interaction() {
    let both = two_choices(1, 1000, |x, y, noise| noise + f64::from(u8::from(x == y)));
    assert!(strength(&both) > 5.0, "{}", strength(&both));
    let each = two_choices(1, 1000, |x, y, noise| noise + f64::from(x + y));
    let one = two_choices(1, 1000, |x, _, noise| noise + f64::from(x));
    assert!(strength(&one).abs() < 0.05, "{}", strength(&one));
    assert!(strength(&each) < strength(&both) / 5.0, "{}", strength(&each));
}

#[test]
fn chance_alone_is_no_interaction() {
    // 20 best trials in 16 cells: without the correction, the surplus would be a divergence of 0.4.
    let scores = (0..200).map(|seed| {
        let columns = columns(&two_choices(seed, 200, |_, _, noise| noise));
        interaction::score(&columns[0], &columns[1]).expect("enough trials")
    });
    let scores: Vec<_> = scores.collect();
    let mean = crate::stats::mean(&scores).unwrap();
    assert!(mean.abs() < 0.03, "{mean}");
}

#[test]
fn nothing_is_said_of_few_or_equal_trials() {
    assert!(Importance::new(&two_choices(1, 19, |x, _, _| f64::from(x))).is_none());
    assert!(Importance::new(&two_choices(1, 99, |_, _, _| 0.5)).is_none());
}

/// The share of x, and its interval, in studies of which each has other trials.
fn shares_of_x(trials: u32, value: fn(u32, u32, f64) -> f64) -> Vec<(f64, [f64; 2])> {
    let found = (0..100).map(|seed| {
        let found = Importance::new(&two_choices(seed, trials, value)).expect("enough trials");
        let x = found.params.iter().find(|share| share.name == "x").expect("x");
        (x.importance, [x.low.expect("enough trials"), x.high.expect("enough trials")])
    });
    found.collect()
}

#[test]
fn intervals_hold_what_other_trials_give_and_shrink_with_more_of_them() {
    // Both matter, x more.
    let value = |x: u32, y: u32, noise: f64| 3.0 * noise + f64::from(x) + 0.4 * f64::from(y);
    let mut widths = Vec::new();
    for trials in [100, 400] {
        let shares = shares_of_x(trials, value);
        let mean = crate::stats::mean(&shares.iter().map(|(share, _)| *share).collect::<Vec<_>>());
        let mean = mean.expect("shares");
        let holding = shares.iter().filter(|(_, [low, high])| (*low..=*high).contains(&mean));
        let holding = holding.count();
        assert!((85..=100).contains(&holding), "{trials} trials: {holding} of 100 hold {mean}");
        assert!(shares.iter().all(|(share, [low, high])| low <= share && share <= high));
        widths.push(shares.iter().map(|(_, [low, high])| high - low).sum::<f64>() / 100.0);
    }
    assert!(widths[1] < 0.8 * widths[0], "{widths:?}");
}

#[test]
fn few_trials_have_no_interval() {
    let found = Importance::new(&two_choices(1, 49, |x, _, noise| f64::from(x) + noise));
    assert!(found.expect("enough trials").params.iter().all(|share| share.low.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn importances_sum_to_one_and_fall(seed: u64) {
        let case = random_case(&mut ChaCha8Rng::seed_from_u64(seed));
        if let Some(found) = Importance::new(&case.table()) {
            let shares: Vec<_> = found.params.iter().map(|share| share.importance).collect();
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(shares.is_sorted_by(|a, b| a >= b) && shares.iter().all(|x| *x >= 0.0));
            let strengths = found.interactions.iter().map(|i| i.strength);
            prop_assert!(strengths.clone().is_sorted_by(|a, b| a >= b));
            prop_assert!(strengths.clone().all(|x| x >= 0.0 && x.is_finite()));
        }
    }
}
