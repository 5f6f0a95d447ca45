//! By what contacts are found besides their phones: one row for each value in a field.
//!
//! A row may outlive a change of the field; the contact has the last word. So nothing is ever deleted here on the path of
//! an event, and a contact without columns, as every stranger is, costs nothing.

use serde::Serialize;

use crate::model::people::Contact;
use crate::model::{AccountId, ContactId};

use super::StoreError;
use super::both::sql;
use super::pools::Tx;
use super::tables::insert_text;

/// A row of the index.
#[derive(Debug, Serialize)]
struct Row<'c> {
    account: AccountId,
    field: &'c str,
    value: String,
    contact: ContactId,
}

/// Adds what contacts can be found by.
pub(super) async fn save<'c>(
    tx: &mut Tx,
    contacts: impl Iterator<Item = &'c Contact>,
) -> Result<(), StoreError> {
    let rows_of = |contact: &'c Contact| {
        contact.fields().map(|(field, value)| Row {
            account: contact.account,
            field,
            value,
            contact: contact.id,
        })
    };
    let rows: Vec<Row<'_>> = contacts.flat_map(rows_of).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = sql!(format!(
        "{} ON CONFLICT DO NOTHING",
        insert_text(
            "contact_value",
            "account_id=account id(acct), field text, value text, contact_id=contact id(ctc)"
        )
    ));
    tx.put(sql, &rows).await.map(drop)
}

#[cfg(test)]
mod tests;
