//! How a file is written: YAML itself, keys and shapes.

use super::{Call, Made, Page, Sms, fault, warning};

pub(super) const PAGES: &[Page] = &[
    fault(
        "yaml",
        "Finds text that is no YAML: a bracket or a quote that is not closed, a tab in front of a line, a second document, a colon inside a text without quotes.",
        "Nothing of the file can be read from there on, so nothing else is checked. A text with a colon and a blank, with `{{`, ` #` or a comma inside `{ }` stands in quotes or in a | block.",
        Call("  greet:\n    say: Opening hours: 8 to 6\n    next: end\n"),
        Call("  greet:\n    say: \"Opening hours: 8 to 6\"\n    next: end\n"),
    ),
    fault(
        "duplicate-key",
        "Finds the same name twice in one mapping.",
        "Most readers of YAML silently keep the last one, and what stood above is lost without a word.",
        Call(
            "  greet:\n    say: Hello\n    next: end\n  greet:\n    say: Good evening\n    next: end\n",
        ),
        Call(
            "  greet:\n    say: Hello\n    next: evening\n  evening:\n    say: Good evening\n    next: end\n",
        ),
    ),
    fault(
        "too-large",
        "Finds a flow file of more than 256 KiB, of more than 20000 values or 512 KiB of text (what an alias stands for counted each time) or 50 anchors, or nested deeper than 40 levels.",
        "A file is read whole and kept whole in every node's memory. What is that long is several flows; `goto` leads from one to another.",
        Made("(a flow of 300 KiB)\n", large),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "more-faults",
        "Finds more than 100 faults, or 100 warnings, in one file; the others are counted and not shown.",
        "Most of so many come from few mistakes, often one at the beginning. Mend what is shown and check again.",
        Made("(a step with 120 keys that it does not know)\n", many),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "encoding",
        "Finds a file that is not written in UTF-8, or holds a character that cannot be seen.",
        "Letters with accents would reach people as something else, and what cannot be seen reaches nobody. Save the file as UTF-8; every editor can.",
        Made(
            "  greet:\n    say: Ol\\xe1        (a letter of Windows-1252)\n    next: end\n",
            latin,
        ),
        Call("  greet:\n    say: Olá\n    next: end\n"),
    ),
    fault(
        "quote-text",
        "Finds a text that begins with `{{` and stands without quotes.",
        "To YAML that is a mapping and no text, so nothing of it would be said.",
        Call("  greet:\n    say: {{ account.name }}\n    next: end\n"),
        Call("  greet:\n    say: \"{{ account.name }}\"\n    next: end\n"),
    ),
    warning(
        "comment-in-text",
        "Finds a text without quotes that is cut by ` #`.",
        "To YAML a comment begins there, and people hear half a sentence.",
        Call("  greet:\n    say: Please press # to go on\n    next: end\n"),
        Call("  greet:\n    say: \"Please press # to go on\"\n    next: end\n"),
    ),
    fault(
        "shape",
        "Finds a text where a mapping or a list is wanted, or the other way round.",
        "What is meant cannot be guessed; the help says how it is written.",
        Call("  greet:\n    say: [Hello, there]\n    next: end\n"),
        Call("  greet:\n    say: \"Hello, there\"\n    next: end\n"),
    ),
    fault(
        "empty",
        "Finds a key without a value, or a text of nothing but blanks.",
        "People would hear or read nothing, and nobody could say whether that was meant.",
        Call("  greet:\n    say: \"\"\n    next: end\n"),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "missing-key",
        "Finds something that cannot do without a key that is not there: a flow without `account`, a menu without `prompt`, a voicemail that does not say whose it is.",
        "There is no default that would be right for everybody.",
        Call("  box:\n    voicemail: { max: 2m }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses, max: 2m }\n    next: end\n"),
    ),
    fault(
        "unknown-key",
        "Finds a key that the verb, the step or the file does not know.",
        "A key that is misspelled and passed over is a setting that silently does not hold. It also happens where a text with a comma stands in { } without quotes.",
        Call("  box:\n    voicemail: { group: nurses, greting: Please speak }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses, greeting: Please speak }\n    next: end\n"),
    ),
    fault(
        "name",
        "Finds a name of a flow, a step or a condition that is not written as names are: a small letter first, then small letters, digits and `_` (in the name of a flow `-`).",
        "Names are used in texts and conditions (`steps.ask_again.outcome`), in the statistics and in addresses; other signs would mean something else there. `end` is taken.",
        Call("  Greet:\n    say: Hello\n    next: end\n"),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "no-verb",
        "Finds a step that says where to go and not what to do.",
        "A step does exactly one thing.",
        Call("  greet:\n    next: end\n"),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "two-verbs",
        "Finds a step that does two things.",
        "Which comes first, and where each outcome goes, would be a guess. Two things are two steps.",
        Call("  greet:\n    say: Hello\n    play: welcome.mp3\n    next: end\n"),
        Call(
            "  greet:\n    say: Hello\n    next: music\n  music:\n    play: welcome.mp3\n    next: end\n",
        ),
    ),
    fault(
        "wrong-kind",
        "Finds a verb of calls in a flow on texts or the other way round, and a `goto` to a flow of the other kind.",
        "Nobody can hear a text message, and nobody can press a key in one.",
        Sms("  greet:\n    say: Hello\n    next: end\n"),
        Sms("  greet:\n    reply: Hello\n    next: end\n"),
    ),
    fault(
        "two-owners",
        "Finds two names where one is wanted: a group and a user for one box, or one word that means two choices.",
        "Only one of them could have it, and which one would be chance.",
        Call("  box:\n    voicemail: { group: nurses, user: erin }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses }\n    next: end\n"),
    ),
];

fn large() -> Vec<u8> {
    let line = "# A comment of some length, again and again.\n";
    format!("flow: example\n{}", line.repeat(300 * 1024 / line.len())).into_bytes()
}

fn many() -> Vec<u8> {
    let keys: String = (0..120).map(|n| format!("    key_{n}: here\n")).collect();
    let source = Call("  greet:\n    say: Hello\n").source();
    format!("{source}{keys}    next: end\n").into_bytes()
}

fn latin() -> Vec<u8> {
    let mut bytes = Call("  greet:\n    say: Ol").source().into_bytes();
    bytes.extend(b"\xe1\n    next: end\n");
    bytes
}
