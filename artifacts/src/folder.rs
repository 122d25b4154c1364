//! A store in a folder, which is made when the first thing is kept in it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use object_store::local::LocalFileSystem;

use crate::error::ArtifactError;

/// A folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: OnceLock<Arc<LocalFileSystem>>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, files: OnceLock::new() }
    }

    /// Its files. `None` if it is not there and is not to be made.
    pub(crate) fn files(
        &self,
        place: &str,
        make: bool,
    ) -> Result<Option<Arc<LocalFileSystem>>, ArtifactError> {
        if let Some(files) = self.files.get() {
            return Ok(Some(files.clone()));
        }
        let failed = |error: io::Error| ArtifactError::of_files(place, &error);
        if !self.path.is_dir() {
            if !make && !self.path.try_exists().map_err(failed)? {
                return Ok(None);
            }
            make_and_sync(&self.path).map_err(failed)?;
        }
        // What was said to be safe must be there after a power cut.
        let files = LocalFileSystem::new_with_prefix(&self.path)
            .map_err(|error| ArtifactError::of(place, &error))?
            .with_fsync(true);
        Ok(Some(self.files.get_or_init(|| Arc::new(files)).clone()))
    }

    /// Whether it is there now.
    pub(crate) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Removes it if nothing is in it.
    pub(crate) fn remove_if_empty(&self) {
        _ = fs::remove_dir(&self.path);
    }

    /// Removes what uploads have left that were cut short: such files are named after their key, with `#` and a number.
    /// One that somebody still writes to is younger than `age`. Returns how many were removed.
    pub(crate) fn remove_torn(&self, history: &str, age: Duration) -> io::Result<usize> {
        let files = match fs::read_dir(self.path.join(history)) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut removed = 0;
        for file in files {
            let file = file?;
            let is_torn = file.file_name().to_str().is_some_and(is_staged);
            if is_torn && is_older(&file, age) && fs::remove_file(file.path()).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn is_staged(name: &str) -> bool {
    let number = name.split_once('#').map_or("", |(_, number)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_older(file: &fs::DirEntry, age: Duration) -> bool {
    let changed = file.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|old| old > age))
}

/// Makes the folder, so that it is there after a power cut.
fn make_and_sync(path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut folder = Some(path);
    while let Some(path) = folder.filter(|path| !path.as_os_str().is_empty() && !path.exists()) {
        missing.push(path);
        folder = path.parent();
    }
    fs::create_dir_all(path)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
