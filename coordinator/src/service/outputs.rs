//! Tests of what trials write, over a socket.

use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::*;
use crate::service::bounds::{World, code, completed, lease, spec, until};

fn line(text: impl Into<String>) -> v1::OutputLine {
    let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 5000 };
    v1::OutputLine {
        stream: v1::OutputStream::Stdout.into(),
        time: Some(time),
        text: text.into(),
        ..Default::default()
    }
}

fn write(claim: Option<&v1::Claim>, first: u64, texts: &[&str]) -> v1::WriteRequest {
    let lines = texts.iter().map(|text| line(*text)).collect();
    v1::WriteRequest { claim: claim.cloned(), first, lines }
}

/// Leases a trial to a worker of this name.
async fn lease_one(workers: &mut WorkerServiceClient<Channel>, worker: &str) -> v1::Claim {
    let request = v1::LeaseRequest { worker_id: worker.to_owned(), ..lease(1, vec![]) };
    let mut leased = workers.lease(request).await.expect("leased").into_inner().assignments;
    leased.pop().expect("a trial").claim.expect("a claim")
}

fn asked(trial: u32) -> v1::ReadOutputRequest {
    v1::ReadOutputRequest { study: "s".to_owned(), trial, ..Default::default() }
}

async fn read(world: &World, request: v1::ReadOutputRequest) -> Vec<v1::OutputLine> {
    let pieces = world.artifacts().await.read_output(request).await.expect("a trial");
    rest(&mut pieces.into_inner()).await
}

async fn rest(pieces: &mut Streaming<v1::ReadOutputResponse>) -> Vec<v1::OutputLine> {
    let mut lines = Vec::new();
    while let Some(piece) = pieces.message().await.expect("readable") {
        lines.extend(piece.lines);
    }
    lines
}

fn texts(lines: &[v1::OutputLine]) -> Vec<&str> {
    lines.iter().map(|line| &*line.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_trial_writes_is_there_as_it_was_written_by_attempt() {
    let world = World::new().await;
    world.create(spec(1)).await;
    let mut workers = world.workers().await;
    let first = lease_one(&mut workers, "w").await;
    let odd = "\u{1b}[31mred\u{1b}[0m\t<b>\0\u{202e}\n\u{1F525}";
    let mut request = write(Some(&first), 0, &["a", odd, ""]);
    request.lines[2].stream = v1::OutputStream::Stderr.into();
    request.lines[2].lines_left_out = 7;
    workers.write(request.clone()).await.expect("taken");
    workers.write(request.clone()).await.expect("taken again");
    let release = v1::ReleaseRequest { claim: Some(first.clone()), reason: String::new() };
    workers.release(release).await.expect("released");
    // Its last lines may come after that.
    workers.write(write(Some(&first), 3, &["b"])).await.expect("taken");
    let second = lease_one(&mut workers, "v").await;
    workers.write(write(Some(&second), 0, &["c"])).await.expect("taken");
    workers.finish(completed(Some(second.clone()), 0)).await.expect("finished");
    workers.write(write(Some(&second), 1, &["d"])).await.expect("its last line");

    let told = read(&world, asked(0)).await;
    assert_eq!(texts(&told), ["a", odd, "", "b", "c", "d"]);
    assert_eq!(told.iter().map(|line| line.attempt).collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2]);
    assert_eq!((told[2].stream(), told[2].lines_left_out), (v1::OutputStream::Stderr, 7));
    assert_eq!(told[0].time, request.lines[0].time);
    let of = |attempt, last| v1::ReadOutputRequest { attempt, last, ..asked(0) };
    assert_eq!(texts(&read(&world, of(Some(1), 0)).await), ["a", odd, "", "b"]);
    assert_eq!(texts(&read(&world, of(None, 3)).await), ["b", "c", "d"]);
    let unknown = world.artifacts().await.read_output(asked(9)).await;
    assert_eq!(code(unknown), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_zombie_nor_a_stranger_writes() {
    let world = World::new().await;
    world.create(spec(2)).await;
    let mut workers = world.workers().await;
    let zombie = lease_one(&mut workers, "z").await;
    let release = v1::ReleaseRequest { claim: Some(zombie.clone()), reason: String::new() };
    workers.release(release).await.expect("released");
    let holder = lease_one(&mut workers, "w").await;
    assert_eq!((holder.trial, holder.attempt), (0, 2));
    let refused = workers.write(write(Some(&zombie), 0, &["x"])).await;
    assert_eq!(code(refused), Code::FailedPrecondition);
    workers.write(write(Some(&holder), 0, &["a"])).await.expect("taken");
    // Now the holder's claim was good a moment ago.
    for mark in [vec![], vec![0; 16]] {
        let forged = v1::Claim { mark, ..holder.clone() };
        let refused = workers.write(write(Some(&forged), 1, &["x"])).await;
        assert_eq!(code(refused), Code::FailedPrecondition);
    }
    let elsewhere = v1::Claim { history: vec![7; 16], attempt: 9, ..holder.clone() };
    assert_eq!(code(workers.write(write(Some(&elsewhere), 0, &["x"])).await), Code::NotFound);
    let nowhere = v1::Claim { study_id: 99, ..holder.clone() };
    assert_eq!(code(workers.write(write(Some(&nowhere), 0, &["x"])).await), Code::NotFound);
    assert_eq!(code(workers.write(write(None, 0, &["x"])).await), Code::InvalidArgument);
    assert_eq!(texts(&read(&world, asked(0)).await), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_odd_or_too_large_are_refused() {
    let world = World::new().await;
    world.create(spec(1)).await;
    let mut workers = world.workers().await;
    let claim = lease_one(&mut workers, "w").await;
    let odd: [fn(&mut v1::WriteRequest); 6] = [
        |request| request.first = u64::MAX,
        |request| request.lines[0].stream = 0,
        |request| request.lines[0].stream = 77,
        |request| request.lines[0].time = None,
        |request| {
            request.lines[0].time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
        },
        |request| request.lines[0].text = "x".repeat(limits::OUTPUT_LINE + 1),
    ];
    for change in odd {
        let mut request = write(Some(&claim), 0, &["a"]);
        change(&mut request);
        assert_eq!(code(workers.write(request).await), Code::InvalidArgument);
    }
    let long = "x".repeat(limits::OUTPUT_LINE);
    let request = write(Some(&claim), 0, &[&*long; 9]);
    assert_eq!(code(workers.write(request).await), Code::OutOfRange);
    let request = write(Some(&claim), 0, &[&*long; 7]);
    workers.write(request).await.expect("the most that fits");
    let mut huge = write(Some(&claim), 7, &["a"]);
    (huge.lines[0].lines_left_out, huge.lines[0].bytes_left_out) = (u64::MAX, u64::MAX);
    workers.write(huge).await.expect("a strange count harms nobody");
    assert_eq!(read(&world, asked(0)).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_is_turned_away_first_and_keeps_nothing_else_out() {
    let world = World::new().await;
    world.create(spec(2)).await;
    let mut workers = world.workers().await;
    let claim = lease_one(&mut workers, "w").await;
    let shares = &world.service.shares;
    let places: Vec<_> = std::iter::from_fn(|| world.service.outputs.place(1).ok()).collect();
    assert_eq!(places.len(), limits::OUTPUT_WRITES);
    let lines = write(Some(&claim), 0, &["a"]);
    assert_eq!(code(workers.write(lines.clone()).await), Code::ResourceExhausted);
    drop(places);
    workers.write(lines).await.expect("taken");

    // Bytes that are on their way in.
    let text = "x".repeat(limits::OUTPUT_LINE);
    let large = write(Some(&claim), 1, &[&*text; 4]);
    let written: Vec<_> =
        std::iter::from_fn(|| shares.asked.output.take(this_machine(), 64 << 10)).collect();
    assert!(written.len() >= limits::WRITTEN_BYTES.1 / (64 << 10));
    assert_eq!(code(workers.write(large.clone()).await), Code::ResourceExhausted);
    workers.finish(completed(Some(claim.clone()), 15)).await.expect("a large result");
    drop(written);
    workers.write(large).await.expect("taken");

    // So much in a second.
    let many = (0..10_000).find(|_| world.service.outputs.place(limits::OUTPUT_BATCH).is_err());
    assert!(many.expect("an end") <= 2 * limits::OUTPUT_TAKEN / limits::OUTPUT_BATCH);
}

/// The caller that a connection of this machine is.
fn this_machine() -> Caller {
    let mut extensions = tonic::codegen::http::Extensions::new();
    extensions.insert(tonic::transport::server::TcpConnectInfo {
        local_addr: None,
        remote_addr: Some(([127, 0, 0, 1], 1).into()),
    });
    Caller::of(&extensions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_is_told_new_lines_until_the_trial_is_finished() {
    let world = World::new().await;
    world.create(spec(2)).await;
    let mut workers = world.workers().await;
    let claim = lease_one(&mut workers, "w").await;
    let request = v1::ReadOutputRequest { follow: true, ..asked(0) };
    let mut following =
        world.artifacts().await.read_output(request).await.expect("a trial").into_inner();
    for (number, text) in ["a", "b"].into_iter().enumerate() {
        workers.write(write(Some(&claim), number as u64, &[text])).await.expect("taken");
        let piece = following.message().await.expect("told").expect("a line");
        assert_eq!(texts(&piece.lines), [text]);
    }
    workers.finish(completed(Some(claim.clone()), 0)).await.expect("finished");
    workers.write(write(Some(&claim), 2, &["the last"])).await.expect("taken");
    assert_eq!(texts(&rest(&mut following).await), ["the last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_bounded_and_one_that_leaves_makes_room() {
    let world = World::new().await;
    world.create(spec(1)).await;
    lease_one(&mut world.workers().await, "w").await;
    let follow = async || {
        let request = v1::ReadOutputRequest { follow: true, ..asked(0) };
        world.artifacts().await.read_output(request).await.map(tonic::Response::into_inner)
    };
    let mut following = Vec::new();
    let refused: Status = loop {
        match follow().await {
            Ok(one) => following.push(one),
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(following.len(), limits::OUTPUT_READERS.1);
    following.pop();
    until(async || follow().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_takes_its_output_along_when_it_is_deleted() {
    let world = World::new().await;
    world.create(spec(1)).await;
    let mut workers = world.workers().await;
    let claim = lease_one(&mut workers, "w").await;
    workers.write(write(Some(&claim), 0, &["a"])).await.expect("taken");
    let folder = world.folder.path().join("output");
    let studies = || std::fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(studies(), 1);
    workers.finish(completed(Some(claim.clone()), 0)).await.expect("finished");
    let delete = v1::DeleteStudyRequest { name: "s".to_owned() };
    world.studies().await.delete_study(delete).await.expect("deleted");
    until(async || studies() == 0).await;
    assert_eq!(code(workers.write(write(Some(&claim), 1, &["b"])).await), Code::NotFound);
    world.create(spec(1)).await;
    lease_one(&mut workers, "w").await;
    assert_eq!(read(&world, asked(0)).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn if_there_is_too_much_the_oldest_finished_trials_lose_theirs() {
    let limit = 4 << 20;
    let world = World::with_room_for_output(limit).await;
    world.create(spec(20)).await;
    let mut workers = world.workers().await;
    let running = lease_one(&mut workers, "still running").await;
    workers.write(write(Some(&running), 0, &["it was the first"])).await.expect("taken");
    let text = "x".repeat(limits::OUTPUT_LINE);
    let mut written = 0;
    for _ in 0..19 {
        let claim = lease_one(&mut workers, "w").await;
        for first in (0..7 * 6).step_by(7) {
            let lines = write(Some(&claim), first, &[&*text; 7]);
            until(async || workers.clone().write(lines.clone()).await.is_ok()).await;
            written += lines.encoded_len() as u64;
        }
        workers.finish(completed(Some(claim), 0)).await.expect("finished");
    }
    assert!(written > 3 * limit, "too little to say anything");
    let taken = || {
        let study = std::fs::read_dir(world.folder.path().join("output")).expect("a folder");
        let study = study.flatten().next().expect("one").path();
        let trials = std::fs::read_dir(study).expect("a folder").flatten();
        let files = trials.flat_map(|trial| std::fs::read_dir(trial.path()).into_iter().flatten());
        files.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum::<u64>()
    };
    until(async || taken() <= limit).await;
    assert_eq!(texts(&read(&world, asked(0)).await), ["it was the first"]);
    assert_eq!(read(&world, asked(1)).await, [], "the oldest that is finished");
    assert_eq!(read(&world, asked(19)).await.len(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_goes_on_where_the_files_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = || crate::output::StudyKey::test(1);
    let batch = |first, text: &str| crate::output::Batch {
        trial: crate::output::Trial { study: study(), number: 0 },
        attempt: 1,
        lease: vec![1],
        first,
        lines: crate::convert::lines(first, vec![line(text)]).expect("lines"),
    };
    for (first, text) in [(0, "a"), (1, "b"), (2, "c")] {
        let outputs = Outputs::open(folder.path().to_owned(), 1 << 20, Some(vec![study()]));
        let outputs = outputs.expect("a thread");
        for _ in 0..2 {
            let place = outputs.place(1).expect("room");
            outputs.write(place, batch(first, text)).await.expect("written");
        }
        let place = outputs.place(1).expect("room");
        outputs.write(place, batch(0, "again")).await.expect("ignored");
    }
    let there = Outputs::read(folder.path().to_owned());
    let of = there.folder_of(crate::output::Trial { study: study(), number: 0 }).expect("kept");
    let mut reading = crate::output::Reading::open(of, None, 0).expect("readable");
    let told = reading.next().expect("readable").expect("lines").lines;
    assert_eq!(told.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["a", "b", "c"]);
    // Another coordinator finds only what belongs to its studies.
    let outputs = Outputs::open(folder.path().to_owned(), 1 << 20, Some(vec![])).expect("a thread");
    tokio::time::timeout(Duration::from_mins(1), outputs.settle()).await.expect("soon");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
