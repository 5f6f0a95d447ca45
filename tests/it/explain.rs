//! `explain` as it is called: it tells what would happen, and leaves everything as it is.

use std::io::pipe;
use std::process::{Command, Output};

use crate::support::process::PROGRAM;
use crate::support::stage::{Kind, SHARED, STRANGER, Stage, TOKEN};

/// A call that the carrier's own dial takes to a whole group.
const RING_ALL: &str = "flow: together
account: college
on: call
steps:
  ring:
    dial: { group: billing, order: simultaneous, ring: 20s }
    then: { else: end }
";

fn explain(stage: &Stage, what: &str, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["explain", what, "--from", STRANGER, "--to", SHARED])
        .args(more)
        .current_dir(stage.folder())
        .env("SIGNALBOX_TEST_TOKEN", TOKEN);
    command
}

fn told(command: &mut Command) -> serde_json::Value {
    let done: Output = command.arg("--json").output().unwrap();
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{words}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The same carrier dials whether the organisation is read from the store, from a file, or from a file with the
/// configuration beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_carrier_rings_as_many_as_it_can() {
    let stage = Stage::start(Kind::Sqlite).await;
    let active =
        "SELECT yaml FROM flow f JOIN revision v ON v.id = f.active_id WHERE f.key = 'together'";
    stage.write_flow("together.yaml", RING_ALL);
    stage.until(active, &[&[RING_ALL]]).await;
    let config = stage.config();
    let from_store = told(&mut explain(&stage, "call", &["--config", &config]));
    assert_eq!(
        from_store["rings"].as_array().map(Vec::len),
        Some(2),
        "{from_store}"
    );
    let file = ["--organisation", "organisation.yaml", "--flows", "flows"];
    let from_file = told(&mut explain(&stage, "call", &file));
    assert_eq!(from_file["rings"], from_store["rings"]);
    let both = [&file[..], &["--config", &config]].concat();
    assert_eq!(
        told(&mut explain(&stage, "call", &both))["rings"],
        from_store["rings"]
    );
}

/// A text that did come: told at its own time, with what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_received_is_told() {
    let stage = Stage::start(Kind::Sqlite).await;
    stage.twin.text(STRANGER, SHARED, "size", &[]).unwrap();
    let question = "SELECT CAST(waits_for_text AS TEXT) FROM run";
    stage.until(question, &[&["1"]]).await;
    let ids = "SELECT 'evt_' || lower(hex(id)) FROM event WHERE hook = 'sms'";
    let events = stage.rows.column(ids).await;
    let config = stage.config();
    let asked = |what: &str| {
        let mut command = Command::new(PROGRAM);
        command
            .args(["explain", what, "--event", &events[0], "--config", &config])
            .current_dir(stage.folder())
            .env("SIGNALBOX_TEST_TOKEN", TOKEN);
        command
    };
    let told = told(&mut asked("sms"));
    assert_eq!(told["from"], STRANGER, "{told}");
    assert_eq!(told["recorded"]["event"], events[0].as_str());
    assert_eq!(told["recorded"]["rule"], "keyword");
    assert_eq!(told["recorded"]["account"], "college");
    assert_eq!(told["at"], told["recorded"]["received_at"]);
    // The flow that it began has asked since: the same words would be an answer now.
    assert_eq!(told["rule"], "question");
    assert!(told["texting"]["plan"]["used"].is_u64(), "{told}");
    let other = asked("call").output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&other.stderr).contains("explain sms"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_that_is_not_there() {
    let stage = Stage::start(Kind::Sqlite).await;
    let elsewhere = stage.folder().join("elsewhere");
    let config = std::fs::read_to_string(stage.config()).unwrap();
    let data = format!("data: {}", stage.folder().join("data").display());
    let config = config.replace(&data, &format!("data: {}", elsewhere.display()));
    let file = stage.folder().join("other.yaml");
    std::fs::write(&file, config).unwrap();
    let file = file.display().to_string();
    let done = explain(&stage, "call", &["--config", &file])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(words.contains("there is no store"), "{words}");
    assert!(!elsewhere.exists());
}

/// As `| head` does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_may_go_away() {
    let stage = Stage::start(Kind::Sqlite).await;
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let config = stage.config();
    let mut command = explain(&stage, "sms", &["--text", "hello", "--config", &config]);
    let done = command.stdout(writer).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert!(done.status.success(), "{}", done.status);
}
