//! Who is responsible: the number's default route, a contact's forwarded route, a hand-over until it is completed. Never
//! somebody who has left.

use crate::model::account::{Account, Route};
use crate::model::conversation::{Assignment, Conversation, ConversationState, ThreadEventKind};
use crate::model::directory::Directory;
use crate::model::people::{Contact, Permission};
use crate::model::{AccountId, NumberId, Timestamp, UserId};

use super::Refused;
use super::sight::{belongs, may};

/// Whether a route leads to somebody who works in this account: a group with such a member, or such a user.
pub fn leads(directory: &Directory, account: AccountId, route: Route) -> bool {
    match route {
        Route::User(user) => belongs(directory, account, user),
        Route::Group(group) => {
            let account_row = directory.account(account);
            let group = account_row.and_then(|row| row.group_by_id(group));
            let members = group.map_or(&[][..], |group| &group.members);
            members
                .iter()
                .any(|user| belongs(directory, account, *user))
        }
    }
}

/// The one route of a new conversation: the contact's forwarded route, else the number's default route, each where it
/// still leads to somebody; else the best stand-in. Nothing only for an account without a single active
/// member and group.
pub fn default_route(
    directory: &Directory,
    account: &Account,
    number: NumberId,
    contact: Option<&Contact>,
) -> Option<Route> {
    let forwarded = contact.and_then(|contact| contact.forwarded_route);
    let default = account.number(number).map(|number| number.route);
    let wanted = [forwarded, default];
    let lively = |route: &Route| leads(directory, account.id, *route);
    wanted
        .into_iter()
        .flatten()
        .find(lively)
        .or_else(|| stand_in(directory, account))
        .or(default)
}

/// A wanted route where it leads to somebody, else the default one.
pub fn lively_route(
    directory: &Directory,
    account: &Account,
    number: NumberId,
    contact: Option<&Contact>,
    wanted: Route,
) -> Route {
    if leads(directory, account.id, wanted) {
        return wanted;
    }
    default_route(directory, account, number, contact).unwrap_or(wanted)
}

/// Who takes what nobody is left for: the first group with somebody in it, else a member who manages the
/// account, else any member.
fn stand_in(directory: &Directory, account: &Account) -> Option<Route> {
    let groups = account.groups.iter().map(|group| Route::Group(group.id));
    let manages = |user: &UserId| may(directory, account.id, *user, Permission::ManagesAccount);
    let members = || account.members.iter().map(|member| member.user);
    let managers = members().filter(manages).map(Route::User);
    groups
        .chain(managers)
        .chain(members().map(Route::User))
        .find(|route| leads(directory, account.id, *route))
}

/// Hands a conversation over until it is completed. It opens, when it was not open. Refused when nobody at the
/// other end works here; then nothing has changed.
pub fn assign(
    directory: &Directory,
    conversation: &mut Conversation,
    to: Route,
    by: Option<UserId>,
    note: Option<String>,
    at: Timestamp,
) -> Result<ThreadEventKind, Refused> {
    if !leads(directory, conversation.account, to) {
        return Err(Refused::NobodyThere);
    }
    conversation.assignment = Some(Assignment {
        to,
        by,
        at,
        note: note.clone(),
    });
    conversation.state = ConversationState::Open;
    conversation.unread = true;
    Ok(ThreadEventKind::Assigned { to, note })
}

/// Completes an assignment: the conversation goes back to its route (see [`super::conversation::close`] for those
/// that end here).
pub fn complete(
    directory: &Directory,
    conversation: &mut Conversation,
    contact: Option<&Contact>,
) -> Result<ThreadEventKind, Refused> {
    conversation.assignment.take().ok_or(Refused::NotAssigned)?;
    keep_lively(directory, conversation, contact);
    Ok(ThreadEventKind::Completed)
}

/// After somebody has left or a group was emptied: takes the conversation from those who are gone. Returns the
/// lines to show, none when nothing had to change.
pub fn mend(
    directory: &Directory,
    conversation: &mut Conversation,
    contact: Option<&Contact>,
) -> Vec<ThreadEventKind> {
    let mut lines = Vec::new();
    let gone = |assignment: &Assignment| !leads(directory, conversation.account, assignment.to);
    if conversation.assignment.as_ref().is_some_and(gone) {
        conversation.assignment = None;
        let reason = "Whoever had this thread works here no longer; it is back in its box.";
        lines.push(ThreadEventKind::NotAssigned {
            reason: reason.to_owned(),
        });
    }
    if keep_lively(directory, conversation, contact) {
        let (to, note) = (conversation.route, "Nobody is left in the box it was in.");
        lines.push(ThreadEventKind::Posted {
            to,
            note: Some(note.to_owned()),
        });
    }
    lines
}

/// Replaces a route that leads to nobody; says whether it did.
pub(super) fn keep_lively(
    directory: &Directory,
    conversation: &mut Conversation,
    contact: Option<&Contact>,
) -> bool {
    let Some(account) = directory.account(conversation.account) else {
        return false;
    };
    let (number, had) = (conversation.number, conversation.route);
    conversation.route = lively_route(directory, account, number, contact, had);
    conversation.route != had
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn routes_never_lead_to_those_who_left() {
        let made = Sample::new();
        let account = made.directory.account(made.account).unwrap();
        let (front, gone) = (made.group("front"), made.group("gone"));
        let ben = Route::User(made.user("ben"));
        let left = Route::User(made.user("left"));
        let stranger = Route::User(made.user("stranger"));
        let table = [
            (None, Some(front)),
            (Some(ben), Some(ben)),
            (Some(left), Some(front)),
            (Some(gone), Some(front)),
            (Some(stranger), Some(front)),
        ];
        for (row, (forwarded, want)) in table.into_iter().enumerate() {
            let contact = made.contact(forwarded);
            let got = default_route(&made.directory, account, made.number, Some(&contact));
            assert_eq!(got, want, "row {row}");
        }
        let wanted = |route| lively_route(&made.directory, account, made.number, None, route);
        assert_eq!(wanted(ben), ben);
        assert_eq!(wanted(gone), front);
        // The second number's default route has left; the first group with somebody in it stands in.
        let got = default_route(&made.directory, account, made.second_number, None);
        assert_eq!(got, Some(front));
        let empty = made.directory.account(made.other_account).unwrap();
        assert_eq!(
            default_route(&made.directory, empty, made.number, None),
            None
        );
    }

    #[test]
    fn handed_over_until_completed() {
        let made = Sample::new();
        let mut thread = made.conversation();
        thread.state = ConversationState::Closed;
        let cy = Route::User(made.user("cy"));
        let by = Some(made.user("ana"));
        let note = Some("please call".to_owned());
        let line = assign(
            &made.directory,
            &mut thread,
            cy,
            by,
            note.clone(),
            Sample::NOW,
        );
        assert_eq!(line, Ok(ThreadEventKind::Assigned { to: cy, note }));
        assert_eq!(
            (thread.responsible(), thread.state),
            (cy, ConversationState::Open)
        );
        let before = thread.clone();
        for nobody in ["left", "stranger"] {
            let to = Route::User(made.user(nobody));
            let refused = assign(&made.directory, &mut thread, to, by, None, Sample::NOW);
            assert_eq!(refused, Err(Refused::NobodyThere));
            assert_eq!(thread, before);
        }
        let line = complete(&made.directory, &mut thread, None);
        assert_eq!(line, Ok(ThreadEventKind::Completed));
        assert_eq!(thread.responsible(), made.group("front"));
        let again = complete(&made.directory, &mut thread, None);
        assert_eq!(again, Err(Refused::NotAssigned));
    }

    #[test]
    fn those_who_leave_lose_their_threads() {
        let made = Sample::new();
        let mut thread = made.conversation();
        assert_eq!(mend(&made.directory, &mut thread, None), []);
        thread.route = made.group("gone");
        thread.assignment = Some(Assignment {
            to: Route::User(made.user("left")),
            by: None,
            at: Sample::NOW,
            note: None,
        });
        let lines = mend(&made.directory, &mut thread, None);
        assert!(matches!(
            lines[..],
            [
                ThreadEventKind::NotAssigned { .. },
                ThreadEventKind::Posted { .. }
            ]
        ));
        assert_eq!(thread.responsible(), made.group("front"));
        assert_eq!(mend(&made.directory, &mut thread, None), []);
    }
}
