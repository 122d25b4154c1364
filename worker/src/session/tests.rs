//! A session with a coordinator that refuses selected calls.

mod direct;
mod files;
mod keeps;
mod output;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use kindling_proto::attributes::LEFT_OUT;
use kindling_proto::v1;
use kindling_proto::v1::finish_request::Result as WireResult;
use kindling_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceExt;

use self::output::Writes;
use super::*;
use crate::lease::{End, Finish};
use crate::objective::Completion;
use crate::trial::TrialError;
use crate::values::{Intermediate, Values};

type Reply<T> = Result<Response<T>, Status>;
/// The coordinator's answer to a call.
type Answer<T> = fn(&T) -> Result<(), Status>;

/// Leases out a trial with each of the first lease calls, always the same, and ends the session at the next, whose
/// answer never comes. It held another trial, as the last call is told.
#[derive(Clone)]
struct Refusing {
    report: Answer<v1::ReportRequest>,
    finish: Answer<v1::FinishRequest>,
    writes: Writes,
    /// Whether it revokes every lease named in a heartbeat.
    takes_back: bool,
    /// How many lease calls are answered.
    gives: u32,
    said: Arc<Mutex<Said>>,
    stop: CancellationToken,
}

/// What the worker sent.
#[derive(Default)]
struct Said {
    leases: u32,
    reports: Vec<(u64, f64)>,
    others: Vec<v1::ObjectiveValue>,
    finishes: Vec<v1::FinishRequest>,
    /// Each call with output, those that were not taken included.
    written: Vec<v1::WriteRequest>,
    releases: Vec<v1::Claim>,
    /// With each release.
    reasons: Vec<String>,
    /// The studies of which each lease call wants no trials.
    without: Vec<Vec<i64>>,
}

#[tonic::async_trait]
impl WorkerService for Refusing {
    type HeartbeatStream =
        Pin<Box<dyn Stream<Item = Result<v1::HeartbeatResponse, Status>> + Send>>;
    type LoadStream = Pin<Box<dyn Stream<Item = Result<v1::LoadResponse, Status>> + Send>>;

    async fn save(&self, _: Request<Streaming<v1::SaveRequest>>) -> Reply<v1::SaveResponse> {
        Err(Status::unimplemented("no files here"))
    }

    async fn load(&self, _: Request<v1::LoadRequest>) -> Reply<Self::LoadStream> {
        Err(Status::unimplemented("no files here"))
    }

    async fn write(&self, request: Request<v1::WriteRequest>) -> Reply<v1::WriteResponse> {
        let calls = {
            let mut said = self.said.lock().unwrap();
            said.written.push(request.into_inner());
            said.written.len() as u32
        };
        self.writes.answer(calls).await?;
        Ok(Response::new(v1::WriteResponse {}))
    }

    async fn lease(&self, request: Request<v1::LeaseRequest>) -> Reply<v1::LeaseResponse> {
        let request = request.into_inner();
        if request.objectives.is_empty() {
            let assignment = v1::Assignment { claim: Some(claim(MISSED)), ..Default::default() };
            return Ok(Response::new(v1::LeaseResponse { assignments: vec![assignment] }));
        }
        let leases = {
            let mut said = self.said.lock().unwrap();
            said.leases += 1;
            said.without.push(request.without_studies);
            said.leases
        };
        if leases > self.gives {
            self.stop.cancel();
            std::future::pending::<()>().await;
        }
        let assignment = v1::Assignment { claim: Some(claim(0)), ..Default::default() };
        Ok(Response::new(v1::LeaseResponse { assignments: vec![assignment] }))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Reply<v1::ReportResponse> {
        let report = request.into_inner();
        {
            let mut said = self.said.lock().unwrap();
            said.reports.push((report.step, report.value));
            said.others.extend(report.others.clone());
        }
        (self.report)(&report)?;
        Ok(Response::new(v1::ReportResponse { verdict: v1::Verdict::Continue.into() }))
    }

    async fn finish(&self, request: Request<v1::FinishRequest>) -> Reply<v1::FinishResponse> {
        let finish = request.into_inner();
        self.said.lock().unwrap().finishes.push(finish.clone());
        (self.finish)(&finish)?;
        Ok(Response::new(v1::FinishResponse {}))
    }

    async fn release(&self, request: Request<v1::ReleaseRequest>) -> Reply<v1::ReleaseResponse> {
        let v1::ReleaseRequest { claim, reason } = request.into_inner();
        let mut said = self.said.lock().unwrap();
        said.releases.extend(claim);
        said.reasons.push(reason);
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<Streaming<v1::HeartbeatRequest>>,
    ) -> Reply<Self::HeartbeatStream> {
        let takes_back = self.takes_back;
        let answers = request.into_inner().map(move |beat| {
            let lost = if takes_back { beat?.holding } else { vec![] };
            Ok(v1::HeartbeatResponse { lost, interval: None })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Reports these values, unless it is told to stop, and completes.
struct Reports(&'static [(u64, f64)]);

impl Training for Reports {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(
        &self,
        _: Assignment,
        mut outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let reports = self.0;
        Box::pin(async move {
            for (step, value) in reports {
                if outbox.report(*step, *value).await.is_err() {
                    return Ran::Ended(Err(TrialError::Stopped), Noted::default());
                }
            }
            Ran::Ended(Ok(Completion::new(0.5).with("a", 1)), Noted::default())
        })
    }
}

/// The trial that was leased by the call without an answer.
const MISSED: u32 = 7;

#[tokio::test]
async fn what_was_leased_as_the_worker_was_told_to_stop_is_handed_back() {
    let said = meet(&[], |_| Ok(()), |_| Ok(()), None).await;
    assert_eq!(said.releases, [claim(MISSED)]);
    assert_eq!(said.finishes.len(), 1, "the other trial was finished");
}

fn claim(trial: u32) -> v1::Claim {
    let (mark, history) = (vec![1; 16], vec![2; 16]);
    v1::Claim { study_id: 1, trial, attempt: 1, worker_id: "w".to_owned(), mark, history }
}

/// Runs a session with this coordinator to its end, with a folder as its spool.
async fn meet(
    reports: &'static [(u64, f64)],
    report: Answer<v1::ReportRequest>,
    finish: Answer<v1::FinishRequest>,
    spool: Option<&std::path::Path>,
) -> Said {
    let (said, stop) = (Arc::default(), CancellationToken::new());
    let refusing = Refusing {
        report,
        finish,
        writes: Writes::Taken,
        takes_back: false,
        gives: 1,
        said: Arc::clone(&said),
        stop: stop.clone(),
    };
    let mut session = session(refusing, Arc::new(Reports(reports)));
    session.spool = spool.map(|folder| Spool::open(folder).expect("a spool"));
    session.run(Duration::from_secs(9)).await.expect("in peace");
    std::mem::take(&mut *said.lock().unwrap())
}

/// A session with one slot.
fn session(refusing: Refusing, training: Arc<dyn Training>) -> Session {
    let stop = refusing.stop.clone();
    let server = ServiceExt::<http::Request<Body>>::map_err(
        WorkerServiceServer::new(refusing),
        |error: Infallible| match error {},
    );
    let worker = Identity {
        id: "w".to_owned(),
        host: String::new(),
        device: String::new(),
        slots: 1,
        session: 1,
    };
    Session::new(Transport::new(server), worker, training, stop)
}

/// Reports nothing, waits until it is told to stop, and ends silently.
struct Patient;

impl Training for Patient {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(&self, _: Assignment, outbox: Outbox) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        Box::pin(async move {
            outbox.stop().wanted().await;
            Ran::Ended(Err(TrialError::Stopped), Noted::default())
        })
    }
}

#[tokio::test]
async fn a_trial_that_reports_nothing_is_told_that_its_lease_is_lost_and_its_slot_is_free() {
    let (said, stop) = (Arc::<Mutex<Said>>::default(), CancellationToken::new());
    let refusing = Refusing {
        report: |_| Ok(()),
        finish: |_| Ok(()),
        writes: Writes::Taken,
        takes_back: true,
        gives: 1,
        said: Arc::clone(&said),
        stop,
    };
    // The session ends with the second lease call, which happens only once the single slot is free.
    session(refusing, Arc::new(Patient)).run(Duration::ZERO).await.expect("in peace");
    let said = said.lock().unwrap();
    assert_eq!((said.leases, said.finishes.len()), (2, 0));
}

/// Cannot go on with any trial, and counts them.
struct Hopeless {
    ends: fn() -> TrialError,
    begun: Arc<AtomicU32>,
}

impl Training for Hopeless {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(&self, _: Assignment, _: Outbox) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let ended = Ran::Ended(Err((self.ends)()), Noted::default());
        Box::pin(async move { ended })
    }
}

/// How a session goes whose trials end like this: what it said, how it ended, and how many trials began.
async fn hopeless(
    ends: fn() -> TrialError,
    sets_aside: bool,
    gives: u32,
) -> (Said, Result<(), WorkerError>, u32) {
    let (said, begun) = (Arc::<Mutex<Said>>::default(), Arc::<AtomicU32>::default());
    let refusing = Refusing {
        report: |_| Ok(()),
        finish: |_| Ok(()),
        writes: Writes::Taken,
        takes_back: false,
        gives,
        said: Arc::clone(&said),
        stop: CancellationToken::new(),
    };
    let mut session = session(refusing, Arc::new(Hopeless { ends, begun: Arc::clone(&begun) }));
    session.sets_aside = sets_aside;
    let ended = session.run(Duration::from_secs(9)).await;
    let said = std::mem::take(&mut *said.lock().unwrap());
    (said, ended, begun.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_study_that_cannot_be_trained_ends_the_worker_or_is_set_aside() {
    let unfit = || TrialError::Unfit("no such script".to_owned());
    let (said, ended, _) = hopeless(unfit, false, 1).await;
    assert!(matches!(ended, Err(WorkerError::Unfit { .. })), "{ended:?}");
    assert_eq!((said.leases, &said.reasons[..]), (1, &["no such script".to_owned()][..]));

    let (said, ended, _) = hopeless(unfit, true, 1).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(said.without, [vec![], vec![1]], "it asks for others' trials alone");
    assert_eq!(said.reasons, ["no such script", ""], "of the last, it says that it only stops");
}

#[tokio::test]
async fn a_trial_of_a_study_that_is_set_aside_is_handed_back_untrained() {
    let unfit = || TrialError::Unfit("no such script".to_owned());
    let (said, ended, begun) = hopeless(unfit, true, 2).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((begun, said.leases), (1, 3));
    assert_eq!(said.reasons[..2], ["no such script", "no such script"]);
}

#[tokio::test]
async fn a_study_rests_after_a_trial_that_asked_to_be_handed_back() {
    let later = || TrialError::HandBack("no licence".to_owned());
    let (said, ended, begun) = hopeless(later, false, 2).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(begun, 2, "it is tried again");
    assert_eq!(said.without, [vec![], vec![1], vec![1]], "but not at once");
    assert_eq!(said.reasons, ["no licence", "no licence", ""]);
}

/// The reasons of the failures; "complete" for other ends.
fn ends(said: &Said) -> Vec<String> {
    let end = |finish: &v1::FinishRequest| match &finish.result {
        Some(WireResult::Failed(failed)) => failed.reason.clone(),
        _ => "complete".to_owned(),
    };
    said.finishes.iter().map(end).collect()
}

const STEPS: &[(u64, f64)] = &[(0, 0.1), (1, 0.2), (2, 0.3)];

#[tokio::test]
async fn a_refused_report_fails_the_trial_with_its_reason() {
    let refusals: [Answer<v1::ReportRequest>; 3] = [
        |r| if r.step == 1 { Err(Status::already_exists("not again")) } else { Ok(()) },
        |r| if r.step == 1 { Err(Status::invalid_argument("not again")) } else { Ok(()) },
        |r| if r.step == 1 { Err(Status::out_of_range("not again")) } else { Ok(()) },
    ];
    for refusal in refusals {
        let said = meet(STEPS, refusal, |_| Ok(()), None).await;
        assert_eq!(ends(&said), ["its report of step 1 was refused: not again"]);
        assert_eq!(said.reports.len(), 2, "it stops there");
    }
}

#[tokio::test]
async fn a_lease_that_is_lost_is_dropped_without_a_word() {
    let lost: [Answer<v1::ReportRequest>; 2] = [
        |_| Err(Status::failed_precondition("not yours")),
        |_| Err(Status::not_found("no such study")),
    ];
    for lost in lost {
        assert_eq!(ends(&meet(STEPS, lost, |_| Ok(()), None).await), [""; 0]);
    }
}

#[tokio::test]
async fn steps_that_do_not_ascend_fail_the_trial_before_anybody_is_asked() {
    let missteps: [(&'static [(u64, f64)], &str); 3] = [
        (&[(0, 0.1), (5, 0.2), (3, 0.3), (6, 0.4)], "step 3 was reported after step 5"),
        (&[(0, 0.1), (5, 0.2), (5, 0.3), (6, 0.4)], "step 5 was reported twice, as 0.2 and as 0.3"),
        (&[(0, 0.1), (5, 0.2), (u64::MAX, 0.3)], "they end at 2^63 - 1"),
    ];
    for (reports, reason) in missteps {
        let said = meet(reports, |_| Ok(()), |_| Ok(()), None).await;
        assert_eq!(said.reports, [(0, 0.1), (5, 0.2)]);
        let ends = ends(&said);
        assert!(ends.len() == 1 && ends[0].contains(reason), "{ends:?}");
    }
    let said = meet(&[(0, 0.1), (0, 0.1), (1, 0.2)], |_| Ok(()), |_| Ok(()), None).await;
    assert_eq!((&*said.reports, &*ends(&said)), (&STEPS[..2], &["complete".to_owned()][..]));
}

/// Reports two objectives twice, and the second one otherwise then. Completes with constraints.
struct Several {
    then: f64,
}

impl Training for Several {
    fn objectives(&self) -> Vec<String> {
        vec!["test".to_owned()]
    }

    fn train(
        &self,
        _: Assignment,
        mut outbox: Outbox,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send>> {
        let then = self.then;
        Box::pin(async move {
            for other in [12.5, then] {
                let values = Intermediate { value: 0.9, others: vec![(1, other)] };
                if outbox.report(3, values).await.is_err() {
                    return Ran::Ended(Err(TrialError::Stopped), Noted::default());
                }
            }
            let values = Values::try_from(vec![0.9, 12.5]).expect("two");
            let noted = Noted { constraints: vec![-1.0, 2.0], ..Noted::default() };
            Ran::Ended(Ok(Completion::new(values)), noted)
        })
    }
}

async fn several(then: f64) -> Said {
    let (said, stop) = (Arc::<Mutex<Said>>::default(), CancellationToken::new());
    let refusing = Refusing {
        report: |_| Ok(()),
        finish: |_| Ok(()),
        writes: Writes::Taken,
        takes_back: false,
        gives: 1,
        said: Arc::clone(&said),
        stop,
    };
    let session = session(refusing, Arc::new(Several { then }));
    session.run(Duration::from_secs(9)).await.expect("in peace");
    std::mem::take(&mut *said.lock().unwrap())
}

#[tokio::test]
async fn values_of_several_objectives_and_constraints_are_told() {
    let said = several(12.5).await;
    assert_eq!(said.reports, [(3, 0.9)], "an identical one is told once");
    assert_eq!(said.others, [v1::ObjectiveValue { objective: 1, value: 12.5 }]);
    let finish = &said.finishes[0];
    assert_eq!(finish.constraints, [-1.0, 2.0]);
    let Some(WireResult::Completed(completed)) = &finish.result else { panic!("{finish:?}") };
    assert_eq!(completed.values, [0.9, 12.5]);
}

#[tokio::test]
async fn a_step_that_is_repeated_with_another_value_of_another_objective_fails_the_trial() {
    let said = several(13.0).await;
    assert!(ends(&said)[0].contains("twice, with other values of other objectives"));
    assert_eq!(said.finishes[0].constraints, [0.0; 0]);
}

#[tokio::test]
async fn a_result_that_is_refused_for_its_form_is_recorded_without_it() {
    let said = meet(
        &[],
        |_| Ok(()),
        |f| {
            if f.attributes_json.contains_key("a") {
                Err(Status::invalid_argument("no a"))
            } else {
                Ok(())
            }
        },
        None,
    )
    .await;
    assert_eq!(ends(&said), ["complete", "complete"]);
    let kept = &said.finishes[1].attributes_json;
    assert!(kept.len() == 1 && kept[LEFT_OUT].contains("no a"), "{kept:?}");

    let said = meet(
        &[],
        |_| Ok(()),
        |f| match f.result {
            Some(WireResult::Failed(_)) => Ok(()),
            _ => Err(Status::out_of_range("too large")),
        },
        None,
    )
    .await;
    assert_eq!(ends(&said), ["complete", "complete", "its result was refused: too large"]);
}

#[tokio::test]
async fn an_empty_spool_is_gone_with_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    meet(STEPS, |_| Ok(()), |_| Ok(()), Some(&spool)).await;
    assert!(folder.path().exists() && !spool.exists());
}

#[tokio::test]
async fn what_is_refused_for_good_is_set_aside_and_the_rest_of_the_spool_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    for trial in 7..10 {
        // As written by a version without the limits.
        let attributes =
            (0..100).map(|i| (format!("a{i}"), format!("\"{}\"", "x".repeat(60_000)))).collect();
        let finish = Finish {
            claim: claim(trial).into(),
            end: End::Complete(0.5.into()),
            constraints: vec![],
            attributes,
        };
        spool.keep(&Undelivered { reports: vec![], finish }).await.unwrap();
    }
    let said = meet(
        &[],
        |_| Ok(()),
        |f| match f.claim.as_ref().map(|claim| claim.trial) {
            Some(7) => Err(Status::invalid_argument("never")),
            Some(8) => Err(Status::already_exists("another result is recorded")),
            _ => Ok(()),
        },
        Some(folder.path()),
    )
    .await;
    let delivered = said.finishes.iter().filter(|f| f.claim.as_ref().unwrap().trial == 9);
    let delivered: Vec<_> = delivered.collect();
    assert!(delivered.len() == 1 && delivered[0].attributes_json.contains_key(LEFT_OUT));
    assert_eq!(said.leases, 2, "and then it worked");
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path().extension().unwrap().to_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["refused", "refused"]);
}
