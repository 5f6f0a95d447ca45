//! TwiML, the carrier's answer language, read into typed verbs.
//!
//! Stricter than the carrier, which drops what it does not know: an unknown verb or attribute is a
//! fault here, so that a misspelt one is found by the first test and not by the first caller.

use super::xml::{self, Node};

/// Bytes of one document, at most (the carrier's error 11750).
pub(super) const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Numbers that one `<Dial>` rings, at most.
pub(super) const DIAL_NUMBERS_MAX: usize = 10;

/// Where something is asked: an address as written (maybe relative) and a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) get: bool,
}

/// One instruction of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verb {
    Say(Say),
    Play(Play),
    Pause { seconds: f64 },
    Gather(Gather),
    Dial(Dial),
    Record(Record),
    Redirect(Target),
    Reject { busy: bool },
    Hangup,
    Message(Message),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Say {
    pub(super) text: String,
    pub(super) times: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Play {
    pub(super) url: String,
    pub(super) digits: String,
    pub(super) times: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gather {
    pub(super) prompts: Vec<Verb>,
    pub(super) digits_max: Option<usize>,
    pub(super) finish_on: String,
    pub(super) timeout_s: f64,
    pub(super) action: Option<Target>,
    pub(super) get: bool,
    pub(super) on_empty: bool,
    pub(super) barge_in: bool,
    pub(super) keys: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dial {
    pub(super) timeout_s: f64,
    pub(super) limit_s: f64,
    pub(super) action: Option<Target>,
    pub(super) answer_on_bridge: bool,
    pub(super) caller_id: Option<String>,
    pub(super) sequential: bool,
    pub(super) hang_up_on_star: bool,
    /// Where the recording of the talk is reported; only recorded talks have it.
    pub(super) recorded: Option<Callback>,
    pub(super) to: DialTo,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum DialTo {
    Numbers(Vec<Number>),
    Conference(Conference),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) phone: String,
    pub(super) whisper: Option<Target>,
    pub(super) callback: Option<Callback>,
}

/// A status callback: where, and which events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Callback {
    pub(super) target: Target,
    pub(super) events: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conference {
    pub(super) name: String,
    pub(super) start_on_enter: bool,
    pub(super) end_on_exit: bool,
    pub(super) wait: Option<Target>,
    pub(super) beep: bool,
    pub(super) muted: bool,
    pub(super) members_max: usize,
    pub(super) recorded: Option<Callback>,
    pub(super) callback: Option<Callback>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) length_max_s: u32,
    pub(super) timeout_s: f64,
    pub(super) finish_on: String,
    pub(super) beep: bool,
    pub(super) action: Option<Target>,
    pub(super) get: bool,
    pub(super) callback: Option<Callback>,
    pub(super) transcribe: Option<Target>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) action: Option<String>,
}

/// The verbs of a document; what is wrong with it otherwise, for people.
pub(super) fn parse(document: &str) -> Result<Vec<Verb>, String> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err("the document is over 64 kB (11750)".to_owned());
    }
    let root = xml::parse(document)?;
    if root.name != "Response" {
        return Err(format!(
            "the root element is <{}>, not <Response>",
            root.name
        ));
    }
    if !root.text.is_empty() {
        return Err("there is text between the verbs".to_owned());
    }
    let verbs: Vec<Verb> = root.children.iter().map(verb).collect::<Result<_, _>>()?;
    let late = verbs
        .iter()
        .skip(1)
        .any(|verb| matches!(verb, Verb::Reject { .. }));
    if late {
        return Err("<Reject> must be the first verb".to_owned());
    }
    Ok(verbs)
}

fn verb(node: &Node) -> Result<Verb, String> {
    match node.name.as_str() {
        "Say" | "Play" | "Pause" => prompt(node),
        "Gather" => gather(node).map(Verb::Gather),
        "Dial" => dial(node).map(Verb::Dial),
        "Record" => record(node).map(Verb::Record),
        "Redirect" => {
            node.only(&["method"])?;
            if node.text.is_empty() {
                return Err("<Redirect> has no address".to_owned());
            }
            Ok(Verb::Redirect(node.at(&node.text, "method")?))
        }
        "Reject" => {
            node.only(&["reason"])?;
            match node.get("reason").unwrap_or("rejected") {
                "busy" => Ok(Verb::Reject { busy: true }),
                "rejected" => Ok(Verb::Reject { busy: false }),
                _ => Err("<Reject reason> is rejected or busy".to_owned()),
            }
        }
        "Hangup" => node.only(&[]).map(|()| Verb::Hangup),
        "Message" => message(node).map(Verb::Message),
        name => Err(format!("<{name}> is no verb that the twin knows")),
    }
}

fn prompt(node: &Node) -> Result<Verb, String> {
    match node.name.as_str() {
        "Say" => {
            node.only(&["voice", "language", "loop"])?;
            let (text, times) = (node.text.clone(), node.whole("loop", 1)?);
            Ok(Verb::Say(Say { text, times }))
        }
        "Play" => {
            node.only(&["loop", "digits"])?;
            let digits = node.get("digits").unwrap_or_default().to_owned();
            if node.text.is_empty() && digits.is_empty() {
                return Err("<Play> has neither an address nor digits".to_owned());
            }
            let (url, times) = (node.text.clone(), node.whole("loop", 1)?);
            Ok(Verb::Play(Play { url, digits, times }))
        }
        "Pause" => {
            node.only(&["length"])?;
            let seconds = node.seconds("length", 1.0)?;
            Ok(Verb::Pause { seconds })
        }
        name => Err(format!("<{name}> cannot stand inside <Gather>")),
    }
}

fn gather(node: &Node) -> Result<Gather, String> {
    node.only(&[
        "input",
        "numDigits",
        "finishOnKey",
        "timeout",
        "action",
        "method",
        "actionOnEmptyResult",
        "speechTimeout",
        "hints",
        "language",
        "bargeIn",
        "profanityFilter",
        "speechModel",
        "enhanced",
    ])?;
    let input = node.get("input").unwrap_or("dtmf");
    let digits_max = match node.get("numDigits") {
        Some(_) => Some(node.whole("numDigits", 0)?.max(1) as usize),
        None => None,
    };
    Ok(Gather {
        prompts: node.children.iter().map(prompt).collect::<Result<_, _>>()?,
        digits_max,
        finish_on: node.get("finishOnKey").unwrap_or("#").to_owned(),
        timeout_s: node.seconds("timeout", 5.0)?,
        action: node.target("action", "method")?,
        get: node.is_get("method")?,
        on_empty: node.flag("actionOnEmptyResult", false)?,
        barge_in: node.flag("bargeIn", true)?,
        keys: input.split(' ').any(|word| word == "dtmf"),
    })
}

fn dial(node: &Node) -> Result<Dial, String> {
    node.only(&[
        "timeout",
        "timeLimit",
        "action",
        "method",
        "answerOnBridge",
        "callerId",
        "sequential",
        "hangupOnStar",
        "record",
        "trim",
        "ringTone",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "referUrl",
        "referMethod",
    ])?;
    Ok(Dial {
        timeout_s: node.seconds("timeout", 30.0)?.min(600.0),
        limit_s: node.seconds("timeLimit", 14_400.0)?,
        action: node.target("action", "method")?,
        answer_on_bridge: node.flag("answerOnBridge", false)?,
        caller_id: node.get("callerId").map(str::to_owned),
        sequential: node.flag("sequential", false)?,
        hang_up_on_star: node.flag("hangupOnStar", false)?,
        recorded: recorded(node)?,
        to: dial_to(node)?,
    })
}

fn dial_to(node: &Node) -> Result<DialTo, String> {
    if node.children.is_empty() && !node.text.is_empty() {
        let phone = node.text.clone();
        let (whisper, callback) = (None, None);
        return Ok(DialTo::Numbers(vec![Number {
            phone,
            whisper,
            callback,
        }]));
    }
    if let [child] = node.children.as_slice()
        && child.name == "Conference"
    {
        return conference(child).map(DialTo::Conference);
    }
    let numbers: Vec<Number> = node.children.iter().map(number).collect::<Result<_, _>>()?;
    match numbers.len() {
        1..=DIAL_NUMBERS_MAX => Ok(DialTo::Numbers(numbers)),
        0 => Err("<Dial> has nobody to ring".to_owned()),
        _ => Err("<Dial> takes at most ten numbers".to_owned()),
    }
}

fn number(node: &Node) -> Result<Number, String> {
    if node.name != "Number" {
        return Err(format!(
            "<{}> inside <Dial> is not known to the twin",
            node.name
        ));
    }
    node.only(&[
        "url",
        "method",
        "statusCallback",
        "statusCallbackEvent",
        "statusCallbackMethod",
        "sendDigits",
        "byoc",
        "machineDetection",
        "amdStatusCallback",
        "amdStatusCallbackMethod",
        "machineDetectionTimeout",
    ])?;
    Ok(Number {
        phone: node.text.clone(),
        whisper: node.target("url", "method")?,
        callback: node.callback("statusCallback", "completed")?,
    })
}

fn conference(node: &Node) -> Result<Conference, String> {
    node.only(&[
        "startConferenceOnEnter",
        "endConferenceOnExit",
        "waitUrl",
        "waitMethod",
        "beep",
        "muted",
        "maxParticipants",
        "statusCallback",
        "statusCallbackEvent",
        "statusCallbackMethod",
        "record",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "participantLabel",
        "coach",
        "trim",
        "region",
        "jitterBufferSize",
    ])?;
    if node.text.is_empty() {
        return Err("<Conference> has no name".to_owned());
    }
    Ok(Conference {
        name: node.text.clone(),
        start_on_enter: node.flag("startConferenceOnEnter", true)?,
        end_on_exit: node.flag("endConferenceOnExit", false)?,
        wait: node.target("waitUrl", "waitMethod")?,
        beep: !matches!(node.get("beep"), Some("false" | "onExit")),
        muted: node.flag("muted", false)?,
        members_max: node.whole("maxParticipants", 250)?.clamp(2, 250) as usize,
        recorded: recorded(node)?,
        callback: node.callback("statusCallback", "start end join leave")?,
    })
}

/// Where the recording of a talk is reported, where one is made.
fn recorded(node: &Node) -> Result<Option<Callback>, String> {
    let callback = node.callback("recordingStatusCallback", "completed")?;
    let word = node.get("record").unwrap_or("do-not-record");
    Ok(callback.filter(|_| word.starts_with("record-from-") || word == "true"))
}

fn record(node: &Node) -> Result<Record, String> {
    node.only(&[
        "maxLength",
        "timeout",
        "finishOnKey",
        "playBeep",
        "trim",
        "action",
        "method",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "transcribe",
        "transcribeCallback",
        "transcribeLanguage",
    ])?;
    let transcribe = node.target("transcribeCallback", "")?;
    let wanted = node.flag("transcribe", transcribe.is_some())?;
    Ok(Record {
        length_max_s: node.whole("maxLength", 3_600)?,
        timeout_s: node.seconds("timeout", 5.0)?,
        finish_on: node.get("finishOnKey").unwrap_or("1234567890*#").to_owned(),
        beep: node.flag("playBeep", true)?,
        action: node.target("action", "method")?,
        get: node.is_get("method")?,
        callback: node.callback("recordingStatusCallback", "completed")?,
        transcribe: transcribe.filter(|_| wanted),
    })
}

fn message(node: &Node) -> Result<Message, String> {
    node.only(&["to", "from", "action", "method", "statusCallback"])?;
    let (mut body, mut media) = (node.text.clone(), Vec::new());
    for child in &node.children {
        child.only(&[])?;
        match child.name.as_str() {
            "Body" => body.push_str(&child.text),
            "Media" => media.push(child.text.clone()),
            name => return Err(format!("<{name}> cannot stand inside <Message>")),
        }
    }
    let own = |name: &str| node.get(name).map(str::to_owned);
    let action = own("action").or_else(|| own("statusCallback"));
    Ok(Message {
        body,
        media,
        to: own("to"),
        from: own("from"),
        action,
    })
}

impl Node {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        let unknown = self
            .attributes
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()));
        match unknown {
            Some((key, _)) => Err(format!(
                "<{} {key}> is no attribute that the twin knows",
                self.name
            )),
            None => Ok(()),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(format!("<{} {name}> is true or false", self.name)),
        }
    }

    fn whole(&self, name: &str, default: u32) -> Result<u32, String> {
        let fault = || format!("<{} {name}> is a whole number", self.name);
        self.get(name)
            .map_or(Ok(default), |text| text.parse().map_err(|_| fault()))
    }

    fn seconds(&self, name: &str, default: f64) -> Result<f64, String> {
        if self.get(name).is_none() {
            return Ok(default);
        }
        self.whole(name, 0).map(f64::from)
    }

    fn is_get(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None | Some("POST") => Ok(false),
            Some("GET") => Ok(true),
            Some(_) => Err(format!("<{} {name}> is GET or POST", self.name)),
        }
    }

    fn at(&self, url: &str, method: &str) -> Result<Target, String> {
        let (url, get) = (url.to_owned(), self.is_get(method)?);
        Ok(Target { url, get })
    }

    fn target(&self, name: &str, method: &str) -> Result<Option<Target>, String> {
        self.get(name).map(|url| self.at(url, method)).transpose()
    }

    fn callback(&self, name: &str, default: &str) -> Result<Option<Callback>, String> {
        let Some(target) = self.target(name, &format!("{name}Method"))? else {
            return Ok(None);
        };
        let events = self.get(&format!("{name}Event")).unwrap_or(default);
        let events = events.split_whitespace().map(str::to_owned).collect();
        Ok(Some(Callback { target, events }))
    }
}

#[cfg(test)]
mod tests;
