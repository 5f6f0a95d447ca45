//! Texts: what people send us, what we send them, and the receipts.

use std::sync::Arc;

use url::Url;

use super::fields::{receipt_fields, text_fields};
use super::hook::Hook;
use super::settings::TwinError;
use super::shared::Shared;
use super::transcript::LineKind;
use super::twiml::{self, Message, Verb};
use super::world::{Media, Text};
use super::{audio, fault::Receipts};

/// Characters of one text, at most.
pub(super) const BODY_CHARS_MAX: usize = 1_600;
/// Pictures and files of one text, at most.
pub(super) const MEDIA_MAX: usize = 10;
/// Bytes of one picture or file, at most.
pub(super) const MEDIA_BYTES_MAX: usize = 500_000;
/// Seconds from a send to its first receipt, and between two receipts.
const RECEIPT_S: f64 = 0.5;

const STOP_WORDS: [&str; 6] = ["stop", "stopall", "unsubscribe", "cancel", "end", "quit"];
const START_WORDS: [&str; 3] = ["start", "unstop", "yes"];

/// A picture or file that a person attaches to a text.
#[derive(Clone, Debug)]
pub struct TwinMedia {
    /// For instance `image/png`.
    pub content_type: String,
    /// Its content; a sample of the type when absent.
    pub bytes: Option<Vec<u8>>,
}

/// A text that the daemon wants sent, already checked.
pub(super) struct Outgoing {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: usize,
    pub(super) callback: Option<Url>,
}

impl Shared {
    /// A person texts one of our numbers. Returns the text's id; its webhook is under way.
    pub(super) fn person_texts(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        body: &str,
        media: &[TwinMedia],
    ) -> Result<String, TwinError> {
        if !self.is_ours(to) {
            return Err(TwinError::UnknownNumber);
        }
        check_person_text(from, body, media)?;
        let permit = self.texts_under_way.clone().try_acquire_owned();
        let permit = permit.map_err(|_| TwinError::TooMany("texts under way"))?;
        let text = self.new_text(from, to, body, media);
        let opted = self.opt_by_word(&text);
        let (sid, twin) = (text.sid.clone(), self.clone());
        self.line(LineKind::TextIn, None, Some(from), body);
        self.spawn(async move {
            twin.hand_over(&text, opted).await;
            drop(permit);
        });
        Ok(sid)
    }

    fn new_text(&self, from: &str, to: &str, body: &str, media: &[TwinMedia]) -> Text {
        let now = self.now();
        let mut world = self.world();
        let attached = media.iter().map(|media| Media {
            sid: world.sid("ME"),
            content_type: media.content_type.clone(),
            bytes: match &media.bytes {
                Some(bytes) => bytes.clone(),
                None => audio::sample_media(&media.content_type),
            },
        });
        let media: Vec<Media> = attached.collect();
        let text = Text {
            sid: world.sid(if media.is_empty() { "SM" } else { "MM" }),
            inbound: true,
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            media,
            status: "received".to_owned(),
            error: None,
            at: now,
        };
        world.add_text(text.clone());
        text
    }

    /// The carrier's own opt-out, where it keeps one.
    fn opt_by_word(&self, text: &Text) -> Option<&'static str> {
        let word = text.body.trim().to_lowercase();
        if !self.settings.opt_out {
            return None;
        }
        if STOP_WORDS.contains(&word.as_str()) {
            self.world().opt(&text.from, &text.to, true);
            return Some("STOP");
        }
        if START_WORDS.contains(&word.as_str()) {
            self.world().opt(&text.from, &text.to, false);
            return Some("START");
        }
        (word == "help").then_some("HELP")
    }

    async fn hand_over(self: &Arc<Self>, text: &Text, opted: Option<&str>) {
        let form = text_fields(&self.settings.account_sid, &self.api(), text, opted);
        let url = self.own_hook("sms");
        let Ok(body) = self
            .deliver(Hook {
                url: url.clone(),
                get: false,
                form,
            })
            .await
        else {
            return;
        };
        if body.trim().is_empty() {
            return;
        }
        match twiml::parse(&body) {
            Ok(verbs) => verbs.iter().for_each(|verb| self.answer(text, &url, verb)),
            Err(fault) => self.line(LineKind::Fault, None, Some(&text.from), fault),
        }
    }

    /// A text given inside the webhook's answer.
    fn answer(self: &Arc<Self>, text: &Text, at: &Url, verb: &Verb) {
        let Verb::Message(Message {
            body,
            media,
            to,
            from,
            action,
        }) = verb
        else {
            let fault = "the answer to a text may hold only <Message>";
            return self.line(LineKind::Fault, None, Some(&text.from), fault);
        };
        let reply = Outgoing {
            from: from.clone().unwrap_or_else(|| text.to.clone()),
            to: to.clone().unwrap_or_else(|| text.from.clone()),
            body: body.clone(),
            media: media.len(),
            callback: action.as_ref().and_then(|action| at.join(action).ok()),
        };
        let callback = reply.callback.clone();
        let sent = self.accept(reply);
        self.send_receipts(&sent, callback);
    }

    /// Takes a text of ours: it is on the handset at once.
    pub(super) fn accept(&self, outgoing: Outgoing) -> Text {
        let now = self.now();
        let mut world = self.world();
        let picture = |sid| Media {
            sid,
            content_type: "image/png".to_owned(),
            bytes: Vec::new(),
        };
        let media: Vec<Media> = (0..outgoing.media)
            .map(|_| picture(world.sid("ME")))
            .collect();
        let text = Text {
            sid: world.sid(if media.is_empty() { "SM" } else { "MM" }),
            inbound: false,
            from: outgoing.from,
            to: outgoing.to,
            body: outgoing.body,
            media,
            status: "queued".to_owned(),
            error: None,
            at: now,
        };
        world.add_text(text.clone());
        drop(world);
        self.line(LineKind::TextOut, None, Some(&text.to), text.body.clone());
        text
    }

    /// Sends the receipts of a text as the faults have it, in the background.
    pub(super) fn send_receipts(self: &Arc<Self>, text: &Text, callback: Option<Url>) {
        let (twin, text) = (self.clone(), text.clone());
        self.spawn(async move { twin.receipts(&text, callback).await });
    }

    /// Sends the receipts of a text and returns when the last is delivered.
    pub(super) async fn receipts(self: &Arc<Self>, text: &Text, callback: Option<Url>) {
        let mode = self.world().faults.receipts;
        for (status, error) in mode.plan() {
            if mode != Receipts::Early {
                self.pause(RECEIPT_S).await;
            }
            self.note_status(&text.sid, status, *error);
            self.line(LineKind::Receipt, None, Some(&text.to), *status);
            let Some(url) = callback.clone() else {
                continue;
            };
            let form = receipt_fields(&self.settings.account_sid, text, status, *error);
            // A failure is a line of the transcript already.
            let _ = self
                .deliver(Hook {
                    url,
                    get: false,
                    form,
                })
                .await;
        }
    }

    fn note_status(&self, sid: &str, status: &str, error: Option<u32>) {
        if let Some(text) = self.world().text_mut(sid)
            && !matches!(text.status.as_str(), "delivered" | "undelivered" | "failed")
        {
            status.clone_into(&mut text.status);
            text.error = error;
        }
    }
}

fn check_person_text(from: &str, body: &str, media: &[TwinMedia]) -> Result<(), TwinError> {
    if from.is_empty() || from.len() > 64 {
        return Err(TwinError::Malformed("a text needs a sender"));
    }
    if body.chars().count() > BODY_CHARS_MAX {
        return Err(TwinError::Malformed("a text has at most 1600 characters"));
    }
    let fits = |media: &TwinMedia| {
        media
            .bytes
            .as_ref()
            .is_none_or(|b| b.len() <= MEDIA_BYTES_MAX)
    };
    if media.len() > MEDIA_MAX || !media.iter().all(fits) {
        return Err(TwinError::Malformed(
            "a text has at most ten files of 500 kB",
        ));
    }
    if body.is_empty() && media.is_empty() {
        return Err(TwinError::Malformed("a text needs words or a picture"));
    }
    Ok(())
}
