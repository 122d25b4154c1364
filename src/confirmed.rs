//! What a study confirmed, as a table: means with their intervals, and what cannot be told apart.

use comfy_table::Table;
use kindling_proto::v1;
use kindling_report::{Analysis, Arm, Choice, Confirm, Role};

use crate::{format, table};

/// The configurations that were run again, best first; `None` if there are none.
pub(crate) fn confirmed(study: &v1::Study, trials: &[v1::Trial]) -> Option<Table> {
    let confirm = Analysis::new(study, trials).confirm?;
    let mut table = table::new(
        &["confirmed", "of trial", "seeds", "mean", "95 % interval", "against the best"],
        &[1, 2, 3],
    );
    for arm in &confirm.arms {
        let interval = arm.low.zip(arm.high);
        table.add_row([
            stands_for(arm),
            arm.of.to_string(),
            format!("{}{}", arm.values.len(), if arm.few { " (few)" } else { "" }),
            arm.mean.map(format::number).unwrap_or_default(),
            interval
                .map(|(low, high)| format!("{} to {}", format::number(low), format::number(high)))
                .unwrap_or_default(),
            verdict(&confirm, arm),
        ]);
    }
    Some(table)
}

/// Such as `he_normal + xavier_normal` or `conv: gaussian`.
fn stands_for(arm: &Arm) -> String {
    let roles = arm.roles.iter().map(|role| match role {
        Role::Combination { params } => params.values().map(word).collect::<Vec<_>>().join(" + "),
        Role::Choice { param, choice } => format!("{param}: {}", word(choice)),
    });
    roles.collect::<Vec<_>>().join("\n")
}

fn word(choice: &Choice) -> String {
    match choice {
        Choice::Bool(b) => b.to_string(),
        Choice::Int(i) => i.to_string(),
        Choice::Float(x) => format::number(*x),
        Choice::Text(s) => s.clone(),
    }
}

/// How a combination compares with the best of them; nothing of what is there for one choice alone.
fn verdict(confirm: &Confirm, arm: &Arm) -> String {
    let is_combination =
        |arm: &&Arm| arm.roles.iter().any(|role| matches!(role, Role::Combination { .. }));
    let Some(best) = confirm.arms.iter().find(is_combination) else { return String::new() };
    if arm.of == best.of {
        return "the best".to_owned();
    }
    let pair = confirm.comparisons.iter().find(|c| c.a == best.of && c.b == arm.of);
    let Some(pair) = pair else { return String::new() };
    let p = pair.p_holm.map(|p| format!(", p = {}", format::number(p))).unwrap_or_default();
    format!("{}{p}", if pair.differs { "worse" } else { "cannot be told apart" })
}
