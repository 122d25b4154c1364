//! The summary of a run.

use std::fmt::Write as _;
use std::path::Path;

use kindling_proto::v1;
use kindling_report::{Directions, best};

use crate::confirmed::Confirmed;
use crate::{format, metrics, named_file, shell, table};

/// How many of the best trials to show.
const BEST: usize = 10;

/// The best trials, the counts of trials, and where everything is stored.
pub(super) fn text(study: &v1::Study, trials: &[v1::Trial], store: &Path) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| _ = writeln!(text, "{line}");
    let first = best_trials(study, trials);
    if !first.is_empty() {
        line(format_args!("{}", table::trials(study, &first)));
    }
    line(format_args!("{}", format::counts(study)));
    for reason in format::failures(study) {
        line(format_args!("{reason}"));
    }
    let confirmed = Confirmed::new(study, trials);
    if let Some(headline) = confirmed.as_ref().and_then(|confirmed| confirmed.headline(study)) {
        line(format_args!("{headline}"));
    } else if !metrics::is_single(study) {
        line(format_args!("{}", metrics::front(study)));
    } else if let Some(best) = best(study) {
        line(format_args!("best: {} in trial {}", metrics::values(study, best), best.number));
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

/// The search's best trials, best first; of several objectives, the first of the front.
fn best_trials<'a>(study: &v1::Study, trials: &'a [v1::Trial]) -> Vec<&'a v1::Trial> {
    if !metrics::is_single(study) {
        let of_number = |best: &v1::Trial| trials.iter().find(|trial| trial.number == best.number);
        return study.front.iter().filter_map(of_number).take(BEST).collect();
    }
    let of_search = trials
        .iter()
        .filter(|trial| trial.confirms.is_none() && metrics::violated(study, trial).is_empty());
    let mut ranked = Directions::of(study).ranked(of_search);
    ranked.truncate(BEST);
    ranked
}
