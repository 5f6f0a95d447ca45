//! A text of which nobody can say whether it left, and nobody will: its words go by e-mail where the
//! connection wants that and the contact has an address. The text stays unknown: a receipt may still come.

use crate::model::turn::{Need, Notice, Write};
use crate::model::{Message, MessageId, MessageStatus};

use super::{Cx, Decided, by_email};

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
    let thread = cx.thread(message.number, &message.party)?;
    if !by_email::send(cx, thread, message, REASON) {
        return cx.ignored("unsettled");
    }
    cx.rule("unsettled_email");
    cx.turn.account = Some(message.account);
    let mut known = thread.conversations.iter();
    if let Some(found) = known.find(|one| one.id == message.conversation) {
        let mut row = found.clone();
        row.version += 1;
        let boxes = vec![row.responsible()];
        cx.write(Write::Conversation(Box::new(row)));
        cx.notice(Notice {
            account: message.account,
            conversation: Some(message.conversation),
            boxes,
        });
    }
    Ok(())
}
