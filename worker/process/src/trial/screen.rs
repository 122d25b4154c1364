//! Which lines of a process count as its output: of those that are drawn again and again, what they showed last.

use std::time::{Duration, Instant};

use kindling_worker::{Output, OutputStream};

use crate::ground::{Happened, Stream};

/// How often a line that is redrawn without end is shown as it is then.
const NOW_AND_THEN: Duration = Duration::from_secs(10);

/// Both streams of a trial's processes, as a terminal would show them.
#[derive(Default)]
pub(super) struct Screen {
    output: Output,
    streams: [Drawn; 2],
}

/// The line of a stream that is being redrawn.
#[derive(Default)]
struct Drawn {
    /// What it shows, if that was not told.
    shows: Option<String>,
    /// What was told of it.
    told: Option<String>,
    told_at: Option<Instant>,
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        Self { output, ..Self::default() }
    }

    pub(super) fn hear(&mut self, happened: &Happened, now: Instant) {
        match happened {
            Happened::Line(stream, line) => self.line(*stream, line),
            Happened::Redrawn(stream, line) => self.redrawn(*stream, line, now),
            Happened::Shows(line) => {
                let drawn = self.drawn(Stream::Out);
                drawn.shows = (!line.trim().is_empty()).then(|| line.clone());
                self.tell(Stream::Out);
            }
            Happened::Stays(stream) => self.ends(*stream),
            Happened::Exited(_) => {
                self.ends(Stream::Out);
                self.ends(Stream::Err);
            }
            Happened::OverMemory { .. } => {}
        }
    }

    /// A line is drawn over what was redrawn before. If it is empty, what was shown before stays.
    fn line(&mut self, stream: Stream, line: &str) {
        let drawn = self.drawn(stream);
        let was_drawn = drawn.shows.is_some() || drawn.told.is_some();
        if !was_drawn {
            return self.output.write(of(stream), line);
        }
        if !line.trim().is_empty() {
            drawn.shows = Some(line.to_owned());
        }
        self.ends(stream);
    }

    fn redrawn(&mut self, stream: Stream, line: &str, now: Instant) {
        let drawn = self.drawn(stream);
        // A bar that clears itself, or that begins with a return.
        if line.trim().is_empty() {
            return;
        }
        drawn.shows = Some(line.to_owned());
        let told_at = *drawn.told_at.get_or_insert(now);
        if now.duration_since(told_at) >= NOW_AND_THEN {
            drawn.told_at = Some(now);
            self.tell(stream);
        }
    }

    /// The line goes on no more.
    fn ends(&mut self, stream: Stream) {
        self.tell(stream);
        *self.drawn(stream) = Drawn::default();
    }

    /// Tells what the line shows, unless that was told.
    fn tell(&mut self, stream: Stream) {
        let drawn = self.drawn(stream);
        let Some(shows) = drawn.shows.take() else { return };
        if drawn.told.as_ref() != Some(&shows) {
            drawn.told = Some(shows.clone());
            self.output.write(of(stream), &shows);
        }
    }

    fn drawn(&mut self, stream: Stream) -> &mut Drawn {
        &mut self.streams[usize::from(stream == Stream::Err)]
    }
}

fn of(stream: Stream) -> OutputStream {
    match stream {
        Stream::Out => OutputStream::Out,
        Stream::Err => OutputStream::Err,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ground::Exit;

    /// What is kept of this. Each happens so many seconds after the first.
    fn kept(happened: &[(u64, Happened)]) -> Vec<String> {
        let (kept, now) = (Arc::<Mutex<Vec<String>>>::default(), Instant::now());
        let heard = Arc::clone(&kept);
        let output = Output::new(move |stream, text| {
            heard.lock().unwrap().push(format!("{stream:?} {text}"));
        });
        let mut screen = Screen::new(output);
        for (after, happened) in happened {
            screen.hear(happened, now + Duration::from_secs(*after));
        }
        kept.lock().unwrap().clone()
    }

    fn line(text: &str) -> (u64, Happened) {
        (0, Happened::Line(Stream::Out, text.to_owned()))
    }

    fn drawn(text: &str) -> (u64, Happened) {
        (0, Happened::Redrawn(Stream::Out, text.to_owned()))
    }

    fn exited() -> (u64, Happened) {
        (0, Happened::Exited(Exit::Status(0)))
    }

    #[test]
    fn every_line_counts_empty_ones_too() {
        let error = (0, Happened::Line(Stream::Err, "c".to_owned()));
        let all = [line("a"), line(""), line("a"), error, exited()];
        assert_eq!(kept(&all), ["Out a", "Out ", "Out a", "Err c"]);
    }

    #[test]
    fn a_line_that_is_redrawn_is_kept_once_as_it_was_last() {
        let bar = [drawn(""), drawn("1%"), drawn("50%"), line("100%"), line("done")];
        assert_eq!(kept(&bar), ["Out 100%", "Out done"]);
        assert_eq!(kept(&[drawn("1%"), drawn("99%"), exited()]), ["Out 99%"]);
        assert_eq!(kept(&[drawn("99%"), drawn("  "), line(""), line("x")]), ["Out 99%", "Out x"]);
        let stays = [drawn("1%"), drawn("2%"), (0, Happened::Stays(Stream::Out)), line("x")];
        assert_eq!(kept(&stays), ["Out 2%", "Out x"]);
    }

    #[test]
    fn a_state_that_stands_is_kept_when_it_does_and_not_again() {
        let shows = |text: &str| (1, Happened::Shows(text.to_owned()));
        let all = [drawn("1%"), shows("2%"), drawn("2%"), drawn("3%"), line("3%"), exited()];
        assert_eq!(kept(&all), ["Out 2%", "Out 3%"]);
        assert_eq!(kept(&[drawn("1%"), shows("2%"), line("2%"), exited()]), ["Out 2%"]);
    }

    #[test]
    fn of_a_bar_that_never_rests_its_state_is_kept_now_and_then() {
        let bar = |second: u64| (second, Happened::Redrawn(Stream::Err, format!("{second} s")));
        let all: Vec<_> = (0..25).map(bar).chain([exited()]).collect();
        assert_eq!(kept(&all), ["Err 10 s", "Err 20 s", "Err 24 s"]);
    }
}
