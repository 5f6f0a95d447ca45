//! What the loop guard looks back over: the latest texts of a thread, whoever wrote them.
//!
//! Where a conversation has more of them than are looked through, the earliest go, automated or not. The same is so
//! whether they were read or came in since, one by one or many in a batch, so that the guard always sees the same.

use super::{ConversationId, Id, Message, MessageId, Timestamp};

/// How many automated texts the loop guard looks back over.
pub const AUTOMATED_MAX: usize = 32;
/// How many of a conversation's latest texts are looked through for automated ones.
pub const AUTOMATED_AMONG: usize = 2 * AUTOMATED_MAX;

/// The latest texts of a thread's conversations, at most [`AUTOMATED_AMONG`] of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lately(Vec<LateText>);

/// A text that was made lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateText {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its id, in whose order texts are lately made.
    pub id: MessageId,
    /// When it was made, if it is an automated one.
    pub automated: Option<Timestamp>,
}

impl From<&Message> for LateText {
    fn from(row: &Message) -> Self {
        Self {
            conversation: row.conversation,
            id: row.id,
            automated: row.kind.is_automated().then_some(row.created_at),
        }
    }
}

impl Lately {
    /// Takes in a text.
    pub fn take(&mut self, text: LateText) {
        let place = |one: &LateText| (one.conversation, one.id);
        match self.0.binary_search_by_key(&place(&text), place) {
            Ok(at) => self.0[at] = text,
            Err(at) => self.0.insert(at, text),
        }
        let of = text.conversation;
        let first = self.0.partition_point(|one| one.conversation < of);
        let after = self.0.partition_point(|one| one.conversation <= of);
        if after - first > AUTOMATED_AMONG {
            self.0.remove(first);
        }
    }

    /// Leaves those with this id and later ones.
    pub fn keep_from(&mut self, first: uuid::Uuid) {
        self.0.retain(|text| text.id.uuid() >= first);
    }

    /// When the latest automated ones were made, newest first, at most [`AUTOMATED_MAX`].
    pub fn automated(&self) -> Vec<Timestamp> {
        let mut all: Vec<Timestamp> = self.0.iter().filter_map(|text| text.automated).collect();
        all.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
        all.truncate(AUTOMATED_MAX);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    /// Text `n`, made in that millisecond; every fourth is automated.
    fn text(conversation: u128, n: u128) -> LateText {
        let at = Timestamp::from_micros(i64::try_from(n).unwrap() * 1_000);
        LateText {
            conversation: Id::from_uuid(uuid::Uuid::from_u128(conversation)),
            id: Id::from_uuid(uuid::Uuid::from_u128(n << 80)),
            automated: n.is_multiple_of(4).then_some(at),
        }
    }

    fn of(texts: impl Iterator<Item = LateText>) -> Lately {
        let mut lately = Lately::default();
        texts.for_each(|text| lately.take(text));
        lately
    }

    #[test]
    fn of_each_conversation_the_latest_are_looked_through() {
        let among = AUTOMATED_AMONG as u128;
        let lately = of((1..=100).map(|n| text(1, n)));
        assert_eq!(lately, of((101 - among..=100).map(|n| text(1, n))));
        assert_eq!(lately, of((1..=100).rev().map(|n| text(1, n))));
        assert_eq!(lately.automated().len(), AUTOMATED_AMONG / 4);
        let newest = lately.automated()[0];
        assert_eq!(newest, Timestamp::from_micros(100_000));
        // Others' texts push none of these out, and the newest of all count.
        let both = |n| [text(1, n), text(2, n)].into_iter();
        let two = of((1..=100).flat_map(both));
        assert_eq!(two.0.len(), 2 * AUTOMATED_AMONG);
        assert_eq!(two.automated()[..2], [newest, newest]);
        assert_eq!(two.automated().len(), AUTOMATED_MAX);
    }

    #[test]
    fn what_is_long_ago_is_left_out_and_a_text_stands_once() {
        let mut lately = of((1..=9).chain(3..=9).map(|n| text(1, n)));
        assert_eq!(lately, of((1..=9).map(|n| text(1, n))));
        lately.keep_from(uuid::Uuid::from_u128(5 << 80));
        assert_eq!(lately, of((5..=9).map(|n| text(1, n))));
    }
}
