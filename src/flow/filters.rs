//! What a value in a text may be changed by, behind a bar.

/// The filters there are, and what each makes.
pub(crate) const FILTERS: [(&str, &str); 7] = [
    ("upper", "Capital letters."),
    ("lower", "Small letters."),
    ("trim", "Without blanks around it."),
    (
        "capitalize",
        "The first letter a capital, the others small.",
    ),
    (
        "spaced",
        "A blank between all characters, `2 0 2`, for reading out.",
    ),
    ("first_word", "Its first word."),
    (
        "default",
        "`default('…')`: this where the value is missing.",
    ),
];

/// Their names.
pub(crate) fn names() -> [&'static str; FILTERS.len()] {
    FILTERS.map(|(name, _)| name)
}

pub(crate) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first
            .to_uppercase()
            .chain(chars.flat_map(char::to_lowercase))
            .collect()
    })
}

/// One character at a time, for numbers that are read out.
pub(crate) fn spaced(text: &str) -> String {
    let singles: Vec<String> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(String::from)
        .collect();
    singles.join(" ")
}
