//! What is news to whoever is told.

use kindling_study::{
    Message, News, Notify, NotifyKind, Recipient, StudySpec, StudyState, Topic, TrialResult, Wall,
};

use crate::world::{World, complete, restored, spec};

fn recipient(on: &[Topic]) -> Recipient {
    Recipient::new(NotifyKind::Webhook, "https://example.org/secret", on).expect("an address")
}

fn world(trials: u32, most_failures: u32, on: &[Topic]) -> World {
    let notify = Some(Notify::Address(recipient(on)));
    World::of(StudySpec { notify, max_failures_in_a_row: most_failures, ..spec(trials) })
}

const ALL: [Topic; 3] = [Topic::Finished, Topic::Best, Topic::Failing];

impl World {
    fn runs(&mut self, result: TrialResult) {
        let claim = self.lease("w");
        self.finish(&claim, result).expect("it is its own");
    }

    fn fails(&mut self, times: u32) {
        for _ in 0..times {
            self.runs(TrialResult::Fail("out of memory".to_owned()));
        }
    }

    /// The recipient gets a message of the most important news.
    fn is_told(&mut self, on: &[Topic]) -> News {
        let news = self.study.news()[0];
        let last = Message { news, at: Wall(1), host: "example.org".into(), error: None };
        let events = self.study.note_told(&recipient(on), self.study.told_of(news, last));
        assert_eq!(events.len(), 1);
        self.apply(&events);
        let trials = self.study.trials().to_vec();
        assert_eq!(restored(&self.study, trials).news(), self.study.news(), "after a restart, too");
        news
    }
}

#[test]
fn a_new_best_is_news_until_it_was_told() {
    let mut world = world(9, 0, &ALL);
    assert_eq!(world.study.news(), []);
    for (value, is_better) in [(0.5, true), (0.25, false), (0.5, false), (0.75, true)] {
        world.runs(complete(value));
        assert_eq!(world.study.news(), if is_better { &[News::Best][..] } else { &[] }, "{value}");
        if is_better {
            world.is_told(&ALL);
        }
        assert_eq!(world.study.news(), []);
    }
}

#[test]
fn three_failures_in_a_row_are_news_once_until_a_trial_completes() {
    let mut world = world(99, 0, &ALL);
    world.fails(2);
    assert_eq!(world.study.news(), []);
    world.fails(1);
    assert_eq!(world.is_told(&ALL), News::Failing);
    world.fails(5);
    assert_eq!(world.study.news(), []);
    world.runs(TrialResult::Pruned);
    world.fails(3);
    assert_eq!(world.study.news(), [News::Failing]);
    world.runs(TrialResult::Pruned);
    assert_eq!(world.study.news(), [], "it does not hold any more");
    world.fails(3);
    assert_eq!(world.is_told(&ALL), News::Failing);
}

#[test]
fn the_end_is_news_and_says_everything() {
    let mut world = world(4, 0, &ALL);
    world.runs(complete(0.5));
    world.fails(3);
    assert_eq!(world.study.news(), [News::Finished, News::Failing, News::Best]);
    world.is_told(&ALL);
    assert_eq!(world.study.news(), []);
    world.change_budget(5).expect("more");
    assert_eq!(world.study.news(), []);
    world.runs(complete(0.25));
    assert_eq!(world.is_told(&ALL), News::Finished, "it finished again");
}

#[test]
fn a_pause_by_itself_is_news_each_time_and_that_of_a_person_is_none() {
    let mut world = world(99, 8, &ALL);
    world.change(StudyState::Paused);
    assert_eq!(world.study.news(), []);
    world.change(StudyState::Active);
    for _ in 0..2 {
        world.runs(TrialResult::Pruned);
        world.fails(8);
        assert_eq!(world.study.state(), StudyState::Paused);
        // Twice for the very same reason.
        assert_eq!(world.is_told(&ALL), News::Paused);
        world.change(StudyState::Active);
        assert_eq!(world.study.news(), []);
    }
}

#[test]
fn only_what_was_asked_for_is_told_and_the_default_is_the_end_and_failures() {
    assert_eq!(recipient(&[]).on(), [Topic::Finished, Topic::Failing]);
    let mut world = world(4, 0, &[Topic::Best]);
    world.runs(complete(0.5));
    world.fails(3);
    assert_eq!(world.study.news(), [News::Best]);
    assert_eq!(World::new(0).study.news(), [], "nobody is to be told");
}

#[test]
fn another_recipient_is_told_how_things_stand_and_the_one_before_counts_no_more() {
    let mut world = world(1, 0, &ALL);
    world.runs(complete(0.5));
    world.is_told(&ALL);
    let told = world.study.told().clone();
    assert_eq!(world.study.change_notify(Notify::Address(recipient(&ALL))), [], "the same one");
    let events = world.study.change_notify(Notify::Address(recipient(&[])));
    world.apply(&events);
    assert_eq!(world.study.news(), [News::Finished]);
    assert_eq!(world.study.note_told(&recipient(&ALL), told), [], "a message that was on its way");
    let events = world.study.change_notify(Notify::Nobody);
    world.apply(&events);
    assert_eq!(world.study.news(), []);
}

#[test]
fn what_is_printed_of_an_address_is_its_host() {
    for (url, shown) in [
        ("https://me:pw@Hooks.Slack.com/secret?a=secret", "https://hooks.slack.com/…"),
        ("http://[::1]:8080/secret", "http://[::1]:8080/…"),
        ("http://a\\@b/secret", "http://a/…"),
    ] {
        let recipient = Recipient::new(NotifyKind::Slack, url, &[]).expect("an address");
        assert_eq!(format!("{:?}", recipient.url()), shown);
        assert!(!format!("{recipient:?}").contains("secret"));
    }
    let long = format!("https://a.b/{}", "ä".repeat(900));
    for url in
        ["", "a", "https://", "file:///etc/passwd", "https://a b", "https://a.b/\n", long.as_str()]
    {
        let refused = Recipient::new(NotifyKind::Slack, url, &[]).expect_err(url);
        assert_eq!(refused.key, ["notify", "url"]);
    }
}
