//! Tables that are readable without colour.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width,
};
use kindling_proto::v1;
use unicode_width::UnicodeWidthStr;

use crate::{format, metrics};

/// A single line below the header.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The shown length of a reason; `kindling trial show` prints all of it.
const LONGEST: usize = 200;

/// A longer word may be broken at the end of a line.
const LONGEST_WORD: u16 = 36;

/// A header and rows.
///
/// In a pipe, every row is a line. On a terminal, text wraps between words; if that is not enough, each row
/// becomes a list with one cell per line.
pub(crate) struct Table {
    head: Vec<String>,
    /// The columns with numbers, aligned right.
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
    /// The terminal's width in columns; `None` for a pipe.
    width: Option<u16>,
}

/// A table with a line below its header. The columns in `right` hold numbers.
pub(crate) fn new(head: &[&str], right: &[usize]) -> Table {
    Table {
        head: head.iter().map(|&name| name.to_owned()).collect(),
        right: right.to_vec(),
        rows: vec![],
        width: comfy_table::Table::new().width(),
    }
}

impl Table {
    /// Adds a row, with a cell for each column.
    pub(crate) fn add_row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The width of each column's widest word, at most [`LONGEST_WORD`].
    fn words(&self) -> Vec<u16> {
        let mut widths = vec![0; self.head.len()];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                let words = cell.split_whitespace().map(UnicodeWidthStr::width);
                let widest = words.max().unwrap_or(0).min(LONGEST_WORD.into()) as u16;
                *width = widest.max(*width);
            }
        }
        widths
    }

    fn as_columns(&self, words: &[u16]) -> comfy_table::Table {
        let mut table = drawn(self.width);
        table.load_style(STYLE).set_header(&self.head).add_rows(&self.rows);
        table.set_constraints(
            words.iter().map(|&word| ColumnConstraint::LowerBoundary(Width::Fixed(word + PADDING))),
        );
        for column in &self.right {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    fn as_list(&self, row: &[String]) -> comfy_table::Table {
        let mut table = drawn(self.width);
        let name = |name: &String| if name.is_empty() { String::new() } else { format!("{name}:") };
        let cells = self.head.iter().map(name).zip(row).filter(|(_, cell)| !cell.is_empty());
        table
            .load_style(TableStyle::new())
            .add_rows(cells.map(|(name, cell)| [name, cell.clone()]));
        if let Some(names) = table.column_mut(0) {
            names.set_constraint(ColumnConstraint::ContentWidth);
        }
        table
    }
}

/// One space on each side of a cell.
const PADDING: u16 = 2;

fn drawn(width: Option<u16>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words();
        // A blank stands between two columns.
        let narrowest = words.iter().map(|word| word + PADDING + 1).sum::<u16>() - 1;
        if self.width.is_none_or(|width| narrowest <= width) {
            return self.as_columns(&words).fmt(f);
        }
        for (place, row) in self.rows.iter().enumerate() {
            write!(f, "{}{}", if place > 0 { "\n\n" } else { "" }, self.as_list(row))?;
        }
        Ok(())
    }
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
            best(study),
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

/// The best value, or the size of the front.
fn best(study: &v1::Study) -> String {
    if metrics::is_single(study) {
        return kindling_report::best(study)
            .map(|best| metrics::values(study, best))
            .unwrap_or_default();
    }
    format!("front of {}", study.front_size)
}

/// Trials of the study, without the reasons for failures.
pub(crate) fn trials(study: &v1::Study, trials: &[&v1::Trial]) -> Table {
    of_trials(study, trials, false)
}

/// Trials of the study, with the beginning of each failure's reason.
pub(crate) fn trials_and_reasons(study: &v1::Study, trials: &[&v1::Trial]) -> Table {
    of_trials(study, trials, trials.iter().any(|trial| !trial.fail_reason.is_empty()))
}

/// Trials of the front, which come in short: their values and parameters.
pub(crate) fn front(study: &v1::Study, trials: &[&v1::Trial]) -> Table {
    let names = metrics::names(study);
    let mut head = vec!["trial"];
    head.extend(names.iter().map(String::as_str));
    head.push("parameters");
    let mut table = new(&head, &(0..=names.len()).collect::<Vec<_>>());
    for trial in trials {
        let values = kindling_report::values(trial).iter().map(|value| format::number(*value));
        let number = std::iter::once(trial.number.to_string());
        table.add_row(number.chain(values).chain([format::params(&trial.params)]));
    }
    table
}

/// A column for each objective; one for the constraints that do not hold, if the study has some.
fn of_trials(study: &v1::Study, trials: &[&v1::Trial], any_failed: bool) -> Table {
    let names = metrics::names(study);
    let has_constraints = !metrics::constraints(study).is_empty();
    let mut head = vec!["trial", "state"];
    head.extend(names.iter().map(String::as_str));
    if has_constraints {
        head.push("violated");
    }
    let right: Vec<_> = (2..2 + names.len()).chain(head.len()..head.len() + 3).collect();
    head.extend(["steps", "attempt", "time", "parameters"]);
    if any_failed {
        head.push("failed because");
    }
    let mut table = new(&head, &[&[0][..], &right].concat());
    for trial in trials {
        let values = kindling_report::values(trial);
        let mut row = vec![trial.number.to_string(), format::trial_state(trial).to_owned()];
        row.extend((0..names.len()).map(|place| {
            values.get(place).map(|value| format::number(*value)).unwrap_or_default()
        }));
        if has_constraints {
            row.push(metrics::violated(study, trial));
        }
        row.extend([
            trial.intermediate_values.len().to_string(),
            trial.attempt.to_string(),
            format::trial_duration(trial).map(format::duration).unwrap_or_default(),
            format::params(&trial.params),
        ]);
        if any_failed {
            row.push(trial.fail_reason.chars().take(LONGEST).collect());
        }
        table.add_row(row);
    }
    table
}

/// A trial's intermediate values: a column for the objective that the pruner compares, and for each other that it reported.
pub(crate) fn curve(study: &v1::Study, trial: &v1::Trial) -> Table {
    let names = metrics::names(study);
    let compared = metrics::pruner_objective(study);
    let told = trial.intermediate_values.iter().flat_map(|step| &step.others);
    let others: BTreeSet<_> = told.map(|other| other.objective).collect();
    let name = |place: usize| names.get(place).map_or("value", String::as_str);
    let mut head = vec!["step", name(compared)];
    head.extend(others.iter().map(|place| name(*place as usize)));
    let mut table = new(&head, &(0..head.len()).collect::<Vec<_>>());
    for step in &trial.intermediate_values {
        let of = |place: &u32| step.others.iter().find(|other| other.objective == *place);
        let mut row = vec![step.step.to_string(), format::number(step.value)];
        let values = others.iter().map(|place| of(place).map(|other| format::number(other.value)));
        row.extend(values.map(Option::unwrap_or_default));
        table.add_row(row);
    }
    table
}

/// Who had a trial, and why each attempt at it ended.
pub(crate) fn attempts(attempts: &[v1::TrialAttempt]) -> Table {
    let mut table = new(&["attempt", "worker", "from step", "took", "ended"], &[0, 2, 3]);
    for attempt in attempts {
        let times = [attempt.start_time.as_ref(), attempt.end_time.as_ref()];
        let [start, end] = times.map(format::time);
        let took = start.zip(end).and_then(|(a, b)| Duration::try_from(b.duration_since(a)).ok());
        table.add_row([
            attempt.attempt.to_string(),
            attempt.worker.clone(),
            attempt.resumed_from.map_or_else(|| "start".to_owned(), |step| (step + 1).to_string()),
            took.map(format::duration).unwrap_or_default(),
            format::attempt_end(attempt.end())
                .unwrap_or("running")
                .to_lowercase()
                .replace('_', " "),
        ]);
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

/// For example `digits #12, step 4: 0.9312`.
pub(crate) fn running(trial: &v1::RunningTrial) -> String {
    let newest =
        trial.newest.as_ref().map(|n| format!(", step {}: {}", n.step, format::number(n.value)));
    format!("{} #{}{}", trial.study, trial.number, newest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(width: Option<u16>) -> String {
        let mut table = new(&["trial", "value", "parameters"], &[0, 1]);
        table.width = width;
        for (trial, value) in [("7", "0.98"), ("12", "0.9")] {
            let cells = [trial, value, "optimizer=adamw learning_rate=0.00123"];
            table.add_row(cells.map(str::to_owned));
        }
        table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
    }

    #[test]
    fn a_pipe_gets_a_line_for_each_row() {
        let lines = printed(None);
        assert_eq!(lines.lines().count(), 4, "{lines}");
        assert!(
            lines.contains("    12     0.9   optimizer=adamw learning_rate=0.00123"),
            "{lines}"
        );
    }

    #[test]
    fn a_narrow_terminal_gets_lines_broken_between_words() {
        let expected = [
            " trial   value   parameters",
            "───────────────────────────────────────",
            "     7    0.98   optimizer=adamw",
            "                 learning_rate=0.00123",
            "    12     0.9   optimizer=adamw",
            "                 learning_rate=0.00123",
        ];
        assert_eq!(printed(Some(40)).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn one_that_is_narrower_than_the_words_gets_a_list() {
        let expected = [
            " trial:       7",
            " value:       0.98",
            " parameters:  optimizer=adamw",
            "              learning_rate=0.00123",
            "",
            " trial:       12",
            " value:       0.9",
            " parameters:  optimizer=adamw",
            "              learning_rate=0.00123",
        ];
        assert_eq!(printed(Some(38)).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn whatever_the_width_words_stay_whole_and_lines_fit() {
        for width in 36..=80 {
            let printed = printed(Some(width));
            for word in ["optimizer=adamw", "learning_rate=0.00123"] {
                assert_eq!(printed.matches(word).count(), 2, "{width}:\n{printed}");
            }
            assert!(
                printed.lines().all(|line| line.width() <= width.into()),
                "{width}:\n{printed}"
            );
        }
    }
}
