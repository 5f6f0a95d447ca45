//! Flow files that change while the daemon runs.

use signalbox::twin::LineKind;

use crate::support::on_both_stores;
use crate::support::stage::{Kind, NOOR, SHARED, STRANGER, Stage};

on_both_stores!(files_are_followed);

const HELLO: &str = include_str!("cases/flows/hello.yaml");
const SIZE: &str = include_str!("cases/flows/size.yaml");

/// New texts meet the new revision, a broken file changes nothing, a question keeps the revision that asked it.
async fn files_are_followed(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.text(STRANGER, SHARED, "size", &[]).unwrap();
    stage.sees(LineKind::TextOut, STRANGER, "Which size").await;

    let published = || stage.metric("signalbox_flow_reloads_total", &[("outcome", "published")]);
    let before = published().await;
    stage.write_flow("hello.yaml", &HELLO.replace("Hello from", "Good day from"));
    stage.write_flow("size.yaml", &SIZE.replace("Noted:", "Changed:"));
    stage
        .eventually("both are published", async || {
            published().await >= before + 2.0
        })
        .await;
    let version = "SELECT CAST(version AS TEXT) FROM directory_version";
    let version: f64 = stage.rows.column(version).await[0].parse().unwrap();
    let known = || stage.metric("signalbox_directory_version", &[]);
    stage
        .eventually("both are in force", async || known().await >= version)
        .await;
    let seen = says(&stage, NOOR, 0, "hello", "Good day from Lakeside College").await;

    let refused = || stage.metric("signalbox_flow_reloads_total", &[("outcome", "refused")]);
    stage.write_flow("hello.yaml", &HELLO.replace("next: end", "next: nowhere"));
    stage
        .eventually("the mistake is seen", async || refused().await >= 1.0)
        .await;
    let seen = says(&stage, NOOR, seen, "hello", "Good day from").await;
    stage
        .eventually("the log shows the place", async || {
            stage.said().contains("nowhere")
        })
        .await;

    // The first answer still belongs to the old revision; a new question to the new one.
    let seen = says(&stage, STRANGER, seen, "s", "Noted: small").await;
    let seen = says(&stage, STRANGER, seen, "size", "Which size").await;
    says(&stage, STRANGER, seen, "s", "Changed: small").await;
}

/// Texts and waits for the answer; the number of its line.
async fn says(stage: &Stage, phone: &str, after: u64, text: &str, hears: &str) -> u64 {
    stage.twin.text(phone, SHARED, text, &[]).unwrap();
    stage
        .sees_after(after, LineKind::TextOut, phone, hears)
        .await
        .id
}
