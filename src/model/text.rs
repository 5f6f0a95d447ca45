//! The text of a message: how many segments it costs, and how a keyword is read out of it.
//!
//! Segments follow 3GPP TS 23.038 and 23.040: GSM-7 when every character is in the default alphabet or its
//! extension table, else UCS-2 for the whole message. The text is counted as it is sent; nothing is
//! normalised or replaced first.
//!
//! Folding for keywords is forgiving, because people type on small keyboards. Compliance words are folded
//! by a stricter rule of their own, in the policy layer.

use std::borrow::Cow;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Bytes as text, what is no UTF-8 replaced. Quicker than the standard library's way where nothing is to be replaced.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The alphabet a text needs on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Encoding {
    /// The GSM default alphabet, counted in septets; extension characters take two.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// UTF-16, counted in code units; characters above U+FFFF take two.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl Encoding {
    /// Units that fit when the text is a single part.
    pub const fn units_single(self) -> u32 {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into each part of a longer text, behind a header with an 8-bit reference.
    pub const fn units_joined(self) -> u32 {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// The units of one character; for GSM-7 the caller knows that it is in the alphabet.
    fn units(self, c: char) -> u32 {
        match self {
            Self::Gsm7 => gsm_units(c).unwrap_or(1),
            Self::Ucs2 if c > '\u{ffff}' => 2,
            Self::Ucs2 => 1,
        }
    }
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet of the whole text.
    pub encoding: Encoding,
    /// Units of the text itself, without headers and without what stays free at the end of a part.
    pub units: u32,
    /// Units that fit into each part.
    pub units_per_part: u32,
    /// Parts sent, hence billed; at least one, an empty text included.
    pub segments: u32,
    /// Units still free in the last part.
    pub free_units: u32,
}

/// Counts a text. Each part is filled greedily; a character of two units that does not fit moves whole to the
/// next part.
pub fn segments(text: &str) -> Segments {
    let encoding = encoding(text);
    let units = text
        .chars()
        .fold(0_u32, |sum, c| sum.saturating_add(encoding.units(c)));
    let single = encoding.units_single();
    if units <= single {
        return Segments {
            encoding,
            units,
            units_per_part: single,
            segments: 1,
            free_units: single - units,
        };
    }
    let (segments, used) = fill(text, encoding);
    Segments {
        encoding,
        units,
        units_per_part: encoding.units_joined(),
        segments,
        free_units: encoding.units_joined() - used,
    }
}

/// The alphabet a text needs.
pub fn encoding(text: &str) -> Encoding {
    if text.chars().all(|c| gsm_units(c).is_some()) {
        Encoding::Gsm7
    } else {
        Encoding::Ucs2
    }
}

/// The first character that GSM-7 lacks, so that the whole text needs UCS-2, and its place, from 1.
pub fn forces_ucs2(text: &str) -> Option<(char, usize)> {
    let mut chars = text.chars().zip(1..);
    chars.find(|(c, _)| !is_gsm(*c))
}

/// Whether a character is in the GSM default alphabet or its extension table.
pub fn is_gsm(c: char) -> bool {
    gsm_units(c).is_some()
}

/// Parts of a joined text and the units used in the last one.
fn fill(text: &str, encoding: Encoding) -> (u32, u32) {
    let (mut parts, mut used) = (1_u32, 0_u32);
    for c in text.chars() {
        let units = encoding.units(c);
        if used + units > encoding.units_joined() {
            parts = parts.saturating_add(1);
            used = 0;
        }
        used += units;
    }
    (parts, used)
}

/// Septets of a character, or nothing when GSM-7 lacks it. The escape itself (U+001B) is no character.
fn gsm_units(c: char) -> Option<u32> {
    match c {
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' | '\u{c}' => Some(2),
        '`' => None,
        ' '..='~' | '\n' | '\r' => Some(1),
        _ if "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà".contains(c) => {
            Some(1)
        }
        _ => None,
    }
}

/// The form in which keywords and the texts that may hold them are compared.
///
/// NFKC, full case folding, no zero-width marks, accents and strokes of Latin and Greek letters dropped, one
/// blank between words, and no quotes, punctuation or emoji around the whole. Which marks are accents is a
/// matter of the script: people leave them out of French, Spanish or Polish on a foreign keyboard, while й is no и, and
/// an Indic vowel sign is no ornament, so there they stay. A text of emoji or punctuation alone folds to nothing.
pub fn fold_keyword(text: &str) -> String {
    let folded = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        without_accents(&fold_case(text))
    };
    let inner = folded.trim_matches(|c| !is_word_char(c));
    collapse_blanks(inner)
}

/// The first word of a folded text, without punctuation around it; empty when there is none.
pub fn first_word(folded: &str) -> &str {
    words(folded).next().unwrap_or("")
}

/// The words of a folded text, each without punctuation around it.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split_whitespace()
        .map(|word| word.trim_matches(|c| !is_word_char(c)))
        .filter(|word| !word.is_empty())
}

/// NFKC and full case folding, without zero-width marks.
///
/// The standard library has no case folding; lower-casing differs from it only where this says otherwise: ẞ and ß
/// are `ss`, the final sigma is a sigma, and both Turkish letters are `i`, so that a word typed on a Turkish
/// keyboard is the same word (ſ is already `s` by NFKC).
pub fn fold_case(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkc().filter(|c| !is_zero_width(*c)) {
        match c {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            'ı' | 'İ' => folded.push('i'),
            '’' | '‘' | 'ʼ' => folded.push('\''),
            '–' | '—' | '‐' | '‑' | '−' => folded.push('-'),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// A folded text without the accents and strokes of its Latin and Greek letters.
pub fn without_accents(folded: &str) -> String {
    let mut bare = false;
    let kept = folded.nfd().filter(|c| {
        if is_combining_mark(*c) {
            return !bare;
        }
        bare = has_accents(*c);
        true
    });
    let mut text = String::with_capacity(folded.len());
    for c in kept.nfc() {
        match c {
            'ø' => text.push('o'),
            'ł' => text.push('l'),
            'đ' | 'ð' => text.push('d'),
            'ħ' => text.push('h'),
            'æ' => text.push_str("ae"),
            'œ' => text.push_str("oe"),
            _ => text.push(c),
        }
    }
    text
}

/// Marks without width: they say nothing and cannot be seen.
pub fn is_zero_width(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// One blank between words and none around them.
pub fn collapse_blanks(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// Letters whose marks are accents: Latin and Greek.
fn has_accents(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}')
}

/// What a word is made of: letters, digits and marks of its script, but no emoji. Some emoji count as letters
/// in Unicode (the squared ones), hence the range.
fn is_word_char(c: char) -> bool {
    let emoji = matches!(c, '\u{1f000}'..='\u{1faff}');
    !emoji && (c.is_alphanumeric() || is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        id: String,
        text: String,
        encoding: String,
        units: u32,
        segments: u32,
        per_segment: u32,
        remaining_in_last: u32,
        part_units: Vec<u32>,
    }

    #[test]
    fn segments_agree_with_the_vectors() {
        let file: File = serde_json::from_str(include_str!("cases/segments.json")).unwrap();
        assert!(file.vectors.len() >= 81);
        for vector in file.vectors {
            let got = segments(&vector.text);
            let encoding = serde_json::to_value(got.encoding).unwrap();
            assert_eq!(encoding, vector.encoding, "{}", vector.id);
            assert_eq!(got.units, vector.units, "{}", vector.id);
            assert_eq!(got.segments, vector.segments, "{}", vector.id);
            assert_eq!(got.units_per_part, vector.per_segment, "{}", vector.id);
            assert_eq!(got.free_units, vector.remaining_in_last, "{}", vector.id);
            assert_eq!(naive(&vector.text), vector.part_units, "{}", vector.id);
        }
    }

    /// The same rule the slow way: characters spelled out, then dealt into parts.
    fn naive(text: &str) -> Vec<u32> {
        const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
            ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
        const EXTENSION: &str = "\u{c}^{}\\[~]|€";
        let plain = text
            .chars()
            .all(|c| ALPHABET.contains(c) || EXTENSION.contains(c));
        let sizes: Vec<u32> = text
            .chars()
            .map(|c| match plain {
                true => 1 + u32::from(EXTENSION.contains(c)),
                false => u32::try_from(c.len_utf16()).unwrap(),
            })
            .collect();
        let (single, joined) = if plain { (160, 153) } else { (70, 67) };
        let room = match sizes.iter().sum::<u32>() {
            total if total <= single => single,
            _ => joined,
        };
        let mut parts = vec![0];
        for size in sizes {
            if parts[parts.len() - 1] + size > room {
                parts.push(0);
            }
            *parts.last_mut().unwrap() += size;
        }
        parts
    }

    proptest! {
        #[test]
        fn segments_agree_with_the_naive_splitter(text in "[a-z€\\[ç😀é ]{0,500}|\\PC{0,300}") {
            let (got, want) = (segments(&text), naive(&text));
            prop_assert_eq!(got.segments as usize, want.len());
            prop_assert_eq!(got.units, want.iter().sum::<u32>());
            prop_assert_eq!(got.units_per_part - got.free_units, want[want.len() - 1]);
        }

        #[test]
        fn folding_is_settled_after_once(text in "\\PC{0,60}") {
            let once = fold_keyword(&text);
            prop_assert_eq!(fold_keyword(&once), once);
        }
    }

    #[test]
    fn keywords_fold() {
        let table = [
            ("APPLY", "apply"),
            ("  Apply!! ", "apply"),
            ("\"apply\"", "apply"),
            ("«Apply»", "apply"),
            ("“apply”…", "apply"),
            ("apply 👍🏽", "apply"),
            ("❤️apply❤️", "apply"),
            ("🇨🇦 apply", "apply"),
            ("🅰 apply", "apply"),
            ("1️⃣", "1"),
            ("ＡＰＰＬＹ", "apply"),
            ("ap\u{200b}ply\u{feff}", "apply"),
            ("ﬁne", "fine"),
            ("apply\t now\n please", "apply now please"),
            ("Été", "ete"),
            ("e\u{301}te\u{301}", "ete"),
            ("mañana", "manana"),
            ("KØBENHAVN", "kobenhavn"),
            ("Łódź", "lodz"),
            ("Straße", "strasse"),
            ("STRAẞE", "strasse"),
            ("ſtop", "stop"),
            ("İNFO ınfo", "info info"),
            ("ΟΔΟΣ", "οδοσ"),
            ("οδός", "οδοσ"),
            ("Йод", "йод"),
            ("नमस्", "नमस्"),
            ("がくせい", "がくせい"),
            ("co-op", "co-op"),
            ("don’t", "don't"),
            ("👍", ""),
            (" ?! ", ""),
            ("", ""),
        ];
        for (text, folded) in table {
            assert_eq!(fold_keyword(text), folded, "{text:?}");
        }
    }

    #[test]
    fn words_of_a_folded_text() {
        assert_eq!(first_word(&fold_keyword("APPLY, please")), "apply");
        assert_eq!(first_word(&fold_keyword("...")), "");
        let folded = fold_keyword("Apply - (nurse) 'now'.");
        assert_eq!(
            words(&folded).collect::<Vec<_>>(),
            ["apply", "nurse", "now"]
        );
    }
}
