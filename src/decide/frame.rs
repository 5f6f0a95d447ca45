//! The thread that an event concerns: its conversation and its contact, found or begun, and the moves a
//! decision makes on them. Written back once, at the end.

use crate::flow::Allowed;
use crate::inbox::assignment;
use crate::inbox::conversation::{self as moves, Posting};
use crate::model::account::{Account, Number, Route};
use crate::model::consent::{Consent, ConsentScope, Verdict};
use crate::model::conversation::{Conversation, ConversationState, ThreadEvent, ThreadEventKind};
use crate::model::people::Contact;
use crate::model::text::segments;
use crate::model::turn::{Notice, Thread, Write};
use crate::model::{
    ContactId, Message, MessageId, MessageKind, MessageStatus, Mo, NumberId, Party, ProgramId,
    RunId, UserId, Via,
};

use super::Cx;
use super::contact::{self, Whose};

/// A thread under decision.
pub(super) struct Frame<'a> {
    pub(super) account: &'a Account,
    pub(super) number: &'a Number,
    pub(super) thread: &'a Thread,
    pub(super) conversation: Conversation,
    pub(super) contact: Option<Contact>,
    conversation_before: Option<Conversation>,
    contact_before: Option<Contact>,
    /// A text or a line was added, so that the thread is not what its readers saw.
    news: bool,
    /// Automated texts made in this very turn.
    pub(super) automated: usize,
    /// What this very turn has taken down of the person's consent.
    pub(super) told: Vec<(ConsentScope, Consent)>,
    /// The threads of other people who are texted in this turn.
    others: Vec<Frame<'a>>,
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
    /// The conversation of this place, or a new one that only a run has yet. Nothing where the account has
    /// neither groups nor members.
    pub(super) fn find(cx: &mut Cx<'a>, at: &Place<'a>) -> Option<Self> {
        let same = |one: &&Conversation| one.account == at.account.id && one.program == at.program;
        let found = at.thread.conversations.iter().find(same);
        Self::of(cx, at, found)
    }

    /// A frame around a conversation that is known already.
    pub(super) fn of(
        cx: &mut Cx<'a>,
        at: &Place<'a>,
        found: Option<&Conversation>,
    ) -> Option<Self> {
        let last = found.and_then(|one| one.contact);
        let whose = contact::find(at.thread, at.account.id, last);
        let (contact_before, contact) = match whose {
            Whose::Known(known) => (Some(known.clone()), Some(known.clone())),
            Whose::Several => (None, None),
            Whose::Nobody => (None, contact::stranger(cx, at.account.id, at.party)),
        };
        let conversation = match found {
            Some(found) => {
                let mut known = found.clone();
                known.contact = contact.as_ref().map(|one| one.id).or(known.contact);
                known
            }
            None => begin(cx, at, contact.as_ref())?,
        };
        let mut frame = Self {
            account: at.account,
            number: at.number,
            thread: at.thread,
            conversation,
            contact,
            conversation_before: found.cloned(),
            contact_before,
            news: false,
            automated: 0,
            told: Vec::new(),
            others: Vec::new(),
        };
        if found.is_none() && matches!(whose, Whose::Several) {
            let text = "Several contacts have this phone; nobody was taken for its owner.".into();
            frame.event(cx, None, ThreadEventKind::Note { text });
        }
        Some(frame)
    }

    /// The contact, when this very turn made it.
    pub(super) fn stranger(&mut self) -> Option<&mut Contact> {
        self.contact
            .as_mut()
            .filter(|_| self.contact_before.is_none())
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
        self.touch(cx, &mo.text, true);
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
        self.automated += usize::from(kind.is_automated());
        let id = message.id;
        self.touch(cx, text, false);
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
    pub(super) fn touch(&mut self, cx: &Cx<'a>, preview: &str, from_person: bool) {
        self.news = true;
        moves::touch(&mut self.conversation, preview, from_person, cx.at.now);
    }

    /// Adds a dated line.
    pub(super) fn event(&mut self, cx: &mut Cx<'a>, by: Option<UserId>, kind: ThreadEventKind) {
        self.news = true;
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
    pub(super) fn post(&mut self, cx: &mut Cx<'a>, posting: Posting) {
        let kind = moves::post(
            cx.directory(),
            &mut self.conversation,
            self.contact.as_ref(),
            posting,
        );
        self.event(cx, None, kind);
    }

    /// Puts the thread into this box, when nobody has it in a list; without one to whoever is responsible by
    /// default: the contact's own route, else the number's.
    pub(super) fn post_unless_open(
        &mut self,
        cx: &mut Cx<'a>,
        to: Option<Route>,
        note: Option<String>,
    ) {
        if self.conversation.state != ConversationState::Open {
            self.post(
                cx,
                Posting {
                    to,
                    note,
                    ..Posting::default()
                },
            );
        }
    }

    /// What the person allows, with what this turn has taken down.
    pub(super) fn allowed(&self) -> Allowed {
        let program = self.conversation.program;
        let (account, number) = (self.account.id, self.number.id);
        let mut allowed = contact::allowed(self.thread, account, program, number);
        for (scope, verdict) in &self.told {
            let verdict = match verdict {
                Consent::In => Verdict::In,
                Consent::Out => Verdict::Out,
            };
            match scope {
                ConsentScope::Number(_) => allowed.number = verdict,
                ConsentScope::Program(_) => allowed.program = verdict,
                ConsentScope::Account(_) => allowed.account = verdict,
                ConsentScope::Organisation => allowed.organisation = verdict,
            }
        }
        allowed
    }

    /// Whether the phone is opted out of what this thread would send.
    pub(super) fn opted_out(&self) -> bool {
        self.allowed().is_out()
    }

    /// Whether the phone may be texted, as far as its contact is known.
    pub(super) fn textable(&self) -> bool {
        contact::textable(self.contact.as_ref(), &self.conversation.party)
    }

    /// The thread of another phone on the same number, in the same program. `member`: it is a member's own, who
    /// is no contact.
    pub(super) fn other(
        &mut self,
        cx: &mut Cx<'a>,
        party: &Party,
        member: bool,
    ) -> Option<&mut Self> {
        let of = |one: &Frame<'_>| one.conversation.party == *party;
        if let Some(known) = self.others.iter().position(of) {
            return self.others.get_mut(known);
        }
        let key = (self.number.id, party.clone());
        let ((_, party), thread) = cx.state.threads.get_key_value(&key)?;
        let place = Place {
            account: self.account,
            program: self.conversation.program,
            number: self.number,
            party,
            thread,
        };
        let mut other = Self::find(cx, &place)?;
        if let Some(stranger) = other.stranger() {
            stranger.source = "flow".to_owned();
            if member {
                other.contact = None;
                other.conversation.contact = None;
            }
        }
        self.others.push(other);
        self.others.last_mut()
    }

    /// The thread of another phone, where this turn has opened it.
    pub(super) fn opened(&self, party: &Party) -> Option<&Self> {
        let mut others = self.others.iter();
        others.find(|one| one.conversation.party == *party)
    }

    /// Whether the thread is another than it was, beyond having been read: one member's look must not stop
    /// another's reply.
    fn moved(&self) -> bool {
        let before = self.conversation_before.as_ref();
        before.is_some_and(|before| {
            let seen = Conversation {
                unread: before.unread,
                ..self.conversation.clone()
            };
            self.news || seen != *before
        })
    }

    /// An open thread is never left to somebody who has gone since.
    fn mend(&mut self, cx: &mut Cx<'a>) {
        if self.conversation.state == ConversationState::Open {
            let contact = self.contact.as_ref();
            for line in assignment::mend(cx.directory(), &mut self.conversation, contact) {
                self.event(cx, None, line);
            }
        }
    }

    /// Writes what has changed.
    pub(super) fn save(mut self, cx: &mut Cx<'a>) {
        for other in std::mem::take(&mut self.others) {
            other.save(cx);
        }
        self.mend(cx);
        if let Some(mut contact) = self
            .contact
            .take()
            .filter(|one| Some(one) != self.contact_before.as_ref())
        {
            contact.version += i64::from(self.contact_before.is_some());
            cx.write(Write::Contact(Box::new(contact)));
        }
        let moved = self.moved();
        if moved || Some(&self.conversation) != self.conversation_before.as_ref() {
            self.conversation.version += i64::from(moved);
            cx.write(Write::Conversation(Box::new(self.conversation.clone())));
        }
        cx.turn.account = Some(self.account.id);
        let mut boxes = vec![self.conversation.responsible(), self.conversation.route];
        boxes.extend(
            self.conversation_before
                .as_ref()
                .map(Conversation::responsible),
        );
        boxes.dedup();
        cx.notice(Notice {
            account: self.account.id,
            conversation: Some(self.conversation.id),
            boxes,
        });
    }
}

/// A conversation that nobody has in a list yet.
fn begin(cx: &mut Cx<'_>, at: &Place<'_>, contact: Option<&Contact>) -> Option<Conversation> {
    let place = moves::Place {
        program: at.program,
        number: at.number.id,
        party: at.party.clone(),
    };
    let id = cx.ids.fresh();
    moves::begin(cx.directory(), id, at.account, place, contact, cx.at.now)
}

/// The program that speaks on a number in an account: the one whose number it is, else `main`, else the first.
pub(super) fn program_of(account: &Account, number: NumberId) -> Option<ProgramId> {
    let own = account
        .programs
        .iter()
        .find(|program| program.number == Some(number));
    let program = own
        .or_else(|| account.program("main"))
        .or_else(|| account.programs.first());
    program.map(|program| program.id)
}
