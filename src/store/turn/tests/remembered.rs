//! Threads that are remembered, and what makes them forgotten. Builds with debug assertions compare what is remembered
//! with the store whenever it is used, so that these tests also fail where it is wrong.

use super::*;
use crate::store::pools::Pools;

/// Whether the party's thread is in the writer's memory.
async fn is_remembered(bench: &Bench, from: u8) -> bool {
    let Pools::Lite(lite) = &bench.store.inner.pools else {
        panic!()
    };
    lite.remembers(number(), &party(from)).await
}

async fn preview(bench: &Bench, from: u8) -> String {
    thread(bench, from).await.conversations[0].preview.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_heard_of_is_remembered_with_what_the_last_turn_left() {
    let bench = Bench::sqlite().await;
    assert!(!is_remembered(&bench, 1).await);
    for n in 1..=3_u64 {
        take(&bench, vec![event(n, None, 1)]).await;
        assert!(is_remembered(&bench, 1).await);
        assert_eq!(preview(&bench, 1).await, format!("text {n}"));
    }
    assert!(!is_remembered(&bench, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_outside_a_turn_empties_the_memory() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, None, 1), event(2, None, 2)]).await;
    let mut tx = bench.store.inner.pools.begin().await.unwrap();
    let sql = sql!("UPDATE conversation SET preview = 'by hand', version = version + 1");
    tx.run(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
    for from in [1, 2] {
        assert!(!is_remembered(&bench, from).await);
        assert_eq!(preview(&bench, from).await, "by hand");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_writes_is_seen() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, None, 1)]).await;
    let other = crate::store::Store::open(&bench.at).await.unwrap();
    let mut tx = other.inner.pools.begin().await.unwrap();
    let sql = sql!("UPDATE conversation SET preview = 'from elsewhere'");
    tx.run(sql, &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(preview(&bench, 1).await, "from elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_fails_leaves_nothing_remembered() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, None, 1)]).await;
    limit_pages(&bench, 1).await;
    let mut event = event(2, None, 1);
    event.raw = vec![b'x'; 200_000];
    let receive = |state: &State, _: usize, event: &NewEvent| receive(state, event);
    let refused = bench.store.turn(NodeScope::daemon(), vec![event], receive);
    assert!(matches!(refused.await, Err(StoreError::Full)));
    assert!(!is_remembered(&bench, 1).await);
    limit_pages(&bench, 100_000).await;
    assert_eq!(preview(&bench, 1).await, "text 1");
}
