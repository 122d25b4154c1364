//! The bytes of a checkpoint or an artifact, once they are the worker's own, and the pieces in which they are sent.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use kindling_artifacts::Content as Sum;
use kindling_proto::limits::{BLOB, PIECE};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio_stream::Stream;

use super::drawers::Drawer;
use crate::content::Content;

/// Bytes that nobody changes any more.
#[derive(Debug)]
pub(super) struct Parcel {
    held: Held,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
}

#[derive(Debug)]
enum Held {
    /// The trial had them in memory anyway.
    Bytes(Arc<Vec<u8>>),
    File(Own),
}

/// A file in a trial's drawer. It goes with the value, and the drawer after its last file.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    _drawer: Arc<Drawer>,
}

/// Why bytes could not be taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// What the trial gave is not right: see the reason.
    Theirs(String),
    /// The worker has no room for them.
    Ours(io::Error),
}

impl Parcel {
    /// Takes the bytes. They are read once, and hashed on the way. Blocks.
    pub(super) fn take(content: Content, drawer: &Arc<Drawer>) -> Result<Self, NotTaken> {
        match content {
            Content::Bytes(bytes) => {
                let (size, sha256) = (bytes.len() as u64, Sha256::digest(&bytes).into());
                Ok(Self { held: Held::Bytes(Arc::new(bytes)), size, sha256 })
            }
            Content::File(path) => Self::copy(&path, drawer),
            Content::Given(path) => Self::fetch(&path, drawer),
        }
    }

    /// A copy of a file.
    fn copy(path: &Path, drawer: &Arc<Drawer>) -> Result<Self, NotTaken> {
        let theirs = |error: &io::Error| unreadable(path, error);
        let (mut source, before) = open(path)?;
        let own = Own { path: drawer.path().map_err(NotTaken::Ours)?, _drawer: drawer.clone() };
        let mut copy = File::create_new(&own.path).map_err(NotTaken::Ours)?;
        let mut hashed = Hashed::default();
        let mut piece = vec![0; PIECE];
        loop {
            let read = read_some(&mut source, &mut piece).map_err(|error| theirs(&error))?;
            if read == 0 {
                break;
            }
            copy.write_all(&piece[..read]).map_err(NotTaken::Ours)?;
            hashed.add(&piece[..read]);
            too_large(path, hashed.size)?;
        }
        let after = source.metadata().map_err(|error| theirs(&error))?;
        let is_same =
            before.len() == after.len() && before.modified().ok() == after.modified().ok();
        if !is_same || hashed.size != before.len() {
            return Err(NotTaken::Theirs(format!(
                "{} was written to while it was read\nhint: write to another name, rename it, and then save it",
                path.display()
            )));
        }
        Ok(hashed.into_parcel(Held::File(own)))
    }

    /// The file itself, if it can be moved here; else a copy.
    fn fetch(path: &Path, drawer: &Arc<Drawer>) -> Result<Self, NotTaken> {
        open(path)?;
        let own = Own { path: drawer.path().map_err(NotTaken::Ours)?, _drawer: drawer.clone() };
        let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        if is_link || fs::rename(path, &own.path).is_err() {
            let copy = Self::copy(path, drawer)?;
            // It was given away, but a file too many is no reason to fail.
            _ = fs::remove_file(path);
            return Ok(copy);
        }
        let mut file = File::open(&own.path).map_err(NotTaken::Ours)?;
        let mut hashed = Hashed::default();
        let mut piece = vec![0; PIECE];
        loop {
            match read_some(&mut file, &mut piece).map_err(NotTaken::Ours)? {
                0 => break,
                read => hashed.add(&piece[..read]),
            }
        }
        Ok(hashed.into_parcel(Held::File(own)))
    }

    pub(super) fn content(&self) -> Sum {
        Sum { size: self.size, sha256: self.sha256 }
    }

    /// Its bytes in pieces. A file is read as fast as they are taken.
    pub(super) fn pieces(&self) -> io::Result<Pieces> {
        Ok(match &self.held {
            Held::Bytes(bytes) => Pieces::Bytes { bytes: Arc::clone(bytes), sent: 0 },
            Held::File(own) => Pieces::File(Some(read(File::open(&own.path)?))),
        })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

/// The bytes of a parcel, in order. A file that cannot be read ends early, and is refused for its size.
#[derive(Debug)]
pub(super) enum Pieces {
    Bytes { bytes: Arc<Vec<u8>>, sent: usize },
    File(Option<Reading>),
}

impl Pieces {
    pub(super) fn none() -> Self {
        Self::File(None)
    }
}

/// The next piece, on its way from the disk: reading may block.
type Reading = JoinHandle<io::Result<(File, Vec<u8>)>>;

fn read(mut file: File) -> Reading {
    tokio::task::spawn_blocking(move || {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        Ok((file, piece))
    })
}

impl Stream for Pieces {
    type Item = Vec<u8>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        match self.get_mut() {
            Self::Bytes { bytes, sent } => {
                let piece = &bytes[*sent..bytes.len().min(*sent + PIECE)];
                *sent += piece.len();
                Poll::Ready((!piece.is_empty()).then(|| piece.to_vec()))
            }
            Self::File(reading) => {
                let Some(next) = reading else { return Poll::Ready(None) };
                let read_piece = ready!(Pin::new(next).poll(context));
                *reading = None;
                match read_piece.map_err(io::Error::other).flatten() {
                    Ok((file, piece)) if !piece.is_empty() => {
                        *reading = Some(read(file));
                        Poll::Ready(Some(piece))
                    }
                    Ok(_) => Poll::Ready(None),
                    Err(error) => {
                        tracing::error!(%error, "what a trial saved cannot be read any more");
                        Poll::Ready(None)
                    }
                }
            }
        }
    }
}

/// A regular file, opened. A link is followed, as `cp` would.
fn open(path: &Path) -> Result<(File, fs::Metadata), NotTaken> {
    let theirs = |error: &io::Error| unreadable(path, error);
    // Before it is opened: to open a pipe would wait for its writer.
    let found = fs::metadata(path).map_err(|error| theirs(&error))?;
    let shown = path.display();
    if found.is_dir() {
        let hint = "pack it into one file, such as with `shutil.make_archive` or `tar`";
        return Err(NotTaken::Theirs(format!("{shown} is a folder, not a file\nhint: {hint}")));
    }
    if !found.is_file() {
        return Err(NotTaken::Theirs(format!("{shown} is no regular file")));
    }
    too_large(path, found.len())?;
    let file = File::open(path).map_err(|error| theirs(&error))?;
    let found = file.metadata().map_err(|error| theirs(&error))?;
    Ok((file, found))
}

fn too_large(path: &Path, size: u64) -> Result<(), NotTaken> {
    if size <= BLOB {
        return Ok(());
    }
    let (shown, most) = (path.display(), BLOB >> 30);
    let hint = "save what is needed to go on, in several artifacts if need be";
    Err(NotTaken::Theirs(format!(
        "{shown} has {size} bytes; at most {most} GiB are kept\nhint: {hint}"
    )))
}

fn unreadable(path: &Path, error: &io::Error) -> NotTaken {
    let hint = match error.kind() {
        ErrorKind::NotFound => "\nhint: write the file first, and name it by its full path",
        ErrorKind::PermissionDenied => "\nhint: the worker's user must be able to read it",
        _ => "",
    };
    NotTaken::Theirs(format!("{} cannot be read: {error}{hint}", path.display()))
}

fn read_some(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Bytes as they go by.
#[derive(Default)]
pub(super) struct Hashed {
    hash: Sha256,
    pub(super) size: u64,
}

impl Hashed {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn sha256(self) -> [u8; 32] {
        self.hash.finalize().into()
    }

    fn into_parcel(self, held: Held) -> Parcel {
        Parcel { held, size: self.size, sha256: self.sha256() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio_stream::StreamExt as _;

    use super::super::drawers::Drawers;
    use super::*;

    fn drawer(dir: &Path) -> Arc<Drawer> {
        Arc::new(Drawers::within(Some(dir.join("spool"))).drawer())
    }

    fn bytes() -> Vec<u8> {
        (0..PIECE * 2 + 7).map(|i| (i % 251) as u8).collect()
    }

    async fn sent(parcel: &Parcel) -> Vec<Vec<u8>> {
        parcel.pieces().unwrap().collect().await
    }

    #[tokio::test]
    async fn what_is_taken_stays_as_it_was_and_comes_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = drawer(dir.path());
        let [file, given, link] = ["file", "given", "link"].map(|name| dir.path().join(name));
        for contents in [&file, &given] {
            fs::write(contents, bytes()).unwrap();
        }
        symlink(&file, &link).unwrap();
        let of = [
            Content::Bytes(bytes()),
            Content::File(link.clone()),
            Content::Given(given.clone()),
            Content::Given(link.clone()),
        ];
        let parcels = of.map(|content| Parcel::take(content, &drawer).unwrap());
        assert!(!given.exists() && !link.is_symlink());
        fs::write(&file, "something else").unwrap();
        for parcel in parcels {
            assert_eq!(parcel.size, bytes().len() as u64);
            assert_eq!(parcel.sha256, <[u8; 32]>::from(Sha256::digest(bytes())));
            let pieces = sent(&parcel).await;
            assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [PIECE, PIECE, 7]);
            assert_eq!(pieces.concat(), bytes());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "something else");
    }

    #[tokio::test]
    async fn nothing_has_no_pieces_and_its_file_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = drawer(dir.path());
        let empty = dir.path().join("empty");
        fs::write(&empty, "").unwrap();
        for content in [Content::Bytes(vec![]), Content::File(empty)] {
            let parcel = Parcel::take(content, &drawer).unwrap();
            assert_eq!((parcel.size, sent(&parcel).await.len()), (0, 0));
        }
        let folder = drawer.path().unwrap().parent().unwrap().to_owned();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_somebody_writes_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = drawer(dir.path());
        let path = dir.path().join("torn");
        fs::write(&path, vec![0; 16 * PIECE]).unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        let taken = std::thread::scope(|scope| {
            let mut file = File::options().append(true).open(&path).unwrap();
            let over = &over;
            scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    file.write_all(b"more").unwrap();
                }
            });
            let taken = Parcel::take(Content::File(path.clone()), &drawer);
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            taken
        });
        let Err(NotTaken::Theirs(reason)) = taken else { panic!("{taken:?}") };
        assert!(reason.contains("was written to while it was read\nhint: "), "{reason}");
        let folder = drawer.path().unwrap().parent().unwrap().to_owned();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "nothing is left of it");
    }

    #[test]
    fn what_is_no_file_is_refused_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = drawer(dir.path());
        let refused = |path: &str| {
            let path = dir.path().join(path);
            match Parcel::take(Content::Given(path.clone()), &drawer) {
                Err(NotTaken::Theirs(reason)) => {
                    let copied = Parcel::take(Content::File(path), &drawer).map(|_| ());
                    assert!(matches!(copied, Err(NotTaken::Theirs(_))), "{copied:?}");
                    reason
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(refused("missing").contains("hint: write the file first"));
        assert!(refused("").contains("is a folder, not a file\nhint: pack it into one"));
        let (name, device) = (dir.path().join("device"), Path::new("/dev/zero"));
        symlink(device, &name).unwrap();
        assert!(refused("device").contains("no regular file"));
        assert!(name.is_symlink(), "what is refused stays");
    }
}
