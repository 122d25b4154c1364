//! The coordinator's Prometheus metrics. Dashboards use the names, so they stay as they are.

use std::time::Instant;

use kindling_study::{Event, LeaseEnd, Record, Study};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::admission::Class;

const TRIALS: &str = "kindling_trials";
const BUDGET: &str = "kindling_trials_budget";
const BEST: &str = "kindling_best_value";
const FRONT: &str = "kindling_front_trials";
const WORKERS: &str = "kindling_workers";
const SLOTS: &str = "kindling_worker_slots";
const QUEUE: &str = "kindling_queue_depth";
const COMMIT: &str = "kindling_commit_seconds";
const EVENTS: &str = "kindling_committed_events_total";
const LEASE: &str = "kindling_lease_seconds";
const PROPOSALS: &str = "kindling_proposals_total";
const PROPOSAL: &str = "kindling_proposal_seconds";
const EXPIRED: &str = "kindling_leases_expired_total";
const LOG: &str = "kindling_store_log_bytes";
const TURNED_AWAY: &str = "kindling_calls_turned_away_total";
const CONNECTIONS: &str = "kindling_connections";
const CLOSED: &str = "kindling_connections_refused_total";
const REFUSED: &str = "kindling_calls_refused_total";
const WRONG_TOKENS: &str = "kindling_wrong_tokens_total";
const ARTIFACTS: &str = "kindling_artifacts_bytes";
const ARTIFACTS_LIMIT: &str = "kindling_artifacts_limit_bytes";
const SAVED: &str = "kindling_artifacts_saved_total";
const SAVED_BYTES: &str = "kindling_artifacts_saved_bytes_total";
const NOT_SAVED: &str = "kindling_artifacts_not_saved_total";
const REMOVED: &str = "kindling_artifacts_removed_total";
const NOTIFICATIONS: &str = "kindling_notifications_total";
const CERTIFICATE: &str = "kindling_certificate_days_left";

/// A door through which people and machines connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoorName {
    Grpc,
    Page,
}

impl DoorName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Page => "page",
        }
    }
}

/// What came of a try to tell somebody of a study's news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Delivered,
    /// There will be another try.
    Failed,
    GivenUp,
}

/// Registers what each metric means.
pub(crate) fn describe() {
    describe_gauge!(TRIALS, "Trials of a study in a state");
    describe_gauge!(BUDGET, "Trials that a study is to finish");
    describe_gauge!(
        BEST,
        "The best objective value of a study; of several objectives, the best of each by metric"
    );
    describe_gauge!(FRONT, "Trials on the front of several objectives");
    describe_gauge!(WORKERS, "Workers whose heartbeat stands");
    describe_gauge!(SLOTS, "Trials that these workers can train at a time");
    describe_gauge!(QUEUE, "Calls that wait for the ledger");
    describe_histogram!(COMMIT, Unit::Seconds, "One durable commit of a batch of events");
    describe_counter!(EVENTS, "Events on disk");
    describe_histogram!(
        LEASE,
        Unit::Seconds,
        "A lease, from the request to the commit; not the wait for work"
    );
    describe_counter!(PROPOSALS, "Trials proposed by a sampler");
    describe_histogram!(PROPOSAL, Unit::Seconds, "One trial's proposal");
    describe_counter!(EXPIRED, "Leases that ended without a word from their worker");
    describe_gauge!(
        LOG,
        Unit::Bytes,
        "The log of the store, which is short unless somebody holds a transaction open"
    );
    describe_counter!(TURNED_AWAY, "Calls of a class that found too many of it waiting");
    describe_gauge!(CONNECTIONS, "Connections at a door, those let in and strangers");
    describe_counter!(CLOSED, "Connections that got no place at a door, or lost it, and why");
    describe_counter!(REFUSED, "Calls without the right to be made, by status");
    describe_counter!(
        WRONG_TOKENS,
        "Wrong tokens, and tokens that nobody looked at after too many of them"
    );
    describe_gauge!(ARTIFACTS, Unit::Bytes, "Checkpoints and artifacts that studies refer to");
    describe_gauge!(ARTIFACTS_LIMIT, Unit::Bytes, "How many bytes of them there may be");
    describe_counter!(SAVED, "Checkpoints and artifacts that were saved");
    describe_counter!(SAVED_BYTES, Unit::Bytes, "Bytes of what was saved");
    describe_counter!(NOT_SAVED, "Savings that failed, by status");
    describe_counter!(
        REMOVED,
        "Files removed from the artifact store, since nobody refers to them"
    );
    describe_counter!(
        NOTIFICATIONS,
        "Tries to tell people of a study's news, by what came of them"
    );
    describe_gauge!(CERTIFICATE, "Days until a certificate expires; below zero once it has");
}

/// Sets how many workers are connected, and how many trials they can train at the same time.
pub(crate) fn workers(connected: usize, slots: f64) {
    gauge!(WORKERS).set(connected as f64);
    gauge!(SLOTS).set(slots);
}

/// Sets the progress of a study.
pub(crate) fn study(study: &Study) {
    let name = study.spec().name.to_string();
    let finished = study.finished();
    for (state, count) in [
        ("WAITING", study.waiting().len() as u32),
        ("RUNNING", study.running().len() as u32),
        ("COMPLETE", finished.complete),
        ("PRUNED", finished.pruned),
        ("FAIL", finished.fail),
    ] {
        gauge!(TRIALS, "study" => name.clone(), "state" => state).set(f64::from(count));
    }
    gauge!(BUDGET, "study" => name.clone()).set(f64::from(study.budget()));
    let names = &study.spec().metrics.names;
    match &**names {
        [] | [_] => {
            if let Some(values) = study.best().and_then(|best| study.get(best)?.values()) {
                gauge!(BEST, "study" => name).set(values.first());
            }
        }
        several => {
            gauge!(FRONT, "study" => name.clone()).set(study.front().len() as f64);
            let values = || study.front().filter_map(|number| study.get(number)?.values());
            let directions = study.spec().directions.as_slice();
            for (place, (metric, direction)) in several.iter().zip(directions).enumerate() {
                let of_all = values().map(|values| values.as_slice()[place]);
                let best = of_all.min_by(|a, b| direction.loss(*a).total_cmp(&direction.loss(*b)));
                if let Some(best) = best {
                    let metric = metric.to_string();
                    gauge!(BEST, "study" => name.clone(), "metric" => metric).set(best);
                }
            }
        }
    }
}

pub(crate) fn queue_depth(waiting: usize) {
    gauge!(QUEUE).set(waiting as f64);
}

/// Counts what is on disk, not what was only decided.
pub(crate) fn committed(records: &[Record], since: Instant) {
    histogram!(COMMIT).record(since.elapsed());
    counter!(EVENTS).increment(records.len() as u64);
    for record in records {
        match record.event {
            Event::Proposed { .. } => counter!(PROPOSALS).increment(1),
            Event::LeaseEnded { end: LeaseEnd::Expired, .. } => counter!(EXPIRED).increment(1),
            _ => {}
        }
    }
}

pub(crate) fn leased(since: Instant) {
    histogram!(LEASE).record(since.elapsed());
}

pub(crate) fn proposed(since: Instant) {
    histogram!(PROPOSAL).record(since.elapsed());
}

pub(crate) fn turned_away(class: Class) {
    counter!(TURNED_AWAY, "class" => class.name()).increment(1);
}

pub(crate) fn log_length(bytes: u64) {
    gauge!(LOG).set(bytes as f64);
}

pub(crate) fn connections(door: DoorName, known: usize, strangers: usize) {
    gauge!(CONNECTIONS, "door" => door.name(), "who" => "known").set(known as f64);
    gauge!(CONNECTIONS, "door" => door.name(), "who" => "stranger").set(strangers as f64);
}

pub(crate) fn connection_refused(door: DoorName, reason: &'static str) {
    counter!(CLOSED, "door" => door.name(), "reason" => reason).increment(1);
}

pub(crate) fn call_refused(code: tonic::Code) {
    counter!(REFUSED, "status" => format!("{code:?}")).increment(1);
}

pub(crate) fn token_refused(was_looked_at: bool) {
    let looked_at = if was_looked_at { "yes" } else { "no" };
    counter!(WRONG_TOKENS, "looked_at" => looked_at).increment(1);
}

/// Sets how much of the artifact store is in use.
pub(crate) fn artifacts(bytes: u64, limit: u64) {
    gauge!(ARTIFACTS).set(bytes as f64);
    gauge!(ARTIFACTS_LIMIT).set(limit as f64);
}

pub(crate) fn artifacts_removed(files: u64) {
    counter!(REMOVED).increment(files);
}

pub(crate) fn saved(bytes: u64) {
    counter!(SAVED).increment(1);
    counter!(SAVED_BYTES).increment(bytes);
}

pub(crate) fn not_saved(code: tonic::Code) {
    counter!(NOT_SAVED, "status" => format!("{code:?}")).increment(1);
}

pub(crate) fn notified(delivery: Delivery) {
    let result = match delivery {
        Delivery::Delivered => "delivered",
        Delivery::Failed => "failed",
        Delivery::GivenUp => "given_up",
    };
    counter!(NOTIFICATIONS, "result" => result).increment(1);
}

pub(crate) fn certificate(which: &'static str, days_left: f64) {
    gauge!(CERTIFICATE, "certificate" => which).set(days_left);
}
