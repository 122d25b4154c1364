//! Why a configuration is run again.
//!
//! `kindling-study` makes the plan by the same rule (`confirm.rs`). Here it is derived again from the trials,
//! to say what each one stands for.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::analysis::table::Table;
use crate::shown::{Choice, ConfirmPlan, Domain, Params};

/// What a configuration stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Role {
    /// The best trial with one of the best combinations.
    Combination {
        /// The compared parameters.
        params: Params,
    },
    /// The best trial with this choice.
    Choice {
        /// The parameter.
        param: String,
        /// Its value.
        choice: Choice,
    },
}

/// The roles of the search's trials, by trial number. Among equals, the lower number gets the role.
///
/// A combination counts only where all compared parameters are active, a choice only where its parameter is.
pub(super) fn all(plan: &ConfirmPlan, table: &Table) -> BTreeMap<u32, Vec<Role>> {
    let by: Vec<_> = plan
        .by
        .iter()
        .filter_map(|name| {
            let place = table.position(name)?;
            match &table.space[place].domain {
                Domain::Categorical { choices } => Some((name, place, choices)),
                Domain::Float { .. } | Domain::Int { .. } => None,
            }
        })
        .collect();

    let mut roles: BTreeMap<u32, Vec<Role>> = BTreeMap::new();
    let mut combinations = HashSet::new();
    let mut singles = HashSet::new();
    for row in table.ranked() {
        let chosen: Vec<_> = by.iter().map(|(_, place, _)| row.choice(*place)).collect();
        if let Some(combination) = chosen.iter().copied().collect::<Option<Vec<_>>>()
            && combinations.len() < plan.best as usize
            && !by.is_empty()
            && combinations.insert(combination.clone())
        {
            let named = by.iter().zip(&combination);
            let params =
                named.map(|((name, _, choices), c)| ((*name).clone(), choices[*c].clone()));
            let role = Role::Combination { params: params.collect() };
            roles.entry(row.number).or_default().push(role);
        }
        for ((name, place, choices), choice) in by.iter().zip(&chosen) {
            let Some(choice) = choice.filter(|choice| singles.insert((*place, *choice))) else {
                continue;
            };
            if plan.each {
                let (param, choice) = ((*name).clone(), choices[choice].clone());
                roles.entry(row.number).or_default().push(Role::Choice { param, choice });
            }
        }
    }
    roles
}
