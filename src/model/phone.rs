//! Phones and the other parties of a text or call; made only by parsing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// A text that is no phone number in E.164 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a phone number in international form, + and 7 to 15 digits, such as \"+12025550100\""
)]
pub struct PhoneError;

/// A phone number in E.164 form: `+`, a country code and up to 15 digits in all (ITU-T E.164).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(u64);

const PHONE_DIGITS_MIN: usize = 7;
const PHONE_DIGITS_MAX: usize = 15;

impl Phone {
    /// The digits without the plus sign, as a number (no E.164 number begins with zero).
    pub const fn digits(self) -> u64 {
        self.0
    }

    /// For people and logs: only the last two digits are shown.
    pub fn masked(self) -> String {
        format!("+…{:02}", self.0 % 100)
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let digits = text.strip_prefix('+').ok_or(PhoneError)?;
        let fits = (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len());
        if !fits || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError);
        }
        digits.parse().map(Self).map_err(|_| PhoneError)
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Masked, because debug output ends in logs.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A short code: three to eight digits without a plus sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortCode(u32);

impl FromStr for ShortCode {
    type Err = PhoneError;
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let fits = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let fits = fits && !text.starts_with('0');
        fits.then(|| text.parse().map(Self).map_err(|_| PhoneError))
            .ok_or(PhoneError)?
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The far end of a text or call. Only a [`Party::Phone`] or [`Party::ShortCode`] is ever sent to.
///
/// Its text form is what the carrier said (`+1202…`, `74454`, `ACME`), `withheld` for a caller who hides
/// the number, and for what cannot be read the carrier's text behind `raw:`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Party {
    /// A phone.
    Phone(Phone),
    /// A short code.
    ShortCode(ShortCode),
    /// An alphanumeric sender of one to eleven characters; cannot be answered.
    Alphanumeric(String),
    /// The caller withheld the number.
    Withheld,
    /// What the carrier said and we could not read, cut to 64 bytes.
    Raw(String),
}

const ALPHANUMERIC_CHARS_MAX: usize = 11;
const RAW_CHARS_MAX: usize = 64;

impl Party {
    /// What a carrier wrote in a sender or recipient field. Never fails: the unreadable is kept raw.
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if let Ok(phone) = text.parse() {
            return Self::Phone(phone);
        }
        if let Ok(code) = text.parse() {
            return Self::ShortCode(code);
        }
        let known = [
            "withheld",
            "anonymous",
            "restricted",
            "unavailable",
            "unknown",
            "private",
        ];
        if text.is_empty() || known.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Self::Withheld;
        }
        if let Some(raw) = text.strip_prefix("raw:") {
            return Self::Raw(raw.chars().take(RAW_CHARS_MAX).collect());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || " -_&.".contains(c);
        let letters = text.chars().any(|c| c.is_ascii_alphabetic());
        if text.len() <= ALPHANUMERIC_CHARS_MAX && letters && text.chars().all(plain) {
            return Self::Alphanumeric(text.to_owned());
        }
        Self::Raw(text.chars().take(RAW_CHARS_MAX).collect())
    }

    /// What a person gives. What nobody can read stands behind `raw:` then, and is nothing without it.
    pub fn given(text: &str) -> Option<Self> {
        match Self::read(text) {
            Self::Raw(_) if !text.trim().starts_with("raw:") => None,
            party => Some(party),
        }
    }

    /// The phone, where the party is one.
    pub fn phone(&self) -> Option<Phone> {
        match self {
            Self::Phone(phone) => Some(*phone),
            _ => None,
        }
    }

    /// Whether a text can be sent to it.
    pub fn can_receive(&self) -> bool {
        matches!(self, Self::Phone(_) | Self::ShortCode(_))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(phone) => phone.fmt(f),
            Self::ShortCode(code) => code.fmt(f),
            Self::Alphanumeric(name) => f.write_str(name),
            Self::Withheld => f.write_str("withheld"),
            Self::Raw(text) => write!(f, "raw:{text}"),
        }
    }
}

/// Masked, because debug output ends in logs.
impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(phone) => write!(f, "{phone:?}"),
            Self::ShortCode(_) => f.write_str("short code"),
            Self::Alphanumeric(_) => f.write_str("alphanumeric"),
            Self::Withheld => f.write_str("withheld"),
            Self::Raw(_) => f.write_str("raw"),
        }
    }
}

impl From<String> for Party {
    fn from(text: String) -> Self {
        Self::read(&text)
    }
}

impl Serialize for Party {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Phone> for Party {
    fn from(phone: Phone) -> Self {
        Self::Phone(phone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_read_and_shown() {
        for (text, shown, can_receive) in [
            ("+12025550143", "+12025550143", true),
            ("74454", "74454", true),
            ("ACME", "ACME", false),
            ("anonymous", "withheld", false),
            ("", "withheld", false),
            ("whatsapp:+12025550143", "raw:whatsapp:+12025550143", false),
            ("+1202", "raw:+1202", false),
            ("0123", "raw:0123", false),
        ] {
            let party = Party::read(text);
            assert_eq!(party.to_string(), shown);
            assert_eq!(party.can_receive(), can_receive, "{text}");
            assert_eq!(Party::read(&party.to_string()), party, "{text}");
        }
    }

    #[test]
    fn debug_hides_the_number() {
        let phone: Phone = "+12025550143".parse().unwrap();
        assert_eq!(format!("{phone:?}"), "+…43");
    }
}
