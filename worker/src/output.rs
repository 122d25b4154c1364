//! What a trial writes, on its way to the coordinator.
//!
//! Training never waits for it: lines wait in a queue of bounded size, and if that is full the oldest are left out and counted.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use kindling_proto::limits;
use tokio::sync::Notify;

/// Bytes that wait.
const WAITING: usize = 256 * 1024;
/// Bytes that are sent at once.
const BATCH: usize = 64 * 1024;
/// What a line counts beside its text.
const LINE: usize = 48;

/// Where a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// What the worker and its objective log about the trial.
    Log,
}

/// Takes the lines that a trial writes. Clones share it; the default one drops everything.
#[derive(Clone, Default)]
pub struct Output(Option<Arc<Takes>>);

type Takes = dyn Fn(OutputStream, &str) + Send + Sync;

/// A line of a trial's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) stream: OutputStream,
    pub(crate) time: SystemTime,
    /// At most [`limits::OUTPUT_LINE`] bytes.
    pub(crate) text: String,
    /// What was left out before it.
    pub(crate) left_out: LeftOut,
}

/// What was left out for want of room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

/// The lines that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to send, or the last was written.
    changed: Notify,
    /// The last was written.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    is_closed: bool,
}

impl Output {
    /// An output that tells each line to `takes`, at once and on the thread that writes it. So `takes` must not wait, nor log.
    pub fn new(takes: impl Fn(OutputStream, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(takes)))
    }

    /// An output, and the queue from which its lines are sent.
    pub(crate) fn queued() -> (Self, Arc<Queue>) {
        let queue = Arc::<Queue>::default();
        let filled = Arc::clone(&queue);
        (Self::new(move |stream, text| filled.add(stream, text, SystemTime::now())), queue)
    }

    /// Takes a line that was written now, without its end. A worker cuts one above 16 KiB.
    pub fn write(&self, stream: OutputStream, text: &str) {
        if let Some(takes) = &self.0 {
            takes(stream, text);
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output(…)")
    }
}

impl Queue {
    fn add(&self, stream: OutputStream, text: &str, time: SystemTime) {
        let text = text[..text.floor_char_boundary(limits::OUTPUT_LINE)].to_owned();
        let line = Line { stream, time, text, left_out: LeftOut::default() };
        let mut waiting = self.lock();
        if waiting.is_closed {
            return;
        }
        waiting.bytes += line.bytes();
        waiting.lines.push_back(line);
        while waiting.bytes > WAITING {
            waiting.leave_out();
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits for something to send. Returns whether there is anything, or may be later.
    pub(crate) async fn filled(&self) -> bool {
        loop {
            {
                let waiting = self.lock();
                if !waiting.lines.is_empty() || waiting.is_closed {
                    return !waiting.lines.is_empty();
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits until nothing more is written.
    pub(crate) async fn closed(&self) {
        while !self.lock().is_closed {
            self.ended.notified().await;
        }
    }

    /// Nothing more is written: what comes now is dropped.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
        self.ended.notify_one();
    }

    /// Takes the oldest lines, as many as are sent at once.
    pub(crate) fn take(&self) -> Vec<Line> {
        let mut waiting = self.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(line) = waiting.lines.front() {
            bytes += line.bytes();
            if bytes > BATCH && !taken.is_empty() {
                break;
            }
            taken.extend(waiting.lines.pop_front());
        }
        waiting.bytes -= taken.iter().map(Line::bytes).sum::<usize>();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Drops the oldest line. The one that comes after it says so.
    fn leave_out(&mut self) {
        let Some(oldest) = self.lines.pop_front() else { return };
        self.bytes -= oldest.bytes();
        if let Some(next) = self.lines.front_mut() {
            next.left_out.lines += oldest.left_out.lines + 1;
            next.left_out.bytes += oldest.left_out.bytes + oldest.text.len() as u64;
        }
    }
}

impl Line {
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + LINE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_the_oldest_and_the_next_line_says_how_much_it_was() {
        let (output, queue) = Output::queued();
        let texts: Vec<_> = (0..10_000).map(|n| format!("{n} {}", "x".repeat(50))).collect();
        for text in &texts {
            output.write(OutputStream::Out, text);
        }
        assert!(queue.lock().bytes <= WAITING);
        let first = queue.take();
        let left_out = first[0].left_out;
        assert_eq!(first[0].text, texts[left_out.lines as usize]);
        let dropped = texts[..left_out.lines as usize].iter().map(|text| text.len() as u64);
        assert_eq!(left_out.bytes, dropped.sum::<u64>());
        assert!(first[1..].iter().all(|line| line.left_out == LeftOut::default()));
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let (output, queue) = Output::queued();
        output.write(OutputStream::Err, &"ä".repeat(limits::OUTPUT_LINE));
        output.write(OutputStream::Err, &format!("a{}", "ä".repeat(limits::OUTPUT_LINE)));
        let lengths: Vec<_> = queue.take().iter().map(|line| line.text.len()).collect();
        assert_eq!(lengths, [limits::OUTPUT_LINE, limits::OUTPUT_LINE - 1]);
    }

    #[test]
    fn what_comes_after_the_end_is_dropped() {
        let (output, queue) = Output::queued();
        output.write(OutputStream::Out, "a");
        queue.close();
        output.write(OutputStream::Out, "b");
        assert_eq!(queue.take().len(), 1);
    }

    proptest! {
        #[test]
        fn every_line_is_taken_or_counted_in_order(
            steps in proptest::collection::vec((0_usize..20_000, any::<bool>()), 1..200),
        ) {
            let (output, queue) = Output::queued();
            let (mut taken, mut bytes) = (Vec::new(), 0);
            for (number, (length, takes)) in steps.iter().enumerate() {
                let text = format!("{number} {}", "x".repeat(*length));
                let text = &text[..text.len().min(limits::OUTPUT_LINE)];
                bytes += text.len() as u64;
                output.write(OutputStream::Out, text);
                if *takes {
                    let batch = queue.take();
                    prop_assert!(batch.iter().map(Line::bytes).sum::<usize>() <= BATCH);
                    taken.extend(batch);
                }
            }
            loop {
                let batch = queue.take();
                if batch.is_empty() {
                    break;
                }
                taken.extend(batch);
            }
            let numbers: Vec<u64> =
                taken.iter().map(|line| line.text.split(' ').next().unwrap().parse().unwrap()).collect();
            prop_assert!(numbers.is_sorted());
            let lines = taken.iter().map(|line| line.left_out.lines + 1).sum::<u64>();
            prop_assert_eq!(lines, steps.len() as u64);
            let told = taken.iter().map(|line| line.left_out.bytes + line.text.len() as u64);
            prop_assert_eq!(told.sum::<u64>(), bytes);
            prop_assert_eq!(queue.lock().bytes, 0);
        }
    }
}
