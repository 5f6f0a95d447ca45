//! What happens next on a call, in TwiML.
//!
//! The first verb that waits for something ends the document: what follows comes from its report. A verb
//! that may pass in silence is followed by a redirect to the place where its report would have gone.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::callback;
use super::settings::Settings;
use crate::model::{CallScript, CallVerb, CallbackKey, Connection, DialLeg, Hook};

/// Legs that one dial rings at the same time.
pub(super) const LEGS_MAX: usize = 10;
/// Characters of one spoken text.
pub(super) const SAY_CHARS_MAX: usize = 4096;
/// Longest ringing.
pub(super) const RING_S_MAX: u32 = 600;
/// How long a number rings that a caller is handed on to.
const TRANSFER_RING_S: u32 = 60;
/// Longest recording.
pub(super) const RECORD_S_MAX: u32 = 14_400;
/// How long our own ringing tone is.
const RINGBACK_S: u32 = 6;
/// Longest prompt time-out and pause.
const PAUSE_S_MAX: u32 = 600;
/// Size of the texts and addresses of a document: well below the 64 kB that the carrier takes, so that
/// the verbs around them always fit.
const PROMPT_BYTES_MAX: usize = 44_000;

/// Nothing is said or done: no reply to a text, and a screened leg is connected.
pub(super) const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
/// The leg ends.
pub(super) const HANGUP: &str =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Hangup/></Response>";
/// The call is not taken.
pub(super) const REJECT: &str =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Reject/></Response>";
const HEAD: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// The document of a script.
pub(super) fn render(at: &Connection, script: &CallScript) -> Vec<u8> {
    if script.verbs.is_empty() && matches!(script.key, CallbackKey::Leg(_)) {
        return EMPTY.into();
    }
    let mut page = Page::new(at, script.key.to_string());
    let written = page.response(script);
    // Writing into memory does not fail; should it, nobody is left on the line with half a document.
    match written {
        Ok(()) => page.xml.into_inner(),
        Err(_) => HANGUP.into(),
    }
}

/// The ringing that a caller hears who waits in a room, over and over.
pub(super) fn hold(at: &Connection) -> Vec<u8> {
    let settings = Settings::of(at);
    let own = at.hook_url(Hook::Hold, None);
    let url = settings.ringback_url().unwrap_or(&own);
    let mut page = Page::new(at, String::new());
    let written = page
        .xml
        .create_element("Response")
        .write_inner_content(|xml| text(xml, "Play", &[("loop", "0")], url));
    match written {
        Ok(_) => page.xml.into_inner(),
        Err(_) => EMPTY.into(),
    }
}

type Xml = Writer<Vec<u8>>;
type Written = std::io::Result<()>;

/// A document while it is written.
struct Page<'a> {
    at: &'a Connection,
    settings: Settings<'a>,
    k: String,
    is_leg: bool,
    prompt_bytes_left: usize,
    xml: Xml,
}

/// Whether more verbs may follow.
#[derive(PartialEq)]
enum Next {
    More,
    End,
}

impl<'a> Page<'a> {
    fn new(at: &'a Connection, k: String) -> Self {
        Self {
            at,
            settings: Settings::of(at),
            is_leg: k.starts_with("leg_"),
            k,
            prompt_bytes_left: PROMPT_BYTES_MAX,
            xml: Writer::new(HEAD.to_vec()),
        }
    }

    fn response(&mut self, script: &CallScript) -> Written {
        self.open("Response", &[])?;
        let mut next = Next::More;
        for (at, verb) in script.verbs.iter().enumerate() {
            next = self.verb(verb, at == 0)?;
            if next == Next::End {
                break;
            }
        }
        if next == Next::More {
            element(&mut self.xml, "Hangup", &[])?;
        }
        self.close("Response")
    }

    fn verb(&mut self, verb: &CallVerb, first: bool) -> std::io::Result<Next> {
        match verb {
            CallVerb::Say { .. }
            | CallVerb::Play { .. }
            | CallVerb::Pause { .. }
            | CallVerb::Ringing { .. } => {
                self.prompt(verb)?;
                return Ok(Next::More);
            }
            CallVerb::Gather { .. } => self.gather(verb)?,
            CallVerb::Dial { .. } => self.dial(verb)?,
            CallVerb::Record { .. } => self.record(verb)?,
            CallVerb::Hold { room, record } | CallVerb::Join { room, record } => {
                self.room(room, *record)?;
            }
            CallVerb::AskAgain { seconds } => self.ask_again(*seconds)?,
            CallVerb::Transfer { phone, caller_id } => {
                self.transfer(&phone.to_string(), caller_id.as_deref())?;
            }
            CallVerb::Reject { busy } if first => {
                let reason = if *busy { "busy" } else { "rejected" };
                element(&mut self.xml, "Reject", &[("reason", reason)])?;
            }
            // Too late to reject: the call has been answered.
            CallVerb::Reject { .. } | CallVerb::Hangup => element(&mut self.xml, "Hangup", &[])?,
        }
        Ok(Next::End)
    }

    fn url(&self, hook: Hook) -> String {
        callback(self.at, &self.settings, hook, &self.k, "")
    }

    /// Says, plays and pauses; anything else is no prompt and is left out.
    fn prompt(&mut self, verb: &CallVerb) -> Written {
        match verb {
            CallVerb::Say { text, language } => self.say(text, language),
            CallVerb::Play { url } if url.len() <= self.prompt_bytes_left => {
                self.prompt_bytes_left -= url.len();
                text(&mut self.xml, "Play", &[], url)
            }
            CallVerb::Pause { seconds } => pause(&mut self.xml, *seconds),
            CallVerb::Ringing { seconds } => self.ringing(*seconds),
            _ => Ok(()),
        }
    }

    fn ringing(&mut self, seconds: u32) -> Written {
        let own = self.at.hook_url(Hook::Hold, None);
        let url = self.settings.ringback_url().unwrap_or(&own);
        let times = seconds.div_ceil(RINGBACK_S).max(1).to_string();
        text(&mut self.xml, "Play", &[("loop", &times)], url)
    }

    fn say(&mut self, words: &str, language: &str) -> Written {
        let language = language_of(language);
        let mut attributes = vec![("language", language.as_ref())];
        if let Some(voice) = self.settings.say_voice() {
            attributes.insert(0, ("voice", voice));
        }
        let words = readable(words);
        for part in parts(&words) {
            let part = self.fitting(part);
            if !part.trim().is_empty() {
                text(&mut self.xml, "Say", &attributes, part)?;
            }
        }
        Ok(())
    }

    /// As much of the text as the document has room for, counted as it is written.
    fn fitting<'t>(&mut self, text: &'t str) -> &'t str {
        for (at, c) in text.char_indices() {
            let bytes = match c {
                '<' | '>' | '&' | '"' | '\'' => 6,
                c => c.len_utf8(),
            };
            match self.prompt_bytes_left.checked_sub(bytes) {
                Some(left) => self.prompt_bytes_left = left,
                None => return &text[..at],
            }
        }
        text
    }

    fn gather(&mut self, verb: &CallVerb) -> Written {
        let CallVerb::Gather {
            prompt,
            digits_max,
            finish_on,
            timeout_s,
            barge_in,
        } = verb
        else {
            return Ok(());
        };
        let (hook, silent) = match self.is_leg {
            true => (Hook::Screen, "&digits=none"),
            false => (Hook::Gather, ""),
        };
        let action = self.url(hook);
        let digits = digits_max.map(|max| max.max(1).to_string());
        let finish = finish_on.map(String::from).unwrap_or_default();
        let timeout = (*timeout_s).clamp(1, PAUSE_S_MAX).to_string();
        let mut attributes = vec![("input", "dtmf")];
        attributes.extend(digits.as_deref().map(|max| ("numDigits", max)));
        attributes.extend([("timeout", timeout.as_str()), ("finishOnKey", &finish)]);
        attributes.extend([("action", action.as_str()), ("method", "POST")]);
        attributes.push(("actionOnEmptyResult", "true"));
        if !barge_in {
            attributes.push(("bargeIn", "false"));
        }
        self.open("Gather", &attributes)?;
        for verb in prompt {
            self.prompt(verb)?;
        }
        self.close("Gather")?;
        self.redirect(hook, silent)
    }

    fn dial(&mut self, verb: &CallVerb) -> Written {
        let CallVerb::Dial {
            legs,
            ring_s,
            caller_id,
            screen,
            record,
        } = verb
        else {
            return Ok(());
        };
        let (action, recording) = (self.url(Hook::Dial), self.talk_url());
        let timeout = (*ring_s).clamp(1, RING_S_MAX).to_string();
        let mut attributes = vec![("timeout", timeout.as_str()), ("answerOnBridge", "true")];
        attributes.extend(caller_id.as_deref().map(|id| ("callerId", id)));
        attributes.extend([("action", action.as_str()), ("method", "POST")]);
        if *record {
            attributes.push(("record", "record-from-answer-dual"));
            attributes.extend(recording_attributes(&recording));
        }
        self.open("Dial", &attributes)?;
        for leg in legs.iter().take(LEGS_MAX) {
            self.number(leg, *screen)?;
        }
        self.close("Dial")
    }

    /// Without an address to report to, the carrier goes on below when the conversation is over: with the end.
    fn transfer(&mut self, phone: &str, caller_id: Option<&str>) -> Written {
        let ring = TRANSFER_RING_S.to_string();
        let mut attributes = vec![("timeout", ring.as_str()), ("answerOnBridge", "true")];
        attributes.extend(caller_id.map(|id| ("callerId", id)));
        self.open("Dial", &attributes)?;
        text(&mut self.xml, "Number", &[], phone)?;
        self.close("Dial")?;
        element(&mut self.xml, "Hangup", &[])
    }

    fn number(&mut self, leg: &DialLeg, screen: bool) -> Written {
        let k = leg.leg.to_string();
        let url = |hook| callback(self.at, &self.settings, hook, &k, "");
        let (asks, status) = (url(Hook::Screen), url(Hook::Leg));
        let mut attributes = Vec::new();
        if screen {
            attributes.extend([("url", asks.as_str()), ("method", "POST")]);
        }
        attributes.extend([
            ("statusCallback", status.as_str()),
            (
                "statusCallbackEvent",
                "initiated ringing answered completed",
            ),
            ("statusCallbackMethod", "POST"),
        ]);
        text(&mut self.xml, "Number", &attributes, &leg.phone.to_string())
    }

    fn record(&mut self, verb: &CallVerb) -> Written {
        let CallVerb::Record {
            max_s,
            silence_s,
            beep,
            transcribe,
        } = verb
        else {
            return Ok(());
        };
        let (action, file) = (self.url(Hook::Call), self.url(Hook::Recording));
        let words = self.url(Hook::Transcript);
        let max = (*max_s).clamp(1, RECORD_S_MAX).to_string();
        let silence = (*silence_s).clamp(1, PAUSE_S_MAX).to_string();
        let beep = if *beep { "true" } else { "false" };
        let mut attributes = vec![
            ("maxLength", max.as_str()),
            ("finishOnKey", "#"),
            ("playBeep", beep),
            ("timeout", &silence),
            ("trim", "trim-silence"),
            ("action", &action),
            ("method", "POST"),
        ];
        attributes.extend(recording_attributes(&file));
        if *transcribe {
            attributes.extend([("transcribe", "true"), ("transcribeCallback", &words)]);
        }
        element(&mut self.xml, "Record", &attributes)?;
        self.redirect(Hook::Call, "&rec=none")
    }

    /// Where the recording of a talk is reported: not as that of a message.
    fn talk_url(&self) -> String {
        callback(
            self.at,
            &self.settings,
            Hook::Recording,
            &self.k,
            "&of=talk",
        )
    }

    /// Whoever enters first says whether the room is recorded, and where its recording is reported: the caller who
    /// waits in it, or from a queue mostly the member.
    fn room(&mut self, room: &str, record: bool) -> Written {
        let (action, wait) = (self.url(Hook::Dial), self.url(Hook::Hold));
        let recording = self.talk_url();
        self.open("Dial", &[("action", &action), ("method", "POST")])?;
        let mut attributes = vec![
            ("startConferenceOnEnter", "true"),
            ("endConferenceOnExit", "true"),
            ("beep", "false"),
            ("waitUrl", wait.as_str()),
            ("waitMethod", "POST"),
        ];
        if record {
            attributes.push(("record", "record-from-start"));
            attributes.extend(recording_attributes(&recording));
        }
        text(&mut self.xml, "Conference", &attributes, room)?;
        self.close("Dial")
    }

    fn ask_again(&mut self, seconds: u32) -> Written {
        pause(&mut self.xml, seconds)?;
        let hook = if self.is_leg {
            Hook::Screen
        } else {
            Hook::Call
        };
        self.redirect(hook, "")
    }

    fn redirect(&mut self, hook: Hook, more: &str) -> Written {
        let url = callback(self.at, &self.settings, hook, &self.k, more);
        text(&mut self.xml, "Redirect", &[("method", "POST")], &url)
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> Written {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.xml.write_event(Event::Start(start))
    }

    fn close(&mut self, name: &str) -> Written {
        self.xml.write_event(Event::End(BytesEnd::new(name)))
    }
}

fn recording_attributes(url: &str) -> [(&str, &str); 3] {
    [
        ("recordingStatusCallback", url),
        ("recordingStatusCallbackMethod", "POST"),
        ("recordingStatusCallbackEvent", "completed absent"),
    ]
}

fn pause(xml: &mut Xml, seconds: u32) -> Written {
    let length = seconds.clamp(1, PAUSE_S_MAX).to_string();
    element(xml, "Pause", &[("length", &length)])
}

fn element(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> Written {
    let element = xml.create_element(name);
    let element = element.with_attributes(attributes.iter().copied());
    element.write_empty().map(|_| ())
}

fn text(xml: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> Written {
    let element = xml.create_element(name);
    let element = element.with_attributes(attributes.iter().copied());
    let text = readable(text);
    element
        .write_text_content(BytesText::new(&text))
        .map(|_| ())
}

/// Without the characters that XML cannot hold, for which the carrier would refuse the whole document.
fn readable(text: &str) -> Cow<'_, str> {
    let wrong = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if !text.contains(wrong) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !wrong(*c)).collect())
}

/// The text in parts that can be said, cut at blanks where there are any.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let hard = rest.char_indices().nth(SAY_CHARS_MAX);
        let cut = hard.map_or(rest.len(), |(hard, _)| {
            let blank = rest[..hard].rfind(char::is_whitespace);
            blank.filter(|at| *at > 0).unwrap_or(hard)
        });
        let (part, after) = rest.split_at(cut);
        rest = after;
        Some(part)
    })
}

/// The carrier wants a region with every language; a bare one gets its usual one.
fn language_of(language: &str) -> Cow<'_, str> {
    let usual = [
        ("ar", "ar-AE"),
        ("ca", "ca-ES"),
        ("cs", "cs-CZ"),
        ("cy", "cy-GB"),
        ("da", "da-DK"),
        ("de", "de-DE"),
        ("el", "el-GR"),
        ("en", "en-US"),
        ("es", "es-US"),
        ("fi", "fi-FI"),
        ("fr", "fr-FR"),
        ("he", "he-IL"),
        ("hi", "hi-IN"),
        ("hu", "hu-HU"),
        ("id", "id-ID"),
        ("it", "it-IT"),
        ("ja", "ja-JP"),
        ("ko", "ko-KR"),
        ("nb", "nb-NO"),
        ("nl", "nl-NL"),
        ("no", "nb-NO"),
        ("pl", "pl-PL"),
        ("pt", "pt-BR"),
        ("ro", "ro-RO"),
        ("ru", "ru-RU"),
        ("sv", "sv-SE"),
        ("th", "th-TH"),
        ("tr", "tr-TR"),
        ("uk", "uk-UA"),
        ("vi", "vi-VN"),
        ("zh", "cmn-CN"),
    ];
    let found = usual
        .iter()
        .find(|(bare, _)| language.eq_ignore_ascii_case(bare));
    match found {
        Some((_, usual)) => Cow::Borrowed(usual),
        None if language.is_empty() => Cow::Borrowed("en-US"),
        None => Cow::Owned(language.replace('_', "-")),
    }
}
