//! Starts, stops and a store that is away: nothing that was accepted is lost, nothing is answered too early.

use std::time::Duration;

use futures_util::future::join_all;
use http::{StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::on_both_stores;
use crate::support::services::Postgres;
use crate::support::signing::{Signer, encoded, text_form};
use crate::support::stage::{Kind, NOOR, SHARED, STRANGER, Stage, TOKEN, Wish, new_sid};

on_both_stores!(
    a_stop_finishes_what_is_under_way,
    a_stop_under_load_loses_nothing
);

/// How long a stop may take; `drain_seconds` is below it.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// A file may not grow beyond this: far less than the store is after its migrations.
const FULL_BYTES: u64 = 4_096;

/// A request that is half there when the stop comes is answered; a new one is not taken.
async fn a_stop_finishes_what_is_under_way(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    let form = text_form(&new_sid(), STRANGER, SHARED, "hello");
    let (body, url) = (encoded(&form), stage.hook("sms"));
    let signature = Signer::new(TOKEN).sign(&url, &form);
    let mut socket = TcpStream::connect(("127.0.0.1", stage.carriers_port()))
        .await
        .unwrap();
    let head = format!(
        "POST /carriers/main/sms HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\nx-twilio-signature: \
         {signature}\r\ncontent-type: application/x-www-form-urlencoded\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(body.len() / 2);
    socket
        .write_all(format!("{head}{first}").as_bytes())
        .await
        .unwrap();
    let received = || stage.metric("signalbox_received_total", &[("hook", "sms")]);
    stage
        .eventually("the head is read", async || received().await == 1.0)
        .await;
    stage.process().signal(libc::SIGTERM);
    let port = stage.carriers_port();
    let closed = async || TcpStream::connect(("127.0.0.1", port)).await.is_err();
    stage.eventually("nobody new is let in", closed).await;
    socket.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let status = stage
        .process()
        .ended(STOP_WITHIN)
        .await
        .expect("it stops in time");
    assert!(status.success(), "{status}");
    stage.restart().await;
    stage
        .until(
            "SELECT status FROM message ORDER BY id",
            &[&["received"], &["delivered"]],
        )
        .await;
    assert_eq!(stage.twin.sends_to(STRANGER), 1);
}

/// Many texts are under way when the stop comes: what got a 2xx is there, the rest comes again.
async fn a_stop_under_load_loses_nothing(kind: Kind) {
    const TEXTS: usize = 400;
    let mut stage = Stage::start(kind).await;
    let sids: Vec<String> = (0..TEXTS).map(|_| new_sid()).collect();
    let posts: Vec<_> = sids
        .iter()
        .map(|sid| stage.deliver(sid, STRANGER, SHARED, "hello there"))
        .collect();
    let posts = posts
        .into_iter()
        .map(|post| tokio::spawn(async move { Some(post.send().await.ok()?.status()) }));
    let posts: Vec<_> = posts.collect();
    let received = || stage.metric("signalbox_received_total", &[("hook", "sms")]);
    stage
        .eventually("texts arrive", async || received().await >= 20.0)
        .await;
    stage.process().signal(libc::SIGTERM);
    let answers = join_all(posts).await;
    let status = stage
        .process()
        .ended(STOP_WITHIN)
        .await
        .expect("it stops in time");
    assert!(status.success(), "{status}");
    stage.restart().await;
    let accepted: Vec<bool> = answers
        .into_iter()
        .map(|answer| answer.unwrap() == Some(StatusCode::OK))
        .collect();
    let there = stage
        .rows
        .column("SELECT carrier_id FROM message WHERE kind = 'inbound'")
        .await;
    for (sid, accepted) in sids.iter().zip(&accepted) {
        assert!(
            !accepted || there.contains(sid),
            "{sid} was accepted and is gone"
        );
    }
    for sid in sids
        .iter()
        .zip(&accepted)
        .filter_map(|(sid, accepted)| (!accepted).then_some(sid))
    {
        assert_eq!(
            stage.delivered(sid, STRANGER, SHARED, "hello there").await,
            StatusCode::OK
        );
    }
    let mut there = stage
        .rows
        .column("SELECT carrier_id FROM message WHERE kind = 'inbound'")
        .await;
    there.sort();
    assert_eq!(there, sids, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_survived() {
    let mut stage = Stage::wished(Wish {
        limits: &["answer_ms: 2000", "retry_after_seconds: 7"],
        ..Wish::new(Kind::Sqlite)
    })
    .await;
    assert_eq!(
        stage.delivered(&new_sid(), STRANGER, SHARED, "hello").await,
        StatusCode::OK
    );
    stage.process().limit_files(Some(FULL_BYTES));
    let sids: Vec<String> = (0..5).map(|_| new_sid()).collect();
    refused(&stage, &sids).await;
    stage.process().limit_files(None);
    taken(&stage, &sids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./check"]
async fn a_database_that_is_away_is_told_and_survived() {
    let cluster = tokio::task::spawn_blocking(|| Postgres::own(true))
        .await
        .unwrap();
    let wish = Wish {
        store: Some(cluster.database("away")),
        limits: &["answer_ms: 2000", "retry_after_seconds: 7"],
        ..Wish::new(Kind::Postgres)
    };
    let stage = Stage::wished(wish).await;
    assert_eq!(
        stage.delivered(&new_sid(), STRANGER, SHARED, "hello").await,
        StatusCode::OK
    );
    cluster.crash();
    let sids: Vec<String> = (0..5).map(|_| new_sid()).collect();
    refused(&stage, &sids).await;
    let ready = stage
        .client()
        .get(format!("{}/health/ready", stage.ops_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    tokio::task::block_in_place(|| cluster.run());
    taken(&stage, &sids).await;
}

/// Neither a running daemon nor one that starts is ended by a database that is away, so that both are there as soon
/// as it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./check"]
async fn a_database_that_is_away_ends_nothing() {
    /// More than may be left from before; the time they take is several of the watchdog's.
    const SIGNS_OF_LIFE: usize = 12;
    let cluster = tokio::task::spawn_blocking(|| Postgres::own(true))
        .await
        .unwrap();
    let wish = Wish {
        store: Some(cluster.database("away")),
        ..Wish::new(Kind::Postgres)
    };
    let mut stage = Stage::wished(wish).await;
    cluster.crash();
    stage.told();
    let mut signs = 0;
    stage
        .eventually("it shows life", async || {
            let told = stage.told().into_iter();
            signs += told.filter(|line| line == "WATCHDOG=1").count();
            signs >= SIGNS_OF_LIFE
        })
        .await;
    stage.kill();
    stage.told();
    stage.begin();
    stage
        .eventually("it asks for time", async || {
            stage
                .told()
                .iter()
                .any(|line| line.starts_with("EXTEND_TIMEOUT_USEC="))
        })
        .await;
    assert!(stage.process().is_running());
    tokio::task::block_in_place(|| cluster.run());
    stage.begun().await;
    assert_eq!(
        stage.delivered(&new_sid(), STRANGER, SHARED, "hello").await,
        StatusCode::OK
    );
}

/// Each is told to come again, in time.
async fn refused(stage: &Stage, sids: &[String]) {
    let posts = sids
        .iter()
        .map(|sid| stage.deliver(sid, NOOR, SHARED, "good morning").send());
    for answer in join_all(posts).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "7");
    }
    assert!(
        stage
            .metric("signalbox_refused_total", &[("reason", "unavailable")])
            .await
            >= 5.0
    );
}

/// The carrier comes again as it was told; then each text is there once, and what was there before still is.
async fn taken(stage: &Stage, sids: &[String]) {
    for sid in sids {
        stage
            .eventually("the text is taken", async || {
                stage.delivered(sid, NOOR, SHARED, "good morning").await == StatusCode::OK
            })
            .await;
    }
    let inbound = format!(
        "SELECT carrier_id FROM message WHERE kind = 'inbound' AND party = '{NOOR}' ORDER BY carrier_id"
    );
    assert_eq!(stage.rows.column(&inbound).await, sids, "each once");
    stage
        .until(
            &format!("SELECT status FROM message WHERE party = '{STRANGER}' ORDER BY id"),
            &[&["received"], &["delivered"]],
        )
        .await;
}
