//! The verbs of calls.

use super::{Body, Case, Form, GROUP, Holds, Shape, USER, keys, may, must};

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
            may("timeout", Shape::Within(1, 60), "How long a key is awaited.").or("5s"),
            may("tries", Shape::Count(1, 10), "How often a caller may go wrong.").or("3"),
            may("barge_in", Shape::Bool, "Whether a key cuts the prompt short.").or("true"),
        ]),
    },
    Form {
        word: "gather",
        about: "Takes several digits of the caller.",
        main: None,
        body: keys(&[
            may("prompt", Shape::Text, "What is said before the digits are awaited.").left_out("nothing is said"),
            may("digits", Shape::Digits, "How many: 4, or 4..6.").left_out("up to 32, ended by `finish_on`"),
            may("finish_on", Shape::OneOf(&["#", "*", "none"]), "The key that ends the digits.").or("\"#\""),
            may("timeout", Shape::Within(1, 60), "How long a digit is awaited.").or("5s"),
            may("tries", Shape::Count(1, 10), "How often a caller may go wrong.").or("1"),
            may("barge_in", Shape::Bool, "Whether a key cuts the prompt short.").or("true"),
            may("save_as", Shape::Place, "Where the digits are kept: contact.<field> or flow.<name>.").left_out("`steps.<step>.digits` has them"),
            may("secret", Shape::Bool, "Whether the digits are removed from all that is stored but the variable.").or("false"),
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
                may("order", Shape::OneOf(&["sequential", "simultaneous", "round_robin", "least_recent"]), "In the group's order, all at once, by turns, or who talked longest ago first.").or("sequential"),
                may("ring", Shape::Within(5, 120), "How long each rings, or all together when all ring at once.").or("20s"),
                may("total", Shape::Within(5, 30 * 60), "How long the whole of it may take.").left_out("10m; when all ring at once, as long as `ring`").cases(&[
                    Case::when("order", "simultaneous", Holds::As("ring")),
                    Case::otherwise("10m"),
                ]),
                may("devices", Shape::OneOf(&["first", "all", "ordered"]), "The first device of a user, all of them together, or one after another.").or("first"),
                may("skip", Shape::SomeOf(&["busy", "offline", "caller"]), "Who is not rung; the caller is the phone that calls, when it is a member's.").or("[busy, offline, caller]"),
                may("accept", Shape::OneOf(&["key", "amd", "none"]), "Who has the call: whoever presses 1, whoever the carrier takes for a person, or whatever picks up.").or("none"),
                may("prompt", Shape::Text, "What the called person hears before accepting.").left_out("a text of ours"),
                may("when_taken", Shape::Text, "What those hear who still rang when another took the call.").left_out("a text of ours"),
                may("caller_id", Shape::CallerId, "The number that is shown: the caller's, ours that was called, or another in quotes.").or("caller"),
                may("record", Shape::Bool, "Whether the conversation is recorded.").or("false"),
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
                may("greeting", Shape::Text, "What is said before the tone.").left_out("a text of ours"),
                may("beep", Shape::Bool, "Whether there is a tone.").or("true"),
                may("max", Shape::Within(10, 10 * 60), "The longest message.").or("3m"),
                may("silence", Shape::Within(1, 30), "The silence that ends it.").or("5s"),
                may("min", Shape::Within(0, 60), "What is shorter is `empty`.").or("2s"),
                may("transcribe", Shape::Bool, "Whether it is written down.").or("false"),
                may("notify", Shape::Told, "Who is told by e-mail.").or("members"),
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
            must("group", Shape::Name, "Whose members take the calls, by its key."),
            may("max_wait", Shape::Within(10, 60 * 60), "How long a caller waits.").or("10m"),
            may("music", Shape::Text, "A .mp3 or .wav file of the folder media, or an https:// address.").left_out("a ringing tone"),
            may("position", Shape::Bool, "Whether the caller is told the place in line, at first and when it changes.").or("false"),
            may("callback_key", Shape::Count(0, 9), "The key with which the caller asks to be called back.").left_out("nobody can ask for it"),
            may("order", Shape::OneOf(&["sequential", "round_robin", "least_recent"]), "Which free member is rung: the first of the group, by turns, or who talked longest ago.").or("sequential"),
            may("ring", Shape::Within(5, 120), "How long a member rings before the next.").or("20s"),
            may("accept", Shape::OneOf(&["key", "amd", "none"]), "Who has the call: whoever presses 1, whoever the carrier takes for a person, or whatever picks up.").or("key"),
            may("prompt", Shape::Text, "What the called member hears before accepting.").left_out("a text of ours"),
            may("caller_id", Shape::CallerId, "The number that is shown: the caller's, ours that was called, or another in quotes.").or("caller"),
            may("record", Shape::Bool, "Whether the conversation is recorded.").or("false"),
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
        body: keys(&[may("reason", Shape::OneOf(&["busy", "rejected"]), "What the caller hears.").or("rejected")]),
    },
];
