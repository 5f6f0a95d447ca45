//! What would happen to a text or a call, and why: told by the very functions that decide it, with nothing
//! saved.

mod shown;

use serde::Serialize;

use crate::model::account::{Account, Number, Route};
use crate::model::consent::{ConsentEntry, ConsentScope, Verdict};
use crate::model::conversation::{Conversation, ConversationState, ThreadEventKind};
use crate::model::people::{Contact, Presence};
use crate::model::turn::{Need, State, Thread, Write};
use crate::model::{
    AccountId, CallEvent, CallEventKind, CallScript, CallVerb, ContactId, ConversationId, Message,
    MessageKind, Mo, Party, ProgramId,
};
use crate::policy::consent::{Compliance, classify, verdict};
use crate::policy::routing::{Routed, Target};

use super::{At, Cx, World, call, text};

/// What would happen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Who texts or calls.
    pub from: String,
    /// Our number, as it was named.
    pub to: String,
    /// Its connection; `None`: it is none of ours.
    pub connection: Option<String>,
    /// The rule that decides.
    pub rule: &'static str,
    /// What the rule took hold of: the keyword, the waiting flow...
    pub because: Option<String>,
    /// The rules before it, and why each did not take it.
    pub lost: Vec<Lost>,
    /// Whose it is.
    pub account: Option<Named>,
    /// In which program.
    pub program: Option<Named>,
    /// The flow that is begun or taken on.
    pub flow: Option<String>,
    /// Its steps, in the order they are taken.
    pub steps: Vec<Taken>,
    /// What is answered by text.
    pub replies: Vec<Reply>,
    /// What the caller hears first.
    pub script: Vec<CallVerb>,
    /// Whose devices ring.
    pub rings: Vec<Named>,
    /// Where the thread is then.
    pub thread: Option<Place>,
    /// The person.
    pub contact: Option<Person>,
    /// What the ledger says of texting this phone from this number, before and after.
    pub consent: ConsentTold,
    /// The dated lines that the thread shows for it.
    pub lines: Vec<ThreadEventKind>,
    /// What ops are told.
    pub ops: Vec<String>,
}

/// A rule that did not take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The rule.
    pub rule: &'static str,
    /// Why not.
    pub why: String,
}

/// Something with a key and a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
}

/// A step taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The flow's key.
    pub flow: String,
    /// The step.
    #[serde(flatten)]
    pub step: crate::flow::Trace,
}

/// A text of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// Why it exists.
    pub kind: MessageKind,
    /// Its words.
    pub text: String,
    /// The segments it costs.
    pub segments: u16,
}

/// Where a thread is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Whether it begins with this.
    pub new: bool,
    /// Whether it is in somebody's list.
    pub state: ConversationState,
    /// The box it belongs to.
    #[serde(rename = "box")]
    pub box_name: String,
    /// Who is responsible: the same, or whom it was handed to.
    pub responsible: String,
}

/// The person of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Whether they were unknown so far.
    pub new: bool,
    /// Their name, where known.
    pub name: Option<String>,
}

/// The ledger's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ConsentTold {
    /// Before it.
    pub before: Verdict,
    /// After it.
    pub after: Verdict,
    /// What the text itself means for consent: `stop`, `start`, `help`, `review` or `ordinary`.
    pub text: &'static str,
}

/// What would become of a text.
///
/// # Errors
/// What must be known first.
pub fn text(
    world: &World,
    state: &State,
    from: &Party,
    to: &str,
    text: &str,
    at: At,
) -> Result<Explained, Vec<Need>> {
    let Some(number) = world.directory.number_by_address(to) else {
        return Ok(Explained::begin(from, to, None));
    };
    let mo = Mo {
        carrier_id: "explain".to_owned(),
        from: from.clone(),
        to: to.to_owned(),
        text: text.to_owned(),
        media: Vec::new(),
        carrier_answered: false,
        carrier_said: None,
    };
    let mut cx = explaining(world, state, at);
    text::received(&mut cx, &number.connection, &mo)?;
    let mut told = Explained::begin(from, to, Some(number));
    if number.active {
        let thread = cx.thread(number.id, from)?;
        let out = text::opted_out_anywhere(thread, number);
        let compliance = classify(text, out, &world.words);
        let routed = text::routed(world, number, thread, text, compliance);
        told.routed(&routed, compliance);
        let program = text::home(world, number, thread, &routed).map(|(_, program, _)| program);
        told.decided(&cx, number, thread, program);
    } else {
        told.rule = cx.turn.rule;
        told.ops(&cx);
    }
    Ok(told)
}

/// What would become of a call: the flow, what the caller hears first and whose devices ring.
///
/// # Errors
/// What must be known first.
pub fn call(
    world: &World,
    state: &State,
    from: &Party,
    to: &str,
    at: At,
) -> Result<Explained, Vec<Need>> {
    let Some(number) = world.directory.number_by_address(to) else {
        return Ok(Explained::begin(from, to, None));
    };
    let event = CallEvent {
        key: None,
        carrier_id: "explain".to_owned(),
        kind: CallEventKind::Started {
            from: from.clone(),
            to: to.to_owned(),
            token: None,
        },
    };
    let mut cx = explaining(world, state, at);
    call::happened(&mut cx, &number.connection, &event)?;
    let mut told = Explained::begin(from, to, Some(number));
    if number.active && number.voice {
        let thread = cx.thread(number.id, from)?;
        told.decided(&cx, number, thread, None);
    } else {
        told.rule = cx.turn.rule;
        told.ops(&cx);
    }
    Ok(told)
}

fn explaining<'a>(world: &'a World, state: &'a State, at: At) -> Cx<'a> {
    let mut cx = Cx::new(world, state, at);
    cx.trace = Some(Vec::new());
    cx
}

impl Explained {
    fn begin(from: &Party, to: &str, number: Option<&Number>) -> Self {
        Self {
            from: from.to_string(),
            to: to.to_owned(),
            connection: number.map(|number| number.connection.clone()),
            rule: "unknown_number",
            because: None,
            lost: Vec::new(),
            account: None,
            program: None,
            flow: None,
            steps: Vec::new(),
            replies: Vec::new(),
            script: Vec::new(),
            rings: Vec::new(),
            thread: None,
            contact: None,
            consent: ConsentTold {
                text: "ordinary",
                ..ConsentTold::default()
            },
            lines: Vec::new(),
            ops: Vec::new(),
        }
    }

    fn routed(&mut self, routed: &Routed<'_>, compliance: Compliance) {
        self.because = because(&routed.target);
        self.consent.text = match compliance {
            Compliance::Stop => "stop",
            Compliance::Start => "start",
            Compliance::Help => "help",
            Compliance::Review => "review",
            Compliance::Ordinary => "ordinary",
        };
        let lost = routed.lost.iter().map(|(rule, why)| Lost {
            rule: rule.as_str(),
            why: why.clone(),
        });
        self.lost = lost.collect();
    }

    /// Reads the turn that would be saved.
    fn decided(
        &mut self,
        cx: &Cx<'_>,
        number: &Number,
        thread: &Thread,
        program: Option<ProgramId>,
    ) {
        self.rule = cx.turn.rule;
        self.ops(cx);
        let account = cx.turn.account.and_then(|id| cx.directory().account(id));
        let found = conversation(cx, thread);
        if let (Some(account), Some(conversation)) = (account, found) {
            self.thread(cx, account, thread, conversation);
            self.lines(cx, conversation.id);
        }
        if let Some(account) = account {
            let program = found.map(|one| one.program).or(program);
            self.owner(account, program);
            let scopes = (account.id, program);
            self.consent.before = told(&thread.consents, number, scopes);
            self.consent.after = told(&consents_after(cx, thread), number, scopes);
        }
        self.steps(cx);
        self.answers(cx);
    }

    fn owner(&mut self, account: &Account, program: Option<ProgramId>) {
        self.account = Some(named(&account.key, &account.name));
        let program = program.and_then(|id| account.program_by_id(id));
        self.program = program.map(|program| named(&program.key, &program.name));
    }

    fn thread(
        &mut self,
        cx: &Cx<'_>,
        account: &Account,
        thread: &Thread,
        conversation: &Conversation,
    ) {
        let name = |route: Route| cx.directory().route_name(account.id, route);
        let known = thread.conversations.iter();
        self.thread = Some(Place {
            new: !known.clone().any(|one| one.id == conversation.id),
            state: conversation.state,
            box_name: name(conversation.route),
            responsible: name(conversation.responsible()),
        });
        let person = conversation.contact.and_then(|id| contact(cx, thread, id));
        self.contact = person.map(|contact| Person {
            new: !thread.contacts.iter().any(|one| one.id == contact.id),
            name: contact.name.clone(),
        });
    }

    fn lines(&mut self, cx: &Cx<'_>, here: ConversationId) {
        for write in &cx.turn.writes {
            if let Write::ThreadEvent(event) = write
                && event.conversation == here
            {
                self.lines.push(event.kind.clone());
            }
        }
    }

    fn steps(&mut self, cx: &Cx<'_>) {
        let taken = cx.trace.iter().flatten();
        self.steps = taken
            .map(|(flow, step)| Taken {
                flow: flow.clone(),
                step: step.clone(),
            })
            .collect();
        self.flow = self.steps.first().map(|step| step.flow.clone());
    }

    fn answers(&mut self, cx: &Cx<'_>) {
        let answer = cx.turn.answer.iter();
        self.script = answer
            .flat_map(|CallScript { verbs, .. }| verbs.clone())
            .collect();
        for write in &cx.turn.writes {
            match write {
                Write::Message(message) if message.kind != MessageKind::Inbound => {
                    self.replies.push(reply(message));
                }
                Write::Leg(leg) => {
                    let user = leg.user.and_then(|id| cx.directory().user(id));
                    let phone = leg.phone.to_string();
                    self.rings.push(match user {
                        Some(user) => named(&user.key, &user.name),
                        None => named("", &phone),
                    });
                }
                _ => {}
            }
        }
    }

    fn ops(&mut self, cx: &Cx<'_>) {
        for write in &cx.turn.writes {
            if let Write::OpsNotice { words, .. } = write {
                self.ops.push(words.clone());
            }
        }
    }
}

/// The conversation that the event landed in, as it would be saved.
fn conversation<'t>(cx: &'t Cx<'_>, thread: &'t Thread) -> Option<&'t Conversation> {
    let here = cx.turn.writes.iter().find_map(|write| match write {
        Write::Message(message) => Some(message.conversation),
        Write::Call(call) => call.conversation,
        _ => None,
    })?;
    let saved = cx.turn.writes.iter().rev().find_map(|write| match write {
        Write::Conversation(row) if row.id == here => Some(&**row),
        _ => None,
    });
    saved.or_else(|| thread.conversations.iter().find(|one| one.id == here))
}

fn contact<'t>(cx: &'t Cx<'_>, thread: &'t Thread, id: ContactId) -> Option<&'t Contact> {
    let saved = cx.turn.writes.iter().find_map(|write| match write {
        Write::Contact(row) if row.id == id => Some(&**row),
        _ => None,
    });
    saved.or_else(|| thread.contacts.iter().find(|one| one.id == id))
}

fn consents_after(cx: &Cx<'_>, thread: &Thread) -> Vec<ConsentEntry> {
    let mut all = thread.consents.clone();
    for write in &cx.turn.writes {
        if let Write::Consent(entry) = write {
            all.retain(|one| one.scope != entry.scope);
            all.push((**entry).clone());
        }
    }
    all
}

/// The verdict of the scopes that apply.
fn told(
    entries: &[ConsentEntry],
    number: &Number,
    (account, program): (AccountId, Option<ProgramId>),
) -> Verdict {
    let applies = |entry: &&ConsentEntry| match entry.scope {
        ConsentScope::Number(of) => of == number.id,
        ConsentScope::Program(of) => Some(of) == program,
        ConsentScope::Account(of) => of == account,
        ConsentScope::Organisation => true,
    };
    let of: Vec<ConsentEntry> = entries.iter().filter(applies).cloned().collect();
    verdict(&of)
}

fn because(target: &Target<'_>) -> Option<String> {
    match target {
        Target::Compliance(word) => Some(format!("{word:?}").to_lowercase()),
        Target::Run(run) => Some(format!("the flow {} waits for an answer", run.flow)),
        Target::Keyword(keyword, None) => Some(keyword.word.clone()),
        Target::Keyword(keyword, Some(sub)) => Some(format!("{} {}", keyword.word, sub.word)),
        Target::Conversation(_) | Target::Unmatched => None,
    }
}

fn reply(message: &Message) -> Reply {
    Reply {
        kind: message.kind,
        text: message.text.clone(),
        segments: message.segments,
    }
}

fn named(key: &str, name: &str) -> Named {
    Named {
        key: key.to_owned(),
        name: name.to_owned(),
    }
}

/// A state in which nothing is known, so that an organisation can be asked about without a store.
pub fn nothing_known(needs: &[Need]) -> State {
    let mut state = State::default();
    for need in needs {
        match need.clone() {
            Need::Thread(number, party) => {
                state.put_thread(number, party, Thread::default());
            }
            Need::Conversation(id) => {
                state.conversations.insert(id, None);
            }
            Need::Call(id) => {
                state.calls.insert(id, None);
            }
            Need::Leg(id) => {
                state.legs.insert(id, None);
            }
            Need::Run(id) => {
                state.runs.insert(id, None);
            }
            Need::Message(id) => {
                state.messages.insert(id, None);
            }
            Need::MessageByCarrier(connection, id) => {
                state.carrier_messages.insert((connection, id), None);
            }
            Need::CallByCarrier(connection, id) => {
                state.carrier_calls.insert((connection, id), None);
            }
            Need::Voicemail(call) => {
                state.voicemails.insert(call, Vec::new());
            }
            Need::Presence(user) => {
                state.presence.insert(user, Presence::default());
            }
            Need::Waiting(account) => {
                state.waiting.insert(account, Vec::new());
            }
            Need::Revision(id) => {
                state.revisions.insert(id, None);
            }
        }
    }
    state
}
