//! Results that the coordinator does not have yet. If a worker dies with one, the next worker on this machine
//! delivers it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::BaseStrategy as _;

use super::shelf::{Folder, Shelf};
use crate::convert;
use crate::lease::{Finish, Report};

/// Stored results that are still to be delivered. Clones share them.
#[derive(Clone)]
pub(super) struct Spool(Arc<dyn Shelf>);

/// A result, and the reports that must be delivered before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Undelivered {
    pub(super) reports: Vec<Report>,
    pub(super) finish: Finish,
}

/// A stored result.
pub(super) struct Kept {
    shelf: Arc<dyn Shelf>,
    path: PathBuf,
}

impl Spool {
    /// Opens a folder. Creates it if missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self::on(Arc::new(Folder::open(folder.to_owned())?)))
    }

    pub(super) fn on(shelf: Arc<dyn Shelf>) -> Self {
        Self(shelf)
    }

    /// Stores a result. Once this returns, it survives a crash of the machine.
    pub(super) async fn keep(&self, undelivered: &Undelivered) -> io::Result<Kept> {
        let path =
            self.0.keep(convert::to_bytes(&undelivered.finish, &undelivered.reports)).await?;
        Ok(Kept { shelf: self.0.clone(), path })
    }

    /// The results that earlier workers left. Files that are not results stay where they are.
    pub(super) fn left(&self) -> io::Result<Vec<(Kept, Undelivered)>> {
        let read = |(path, bytes): (PathBuf, Vec<u8>)| {
            let undelivered = convert::from_bytes(&bytes)
                .map(|(finish, reports)| Undelivered { reports, finish });
            if undelivered.is_none() {
                tracing::warn!(file = %path.display(), "not a result; left alone");
            }
            Some((Kept { shelf: self.0.clone(), path }, undelivered?))
        };
        Ok(self.0.left()?.into_iter().filter_map(read).collect())
    }
}

impl Kept {
    /// Deletes the result: the coordinator has it or does not want it.
    pub(super) fn forget(self) {
        if let Err(error) = self.shelf.forget(&self.path) {
            tracing::warn!(%error, file = %self.path.display(), "a delivered result could not be removed");
        }
    }

    /// Sets the result aside: the coordinator will never accept it. Later workers skip it, but it is not
    /// deleted.
    pub(super) fn set_aside(self) -> PathBuf {
        self.shelf.set_aside(&self.path).unwrap_or_else(|error| {
            let file = self.path.display();
            tracing::warn!(%error, %file, "a refused result could not be set aside");
            self.path
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The given folder, or one for this coordinator in the user's state directory.
pub(super) fn folder(given: Option<&Path>, coordinator: &str) -> io::Result<PathBuf> {
    given.map_or_else(|| default_folder(coordinator), |folder| Ok(folder.to_owned()))
}

/// `kindling/spool/COORDINATOR` in the user's state directory: on Linux `$XDG_STATE_HOME` or
/// `~/.local/state`.
fn default_folder(coordinator: &str) -> io::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().map_err(io::Error::other)?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    let name = coordinator.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    Ok(state.join("kindling").join("spool").join(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kindling_proto::v1;
    use kindling_proto::v1::finish_request::Result as Ended;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::lease::{Claim, End};
    use crate::values::Intermediate;

    fn result(steps: u64) -> Undelivered {
        let claim = Claim {
            study_id: 1,
            trial: 2,
            attempt: 3,
            worker_id: "w".into(),
            mark: vec![7; 16],
            history: vec![8; 16],
        };
        let attributes = [("a".to_owned(), "1".to_owned())].into();
        let (end, constraints) = (End::Complete(0.25.into()), vec![]);
        let finish = Finish { claim, end, constraints, attributes };
        Undelivered {
            reports: (0..steps).map(|step| Report { step, values: 0.5.into() }).collect(),
            finish,
        }
    }

    fn spool() -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(&dir.path().join("spool")).unwrap();
        (dir, spool)
    }

    fn left(spool: &Spool) -> Vec<Undelivered> {
        spool.left().unwrap().into_iter().map(|(_, undelivered)| undelivered).collect()
    }

    #[tokio::test]
    async fn what_is_kept_is_there_until_it_is_forgotten() {
        let (_dir, spool) = spool();
        let kept = spool.keep(&result(3)).await.unwrap();
        assert_eq!(left(&spool), [result(3)]);
        kept.forget();
        assert_eq!(left(&spool), []);
    }

    fn several() -> impl Strategy<Value = Undelivered> {
        let values = || vec(any::<f64>().prop_filter("a number", |x| !x.is_nan()), 1..8);
        let report = (any::<u64>(), values()).prop_map(|(step, values)| {
            let others = (1..).zip(values[1..].iter().copied()).collect();
            Report { step, values: Intermediate { value: values[0], others } }
        });
        let finish = (0..3, values(), values()).prop_map(|(end, values, constraints)| {
            let end = match end {
                0 => End::Complete(values.try_into().expect("some")),
                1 => End::Pruned,
                _ => End::Failed("why".to_owned()),
            };
            Finish { end, constraints, ..result(0).finish }
        });
        (vec(report, 0..5), finish).prop_map(|(reports, finish)| Undelivered { reports, finish })
    }

    proptest! {
        #[test]
        fn a_result_of_several_values_is_kept_as_it_is(kept in several()) {
            let bytes = convert::to_bytes(&kept.finish, &kept.reports);
            let (finish, reports) = convert::from_bytes(&bytes).expect("a result");
            prop_assert_eq!(Undelivered { reports, finish }, kept);
        }
    }

    /// Files outlive the program that wrote them. This one is of a worker whose trials had a single value.
    #[test]
    fn what_an_earlier_version_kept_is_still_a_result() {
        let (dir, spool) = spool();
        let claim = [b"\x0a\x2d\x08\x01\x10\x02\x18\x03\x22\x01w\x2a\x10", &[7; 16][..]].concat();
        let claim = [&claim, &b"\x32\x10"[..], &[8; 16]].concat();
        let finish = b"\x12\x0a\x0a\x08\0\0\0\0\0\0\xd0\x3f\x2a\x06\x0a\x01a\x12\x011";
        let report = b"\x19\0\0\0\0\0\0\xe0\x3f";
        let file = [b"\x43", &*claim, finish, b"\x38", &claim, report].concat();
        fs::write(dir.path().join("spool/earlier.result"), file).unwrap();
        assert_eq!(left(&spool), [result(1)]);
    }

    #[tokio::test]
    async fn a_result_has_as_many_values_as_there_are_objectives_and_one_at_least() {
        let (_dir, spool) = spool();
        let mut two = result(0);
        two.finish.end = End::Complete(vec![0.25, 0.5].try_into().unwrap());
        let kept = spool.keep(&two).await.unwrap();
        assert_eq!(left(&spool), [two]);
        let none = v1::FinishRequest {
            claim: Some(v1::Claim::default()),
            result: Some(Ended::Completed(v1::Completed::default())),
            ..Default::default()
        };
        fs::write(kept.path(), none.encode_length_delimited_to_vec()).unwrap();
        assert_eq!(left(&spool), []);
    }

    #[test]
    fn another_coordinators_results_are_not_this_ones() {
        let [one, other] = ["http://a:1", "http://a:2"].map(|c| default_folder(c).unwrap());
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn what_is_set_aside_or_cannot_be_read_is_in_nobodys_way() {
        let (dir, spool) = spool();
        let refused = spool.keep(&result(1)).await.unwrap().set_aside();
        assert!(refused.exists());
        spool.keep(&result(2)).await.unwrap();
        fs::create_dir(dir.path().join("spool/folder.result")).unwrap();
        assert_eq!(left(&spool), [result(2)]);
    }

    #[tokio::test]
    async fn a_cut_or_foreign_file_is_left_alone() {
        let (_dir, spool) = spool();
        let kept = spool.keep(&result(2)).await.unwrap();
        let whole = fs::read(kept.path()).unwrap();
        let boundaries = (0..whole.len()).filter(|cut| {
            fs::write(kept.path(), &whole[..*cut]).unwrap();
            !left(&spool).is_empty()
        });
        // A cut between two messages looks complete; but files get their final name only once they are
        // complete.
        assert_eq!(boundaries.count(), 2);
        fs::write(kept.path(), b"\xff\xff\xff\xff notes").unwrap();
        assert_eq!(left(&spool), []);
        assert!(kept.path().exists());
    }
}
