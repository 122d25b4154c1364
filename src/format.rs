//! Formats values for people.

use std::time::Duration;

use kindling_coordinator::convert::typed::literal;
use kindling_proto::v1;
use kindling_proto::v1::value::Kind;
pub(crate) use kindling_report::hex;
pub(crate) use kindling_report::plain::{attempt_end, span, study_state, time, trial_state};

/// A parameter's value, with floats to five significant digits.
pub(crate) fn value(value: Option<&v1::Value>) -> String {
    match value.and_then(|v| v.kind.as_ref()) {
        Some(Kind::Float(x)) => number(*x),
        // Quotes mark empty text, or the text "1" next to a number 1.
        Some(kind) => literal(kind),
        None => String::new(),
    }
}

/// Five significant digits, as short as possible.
pub(crate) fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let magnitude = x.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        return format!("{x:.3e}");
    }
    let decimals = (4.0 - magnitude).clamp(0.0, 12.0) as usize;
    let fixed = format!("{x:.decimals$}");
    if fixed.contains('.') {
        fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        fixed
    }
}

/// All parameters on one line.
pub(crate) fn params(params: &[v1::NamedValue]) -> String {
    let pairs = params.iter().map(|p| format!("{}={}", p.name, value(p.value.as_ref())));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Lines with the tags and the note, as far as there are some.
pub(crate) fn remarks(note: &str, tags: &[String]) -> Vec<String> {
    let tags = (!tags.is_empty()).then(|| format!("tags: {}", tags.join(", ")));
    let note = note.trim_end_matches('\n');
    let note = (!note.is_empty()).then(|| format!("note: {}", note.replace('\n', "\n      ")));
    tags.into_iter().chain(note).collect()
}

/// The trial's objective values, or empty.
pub(crate) fn values(trial: &v1::Trial) -> String {
    let values = kindling_report::values(trial).iter().map(|value| number(*value));
    values.collect::<Vec<_>>().join(", ")
}

/// For example `2h 05m`, `3m 20s` or `4.2s`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// The time from start to finish.
pub(crate) fn trial_duration(trial: &v1::Trial) -> Option<Duration> {
    let (start, end) = (time(trial.start_time.as_ref())?, time(trial.complete_time.as_ref())?);
    Duration::try_from(end.duration_since(start)).ok()
}

/// The number of finished trials and the total, and the trials in each state that occurs.
pub(crate) fn counts(study: &v1::Study) -> String {
    let counts = study.counts.unwrap_or_default();
    let states = [
        ("complete", counts.complete),
        ("pruned", counts.pruned),
        ("failed", counts.fail),
        ("running", counts.running),
        ("waiting", counts.waiting),
    ];
    let shown = states.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let shown = if shown.is_empty() { shown } else { format!(" ({shown})") };
    format!("{}/{} finished{shown}", finished(study), total(study))
}

/// One line per reason why trials failed, and why the study is paused for it.
pub(crate) fn failures(study: &v1::Study) -> Vec<String> {
    let paused = Some(&study.pause_reason).filter(|reason| !reason.is_empty());
    let mut lines: Vec<_> = paused.map(|reason| format!("paused: {reason}")).into_iter().collect();
    lines.extend(study.failures.iter().map(|failure| {
        let v1::Failure { reason, trials, newest } = failure;
        let reason = first_line(reason);
        format!(
            "{trials} failed: {reason} (trial {newest}{})",
            if *trials > 1 { " last" } else { "" }
        )
    }));
    let told: u32 = study.failures.iter().map(|failure| failure.trials).sum();
    let others = study.counts.map_or(0, |counts| counts.fail).saturating_sub(told);
    if others > 0 {
        lines.push(format!("{others} failed for other reasons"));
    }
    lines
}

/// The first line of a reason that is not empty. The whole is in `kindling trial show`.
pub(crate) fn first_line(reason: &str) -> &str {
    reason.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The newest trial that was handed back, while the study has something left to do.
pub(crate) fn hand_back(study: &v1::Study) -> Option<String> {
    let v1::HandBack { reason, trial, worker, times, .. } =
        study.last_hand_back.as_ref().filter(|_| !study.finished)?;
    let often = if *times > 1 { format!(", {times} in a row") } else { String::new() };
    Some(format!("handed back: trial {trial} by {worker}{often}: {}", first_line(reason)))
}

/// Who is told of the study's news, and what came of the newest message.
pub(crate) fn told(study: &v1::Study) -> Option<String> {
    let last = study.last_notification.as_ref().map(|last| {
        let when = time(last.time.as_ref()).map(|t| t.to_string()).unwrap_or_default();
        let v1::Notification { news, host, error, .. } = last;
        match error.as_str() {
            "" => format!("{news}, delivered to {host} at {when}"),
            error => format!("{news}, given up at {when}: {host}: {}", first_line(error)),
        }
    });
    let notify = study.spec.as_ref()?.notify.as_ref();
    let notify = notify.filter(|notify| notify.kind() != v1::NotifyKind::Off);
    match (notify, last) {
        (Some(_), Some(last)) => Some(format!("last message: {last}")),
        (Some(notify), None) => Some(format!("messages: none yet, to {}", notify.host)),
        (None, _) => None,
    }
}

/// That no worker can train the study's trials, if that is certain.
pub(crate) fn nobody_offers(study: &v1::Study, workers: &[v1::Worker]) -> Option<String> {
    let kind = &study.spec.as_ref()?.objective.as_ref()?.kind;
    let mut connected = workers.iter().filter(|worker| worker.connected);
    // Of a worker that names no objectives, nobody knows what it offers.
    let may =
        |worker: &v1::Worker| worker.objectives.is_empty() || worker.objectives.contains(kind);
    let is_open = !study.finished && study.state() == v1::StudyState::Active;
    if study.external || !is_open || connected.any(may) {
        return None;
    }
    let start = if crate::objectives::is_own_code(kind) {
        "start one with `kindling worker --allow-commands`"
    } else if crate::objectives::is_known(kind) {
        "start one with `kindling worker`"
    } else {
        "start one that does"
    };
    Some(format!("no worker that is connected offers `{kind}`: {start}"))
}

/// The number of finished trials.
pub(crate) fn finished(study: &v1::Study) -> u32 {
    study.counts.map_or(0, |c| c.complete + c.pruned + c.fail)
}

/// The number of trials to finish: the budget, plus the confirmations after the search.
pub(crate) fn total(study: &v1::Study) -> u32 {
    study.budget.saturating_add(study.confirmations)
}

/// The study's name.
pub(crate) fn name(study: &v1::Study) -> &str {
    study.spec.as_ref().map_or("", |s| s.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_five_digits_and_no_more() {
        for (x, shown) in [
            (0.978, "0.978"),
            (0.001_323_432_1, "0.0013234"),
            (64.0, "64"),
            (121_994.0, "121994"),
            (1e-7, "1.000e-7"),
            (-2.5, "-2.5"),
            (0.0, "0"),
        ] {
            assert_eq!(number(x), shown);
        }
    }

    #[test]
    fn a_trial_shows_each_of_its_values() {
        let shown = |of: &[f64]| {
            let state = v1::TrialState::Complete.into();
            values(&v1::Trial { state, values: of.to_vec(), ..Default::default() })
        };
        assert_eq!([shown(&[]), shown(&[0.25]), shown(&[0.25, 64.0])], ["", "0.25", "0.25, 64"]);
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(duration(Duration::from_millis(4230)), "4.2s");
        assert_eq!(duration(Duration::from_secs(200)), "3m 20s");
        assert_eq!(duration(Duration::from_secs(7510)), "2h 05m");
    }
}
