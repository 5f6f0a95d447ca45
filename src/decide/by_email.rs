//! Words of a text that go by e-mail after the text itself came to its end: the carrier refused it because the
//! person opted out there, or nobody can say whether it left.

use crate::model::account::Account;
use crate::model::conversation::{Conversation, ThreadEvent, ThreadEventKind};
use crate::model::turn::{JobKind, Thread, Write};
use crate::model::{Message, MessageKind, Via};

use super::Cx;
use super::contact::{Whose, find};
use super::text::job;

/// Queues the e-mail and the line that tells of it, where the contact has an address and e-mails leave. The text
/// keeps its own outcome.
pub(super) fn send(cx: &mut Cx<'_>, thread: &Thread, message: &Message, reason: &str) -> bool {
    let mut known = thread.conversations.iter();
    let conversation = known.find(|one| one.id == message.conversation);
    let account = cx.directory().account(message.account);
    let (Some(conversation), Some(account)) = (conversation, account) else {
        return false;
    };
    let Some(to) = address(cx, thread, message, conversation) else {
        return false;
    };
    let kind = email(account, to, message);
    let now = cx.at.now;
    job(cx, account.id, "", kind, now);
    let line = ThreadEvent {
        id: cx.ids.fresh(),
        account: account.id,
        conversation: conversation.id,
        at: now,
        by: None,
        kind: ThreadEventKind::ByEmail {
            message: message.id,
            reason: reason.to_owned(),
        },
    };
    cx.write(Write::ThreadEvent(Box::new(line)));
    true
}

/// Where the words may go: never those of a confirmation, which answers a text, nor those that went so already.
fn address(
    cx: &Cx<'_>,
    thread: &Thread,
    message: &Message,
    conversation: &Conversation,
) -> Option<String> {
    let answers = matches!(message.kind, MessageKind::Compliance | MessageKind::Inbound);
    if !cx.world.email || answers || message.via == Via::Email {
        return None;
    }
    let last = message.contact.or(conversation.contact);
    match find(thread, message.account, last) {
        Whose::Known(contact) => contact.email.clone(),
        Whose::Several | Whose::Nobody => None,
    }
}

fn email(account: &Account, to: String, message: &Message) -> JobKind {
    JobKind::Email {
        to,
        subject: format!("A message from {}", account.name),
        text: message.text.clone(),
        message: None,
    }
}
