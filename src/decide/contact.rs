//! Who a phone is: the contact of a thread, or a stranger become one; and what it allows.

use crate::flow::Allowed;
use crate::model::consent::{Consent, ConsentScope, Verdict};
use crate::model::people::{Contact, ContactPhone};
use crate::model::turn::Thread;
use crate::model::{AccountId, ContactId, NumberId, Party, ProgramId};

use super::Cx;

/// Whose phone it is, as far as an account knows.
pub(super) enum Whose<'a> {
    /// This person's.
    Known(&'a Contact),
    /// One of several people's: families share phones, so none of them is taken.
    Several,
    /// Nobody's.
    Nobody,
}

/// The contact of a thread: the last one in it, else the account's only match.
pub(super) fn find(thread: &Thread, account: AccountId, last: Option<ContactId>) -> Whose<'_> {
    let mine = || thread.contacts.iter().filter(|one| one.account == account);
    if let Some(known) = mine().find(|one| Some(one.id) == last) {
        return Whose::Known(known);
    }
    match (mine().next(), mine().nth(1)) {
        (Some(only), None) => Whose::Known(only),
        (Some(_), Some(_)) => Whose::Several,
        (None, _) => Whose::Nobody,
    }
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
        caseloads: Vec::new(),
        forwarded_route: None,
        created_at: cx.at.now,
        version: 1,
    })
}

/// What the ledger says of a phone in each scope that applies.
pub(super) fn allowed(
    thread: &Thread,
    account: AccountId,
    program: ProgramId,
    number: NumberId,
) -> Allowed {
    let mut told = Allowed::default();
    for entry in &thread.consents {
        let slot = match entry.scope {
            ConsentScope::Number(of) if of == number => &mut told.number,
            ConsentScope::Program(of) if of == program => &mut told.program,
            ConsentScope::Account(of) if of == account => &mut told.account,
            ConsentScope::Organisation => &mut told.organisation,
            _ => continue,
        };
        *slot = match entry.verdict {
            Consent::In => Verdict::In,
            Consent::Out => Verdict::Out,
        };
    }
    told
}

/// Whether a phone may be texted, as far as its contact is known.
pub(super) fn textable(contact: Option<&Contact>, party: &Party) -> bool {
    let phones = contact.into_iter().flat_map(|contact| &contact.phones);
    let mut refused = phones.filter(|phone| phone.phone == *party && !phone.textable);
    refused.next().is_none()
}
