//! The words of a command, and the parameters that their placeholders describe.

use kindling_coordinator::config::nearest;

use super::placeholder::{Piece, Placeholder, pieces};
use super::pointed::Wrong;
use super::range::{Number, Spec};
use crate::hint::hinted;

/// What a placeholder may stand for beside parameters: macros of the study file, by the same name.
const FACTS: [&str; 6] = ["attempt", "device", "seed", "study", "study_seed", "trial"];

/// A command with macros in place of placeholders, as a study file has it.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    pub(super) params: Vec<Param>,
}

/// A parameter, and the place that describes it.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: String,
    pub(super) spec: Spec,
    /// The word, and the placeholder in it.
    word: usize,
    placeholder: Placeholder,
}

impl Command {
    pub(super) fn read(words: &[String]) -> anyhow::Result<Self> {
        let taken_apart: Vec<_> = words
            .iter()
            .map(|word| pieces(word).map_err(|wrong| wrong.in_word(word)))
            .collect::<Result<_, _>>()?;
        let mut params: Vec<Param> = Vec::new();
        for (number, pieces) in taken_apart.iter().enumerate() {
            for placeholder in pieces.iter().filter_map(Piece::placeholder) {
                let Some(spec) = &placeholder.spec else { continue };
                let name = &placeholder.name;
                match params.iter().find(|param| param.name == *name) {
                    Some(before) if before.spec == *spec => {}
                    Some(_) => {
                        let message = format!("`{name}` is described twice, and not the same");
                        let hint = format!("to use its value again, write {{{name}}}");
                        return Err(Wrong::new(placeholder.at.clone(), message, hint)
                            .in_word(&words[number]));
                    }
                    None => params.push(Param {
                        name: name.clone(),
                        spec: spec.clone(),
                        word: number,
                        placeholder: placeholder.clone(),
                    }),
                }
            }
        }
        if params.is_empty() {
            return Err(hinted(
                "the command has no parameter to tune",
                "put a placeholder where a value belongs: '--lr={lr: 1e-5..1e-1 log}'",
            ));
        }
        let written = taken_apart.iter().zip(words);
        let written = written.map(|(pieces, word)| with_macros(pieces, word, &params));
        Ok(Self { words: written.collect::<Result<_, _>>()?, params })
    }

    /// What may surprise whoever wrote the placeholders.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |param: &Param| match param.spec {
            Spec::Range { low: Number::Int(low), high: Number::Int(high), .. }
                if high.checked_sub(low) == Some(1) =>
            {
                let name = &param.name;
                Some(format!(
                    "`{name}` takes whole numbers, {low} or {high}; write {low}.0..{high}.0 for all numbers between"
                ))
            }
            _ => None,
        };
        self.params.iter().filter_map(note).collect()
    }

    /// The error for a key of the study file, at the placeholder that it is about.
    pub(super) fn pointed(
        &self,
        words: &[String],
        key: &str,
        message: &str,
    ) -> Option<anyhow::Error> {
        let key = key.strip_prefix("space.")?;
        let is_its = |param: &&Param| {
            let rest = key.strip_prefix(&*super::file::key(&param.name));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let param = self.params.iter().find(is_its)?;
        let hint = match param.spec {
            Spec::Range { low: Number::Int(_), log: true, .. } => {
                "both bounds are whole numbers, so it takes whole numbers; with a point in one, \
                 0.001..1.0 log, it takes all numbers between"
            }
            _ => "`kindling tune --help` shows how to write a placeholder",
        };
        let wrong =
            Wrong::new(param.placeholder.at.clone(), format!("`{}`: {message}", param.name), hint);
        Some(wrong.in_word(&words[param.word]))
    }
}

impl Piece {
    fn placeholder(&self) -> Option<&Placeholder> {
        match self {
            Self::Placeholder(placeholder) => Some(placeholder),
            Self::Text(_) => None,
        }
    }
}

/// The word as a study file has it.
fn with_macros(pieces: &[Piece], word: &str, params: &[Param]) -> anyhow::Result<String> {
    let mut written = String::new();
    for piece in pieces {
        match piece {
            // What looks like a macro of the study file is text here.
            Piece::Text(text) => written += &text.replace("${", "$${"),
            Piece::Placeholder(Placeholder { name, .. })
                if params.iter().any(|param| param.name == *name) =>
            {
                written.extend(["${param:", name.as_str(), "}"]);
            }
            Piece::Placeholder(Placeholder { name, .. }) if FACTS.contains(&name.as_str()) => {
                written.extend(["${", name.as_str(), "}"]);
            }
            Piece::Placeholder(placeholder) => {
                return Err(unknown(placeholder, params).in_word(word));
            }
        }
    }
    Ok(written)
}

fn unknown(Placeholder { name, at, .. }: &Placeholder, params: &[Param]) -> Wrong {
    let known: Vec<_> = params.iter().map(|param| param.name.as_str()).chain(FACTS).collect();
    let hint = match nearest(name, &known) {
        Some(near) => format!("did you mean {{{near}}}?"),
        None => format!(
            "say what it may be, {{{name}: LOW..HIGH}} or {{{name}: A|B|C}}, or write {{{{{name}}}}} if you mean \
             the braces"
        ),
    };
    Wrong::new(at.clone(), format!("`{name}` is described nowhere"), hint)
}
