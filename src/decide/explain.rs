//! What would happen to a text or a call, and why: told by the very functions that decide it, with nothing
//! saved.

mod course;
mod hold;
mod nothing;
mod shown;

use serde::Serialize;

pub use course::{Later, Ring, Skipped};
pub use hold::{BudgetTold, Fate, Forcing, PlanTold, RateTold, Reply, Texting, WindowTold};
pub use nothing::{nothing_known, people_known};

use crate::model::account::{Account, Number, Route};
use crate::model::consent::{ConsentEntry, ConsentScope, Verdict};
use crate::model::conversation::{Conversation, ConversationState, ThreadEventKind};
use crate::model::people::Contact;
use crate::model::turn::{Need, State, Thread, Write};
use crate::model::{
    AccountId, CallEvent, CallEventKind, CallScript, CallVerb, ContactId, ConversationId, EventId,
    Mo, Party, ProgramId, Timestamp,
};
use crate::policy::consent::{Compliance, verdict};
use crate::policy::routing::{CallRouted, CallTarget, Routed, Rule, Target, rivals, route};

use super::{At, Cx, World, begin, call, text};

/// What would happen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The moment that is asked about.
    pub at: Timestamp,
    /// What became of it then, when it is an event that did happen.
    pub recorded: Option<Recorded>,
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
    /// The other rules, and why each did not take it; other keywords that match are told too.
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
    /// What any text to this phone would meet now.
    pub texting: Option<Texting>,
    /// Which devices ring, and from which second of the call to which when nobody takes it.
    pub rings: Vec<Ring>,
    /// Who is named by a step that rings people, and does not ring.
    pub skipped: Vec<Skipped>,
    /// The steps after the first turn of a call that nobody takes.
    pub later: Vec<Later>,
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

/// What became of an event when it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// It.
    pub event: EventId,
    /// When it was received.
    pub received_at: Timestamp,
    /// The rule that decided it.
    pub rule: Option<String>,
    /// The account that it came to, by key.
    pub account: Option<String>,
    /// Why it could not be decided.
    pub undecided: Option<String>,
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
    let mo = Mo {
        carrier_id: "explain".to_owned(),
        from: from.clone(),
        to: to.to_owned(),
        text: text.to_owned(),
        media: Vec::new(),
        carrier_answered: false,
        carrier_said: None,
    };
    received(world, state, &mo, at)
}

/// The same of a text as it came, with the carrier's marks.
///
/// # Errors
/// What must be known first.
pub fn received(world: &World, state: &State, mo: &Mo, at: At) -> Result<Explained, Vec<Need>> {
    let Some(number) = world.directory.number_by_address(&mo.to) else {
        return Ok(Explained::begin(&mo.from, &mo.to, None, at));
    };
    let mut cx = explaining(world, state, at);
    text::received(&mut cx, &number.connection, mo)?;
    let mut told = Explained::begin(&mo.from, &mo.to, Some(number), at);
    if number.active {
        let thread = cx.thread(number.id, &mo.from)?;
        let compliance = text::compliance(world, number, thread, mo);
        let facts = text::facts(world, number, thread, &mo.text, compliance);
        let routed = route(&facts);
        told.routed(&routed, rivals(&facts, &routed), compliance);
        let program = text::home(world, number, thread, &routed).map(|(_, program, _)| program);
        told.decided(&cx, (number, thread, &mo.from), program)?;
    } else {
        told.rule = cx.turn.rule;
        told.ops(&cx);
    }
    Ok(told)
}

/// What would become of a call: whose it is, the flow, what the caller hears, and who rings in which second when nobody
/// takes it. `presses` are the keys that the caller presses, prompt by prompt; at any further prompt they press none.
///
/// # Errors
/// What must be known first.
pub fn call(
    world: &World,
    state: &State,
    from: &Party,
    to: &str,
    presses: &[String],
    at: At,
) -> Result<Explained, Vec<Need>> {
    let Some(number) = world.directory.number_by_address(to) else {
        return Ok(Explained::begin(from, to, None, at));
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
    let mut told = Explained::begin(from, to, Some(number), at);
    let account = world.directory.account(number.calls);
    let Some(account) = account.filter(|_| number.active && number.voice) else {
        told.rule = cx.turn.rule;
        told.ops(&cx);
        return Ok(told);
    };
    told.call_routed(&begin::routed(world, number, account), &account.name);
    let thread = cx.thread(number.id, from)?;
    told.decided(&cx, (number, thread, from), None)?;
    let course = course::follow(&course::Asked {
        world,
        state,
        account,
        number,
        party: from,
        presses,
        now: at.now,
    })?;
    (told.rings, told.skipped, told.later) = (course.rings, course.skipped, course.later);
    Ok(told)
}

fn explaining<'a>(world: &'a World, state: &'a State, at: At) -> Cx<'a> {
    let mut cx = Cx::new(world, state, at);
    cx.trace = Some(Vec::new());
    cx
}

impl Explained {
    fn begin(from: &Party, to: &str, number: Option<&Number>, at: At) -> Self {
        Self {
            at: at.now,
            recorded: None,
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
            texting: None,
            rings: Vec::new(),
            skipped: Vec::new(),
            later: Vec::new(),
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

    fn routed(&mut self, routed: &Routed<'_>, rivals: Vec<(Rule, String)>, compliance: Compliance) {
        self.because = because(&routed.target);
        self.consent.text = match compliance {
            Compliance::Stop => "stop",
            Compliance::Start => "start",
            Compliance::Help => "help",
            Compliance::Review => "review",
            Compliance::Ordinary => "ordinary",
        };
        let lost = routed.lost.iter().cloned().chain(rivals);
        let lost = lost.map(|(rule, why)| Lost {
            rule: rule.as_str(),
            why,
        });
        self.lost = lost.collect();
    }

    fn call_routed(&mut self, routed: &CallRouted<'_>, account: &str) {
        self.because = Some(match routed.target {
            CallTarget::Flow(key) => format!("the flow {key}, as {account} has the number's calls"),
            CallTarget::Unpublished(_) | CallTarget::Voicemail => {
                format!("a voicemail, as {account} has the number's calls")
            }
        });
        let lost = routed.lost.iter().map(|(rule, why)| Lost {
            rule,
            why: why.clone(),
        });
        self.lost = lost.collect();
    }

    /// Reads the turn that would be saved.
    fn decided(
        &mut self,
        cx: &Cx<'_>,
        (number, thread, party): (&Number, &Thread, &Party),
        program: Option<ProgramId>,
    ) -> Result<(), Vec<Need>> {
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
            let person = found.and_then(|one| one.contact);
            let from = hold::From {
                account,
                number,
                thread,
                party,
                contact: person.and_then(|id| contact(cx, thread, id)),
                consent: self.consent.after,
            };
            let (replies, texting) = hold::judged(cx, &from)?;
            (self.replies, self.texting) = (replies, Some(texting));
        }
        self.steps(cx);
        let answer = cx.turn.answer.iter();
        let verbs = answer.flat_map(|CallScript { verbs, .. }| verbs.clone());
        self.script = verbs.collect();
        Ok(())
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

fn named(key: &str, name: &str) -> Named {
    Named {
        key: key.to_owned(),
        name: name.to_owned(),
    }
}
