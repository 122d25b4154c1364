//! The store's files are changed while a coordinator serves them: what others do to them, and what they may
//! do.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use support::address::lasting_address;
use support::metrics::{metrics, number};
use support::{Coordinator, Folder, PATIENCE, kindling, kindling_by, output, study_file, wire};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A coordinator with a study.
fn served(folder: &Folder) -> Coordinator {
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 12));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    coordinator
}

/// A manipulation of a store, and the expected message.
type Deed = (fn(&Path), &'static str);

#[test]
fn a_store_that_is_taken_away_ends_its_coordinator() {
    let deeds: [Deed; 3] = [
        (|store| fs::remove_file(store).expect("removed"), "the file was removed or renamed"),
        (
            |store| {
                fs::write(store.with_extension("new"), "something else").expect("written");
                fs::rename(store.with_extension("new"), store).expect("renamed over");
            },
            "another file took the place of the file",
        ),
        (
            |store| fs::remove_file(store.with_extension("db-wal")).expect("removed"),
            "its -wal was removed or renamed",
        ),
    ];
    for (deed, what) in deeds {
        let folder = Folder::new();
        let mut coordinator = served(&folder);
        deed(&folder.path("study.db"));
        // It is idle but must notice anyway.
        let (success, log) = coordinator.last_words();
        assert!(!success && log.contains(what) && log.contains("hint: "), "{log}");
        // Nothing acknowledged is lost.
        let rescued = folder.path("study.db.rescued");
        let store = if rescued.exists() { rescued } else { folder.path("study.db") };
        let next = Coordinator::start(&store);
        assert_eq!(next.ask_json(&["study", "show", "s"])["name"], "s", "{what}");
    }
}

#[test]
fn a_store_that_is_mounted_elsewhere_is_the_same_store() {
    let folder = Folder::new();
    let _first = served(&folder);
    let (store, elsewhere) = (folder.path("study.db"), folder.write("elsewhere.db", ""));
    let (store, elsewhere) = (store.to_str().expect("plain"), elsewhere.to_str().expect("plain"));
    let script = r#"mount --bind "$0" "$1" && shift && echo mounted && exec "$@""#;
    for unshare in
        [&["unshare", "--mount"][..], &["unshare", "--mount", "--user", "--map-root-user"]]
    {
        let wrapper = [unshare, &["sh", "-c", script, store, elsewhere]].concat();
        let args = ["coordinator", "--store", elsewhere, "--listen", "127.0.0.1:0"];
        let second = kindling_by(&wrapper, &args).output().expect("runs");
        if second.stdout != b"mounted\n" {
            continue;
        }
        let said = String::from_utf8_lossy(&second.stderr);
        assert!(!second.status.success() && said.contains("another coordinator"), "{said}");
        return;
    }
    eprintln!("SKIPPED: neither mount nor unshare -Urm works here");
}

#[test]
fn a_store_is_copied_while_it_is_served() {
    let folder = Folder::new();
    let coordinator = served(&folder);
    let _worker = coordinator.worker("w");
    coordinator.wait_until("s", |study| support::count(study, "complete") >= 2);
    let (store, to) = (folder.path("study.db"), folder.path("copy.db"));
    let (store, to) = (store.to_str().expect("plain"), to.to_str().expect("plain"));
    let made = output(&["backup", to, "--store", store, "--json"]);
    assert!(made.status.success(), "{made:?}");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(made["bytes"], fs::metadata(to).expect("there").len());
    assert!(made["studies"] == 1 && made["trials"].as_u64() >= Some(2), "{made}");
    let refused = support::failure(&["backup", to, "--store", store]);
    assert!(refused.contains("it is there already") && refused.contains("hint:"), "{refused}");
    let again = output(&["backup", folder.path("2.db").to_str().expect("plain"), "--store", store]);
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(said.contains(" in ") && said.contains("whole"), "the time and the size: {said}");

    coordinator.wait_until_finished("s");
    let all = coordinator.trials("s");
    let copied = Coordinator::start(Path::new(to)).trials("s");
    for trial in copied.iter().filter(|trial| trial["state"] == "COMPLETE") {
        let number = trial["number"].as_u64().expect("a number") as usize;
        assert_eq!(*trial, all[number]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_somebody_holds_is_said_and_cut_afterwards() {
    let folder = Folder::new();
    let (store, metrics_at) = (folder.path("study.db"), lasting_address());
    let flag = metrics_at.to_string();
    let coordinator = Coordinator::start_on_free_port(&store, &["--metrics", &flag]);
    let file = folder.write("s.toml", study_file("s", 12));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let reader = Connection::open(&store).expect("open");
    reader.execute_batch("BEGIN").expect("begun");
    reader.query_row("SELECT count(*) FROM studies", [], |_| Ok(())).expect("read");
    // Other programs may write notes. This one is so long that the log grows quickly.
    let writer = Connection::open(&store).expect("open");
    let note = "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, 'note', zeroblob(70000000))";
    writer.execute(note, []).expect("written");

    let channel = wire::channel(coordinator.address());
    wait_for(&channel, ServingStatus::NotServing).await;
    assert_eq!(wire::health(&channel).await.expect("answered"), ServingStatus::Serving);
    assert!(coordinator.log().contains("the store's log has grown to"), "{}", coordinator.log());
    assert!(number(&metrics(metrics_at), "kindling_store_log_bytes") > 6e7);
    let url = coordinator.url();
    let health = kindling(&["health", "--coordinator", &url]).output().expect("runs");
    let said = String::from_utf8_lossy(&health.stderr);
    assert!(health.status.success() && said.contains("holds a transaction"), "{said}");

    reader.execute_batch("COMMIT").expect("ended");
    wait_for(&channel, ServingStatus::Serving).await;
    let log = fs::metadata(store.with_extension("db-wal")).expect("there").len();
    assert!(log <= 8 << 20, "{log}");
}

/// Waits until the log has the wanted status.
async fn wait_for(channel: &tonic::transport::Channel, wanted: ServingStatus) {
    let start = Instant::now();
    let mut client = HealthClient::new(channel.clone());
    loop {
        let request = HealthCheckRequest { service: kindling_coordinator::LOG_HEALTH.to_owned() };
        let status = client.check(request).await.expect("answered").into_inner().status();
        if status == wanted {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "still {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
