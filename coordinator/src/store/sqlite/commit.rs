//! Writes each event as changes to rows.
//!
//! Each statement names the row that must exist. If it is missing, or a new row exists already,
//! another program changed the file. Then the batch fails, and no result is lost. One exception:
//! other programs could once write to a trial that had not begun, and such a row is overwritten.

use kindling_study::{
    Confirmation, Event, LeaseEnd, Mark, Outcome, Params, Proposal, Record, StudyId, StudySpec,
    TrialNumber, TrialResult, Wall, WorkerId,
};
use rusqlite::{Connection, Params as Bindings, params};
use serde_json::json;

use super::encode;
use super::fault::Fault;
use super::index::Index;
use crate::store::stored_spec;

/// Writes one event. After an error, or without a commit, `index` is out of date.
pub(super) fn write(conn: &Connection, index: &mut Index, record: &Record) -> Result<(), Fault> {
    let mut writer = Writer { conn, study: record.study, now: record.at, index };
    match &record.event {
        Event::Created { spec } => writer.created(spec),
        Event::Deleted => writer.deleted(),
        Event::StateChanged { state, because } => {
            let state = encode::state(*state);
            let id = record.study.0;
            one(
                conn,
                "UPDATE kindling_studies SET state = ?2, pause_reason = ?3 WHERE study_id = ?1",
                params![id, state, because],
            )
        }
        Event::BudgetChanged { trials } => {
            let id = record.study.0;
            one(
                conn,
                "UPDATE kindling_studies SET budget = ?2 WHERE study_id = ?1",
                params![id, trials],
            )
        }
        Event::ConfirmChanged { confirm } => {
            let id = record.study.0;
            let text = stored_spec::confirm_to_text(confirm);
            let text = text.map_err(|e| Fault::Misfit(e.to_string()))?;
            one(
                conn,
                "UPDATE kindling_studies SET confirm = ?2 WHERE study_id = ?1",
                params![id, text],
            )
        }
        Event::Enqueued { number, fixed, retry_of, confirms, request } => {
            writer.enqueued(*number, fixed, *retry_of, *confirms, request.as_deref())
        }
        Event::Proposed { number, proposal } => writer.proposed(*number, proposal),
        Event::Leased { number, attempt, worker, session, mark } => {
            writer.leased(*number, attempt.0, worker, *session, mark)
        }
        Event::LeaseEnded { number, end } => writer.lease_ended(*number, *end),
        Event::Reported { number, step, value, prune } => {
            writer.reported(*number, *step, *value, *prune)
        }
        Event::Finished { number, outcome } => writer.finished(*number, outcome),
    }
}

/// From here on, the guards let this transaction write.
pub(super) fn take_pen(conn: &Connection) -> Result<(), Fault> {
    one(conn, PEN, [1])
}

/// Ends that. It happens in the same transaction, so no other program ever sees the pen taken.
pub(super) fn put_pen_down(conn: &Connection) -> Result<(), Fault> {
    one(conn, PEN, [0])
}

const PEN: &str = "UPDATE kindling_meta SET value = ?1 WHERE key = 'pen'";

/// Writes the counters that the batch advanced.
pub(super) fn write_counters(conn: &Connection, index: &Index) -> Result<(), Fault> {
    for (key, value) in
        [("next_study_id", index.next_study_id), ("next_trial_id", index.next_trial_id)]
    {
        run(
            conn,
            "UPDATE kindling_meta SET value = ?2 WHERE key = ?1 AND value <> ?2",
            params![key, value],
        )?;
    }
    Ok(())
}

struct Writer<'a> {
    conn: &'a Connection,
    index: &'a mut Index,
    study: StudyId,
    now: Wall,
}

impl Writer<'_> {
    fn created(&mut self, spec: &StudySpec) -> Result<(), Fault> {
        let (id, name) = (self.study.0, spec.name.as_str());
        let text = stored_spec::to_text(spec).map_err(|e| Fault::Misfit(e.to_string()))?;
        let confirm = spec.confirm.as_ref().map(stored_spec::confirm_to_text).transpose();
        let confirm = confirm.map_err(|e| Fault::Misfit(e.to_string()))?;
        let state = encode::state(kindling_study::StudyState::Active);
        one(
            self.conn,
            "INSERT INTO kindling_studies (study_id, spec, state, budget, created_at, confirm)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id, text, state, spec.trials, self.now.0, confirm],
        )?;
        one(
            self.conn,
            "INSERT INTO studies (study_id, study_name) VALUES (?1, ?2)",
            params![id, name],
        )?;
        for (objective, direction) in spec.directions.as_slice().iter().enumerate() {
            one(
                self.conn,
                "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)",
                params![encode::direction(*direction), id, objective as i64],
            )?;
        }
        self.index.add(self.study, spec);
        Ok(())
    }

    fn deleted(&mut self) -> Result<(), Fault> {
        for table in [
            "trial_user_attributes",
            "trial_system_attributes",
            "trial_params",
            "trial_values",
            "trial_intermediate_values",
            "trial_heartbeats",
            "kindling_leases",
            "kindling_trials",
        ] {
            let of_the_study = "trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?1)";
            let delete = format!("DELETE FROM {table} WHERE {of_the_study}");
            run(self.conn, &delete, [self.study.0])?;
        }
        for table in
            ["trials", "study_directions", "study_user_attributes", "study_system_attributes"]
        {
            run(self.conn, &format!("DELETE FROM {table} WHERE study_id = ?1"), [self.study.0])?;
        }
        for table in ["kindling_studies", "studies"] {
            one(self.conn, &format!("DELETE FROM {table} WHERE study_id = ?1"), [self.study.0])?;
        }
        self.index.remove(self.study);
        Ok(())
    }

    fn enqueued(
        &mut self,
        number: TrialNumber,
        fixed: &Params,
        retry_of: Option<TrialNumber>,
        confirms: Option<Confirmation>,
        request: Option<&str>,
    ) -> Result<(), Fault> {
        let trial = self.index.add_trial(self.study, number)?;
        let fixed = encode::fixed(&self.index.study(self.study)?.space, fixed);
        one(
            self.conn,
            "INSERT INTO kindling_trials
                (trial_id, fixed, retry_of, request, confirms_of, confirms_seed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                trial,
                fixed,
                retry_of.map(|number| number.0),
                request,
                confirms.map(|c| c.of.0),
                confirms.map(|c| c.seed),
            ],
        )?;
        self.begin(trial, number)?;
        if let Some(Confirmation { of, seed }) = confirms {
            let told = json!({ "of": of.0, "seed": seed }).to_string();
            system_attribute(self.conn, trial, "confirms", &told)?;
        }
        fixed.map_or(Ok(()), |fixed| system_attribute(self.conn, trial, "fixed_params", &fixed))
    }

    fn proposed(&mut self, number: TrialNumber, proposal: &Proposal) -> Result<(), Fault> {
        let enqueued = self.index.study(self.study)?.trial(number);
        let trial = enqueued.map_or_else(|| self.index.add_trial(self.study, number), Ok)?;
        let space = &self.index.study(self.study)?.space;
        if !space.contains(&proposal.params) {
            let what = format!("trial {number}: {:?} is not in the search space", proposal.params);
            return Err(Fault::Misfit(what));
        }
        let exact_ints = encode::exact_ints(space, &proposal.params);
        let Proposal { saw_finished, saw_proposed, .. } = proposal;
        let bindings = params![trial, saw_finished, saw_proposed, exact_ints];
        if enqueued.is_some() {
            one(
                self.conn,
                "UPDATE kindling_trials SET saw_finished = ?2, saw_proposed = ?3, exact_ints = ?4
                 WHERE trial_id = ?1",
                bindings,
            )?;
        } else {
            one(
                self.conn,
                "INSERT INTO kindling_trials (trial_id, saw_finished, saw_proposed, exact_ints)
                 VALUES (?1, ?2, ?3, ?4)",
                bindings,
            )?;
            self.begin(trial, number)?;
        }
        let study = self.index.study(self.study)?;
        let values = study.space.params().iter().zip(&study.distributions).zip(&proposal.params);
        for ((param, distribution), value) in values {
            let Some(value) = value else { continue };
            one(
                self.conn,
                "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (trial_id, param_name) DO UPDATE
                 SET param_value = excluded.param_value, distribution_json = excluded.distribution_json",
                params![trial, param.name, encode::param(*value), distribution],
            )?;
        }
        Ok(())
    }

    /// Adds Optuna's row of a new trial. Our own row must exist.
    fn begin(&self, trial: i64, number: TrialNumber) -> Result<(), Fault> {
        one(
            self.conn,
            "INSERT INTO trials (trial_id, number, study_id, state) VALUES (?1, ?2, ?3, 'WAITING')",
            params![trial, number.0, self.study.0],
        )
    }

    fn leased(
        &mut self,
        number: TrialNumber,
        attempt: u32,
        worker: &WorkerId,
        session: u64,
        mark: &Mark,
    ) -> Result<(), Fault> {
        let (trial, now) = (self.trial(number)?, self.datetime()?);
        let lease = if attempt == 1 { FIRST_LEASE } else { NEXT_LEASE };
        let (worker, session) = (worker.as_str(), session.cast_signed());
        let bindings = params![trial, attempt, worker, self.now.0, session, mark.bytes()];
        one(self.conn, lease, bindings)?;
        one(
            self.conn,
            "UPDATE trials SET state = 'RUNNING', datetime_start = coalesce(datetime_start, ?2)
             WHERE trial_id = ?1",
            params![trial, now],
        )?;
        if attempt > 1 {
            run(self.conn, "DELETE FROM trial_intermediate_values WHERE trial_id = ?1", [trial])?;
            one(
                self.conn,
                "UPDATE kindling_trials SET pruned_at = NULL WHERE trial_id = ?1",
                [trial],
            )?;
        }
        Ok(())
    }

    fn lease_ended(&mut self, number: TrialNumber, end: LeaseEnd) -> Result<(), Fault> {
        let trial = self.trial(number)?;
        one(self.conn, END_LEASE, params![trial, self.now.0, end.as_str()])?;
        one(self.conn, "UPDATE trials SET state = 'WAITING' WHERE trial_id = ?1", [trial])
    }

    fn reported(
        &mut self,
        number: TrialNumber,
        step: u64,
        value: f64,
        prune: bool,
    ) -> Result<(), Fault> {
        let trial = self.trial(number)?;
        let step = i64::try_from(step).map_err(|e| Fault::Misfit(format!("step {step}: {e}")))?;
        let (value, kind) = encode::float(value);
        one(
            self.conn,
            "INSERT INTO trial_intermediate_values
                (trial_id, step, intermediate_value, intermediate_value_type)
             VALUES (?1, ?2, ?3, ?4)",
            params![trial, step, value, kind],
        )?;
        if prune {
            one(
                self.conn,
                "UPDATE kindling_trials SET pruned_at = coalesce(pruned_at, ?2) WHERE trial_id = ?1",
                params![trial, step],
            )?;
        }
        Ok(())
    }

    fn finished(&mut self, number: TrialNumber, outcome: &Outcome) -> Result<(), Fault> {
        let (trial, now) = (self.trial(number)?, self.datetime()?);
        // If a trial fails because its lease expired, no lease is open any more.
        run(self.conn, END_LEASE, params![trial, self.now.0, "FINISHED"])?;
        let finish_index = self.index.study(self.study)?.next_finish_index();
        let keys = outcome.attributes.iter().map(|(key, _)| key).collect::<Vec<_>>();
        let keys = (!keys.is_empty()).then(|| json!(keys).to_string());
        one(
            self.conn,
            "UPDATE kindling_trials SET finish_index = ?2, attributes = ?3 WHERE trial_id = ?1",
            params![trial, finish_index, keys],
        )?;
        let state = match &outcome.result {
            TrialResult::Complete(values) => {
                for (objective, value) in values.as_slice().iter().enumerate() {
                    if !value.is_finite() {
                        return Err(Fault::Misfit(format!("trial {number}: its value is {value}")));
                    }
                    one(self.conn, VALUE, params![trial, objective as i64, value])?;
                }
                "COMPLETE"
            }
            TrialResult::Pruned => {
                run(self.conn, VALUE_OF_PRUNED, [trial])?;
                "PRUNED"
            }
            TrialResult::Fail(reason) => {
                system_attribute(self.conn, trial, "fail_reason", &json!(reason).to_string())?;
                "FAIL"
            }
        };
        for (key, value) in outcome.attributes.iter() {
            one(
                self.conn,
                "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json",
                params![trial, key, value.as_str()],
            )?;
        }
        one(
            self.conn,
            "UPDATE trials SET state = ?2, datetime_complete = ?3 WHERE trial_id = ?1",
            params![trial, state, now],
        )
    }

    fn trial(&mut self, number: TrialNumber) -> Result<i64, Fault> {
        let trial = self.index.study(self.study)?.trial(number);
        trial.ok_or_else(|| Fault::Misfit(format!("study {} has no trial {number}", self.study.0)))
    }

    fn datetime(&self) -> Result<String, Fault> {
        let now = self.now.0;
        encode::datetime(self.now).ok_or_else(|| {
            Fault::Misfit(format!(
                "the clock is {now} µs from 1970, which is no year from 1 to 9999"
            ))
        })
    }
}

const FIRST_LEASE: &str = "INSERT INTO kindling_leases
    (trial_id, attempt, worker, leased_at, session, mark, lost_before)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)";

/// Replaces the previous lease. Of that one, only whether it was lost is still needed.
const NEXT_LEASE: &str = "UPDATE kindling_leases
    SET attempt = ?2, worker = ?3, leased_at = ?4, session = ?5, mark = ?6, ended_at = NULL,
        ended = NULL, lost_before = lost_before + (ended = 'EXPIRED')
    WHERE trial_id = ?1 AND attempt = ?2 - 1 AND ended IS NOT NULL";

const END_LEASE: &str = "UPDATE kindling_leases SET ended_at = ?2, ended = ?3
    WHERE trial_id = ?1 AND ended IS NULL";

const VALUE: &str = "INSERT INTO trial_values (trial_id, objective, value, value_type)
    VALUES (?1, ?2, ?3, 'FINITE')
    ON CONFLICT (trial_id, objective) DO UPDATE
    SET value = excluded.value, value_type = excluded.value_type";

/// Optuna gives a pruned trial its last intermediate value, unless that is NaN.
const VALUE_OF_PRUNED: &str = "INSERT INTO trial_values (trial_id, objective, value, value_type)
    SELECT trial_id, 0, intermediate_value, intermediate_value_type
    FROM trial_intermediate_values
    WHERE trial_id = ?1 AND intermediate_value_type <> 'NAN'
        AND step = (SELECT max(step) FROM trial_intermediate_values WHERE trial_id = ?1)
    ON CONFLICT (trial_id, objective) DO UPDATE
    SET value = excluded.value, value_type = excluded.value_type";

fn system_attribute(conn: &Connection, trial: i64, key: &str, json: &str) -> Result<(), Fault> {
    one(
        conn,
        "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (?1, ?2, ?3)
         ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json",
        params![trial, key, json],
    )
}

fn run(conn: &Connection, sql: &str, bindings: impl Bindings) -> Result<usize, Fault> {
    Ok(conn.prepare_cached(sql)?.execute(bindings)?)
}

/// Runs a statement that changes one row.
fn one(conn: &Connection, sql: &str, bindings: impl Bindings) -> Result<(), Fault> {
    match run(conn, sql, bindings)? {
        1 => Ok(()),
        rows => {
            let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            Err(Fault::Damaged(format!("a change to one row changed {rows}: {sql}")))
        }
    }
}
