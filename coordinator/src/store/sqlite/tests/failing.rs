//! Batches that cannot be kept change nothing, and the next one is kept.

use kindling_study::Result as TrialResult;

use super::*;

/// A batch with some of everything.
fn work(ledger: &mut Ledger, id: StudyId) {
    for result in [TrialResult::Complete(0.5), TrialResult::Pruned, TrialResult::Fail("x".into())] {
        let claim = ledger.lease(id, "w").expect("a trial");
        for step in 0..200 {
            ledger.report(id, &claim, step, 0.25);
        }
        ledger.finish(id, &claim, result, Attributes::new());
    }
}

#[test]
fn a_full_disk_keeps_nothing_of_the_batch_and_passes() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let before = ledger.rows();
    work(&mut ledger, id);
    let refused = ledger.on_a_full_disk(Ledger::try_commit).expect_err("full");
    assert!(matches!(refused, StoreError::Full { .. }) && refused.may_pass(), "{refused}");
    assert_eq!(ledger.rows(), before);
    ledger.commit();
    work(&mut ledger, id);
    ledger.commit();
    ledger.reopen();
}

#[test]
fn another_writer_makes_it_busy_until_it_is_done() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    work(&mut ledger, id);
    let other = Connection::open(ledger.path()).expect("open");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let refused = ledger.try_commit().expect_err("busy");
    assert!(matches!(refused, StoreError::Busy { .. }) && refused.may_pass(), "{refused}");
    other.execute_batch("ROLLBACK").expect("unlocked");
    ledger.commit();
    ledger.reopen();
}

#[test]
fn a_reader_who_takes_his_time_is_not_in_the_way() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let reader = Connection::open(ledger.path()).expect("open");
    let count = || -> i64 {
        reader.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).expect("counted")
    };
    reader.execute_batch("BEGIN").expect("begun");
    assert_eq!(count(), 0);
    work(&mut ledger, id);
    ledger.commit();
    assert_eq!(count(), 0, "the reader sees what was there when it began");
    reader.execute_batch("COMMIT").expect("ended");
    assert_eq!(count(), 3);
    drop(reader);
    ledger.reopen();
}

#[test]
fn events_that_fit_nothing_are_refused_whole() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = ledger.lease(id, "w").expect("a trial");
    let before = ledger.rows();
    let number = claim.number;
    let stray = |event| Record { study: id, at: Wall(0), event };
    let reported = |step| stray(Event::Reported { number, step, value: 0.5, prune: false });
    let finished = |value| {
        let outcome = kindling_study::Outcome {
            result: TrialResult::Complete(value),
            attributes: Attributes::new(),
        };
        stray(Event::Finished { number, outcome })
    };
    let proposal = Proposal {
        params: vec![None; space().params().len()].into(),
        saw_finished: 0,
        saw_proposed: 0,
    };
    let next = TrialNumber(number.0 + 1);
    let after = TrialNumber(number.0 + 2);
    let skipping = Event::Enqueued {
        number: after,
        fixed: proposal.params.clone(),
        retry_of: None,
        request: None,
    };
    let of_no_year = Event::Finished {
        number,
        outcome: kindling_study::Outcome {
            result: TrialResult::Pruned,
            attributes: Attributes::new(),
        },
    };
    for (what, misfit) in [
        ("no study", Record { study: StudyId(9), ..reported(0) }),
        ("a step too large", reported(u64::MAX)),
        ("a value that is not finite", finished(f64::INFINITY)),
        ("no proposal of the space", stray(Event::Proposed { number: next, proposal })),
        ("a number left out", stray(skipping)),
        (
            "no trial",
            stray(Event::Leased {
                number: next,
                attempt: Attempt(1),
                worker: claim.worker.clone(),
            }),
        ),
        ("a time of no year", Record { at: Wall(i64::MAX), ..stray(of_no_year) }),
    ] {
        let mut batch = ledger.queue.clone();
        batch.push(misfit);
        let refused = ledger.store.commit(&batch).expect_err(what);
        assert!(matches!(refused, StoreError::Failed { .. }), "{what}: {refused}");
        assert_eq!(ledger.rows(), before, "{what}");
    }
    ledger.commit();
    ledger.reopen();
}

#[test]
fn an_acknowledged_row_that_is_gone_stops_the_next_commit() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let claim = ledger.lease(id, "w").expect("a trial");
    ledger.commit();
    ledger.store.conn.execute_batch("DELETE FROM kindling_leases").expect("deleted");
    ledger.release(id, &claim);
    let refused = ledger.try_commit().expect_err("damaged");
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}
