//! `send`, `email` and `notify`: other phones, other people, and the members who should know.

use super::ask::{Sent, reply_to, too_many};
use super::members::Members;
use super::reachable::warn_of_own;
use super::speak::required;
use super::{Came, Verb};
use crate::flow::answer::read_phone;
use crate::flow::effect::{Effect, Wanted};
use crate::flow::engine::Engine;
use crate::flow::event::Reach;
use crate::flow::reader::Reading;
use crate::flow::scope::{Known, Type};
use crate::flow::template::{
    NOTE_CHARS_MAX, Part, REPLY_CHARS_MAX, Template, Text, VALUE_CHARS_MAX, by_language,
};
use crate::flow::yaml::Node;
use crate::model::Party;
use crate::model::people::User;

/// The longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;
/// The longest text of an e-mail, in characters.
const EMAIL_CHARS_MAX: usize = 10_000;
/// The longest e-mail address, in bytes.
const ADDRESS_BYTES_MAX: usize = 254;

/// A text to this phone or another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Send {
    to: Template,
    text: Text,
}

impl Send {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "send")?;
        let to = match fields.get("to") {
            Some(to) => phone(reading, to),
            None => Some(Template::Plain(vec![Part::Value(Known::ContactPhone)])),
        };
        let text = required(reading, fields.get("text"), node, "send", "text")?;
        let text = reading.text(text, "the text");
        Some(Verb::Send(Self {
            to: to?,
            text: text?,
        }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let facts = engine.facts;
        let Some(to) = phone_now(engine, &self.to) else {
            return Came::outcome("refused");
        };
        if !facts.number.sms || !facts.number.active {
            return Came::outcome("refused");
        }
        if to == *facts.party && !facts.textable {
            return Came::outcome("refused");
        }
        if to == *facts.party {
            return match reply_to(engine, &self.text) {
                Sent::Ok => Came::outcome("ok"),
                Sent::Refused => Came::outcome("refused"),
                Sent::TooMany => too_many(),
            };
        }
        let reach = match engine.reach(std::slice::from_ref(&to)) {
            Ok(known) => known.into_iter().next().unwrap_or_default(),
            Err(came) => return came,
        };
        let (text, _) = engine.render(&self.text, REPLY_CHARS_MAX);
        if !may_text(&reach) || text.trim().is_empty() {
            return Came::outcome("refused");
        }
        let staff = false;
        engine.effects.push(Effect::Send { to, text, staff });
        Came::outcome("ok")
    }
}

impl Send {
    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        wanted_phone(engine, &self.to)
    }
}

/// What must be known of this phone, when it is not the far end's own.
pub(super) fn wanted_phone(engine: &Engine<'_>, template: &Template) -> Vec<Wanted> {
    let phone = phone_now(engine, template).filter(|phone| phone != engine.facts.party);
    phone.map(Wanted::Reach).into_iter().collect()
}

fn may_text(reach: &Reach) -> bool {
    reach.textable && reach.automated_left && !reach.consent.is_out()
}

/// A phone: one written out, a name such as `contact.phone`, or a text with names in it.
pub(super) fn phone(reading: &mut Reading<'_>, node: &Node) -> Option<Template> {
    let template = address(reading, node, "the phone")?;
    if let Some(fixed) = template.fixed() {
        match fixed.parse() {
            Ok(phone) => warn_of_own(reading, &node.at, phone),
            Err(_) => drop(reading.phone(node)?),
        }
    }
    Some(template)
}

/// A name without braces stands for its value; anything else is a text.
pub(super) fn address(reading: &mut Reading<'_>, node: &Node, what: &str) -> Option<Template> {
    let word = reading.word(node, what)?.to_owned();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    if !word.contains('.') || !word.chars().all(plain) {
        return reading.template(node, what);
    }
    match reading.scope.resolve(&word) {
        Ok(known) if known.kind().meets(Type::Text) => {
            Some(Template::Plain(vec![Part::Value(known)]))
        }
        Ok(known) => {
            let message = format!(
                "`{word}` holds {}, and {what} is a text",
                known.kind().word()
            );
            reading.fault_help(&node.at, "type", message, "name a column that holds a text");
            None
        }
        Err(unknown) => {
            reading.unknown(&node.at, unknown);
            None
        }
    }
}

/// The phone that is meant now; nothing where none is known.
pub(super) fn phone_now(engine: &Engine<'_>, template: &Template) -> Option<Party> {
    let text = template.render(&engine.values(), VALUE_CHARS_MAX);
    let phone = read_phone(text.trim(), &engine.facts.number.address)?;
    Some(Party::Phone(phone))
}

/// An e-mail to a person outside or to members.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Email {
    to: EmailTo,
    subject: Text,
    text: Text,
}

#[derive(Debug, Clone, PartialEq)]
enum EmailTo {
    Address(Template),
    Members(Members),
}

impl Email {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "email")?;
        let to = match fields.get("to") {
            Some(to) => {
                for key in ["group", "user", "on_shift"] {
                    if let Some(other) = fields.get(key) {
                        let message = format!("`email` goes `to` an address or to a `{key}`");
                        reading.fault_help(&other.at, "two-owners", message, "keep one of them");
                    }
                }
                email_address(reading, to).map(EmailTo::Address)
            }
            None => Members::read(reading, &fields, "email").map(EmailTo::Members),
        };
        let mut text = |key: &str| {
            let found = required(reading, fields.get(key), node, "email", key)?;
            reading.text(found, &format!("`{key}`"))
        };
        let (subject, text) = (text("subject"), text("text"));
        Some(Verb::Email(Box::new(Self {
            to: to?,
            subject: subject?,
            text: text?,
        })))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        match &self.to {
            EmailTo::Address(template) => {
                let to = template.render(&engine.values(), VALUE_CHARS_MAX);
                let to = Some(to.trim().to_owned()).filter(|to| is_email(to));
                let (subject, _) = engine.render(&self.subject, SUBJECT_CHARS_MAX);
                let (text, _) = engine.render(&self.text, EMAIL_CHARS_MAX);
                email(engine, to.into_iter().collect(), &subject, text);
            }
            EmailTo::Members(members) => {
                let told = match members.told(engine) {
                    Ok(told) => told,
                    Err(came) => return came,
                };
                let before = engine.effects.len();
                email_members(engine, &told.users, &self.subject, &self.text);
                members.note_others(engine, before, &told);
            }
        }
        Came::outcome("next")
    }
}

impl Email {
    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        match &self.to {
            EmailTo::Address(_) => Vec::new(),
            EmailTo::Members(members) => members.wants(engine),
        }
    }
}

fn email_address(reading: &mut Reading<'_>, node: &Node) -> Option<Template> {
    let template = address(reading, node, "the address")?;
    if let Some(fixed) = template.fixed()
        && !is_email(&fixed)
    {
        let help = "write an address such as front@example.org, or a name such as contact.email";
        reading.fault_help(&node.at, "email", "this is no e-mail address", help);
        return None;
    }
    Some(template)
}

/// One address and nothing else: what a contact gave must not make a list of it.
fn is_email(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || ",;<>\"()[]:\\".contains(c);
    let (name, host) = text.split_once('@').unwrap_or(("", ""));
    let whole = !name.is_empty() && host.contains('.') && !host.contains('@');
    whole && !host.starts_with('.') && text.len() <= ADDRESS_BYTES_MAX && !text.contains(odd)
}

/// An e-mail to members, in their language; who of them has no address is counted in the thread.
fn email_members(engine: &mut Engine<'_>, users: &[&User], subject: &Text, text: &Text) {
    let to = users.iter().filter_map(|user| user.email.clone());
    let to: Vec<String> = to.filter(|to| is_email(to)).collect();
    let without = users.len() - to.len();
    if engine.facts.email && !to.is_empty() && without > 0 {
        let of = users.len();
        let text = format!(
            "An e-mail of the flow did not reach all: {without} of {of} members have no address."
        );
        engine.effects.push(Effect::Note { text });
    }
    let (subject, _) = engine.render_for_staff(subject, SUBJECT_CHARS_MAX);
    let (text, _) = engine.render_for_staff(text, EMAIL_CHARS_MAX);
    email(engine, to, &subject, text);
}

/// What cannot leave is told in the thread, so that nobody believes that it did.
fn email(engine: &mut Engine<'_>, to: Vec<String>, subject: &str, text: String) {
    let why = match (engine.facts.email, to.is_empty()) {
        (false, _) => "An e-mail of the flow did not leave: no mail server is configured.",
        (_, true) => "An e-mail of the flow did not leave: nobody it goes to has an address.",
        _ => "",
    };
    if !why.is_empty() {
        return engine.effects.push(Effect::Note {
            text: why.to_owned(),
        });
    }
    let subject = subject.replace(char::is_control, " ").trim().to_owned();
    engine.effects.push(Effect::Email { to, subject, text });
}

/// Members are told something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notify {
    members: Members,
    by_email: bool,
    by_text: bool,
    subject: Text,
    text: Text,
}

impl Notify {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "notify")?;
        let members = Members::read(reading, &fields, "notify");
        let (by_email, by_text) = by(reading, fields.get("by"));
        let subject = match fields.get("subject") {
            Some(subject) => reading.text(subject, "the subject"),
            None => Some(default_subject()),
        };
        let text = required(reading, fields.get("text"), node, "notify", "text")?;
        let text = reading.text(text, "the notice");
        Some(Verb::Notify(Box::new(Self {
            members: members?,
            by_email,
            by_text,
            subject: subject?,
            text: text?,
        })))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let told = match self.members.told(engine) {
            Ok(told) => told,
            Err(came) => return came,
        };
        let before = engine.effects.len();
        if self.by_text
            && let Err(came) = self.text(engine, &told.users)
        {
            return came;
        }
        if self.by_email {
            email_members(engine, &told.users, &self.subject, &self.text);
        }
        self.members.note_others(engine, before, &told);
        Came::outcome("next")
    }

    /// Whoever may be told: who is on shift is only known later.
    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        let mut wanted = self.members.wants(engine);
        if self.by_text {
            let phones = phones_of(engine, &self.members.first(engine));
            wanted.extend(phones.into_iter().map(Wanted::Reach));
        }
        wanted
    }

    /// A text to the first device of each. Who cannot be texted has it by e-mail.
    fn text(&self, engine: &mut Engine<'_>, users: &[&User]) -> Result<(), Came> {
        let facts = engine.facts;
        let phones = phones_of(engine, users);
        let reached = engine.reach(&phones)?;
        let may = facts.number.sms && facts.number.active;
        let reached = phones.into_iter().zip(reached);
        let to: Vec<Party> = reached
            .filter(|(_, reach)| may && may_notify(reach))
            .map(|(phone, _)| phone)
            .collect();
        let missed: Vec<&User> = users
            .iter()
            .copied()
            .filter(|user| !has_text(engine, user, &to))
            .collect();
        let by_email = |user: &&&User| facts.email && user.email.as_deref().is_some_and(is_email);
        let mailed: Vec<&User> = missed.iter().filter(by_email).copied().collect();
        note_missed(engine, users.len(), missed.len(), mailed.len());
        if !self.by_email && !mailed.is_empty() {
            email_members(engine, &mailed, &self.subject, &self.text);
        }
        let (text, _) = engine.render_for_staff(&self.text, NOTE_CHARS_MAX);
        let texts = to.into_iter().map(|to| Effect::Send {
            to,
            text: text.clone(),
            staff: true,
        });
        engine.effects.extend(texts);
        Ok(())
    }
}

fn may_notify(reach: &Reach) -> bool {
    reach.textable && reach.notices_left && !reach.consent.is_out()
}

/// Whether the notice is on this member's phone, or they are who wrote.
fn has_text(engine: &Engine<'_>, user: &User, to: &[Party]) -> bool {
    let phone = user.devices.first();
    let phone = phone.map(|device| Party::Phone(device.phone));
    phone.is_some_and(|phone| phone == *engine.facts.party || to.contains(&phone))
}

/// What the thread says of members who get no text, though they should.
fn note_missed(engine: &mut Engine<'_>, of: usize, missed: usize, mailed: usize) {
    let mut note = |text: String| engine.effects.push(Effect::Note { text });
    if mailed > 0 {
        note(format!(
            "A notice of the flow goes by e-mail to {mailed} of {of} members, who cannot be texted now."
        ));
    }
    match missed - mailed {
        0 => {}
        lost if lost == of => note(
            "A notice of the flow did not leave: nobody it goes to can be texted now.".to_owned(),
        ),
        lost => note(format!(
            "A notice of the flow did not reach all: {lost} of {of} members cannot be texted now."
        )),
    }
}

/// The first device of each, save the far end's own.
fn phones_of(engine: &Engine<'_>, users: &[&User]) -> Vec<Party> {
    let devices = users.iter().filter_map(|user| user.devices.first());
    let mut phones: Vec<Party> = Vec::new();
    for phone in devices.map(|device| Party::Phone(device.phone)) {
        if !phones.contains(&phone) && phone != *engine.facts.party {
            phones.push(phone);
        }
    }
    phones
}

fn by(reading: &mut Reading<'_>, node: Option<&Node>) -> (bool, bool) {
    let Some(node) = node else {
        return (true, false);
    };
    let ways = [("email", true), ("text", false)];
    let items = reading.list(node, "`by`");
    if items.is_empty() {
        reading.fault_help(
            &node.at,
            "empty",
            "nobody is told this way",
            "write [email, text]",
        );
    }
    let found: Vec<bool> = items
        .into_iter()
        .filter_map(|item| reading.choice(item, "way to tell", &ways))
        .collect();
    (found.contains(&true), found.contains(&false))
}

fn default_subject() -> Text {
    by_language(&[
        ("en", "A notice"),
        ("es", "Un aviso"),
        ("fr", "Un avis"),
        ("de", "Eine Nachricht"),
    ])
}
