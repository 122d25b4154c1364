//! Sends what trials write.
//!
//! Beside everything else: an outage or a busy coordinator holds up nothing. What does not fit into the queue meanwhile is left
//! out, and the first line that follows says how much it was.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kindling_proto::limits;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::link::Link;
use crate::convert;
use crate::lease::Claim;
use crate::output::{Line, Output, Queue};

/// How long lines are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(500);
/// The longest wait after lines were turned away.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How long a coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a trial's last lines may take once its result was delivered, or it was handed back.
const LAST_LINES: Duration = Duration::from_secs(3);

/// The outputs of a worker's trials. Clones share it.
#[derive(Clone)]
pub(super) struct Outputs {
    link: Link,
    pace: Arc<Pace>,
    /// How many trials' lines are being sent.
    sending: Arc<watch::Sender<usize>>,
}

/// The output of one trial. When it is dropped, the trial is over.
pub(super) struct Writing {
    pub(super) output: Output,
    queue: Arc<Queue>,
    over: CancellationToken,
}

impl Outputs {
    pub(super) fn new(link: &Link) -> Self {
        Self { link: link.clone(), pace: Arc::default(), sending: Arc::default() }
    }

    /// An output that is sent under the claim.
    pub(super) fn begin(&self, claim: &Claim) -> Writing {
        let (output, queue) = Output::queued();
        let over = CancellationToken::new();
        let sending = Sending {
            link: self.link.clone(),
            pace: Arc::clone(&self.pace),
            claim: claim.clone(),
            queue: Arc::clone(&queue),
            first: 0,
            wait: GATHER,
        };
        self.sending.send_modify(|count| *count += 1);
        let (count, is_over) = (Arc::clone(&self.sending), over.clone());
        // Outside of the trial's span: what it logs is no output of the trial's.
        tokio::spawn(async move {
            sending.run(is_over).await;
            count.send_modify(|count| *count -= 1);
        });
        Writing { output, queue, over }
    }

    /// Waits for the last lines of all trials, which are over. That takes no longer than they may take.
    pub(super) async fn end(&self) {
        _ = self.sending.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.queue.close();
        self.over.cancel();
    }
}

/// What sends the lines of one trial.
struct Sending {
    link: Link,
    pace: Arc<Pace>,
    claim: Claim,
    queue: Arc<Queue>,
    /// The number of the next line.
    first: u64,
    wait: Duration,
}

impl Sending {
    /// Sends all lines. Once the trial is over, only for a while.
    async fn run(mut self, over: CancellationToken) {
        let too_late = async {
            over.cancelled().await;
            tokio::time::sleep(LAST_LINES).await;
        };
        tokio::select! {
            biased;
            () = self.send_all() => {}
            () = too_late => {
                let Claim { study_id: study, trial, attempt, .. } = self.claim;
                tracing::debug!(study, trial, attempt, "the last lines of its output were not sent");
            }
        }
    }

    async fn send_all(&mut self) {
        while self.queue.filled().await {
            self.gather().await;
            let lines = self.queue.take();
            if !self.send(&lines).await {
                // Nothing is kept for a coordinator that does not want it.
                self.queue.close();
                while !self.queue.take().is_empty() {}
                return;
            }
            self.first += lines.len() as u64;
        }
    }

    /// Waits for more, unless no more comes.
    async fn gather(&self) {
        tokio::select! {
            biased;
            () = self.queue.closed() => {}
            () = tokio::time::sleep(self.wait) => {}
        }
    }

    /// Sends a batch until it is taken. Returns whether the coordinator wants more.
    async fn send(&mut self, lines: &[Line]) -> bool {
        let request = convert::output(&self.claim, self.first, lines);
        loop {
            self.pace.wait(lines.iter().map(Line::bytes).sum()).await;
            let mut client = self.link.client();
            let answer = tokio::time::timeout(PATIENCE, client.write(request.clone())).await;
            match answer {
                Ok(Ok(_)) => {
                    self.wait = GATHER.max(self.wait / 2);
                    return true;
                }
                Ok(Err(status)) if is_final(status.code()) => {
                    let Claim { study_id: study, trial, attempt, .. } = self.claim;
                    let (code, message) = (status.code(), status.message());
                    tracing::debug!(study, trial, attempt, ?code, message, "output refused");
                    return false;
                }
                // Too much at a time, or out of reach. It is not said: who reports says so.
                Ok(Err(_)) | Err(_) => {}
            }
            self.wait = LONGEST_WAIT.min(self.wait * 2);
            // Half to one and a half times as long, so that trials do not come back all at once.
            let jitter =
                f64::from(self.claim.trial.wrapping_mul(2_654_435_769)) / f64::from(u32::MAX);
            tokio::time::sleep(self.wait.mul_f64(0.5 + jitter)).await;
        }
    }
}

/// Whether a repetition would be refused, too. An older coordinator does not know the call.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
            | Code::PermissionDenied
    )
}

/// Limits what a worker sends in a second, of all its trials.
#[derive(Default)]
struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Waits until so many bytes may be sent.
    async fn wait(&self, bytes: usize) {
        let at = self.next(bytes, Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// When so many bytes may be sent, after all those that were asked for before.
    fn next(&self, bytes: usize, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / limits::OUTPUT_SENT as f64);
        let mut free_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free_at.map_or(now, |at| at.max(now));
        *free_at = Some(at + takes);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_sends_so_much_in_a_second_however_many_trials_write() {
        let (pace, now) = (Pace::default(), Instant::now());
        let times = [0, 1, 2, 3].map(|_| (pace.next(limits::OUTPUT_SENT, now) - now).as_secs());
        assert_eq!(times, [0, 1, 2, 3]);
        let later = now + Duration::from_secs(9);
        assert_eq!(pace.next(1, later), later, "what was not sent before gives no room");
    }
}
