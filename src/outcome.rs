//! The exit status for a study's outcome.

use std::process::ExitCode;

use kindling_proto::v1;

/// The text in `--help`.
pub(crate) const HELP: &str = "Exit status: 0 if the study is finished, 3 if nothing of it completed or if it was \
    paused because its trials failed one after another, 130 if it was interrupted, 1 for any other error";

/// 3 for a finished study without a completed trial, or one that is paused because its trials fail.
pub(crate) fn exit_code(study: &v1::Study) -> ExitCode {
    let nothing = study.finished && study.counts.is_none_or(|counts| counts.complete == 0);
    if nothing || is_failing(study) { ExitCode::from(3) } else { ExitCode::SUCCESS }
}

/// Whether the study was paused because its trials failed.
pub(crate) fn is_failing(study: &v1::Study) -> bool {
    !study.pause_reason.is_empty()
}
