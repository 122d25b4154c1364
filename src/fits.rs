//! Checks that a study's space matches what its objective takes.
//!
//! Otherwise every trial would fail, or the search would vary a parameter without effect.

use kindling_coordinator::config::nearest;
use kindling_study::{Choice, Condition, Distribution, Needs, Param, SearchSpace};
use kindling_worker::{Accepts, Takes};

/// A mismatch: the key in the study file, and the reason.
pub(crate) type Misfit = (String, String);

/// Checks every parameter, and that none is missing.
pub(crate) fn check(space: &SearchSpace, takes: &[Takes]) -> Result<(), Misfit> {
    for param in space.params() {
        let key = format!("space.{}", param.name);
        let Some(known) = takes.iter().find(|t| t.name == param.name) else {
            return Err((key, unknown(&param.name, takes)));
        };
        has_values(param, &known.values).map_err(|(below, why)| (format!("{key}.{below}"), why))?;
    }
    takes.iter().try_for_each(|needed| is_there(space, needed))
}

fn unknown(name: &str, takes: &[Takes]) -> String {
    let known: Vec<_> = takes.iter().map(|t| t.name.as_str()).collect();
    let near = nearest(name, &known).map(|near| format!("; did you mean `{near}`?"));
    let known = || format!("; it takes {}", Takes::names(takes));
    format!("the objective has no such parameter{}", near.unwrap_or_else(known))
}

fn has_values(param: &Param, values: &Accepts) -> Result<(), (&'static str, String)> {
    match (values, &param.distribution) {
        (Accepts::Positive, Distribution::Float { low, .. }) if *low > 0.0 => Ok(()),
        (Accepts::Positive, Distribution::Int { low, .. }) if *low > 0 => Ok(()),
        (Accepts::Positive, Distribution::Float { .. } | Distribution::Int { .. }) => {
            Err(("low", "the objective takes numbers above 0".to_owned()))
        }
        (Accepts::Positive, Distribution::Categorical { choices }) => {
            let is_positive = |choice: &Choice| match choice {
                Choice::Int(i) => *i > 0,
                Choice::Float(x) => *x > 0.0,
                Choice::Bool(_) | Choice::Text(_) | Choice::None | Choice::Nested(_) => false,
            };
            match choices.iter().find(|choice| !is_positive(choice)) {
                Some(wrong) => {
                    Err(("choices", format!("the objective takes numbers above 0, found {wrong}")))
                }
                None => Ok(()),
            }
        }
        (Accepts::Words(words), Distribution::Categorical { choices }) => {
            let is_known = |choice: &Choice| matches!(choice, Choice::Text(w) if words.contains(w));
            let Some(wrong) = choices.iter().find(|choice| !is_known(choice)) else {
                return Ok(());
            };
            let known: Vec<_> = words.iter().map(String::as_str).collect();
            let near = nearest(&wrong.to_string(), &known);
            let near = near.map(|near| format!("; did you mean `{near}`?"));
            let expected = || format!("; it takes {}", words.join(", "));
            let told = near.unwrap_or_else(expected);
            Err(("choices", format!("the objective knows no {wrong}{told}")))
        }
        (Accepts::Words(words), _) => {
            let message = format!("the objective takes a word: {}", words.join(", "));
            Err(("type", format!("expected categorical; {message}")))
        }
    }
}

/// Checks that every trial that needs the parameter has it.
fn is_there(space: &SearchSpace, needed: &Takes) -> Result<(), Misfit> {
    let find = |name: &str| space.params().iter().find(|param| param.name == name);
    let wanted = match &needed.when {
        Some((parent, value)) => {
            let may_be = |param: &Param| match &param.distribution {
                Distribution::Categorical { choices } => choices.iter().any(|c| is(c, value)),
                Distribution::Float { .. } | Distribution::Int { .. } => false,
            };
            if !find(parent).is_some_and(may_be) {
                return Ok(());
            }
            Some((parent, value))
        }
        None => None,
    };
    let wherever = wanted
        .map(|(parent, value)| format!(" wherever `{parent}` is {value}"))
        .unwrap_or_default();
    let Some(param) = find(&needed.name) else {
        let message = format!("the objective needs a parameter `{}`{wherever}", needed.name);
        return Err(("space".to_owned(), message));
    };
    let holds = |condition: &Condition| {
        wanted.is_some_and(|(parent, value)| {
            let any_of = match &condition.needs {
                Needs::AnyOf(any_of) => any_of.as_slice(),
                Needs::Between { .. } => &[],
            };
            condition.parent == *parent && any_of.iter().any(|c| is(c, value))
        })
    };
    if param.when.iter().all(holds) {
        return Ok(());
    }
    let in_all = if wherever.is_empty() { " in every trial" } else { &wherever };
    let message = format!("the objective needs it{in_all}");
    Err((format!("space.{}.when", needed.name), message))
}

fn is(choice: &Choice, word: &str) -> bool {
    matches!(choice, Choice::Text(text) if text == word)
}

#[cfg(test)]
mod tests {
    use kindling_mnist_cnn::MnistCnn;
    use kindling_study::FloatScale;
    use kindling_worker::{JsonMap, Objective as _};

    use super::*;

    fn words(name: &str, words: &[&str]) -> Param {
        let choices = words.iter().map(|word| Choice::Text((*word).to_owned())).collect();
        param(name, Distribution::Categorical { choices })
    }

    fn float(name: &str, low: f64) -> Param {
        param(name, Distribution::Float { low, high: 1.0, scale: FloatScale::Linear })
    }

    fn param(name: &str, distribution: Distribution) -> Param {
        Param { name: name.to_owned(), distribution, when: vec![] }
    }

    fn only_where(mut param: Param, parent: &str, word: &str) -> Param {
        param.when.push(Condition::any_of(parent, [Choice::Text(word.to_owned())]));
        param
    }

    fn misfit(change: impl Fn(&mut Vec<Param>)) -> String {
        let mut params = vec![
            words("winit_conv", &["gaussian", "he_normal"]),
            words("winit_fc", &["he_normal"]),
            float("learning_rate", 0.001),
            only_where(float("gaussian_std_conv", 0.25), "winit_conv", "gaussian"),
        ];
        change(&mut params);
        let space = SearchSpace::new(params).expect("a space");
        let takes = MnistCnn::new().takes(&JsonMap::new()).expect("it says");
        match check(&space, &takes) {
            Ok(()) => String::new(),
            Err((key, message)) => format!("{key}: {message}"),
        }
    }

    #[test]
    fn a_space_that_the_objective_takes_fits() {
        assert_eq!(misfit(|_| ()), "");
        assert_eq!(misfit(|params| params[3].when.clear()), "", "it may be there always");
        let choices = vec![Choice::Float(0.1), Choice::Int(1)];
        let numbers = param("learning_rate", Distribution::Categorical { choices });
        assert_eq!(misfit(|params| params[2] = numbers.clone()), "");
    }

    #[test]
    fn what_every_trial_would_fail_for_is_said_before() {
        let rename = |name: &str| misfit(|params| params[2].name = name.to_owned());
        let replace = |place: usize, by: &Param| misfit(|params| params[place] = by.clone());
        let rarely = only_where(float("learning_rate", 0.1), "winit_conv", "gaussian");
        let elsewhere = only_where(float("gaussian_std_conv", 0.1), "winit_conv", "he_normal");
        for (found, expected) in [
            (
                rename("learning_rat"),
                "space.learning_rat: the objective has no such parameter; did you mean `learning_rate`?",
            ),
            (
                rename("eta"),
                "space.eta: the objective has no such parameter; it takes `winit_conv`, `winit_fc`, ",
            ),
            (
                misfit(|params| _ = params.remove(2)),
                "space: the objective needs a parameter `learning_rate`",
            ),
            (
                misfit(|params| _ = params.pop()),
                "space: the objective needs a parameter `gaussian_std_conv` wherever `winit_conv` is gaussian",
            ),
            (
                replace(2, &float("learning_rate", 0.0)),
                "space.learning_rate.low: the objective takes numbers above 0",
            ),
            (
                replace(1, &words("winit_fc", &["he_norma"])),
                "space.winit_fc.choices: the objective knows no he_norma; did you mean `he_normal`?",
            ),
            (
                replace(1, &float("winit_fc", 0.1)),
                "space.winit_fc.type: expected categorical; the objective takes a word: const_zero",
            ),
            (
                replace(2, &rarely),
                "space.learning_rate.when: the objective needs it in every trial",
            ),
            (
                replace(3, &elsewhere),
                "space.gaussian_std_conv.when: the objective needs it wherever `winit_conv` is gaussian",
            ),
        ] {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
