//! Several nodes look into lines whose members are the same.

use std::collections::BTreeSet;

use tokio::runtime::Handle;

use super::*;
use crate::model::UserId;
use crate::store::locks::{key_of, take_locks};

/// What another node does meanwhile.
fn meanwhile<T>(handle: &Handle, does: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| handle.block_on(does))
}

/// Whether another node would have to wait before it may ring this user for a line.
async fn is_locked(store: &Store, user: UserId) -> bool {
    let mut tx = store.inner.pools.begin().await.unwrap();
    let keys = BTreeSet::from([key_of(user.uuid(), "rung")]);
    take_locks(&mut tx, &keys, false).await.is_err()
}

fn asked(n: u128) -> NewEvent {
    test_event(n, at(1), Vec::new())
}

fn rings(n: u128, user: u128) -> Leg {
    Leg {
        user: Some(id(user)),
        status: CallStatus::Ringing,
        ..leg(n)
    }
}

fn done(writes: Vec<Write>) -> Decision {
    Decision::Done(Box::new(Turn {
        writes,
        ..Turn::default()
    }))
}

/// One batch: a dial looks at 30 and rings 31, a caller gets in line, and another one asks for 32 when the line is known.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: ./check"]
async fn whoever_may_be_rung_for_a_line_is_looked_at_by_one_node_at_a_time() {
    let bench = Bench::postgres().await;
    write(&bench, 1, Vec::new(), vec![Write::Call(Box::new(call()))]).await;
    let (store, handle) = (bench.store.clone(), Handle::current());
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let mut elsewhere = Some(Write::Leg(Box::new(rings(60, 30))));
    let members = [30, 31, 32].map(id::<UserId>);
    let decide = move |state: &State, place: usize, _: &NewEvent| {
        let knows = |user| state.presence.contains_key(&user);
        match place {
            0 if !knows(members[0]) => {
                Decision::Need(members[..2].iter().copied().map(Need::Presence).collect())
            }
            0 => done(vec![Write::Leg(Box::new(rings(61, 31)))]),
            // Asked beside the dial, to load what all need at once.
            _ if !knows(members[0]) => done(Vec::new()),
            _ if !state.waiting.contains_key(&id(2)) => {
                if let Some(leg) = elsewhere.take() {
                    let rung = store.turn(NodeScope::daemon(), vec![asked(90)], move |_, _, _| {
                        done(vec![leg.clone()])
                    });
                    meanwhile(&handle, rung).unwrap();
                }
                Decision::Need(vec![Need::Waiting(id(2))])
            }
            2 if !knows(members[2]) => Decision::Need(vec![Need::Presence(members[2])]),
            _ => {
                for user in members.iter().filter(|user| knows(**user)) {
                    let alone = meanwhile(&handle, is_locked(&store, *user));
                    let known = state.presence[user];
                    tell.lock()
                        .unwrap()
                        .push((place, user.uuid().as_u128(), known.ringing, alone));
                }
                done(Vec::new())
            }
        }
    };
    let batch = vec![asked(10), asked(11), asked(12)];
    let answers = bench.store.turn(NodeScope::daemon(), batch, decide).await;
    let decided = |answer: &Answer| matches!(answer, Answer::Decided { .. });
    assert!(answers.unwrap().iter().all(decided));
    assert_eq!(
        *told.lock().unwrap(),
        [
            (1, 30, true, true),
            (1, 31, true, true),
            (2, 30, true, true),
            (2, 31, true, true),
            (2, 32, false, true),
        ],
        "place in the batch, member, rings, locked"
    );
    assert!(!is_locked(&bench.store, members[0]).await, "it is over");
}
