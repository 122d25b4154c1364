//! The data sets of a study: the images that each of its trials trains, validates and tests on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kindling_data::mnist::{self, MnistError};
use kindling_data::{Dataset, Mnist, Split, digits};
use kindling_worker::{Progress, Trial, TrialError};

use super::fetching;
use super::settings::{DataName, Settings};

/// Four sets that share no image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) train: Dataset,
    pub(super) epoch_validation: Dataset,
    pub(super) trial_validation: Dataset,
    pub(super) test: Dataset,
}

/// What determines the images in the sets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    data: DataName,
    data_dir: Option<PathBuf>,
    study_seed: u64,
    train: usize,
    epoch_validation: usize,
    trial_validation: usize,
    test: usize,
}

/// Caches the sets of the latest study, so that its trials load them once.
#[derive(Debug, Default)]
pub(super) struct SetsCache {
    latest: Mutex<Option<(Origin, Arc<Sets>)>>,
    /// MNIST as it was read to prepare, and from where: the first trial need not read it again.
    mnist: Mutex<Option<(Option<PathBuf>, Mnist)>>,
}

impl SetsCache {
    /// Reads MNIST ahead of the first trial. Fetches it if it is not there.
    pub(super) fn prepare(
        &self,
        data_dir: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), MnistError> {
        let mnist = mnist_of(data_dir, progress)?;
        let mut read = self.mnist.lock().unwrap_or_else(PoisonError::into_inner);
        *read = Some((data_dir.map(Path::to_owned), mnist));
        Ok(())
    }

    /// The sets for a trial. Waits while another trial loads them.
    pub(super) fn get(
        &self,
        trial: &Trial<'_>,
        settings: &Settings,
    ) -> Result<Arc<Sets>, TrialError> {
        let origin = Origin {
            data: settings.data,
            data_dir: trial.data_dir().map(Path::to_owned),
            study_seed: trial.study_seed(),
            train: settings.train,
            epoch_validation: settings.epoch_validation,
            trial_validation: settings.trial_validation,
            test: settings.test(),
        };
        // A trial that panicked while holding the lock left no half-made sets.
        let mut kept = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, sets)) = &*kept
            && *of == origin
        {
            return Ok(Arc::clone(sets));
        }
        let sets = Arc::new(Sets::load(&origin, || self.mnist(&origin))?);
        *kept = Some((origin, Arc::clone(&sets)));
        Ok(sets)
    }

    fn mnist(&self, origin: &Origin) -> Result<Mnist, MnistError> {
        let read = self.mnist.lock().unwrap_or_else(PoisonError::into_inner).take();
        match read {
            Some((of, mnist)) if of == origin.data_dir => Ok(mnist),
            _ => mnist_of(origin.data_dir.as_deref(), &mut |progress| {
                tracing::debug!(?progress, "downloading MNIST");
            }),
        }
    }
}

impl Sets {
    fn load(
        origin: &Origin,
        mnist: impl FnOnce() -> Result<Mnist, MnistError>,
    ) -> Result<Self, TrialError> {
        let (pool, test) = match origin.data {
            DataName::Mnist => {
                let Mnist { train, test } =
                    mnist().map_err(|error| TrialError::Unfit(error.to_string()))?;
                (train, test)
            }
            DataName::Digits => {
                // Draw all images at once; otherwise training images could reappear as test images.
                let pool = origin.train + origin.epoch_validation + origin.trial_validation;
                let all = digits(pool + origin.test, origin.study_seed);
                let part = |range: std::ops::Range<usize>| all.subset(&range.collect::<Vec<_>>());
                (part(0..pool), part(pool..all.len()))
            }
        };
        let split = Split::draw(
            pool.len(),
            origin.train,
            origin.epoch_validation,
            origin.trial_validation,
            origin.study_seed,
        )?;
        Ok(Self {
            train: pool.subset(&split.train),
            epoch_validation: pool.subset(&split.epoch_validation),
            trial_validation: pool.subset(&split.trial_validation),
            test,
        })
    }
}

/// MNIST from the folder, the cache or a mirror. Without it no trial can run on this machine.
fn mnist_of(
    data_dir: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Mnist, MnistError> {
    let dir = mnist::ensure(data_dir, &mut fetching(progress))?;
    Mnist::load(&dir)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::super::testing;
    use super::*;

    fn settings(train: usize) -> Value {
        json!({"data": "digits", "train": train, "epoch_validation": 20, "trial_validation": 50, "test": 40})
    }

    fn get(cache: &SetsCache, settings: &Value) -> Result<Arc<Sets>, TrialError> {
        let facts = testing::facts(&json!({}), settings);
        let settings = Settings::parse(&facts.settings).unwrap();
        testing::with_trial(&facts, |trial| cache.get(trial, &settings))
    }

    #[test]
    fn the_sets_have_their_sizes_and_share_no_image() {
        let sets = get(&SetsCache::default(), &settings(30)).unwrap();
        let all = [&sets.train, &sets.epoch_validation, &sets.trial_validation, &sets.test];
        assert_eq!(all.map(Dataset::len), [30, 20, 50, 40]);
        let images = all.into_iter().flat_map(|set| (0..set.len()).map(|i| set.image(i)));
        assert_eq!(images.collect::<HashSet<_>>().len(), 140);
    }

    #[test]
    fn trials_of_one_study_share_their_sets_and_another_study_gets_its_own() {
        let cache = SetsCache::default();
        let first = get(&cache, &settings(30)).unwrap();
        assert!(Arc::ptr_eq(&first, &get(&cache, &settings(30)).unwrap()));
        let other = get(&cache, &settings(10)).unwrap();
        assert_eq!(other.train.len(), 10);
        assert_eq!(get(&cache, &settings(30)).unwrap(), first);
    }

    /// With real MNIST, if there is some: `KINDLING_DATA_DIR` names its folder.
    #[test]
    fn what_was_read_to_prepare_is_not_read_again() {
        let Some(real) = std::env::var_os("KINDLING_DATA_DIR") else { return };
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("mnist");
        std::os::unix::fs::symlink(real, &folder).unwrap();
        let cache = SetsCache::default();
        cache.prepare(Some(&folder), &mut |_| ()).unwrap();
        std::fs::remove_file(&folder).unwrap();
        let facts = testing::facts(&json!({}), &json!({}));
        let mut reports = testing::Reports::default();
        let trial = Trial::new(&facts, testing::device_name(), Some(folder), &mut reports);
        assert_eq!(cache.get(&trial, &Settings::default()).unwrap().test.len(), 10_000);
        let other = Settings { train: 10, ..Settings::default() };
        assert!(cache.get(&trial, &other).is_err(), "it was for the first trial");
    }

    #[test]
    fn without_mnist_the_worker_is_unfit_and_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let facts = testing::facts(&json!({}), &json!({}));
        let mut reports = testing::Reports::default();
        let dir = Some(dir.path().to_owned());
        let trial = Trial::new(&facts, testing::device_name(), dir, &mut reports);
        let error = SetsCache::default().get(&trial, &Settings::default()).unwrap_err();
        assert!(
            matches!(&error, TrialError::Unfit(reason) if reason.contains("train-images-idx3-ubyte")
                && reason.contains("hint: ")),
            "{error:?}"
        );
    }
}
