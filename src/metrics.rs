//! What a study's values are called, and whether a trial keeps its constraints.

use kindling_proto::v1;

use crate::format::number;

/// The names of the objectives, one for each; a single one is called `value` unless the study names it.
pub(crate) fn names(study: &v1::Study) -> Vec<String> {
    let spec = study.spec.as_ref();
    let given = spec.map_or(&[][..], |spec| &spec.metric_names);
    kindling_report::metric_names(given, spec.map_or(1, |spec| spec.directions.len().max(1)))
}

/// Whether the study has one objective.
pub(crate) fn is_single(study: &v1::Study) -> bool {
    names(study).len() == 1
}

/// The index of the objective that the pruner compares.
pub(crate) fn pruner_objective(study: &v1::Study) -> usize {
    let pruner = study.spec.as_ref().and_then(|spec| spec.pruner.clone()).unwrap_or_default();
    kindling_report::compared_metric(&kindling_report::from_struct(&pruner), &names(study))
}

/// The names of the constraints.
pub(crate) fn constraints(study: &v1::Study) -> &[String] {
    study.spec.as_ref().map_or(&[], |spec| &spec.constraints)
}

/// The trial's values: of one objective the number, of several each with its name. Empty if it has none.
pub(crate) fn values(study: &v1::Study, trial: &v1::Trial) -> String {
    let values = kindling_report::values(trial);
    if is_single(study) {
        return values.first().map(|value| number(*value)).unwrap_or_default();
    }
    let named = names(study).into_iter().zip(values);
    named.map(|(name, value)| format!("{name}={}", number(*value))).collect::<Vec<_>>().join(" ")
}

/// Which constraints the trial does not keep, in words; empty if it keeps all, or has not finished.
pub(crate) fn violated(study: &v1::Study, trial: &v1::Trial) -> String {
    let names = constraints(study);
    if names.is_empty() || trial.state() != v1::TrialState::Complete {
        return String::new();
    }
    if trial.constraints.len() < names.len() {
        return "not told".to_owned();
    }
    let above = names.iter().zip(&trial.constraints).filter(|(_, value)| **value > 0.0);
    above.map(|(name, value)| format!("{name}={}", number(*value))).collect::<Vec<_>>().join(" ")
}

/// How many trials the front of several objectives has.
pub(crate) fn front(study: &v1::Study) -> String {
    match study.front_size {
        0 if constraints(study).is_empty() => "front: no trial completed yet".to_owned(),
        0 => "front: no trial that keeps the constraints yet".to_owned(),
        1 => "front: 1 trial, which no other beats in everything".to_owned(),
        size => format!("front: {size} trials; none is beaten by another in everything"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(names: &[&str], directions: usize, constraints: &[&str]) -> v1::Study {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let spec = v1::StudySpec {
            directions: vec![v1::Direction::Minimize.into(); directions],
            metric_names: texts(names),
            constraints: texts(constraints),
            ..Default::default()
        };
        v1::Study { spec: Some(spec), ..Default::default() }
    }

    fn trial(values: &[f64], constraints: &[f64]) -> v1::Trial {
        v1::Trial {
            state: v1::TrialState::Complete.into(),
            values: values.to_vec(),
            constraints: constraints.to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn several_values_have_their_names() {
        let two = trial(&[0.5, 64.0], &[]);
        assert_eq!(values(&study(&["a", "b"], 2, &[]), &two), "a=0.5 b=64");
        assert_eq!(values(&study(&[], 2, &[]), &two), "objective 0=0.5 objective 1=64");
        assert_eq!(values(&study(&["a"], 1, &[]), &trial(&[0.5], &[])), "0.5");
        assert_eq!(values(&study(&[], 1, &[]), &v1::Trial::default()), "");
    }

    #[test]
    fn what_is_violated_is_named() {
        let study = study(&[], 1, &["gb", "watts"]);
        let said = |told: &[f64]| violated(&study, &trial(&[0.5], told));
        assert_eq!(said(&[0.0, -1.0]), "");
        assert_eq!(said(&[0.5, -1.0]), "gb=0.5");
        assert_eq!(said(&[0.5, 1.0]), "gb=0.5 watts=1");
        assert_eq!(said(&[]), "not told");
        assert_eq!(violated(&study, &v1::Trial::default()), "", "it has not finished");
    }
}
