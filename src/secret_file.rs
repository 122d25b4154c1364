//! Files that only their owner may read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes a file that did not exist: it is never there with less than its content, nor for others to read.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Path::new(&beside);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        // Unlike a renaming, this fails where there is a file already.
        std::fs::hard_link(beside, path)
    })();
    _ = std::fs::remove_file(beside);
    written
}
