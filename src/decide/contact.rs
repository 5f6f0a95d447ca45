//! Who a phone is: the contact of a thread, or a stranger become one; and whether it is opted out.

use crate::model::consent::{Consent, ConsentScope};
use crate::model::people::{Contact, ContactPhone};
use crate::model::turn::Thread;
use crate::model::{AccountId, ContactId, NumberId, Party, ProgramId};

use super::Cx;

/// The contact of a thread: the last one in it, else the account's only match. Families share phones, so
/// of several matches none is taken.
pub(super) fn find(
    thread: &Thread,
    account: AccountId,
    known: Option<ContactId>,
) -> Option<&Contact> {
    let mut mine = thread
        .contacts
        .iter()
        .filter(|contact| contact.account == account);
    if let Some(known) = known {
        return thread.contacts.iter().find(|contact| contact.id == known);
    }
    let first = mine.next()?;
    mine.next().is_none().then_some(first)
}

/// A contact for a phone that nobody knows; in no audience until staff say so.
pub(super) fn stranger(cx: &mut Cx<'_>, account: AccountId, party: &Party) -> Option<Contact> {
    party.phone()?;
    Some(Contact {
        id: cx.ids.fresh(),
        account,
        name: None,
        phones: vec![ContactPhone {
            phone: party.clone(),
            kind: "mobile".into(),
            textable: true,
        }],
        email: None,
        language: None,
        source: "inbound".into(),
        columns: Default::default(),
        tags: Vec::new(),
        forwarded_route: None,
        created_at: cx.at.now,
        version: 1,
    })
}

/// Whether any scope that applies says out.
pub(super) fn opted_out(
    thread: &Thread,
    account: AccountId,
    program: ProgramId,
    number: NumberId,
) -> bool {
    let applies = |scope| match scope {
        ConsentScope::Number(of) => of == number,
        ConsentScope::Program(of) => of == program,
        ConsentScope::Account(of) => of == account,
        ConsentScope::Organisation => true,
    };
    thread
        .consents
        .iter()
        .any(|entry| applies(entry.scope) && entry.verdict == Consent::Out)
}
