//! What a study is called that nobody has named: as its script is.

use std::path::Path;

/// Endings of scripts.
const SCRIPTS: [&str; 14] =
    ["R", "bash", "jl", "js", "lua", "mjs", "php", "pl", "py", "r", "rb", "sh", "ts", "zsh"];

/// The first script of the command without its ending, or else the module after `-m`, or else the program.
pub(super) fn of_command(command: &[String]) -> String {
    let is_plain = |word: &&String| !word.starts_with('-') && !word.contains(['{', '=', '\n']);
    let script = command.iter().filter(is_plain).find(|word| {
        let ending = Path::new(word).extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| SCRIPTS.contains(&ending))
    });
    if let Some(stem) = script.and_then(|script| Path::new(script).file_stem()) {
        return stem.to_string_lossy().into_owned();
    }
    // Python's own options may come before `-m`; what comes after another word is the script's.
    let mut words =
        command.iter().skip(1).skip_while(|word| word.starts_with('-') && *word != "-m");
    if words.next().is_some_and(|word| word == "-m")
        && let Some(module) = words.next().filter(is_plain)
    {
        return module.clone();
    }
    let program = command.first().and_then(|program| Path::new(program).file_name());
    program.map_or_else(|| "tune".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_is_called_as_its_script_is() {
        for (command, name) in [
            ("python train.py --lr {lr: 0.1..1.0}", "train"),
            ("python -u code/train.py --out x.sh", "train"),
            ("torchrun --nproc_per_node=2 train.py", "train"),
            ("./train.sh {x: 1..2}", "train"),
            ("python -m pkg.train --lr 1", "pkg.train"),
            ("python3 -u -m pkg.train", "pkg.train"),
            ("/usr/bin/xgboost train -m x", "xgboost"),
            ("sh -c train.sh={x}", "sh"),
            ("a/b/c", "c"),
        ] {
            let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(of_command(&words), name, "{command}");
        }
    }
}
