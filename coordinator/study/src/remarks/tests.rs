use proptest::prelude::*;

use super::*;
use crate::Refusal;
use crate::external::PythonValue;
use crate::ids::TrialId;

const TRIAL: Option<TrialId> = Some(TrialId(17));

fn note(text: &str, version: Option<u32>) -> Annotation {
    Annotation { note: Some(text.to_owned()), note_version: version, ..Annotation::default() }
}

fn tags(tags: &[&str]) -> Annotation {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Annotation { tags: Some(tags), ..Annotation::default() }
}

fn annotate(
    remarks: &mut Remarks,
    trial: Option<TrialId>,
    wanted: &Annotation,
) -> Result<usize, Refusal> {
    let puts = super::annotate(&remarks.attributes, remarks.bytes, trial, wanted)?;
    for (key, value) in &puts {
        remarks.put(key, value);
    }
    Ok(puts.len())
}

fn json(text: &str) -> PythonJson {
    PythonJson::parse(text).expect("JSON")
}

fn set(remarks: &mut Remarks, key: &str, value: &str) -> Result<(), Refusal> {
    let (read, value) = (RemarkKey::parse(key).expect("one of a remark"), json(value));
    change::check_attribute(&remarks.attributes, remarks.bytes, read, &value)?;
    remarks.put(key, &value);
    Ok(())
}

#[test]
fn the_names_are_those_of_the_dashboard() {
    let mut remarks = Remarks::default();
    annotate(&mut remarks, None, &note(&"ä".repeat(2046), None)).expect("kept");
    annotate(&mut remarks, TRIAL, &note("x", None)).expect("kept");
    annotate(&mut remarks, TRIAL, &tags(&["a"])).expect("kept");
    let archived = Annotation { archived: Some(true), ..Annotation::default() };
    annotate(&mut remarks, None, &archived).expect("kept");
    let names: Vec<_> = remarks.attributes.keys().map(|key| &**key).collect();
    assert_eq!(
        names,
        [
            "dashboard:17:note_str:0",
            "dashboard:17:note_ver",
            "dashboard:note_str:0",
            "dashboard:note_str:1",
            "dashboard:note_ver",
            "kindling:17:tags",
            "kindling:archived",
        ]
    );
    for name in names {
        assert_eq!(RemarkKey::parse(name).map(|key| key.to_string()).as_deref(), Some(name));
    }
}

#[test]
fn what_has_another_name_is_no_remark() {
    for name in [
        "dashboard:note_str:01",
        "dashboard:+1:note_ver",
        "dashboard:01:note_ver",
        "dashboard:99999999999999999999:note_ver",
        "dashboard:note_str:",
        "dashboard:note_str:-1",
        "dashboard:graph_objects:1",
        "kindling:17:archived",
        "kindling:request",
        "study:metric_names",
        "",
    ] {
        assert_eq!(RemarkKey::parse(name), None, "{name}");
    }
}

#[test]
fn a_shorter_note_leaves_nothing_of_a_longer_one() {
    let mut remarks = Remarks::default();
    let long = "b".repeat(2045 * 3);
    annotate(&mut remarks, None, &note(&long, Some(0))).expect("kept");
    assert_eq!(Remark::read(&remarks.attributes, None).note, long);
    annotate(&mut remarks, None, &note("short", Some(1))).expect("kept");
    let now = Remark::read(&remarks.attributes, None);
    assert_eq!((now.note.as_str(), now.note_version, now.is_whole), ("short", 2, true));
    annotate(&mut remarks, None, &note("", Some(2))).expect("removed");
    let now = Remark::read(&remarks.attributes, None);
    assert_eq!((now.note.as_str(), now.note_version), ("", 3));
}

#[test]
fn a_note_that_somebody_else_changed_is_not_replaced() {
    let mut remarks = Remarks::default();
    annotate(&mut remarks, TRIAL, &note("mine", Some(0))).expect("kept");
    let refused = annotate(&mut remarks, TRIAL, &note("yours", Some(0)));
    assert_eq!(refused, Err(Refusal::NoteChanged { read: 0, version: 1 }));
    assert_eq!(Remark::read(&remarks.attributes, TRIAL).note, "mine");
    // Whoever repeats a call whose answer was lost is told that all is well.
    assert_eq!(annotate(&mut remarks, TRIAL, &note("mine", Some(0))), Ok(0));
    // Whoever says no version does not mind.
    annotate(&mut remarks, TRIAL, &note("yours", None)).expect("kept");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut remarks = Remarks::default();
    let most = "x".repeat(MAX_NOTE);
    annotate(&mut remarks, None, &note(&most, None)).expect("the longest");
    for odd in [format!("{most}x").as_str(), "\0", "a\u{1b}[31m"] {
        let refused = annotate(&mut remarks, None, &note(odd, None));
        assert!(matches!(refused, Err(Refusal::OddRemark(_))), "{refused:?}");
    }
    let longest = "ä".repeat(MAX_TAG);
    annotate(&mut remarks, None, &tags(&[&longest])).expect("the longest");
    for odd in ["", " a", "a ", "a,b", "a\n", &format!("{longest}x")] {
        let refused = annotate(&mut remarks, None, &tags(&[odd]));
        assert!(matches!(refused, Err(Refusal::OddRemark(_))), "{odd:?}: {refused:?}");
    }
    let many: Vec<_> = (0..=MAX_TAGS).map(|tag| tag.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    annotate(&mut remarks, None, &tags(&many[1..])).expect("the most");
    assert!(annotate(&mut remarks, None, &tags(&many)).is_err());
    assert_eq!(Remark::read(&remarks.attributes, None).note, most);
}

#[test]
fn trials_have_so_much_room_and_what_makes_it_less_always_fits() {
    let mut remarks = Remarks::default();
    let large = "x".repeat(MAX_NOTE);
    let ids = (1..=16).map(|id| Some(TrialId(id)));
    let kept = ids.filter(|id| annotate(&mut remarks, *id, &note(&large, None)).is_ok()).count();
    assert_eq!(kept, 15, "names and quotes take some room, too");
    let full = Err(Refusal::TooManyRemarks { most: MAX_REMARKS });
    assert_eq!(annotate(&mut remarks, Some(TrialId(16)), &note(&large, None)), full);
    annotate(&mut remarks, None, &note(&large, None)).expect("the study's has a place of its own");
    annotate(&mut remarks, Some(TrialId(3)), &note("", None)).expect("less");
    annotate(&mut remarks, Some(TrialId(16)), &note(&large, None)).expect("now there is room");
    let all: usize = remarks
        .attributes
        .iter()
        .filter(|(key, _)| RemarkKey::parse(key).is_some_and(|key| key.trial.is_some()))
        .map(|(key, value)| size(key, Some(value)))
        .sum();
    assert_eq!(all, remarks.bytes);
}

#[test]
fn a_dashboard_writes_a_note_piece_by_piece() {
    let mut remarks = Remarks::default();
    set(&mut remarks, "dashboard:17:note_ver", "1").expect("kept");
    set(&mut remarks, "dashboard:17:note_str:0", r#""a\ud83d\ude00""#).expect("kept");
    set(&mut remarks, "dashboard:17:note_str:1", r#""b""#).expect("kept");
    let read = Remark::read(&remarks.attributes, TRIAL);
    assert_eq!((read.note.as_str(), read.note_version), ("a\u{1F600}b", 1));
    for (key, value) in [
        ("dashboard:17:note_ver", "-1"),
        ("dashboard:17:note_ver", "4294967296"),
        ("dashboard:17:note_ver", r#""2""#),
        ("dashboard:17:note_str:3", r#""there is no 2""#),
        ("dashboard:17:note_str:33", r#""too many""#),
        ("dashboard:17:note_str:1", "1"),
        ("kindling:tags", r#"["a", 1]"#),
        ("kindling:tags", r#"[" "]"#),
        ("kindling:archived", "1"),
    ] {
        let refused = set(&mut remarks, key, value);
        assert!(matches!(refused, Err(Refusal::OddRemark(_))), "{key} = {value}: {refused:?}");
    }
    let piece = format!("\"{}\"", "x".repeat(PIECE + 1));
    assert!(set(&mut remarks, "dashboard:17:note_str:1", &piece).is_err());
}

#[test]
fn a_note_that_is_too_long_is_cut_and_not_lost() {
    let mut remarks = Remarks::default();
    set(&mut remarks, "dashboard:note_ver", "7").expect("kept");
    for place in 0..MAX_PIECES {
        let piece = PythonJson::of(&PythonValue::Str("ä".repeat(PIECE)));
        set(&mut remarks, &format!("dashboard:note_str:{place}"), piece.as_str()).expect("kept");
    }
    let read = Remark::read(&remarks.attributes, None);
    assert_eq!((read.note.len(), read.is_whole, read.note_version), (MAX_NOTE, false, 7));
    assert!(annotate(&mut remarks, None, &note(&read.note, Some(7))).is_err());
    // Of an external study there may be any number of pieces.
    let beyond = "dashboard:note_str:33";
    remarks.put(beyond, &json(r#""more""#));
    annotate(&mut remarks, None, &note("", Some(7))).expect("removed");
    assert_eq!(remarks.attributes[beyond].as_str(), r#""""#);
    assert!(Remark::read(&remarks.attributes, None).is_whole);
}

proptest! {
    /// What was written is read, and bytes are counted, whatever comes after whatever.
    #[test]
    fn what_was_written_is_read(
        writes in prop::collection::vec(
            (prop::option::of(1..4_i64), "(?s)[^\\p{Cc}]{0,40}|[a\u{1F600}]{2000,5000}", prop::bool::ANY),
            1..20,
        )
    ) {
        let mut remarks = Remarks::default();
        for (trial, text, is_tag) in writes {
            let trial = trial.map(TrialId);
            let before = Remark::read(&remarks.attributes, trial);
            if is_tag {
                let tag: String = text.chars().filter(|c| *c != ',').take(MAX_TAG).collect();
                let tag = tag.trim().to_owned();
                let wanted: Vec<_> = Some(tag).into_iter().filter(|tag| !tag.is_empty()).collect();
                let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
                annotate(&mut remarks, trial, &tags(&wanted)).expect("kept");
                prop_assert_eq!(Remark::read(&remarks.attributes, trial).tags, wanted);
                continue;
            }
            let read = Some(before.note_version);
            annotate(&mut remarks, trial, &note(&text, read)).expect("kept");
            let now = Remark::read(&remarks.attributes, trial);
            prop_assert_eq!(&now.note, &text);
            prop_assert_eq!(now.note_version, before.note_version + u32::from(text != before.note));
            prop_assert_eq!(now.tags, before.tags);
        }
        let again: Remarks =
            remarks.attributes.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        prop_assert_eq!(again, remarks);
    }
}
