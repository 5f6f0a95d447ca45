//! The thread that an event concerns: its conversation and its contact, found or begun, and the moves a
//! decision makes on them. Written back once, at the end.

use crate::model::account::{Account, Number, Route};
use crate::model::conversation::{Conversation, ConversationState, ThreadEvent, ThreadEventKind};
use crate::model::people::Contact;
use crate::model::text::segments;
use crate::model::turn::{Notice, Thread, Write};
use crate::model::{
    ContactId, Message, MessageId, MessageKind, MessageStatus, Mo, NumberId, Party, ProgramId, RunId, UserId, Via,
};

use super::{Cx, contact};

/// How much of the latest text the list shows, in characters.
const PREVIEW_CHARS_MAX: usize = 120;

/// A thread under decision.
pub(super) struct Frame<'a> {
    pub(super) account: &'a Account,
    pub(super) number: &'a Number,
    pub(super) thread: &'a Thread,
    pub(super) conversation: Conversation,
    pub(super) contact: Option<Contact>,
    conversation_before: Option<Conversation>,
    contact_before: Option<Contact>,
    /// Automated texts made in this very turn.
    pub(super) automated: usize,
}

/// Where a frame is wanted.
pub(super) struct Place<'a> {
    pub(super) account: &'a Account,
    pub(super) program: ProgramId,
    pub(super) number: &'a Number,
    pub(super) party: &'a Party,
    pub(super) thread: &'a Thread,
}

impl<'a> Frame<'a> {
    /// The conversation of this place, or a new one that only a run has yet.
    pub(super) fn find(cx: &mut Cx<'a>, at: &Place<'a>) -> Self {
        let same = |one: &&Conversation| one.account == at.account.id && one.program == at.program;
        let found = at.thread.conversations.iter().find(same);
        Self::of(cx, at, found)
    }

    /// A frame around a conversation that is known already.
    pub(super) fn of(cx: &mut Cx<'a>, at: &Place<'a>, found: Option<&Conversation>) -> Self {
        let known = found.and_then(|one| one.contact);
        let contact_before = contact::find(at.thread, at.account.id, known).cloned();
        let contact = contact_before.clone().or_else(|| contact::stranger(cx, at.account.id, at.party));
        let conversation = found.cloned().unwrap_or_else(|| begin(cx, at, contact.as_ref()));
        Self {
            account: at.account,
            number: at.number,
            thread: at.thread,
            conversation,
            contact,
            conversation_before: found.cloned(),
            contact_before,
            automated: 0,
        }
    }

    pub(super) fn contact_id(&self) -> Option<ContactId> {
        self.contact.as_ref().map(|contact| contact.id)
    }

    /// Stores an inbound text in the thread.
    pub(super) fn receive(&mut self, cx: &mut Cx<'a>, mo: &Mo) -> MessageId {
        let mut message = self.message(cx, MessageKind::Inbound, &mo.text);
        message.status = MessageStatus::Received;
        message.media = mo.media.clone();
        message.carrier_id = Some(mo.carrier_id.clone());
        message.event = Some(cx.at.event);
        message.due_at = None;
        let id = message.id;
        self.touch(cx, &mo.text);
        self.conversation.unread = true;
        cx.write(Write::Message(Box::new(message)));
        id
    }

    /// Queues a text of ours.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'a>,
        kind: MessageKind,
        text: &str,
        author: Option<UserId>,
        run: Option<RunId>,
    ) -> MessageId {
        let mut message = self.message(cx, kind, text);
        message.author = author;
        message.run = run;
        self.automated += usize::from(kind == MessageKind::Automated);
        let id = message.id;
        self.touch(cx, text);
        cx.write(Write::Message(Box::new(message)));
        id
    }

    fn message(&self, cx: &mut Cx<'a>, kind: MessageKind, text: &str) -> Message {
        Message {
            id: cx.ids.fresh(),
            account: self.account.id,
            conversation: self.conversation.id,
            number: self.number.id,
            party: self.conversation.party.clone(),
            kind,
            text: text.to_owned(),
            media: Vec::new(),
            status: MessageStatus::Queued,
            via: Via::Text,
            segments: u16::try_from(segments(text).segments).unwrap_or(u16::MAX),
            carrier_id: None,
            reason: None,
            author: None,
            run: None,
            contact: self.contact_id(),
            event: None,
            created_at: cx.at.now,
            due_at: Some(cx.at.now),
            attempts: 0,
        }
    }

    /// Takes note of the latest thing in the thread.
    pub(super) fn touch(&mut self, cx: &Cx<'a>, preview: &str) {
        self.conversation.last_at = cx.at.now;
        self.conversation.preview = preview.chars().take(PREVIEW_CHARS_MAX).collect();
    }

    /// Adds a dated line.
    pub(super) fn event(&self, cx: &mut Cx<'a>, by: Option<UserId>, kind: ThreadEventKind) {
        let event = ThreadEvent {
            id: cx.ids.fresh(),
            account: self.account.id,
            conversation: self.conversation.id,
            at: cx.at.now,
            by,
            kind,
        };
        cx.write(Write::ThreadEvent(Box::new(event)));
    }

    /// Puts the thread into a box; a route that leads to nobody is replaced.
    pub(super) fn post(&mut self, cx: &mut Cx<'a>, to: Route, note: Option<String>) {
        let to = lively_route(cx, self.account, self.number.id, to);
        self.conversation.route = to;
        self.conversation.state = ConversationState::Open;
        self.conversation.unread = true;
        self.event(cx, None, ThreadEventKind::Posted { to, note });
    }

    /// Puts the thread to whoever is responsible by default: the contact's own route, else the number's.
    pub(super) fn post_default(&mut self, cx: &mut Cx<'a>, note: Option<String>) {
        let own = self.contact.as_ref().and_then(|contact| contact.forwarded_route);
        let to = own.unwrap_or_else(|| number_route(self.account, self.number.id, self.conversation.route));
        self.post(cx, to, note);
    }

    /// Whether the phone is opted out of what this thread would send.
    pub(super) fn opted_out(&self) -> bool {
        contact::opted_out(self.thread, self.account.id, self.conversation.program, self.number.id)
    }

    /// Writes what has changed.
    pub(super) fn save(mut self, cx: &mut Cx<'a>) {
        if let Some(mut contact) = self.contact.take().filter(|one| Some(one) != self.contact_before.as_ref()) {
            contact.version += i64::from(self.contact_before.is_some());
            cx.write(Write::Contact(Box::new(contact)));
        }
        if Some(&self.conversation) != self.conversation_before.as_ref() {
            self.conversation.version += i64::from(self.conversation_before.is_some());
            cx.write(Write::Conversation(Box::new(self.conversation.clone())));
        }
        cx.turn.account = Some(self.account.id);
        let mut boxes = vec![self.conversation.responsible(), self.conversation.route];
        boxes.extend(self.conversation_before.as_ref().map(Conversation::responsible));
        boxes.dedup();
        cx.notice(Notice { account: self.account.id, conversation: Some(self.conversation.id), boxes });
    }
}

fn begin(cx: &mut Cx<'_>, at: &Place<'_>, contact: Option<&Contact>) -> Conversation {
    let fallback = number_route(at.account, at.number.id, first_route(at.account));
    Conversation {
        id: cx.ids.fresh(),
        account: at.account.id,
        program: at.program,
        number: at.number.id,
        party: at.party.clone(),
        contact: contact.map(|contact| contact.id),
        state: ConversationState::Automated,
        route: lively_route(cx, at.account, at.number.id, fallback),
        assignment: None,
        tags: Vec::new(),
        priority: false,
        flagged: false,
        unread: false,
        preview: String::new(),
        last_at: cx.at.now,
        auto_replied_at: None,
        created_at: cx.at.now,
        version: 1,
    }
}

/// The number's default route in this account.
pub(super) fn number_route(account: &Account, number: NumberId, otherwise: Route) -> Route {
    account.number(number).map_or(otherwise, |number| number.route)
}

/// An account without groups and members has nobody; its admins see it all the same.
fn first_route(account: &Account) -> Route {
    let group = account.groups.first().map(|group| Route::Group(group.id));
    let member = account.members.first().map(|member| Route::User(member.user));
    group.or(member).unwrap_or(Route::Group(crate::model::Id::from_uuid(uuid::Uuid::nil())))
}

/// The wanted route if somebody is there, else the number's, else the first group or user who is.
pub(super) fn lively_route(cx: &Cx<'_>, account: &Account, number: NumberId, wanted: Route) -> Route {
    let groups = account.groups.iter().map(|group| Route::Group(group.id));
    let members = account.members.iter().map(|member| Route::User(member.user));
    let candidates = [wanted, number_route(account, number, wanted)].into_iter().chain(groups).chain(members);
    let mut lively = candidates.filter(|route| cx.directory().leads_somewhere(account.id, *route));
    lively.next().unwrap_or(wanted)
}

/// The program that speaks on a number in an account: the one whose number it is, else `main`, else the first.
pub(super) fn program_of(account: &Account, number: NumberId) -> Option<ProgramId> {
    let own = account.programs.iter().find(|program| program.number == Some(number));
    let program = own.or_else(|| account.program("main")).or_else(|| account.programs.first());
    program.map(|program| program.id)
}
