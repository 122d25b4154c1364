//! Downloads MNIST. A file gets its final name only after its content is verified.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::error::{MirrorFailure, MnistError};
use super::file;
use super::manifest::{FileSpec, MAX_BYTES, MNIST, Manifest};

/// Copies of the four files as published. The original site no longer serves them.
const MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
];

/// Downloads the files that `into` lacks or holds damaged: 11.6 MB in all.
///
/// Creates the directory. Tries the public mirrors for each file, one after another; without a network this
/// fails within seconds. Several processes may fetch into the same directory at a time.
pub fn fetch(into: &Path, progress: &mut dyn FnMut(FetchProgress<'_>)) -> Result<(), MnistError> {
    Source::public().fetch(into, progress)
}

/// The progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchProgress<'a> {
    /// Part of a file has arrived.
    Receiving {
        /// The file, with `.gz`.
        name: &'a str,
        /// Bytes so far.
        received: u64,
        /// Bytes in total, if the mirror announced them.
        total: Option<u64>,
    },
    /// A mirror failed; the next one is tried.
    MirrorFailed(&'a MirrorFailure),
    /// A file is in place and verified.
    Done {
        /// The file, with `.gz`.
        name: &'a str,
    },
}

/// What to download, and from where.
pub(super) struct Source {
    pub(super) manifest: Manifest,
    /// URLs of directories, tried in this order.
    pub(super) mirrors: Vec<String>,
    pub(super) agent: ureq::Agent,
}

impl Source {
    pub(super) fn public() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_resolve(Some(Duration::from_secs(5)))
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_recv_response(Some(Duration::from_secs(10)))
            // A slow connection may take its time; a dead one may not.
            .timeout_per_read(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_mins(10)))
            .build();
        Self {
            manifest: MNIST,
            mirrors: MIRRORS.map(str::to_owned).to_vec(),
            agent: config.new_agent(),
        }
    }

    pub(super) fn fetch(
        &self,
        into: &Path,
        progress: &mut dyn FnMut(FetchProgress<'_>),
    ) -> Result<(), MnistError> {
        fs::create_dir_all(into)
            .map_err(|source| MnistError::Write { path: into.to_path_buf(), source })?;
        for spec in &self.manifest.0 {
            if file::read(into, spec).is_err() {
                let packed = self.download(spec, into, progress)?;
                store(into, spec, &packed)?;
            }
            progress(FetchProgress::Done { name: &packed_name(spec) });
        }
        Ok(())
    }

    /// The gzipped and verified file, from the first mirror that has it.
    fn download(
        &self,
        spec: &FileSpec,
        into: &Path,
        progress: &mut dyn FnMut(FetchProgress<'_>),
    ) -> Result<Vec<u8>, MnistError> {
        let name = packed_name(spec);
        let mut attempts = Vec::new();
        for mirror in &self.mirrors {
            let url = format!("{mirror}/{name}");
            let mut on_bytes = |received, total| {
                progress(FetchProgress::Receiving { name: &name, received, total });
            };
            match self.download_from(&url, spec, &mut on_bytes) {
                Ok(packed) => return Ok(packed),
                Err(reason) => {
                    let failure = MirrorFailure { url, reason };
                    progress(FetchProgress::MirrorFailed(&failure));
                    attempts.push(failure);
                }
            }
        }
        Err(MnistError::Download { name, dir: into.to_path_buf(), attempts })
    }

    /// The verified file from one mirror, or a line that says what failed.
    fn download_from(
        &self,
        url: &str,
        spec: &FileSpec,
        on_bytes: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Vec<u8>, String> {
        let response = self.agent.get(url).call().map_err(|error| error.to_string())?;
        let mut body = response.into_body();
        let total = body.content_length();
        let packed = receive(&mut body.as_reader(), |received| on_bytes(received, total))
            .map_err(|error| format!("broke off: {error}"))?;
        if !file::is_gzip(&packed) {
            return Err(format!("sent something else than a gzip file ({} bytes)", packed.len()));
        }
        file::unpack(packed.clone(), spec).map_err(|fault| fault.to_string())?;
        Ok(packed)
    }
}

/// Reads a body piece by piece, up to a size that no MNIST file exceeds.
fn receive(body: &mut dyn Read, mut on_bytes: impl FnMut(u64)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = match body.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if length == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&piece[..length]);
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
        }
        on_bytes(bytes.len() as u64);
    }
}

/// Writes a verified file under its usual name, atomically.
///
/// No fsync: if the machine loses power now, the checksum detects it when the file is read.
fn store(into: &Path, spec: &FileSpec, packed: &[u8]) -> Result<(), MnistError> {
    let path = file::usual_path(into, spec);
    let write = || {
        let mut file = NamedTempFile::with_prefix_in(".download-", into)?;
        file.write_all(packed)?;
        readable_by_all(file.as_file())?;
        file.persist(&path).map_err(|error| error.error)
    };
    match write() {
        Ok(_) => Ok(()),
        Err(source) => Err(MnistError::Write { path, source }),
    }
}

/// A temporary file is readable only by its owner, but a cache may be shared (a volume, another user).
fn readable_by_all(file: &fs::File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn packed_name(spec: &FileSpec) -> String {
    format!("{}.gz", spec.name)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::test_support::{Fake, Reply, Server, gzip};
    use super::*;

    const NAME: &str = "train-images-idx3-ubyte.gz";

    /// Fetches from one server per set of replies. Returns each mirror's failure, and the outcome.
    fn fetched(
        fake: &Fake,
        mirrors: Vec<Vec<(String, Reply)>>,
        into: &Path,
    ) -> (Vec<String>, Result<(), MnistError>) {
        let servers: Vec<Server> = mirrors.into_iter().map(Server::start).collect();
        let urls: Vec<String> = servers.iter().map(Server::url).collect();
        let mut failures = Vec::new();
        let outcome = fake.source(&urls).fetch(into, &mut |progress| {
            if let FetchProgress::MirrorFailed(failure) = progress {
                failures.push(failure.reason.clone());
            }
        });
        (failures, outcome)
    }

    /// Fetches with `reply` for the training images from the first mirror, and a correct second mirror.
    ///
    /// Returns the first mirror's failure. The result must be the right files and nothing else.
    fn first_failure(reply: Reply) -> String {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let mut bad = fake.replies();
        bad[0].1 = reply;
        let (mut failures, outcome) = fetched(&fake, vec![bad, fake.replies()], dir.path());
        outcome.unwrap();
        assert_eq!(failures.len(), 1, "{failures:?}");
        for spec in &fake.manifest.0 {
            file::read(dir.path(), spec).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "no temporary file is left");
        failures.remove(0)
    }

    #[test]
    fn four_files_arrive_and_progress_tells() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let server = Server::start(fake.replies());
        let (mut last, mut done) = (None, 0);
        let mut progress = |progress: FetchProgress<'_>| match progress {
            FetchProgress::Receiving { received, total, .. } => last = Some((received, total)),
            FetchProgress::Done { .. } => done += 1,
            FetchProgress::MirrorFailed(failure) => panic!("{failure}"),
        };
        fake.source(&[server.url()]).fetch(dir.path(), &mut progress).unwrap();
        let size = fs::metadata(dir.path().join("t10k-labels-idx1-ubyte.gz")).unwrap().len();
        assert_eq!((last, done), (Some((size, Some(size))), 4));
    }

    #[test]
    fn a_mirror_without_the_file_is_passed_over() {
        assert!(first_failure(Reply::NotFound).contains("404"));
    }

    #[test]
    fn a_mirror_with_another_file_is_passed_over() {
        let reason = first_failure(Reply::Body(gzip(b"other")));
        assert!(reason.contains("SHA-256") && reason.contains("expected"), "{reason}");
    }

    #[test]
    fn a_mirror_with_a_login_page_is_passed_over() {
        let reason = first_failure(Reply::Body(b"<html>".to_vec()));
        assert!(reason.contains("something else than a gzip file"), "{reason}");
    }

    #[test]
    fn a_mirror_that_breaks_off_is_passed_over() {
        let packed = gzip(&Fake::new().contents[0]);
        let reason = first_failure(Reply::BreakOff(packed[..packed.len() - 1].to_vec()));
        assert!(reason.contains("broke off"), "{reason}");
    }

    #[test]
    fn a_mirror_with_a_cut_file_is_passed_over() {
        let packed = gzip(&Fake::new().contents[0]);
        let reason = first_failure(Reply::Body(packed[..packed.len() - 9].to_vec()));
        assert!(reason.contains("damaged gzip"), "{reason}");
    }

    #[test]
    fn a_mirror_that_says_nothing_is_passed_over_in_time() {
        let start = Instant::now();
        let reason = first_failure(Reply::Silence);
        assert!(reason.contains("timeout"), "{reason}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn when_every_mirror_fails_the_error_quotes_each_and_nothing_is_written() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let wrong = vec![(NAME.to_owned(), Reply::Body(gzip(b"other")))];
        let (_, outcome) = fetched(&fake, vec![vec![], wrong], dir.path());
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(NAME) && text.contains("404") && text.contains("SHA-256"), "{text}");
        assert!(text.contains("hint: "), "{text}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_is_missing_or_damaged_is_downloaded() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fake.write_gz(dir.path());
        fs::write(dir.path().join(NAME), "damaged").unwrap();
        let only = vec![fake.replies().remove(0)];
        let (failures, outcome) = fetched(&fake, vec![only], dir.path());
        assert!(outcome.is_ok() && failures.is_empty(), "{failures:?}");
        file::read(dir.path(), &fake.manifest.0[0]).unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        let (_, outcome) = fetched(&fake, vec![fake.replies()], &path.join("cache"));
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains("hint: "), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn another_user_may_read_the_cache() {
        use std::os::unix::fs::PermissionsExt;
        let (fake, dir) = (Fake::new(), tempfile::tempdir().unwrap());
        fetched(&fake, vec![fake.replies()], dir.path()).1.unwrap();
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}
