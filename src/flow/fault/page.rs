//! The manual page of each code: what it finds, why that hurts, and an example before and after.

use super::{Severity, nearest, pages::PAGES};

/// The manual page of a code.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it finds, in a sentence.
    pub finds: &'static str,
    /// Why that hurts.
    pub hurts: &'static str,
    /// Something that has the fault.
    pub before: Example,
    /// The same without it.
    pub after: Example,
}

/// An example, without what is the same in all of its kind.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// The steps of a flow on calls.
    Call(&'static str),
    /// The steps of a flow on texts.
    Sms(&'static str),
    /// A whole flow file.
    File(&'static str),
    /// Whole flow files of one folder, with a line `---` between them.
    Files(&'static str),
    /// The accounts of an organisation's file.
    Organisation(&'static str),
    /// What a page shows, and the bytes of the file that it means.
    Made(&'static str, fn() -> Vec<u8>),
}

impl Example {
    /// The example as a whole file; an organisation is left as it is.
    pub fn source(&self) -> String {
        let flow = |on: &str, steps: &str| {
            format!("flow: example\naccount: clinic\non: {on}\nsteps:\n{steps}")
        };
        match self {
            Self::Call(steps) => flow("call", steps),
            Self::Sms(steps) => flow("sms", steps),
            Self::File(text) | Self::Files(text) | Self::Organisation(text) => (*text).to_owned(),
            Self::Made(_, made) => String::from_utf8_lossy(&made()).into_owned(),
        }
    }

    /// The example as the bytes of its file.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Made(_, made) => made(),
            _ => self.source().into_bytes(),
        }
    }

    /// What a page shows of it.
    fn shown(&self) -> &'static str {
        match self {
            Self::Call(text)
            | Self::Sms(text)
            | Self::File(text)
            | Self::Files(text)
            | Self::Organisation(text)
            | Self::Made(text, _) => text,
        }
    }
}

impl Page {
    /// The page as people read it.
    pub fn render(&self) -> String {
        let Self {
            code,
            finds,
            hurts,
            before,
            after,
            severity,
        } = self;
        let kind = severity.as_str();
        let (before, after) = (indented(before.shown()), indented(after.shown()));
        format!("{code} ({kind})\n\n{finds}\n\n{hurts}\n\nBefore:\n\n{before}\nAfter:\n\n{after}")
    }
}

fn indented(text: &str) -> String {
    let shown = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("    {line}\n"),
    };
    text.lines().map(shown).collect()
}

/// Every code with its page, in the order of the alphabet.
pub fn pages() -> Vec<&'static Page> {
    let mut all: Vec<&Page> = PAGES.iter().flat_map(|pages| pages.iter()).collect();
    all.sort_by_key(|page| page.code);
    all
}

/// The page of a code.
///
/// # Errors
/// There is no such code: the nearest one, if any is near.
pub fn explain(code: &str) -> Result<&'static Page, Option<&'static str>> {
    let all = pages();
    let found = all.iter().find(|page| page.code == code);
    found
        .copied()
        .ok_or_else(|| nearest(code, all.iter().map(|page| page.code)))
}
