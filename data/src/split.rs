//! Seeded, disjoint draws from a data set.

use thiserror::Error;

use crate::random::Random;

/// Three disjoint lists of indices into one data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Images to train on.
    pub train: Vec<usize>,
    /// Images that decide after each epoch whether to go on.
    pub epoch_validation: Vec<usize>,
    /// Images that the objective value is measured on.
    pub trial_validation: Vec<usize>,
}

impl Split {
    /// Draws three sets of the given sizes from the indices `0..total`, without replacement.
    ///
    /// The same arguments give the same split on every platform. Memory: `total` words.
    pub fn draw(
        total: usize,
        train: usize,
        epoch_validation: usize,
        trial_validation: usize,
        seed: u64,
    ) -> Result<Self, SplitError> {
        let asked = train
            .checked_add(epoch_validation)
            .and_then(|sum| sum.checked_add(trial_validation))
            .filter(|&asked| asked <= total)
            .ok_or(SplitError { total, train, epoch_validation, trial_validation })?;

        let mut indices: Vec<usize> = (0..total).collect();
        Random::new(*b"split___", seed).draw_to_front(&mut indices, asked);
        let (train, rest) = indices[..asked].split_at(train);
        let (epoch_validation, trial_validation) = rest.split_at(epoch_validation);
        Ok(Self {
            train: train.to_vec(),
            epoch_validation: epoch_validation.to_vec(),
            trial_validation: trial_validation.to_vec(),
        })
    }
}

/// More images were requested than there are.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a split of {train} train + {epoch_validation} epoch-validation + {trial_validation} \
     trial-validation images does not fit into the {total} there are\n\
     hint: ask for fewer; the three sets never share an image"
)]
pub struct SplitError {
    /// The number of available images.
    pub total: usize,
    /// The requested number of training images.
    pub train: usize,
    /// The requested number of epoch-validation images.
    pub epoch_validation: usize,
    /// The requested number of trial-validation images.
    pub trial_validation: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_sets_have_their_sizes_and_share_nothing() {
        let split = Split::draw(60_000, 2_000, 2_000, 5_000, 1).unwrap();
        assert_eq!(split.train.len(), 2_000);
        assert_eq!(split.epoch_validation.len(), 2_000);
        assert_eq!(split.trial_validation.len(), 5_000);
        let mut all = [split.train, split.epoch_validation, split.trial_validation].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 9_000);
        assert!(all[8_999] < 60_000);
    }

    #[test]
    fn a_draw_spreads_over_the_whole_data_set() {
        let split = Split::draw(60_000, 6_000, 0, 0, 2).unwrap();
        let mean = split.train.iter().sum::<usize>() / 6_000;
        assert!((29_000..31_000).contains(&mean), "{mean}");
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| Split::draw(1_000, 20, 20, 50, seed).unwrap();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn a_split_may_use_every_image_but_not_one_more() {
        assert!(Split::draw(10, 2, 3, 5, 0).is_ok());
        let error = Split::draw(10, 2, 3, 6, 0).unwrap_err();
        assert!(error.to_string().contains("does not fit into the 10 there are"), "{error}");
        assert!(Split::draw(10, usize::MAX, 1, 1, 0).is_err());
        assert!(Split::draw(0, 0, 0, 0, 0).is_ok());
    }

    /// Frozen: a recorded study identifies its split by the seed alone, so these numbers must never change.
    /// An independent implementation of `ChaCha8` in Python gives the same.
    #[test]
    fn a_known_seed_gives_a_known_split() {
        let split = Split::draw(60_000, 4, 3, 2, 42).unwrap();
        assert_eq!(split.train, [9732, 52260, 58090, 45215]);
        assert_eq!(split.epoch_validation, [50765, 12531, 34438]);
        assert_eq!(split.trial_validation, [11666, 4794]);
    }
}
