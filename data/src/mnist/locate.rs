//! Locates MNIST.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::error::MnistError;
use super::fetch::{FetchProgress, Source};
use super::file;
use super::manifest::{MNIST, Manifest};

/// The directory that holds MNIST; downloads it into the cache if needed.
///
/// If a directory is named, only that one is used, and nothing is written to it: a missing file is an error.
/// Otherwise it is the [`cache_dir`].
pub fn ensure(
    data_dir: Option<&Path>,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, MnistError> {
    ensure_from(&Source::public(), data_dir, cache_dir, progress)
}

/// The directory that holds MNIST: `data_dir` if named, else the [`cache_dir`].
///
/// A missing file is an error. Only checks that the files exist; [`Mnist::load`] verifies them. A named
/// directory may also be torchvision's `root`, in which the files are in `MNIST/raw`.
///
/// [`Mnist::load`]: super::Mnist::load
pub fn locate(data_dir: Option<&Path>) -> Result<PathBuf, MnistError> {
    match data_dir {
        Some(dir) => named(&MNIST, dir),
        None => cache_dir().and_then(|dir| require(&MNIST, &dir).map(|()| dir)),
    }
}

/// The named directory, or the one within it where torchvision stores the files.
fn named(manifest: &Manifest, dir: &Path) -> Result<PathBuf, MnistError> {
    let torchvision = ["MNIST/raw", "raw"].map(|inner| dir.join(inner));
    let missing = match require(manifest, dir) {
        Ok(()) => return Ok(dir.to_path_buf()),
        Err(missing) => missing,
    };
    torchvision.into_iter().find(|inner| require(manifest, inner).is_ok()).ok_or(missing)
}

/// The download directory: `kindling/mnist` in the user's cache directory.
///
/// On Linux and macOS that is `$XDG_CACHE_HOME` or `~/.cache`. It need not exist.
pub fn cache_dir() -> Result<PathBuf, MnistError> {
    let base = etcetera::choose_base_strategy().map_err(|_| MnistError::NoCache)?;
    Ok(base.cache_dir().join("kindling").join("mnist"))
}

/// Checks that `dir` holds all four files.
pub(super) fn require(manifest: &Manifest, dir: &Path) -> Result<(), MnistError> {
    if !dir.is_dir() {
        return Err(MnistError::NoDirectory { dir: dir.to_path_buf() });
    }
    let missing = manifest.0.iter().filter(|spec| !file::is_present(dir, spec));
    let names: Vec<_> = missing.map(|spec| spec.name).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(MnistError::Missing { dir: dir.to_path_buf(), names })
    }
}

fn ensure_from(
    source: &Source,
    data_dir: Option<&Path>,
    cache_dir: impl FnOnce() -> Result<PathBuf, MnistError>,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, MnistError> {
    if let Some(dir) = data_dir {
        return named(&source.manifest, dir);
    }
    let cache = cache_dir()?;
    if require(&source.manifest, &cache).is_err() {
        source.fetch(&cache, progress)?;
    }
    Ok(cache)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::test_support::{Fake, Server};
    use super::*;

    fn ensured(fake: &Fake, data_dir: Option<&Path>, cache: &Path) -> Result<PathBuf, MnistError> {
        let server = Server::start(fake.replies());
        let source = fake.source(&[server.url()]);
        ensure_from(&source, data_dir, || Ok(cache.to_path_buf()), &mut |_| ())
    }

    #[test]
    fn a_named_directory_that_lacks_a_file_is_an_error_whatever_the_cache_holds() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let (named, cache) = (dir.path().join("named"), dir.path().join("cache"));
        for place in [&named, &cache] {
            fs::create_dir(place).unwrap();
            fake.write_gz(place);
        }
        assert_eq!(ensured(&fake, Some(&named), &cache).unwrap(), named);
        fs::remove_file(named.join("t10k-images-idx3-ubyte.gz")).unwrap();
        let error = ensured(&fake, Some(&named), &cache).unwrap_err();
        assert!(
            matches!(&error, MnistError::Missing { names, .. } if names == &["t10k-images-idx3-ubyte"])
        );
        assert!(error.to_string().contains("hint: pass `--data-dir DIR`"), "{error}");
        assert!(locate(Some(&named)).is_err());
        assert!(
            !named.join("t10k-images-idx3-ubyte.gz").exists(),
            "a named directory stays as it is"
        );
    }

    #[test]
    fn a_named_directory_may_be_the_root_that_torchvision_was_given() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let raw = dir.path().join("MNIST/raw");
        fs::create_dir_all(&raw).unwrap();
        fake.write_gz(&raw);
        let cache = dir.path().join("cache");
        for named in [dir.path(), &dir.path().join("MNIST"), &raw] {
            assert_eq!(ensured(&fake, Some(named), &cache).unwrap(), raw);
        }
        fs::remove_file(raw.join("t10k-images-idx3-ubyte.gz")).unwrap();
        let error = ensured(&fake, Some(dir.path()), &cache).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("{} ", dir.path().display())), "the one named: {text}");
    }

    #[test]
    fn a_named_directory_that_is_none_is_an_error() {
        let error = locate(Some(Path::new("/no/such/place"))).unwrap_err();
        assert!(
            error.to_string().starts_with("/no/such/place is not a directory\nhint: "),
            "{error}"
        );
    }

    #[test]
    fn a_full_cache_is_not_downloaded_again() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.write_gz(dir.path());
        let source = fake.source(&[]);
        let mut progress = |progress: FetchProgress<'_>| panic!("{progress:?}");
        let found = ensure_from(&source, None, || Ok(dir.path().to_path_buf()), &mut progress);
        assert_eq!(found.unwrap(), dir.path());
    }

    #[test]
    fn an_empty_cache_is_filled() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let cache = dir.path().join("not").join("there").join("yet");
        assert_eq!(ensured(&fake, None, &cache).unwrap(), cache);
        assert!(require(&fake.manifest, &cache).is_ok());
    }

    #[test]
    fn without_files_and_mirrors_the_error_shows_two_ways_on() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let source = fake.source(&["http://127.0.0.1:9".to_owned()]);
        let error = ensure_from(&source, None, || Ok(dir.path().to_path_buf()), &mut |_| ());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("http://127.0.0.1:9/train-images-idx3-ubyte.gz: "), "{text}");
        assert!(text.contains("KINDLING_DATA_DIR"), "{text}");
        assert!(text.contains("data = \"digits\""), "{text}");
    }

    #[test]
    fn the_cache_has_a_place_of_its_own() {
        assert!(cache_dir().unwrap().ends_with("kindling/mnist"));
    }
}
