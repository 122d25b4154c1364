//! Access control: every call that the coordinator serves, with every kind of wrong key.

mod support;

use std::time::Duration;

use prost_types::FileDescriptorSet;
use support::keys::{Keys, text};
use support::{Coordinator, Folder, Process, failure, kindling, output, study_file};
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// Every method of every service, as `/package.Service/Method`, from the descriptor sets.
fn methods() -> Vec<String> {
    let sets = [
        kindling_proto::v1::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut methods = Vec::new();
    for set in sets {
        let set: FileDescriptorSet = prost::Message::decode(set).expect("a descriptor set");
        for file in &set.file {
            for service in &file.service {
                let service_name = format!("{}.{}", file.package(), service.name());
                let paths = service.method.iter().map(|m| format!("/{service_name}/{}", m.name()));
                methods.extend(paths);
            }
        }
    }
    methods
}

/// What changes something, of all that is not for workers.
const CHANGES: &[&str] = &[
    "/kindling.v1.StudyService/CreateStudy",
    "/kindling.v1.StudyService/PauseStudy",
    "/kindling.v1.StudyService/ResumeStudy",
    "/kindling.v1.StudyService/ChangeBudget",
    "/kindling.v1.StudyService/StopStudy",
    "/kindling.v1.StudyService/AnnotateStudy",
    "/kindling.v1.StudyService/DeleteStudy",
    "/kindling.v1.TrialService/EnqueueTrial",
    "/kindling.v1.TrialService/RetryTrial",
    "/kindling.v1.TrialService/RetryTrials",
    "/kindling.v1.TrialService/AnnotateTrial",
    "/kindling.v1.ArtifactService/SaveArtifact",
    "/optuna.StorageService/CreateNewStudy",
    "/optuna.StorageService/DeleteStudy",
    "/optuna.StorageService/SetStudyUserAttribute",
    "/optuna.StorageService/SetStudySystemAttribute",
    "/optuna.StorageService/CreateNewTrial",
    "/optuna.StorageService/SetTrialParameter",
    "/optuna.StorageService/SetTrialStateValues",
    "/optuna.StorageService/SetTrialIntermediateValue",
    "/optuna.StorageService/SetTrialUserAttribute",
    "/optuna.StorageService/SetTrialSystemAttribute",
];

/// What only looks. A call in neither list, or in both, fails the test: whoever adds one has to say which it is.
const LOOKS: &[&str] = &[
    "/kindling.v1.StudyService/GetStudy",
    "/kindling.v1.StudyService/ListActivity",
    "/kindling.v1.StudyService/ListStudies",
    "/kindling.v1.StudyService/ListWorkers",
    "/kindling.v1.StudyService/ReplayStudy",
    "/kindling.v1.StudyService/WatchStudy",
    "/kindling.v1.TrialService/GetTrial",
    "/kindling.v1.TrialService/ListTrials",
    "/kindling.v1.ArtifactService/GetArtifact",
    "/kindling.v1.ArtifactService/ListArtifacts",
    "/kindling.v1.ArtifactService/ReadOutput",
    "/optuna.StorageService/GetAllStudies",
    "/optuna.StorageService/GetStudyDirections",
    "/optuna.StorageService/GetStudyIdFromName",
    "/optuna.StorageService/GetStudyNameFromId",
    "/optuna.StorageService/GetStudySystemAttributes",
    "/optuna.StorageService/GetStudyUserAttributes",
    "/optuna.StorageService/GetTrial",
    "/optuna.StorageService/GetTrialIdFromStudyIdTrialNumber",
    "/optuna.StorageService/GetTrials",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The methods with the token that each requires; health requires none.
fn guarded() -> impl Iterator<Item = (String, &'static str)> {
    let methods = methods().into_iter().filter(|m| !m.starts_with("/grpc.health."));
    methods.map(|method| {
        let token = if method.contains("WorkerService") { "worker" } else { "client" };
        (method, token)
    })
}

/// Calls a method with an empty message. Returns whether access was granted.
async fn call(channel: &Channel, method: &str, token: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(tokio_stream::once(()));
    if let Some(token) = token {
        let value = format!("Bearer {}", token.trim()).parse().expect("ASCII");
        request.metadata_mut().insert("authorization", value);
    }
    let mut client = Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = ProstCodec::<(), ()>::default();
    let path = method.parse().expect("a path");
    // The types do not matter: an empty message is valid for each, and the response is not read.
    client.streaming(request, path, codec).await.map(|_| ())
}

fn plain(coordinator: &Coordinator) -> Channel {
    let url = format!("http://{}", coordinator.address());
    Endpoint::from_shared(url).expect("an address").connect_lazy()
}

fn with_tls(coordinator: &Coordinator, tls: ClientTlsConfig) -> Channel {
    let url = format!("https://{}", coordinator.address());
    let endpoint = Endpoint::from_shared(url).expect("an address");
    endpoint.tls_config(tls).expect("certificates").connect_lazy()
}

#[test]
fn nothing_is_served_that_is_not_tried_here() {
    let methods = methods();
    let count = |service| methods.iter().filter(|m| m.contains(service)).count();
    assert_eq!(count("/kindling.v1.StudyService/"), 13);
    assert_eq!(count("/kindling.v1.TrialService/"), 6);
    assert_eq!(count("/kindling.v1.ArtifactService/"), 4);
    assert_eq!(count("/kindling.v1.WorkerService/"), 8);
    assert_eq!(count("/grpc.reflection.v1.ServerReflection/"), 1);
    assert_eq!(count("/grpc.reflection.v1alpha.ServerReflection/"), 1);
}

#[tokio::test]
async fn no_call_goes_without_its_own_token() {
    let keys = Keys::new();
    let coordinator = keys.coordinator(&[]);
    let channel = plain(&coordinator);
    let mut tried = 0;
    for (method, right) in guarded() {
        let wrong = if right == "worker" { "client" } else { "worker" };
        for (token, code) in [
            (None, Code::Unauthenticated),
            (Some(keys.token("foreign")), Code::Unauthenticated),
            (Some(keys.token(wrong)), Code::PermissionDenied),
        ] {
            let refused = loop {
                let refused = call(&channel, &method, token.as_deref()).await.expect_err(&method);
                // Who guesses tokens must wait now and then.
                if refused.code() != Code::ResourceExhausted {
                    break refused;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            };
            assert_eq!(refused.code(), code, "{method} with {token:?}: {refused}");
            tried += 1;
        }
        let let_in = call(&channel, &method, Some(&keys.token(right))).await;
        let code = let_in.err().map(|status| status.code());
        let kept_out = [Code::Unauthenticated, Code::PermissionDenied, Code::Unavailable];
        assert!(!code.is_some_and(|code| kept_out.contains(&code)), "{method}: {code:?}");
    }
    assert!(tried >= 117);
    assert!(call(&channel, "/grpc.health.v1.Health/Check", None).await.is_ok());
}

#[tokio::test]
async fn a_viewer_looks_at_everything_and_changes_nothing() {
    let keys = Keys::new();
    let coordinator = keys.coordinator(&[]);
    let channel = plain(&coordinator);
    let viewer = keys.token("viewer");
    for (method, token) in guarded() {
        let is = |list: &[&str]| list.contains(&method.as_str());
        assert!(token == "worker" || is(CHANGES) != is(LOOKS), "does {method} change something?");
        let refused = call(&channel, &method, Some(&viewer)).await.err();
        if token == "client" && is(LOOKS) {
            let code = refused.map(|status| status.code());
            let kept_out = [Code::Unauthenticated, Code::PermissionDenied, Code::Unavailable];
            assert!(!code.is_some_and(|code| kept_out.contains(&code)), "{method}: {code:?}");
            continue;
        }
        let refused = refused.unwrap_or_else(|| panic!("{method} lets a viewer in"));
        assert_eq!(refused.code(), Code::PermissionDenied, "{method}: {refused}");
        let said = if token == "worker" { "for the worker token" } else { "may only look" };
        assert!(refused.message().contains(said), "{method}: {refused}");
    }

    // By the command line, too, and with what it says.
    let (url, client, viewer) = (coordinator.url(), keys.path("client"), keys.path("viewer"));
    let file = keys.folder.write("s.toml", study_file("s", 3));
    let run = |command: &[&str], token: &str| {
        output(&[command, &["--coordinator", &url, "--token-file", token]].concat())
    };
    let refused = run(&["study", "create", text(&file)], &viewer);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("may only look"), "{said}");
    assert!(run(&["study", "create", text(&file)], &client).status.success());
    let shown = || {
        String::from_utf8(run(&["study", "show", "s", "--json"], &viewer).stdout).expect("UTF-8")
    };
    let before = shown();
    assert!(before.contains("\"s\""), "{before}");
    for change in [
        &["study", "pause", "s"][..],
        &["study", "stop", "s"],
        &["study", "resume", "s", "--trials", "9"],
        &["study", "budget", "s", "--trials", "9"],
        &["study", "delete", "s", "--yes"],
        &["study", "note", "s", "x"],
        &["study", "archive", "s"],
        &["trial", "enqueue", "s"],
        &["trial", "retry", "s", "0"],
        &["trial", "retry", "s", "0", "1"],
        &["study", "artifacts", "s", "--put", text(&file)],
    ] {
        let refused = run(change, &viewer);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("may only look"), "{change:?}: {said}");
    }
    assert_eq!(shown(), before);
}

#[tokio::test]
async fn no_call_goes_around_tls() {
    let keys = Keys::new();
    let coordinator = keys.coordinator_with_tls();
    let ca = || {
        let ca = Certificate::from_pem(keys.pem("certificates/ca.pem"));
        ClientTlsConfig::new().ca_certificate(ca)
    };
    let mut foreign_ca = ClientTlsConfig::new();
    foreign_ca = foreign_ca
        .ca_certificate(Certificate::from_pem(keys.pem("foreign-certificates/ca.pem")))
        .identity(keys.identity("certificates/client"));
    let wrong = [
        ("plaintext on TLS", plain(&coordinator)),
        ("no certificate", with_tls(&coordinator, ca())),
        (
            "another authority's certificate",
            with_tls(&coordinator, ca().identity(keys.identity("foreign-certificates/client"))),
        ),
        (
            "a server's certificate for a caller's",
            with_tls(&coordinator, ca().identity(keys.identity("certificates/server"))),
        ),
        ("a coordinator that the caller does not trust", with_tls(&coordinator, foreign_ca)),
    ];
    let right = with_tls(&coordinator, ca().identity(keys.identity("certificates/client")));
    for (method, token) in guarded() {
        let token = keys.token(token);
        for (what, channel) in &wrong {
            let refused = call(channel, &method, Some(&token)).await.expect_err(what);
            // A connection error rather than a response: refused before any call is made.
            let cause = std::error::Error::source(&refused).expect("a cause");
            assert!(cause.is::<tonic::transport::Error>(), "{method}, {what}: {refused:?}");
        }
        let code = call(&right, &method, Some(&token)).await.err().map(|status| status.code());
        let kept_out = [Code::Unauthenticated, Code::Unavailable, Code::Unknown];
        assert!(!code.is_some_and(|code| kept_out.contains(&code)), "{method}: {code:?}");
    }
}

#[test]
fn a_study_runs_through_tls_with_tokens_and_no_log_holds_one() {
    let keys = Keys::new();
    let coordinator = keys.coordinator_with_tls();
    let url = format!("https://{}", coordinator.address());
    let args = |command: &[&str], who: &str| -> Vec<String> {
        let file = |name: &str| keys.path(&format!("certificates/{name}"));
        let more = [
            ("--coordinator", url.clone()),
            ("--token-file", keys.path(who)),
            ("--tls-ca", file("ca.pem")),
            ("--tls-cert", file(&format!("{who}.pem"))),
            ("--tls-key", file(&format!("{who}.key"))),
        ];
        let more = more.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        command.iter().map(|&word| word.to_owned()).chain(more).collect()
    };
    let run = |command: &[&str]| {
        let args = args(command, "client");
        let done = output(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    let file = keys.folder.write("s.toml", study_file("s", 3));
    assert_eq!(run(&["health"]), "SERVING\n");
    run(&["study", "create", text(&file)]);
    let log = keys.folder.path("worker.log");
    let worker = args(&["worker"], "worker");
    let mut command = kindling(&worker.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("KINDLING_LOG", "trace").stderr(std::fs::File::create(&log).expect("a log"));
    let mut worker = Process::start(&mut command);
    let watched = run(&["study", "watch", "s", "--json"]);
    assert!(watched.contains("FINISHED"), "{watched}");
    worker.signal("TERM");
    assert!(worker.wait());
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(log.contains("complete"), "{log}");
    for (whose, log) in [("worker", log), ("coordinator", coordinator.log())] {
        assert!(log.contains("TRACE"), "the {whose}'s log should hold all there is");
        for token in ["worker", "client"] {
            assert!(!log.contains(keys.token(token).trim()), "a token is in the {whose}'s log");
        }
    }
}

#[test]
fn a_worker_that_is_not_let_in_ends_and_says_what_to_do() {
    let keys = Keys::new();
    let coordinator = keys.coordinator(&[]);
    let url = coordinator.url();
    for token in [None, Some("foreign"), Some("client")] {
        let file = token.map(|name| keys.path(name));
        let mut args = vec!["worker", "--coordinator", &url];
        args.extend(file.iter().flat_map(|file| ["--token-file", file]));
        // A worker that is let in does not end.
        let log = keys.folder.path("worker.log");
        let stderr = std::fs::File::create(&log).expect("a log");
        assert!(!Process::start(kindling(&args).stderr(stderr)).wait());
        let said = std::fs::read_to_string(&log).expect("a log");
        assert!(said.contains("refuses this worker") && said.contains("hint: "), "{said}");
    }
    let said = failure(&["study", "list", "--coordinator", &url]);
    assert!(said.contains("needs a token") && said.contains("--token-file"), "{said}");
}

#[test]
fn an_open_address_needs_tokens_and_the_refusal_holds_the_command_that_mends_it() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let said = failure(&["coordinator", "--store", text(&store), "--listen", "0.0.0.0:0"]);
    assert!(
        said.contains("kindling token create") && said.contains("--worker-token-file"),
        "{said}"
    );
    assert!(!store.exists());
}

#[test]
fn tokens_are_made_once_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let file = folder.path("token");
    assert!(output(&["token", "create", text(&file)]).status.success());
    let token = std::fs::read_to_string(&file).expect("made");
    assert_eq!(token.trim().len(), 64);
    assert_eq!(file.metadata().expect("made").permissions().mode() & 0o777, 0o600);
    assert!(failure(&["token", "create", text(&file)]).contains("exists already"));
    let other = folder.path("other");
    assert!(output(&["token", "create", "--keep", text(&file), text(&other)]).status.success());
    assert_eq!(std::fs::read_to_string(&file).expect("kept"), token);
    assert_ne!(std::fs::read_to_string(&other).expect("made"), token);
}

#[test]
fn certificates_that_are_kept_are_for_the_hosts_asked_for() {
    let folder = Folder::new();
    let path = folder.path("certificates");
    let create = ["certificate", "create", text(&path), "--keep", "--host"];
    assert!(output(&[&create[..], &["a,b"]].concat()).status.success());
    let certificate = std::fs::read(path.join("server.pem")).expect("made");
    assert!(output(&[&create[..], &["a,b"]].concat()).status.success());
    assert_eq!(std::fs::read(path.join("server.pem")).expect("kept"), certificate);
    assert!(failure(&[&create[..], &["a,c"]].concat()).contains("for other hosts"));
    assert!(failure(&["certificate", "create", text(&path)]).contains("exists already"));
}

#[test]
fn workers_clients_and_viewers_must_not_share_a_token() {
    let keys = Keys::new();
    let [store, worker, client] = ["study.db", "worker", "client"].map(|name| keys.path(name));
    let refused = |worker: &str, client: &str, viewer: &str| {
        let tokens = ["--worker-token-file", worker, "--client-token-file", client];
        let more = ["--viewer-token-file", viewer];
        failure(&[&["coordinator", "--store", &store][..], &tokens, &more].concat())
    };
    let viewer = keys.path("viewer");
    for (said, who) in [
        (refused(&worker, &worker, &viewer), "workers and clients"),
        (refused(&worker, &client, &worker), "workers and viewers"),
        (refused(&worker, &client, &client), "clients and viewers"),
    ] {
        assert!(said.contains(who) && said.contains("same token"), "{said}");
    }
    let alone = ["coordinator", "--store", &store, "--viewer-token-file", &viewer];
    assert!(failure(&alone).contains("--client-token-file"), "it goes with the others");
}
