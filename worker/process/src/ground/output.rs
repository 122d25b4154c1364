//! Reads what a process writes, for as long as it writes, and never holds more than a bound.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdout};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::happened::{Happened, Stream};
use super::lines::{Found, Lines};
use super::main_process::MainProcess;

/// What is read at once.
const PIECE: usize = 64 * 1024;

/// How often it is looked whether a group is over, when its main process is gone and others still hold its output open.
const LOOK: Duration = Duration::from_secs(1);

/// How long nothing must be written to a line that is redrawn until what it shows is told.
const QUIET: Duration = Duration::from_secs(1);

/// The output of a process, both streams, and its end.
pub(crate) struct Output {
    main: Arc<MainProcess>,
    streams: [Option<Reading>; 2],
    awake: PipeReader,
    /// When what a line of standard output shows is to be told, unless something is written before.
    quiet_at: Option<Instant>,
}

struct Reading {
    stream: Stream,
    pipe: Pipe,
    lines: Lines,
}

enum Pipe {
    Out(ChildStdout),
    Err(ChildStderr),
}

impl Output {
    pub(crate) fn new(
        main: Arc<MainProcess>,
        (out, err): (Option<ChildStdout>, Option<ChildStderr>),
        awake: PipeReader,
    ) -> Self {
        let reading = |stream, pipe| Reading { stream, pipe, lines: Lines::default() };
        let out = out.map(|pipe| reading(Stream::Out, Pipe::Out(pipe)));
        let err = err.map(|pipe| reading(Stream::Err, Pipe::Err(pipe)));
        Self { main, streams: [out, err], awake, quiet_at: None }
    }

    /// Reads on a thread, and tells `happened` all that happens.
    pub(crate) fn read(self, happened: impl Fn(Happened) + Send + 'static) -> io::Result<()> {
        thread::Builder::new()
            .name("process-output".to_owned())
            .spawn(move || self.run(happened))?;
        Ok(())
    }

    fn run(mut self, happened: impl Fn(Happened)) {
        let mut piece = vec![0; PIECE];
        let mut told_memory = false;
        let exit = loop {
            // Asked before what is read: all that the process wrote is in the pipes once it has ended.
            if let Some(exit) = self.main.exit() {
                break exit;
            }
            if let Some(used) = self.main.over_memory()
                && !std::mem::replace(&mut told_memory, true)
            {
                happened(Happened::OverMemory { used });
            }
            let [woken, out, err] = self.wait(true, self.until_quiet());
            if woken {
                _ = self.awake.read(&mut piece);
            }
            // Asked before what is read, too.
            let asked = self.main.heard.asked();
            for (at, _) in [out, err].into_iter().enumerate().filter(|(_, ready)| *ready) {
                self.read_once(at, &mut piece, &happened);
            }
            if let Some(asked) = asked {
                for at in [0, 1] {
                    self.read_what_is_there(at, &mut piece, &happened);
                }
                self.main.heard.done(asked);
            }
            self.tell_if_quiet(&happened);
        };
        for at in [0, 1] {
            self.read_rest(at, &mut piece, &happened);
        }
        self.main.heard.done(u64::MAX);
        happened(Happened::Exited(exit));
        // The consumer may hold what it wants to be rid of now.
        drop(happened);
        self.swallow(&mut piece);
    }

    /// Reads what is in the pipe now, and not what others that hold it will still write.
    fn read_what_is_there(&mut self, at: usize, piece: &mut [u8], happened: &impl Fn(Happened)) {
        let mut left = self.streams[at].as_ref().map_or(0, Reading::capacity);
        while left > 0 && self.wait(false, PollTimeout::ZERO)[at + 1] {
            left = left.saturating_sub(self.read_once(at, piece, happened));
        }
    }

    /// Reads what is in the pipe now, for the last time.
    fn read_rest(&mut self, at: usize, piece: &mut [u8], happened: &impl Fn(Happened)) {
        self.read_what_is_there(at, piece, happened);
        if let Some(reading) = &mut self.streams[at] {
            reading.finish(happened);
        }
    }

    /// Reads once from a stream that is ready, and tells its lines. Returns how much it was.
    fn read_once(&mut self, at: usize, piece: &mut [u8], happened: &impl Fn(Happened)) -> usize {
        let Some(reading) = &mut self.streams[at] else { return 0 };
        match reading.pipe.read(piece) {
            Ok(0) => reading.finish(happened),
            Ok(read) => {
                let stream = reading.stream;
                reading.lines.push(&piece[..read], |found| tell(stream, &found, happened));
                if stream == Stream::Out {
                    let redraws = reading.lines.redrawn().is_some();
                    self.quiet_at = redraws.then(|| Instant::now() + QUIET);
                }
                return read;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return 0,
            Err(error) => tracing::warn!(%error, "the output of a process cannot be read"),
        }
        self.streams[at] = None;
        0
    }

    fn until_quiet(&self) -> PollTimeout {
        let Some(at) = self.quiet_at else { return PollTimeout::NONE };
        // It counts in whole milliseconds, and would be too early by a part of one.
        let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    /// Tells what a line that is redrawn shows, once it has stood for a while.
    fn tell_if_quiet(&mut self, happened: &impl Fn(Happened)) {
        if self.quiet_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.quiet_at = None;
        let [Some(out), _] = &self.streams else { return };
        if let Some(line) = out.lines.redrawn() {
            happened(Happened::Shows(String::from_utf8_lossy(line).into_owned()));
        }
    }

    /// Reads and drops what those write that the main process left, so that they can end by themselves.
    fn swallow(&mut self, piece: &mut [u8]) {
        let look = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX);
        while self.streams.iter().any(Option::is_some) && !self.main.is_over() {
            let [_, out, err] = self.wait(false, look);
            for (at, _) in [out, err].into_iter().enumerate().filter(|(_, ready)| *ready) {
                if let Some(reading) = &mut self.streams[at]
                    && !matches!(reading.pipe.read(piece), Ok(1..))
                {
                    self.streams[at] = None;
                }
            }
        }
    }

    /// Waits until there is something, and tells what: a wake-up call, standard output, standard error.
    fn wait(&self, for_calls: bool, timeout: PollTimeout) -> [bool; 3] {
        let [out, err] = &self.streams;
        let sources = [
            for_calls.then(|| self.awake.as_fd()),
            out.as_ref().map(|reading| reading.pipe.as_fd()),
            err.as_ref().map(|reading| reading.pipe.as_fd()),
        ];
        let mut fds: Vec<PollFd<'_>> =
            sources.iter().flatten().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::warn!(%error, "the output of a process cannot be waited for");
                thread::sleep(LOOK);
            }
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
        sources.map(|source| source.is_some() && ready.next().unwrap_or(false))
    }
}

impl Reading {
    /// The most that can be in the pipe.
    fn capacity(&self) -> usize {
        #[cfg(target_os = "linux")]
        if let Ok(size) = nix::fcntl::fcntl(self.pipe.as_fd(), nix::fcntl::FcntlArg::F_GETPIPE_SZ) {
            return usize::try_from(size).unwrap_or(PIECE);
        }
        PIECE
    }

    fn finish(&mut self, happened: &impl Fn(Happened)) {
        let stream = self.stream;
        self.lines.finish(|found| tell(stream, &found, happened));
    }
}

impl Pipe {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Pipe::Out(pipe) => pipe.read(piece),
            Pipe::Err(pipe) => pipe.read(piece),
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Pipe::Out(pipe) => pipe.as_fd(),
            Pipe::Err(pipe) => pipe.as_fd(),
        }
    }
}

fn tell(stream: Stream, found: &Found<'_>, happened: &impl Fn(Happened)) {
    let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let what = match *found {
        Found::Line(line) => Happened::Line(stream, text(line)),
        Found::Passing(line) => Happened::Redrawn(stream, text(line)),
        Found::Stays => Happened::Stays(stream),
    };
    happened(what);
}
