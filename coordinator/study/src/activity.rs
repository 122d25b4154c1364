//! What people did with studies: who, from where and when. It is kept for people, beside the studies: none of them
//! has it, no decision depends on it, and no replay sees it.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::ids::{StudyId, StudyName, TrialNumber};
use crate::time::Wall;

/// How many entries of a study are known, and how many of the coordinator itself: the newest ones.
pub const KNOWN_ACTIVITIES: usize = 1000;

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the calls")]
pub enum Deed {
    Create,
    Pause,
    Resume,
    Stop,
    Budget,
    Confirm,
    Enqueue,
    Retry,
    Artifact,
    Note,
    Tags,
    Archive,
    Unarchive,
    Delete,
}

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who it was, as they said themselves. Empty: they did not say.
    pub who: Box<str>,
    /// Where they were, and with which token.
    pub from: Box<str>,
    /// What they did.
    pub deed: Deed,
    /// The trial that it was about, if it was about one.
    pub trial: Option<TrialNumber>,
    /// More, on one line.
    pub details: Box<str>,
}

/// An act with its time and its place among all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Later ones have larger numbers.
    pub id: i64,
    /// When.
    pub at: Wall,
    /// The study's name, if there is no such study any more.
    pub deleted: Option<StudyName>,
    /// What.
    pub act: Act,
}

/// The newest acts on each study, and those that are the coordinator's own: on studies that are gone. Oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activities {
    of_studies: BTreeMap<StudyId, VecDeque<Activity>>,
    own: VecDeque<Activity>,
    next: i64,
}

impl Default for Activities {
    fn default() -> Self {
        Self { of_studies: BTreeMap::new(), own: VecDeque::new(), next: 1 }
    }
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Create,
        Self::Pause,
        Self::Resume,
        Self::Stop,
        Self::Budget,
        Self::Confirm,
        Self::Enqueue,
        Self::Retry,
        Self::Artifact,
        Self::Note,
        Self::Tags,
        Self::Archive,
        Self::Unarchive,
        Self::Delete,
    ];

    /// The word for it, which is also the stored one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Budget => "budget",
            Self::Confirm => "confirm",
            Self::Enqueue => "enqueue",
            Self::Retry => "retry",
            Self::Artifact => "artifact",
            Self::Note => "note",
            Self::Tags => "tags",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Delete => "delete",
        }
    }
}

impl Activities {
    /// The number of the next one.
    pub fn next_id(&self) -> i64 {
        self.next
    }

    /// The number of the one that has to go when one more comes, if one has to.
    pub fn too_old(&self, study: Option<StudyId>) -> Option<i64> {
        let list = self.list(study)?;
        list.front().filter(|_| list.len() >= KNOWN_ACTIVITIES).map(|oldest| oldest.id)
    }

    /// Those on a study, oldest first.
    pub fn of(&self, study: StudyId) -> impl DoubleEndedIterator<Item = &Activity> {
        self.of_studies.get(&study).into_iter().flatten()
    }

    /// The coordinator's own, oldest first.
    pub fn own(&self) -> impl DoubleEndedIterator<Item = &Activity> {
        self.own.iter()
    }

    /// All of them before this number, newest first, each with its study.
    pub fn before(&self, id: i64) -> impl Iterator<Item = (Option<StudyId>, &Activity)> {
        let of_studies = self.of_studies.iter().map(|(study, list)| (Some(*study), list));
        let lists: Vec<_> = of_studies.chain([(None, &self.own)]).collect();
        let end = |list: &VecDeque<Activity>| list.partition_point(|activity| activity.id < id);
        let newest = |place: usize, end: usize| {
            let (_, list) = lists[place];
            end.checked_sub(1).map(|at| (list[at].id, place, at))
        };
        let ends =
            lists.iter().enumerate().filter_map(|(place, (_, list))| newest(place, end(list)));
        let mut heads: BinaryHeap<_> = ends.collect();
        std::iter::from_fn(move || {
            let (_, place, at) = heads.pop()?;
            let (study, list) = lists[place];
            heads.extend(at.checked_sub(1).map(|next| (list[next].id, place, next)));
            Some((study, &list[at]))
        })
    }

    /// Adds one, which is newer than all others. Beyond [`KNOWN_ACTIVITIES`] the oldest of its list goes.
    pub fn add(&mut self, study: Option<StudyId>, activity: Activity) {
        self.next = self.next.max(activity.id + 1);
        let list = match study {
            Some(study) => self.of_studies.entry(study).or_default(),
            None => &mut self.own,
        };
        list.push_back(activity);
        if list.len() > KNOWN_ACTIVITIES {
            list.pop_front();
        }
    }

    /// How many there are in one list.
    pub fn len(&self, study: Option<StudyId>) -> usize {
        self.list(study).map_or(0, VecDeque::len)
    }

    pub(crate) fn forget(&mut self, study: StudyId) {
        self.of_studies.remove(&study);
    }

    fn list(&self, study: Option<StudyId>) -> Option<&VecDeque<Activity>> {
        match study {
            Some(study) => self.of_studies.get(&study),
            None => Some(&self.own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(id: i64) -> Activity {
        let act = Act {
            who: "".into(),
            from: "".into(),
            deed: Deed::Pause,
            trial: None,
            details: "".into(),
        };
        Activity { id, at: Wall(id), deleted: None, act }
    }

    #[test]
    fn all_are_told_newest_first_whatever_they_are_about() {
        let mut all = Activities::default();
        for id in 1..=9 {
            let study = (id % 3 > 0).then_some(StudyId(id % 3));
            all.add(study, activity(id));
        }
        let told = |before| -> Vec<_> { all.before(before).map(|(_, one)| one.id).collect() };
        assert_eq!(told(i64::MAX), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(told(4), [3, 2, 1]);
        assert_eq!(told(1), [0; 0]);
        let studies: Vec<_> = all.before(4).map(|(study, _)| study).collect();
        assert_eq!(studies, [None, Some(StudyId(2)), Some(StudyId(1))]);
        all.forget(StudyId(1));
        let left: Vec<_> = all.before(i64::MAX).map(|(_, one)| one.id).collect();
        assert_eq!(left, [9, 8, 6, 5, 3, 2]);
        assert_eq!(all.next_id(), 10);
    }

    #[test]
    fn the_oldest_of_a_list_go_first() {
        let (mut all, study) = (Activities::default(), Some(StudyId(1)));
        all.add(None, activity(1));
        for id in 2..=KNOWN_ACTIVITIES as i64 + 1 {
            assert_eq!(all.too_old(study), None);
            all.add(study, activity(id));
        }
        assert_eq!(all.too_old(study), Some(2));
        all.add(study, activity(KNOWN_ACTIVITIES as i64 + 2));
        assert_eq!((all.len(study), all.len(None)), (KNOWN_ACTIVITIES, 1));
        assert_eq!(all.of(StudyId(1)).next().map(|one| one.id), Some(3));
    }

    #[test]
    fn each_deed_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> = Deed::ALL.map(Deed::as_str).into();
        assert_eq!(words.len(), Deed::ALL.len());
    }
}
