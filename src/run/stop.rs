//! What ends a run early: a signal, or the end of the program that started it.

use kindling_worker::StopSignals;
use tokio::io::AsyncReadExt as _;

pub(super) struct StopWanted {
    signals: StopSignals,
    with_stdin: bool,
}

impl StopWanted {
    /// Starts listening. `with_stdin`: the end of standard input counts, too.
    pub(super) fn listen(with_stdin: bool) -> anyhow::Result<Self> {
        Ok(Self { signals: StopSignals::listen()?, with_stdin })
    }

    /// Waits until the run should end.
    pub(super) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.signals.next() => {}
            () = end_of_stdin(), if self.with_stdin => {}
        }
    }

    /// Waits until somebody insists on it.
    pub(super) async fn insisted(&mut self) {
        self.signals.insisted().await;
    }
}

async fn end_of_stdin() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while matches!(stdin.read(&mut buffer).await, Ok(n) if n > 0) {}
}
