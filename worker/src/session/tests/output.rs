//! What trials write, and a coordinator that takes it, or does not.

use std::time::Duration;

use super::*;
use crate::output::{Output, OutputStream};

/// What the coordinator does with output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writes {
    Taken,
    /// So many calls are turned away first.
    BusyFor(u32),
    Refused(tonic::Code),
    /// No call is answered.
    Hangs,
}

impl Writes {
    pub(super) async fn answer(self, calls: u32) -> Result<(), Status> {
        match self {
            Self::BusyFor(most) if calls <= most => Err(Status::resource_exhausted("busy")),
            Self::Taken | Self::BusyFor(_) => Ok(()),
            Self::Refused(code) => Err(Status::new(code, "no")),
            Self::Hangs => std::future::pending().await,
        }
    }
}

/// Writes, and completes.
struct Talks(fn(&Output));

impl Training for Talks {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(&self, _: Assignment, outbox: Outbox) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let talk = self.0;
        Box::pin(async move {
            // Two batches, if the coordinator takes them.
            talk(&outbox.output());
            tokio::time::sleep(Duration::from_secs(2)).await;
            outbox.output().write(OutputStream::Err, "the last word");
            Ran::Ended(Ok(Completion::new(0.5)), Noted::default())
        })
    }
}

/// What is said of a trial that writes this.
async fn hear(talk: fn(&Output), writes: Writes) -> Said {
    let (said, stop) = (Arc::<Mutex<Said>>::default(), CancellationToken::new());
    let refusing = Refusing {
        report: |_| Ok(()),
        finish: |_| Ok(()),
        writes,
        takes_back: false,
        gives: 1,
        said: Arc::clone(&said),
        stop,
    };
    session(refusing, Arc::new(Talks(talk))).run(Duration::from_secs(9)).await.expect("in peace");
    std::mem::take(&mut *said.lock().unwrap())
}

/// The lines that were taken, with their numbers: those that come again count once.
fn taken(said: &Said) -> Vec<(u64, v1::OutputLine)> {
    let mut taken: Vec<(u64, v1::OutputLine)> = Vec::new();
    for request in &said.written {
        assert_eq!(request.claim, Some(claim(0)));
        for (number, line) in (request.first..).zip(&request.lines) {
            if number == taken.len() as u64 {
                taken.push((number, line.clone()));
            }
        }
    }
    taken
}

fn three(output: &Output) {
    for (number, stream) in
        [OutputStream::Out, OutputStream::Err, OutputStream::Log].into_iter().enumerate()
    {
        output.write(stream, &format!("line {number}\u{1b}[0m"));
    }
}

#[tokio::test]
async fn lines_are_sent_in_order_and_so_are_the_last() {
    use v1::OutputStream::{Log, Stderr, Stdout};
    let before = std::time::SystemTime::now();
    let said = hear(three, Writes::Taken).await;
    let lines = taken(&said);
    let told: Vec<_> = lines.iter().map(|(_, line)| (&*line.text, line.stream())).collect();
    let expected = [
        ("line 0\u{1b}[0m", Stdout),
        ("line 1\u{1b}[0m", Stderr),
        ("line 2\u{1b}[0m", Log),
        ("the last word", Stderr),
    ];
    assert_eq!(told, expected);
    assert_eq!(said.written.len(), 2, "lines are gathered");
    let time = |line: &v1::OutputLine| std::time::SystemTime::try_from(line.time.expect("a time"));
    let times: Vec<_> = lines.iter().map(|(_, line)| time(line).expect("a time")).collect();
    assert!(times.is_sorted() && times[0] >= before);
    assert_eq!(said.finishes.len(), 1);
}

#[tokio::test]
async fn what_a_busy_coordinator_turns_away_comes_again() {
    let said = hear(three, Writes::BusyFor(2)).await;
    assert_eq!(taken(&said).len(), 4);
    let firsts: Vec<_> = said.written.iter().map(|request| request.first).collect();
    assert_eq!(firsts[..3], [0, 0, 0]);
}

#[tokio::test]
async fn output_that_nobody_takes_holds_up_no_result_and_not_the_end() {
    let (hangs, busy) =
        tokio::join!(hear(three, Writes::Hangs), hear(three, Writes::BusyFor(u32::MAX)));
    assert_eq!((hangs.finishes.len(), hangs.written.len()), (1, 1));
    assert_eq!(busy.finishes.len(), 1);
    assert!(busy.written.iter().all(|request| request.first == 0 && request.lines.len() == 3));
}

#[tokio::test]
async fn a_coordinator_that_wants_no_output_is_not_asked_again() {
    for code in [tonic::Code::Unimplemented, tonic::Code::FailedPrecondition] {
        let said = hear(three, Writes::Refused(code)).await;
        assert_eq!((said.written.len(), said.finishes.len()), (1, 1));
    }
}

#[tokio::test]
async fn of_a_flood_what_does_not_fit_is_counted() {
    const LINES: u64 = 50_000;
    let flood: fn(&Output) = |output| {
        (0..LINES)
            .for_each(|n| output.write(OutputStream::Out, &format!("{n} {}", "x".repeat(90))));
    };
    let said = hear(flood, Writes::Taken).await;
    let lines = taken(&said);
    let sum = |of: fn(&v1::OutputLine) -> u64| lines.iter().map(|(_, line)| of(line)).sum::<u64>();
    assert_eq!(sum(|line| line.lines_left_out + 1), LINES + 1);
    let bytes = sum(|line| line.bytes_left_out + line.text.len() as u64);
    let all = (0..LINES).map(|n| n.to_string().len() as u64 + 91).sum::<u64>();
    assert_eq!(bytes, all + "the last word".len() as u64);
    assert!(sum(|line| line.text.len() as u64) < 300 << 10, "more than fits was kept");
    assert_eq!(&*lines.last().expect("some").1.text, "the last word");
    let sizes = said.written.iter().map(prost::Message::encoded_len);
    assert!(sizes.max().expect("some") <= limits::OUTPUT_BATCH);
}
