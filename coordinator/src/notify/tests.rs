//! Messages to a real server on this machine, which answers as it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kindling_study::{Attributes, Claim, News, Notify, StudyId, StudyState, TrialResult, WorkerId};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::SystemClock;
use crate::state::{State, StudyClaim};
use crate::store::{SqliteStore, StoreError};
use crate::transaction::{Leased, Transaction, Wanted};
use crate::workers::WorkerInfo;

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// As today's, but quick.
const QUICK: Pace = Pace {
    look: Duration::from_millis(5),
    same: Duration::from_millis(1),
    first: Duration::from_millis(20),
    longest: Duration::from_millis(40),
    tries: 4,
    beside: 4,
    patience: Duration::from_secs(10),
    last: Duration::from_secs(4),
};

/// What the server does with a call.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Status(u16),
    /// To a place that takes everything.
    Redirect,
    /// Ever more bytes.
    Endless,
    Never,
}

/// A call that the server got.
#[derive(Debug, Clone)]
struct Call {
    path: String,
    headers: HashMap<String, String>,
    body: String,
}

#[derive(Default)]
struct Script {
    /// The next answers; after the last one, 200.
    answers: Mutex<Vec<Answer>>,
    calls: Mutex<Vec<Call>>,
    elsewhere: AtomicUsize,
}

struct Server {
    address: SocketAddr,
    script: Arc<Script>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(answers: &[Answer]) -> Self {
        Self::start_at("127.0.0.1:0", answers).await
    }

    async fn start_at(address: &str, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut answers = answers.to_vec();
        answers.reverse();
        let script = Arc::new(Script { answers: Mutex::new(answers), ..Script::default() });
        let shared = script.clone();
        let serving = tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                open.spawn(answer(stream, shared.clone()));
            }
        });
        Self { address, script, serving }
    }

    fn calls(&self) -> Vec<Call> {
        self.script.calls.lock().expect("sound").clone()
    }

    /// What the calls told, by their JSON.
    fn events(&self) -> Vec<String> {
        let event = |call: &Call| {
            let body: Value = serde_json::from_str(&call.body).expect("JSON");
            body["event"].as_str().expect("a word").to_owned()
        };
        self.calls().iter().map(event).collect()
    }
}

/// Reads one call and answers it.
async fn answer(mut stream: TcpStream, script: Arc<Script>) {
    let Some(call) = read_call(&mut stream).await else { return };
    if call.path == "/elsewhere" {
        script.elsewhere.fetch_add(1, Ordering::Relaxed);
    } else {
        script.calls.lock().expect("sound").push(call);
    }
    let next = script.answers.lock().expect("sound").pop();
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} -\r\n{more}\r\n");
    let (head, is_endless) = match next.unwrap_or(Answer::Status(200)) {
        Answer::Status(status) => (head(status, "content-length: 2\r\n") + "no", false),
        Answer::Redirect => (head(307, "location: /elsewhere\r\ncontent-length: 0\r\n"), false),
        Answer::Endless => (head(200, "content-length: 999999999999\r\n"), true),
        Answer::Never => std::future::pending().await,
    };
    // Whoever asked may have left.
    let mut sent = stream.write_all(head.as_bytes()).await;
    while is_endless && sent.is_ok() {
        sent = stream.write_all(&vec![b'x'; 1 << 16]).await;
    }
}

async fn read_call(stream: &mut TcpStream) -> Option<Call> {
    let (mut got, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        got.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&got).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        if headers.get("content-length")?.parse() == Ok(body.len()) {
            return Some(Call { path, headers, body: body.to_owned() });
        }
    }
}

/// A coordinator without its socket.
struct Bench {
    folder: TempDir,
    ledger: Ledger,
    /// Ends with the store.
    failed: oneshot::Receiver<StoreError>,
    stop: CancellationToken,
    telling: JoinHandle<()>,
}

impl Bench {
    /// With one study, which tells this address of everything.
    async fn new(kind: &str, url: &str) -> Self {
        Self::at(QUICK, kind, url).await
    }

    async fn at(pace: Pace, kind: &str, url: &str) -> Self {
        let bench = Self::open(tempfile::tempdir().expect("a folder"), pace, Reach::Any);
        bench.create(kind, url).await;
        bench
    }

    fn open(folder: TempDir, pace: Pace, reach: Reach) -> Self {
        Self::linking(folder, pace, reach, None)
    }

    /// Its messages link to this page.
    fn linking(folder: TempDir, pace: Pace, reach: Reach, url: Option<PageUrl>) -> Self {
        let store = SqliteStore::open(&folder.path().join("study.db")).expect("a store");
        let clock = Arc::new(SystemClock::default());
        let (ledger, failed) = Ledger::start(store, clock, PATIENCE).expect("started");
        let stop = CancellationToken::new();
        let notifier = Notifier::at(pace, ledger.clone(), reach, url).expect("a client");
        let telling = tokio::spawn(notifier.run(stop.clone()));
        Self { folder, ledger, failed, stop, telling }
    }

    async fn create(&self, kind: &str, url: &str) {
        let spec = crate::config::parse(&format!(
            "name = \"s\"\ndirection = \"minimize\"\ntrials = 9\nmax_failures_in_a_row = 5\n\
             notify = {{ kind = \"{kind}\", url = \"{url}\", on = [\"finished\", \"best\", \"failing\"] }}\n\
             [objective]\nkind = \"test\"\n[space.x]\ntype = \"float\"\nlow = 0\nhigh = 1\n"
        ));
        let spec = spec.expect("valid");
        self.write(move |t| t.create_study(spec)).await;
    }

    async fn write<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Transaction<'_>) -> Result<R, Refusal> + Send + 'static,
    ) -> R {
        self.ledger.write(Class::End, decide).await.expect("decided")
    }

    /// Runs one trial.
    async fn trial(&self, result: TrialResult) {
        self.write(move |transaction| {
            let worker = WorkerId::new("w").expect("an id");
            let wanted = Wanted { objectives: vec!["test".to_owned()], ..Wanted::default() };
            transaction
                .admit(&worker, WorkerInfo::default(), &wanted.objectives, true)
                .expect("let in");
            let mut claim = None;
            let give = |state: &State, Leased { study, number, .. }: Leased| {
                let trial =
                    state.registry().get(study).expect("it is there").get(number).expect("leased");
                let (attempt, mark) = (trial.attempt, trial.mark);
                let held = Claim { number, attempt, worker: worker.clone(), mark };
                claim = Some(StudyClaim { study, claim: held, history: None });
                true
            };
            transaction.lease(&worker, 0, 1, &wanted, &[], give);
            let claim = claim.expect("a trial");
            transaction.finish(&claim, result, &[], Attributes::default())
        })
        .await;
    }

    async fn completes(&self, value: f64) {
        self.trial(TrialResult::Complete(value.into())).await;
    }

    async fn fails(&self) {
        self.trial(TrialResult::Fail("out of memory".to_owned())).await;
    }

    async fn budget(&self, trials: u32) {
        self.write(move |t| t.change_state("s", StudyState::Active, Some(trials), None)).await;
    }

    async fn told(&self) -> Told {
        let look =
            |state: &State| state.registry().get(StudyId(1)).expect("a study").told().clone();
        self.ledger.look_after_write(look).await.expect("looked")
    }

    /// Waits until the newest message is recorded as this, delivered or not.
    async fn until(&self, news: News, is_delivered: bool) -> Told {
        until(async || {
            let told = self.told().await;
            let last = told.last.as_ref();
            last.is_some_and(|last| last.news == news && last.error.is_none() == is_delivered)
                .then_some(told)
        })
        .await
    }

    /// Ends it as a crash does: nothing more is sent or recorded.
    async fn crash(self) -> TempDir {
        self.telling.abort();
        _ = self.telling.await;
        self.ledger.end().await;
        assert!(self.failed.await.is_err(), "it was closed");
        self.folder
    }
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it happens")
}

#[tokio::test]
async fn a_study_tells_of_its_best_its_failures_and_its_end() {
    let server = Server::start(&[]).await;
    let bench =
        Bench::new("webhook", &format!("http://{}/hook?token=secret", server.address)).await;
    bench.completes(0.5).await;
    bench.until(News::Best, true).await;
    bench.completes(0.75).await;
    for _ in 0..3 {
        bench.fails().await;
    }
    bench.until(News::Failing, true).await;
    bench.completes(0.25).await;
    bench.until(News::Best, true).await;
    bench.budget(7).await;
    bench.completes(0.9).await;
    let told = bench.until(News::Finished, true).await;
    assert_eq!(told.last.map(|last| last.host), Some(server.address.to_string().into()));
    assert_eq!(server.events(), ["best", "failing", "best", "finished"]);

    let calls = server.calls();
    assert!(calls.iter().all(|call| call.path == "/hook?token=secret"));
    let failing: Value = serde_json::from_str(&calls[1].body).expect("JSON");
    assert_eq!(failing["reason"], "out of memory");
    assert_eq!(failing["title"], "s: 3 trials failed in a row");
    let end: Value = serde_json::from_str(&calls[3].body).expect("JSON");
    assert_eq!((&end["version"], &end["study"]), (&1.into(), &"s".into()));
    assert_eq!(end["id"], "1-finished-7");
    assert_eq!(end["best"]["trial"], 5);
    assert_eq!(end["best"]["values"]["value"], 0.25);
    assert!(end["best"]["params"]["x"].is_f64());
    let trials = serde_json::json!({ "budget": 7, "waiting": 0, "running": 0, "complete": 4, "pruned": 0, "fail": 3 });
    assert_eq!(end["trials"], trials);
    assert!(end["text"].as_str().expect("text").starts_with("Best: value 0.25 in trial 5: x "));
    assert_eq!(end.get("url"), None, "nobody said where the page is");
}

#[tokio::test]
async fn messages_link_to_the_study_or_to_the_trial_that_they_are_about() {
    let server = Server::start(&[]).await;
    let page = PageUrl::parse("https://kindling.example").expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::linking(folder, QUICK, Reach::Any, Some(page));
    bench.create("webhook", &format!("http://{}/", server.address)).await;
    bench.completes(0.5).await;
    bench.until(News::Best, true).await;
    for _ in 0..3 {
        bench.fails().await;
    }
    bench.until(News::Failing, true).await;
    bench.budget(5).await;
    bench.completes(0.75).await;
    bench.until(News::Finished, true).await;
    let calls = server.calls();
    let url = |call: &Call| serde_json::from_str::<Value>(&call.body).expect("JSON")["url"].clone();
    let study = "https://kindling.example/studies/s";
    let links = [format!("{study}/trials/0"), format!("{study}/trials/3"), study.to_owned()];
    assert_eq!(server.events(), ["best", "failing", "finished"]);
    assert_eq!(calls.iter().map(url).collect::<Vec<_>>(), links);
}

#[tokio::test]
async fn ntfy_and_slack_get_their_own_forms() {
    let server = Server::start(&[]).await;
    let bench = Bench::new("ntfy", &format!("http://user:pass@{}/topic", server.address)).await;
    // Without any success, three failures would pause it.
    bench.trial(TrialResult::Pruned).await;
    for _ in 0..3 {
        bench.fails().await;
    }
    bench.until(News::Failing, true).await;
    let slack = Notify::Address(
        Recipient::new(
            kindling_study::NotifyKind::Slack,
            &format!("http://{}/services/T0/B0/secret", server.address),
            &[],
        )
        .expect("an address"),
    );
    bench
        .write(move |t| {
            let mut spec = t.state().registry().get(StudyId(1))?.spec().clone();
            spec.notify = Some(slack);
            t.create_study(spec)
        })
        .await;
    // Another recipient is told how things stand.
    until(async || (server.calls().len() == 2).then_some(())).await;
    let calls = server.calls();
    let header = |name: &str| calls[0].headers[name].clone();
    assert_eq!(header("title"), "s: 3 trials failed in a row");
    assert_eq!((header("tags"), header("priority")), ("warning".into(), "high".into()));
    assert_eq!(header("authorization"), "Basic dXNlcjpwYXNz");
    assert_eq!(calls[0].body, "out of memory\n1 pruned, 3 failed; 9 trials to finish");
    let slack: Value = serde_json::from_str(&calls[1].body).expect("JSON");
    let text =
        "*s: 3 trials failed in a row*\nout of memory\n1 pruned, 3 failed; 9 trials to finish";
    assert_eq!(slack, serde_json::json!({ "text": text }));
    assert!(!calls[0].headers.contains_key("click"), "nobody said where the page is");
}

#[tokio::test]
async fn a_click_on_a_message_of_ntfy_or_slack_leads_to_the_page() {
    let server = Server::start(&[]).await;
    let page = PageUrl::parse("https://kindling.example:8443").expect("an address");
    for kind in [kindling_study::NotifyKind::Ntfy, kindling_study::NotifyKind::Slack] {
        let url = format!("http://{}/", server.address);
        let recipient = Recipient::new(kind, &url, &[]).expect("valid");
        // No path can have the second name.
        for name in ["größe", ".."] {
            assert_eq!(send_test(name, &recipient, Some(page.clone())).await, Ok(()));
        }
    }
    let calls = server.calls();
    let clicks: Vec<_> = calls[..2].iter().map(|call| call.headers["click"].as_str()).collect();
    let links = ["/studies/gr%C3%B6%C3%9Fe", "/study?name=.."];
    let links = links.map(|path| format!("https://kindling.example:8443{path}"));
    assert_eq!(clicks, links);
    for (call, link) in calls[2..].iter().zip(&links) {
        let told: Value = serde_json::from_str(&call.body).expect("JSON");
        let text = told["text"].as_str().expect("text");
        assert!(text.ends_with(&format!("\nMessages about this study will come here.\n<{link}>")));
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_given_up() {
    use Answer::{Endless, Redirect, Status};
    for (answers, error, calls) in [
        (&[Status(500), Status(200)][..], None, 2),
        (&[Status(429), Status(503), Status(204)][..], None, 3),
        (&[Endless][..], None, 1),
        (&[Status(404)][..], Some("it answered 404 Not Found"), 1),
        (
            &[Redirect][..],
            Some("it answered 307 Temporary Redirect; redirects are not followed"),
            1,
        ),
        (&[Status(500); 9][..], Some("it answered 500 Internal Server Error"), 4),
    ] {
        let server = Server::start(answers).await;
        let bench = Bench::new("webhook", &format!("http://{}/", server.address)).await;
        bench.completes(0.5).await;
        let told = bench.until(News::Best, error.is_none()).await;
        let found = told.last.and_then(|last| last.error);
        assert!(found.as_deref().unwrap_or("").starts_with(error.unwrap_or("")), "{found:?}");
        assert_eq!(server.calls().len(), calls, "{answers:?}");
        assert_eq!(server.script.elsewhere.load(Ordering::Relaxed), 0, "{answers:?}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_errors_that_say_so_and_hold_nobody_up() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("one");
    let server = Server::start(&[Answer::Never; 9]).await;
    let pace = Pace { patience: Duration::from_millis(50), ..QUICK };
    for (address, error) in [
        (gone.to_string(), "it cannot be reached: Connection refused (os error 111)"),
        (server.address.to_string(), "no answer within 0.05 s"),
    ] {
        let bench = Bench::at(pace, "webhook", &format!("http://{address}/secret")).await;
        bench.completes(0.5).await;
        // The ledger goes on meanwhile.
        bench.completes(0.25).await;
        let told = bench.until(News::Best, false).await;
        let found = told.last.and_then(|last| last.error).expect("an error");
        assert!(found.starts_with(error) && !found.contains("secret"), "{found}");
    }
}

#[tokio::test]
async fn a_restart_loses_no_message_and_repeats_none() {
    let server = Server::start(&[Answer::Never]).await;
    let bench = Bench::new("webhook", &format!("http://{}/", server.address)).await;
    bench.budget(1).await;
    bench.completes(0.5).await;
    // The message of the end is on its way as everything dies.
    until(async || (!server.calls().is_empty()).then_some(())).await;
    let folder = bench.crash().await;

    let bench = Bench::open(folder, QUICK, Reach::Any);
    bench.until(News::Finished, true).await;
    assert_eq!(server.events(), ["finished", "finished"]);
    let ids = |calls: &[Call]| -> Vec<_> {
        calls
            .iter()
            .map(|call| serde_json::from_str::<Value>(&call.body).expect("JSON")["id"].clone())
            .collect()
    };
    let ids = ids(&server.calls());
    assert_eq!(ids[0], ids[1], "whoever got it twice can tell");
    let folder = bench.crash().await;

    let bench = Bench::open(folder, QUICK, Reach::Any);
    // Something else is told, so there was time enough to tell the end again.
    bench.budget(3).await;
    bench.completes(0.25).await;
    bench.until(News::Best, true).await;
    assert_eq!(server.events(), ["finished", "finished", "best"]);
    bench.completes(0.75).await;
    bench.until(News::Finished, true).await;
}

#[tokio::test]
async fn a_server_that_comes_back_gets_what_holds_by_then() {
    let server = Server::start(&[]).await;
    let address = server.address;
    server.serving.abort();
    _ = server.serving.await;
    let pace = Pace { tries: 1_000_000, ..QUICK };
    let bench = Bench::at(pace, "webhook", &format!("http://{address}/")).await;
    for value in [0.5, 0.25, 0.125] {
        bench.completes(value).await;
    }
    let server = Server::start_at(&address.to_string(), &[]).await;
    bench.until(News::Best, true).await;
    assert_eq!(server.events(), ["best"], "one message for three");
    let told: Value = serde_json::from_str(&server.calls()[0].body).expect("JSON");
    assert_eq!(told["best"]["values"]["value"], 0.125);
}

#[tokio::test]
async fn of_a_kind_there_is_one_message_in_a_while_with_the_newest() {
    let server = Server::start(&[]).await;
    let pace = Pace { same: Duration::from_secs(1), ..QUICK };
    let bench = Bench::at(pace, "webhook", &format!("http://{}/", server.address)).await;
    let begun = Instant::now();
    bench.completes(0.5).await;
    bench.until(News::Best, true).await;
    for value in [0.25, 0.125, 0.0625] {
        bench.completes(value).await;
    }
    until(async || (server.calls().len() == 2).then_some(())).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let told: Value = serde_json::from_str(&server.calls()[1].body).expect("JSON");
    assert_eq!(told["best"]["values"]["value"], 0.0625);
}

#[tokio::test]
async fn a_study_that_pauses_itself_says_why_each_time() {
    let server = Server::start(&[]).await;
    let bench = Bench::new("webhook", &format!("http://{}/", server.address)).await;
    for _ in 0..3 {
        bench.fails().await;
    }
    bench.until(News::Paused, true).await;
    let told = bench.told().await;
    assert!(matches!(told.end, Some(kindling_study::End::Paused(_))));
    bench.budget(30).await;
    assert_eq!(bench.told().await.end, None, "it goes on, so the next pause is news");
    bench.completes(0.5).await;
    bench.until(News::Best, true).await;
    let paused: Value = serde_json::from_str(&server.calls()[0].body).expect("JSON");
    assert_eq!(paused["reason"], "3 trials failed in a row, the last one: out of memory");
    assert_eq!(server.events(), ["paused", "best"], "the pause says that trials fail, too");
}

#[tokio::test]
async fn where_a_coordinator_may_not_send_nothing_arrives() {
    let server = Server::start(&[]).await;
    let port = server.address.port();
    for (reach, host, error) in [
        (Reach::Network, "127.0.0.1", "this coordinator may not send there (--notify network)"),
        (Reach::Network, "localhost", "this coordinator may not send there (--notify network)"),
        (Reach::Network, "0x7f000001", "this coordinator may not send there (--notify network)"),
        (
            Reach::Public,
            "[::ffff:127.0.0.1]",
            "this coordinator may not send there (--notify public)",
        ),
        (Reach::Off, "localhost", "this coordinator sends no messages (--notify off)"),
    ] {
        let bench = Bench::open(tempfile::tempdir().expect("a folder"), QUICK, reach);
        bench.create("webhook", &format!("http://{host}:{port}/")).await;
        bench.completes(0.5).await;
        let told = bench.until(News::Best, false).await;
        assert_eq!(told.last.and_then(|last| last.error).as_deref(), Some(error), "{host}");
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn what_is_new_when_a_coordinator_stops_is_still_told() {
    let server = Server::start(&[]).await;
    // It would not look again for an hour.
    let pace = Pace { look: Duration::from_hours(1), ..QUICK };
    let bench = Bench::at(pace, "webhook", &format!("http://{}/", server.address)).await;
    bench.budget(1).await;
    bench.completes(0.5).await;
    bench.stop.cancel();
    bench.telling.await.expect("it ends");
    assert_eq!(server.events(), ["finished"]);
    let look =
        |state: &State| state.registry().get(StudyId(1)).expect("a study").told().end.is_some();
    assert!(bench.ledger.look_after_write(look).await.expect("looked"), "and that is recorded");
}

#[tokio::test]
async fn a_test_message_says_that_it_is_one() {
    let server = Server::start(&[Answer::Status(200), Answer::Status(403)]).await;
    let url = format!("http://{}/", server.address);
    let recipient = Recipient::new(kindling_study::NotifyKind::Webhook, &url, &[]).expect("valid");
    assert_eq!(send_test("lr", &recipient, None).await, Ok(()));
    assert_eq!(server.events(), ["test"]);
    let refused = send_test("lr", &recipient, None).await;
    assert_eq!(refused, Err("it answered 403 Forbidden".to_owned()));
}
