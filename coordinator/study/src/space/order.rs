//! Conditions: parents before children, and no cycle.

use super::distribution::{Choice, Distribution};
use super::{Condition, Param, SpaceError, error};

/// Sorts so that every parent precedes its children; the first that is ready goes first.
pub(super) fn parents_first(mut rest: Vec<Param>) -> Result<Vec<Param>, SpaceError> {
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

/// The parent's place, and the indices of the choices that satisfy the condition.
pub(super) fn resolve(
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
