//! Every configuration has exactly one number.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::space::arbitrary::spaces_of;
use crate::space::{Choice, Condition, FloatScale, Param};

fn int(name: &str, values: i64, when: Vec<Condition>) -> Param {
    let distribution = Distribution::Int { low: 1, high: values, step: 1, log: false };
    Param { name: name.into(), distribution, when }
}

fn categorical(name: &str, choices: i64, when: Vec<Condition>) -> Param {
    let choices = (0..choices).map(Choice::Int).collect();
    Param { name: name.into(), distribution: Distribution::Categorical { choices }, when }
}

fn continuous(name: &str, when: Vec<Condition>) -> Param {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
    Param { name: name.into(), distribution, when }
}

fn when(parent: &str, choice: i64) -> Condition {
    Condition::any_of(parent, [Choice::Int(choice)])
}

fn space(params: Vec<Param>) -> SearchSpace {
    SearchSpace::new(params).expect("valid")
}

fn all<'a>(space: &'a SearchSpace, fixed: &Params) -> Option<Configurations<'a>> {
    Configurations::new(space, fixed, Values::All)
}

fn count(params: Vec<Param>) -> Option<u128> {
    let space = space(params);
    all(&space, &space.nothing()).map(|configurations| configurations.count())
}

/// All kinds of distributions with few values.
fn discrete() -> impl Strategy<Value = Distribution> {
    let float = |low, high, scale| Distribution::Float { low, high, scale };
    prop_oneof![
        (0_i64..3).prop_map(|n| Distribution::Int { low: -1, high: 5 * n, step: 5, log: false }),
        (1_i64..4).prop_map(|high| Distribution::Int { low: 1, high, step: 1, log: true }),
        (0.0..0.39).prop_map(move |high| float(0.0, high, FloatScale::Step(0.1))),
        Just(float(0.5, 0.5, FloatScale::Log)),
        (1_i64..4)
            .prop_map(|n| Distribution::Categorical { choices: (0..n).map(Choice::Int).collect() }),
        (2_i64..4)
            .prop_map(|n| Distribution::Categorical { choices: (0..n).map(Choice::Int).collect() }),
    ]
}

/// Every combination of values and absences that the space contains.
fn brute_force(space: &SearchSpace) -> Vec<Params> {
    let mut partial: Vec<Vec<Option<ParamValue>>> = vec![vec![]];
    for param in space.params() {
        let size = param.distribution.size().expect("discrete");
        let values = (0..size).map(|k| Some(param.distribution.nth(k))).chain([None]);
        let with = |value| partial.iter().map(move |start| [start.as_slice(), &[value]].concat());
        partial = values.flat_map(with).collect();
    }
    partial.into_iter().map(Params::from).filter(|params| space.contains(params)).collect()
}

fn keeps(params: &Params, fixed: &Params) -> bool {
    params.iter().zip(fixed).all(|(value, fixed)| fixed.is_none() || value == fixed)
}

proptest! {
    #[test]
    fn every_configuration_has_one_number(
        space in spaces_of(discrete()), one in any::<prop::sample::Index>(), mask: u8,
    ) {
        let expected = brute_force(&space);
        let mut fixed = one.get(&expected).clone();
        for place in (0..fixed.len()).filter(|place| mask >> place & 1 == 0) {
            fixed[place] = None;
        }
        for fixed in [space.nothing(), fixed] {
            let expected: Vec<_> = expected.iter().filter(|p| keeps(p, &fixed)).collect();
            let found = all(&space, &fixed).expect("discrete");
            prop_assert_eq!(found.count(), expected.len() as u128);
            let found: Vec<_> = (0..found.count()).map(|k| found.get(k)).collect();
            for params in expected {
                prop_assert_eq!(found.iter().filter(|p| *p == params).count(), 1, "{:?}", params);
            }
        }
    }

    #[test]
    fn the_next_untried_is_found_in_few_probes(
        space in spaces_of(discrete()), start: u128, tried: Vec<bool>,
    ) {
        let all = all(&space, &space.nothing()).expect("discrete");
        let number = |k: u128| k as usize;
        let is_tried = |k: u128| tried.get(number(k)).copied().unwrap_or(false);
        let order = (0..all.count()).map(|i| (start % all.count() + i) % all.count());
        let expected = order.into_iter().find(|k| !is_tried(*k));

        let tried: Vec<_> = (0..all.count()).filter(|k| is_tried(*k)).map(|k| all.get(k)).collect();
        let probes = Cell::new(0);
        let found = all.untried(start, |params| {
            probes.set(probes.get() + 1);
            tried.contains(params)
        });
        prop_assert_eq!(found, expected.map(|k| all.get(k)));
        prop_assert!(probes.get() <= tried.len() + 1);
    }
}

#[test]
fn without_conditions_the_number_has_the_values_as_digits() {
    let space = space((0..20).map(|i| categorical(&i.to_string(), 10, vec![])).collect());
    let all = all(&space, &space.nothing()).expect("discrete");
    assert_eq!(all.count(), 10_u128.pow(20));
    let digits = "98765432100123456789";
    let expected: Params = digits
        .chars()
        .map(|digit| Some(ParamValue::Choice(digit.to_digit(10).expect("digit") as usize)))
        .collect();
    assert_eq!(all.get(digits.parse().expect("number")), expected);
    assert_eq!(all.untried(10_u128.pow(20) - 1, |p| p[19] == Some(ParamValue::Choice(9))), {
        Some(all.get(0))
    });
}

#[test]
fn families_count_by_themselves_however_the_parameters_stand() {
    // (9 + 5)^20, although all parents are listed before all children.
    let parents = (0..20).map(|i| categorical(&format!("p{i}"), 10, vec![]));
    let child = |i: i64| int(&format!("c{i}"), 5, vec![when(&format!("p{i}"), i % 10)]);
    assert_eq!(count(parents.chain((0..20).map(child)).collect()), Some(14_u128.pow(20)));
}

#[test]
fn shared_children_count_where_all_their_conditions_hold() {
    let params = vec![
        categorical("a", 2, vec![]),
        categorical("b", 3, vec![when("a", 1)]),
        categorical("c", 4, vec![]),
        int("x", 5, vec![when("a", 1), when("c", 0)]),
        int("y", 7, vec![when("b", 2), when("c", 0)]),
    ];
    // a = 0: c alone. a = 1: b × c, plus x where c = 0. There a third, with b = 2, also has y.
    assert_eq!(count(params), Some(4 + 3 * 3 + (2 + 7) * 5));
}

#[test]
fn a_stepped_study_of_initialisers_is_a_product_of_its_families() {
    let methods = |name| categorical(name, 7, vec![]);
    let params = vec![
        methods("conv"),
        methods("fc"),
        int("rate", 20, vec![]),
        int("conv_std", 16, vec![when("conv", 2)]),
        int("fc_std", 16, vec![when("fc", 2)]),
    ];
    assert_eq!(count(params), Some((6 + 16) * (6 + 16) * 20));
}

#[test]
fn a_continuous_parameter_counts_only_where_it_can_be_active() {
    let never = vec![when("a", 0), when("a", 1)];
    let params = vec![
        categorical("a", 3, vec![]),
        continuous("x", vec![when("a", 2)]),
        continuous("y", never),
    ];
    let space = space(params);
    let with_a = |choice: usize| {
        let fixed: Params = vec![Some(ParamValue::Choice(choice)), None, None].into();
        all(&space, &fixed).map(|configurations| configurations.count())
    };
    assert!(all(&space, &space.nothing()).is_none());
    assert_eq!([0, 1, 2].map(with_a), [Some(1), Some(1), None]);
    let fixed: Params = vec![None, Some(ParamValue::Float(0.5)), None].into();
    assert_eq!(all(&space, &fixed).map(|configurations| configurations.count()), Some(1));
}

#[test]
fn what_cannot_be_counted_is_given_up_at_once() {
    let wide = |n: usize| (0..n).map(|i| int(&i.to_string(), 1 << 62, vec![])).collect();
    assert_eq!(count(wide(2)), Some(1 << 124));
    assert_eq!(count(wide(3)), None);

    // 2^30 configurations and as many nodes.
    let mut entangled: Vec<_> = (0..30).map(|i| categorical(&i.to_string(), 2, vec![])).collect();
    for (a, b) in (0..30).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let both = vec![when(&a.to_string(), 1), when(&b.to_string(), 1)];
        entangled.push(int(&format!("{a}-{b}"), 1, both));
    }
    assert_eq!(count(entangled), None);
}
