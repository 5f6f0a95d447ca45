//! What one node hears shows on the pages of another at once.

use http::StatusCode;
use reqwest::Response;

use crate::support::services::{Postgres, Redis};
use crate::support::staff::Staff;
use crate::support::stage::{Kind, PATIENCE, SHARED, STRANGER, Stage, Wish, new_sid};

/// Where nodes tell each other what changed.
const CHANNEL: &str = "signalbox:notices";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: ./check"]
async fn a_text_to_one_node_shows_on_the_pages_of_the_other() {
    let (redis, store) = tokio::task::spawn_blocking(|| {
        let store = Postgres::start().database("notices");
        (Redis::start(), store)
    })
    .await
    .unwrap();
    let node = || {
        Stage::wished(Wish {
            store: Some(store.clone()),
            config: format!("redis: {}\n", redis.url()),
            ..Wish::new(Kind::Postgres)
        })
    };
    let (one, other) = (node().await, node().await);
    let staff = Staff::sign_in(&other, "ana", "college").await;
    let mut stream = staff.get("/live").await;
    heard(&mut stream, "begin").await;
    both_listen(&other, &redis).await;
    let status = one
        .delivered(&new_sid(), STRANGER, SHARED, "good morning")
        .await;
    assert_eq!(status, StatusCode::OK);
    let told = heard(&mut stream, "changed").await;
    let conversation = &other
        .rows
        .column("SELECT CAST(id AS TEXT) FROM conversation")
        .await[0];
    assert!(told.contains(&conversation.replace('-', "")), "{told}");
}

async fn both_listen(stage: &Stage, redis: &Redis) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    stage
        .eventually("both nodes listen", async || {
            let mut asked = redis::cmd("PUBSUB");
            asked.arg("NUMSUB").arg(CHANNEL);
            let (_, listeners): (String, u32) = asked.query_async(&mut connection).await.unwrap();
            listeners == 2
        })
        .await;
}

/// Reads a stream up to an event of this kind; its text.
async fn heard(stream: &mut Response, kind: &str) -> String {
    let (mut text, wanted) = (String::new(), format!("event: {kind}\n"));
    let read = async {
        while !text.split("\n\n").any(|event| event.contains(&wanted)) || !text.ends_with("\n\n") {
            let part = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&part));
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, read).await.is_ok();
    assert!(in_time, "no {kind:?} in {text:?}");
    text
}
