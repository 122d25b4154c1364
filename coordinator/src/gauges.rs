//! The progress of studies and the number of workers, set for Prometheus once a second.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::ledger::{Ledger, LedgerError};
use crate::observe;

/// How often studies are counted at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// Updates the gauges for as long as the ledger lives.
pub(crate) async fn watch(ledger: Ledger) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let look = ledger.look(|state| {
            state.registry().iter().for_each(|(_, study)| observe::study(study));
            let connected = || state.workers().iter().filter(|(_, worker)| worker.connections > 0);
            let slots = connected().map(|(_, worker)| f64::from(worker.info.slots)).sum();
            observe::workers(connected().count(), slots);
        });
        if let Err(LedgerError::Closed) = look.await {
            return;
        }
    }
}
