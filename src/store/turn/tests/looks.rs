//! What is asked for, told, and asked for too often.

use super::*;
use crate::model::turn::ROUNDS_MAX;
use crate::model::turn::Usage;

on_both! {
    async fn who_asks_for_ever_is_undecided(bench: Bench) {
        let same = |_: &State, _: usize, event: &NewEvent| Decision::Need(event.needs.clone());
        let answers = bench.store.turn(NodeScope::daemon(), vec![event(1, None, 1)], same).await.unwrap();
        assert!(matches!(&answers[0], Answer::Undecided(_)));
        let (mut next, looks) = (100, Arc::new(AtomicUsize::new(0)));
        let count = looks.clone();
        let other = move |_: &State, place: usize, _: &NewEvent| {
            next += 1;
            count.fetch_add(usize::from(place == 0), Ordering::Relaxed);
            Decision::Need(vec![Need::Message(id(next))])
        };
        let answers = bench.store.turn(NodeScope::daemon(), vec![event(2, None, 1), event(3, None, 2)], other).await.unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Undecided(_))));
        assert_eq!(looks.load(Ordering::Relaxed), 1 + ROUNDS_MAX);
        // It is not lost: there to be looked at, and told of.
        let sql = sql!("SELECT doc!(e: raw text, undecided text) FROM event e");
        let kept: Vec<serde_json::Value> = bench.store.inner.pools.list("event", sql, &[]).await.unwrap();
        assert_eq!(kept.len(), 3);
        assert!(kept.iter().all(|row| row["undecided"].is_string() && row["raw"] != ""), "{kept:?}");
        let sql = sql!("SELECT doc!(n: code text) FROM ops_notice n");
        let told: Vec<serde_json::Value> = bench.store.inner.pools.list("ops_notice", sql, &[]).await.unwrap();
        assert_eq!(told.len(), 3);
    }

    async fn what_a_month_has_used_is_told(bench: Bench) {
        let sql = sql!("INSERT INTO usage (account_id, month, messages, segments) VALUES ($1, 202603, 7, 9)");
        let mut tx = bench.store.inner.pools.begin().await.unwrap();
        tx.run(sql, &[Arg::Id(id::<AccountId>(2).uuid())]).await.unwrap();
        tx.commit().await.unwrap();
        let keys = [(id(2), 202_603), (id(2), 202_604), (id(3), 202_603)];
        let needs = keys.map(|(account, month)| Need::Usage(account, month));
        let state = bench.store.look(NodeScope::daemon(), &needs, at(1)).await.unwrap();
        let of = |place: usize| state.usage[&keys[place]].unwrap();
        assert_eq!(of(0), Usage { messages: 7, segments: 9 });
        assert_eq!((of(1), of(2)), (Usage::default(), Usage::default()));
    }

    async fn an_event_is_found_by_its_id(bench: Bench) {
        take(&bench, vec![event(1, None, 1)]).await;
        let refuse = |_: &State, _: usize, _: &NewEvent| Decision::Undecided("poison".to_owned());
        bench.store.turn(NodeScope::daemon(), vec![event(2, None, 1)], refuse).await.unwrap();
        let find = |n| bench.store.event(NodeScope::daemon(), event(n, None, 1).id);
        let first = find(1).await.unwrap().unwrap();
        assert_eq!((first.event.id, first.rule.as_deref(), first.account), (event(1, None, 1).id, Some("test"), Some(id(2))));
        let second = find(2).await.unwrap().unwrap();
        assert_eq!((second.rule, second.undecided.as_deref()), (None, Some("poison")));
        assert_eq!(find(3).await.unwrap(), None);
    }
}
