use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{Direction, Directions, Refusal, StudyName, Tick, TrialId, TrialNumber, Wall};

const NOW: NaiveTime = NaiveTime(1_700_000_000_000_000);

/// A study, and the id that its next trial gets.
struct World(ExternalStudy, TrialId);

impl World {
    fn new() -> Self {
        let name = StudyName::of_external("s").expect("a name");
        Self(ExternalStudy::new(name, Direction::Minimize.into(), Wall(0)), TrialId(7))
    }

    fn take<R>(&mut self, decided: Decided<R>) -> R {
        let (events, reply) = decided.expect("taken");
        for event in &events {
            self.0.apply(event, self.1);
            if matches!(event, ExternalEvent::TrialAdded { .. }) {
                self.1 = self.1.next();
            }
        }
        reply
    }

    fn trial(&mut self) -> TrialNumber {
        let decided = self.0.add_trial(Box::new(ExternalTrial::running(NOW)));
        self.take(decided)
    }

    fn set_attribute(&mut self, key: &str, value: &str) {
        let value = PythonJson::parse(value).expect("JSON");
        let decided = self.0.set_attribute(Scope::User, key, value);
        self.take(decided);
    }

    fn expire(&mut self, seconds: u64) -> usize {
        let events = self.0.expire(at(seconds), NOW);
        let count = events.len();
        self.take(Ok((events, ())));
        count
    }
}

fn at(seconds: u64) -> Tick {
    Tick(Duration::from_secs(seconds))
}

fn float(low: f64, high: f64) -> ExternalDistribution {
    let attributes = format!(r#"{{"step": null, "low": {low:?}, "high": {high:?}, "log": false}}"#);
    let text = format!(r#"{{"name": "FloatDistribution", "attributes": {attributes}}}"#);
    ExternalDistribution::parse(&text).expect("a distribution")
}

fn choices(of: &str) -> ExternalDistribution {
    let text =
        format!(r#"{{"name": "CategoricalDistribution", "attributes": {{"choices": {of}}}}}"#);
    ExternalDistribution::parse(&text).expect("a distribution")
}

#[test]
fn a_waiting_trial_is_given_to_one_of_those_who_want_it() {
    let mut world = World::new();
    let waiting = ExternalTrial { state: TrialState::Waiting, ..ExternalTrial::running(NOW) };
    let decided = world.0.add_trial(Box::new(waiting));
    let number = world.take(decided);
    let mut run = || {
        let decided = world.0.set_state(number, TrialState::Running, None, NOW);
        world.take(decided)
    };
    assert_eq!([run(), run()], [true, false]);
}

#[test]
fn a_trial_that_is_over_never_changes() {
    let mut world = World::new();
    let number = world.trial();
    let values = Some([1.0].into());
    let decided = world.0.set_state(number, TrialState::Complete, values, NOW);
    assert!(world.take(decided));
    let study = &world.0;
    let value = PythonJson::parse("1").expect("JSON");
    let over = Err(Refusal::TrialIsOver(number));
    assert_eq!(study.set_state(number, TrialState::Fail, None, NOW).map(|_| ()), over);
    assert_eq!(study.set_intermediate(number, 0, 1.0).map(|_| ()), over);
    assert_eq!(study.set_param(number, "x", 0.0, float(0.0, 1.0)).map(|_| ()), over);
    let attribute = study.set_trial_attribute(number, Scope::User, "a", value);
    assert_eq!(attribute.map(|_| ()), over);
}

#[test]
fn the_best_is_the_first_of_the_best_and_counts_follow_states() {
    let mut world = World::new();
    for value in [2.0, 1.0, 1.0, 3.0] {
        let number = world.trial();
        let decided = world.0.set_state(number, TrialState::Complete, Some([value].into()), NOW);
        world.take(decided);
    }
    world.trial();
    assert_eq!(world.0.best(), Some(TrialNumber(1)));
    let counts = [TrialState::Complete, TrialState::Running].map(|s| world.0.counts().of(s));
    assert_eq!(counts, [4, 1]);
}

#[test]
fn of_several_objectives_the_feasible_front_is_best() {
    let directions = Directions::new([Direction::Minimize, Direction::Maximize]).expect("two");
    let name = StudyName::of_external("s").expect("a name");
    let mut world = World(ExternalStudy::new(name, directions, Wall(0)), TrialId(7));
    for (values, told) in [
        ([1.0, 1.0], "-1"),
        ([2.0, 2.0], "0"),
        ([0.0, 9.0], "0.5"),
        ([3.0, 2.0], "-1"),
        ([f64::NEG_INFINITY, 0.0], "-1"),
    ] {
        let number = world.trial();
        let told = PythonJson::parse(told).expect("JSON");
        let decided = world.0.set_trial_attribute(number, Scope::System, "constraints:gb", told);
        world.take(decided);
        let decided = world.0.set_state(number, TrialState::Complete, Some(values.into()), NOW);
        world.take(decided);
    }
    assert_eq!(world.0.front().map(|number| number.0).collect::<Vec<_>>(), [4, 0, 1]);
    assert_eq!(world.0.constraints().collect::<Vec<_>>(), ["gb"]);

    assert_eq!(world.0.metric_names(), None);
    for (text, names) in [
        (r#"["a", "b"]"#, Some(vec!["a".to_owned(), "b".to_owned()])),
        (r#"["a"]"#, None),
        (r#"["a", 1]"#, None),
        (&format!(r#"["a", "{}"]"#, "b".repeat(129)), None),
    ] {
        let value = PythonJson::parse(text).expect("JSON");
        let decided = world.0.set_attribute(Scope::System, "study:metric_names", value);
        world.take(decided);
        assert_eq!(world.0.metric_names(), names, "{text}");
    }
}

#[test]
fn what_is_kept_of_objectives_and_constraints_is_bounded() {
    let directions = Directions::new(vec![Direction::Minimize; 9]).expect("nine");
    let name = StudyName::of_external("s").expect("a name");
    let mut world = World(ExternalStudy::new(name, directions, Wall(0)), TrialId(7));
    for trial in 0..2 {
        let number = world.trial();
        for index in 0..60 {
            let key = format!("constraints:{trial} {index}");
            let told = PythonJson::parse("0").expect("JSON");
            let decided = world.0.set_trial_attribute(number, Scope::System, &key, told);
            world.take(decided);
        }
        let values = Some(vec![0.0; 9].into());
        let decided = world.0.set_state(number, TrialState::Complete, values, NOW);
        world.take(decided);
    }
    assert_eq!(world.0.constraints().count(), 64);
    assert_eq!(world.0.best(), None, "with so many, all would be");
}

#[test]
fn bounds_may_change_between_trials_and_kinds_may_not() {
    let mut world = World::new();
    let [first, second] = [world.trial(), world.trial()];
    let decided = world.0.set_param(first, "x", 0.5, float(0.0, 1.0));
    world.take(decided);
    let decided = world.0.set_param(second, "x", 5.0, float(-1.0, 9.0));
    world.take(decided);
    let refused = world.0.set_param(second, "x", 0.0, choices("[1, 2]"));
    assert!(matches!(refused, Err(Refusal::WrongParam { .. })), "{refused:?}");
    let space = world.0.space().search_space().expect("a space");
    let crate::Distribution::Float { low, high, .. } = space.params()[0].distribution else {
        panic!("{space:?}")
    };
    assert_eq!((low, high), (-1.0, 9.0), "all that its trials have shown");
}

#[test]
fn the_distributions_of_optuna_2_are_still_made_by_some_and_read() {
    use super::distribution::Kind;

    let read = |class: &str, attributes: &str| {
        let text =
            format!(r#"{{"name": "{class}", "attributes": {{"low": 1, "high": 9{attributes}}}}}"#);
        ExternalDistribution::parse(&text).expect(class)
    };
    let (low, high) = (1.0, 9.0);
    let uniform = read("UniformDistribution", "");
    assert_eq!(uniform.kind(), &Kind::Float { low, high, log: false, step: None });
    let log_uniform = read("LogUniformDistribution", "");
    assert_eq!(log_uniform.kind(), &Kind::Float { low, high, log: true, step: None });
    let discrete = read("DiscreteUniformDistribution", r#", "q": 2.0"#);
    assert_eq!(discrete.kind(), &Kind::Float { low, high, log: false, step: Some(2.0) });
    let (low, high) = (1, 9);
    let int = read("IntUniformDistribution", r#", "step": 4"#);
    assert_eq!(int.kind(), &Kind::Int { low, high, log: false, step: 4 });
    let log_int = read("IntLogUniformDistribution", r#", "step": 1"#);
    assert_eq!(log_int.kind(), &Kind::Int { low, high, log: true, step: 1 });
    // As Optuna has it: another class is another kind, though it says the same.
    let float = read("FloatDistribution", r#", "log": false, "step": null"#);
    assert!(uniform.allows(&uniform).is_ok() && uniform.allows(&float).is_err());
}

#[test]
fn choices_are_compared_as_python_does() {
    assert!(choices("[1, true, NaN, null]").allows(&choices("[1.0, 1, NaN, null]")).is_ok());
    assert!(choices("[1, 2]").allows(&choices("[2, 1]")).is_err());
    assert!(choices(r#"["1"]"#).allows(&choices("[1]")).is_err());
    let space = |of: &str| {
        let mut world = World::new();
        let number = world.trial();
        let decided = world.0.set_param(number, "c", 0.0, choices(of));
        world.take(decided);
        world.0.space().search_space().expect("a space").params()[0].distribution.to_string()
    };
    assert_eq!(space(r#"[null, "a", 1, [1.0, {"b": 2}]]"#), r#"null, a, 1, [1.0,{"b":2}]"#);
    // Of what is none of our choices, only the text is left, which may be that of another one.
    assert!(space(r#"[[NaN], "[NaN]"]"#).contains("choice 1"));
}

#[test]
fn a_lost_trial_fails_after_its_time_and_comes_again_so_often() {
    let mut world = World::new();
    let number = world.trial();
    world.0.leave(number, at(10));
    assert_eq!(world.expire(1_000_000), 0, "the study does not ask for it");
    world.set_attribute(LOST_AFTER, "60");
    world.set_attribute(RETRY_LOST, "1");
    assert_eq!(world.expire(69), 0);
    world.0.hear(number);
    assert_eq!(world.expire(1000), 0, "its client was heard again");
    world.0.leave(number, at(10));
    assert_eq!(world.expire(70), 2);
    assert_eq!(world.expire(1000), 0, "it is lost once");
    let again = world.0.trial(TrialNumber(1)).expect("there").clone();
    assert_eq!(again.state, TrialState::Waiting);
    let attribute = |name: &str| again.system_attributes[name].as_str().to_owned();
    assert_eq!([attribute("failed_trial"), attribute("retry_history")], ["0", "[0]"]);
    let decided = world.0.set_state(TrialNumber(1), TrialState::Running, None, NOW);
    assert!(world.take(decided));
    world.0.leave(TrialNumber(1), at(100));
    assert_eq!(world.expire(160), 1, "it fails, and it was repeated often enough");
    assert_eq!(world.0.counts().of(TrialState::Fail), 2);
    assert_eq!(world.0.next_number(), TrialNumber(2));
}

#[test]
fn a_finished_trial_is_not_lost() {
    let mut world = World::new();
    world.set_attribute(LOST_AFTER, "1");
    let number = world.trial();
    world.0.leave(number, at(0));
    let decided = world.0.set_state(number, TrialState::Complete, Some([1.0].into()), NOW);
    world.take(decided);
    world.0.leave(number, at(0));
    assert_eq!(world.expire(100), 0);
}

#[test]
fn json_is_what_python_reads() {
    for good in [
        "null",
        " [1, 2.5e-3, -0, NaN, -Infinity, Infinity] ",
        r#"{"a": {"b": []}, "": "\ud83d\ude00\ud800"}"#,
        "123456789012345678901234567890",
        "-0.0",
        "1E5",
        r#""é\\\/\b\f\n\r\t\u00e9""#,
    ] {
        assert!(PythonJson::parse(good).is_ok(), "{good}");
    }
    let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
    for bad in [
        "",
        "nan",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "[1,]",
        "[,]",
        "{1: 2}",
        "{\"a\" 1}",
        "'a'",
        "\"a",
        "\"\n\"",
        "1 2",
        "\"\\x\"",
        "\"\\u12\"",
        "tru",
        "[",
        "{",
        "\u{a0}1",
        &deep,
    ] {
        assert!(PythonJson::parse(bad).is_err(), "{bad:?}");
    }
    let emoji = PythonJson::parse(r#""\ud83d\ude00""#).expect("JSON").value();
    assert_eq!(emoji, PythonValue::Str("\u{1F600}".to_owned()));
}

proptest! {
    #[test]
    fn what_serde_reads_python_reads_as_the_same(text in "[\\[\\]{}\",:0-9.eE+\\-a\\\\u ntrfls]{0,24}") {
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
            let read = PythonJson::parse(&text);
            prop_assert!(read.is_ok(), "{}", text);
            if let (Some(number), PythonValue::Int(_) | PythonValue::Float(_)) =
                (value.as_f64(), read.expect("JSON").value())
            {
                let read = PythonJson::parse(&text).expect("JSON").value().number();
                prop_assert_eq!(read, Some(number));
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", json in "[\\[\\]{}\",:0-9.eE+\\-NaInfity\\\\u ]{0,40}") {
        _ = PythonJson::parse(&text);
        _ = PythonJson::parse(&json);
        _ = ExternalDistribution::parse(&json);
    }
}

mod advising {
    use super::*;
    use crate::sampler::SamplerSpec;

    /// A script with a conditional parameter and one whose bounds move.
    fn run(world: &mut World, advisor: &mut Advisor) -> (bool, f64) {
        let trials = world.0.trials().to_vec();
        let advice =
            advisor
                .advise(&SamplerSpec::Auto {}, &Direction::Minimize.into(), 5, &trials, |_| true);
        let number = world.trial();
        let advised =
            |name: &str| advice.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        let asked = |world: &mut World, name: &str, of: ExternalDistribution, otherwise: f64| {
            let value = advised(name).and_then(|shown| of.internal(&shown)).unwrap_or(otherwise);
            let decided = world.0.set_param(number, name, value, of);
            world.take(decided);
            value
        };
        let otherwise = f64::from(number.0 % 7) / 7.0;
        let kind = asked(world, "kind", choices(r#"[null, "deep"]"#), f64::from(number.0 % 2));
        let x = asked(world, "x", float(0.0, 1.0), otherwise);
        asked(world, "moving", float(0.0, 1.0 + f64::from(number.0)), 0.5);
        let mut loss = (x - 0.3).abs();
        if kind > 0.5 {
            loss += (asked(world, "depth", float(1.0, 9.0), 5.0) - 2.0).abs();
        } else {
            loss += 0.5;
        }
        let decided = world.0.set_state(number, TrialState::Complete, Some([loss].into()), NOW);
        world.take(decided);
        assert!(number.0 < 2 || advised("moving").is_none(), "its bounds change");
        (advised("x").is_some(), loss)
    }

    #[test]
    fn a_script_is_advised_over_what_it_has_shown_and_finds_the_best() {
        let (mut world, mut advisor) = (World::new(), Advisor::default());
        let outcomes: Vec<_> = (0..60).map(|_| run(&mut world, &mut advisor)).collect();
        assert!(!outcomes[0].0, "nothing is known yet");
        assert!(outcomes[2..].iter().all(|(was_advised, _)| *was_advised));
        let best = outcomes.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
        assert!(best < 0.05, "{best}");
        let again = Advisor::default().advise(
            &SamplerSpec::Auto {},
            &Direction::Minimize.into(),
            5,
            world.0.trials(),
            |_| true,
        );
        let grown = advisor.advise(
            &SamplerSpec::Auto {},
            &Direction::Minimize.into(),
            5,
            world.0.trials(),
            |_| true,
        );
        assert_eq!(grown, again, "what it learned bit by bit is what it learns at once");
        let names: Vec<_> = again.iter().map(|(name, _)| name.as_str()).collect();
        let is_deep = again[0].1 == PythonValue::Str("deep".to_owned());
        assert_eq!(names, if is_deep { vec!["kind", "depth", "x"] } else { vec!["kind", "x"] });
    }

    /// The usual loop: as many layers as the script wants, and the units of each.
    #[test]
    fn the_units_of_layers_are_advised_for_as_many_layers_as_there_are() {
        let int = |low: i64, high: i64| {
            let text = format!(
                r#"{{"name": "IntDistribution", "attributes": {{"log": false, "step": 1, "low": {low}, "high": {high}}}}}"#
            );
            ExternalDistribution::parse(&text).expect("a distribution")
        };
        let (mut world, mut advisor) = (World::new(), Advisor::default());
        let mut full = 0;
        for _ in 0..40 {
            let trials = world.0.trials().to_vec();
            let sampler = SamplerSpec::Auto {};
            let advice =
                advisor.advise(&sampler, &Direction::Minimize.into(), 5, &trials, |_| true);
            let number = world.trial();
            let mut asked = |name: &str, of: ExternalDistribution, otherwise: f64| {
                let advised = advice.iter().find(|(known, _)| known == name);
                let value = advised.and_then(|(_, shown)| of.internal(shown));
                let decided = world.0.set_param(number, name, value.unwrap_or(otherwise), of);
                world.take(decided);
                (value.is_some(), value.unwrap_or(otherwise))
            };
            let (_, layers) = asked("layers", int(1, 4), f64::from(1 + number.0 % 4));
            let units: Vec<_> =
                (0..layers as u32).map(|k| asked(&format!("units{k}"), int(1, 64), 3.0)).collect();
            full += usize::from(number.0 >= 8 && units.iter().all(|(advised, _)| *advised));
            let loss =
                (layers - 3.0).abs() + units.iter().map(|(_, u)| (u - 20.0).abs()).sum::<f64>();
            let decided = world.0.set_state(number, TrialState::Complete, Some([loss].into()), NOW);
            world.take(decided);
        }
        assert_eq!(full, 32, "each layer that there is, and its units");
    }

    /// A trial is feasible if x is above 0.6. As Optuna says it from version 5 on, or before it.
    fn constrained(advisor: &mut Advisor, world: &mut World, old: bool) -> f64 {
        let trials = world.0.trials().to_vec();
        let directions = Direction::Minimize.into();
        let advice = advisor.advise(&SamplerSpec::Auto {}, &directions, 5, &trials, |_| true);
        let number = world.trial();
        let of = float(0.0, 1.0);
        let advised = advice.iter().find_map(|(_, shown)| of.internal(shown));
        let x = advised.unwrap_or(f64::from(number.0 % 7) / 7.0);
        let decided = world.0.set_param(number, "x", x, of);
        world.take(decided);
        let (key, value) = if old {
            ("constraints", format!("[-1, {:?}]", 0.6 - x))
        } else {
            ("constraints:large", format!("{:?}", 0.6 - x))
        };
        let value = PythonJson::parse(&value).expect("JSON");
        let decided = world.0.set_trial_attribute(number, Scope::System, key, value);
        world.take(decided);
        let decided = world.0.set_state(number, TrialState::Complete, Some([x].into()), NOW);
        world.take(decided);
        x
    }

    #[test]
    fn constraints_that_trials_tell_of_are_kept() {
        for old in [false, true] {
            let (mut world, mut advisor) = (World::new(), Advisor::default());
            let all: Vec<_> = (0..60).map(|_| constrained(&mut advisor, &mut world, old)).collect();
            let feasible = all[30..].iter().filter(|x| (0.6..0.8).contains(*x)).count();
            assert!(feasible > 15, "{feasible} of 30: {all:?}");
        }
    }

    #[test]
    fn what_may_not_be_advised_is_not() {
        let (mut world, mut advisor) = (World::new(), Advisor::default());
        run(&mut world, &mut advisor);
        let no = advisor.advise(
            &SamplerSpec::Auto {},
            &Direction::Minimize.into(),
            5,
            world.0.trials(),
            |_| false,
        );
        assert_eq!(no, []);
    }
}

#[test]
fn what_is_written_for_python_is_read_again() {
    for text in [
        "null",
        "true",
        "-3",
        "0.1",
        "1e+300",
        "NaN",
        "-Infinity",
        r#""a\"\u00e9\n""#,
        r#"[1, {"a": [], "b": 2.0}]"#,
    ] {
        let value = PythonJson::parse(text).expect("JSON").value();
        let again = PythonJson::parse(&value.to_text()).expect("JSON").value();
        assert!(value.equals(&again) || value == again, "{text}: {again:?}");
    }
}
