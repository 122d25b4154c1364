//! The files of MNIST, and their checksums.

use std::borrow::Cow;

/// The four files: training images and labels, test images and labels.
#[derive(Clone, Debug)]
pub(super) struct Manifest(pub(super) [FileSpec; 4]);

/// One file, packed or not.
#[derive(Clone, Debug)]
pub(super) struct FileSpec {
    /// Its name, without `.gz`.
    pub(super) name: &'static str,
    /// The SHA-256 of its unpacked content, in lower-case hexadecimal.
    pub(super) sha256: Cow<'static, str>,
}

impl FileSpec {
    pub(super) const fn new(name: &'static str, sha256: &'static str) -> Self {
        Self { name, sha256: Cow::Borrowed(sha256) }
    }
}

/// MNIST as published.
pub(super) const MNIST: Manifest = Manifest([
    FileSpec::new(
        "train-images-idx3-ubyte",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    FileSpec::new(
        "train-labels-idx1-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    FileSpec::new(
        "t10k-images-idx3-ubyte",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    FileSpec::new(
        "t10k-labels-idx1-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
]);

/// More than any MNIST file holds, packed or not (the largest has 47,040,016 bytes).
///
/// Nothing is read beyond it: a few damaged bytes of gzip may unpack to gigabytes.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
