//! Every space that there can be is the same again after the wire and after a store.

use kindling_study::{
    Choice, Condition, Distribution, FloatScale, Nested, Param, ParamValue, SearchSpace, StudySpec,
};
use proptest::prelude::*;

use super::{spec, spec_to_wire};
use crate::store::stored_spec;

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        numbers().prop_map(Json::from),
        ".{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(".{0,2}", inner, 0..3)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(-1e300), Just(5e-324), -9.0..9.0]
}

fn choices() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::None),
        any::<bool>().prop_map(Choice::Bool),
        (-2_i64..3).prop_map(Choice::Int),
        numbers().prop_map(Choice::Float),
        "(1|null|true|None|.{0,3})".prop_map(Choice::Text),
        json().prop_filter_map("a list or table", |json| {
            Nested::parse(&json.to_string()).ok().map(Choice::Nested)
        }),
    ]
}

fn distributions() -> impl Strategy<Value = Distribution> {
    let floats = (-9.0..9.0, 0.1..9.0, any::<bool>()).prop_map(|(low, width, stepped)| {
        let scale = if stepped { FloatScale::Step(0.1) } else { FloatScale::Linear };
        Distribution::Float { low, high: low + width, scale }
    });
    let ints = (-9_i64..9, 0_i64..1000, 1_i64..4).prop_map(|(low, width, step)| {
        Distribution::Int { low, high: low + width, step, log: false }
    });
    let choices = prop::collection::vec(choices(), 1..8).prop_map(|mut choices: Vec<Choice>| {
        for place in (1..choices.len()).rev() {
            if choices[..place].contains(&choices[place]) {
                choices.remove(place);
            }
        }
        Distribution::Categorical { choices }
    });
    prop_oneof![floats, ints, choices]
}

/// A condition on a parameter with this distribution.
fn condition(parent: &Param, pick: usize, share: f64) -> Condition {
    let name = parent.name.as_str();
    match &parent.distribution {
        Distribution::Categorical { choices } => {
            let some = choices.iter().enumerate().filter(|(place, _)| (pick >> place) & 1 == 1);
            let some: Vec<_> = some.map(|(_, choice)| choice.clone()).collect();
            Condition::any_of(name, if some.is_empty() { vec![choices[0].clone()] } else { some })
        }
        Distribution::Int { low, high, step, .. } if pick.is_multiple_of(2) => Condition::any_of(
            name,
            [Choice::Int(*low), Choice::Int(low + (high - low) / step * step)],
        ),
        Distribution::Int { low, high, .. } => Condition::between(
            name,
            Some(*low as f64),
            Some(*low as f64 + share * (high - low) as f64),
        ),
        Distribution::Float { low, .. } if pick.is_multiple_of(2) => {
            Condition::between(name, None, Some(low + share))
        }
        Distribution::Float { low, high, .. } => Condition::between(name, Some(*low), Some(*high)),
    }
}

fn spaces() -> impl Strategy<Value = SearchSpace> {
    let conditions =
        prop::collection::vec((any::<prop::sample::Index>(), 0_usize..256, 0.0..1.0), 0..3);
    prop::collection::vec((distributions(), conditions), 1..6).prop_map(|drawn| {
        let mut params: Vec<Param> = Vec::new();
        for (distribution, conditions) in drawn {
            let parents = conditions.iter().filter(|_| !params.is_empty());
            let when = parents.map(|(at, pick, share)| condition(at.get(&params), *pick, *share));
            let when = when.collect();
            params.push(Param { name: format!("p{}", params.len()), distribution, when });
        }
        SearchSpace::new(params).expect("valid")
    })
}

fn study(space: SearchSpace) -> StudySpec {
    const FILE: &str = "name = \"s\"\ndirection = \"maximize\"\ntrials = 1\nobjective = { kind = \"k\" }\n\
        [space.x]\ntype = \"int\"\nlow = 0\nhigh = 1\n";
    StudySpec { space, ..crate::config::parse(FILE).expect("valid") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_space_survives_the_wire_and_a_store(space in spaces()) {
        let study = study(space);
        prop_assert_eq!(&spec(spec_to_wire(&study)).expect("valid"), &study);
        let text = stored_spec::to_text(&study).expect("it can be stored");
        prop_assert_eq!(&stored_spec::from_text(&text).expect("readable"), &study);
    }

    /// Whichever choice is meant is the one that is told, also among such that are equal elsewhere.
    #[test]
    fn a_value_is_the_same_choice_again(space in spaces()) {
        for param in space.params() {
            let Distribution::Categorical { choices } = &param.distribution else { continue };
            for (place, choice) in choices.iter().enumerate() {
                let shown = param.distribution.show(ParamValue::Choice(place));
                prop_assert_eq!(&shown, choice);
                prop_assert_eq!(param.distribution.parse(&shown), Some(ParamValue::Choice(place)));
                let json = serde_json::to_string(&shown).expect("JSON");
                let read: Choice = serde_json::from_str(&json).expect("a choice");
                prop_assert_eq!(param.distribution.parse(&read), Some(ParamValue::Choice(place)), "{}", json);
            }
        }
    }
}
