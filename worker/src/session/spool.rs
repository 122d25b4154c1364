//! Results that the coordinator does not have yet, on disk: a worker that dies with one leaves it to
//! the next worker on this machine.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use kindling_proto::v1;
use prost::Message as _;

/// A finished trial's file ends so.
const EXTENSION: &str = "result";

/// A folder for the results that one coordinator is still to get. Workers may share it.
#[derive(Debug)]
pub(super) struct Spool(PathBuf);

/// A result, and the reports that the coordinator is to have before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Undelivered {
    pub(super) reports: Vec<v1::ReportRequest>,
    pub(super) finish: v1::FinishRequest,
}

/// A result's file.
#[derive(Debug)]
pub(super) struct Kept(PathBuf);

impl Spool {
    /// This folder, or one for the coordinator in the user's own directory for state; made if it is
    /// missing. Each coordinator needs its own, because another one refuses the result.
    pub(super) fn open(folder: Option<&Path>, coordinator: &str) -> io::Result<Self> {
        let folder = folder.map_or_else(|| default_folder(coordinator), |f| Ok(f.to_owned()))?;
        fs::create_dir_all(&folder)?;
        // One that cannot be written is found out now, not when it is needed.
        tempfile_in(&folder).and_then(|probe| fs::remove_file(probe.1))?;
        Ok(Self(folder))
    }

    /// Keeps a result. When this returns, it survives a crash of the machine.
    pub(super) fn keep(&self, undelivered: &Undelivered) -> io::Result<Kept> {
        // Another worker may have removed the folder as it left.
        fs::create_dir_all(&self.0)?;
        let (mut file, draft) = tempfile_in(&self.0)?;
        file.write_all(&undelivered.encode())?;
        file.sync_all()?;
        let kept = draft.with_extension(EXTENSION);
        fs::rename(&draft, &kept)?;
        File::open(&self.0)?.sync_all()?;
        Ok(Kept(kept))
    }

    /// The results that workers before this one left. A file that holds none is left where it is.
    pub(super) fn left(&self) -> io::Result<Vec<(Kept, Undelivered)>> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension() != Some(OsStr::new(EXTENSION)) {
                continue;
            }
            match fs::read(&path).map(|bytes| Undelivered::decode(&bytes)) {
                Ok(Some(undelivered)) => left.push((Kept(path), undelivered)),
                Ok(None) => tracing::warn!(file = %path.display(), "not a result; left alone"),
                // Another worker has just delivered it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        left.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
        Ok(left)
    }
}

impl Drop for Spool {
    /// An empty folder is of no use to anybody.
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

impl Kept {
    /// The coordinator has answered: it has the result, or does not want it.
    pub(super) fn forget(self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %self.0.display(), "a delivered result could not be removed");
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Undelivered {
    /// The result, then the reports, each with its length before it.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.finish.encode_length_delimited_to_vec();
        for report in &self.reports {
            bytes.extend(report.encode_length_delimited_to_vec());
        }
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let finish = v1::FinishRequest::decode_length_delimited(&mut bytes).ok()?;
        finish.claim.as_ref()?;
        finish.result.as_ref()?;
        let mut reports = Vec::new();
        while !bytes.is_empty() {
            reports.push(v1::ReportRequest::decode_length_delimited(&mut bytes).ok()?);
        }
        Some(Self { reports, finish })
    }
}

/// `kindling/spool/COORDINATOR` in the user's directory for state: on Linux `$XDG_STATE_HOME` or
/// `~/.local/state`.
fn default_folder(coordinator: &str) -> io::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().map_err(io::Error::other)?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    let name = coordinator.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    Ok(state.join("kindling").join("spool").join(name))
}

/// A new file of a name that nobody has.
fn tempfile_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    let path = folder.join(format!("{:016x}.draft", rand::random::<u64>()));
    Ok((File::create_new(&path)?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(steps: u64) -> Undelivered {
        let claim = v1::Claim { study_id: 1, trial: 2, attempt: 3, worker_id: "w".into() };
        let report = |step| v1::ReportRequest { claim: Some(claim.clone()), step, value: 0.5 };
        let completed = v1::Completed { values: vec![0.25] };
        let finish = v1::FinishRequest {
            claim: Some(claim.clone()),
            result: Some(v1::finish_request::Result::Completed(completed)),
            attributes_json: [("a".to_owned(), "1".to_owned())].into(),
        };
        Undelivered { reports: (0..steps).map(report).collect(), finish }
    }

    fn spool() -> (tempfile::TempDir, Spool) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(Some(&dir.path().join("spool")), "anywhere").unwrap();
        (dir, spool)
    }

    fn left(spool: &Spool) -> Vec<Undelivered> {
        spool.left().unwrap().into_iter().map(|(_, undelivered)| undelivered).collect()
    }

    #[test]
    fn what_is_kept_is_there_until_it_is_forgotten() {
        let (_dir, spool) = spool();
        let kept = spool.keep(&result(3)).unwrap();
        assert_eq!(left(&spool), [result(3)]);
        kept.forget();
        assert_eq!(left(&spool), []);
    }

    #[test]
    fn another_coordinators_results_are_not_this_ones() {
        let [one, other] = ["http://a:1", "http://a:2"].map(|c| default_folder(c).unwrap());
        assert_ne!(one, other);
    }

    #[test]
    fn a_cut_or_foreign_file_is_left_alone() {
        let (_dir, spool) = spool();
        let kept = spool.keep(&result(2)).unwrap();
        let whole = fs::read(kept.path()).unwrap();
        let boundaries = (0..whole.len()).filter(|cut| {
            fs::write(kept.path(), &whole[..*cut]).unwrap();
            !left(&spool).is_empty()
        });
        // A cut between two messages looks whole: files get their name once they are.
        assert_eq!(boundaries.count(), 2);
        fs::write(kept.path(), b"\xff\xff\xff\xff notes").unwrap();
        assert_eq!(left(&spool), []);
        assert!(kept.path().exists());
    }
}
