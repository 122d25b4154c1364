//! Finds what a command needs before its first trial is spent.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kindling_worker::{JsonMap, Unfit};

use crate::settings::{Command, Common};

/// Looks for the directory, the program, and a Python program's script.
pub(crate) fn command(settings: &Command, written: &JsonMap) -> Result<(), Unfit> {
    let common = &settings.common;
    directory(common)?;
    let Some(program) = settings.words.program(&common.interpreter) else { return Ok(()) };
    find(&program, common)?;
    let words = written.get("command").and_then(|words| words.as_array());
    let script = words.and_then(|words| words.get(1)).and_then(|word| word.as_str());
    match script {
        Some(script) if is_python(&program) && is_path(script) => {
            let path = at(common, Path::new(script));
            if path.is_file() {
                return Ok(());
            }
            Err(Unfit(format!(
                "there is no script `{script}`, which `command` names\nhint: it was looked for at {}",
                absolute(&path).display()
            )))
        }
        _ => Ok(()),
    }
}

/// Checks that the directory is there.
pub(crate) fn directory(common: &Common) -> Result<(), Unfit> {
    match &common.directory {
        Some(directory) if !directory.is_dir() => Err(Unfit(format!(
            "there is no folder `{}`, which `directory` names\nhint: it was looked for at {}",
            directory.display(),
            absolute(directory).display()
        ))),
        _ => Ok(()),
    }
}

/// Checks that the program is there and can be executed.
pub(crate) fn find(program: &str, common: &Common) -> Result<(), Unfit> {
    if program.contains('/') {
        let path = at(common, Path::new(program));
        return match path.metadata() {
            Ok(_) if can_execute(&path) => Ok(()),
            Ok(_) => Err(Unfit(format!(
                "`{program}` cannot be executed\nhint: `chmod +x {}`",
                absolute(&path).display()
            ))),
            Err(error) => Err(Unfit(format!(
                "there is no program `{program}`: {error}\nhint: it was looked for at {}",
                absolute(&path).display()
            ))),
        };
    }
    let own = common.env.get("PATH").map(OsString::from);
    let path = own.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let found =
        std::env::split_paths(&path).any(|folder| can_execute(&at(common, &folder.join(program))));
    if found {
        return Ok(());
    }
    Err(Unfit(format!(
        "there is no program `{program}` on this worker\nhint: install it, or name it by its path; PATH is {}",
        path.to_string_lossy()
    )))
}

fn can_execute(path: &Path) -> bool {
    let executable =
        |meta: std::fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    path.metadata().is_ok_and(executable)
}

fn is_python(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    let version = name.strip_prefix("python");
    version.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// A word that is a path and nothing else: no option, no macro.
fn is_path(word: &str) -> bool {
    !word.is_empty() && !word.starts_with('-') && !word.contains('$')
}

fn at(common: &Common, path: &Path) -> PathBuf {
    common.directory.as_deref().unwrap_or(Path::new("")).join(path)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
