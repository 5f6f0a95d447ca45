//! Who a phone is: the contact of a thread, or a stranger become one; and whether it is opted out.

use crate::model::consent::{Consent, ConsentScope};
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
