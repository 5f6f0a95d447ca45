//! Flow files that change while the daemon runs.

use signalbox::twin::LineKind;

use crate::support::on_both_stores;
use crate::support::stage::{Kind, NOOR, SHARED, STRANGER, Stage};

on_both_stores!(
    files_are_followed,
    a_refused_file_is_looked_at_again_after_apply,
    a_renamed_file_is_followed,
    a_copy_beside_a_file_holds_nothing_up,
);

const HELLO: &str = include_str!("cases/flows/hello.yaml");
const SIZE: &str = include_str!("cases/flows/size.yaml");

/// New texts meet the new revision, a broken file changes nothing, a question keeps the revision that asked it.
async fn files_are_followed(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.text(STRANGER, SHARED, "size", &[]).unwrap();
    stage.sees(LineKind::TextOut, STRANGER, "Which size").await;

    let published = || stage.metric("signalbox_flow_reloads_total", &[("outcome", "published")]);
    let before = published().await;
    assert!(before >= 1.0, "what the start published is counted");
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
    assert!(known().await > 0.0, "what the start read is counted");
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
            stage.said().contains("hello.yaml:")
        })
        .await;
    let said = stage.said();
    assert!(!said.contains("nowhere"), "a line of the file: {said}");

    // The first answer still belongs to the old revision; a new question to the new one.
    let seen = says(&stage, STRANGER, seen, "s", "Noted: small").await;
    let seen = says(&stage, STRANGER, seen, "size", "Which size").await;
    says(&stage, STRANGER, seen, "s", "Changed: small").await;
}

/// The files may be there before the organisation that they name.
async fn a_refused_file_is_looked_at_again_after_apply(kind: Kind) {
    let stage = Stage::start(kind).await;
    let refused = || stage.metric("signalbox_flow_reloads_total", &[("outcome", "refused")]);
    let early = "flow: early\naccount: college\non: sms\nsteps:\n  box:\n    inbox: { group: annex }\n    next: end\n";
    stage.write_flow("early.yaml", early);
    stage.write_flow(
        "other.yaml",
        &HELLO.replace("account: college", "account: annex"),
    );
    stage
        .eventually("nobody knows the group and the account", async || {
            refused().await >= 2.0
        })
        .await;
    let file = stage.folder().join("organisation.yaml");
    let organisation = std::fs::read_to_string(&file).unwrap();
    let (group, annex) = (
        "    groups:\n      - { key: annex, name: Annex, members: [ana] }\n",
        "  - { key: annex, name: Annex, zone: America/Chicago, language: en, cost_centre: main, \
         members: [{ user: ana, roles: [staff] }] }\n",
    );
    let organisation = organisation.replacen("    groups:\n", group, 1) + annex;
    std::fs::write(&file, organisation).unwrap();
    let file = file.display().to_string();
    stage.run(&["apply", &file, "--yes", "--config", &stage.config()]);
    let keys = "SELECT f.key FROM flow f JOIN account a ON a.id = f.account_id \
                WHERE f.key = 'early' OR a.key = 'annex' ORDER BY f.key";
    stage.until(keys, &[&["early"], &["hello"]]).await;
}

/// A file keeps its flow under another name, and may be edited there.
async fn a_renamed_file_is_followed(kind: Kind) {
    let stage = Stage::start(kind).await;
    let flows = stage.folder().join("flows");
    std::fs::rename(flows.join("hello.yaml"), flows.join("greeting.yaml")).unwrap();
    stage
        .until(
            "SELECT file FROM revision WHERE flow = 'hello' ORDER BY number",
            &[&["hello.yaml"], &["greeting.yaml"]],
        )
        .await;
    stage.write_flow(
        "greeting.yaml",
        &HELLO.replace("Hello from", "Good day from"),
    );
    let active = "SELECT CAST(v.number AS TEXT) FROM flow f JOIN revision v ON v.id = f.active_id \
                  WHERE f.key = 'hello'";
    stage.until(active, &[&["3"]]).await;
}

/// Texts and waits for the answer; the number of its line.
async fn says(stage: &Stage, phone: &str, after: u64, text: &str, hears: &str) -> u64 {
    stage.twin.text(phone, SHARED, text, &[]).unwrap();
    stage
        .sees_after(after, LineKind::TextOut, phone, hears)
        .await
        .id
}

/// Whoever keeps the old text in a second file is told, and the flow's own file goes on being followed.
async fn a_copy_beside_a_file_holds_nothing_up(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.write_flow("hello - old.yaml", HELLO);
    stage
        .eventually("the copy is told", async || {
            stage.said().contains("same-name")
        })
        .await;
    let changed = HELLO.replace("Hello from", "Good day from");
    stage.write_flow("hello.yaml", &changed);
    let active = "SELECT v.yaml FROM flow f CROSS JOIN revision v WHERE v.id = f.active_id AND f.key = 'hello'";
    stage.until(active, &[&[&changed]]).await;
}
