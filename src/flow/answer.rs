//! What people answer by text, read as a value of the kind that was asked for.

use jiff::civil::Date;

use super::scope::{Type, Val, read_number};
use crate::model::Phone;
use crate::model::text::{fold_keyword, words};

/// The kinds of answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Any,
    Number,
    Date,
    Phone,
    Choice(Vec<Choice>),
    /// `A` a letter, `9` a digit, `X` either, all else itself.
    Pattern(String),
}

impl Answer {
    /// The type of what is saved.
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Number => Type::Number,
            Self::Date => Type::Date,
            Self::Any | Self::Phone | Self::Choice(_) | Self::Pattern(_) => Type::Text,
        }
    }

    /// The answer's value, when it is one of this kind. `language` settles the order of day and month,
    /// `number` (ours) the country of a phone without one.
    pub(crate) fn read(&self, text: &str, language: &str, number: &str) -> Option<Val> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match self {
            Self::Any => Some(Val::text(text)),
            Self::Number => read_number(&text.replace(' ', "")).map(Val::Number),
            Self::Date => read_date(text, language).map(Val::Date),
            Self::Phone => read_phone(text, number).map(|phone| Val::text(phone.to_string())),
            Self::Choice(choices) => Choice::pick(choices, text).map(Val::text),
            Self::Pattern(mask) => fits(mask, text).then(|| Val::text(text)),
        }
    }
}

/// A name and the words that mean it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) name: String,
    folded: Vec<String>,
}

impl Choice {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folded: Vec::new(),
        }
    }

    pub(crate) fn fold(word: &str) -> String {
        fold_keyword(word)
    }

    pub(crate) fn add(&mut self, folded: String) {
        if !self.has(&folded) {
            self.folded.push(folded);
        }
    }

    pub(crate) fn has(&self, folded: &str) -> bool {
        self.folded.iter().any(|have| have == folded)
    }

    /// The choice whose words begin the text; the longest wins.
    pub(crate) fn pick<'c>(choices: &'c [Choice], text: &str) -> Option<&'c str> {
        let folded = fold_keyword(text);
        let given: Vec<&str> = words(&folded).collect();
        let mut best: Option<(usize, &str)> = None;
        for choice in choices {
            for word in &choice.folded {
                let wanted: Vec<&str> = words(word).collect();
                let longer = best.is_none_or(|(length, _)| wanted.len() > length);
                if (given.starts_with(&wanted) && !wanted.is_empty() && longer) || *word == folded {
                    best = Some((wanted.len(), &choice.name));
                }
            }
        }
        best.map(|(_, name)| name)
    }
}

/// `2026-01-31`, `31.1.2026`, and `1/31/2026` or `31/1/2026` as the account's language has it.
fn read_date(text: &str, language: &str) -> Option<Date> {
    let text = text.trim_end_matches('.');
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    if !matches!(mark, '-' | '/' | '.') {
        return None;
    }
    let parts: Vec<i16> = text
        .split(mark)
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [a, b, c] = parts.as_slice() else {
        return None;
    };
    let month_first = mark == '/' && matches!(language, "en" | "en-US");
    let (year, month, day) = match (*a > 31, month_first) {
        (true, _) => (*a, *b, *c),
        (false, true) => (*c, *a, *b),
        (false, false) => (*c, *b, *a),
    };
    if !(1900..=2100).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A phone as people write it; without a country code it is taken for a neighbour of `number`, in the
/// numbering plan of North America.
pub(crate) fn read_phone(text: &str, number: &str) -> Option<Phone> {
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !"-()./".contains(*c))
        .collect();
    let international = match bare.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => bare,
    };
    if international.starts_with('+') {
        return international.parse().ok();
    }
    let domestic = number.starts_with("+1");
    match (domestic, international.len()) {
        (true, 10) => format!("+1{international}").parse().ok(),
        (true, 11) if international.starts_with('1') => format!("+{international}").parse().ok(),
        _ => None,
    }
}

fn fits(mask: &str, text: &str) -> bool {
    let mut wanted = mask.chars().filter(|c| !c.is_whitespace());
    let mut given = text.chars().filter(|c| !c.is_whitespace());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(want), Some(have)) if fits_one(want, have) => {}
            _ => return false,
        }
    }
}

fn fits_one(want: char, have: char) -> bool {
    match want {
        'A' => have.is_alphabetic(),
        '9' => have.is_ascii_digit(),
        'X' => have.is_alphanumeric(),
        _ => want.to_lowercase().eq(have.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &Answer, language: &str, text: &str, expected: Option<&str>) {
        let read = answer
            .read(text, language, "+12025550100")
            .map(|value| value.shown());
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn answers_are_read_as_people_write_them() {
        for (answer, language, text, expected) in [
            (Answer::Any, "en", " hi ", Some("hi")),
            (Answer::Any, "en", "  ", None),
            (Answer::Number, "en", "3,5", Some("3.5")),
            (Answer::Number, "en", "three", None),
            (Answer::Date, "en", "2001-02-03", Some("2001-02-03")),
            (Answer::Date, "en", "2/3/2001", Some("2001-02-03")),
            (Answer::Date, "en-GB", "3/2/2001", Some("2001-02-03")),
            (Answer::Date, "de", "3.2.2001", Some("2001-02-03")),
            (Answer::Date, "en", "2001-02-30", None),
            (Answer::Date, "en", "3/2/01", None),
            (Answer::Date, "en", "yesterday", None),
            (Answer::Date, "en", "99999-99999-99999", None),
            (Answer::Phone, "en", "(202) 555-0143", Some("+12025550143")),
            (Answer::Phone, "en", "1 202 555 0143", Some("+12025550143")),
            (Answer::Phone, "en", "0012025550143", Some("+12025550143")),
            (Answer::Phone, "en", "555", None),
            (
                Answer::Pattern("AA-9999".into()),
                "en",
                "ab-1234",
                Some("ab-1234"),
            ),
            (Answer::Pattern("AA-9999".into()), "en", "a1-1234", None),
            (Answer::Pattern("X9".into()), "en", "77", Some("77")),
            (Answer::Pattern("X9".into()), "en", "777", None),
        ] {
            check(&answer, language, text, expected);
        }
    }

    #[test]
    fn the_longest_words_win() {
        let choice = |name: &str, words: &[&str]| {
            let mut made = Choice::new(name);
            for word in words {
                made.add(Choice::fold(word));
            }
            made
        };
        let choices = [
            choice("bill", &["bill", "pay bill"]),
            choice("pay", &["pay"]),
            choice("ok", &["👍 ok"]),
        ];
        for (text, expected) in [
            ("Bill", Some("bill")),
            ("  pay bill please", Some("bill")),
            ("PAY!", Some("pay")),
            ("billing", None),
            ("", None),
            ("ok", Some("ok")),
        ] {
            assert_eq!(Choice::pick(&choices, text), expected, "{text}");
        }
    }
}
