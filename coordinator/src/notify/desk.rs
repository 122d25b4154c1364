//! What is being sent, what has to wait, and what is not recorded yet. Of each study one message at a time.

use std::collections::HashMap;
use std::time::Duration;

use kindling_study::{Message, News, Notify, Recipient, Study, StudyId, StudyName, Told};
use tokio::time::Instant;

use super::Pace;
use super::letter::Letter;
use crate::state::State;

/// Far away, if nothing waits.
const LATER: Duration = Duration::from_hours(1);

pub(super) struct Desk {
    pace: Pace,
    /// Of studies that have somebody to tell, and something is going on.
    studies: HashMap<StudyId, Progress>,
}

/// How far a study's messages are.
#[derive(Default)]
struct Progress {
    recipient: Option<Recipient>,
    is_sending: bool,
    /// What is tried, how often that failed, and when the next try may be.
    trying: Option<News>,
    failed: u32,
    next: Option<Instant>,
    /// When the newest message of each kind was delivered or given up.
    said: Vec<(News, Instant)>,
    unrecorded: Option<Settled>,
}

/// A message that is to be sent.
pub(super) struct Due {
    pub(super) study: StudyId,
    pub(super) name: StudyName,
    pub(super) news: News,
    pub(super) recipient: Recipient,
    /// What is known there once it is delivered.
    pub(super) told: Told,
}

/// What is known there, after a message was delivered or given up.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) study: StudyId,
    pub(super) recipient: Recipient,
    pub(super) told: Told,
}

/// What is to be done now.
#[derive(Default)]
pub(super) struct ToDo {
    pub(super) letters: Vec<(Due, Letter)>,
    pub(super) unrecorded: Vec<Settled>,
}

impl Desk {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, studies: HashMap::new() }
    }

    /// What is to be done now, with at most so many messages. They count as being sent from now on.
    pub(super) fn due(&mut self, state: &State, now: Instant, free: usize) -> ToDo {
        let registry = state.registry();
        self.studies.retain(|id, _| registry.get(*id).is_ok());
        let mut due = ToDo::default();
        for (id, study) in registry.iter() {
            let Some(Notify::Address(recipient)) = study.notify() else { continue };
            if let Some(settled) = self.studies.get(&id).and_then(|p| p.unrecorded.clone()) {
                due.unrecorded.push(settled);
                continue;
            }
            let news = study.news();
            if news.is_empty() || due.letters.len() >= free {
                continue;
            }
            let progress = self.studies.entry(id).or_default();
            progress.turn_to(recipient);
            let Some(news) = progress.choose(&news, now, self.pace) else { continue };
            progress.is_sending = true;
            due.letters.push(letter(id, study, recipient, news, state.now().1));
        }
        due
    }

    /// The try failed. Returns how long to wait for the next one, unless it was the last.
    pub(super) fn put_off(&mut self, due: &Due, now: Instant) -> Option<Duration> {
        let Some(progress) = self.studies.get_mut(&due.study) else { return Some(LATER) };
        progress.is_sending = false;
        progress.failed += 1;
        if progress.failed >= self.pace.tries {
            return None;
        }
        let doubled = self.pace.first.saturating_mul(1 << (progress.failed - 1).min(16));
        let wait = doubled.min(self.pace.longest);
        progress.next = Some(now + wait);
        Some(wait)
    }

    /// The message was delivered or given up.
    pub(super) fn settled(&mut self, settled: Settled, news: News, now: Instant) {
        let progress = self.studies.entry(settled.study).or_default();
        (progress.is_sending, progress.trying, progress.failed) = (false, None, 0);
        progress.next = None;
        progress.said.retain(|(other, _)| *other != news);
        progress.said.push((news, now));
        progress.unrecorded = Some(settled);
    }

    /// It is in the store, or is not needed there any more.
    pub(super) fn recorded(&mut self, study: StudyId) {
        if let Some(progress) = self.studies.get_mut(&study) {
            progress.unrecorded = None;
        }
    }

    /// When to look again after that time, even if nothing happens.
    pub(super) fn next(&self, looked_at: Instant) -> Instant {
        let waits = self.studies.values().flat_map(|progress| {
            let same = progress.said.iter().map(|(_, at)| *at + self.pace.same);
            let unrecorded = progress.unrecorded.as_ref().map(|_| looked_at + self.pace.look);
            same.chain(progress.next).chain(unrecorded).filter(|at| *at > looked_at)
        });
        waits.min().unwrap_or(looked_at + LATER)
    }

    /// Nothing is put off any more, and everything gets one try: the coordinator is to stop.
    pub(super) fn hurry(&mut self) {
        self.pace = Pace { same: Duration::ZERO, first: LATER, longest: LATER, ..self.pace };
        self.studies.values_mut().for_each(|progress| progress.next = None);
    }
}

impl Progress {
    /// What was tried for another recipient counts no more.
    fn turn_to(&mut self, recipient: &Recipient) {
        if self.recipient.as_ref() != Some(recipient) && !self.is_sending {
            *self = Self { recipient: Some(recipient.clone()), ..Self::default() };
        }
    }

    /// Which of the news is to be sent now, if any.
    fn choose(&mut self, news: &[News], now: Instant, pace: Pace) -> Option<News> {
        if self.is_sending {
            return None;
        }
        let was_said = |news: News| {
            self.said.iter().any(|(other, at)| *other == news && now < *at + pace.same)
        };
        let chosen = news.iter().copied().find(|news| !was_said(*news))?;
        // What is more important than what failed begins anew, but not at once.
        if self.trying.is_some_and(|trying| rank(chosen) < rank(trying)) {
            self.failed = 0;
            self.next = self.next.map(|next| next.min(now + pace.first));
        }
        self.trying = Some(chosen);
        self.next.is_none_or(|next| next <= now).then_some(chosen)
    }
}

/// The smaller, the more important.
fn rank(news: News) -> usize {
    match news {
        News::Finished | News::Paused => 0,
        News::Failing => 1,
        News::Best => 2,
    }
}

fn letter(
    id: StudyId,
    study: &Study,
    recipient: &Recipient,
    news: News,
    at: kindling_study::Wall,
) -> (Due, Letter) {
    let host = recipient.url().host().into();
    let told = study.told_of(news, Message { news, at, host, error: None });
    let (name, recipient) = (study.spec().name.clone(), recipient.clone());
    (Due { study: id, name, news, recipient, told }, Letter::about(study, id, news, at))
}
