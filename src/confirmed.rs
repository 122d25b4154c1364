//! A study's confirmation results: means with intervals, what cannot be told apart, and what is best.

use kindling_proto::v1;
use kindling_report::{Analysis, Arm, Choice, Confirm, Role, best};

use crate::{format, table};

/// The configurations that were run again.
pub(crate) struct Confirmed(Confirm);

impl Confirmed {
    /// `None` if no configuration was run again.
    pub(crate) fn new(study: &v1::Study, trials: &[v1::Trial]) -> Option<Self> {
        Analysis::new(study, trials).confirm.map(Self)
    }

    /// Which configuration is best, and how the search's best did, once everything was run again.
    pub(crate) fn headline(&self, study: &v1::Study) -> Option<String> {
        let find = |of| self.0.arms.iter().find(|arm| arm.of == of);
        let arm = find(self.0.best?)?;
        let mean = |arm: &Arm| arm.mean.map(format::number).unwrap_or_default();
        let interval = interval(arm).map(|i| format!(", {i} at 95 %")).unwrap_or_default();
        let confirmed = format!(
            "best, confirmed: the configuration of trial {}, mean {} under {} fresh seeds{interval}",
            arm.of,
            mean(arm),
            arm.values.len(),
        );
        let Some(best) = best(study).filter(|best| best.number != arm.of) else {
            return Some(confirmed);
        };
        let became = match find(best.number) {
            Some(again) if again.mean.is_some() => {
                format!("comes to {} under fresh seeds", mean(again))
            }
            Some(_) => "gave no value under fresh seeds".to_owned(),
            None => "was not run again".to_owned(),
        };
        let (value, number) = (format::values(best), best.number);
        Some(format!(
            "{confirmed}\nthe search's best, {value} in trial {number}, did not hold: it {became}"
        ))
    }

    /// All configurations, best first.
    pub(crate) fn table(&self) -> table::Table {
        let confirm = &self.0;
        let mut table = table::new(
            &["confirmed", "of trial", "seeds", "mean", "95 % interval", "against the best"],
            &[1, 2, 3],
        );
        for arm in &confirm.arms {
            table.add_row([
                stands_for(arm),
                arm.of.to_string(),
                format!("{}{}", arm.values.len(), if arm.few { " (few)" } else { "" }),
                arm.mean.map(format::number).unwrap_or_default(),
                interval(arm).unwrap_or_default(),
                verdict(confirm, arm),
            ]);
        }
        table
    }
}

fn interval(arm: &Arm) -> Option<String> {
    let (low, high) = arm.low.zip(arm.high)?;
    Some(format!("{} to {}", format::number(low), format::number(high)))
}

/// For example `he_normal + xavier_normal` or `conv: gaussian`.
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
        Choice::Text(s) | Choice::Nested(s) => s.clone(),
        Choice::None => "null".to_owned(),
    }
}

/// How a combination compares with the best one; empty for a configuration that stands only for a single
/// choice.
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
