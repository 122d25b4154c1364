//! What a condition means for its parent.

use super::allowed::{Allowed, Numbers};
use super::distribution::{Choice, Distribution, ParamValue, position, unsigned_zero};
use super::error::{SpaceError, error};
use super::param::{Condition, Needs, Param};

/// The parent's place and the values that satisfy, and the condition in the parent's own words: a choice as it stands there.
pub(super) fn resolve(
    params: &[Param],
    param: &Param,
    condition: &Condition,
) -> Result<(usize, Allowed, Condition), SpaceError> {
    let fault = |message: String| error(&param.name, "when", message);
    let place = params
        .iter()
        .position(|p| p.name == condition.parent)
        .ok_or_else(|| fault(format!("there is no parameter `{}`", condition.parent)))?;
    let parent = &params[place];
    let (allowed, needs) = match &condition.needs {
        Needs::AnyOf(any_of) => one_of(parent, any_of).map_err(fault)?,
        &Needs::Between { at_least, at_most } => {
            let (at_least, at_most) = (at_least.map(unsigned_zero), at_most.map(unsigned_zero));
            let numbers = between(parent, at_least, at_most).map_err(fault)?;
            (Allowed::Numbers(numbers), Needs::Between { at_least, at_most })
        }
    };
    Ok((place, allowed, Condition { parent: parent.name.clone(), needs }))
}

fn one_of(parent: &Param, any_of: &[Choice]) -> Result<(Allowed, Needs), String> {
    let Param { name, distribution, .. } = parent;
    if any_of.is_empty() {
        return Err("at least one value is needed".to_owned());
    }
    let never = |wanted: &Choice| {
        let kinds = match (distribution, wanted) {
            (Distribution::Categorical { choices }, wanted)
                if choices.iter().any(|choice| choice.to_string() == wanted.to_string()) =>
            {
                " of that kind: text, numbers, true or false, lists and tables differ"
            }
            _ => "",
        };
        format!("`{name}` is never {wanted}{kinds}; it is one of {distribution}")
    };
    match distribution {
        Distribution::Categorical { choices } => {
            let place = |wanted| position(choices, wanted).ok_or_else(|| never(wanted));
            let places = any_of.iter().map(place).collect::<Result<Vec<_>, _>>()?;
            let own = places.iter().map(|place| choices[*place].clone()).collect();
            Ok((Allowed::Choices(places), Needs::AnyOf(own)))
        }
        Distribution::Int { step, .. } => {
            let whole = |wanted: &Choice| match *wanted {
                Choice::Int(i) => Some(i),
                // Beyond this, a float is not that very number.
                Choice::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(x as i64),
                _ => None,
            };
            let number = |wanted: &Choice| {
                whole(wanted)
                    .filter(|i| distribution.contains(ParamValue::Int(*i)))
                    .ok_or_else(|| never(wanted))
            };
            let numbers = any_of.iter().map(number).collect::<Result<Vec<_>, _>>()?;
            let own = numbers.iter().copied().map(Choice::Int).collect();
            Ok((Allowed::Numbers(Numbers::these(numbers, *step)), Needs::AnyOf(own)))
        }
        Distribution::Float { .. } => Err(format!(
            "`{name}` has real numbers, of which a range is needed, such as at_least = 0.5"
        )),
    }
}

fn between(parent: &Param, at_least: Option<f64>, at_most: Option<f64>) -> Result<Numbers, String> {
    let Param { name, distribution, .. } = parent;
    if matches!(distribution, Distribution::Categorical { .. }) {
        return Err(format!("`{name}` has no range, it is one of {distribution}"));
    }
    for (key, bound) in [("at_least", at_least), ("at_most", at_most)] {
        if let Some(bound) = bound.filter(|bound| !bound.is_finite()) {
            return Err(format!("{key} = {bound} is not a finite number"));
        }
    }
    let range = match (at_least, at_most) {
        (None, None) => return Err("at_least or at_most is needed".to_owned()),
        (Some(low), Some(high)) if low > high => {
            return Err(format!("at_least = {low} is above at_most = {high}"));
        }
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, Some(high)) => format!("{high} or less"),
    };
    let (low, high) = (at_least.unwrap_or(f64::NEG_INFINITY), at_most.unwrap_or(f64::INFINITY));
    Numbers::between(distribution, low, high)
        .ok_or_else(|| format!("`{name}` is never {range}; it is one of {distribution}"))
}
