//! The verbs of texts, and those of both kinds of flow.

use super::{Body, Case, Form, GROUP, Holds, Shape, USER, keys, may, must};

const NOTE: super::KeyForm = may("note", Shape::Text, "What staff read beside it.");

pub(super) static FORMS: &[Form] = &[
    Form {
        word: "reply",
        about: "Sends a text to the person.",
        main: Some("text"),
        body: keys(&[must("text", Shape::Sms, "The text, or a map by language.")]),
    },
    Form {
        word: "ask",
        about: "Asks a question and waits for the answer.",
        main: None,
        body: keys(&[
            may(
                "prompt",
                Shape::Sms,
                "The question; without it the next text is the answer.",
            )
            .left_out("nothing is sent"),
            may("again", Shape::Sms, "What is sent after a wrong answer.").left_out("the prompt"),
            may(
                "save_as",
                Shape::Place,
                "Where the answer is kept: contact.<field> or flow.<name>.",
            )
            .left_out("`steps.<step>.text` has it"),
            may(
                "expect",
                Shape::OneOf(&["any", "number", "date", "phone", "choice", "pattern"]),
                "The kind of answer.",
            )
            .left_out("any; choice beside `choices`, pattern beside `pattern`")
            .cases(&[
                Case::beside("choices", Holds::Is("choice")),
                Case::beside("pattern", Holds::Is("pattern")),
                Case::otherwise("any"),
            ]),
            may(
                "choices",
                Shape::Choices,
                "The names of the choices, each with the words that mean it.",
            ),
            may(
                "pattern",
                Shape::Word,
                "What the answer looks like: A a letter, 9 a digit, X either.",
            ),
            may(
                "tries",
                Shape::Count(1, 10),
                "How often the person may answer.",
            )
            .or("1"),
            may(
                "timeout",
                Shape::Within(60, 30 * 24 * 3600),
                "How long the answer is awaited.",
            )
            .or("24h"),
        ]),
    },
    Form {
        word: "keywords",
        about: "Chooses by the latest text, without waiting.",
        main: None,
        body: Body::Names(Shape::Words),
    },
    Form {
        word: "inbox",
        about: "Puts the thread into a box, for people.",
        main: None,
        body: Body::Keys {
            keys: &[
                GROUP,
                USER,
                NOTE,
                may("tags", Shape::Words, "Tags that the thread gets."),
                may(
                    "priority",
                    Shape::OneOf(&["high", "normal"]),
                    "Whether it stands above the others.",
                )
                .or("normal"),
                may(
                    "auto_reply",
                    Shape::Sms,
                    "What the person is sent, at most once a day.",
                ),
            ],
            one_of: &["group", "user"],
            any_of: &[],
        },
    },
    Form {
        word: "assign",
        about: "Hands the thread over until it is completed.",
        main: None,
        body: Body::Keys {
            keys: &[GROUP, USER, NOTE],
            one_of: &["group", "user"],
            any_of: &[],
        },
    },
    Form {
        word: "close",
        about: "Closes the thread.",
        main: None,
        body: Body::Empty,
    },
    Form {
        word: "hours",
        about: "Asks a calendar of the account.",
        main: Some("calendar"),
        body: keys(&[must("calendar", Shape::Name, "The calendar's key.")]),
    },
    Form {
        word: "branch",
        about: "Takes the first condition that holds.",
        main: None,
        body: Body::Names(Shape::Condition),
    },
    Form {
        word: "set",
        about: "Writes fields of the contact and variables of the flow.",
        main: None,
        body: Body::Names(Shape::Value),
    },
    Form {
        word: "tag",
        about: "Adds and removes tags and caseloads of the contact.",
        main: None,
        body: Body::Keys {
            keys: &[
                may("add", Shape::Words, "Tags that the contact gets."),
                may("remove", Shape::Words, "Tags that the contact loses."),
                may(
                    "add_caseload",
                    Shape::Names,
                    "Caseloads, by key, that the contact comes into.",
                ),
                may(
                    "remove_caseload",
                    Shape::Names,
                    "Caseloads, by key, that the contact leaves.",
                ),
            ],
            one_of: &[],
            any_of: &["add", "remove", "add_caseload", "remove_caseload"],
        },
    },
    Form {
        word: "goto",
        about: "Leaves for another flow of the account and kind.",
        main: Some("flow"),
        body: keys(&[must("flow", Shape::Name, "The flow's name.")]),
    },
];
