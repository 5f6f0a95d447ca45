//! Who is at the other end, with Twilio's ways of saying that nobody may know.

use crate::model::Party;

/// A hidden number arrives as a word spelled on the keys of a phone, as if it were a number: `ANONYMOUS`,
/// `RESTRICTED`, `UNAVAILABLE`, `UNKNOWN`, `PRIVATE`, `BLOCKED`, and a shorter code without a known word.
const WITHHELD: &[&str] = &[
    "266696687",
    "7378742833",
    "86282452253",
    "8656696",
    "7748283",
    "2562533",
    "464",
];

/// Reads a sender or caller field.
pub(super) fn party(text: &str) -> Party {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let sip = text.strip_prefix("sip:").unwrap_or_default();
    let user = sip.split('@').next().unwrap_or_default();
    if WITHHELD.contains(&digits) || user.eq_ignore_ascii_case("anonymous") {
        return Party::Withheld;
    }
    Party::read(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_numbers_are_withheld() {
        for (text, shown) in [
            ("+266696687", "withheld"),
            ("266696687", "withheld"),
            ("+464", "withheld"),
            ("+7378742833", "withheld"),
            ("anonymous", "withheld"),
            ("Restricted", "withheld"),
            ("", "withheld"),
            ("sip:anonymous@anonymous.invalid", "withheld"),
            ("+12025550143", "+12025550143"),
            ("74454", "74454"),
            ("client:ana", "client:ana"),
        ] {
            let shown = shown.replace("client:", "raw:client:");
            assert_eq!(party(text).to_string(), shown);
        }
    }
}
