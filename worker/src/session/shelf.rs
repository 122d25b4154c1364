//! Where results wait that the coordinator does not have yet, as bytes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// A finished trial's file ends so.
const EXTENSION: &str = "result";
/// And so that of one that the coordinator will never take.
const REFUSED: &str = "refused";

/// Keeps bytes by a name. Workers have a folder; the simulation in `tests/` a list.
pub trait Shelf: Send + Sync + 'static {
    /// Keeps them under a new name. Once that is told, they survive a crash of the machine.
    fn keep(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = io::Result<PathBuf>> + Send + '_>>;

    /// What is kept, in the order of the names.
    fn left(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>>;

    /// Keeps what has this name no more.
    fn forget(&self, name: &Path) -> io::Result<()>;

    /// Leaves out what has this name from now on, and tells where it is.
    fn set_aside(&self, name: &Path) -> io::Result<PathBuf> {
        self.forget(name).map(|()| name.to_owned())
    }
}

/// A folder of files. Workers may share it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// This folder; made if it is missing.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        // One that cannot be written is found out now, not when it is needed.
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
                // The others are not to wait for it.
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
    /// An empty folder is of no use to anybody.
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

fn write(folder: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    // Another worker may have removed the folder as it left.
    fs::create_dir_all(folder)?;
    let (mut file, draft) = tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let kept = draft.with_extension(EXTENSION);
    fs::rename(&draft, &kept)?;
    File::open(folder)?.sync_all()?;
    Ok(kept)
}

/// A new file of a name that nobody has.
fn tempfile_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    let path = folder.join(format!("{:016x}.draft", rand::random::<u64>()));
    Ok((File::create_new(&path)?, path))
}
