//! The search space itself.
//!
//! Parsed, not validated: every [`SearchSpace`] is acyclic, lists parents before their children, and has no
//! empty ranges.

use super::allowed::Allowed;
use super::condition::resolve;
use super::distribution::{Choice, ParamValue, checked};
use super::error::{SpaceError, error};
use super::order::parents_first;
use super::param::{Param, Params};

/// A search space. Parameters keep the author's order, except that parents come first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSpace {
    params: Vec<Param>,
    /// Per parameter, its conditions: the parent's place and the values that satisfy.
    conditions: Vec<Vec<(usize, Allowed)>>,
}

impl SearchSpace {
    /// Checks the parameters and moves parents before their children.
    pub fn new(params: Vec<Param>) -> Result<Self, SpaceError> {
        if params.is_empty() {
            return Err(error("", "name", "a search space needs at least one parameter"));
        }
        let mut seen = std::collections::HashSet::new();
        for param in &params {
            if param.name.trim().is_empty() || param.name.len() > 512 {
                return Err(error(&param.name, "name", "a name has 1 to 512 bytes"));
            }
            if !seen.insert(param.name.clone()) {
                return Err(error(&param.name, "name", "there are two parameters of this name"));
            }
        }
        let params = params
            .into_iter()
            .map(|p| Ok(Param { distribution: checked(&p.name, p.distribution)?, ..p }))
            .collect::<Result<Vec<_>, SpaceError>>()?;
        let mut params = parents_first(params)?;
        let mut conditions = Vec::with_capacity(params.len());
        for place in 0..params.len() {
            let param = &params[place];
            let resolved = param.when.iter().map(|condition| resolve(&params, param, condition));
            let (mut of_param, mut when) = (Vec::new(), Vec::new());
            for condition in resolved {
                let (parent, allowed, condition) = condition?;
                of_param.push((parent, allowed));
                when.push(condition);
            }
            params[place].when = when;
            conditions.push(of_param);
        }
        Ok(Self { params, conditions })
    }

    /// The parameters, parents first.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The place of the parameter with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|p| p.name == name)
    }

    /// The conditions of the parameter at `place`: each parent's place and the values that satisfy.
    pub fn conditions(&self, place: usize) -> &[(usize, Allowed)] {
        &self.conditions[place]
    }

    /// Whether the parameter at `place` is active, given the values of those before it.
    pub fn is_active(&self, place: usize, values: &[Option<ParamValue>]) -> bool {
        self.conditions[place]
            .iter()
            .all(|(parent, allowed)| values[*parent].is_some_and(|value| allowed.has(value)))
    }

    /// Whether every active parameter has a value of its distribution, and no inactive one has a value.
    pub fn contains(&self, values: &[Option<ParamValue>]) -> bool {
        values.len() == self.params.len()
            && (0..values.len()).all(|place| match values[place] {
                Some(value) => {
                    self.is_active(place, values) && self.params[place].distribution.contains(value)
                }
                None => !self.is_active(place, values),
            })
    }

    /// An assignment that fixes nothing.
    pub fn nothing(&self) -> Params {
        vec![None; self.params.len()].into()
    }

    /// Reads a partial assignment of values to names, as for an enqueued trial.
    ///
    /// Errors: an unknown name, a repeated name, a value outside its distribution, or a value whose
    /// conditions the other values rule out.
    pub fn fix(&self, named: &[(String, Choice)]) -> Result<Params, SpaceError> {
        let mut values = self.nothing();
        for (name, choice) in named {
            let place = self.position(name).ok_or_else(|| {
                let known: Vec<_> = self.params.iter().map(|p| p.name.as_str()).collect();
                error(
                    name,
                    "name",
                    format!("not in the search space, which has {}", known.join(", ")),
                )
            })?;
            if values[place].is_some() {
                return Err(error(name, "name", "is fixed twice"));
            }
            let distribution = &self.params[place].distribution;
            let value = distribution
                .parse(choice)
                .ok_or_else(|| error(name, "name", format!("{choice} is not in {distribution}")))?;
            values[place] = Some(distribution.exact(value));
        }
        self.check_together(&values)?;
        Ok(values)
    }

    /// Whether all fixed values can be active in one trial: the needs of the fixed children and of their
    /// parents must leave each parent at least one value.
    fn check_together(&self, fixed: &[Option<ParamValue>]) -> Result<(), SpaceError> {
        /// What a parameter's children need of it.
        #[derive(Clone)]
        enum Need {
            Nothing,
            Of(Allowed),
            Impossible,
        }
        let mut needed = vec![Need::Nothing; fixed.len()];
        for place in (0..fixed.len()).rev() {
            // Children come after their parents, so all the needs for this one are known.
            let fits = match (&needed[place], fixed[place]) {
                (Need::Of(allowed), Some(value)) => allowed.has(value),
                (Need::Of(_), None) | (Need::Nothing, Some(_)) => true,
                (Need::Impossible, _) => false,
                (Need::Nothing, None) => continue,
            };
            if !fits {
                let message = "not active together with the other values given";
                return Err(error(&self.params[place].name, "when", message));
            }
            for (parent, allowed) in &self.conditions[place] {
                needed[*parent] = match &needed[*parent] {
                    Need::Nothing => Need::Of(allowed.clone()),
                    Need::Of(others) => others.both(allowed).map_or(Need::Impossible, Need::Of),
                    Need::Impossible => Need::Impossible,
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution::{Distribution, FloatScale};
    use super::super::param::Condition;
    use super::*;

    fn method(name: &str, when: Vec<Condition>) -> Param {
        let choices = ["gaussian", "xavier"].map(|c| Choice::Text(c.into())).into();
        Param { name: name.into(), distribution: Distribution::Categorical { choices }, when }
    }

    fn std(low: f64, high: f64, when: Vec<Condition>) -> Param {
        let distribution = Distribution::Float { low, high, scale: FloatScale::Log };
        Param { name: "std".into(), distribution, when }
    }

    fn when(parent: &str, choice: &str) -> Vec<Condition> {
        vec![Condition::any_of(parent, [Choice::Text(choice.into())])]
    }

    fn refusal(params: Vec<Param>) -> String {
        SearchSpace::new(params).expect_err("refused").to_string()
    }

    #[test]
    fn parents_come_first_and_decide_who_is_active() {
        let space =
            SearchSpace::new(vec![std(0.25, 4.0, when("m", "gaussian")), method("m", vec![])])
                .expect("valid");
        assert_eq!(space.position("m"), Some(0));
        let with_std = [Some(ParamValue::Choice(0)), Some(ParamValue::Float(1.0))];
        assert!(space.contains(&with_std));
        assert!(!space.contains(&[Some(ParamValue::Choice(1)), Some(ParamValue::Float(1.0))]));
        assert!(!space.contains(&[Some(ParamValue::Choice(0)), None]));
        assert!(space.contains(&[Some(ParamValue::Choice(1)), None]));
    }

    #[test]
    fn impossible_spaces_are_refused() {
        assert!(refusal(vec![]).contains("at least one"));
        assert!(refusal(vec![std(4.0, 0.25, vec![])]).contains("low = 4 is above high = 0.25"));
        assert!(refusal(vec![std(0.0, 1.0, vec![])]).contains("low > 0"));
        assert!(refusal(vec![std(f64::NAN, 1.0, vec![])]).contains("finite"));
        assert!(refusal(vec![std(0.1, 1.0, when("m", "gaussian"))]).contains("no parameter `m`"));
        let unknown_choice = vec![method("m", vec![]), std(0.1, 1.0, when("m", "he"))];
        assert!(refusal(unknown_choice).contains("never he"));
        let cycle = vec![method("a", when("b", "xavier")), method("b", when("a", "xavier"))];
        assert!(refusal(cycle).contains("cycle"));
        let twice = vec![method("m", vec![]), method("m", vec![])];
        assert!(refusal(twice).contains("two parameters"));
    }

    #[test]
    fn conditions_that_make_no_sense_are_refused() {
        let layers = Param {
            name: "layers".into(),
            distribution: Distribution::Int { low: 1, high: 9, step: 2, log: false },
            when: vec![],
        };
        let mixed = [Choice::Int(1), Choice::Text("1".into()), Choice::None];
        let mut m = method("m", vec![]);
        m.distribution = Distribution::Categorical { choices: mixed.into() };
        let real = Param { name: "real".into(), when: vec![], ..std(0.5, 2.0, vec![]) };
        let refused = |condition: Condition| {
            let child = std(0.1, 1.0, vec![condition]);
            refusal(vec![m.clone(), layers.clone(), real.clone(), child])
        };
        let range = Condition::between;
        for (condition, why) in [
            (
                Condition::any_of("m", [Choice::Bool(true)]),
                "`m` is never true; it is one of 1, 1, null",
            ),
            (Condition::any_of("m", [Choice::Text("null".into())]), "never null of that kind"),
            (Condition::any_of("layers", [Choice::Int(2)]), "`layers` is never 2"),
            (Condition::any_of("layers", [Choice::Float(2.5)]), "`layers` is never 2.5"),
            (Condition::any_of("layers", vec![]), "at least one value"),
            (Condition::any_of("real", [Choice::Float(1.0)]), "a range is needed"),
            (range("m", Some(1.0), None), "`m` has no range"),
            (range("layers", None, None), "at_least or at_most is needed"),
            (range("layers", Some(9.5), None), "`layers` is never 9.5 or more"),
            (range("layers", Some(7.5), Some(8.5)), "`layers` is never 7.5 to 8.5"),
            (range("layers", Some(3.0), Some(2.0)), "at_least = 3 is above at_most = 2"),
            (range("layers", Some(f64::NAN), None), "NaN is not a finite number"),
            (range("real", None, Some(0.25)), "`real` is never 0.25 or less"),
        ] {
            let said = refused(condition.clone());
            assert!(said.contains(why), "{condition:?}: {said}");
        }
    }

    #[test]
    fn a_number_is_the_only_choice_of_its_size_or_else_the_one_of_its_kind() {
        let categorical =
            |choices: &[Choice]| Distribution::Categorical { choices: choices.into() };
        let (one, real, yes) = (Choice::Int(1), Choice::Float(1.0), Choice::Bool(true));
        let text = Choice::Text("1".into());
        let all = categorical(&[real.clone(), one.clone(), yes.clone(), text.clone()]);
        let place = |distribution: &Distribution, choice| match distribution.parse(choice) {
            Some(ParamValue::Choice(place)) => Some(place),
            _ => None,
        };
        let places = [&real, &one, &yes, &text].map(|choice| place(&all, choice));
        assert_eq!(places, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(place(&categorical(&[yes.clone(), real.clone()]), &one), Some(1));
        assert_eq!(place(&categorical(&[yes.clone(), one.clone()]), &real), Some(1));
        assert_eq!(place(&categorical(std::slice::from_ref(&text)), &real), None);
        let largest = categorical(&[Choice::Int(i64::MAX)]);
        assert_eq!(place(&largest, &Choice::Float(i64::MAX as f64)), None, "2^63 is one more");
    }

    #[test]
    fn a_range_ends_on_its_grid() {
        let high = |high, step| {
            let scale = FloatScale::Step(step);
            let distribution = Distribution::Float { low: 0.0, high, scale };
            let param = Param { name: "x".into(), distribution, when: vec![] };
            match SearchSpace::new(vec![param]).expect("valid").params()[0].distribution {
                Distribution::Float { high, .. } => high,
                _ => unreachable!("a float stays one"),
            }
        };
        assert!((high(1.0, 0.3) - 0.9).abs() < 1e-12);
        assert!((high(1.0, 0.1) - 1.0).abs() < 1e-12, "rounding does not cost the last value");
    }

    #[test]
    fn fixed_values_are_checked() {
        let space =
            SearchSpace::new(vec![method("m", vec![]), std(0.25, 4.0, when("m", "gaussian"))])
                .expect("valid");
        let fix = |pairs: &[(&str, Choice)]| {
            let pairs: Vec<_> = pairs.iter().map(|(n, c)| ((*n).to_owned(), c.clone())).collect();
            space.fix(&pairs)
        };
        assert!(fix(&[("std", Choice::Int(1))]).is_ok());
        assert!(fix(&[("sdt", Choice::Int(1))]).is_err());
        assert!(fix(&[("std", Choice::Float(9.0))]).is_err());
        let twice = fix(&[("std", Choice::Int(1)), ("std", Choice::Int(2))]).expect_err("refused");
        assert!(twice.to_string().contains("twice"), "{twice}");
        let excluded = [("m", Choice::Text("xavier".into())), ("std", Choice::Float(1.0))];
        assert!(fix(&excluded).is_err());
    }

    #[test]
    fn a_fixed_value_is_the_samplers_own_to_the_last_bit() {
        for (low, high, step) in [(0.0, 1.0, 0.1), (-0.7, 0.3, 0.05), (1e-3, 2.0, 0.007)] {
            let distribution = Distribution::Float { low, high, scale: FloatScale::Step(step) };
            let param = Param { name: "x".into(), distribution, when: vec![] };
            let space = SearchSpace::new(vec![param]).expect("valid");
            let distribution = &space.params()[0].distribution;
            for k in 0..distribution.size().expect("a grid") {
                let own = distribution.nth(k);
                let ParamValue::Float(x) = own else { unreachable!("a float") };
                // Rounded, as a person would write it.
                let written = format!("{x:.6}").parse().expect("a number");
                let fixed =
                    space.fix(&[("x".into(), Choice::Float(written))]).expect("on the grid");
                assert_eq!(fixed[0], Some(own), "{written}");
            }
        }
    }

    #[test]
    fn fixed_children_must_agree_on_their_parent() {
        let mut other = std(0.25, 4.0, when("m", "xavier"));
        other.name = "gain".into();
        let params = vec![method("m", vec![]), std(0.25, 4.0, when("m", "gaussian")), other];
        let space = SearchSpace::new(params).expect("valid");
        let fix = |names: &[&str]| {
            let pairs: Vec<_> =
                names.iter().map(|n| ((*n).to_owned(), Choice::Float(1.0))).collect();
            space.fix(&pairs)
        };
        assert!(fix(&["std"]).is_ok());
        assert!(fix(&["gain"]).is_ok());
        assert!(fix(&["std", "gain"]).is_err());
    }
}
