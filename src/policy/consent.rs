//! Reading a wish to stop, to start again or to get help; the ledger's verdict; and the one confirmation.
//!
//! A compliance word counts only when the whole text, or its first line when a signature or a quoted message
//! follows, is that word. Free text that reads like a wish to stop is never acted on here: it is marked for a person
//! to look at, because a guess in either direction harms somebody.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::model::Timestamp;
use crate::model::consent::{
    ComplianceClass, ComplianceWords, Consent, ConsentEntry, ConsentScope, Verdict, fold_compliance,
};
use crate::model::text::{fold_case, is_gsm, segments, without_accents};

/// What a text means for consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compliance {
    /// Opt out now.
    Stop,
    /// Opt in again.
    Start,
    /// Say who we are and how to stop.
    Help,
    /// Reads like a wish to stop; flag the thread for a person and go on as with any text.
    Review,
    /// Nothing of the kind.
    Ordinary,
}

/// Reads a text. `opted_out_now` is the verdict before this text: only then is a plain yes a wish to
/// start again.
pub fn classify(text: &str, opted_out_now: bool, words: &ComplianceWords) -> Compliance {
    let lines = [Some(text), first_line(text)];
    let mut classes = lines
        .into_iter()
        .flatten()
        .filter_map(|line| words.class(&fold_compliance(line)));
    match classes.next() {
        Some(ComplianceClass::Stop) => Compliance::Stop,
        Some(ComplianceClass::Start) => Compliance::Start,
        Some(ComplianceClass::Help) => Compliance::Help,
        Some(ComplianceClass::Yes) if opted_out_now => Compliance::Start,
        Some(ComplianceClass::Yes) => Compliance::Ordinary,
        None if reads_like_a_stop(text) => Compliance::Review,
        None => Compliance::Ordinary,
    }
}

/// The ledger's answer for one phone. `events` are its entries of every scope that applies (number,
/// program, account, organisation), in any order. In each scope the latest entry holds, of two at the same instant
/// the opt-out; one scope that is out decides, whatever the others say.
pub fn verdict(events: &[ConsentEntry]) -> Verdict {
    let mut latest: Vec<(ConsentScope, Timestamp, Consent)> = Vec::new();
    for event in events {
        match latest.iter_mut().find(|(scope, ..)| *scope == event.scope) {
            Some((_, at, _)) if *at > event.at => {}
            Some((_, at, held)) if *at == event.at && *held == Consent::Out => {}
            Some(entry) => *entry = (event.scope, event.at, event.verdict),
            None => latest.push((event.scope, event.at, event.verdict)),
        }
    }
    let says = |wanted| latest.iter().any(|(.., held)| *held == wanted);
    match (says(Consent::Out), says(Consent::In)) {
        (true, _) => Verdict::Out,
        (false, true) => Verdict::In,
        (false, false) => Verdict::Unknown,
    }
}

/// The first line that is not empty, when others follow.
fn first_line(text: &str) -> Option<&str> {
    let breaks = |c| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = text.split(breaks).filter(|line| !line.trim().is_empty());
    let first = lines.next();
    lines.next().and(first)
}

/// Longer texts are read up to here; nobody hides a revocation behind it.
const REVIEW_CHARS_MAX: usize = 2_000;
/// A lone `stop` reads as a wish in texts of at most so many words.
const REVIEW_WORDS_MAX: usize = 12;

/// Wordings that read as a wish to stop wherever they stand, without accents and apostrophes.
const PHRASES: &[&str] = &[
    // English
    "cancel messages",
    "cancel texts",
    "delete my number",
    "do not contact",
    "do not message",
    "do not send me",
    "do not text",
    "do not want texts",
    "do not want these",
    "dont contact",
    "dont message",
    "dont send me",
    "dont text",
    "dont want texts",
    "dont want these",
    "end these messages",
    "end these texts",
    "leave me alone",
    "lose my number",
    "never text",
    "no longer wish to receive",
    "no more messages",
    "no more texts",
    "not interested",
    "opt me out",
    "opt out",
    "quit messaging",
    "quit sending",
    "quit texting",
    "remove me",
    "remove my number",
    "revoke consent",
    "revoke my consent",
    "stop all",
    "stop calling",
    "stop contacting",
    "stop messaging",
    "stop sending",
    "stop texting",
    "stop the messages",
    "stop the texts",
    "stop these",
    "stop this",
    "take me off",
    "unsubscribe",
    "unsubscribed",
    "wrong number",
    "wrong person",
    // French
    "arretez",
    "desabonner",
    "desinscrire",
    "mauvais numero",
    "ne m ecrivez plus",
    "ne mecrivez plus",
    "ne plus recevoir",
    "plus de messages",
    // Spanish
    "dar de baja",
    "darme de baja",
    "deje de",
    "dejen de",
    "no mas",
    "no me envie",
    "no me envien",
    "no me escriba",
    "no me escriban",
    "no me manden",
    "numero equivocado",
    // German
    "abmelden",
    "austragen",
    "falsche nummer",
    "keine nachrichten",
    "keine sms",
    "nicht mehr schreiben",
];

/// Words that, just before `stop`, turn its meaning round.
const NEGATIONS: &[&str] = &["cant", "dont", "never", "non", "not", "wont"];
/// Words that, just after `stop`, make it a visit.
const VISITS: &[&str] = &["by", "in", "off", "over"];

/// The phrases by their first word: every text is read, so each of its words should cost one look-up.
static PHRASES_BY_WORD: LazyLock<HashMap<&str, Vec<Vec<&str>>>> = LazyLock::new(|| {
    let mut by_word: HashMap<&str, Vec<Vec<&str>>> = HashMap::new();
    for phrase in PHRASES {
        let words: Vec<&str> = phrase.split(' ').collect();
        if let Some(first) = words.first().copied() {
            by_word.entry(first).or_default().push(words);
        }
    }
    by_word
});

/// Whether a reasonable person would take the text for a wish to stop.
fn reads_like_a_stop(text: &str) -> bool {
    let plain = plain_words(text);
    let words: Vec<&str> = plain.split_ascii_whitespace().collect();
    let phrase = (0..words.len()).any(|at| phrase_begins(&words[at..]));
    phrase || lone_stop(&words) || misspelt_stop(&words.concat())
}

/// Whether one of the phrases stands at the beginning of these words.
fn phrase_begins(words: &[&str]) -> bool {
    let phrases = words.first().and_then(|word| PHRASES_BY_WORD.get(word));
    phrases.is_some_and(|phrases| phrases.iter().any(|phrase| words.starts_with(phrase)))
}

/// Lower-case words without accents and apostrophes, blanks between them.
fn plain_words(text: &str) -> String {
    let head = text.char_indices().nth(REVIEW_CHARS_MAX);
    let head = head.map_or(text, |(end, _)| &text[..end]);
    let folded = match head.is_ascii() {
        true => Cow::Borrowed(head),
        false => Cow::Owned(without_accents(&fold_case(head))),
    };
    let mut plain = String::with_capacity(folded.len());
    for c in folded.chars().filter(|c| *c != '\'') {
        plain.push(match c {
            _ if c.is_ascii() && c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
            _ if !c.is_ascii() && c.is_alphanumeric() => c,
            _ => ' ',
        });
    }
    plain
}

/// A `stop` in a short text that neither "don't" before nor "by" after it explains.
fn lone_stop(words: &[&str]) -> bool {
    let near = |at: Option<usize>, list: &[&str]| {
        at.and_then(|at| words.get(at))
            .is_some_and(|word| list.contains(word))
    };
    words.len() <= REVIEW_WORDS_MAX
        && words.iter().enumerate().any(|(at, word)| {
            *word == "stop"
                && !near(at.checked_sub(1), NEGATIONS)
                && !near(at.checked_add(1), VISITS)
        })
}

/// The whole text is `stop` or `unsubscribe` written badly: spaced out, repeated, digits for letters, a letter
/// doubled, or two letters changed over.
fn misspelt_stop(squeezed: &str) -> bool {
    const SQUEEZED_BYTES_MAX: usize = 24;
    if squeezed.is_empty() || squeezed.len() > SQUEEZED_BYTES_MAX {
        return false;
    }
    let letters: String = squeezed
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' => 'i',
            '5' => 's',
            _ => c,
        })
        .collect();
    ["stop", "unsubscribe"].iter().any(|word| {
        let repeated = letters.len().is_multiple_of(word.len())
            && letters == word.repeat(letters.len() / word.len());
        repeated || without_doubles(&letters) == *word || swapped(&letters, word)
    })
}

/// The letters without those equal to the one before.
fn without_doubles(letters: &str) -> String {
    let mut single: Vec<char> = letters.chars().collect();
    single.dedup();
    single.into_iter().collect()
}

/// Whether two texts differ by two neighbouring letters having changed places.
fn swapped(letters: &str, word: &str) -> bool {
    let pairs: Vec<(char, char)> = letters.chars().zip(word.chars()).collect();
    let mut wrong = pairs.iter().enumerate().filter(|(_, (a, b))| a != b);
    let two = (wrong.next(), wrong.next(), wrong.next());
    letters.len() == word.len()
        && matches!(two, (Some((i, a)), Some((j, b)), None) if j == i + 1 && a.0 == b.1 && a.1 == b.0)
}

/// Which confirmation is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// After an opt-out: the only text that may still go.
    Stop,
    /// After an opt-in.
    Start,
    /// After a call for help.
    Help,
}

const BRAND_UNITS_MAX: u32 = 40;
const HELP_AT_UNITS_MAX: u32 = 40;

/// The confirmation's text, always one GSM-7 segment, without marketing. `language` is a language tag (`es`,
/// `fr-CA`), English where we have no text; `help_at` is a phone or address for help, empty if there is none. Characters
/// outside the GSM alphabet are written plainly or left out of both, and both are cut to 40 septets.
pub fn confirmation(which: Confirmation, language: &str, brand: &str, help_at: &str) -> String {
    let brand = match gsm_text(brand, BRAND_UNITS_MAX) {
        brand if brand.is_empty() => brand,
        brand => format!("{brand}: "),
    };
    let help_at = gsm_text(help_at, HELP_AT_UNITS_MAX);
    let wording = Wording::of(language);
    match which {
        Confirmation::Stop => format!("{brand}{}", wording.stop),
        Confirmation::Start => format!("{brand}{}", wording.start),
        Confirmation::Help if help_at.is_empty() => format!("{brand}{}", wording.help),
        Confirmation::Help => format!("{brand}{} {help_at}. {}", wording.help_at, wording.help),
    }
}

/// The confirmations of a language. Each uses the letters of the GSM alphabet only, which lacks á, í, ó,
/// ê and ç: one such letter would cost a second segment.
struct Wording {
    language: &'static str,
    stop: &'static str,
    start: &'static str,
    help_at: &'static str,
    help: &'static str,
}

const WORDINGS: &[Wording] = &[
    Wording {
        language: "en",
        stop: "you are unsubscribed and will get no more messages. Reply START to resubscribe.",
        start: "you are subscribed again. Reply HELP for help, STOP to end.",
        help_at: "help at",
        help: "Msg&data rates may apply. Reply STOP to end.",
    },
    Wording {
        language: "fr",
        stop: "vous ne recevrez plus de messages. Répondez START pour vous réabonner.",
        start: "vous recevrez de nouveau nos messages. Répondez AIDE pour de l'aide, STOP pour ne plus en recevoir.",
        help_at: "aide :",
        help: "Frais possibles. Répondez STOP pour ne plus rien recevoir.",
    },
    Wording {
        language: "es",
        stop: "ya no le enviaremos mensajes. Responda START para volver a recibirlos.",
        start: "volveremos a enviarle mensajes. Responda HELP para ayuda, STOP para no recibirlos.",
        help_at: "ayuda en",
        help: "Pueden aplicarse tarifas. Responda STOP para no recibir mensajes.",
    },
    Wording {
        language: "de",
        stop: "Sie sind abgemeldet und erhalten keine Nachrichten mehr. Antworten Sie START, um sich wieder anzumelden.",
        start: "Sie sind wieder angemeldet. Antworten Sie HELP für Hilfe, STOP zum Abmelden.",
        help_at: "Hilfe:",
        help: "Es können Kosten anfallen. Antworten Sie STOP zum Abmelden.",
    },
];

impl Wording {
    fn of(language: &str) -> &'static Self {
        let primary = language.split(['-', '_']).next().unwrap_or("");
        let known = |wording: &&Self| wording.language.eq_ignore_ascii_case(primary);
        WORDINGS.iter().find(known).unwrap_or(&WORDINGS[0])
    }
}

/// A text in the GSM alphabet of at most `units_max` septets: what the alphabet lacks is written without its
/// accents, or left out.
fn gsm_text(text: &str, units_max: u32) -> String {
    let mut kept = String::new();
    let plain = text.trim().nfc().flat_map(|c| {
        let forms: Vec<char> = if is_gsm(c) {
            vec![c]
        } else {
            c.to_string().nfkd().collect()
        };
        forms.into_iter().filter(|c| is_gsm(*c) && !c.is_control())
    });
    for c in plain {
        kept.push(c);
        if segments(&kept).units > units_max {
            kept.pop();
            break;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::model::text::Encoding;
    use crate::model::{AccountId, Ids, NumberId, Party};

    #[derive(Deserialize)]
    struct File {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        id: String,
        text: String,
        normalised: String,
        expected: String,
        expected_when_opted_out: Option<String>,
        firm: bool,
    }

    fn class(text: &str, out: bool) -> Compliance {
        classify(text, out, ComplianceWords::everywhere())
    }

    fn named(name: &str) -> Compliance {
        match name {
            "STOP" => Compliance::Stop,
            "START" => Compliance::Start,
            "HELP" => Compliance::Help,
            "REVIEW" => Compliance::Review,
            "NONE" => Compliance::Ordinary,
            other => panic!("class {other}"),
        }
    }

    #[test]
    fn classes_agree_with_the_vectors() {
        let file: File = serde_json::from_str(include_str!("cases/opt-out.json")).unwrap();
        assert!(file.vectors.len() >= 68);
        for vector in file.vectors {
            let Vector { id, text, .. } = vector;
            assert_eq!(fold_compliance(&text), vector.normalised, "{id}");
            let (got, want) = (class(&text, false), named(&vector.expected));
            if vector.firm {
                assert_eq!(got, want, "{id}");
            } else if want == Compliance::Review {
                assert_eq!(got, want, "advice {id}");
            }
            if let Some(want) = vector.expected_when_opted_out {
                assert_eq!(class(&text, true), named(&want), "{id} when opted out");
            }
        }
    }

    #[test]
    fn texts_beyond_the_vectors() {
        let table = [
            ("Stop\r\n\r\n> Your order is ready", Compliance::Stop),
            ("\n\n  ARRÊT  \nEnvoyé de mon téléphone", Compliance::Stop),
            ("ARRE\u{302}T", Compliance::Stop),
            ("STÖP", Compliance::Review),
            ("¡STOP!", Compliance::Stop),
            ("« stop »", Compliance::Stop),
            ("st\u{200b}op", Compliance::Stop),
            ("ſtop", Compliance::Stop),
            ("QUİT", Compliance::Stop),
            ("quıt", Compliance::Stop),
            ("stop 🛑", Compliance::Review),
            ("st0p", Compliance::Review),
            ("s t o p", Compliance::Review),
            ("stopp", Compliance::Review),
            ("STOPSTOP", Compliance::Review),
            ("sotp", Compliance::Review),
            ("don't stop", Compliance::Ordinary),
            ("Don’t stop!", Compliance::Ordinary),
            ("please do not stop", Compliance::Ordinary),
            ("Please don’t text me", Compliance::Review),
            ("No más", Compliance::Review),
            ("Je voudrais me désabonner", Compliance::Review),
            ("nomask needed", Compliance::Ordinary),
            ("step", Compliance::Ordinary),
            ("Hello\nSTOP", Compliance::Review),
            ("help\nme", Compliance::Help),
            ("ALTO", Compliance::Ordinary),
        ];
        for (text, want) in table {
            assert_eq!(class(text, false), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,80}|[ stopSTOP0\\n.'\"]{0,30}", out: bool) {
            let got = class(&text, out);
            prop_assert!(out || got != Compliance::Start || !fold_compliance(&text).contains("yes"));
        }

        #[test]
        fn confirmations_fit_whatever_the_names(brand in "\\PC{0,80}", help in "\\PC{0,80}") {
            for wording in WORDINGS {
                fits(wording.language, &brand, &help);
            }
        }
    }

    fn fits(language: &str, brand: &str, help: &str) {
        for which in [Confirmation::Stop, Confirmation::Start, Confirmation::Help] {
            let text = confirmation(which, language, brand, help);
            let cost = segments(&text);
            assert_eq!(cost.encoding, Encoding::Gsm7, "{language} {which:?} {text}");
            assert_eq!(
                cost.segments, 1,
                "{language} {which:?} {text} {}",
                cost.units
            );
        }
    }

    #[test]
    fn confirmations() {
        let long = "€".repeat(80);
        for wording in WORDINGS {
            fits(wording.language, &long, &long);
            assert!(wording.help.contains("STOP") && wording.stop.contains("START"));
        }
        let table = [
            (
                confirmation(Confirmation::Stop, "en-US", "Çelik Clinic", ""),
                "Çelik Clinic: you are unsubscribed and will get no more messages. Reply START to resubscribe.",
            ),
            (
                confirmation(Confirmation::Help, "xx", "Côte“ Café", "+12025550100"),
                "Cote Café: help at +12025550100. Msg&data rates may apply. Reply STOP to end.",
            ),
            (
                confirmation(Confirmation::Start, "en", "株式会社", ""),
                "you are subscribed again. Reply HELP for help, STOP to end.",
            ),
        ];
        for (got, want) in table {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn any_out_wins() {
        let mut ids = Ids::new(Timestamp::from_micros(0), 1);
        let (a, b) = (ids.fresh::<NumberId>(), ids.fresh::<AccountId>());
        let event = |scope, at, verdict| ConsentEntry {
            scope,
            id: Ids::new(Timestamp::default(), 1).fresh(),
            party: Party::read("+12025550143"),
            verdict,
            at: Timestamp::from_micros(at),
            source: "text".to_owned(),
            event: None,
        };
        let (number, account) = (ConsentScope::Number(a), ConsentScope::Account(b));
        use Consent::{In, Out};
        let table: &[(&[ConsentEntry], Verdict)] = &[
            (&[], Verdict::Unknown),
            (&[event(number, 1, In)], Verdict::In),
            (&[event(number, 1, Out), event(number, 2, In)], Verdict::In),
            (&[event(number, 2, In), event(number, 1, Out)], Verdict::In),
            (&[event(number, 1, In), event(number, 2, Out)], Verdict::Out),
            (&[event(number, 1, Out), event(number, 1, In)], Verdict::Out),
            (&[event(number, 1, In), event(number, 1, Out)], Verdict::Out),
            (
                &[event(account, 1, Out), event(number, 2, In)],
                Verdict::Out,
            ),
            (
                &[
                    event(ConsentScope::Organisation, 1, Out),
                    event(account, 2, In),
                ],
                Verdict::Out,
            ),
        ];
        for (row, (events, want)) in table.iter().enumerate() {
            assert_eq!(verdict(events), *want, "row {row}");
        }
    }
}
