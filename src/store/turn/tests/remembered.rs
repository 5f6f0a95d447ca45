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

on_both! {
    async fn the_loop_guard_sees_the_same_however_texts_came_and_whoever_remembers(bench: Bench) {
        // Five automated texts, then so many others that only two of the five are among the latest.
        let last = crate::model::lately::AUTOMATED_AMONG as u64 + 3;
        let seen = Arc::new(std::sync::Mutex::new(0));
        for (from, batches) in [(1, vec![1..=last]), (2, (1..=last).map(|n| n..=n).collect()), (3, vec![1..=40, 41..=last])] {
            for batch in batches {
                let batch = batch.map(|n| event(1_000 * u64::from(from) + n, None, from)).collect();
                let out = seen.clone();
                let decide = move |state: &State, _: usize, event: &NewEvent| {
                    let mut threads = state.threads.values();
                    *out.lock().unwrap() = threads.next().map_or(0, |thread| thread.lately.automated().len());
                    let mut decision = receive(state, event);
                    if let Decision::Done(turn) = &mut decision && event.seed % 1_000 > 5 {
                        let Some(Write::Message(row)) = turn.writes.last_mut() else { panic!() };
                        row.kind = MessageKind::Inbound;
                    }
                    decision
                };
                bench.store.turn(NodeScope::daemon(), batch, decide).await.unwrap();
            }
            assert_eq!(*seen.lock().unwrap(), 3, "before the last text of {from}");
        }
        let sees = async |bench: &Bench| {
            for from in 1..=3 {
                let first = 1_000 * u64::from(from);
                assert_eq!(thread(bench, from).await.lately.automated(), [at(first + 5), at(first + 4)], "{from}");
            }
        };
        sees(&bench).await;
        sees(&bench.reopened().await).await;
    }
}
