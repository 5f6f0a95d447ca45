//! A text of which nobody can say whether it left, and nobody will: its words go by e-mail where the
//! connection wants that and the contact has an address. The text stays unknown.

use crate::model::conversation::ThreadEventKind;
use crate::model::turn::{JobKind, Need};
use crate::model::{Message, MessageId, MessageStatus};

use super::frame::{Frame, Place};
use super::text::job;
use super::{Cx, Decided};

/// Why the thread says that the words went by e-mail.
const REASON: &str = "unknown";

pub(super) fn given_up(cx: &mut Cx<'_>, id: MessageId) -> Decided {
    let state = cx.state;
    let found = state
        .messages
        .get(&id)
        .ok_or_else(|| vec![Need::Message(id)])?;
    // A receipt may have come since it was last looked for: what arrived is not told twice.
    let open = |message: &&Message| message.status == MessageStatus::Unknown;
    let Some(message) = found.as_ref().filter(open) else {
        return cx.ignored("unsettled");
    };
    let (account, number) = (
        cx.directory().account(message.account),
        cx.directory().number(message.number),
    );
    let (Some(account), Some(number)) = (account, number) else {
        return cx.ignored("unsettled");
    };
    let thread = cx.thread(message.number, &message.party)?;
    let known = thread
        .conversations
        .iter()
        .find(|one| one.id == message.conversation);
    let Some(conversation) = known else {
        return cx.ignored("unsettled");
    };
    let place = Place {
        account,
        program: conversation.program,
        number,
        party: &message.party,
        thread,
    };
    let Some(mut frame) = Frame::of(cx, &place, known) else {
        return cx.ignored("unsettled");
    };
    let email = frame
        .contact
        .as_ref()
        .and_then(|contact| contact.email.clone());
    let Some(to) = email else {
        return cx.ignored("unsettled");
    };
    cx.rule("unsettled_email");
    let kind = JobKind::Email {
        to,
        subject: format!("A message from {}", account.name),
        text: message.text.clone(),
        // The text's own outcome stays open: a receipt may still come.
        message: None,
    };
    let now = cx.at.now;
    job(cx, account.id, "", kind, now);
    let reason = REASON.to_owned();
    frame.event(
        cx,
        None,
        ThreadEventKind::ByEmail {
            message: id,
            reason,
        },
    );
    frame.save(cx);
    Ok(())
}
