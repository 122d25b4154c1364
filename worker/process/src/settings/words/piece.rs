//! Finds the macros in a word.

use kindling_worker::nearest;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it is.
    Text(String),
    /// To be replaced.
    Macro(Macro),
}

/// A macro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Macro {
    Args,
    ArgsNoHyphens,
    ArgsJson,
    ParamsFile,
    Param(String),
    Seed,
    StudySeed,
    Study,
    Trial,
    Attempt,
    Device,
    Interpreter,
    Env,
}

/// The macros without an argument, by name.
const MACROS: [(&str, Macro); 13] = [
    ("args", Macro::Args),
    ("args_no_hyphens", Macro::ArgsNoHyphens),
    ("args_json", Macro::ArgsJson),
    ("args_json_file", Macro::ParamsFile),
    ("params_file", Macro::ParamsFile),
    ("seed", Macro::Seed),
    ("study_seed", Macro::StudySeed),
    ("study", Macro::Study),
    ("trial", Macro::Trial),
    ("attempt", Macro::Attempt),
    ("device", Macro::Device),
    ("interpreter", Macro::Interpreter),
    ("env", Macro::Env),
];

/// Divides a word. `$${` is a `${` that stands for itself; every other `$` does, too.
pub(super) fn pieces(word: &str) -> Result<Vec<Piece>, String> {
    if word.contains('\0') {
        return Err("expected text without a NUL byte".to_owned());
    }
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), word);
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$${") {
            text.push_str("${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!(
                    "`${{` without its `}}` in {word:?}; for one of your own write `$${{`"
                ));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Macro(find(name)?));
            rest = after;
        } else {
            text.push('$');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Whether the word before the colon means that of a parameter.
fn is_param(name: &str) -> bool {
    let word = name.split_once(':').map_or("", |(word, _)| word.trim());
    let word = word.to_ascii_lowercase();
    matches!(&*word, "params" | "parameter" | "parameters" | "arg" | "args")
        || nearest(&word, &["param"]).is_some()
}

fn find(name: &str) -> Result<Macro, String> {
    if let Some(param) = name.strip_prefix("param:") {
        if param.is_empty() {
            return Err("`${param:}` names no parameter; write `${param:learning_rate}`".to_owned());
        }
        return Ok(Macro::Param(param.to_owned()));
    }
    if let Some((_, found)) = MACROS.iter().find(|(known, _)| *known == name) {
        return Ok(found.clone());
    }
    let known: Vec<_> = MACROS.iter().map(|(known, _)| *known).collect();
    let told = match nearest(name, &known) {
        // `${params:lr}`, `${parameter:lr}`.
        _ if is_param(name) => {
            let param = name.split_once(':').map_or("", |(_, param)| param.trim());
            format!("did you mean `${{param:{}}}`?", param.chars().take(60).collect::<String>())
        }
        Some(near) => format!("did you mean `${{{near}}}`?"),
        None => format!(
            "a parameter's value is `${{param:NAME}}`; expected that or one of `{}`; for a `${{` of your own write `$${{`",
            known.join("`, `")
        ),
    };
    let shown: String = name.chars().take(60).collect();
    Err(format!("unknown macro `${{{shown}}}`; {told}"))
}
