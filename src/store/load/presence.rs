//! Who can be rung.

use std::time::Duration;

use crate::model::people::Presence;
use crate::model::{Timestamp, UserId};

use super::super::StoreError;
use super::super::both::sql;
use super::super::pools::{Arg, Tx, read};
use super::{BUSY_MAX, Loaded, Wanted, asked, place, rung_key};

/// A device does not count as ringing for longer than this, because its end may never have been reported: flows ring
/// for two minutes at most.
const RINGING_MAX: Duration = Duration::from_secs(180);

impl Loaded {
    /// Whether users are locked: the batch has looked into a line, or is about to. Who looks into a line may ring a
    /// member of several accounts, whose other lines must see that.
    pub(super) fn locks_users(&self, wanted: &Wanted) -> bool {
        !self.state.waiting.is_empty() || !wanted.waiting.is_empty()
    }

    /// Whoever was looked at before the batch came to a line, as a dial does, was not locked, and may have been rung by
    /// another node since: they are locked and read as well.
    pub(super) fn look_anew_at_users(&self, wanted: &mut Wanted) {
        if !self.locks_users(wanted) {
            return;
        }
        let known = self.state.presence.keys();
        let free = known.filter(|user| !self.locked.contains(&rung_key(**user)));
        wanted.presence.extend(free.copied());
    }

    pub(super) async fn load_presence(
        &mut self,
        tx: &mut Tx,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if users.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "SELECT r.i, 'presence', obj!( \
              'offline', flag!(EXISTS (SELECT 1 FROM presence p WHERE p.user_id = r.id AND p.offline)), \
              'busy', flag!(EXISTS (SELECT 1 FROM leg l WHERE l.user_id = r.id AND l.status = 'in_progress' AND l.started_at > $2)), \
              'ringing', flag!(EXISTS (SELECT 1 FROM leg l WHERE l.user_id = r.id AND l.status IN ('queued', 'ringing') AND l.started_at > $3)), \
              'rung_at', (SELECT MAX(l.started_at) FROM leg l WHERE l.user_id = r.id), \
              'answered_at', (SELECT MAX(l.started_at) FROM leg l WHERE l.user_id = r.id AND l.accepted)) \
             FROM rows!($1: i i64, id id(user)) AS r"
        );
        let since = (now - BUSY_MAX).micros();
        let rung_since = (now - RINGING_MAX).micros();
        let args = [
            Arg::Text(&asked(users)?),
            Arg::Int(since),
            Arg::Int(rung_since),
        ];
        for (i, _, doc) in tx.triples(sql, &args).await? {
            let row: Presence = read("presence", &doc)?;
            if let Some(user) = place(users, i) {
                let known = self.state.presence.entry(*user);
                known
                    .and_modify(|have| *have = joined(*have, row))
                    .or_insert(row);
            }
        }
        Ok(())
    }
}

/// What is read now, and what this batch has done besides, which is not saved yet. Where what was read at first is over
/// by now the user is left alone until the next look.
fn joined(have: Presence, now: Presence) -> Presence {
    Presence {
        offline: now.offline,
        busy: have.busy || now.busy,
        ringing: have.ringing || now.ringing,
        rung_at: have.rung_at.max(now.rung_at),
        answered_at: have.answered_at.max(now.answered_at),
    }
}
