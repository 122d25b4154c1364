//! What people did: the newest of each study are kept, and go with it.

use kindling_study::KNOWN_ACTIVITIES;

use super::*;

const ROWS: &str =
    "SELECT count(*) || ' from ' || coalesce(min(activity_id), 0) FROM kindling_activity";

#[test]
fn the_newest_are_kept_and_a_study_takes_its_own_along() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let other = ledger.create(spec("b")).expect("a new name");
    ledger.act(other, Deed::Create);
    for _ in 0..KNOWN_ACTIVITIES + 3 {
        ledger.act(id, Deed::Pause);
    }
    ledger.commit();
    assert_eq!(ledger.text(ROWS), "1001 from 1");
    let mut ledger = ledger.reopen();
    // After a restart, too, the oldest goes.
    ledger.act(id, Deed::Resume);
    ledger.commit();
    let oldest = "SELECT '' || min(activity_id) FROM kindling_activity WHERE study_id = 1";
    assert_eq!(ledger.text(oldest), "6");
    let mut ledger = ledger.reopen();
    let deleted = ledger.registry.delete(id).expect("nothing runs");
    ledger.take(id, vec![deleted]);
    ledger.act_on_deleted("a");
    ledger.commit();
    assert_eq!(ledger.text(ROWS), "2 from 1");
    let gone =
        "SELECT deed || ' ' || deleted || ' ' || coalesce(study_id, '-') FROM kindling_activity
        WHERE activity_id > 1";
    assert_eq!(ledger.text(gone), "delete a -");
    ledger.reopen();
}

#[test]
fn what_is_not_committed_is_not_there() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.act(id, Deed::Create);
    ledger.commit();
    ledger.act(id, Deed::Pause);
    ledger.queue.clear();
    let mut ledger = ledger.reopen();
    ledger.registry = ledger.committed.clone();
    ledger.act(id, Deed::Stop);
    ledger.commit();
    assert_eq!(ledger.text("SELECT group_concat(deed, ' ') FROM kindling_activity"), "create stop");
    ledger.reopen();
}
