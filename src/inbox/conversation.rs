//! A conversation opens, is posted to a box, is read, closes and opens again.

use std::time::Duration;

use crate::model::account::{Account, Route};
use crate::model::conversation::{Conversation, ConversationState, ThreadEventKind};
use crate::model::directory::Directory;
use crate::model::people::Contact;
use crate::model::text::collapse_blanks;
use crate::model::{ConversationId, NumberId, Party, ProgramId, Timestamp};

use super::Refused;
use super::assignment::{default_route, keep_lively, lively_route};

/// How much of the latest text the list shows.
pub const PREVIEW_CHARS_MAX: usize = 120;
/// Tags of one conversation.
pub const TAGS_MAX: usize = 50;
/// A thread in a box is answered automatically at most once in this time.
const AUTO_REPLY_S: u64 = 24 * 3_600;

/// Where a conversation is: with its account (known by the directory) its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The program it is in.
    pub program: ProgramId,
    /// Our number.
    pub number: NumberId,
    /// The far end.
    pub party: Party,
}

/// A new conversation, in nobody's list yet.
pub fn begin(
    directory: &Directory,
    id: ConversationId,
    account: &Account,
    place: Place,
    contact: Option<&Contact>,
    at: Timestamp,
) -> Option<Conversation> {
    Some(Conversation {
        id,
        account: account.id,
        program: place.program,
        number: place.number,
        route: default_route(directory, account, place.number, contact)?,
        party: place.party,
        contact: contact.map(|contact| contact.id),
        state: ConversationState::Automated,
        assignment: None,
        tags: Vec::new(),
        priority: false,
        flagged: false,
        unread: false,
        preview: String::new(),
        last_at: at,
        auto_replied_at: None,
        created_at: at,
        version: 1,
    })
}

/// Takes note of the latest text or call, ours or theirs. What the person sent is unread until somebody reads it.
pub fn touch(conversation: &mut Conversation, text: &str, from_person: bool, at: Timestamp) {
    conversation.preview = preview(text);
    conversation.last_at = conversation.last_at.max(at);
    conversation.unread |= from_person;
}

/// The beginning of a text on one line.
pub fn preview(text: &str) -> String {
    let line = collapse_blanks(text);
    let head: String = line.chars().take(PREVIEW_CHARS_MAX).collect();
    head.trim_end().to_owned()
}

/// What a flow says when it puts a thread into a box.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Posting {
    /// Whose box; the default route's when not said.
    pub to: Option<Route>,
    /// What staff should know.
    pub note: Option<String>,
    /// Tags to add.
    pub tags: Vec<String>,
    /// Above others in the list; a posting never takes it away.
    pub priority: bool,
}

/// Puts a thread into a box, where it stays until closed. A box that leads to nobody is replaced by the default
/// route; an assignment stays as it is.
pub fn post(
    directory: &Directory,
    conversation: &mut Conversation,
    contact: Option<&Contact>,
    posting: Posting,
) -> ThreadEventKind {
    if let Some(account) = directory.account(conversation.account) {
        let number = conversation.number;
        let wanted = match posting.to {
            Some(to) => Some(lively_route(directory, account, number, contact, to)),
            None => default_route(directory, account, number, contact),
        };
        conversation.route = wanted.unwrap_or(conversation.route);
    }
    for tag in posting.tags {
        if !conversation.tags.contains(&tag) && conversation.tags.len() < TAGS_MAX {
            conversation.tags.push(tag);
        }
    }
    conversation.priority |= posting.priority;
    conversation.state = ConversationState::Open;
    conversation.unread = true;
    ThreadEventKind::Posted {
        to: conversation.route,
        note: posting.note,
    }
}

/// Somebody has read it. Says whether that was news; reading alone should not raise the row's version, or one
/// member's look would stop another's reply.
pub fn read(conversation: &mut Conversation) -> bool {
    std::mem::take(&mut conversation.unread)
}

/// Closes a conversation; an assignment ends with it.
pub fn close(conversation: &mut Conversation) -> Result<ThreadEventKind, Refused> {
    if conversation.state == ConversationState::Closed {
        return Err(Refused::AlreadyClosed);
    }
    conversation.state = ConversationState::Closed;
    conversation.assignment = None;
    conversation.priority = false;
    conversation.unread = false;
    Ok(ThreadEventKind::Closed)
}

/// A flow takes a conversation that nobody has in a list: what was done with is no longer so. One in somebody's
/// list stays there.
pub fn automate(conversation: &mut Conversation) {
    if conversation.state == ConversationState::Closed {
        conversation.state = ConversationState::Automated;
    }
}

/// Opens a closed conversation again, with its old route where that still leads to somebody.
pub fn reopen(
    directory: &Directory,
    conversation: &mut Conversation,
    contact: Option<&Contact>,
) -> Result<ThreadEventKind, Refused> {
    if conversation.state != ConversationState::Closed {
        return Err(Refused::NotClosed);
    }
    keep_lively(directory, conversation, contact);
    conversation.state = ConversationState::Open;
    Ok(ThreadEventKind::Reopened)
}

/// Whether the box's automatic answer is due; taken note of when it is.
pub fn auto_reply(conversation: &mut Conversation, at: Timestamp) -> bool {
    let last = conversation.auto_replied_at;
    let due = last.is_none_or(|last| at.since(last) >= Duration::from_secs(AUTO_REPLY_S));
    if due {
        conversation.auto_replied_at = Some(at);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;
    use crate::model::Ids;

    #[test]
    fn from_the_first_text_to_the_end() {
        let made = Sample::new();
        let account = made.directory.account(made.account).unwrap();
        let front = made.group("front");
        let place = Place {
            program: Ids::new(Sample::NOW, 9).fresh(),
            number: made.number,
            party: Party::read("+12025550143"),
        };
        let id = Ids::new(Sample::NOW, 8).fresh();
        let begun = begin(&made.directory, id, account, place, None, Sample::NOW);
        let mut thread = begun.unwrap();
        assert_eq!(
            (thread.state, thread.route),
            (ConversationState::Automated, front)
        );
        touch(&mut thread, " a\n b ", true, Sample::NOW);
        assert_eq!((thread.preview.as_str(), thread.unread), ("a b", true));
        assert!(read(&mut thread) && !read(&mut thread));
        let posting = Posting {
            to: Some(made.group("gone")),
            note: Some("new".to_owned()),
            tags: vec!["lead".to_owned(), "lead".to_owned()],
            priority: true,
        };
        let line = post(&made.directory, &mut thread, None, posting);
        let note = Some("new".to_owned());
        assert_eq!(line, ThreadEventKind::Posted { to: front, note });
        assert_eq!(thread.tags, ["lead"]);
        assert!(thread.priority && thread.unread && thread.state == ConversationState::Open);
        assert_eq!(close(&mut thread), Ok(ThreadEventKind::Closed));
        assert_eq!(close(&mut thread), Err(Refused::AlreadyClosed));
        thread.route = made.group("gone");
        let opened = reopen(&made.directory, &mut thread, None);
        assert_eq!(
            (opened, thread.route),
            (Ok(ThreadEventKind::Reopened), front)
        );
        let again = reopen(&made.directory, &mut thread, None);
        assert_eq!(again, Err(Refused::NotClosed));
    }

    #[test]
    fn a_posting_follows_the_contact() {
        let made = Sample::new();
        let cy = Route::User(made.user("cy"));
        let contact = made.contact(Some(cy));
        let mut thread = made.conversation();
        post(
            &made.directory,
            &mut thread,
            Some(&contact),
            Posting::default(),
        );
        assert_eq!(thread.route, cy);
    }

    #[test]
    fn answered_once_a_day() {
        let mut thread = Sample::new().conversation();
        let day = Duration::from_secs(AUTO_REPLY_S);
        let second = Duration::from_secs(1);
        assert!(auto_reply(&mut thread, Sample::NOW));
        assert!(!auto_reply(&mut thread, Sample::NOW + day - second));
        assert!(auto_reply(&mut thread, Sample::NOW + day));
    }

    #[test]
    fn previews_are_short() {
        assert_eq!(
            preview(&"é ".repeat(200)).chars().count(),
            PREVIEW_CHARS_MAX - 1
        );
        assert_eq!(preview(&"é".repeat(200)).chars().count(), PREVIEW_CHARS_MAX);
        assert_eq!(preview("\n"), "");
    }
}
