//! A study's progress on standard error: bars on a terminal, a line per finished trial elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kindling_proto::v1;
use kindling_telemetry::{printable, say};

use crate::{format, metrics, table};

/// Shows updates of a watched study.
pub(crate) struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
    workers: BTreeMap<String, ProgressBar>,
    on_terminal: bool,
    /// Why a trial was last handed back: each reason is said once.
    handed_back: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bars = MultiProgress::new();
        let total = bars.add(ProgressBar::new(0));
        // The templates are constants; a wrong one would only fall back to the default style.
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} trials{msg}");
        total.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let on_terminal = std::io::stderr().is_terminal();
        Self { bars, total, workers: BTreeMap::new(), on_terminal, handed_back: String::new() }
    }

    pub(crate) fn show(&mut self, update: &v1::WatchStudyResponse) {
        let Some(study) = &update.study else { return };
        if self.on_terminal {
            self.show_bars(study, &update.workers);
        }
        for trial in update.changed.iter().filter(|t| t.complete_time.is_some()) {
            // Printed above the bars, which already show the study's progress.
            self.line(&finished_line(Some(study).filter(|_| !self.on_terminal), trial));
        }
        if let (Some(newest), Some(said)) = (&study.last_hand_back, format::hand_back(study))
            && newest.reason != self.handed_back
        {
            self.handed_back.clone_from(&newest.reason);
            let first = said.lines().next().unwrap_or_default();
            self.line(&format!("warning: {first}"));
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn line(&self, line: &str) {
        if self.on_terminal {
            _ = self.bars.println(printable(line));
        } else {
            say!("{line}");
        }
    }

    /// Removes the bars.
    pub(crate) fn clear(&self) {
        _ = self.bars.clear();
    }

    fn show_bars(&mut self, study: &v1::Study, workers: &[v1::Worker]) {
        self.total.set_length(format::total(study).into());
        self.total.set_position(format::finished(study).into());
        self.total.set_message(totals(study));
        self.workers.retain(|id, bar| {
            let stays = workers.iter().any(|w| w.id == *id && w.connected);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        for worker in workers.iter().filter(|w| w.connected) {
            let bar = self.workers.entry(worker.id.clone()).or_insert_with(|| {
                let style = ProgressStyle::with_template("  {prefix}  {wide_msg}");
                let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
                self.bars.add(ProgressBar::no_length().with_style(style))
            });
            let does: Vec<_> = worker.trials.iter().map(table::running).collect();
            bar.set_prefix(printable(&worker.id).into_owned());
            let does = if does.is_empty() { "idle".to_owned() } else { does.join(" · ") };
            bar.set_message(printable(&does).into_owned());
        }
    }
}

/// For example ` · best 0.9752 (#21) · 42.1 trials/h · 1h 29m left`.
fn totals(study: &v1::Study) -> String {
    let best = if metrics::is_single(study) {
        let best = kindling_report::best(study);
        best.map(|best| format!(" · best {} (#{})", metrics::values(study, best), best.number))
    } else {
        Some(format!(" · front of {}", study.front_size))
    };
    let rate = study.trials_per_hour.map(|r| format!(" · {} trials/h", format::number(r.round())));
    let left = format::span(study.time_left).map(|l| format!(" · {} left", format::duration(l)));
    [best, rate, left].into_iter().flatten().collect()
}

/// A finished trial's line; with `study`, it includes the study's progress.
fn finished_line(study: Option<&v1::Study>, trial: &v1::Trial) -> String {
    let took = format::trial_duration(trial).map(format::duration).unwrap_or_default();
    let what = match trial.state() {
        v1::TrialState::Complete => {
            study.map_or_else(|| format::values(trial), |study| metrics::values(study, trial))
        }
        // The whole reason, with its lines, is in `kindling trial show`.
        v1::TrialState::Fail => format::first_line(&trial.fail_reason).to_owned(),
        _ => String::new(),
    };
    let far = study.map(|s| format!("  {}/{}{}", format::finished(s), format::total(s), totals(s)));
    format!(
        "trial {:>4}  {:<8}  {what:<8}  {took:>7}{}  {}",
        trial.number,
        format::trial_state(trial),
        far.unwrap_or_default(),
        format::params(&trial.params),
    )
}
