//! Files that only their owner can read.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Creates a new file atomically. It never exists with partial content or readable by others.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = beside(path);
    // Unlike a rename, a hard link fails if the file already exists.
    let written = write(&beside, content, None).and_then(|()| std::fs::hard_link(&beside, path));
    _ = std::fs::remove_file(beside);
    written
}

/// Replaces an existing file atomically and keeps its permissions.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // Resolve symbolic links, so that the target is replaced rather than the link.
    let path = path.canonicalize()?;
    let beside = beside(&path);
    let permissions = path.metadata()?.permissions();
    let written = write(&beside, content, Some(permissions));
    let written = written.and_then(|()| std::fs::rename(&beside, &path));
    if written.is_err() {
        _ = std::fs::remove_file(beside);
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    beside.into()
}

fn write(path: &Path, content: &[u8], permissions: Option<Permissions>) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
}
