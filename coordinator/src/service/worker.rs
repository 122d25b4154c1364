//! `WorkerService`.

use std::time::{Duration, Instant};

use kindling_proto::limits;
use kindling_proto::v1;
use kindling_proto::v1::worker_service_server::WorkerService;
use kindling_study::WorkerId;
use kindling_telemetry::follow_request;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::Service;
use crate::admission::Class;
use crate::state::State;
use crate::workers::Twin;
use crate::{convert, observe};

/// The longest that a lease call waits for work.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How many heartbeats a worker is asked to send per lease term.
const HEARTBEATS_PER_TERM: u32 = 4;

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl WorkerService for Service {
    type HeartbeatStream = ReceiverStream<Result<v1::HeartbeatResponse, Status>>;
    type LoadStream = ReceiverStream<Result<v1::LoadResponse, Status>>;

    async fn lease(&self, request: Request<v1::LeaseRequest>) -> Reply<v1::LeaseResponse> {
        let request = request.into_inner();
        let (worker, info, holding) = convert::lease_info(
            request.worker_id,
            request.host,
            request.device,
            request.slots,
            request.session,
            request.holding,
        )?;
        let wanted = convert::wanted(request.objectives, request.without_studies)?;
        let wait = convert::wait(request.wait).min(MAX_WAIT);
        let deadline = tokio::time::Instant::now() + wait;
        // Only a call that has just arrived is a sign of life: while it waits, its worker may die.
        let mut is_heard = true;
        loop {
            let start = Instant::now();
            let work = self.ledger.work();
            let rings = work.rings();
            let (worker, info, slots) = (worker.clone(), info.clone(), request.slots as usize);
            let (wanted, holding) = (wanted.clone(), holding.clone());
            let lease = self.ledger.write(Class::Begin, move |transaction| {
                let admitted = transaction.admit(&worker, info, &wanted.objectives, is_heard);
                Ok(admitted.map(|()| {
                    let (mut assignments, mut bytes) = (Vec::new(), 0);
                    let give = |state: &State, leased| {
                        let assignment = convert::assignment(state, &leased);
                        bytes += assignment.as_ref().map_or(0, Message::encoded_len);
                        assignments.extend(assignment);
                        bytes < limits::PAGE_BYTES
                    };
                    let session = request.session;
                    transaction.lease(&worker, session, slots, &wanted, &holding, give);
                    assignments
                }))
            });
            let assignments = lease.await??;
            is_heard = false;
            if !assignments.is_empty() {
                observe::leased(start);
                return Ok(Response::new(v1::LeaseResponse { assignments }));
            }
            tokio::select! {
                biased;
                rung = work.after(rings) => {
                    if rung.is_err() {
                        return Err(Status::unavailable("the coordinator is shutting down"));
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    return Ok(Response::new(v1::LeaseResponse::default()));
                },
                () = self.shutdown.cancelled() => {
                    return Err(Status::unavailable("the coordinator is shutting down"));
                }
            }
        }
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Reply<v1::ReportResponse> {
        let span = tracing::info_span!("take report", step = request.get_ref().step);
        follow_request(&span, &request);
        let v1::ReportRequest { claim, step, value, others } = request.into_inner();
        let claim = convert::claim(claim)?;
        let others = convert::others(others)?;
        let write =
            self.ledger.write(Class::Report, move |t| t.report(&claim, step, value, &others));
        let verdict = write.instrument(span).await?;
        let verdict = convert::verdict(verdict).into();
        Ok(Response::new(v1::ReportResponse { verdict }))
    }

    async fn finish(&self, request: Request<v1::FinishRequest>) -> Reply<v1::FinishResponse> {
        let span = tracing::info_span!("take result");
        follow_request(&span, &request);
        let v1::FinishRequest { claim, result, attributes_json, constraints } =
            request.into_inner();
        let claim = convert::claim(claim)?;
        convert::check_constraints(&constraints)?;
        let (result, attributes) = convert::finish(result, attributes_json)?;
        let (trial, worker) = (claim.claim.number.0, claim.claim.worker.clone());
        let said = format!("{result:?}");
        let write = self
            .ledger
            .write(Class::End, move |t| t.finish(&claim, result, &constraints, attributes));
        write.instrument(span).await?;
        // Logged only now, when the result is committed.
        tracing::info!(trial, worker = worker.as_str(), result = said, "finished");
        Ok(Response::new(v1::FinishResponse {}))
    }

    async fn save(&self, request: Request<Streaming<v1::SaveRequest>>) -> Reply<v1::SaveResponse> {
        self.save_of_trial(request).await
    }

    async fn load(&self, request: Request<v1::LoadRequest>) -> Reply<Self::LoadStream> {
        self.load_checkpoint(request).await
    }

    async fn write(&self, _: Request<v1::WriteRequest>) -> Reply<v1::WriteResponse> {
        Err(Status::unimplemented("not yet"))
    }

    async fn release(&self, request: Request<v1::ReleaseRequest>) -> Reply<v1::ReleaseResponse> {
        let v1::ReleaseRequest { claim, reason } = request.into_inner();
        let claim = convert::claim(claim)?;
        self.ledger.write(Class::End, move |t| t.release(&claim, reason)).await?;
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<Streaming<v1::HeartbeatRequest>>,
    ) -> Reply<Self::HeartbeatStream> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().listen(request.into_inner(), sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Service {
    /// Listens to one worker's heartbeats until its stream ends.
    async fn listen(
        self,
        mut beats: Streaming<v1::HeartbeatRequest>,
        answers: mpsc::Sender<Result<v1::HeartbeatResponse, Status>>,
    ) {
        let mut connected = None;
        let farewell = loop {
            let beat = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break None,
                beat = beats.message() => beat,
                () = answers.closed() => break None,
            };
            let answer = match beat {
                Ok(Some(beat)) => self.answer(beat, &mut connected).await,
                Ok(None) | Err(_) => break None,
            };
            match answer {
                Ok(answer) => {
                    if answers.send(Ok(answer)).await.is_err() {
                        break None;
                    }
                }
                Err(status) => break Some(status),
            }
        };
        if let Some(status) = farewell {
            _ = answers.try_send(Err(status));
        }
        if let Some(worker) = connected {
            tracing::debug!(worker = worker.as_str(), "heartbeat ended");
            _ = self.ledger.note(move |state| state.disconnected(&worker)).await;
        }
    }

    async fn answer(
        &self,
        beat: v1::HeartbeatRequest,
        connected: &mut Option<WorkerId>,
    ) -> Result<v1::HeartbeatResponse, Status> {
        let v1::HeartbeatRequest { worker_id, host, device, slots, holding, session } = beat;
        let (worker, info, holding) =
            convert::lease_info(worker_id, host, device, slots, session, holding)?;
        if connected.as_ref().is_some_and(|before| *before != worker) {
            return Err(Status::invalid_argument("worker_id: another one than before"));
        }
        let first = connected.is_none();
        let id = worker.clone();
        let noted = self.ledger.note(move |state| {
            let lost = state.heartbeat(&worker, info, holding)?;
            if first {
                state.connected(&worker);
            }
            Ok::<_, Twin>((lost, state.lease_term()))
        });
        let (lost, term) = noted.await??;
        *connected = Some(id);
        Ok(v1::HeartbeatResponse {
            lost: lost.iter().map(convert::claim_to_wire).collect(),
            interval: Some(convert::duration(term / HEARTBEATS_PER_TERM)),
        })
    }
}
