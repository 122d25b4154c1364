//! Several studies side by side.

use std::ops::Bound;

use kindling_study::{
    Creation, Event, Phase, Record, Refusal, Registry, Study, StudyId, StudySpec, TrialId,
    TrialNumber, Wall,
};

use crate::world::{UNTIL, after, fresh_mark, spec, worker};

/// A registry that applies its own decisions.
#[derive(Default)]
struct Studies(Registry);

impl Studies {
    fn take(
        &mut self,
        study: StudyId,
        events: impl IntoIterator<Item = Event>,
    ) -> Vec<Option<TrialId>> {
        let apply = |event| self.0.apply(study, Wall(0), event, UNTIL);
        events.into_iter().map(apply).map(|Record { trial, .. }| trial).collect()
    }

    fn create(&mut self, name: &str, objective: &str) -> StudyId {
        let mut spec = spec(2);
        spec.name = kindling_study::StudyName::new(name).expect("a name");
        objective.clone_into(&mut spec.objective.kind);
        match self.0.create(spec).expect("no other of the name") {
            Creation::New(id, event) => {
                self.take(id, [event]);
                id
            }
            Creation::Exists(id, _) => id,
        }
    }

    fn lease(&mut self, name: &str, objective: &str) -> Option<(StudyId, TrialNumber)> {
        let (study, events, number) =
            self.0.lease(&worker(name), 0, &[objective.to_owned()], fresh_mark(), |_, _| false)?;
        self.take(study, events);
        Some((study, number))
    }
}

#[test]
fn a_studys_id_and_name_are_its_own() {
    let mut studies = Studies::default();
    let a = studies.create("a", "test");
    assert_eq!(studies.create("a", "test"), a, "it exists");
    let b = studies.create("b", "test");
    assert_eq!((a, b, studies.0.next_id()), (StudyId(1), StudyId(2), StudyId(3)));
    let other = StudySpec { seed: 9, ..studies.0.get(a).expect("there").spec().clone() };
    let refused = studies.0.create(other).expect_err("another seed");
    assert_eq!(refused.to_string(), "study `a` exists with another seed");
    assert_eq!(studies.0.find("b").map(|(id, _)| id), Ok(b));
    assert_eq!(studies.0.find("c").map(|(id, _)| id), Err(Refusal::UnknownStudy("c".into())));
    assert_eq!(studies.0.get(StudyId(7)).err(), Some(Refusal::UnknownStudy("#7".into())));
    let ids = |found: &mut dyn Iterator<Item = (StudyId, &Study)>| {
        found.map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut studies.0.iter()), [a, b]);
    assert_eq!(ids(&mut studies.0.range(Bound::Excluded(a))), [b]);

    let deleted = studies.0.delete(b).expect("nothing runs");
    studies.take(b, [deleted]);
    assert_eq!(ids(&mut studies.0.iter()), [a]);
    assert_eq!(studies.create("b", "test"), StudyId(3), "ids are not used again");
}

#[test]
fn trials_of_all_studies_share_one_row_of_ids() {
    let mut studies = Studies::default();
    let (a, b) = (studies.create("a", "test"), studies.create("b", "test"));
    let mut enqueue = |study: StudyId| {
        let (events, _) =
            studies.0.get(study).expect("there").enqueue(&[], None, None).expect("fits");
        studies.take(study, events)
    };
    let [one, two, three] = [1, 2, 3].map(|id| Some(TrialId(id)));
    assert_eq!([a, b, a].map(&mut enqueue), [[one], [two], [three]].map(Vec::from));

    // The waiting trial of `b` is proposed and leased: its records name it.
    let (events, number) =
        studies.0.get(b).expect("there").lease(&worker("w"), 0, fresh_mark()).expect("it waits");
    assert_eq!(studies.take(b, events), [two, two]);
    assert_eq!(studies.0.get(b).expect("there").get(number).map(|trial| trial.id), two);
    assert_eq!(studies.0.next_trial_id(), TrialId(4));

    let deleted = studies.0.delete(a).expect("nothing runs");
    assert_eq!(studies.take(a, [deleted]), [None], "of no trial");
    assert_eq!(studies.0.next_trial_id(), TrialId(4), "ids are not used again");
}

#[test]
fn a_study_with_running_trials_is_not_deleted() {
    let mut studies = Studies::default();
    let a = studies.create("a", "test");
    studies.lease("w", "test");
    assert_eq!(studies.0.delete(a), Err(Refusal::StillRunning(1)));
    assert!(matches!(studies.0.delete(StudyId(9)), Err(Refusal::UnknownStudy(_))));
}

#[test]
fn the_oldest_study_of_a_workers_objectives_comes_first() {
    let mut studies = Studies::default();
    let (a, b) = (studies.create("a", "one"), studies.create("b", "two"));
    let c = studies.create("c", "two");
    let leased: Vec<_> = (0..5).map_while(|_| studies.lease("w", "two")).collect();
    let trials = [(b, 0), (b, 1), (c, 0), (c, 1)].map(|(study, n)| (study, TrialNumber(n)));
    assert_eq!(leased, trials, "and then no more");
    assert_eq!(studies.0.held_by(&worker("w")), trials);
    assert_eq!(studies.lease("v", "one"), Some((a, TrialNumber(0))));
    assert_eq!(studies.0.held_by(&worker("v")), [(a, TrialNumber(0))]);

    let until = |studies: &Studies, study| {
        let trial = studies.0.get(study).expect("there").get(TrialNumber(0)).expect("leased");
        match trial.phase {
            Phase::Running(lease) => lease.deadline,
            ref phase => panic!("{phase:?}"),
        }
    };
    studies.0.renew(&worker("w"), after(50));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [UNTIL, after(50), after(50)]);
    studies.0.hasten(&worker("w"), after(40));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [UNTIL, after(40), after(40)]);
    studies.0.renew_all(after(60));
    assert_eq!([a, b, c].map(|id| until(&studies, id)), [after(60); 3]);
}
