//! Tables that read well without colour.

pub(crate) use comfy_table::Table;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};
use kindling_proto::v1;

use crate::format;

/// One line, below the head.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// So much of a reason is shown; `kindling trial show` has all of it.
const LONGEST: usize = 200;

/// A table with a line below its head; the columns named in `right` hold numbers.
pub(crate) fn new(head: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    // On a terminal, what is too wide is broken inside its cell; in a pipe, a line stays a line.
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().copied());
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(crate) fn studies(studies: &[v1::Study]) -> Table {
    let head =
        ["study", "state", "finished", "running", "failed", "best", "trials/h", "why most failed"];
    let mut table = new(&head, &[2, 3, 4, 5, 6]);
    for study in studies {
        table.add_row([
            format::name(study).to_owned(),
            format::study_state(study).to_owned(),
            format!("{}/{}", format::finished(study), format::total(study)),
            study.counts.map_or(0, |c| c.running).to_string(),
            study.counts.map_or(0, |c| c.fail).to_string(),
            study.best.as_ref().map(format::objective).unwrap_or_default(),
            study.trials_per_hour.map(format::number).unwrap_or_default(),
            study
                .failures
                .first()
                .map(|f| f.reason.chars().take(LONGEST).collect())
                .unwrap_or_default(),
        ]);
    }
    table
}

pub(crate) fn trials(trials: &[&v1::Trial]) -> Table {
    let mut head = vec!["trial", "state", "value", "steps", "attempt", "time", "parameters"];
    let any_failed = trials.iter().any(|trial| !trial.fail_reason.is_empty());
    if any_failed {
        head.push("failed because");
    }
    let mut table = new(&head, &[0, 2, 3, 4, 5]);
    for trial in trials {
        let mut row = vec![
            trial.number.to_string(),
            format::trial_state(trial).to_owned(),
            format::objective(trial),
            trial.intermediate_values.len().to_string(),
            trial.attempt.to_string(),
            format::trial_duration(trial).map(format::duration).unwrap_or_default(),
            format::params(&trial.params),
        ];
        if any_failed {
            row.push(trial.fail_reason.chars().take(LONGEST).collect());
        }
        table.add_row(row);
    }
    table
}

pub(crate) fn workers(workers: &[v1::Worker]) -> Table {
    let mut table = new(&["worker", "device", "slots", "heard of", "does"], &[2, 3]);
    for worker in workers {
        let silent = format::span(worker.silent).unwrap_or_default();
        let heard = if worker.connected {
            "now".to_owned()
        } else {
            format!("{} ago", format::duration(silent))
        };
        let does: Vec<_> = worker.trials.iter().map(running).collect();
        table.add_row([
            worker.id.clone(),
            worker.device.clone(),
            worker.slots.to_string(),
            heard,
            match does[..] {
                [] if worker.connected => "idle".to_owned(),
                [] => "gone".to_owned(),
                _ => does.join("\n"),
            },
        ]);
    }
    table
}

/// Such as `digits #12, step 4: 0.9312`.
pub(crate) fn running(trial: &v1::RunningTrial) -> String {
    let newest = trial.newest.map(|n| format!(", step {}: {}", n.step, format::number(n.value)));
    format!("{} #{}{}", trial.study, trial.number, newest.unwrap_or_default())
}
