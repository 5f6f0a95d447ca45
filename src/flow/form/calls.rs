//! The verbs of calls.

use super::{Body, Form, GROUP, Shape, USER, keys, may, must};

pub(super) static FORMS: &[Form] = &[
    Form {
        word: "say",
        about: "Speaks a text to the caller.",
        main: Some("text"),
        body: keys(&[must(
            "text",
            Shape::Text,
            "What is said, or a map by language.",
        )]),
    },
    Form {
        word: "play",
        about: "Plays a sound file to the caller.",
        main: Some("file"),
        body: keys(&[must(
            "file",
            Shape::Text,
            "A .mp3 or .wav file of the folder media, or an https:// address.",
        )]),
    },
    Form {
        word: "menu",
        about: "Asks for a key; the valid ones are those that `then` names.",
        main: None,
        body: keys(&[
            must(
                "prompt",
                Shape::Text,
                "What is said before the key is awaited.",
            ),
            may(
                "timeout",
                Shape::Duration,
                "How long a key is awaited: 1s to 60s, 5s by default.",
            ),
            may(
                "tries",
                Shape::Count(1, 10),
                "How often a caller may go wrong; 3 by default.",
            ),
            may(
                "barge_in",
                Shape::Bool,
                "Whether a key cuts the prompt short; true by default.",
            ),
        ]),
    },
    Form {
        word: "gather",
        about: "Takes several digits of the caller.",
        main: None,
        body: keys(&[
            may(
                "prompt",
                Shape::Text,
                "What is said before the digits are awaited.",
            ),
            may("digits", Shape::Digits, "How many: 4, or 4..6."),
            may(
                "finish_on",
                Shape::OneOf(&["#", "*", "none"]),
                "The key that ends the digits; # by default.",
            ),
            may(
                "timeout",
                Shape::Duration,
                "How long a digit is awaited: 1s to 60s, 5s by default.",
            ),
            may(
                "tries",
                Shape::Count(1, 10),
                "How often a caller may go wrong; 1 by default.",
            ),
            may(
                "barge_in",
                Shape::Bool,
                "Whether a key cuts the prompt short; true by default.",
            ),
            may(
                "save_as",
                Shape::Place,
                "Where the digits are kept: contact.<field> or flow.<name>.",
            ),
            may(
                "secret",
                Shape::Bool,
                "Whether the digits are removed from all that is stored but the variable.",
            ),
        ]),
    },
    Form {
        word: "dial",
        about: "Rings people, one after another or all at once.",
        main: None,
        body: Body::Keys {
            keys: &[
                GROUP,
                USER,
                may("number", Shape::Phone, "A phone number, in quotes."),
                may(
                    "to",
                    Shape::Targets,
                    "Several of them: [{ user: … }, { group: … }].",
                ),
                may(
                    "order",
                    Shape::OneOf(&["sequential", "simultaneous", "round_robin", "least_recent"]),
                    "In the group's order (the default), all at once, by turns, or who talked longest ago first.",
                ),
                may(
                    "ring",
                    Shape::Duration,
                    "How long each rings, or all together: 5s to 120s, 20s by default.",
                ),
                may(
                    "total",
                    Shape::Duration,
                    "How long the whole of it may take: 5s to 30m.",
                ),
                may(
                    "devices",
                    Shape::OneOf(&["first", "all", "ordered"]),
                    "The first device of a user (the default), all of them together, or one after another.",
                ),
                may(
                    "skip",
                    Shape::SomeOf(&["busy", "offline", "caller"]),
                    "Who is not rung; all three by default.",
                ),
                may(
                    "accept",
                    Shape::OneOf(&["key", "amd", "none"]),
                    "Who has the call: whoever presses 1 (key), a person as the carrier tells persons from machines (amd), or whatever picks up (none, the default).",
                ),
                may(
                    "prompt",
                    Shape::Text,
                    "What the called person hears before accepting.",
                ),
                may(
                    "when_taken",
                    Shape::Text,
                    "What those hear who still rang when another took the call.",
                ),
                may(
                    "caller_id",
                    Shape::CallerId,
                    "The number that is shown: caller (the default), number, or one of ours in quotes.",
                ),
                may(
                    "record",
                    Shape::Bool,
                    "Whether the conversation is recorded.",
                ),
            ],
            one_of: &["group", "user", "number", "to"],
            any_of: &[],
        },
    },
    Form {
        word: "voicemail",
        about: "Records a message into a box.",
        main: None,
        body: Body::Keys {
            keys: &[
                GROUP,
                USER,
                may("greeting", Shape::Text, "What is said before the tone."),
                may(
                    "beep",
                    Shape::Bool,
                    "Whether there is a tone; true by default.",
                ),
                may(
                    "max",
                    Shape::Duration,
                    "The longest message: 10s to 10m, 3m by default.",
                ),
                may(
                    "silence",
                    Shape::Duration,
                    "The silence that ends it: 1s to 30s, 5s by default.",
                ),
                may(
                    "min",
                    Shape::Duration,
                    "What is shorter is `empty`: 0s to 60s, 2s by default.",
                ),
                may(
                    "transcribe",
                    Shape::Bool,
                    "Whether it is written down; false by default.",
                ),
                may(
                    "notify",
                    Shape::Told,
                    "Who is told by e-mail: members, none, or a list of users; members by default.",
                ),
            ],
            one_of: &["group", "user"],
            any_of: &[],
        },
    },
    Form {
        word: "queue",
        about: "Lets the caller wait until a member of a group is free; first come, first served.",
        main: None,
        body: keys(&[
            must(
                "group",
                Shape::Name,
                "Whose members take the calls, by its key.",
            ),
            may(
                "max_wait",
                Shape::Duration,
                "How long a caller waits: 10s to 1h, 10m by default.",
            ),
            may(
                "music",
                Shape::Text,
                "A .mp3 or .wav file of the folder media, or an https:// address; a ringing tone by default.",
            ),
            may(
                "position",
                Shape::Bool,
                "Whether the caller is told the place in line; false by default.",
            ),
            may(
                "callback_key",
                Shape::Count(0, 9),
                "The key with which the caller asks to be called back instead.",
            ),
            may(
                "order",
                Shape::OneOf(&["sequential", "round_robin", "least_recent"]),
                "Which free member is rung: the first of the group (the default), by turns, or who talked longest ago.",
            ),
            may(
                "ring",
                Shape::Duration,
                "How long a member rings before the next: 5s to 120s, 20s by default.",
            ),
            may(
                "accept",
                Shape::OneOf(&["key", "amd", "none"]),
                "Who has the call: whoever presses 1 (key, the default), a person as the carrier tells persons from machines (amd), or whatever picks up (none).",
            ),
            may(
                "prompt",
                Shape::Text,
                "What the called member hears before accepting.",
            ),
            may(
                "caller_id",
                Shape::CallerId,
                "The number that is shown: caller (the default), number, or one of ours in quotes.",
            ),
        ]),
    },
    Form {
        word: "hangup",
        about: "Ends the call.",
        main: None,
        body: Body::Empty,
    },
    Form {
        word: "reject",
        about: "Refuses the call without answering it.",
        main: None,
        body: keys(&[may(
            "reason",
            Shape::OneOf(&["busy", "rejected"]),
            "What the caller hears; rejected by default.",
        )]),
    },
];
