//! Words and times of wire messages, as scripts get them.

use std::time::Duration;

use kindling_proto::v1;

/// The state's name.
pub fn trial_state(trial: &v1::Trial) -> &'static str {
    let name = trial.state().as_str_name();
    name.strip_prefix("TRIAL_STATE_").unwrap_or(name)
}

/// Why an attempt ended, as a word; `None` while it runs.
pub fn attempt_end(end: v1::AttemptEnd) -> Option<&'static str> {
    match end {
        v1::AttemptEnd::Unspecified => None,
        end => end.as_str_name().strip_prefix("ATTEMPT_END_"),
    }
}

/// The state's name; a study with nothing left to do is finished.
pub fn study_state(study: &v1::Study) -> &'static str {
    match study.state() {
        _ if study.finished => "FINISHED",
        v1::StudyState::Paused => "PAUSED",
        v1::StudyState::Stopped => "STOPPED",
        _ => "ACTIVE",
    }
}

/// Converts a wire duration.
pub fn span(wire: Option<prost_types::Duration>) -> Option<Duration> {
    wire.and_then(|d| Duration::try_from(d).ok())
}

/// Converts a wire time.
pub fn time(wire: Option<&prost_types::Timestamp>) -> Option<jiff::Timestamp> {
    let wire = wire?;
    jiff::Timestamp::new(wire.seconds, wire.nanos).ok()
}
