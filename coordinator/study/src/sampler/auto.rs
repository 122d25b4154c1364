//! Chooses the sampler that suits best, for each proposal anew. The rules stand in `docs/sampling.md`, with the
//! measurements that they come from. They look only at the space and at how many trials there are, never at a clock, so
//! the same history gives the same proposal.

use super::archive::Archive;
use super::axis::Axis;
use super::{CmaesOptions, GpOptions, Nsga2Options, SamplerSpec, TpeOptions};

/// In wider spaces a Gaussian process takes long and knows little.
const WIDEST: usize = 60;
/// From so many finished trials on CMA-ES goes further than a Gaussian process, where all parameters are numbers.
const LONG: usize = 200;
/// From so many on a Gaussian process no longer pays for its time.
const VERY_LONG: usize = 1_000;

/// With several objectives, from so many on every second trial is NSGA-II's. It goes on from what TPE found, and gets out of where TPE is stuck.
const LONG_FOR_FRONTS: usize = 200;

/// Which sampler makes the proposal for the trial of this number.
pub(super) fn choice(archive: &Archive, number: u32) -> SamplerSpec {
    let history = archive.history();
    if archive.objectives() > 1 {
        let is_turn = history.len() >= LONG_FOR_FRONTS && number % 2 == 1;
        return if is_turn {
            SamplerSpec::Nsga2(Nsga2Options::default())
        } else {
            SamplerSpec::Tpe(TpeOptions::default())
        };
    }
    if archive.constraints() > 0 {
        return SamplerSpec::Tpe(TpeOptions::default());
    }
    let open = history.axes().iter().filter(|axis| !matches!(axis, Axis::Single(_)));
    if open.count() > WIDEST {
        return SamplerSpec::Tpe(TpeOptions::default());
    }
    match history.len() {
        LONG.. if has_only_numbers(archive) => SamplerSpec::Cmaes(CmaesOptions::default()),
        VERY_LONG.. => SamplerSpec::Tpe(TpeOptions::default()),
        _ => SamplerSpec::Gp(GpOptions::default()),
    }
}

/// Whether all parameters are numbers, and always active.
fn has_only_numbers(archive: &Archive) -> bool {
    let is_number = |axis: &Axis| !matches!(axis, Axis::Choices(_));
    archive.tables().len() == 1 && archive.history().axes().iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::super::archive::Goal;
    use super::super::tests::finished;
    use super::*;
    use crate::Direction;
    use crate::space::{
        self, Condition, Distribution, FloatScale, Param, ParamValue, Params, SearchSpace,
    };
    use crate::trial::TrialResult;
    use crate::values::{Directions, Values};

    fn number(name: &str) -> Param {
        let distribution = Distribution::Float { low: 0.0, high: 1.0, scale: FloatScale::Linear };
        Param { name: name.into(), distribution, when: vec![] }
    }

    fn method(choices: i64) -> Param {
        let choices = (0..choices).map(space::Choice::Int).collect();
        Param {
            name: "method".into(),
            distribution: Distribution::Categorical { choices },
            when: vec![],
        }
    }

    /// What is chosen after so many trials.
    fn after<const N: usize>(params: Vec<Param>, trials: [usize; N]) -> [&'static str; N] {
        let space = SearchSpace::new(params).expect("valid");
        trials.map(|trials| {
            let mut archive = Archive::new(&space, Direction::Minimize);
            for trial in 0..trials {
                let number = |_: &Param| Some(ParamValue::Float(trial as f64 / trials as f64));
                let mut params: Params =
                    space.params().iter().map(number).collect::<Vec<_>>().into();
                if let Some(place) = space.params().iter().position(|param| param.name == "method")
                {
                    params[place] = Some(ParamValue::Choice(0));
                }
                archive.add(&space, &finished(&params, &TrialResult::Complete(1.0.into())));
            }
            choice(&archive, 0).name()
        })
    }

    #[test]
    fn a_long_search_over_numbers_is_for_cmaes_and_of_others_a_very_long_one_for_tpe() {
        let numbers = vec![number("x"), number("y")];
        assert_eq!(after(numbers, [0, 199, 200, 1_000]), ["gp", "gp", "cmaes", "cmaes"]);
        let mixed = vec![method(3), number("x")];
        assert_eq!(after(mixed, [0, 200, 999, 1_000]), ["gp", "gp", "gp", "tpe"]);
        let when = vec![Condition::any_of("method", [space::Choice::Int(0)])];
        let conditional = vec![method(2), Param { when, ..number("x") }];
        assert_eq!(after(conditional, [200]), ["gp"]);
        // A parameter with one value makes no difference.
        assert_eq!(after(vec![method(1), number("x")], [200]), ["cmaes"]);
    }

    #[test]
    fn of_several_objectives_nsga2_takes_turns_with_tpe_in_a_long_search() {
        let space = SearchSpace::new(vec![number("x")]).expect("valid");
        let goal = Goal::from(Directions::new([Direction::Minimize; 2]).expect("two"));
        let mut archive = Archive::new(&space, goal.clone());
        let constrained = Archive::new(&space, Goal::from(Direction::Minimize).with_constraints(1));
        let of = |archive: &Archive| [0, 1].map(|number| choice(archive, number).name());
        assert_eq!((of(&archive), of(&constrained)), (["tpe"; 2], ["tpe"; 2]));
        for trial in 0..200 {
            assert_eq!(of(&archive), ["tpe"; 2]);
            let params = vec![Some(ParamValue::Float(f64::from(trial) / 200.0))].into();
            let values = Values::new([1.0, 2.0]).expect("two");
            archive.add(&space, &finished(&params, &TrialResult::Complete(values)));
        }
        assert_eq!(of(&archive), ["tpe", "nsga2"]);
    }

    #[test]
    fn a_wide_space_is_for_tpe() {
        let wide =
            |numbers: usize| (0..numbers).map(|i| number(&format!("x{i}"))).collect::<Vec<_>>();
        assert_eq!(after(wide(WIDEST), [0, 200]), ["gp", "cmaes"]);
        assert_eq!(after(wide(WIDEST + 1), [0, 200]), ["tpe"; 2]);
        // A parameter with one value is none.
        let mut params = wide(WIDEST);
        params.push(method(1));
        assert_eq!(after(params, [0]), ["gp"]);
    }
}
