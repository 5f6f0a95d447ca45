//! An explanation for people, one line a fact.

use std::fmt::{self, Display, Formatter};

use super::{
    BudgetTold, ConsentTold, Explained, Later, Named, Place, PlanTold, RateTold, Recorded, Reply,
    Ring, Skipped, Taken, WindowTold,
};
use crate::model::account::{Beyond, PlanUnit};
use crate::model::consent::Verdict;
use crate::model::conversation::{ConversationState, ThreadEventKind};
use crate::model::text::Encoding;
use crate::model::{CallVerb, MessageKind};

impl Display for Explained {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(connection) = &self.connection else {
            return writeln!(f, "{} is none of our numbers.", self.to);
        };
        fact(f, "number", &format!("{} on {connection}", self.to))?;
        optional(f, "event", self.recorded.as_ref())?;
        for lost in &self.lost {
            fact(f, "not", &format!("{}: {}", lost.rule, lost.why))?;
        }
        let because = self.because.iter().map(|why| format!(": {why}"));
        fact(
            f,
            "rule",
            &(self.rule.to_owned() + &because.collect::<String>()),
        )?;
        optional(f, "account", self.account.as_ref())?;
        optional(f, "program", self.program.as_ref())?;
        match self
            .flow
            .as_deref()
            .map(|flow| (flow, flow.strip_prefix('~')))
        {
            Some((_, Some(who))) => fact(f, "flow", &format!("none: a voicemail for {who}"))?,
            Some((flow, None)) => fact(f, "flow", &flow)?,
            None => {}
        }
        for step in &self.steps {
            fact(f, "step", step)?;
        }
        for reply in &self.replies {
            fact(f, "reply", reply)?;
            if let Some(words) = reply.fate.words() {
                fact(f, "", &words)?;
            }
        }
        for verb in &self.script {
            fact(f, "caller", &heard(verb))?;
        }
        for ring in &self.rings {
            fact(f, "rings", ring)?;
        }
        for one in &self.skipped {
            fact(f, "skips", one)?;
        }
        for later in &self.later {
            fact(f, "then", later)?;
        }
        self.person(f)?;
        self.texts(f)?;
        for line in &self.lines {
            fact(f, "line", &said(line))?;
        }
        for words in &self.ops {
            fact(f, "ops", words)?;
        }
        Ok(())
    }
}

impl Explained {
    fn person(&self, f: &mut Formatter<'_>) -> fmt::Result {
        optional(f, "thread", self.thread.as_ref())?;
        if let Some(person) = &self.contact {
            let name = person.name.as_deref().unwrap_or("without a name");
            let known = if person.new { "new contact" } else { "contact" };
            fact(f, "person", &format!("{known} {name}"))?;
        }
        if self.account.is_some() {
            fact(f, "consent", &self.consent)?;
        }
        Ok(())
    }
}

impl Explained {
    /// What a text would cost and meet.
    fn texts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(texting) = &self.texting else {
            return Ok(());
        };
        let words = texting.fate.words();
        fact(
            f,
            "texting",
            &words.as_deref().unwrap_or("an answer would go at once"),
        )?;
        fact(f, "plan", &texting.plan)?;
        fact(f, "budget", &texting.budget)?;
        fact(f, "window", &texting.window)?;
        let rates: Vec<String> = texting.rates.iter().map(RateTold::to_string).collect();
        fact(f, "rate", &rates.join(", "))
    }
}

/// How wide the words before the facts are.
const WIDTH: usize = 9;

fn fact(f: &mut Formatter<'_>, word: &str, what: &dyn Display) -> fmt::Result {
    let (line, indent) = (what.to_string(), " ".repeat(WIDTH));
    writeln!(
        f,
        "{word:<WIDTH$}{}",
        line.replace('\n', &format!("\n{indent}"))
    )
}

fn optional<T: Display>(f: &mut Formatter<'_>, word: &str, what: Option<&T>) -> fmt::Result {
    what.map_or(Ok(()), |what| fact(f, word, what))
}

impl Display for Named {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.name),
            key => write!(f, "{} ({key})", self.name),
        }
    }
}

impl Display for Taken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let step = &self.step;
        write!(
            f,
            "{}:{} {} ({}) -> {}",
            self.flow, step.line, step.step, step.verb, step.outcome
        )
    }
}

impl Display for Recorded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: ", self.event, self.received_at)?;
        match (&self.undecided, &self.rule, &self.account) {
            (Some(why), ..) => write!(f, "could not be decided then: {why}"),
            (None, Some(rule), Some(account)) => write!(f, "{rule}, of {account}, then"),
            (None, Some(rule), None) => write!(f, "{rule} then"),
            (None, None, _) => write!(f, "nothing was decided then"),
        }
    }
}

impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            MessageKind::Compliance => "confirmation",
            _ => "text",
        };
        let to = self.to.iter().map(|to| format!(" to {to}"));
        let (cost, to) = (&self.cost, to.collect::<String>());
        let alphabet = match cost.encoding {
            Encoding::Gsm7 => "GSM-7",
            Encoding::Ucs2 => "UCS-2",
        };
        let plural = if cost.segments == 1 { "" } else { "s" };
        let of = cost.segments * cost.units_per_part;
        write!(
            f,
            "{kind}{to}, {} segment{plural} of {alphabet}, {} of {of}",
            cost.segments, cost.units
        )?;
        if let Some(forcing) = &self.forces_ucs2 {
            write!(
                f,
                "; `{}` ({}), character {}, is not in GSM-7",
                forcing.character, forcing.code, forcing.place
            )?;
        }
        write!(f, ": {}", self.text)
    }
}

impl Display for Ring {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} s to {} s: {}", self.from_s, self.until_s, self.who)?;
        match self.who.key.as_str() {
            "" => write!(f, ", by {}:{}", self.flow, self.step),
            _ => write!(f, " at {}, by {}:{}", self.phone, self.flow, self.step),
        }
    }
}

impl Display for Skipped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            "inactive" => "does not work here any more",
            "no_device" => "has no device",
            "offline" => "is away",
            "busy" => "is on a call",
            "caller" => "is who calls",
            "same_device" => "the device rings for somebody before",
            _ => "the time is over before their turn",
        };
        f.write_str(&self.name)?;
        if !self.key.is_empty() {
            write!(f, " ({})", self.key)?;
        }
        write!(f, ", by {}:{}: {why}", self.flow, self.step)
    }
}

impl Display for Later {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (flow, step) = (&self.flow, &self.step);
        write!(
            f,
            "{} s: {flow}:{} {} ({}) -> {}",
            self.at_s, step.line, step.step, step.verb, step.outcome
        )
    }
}

impl Display for PlanTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            PlanUnit::Messages => "texts",
            PlanUnit::Segments => "segments",
        };
        let Some(monthly) = self.monthly else {
            return write!(f, "{unit} without a limit; this takes {}", self.takes);
        };
        match (self.used, self.left) {
            (Some(used), Some(left)) => {
                write!(f, "{used} of {monthly} {unit} used this month, {left} left")?
            }
            _ => write!(
                f,
                "{monthly} {unit} a month; how many are used is not known here"
            )?,
        }
        let beyond = match self.beyond {
            Beyond::Email => "go by e-mail",
            Beyond::Hold => "wait for the next month",
            Beyond::Refuse => "are refused",
        };
        write!(f, "; this takes {}; texts beyond {beyond}", self.takes)
    }
}

impl Display for BudgetTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            minute,
            minute_max,
            hour,
            hour_max,
            until,
        } = self;
        write!(
            f,
            "{minute} of {minute_max} automatic texts in the last minute, {hour} of {hour_max} in the last hour"
        )?;
        match until {
            Some(until) => write!(f, "; no more before {until}"),
            None => Ok(()),
        }
    }
}

impl Display for WindowTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(calendar) = &self.calendar else {
            return f.write_str("texts leave at any hour");
        };
        write!(
            f,
            "texts that answer nobody leave inside the hours of {calendar} only: "
        )?;
        match (self.open, self.opens_at) {
            (true, _) => f.write_str("open now"),
            (false, Some(at)) => write!(f, "closed until {at}"),
            (false, None) => f.write_str("never open"),
        }
    }
}

impl Display for RateTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts = match self.counts {
            PlanUnit::Messages => "texts",
            PlanUnit::Segments => "segments",
        };
        write!(
            f,
            "{} {counts} a second of the {}",
            self.per_second, self.of
        )
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let known = if self.new { "new" } else { "known" };
        match self.state {
            ConversationState::Automated => write!(f, "{known}, in nobody's list yet")?,
            ConversationState::Open => write!(f, "{known}, open in the box of {}", self.box_name)?,
            ConversationState::Closed => write!(f, "{known}, closed")?,
        }
        match self.responsible == self.box_name && self.state == ConversationState::Open {
            true => Ok(()),
            false => write!(f, "; responsible: {}", self.responsible),
        }
    }
}

impl Display for ConsentTold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = |verdict| match verdict {
            Verdict::In => "opted in",
            Verdict::Out => "opted out",
            Verdict::Unknown => "never asked",
        };
        match self.before == self.after {
            true => f.write_str(word(self.before)),
            false => write!(f, "{}, then {}", word(self.before), word(self.after)),
        }
    }
}

/// What the caller notices of a verb.
fn heard(verb: &CallVerb) -> String {
    match verb {
        CallVerb::Say { text, .. } => format!("hears: {text}"),
        CallVerb::Play { url } => format!("hears the file {url}"),
        CallVerb::Pause { seconds } => format!("hears nothing for {seconds} s"),
        CallVerb::Gather { prompt, .. } => {
            let prompt: Vec<String> = prompt.iter().map(heard).collect();
            format!("is asked for keys; {}", prompt.join("; "))
        }
        CallVerb::Dial { legs, ring_s, .. } => {
            format!("hears {} device(s) ring, {ring_s} s at most", legs.len())
        }
        CallVerb::Record { max_s, .. } => format!("is recorded, {max_s} s at most"),
        CallVerb::Hold { .. } => "waits while devices ring".to_owned(),
        CallVerb::Join { .. } => "is joined".to_owned(),
        CallVerb::Transfer { phone, .. } => format!("is handed on to {phone}"),
        CallVerb::AskAgain { seconds } => format!("waits {seconds} s"),
        CallVerb::Reject { busy: true } => "hears that the line is busy".to_owned(),
        CallVerb::Reject { busy: false } => "is refused".to_owned(),
        CallVerb::Ringing { .. } => "hears ringing".to_owned(),
        CallVerb::Hangup => "is hung up on".to_owned(),
    }
}

/// A dated line, in a few words.
fn said(line: &ThreadEventKind) -> String {
    let with = |words: &str, note: &Option<String>| match note {
        Some(note) => format!("{words}: {note}"),
        None => words.to_owned(),
    };
    match line {
        ThreadEventKind::Posted { note, .. } => with("put into a box", note),
        ThreadEventKind::Assigned { note, .. } => with("handed over", note),
        ThreadEventKind::NotAssigned { reason } => format!("not handed over: {reason}"),
        ThreadEventKind::FlowStopped { reason, .. } => {
            format!("the flow could not go on: {reason}")
        }
        ThreadEventKind::Note { text } => format!("note: {text}"),
        ThreadEventKind::OptedOut => "opted out".to_owned(),
        ThreadEventKind::OptedIn => "opted in again".to_owned(),
        ThreadEventKind::RevocationSuspected => "reads like a wish to stop".to_owned(),
        ThreadEventKind::Called { outcome, .. } => format!("call: {outcome}"),
        ThreadEventKind::VoicemailLeft { .. } => "voicemail left".to_owned(),
        ThreadEventKind::CallRecorded { blob: Some(_), .. } => "call recorded".to_owned(),
        ThreadEventKind::CallRecorded { blob: None, .. } => {
            "call's recording is missing".to_owned()
        }
        ThreadEventKind::Completed => "completed".to_owned(),
        ThreadEventKind::Closed => "closed".to_owned(),
        ThreadEventKind::Reopened => "opened again".to_owned(),
        ThreadEventKind::ByEmail { reason, .. } => format!("sent by e-mail: {reason}"),
        ThreadEventKind::Refused { reason, .. } => format!("not sent: {reason}"),
    }
}
