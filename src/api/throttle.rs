//! Slows down who guesses passwords: so many tries at once, then one now and again.
//!
//! Each try is counted before the password is looked at, so that tries at the same moment cannot slip
//! through together; a right password gives its try back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::Timestamp;

/// Names and addresses remembered.
const REMEMBERED_MAX: usize = 16_384;

/// The time in which all tries come back.
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    User(String),
    Address(Option<IpAddr>),
}

/// The tries of late. For each name and address only the instant is kept when all its tries are back.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// How soon one try comes back.
    back_after: Duration,
    full_again: Mutex<HashMap<Who, Timestamp>>,
}

impl Throttle {
    /// So many tries a minute for each user and each address.
    pub(crate) fn new(attempts_max: u32) -> Self {
        Self {
            back_after: MINUTE / attempts_max.max(1),
            full_again: Mutex::default(),
        }
    }

    /// Counts a try, or says how long to wait.
    pub(crate) fn take(
        &self,
        user: &str,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let mut known = self
            .full_again
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let both = [Who::user(user), Who::address(from)];
        let most = MINUTE.saturating_sub(self.back_after);
        for who in &both {
            let spent = known
                .get(who)
                .map_or(Duration::ZERO, |full| full.since(now));
            if spent > most {
                return Err(spent - most);
            }
        }
        for who in both {
            make_room(&mut known, now);
            let full = known.entry(who).or_insert(now);
            *full = (*full).max(now) + self.back_after;
        }
        Ok(())
    }

    /// The password was right: the user's tries are all back, and the address has this one back.
    pub(crate) fn give_back(&self, user: &str, from: Option<IpAddr>) {
        let mut known = self
            .full_again
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.remove(&Who::user(user));
        if let Some(full) = known.get_mut(&Who::address(from)) {
            *full = *full - self.back_after;
        }
    }
}

impl Who {
    /// A name as typed, cut so that no memory is spent on long ones.
    fn user(user: &str) -> Self {
        Self::User(user.to_lowercase().chars().take(64).collect())
    }

    /// An address; of IPv6 the network, as one person has many addresses.
    fn address(from: Option<IpAddr>) -> Self {
        Self::Address(from.map(|address| match address.to_canonical() {
            IpAddr::V6(long) => {
                let mut parts = long.segments();
                parts[4..].fill(0);
                IpAddr::V6(parts.into())
            }
            short => short,
        }))
    }
}

/// Forgets who has all tries back, and when that frees nothing, whoever is nearest to it.
fn make_room(known: &mut HashMap<Who, Timestamp>, now: Timestamp) {
    if known.len() < REMEMBERED_MAX {
        return;
    }
    known.retain(|_, full| *full > now);
    if known.len() >= REMEMBERED_MAX {
        let first = known.iter().min_by_key(|(_, full)| **full);
        if let Some(who) = first.map(|(who, _)| who.clone()) {
            known.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_guessed_user_has_to_wait_and_others_do_not() {
        let throttle = Throttle::new(10);
        for n in 0..10 {
            let from = Some(IpAddr::from([192, 0, 2, n]));
            assert_eq!(throttle.take("Ana", from, at(0)), Ok(()), "try {n}");
        }
        let other = Some(IpAddr::from([192, 0, 2, 99]));
        let wait = Duration::from_secs(6);
        assert_eq!(throttle.take("ana", other, at(0)), Err(wait));
        assert_eq!(throttle.take("ben", other, at(0)), Ok(()));
        assert_eq!(throttle.take("ana", other, at(6)), Ok(()));
        assert_eq!(throttle.take("ana", other, at(6)), Err(wait));
        throttle.give_back("ana", other);
        assert_eq!(throttle.take("ana", other, at(6)), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_names_has_to_wait() {
        let throttle = Throttle::new(10);
        let near = |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]));
        for n in 0..10 {
            let user = format!("user-{n}");
            assert_eq!(throttle.take(&user, near(n), at(0)), Ok(()), "try {n}");
        }
        assert!(throttle.take("user-11", near(11), at(0)).is_err());
        let far = Some(IpAddr::from([192, 0, 2, 1]));
        assert!(throttle.take("user-11", far, at(0)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1);
        for n in 0..REMEMBERED_MAX + 100 {
            let from = u32::try_from(n).map(|n| IpAddr::from(n.to_be_bytes())).ok();
            let _ = throttle.take(&format!("user-{n}"), from, at(0));
        }
        assert!(throttle.full_again.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
