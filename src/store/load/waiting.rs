//! Who waits in the queues of an account.

use crate::model::{AccountId, Timestamp, Waiting};

use super::super::StoreError;
use super::super::both::sql;
use super::super::pools::{Arg, Tx, read};
use super::super::tables::WAITING;
use super::{Loaded, asked, place};

impl Loaded {
    /// Everybody in line, first come first. A row that a run left behind that broke off does not count once its call
    /// or its time is over.
    pub(super) async fn load_waiting(
        &mut self,
        tx: &mut Tx,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if accounts.is_empty() {
            return Ok(());
        }
        let sql = sql!(format!(
            "SELECT r.i, 'waiting', doc!(w: {WAITING}) FROM rows!($1: i i64, id id(acct)) AS r \
             CROSS JOIN waiting w CROSS JOIN call c WHERE w.account_id = r.id AND w.until > $2 \
             AND c.account_id = w.account_id AND c.id = w.call_id AND c.ended_at IS NULL"
        ));
        let none = accounts.iter().map(|account| (*account, Vec::new()));
        self.state.waiting.extend(none);
        let args = [Arg::Text(&asked(accounts)?), Arg::Int(now.micros())];
        for (i, _, doc) in tx.triples(sql, &args).await? {
            let row: Waiting = read("waiting", &doc)?;
            if let Some(account) = place(accounts, i) {
                self.state.waiting.entry(*account).or_default().push(row);
            }
        }
        for account in accounts {
            let rows = self.state.waiting.entry(*account).or_default();
            rows.sort_by_key(Waiting::place);
        }
        Ok(())
    }
}
