//! Limits on new studies. Every study file and every request to create a study goes through
//! [`check`]. A study that is already in a store only has to make sense.
//!
//! Proposals that take long are computed beside the ledger, but each takes a core, and the study's workers wait for
//! it. So a study is refused if its proposals would take very long.

use kindling_proto::attributes::depth;
use kindling_proto::limits;
use kindling_study::sampler::SamplerSpec;
use kindling_study::{
    Choice, Condition, Distribution, Needs, Param, SearchSpace, SpaceError, SpecError, StudySpec,
};
use prost::Message as _;

use crate::convert::to_wire;
use crate::store::stored_spec;

/// Whether a study with this spec may be created.
pub(crate) fn check(spec: &StudySpec) -> Result<(), SpecError> {
    spec.check()?;
    sampler(&spec.sampler, &spec.space).map_err(|(key, e)| SpecError::at(["sampler", key], e))?;
    reference_points(spec)?;
    let whole = |message| SpecError { key: vec![], message };
    let settings =
        serde_json::to_string(&spec.objective.settings).map_err(|e| whole(e.to_string()))?;
    self::settings(&settings)?;
    stored_spec::to_text(spec).map_err(|error| whole(error.to_string()))?;
    size(to_wire::spec(spec).encoded_len())
}

/// Whether a study that has this many bytes on the wire is small enough.
pub(crate) fn size(bytes: usize) -> Result<(), SpecError> {
    if bytes > limits::SPEC {
        let message = format!("the study has {bytes} bytes, of at most {}", limits::SPEC);
        return Err(SpecError { key: vec![], message });
    }
    Ok(())
}

/// Whether an objective's settings, as JSON, are flat enough to be read again.
pub(crate) fn settings(json: &str) -> Result<(), SpecError> {
    if depth(json) > limits::DEPTH {
        let message = format!("its settings are nested deeper than {}", limits::DEPTH);
        return Err(SpecError::at(["objective"], message));
    }
    Ok(())
}

/// The search space of these parameters, if it is valid and not too large.
pub(crate) fn space(params: Vec<Param>) -> Result<SearchSpace, SpaceError> {
    let too_large = |message| SpaceError { param: String::new(), key: "name", message };
    if params.len() > limits::PARAMS {
        let (found, most) = (params.len(), limits::PARAMS);
        return Err(too_large(format!("has {found} parameters, of at most {most}")));
    }
    let (found, most) = (choices(&params), limits::CHOICES);
    if found > most {
        let what = "choices of its parameters and in their conditions";
        return Err(too_large(format!("has {found} {what}, of at most {most} in all")));
    }
    for param in &params {
        if let Distribution::Categorical { choices } = &param.distribution {
            let param = param.name.clone();
            let fault = |message| SpaceError { param, key: "choices", message };
            choices.iter().try_for_each(choice).map_err(fault)?;
        }
    }
    SearchSpace::new(params)
}

/// Whether a choice is small and flat enough.
fn choice(choice: &Choice) -> Result<(), String> {
    let Choice::Nested(nested) = choice else { return Ok(()) };
    let (bytes, most) = (nested.as_str().len(), limits::CHOICE);
    if bytes > most {
        return Err(format!("a list or table has {bytes} bytes, of at most {most}"));
    }
    if depth(nested.as_str()) > limits::DEPTH {
        return Err(format!("a list or table is nested deeper than {}", limits::DEPTH));
    }
    Ok(())
}

/// Whether a sampler may propose for trials that have shown this space, which nobody has checked.
pub(crate) fn is_affordable(sampler_spec: &SamplerSpec, space: &SearchSpace) -> bool {
    choices(space.params()) <= limits::CHOICES
        && sampler_spec.check().is_ok()
        && sampler(sampler_spec, space).is_ok()
}

/// Whether the sampler is fast enough in this search space. If not, the option at fault, and why.
fn sampler(sampler: &SamplerSpec, space: &SearchSpace) -> Result<(), (&'static str, String)> {
    let (params, choices) = (space.params().len(), choices(space.params()));
    let (key, found, most) = match sampler {
        SamplerSpec::Tpe(tpe) => {
            let most = limits::CANDIDATES
                .min((limits::CANDIDATE_VALUES / (params + choices / 100)) as u32);
            ("candidates", tpe.candidates, most)
        }
        SamplerSpec::Gp(_) => {
            let most = limits::GP_PARAMS;
            if params > most {
                return Err(("kind", format!("gp for {params} parameters, of at most {most}")));
            }
            return Ok(());
        }
        SamplerSpec::Cmaes(cmaes) => {
            let numbers = space.params().iter().filter(|param| is_number(param)).count();
            if numbers > limits::CMAES_NUMBERS {
                let most = limits::CMAES_NUMBERS;
                return Err(("kind", format!("cmaes for {numbers} numbers, of at most {most}")));
            }
            ("population", cmaes.population, limits::CMAES_POPULATION)
        }
        SamplerSpec::Nsga2(nsga) => ("population", nsga.population, limits::NSGA_POPULATION),
        SamplerSpec::Nsga3(nsga) => ("population", nsga.population, limits::NSGA_POPULATION),
        SamplerSpec::Grid(grid) => {
            ("points", u32::from(grid.points.get()), (limits::GRID_VALUES / params) as u32)
        }
        SamplerSpec::Auto {} | SamplerSpec::Random {} | SamplerSpec::Sobol {} => return Ok(()),
    };
    if found > most {
        let space = format!("in a space of {params} parameters and {choices} choices");
        return Err((key, format!("{found}, of at most {most} {space}")));
    }
    Ok(())
}

/// Whether NSGA-III has not too many reference points for the study's objectives.
fn reference_points(spec: &StudySpec) -> Result<(), SpecError> {
    let SamplerSpec::Nsga3(nsga) = &spec.sampler else { return Ok(()) };
    let objectives = spec.directions.as_slice().len();
    let (found, most) = (nsga.references(objectives), limits::NSGA_REFERENCES);
    if found > most {
        let of = format!("{} of {objectives} objectives are {found} points", nsga.divisions);
        let message = format!("{of}, of at most {most}; expected fewer divisions");
        return Err(SpecError::at(["sampler", "divisions"], message));
    }
    Ok(())
}

fn is_number(param: &Param) -> bool {
    !matches!(param.distribution, Distribution::Categorical { .. })
}

/// The number of choices of the parameters, plus the choices that their conditions name.
fn choices(params: &[Param]) -> usize {
    let choices = |param: &Param| {
        let own = match &param.distribution {
            Distribution::Categorical { choices } => choices.len(),
            _ => 0,
        };
        let named = |condition: &Condition| match &condition.needs {
            Needs::AnyOf(any_of) => any_of.len(),
            Needs::Between { .. } => 1,
        };
        own + param.when.iter().map(named).sum::<usize>()
    };
    params.iter().map(choices).sum()
}

#[cfg(test)]
mod tests {
    use kindling_proto::limits;
    use kindling_study::sampler::{
        CmaesOptions, GpOptions, GridOptions, Nsga2Options, Nsga3Options, TpeOptions,
    };
    use kindling_study::{
        Choice, Condition, Direction, Directions, Metrics, Nested, ObjectiveSpec, Settings,
        StudyName, StudySpec,
    };

    use super::*;
    use crate::convert;

    fn categorical(name: String, choices: usize) -> Param {
        let choices = (0..choices as i64).map(Choice::Int).collect();
        Param { name, distribution: Distribution::Categorical { choices }, when: vec![] }
    }

    fn wide(params: usize) -> Vec<Param> {
        (0..params).map(|i| categorical(format!("p{i}"), 2)).collect()
    }

    fn of(space: &SearchSpace, candidates: u32) -> Result<(), (&'static str, String)> {
        sampler(&SamplerSpec::Tpe(TpeOptions { candidates, ..TpeOptions::default() }), space)
    }

    #[test]
    fn a_thousand_parameters_are_legal_and_one_more_is_not() {
        let thousand = space(wide(limits::PARAMS)).expect("legal");
        assert_eq!(of(&thousand, TpeOptions::default().candidates), Ok(()));
        let refused = space(wide(1001)).expect_err("too many").message;
        assert_eq!(refused, "has 1001 parameters, of at most 1000");
    }

    #[test]
    fn choices_count_wherever_they_are_named() {
        let most = limits::CHOICES;
        assert!(space(vec![categorical("a".into(), most)]).is_ok());
        let refused = space(vec![categorical("a".into(), most), categorical("b".into(), 1)]);
        assert!(refused.expect_err("too many").message.starts_with("has 10001 choices"));
        let any_of: Vec<_> = (0..most as i64 / 2).map(Choice::Int).collect();
        let mut child = categorical("b".into(), 1);
        child.when = vec![Condition::any_of("a", any_of)];
        let refused = space(vec![categorical("a".into(), most / 2), child]);
        assert!(refused.expect_err("too many").message.starts_with("has 10001 choices"));
    }

    #[test]
    fn a_range_of_a_condition_counts_once_however_many_numbers_it_has() {
        let layers = Distribution::Int { low: 1, high: 1 << 40, step: 1, log: false };
        let mut params = vec![Param { name: "layers".into(), distribution: layers, when: vec![] }];
        for k in 0..100 {
            let mut units = categorical(format!("units{k}"), 3);
            units.when = vec![Condition::between("layers", Some(f64::from(k)), None)];
            params.push(units);
        }
        assert_eq!(choices(&params), 400);
        assert!(space(params).is_ok());
    }

    #[test]
    fn a_list_among_the_choices_is_small_and_flat() {
        let with = |json: &str| {
            let choices = vec![Choice::Nested(Nested::parse(json).expect("a list"))];
            let distribution = Distribution::Categorical { choices };
            space(vec![Param { name: "a".into(), distribution, when: vec![] }])
        };
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let long = |bytes: usize| format!("[\"{}\"]", "x".repeat(bytes - 4));
        assert!(with(&nested(limits::DEPTH)).is_ok() && with(&long(limits::CHOICE)).is_ok());
        let refused = with(&nested(limits::DEPTH + 1)).expect_err("too deep").message;
        assert_eq!(refused, "a list or table is nested deeper than 64");
        let refused = with(&long(limits::CHOICE + 1)).expect_err("too long").message;
        assert_eq!(refused, "a list or table has 65537 bytes, of at most 65536");
    }

    #[test]
    fn candidates_and_points_are_bounded_by_the_space() {
        let narrow = space(wide(2)).expect("legal");
        assert_eq!(of(&narrow, 10_000), Ok(()));
        assert!(of(&narrow, 10_001).is_err());
        let wide = space(wide(200)).expect("legal");
        assert_eq!(of(&wide, 132), Ok(()));
        let found = "133, of at most 132 in a space of 200 parameters and 400 choices";
        assert_eq!(of(&wide, 133), Err(("candidates", found.to_owned())));
        let many = space(vec![categorical("a".into(), 10_000)]).expect("legal");
        assert_eq!((of(&many, 267).is_ok(), of(&many, 268).is_ok()), (true, false));
        let grid = |points: u16| {
            let points = points.try_into().expect("not 0");
            sampler(&SamplerSpec::Grid(GridOptions { points }), &wide)
        };
        assert_eq!((grid(327).is_ok(), grid(328).is_ok()), (true, false));
    }

    #[test]
    fn a_process_is_bounded_and_auto_chooses_something_else() {
        let with =
            |params: usize, spec: &SamplerSpec| sampler(spec, &space(wide(params)).expect("legal"));
        let gp = SamplerSpec::Gp(GpOptions::default());
        assert_eq!(with(limits::GP_PARAMS, &gp), Ok(()));
        let refused = Err(("kind", "gp for 101 parameters, of at most 100".to_owned()));
        assert_eq!(with(101, &gp), refused);
        assert_eq!(with(limits::PARAMS, &SamplerSpec::Auto {}), Ok(()));
    }

    #[test]
    fn a_population_and_its_reference_points_are_bounded() {
        let space = space(wide(2)).expect("legal");
        let with = |population: u32| {
            let nsga = Nsga2Options { population, ..Nsga2Options::default() };
            sampler(&SamplerSpec::Nsga2(nsga), &space)
        };
        assert_eq!(with(limits::NSGA_POPULATION), Ok(()));
        let refused = with(501).expect_err("too many");
        assert!(refused.0 == "population" && refused.1.starts_with("501, of at most 500"));
        let of_three = |divisions: u32| {
            let directions = [Direction::Minimize; 3];
            let nsga = Nsga3Options { divisions, ..Nsga3Options::default() };
            let spec = StudySpec {
                name: StudyName::new("many").expect("a name"),
                directions: Directions::new(directions).expect("three"),
                metrics: Metrics::default(),
                trials: 1,
                seed: 0,
                max_attempts: 1,
                max_failures_in_a_row: 0,
                keep_checkpoints: 1,
                sampler: SamplerSpec::Nsga3(nsga),
                pruner: kindling_study::PrunerSpec::None,
                space: space.clone(),
                objective: ObjectiveSpec { kind: "any".into(), settings: Settings::new() },
                confirm: None,
                notify: None,
            };
            reference_points(&spec)
        };
        assert_eq!((of_three(0), of_three(61)), (Ok(()), Ok(())));
        let refused = of_three(u32::MAX).expect_err("too many").to_string();
        assert!(refused.starts_with("sampler.divisions: 4294967295 of 3 objectives"), "{refused}");
        assert!(of_three(62).is_err());
    }

    #[test]
    fn a_covariance_is_bounded() {
        let number = |i: usize| {
            let distribution = Distribution::Int { low: 0, high: 9, step: 1, log: false };
            Param { name: format!("n{i}"), distribution, when: vec![] }
        };
        let with = |numbers: usize, population: u32| {
            let mut params = wide(500);
            params.extend((0..numbers).map(number));
            let cmaes = CmaesOptions { population };
            sampler(&SamplerSpec::Cmaes(cmaes), &space(params).expect("legal"))
        };
        assert_eq!((with(100, 0), with(1, 1000)), (Ok(()), Ok(())));
        let refused = Err(("kind", "cmaes for 101 numbers, of at most 100".to_owned()));
        assert_eq!(with(101, 0), refused);
        assert!(with(1, 1001).is_err());
    }

    #[test]
    fn what_comes_over_the_wire_is_refused_by_the_field_at_fault() {
        let spec = |params: Vec<Param>, candidates: u32| StudySpec {
            name: StudyName::new("wide").expect("a name"),
            directions: Direction::Maximize.into(),
            metrics: Metrics::default(),
            trials: 1,
            seed: 0,
            max_attempts: 1,
            max_failures_in_a_row: 0,
            keep_checkpoints: 1,
            sampler: SamplerSpec::Tpe(TpeOptions { candidates, ..TpeOptions::default() }),
            pruner: kindling_study::PrunerSpec::None,
            space: SearchSpace::new(params).expect("sound"),
            objective: ObjectiveSpec { kind: "any".into(), settings: Settings::new() },
            confirm: None,
            notify: None,
        };
        let read = |spec: &StudySpec| {
            convert::spec(convert::spec_to_wire(spec)).map_err(|e| e.to_string())
        };
        assert!(read(&spec(wide(200), 132)).is_ok());
        let refused = read(&spec(wide(200), 133)).expect_err("too many");
        assert!(refused.starts_with("sampler.candidates: 133, of at most 132 "), "{refused}");
        let refused = read(&spec(wide(1001), 1)).expect_err("too many");
        assert_eq!(refused, "space: has 1001 parameters, of at most 1000");
    }
}
