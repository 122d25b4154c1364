//! A Unix socket in a private folder, and a thread for each connection.
//!
//! Who may connect is decided by the folder, which only this user can enter. Everything is bounded: the
//! connections, a line, the time to take an answer. A connection that sends nothing costs a sleeping thread.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::answer;
use super::call::Complaint;
use super::host::{Caller, Host};
use crate::ground::Folder;

/// The most connections at a time.
const CONNECTIONS: usize = 256;
/// The longest line, with its end.
const LINE: usize = 1024 * 1024;
/// How long a connection may take to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection's thread parses JSON and no more.
const STACK: usize = 256 * 1024;

/// An open socket. Dropping it closes all connections and removes its folder.
pub(crate) struct Socket {
    listener: Arc<UnixListener>,
    connections: Connections,
    host: Arc<Host>,
    path: PathBuf,
    folder: Folder,
}

impl Socket {
    /// Opens a socket in this folder, whose calls the host answers.
    pub(crate) fn open(host: &Arc<Host>, folder: Folder) -> io::Result<Self> {
        let path = folder.path().join("socket");
        let listener = Arc::new(UnixListener::bind(&path)?);
        let socket = Self {
            listener: Arc::clone(&listener),
            connections: Connections::default(),
            host: Arc::clone(host),
            path,
            folder,
        };
        let (connections, host) = (socket.connections.clone(), Arc::clone(host));
        connections.lock().threads += 1;
        let accepting = connections.clone();
        spawn("socket", move || {
            let _counted = Counted(accepting.clone(), None);
            accept(&listener, &accepting, &host);
        })
        .inspect_err(|_| connections.lock().threads -= 1)?;
        Ok(socket)
    }

    /// Where it is, for `KINDLING_SOCKET`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The private folder around it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Accepts no more. Calls `quiet` once everything that was sent is answered and every peer has closed.
    pub(crate) fn finish(&self, quiet: impl FnOnce() + Send + 'static) {
        let mut open = self.connections.lock();
        open.is_finishing = true;
        open.quiet = Some(Box::new(quiet));
        drop(open);
        self.wake();
        self.connections.tell_if_quiet();
    }

    /// Wakes the thread that accepts. Linux still gives it who waits in the queue.
    fn wake(&self) {
        use nix::sys::socket::{Shutdown, shutdown};
        if shutdown(self.listener.as_raw_fd(), Shutdown::Both).is_err() {
            // Other systems cannot shut a listener down: one more connection wakes it.
            _ = UnixStream::connect(&self.path);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.host.close();
        let mut open = self.connections.lock();
        open.is_finishing = true;
        open.quiet = None;
        for stream in open.streams.values() {
            _ = stream.shutdown(Shutdown::Both);
        }
        drop(open);
        self.wake();
    }
}

/// What is connected now. Clones share it.
#[derive(Debug, Clone, Default)]
struct Connections(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    streams: HashMap<u64, UnixStream>,
    /// Those of the connections, and the one that accepts.
    threads: usize,
    newest: u64,
    is_finishing: bool,
    quiet: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_if_quiet(&self) {
        let mut open = self.lock();
        let quiet = if open.threads == 0 { open.quiet.take() } else { None };
        drop(open);
        if let Some(quiet) = quiet {
            quiet();
        }
    }
}

/// A running thread, and the connection that it serves.
struct Counted(Connections, Option<u64>);

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.0.lock();
        open.threads -= 1;
        if let Some(number) = self.1 {
            open.streams.remove(&number);
        }
        drop(open);
        self.0.tell_if_quiet();
    }
}

fn accept(listener: &UnixListener, connections: &Connections, host: &Arc<Host>) {
    loop {
        let is_finishing = connections.lock().is_finishing;
        if is_finishing {
            // Those that wait in the queue are still heard.
            _ = listener.set_nonblocking(true);
        }
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = admit(stream, connections, host) {
                    tracing::warn!(%error, "a connection to the trial's socket was not served");
                }
            }
            Err(_) if is_finishing || connections.lock().is_finishing => return,
            Err(error) => {
                tracing::warn!(%error, "the trial's socket accepts no connection now");
                // Too many open files, most likely: others may close some.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn admit(stream: UnixStream, connections: &Connections, host: &Arc<Host>) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut open = connections.lock();
    if open.streams.len() >= CONNECTIONS {
        drop(open);
        let error = format!("{CONNECTIONS} connections are open, and no more at a time");
        let complaint = Complaint::new(error).hint("close some, or use one for several calls");
        return (&stream).write_all(answer::complaint(&complaint).as_bytes());
    }
    open.newest += 1;
    let number = open.newest;
    open.streams.insert(number, stream.try_clone()?);
    open.threads += 1;
    drop(open);
    let counted = Counted(connections.clone(), Some(number));
    let caller = Caller::new(host);
    spawn("socket-connection", move || {
        let _counted = counted;
        serve(&stream, caller);
    })
}

/// Answers a connection's lines until it closes. What was sent is heard, also if nobody waits for the answer.
fn serve(stream: &UnixStream, mut caller: Caller) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        line.shrink_to(64 * 1024);
        match (&mut reader).take(LINE as u64).read_until(b'\n', &mut line) {
            Ok(0) => return,
            // Who closes without having read an answer resets the connection. What it sent is heard first.
            Err(_) if line.is_empty() => return,
            Ok(LINE) if line.last() != Some(&b'\n') => return refuse_long_line(stream),
            Ok(_) | Err(_) => {}
        }
        let answer = caller.call(&line, &|| is_open(stream));
        let mut writer = stream;
        if let Err(error) = writer.write_all(answer.as_bytes())
            && matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        {
            tracing::debug!("a connection to the trial's socket does not read its answers");
            return;
        }
    }
}

/// Whether the peer has not closed. For a process that was killed, this is known at once.
fn is_open(stream: &UnixStream) -> bool {
    use nix::sys::socket::{MsgFlags, recv};
    let look = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.as_raw_fd(), &mut [0], look) != Ok(0)
}

fn refuse_long_line(mut stream: &UnixStream) {
    let complaint = Complaint::new(format!("a line has at most {LINE} bytes"))
        .hint("the connection is closed; put large things into files");
    if stream.write_all(answer::complaint(&complaint).as_bytes()).is_ok() {
        // Closed with unread bytes, it would lose the answer.
        _ = stream.shutdown(Shutdown::Write);
        _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        _ = io::copy(&mut stream.take(64 * LINE as u64), &mut io::sink());
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work).map(drop)
}
