//! Orders parameters so that parents come before their children, and refuses cycles.

use std::collections::{BTreeSet, HashMap};

use super::error::{SpaceError, error};
use super::param::Param;

/// Sorts parents before their children. Among the parameters that are ready, the earliest goes first.
pub(super) fn parents_first(params: Vec<Param>) -> Result<Vec<Param>, SpaceError> {
    let places: HashMap<_, _> =
        params.iter().enumerate().map(|(place, p)| (p.name.clone(), place)).collect();
    // Per parameter, how many conditions wait for their parent. An unknown parent is never found.
    let mut missing: Vec<_> = params.iter().map(|param| param.when.len()).collect();
    let mut children = vec![Vec::new(); params.len()];
    for (place, param) in params.iter().enumerate() {
        for parent in param.when.iter().filter_map(|c| places.get(&c.parent)) {
            children[*parent].push(place);
        }
    }
    let mut ready: BTreeSet<_> = (0..params.len()).filter(|p| missing[*p] == 0).collect();
    let mut rest: Vec<_> = params.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(rest.len());
    while let Some(place) = ready.pop_first() {
        sorted.extend(rest[place].take());
        for child in &children[place] {
            missing[*child] -= 1;
            if missing[*child] == 0 {
                ready.insert(*child);
            }
        }
    }
    let rest: Vec<_> = rest.into_iter().flatten().collect();
    if rest.is_empty() { Ok(sorted) } else { Err(unmet_parent(&rest, &sorted)) }
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
