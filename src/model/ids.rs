//! Ids: one kind each, so that a call's id cannot stand where an account's is wanted.
//!
//! An id is a UUIDv7, sortable by the time it was made, shown as a prefix and 32 lower-case hex digits
//! (`acct_0192…`). New ids come from [`Ids`], which is made of a time and a seed and so is pure.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

use super::Timestamp;

/// A text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_<32 hex digits>")]
pub struct IdError {
    prefix: &'static str,
}

/// The error for a text that holds an id of kind `T` in a wrong place.
pub(crate) fn bad_id<T: Id>() -> IdError {
    IdError { prefix: T::PREFIX }
}

/// What every kind of id can do; made only by the list below.
pub trait Id: Copy {
    /// The letters before the underscore.
    const PREFIX: &'static str;
    /// The id with this UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The bare UUID, as the store keeps it.
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
            fn uuid(self) -> Uuid { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let hex = text.strip_prefix(concat!($prefix, "_")).filter(|hex| hex.len() == 32);
                hex.and_then(|hex| Uuid::try_parse(hex).ok()).map(Self).ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match to.is_human_readable() {
                    true => to.collect_str(self),
                    false => self.0.serialize(to),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if !from.is_human_readable() {
                    return Uuid::deserialize(from).map(Self);
                }
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )* };
}

ids! {
    /// A business unit.
    AccountId "acct";
    /// A part of an account.
    ProgramId "prog";
    /// A member of staff.
    UserId "user";
    /// An ordered list of users.
    GroupId "grp";
    /// One of our numbers.
    NumberId "num";
    /// A configured link to a carrier.
    ConnectionId "conn";
    /// What an account's traffic is billed to.
    CostCentreId "cost";
    /// A person outside.
    ContactId "ctc";
    /// All texts between a contact phone and one of our numbers inside a program.
    ConversationId "conv";
    /// A text, in or out.
    MessageId "msg";
    /// A call.
    CallId "call";
    /// One rung device of a call.
    LegId "leg";
    /// A recorded message.
    VoicemailId "vm";
    /// A caller's place in a queue.
    WaitingId "wait";
    /// One person's way through a flow.
    RunId "run";
    /// An immutable text of a flow.
    RevisionId "rev";
    /// One received event.
    EventId "evt";
    /// A dated line in a conversation.
    ThreadEventId "tev";
    /// One order to a carrier, an e-mail or a notice waiting to leave.
    JobId "job";
    /// A consent ledger entry.
    ConsentId "cons";
    /// A role of an account.
    RoleId "role";
    /// A calendar of an account.
    CalendarId "cal";
}

/// The bits of an id's second half that are drawn.
const RANDOM: u64 = 0x3fff_ffff_ffff_ffff;
/// How many ids one decision is taken to draw at most, by who looks for the one that drew an id.
const DRAWS_MAX: usize = 1_024;

/// A pure source of new ids: the same time and seed give the same ids in the same order.
///
/// The layout is UUIDv7's: 48 bits of milliseconds, then a counter that keeps the order inside one
/// source, then bits mixed from the seed.
#[derive(Debug, Clone)]
pub struct Ids {
    millis: u64,
    counter: u16,
    state: u64,
}

impl Ids {
    /// A source for the decision made at `now` with `seed`.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            millis: u64::try_from(now.millis()).unwrap_or(0),
            counter: 0,
            state: seed,
        }
    }

    /// The next id of the wanted kind.
    pub fn fresh<T: Id>(&mut self) -> T {
        let counter = self.counter;
        self.counter = (self.counter + 1) & 0x0fff;
        let random = self.mix();
        let high = (self.millis << 16) | 0x7000 | u64::from(counter);
        let low = (random & RANDOM) | 0x8000_0000_0000_0000;
        T::from_uuid(Uuid::from_u64_pair(high, low))
    }

    /// The millisecond of the decision in which an id was made.
    pub fn millis_of(id: impl Id) -> i64 {
        i64::try_from(id.uuid().as_u64_pair().0 >> 16).unwrap_or(i64::MAX)
    }

    /// Whether this source makes that id, looked for among the first `DRAWS_MAX` that it draws.
    pub fn makes(&self, id: impl Id) -> bool {
        let (high, low) = id.uuid().as_u64_pair();
        let mut source = self.clone();
        let drawn = || source.mix() & RANDOM == low & RANDOM;
        high >> 16 == self.millis && std::iter::repeat_with(drawn).take(DRAWS_MAX).any(|is| is)
    }

    /// 64 well-mixed bits (SplitMix64, Steele et al. 2014): for ids and for choices such as jitter.
    pub fn mix(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_and_read_back() {
        let id: CallId = Ids::new(Timestamp::from_micros(1_700_000_000_000_000), 7).fresh();
        let shown = id.to_string();
        assert!(shown.starts_with("call_018bcfe5"), "{shown}");
        assert_eq!(shown.parse::<CallId>(), Ok(id));
        assert!(shown.replace("call_", "msg_").parse::<CallId>().is_err());
        assert_eq!(
            serde_json::from_str::<CallId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
    }

    #[test]
    fn ordered_repeatable_and_valid() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let (mut a, mut b) = (Ids::new(now, 1), Ids::new(now, 1));
        let made: Vec<MessageId> = (0..100).map(|_| a.fresh()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| *id == b.fresh::<MessageId>()));
        assert_eq!(made[0].uuid().get_version_num(), 7);
    }

    #[test]
    fn an_id_tells_which_source_made_it() {
        let now = Timestamp::from_micros(1_700_000_000_000_500);
        let mut source = Ids::new(now, 1);
        let _: MessageId = source.fresh();
        source.mix();
        let id: LegId = source.fresh();
        assert_eq!(Ids::millis_of(id), now.millis());
        assert!(Ids::new(now, 1).makes(id));
        assert!(!Ids::new(now, 2).makes(id));
        let later = now + std::time::Duration::from_millis(1);
        assert!(!Ids::new(later, 1).makes(id));
    }
}
