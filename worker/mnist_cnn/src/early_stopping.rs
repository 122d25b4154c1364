//! Early stopping: when to stop training, and which epoch to keep.

/// Watches the validation accuracy epoch by epoch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EarlyStopping {
    patience: usize,
    epochs: usize,
    best: Option<Best>,
}

/// The best epoch so far; the first among equals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    /// Counted from 0.
    pub(super) epoch: usize,
    pub(super) accuracy: f64,
}

/// What to do after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The best so far: keep the weights.
    NewBest,
    /// Not the best, but go on.
    GoOn,
    /// `patience` epochs have passed without a new best.
    Stop,
}

impl EarlyStopping {
    pub(super) fn new(patience: usize) -> Self {
        Self { patience, epochs: 0, best: None }
    }

    /// One that has seen so many epochs, with this best one.
    pub(super) fn resume(patience: usize, epochs: usize, best: Option<Best>) -> Self {
        Self { patience, epochs, best }
    }

    /// Takes the accuracy of the next epoch.
    pub(super) fn observe(&mut self, accuracy: f64) -> Verdict {
        let epoch = self.epochs;
        self.epochs += 1;
        match self.best {
            Some(best) if accuracy <= best.accuracy => {
                if epoch - best.epoch < self.patience {
                    Verdict::GoOn
                } else {
                    Verdict::Stop
                }
            }
            _ => {
                self.best = Some(Best { epoch, accuracy });
                Verdict::NewBest
            }
        }
    }

    /// The best epoch so far.
    pub(super) fn best(&self) -> Option<Best> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last epoch run, and the best one.
    fn run(patience: usize, accuracies: &[f64]) -> (usize, usize) {
        let mut stopping = EarlyStopping::new(patience);
        let verdicts = accuracies.iter().map(|&a| stopping.observe(a));
        let last = verdicts.take_while(|&v| v != Verdict::Stop).count();
        (last, stopping.best().unwrap().epoch)
    }

    #[test]
    fn training_stops_once_five_epochs_have_passed_without_a_new_best() {
        assert_eq!(run(5, &[0.1; 9]), (5, 0));
        assert_eq!(run(5, &[0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), (6, 1));
        assert_eq!(run(1, &[0.1, 0.2, 0.1, 0.3]), (2, 1));
    }

    #[test]
    fn a_new_best_starts_the_count_again() {
        assert_eq!(run(5, &[0.5, 0.1, 0.1, 0.1, 0.1, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7]), (10, 5));
    }

    #[test]
    fn an_equal_accuracy_is_no_new_best() {
        assert_eq!(run(2, &[0.5, 0.5, 0.5, 0.9]), (2, 0));
    }

    #[test]
    fn the_first_epoch_is_a_new_best_whatever_it_reaches() {
        let mut stopping = EarlyStopping::new(5);
        assert_eq!(stopping.best(), None);
        assert_eq!(stopping.observe(0.0), Verdict::NewBest);
        let best = Best { epoch: 0, accuracy: 0.0 };
        assert_eq!(stopping.best(), Some(best));
    }
}
