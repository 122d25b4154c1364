//! Notes and tags: where optuna-dashboard looks for them, and what it wrote itself.

use kindling_study::{Annotation, Remark};

use super::damage::{changed, store};
use super::*;

fn note(text: &str) -> Annotation {
    Annotation { note: Some(text.to_owned()), ..Annotation::default() }
}

impl Ledger {
    fn annotate(&mut self, id: StudyId, number: Option<u32>, wanted: &Annotation) {
        let number = number.map(TrialNumber);
        let (events, ()) = self.study(id).annotate(number, wanted).expect("kept");
        self.take(id, events);
    }
}

/// The store of `damage.rs` with these rows of other people, as the next coordinator reads it.
fn attached(rows: &str) -> Registry {
    let sql = format!(
        "UPDATE kindling_meta SET value = 0 WHERE key = 'pen';
        INSERT INTO study_system_attributes (study_id, key, value_json) VALUES {rows}"
    );
    let (_file, mut conn) = changed(&store(), &sql);
    load::registry(&mut conn, UNTIL).expect("loaded")
}

fn study(registry: &Registry) -> &Study {
    registry.iter().next().expect("a study").1
}

fn remark(note: &str, note_version: u32, tags: &[&str]) -> Remark {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Remark { note: note.to_owned(), is_whole: true, note_version, tags }
}

#[test]
fn notes_are_where_the_dashboard_looks_and_there_after_a_restart() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.enqueue(id, &[], None);
    ledger.annotate(id, None, &note(&"x".repeat(2046)));
    ledger.annotate(id, Some(0), &note("ä \"b\"\n"));
    ledger.annotate(id, None, &note("short"));
    let tags = Annotation { tags: Some(vec!["t".to_owned()]), ..Annotation::default() };
    ledger.annotate(id, Some(0), &tags);
    ledger.commit();
    let rows = "SELECT group_concat(key || '=' || value_json, ' ')
        FROM (SELECT * FROM study_system_attributes ORDER BY key)";
    assert_eq!(
        ledger.text(rows),
        "dashboard:1:note_str:0=\"ä \\\"b\\\"\\n\" dashboard:1:note_ver=1 \
         dashboard:note_str:0=\"short\" dashboard:note_str:1=\"\" dashboard:note_ver=2 \
         kindling:1:tags=[\"t\"]"
    );
    let ledger = ledger.reopen();
    assert_eq!(ledger.study(id).remark(), remark("short", 2, &[]));
}

#[test]
fn what_the_dashboard_wrote_into_the_file_is_there_after_the_next_start() {
    let registry = attached(
        r#"(1, 'dashboard:note_str:1', '"\ud83d\ude00"'), (1, 'dashboard:note_str:0', '"a"'),
        (1, 'dashboard:note_ver', '3'), (1, 'dashboard:2:note_ver', '1'),
        (1, 'dashboard:2:note_str:0', '"of the second"'), (1, 'kindling:2:tags', '["t"]')"#,
    );
    let study = study(&registry);
    assert_eq!(study.remark(), remark("a\u{1F600}", 3, &[]));
    assert_eq!(study.remark_on(TrialId(2)), remark("of the second", 1, &["t"]));
}

#[test]
fn what_cannot_be_a_remark_is_passed_over() {
    let untouched = attached("(1, 'x', '1')");
    let piece = format!("'\"{}\"'", "x".repeat(2046));
    for row in [
        "(1, 'dashboard:note_ver', NULL)",
        "(1, 'dashboard:note_ver', '-1')",
        "(1, 'dashboard:note_ver', '[1')",
        "(1, 'dashboard:note_str:0', '7')",
        "(1, 'dashboard:note_str:99', '\"x\"')",
        "(1, 'dashboard:99:note_ver', '1')",
        "(1, 'kindling:tags', '[\"a\", 1]')",
        "(1, 'kindling:tags', '[\" a\"]')",
        "(1, 'kindling:archived', '1')",
        "(1, 'kindling:1:archived', 'true')",
        "(7, 'kindling:archived', 'true')",
        "(NULL, 'kindling:archived', 'true')",
        &format!("(1, 'dashboard:note_str:0', {piece})"),
    ] {
        assert_eq!(shown(&attached(row)), shown(&untouched), "{row}");
    }
}
