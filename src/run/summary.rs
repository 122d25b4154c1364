//! The summary of a run.

use std::fmt::Write as _;
use std::path::Path;

use kindling_proto::v1;
use kindling_report::Direction;

use crate::confirmed::Confirmed;
use crate::{format, named_file, shell, table};

/// How many of the best trials to show.
const BEST: usize = 10;

/// The best trials, the counts of trials, and where everything is stored.
pub(super) fn text(study: &v1::Study, trials: &[v1::Trial], store: &Path) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| _ = writeln!(text, "{line}");
    let best = best_trials(study, trials);
    if !best.is_empty() {
        line(format_args!("{}", table::trials(&best)));
    }
    line(format_args!("{}", format::counts(study)));
    for reason in format::failures(study) {
        line(format_args!("{reason}"));
    }
    let confirmed = Confirmed::new(study, trials);
    if let Some(headline) = confirmed.as_ref().and_then(|confirmed| confirmed.headline(study)) {
        line(format_args!("{headline}"));
    } else if let Some(best) = &study.best {
        line(format_args!("best: {} in trial {}", format::objective(best), best.number));
        if let Some(test) = best.attributes_json.get("test_accuracy") {
            line(format_args!("test accuracy of that trial's own weights: {test}"));
        }
    } else if study.finished {
        line(format_args!("nothing completed"));
    }
    if let Some(confirmed) = confirmed {
        line(format_args!("\n{}", confirmed.table()));
    }
    line(format_args!("store: {}", store.display()));
    let name = format::name(study);
    let page = named_file::after_study(name, "html");
    let (from, to) = (store.to_string_lossy(), page.to_string_lossy());
    let (from, to) = (shell::option("--store", &from), shell::option("-o", &to));
    line(format_args!("report: kindling report {from} {to} {}", shell::last(name)));
    text
}

/// The search's best trials, best first.
fn best_trials<'a>(study: &v1::Study, trials: &'a [v1::Trial]) -> Vec<&'a v1::Trial> {
    let direction = study.spec.as_ref().map_or(Direction::Maximize, Direction::of);
    let of_search = |t: &&v1::Trial| !t.values.is_empty() && t.confirms.is_none();
    let mut best: Vec<_> = trials.iter().filter(of_search).collect();
    let loss = |t: &v1::Trial| direction.loss(t.values[0]);
    best.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    best.truncate(BEST);
    best
}
