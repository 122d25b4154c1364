//! A batch that cannot be stored changes nothing, and the next one is stored.

use kindling_study::TrialResult;

use super::*;

/// A batch with some of everything.
fn work(ledger: &mut Ledger, id: StudyId) {
    for result in
        [TrialResult::Complete(0.5.into()), TrialResult::Pruned, TrialResult::Fail("x".into())]
    {
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

/// The error for a commit that failed with this code.
fn called(ledger: &Ledger, extended_code: std::ffi::c_int) -> StoreError {
    let code = rusqlite::ffi::Error::new(extended_code);
    ledger.store.explain(Fault::Sqlite(rusqlite::Error::SqliteFailure(code, None)))
}

/// Makes writes fail for lack of room.
fn fill_the_disk(ledger: &Ledger) {
    let probed = room::beside(&ledger.store.path);
    std::os::unix::fs::symlink("/dev/full", probed).expect("linked");
}

#[test]
fn an_exceeded_quota_is_a_full_disk_and_a_broken_disk_is_not() {
    use rusqlite::ffi;
    let ledger = Ledger::new();
    assert!(matches!(called(&ledger, ffi::SQLITE_IOERR_WRITE), StoreError::Failed { .. }));
    for failed_write in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE] {
        fill_the_disk(&ledger);
        let full = called(&ledger, failed_write);
        assert!(matches!(full, StoreError::Full { .. }), "{full}");
    }
    for never in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC, ffi::SQLITE_IOERR_READ] {
        let broken = called(&ledger, never);
        assert!(matches!(broken, StoreError::Failed { .. }), "{broken}");
    }
    std::fs::create_dir(room::beside(&ledger.store.path)).expect("made");
    assert!(matches!(called(&ledger, ffi::SQLITE_IOERR_WRITE), StoreError::Failed { .. }));
    for number in [28, 122] {
        let error = std::io::Error::from_raw_os_error(number);
        assert!(room::is_full(&error), "{error}");
    }
}

#[test]
fn want_of_file_handles_passes() {
    for number in [23, 24] {
        let error = || std::io::Error::from_raw_os_error(number);
        assert!(error().to_string().contains("open files"), "{}", error());
        let refused = Fault::Io(error()).at(std::path::Path::new("study.db"));
        assert!(matches!(refused, StoreError::NoHandles { .. }) && refused.may_pass(), "{refused}");
    }
}

#[test]
fn a_probe_says_whether_there_is_room_and_leaves_nothing() {
    let mut ledger = Ledger::new();
    fill_the_disk(&ledger);
    let refused = ledger.store.probe().expect_err("full");
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    let other = Connection::open(ledger.path()).expect("open");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let refused = ledger.store.probe().expect_err("busy");
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    other.execute_batch("ROLLBACK").expect("unlocked");
    ledger.store.probe().expect("room, and nobody writes");
    assert!(std::fs::symlink_metadata(room::beside(&ledger.store.path)).is_err(), "gone");
    ledger.create(spec("a")).expect("a new name");
    ledger.commit();
}

#[test]
fn nothing_is_sorted_on_a_disk_that_may_be_full() {
    let ledger = Ledger::new();
    assert_eq!(ledger.text("SELECT CAST(temp_store AS TEXT) FROM pragma_temp_store"), "2");
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
    let stray = |event| Record { study: id, trial: Some(TrialId(1)), at: Wall(0), event };
    let reported =
        |step| stray(Event::Reported { number, step, value: 0.5, others: [].into(), prune: false });
    let finished = |value: f64| {
        let outcome = kindling_study::Outcome {
            result: TrialResult::Complete(value.into()),
            constraints: [].into(),
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
        confirms: None,
        warm_start: None,
        request: None,
    };
    let of_no_year = Event::Finished {
        number,
        outcome: kindling_study::Outcome {
            result: TrialResult::Pruned,
            constraints: [].into(),
            attributes: Attributes::new(),
        },
    };
    let new = |event| Record { trial: Some(TrialId(2)), ..stray(event) };
    for (what, misfit) in [
        ("no study", Record { study: StudyId(9), ..reported(0) }),
        ("a step too large", reported(u64::MAX)),
        ("a value that is not finite", finished(f64::INFINITY)),
        ("no proposal of the space", new(Event::Proposed { number: next, proposal })),
        ("a number left out", new(skipping)),
        (
            "no trial",
            new(Event::Leased {
                number: next,
                attempt: Attempt(1),
                worker: claim.worker.clone(),
                session: 0,
                mark: ledger.mark(),
                resumed: None,
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
