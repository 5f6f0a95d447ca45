//! What a person allowed, and the compliance words by which they say so.
//!
//! The words stand here rather than in the policy layer because two layers need them: policy reads texts
//! with them, and whoever checks keywords and choices refuses them. They are folded by a rule of their own,
//! stricter than the one for keywords: a wish to stop is acted on only when the whole text is the word.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::text::{collapse_blanks, fold_case, fold_keyword, is_zero_width, without_accents};
use super::{AccountId, ConsentId, EventId, NumberId, Party, ProgramId, Timestamp};

/// How far a consent reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentScope {
    /// One of our numbers, for all accounts on it.
    Number(NumberId),
    /// A program.
    Program(ProgramId),
    /// An account.
    Account(AccountId),
    /// Everything we send.
    Organisation,
}

/// What one entry of the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// The person wants texts.
    In,
    /// The person wants none.
    Out,
}

/// What the ledger as a whole says about a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Allowed in so many words.
    In,
    /// Opted out in at least one scope that applies.
    Out,
    /// Never asked.
    #[default]
    Unknown,
}

/// One dated entry of the ledger; never changed, only followed by later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEntry {
    /// Its id.
    pub id: ConsentId,
    /// Whose consent it is.
    pub party: Party,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// What it says.
    pub verdict: Consent,
    /// When it was given or withdrawn.
    pub at: Timestamp,
    /// By which way: `text`, `carrier`, `staff`, `flow`, `import`.
    pub source: String,
    /// The event that proves it.
    pub event: Option<EventId>,
}

/// What a compliance word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComplianceClass {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// Who are you, and how do I get out?
    Help,
    /// An ordinary answer, which means `Start` from a person who is opted out.
    Yes,
}

/// The compliance words of a language, as an organisation may edit them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordList {
    /// Words that opt out.
    pub stop: Vec<String>,
    /// Words that opt in again.
    pub start: Vec<String>,
    /// Words that ask for help.
    pub help: Vec<String>,
    /// Words that opt in again, but only from a person who is opted out.
    pub yes: Vec<String>,
}

/// One language as shipped: where it is on, and its words by class.
struct Shipped {
    /// ISO 3166 codes of the countries where it is on; none: everywhere.
    countries: &'static [&'static str],
    stop: &'static [&'static str],
    start: &'static [&'static str],
    help: &'static [&'static str],
    yes: &'static [&'static str],
}

/// English and French are on everywhere, because the carriers act on them everywhere. The other
/// languages are on in their countries only: `alto` or `baja` is an ordinary word or a name elsewhere.
const SHIPPED: &[Shipped] = &[
    Shipped {
        countries: &[],
        stop: &[
            "STOP",
            "END",
            "CANCEL",
            "UNSUBSCRIBE",
            "QUIT",
            "STOPALL",
            "STOP ALL",
            "REVOKE",
            "OPTOUT",
            "OPT OUT",
            "OPT-OUT",
            "REMOVE",
            "TD",
        ],
        start: &["START", "UNSTOP"],
        help: &["HELP", "INFO"],
        yes: &["YES"],
    },
    Shipped {
        countries: &[],
        stop: &["ARRÊT", "ARRETT", "ARRETE"],
        start: &[],
        help: &["AIDE"],
        yes: &["OUI"],
    },
    Shipped {
        countries: &[
            "AR", "BO", "CL", "CO", "CR", "CU", "DO", "EC", "ES", "GT", "HN", "MX", "NI", "PA",
            "PE", "PR", "PY", "SV", "UY", "VE",
        ],
        stop: &["ALTO", "PARAR", "BAJA", "CANCELAR"],
        start: &[],
        help: &["AYUDA"],
        yes: &["SÍ"],
    },
    Shipped {
        countries: &["AO", "BR", "MZ", "PT"],
        stop: &["PARAR", "SAIR"],
        start: &[],
        help: &["AJUDA"],
        yes: &["SIM"],
    },
    Shipped {
        countries: &["AT", "CH", "DE", "LI", "LU"],
        stop: &["STOPP", "ABMELDEN"],
        start: &[],
        help: &["HILFE"],
        yes: &["JA"],
    },
    Shipped {
        countries: &["CH", "IT", "SM"],
        stop: &["FERMA", "ANNULLA"],
        start: &[],
        help: &["AIUTO"],
        yes: &["SÌ"],
    },
    Shipped {
        countries: &["BE", "NL", "SR"],
        stop: &["AFMELDEN"],
        start: &[],
        help: &[],
        yes: &["JA"],
    },
    Shipped {
        countries: &["PL"],
        stop: &["KONIEC"],
        start: &[],
        help: &["POMOC"],
        yes: &["TAK"],
    },
];

/// The compliance words in force, folded and ready to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ComplianceWords {
    classes: HashMap<String, ComplianceClass>,
}

static EVERYWHERE: LazyLock<ComplianceWords> = LazyLock::new(|| ComplianceWords::shipped(""));

impl ComplianceWords {
    /// The shipped words that are on in every country.
    pub fn everywhere() -> &'static Self {
        &EVERYWHERE
    }

    /// The shipped words that are on in a country (ISO 3166 alpha-2).
    pub fn shipped(country: &str) -> Self {
        Self::shipped_in(&[country])
    }

    /// The shipped words that are on in any of these countries (ISO 3166 alpha-2).
    pub fn shipped_in(countries: &[&str]) -> Self {
        let mut words = Self::default();
        let any = |list: &Shipped| countries.iter().any(|it| list.countries.contains(it));
        let on = |list: &&Shipped| list.countries.is_empty() || any(list);
        for list in SHIPPED.iter().filter(on) {
            for (class, texts) in [
                (ComplianceClass::Stop, list.stop),
                (ComplianceClass::Start, list.start),
                (ComplianceClass::Help, list.help),
                (ComplianceClass::Yes, list.yes),
            ] {
                texts.iter().for_each(|text| words.insert(text, class));
            }
        }
        words
    }

    /// These words and those of a list.
    pub fn with(mut self, list: &WordList) -> Self {
        for (class, texts) in [
            (ComplianceClass::Stop, &list.stop),
            (ComplianceClass::Start, &list.start),
            (ComplianceClass::Help, &list.help),
            (ComplianceClass::Yes, &list.yes),
        ] {
            texts.iter().for_each(|text| self.insert(text, class));
        }
        self
    }

    /// What a folded text means, when it is a compliance word.
    pub fn class(&self, folded: &str) -> Option<ComplianceClass> {
        self.classes.get(folded).copied()
    }

    /// Whether a word may not be a keyword or a choice: it could never be reached, or would take a wish
    /// to stop for something else. Words that mean `Start` only from the opted out are free.
    pub fn is_reserved(&self, word: &str) -> bool {
        self.reserved(word).is_some()
    }

    /// What such a word means.
    fn reserved(&self, word: &str) -> Option<ComplianceClass> {
        let taken = |folded: &str| {
            let class = self.class(folded);
            class.filter(|class| *class != ComplianceClass::Yes)
        };
        taken(&fold_compliance(word)).or_else(|| taken(&fold_keyword(word)))
    }

    /// A word listed with accents is also known without them. Where a word stands in two classes, the
    /// wish to stop is never overwritten.
    fn insert(&mut self, word: &str, class: ComplianceClass) {
        let folded = fold_compliance(word);
        for form in [without_accents(&folded), folded] {
            let known = self.classes.get(&form);
            if !form.is_empty() && known != Some(&ComplianceClass::Stop) {
                self.classes.insert(form, class);
            }
        }
    }
}

/// Whether a word may not be a keyword or a choice, by the words that are on everywhere.
pub fn is_reserved_word(word: &str) -> bool {
    ComplianceWords::everywhere().is_reserved(word)
}

/// What such a word does, to stand behind it in a sentence.
pub fn reserved_words(word: &str) -> Option<&'static str> {
    Some(match ComplianceWords::everywhere().reserved(word)? {
        ComplianceClass::Stop => "opts out of texts",
        ComplianceClass::Start | ComplianceClass::Yes => "opts in to texts",
        ComplianceClass::Help => "asks for help",
    })
}

/// The form in which compliance words are compared: NFKC and full case folding, blanks, zero-width marks,
/// punctuation and quotes dropped at both ends, one blank between words. Accents, inner punctuation and
/// emoji stay, so that little but the bare word can match.
pub fn fold_compliance(text: &str) -> String {
    let inner = text.trim_matches(is_around);
    let folded = if inner.is_ascii() {
        inner.to_ascii_lowercase()
    } else {
        fold_case(inner)
    };
    collapse_blanks(folded.trim_matches(is_around))
}

/// What may stand around a word without changing it.
fn is_around(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric();
    }
    c.is_whitespace()
        || c.is_control()
        || is_zero_width(c)
        || "…“”„‟‘’‚‛«»‹›´¡¿·•–—―‐‑、。「」『』【】〈〉《》！？，．：；".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words() {
        for word in [
            "STOP", "stop", "Opt-Out", "ARRÊT", "arret", "HELP", "info", "Stöp", "🛑stop",
        ] {
            assert!(is_reserved_word(word), "{word}");
        }
        for word in ["YES", "OUI", "APPLY", "ALTO", "stop by", ""] {
            assert!(!is_reserved_word(word), "{word}");
        }
    }

    #[test]
    fn other_languages_are_on_in_their_countries_only() {
        let table = [
            ("", "alto", None),
            ("US", "alto", None),
            ("MX", "alto", Some(ComplianceClass::Stop)),
            ("MX", "si", Some(ComplianceClass::Yes)),
            ("MX", "sí", Some(ComplianceClass::Yes)),
            ("MX", "stop", Some(ComplianceClass::Stop)),
            ("DE", "stopp", Some(ComplianceClass::Stop)),
            ("CH", "ferma", Some(ComplianceClass::Stop)),
            ("CH", "abmelden", Some(ComplianceClass::Stop)),
        ];
        for (country, word, class) in table {
            assert_eq!(
                ComplianceWords::shipped(country).class(word),
                class,
                "{country} {word}"
            );
        }
    }

    #[test]
    fn a_list_adds_words_and_never_takes_a_stop_away() {
        let list: WordList =
            serde_json::from_str(r#"{"stop":["HALT"],"help":["STOP","Hé"]}"#).unwrap();
        let words = ComplianceWords::everywhere().clone().with(&list);
        assert_eq!(words.class("halt"), Some(ComplianceClass::Stop));
        assert_eq!(words.class("stop"), Some(ComplianceClass::Stop));
        assert_eq!(words.class("he"), Some(ComplianceClass::Help));
        assert!(serde_json::from_str::<WordList>(r#"{"stopp":[]}"#).is_err());
    }
}
