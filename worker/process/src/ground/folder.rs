//! A private folder for what processes are given: a socket, and files.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Ground;

/// The longest path of a Unix socket is 107 bytes on Linux and 103 on macOS.
const LONGEST: usize = 103;
/// The longest name below the folder's parent.
const BELOW: usize = "/kindling-XXXXXX/socket".len();

/// What its name begins with. The guard removes nothing else.
pub(super) const PREFIX: &str = "kindling-";

/// A folder that only this user can enter. It goes with the value, and if this process is killed, the guard removes it.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
    ground: Ground,
}

impl Folder {
    /// Makes one, with a path that is short enough for a socket in it.
    pub(crate) fn make(ground: &Ground) -> io::Result<Self> {
        let folder = private()?;
        ground.made(folder.path());
        Ok(Self { folder, ground: ground.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(self.folder.path()).is_ok() {
            self.ground.removed(self.folder.path());
        }
    }
}

fn private() -> io::Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let places = runtime.into_iter().chain([std::env::temp_dir(), PathBuf::from("/tmp")]);
    let mut last = io::Error::other("no folder for a socket has a path that is short enough");
    for place in places.filter(|place| is_short(place)) {
        match make(&place) {
            Ok(folder) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn is_short(place: &Path) -> bool {
    place.is_absolute() && place.as_os_str().as_bytes().len() + BELOW <= LONGEST
}

fn make(place: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_can_enter_it() {
        let folder = private().expect("a folder");
        let mode = folder.path().metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(folder.path().join("socket").as_os_str().len() <= LONGEST);
    }

    #[test]
    fn a_place_too_long_for_a_socket_is_not_taken() {
        assert!(is_short(Path::new("/run/user/1000")));
        assert!(!is_short(Path::new(&format!("/{}", "x".repeat(LONGEST - BELOW)))));
        assert!(!is_short(Path::new("run")));
    }
}
