//! Storage for results that the coordinator does not have yet, as bytes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// The extension of a finished trial's file.
const EXTENSION: &str = "result";
/// The extension of a result that the coordinator will never accept.
const REFUSED: &str = "refused";

/// Stores bytes by name. Workers use a folder, the simulation in `tests/` a list.
pub trait Shelf: Send + Sync + 'static {
    /// Stores bytes under a new name. Once it returns, they survive a crash of the machine.
    fn keep(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = io::Result<PathBuf>> + Send + '_>>;

    /// All stored entries, ordered by name.
    fn left(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>>;

    /// Deletes an entry.
    fn forget(&self, name: &Path) -> io::Result<()>;

    /// Excludes an entry from [`Self::left`] from now on, and returns where it is.
    fn set_aside(&self, name: &Path) -> io::Result<PathBuf> {
        self.forget(name).map(|()| name.to_owned())
    }
}

/// A folder of files. Several workers may share it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder; creates it if it is missing.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        // Detect an unwritable folder now, not when a result needs it.
        tempfile_in(&folder).and_then(|probe| fs::remove_file(probe.1))?;
        Ok(Self(folder))
    }
}

impl Shelf for Folder {
    fn keep(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = io::Result<PathBuf>> + Send + '_>> {
        let folder = self.0.clone();
        let written = tokio::task::spawn_blocking(move || write(&folder, &bytes));
        Box::pin(async move { written.await.map_err(io::Error::other)? })
    }

    fn left(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension() != Some(OsStr::new(EXTENSION)) {
                continue;
            }
            match fs::read(&path) {
                Ok(bytes) => left.push((path, bytes)),
                // Another worker has just delivered it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // One unreadable file must not hold up the others.
                Err(error) => tracing::error!(%error, file = %path.display(), "cannot be read"),
            }
        }
        left.sort();
        Ok(left)
    }

    fn forget(&self, name: &Path) -> io::Result<()> {
        match fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn set_aside(&self, name: &Path) -> io::Result<PathBuf> {
        let aside = name.with_extension(REFUSED);
        fs::rename(name, &aside).map(|()| aside)
    }
}

impl Drop for Folder {
    /// Removes the folder if it is empty.
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

fn write(folder: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    // Another worker may have removed the folder when it ended.
    fs::create_dir_all(folder)?;
    let (mut file, draft) = tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let kept = draft.with_extension(EXTENSION);
    fs::rename(&draft, &kept)?;
    File::open(folder)?.sync_all()?;
    Ok(kept)
}

/// A new file with a unique name.
fn tempfile_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    let path = folder.join(format!("{:016x}.draft", rand::random::<u64>()));
    Ok((File::create_new(&path)?, path))
}
