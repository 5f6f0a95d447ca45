//! The places that requests of flows take, and which systems are left alone for a while.
//!
//! Nobody's slow system keeps others from theirs. An account has at most half of the requests under way, and at most 16
//! of them at one origin. It may have as many that wait or are under way as are left free for all others: one account
//! alone has half of [`Circuits::asking`], two a third each, and whoever comes next still finds a place.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::model::{AccountId, Timestamp};

/// After so many failures in a row an origin is left alone for a while.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone; then one request tries whether it answers again.
const OPEN: Duration = Duration::from_secs(30);
/// Requests of one account to one origin at a time.
const ORIGIN_IN_FLIGHT_MAX: usize = 16;
/// Requests that are claimed beyond those under way, and wait for a place.
const WAITING_MAX: usize = 1_000;
/// Accounts and origins remembered besides those in use. Those that have not failed are forgotten first, then those
/// that failed longest ago.
const ORIGINS_MAX: usize = 1_000;

/// Whose requests, and to which origin. One account's requests, which may be what breaks a system, shall not close it
/// to the others.
pub(super) type Way = (AccountId, String);

/// What is remembered of the systems that flows ask, and the places that requests take.
#[derive(Debug)]
pub(in crate::daemon) struct Circuits {
    ways: Mutex<HashMap<Way, Circuit>>,
    accounts: Mutex<Accounts>,
    /// All requests under way.
    places: Semaphore,
    /// How many of them one account may have.
    account_in_flight_max: usize,
    /// All requests that wait or are under way, and how many they may be.
    asking: Arc<Semaphore>,
    asking_max: usize,
}

#[derive(Debug)]
struct Circuit {
    /// In a row.
    failures: u32,
    failed_at: Option<Timestamp>,
    open_until: Option<Timestamp>,
    places: Arc<Semaphore>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            failures: 0,
            failed_at: None,
            open_until: None,
            places: Arc::new(Semaphore::new(ORIGIN_IN_FLIGHT_MAX)),
        }
    }
}

impl Circuit {
    fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| until > now)
    }

    /// Whether somebody has a place or waits for one.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.places) > 1
    }

    /// Whether forgetting it would change nothing. One that has failed is known until it answers: its failures count
    /// towards the pause, and after the pause only one request may try.
    fn is_idle(&self) -> bool {
        self.failures == 0 && !self.is_in_use()
    }
}

/// The accounts whose requests wait or are under way.
#[derive(Debug, Default)]
struct Accounts {
    shares: HashMap<AccountId, Share>,
    /// All their requests.
    asking: usize,
}

#[derive(Debug)]
struct Share {
    asking: usize,
    /// Its places among those under way.
    places: Arc<Semaphore>,
}

/// What a request holds while it waits or is under way.
#[derive(Debug)]
struct Asking<'c> {
    of: &'c Circuits,
    account: AccountId,
    places: Arc<Semaphore>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut accounts = self.of.accounts();
        accounts.asking = accounts.asking.saturating_sub(1);
        if let Entry::Occupied(mut share) = accounts.shares.entry(self.account) {
            let left = share.get().asking.saturating_sub(1);
            share.get_mut().asking = left;
            if left == 0 {
                share.remove();
            }
        }
    }
}

/// What a request holds while it is under way.
#[derive(Debug)]
pub(super) struct Held<'c> {
    _of_way: OwnedSemaphorePermit,
    _of_account: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'c>,
    _asking: Asking<'c>,
}

impl Circuits {
    /// With so many requests under way at a time.
    pub(in crate::daemon) fn new(in_flight_max: usize) -> Self {
        let asking_max = in_flight_max + WAITING_MAX;
        Self {
            ways: Mutex::default(),
            accounts: Mutex::default(),
            places: Semaphore::new(in_flight_max),
            account_in_flight_max: in_flight_max.div_ceil(2),
            asking: Arc::new(Semaphore::new(asking_max)),
            asking_max,
        }
    }

    /// The places of all requests that wait or are under way. A request is claimed when there is one of these, and holds
    /// it until it is told of; the others stay in the store.
    pub(in crate::daemon) fn asking(&self) -> Arc<Semaphore> {
        self.asking.clone()
    }

    fn ways(&self) -> MutexGuard<'_, HashMap<Way, Circuit>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request of this account, unless it has more than are left for the others.
    fn ask(&self, account: AccountId) -> Result<Asking<'_>, &'static str> {
        let mut accounts = self.accounts();
        let free = self.asking_max.saturating_sub(accounts.asking);
        let has = accounts.shares.get(&account);
        if has.map_or(0, |share| share.asking) >= free {
            return Err("too_many");
        }
        accounts.asking += 1;
        let share = accounts.shares.entry(account).or_insert_with(|| Share {
            asking: 0,
            places: Arc::new(Semaphore::new(self.account_in_flight_max)),
        });
        share.asking += 1;
        Ok(Asking {
            of: self,
            account,
            places: share.places.clone(),
        })
    }

    /// The places of this way, unless it is closed now.
    fn places_of(&self, way: &Way, now: Timestamp) -> Result<Arc<Semaphore>, &'static str> {
        let mut ways = self.ways();
        if ways.len() >= ORIGINS_MAX && !ways.contains_key(way) {
            make_room(&mut ways);
        }
        let circuit = ways.entry(way.clone()).or_default();
        match circuit.is_open(now) {
            true => Err("circuit_open"),
            false => Ok(circuit.places.clone()),
        }
    }

    /// Waits for a place, at most so long.
    pub(super) async fn place(
        &self,
        way: &Way,
        now: Timestamp,
        wait: Duration,
    ) -> Result<Held<'_>, &'static str> {
        let asking = self.ask(way.0)?;
        let of_way = self.places_of(way, now)?;
        // The narrowest first: who waits for a slow system, or for its own account's, keeps nobody from another.
        let held = async {
            let of_way = of_way.acquire_owned().await.ok()?;
            let of_account = asking.places.clone().acquire_owned().await.ok()?;
            let of_all = self.places.acquire().await.ok()?;
            Some(Held {
                _of_way: of_way,
                _of_account: of_account,
                _of_all: of_all,
                _asking: asking,
            })
        };
        let held = tokio::time::timeout(wait, held).await;
        held.ok().flatten().ok_or("too_many")
    }

    /// Whether a request that has its place may be made now; if so it must be told what came of it.
    pub(super) fn enter(&self, way: &Way, now: Timestamp) -> Result<(), &'static str> {
        let mut ways = self.ways();
        let circuit = ways.entry(way.clone()).or_default();
        if circuit.is_open(now) {
            return Err("circuit_open");
        }
        if circuit.failures >= FAILURES_MAX {
            // This one tries; the others wait for what comes of it.
            circuit.open_until = Some(now + OPEN);
        }
        Ok(())
    }

    pub(super) fn leave(&self, way: &Way, answered: bool, now: Timestamp) {
        let mut ways = self.ways();
        let Some(circuit) = ways.get_mut(way) else {
            return;
        };
        if answered {
            (circuit.failures, circuit.failed_at, circuit.open_until) = (0, None, None);
            return;
        }
        circuit.failures = circuit.failures.saturating_add(1);
        circuit.failed_at = Some(now);
        if circuit.failures >= FAILURES_MAX {
            circuit.open_until = Some(now + OPEN);
        }
    }
}

/// Forgets those of which there is nothing to remember. When all the others fail, the one that failed longest ago is
/// forgotten: it was asked least of late. Those in use are as few as requests are, and stay.
fn make_room(ways: &mut HashMap<Way, Circuit>) {
    ways.retain(|_, circuit| !circuit.is_idle());
    let unused = ways.iter().filter(|(_, circuit)| !circuit.is_in_use());
    let over = unused.clone().count() >= ORIGINS_MAX;
    let oldest = unused.min_by_key(|(_, circuit)| circuit.failed_at);
    if let Some(oldest) = oldest.map(|(way, _)| way.clone()).filter(|_| over) {
        ways.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    fn account(n: u128) -> AccountId {
        Id::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn way(n: u128, origin: &str) -> Way {
        (account(n), origin.to_owned())
    }

    impl Circuits {
        /// A request that is not answered.
        fn fails(&self, way: &Way, now: Timestamp) {
            self.places_of(way, now).unwrap();
            self.enter(way, now).unwrap();
            self.leave(way, false, now);
        }

        /// As many others as are remembered twice over, none of which has failed.
        fn passes_many(&self, now: Timestamp) {
            for n in 1..=2 * ORIGINS_MAX {
                self.places_of(&way(n as u128, "https://many"), now)
                    .unwrap();
            }
        }
    }

    #[test]
    fn who_does_not_answer_is_left_alone_for_a_while() {
        let circuits = Circuits::new(64);
        let (a, b, others) = (
            way(1, "https://a"),
            way(1, "https://b"),
            way(2, "https://a"),
        );
        let fails = |now| circuits.fails(&a, now);
        (0..4).for_each(|second| fails(at(second)));
        assert_eq!(circuits.enter(&b, at(4)), Ok(()));
        fails(at(4));
        assert_eq!(circuits.enter(&a, at(5)), Err("circuit_open"));
        assert_eq!(circuits.places_of(&a, at(5)).err(), Some("circuit_open"));
        assert_eq!(circuits.enter(&b, at(5)), Ok(()), "other systems go on");
        assert_eq!(
            circuits.enter(&others, at(5)),
            Ok(()),
            "so do other accounts"
        );
        // After the pause one tries, and the others wait for it.
        assert_eq!(circuits.enter(&a, at(34)), Ok(()));
        assert_eq!(circuits.enter(&a, at(34)), Err("circuit_open"));
        circuits.leave(&a, false, at(35));
        assert_eq!(circuits.enter(&a, at(60)), Err("circuit_open"));
        assert_eq!(circuits.enter(&a, at(65)), Ok(()));
        circuits.leave(&a, true, at(66));
        assert_eq!(circuits.enter(&a, at(66)), Ok(()));
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_for_one_within_its_time() {
        let circuits = Circuits::new(2 * ORIGIN_IN_FLIGHT_MAX + 2);
        let (a, b) = (way(1, "https://a"), way(1, "https://b"));
        let wait = Duration::from_millis(50);
        let mut held = Vec::new();
        for _ in 0..ORIGIN_IN_FLIGHT_MAX {
            held.push(circuits.place(&a, at(0), wait).await.unwrap());
        }
        let full = circuits.place(&a, at(0), wait).await;
        assert_eq!(full.err(), Some("too_many"));
        // Those who wait for a slow system keep nobody from another.
        let (got, other) = tokio::join!(circuits.place(&a, at(0), wait), async {
            let other = circuits.place(&b, at(0), wait).await;
            held.pop();
            other
        });
        assert!(got.is_ok() && other.is_ok());
        // The account has its half; that of the others is free.
        let full = circuits.place(&b, at(0), wait).await;
        assert_eq!(full.err(), Some("too_many"));
        for n in 0..=ORIGIN_IN_FLIGHT_MAX {
            let other = way(2 + n as u128, "https://a");
            held.push(circuits.place(&other, at(0), wait).await.unwrap());
        }
        // All places are taken now, whoever asks.
        let full = circuits.place(&way(99, "https://c"), at(0), wait).await;
        assert_eq!(full.err(), Some("too_many"));
        drop((held, got, other));
        assert_eq!(
            circuits.places.available_permits(),
            2 * ORIGIN_IN_FLIGHT_MAX + 2
        );
        let accounts = circuits.accounts();
        assert_eq!((accounts.asking, accounts.shares.len()), (0, 0));
    }

    #[test]
    fn an_account_leaves_as_many_places_to_the_others_as_it_has() {
        let circuits = Circuits::new(200);
        let takes = |n: u128| -> Vec<Asking<'_>> {
            std::iter::from_fn(|| circuits.ask(account(n)).ok()).collect()
        };
        let first = takes(1);
        let second = takes(2);
        let third = takes(3);
        assert_eq!((first.len(), second.len(), third.len()), (600, 300, 150));
        assert_eq!(circuits.ask(account(1)).err(), Some("too_many"));
        // What one gives back the others may have.
        drop(first);
        assert_eq!(takes(2).len(), 225);
        drop((second, third));
        assert_eq!(circuits.accounts().asking, 0);
    }

    #[test]
    fn ways_that_nothing_is_to_be_remembered_of_are_forgotten() {
        let circuits = Circuits::new(64);
        let used = way(0, "https://used");
        let places = circuits.places_of(&used, at(5)).unwrap();
        circuits.passes_many(at(5));
        let ways = circuits.ways();
        assert!(ways.len() <= ORIGINS_MAX, "{}", ways.len());
        assert!(Arc::ptr_eq(&ways[&used].places, &places));
    }

    #[test]
    fn who_has_failed_is_not_forgotten_until_it_answers() {
        let circuits = Circuits::new(64);
        let a = way(0, "https://a");
        for second in 0..5 {
            circuits.fails(&a, at(second));
            circuits.passes_many(at(second));
        }
        assert_eq!(circuits.enter(&a, at(5)), Err("circuit_open"));
        // Its pause is over, and one tries.
        circuits.passes_many(at(40));
        assert_eq!(circuits.enter(&a, at(40)), Ok(()));
        assert_eq!(circuits.enter(&a, at(40)), Err("circuit_open"));
        circuits.leave(&a, true, at(41));
        circuits.passes_many(at(41));
        assert!(!circuits.ways().contains_key(&a));
    }

    #[test]
    fn of_too_many_that_fail_the_one_that_failed_longest_ago_is_forgotten() {
        let circuits = Circuits::new(64);
        let failing = |n: usize| way(n as u128, "https://a");
        for n in 0..ORIGINS_MAX + 10 {
            circuits.fails(&failing(n), at(n as i64));
        }
        let ways = circuits.ways();
        assert_eq!(ways.len(), ORIGINS_MAX);
        assert!(!ways.contains_key(&failing(9)) && ways.contains_key(&failing(10)));
    }
}
