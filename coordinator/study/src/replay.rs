//! Replay: every proposal of a study computed again from what its record says it saw.

use crate::ids::TrialNumber;
use crate::space::Params;
use crate::study::Study;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replay {
    /// How many proposals were computed again.
    pub checked: usize,
    /// Those that came out differently.
    pub mismatches: Vec<Mismatch>,
}

/// A proposal that came out differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The trial.
    pub number: TrialNumber,
    /// Its parameters on record.
    pub recorded: Params,
    /// Its parameters as computed again.
    pub recomputed: Params,
}

impl Study {
    /// Computes every proposal again and compares it, bit for bit, with the record.
    pub fn replay(&self) -> Replay {
        let mut replay = Replay::default();
        for (index, trial) in self.trials().iter().enumerate() {
            let Some(proposal) = &trial.proposal else { continue };
            let number = TrialNumber(index as u32);
            let seen = proposal.saw_finished as usize;
            let recomputed =
                self.proposal_of(number, Some(&trial.fixed), seen, &proposal.saw_pending);
            replay.checked += 1;
            if recomputed != proposal.params {
                let recorded = proposal.params.clone();
                replay.mismatches.push(Mismatch { number, recorded, recomputed });
            }
        }
        replay
    }
}
