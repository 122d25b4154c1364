//! The objective's settings in a study file.

use std::fmt;

use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use super::network::{Architecture, COMMON, DEEP};
use kindling_worker::{JsonMap, SettingsError};

/// The settings of the objective. A missing key takes its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which network to train. Default: `common`.
    pub network: NetworkName,
    /// Which images to train it on. Default: `mnist`.
    pub data: DataName,
    /// The inputs of the cross-entropy. Default: `softmax`.
    pub loss: LossKind,
    /// Training stops once this many epochs have passed without a new best. Default: 5.
    #[serde(deserialize_with = "count")]
    pub patience: usize,
    /// Training stops after this many epochs in any case. Default: 200, far more than early stopping ever
    /// allows.
    #[serde(deserialize_with = "count")]
    pub max_epochs: usize,
    /// A checkpoint is saved each time that so many epochs have passed; 0: never. Default: 5.
    pub checkpoint_every: usize,
    /// Training images. Default: 2,000.
    #[serde(deserialize_with = "count")]
    pub train: usize,
    /// Images for early stopping, measured after each epoch. Default: 2,000.
    #[serde(deserialize_with = "count")]
    pub epoch_validation: usize,
    /// Images that the objective value is measured on. Default: 5,000.
    #[serde(deserialize_with = "count")]
    pub trial_validation: usize,
    /// Images in a training batch. Default: 64 for `common`, 32 for `deep`.
    #[serde(deserialize_with = "optional_count")]
    pub batch_size: Option<usize>,
    /// Test images, for synthetic digits only: MNIST's 10,000 are always used in full. Default: 10,000.
    #[serde(deserialize_with = "optional_count")]
    pub test: Option<usize>,
}

/// A network of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkName {
    /// Three convolutions and two fully connected layers.
    Common,
    /// Five convolutions and four fully connected layers.
    Deep,
}

impl NetworkName {
    /// Its layers.
    pub fn architecture(self) -> &'static Architecture {
        match self {
            Self::Common => &COMMON,
            Self::Deep => &DEEP,
        }
    }
}

/// A set of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataName {
    /// The handwritten digits, read from files.
    Mnist,
    /// Synthetic digits, drawn by code.
    Digits,
}

/// What the cross-entropy takes as logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossKind {
    /// The network's softmax output, as in the published runs: softmax is applied twice.
    Softmax,
    /// The last layer's output, as usual.
    Logits,
}

/// MNIST's training images, from which the three sets are drawn, and its test images.
const MNIST_SIZES: (usize, usize) = (60_000, 10_000);

impl Settings {
    /// Reads the settings from a study file's `[objective]` table, without its `kind`.
    pub fn parse(table: &JsonMap) -> Result<Self, SettingsError> {
        let settings: Self = serde_path_to_error::deserialize(serde_json::Value::from(
            table.clone(),
        ))
        .map_err(|error| {
            let path = error.path().to_string();
            SettingsError {
                key: if path == "." { String::new() } else { path },
                message: error.into_inner().to_string(),
            }
        })?;
        settings.fits()?;
        Ok(settings)
    }

    /// The batch size in use.
    pub fn batch_size(&self) -> usize {
        self.batch_size.unwrap_or(match self.network {
            NetworkName::Common => 64,
            NetworkName::Deep => 32,
        })
    }

    /// The number of test images.
    pub fn test(&self) -> usize {
        self.test.unwrap_or(MNIST_SIZES.1)
    }

    /// Checks constraints that involve more than one key.
    fn fits(&self) -> Result<(), SettingsError> {
        let asked = [self.train, self.epoch_validation, self.trial_validation];
        let asked = asked.iter().fold(0_usize, |sum, &n| sum.saturating_add(n));
        if asked > MNIST_SIZES.0 {
            return Err(SettingsError {
                key: "train".to_owned(),
                message: format!(
                    "train + epoch_validation + trial_validation is {asked}, expected at most {}",
                    MNIST_SIZES.0
                ),
            });
        }
        match (self.data, self.test) {
            (DataName::Mnist, Some(n)) => Err(SettingsError {
                key: "test".to_owned(),
                message: format!(
                    "found {n}, expected it only with data = \"digits\": MNIST's test images stay whole"
                ),
            }),
            (DataName::Digits, Some(n)) if n > MNIST_SIZES.0 => Err(SettingsError {
                key: "test".to_owned(),
                message: format!("found {n}, expected at most {}", MNIST_SIZES.0),
            }),
            _ => Ok(()),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network: NetworkName::Common,
            data: DataName::Mnist,
            loss: LossKind::Softmax,
            patience: 5,
            max_epochs: 200,
            checkpoint_every: 5,
            train: 2_000,
            epoch_validation: 2_000,
            trial_validation: 5_000,
            batch_size: None,
            test: None,
        }
    }
}

/// Deserialises a whole number of at least 1, with a clear error otherwise.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    struct Count;

    impl Visitor<'_> for Count {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of 1 or more")
        }

        fn visit_u64<E: de::Error>(self, n: u64) -> Result<usize, E> {
            usize::try_from(n)
                .ok()
                .filter(|&n| n > 0)
                .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(n), &self))
        }
    }

    deserializer.deserialize_u64(Count)
}

fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    count(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(table: &Value) -> Result<Settings, SettingsError> {
        Settings::parse(table.as_object().unwrap())
    }

    fn error(table: &Value) -> String {
        parse(table).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_means_the_published_protocol() {
        let settings = parse(&json!({})).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!((settings.batch_size(), settings.test()), (64, 10_000));
        let deep = parse(&json!({"network": "deep"})).unwrap();
        assert_eq!(deep.batch_size(), 32);
    }

    #[test]
    fn every_key_can_be_set() {
        let settings = parse(&json!({
            "network": "deep", "data": "digits", "loss": "logits", "patience": 1, "max_epochs": 2,
            "checkpoint_every": 8, "train": 3,
            "epoch_validation": 4, "trial_validation": 5, "batch_size": 6, "test": 7
        }));
        let expected = Settings {
            network: NetworkName::Deep,
            data: DataName::Digits,
            loss: LossKind::Logits,
            patience: 1,
            max_epochs: 2,
            checkpoint_every: 8,
            train: 3,
            epoch_validation: 4,
            trial_validation: 5,
            batch_size: Some(6),
            test: Some(7),
        };
        assert_eq!(settings.unwrap(), expected);
    }

    #[test]
    fn an_error_names_the_key_what_was_found_and_what_was_expected() {
        assert_eq!(
            error(&json!({"network": "wide"})),
            "objective.network: unknown variant `wide`, expected `common` or `deep`"
        );
        assert_eq!(
            error(&json!({"train": "many"})),
            "objective.train: invalid type: string \"many\", expected a whole number of 1 or more"
        );
        for (wrong, found) in [
            (json!(0), "integer `0`"),
            (json!(-3), "integer `-3`"),
            (json!(1.5), "floating point `1.5`"),
        ] {
            let error = error(&json!({ "batch_size": wrong }));
            assert!(error.starts_with("objective.batch_size: "), "{error}");
            assert!(error.contains(found), "{error}");
            assert!(error.ends_with("expected a whole number of 1 or more"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused_and_the_right_ones_are_listed() {
        let error = error(&json!({"epoch": 3}));
        let start = "objective.epoch: unknown field `epoch`, expected one of `network`, `data`";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn the_sets_must_fit_into_the_data() {
        assert!(parse(&json!({"train": 53_000})).is_ok());
        assert_eq!(
            error(&json!({"train": 53_001})),
            "objective.train: train + epoch_validation + trial_validation is 60001, expected at most 60000"
        );
    }

    #[test]
    fn the_test_set_of_mnist_stays_whole() {
        assert_eq!(
            error(&json!({"test": 100})),
            "objective.test: found 100, expected it only with data = \"digits\": MNIST's test images stay whole"
        );
        assert!(parse(&json!({"test": 100, "data": "digits"})).is_ok());
        let error = error(&json!({"test": 60_001, "data": "digits"}));
        assert_eq!(error, "objective.test: found 60001, expected at most 60000");
    }
}
