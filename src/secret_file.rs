//! Files that only their owner may read.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a file that did not exist: it is never there with less than its content, nor for others to read.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = beside(path);
    // Unlike a renaming, this fails where there is a file already.
    let written = write(&beside, content, None).and_then(|()| std::fs::hard_link(&beside, path));
    _ = std::fs::remove_file(beside);
    written
}

/// Writes a file anew that did exist, as whole as the one before and for the same people to read.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // Behind a link it is what the link points to.
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
