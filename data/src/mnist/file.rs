//! Finds one MNIST file under any of its names, unpacks it and verifies it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::error::{FileFault, MnistError};
use super::manifest::{FileSpec, MAX_BYTES, MNIST, Manifest};
use crate::hex;

/// Verifies each of the four files in `dir` and reports the result. Only reads.
pub fn verify(dir: &Path) -> Vec<FileReport> {
    verify_as(&MNIST, dir)
}

fn verify_as(manifest: &Manifest, dir: &Path) -> Vec<FileReport> {
    let report = |file: &FileSpec| match read_or_fault(dir, file) {
        Ok((path, _)) => FileReport { path, state: Ok(()) },
        Err((path, fault)) => FileReport { path, state: Err(fault) },
    };
    manifest.0.iter().map(report).collect()
}

/// The result of [`verify`] for one file.
#[derive(Debug)]
pub struct FileReport {
    /// The file's path, or its usual path if it is missing.
    pub path: PathBuf,
    /// `Ok` if it has the published content, otherwise what is wrong.
    pub state: Result<(), FileFault>,
}

/// The path of a file in `dir`, and its unpacked, verified content.
pub(super) fn read(dir: &Path, file: &FileSpec) -> Result<(PathBuf, Vec<u8>), MnistError> {
    read_or_fault(dir, file).map_err(|(path, fault)| MnistError::File { path, fault })
}

/// Whether `dir` holds the file under any of its names, regardless of its content.
pub(super) fn is_present(dir: &Path, file: &FileSpec) -> bool {
    candidates(dir, file).any(|path| path.exists())
}

/// The usual path of a file in `dir`, where downloads are stored.
pub(super) fn usual_path(dir: &Path, file: &FileSpec) -> PathBuf {
    dir.join(format!("{}.gz", file.name))
}

/// Unpacks a file, if it is gzipped, and verifies its content.
pub(super) fn unpack(bytes: Vec<u8>, file: &FileSpec) -> Result<Vec<u8>, FileFault> {
    // By content, not by name: browsers unpack a download but keep the `.gz`.
    let content = if is_gzip(&bytes) {
        let mut content = Vec::new();
        let mut unpacker = GzDecoder::new(bytes.as_slice()).take(MAX_BYTES + 1);
        unpacker.read_to_end(&mut content).map_err(FileFault::Gzip)?;
        content
    } else {
        bytes
    };
    if content.len() as u64 > MAX_BYTES {
        return Err(FileFault::TooLarge);
    }
    let found = sha256(&content);
    if found != file.sha256 {
        let expected = file.sha256.to_string();
        return Err(FileFault::Checksum { found, bytes: content.len(), expected });
    }
    Ok(content)
}

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The SHA-256 of `bytes` in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Reads the first valid candidate. If none is valid, returns the fault of the first that exists.
fn read_or_fault(dir: &Path, file: &FileSpec) -> Result<(PathBuf, Vec<u8>), (PathBuf, FileFault)> {
    let mut first = None;
    for path in candidates(dir, file) {
        let content = match read_limited(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => Err(FileFault::Read(error)),
            Ok(bytes) => unpack(bytes, file),
        };
        match content {
            Ok(content) => return Ok((path, content)),
            Err(fault) => first = first.or(Some((path, fault))),
        }
    }
    Err(first.unwrap_or_else(|| (usual_path(dir, file), FileFault::Missing)))
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All names that the file may have. Some unpackers write `train-images.idx3-ubyte`.
fn candidates(dir: &Path, file: &FileSpec) -> impl Iterator<Item = PathBuf> {
    let dotted = file.name.replacen("-idx", ".idx", 1);
    let plain = dir.join(file.name);
    let names = [format!("{dotted}.gz"), dotted].map(|name| dir.join(name));
    [usual_path(dir, file), plain].into_iter().chain(names)
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Fake, gzip};
    use super::*;

    const NAME: &str = "train-labels-idx1-ubyte";

    /// What `verify` reports on the training labels in a directory after `change`.
    fn verified(change: impl FnOnce(&Path, &[u8])) -> FileReport {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.write_gz(dir.path());
        fs::remove_file(dir.path().join(format!("{NAME}.gz"))).unwrap();
        change(dir.path(), &fake.contents[1]);
        let mut reports = verify_as(&fake.manifest, dir.path());
        let report = reports.remove(1);
        assert!(reports.iter().all(|other| other.state.is_ok()), "{reports:?}");
        report
    }

    #[test]
    fn a_file_counts_under_each_of_its_names_packed_or_not() {
        for name in [NAME, "train-labels.idx1-ubyte"] {
            assert!(
                verified(|dir, content| fs::write(dir.join(name), content).unwrap()).state.is_ok()
            );
            let packed = format!("{name}.gz");
            assert!(
                verified(|dir, content| fs::write(dir.join(packed), gzip(content)).unwrap())
                    .state
                    .is_ok()
            );
        }
    }

    #[test]
    fn a_name_that_lies_about_packing_is_forgiven() {
        let report =
            verified(|dir, content| fs::write(dir.join(format!("{NAME}.gz")), content).unwrap());
        assert!(report.state.is_ok(), "{report:?}");
    }

    #[test]
    fn a_right_file_beside_a_damaged_one_counts() {
        let report = verified(|dir, content| {
            fs::write(dir.join(format!("{NAME}.gz")), "damaged").unwrap();
            fs::write(dir.join(NAME), content).unwrap();
        });
        assert!(report.state.is_ok() && report.path.ends_with(NAME), "{report:?}");
    }

    #[test]
    fn a_missing_file_is_reported_under_its_usual_name() {
        let report = verified(|_, _| ());
        assert!(matches!(report.state, Err(FileFault::Missing)), "{report:?}");
        assert!(report.path.ends_with(format!("{NAME}.gz")), "{report:?}");
    }

    #[test]
    fn other_content_is_a_wrong_checksum() {
        let report = verified(|dir, _| fs::write(dir.join(NAME), "other").unwrap());
        let Err(FileFault::Checksum { found, bytes: 5, .. }) = report.state else {
            panic!("{report:?}")
        };
        // Computed with `printf other | sha256sum`.
        assert_eq!(found, "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa");
    }

    #[test]
    fn a_cut_gzip_file_is_damaged() {
        let report = verified(|dir, content| {
            let packed = gzip(content);
            fs::write(dir.join(format!("{NAME}.gz")), &packed[..packed.len() - 9]).unwrap();
        });
        assert!(matches!(report.state, Err(FileFault::Gzip(_))), "{report:?}");
    }

    #[test]
    fn a_directory_in_the_place_of_a_file_is_reported() {
        let report = verified(|dir, _| fs::create_dir(dir.join(NAME)).unwrap());
        assert!(matches!(report.state, Err(FileFault::Read(_))), "{report:?}");
    }

    #[test]
    fn a_gzip_bomb_is_not_unpacked_to_its_end() {
        let bomb = gzip(&vec![0; MAX_BYTES as usize + 1]);
        let report = verified(|dir, _| fs::write(dir.join(NAME), bomb).unwrap());
        assert!(matches!(report.state, Err(FileFault::TooLarge)), "{report:?}");
    }
}
