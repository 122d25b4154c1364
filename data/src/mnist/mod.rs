//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 × 28 pixels.
//!
//! Call [`ensure`], then [`Mnist::load`]. The files are read from exactly one place: the named directory or
//! else the cache. Their content is verified whenever they are read.

mod error;
mod fetch;
mod file;
mod locate;
mod manifest;
#[cfg(test)]
mod test_support;

use std::path::Path;

pub use error::{FileFault, MirrorFailure, MnistError};
pub use fetch::{FetchProgress, fetch};
pub use file::{FileReport, verify};
pub use locate::{cache_dir, ensure, locate};

use crate::dataset::Dataset;
use crate::idx;
use manifest::{FileSpec, MNIST, Manifest};

/// Both halves of MNIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mnist {
    /// 60,000 images for training and validation.
    pub train: Dataset,
    /// 10,000 images for the final figure only.
    pub test: Dataset,
}

impl Mnist {
    /// Reads the four files in `dir`, gzipped or not, and verifies their SHA-256.
    pub fn load(dir: &Path) -> Result<Self, MnistError> {
        Self::load_as(&MNIST, dir)
    }

    fn load_as(manifest: &Manifest, dir: &Path) -> Result<Self, MnistError> {
        locate::require(manifest, dir)?;
        let half = |images: &FileSpec, labels: &FileSpec| {
            let (path, images) = file::read(dir, images)?;
            let (_, labels) = file::read(dir, labels)?;
            idx::parse(&images, &labels).map_err(|source| MnistError::Format { path, source })
        };
        let [train_images, train_labels, test_images, test_labels] = &manifest.0;
        Ok(Self { train: half(train_images, train_labels)?, test: half(test_images, test_labels)? })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::test_support::Fake;
    use super::*;
    use crate::idx::IdxError;

    #[test]
    fn four_gzip_files_make_a_data_set() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.write_gz(dir.path());
        let mnist = Mnist::load_as(&fake.manifest, dir.path()).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len()), (3, 2));
        assert_eq!((mnist.train.labels(), mnist.test.labels()), (&[5, 0, 4][..], &[7, 2][..]));
        assert_eq!(mnist.train.image(1), [4, 5, 6, 7]);
    }

    #[test]
    fn right_checksums_do_not_excuse_a_wrong_format() {
        let (mut fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.replace(1, idx::write::labels(2, &[5, 0]));
        fake.write_gz(dir.path());
        let error = Mnist::load_as(&fake.manifest, dir.path()).unwrap_err();
        assert!(
            matches!(error, MnistError::Format { source: IdxError::CountMismatch { .. }, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("train-images-idx3-ubyte.gz"), "{error}");
    }

    /// Tests the real files, if available: `KINDLING_DATA_DIR=… cargo nextest run`.
    #[test]
    fn the_published_files_load() {
        let Some(dir) = std::env::var_os("KINDLING_DATA_DIR") else {
            return;
        };
        let mnist = Mnist::load(Path::new(&dir)).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len()), (60_000, 10_000));
        assert_eq!((mnist.train.rows(), mnist.train.columns()), (28, 28));
        assert_eq!(mnist.train.labels()[..5], [5, 0, 4, 1, 9]);
        assert_eq!(mnist.test.labels()[..5], [7, 2, 1, 0, 4]);
        let mean = mnist.train.pixels().iter().map(|&p| u64::from(p)).sum::<u64>() as f64
            / mnist.train.pixels().len() as f64;
        assert!((mean / 255.0 - 0.1307).abs() < 1e-4, "the well-known mean of MNIST, not {mean}");
    }

    #[test]
    fn a_file_changed_by_one_byte_is_refused() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.write_gz(dir.path());
        let path = dir.path().join("t10k-labels-idx1-ubyte.gz");
        fs::write(&path, test_support::gzip(&idx::write::labels(2, &[7, 3]))).unwrap();
        let error = Mnist::load_as(&fake.manifest, dir.path()).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(error.contains(&*fake.manifest.0[3].sha256), "names what it expected: {error}");
        assert!(error.contains("hint: "), "{error}");
    }
}
