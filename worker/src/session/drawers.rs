//! Folders for what trials save and load: one for each worker process, in its spool, and in it one for each trial.
//!
//! Nothing in them outlives its trial. What a killed worker left is removed by the next one on this machine: who lives
//! holds a lock on a file beside its folder.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The extension of a worker's folder.
const FOLDER: &str = "trials";
/// The extension of the file that its worker has locked.
const LOCK: &str = "lock";
/// The extension of that file before it is locked.
const DRAFT: &str = "draft";

/// A worker's folder. Clones share it. Nothing is made until it is needed.
#[derive(Debug, Clone)]
pub(super) struct Drawers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None`: the system's folder for temporary files.
    place: Option<PathBuf>,
    mine: Mutex<Option<Mine>>,
    trials: AtomicU64,
}

/// A folder that was made.
#[derive(Debug)]
struct Mine {
    folder: PathBuf,
    lock: PathBuf,
    /// Open, and so locked.
    _held: File,
}

/// One trial's folder. It goes with the value.
#[derive(Debug)]
pub(super) struct Drawer {
    drawers: Drawers,
    made: OnceLock<PathBuf>,
    files: AtomicU64,
}

impl Drawers {
    /// In the folder of the spool; without one, in the system's folder for temporary files.
    pub(super) fn within(place: Option<PathBuf>) -> Self {
        let (mine, trials) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Shared { place, mine, trials }))
    }

    /// The folder of one more trial.
    pub(super) fn drawer(&self) -> Drawer {
        Drawer { drawers: self.clone(), made: OnceLock::new(), files: AtomicU64::new(0) }
    }

    /// Removes what workers left that are gone.
    pub(super) fn clean(&self) {
        let Some(place) = &self.0.place else { return };
        let Ok(entries) = fs::read_dir(place) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ours = [FOLDER, LOCK].map(OsStr::new);
            if !path.extension().is_some_and(|extension| ours.contains(&extension)) {
                continue;
            }
            let lock = path.with_extension(LOCK);
            // A folder loses its file last.
            let held = match File::open(&lock) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(_) => continue,
            };
            match held.as_ref().map(File::try_lock) {
                None | Some(Ok(())) => remove(&path.with_extension(FOLDER), &lock),
                // It lives. Or nobody can tell, since there are no locks on this file system.
                Some(Err(TryLockError::WouldBlock | TryLockError::Error(_))) => {}
            }
        }
    }

    /// Removes the worker's folder, at its end. Threads of trials that were handed back may still be there.
    pub(super) fn remove(&self) {
        let mine = self.0.mine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Mine { folder, lock, .. }) = mine {
            remove(&folder, &lock);
            if let Some(place) = &self.0.place {
                // If it is empty, as at the end of a spool.
                _ = fs::remove_dir(place);
            }
        }
    }

    /// The worker's folder.
    fn folder(&self) -> io::Result<PathBuf> {
        let mut mine = self.0.mine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Mine { folder, .. }) = &*mine {
            return Ok(folder.clone());
        }
        let made = Mine::make(self.0.place.as_deref())?;
        Ok(mine.insert(made).folder.clone())
    }
}

impl Mine {
    fn make(place: Option<&Path>) -> io::Result<Self> {
        let temporary = std::env::temp_dir();
        let place = place.unwrap_or(&temporary);
        fs::create_dir_all(place)?;
        let name = place.join(format!("kindling-{:016x}", rand::random::<u64>()));
        let [folder, lock, draft] = [FOLDER, LOCK, DRAFT].map(|kind| name.with_extension(kind));
        let held = File::create_new(&draft)?;
        // Without locks on this file system nobody removes what others left.
        _ = held.try_lock();
        // Only now others see it, and that it is locked.
        fs::rename(&draft, &lock)?;
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder, lock, _held: held })
    }
}

impl Drawer {
    /// A path for one more file, in a folder that is there.
    pub(super) fn path(&self) -> io::Result<PathBuf> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        Ok(self.folder()?.join(number.to_string()))
    }

    fn folder(&self) -> io::Result<&Path> {
        if let Some(folder) = self.made.get() {
            return Ok(folder);
        }
        let number = self.drawers.0.trials.fetch_add(1, Ordering::Relaxed);
        let folder = self.drawers.folder()?.join(number.to_string());
        fs::create_dir(&folder)?;
        Ok(self.made.get_or_init(|| folder))
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        if let Some(folder) = self.made.get() {
            _ = fs::remove_dir_all(folder);
        }
    }
}

/// The lock goes last, so that what is left of a folder is found by it.
fn remove(folder: &Path, lock: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "a folder of trials could not be removed");
        }
        _ => _ = fs::remove_file(lock),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(place: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_trials_folder_is_made_when_it_is_needed_and_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("spool");
        let drawers = Drawers::within(Some(place.clone()));
        let (drawer, other) = (drawers.drawer(), drawers.drawer());
        assert!(!place.exists());
        let file = drawer.path().unwrap();
        fs::write(&file, "x").unwrap();
        assert_ne!(drawer.path().unwrap(), file);
        assert_ne!(other.path().unwrap().parent(), file.parent());
        let mine = file.parent().and_then(Path::parent).unwrap();
        assert_eq!(mine.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(drawer);
        assert!(!file.parent().unwrap().exists() && mine.exists());
        drawers.remove();
        assert!(!place.exists(), "{:?}", names(&place));
    }

    #[test]
    fn what_a_killed_worker_left_is_removed_and_what_a_living_one_has_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let here = || Drawers::within(Some(dir.path().to_owned()));
        let (lives, killed) = (here(), here());
        let kept = [&lives, &killed].map(|drawers| {
            let drawer = drawers.drawer();
            let file = drawer.path().unwrap();
            fs::write(&file, "x").unwrap();
            std::mem::forget(drawer);
            file
        });
        // The system lets a killed process's locks go.
        let gone = killed.0.mine.lock().unwrap().take().unwrap();
        drop(gone);
        fs::write(dir.path().join("a.result"), "x").unwrap();
        here().clean();
        assert_eq!(kept.map(|file| file.exists()), [true, false]);
        assert_eq!(names(dir.path()).len(), 3, "{:?}", names(dir.path()));
        assert!(dir.path().join("a.result").exists());
        // One whose file was lost has no owner, and a file without a folder neither.
        fs::create_dir_all(dir.path().join("kindling-1.trials/0")).unwrap();
        fs::write(dir.path().join("kindling-2.lock"), "").unwrap();
        here().clean();
        assert_eq!(names(dir.path()).len(), 3, "{:?}", names(dir.path()));
    }
}
