//! The search space: distributions and the conditions under which a parameter is there at all.
//!
//! Parsed, not validated: a [`SearchSpace`] that exists is acyclic, its parameters stand in an
//! order in which every parent precedes its children, and its ranges are not empty.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A search space. Parameters keep the author's order as far as parents come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Param>", into = "Vec<Param>")]
pub struct SearchSpace {
    params: Vec<Param>,
    /// For each parameter, its conditions with the parent's place and the choices' indices.
    conditions: Vec<Vec<(usize, Vec<usize>)>>,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its name, unique in the space.
    pub name: String,
    /// Its values.
    pub distribution: Distribution,
    /// When it is active: all of these must hold; none means always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// "The categorical parameter `parent` is active and has one of these values."
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The name of a categorical parameter.
    pub parent: String,
    /// Some of its choices, at least one.
    pub any_of: Vec<Choice>,
}

/// The values that a parameter can take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Distribution {
    /// Real numbers in `[low, high]`, both finite.
    Float {
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
        /// How the values are spaced.
        #[serde(default)]
        scale: FloatScale,
    },
    /// Whole numbers `low, low + step, …` up to `high`.
    Int {
        /// The smallest value.
        low: i64,
        /// The largest value; lowered to `low` plus a multiple of `step`.
        high: i64,
        /// The distance of neighbours, at least 1.
        step: i64,
        /// Whether ratios count rather than differences (then `low ≥ 1` and `step = 1`).
        log: bool,
    },
    /// One of a list, without an order.
    Categorical {
        /// The values, at least one, no two equal.
        choices: Vec<Choice>,
    },
}

/// How the values of a float parameter are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatScale {
    /// Differences count.
    #[default]
    Linear,
    /// Ratios count; `low > 0`.
    Log,
    /// Only `low + k · step` for whole k.
    Step(f64),
}

/// One value of a categorical parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// A word.
    Text(String),
}

/// A parameter's value; which kind it is follows from its distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamValue {
    /// Of a float parameter.
    Float(f64),
    /// Of an int parameter.
    Int(i64),
    /// Of a categorical parameter: the index of the choice.
    Choice(usize),
}

/// Values in the order of the space's parameters; `None` where a parameter is not active (or, in a
/// partial assignment, not fixed).
pub type Params = Box<[Option<ParamValue>]>;

/// What is wrong with a space, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("parameter `{param}`: {message}")]
pub struct SpaceError {
    /// The parameter at fault.
    pub param: String,
    /// Its key at fault: `low`, `high`, `step`, `log`, `choices`, `when` or `name`.
    pub key: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

impl SearchSpace {
    /// Checks the parameters and puts parents before children.
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
        let params = parents_first(params)?;
        let conditions = params
            .iter()
            .map(|p| p.when.iter().map(|c| resolve(&params, p, c)).collect())
            .collect::<Result<_, _>>()?;
        Ok(Self { params, conditions })
    }

    /// The parameters, parents first.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The place of the parameter of this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|p| p.name == name)
    }

    /// The conditions of the parameter at `place`: the parent's place and the choices that satisfy.
    pub fn conditions(&self, place: usize) -> &[(usize, Vec<usize>)] {
        &self.conditions[place]
    }

    /// Whether the parameter at `place` is active, given the values of those before it.
    pub fn is_active(&self, place: usize, values: &[Option<ParamValue>]) -> bool {
        self.conditions[place].iter().all(|(parent, choices)| {
            matches!(values[*parent], Some(ParamValue::Choice(c)) if choices.contains(&c))
        })
    }

    /// Whether every active parameter has a value of its distribution, and no other has one.
    pub fn contains(&self, values: &[Option<ParamValue>]) -> bool {
        values.len() == self.params.len()
            && (0..values.len()).all(|place| match values[place] {
                Some(value) => {
                    self.is_active(place, values) && self.params[place].distribution.contains(value)
                }
                None => !self.is_active(place, values),
            })
    }

    /// Reads a partial assignment of names to values, as an enqueued trial fixes it.
    ///
    /// Errors: an unknown name, a value outside its distribution, a value for a parameter whose
    /// condition the other values exclude.
    pub fn fix(&self, named: &[(String, Choice)]) -> Result<Params, SpaceError> {
        let mut values: Params = vec![None; self.params.len()].into();
        for (name, choice) in named {
            let place = self.position(name).ok_or_else(|| {
                let known: Vec<_> = self.params.iter().map(|p| p.name.as_str()).collect();
                error(
                    name,
                    "name",
                    format!("not in the search space, which has {}", known.join(", ")),
                )
            })?;
            let distribution = &self.params[place].distribution;
            let value = distribution
                .parse(choice)
                .ok_or_else(|| error(name, "name", format!("{choice} is not in {distribution}")))?;
            values[place] = Some(value);
        }
        for place in (0..values.len()).filter(|place| values[*place].is_some()) {
            let excluded = self.conditions[place].iter().any(|(parent, choices)| {
                matches!(values[*parent], Some(ParamValue::Choice(c)) if !choices.contains(&c))
            });
            if excluded {
                return Err(error(
                    &self.params[place].name,
                    "when",
                    "not active together with the other values given",
                ));
            }
        }
        Ok(values)
    }
}

impl Distribution {
    /// Whether the value is one of this distribution's.
    pub fn contains(&self, value: ParamValue) -> bool {
        match (self, value) {
            (Self::Float { low, high, scale }, ParamValue::Float(x)) => {
                x >= *low
                    && x <= *high
                    && match scale {
                        FloatScale::Step(step) => {
                            let k = (x - low) / step;
                            (k - k.round()).abs() < 1e-6
                        }
                        _ => true,
                    }
            }
            (Self::Int { low, high, step, .. }, ParamValue::Int(x)) => {
                (*low..=*high).contains(&x) && x.abs_diff(*low) % step.unsigned_abs() == 0
            }
            (Self::Categorical { choices }, ParamValue::Choice(c)) => c < choices.len(),
            _ => false,
        }
    }

    /// The value that a person's or a peer's choice names, if it is one of this distribution's.
    pub fn parse(&self, choice: &Choice) -> Option<ParamValue> {
        let value = match (self, choice) {
            (Self::Float { .. }, Choice::Float(x)) => ParamValue::Float(*x),
            (Self::Float { .. }, Choice::Int(x)) => ParamValue::Float(*x as f64),
            (Self::Int { .. }, Choice::Int(x)) => ParamValue::Int(*x),
            (Self::Categorical { choices }, choice) => {
                ParamValue::Choice(choices.iter().position(|c| c == choice)?)
            }
            _ => return None,
        };
        self.contains(value).then_some(value)
    }

    /// The value as its author would write it.
    pub fn show(&self, value: ParamValue) -> Choice {
        match (self, value) {
            (Self::Categorical { choices }, ParamValue::Choice(c)) => choices[c].clone(),
            (_, ParamValue::Float(x)) => Choice::Float(x),
            (_, ParamValue::Int(x)) => Choice::Int(x),
            (_, ParamValue::Choice(c)) => Choice::Int(i64::try_from(c).unwrap_or(i64::MAX)),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float { low, high, scale } => {
                write!(f, "{low} to {high}")?;
                match scale {
                    FloatScale::Linear => Ok(()),
                    FloatScale::Log => f.write_str(" (log)"),
                    FloatScale::Step(step) => write!(f, " in steps of {step}"),
                }
            }
            Self::Int { low, high, step, log } => {
                write!(f, "the whole numbers {low} to {high}")?;
                match (step, log) {
                    (_, true) => f.write_str(" (log)"),
                    (1, false) => Ok(()),
                    (step, false) => write!(f, " in steps of {step}"),
                }
            }
            Self::Categorical { choices } => {
                let names: Vec<_> = choices.iter().map(Choice::to_string).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(s) => f.write_str(s),
        }
    }
}

impl TryFrom<Vec<Param>> for SearchSpace {
    type Error = SpaceError;
    fn try_from(params: Vec<Param>) -> Result<Self, SpaceError> {
        Self::new(params)
    }
}

impl From<SearchSpace> for Vec<Param> {
    fn from(space: SearchSpace) -> Self {
        space.params
    }
}

fn error(param: &str, key: &'static str, message: impl Into<String>) -> SpaceError {
    SpaceError { param: param.to_owned(), key, message: message.into() }
}

fn checked(name: &str, distribution: Distribution) -> Result<Distribution, SpaceError> {
    match &distribution {
        Distribution::Float { low, high, scale } => {
            for (key, x) in [("low", low), ("high", high)] {
                if !x.is_finite() {
                    return Err(error(name, key, format!("{x} is not a finite number")));
                }
            }
            if low > high {
                return Err(error(name, "low", format!("low = {low} is above high = {high}")));
            }
            match scale {
                FloatScale::Linear => {}
                FloatScale::Log if *low > 0.0 => {}
                FloatScale::Log => {
                    return Err(error(
                        name,
                        "low",
                        format!("a log scale needs low > 0, not {low}"),
                    ));
                }
                FloatScale::Step(step) if step.is_finite() && *step > 0.0 => {
                    // Finer steps drown in the rounding of the values themselves.
                    let finest = low.abs().max(high.abs()) * 1e-9;
                    if *step < finest {
                        let message = format!("{step} is too fine for values of this size");
                        return Err(error(name, "step", message));
                    }
                }
                FloatScale::Step(step) => {
                    return Err(error(name, "step", format!("a step is above 0, not {step}")));
                }
            }
            if !(high - low).is_finite() {
                return Err(error(name, "high", "the range is too wide to be a number"));
            }
        }
        Distribution::Int { low, high, step, log } => {
            if low > high {
                return Err(error(name, "low", format!("low = {low} is above high = {high}")));
            }
            if *step < 1 {
                return Err(error(name, "step", format!("a step is at least 1, not {step}")));
            }
            if *log && *low < 1 {
                return Err(error(name, "low", format!("a log scale needs low ≥ 1, not {low}")));
            }
            if *log && *step != 1 {
                return Err(error(name, "step", "a log scale takes no step"));
            }
            let Some(width) = high.checked_sub(*low) else {
                return Err(error(name, "high", "the range is wider than 2^63"));
            };
            let high = low + width / step * step;
            return Ok(Distribution::Int { low: *low, high, step: *step, log: *log });
        }
        Distribution::Categorical { choices } => {
            if choices.is_empty() {
                return Err(error(name, "choices", "at least one choice is needed"));
            }
            for (i, choice) in choices.iter().enumerate() {
                if choices[..i].contains(choice) {
                    return Err(error(name, "choices", format!("{choice} stands there twice")));
                }
                if matches!(choice, Choice::Float(x) if !x.is_finite()) {
                    return Err(error(name, "choices", format!("{choice} is not finite")));
                }
            }
        }
    }
    Ok(distribution)
}

/// Sorts so that every parent precedes its children; the first that is ready goes first.
fn parents_first(mut rest: Vec<Param>) -> Result<Vec<Param>, SpaceError> {
    let mut sorted: Vec<Param> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let ready = rest
            .iter()
            .position(|p| p.when.iter().all(|c| sorted.iter().any(|s| s.name == c.parent)));
        let Some(ready) = ready else {
            return Err(unmet_parent(&rest, &sorted));
        };
        sorted.push(rest.remove(ready));
    }
    Ok(sorted)
}

fn unmet_parent(rest: &[Param], sorted: &[Param]) -> SpaceError {
    let known = |name: &str| rest.iter().chain(sorted).any(|p| p.name == name);
    let conditions = rest.iter().flat_map(|p| p.when.iter().map(move |c| (p, c)));
    if let Some((param, condition)) = conditions.into_iter().find(|(_, c)| !known(&c.parent)) {
        let message = format!("there is no parameter `{}`", condition.parent);
        return error(&param.name, "when", message);
    }
    let names: Vec<_> = rest.iter().map(|p| p.name.as_str()).collect();
    let cycle = format!("the conditions of {} form a cycle", names.join(", "));
    error(names[0], "when", cycle)
}

fn resolve(
    params: &[Param],
    param: &Param,
    condition: &Condition,
) -> Result<(usize, Vec<usize>), SpaceError> {
    let fault = |message: String| error(&param.name, "when", message);
    let parent = params
        .iter()
        .position(|p| p.name == condition.parent)
        .ok_or_else(|| fault(format!("there is no parameter `{}`", condition.parent)))?;
    let Distribution::Categorical { choices } = &params[parent].distribution else {
        return Err(fault(format!("`{}` is not categorical", condition.parent)));
    };
    if condition.any_of.is_empty() {
        return Err(fault("at least one value is needed".to_owned()));
    }
    let index = |wanted: &Choice| {
        choices.iter().position(|c| c == wanted).ok_or_else(|| {
            let parent = &params[parent];
            fault(format!(
                "`{}` is never {wanted}; it is one of {}",
                parent.name, parent.distribution
            ))
        })
    };
    let any_of = condition.any_of.iter().map(index).collect::<Result<_, _>>()?;
    Ok((parent, any_of))
}

#[cfg(test)]
mod tests {
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
        vec![Condition { parent: parent.into(), any_of: vec![Choice::Text(choice.into())] }]
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
        let excluded = [("m", Choice::Text("xavier".into())), ("std", Choice::Float(1.0))];
        assert!(fix(&excluded).is_err());
    }

    #[test]
    fn json_round_trip_keeps_the_space() {
        let space =
            SearchSpace::new(vec![method("m", vec![]), std(0.25, 4.0, when("m", "gaussian"))])
                .expect("valid");
        let json = serde_json::to_string(&space).expect("json");
        assert_eq!(serde_json::from_str::<SearchSpace>(&json).expect("read"), space);
        assert!(serde_json::from_str::<SearchSpace>("[]").is_err());
    }
}
