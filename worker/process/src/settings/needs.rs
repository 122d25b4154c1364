//! What others than the worker must know of the settings.

use std::time::Duration;

use kindling_worker::{JsonMap, Metrics, SettingsError};

use super::keys::Keys;
use super::{Command, GRACE, MOST_GPUS, units};
use crate::goals::Goals;

/// What a trial needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// How many GPUs it gets; those of its slot, if the study does not say.
    pub gpus: Option<usize>,
    /// How long it may take to end once it is told to.
    pub grace: Duration,
}

/// What trials of this kind need with these settings. `None` if no objective of ours is of this kind.
///
/// The settings were checked before: what is wrong in them counts as if it was not there.
pub fn needs(kind: &str, settings: &JsonMap) -> Option<Needs> {
    if !matches!(kind, "command" | "python") {
        return None;
    }
    let keys = Keys::of(settings);
    let grace = keys.duration("grace", Duration::ZERO..=units::LONGEST_GRACE);
    Some(Needs {
        gpus: keys.count("gpus", MOST_GPUS).ok().flatten(),
        grace: grace.ok().flatten().unwrap_or(GRACE),
    })
}

/// The parameters that a command names by `${param:NAME}`: a study's space must have them.
///
/// The settings were checked before: of wrong ones there are none, as of another kind.
pub fn params_of(kind: &str, settings: &JsonMap) -> Vec<String> {
    let read = (kind == "command").then(|| Command::read(settings));
    let Some(Ok(command)) = read else { return Vec::new() };
    command.words.params().map(str::to_owned).collect()
}

/// Checks that `metric` does not contradict what the study calls its objectives.
///
/// The settings were checked before. Those of another kind have nothing to say here.
pub fn check_metric(kind: &str, settings: &JsonMap, study: &Metrics) -> Result<(), SettingsError> {
    if !matches!(kind, "command" | "python") {
        return Ok(());
    }
    let metric = Keys::of(settings).text("metric").ok().flatten();
    Goals::new(study, metric).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parameters_that_a_command_names_are_known() {
        let words =
            json!({"command": ["train", "--a=${param:a}${seed}", "${args}", "${param: b}"]});
        let settings = words.as_object().expect("a table");
        assert_eq!(params_of("command", settings), ["a", " b"]);
        assert_eq!(params_of("python", settings), Vec::<String>::new());
        assert_eq!(params_of("command", &JsonMap::new()), Vec::<String>::new());
    }

    #[test]
    fn a_metric_that_contradicts_the_study_is_found_before_it_is_created() {
        let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
        let study = Metrics { names, ..Metrics::default() };
        let check = |kind: &str, metric: serde_json::Value| {
            let settings = json!({"command": ["x"], "metric": metric});
            check_metric(kind, settings.as_object().expect("a table"), &study)
        };
        assert_eq!(check("command", json!("accuracy")), Ok(()));
        assert_eq!(check("mnist_cnn", json!("loss")), Ok(()));
        assert_eq!(check_metric("python", &JsonMap::new(), &study), Ok(()));
        let error = check("python", json!("loss")).expect_err("refused").to_string();
        assert!(error.starts_with("objective.metric: the study's objectives are"), "{error}");
    }

    #[test]
    fn what_a_trial_needs_is_read_as_the_objective_reads_it() {
        let of = |kind: &str, settings: serde_json::Value| {
            needs(kind, settings.as_object().expect("a table"))
        };
        assert_eq!(of("mnist_cnn", json!({"gpus": 2})), None);
        let (gpus, grace) = (Some(2), Duration::from_mins(90));
        let found = of("python", json!({"function": "a:b", "gpus": 2, "grace": "1h30m"}));
        assert_eq!(found, Some(Needs { gpus, grace }));
        let usual = Some(Needs { gpus: None, grace: GRACE });
        assert_eq!(of("command", json!({})), usual);
        assert_eq!(of("command", json!({"gpus": "two", "grace": 5})), usual);
    }
}
