//! Batches on both databases.

mod looks;
mod remembered;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::account::Route;
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, ConversationState, ThreadEvent, ThreadEventKind};
use crate::model::turn::{StatusChange, Write};
use crate::model::{
    AccountId, GroupId, Id, Ids, Message, MessageKind, MessageStatus, NumberId, Party, ProgramId,
    Via,
};
use crate::store::testing::{Bench, on_both};

fn at(n: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + n.cast_signed() * 1_000)
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn number() -> NumberId {
    id(1)
}

fn party(n: u8) -> Party {
    Party::read(&format!("+120255501{n:02}"))
}

fn event(n: u64, key: Option<u8>, from: u8) -> NewEvent {
    NewEvent {
        id: Ids::new(at(n), n).fresh(),
        connection: "twilio".to_owned(),
        hook: "sms".to_owned(),
        dedupe: key.map(|key| [key; 16]),
        received_at: at(n),
        seed: n,
        raw: format!(r#"{{"From":"{}"}}"#, party(from)).into_bytes(),
        needs: vec![Need::Thread(number(), party(from))],
    }
}

/// A text that comes in: the thread's conversation is made or moved, the text is kept.
fn receive(state: &State, event: &NewEvent) -> Decision {
    let Some(Need::Thread(number, party)) = event.needs.first() else {
        return Decision::Undecided("no thread".to_owned());
    };
    let Some(thread) = state.threads.get(&(*number, party.clone())) else {
        return Decision::Need(event.needs.clone());
    };
    let mut ids = Ids::new(event.received_at, event.seed);
    let mut conversation = match thread.conversations.first() {
        Some(have) => have.clone(),
        None => conversation(&mut ids, *number, party, event.received_at),
    };
    conversation.version += 1;
    conversation.preview = format!("text {}", conversation.version);
    let message = message(&mut ids, &conversation, event);
    Decision::Done(Box::new(Turn {
        writes: vec![
            Write::Conversation(Box::new(conversation)),
            Write::Message(Box::new(message)),
        ],
        rule: "test",
        account: Some(id(2)),
        ..Turn::default()
    }))
}

fn conversation(ids: &mut Ids, number: NumberId, party: &Party, at: Timestamp) -> Conversation {
    Conversation {
        id: ids.fresh(),
        account: id::<AccountId>(2),
        program: id::<ProgramId>(3),
        number,
        party: party.clone(),
        contact: None,
        state: ConversationState::Open,
        route: Route::Group(id::<GroupId>(4)),
        assignment: None,
        tags: vec!["lead".to_owned()],
        priority: false,
        flagged: true,
        unread: true,
        preview: String::new(),
        last_at: at,
        auto_replied_at: None,
        created_at: at,
        version: 0,
    }
}

fn message(ids: &mut Ids, of: &Conversation, event: &NewEvent) -> Message {
    Message {
        id: ids.fresh(),
        account: of.account,
        conversation: of.id,
        number: of.number,
        party: of.party.clone(),
        kind: MessageKind::Automated,
        text: "Grüße, \"quoted\" \\ 'and' 🙂\0".to_owned(),
        media: vec![crate::model::MediaRef {
            url: "https://media.example.org/1".to_owned(),
            content_type: "image/png".to_owned(),
        }],
        status: MessageStatus::Queued,
        via: Via::Text,
        segments: 1,
        carrier_id: None,
        reason: None,
        author: None,
        run: None,
        contact: None,
        event: Some(event.id),
        created_at: event.received_at,
        due_at: Some(event.received_at),
        attempts: 0,
    }
}

async fn take(bench: &Bench, batch: Vec<NewEvent>) -> Vec<Answer> {
    bench
        .store
        .turn(NodeScope::daemon(), batch, |state, _, event| {
            receive(state, event)
        })
        .await
        .unwrap()
}

/// What stands in a thread, through the same door.
async fn thread(bench: &Bench, from: u8) -> crate::model::turn::Thread {
    let found = Arc::new(std::sync::Mutex::new(None));
    let out = found.clone();
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let nth = LOOKS.fetch_add(1, Ordering::Relaxed) as u64;
    let look = event(900_000 + nth, None, from);
    bench
        .store
        .turn(NodeScope::daemon(), vec![look], move |state, _, _| {
            *out.lock().unwrap() = state.threads.values().next().cloned();
            Decision::Done(Box::default())
        })
        .await
        .unwrap();
    found.lock().unwrap().take().unwrap()
}

fn is_repeat(answer: &Answer) -> bool {
    matches!(answer, Answer::Repeat { .. })
}

on_both! {
    async fn events_are_read_back_in_order(bench: Bench) {
        for n in 0..5_u64 {
            take(&bench, vec![event(n * 1_000, None, 1)]).await;
        }
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let all = store.events_since(scope, at(1_000), None, 3).await.unwrap();
        let seeds: Vec<i64> = all.iter().map(|event| event.seed).collect();
        assert_eq!(seeds, [1_000, 2_000, 3_000]);
        assert_eq!((all[0].connection.as_str(), all[0].received_at), ("twilio", at(1_000)));
        assert!(all[0].raw.contains("From"));
        let rest = store.events_since(scope, at(0), Some(all[2].id), 10).await.unwrap();
        assert_eq!(rest.len(), 1);
    }

    async fn what_is_written_comes_back(bench: Bench) {
        let answers = take(&bench, vec![event(1, Some(1), 1)]).await;
        let Answer::Decided { turn } = &answers[0] else { panic!("{answers:?}") };
        let found = thread(&bench, 1).await;
        let [Write::Conversation(row), Write::Message(text)] = &turn.writes[..] else { panic!() };
        assert_eq!(found.conversations, [(**row).clone()]);
        assert_eq!(found.lately.automated(), [at(1)]);
        let needs = vec![Need::Message(text.id)];
        let wanted = text.clone();
        let look = NewEvent { needs, ..event(2, None, 1) };
        let answers = bench.store.turn(NodeScope::daemon(), vec![look], move |state, _, _| {
            let found = state.messages.values().next().unwrap().clone().unwrap();
            let text = wanted.text.replace('\0', "\u{fffd}");
            assert_eq!(found, Message { text, ..(*wanted).clone() });
            Decision::Done(Box::default())
        }).await.unwrap();
        assert!(matches!(answers[0], Answer::Decided { .. }), "{answers:?}");
    }

    async fn repeats_have_one_effect(bench: Bench) {
        // In one batch, in the next, and after a restart; another connection's key is another key.
        let batch = vec![event(1, Some(1), 1), event(2, Some(1), 1), event(3, Some(2), 1)];
        let answers = take(&bench, batch).await;
        assert_eq!(answers.iter().map(is_repeat).collect::<Vec<_>>(), [false, true, false]);
        let answers = take(&bench, vec![event(4, Some(1), 1), event(5, None, 1), event(6, None, 1)]).await;
        assert_eq!(answers.iter().map(is_repeat).collect::<Vec<_>>(), [true, false, false]);
        let bench = bench.reopened().await;
        let other = NewEvent { connection: "telnyx".to_owned(), ..event(8, Some(1), 1) };
        let answers = take(&bench, vec![event(7, Some(2), 1), other]).await;
        assert_eq!(answers.iter().map(is_repeat).collect::<Vec<_>>(), [true, false]);
        assert_eq!(thread(&bench, 1).await.conversations[0].version, 5);
    }

    async fn a_repeat_gets_the_first_answer(bench: Bench) {
        let script = || crate::model::CallScript {
            key: crate::model::CallbackKey::Call(id(5), 1),
            verbs: vec![crate::model::CallVerb::Hangup],
        };
        let wanted = serde_json::to_string(&script()).unwrap();
        let decide = move |_: &State, _: usize, _: &NewEvent| {
            let answer = Some(script());
            Decision::Done(Box::new(Turn { answer, ..Turn::default() }))
        };
        let batch = vec![event(1, Some(1), 1), event(2, Some(1), 1)];
        let answers = bench.store.turn(NodeScope::daemon(), batch, decide).await.unwrap();
        assert_eq!(answers[1], Answer::Repeat { answer: Some(wanted.clone()) });
        // Known already, and twice in one batch.
        let batch = vec![event(3, Some(1), 1), event(4, Some(1), 1)];
        let answers = bench.store.turn(NodeScope::daemon(), batch, decide).await.unwrap();
        let repeat = Answer::Repeat { answer: Some(wanted) };
        assert_eq!(answers, [repeat.clone(), repeat]);
    }

    async fn events_of_one_thread_see_each_other(bench: Bench) {
        let answers = take(&bench, (1..=5).map(|n| event(n, Some(n as u8), 1)).collect()).await;
        assert_eq!(answers.len(), 5);
        let found = thread(&bench, 1).await;
        assert_eq!(found.conversations.len(), 1);
        assert_eq!((found.conversations[0].version, &found.conversations[0].preview[..]), (5, "text 5"));
        assert_eq!(found.lately.automated().len(), 5);
    }

    async fn one_bad_event_spoils_nothing(bench: Bench) {
        let batch: Vec<NewEvent> = (1..=4).map(|n| event(n, Some(n as u8), n as u8)).collect();
        let answers = bench.store.turn(NodeScope::daemon(), batch, |state, place, event| match place {
            1 => panic!("poison"),
            2 => {
                // Two rows with one id: the database refuses the second.
                let Decision::Done(mut turn) = receive(state, event) else { return receive(state, event) };
                let twice = ThreadEvent {
                    id: id(77), account: id(2), conversation: id(8), at: event.received_at, by: None,
                    kind: ThreadEventKind::Closed,
                };
                turn.writes.push(Write::ThreadEvent(Box::new(twice.clone())));
                turn.writes.push(Write::ThreadEvent(Box::new(twice)));
                Decision::Done(turn)
            }
            _ => receive(state, event),
        }).await.unwrap();
        let told: Vec<&str> = answers.iter().map(|answer| match answer {
            Answer::Decided { .. } => "decided",
            Answer::Repeat { .. } => "repeat",
            Answer::Undecided(_) => "undecided",
        }).collect();
        assert_eq!(told, ["decided", "undecided", "undecided", "decided"]);
        assert_eq!(thread(&bench, 1).await.conversations.len(), 1);
        assert_eq!(thread(&bench, 3).await.conversations.len(), 0);
        let again = take(&bench, (1..=4).map(|n| event(n + 10, Some(n as u8), n as u8)).collect()).await;
        assert!(again.iter().all(is_repeat), "{again:?}");
    }

    async fn what_is_asked_for_later_is_loaded_for_all(bench: Bench) {
        take(&bench, (1..=6).map(|n| event(n, None, n as u8)).collect()).await;
        let looks = Arc::new(AtomicUsize::new(0));
        let count = looks.clone();
        let batch = (11..=16).map(|n| {
            let mut event = event(n, None, (n - 10) as u8);
            event.needs.insert(0, Need::Run(id(9)));
            event
        }).collect();
        let answers = bench.store.turn(NodeScope::daemon(), batch, move |state, _, event| {
            count.fetch_add(1, Ordering::Relaxed);
            let mut event = event.clone();
            event.needs.remove(0);
            receive(state, &event)
        }).await.unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Decided { .. })), "{answers:?}");
        assert_eq!(looks.load(Ordering::Relaxed), 6);
    }

    async fn keys_that_nobody_could_judge_are_not_kept(bench: Bench) {
        let hooks = ["gather", "call"];
        let batch = (1..).zip(hooks).map(|(n, hook)| NewEvent { hook: hook.to_owned(), raw: b"{\"Digits\":\"1234\"}".to_vec(), ..event(n, None, 1) });
        let refuse = |_: &State, _: usize, _: &NewEvent| Decision::Undecided("poison".to_owned());
        bench.store.turn(NodeScope::daemon(), batch.collect(), refuse).await.unwrap();
        let sql = sql!("SELECT doc!(e: hook text, raw text) FROM event e");
        let kept: Vec<serde_json::Value> = bench.store.inner.pools.list("event", sql, &[]).await.unwrap();
        assert_eq!(kept.len(), 2);
        for row in kept {
            assert_eq!(row["raw"].as_str().unwrap().contains("1234"), row["hook"] == "call", "{row}");
        }
    }

    async fn a_status_only_moves_forward(bench: Bench) {
        let answers = take(&bench, vec![event(1, None, 1)]).await;
        let Answer::Decided { turn } = &answers[0] else { panic!() };
        let Write::Message(text) = &turn.writes[1] else { panic!() };
        let message = text.id;
        use MessageStatus::*;
        for (n, changes, left) in [
            (2, vec![Sent], Sent),
            (3, vec![Accepted], Sent),
            (4, vec![Canceled], Sent),
            (5, vec![Accepted, Delivered, Sent], Delivered),
            (6, vec![Undelivered], Delivered),
        ] {
            let decide = move |_: &State, _: usize, event: &NewEvent| {
                let writes = changes.iter().map(|status| Write::MessageStatus(StatusChange {
                    message, status: *status, carrier_id: Some(format!("SM{n}")), reason: None, at: event.received_at,
                }));
                Decision::Done(Box::new(Turn { writes: writes.collect(), ..Turn::default() }))
            };
            bench.store.turn(NodeScope::daemon(), vec![event(n, None, 1)], decide).await.unwrap();
            let look = NewEvent { needs: vec![Need::Message(message)], ..event(n + 100, None, 1) };
            bench.store.turn(NodeScope::daemon(), vec![look], move |state, _, _| {
                let found = state.messages[&message].clone().unwrap();
                assert_eq!((found.status, found.due_at, found.carrier_id.as_deref()), (left, None, Some("SM2")));
                Decision::Done(Box::default())
            }).await.unwrap();
        }
    }

    async fn the_ledger_keeps_the_latest_of_a_scope(bench: Bench) {
        let scope = ConsentScope::Number(number());
        let says = |n: u128, verdict, at| ConsentEntry {
            id: id(n), party: party(1), scope, verdict, at, source: "text".to_owned(), event: None,
        };
        let entries = vec![
            vec![says(1, Consent::Out, at(1)), says(2, Consent::In, at(2))],
            vec![says(3, Consent::Out, at(1))],
            vec![says(4, Consent::Out, at(2))],
            vec![says(5, Consent::In, at(2))],
        ];
        for (n, entries) in entries.into_iter().enumerate() {
            let decide = move |_: &State, _: usize, _: &NewEvent| {
                let writes = entries.iter().map(|entry| Write::Consent(Box::new(entry.clone())));
                Decision::Done(Box::new(Turn { writes: writes.collect(), ..Turn::default() }))
            };
            bench.store.turn(NodeScope::daemon(), vec![event(n as u64, None, 1)], decide).await.unwrap();
        }
        let found = thread(&bench, 1).await.consents;
        assert_eq!(found, [says(4, Consent::Out, at(2))]);
    }

    async fn batches_at_once_lose_nothing(bench: Bench) {
        // Two handles, as two nodes have on PostgreSQL; on SQLite one.
        let other = if bench.is_postgres() { crate::store::Store::open(&bench.at).await.unwrap() } else { bench.store.clone() };
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..40_u64 {
            let store = if n % 2 == 0 { bench.store.clone() } else { other.clone() };
            // Half of the keys come twice, over both handles.
            let batch = (0..5_u64).map(|k| event(1_000 + n * 10 + k, Some((n / 2 * 5 + k) as u8), (k % 3) as u8)).collect();
            tasks.spawn(async move {
                store.turn(NodeScope::daemon(), batch, |state, _, event| receive(state, event)).await
            });
        }
        let mut decided = 0;
        while let Some(answers) = tasks.join_next().await {
            let answers = answers.unwrap().unwrap();
            decided += answers.iter().filter(|answer| matches!(answer, Answer::Decided { .. })).count();
        }
        assert_eq!(decided, 100);
        let mut versions = 0;
        for from in 0..3 {
            let found = thread(&bench, from).await;
            assert_eq!(found.conversations.len(), 1);
            versions += found.conversations[0].version;
        }
        assert_eq!(versions, 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_segments_are_remembered() {
    let mut bench = Bench::sqlite().await;
    bench.store.seen().await.unwrap().unwrap().segment_max = 20;
    for n in 0..10_u64 {
        let batch = (0..10)
            .map(|k| event(n * 10 + k, Some((n * 10 + k) as u8), 1))
            .collect();
        take(&bench, batch).await;
        wait_for_sealing(&bench).await;
    }
    for round in 0..2 {
        let batch = (0..100)
            .map(|n| event(1_000 + n, Some(n as u8), 1))
            .collect();
        assert!(take(&bench, batch).await.iter().all(is_repeat));
        assert!(!is_repeat(
            &take(&bench, vec![event(round * 10_000 + 2_000, None, 1)]).await[0]
        ));
        bench = bench.reopened().await;
    }
    let store = &bench.store;
    let long_ago = store.forget_keys(NodeScope::daemon(), at(0), 100).await;
    assert_eq!(long_ago.unwrap(), 0);
    while store
        .forget_keys(NodeScope::daemon(), at(50), 5)
        .await
        .unwrap()
        >= 5
    {}
    let answers = take(
        &bench,
        vec![event(3_000, Some(0), 1), event(3_001, Some(99), 1)],
    )
    .await;
    assert_eq!(
        answers.iter().map(is_repeat).collect::<Vec<_>>(),
        [false, true]
    );
}

/// Entries of a table of what parties are known by.
async fn entries(bench: &Bench, table: &str) -> i64 {
    let crate::store::pools::Pools::Lite(lite) = &bench.store.inner.pools else {
        panic!()
    };
    let count = format!("SELECT count(*) FROM {table}");
    lite.on_writer(|writer| writer.query_row(&count, [], |row| row.get(0)))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_known_before_while_and_after_his_entry_is_moved() {
    let mut bench = Bench::sqlite().await;
    let few = bench.store.with_recent(|recent| recent.max = 25);
    few.await.unwrap();
    for n in 0..60_u8 {
        take(&bench, vec![event(u64::from(n), None, n)]).await;
        // Whoever wrote before is asked for while entries are moved.
        let found = thread(&bench, n / 2).await;
        assert_eq!(
            (found.conversations.len(), found.lately.automated().len()),
            (1, 1)
        );
    }
    // The first move begins at the 25th stranger; some later ones may still wait for the next.
    while entries(&bench, "party_index").await < 25 {
        tokio::task::yield_now().await;
    }
    drop(bench.store.inner.moving.lock().await);
    let moved = entries(&bench, "party_index").await;
    let new = entries(&bench, "party_recent").await;
    assert!(new < 60 && moved + new >= 60, "{moved}, {new}");
    for _ in 0..2 {
        for n in 0..60 {
            let found = thread(&bench, n).await;
            assert_eq!(
                (found.conversations.len(), found.lately.automated().len()),
                (1, 1)
            );
        }
        bench = bench.reopened().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_move_is_not_taken_for_moved() {
    let bench = Bench::sqlite().await;
    let few = bench.store.with_recent(|recent| recent.max = 5);
    few.await.unwrap();
    for n in 0..5_u8 {
        take(&bench, vec![event(u64::from(n), None, n)]).await;
    }
    while entries(&bench, "party_index").await < 5 {
        tokio::task::yield_now().await;
    }
    drop(bench.store.inner.moving.lock().await);
    take(&bench, vec![event(5, None, 5)]).await;
    let crate::store::pools::Pools::Lite(lite) = &bench.store.inner.pools else {
        panic!()
    };
    let last = "SELECT max(seq) FROM party_recent";
    let last = lite.on_writer(|writer| writer.query_row(last, [], |row| row.get::<_, i64>(0)));
    assert_eq!(last.await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_whose_text_was_not_saved_is_not_known() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, None, 1)]).await;
    limit_pages(&bench, 1).await;
    let mut event = event(2, None, 2);
    event.raw = vec![b'x'; 200_000];
    let refused = bench
        .store
        .turn(NodeScope::daemon(), vec![event], |state, _, event| {
            receive(state, event)
        });
    assert!(matches!(refused.await, Err(StoreError::Full)));
    limit_pages(&bench, 100_000).await;
    let known = bench
        .store
        .with_recent(|recent| [1, 2].map(|n| recent.of(&party(n)).count()));
    assert_eq!(known.await.unwrap(), [1, 0]);
}

async fn wait_for_sealing(bench: &Bench) {
    while bench.store.seen().await.unwrap().unwrap().is_sealing() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, Some(1), 1)]).await;
    limit_pages(&bench, 200).await;
    let mut kept = Vec::new();
    let mut refused = None;
    for n in 2..200_u64 {
        let mut event = event(n, Some(n as u8), n as u8 % 90);
        event.raw = vec![b'x'; 20_000];
        let done = bench
            .store
            .turn(NodeScope::daemon(), vec![event], |state, _, event| {
                receive(state, event)
            })
            .await;
        match done {
            Ok(_) => kept.push(n),
            Err(error) => {
                assert!(matches!(error, StoreError::Full), "{error}");
                refused = Some(n);
                break;
            }
        }
    }
    let refused = refused.unwrap();
    limit_pages(&bench, 100_000).await;
    let again = kept.iter().map(|n| event(1_000 + n, Some(*n as u8), 1));
    let batch: Vec<NewEvent> = again
        .chain([event(5_000, Some(refused as u8), 1)])
        .collect();
    let answers = take(&bench, batch).await;
    let (last, rest) = answers.split_last().unwrap();
    assert!(!is_repeat(last) && rest.iter().all(is_repeat));
}

async fn limit_pages(bench: &Bench, pages: u32) {
    let crate::store::pools::Pools::Lite(lite) = &bench.store.inner.pools else {
        panic!()
    };
    lite.on_writer(|writer| writer.pragma_update(None, "max_page_count", pages))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_process_receives_on_a_file() {
    let bench = Bench::sqlite().await;
    take(&bench, vec![event(1, None, 1)]).await;
    let other = crate::store::Store::open(&bench.at).await.unwrap();
    let refused = other.prepare_to_receive(NodeScope::daemon()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: ./check"]
async fn a_server_that_went_away_acknowledges_nothing_and_is_found_again() {
    let server = crate::services::Postgres::own(true);
    let bench = Bench::on(&server).await;
    take(&bench, vec![event(1, Some(1), 1)]).await;
    server.crash();
    let batch = vec![event(2, Some(2), 1)];
    let refused = bench
        .store
        .turn(NodeScope::daemon(), batch, |state, _, event| {
            receive(state, event)
        })
        .await;
    assert!(
        matches!(&refused, Err(error) if error.retryable()),
        "{refused:?}"
    );
    assert!(bench.store.ping().await.is_err());
    server.run();
    let answers = take(&bench, vec![event(3, Some(1), 1), event(4, Some(2), 1)]).await;
    assert_eq!(
        answers.iter().map(is_repeat).collect::<Vec<_>>(),
        [true, false]
    );
}
