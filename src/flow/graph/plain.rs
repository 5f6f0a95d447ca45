//! What a step is done with, in words for people who have not read the flow.

/// A key and its value in a few words; nothing where it is what everybody expects.
pub(super) fn setting(key: &str, value: &str) -> Option<String> {
    let told = |words: &str| Some(words.to_owned());
    let silent = None;
    match (key, value) {
        ("accept", "key") => told("taken by a key"),
        ("accept", "amd") => told("people only, no machines"),
        ("accept", _) => told("whoever picks up"),
        ("order", "sequential") => told("one after another"),
        ("order", "simultaneous") => told("all at once"),
        ("order", "round_robin") => told("in turn, from call to call"),
        ("order", "least_recent") => told("longest without a call first"),
        ("devices", "first") => told("their first phone"),
        ("devices", "all") => told("all their phones"),
        ("devices", "ordered") => told("their phones in order"),
        ("caller_id", "caller") => told("shows the caller's number"),
        ("caller_id", _) => told("shows our number"),
        ("transcribe", "true") => told("written down"),
        ("record", "true") => told("recorded"),
        ("position", "true") => told("tells the place in line"),
        ("on_shift", "true") => told("on shift only"),
        ("barge_in", "false") => told("heard to the end"),
        ("transcribe" | "record" | "position" | "on_shift" | "barge_in" | "beep", _) => silent,
        ("callback_key", _) => Some(format!("{value} asks to be called back")),
        ("tries", _) => Some(format!("{value} tries")),
        ("digits", _) => Some(format!("{value} digits")),
        ("timeout", _) => Some(format!("waits {value}")),
        ("max_wait", _) => Some(format!("waits at most {value}")),
        ("ring", _) => Some(format!("rings {value}")),
        ("total", _) => Some(format!("{value} in all")),
        ("max", _) => Some(format!("at most {value}")),
        ("min", _) => Some(format!("at least {value}")),
        ("skip", _) => Some(format!("not if {}", spaced(value))),
        ("save_as", _) => Some(format!("kept as {}", spaced(value))),
        ("expect", _) => Some(format!("wants {}", spaced(value))),
        ("again", _) => Some(format!("else “{value}”")),
        ("auto_reply", _) => Some(format!("answers “{value}”")),
        ("note", _) => Some(format!("note “{value}”")),
        (_, "true") => Some(spaced(key)),
        (_, "false") => Some(format!("no {}", spaced(key))),
        (_, "") => Some(spaced(key)),
        _ => Some(format!("{} {value}", spaced(key))),
    }
}

/// A name as people read it.
pub(super) fn spaced(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

/// A condition in words: `contact.age >= 18` is “contact age at least 18”.
pub(super) fn condition(text: &str) -> String {
    let mut out = String::new();
    // What stands in quotes stays as it is.
    for (at, part) in text.split(['"', '\'']).enumerate() {
        match at % 2 {
            0 => out.push_str(&words(part)),
            _ => {
                out.push('“');
                out.push_str(part);
                out.push('”');
            }
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Signs and names outside of quotes.
fn words(text: &str) -> String {
    let signs = [
        ("==", " is "),
        ("!=", " is not "),
        (">=", " at least "),
        ("<=", " at most "),
        (">", " more than "),
        ("<", " less than "),
        ("today()", "today"),
        ("weekday()", "the weekday"),
        ("hour()", "the hour"),
        ("starts_with(", "begins with ("),
    ];
    let mut out = known(text);
    for (sign, word) in signs {
        out = out.replace(sign, word);
    }
    let mut plain = String::with_capacity(out.len());
    let mut before = ' ';
    let mut rest = out.chars().peekable();
    while let Some(c) = rest.next() {
        let inside =
            before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphabetic());
        plain.push(match c {
            // Between two names, not in a number.
            '.' if inside => ' ',
            '_' => ' ',
            _ => c,
        });
        before = c;
    }
    plain
}

/// A text with “x is known” for `present(x)`.
fn known(text: &str) -> String {
    let mut parts = text.split("present(");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, after) = part.split_once(')').unwrap_or((part, ""));
        out += inner;
        out += " is known";
        out += after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_in_words() {
        let check = |key: &str, value: &str, expected: &str| {
            assert_eq!(setting(key, value).unwrap_or_default(), expected, "{key}");
        };
        check("accept", "key", "taken by a key");
        check("transcribe", "true", "written down");
        check("transcribe", "false", "");
        check("callback_key", "9", "9 asks to be called back");
        check(
            "save_as",
            "contact.birth_date",
            "kept as contact birth date",
        );
        check("skip", "busy, offline", "not if busy, offline");
        check("group", "front-desk", "group front-desk");
        check("some_key", "true", "some key");
    }

    #[test]
    fn conditions_are_told_in_words() {
        let check = |text: &str, expected: &str| assert_eq!(condition(text), expected, "{text}");
        check("contact.age >= 18", "contact age at least 18");
        check("flow.answer == 'a.b_c >= d'", "flow answer is “a.b_c >= d”");
        check("\"vip\" in contact.tags", "“vip” in contact tags");
        check("present(contact.first_name)", "contact first name is known");
        check(
            "flow.score <= 2.5 or not flow.word != \"x\"",
            "flow score at most 2.5 or not flow word is not “x”",
        );
        check("flow.last <= today() + 3", "flow last at most today + 3");
    }
}
