//! Who sees what: a group's box is its members', a user's box is that user's.

use crate::model::account::{Account, Route};
use crate::model::conversation::{Conversation, Voicemail};
use crate::model::directory::Directory;
use crate::model::people::Permission;
use crate::model::{AccountId, UserId};

use super::Refused;

/// Whether a user works in an account: an active member of it, or an active administrator.
pub fn belongs(directory: &Directory, account: AccountId, user: UserId) -> bool {
    let Some(found) = directory.user(user).filter(|user| user.active) else {
        return false;
    };
    let account = directory.account(account);
    account.is_some_and(|account| found.admin || account.member(user).is_some())
}

/// Whether a user has a permission in an account; administrators have all.
pub fn may(
    directory: &Directory,
    account: AccountId,
    user: UserId,
    permission: Permission,
) -> bool {
    if !belongs(directory, account, user) {
        return false;
    }
    let has = |found: &Account| {
        let roles = found.member(user).map_or(&[][..], |member| &member.roles);
        let mut held = found.roles.iter().filter(|role| roles.contains(&role.id));
        held.any(|role| role.permissions.contains(&permission))
    };
    directory.user(user).is_some_and(|user| user.admin)
        || directory.account(account).is_some_and(has)
}

/// Whether a user sees a box: its owner, a member of the group it belongs to, or one who sees all boxes.
pub fn sees_box(directory: &Directory, account: AccountId, owner: Route, user: UserId) -> bool {
    belongs(directory, account, user)
        && (directory.includes(account, owner, user)
            || may(directory, account, user, Permission::SeesAllBoxes))
}

/// Whether a user sees a thread. While it is assigned, both see it: those it was handed to and those to whom
/// it comes back.
pub fn sees(directory: &Directory, conversation: &Conversation, user: UserId) -> bool {
    [conversation.responsible(), conversation.route]
        .into_iter()
        .any(|route| sees_box(directory, conversation.account, route, user))
}

/// Whether a user may hear a voicemail.
pub fn hears(directory: &Directory, voicemail: &Voicemail, user: UserId) -> bool {
    sees_box(directory, voicemail.account, voicemail.owner, user)
}

/// Whether a user may begin a text in an account. Everyone with sight of a thread may reply to it.
pub fn may_start(directory: &Directory, account: AccountId, user: UserId) -> Result<(), Refused> {
    match may(directory, account, user, Permission::MayStartTexts) {
        true => Ok(()),
        false => Err(Refused::MayNotStart),
    }
}

/// The check before a member's reply: the author sees the thread, and it is as the author read it unless they
/// say that they know.
pub fn may_reply(
    directory: &Directory,
    conversation: &Conversation,
    user: UserId,
    read_version: i64,
    anyway: bool,
) -> Result<(), Refused> {
    if !sees(directory, conversation, user) {
        Err(Refused::NotYours)
    } else if !anyway && conversation.version != read_version {
        Err(Refused::ThreadMoved)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;
    use crate::model::conversation::Assignment;

    #[test]
    fn a_group_box_is_its_members() {
        let made = Sample::new();
        let mut thread = made.conversation();
        let who = |thread: &Conversation| -> Vec<&str> {
            let all = made.users.iter().zip(Sample::NAMES);
            all.filter(|(user, _)| sees(&made.directory, thread, **user))
                .map(|(_, name)| name)
                .collect()
        };
        assert_eq!(who(&thread), ["ana", "ben", "sees_all", "admin"]);
        thread.assignment = Some(Assignment {
            to: Route::User(made.user("cy")),
            by: None,
            at: Sample::NOW,
            note: None,
        });
        assert_eq!(who(&thread), ["ana", "ben", "cy", "sees_all", "admin"]);
        thread.route = Route::User(made.user("left"));
        assert_eq!(who(&thread), ["cy", "sees_all", "admin"]);
        thread.account = made.other_account;
        assert_eq!(who(&thread), ["admin"]);
    }

    #[test]
    fn replies_and_beginnings() {
        let made = Sample::new();
        let thread = made.conversation();
        let reply = |name, version, anyway| {
            may_reply(&made.directory, &thread, made.user(name), version, anyway)
        };
        assert_eq!(reply("ana", 3, false), Ok(()));
        assert_eq!(reply("ana", 2, false), Err(Refused::ThreadMoved));
        assert_eq!(reply("ana", 2, true), Ok(()));
        assert_eq!(reply("cy", 3, true), Err(Refused::NotYours));
        let start = |name| may_start(&made.directory, made.account, made.user(name));
        assert_eq!(start("ben"), Ok(()));
        assert_eq!(start("admin"), Ok(()));
        assert_eq!(start("ana"), Err(Refused::MayNotStart));
        assert_eq!(start("left"), Err(Refused::MayNotStart));
        assert_eq!(start("stranger"), Err(Refused::MayNotStart));
    }
}
