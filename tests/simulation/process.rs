//! A worker process: the real session, training in simulated time.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kindling_proto::v1;
use kindling_worker::{
    Assignment, Completion, Identity, Intermediate, Noted, Outbox, Ran, Session, Training,
    TrialError, Values, WorkerError,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use crate::history::{History, What};
use crate::scenario::Habits;
use crate::shelf::Kept;
use crate::transport::Client;

/// How long a draining worker's trials may go on.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Process {
    pub(crate) number: u64,
    pub(crate) name: String,
    /// Cancelled by a simulated SIGTERM.
    pub(crate) stop: CancellationToken,
    /// Cancelled by a simulated kill -9.
    pub(crate) dead: CancellationToken,
    /// Whether a fate ended it, which will also replace it.
    pub(crate) is_away: bool,
}

impl Process {
    /// Starts a process. Its number must be unique.
    pub(crate) fn start(
        client: &Client,
        slots: u32,
        number: u64,
        habits: Habits,
        kept: Kept,
    ) -> Self {
        let (stop, dead) = (CancellationToken::new(), client.dead.clone());
        let name = client.name.clone();
        let worker = Identity {
            id: name.clone(),
            host: "simulated".to_owned(),
            device: "none".to_owned(),
            slots,
            session: number,
        };
        let history = client.history.clone();
        let training =
            Simulated { process: number, habits, history: history.clone(), dead: dead.clone() };
        let session = Session::new(client.transport(), worker, Arc::new(training), stop.clone())
            .with_shelf(Arc::new(kept));
        let end = dead.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = end.cancelled() => {}
                ended = session.run(GRACE) => match ended {
                    Ok(()) => {}
                    Err(WorkerError::Refused { reason, .. }) => {
                        history.note(What::Refused { process: number, reason });
                    }
                    Err(other) => panic!("a worker ends in peace: {other}"),
                },
            }
            // Kill whatever it left running.
            end.cancel();
        });
        Self { number, name, stop, dead, is_away: false }
    }
}

/// Trains by waiting.
#[derive(Clone)]
struct Simulated {
    process: u64,
    habits: Habits,
    history: History,
    dead: CancellationToken,
}

impl Training for Simulated {
    fn objectives(&self) -> Vec<String> {
        vec!["simulated".to_owned()]
    }

    fn train(
        &self,
        assignment: Assignment,
        outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let training = self.clone();
        Box::pin(async move {
            let dead = training.dead.clone();
            tokio::select! {
                biased;
                () = dead.cancelled() => std::future::pending().await,
                ran = training.run(assignment, outbox) => ran,
            }
        })
    }
}

impl Simulated {
    async fn run(self, assignment: Assignment, mut outbox: Outbox) -> Ran {
        let Self { process, habits, history, dead } = self;
        let facts = assignment.facts.expect("what the study was made of");
        let claim: v1::Claim = assignment.claim.into();
        history.note(What::Begins { process, claim: claim.clone() });
        // A trial's nature is the same wherever it trains. Everything else is specific to the process and the
        // trial: confirmations share seeds, and if two trials ran in step, their order would be undefined.
        let mut nature = ChaCha8Rng::seed_from_u64(facts.seed);
        let own = process ^ (u64::from(claim.trial) << 32);
        let mut chance = ChaCha8Rng::seed_from_u64(facts.seed ^ own);
        let steps = nature.random_range(1..=4_u64);
        let two = facts.metrics.names.len() == 2;
        let [fails, nan, deadly] =
            [habits.fails, habits.nan, habits.deadly].map(|p| nature.random_bool(p));
        let mut first = 0;
        match outbox.load_checkpoint_bytes().await {
            Ok(None) => {}
            Ok(Some((step, bytes))) => {
                let from = String::from_utf8_lossy(&bytes).into_owned();
                history.note(What::Resumes { claim: claim.clone(), step, from });
                first = step + 1;
            }
            Err(error) => return Ran::Ended(Err(error), Noted::default()),
        }
        for step in first..steps {
            let longest = habits.longest_step.as_secs_f64();
            tokio::time::sleep(Duration::from_secs_f64(chance.random_range(0.05..longest))).await;
            if deadly && step + 1 == steps {
                history.fate(format!("process {process} dies of trial {}", claim.trial));
                dead.cancel();
                std::future::pending::<()>().await;
            }
            let value = if nan && step == 1 { f64::NAN } else { chance.random_range(0.0..1.0) };
            history.note(What::Trains { process, claim: claim.clone(), step, value });
            let others = if two { vec![(0, mirrored(value))] } else { vec![] };
            if outbox.report(step, Intermediate { value, others }).await.is_err() {
                return Ran::Ended(Err(TrialError::Stopped), Noted::default());
            }
            if step + 1 < steps && habits.saves > 0.0 && chance.random_bool(habits.saves) {
                // Trials whose reports end together, as their connection breaks, would save in an order that is undefined.
                tokio::time::sleep(Duration::from_millis(1 + u64::from(claim.trial))).await;
                history.note(What::Saves { claim: claim.clone(), step });
                let bytes = contents(&claim, step).into_bytes();
                if let Err(error) = outbox.save_checkpoint(step, bytes).await {
                    return Ran::Ended(Err(error), Noted::default());
                }
            }
        }
        let outcome = if fails {
            Err(TrialError::Failed("it is in its nature".to_owned()))
        } else {
            let value =
                if nan && steps == 1 { f64::INFINITY } else { chance.random_range(0.0..1.0) };
            let values = if two { vec![value, mirrored(value)] } else { vec![value] };
            let done = Completion::new(Values::try_from(values).expect("some"));
            Ok(if value.is_finite() { done.with("steps", steps) } else { done })
        };
        let constraints = if two { vec![chance.random_range(-1.0..1.0)] } else { vec![] };
        Ran::Ended(outcome, Noted { constraints, ..Noted::default() })
    }
}

/// What a checkpoint has.
pub(crate) fn contents(claim: &v1::Claim, step: u64) -> String {
    format!("trial {} attempt {} step {step}", claim.trial, claim.attempt)
}

/// What a trial says of its other objective, so that a check can tell whether the two belong together.
pub(crate) fn mirrored(value: f64) -> f64 {
    1.0 - value
}
