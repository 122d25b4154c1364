//! The name of a store, and of the files beside it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::fault::Fault;

/// As many links in a row as Linux follows.
const MAX_LINKS: u32 = 40;

/// The path with all links resolved, so that a store has one name however it is reached. A link may
/// point to a store that does not exist yet.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match path.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return found.map_err(Fault::Io),
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return of_a_new_file(&path),
        }
    }
    Err(Fault::Io(io::Error::other("it is a link that leads to itself")))
}

fn of_a_new_file(path: &Path) -> Result<PathBuf, Fault> {
    let missing = |what: String| Fault::Io(io::Error::new(ErrorKind::NotFound, what));
    let name = path.file_name().ok_or_else(|| missing("not the name of a file".to_owned()))?;
    let folder = folder(path);
    match folder.canonicalize() {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(missing(format!("there is no directory {}", folder.display())))
        }
        Err(error) => Err(Fault::Io(error)),
    }
}

/// The directory of the file.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The path with a suffix added to its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
