//! How each verb is written: its keys, and what stands behind them. The reader takes the keys of a verb from
//! here, and so do the JSON Schema for editors ([`super::schema`]) and the proofs that look at what was written
//! ([`super::prove`]), and the reference in `docs/flows.md`; tests hold it to what the reader of each verb asks for.
//!
//! A key is one row: `may("ring", Shape::Within(5, 120), "How long each rings.").or("20s")`. `must` in place of `may`
//! makes it required. What holds where the key is left out stands behind it: [`KeyForm::or`] for a value that could
//! be written there (a test writes it and looks that the step stays the same), [`KeyForm::left_out`] for anything
//! else, with [`KeyForm::cases`] where that depends on other keys. `UPDATE_DOCS=1 cargo test documentation` then takes
//! the row into the reference.

mod calls;
pub(crate) mod outcomes;
mod people;
mod shape;
mod texts;

pub(crate) use shape::Shape;

/// How one verb is written.
#[derive(Debug)]
pub(crate) struct Form {
    /// The verb.
    pub(crate) word: &'static str,
    /// What it does, for editors.
    pub(crate) about: &'static str,
    /// The key that a bare value, or a map by language, is short for.
    pub(crate) main: Option<&'static str>,
    pub(crate) body: Body,
}

/// What stands behind a verb.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// Keys that the language knows.
    Keys {
        keys: &'static [KeyForm],
        /// Exactly one of these must be there.
        one_of: &'static [&'static str],
        /// At least one of these must be there.
        any_of: &'static [&'static str],
    },
    /// Names that the writer chooses, each with such a value.
    Names(Shape),
}

/// One key of a verb.
#[derive(Debug)]
pub(crate) struct KeyForm {
    pub(crate) word: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// What holds when it is left out.
    pub(crate) absent: Absent,
    /// The same as it could be written, where it depends on other keys: the first case that is so.
    pub(crate) cases: &'static [Case],
    /// What it says, for editors and the reference: a whole sentence or the like, with its full stop.
    pub(crate) about: &'static str,
}

/// What holds when a key is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Absent {
    /// Nothing, or the key must be there.
    Nothing,
    /// The same as when this stood there, in YAML.
    Is(&'static str),
    /// What these words say.
    Means(&'static str),
}

/// What holds for a key that is left out, where another one stands beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The other key, `on` for the kind of flow; none: in all other cases.
    pub(crate) beside: Option<&'static str>,
    /// What must stand behind it; none: anything.
    pub(crate) value: Option<&'static str>,
    pub(crate) holds: Holds,
}

/// What holds for a key that is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holds {
    /// The same as when this stood there, in YAML.
    Is(&'static str),
    /// The same as behind this other key.
    As(&'static str),
}

impl Case {
    const fn beside(key: &'static str, holds: Holds) -> Self {
        let beside = Some(key);
        Self {
            beside,
            value: None,
            holds,
        }
    }

    const fn when(key: &'static str, value: &'static str, holds: Holds) -> Self {
        let (beside, value) = (Some(key), Some(value));
        Self {
            beside,
            value,
            holds,
        }
    }

    const fn otherwise(written: &'static str) -> Self {
        let holds = Holds::Is(written);
        Self {
            beside: None,
            value: None,
            holds,
        }
    }
}

impl KeyForm {
    /// What holds when it is left out, as it could be written.
    const fn or(mut self, written: &'static str) -> Self {
        self.absent = Absent::Is(written);
        self
    }

    /// What holds when it is left out, in words.
    const fn left_out(mut self, words: &'static str) -> Self {
        self.absent = Absent::Means(words);
        self
    }

    /// What those words say, by what stands beside the key.
    const fn cases(mut self, cases: &'static [Case]) -> Self {
        self.cases = cases;
        self
    }

    /// What holds when it is left out, as it could be written; nothing where that cannot be written. `beside` gives
    /// what stands behind another key, or holds without it.
    pub(crate) fn holds(&self, beside: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        if let Absent::Is(written) = self.absent {
            return Some(written.to_owned());
        }
        let is_so = |case: &&Case| match (case.beside, case.value) {
            (None, _) => true,
            (Some(key), None) => beside(key).is_some(),
            (Some(key), Some(value)) => beside(key).is_some_and(|found| found == value),
        };
        match self.cases.iter().find(is_so)?.holds {
            Holds::Is(written) => Some(written.to_owned()),
            Holds::As(key) => beside(key),
        }
    }

    /// What it says, and what holds when it is left out.
    pub(crate) fn told(&self) -> String {
        match self.absent {
            Absent::Nothing => self.about.to_owned(),
            Absent::Is(words) | Absent::Means(words) => {
                format!("{} Left out: {words}.", self.about)
            }
        }
    }
}

impl Form {
    /// Its keys.
    pub(crate) fn keys(&self) -> &'static [KeyForm] {
        match self.body {
            Body::Keys { keys, .. } => keys,
            Body::Empty | Body::Names(_) => &[],
        }
    }
}

/// How this verb is written; nothing for a word that is none, or is not described yet.
pub(crate) fn of(word: &str) -> Option<&'static Form> {
    let mut all = calls::FORMS.iter().chain(texts::FORMS).chain(people::FORMS);
    all.find(|form| form.word == word)
}

/// The key that says who; the same for every verb that has a box or a list.
const GROUP: KeyForm = may("group", Shape::Name, "A group of the account, by its key.");
const USER: KeyForm = may(
    "user",
    Shape::Name,
    "An active user of the account, by key.",
);

const fn may(word: &'static str, shape: Shape, about: &'static str) -> KeyForm {
    KeyForm {
        word,
        shape,
        required: false,
        absent: Absent::Nothing,
        cases: &[],
        about,
    }
}

const fn must(word: &'static str, shape: Shape, about: &'static str) -> KeyForm {
    KeyForm {
        word,
        shape,
        required: true,
        absent: Absent::Nothing,
        cases: &[],
        about,
    }
}

const fn keys(keys: &'static [KeyForm]) -> Body {
    Body::Keys {
        keys,
        one_of: &[],
        any_of: &[],
    }
}
