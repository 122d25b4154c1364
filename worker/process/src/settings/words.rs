//! The words of a command, with macros for what only a trial knows: see `docs/own-code.md`.
//!
//! There is no shell. Each word is one argument, and so is what a macro puts in, whatever characters are in it.

use std::ffi::OsString;
use std::path::Path;

use kindling_worker::{ParamValue, Params, TrialFacts};

use self::piece::{Macro, Piece, pieces};
use self::value::text;

mod piece;
#[cfg(test)]
mod tests;
mod value;

/// The words, with their macros found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Vec<Word>);

/// What the macros become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The trial.
    pub(crate) trial: &'a TrialFacts,
    /// The device as the trial's processes see it: see [`GpuShare::device`](crate::gpus::GpuShare::device).
    pub(crate) device: &'a str,
    /// The Python interpreter.
    pub(crate) interpreter: &'a str,
    /// A file that holds [`params_json`]. It must be there if [`Words::wants_params_file`].
    pub(crate) params_file: Option<&'a Path>,
}

/// An error in one of the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WordError {
    /// Which word, from 0.
    pub(crate) word: usize,
    /// What was found and what was expected.
    pub(crate) message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// `${args}` or, without hyphens, `${args_no_hyphens}`: an argument for each parameter.
    Args { hyphens: &'static str },
    /// One argument.
    One(Vec<Piece>),
}

/// Linux takes no longer argument: 128 KiB with the NUL byte that ends it.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// All arguments together. Linux takes 2 MiB, and the environment counts, too.
const LONGEST_COMMAND: usize = 1024 * 1024;

impl Words {
    /// Finds the macros, and refuses unknown ones.
    pub(crate) fn parse(words: &[String]) -> Result<Self, WordError> {
        let parsed = words.iter().enumerate().map(|(index, text)| {
            Word::parse(text, index == 0).map_err(|message| WordError { word: index, message })
        });
        let words: Vec<_> = parsed.collect::<Result<_, _>>()?;
        if words.is_empty() {
            return Err(WordError {
                word: 0,
                message: "expected a program, found nothing".to_owned(),
            });
        }
        Ok(Self(words))
    }

    /// The program and its arguments for one trial.
    pub(crate) fn expand(&self, facts: &Facts<'_>) -> Result<Vec<OsString>, String> {
        let mut arguments = Vec::with_capacity(self.0.len());
        for word in &self.0 {
            match word {
                Word::Args { hyphens } => {
                    let args = facts.trial.params.iter();
                    arguments.extend(
                        args.map(|(name, value)| format!("{hyphens}{name}={}", text(value)).into()),
                    );
                }
                Word::One(pieces) => arguments.push(one(pieces, facts)?),
            }
        }
        check(&arguments)?;
        Ok(arguments)
    }

    /// The parameters whose values it names, in order.
    pub(crate) fn params(&self) -> impl Iterator<Item = &str> {
        let pieces = self.0.iter().flat_map(|word| match word {
            Word::One(pieces) => pieces.as_slice(),
            Word::Args { .. } => &[],
        });
        pieces.filter_map(|piece| match piece {
            Piece::Macro(Macro::Param(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether a file with the parameters must be there before [`Self::expand`].
    pub(crate) fn wants_params_file(&self) -> bool {
        let is_file = |piece: &Piece| matches!(piece, Piece::Macro(Macro::ParamsFile));
        self.0.iter().any(|word| matches!(word, Word::One(pieces) if pieces.iter().any(is_file)))
    }

    /// The program, if it is the same for every trial, so that it can be looked for before the first one.
    pub(crate) fn program(&self, interpreter: &str) -> Option<String> {
        let Some(Word::One(pieces)) = self.0.first() else { return None };
        let known = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Macro(Macro::Interpreter) => Some(interpreter),
            Piece::Macro(Macro::Env) => Some(ENV),
            Piece::Macro(_) => None,
        });
        known.collect()
    }
}

impl Word {
    fn parse(text: &str, is_program: bool) -> Result<Self, String> {
        let pieces = pieces(text)?;
        let spread = pieces.iter().find_map(|piece| match piece {
            Piece::Macro(Macro::Args) => Some(("args", "--")),
            Piece::Macro(Macro::ArgsNoHyphens) => Some(("args_no_hyphens", "")),
            _ => None,
        });
        if let Some((name, hyphens)) = spread {
            if is_program {
                return Err(format!("expected a program, found `${{{name}}}`"));
            }
            if pieces.len() > 1 {
                return Err(format!(
                    "`${{{name}}}` becomes several arguments, so it must be a word of its own, found {text:?}"
                ));
            }
            return Ok(Self::Args { hyphens });
        }
        if is_program && pieces.is_empty() {
            return Err("expected a program, found an empty word".to_owned());
        }
        Ok(Self::One(pieces))
    }
}

/// What `${args_json}` and the file of the parameters hold: one object. Its text has no line breaks.
pub(crate) fn params_json(params: &Params) -> serde_json::Value {
    let entry = |(name, value): (&String, &ParamValue)| (name.clone(), value::json(value));
    serde_json::Value::Object(params.iter().map(entry).collect())
}

/// Where `env` is on every system that we run on.
const ENV: &str = "/usr/bin/env";

fn one(pieces: &[Piece], facts: &Facts<'_>) -> Result<OsString, String> {
    let trial = facts.trial;
    let mut argument = OsString::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => argument.push(text),
            Piece::Macro(Macro::Param(name)) => {
                let value = trial.params.get(name).ok_or_else(|| inactive(name, &trial.params))?;
                argument.push(text(value));
            }
            Piece::Macro(Macro::ArgsJson) => argument.push(params_json(&trial.params).to_string()),
            Piece::Macro(Macro::ParamsFile) => {
                let path = facts.params_file.ok_or("there is no file of the parameters")?;
                argument.push(path);
            }
            Piece::Macro(Macro::Seed) => argument.push(trial.seed.to_string()),
            Piece::Macro(Macro::StudySeed) => argument.push(trial.study_seed.to_string()),
            Piece::Macro(Macro::Study) => argument.push(&trial.study),
            Piece::Macro(Macro::Trial) => argument.push(trial.number.to_string()),
            Piece::Macro(Macro::Attempt) => argument.push(trial.attempt.to_string()),
            Piece::Macro(Macro::Device) => argument.push(facts.device),
            Piece::Macro(Macro::Interpreter) => argument.push(facts.interpreter),
            Piece::Macro(Macro::Env) => argument.push(ENV),
            // They are words of their own, see `Word::parse`.
            Piece::Macro(Macro::Args | Macro::ArgsNoHyphens) => {}
        }
    }
    Ok(argument)
}

fn inactive(name: &str, params: &Params) -> String {
    if params.is_empty() {
        return format!("`${{param:{name}}}`: no parameter is active in this trial");
    }
    let active: Vec<_> = params.keys().map(String::as_str).collect();
    format!(
        "`${{param:{name}}}`: that parameter is not active in this trial, which has `{}`",
        active.join("`, `")
    )
}

/// What the system would refuse with a message that helps nobody.
fn check(arguments: &[OsString]) -> Result<(), String> {
    const HINT: &str = "`${params_file}` passes parameters of any length";
    let nul = |argument: &&OsString| argument.as_encoded_bytes().contains(&0);
    if let Some(argument) = arguments.iter().find(nul) {
        let shown: String = argument.to_string_lossy().escape_debug().take(80).collect();
        return Err(format!("no argument can hold a NUL byte, but one would: {shown}; {HINT}"));
    }
    if let Some(longest) =
        arguments.iter().map(|argument| argument.len()).max().filter(|n| *n > LONGEST_ARGUMENT)
    {
        return Err(format!(
            "an argument would have {longest} bytes, expected at most {LONGEST_ARGUMENT}; {HINT}"
        ));
    }
    let all: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
    if all > LONGEST_COMMAND {
        return Err(format!(
            "the arguments would have {all} bytes, expected at most {LONGEST_COMMAND}; {HINT}"
        ));
    }
    if arguments.first().is_some_and(|program| program.is_empty()) {
        return Err("the program's name would be empty".to_owned());
    }
    Ok(())
}
