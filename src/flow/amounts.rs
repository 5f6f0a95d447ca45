//! Truths, durations and numbers as they are written: never guessed at.

use super::fault::suggest;
use super::reader::Reading;
use super::yaml::Node;

impl Reading<'_> {
    /// `true` or `false`. YAML 1.2 knows no others, so `no` and `on` are texts, and are not taken for one.
    pub(crate) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        let word = self.word(node, what)?;
        match word {
            "true" | "True" | "TRUE" => return Some(true),
            "false" | "False" | "FALSE" => return Some(false),
            _ => {}
        }
        let message = format!("`{what}` is true or false, and `{word}` is a text");
        let quote = format!("where a text is meant, quote this: \"{word}\"");
        let help = match word.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => format!("write `{what}: true`; {quote}"),
            "no" | "off" | "n" => format!("write `{what}: false`; {quote}"),
            _ => suggest(word, ["true", "false"]),
        };
        self.fault_help(&node.at, "unknown-value", message, help);
        None
    }

    /// A duration in seconds, inside bounds.
    pub(crate) fn duration(
        &mut self,
        node: &Node,
        what: &str,
        min_s: u32,
        max_s: u32,
    ) -> Option<u32> {
        let text = self.word(node, what)?;
        let Some(seconds) = read_duration(text) else {
            let message = format!("`{text}` is no duration");
            self.fault_help(
                &node.at,
                "duration",
                message,
                "write it as 20s, 3m, 24h or 2d",
            );
            return None;
        };
        if !(min_s..=max_s).contains(&seconds) {
            let message = format!(
                "{what} is between {} and {}",
                show_duration(min_s),
                show_duration(max_s)
            );
            self.fault(&node.at, "out-of-range", message);
            return None;
        }
        Some(seconds)
    }

    /// A whole number inside bounds.
    pub(crate) fn count(&mut self, node: &Node, what: &str, min: u32, max: u32) -> Option<u32> {
        let text = self.word(node, what)?;
        let plain =
            text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if !plain {
            let message = format!("`{text}` is not a number in plain digits");
            let help = format!(
                "{what} is a number from {min} to {max}; where a text is meant, quote this: \"{text}\""
            );
            self.fault_help(&node.at, "number", message, help);
            return None;
        }
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.fault(
                &node.at,
                "out-of-range",
                format!("{what} is a number from {min} to {max}"),
            );
        }
        number
    }
}

/// `20s`, `3m`, `24h`, `2d` in seconds.
pub(crate) fn read_duration(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    // More than there are numbers for is beyond every bound.
    let number = plain.then(|| number.parse::<u32>().unwrap_or(u32::MAX));
    number.map(|number| number.saturating_mul(seconds))
}

pub(crate) fn show_duration(seconds: u32) -> String {
    match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s >= 3600 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s >= 60 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("20s", Some(20)),
            ("3m", Some(180)),
            ("24h", Some(86_400)),
            ("2d", Some(172_800)),
            ("20", None),
            ("s", None),
            ("", None),
            ("-3s", None),
            ("1.5h", None),
            ("99999999d", Some(u32::MAX)),
            ("99999999999d", Some(u32::MAX)),
            ("3é", None),
        ] {
            assert_eq!(read_duration(text), seconds, "{text}");
        }
        assert_eq!(show_duration(90), "90s");
        assert_eq!(show_duration(7200), "2h");
    }
}
