//! Timers, calls with their legs and voicemails, and the store's own upkeep, on both databases.

mod lines;

use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::*;
use crate::model::account::Route;
use crate::model::conversation::{RunRow, ThreadEvent, ThreadEventKind, Voicemail, VoicemailState};
use crate::model::http::{HttpMethod, HttpRequest};
use crate::model::turn::{Decision, Need, State, Turn, Write};
use crate::model::{
    Call, CallStatus, Leg, MediaRef, Message, MessageKind, MessageStatus, Via, Waiting,
};
use crate::store::testing::{Bench, event as test_event, on_both};
use crate::store::{Answer, Backlogs, NewEvent};

const LEASE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000) + Duration::from_secs(seconds)
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn party() -> Party {
    Party::read("+12025550123")
}

fn run(n: u128, call: Option<CallId>, due_at: Option<Timestamp>) -> RunRow {
    RunRow {
        id: id(n),
        account: id(2),
        flow: "front".to_owned(),
        revision: id(3),
        call,
        conversation: None,
        number: id(10),
        party: party(),
        waits_for_text: true,
        asked_at: at(0),
        due_at,
        ended: false,
        state: "{}".to_owned(),
        version: 1,
    }
}

fn call() -> Call {
    Call {
        id: id(50),
        account: id(2),
        number: id(10),
        connection: "twilio".to_owned(),
        carrier_id: "CA1".to_owned(),
        party: party(),
        conversation: None,
        run: Some(id(51)),
        token: None,
        status: CallStatus::Ringing,
        outcome: None,
        turn: 1,
        fetched: 0,
        script: None,
        started_at: at(0),
        ended_at: None,
        version: 1,
    }
}

/// A caller in line since this second.
fn in_line(n: u128, since: u64) -> Waiting {
    Waiting {
        id: id(n),
        account: id(2),
        call: id(50),
        group: id(40),
        user: None,
        since: at(since),
        until: at(600),
        version: 1,
    }
}

fn leg(n: u128) -> Leg {
    Leg {
        id: id(n),
        account: id(2),
        call: id(50),
        user: Some(id(30)),
        phone: "+12025550111".parse().unwrap(),
        carrier_id: None,
        status: CallStatus::Queued,
        room: Some("room".to_owned()),
        accepted: false,
        started_at: at(0),
        version: 1,
    }
}

fn voicemail() -> Voicemail {
    Voicemail {
        id: id(70),
        account: id(2),
        owner: Route::Group(id(40)),
        call: id(50),
        conversation: None,
        party: party(),
        recording: Some("RE1".to_owned()),
        duration_s: 12,
        state: VoicemailState::Awaited,
        blob: None,
        transcript: None,
        heard: false,
        created_at: at(0),
        version: 1,
    }
}

/// Decides one event by `decide`.
async fn turn<D>(bench: &Bench, n: u128, needs: Vec<Need>, decide: D)
where
    D: FnMut(&State, usize, &NewEvent) -> Decision + Send + 'static,
{
    let event = test_event(n, at(1), needs);
    let done = bench
        .store
        .turn(NodeScope::daemon(), vec![event], decide)
        .await
        .unwrap();
    assert!(matches!(done[0], Answer::Decided { .. }), "{done:?}");
}

async fn write(bench: &Bench, n: u128, needs: Vec<Need>, writes: Vec<Write>) {
    turn(bench, n, needs, move |_, _, _| {
        Decision::Done(Box::new(Turn {
            writes: writes.clone(),
            ..Turn::default()
        }))
    })
    .await;
}

/// What is loaded for these needs.
async fn look(bench: &Bench, n: u128, needs: Vec<Need>) -> State {
    let found = Arc::new(Mutex::new(State::default()));
    let out = found.clone();
    turn(bench, n, needs, move |state, _, _| {
        *out.lock().unwrap() = state.clone();
        Decision::Done(Box::default())
    })
    .await;
    std::mem::take(&mut *found.lock().unwrap())
}

on_both! {
    async fn runs_wake_once_a_lease(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let rows = [run(1, None, Some(at(5))), run(2, Some(id(50)), Some(at(6))), run(3, None, None)];
        write(&bench, 1, Vec::new(), rows.map(|row| Write::Run(Box::new(row))).into()).await;
        assert!(store.timers_due(scope, at(4), 10, LEASE).await.unwrap().is_empty());
        assert_eq!(store.backlogs(scope, at(4)).await.unwrap(), Backlogs::default());
        let waiting = store.backlogs(scope, at(8)).await.unwrap();
        assert_eq!((waiting.timers, waiting.timers_since), (2, Some(at(5))));
        let due = store.timers_due(scope, at(6), 10, LEASE).await.unwrap();
        assert_eq!(due.iter().map(|due| (due.run, due.call)).collect::<Vec<_>>(), [(id(1), None), (id(2), Some(id(50)))]);
        assert!(store.timers_due(scope, at(7), 10, LEASE).await.unwrap().is_empty());
        // Who claimed them went away.
        assert_eq!(store.timers_due(scope, at(36), 10, LEASE).await.unwrap().len(), 2);
        // A turn moves one and ends the other.
        let later = RunRow { version: 2, due_at: Some(at(40)), ..run(1, None, None) };
        let ended = RunRow { version: 2, ended: true, ..run(2, Some(id(50)), Some(at(6))) };
        write(&bench, 2, vec![Need::Run(id(1))], [later, ended].map(|row| Write::Run(Box::new(row))).into()).await;
        assert_eq!(store.timers_due(scope, at(40), 10, LEASE).await.unwrap().len(), 1);
        let state = look(&bench, 3, vec![Need::Run(id(1)), Need::Run(id(99))]).await;
        assert_eq!(state.runs[&id(1)], Some((id(10), party())));
        assert_eq!(state.runs[&id(99)], None);
        assert_eq!(state.threads[&(id(10), party())].runs.len(), 2);
    }

    async fn requests_are_claimed_apart_from_other_work(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let mail = |n: u64| JobKind::TellOfVoicemail { to: "ana@example.org".to_owned(), whose: format!("{n}"), seconds: 1 };
        let asks = |n: u64| JobKind::Http {
            run: id(n.into()), call: None, ask: 1,
            request: HttpRequest {
                method: HttpMethod::Get, url: "https://crm.example.org".to_owned(), headers: Vec::new(), body: None, timeout_s: 5,
            },
        };
        let job = |n: u64, kind| Write::Job(Box::new(Job {
            id: id(n.into()), account: id(2), connection: String::new(), kind, due_at: at(n), attempts: 0,
        }));
        let jobs = (1..=6).map(|n| job(n, if n % 2 == 0 { asks(n) } else { mail(n) }));
        write(&bench, 1, Vec::new(), jobs.collect()).await;
        let due = async |lane, limit| {
            let due = store.jobs_due(scope, lane, at(5), limit, LEASE).await.unwrap();
            due.iter().map(|job| job.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        let waiting = store.backlogs(scope, at(5)).await.unwrap();
        assert_eq!((waiting.jobs, waiting.jobs_since), (5, Some(at(1))));
        assert_eq!(due(Lane::Work, 2).await, [1, 3]);
        assert_eq!(due(Lane::Requests, 9).await, [2, 4]);
        assert_eq!((due(Lane::Work, 9).await, due(Lane::Requests, 9).await), (vec![5], vec![]));
    }

    async fn callers_stand_in_line(bench: Bench) {
        let waiting = async |n: u128| look(&bench, n, vec![Need::Waiting(id(2)), Need::Waiting(id(98))]).await.waiting;
        let (first, second) = (in_line(70, 1), in_line(71, 2));
        let rows = vec![
            Write::Call(Box::new(call())), Write::Waiting(Box::new(second.clone())), Write::Waiting(Box::new(first.clone())),
        ];
        write(&bench, 1, Vec::new(), rows).await;
        let found = waiting(10).await;
        assert_eq!((&found[&id(2)], found[&id(98)].len()), (&vec![first.clone(), second.clone()], 0));
        assert_eq!(bench.store.backlogs(NodeScope::daemon(), at(9)).await.unwrap().waiting, 2);
        // One is rung for, the other gives up; who is gone already is gone.
        let rung = Waiting { user: Some(id(30)), version: 2, ..first.clone() };
        let over = Write::WaitingOver(id(2), second.id);
        write(&bench, 2, Vec::new(), vec![Write::Waiting(Box::new(rung.clone())), over.clone(), over]).await;
        assert_eq!(waiting(11).await[&id(2)], std::slice::from_ref(&rung));
        // In one batch a caller may come and go.
        let both = vec![Write::Waiting(Box::new(in_line(72, 3))), Write::WaitingOver(id(2), id(72))];
        write(&bench, 3, Vec::new(), both).await;
        assert_eq!(waiting(12).await[&id(2)], std::slice::from_ref(&rung));
        // What a run left behind counts until its time, or its call, is over.
        let late = Waiting { until: at(1), version: 3, ..rung.clone() };
        write(&bench, 4, Vec::new(), vec![Write::Waiting(Box::new(late))]).await;
        assert_eq!(waiting(13).await[&id(2)], []);
        let again = Waiting { version: 4, ..rung };
        write(&bench, 5, Vec::new(), vec![Write::Waiting(Box::new(again))]).await;
        assert_eq!(waiting(14).await[&id(2)].len(), 1);
        let over = Call { ended_at: Some(at(9)), version: 2, ..call() };
        write(&bench, 6, vec![Need::Call(id(50))], vec![Write::Call(Box::new(over))]).await;
        assert_eq!(waiting(15).await[&id(2)], []);
        assert_eq!(bench.store.forget_waiting(NodeScope::daemon(), at(5)).await.unwrap(), 0);
        assert_eq!(bench.store.forget_waiting(NodeScope::daemon(), at(5_000)).await.unwrap(), 1);
    }

    async fn a_call_comes_back_with_all_that_is_its(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let call_run = run(51, Some(id(50)), None);
        let rows = vec![
            Write::Call(Box::new(call())), Write::Run(Box::new(call_run.clone())),
            Write::Leg(Box::new(leg(61))), Write::Leg(Box::new(leg(60))), Write::Voicemail(Box::new(voicemail())),
        ];
        write(&bench, 1, Vec::new(), rows).await;
        for (seconds, open) in [(9, 1), (9 + 5 * 3_600, 0)] {
            assert_eq!(store.backlogs(scope, at(seconds)).await.unwrap().calls, open);
        }
        for (n, need) in [
            Need::Call(id(50)), Need::Leg(id(60)), Need::CallByCarrier("twilio".to_owned(), "CA1".to_owned()),
        ].into_iter().enumerate() {
            let state = look(&bench, 10 + n as u128, vec![need]).await;
            let found = state.calls[&id(50)].clone().unwrap();
            assert_eq!((found.call, found.run), (call(), Some(call_run.clone())));
            assert_eq!(found.legs, [leg(60), leg(61)]);
        }
        let other = vec![Need::CallByCarrier("telnyx".to_owned(), "CA1".to_owned()), Need::Voicemail(id(50))];
        let state = look(&bench, 20, other).await;
        assert_eq!(state.carrier_calls.values().collect::<Vec<_>>(), [&None]);
        assert_eq!(state.voicemails[&id(50)], [voicemail()]);
        assert!(store.leg_is_wanted(scope, id(60)).await.unwrap());
        let legs = store.legs_since(scope, Timestamp::default(), None, 1).await.unwrap();
        assert_eq!(legs.iter().map(|leg| (leg.id, leg.user, leg.phone)).collect::<Vec<_>>(), [(id(60), leg(60).user, leg(60).phone)]);
        let rest = store.legs_since(scope, Timestamp::default(), Some(id(60)), 5).await.unwrap();
        assert_eq!(rest.iter().map(|leg| leg.id).collect::<Vec<_>>(), [id(61)]);
        let rung = look(&bench, 25, vec![Need::Presence(id(30))]).await.presence[&id(30)];
        assert_eq!((rung.rung_at, rung.answered_at), (Some(leg(60).started_at), None));
        assert_eq!((rung.ringing, rung.busy), (true, false));
        let talking = Leg { status: CallStatus::InProgress, accepted: true, version: 2, ..leg(60) };
        write(&bench, 21, vec![Need::Call(id(50))], vec![Write::Leg(Box::new(talking))]).await;
        assert!(!store.leg_is_wanted(scope, id(60)).await.unwrap());
        let state = look(&bench, 22, vec![Need::Presence(id(30)), Need::Presence(id(31))]).await;
        assert_eq!((state.presence[&id(30)].busy, state.presence[&id(31)].busy), (true, false));
        assert_eq!(state.presence[&id(30)].answered_at, Some(leg(60).started_at));
        let late = bench.store.look(scope, &[Need::Presence(id(30))], at(200)).await.unwrap();
        assert!(state.presence[&id(30)].ringing, "their other device");
        assert!(!late.presence[&id(30)].ringing, "nobody rings for so long: its end was not told");
        assert_eq!((state.presence[&id(31)].rung_at, state.presence[&id(31)].answered_at), (None, None));
        let wanted = async |turn| store.move_is_wanted(scope, id(50), turn).await.unwrap();
        assert_eq!((wanted(0).await, wanted(1).await, wanted(2).await), (false, true, false));
        let there = Call { fetched: 1, version: 2, ..call() };
        write(&bench, 23, vec![Need::Call(id(50))], vec![Write::Call(Box::new(there))]).await;
        assert!(!wanted(1).await, "it has the script");
        let over = Call { ended_at: Some(at(9)), turn: 2, version: 3, ..call() };
        write(&bench, 24, vec![Need::Call(id(50))], vec![Write::Call(Box::new(over))]).await;
        assert!(!wanted(2).await, "it is over");
        assert!(!store.leg_is_wanted(scope, id(61)).await.unwrap());
    }

    async fn files_arrive(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let text = Message {
            id: id(80), account: id(2), conversation: id(81), number: id(10), party: party(), kind: MessageKind::Inbound,
            text: String::new(), media: vec![MediaRef { url: "https://media.example.org/1".to_owned(), content_type: "image/png".to_owned() }],
            status: MessageStatus::Received, via: Via::Text, segments: 1, carrier_id: Some("MM1".to_owned()), reason: None,
            author: None, run: None, contact: None, event: None, created_at: at(0), due_at: None, attempts: 0,
        };
        write(&bench, 1, Vec::new(), vec![Write::Voicemail(Box::new(voicemail())), Write::Message(Box::new(text))]).await;
        assert!(!store.voicemail_is_here(scope, id(70)).await.unwrap());
        store.voicemail_ready(scope, id(70), "recordings/1").await.unwrap();
        store.voicemail_ready(scope, id(70), "recordings/2").await.unwrap();
        store.voicemail_absent(scope, id(70)).await.unwrap();
        assert!(store.voicemail_is_here(scope, id(70)).await.unwrap());
        let state = look(&bench, 2, vec![Need::Voicemail(id(50))]).await;
        let found = &state.voicemails[&id(50)][0];
        assert_eq!((found.state, found.blob.as_deref(), found.version), (VoicemailState::Ready, Some("recordings/1"), 2));
        for _ in 0..2 {
            store.media_ready(scope, id(80), 0, "media/1", "image/png").await.unwrap();
        }
        store.media_ready(scope, id(99), 0, "media/2", "image/png").await.unwrap();
        let line = ThreadEvent {
            id: id(90), account: id(2), conversation: id(81), at: at(0), by: None,
            kind: ThreadEventKind::CallRecorded { call: id(50), seconds: 7, blob: Some("recordings/3".to_owned()) },
        };
        for _ in 0..2 {
            store.add_line(scope, line.clone()).await.unwrap();
        }
        assert!(store.line_is_here(scope, id(90)).await.unwrap());
        assert!(!store.line_is_here(scope, id(91)).await.unwrap());
    }

    async fn a_row_changed_meanwhile_is_decided_again(bench: Bench) {
        // The file arrives between the load and the save: only where there are several writers.
        write(&bench, 1, Vec::new(), vec![Write::Voicemail(Box::new(voicemail()))]).await;
        if !bench.is_postgres() {
            return;
        }
        let (store, handle) = (bench.store.clone(), tokio::runtime::Handle::current());
        let mut first = true;
        turn(&bench, 2, vec![Need::Voicemail(id(50))], move |state, _, _| {
            let found = state.voicemails[&id(50)][0].clone();
            if std::mem::take(&mut first) {
                let store = store.clone();
                let ready = async move { store.voicemail_ready(NodeScope::daemon(), id(70), "recordings/1").await };
                tokio::task::block_in_place(|| handle.block_on(ready)).unwrap();
            }
            let heard = Voicemail { heard: true, version: found.version + 1, ..found };
            Decision::Done(Box::new(Turn { writes: vec![Write::Voicemail(Box::new(heard))], ..Turn::default() }))
        }).await;
        let found = look(&bench, 3, vec![Need::Voicemail(id(50))]).await.voicemails[&id(50)][0].clone();
        assert_eq!((found.heard, found.state, found.version), (true, VoicemailState::Ready, 3));
    }

    async fn work_of_one_node_at_a_time(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        assert!(store.lease_take(scope, "upkeep", "a", at(0), LEASE).await.unwrap());
        assert!(!store.lease_take(scope, "upkeep", "b", at(29), LEASE).await.unwrap());
        assert!(store.lease_take(scope, "upkeep", "a", at(29), LEASE).await.unwrap());
        assert!(!store.lease_take(scope, "upkeep", "b", at(58), LEASE).await.unwrap());
        assert!(store.lease_take(scope, "upkeep", "b", at(59), LEASE).await.unwrap());
    }

    async fn old_events_are_forgotten_a_few_at_a_time(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let millis = u128::try_from(at(0).millis()).unwrap();
        for n in 0..5 {
            write(&bench, ((millis + n) << 80) + n, Vec::new(), Vec::new()).await;
        }
        let before = at(0) + Duration::from_millis(3);
        assert_eq!(store.forget_events(scope, before, 2).await.unwrap(), 2);
        assert_eq!(store.forget_events(scope, before, 2).await.unwrap(), 1);
        assert_eq!(store.forget_events(scope, before, 2).await.unwrap(), 0);
    }
}
