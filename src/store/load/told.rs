//! Contacts by what stands in their fields, and what accounts have sent.

use serde::Serialize;

use crate::model::AccountId;
use crate::model::people::Contact;
use crate::model::turn::{FieldValue, SAME_VALUE_MAX, Usage};

use super::{Loaded, place};
use crate::store::StoreError;
use crate::store::both::sql;
use crate::store::pools::{Arg, Tx, array, read};
use crate::store::tables::CONTACT;

impl Loaded {
    /// The contacts with these values. A row of the index may outlive a change; the contact has the last word.
    pub(super) async fn load_contacts_with(
        &mut self,
        tx: &mut Tx,
        keys: &[(AccountId, FieldValue)],
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct With<'a> {
            i: usize,
            account: AccountId,
            #[serde(flatten)]
            of: &'a FieldValue,
        }
        if keys.is_empty() {
            return Ok(());
        }
        let asked = keys.iter().enumerate();
        let asked = asked.map(|(i, (account, of))| With {
            i,
            account: *account,
            of,
        });
        let asked: Vec<With<'_>> = asked.collect();
        let sql = sql!(format!(
            "SELECT r.i, 'contact', doc!(p: {CONTACT}) \
             FROM rows!($1: i i64, account_id=account id(acct), field text, value text) AS r CROSS JOIN contact p \
             WHERE p.account_id = r.account_id AND p.id IN (SELECT v.contact_id FROM contact_value v \
              WHERE v.account_id = r.account_id AND v.field = r.field AND v.value = r.value \
              ORDER BY v.contact_id LIMIT {SAME_VALUE_MAX})"
        ));
        let none = keys.iter().map(|key| (key.clone(), Vec::new()));
        self.state.contacts.extend(none);
        for (i, _, doc) in tx.triples(sql, &[Arg::Text(&array(&asked)?)]).await? {
            let row: Contact = read("contact", &doc)?;
            let key = place(keys, i);
            let key = key.filter(|(_, of)| row.compared(&of.field).as_ref() == Some(&of.value));
            if let Some(found) = key.and_then(|key| self.state.contacts.get_mut(key)) {
                found.push(row);
            }
        }
        for key in keys {
            if let Some(found) = self.state.contacts.get_mut(key) {
                found.sort_by_key(|row| row.id);
            }
        }
        Ok(())
    }

    pub(super) async fn load_usage(
        &mut self,
        tx: &mut Tx,
        months: &[(AccountId, i32)],
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Month {
            i: usize,
            account: AccountId,
            month: i32,
        }
        if months.is_empty() {
            return Ok(());
        }
        let asked = months.iter().enumerate();
        let asked = asked.map(|(i, (account, month))| Month {
            i,
            account: *account,
            month: *month,
        });
        let asked: Vec<Month> = asked.collect();
        let sql = sql!(
            "SELECT r.i, 'usage', doc!(u: messages i64, segments i64) \
             FROM rows!($1: i i64, account_id=account id(acct), month i64) AS r CROSS JOIN usage u \
             WHERE u.account_id = r.account_id AND u.month = r.month"
        );
        let none = months.iter().map(|key| (*key, Some(Usage::default())));
        self.state.usage.extend(none);
        for (i, _, doc) in tx.triples(sql, &[Arg::Text(&array(&asked)?)]).await? {
            let used: Usage = read("usage", &doc)?;
            if let Some(key) = place(months, i) {
                self.state.usage.insert(*key, Some(used));
            }
        }
        Ok(())
    }
}
