//! Tells people what happens to their studies.
//!
//! What there is to say follows from a study and from what its recipient knows ([`Study::news`]), and both are in the store.
//! So there is no queue: after commits, at most once a second, a task of its own looks what is new, sends it, and records
//! what is known there now. What was not delivered is still new after a restart. What was delivered and not yet recorded
//! when the process died is delivered once more. A try is made of how things stand then, so a message is never stale.
//!
//! [`Study::news`]: kindling_study::Study::news

mod body;
mod desk;
mod letter;
mod page_url;
mod reach;
mod send;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kindling_study::{Message, Recipient, Refusal, Told};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::admission::Class;
use crate::ledger::{Ledger, LedgerError};
use crate::observe::{self, Delivery};
use desk::{Desk, Due, Settled};
use letter::Letter;
use send::{Sender, Undelivered};

pub use page_url::{PageUrl, PageUrlError};
pub use reach::Reach;

/// When what is sent.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// How often at most it is looked what is new.
    look: Duration,
    /// At most one message of a kind about a study is sent in this time.
    same: Duration,
    /// How long to wait after a try that failed. It doubles each time, up to the longest.
    first: Duration,
    longest: Duration,
    /// How often a message is tried.
    tries: u32,
    /// How many are sent at the same time.
    beside: usize,
    /// How long a try may take.
    patience: Duration,
    /// How long what is new is still sent once the coordinator is to stop.
    last: Duration,
}

const PACE: Pace = Pace {
    look: Duration::from_secs(1),
    same: Duration::from_mins(1),
    first: Duration::from_secs(5),
    longest: Duration::from_mins(30),
    tries: 12,
    beside: 16,
    patience: Duration::from_secs(10),
    last: Duration::from_secs(4),
};

/// Sends a test message, as a coordinator would send one about a study of this name, with a link to its page if that has
/// an address. The error says why it did not arrive.
pub async fn send_test(
    study: &str,
    recipient: &Recipient,
    page: Option<PageUrl>,
) -> Result<(), String> {
    let sender = Sender::new(Reach::Any, page, PACE.patience)?;
    let sent = sender.send(recipient, &Letter::test(study)).await;
    sent.map_err(|undelivered| undelivered.why)
}

/// The task that tells people.
pub(crate) struct Notifier {
    ledger: Ledger,
    sender: Arc<Sender>,
    desk: Arc<Mutex<Desk>>,
    running: JoinSet<Sent>,
    pace: Pace,
}

/// A try that is over.
struct Sent {
    due: Due,
    result: Result<(), Undelivered>,
}

impl Notifier {
    /// `page` is what messages link to.
    pub(crate) fn new(ledger: Ledger, reach: Reach, page: Option<PageUrl>) -> Result<Self, String> {
        Self::at(PACE, ledger, reach, page)
    }

    fn at(pace: Pace, ledger: Ledger, reach: Reach, url: Option<PageUrl>) -> Result<Self, String> {
        let sender = Arc::new(Sender::new(reach, url, pace.patience)?);
        let (desk, running) = (Arc::new(Mutex::new(Desk::new(pace))), JoinSet::new());
        Ok(Self { ledger, sender, desk, running, pace })
    }

    /// Tells people until it is to stop. Then it gives what is new one try.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        if self.go_on(&stop).await.is_err() {
            // The ledger has ended.
            return;
        }
        let end = Instant::now() + self.pace.last;
        _ = timeout_at(end, self.finish()).await;
    }

    /// Returns once it is to stop. Nothing is left half done then.
    async fn go_on(&mut self, stop: &CancellationToken) -> Result<(), LedgerError> {
        let commits = self.ledger.commits().clone();
        loop {
            let (rings, looked_at) = (commits.rings(), Instant::now());
            let has_looked = self.start_due().await?;
            // Most commits are nobody's news.
            tokio::select! {
                () = sleep(self.pace.look) => {}
                () = stop.cancelled() => return Ok(()),
            }
            let next = if has_looked { self.desk().next(looked_at) } else { looked_at };
            tokio::select! {
                rung = commits.after(rings) => rung.map_err(|_| LedgerError::Closed)?,
                () = sleep_until(next) => {}
                Some(sent) = self.running.join_next() => self.settle(sent).await?,
                () = stop.cancelled() => return Ok(()),
            }
            while let Some(sent) = self.running.try_join_next() {
                self.settle(sent).await?;
            }
        }
    }

    async fn finish(&mut self) -> Result<(), LedgerError> {
        self.desk().hurry();
        loop {
            self.start_due().await?;
            let Some(sent) = self.running.join_next().await else { return Ok(()) };
            self.settle(sent).await?;
        }
    }

    /// Starts to send what is due, as far as there are places. Returns whether it could look what is.
    async fn start_due(&mut self) -> Result<bool, LedgerError> {
        let free = self.pace.beside - self.running.len();
        let (desk, now) = (self.desk.clone(), Instant::now());
        let look = move |state: &crate::state::State| lock(&desk).due(state, now, free);
        let due = match self.ledger.look(look).await {
            Ok(due) => due,
            Err(LedgerError::Closed) => return Err(LedgerError::Closed),
            // So many look that there is no place.
            Err(_) => return Ok(false),
        };
        for (due, letter) in due.letters {
            let sender = self.sender.clone();
            self.running.spawn(async move {
                let result = sender.send(&due.recipient, &letter).await;
                Sent { due, result }
            });
        }
        for settled in due.unrecorded {
            self.record(settled).await?;
        }
        Ok(true)
    }

    async fn settle(
        &mut self,
        sent: Result<Sent, tokio::task::JoinError>,
    ) -> Result<(), LedgerError> {
        let Ok(Sent { due, result }) = sent else { return Ok(()) };
        let (study, news) = (due.name.as_str(), due.news.word());
        let host = due.recipient.url().host();
        let error = match result {
            Ok(()) => {
                tracing::info!(study, news, host, "told");
                observe::notified(Delivery::Delivered);
                None
            }
            Err(Undelivered { why, is_final }) => {
                let wait = (!is_final).then(|| self.desk().put_off(&due, Instant::now())).flatten();
                if let Some(wait) = wait {
                    let seconds = wait.as_secs_f64();
                    tracing::warn!(
                        study,
                        news,
                        host,
                        error = why,
                        seconds,
                        "not told; again later"
                    );
                    observe::notified(Delivery::Failed);
                    return Ok(());
                }
                tracing::warn!(study, news, host, error = why, "not told; given up");
                observe::notified(Delivery::GivenUp);
                Some(why.into())
            }
        };
        let Due { study, news, recipient, told, .. } = due;
        let last = told.last.map(|last| Message { error, ..last });
        let settled = Settled { study, recipient, told: Told { last, ..told } };
        self.desk().settled(settled.clone(), news, Instant::now());
        self.record(settled).await
    }

    /// Records what is known. If the store cannot write, that is tried again later, and nothing is sent until then.
    async fn record(&mut self, settled: Settled) -> Result<(), LedgerError> {
        let Settled { study, recipient, told } = settled;
        let recorded =
            self.ledger.write(Class::End, move |t| t.told(study, &recipient, told)).await;
        match recorded {
            Err(LedgerError::Closed) => return Err(LedgerError::Closed),
            // The study is gone.
            Ok(()) | Err(LedgerError::Refused(Refusal::UnknownStudy(_))) => {
                self.desk().recorded(study);
            }
            Err(error) => tracing::debug!(%error, "what was told could not be recorded"),
        }
        Ok(())
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
