//! The verbs that reach other people and other flows.

use super::{Body, Case, Form, GROUP, Holds, Shape, USER, keys, may, must};

const ON_SHIFT: super::KeyForm = may(
    "on_shift",
    Shape::Bool,
    "Only those who are not away, unless all are.",
)
.or("false");

pub(super) static FORMS: &[Form] = &[
    Form {
        word: "send",
        about: "Sends a text to this person or another phone.",
        main: None,
        body: keys(&[
            may("to", Shape::Reached, "Whom: a phone in quotes, or a name such as contact.phone.").or("contact.phone"),
            must("text", Shape::Sms, "The text, or a map by language."),
        ]),
    },
    Form {
        word: "lookup",
        about: "Looks who has a phone, or a value in a field, or whether the person is in a caseload.",
        main: Some("phone"),
        body: Body::Keys {
            keys: &[
                may(
                    "phone",
                    Shape::Reached,
                    "A phone in quotes, or a name such as message.from.",
                ),
                may(
                    "field",
                    Shape::Place,
                    "The field by which the person is found: contact.email, or a column.",
                ),
                may(
                    "equals",
                    Shape::Word,
                    "What stands in the field; goes with field.",
                ),
                may(
                    "caseload",
                    Shape::Name,
                    "A caseload of the account, by its key, in which the person may be.",
                ),
            ],
            one_of: &["phone", "field", "caseload"],
            any_of: &[],
        },
    },
    Form {
        word: "email",
        about: "Sends an e-mail to an address or to members.",
        main: None,
        body: Body::Keys {
            keys: &[
                may(
                    "to",
                    Shape::Mail,
                    "An address, or a name such as contact.email.",
                ),
                GROUP,
                USER,
                ON_SHIFT,
                must("subject", Shape::Text, "The subject, or a map by language."),
                must("text", Shape::Text, "The text, or a map by language."),
            ],
            one_of: &["to", "group", "user"],
            any_of: &[],
        },
    },
    Form {
        word: "notify",
        about: "Tells members of the account.",
        main: None,
        body: Body::Keys {
            keys: &[
                GROUP,
                USER,
                ON_SHIFT,
                may("by", Shape::SomeOf(&["email", "text"]), "How; a text goes to each member's first device.").or("email"),
                may("subject", Shape::Text, "The subject of the e-mail.").left_out("a text of ours"),
                must("text", Shape::Text, "What they are told."),
            ],
            one_of: &["group", "user"],
            any_of: &[],
        },
    },
    Form {
        word: "consent",
        about: "Asks for consent, checks it or takes it down.",
        main: None,
        body: Body::Keys {
            keys: &[
                may(
                    "record",
                    Shape::OneOf(&["in", "out"]),
                    "What is taken down.",
                ),
                may("ask", Shape::Sms, "The question."),
                may(
                    "check",
                    Shape::OneOf(&["number", "program", "account"]),
                    "Whose consent is looked at.",
                ),
                may("scope", Shape::OneOf(&["number", "program", "account"]), "What the consent holds for.").or("program"),
                may("tries", Shape::Count(1, 10), "How often the person may answer.").or("2"),
                may("timeout", Shape::Duration, "How long the answer is awaited: 1m to 30d; in calls 1s to 60s.").left_out("24h; in calls 8s").cases(&[
                    Case::when("on", "call", Holds::Is("8s")),
                    Case::otherwise("24h"),
                ]),
            ],
            one_of: &["record", "ask", "check"],
            any_of: &[],
        },
    },
    Form {
        word: "split",
        about: "So many of a hundred people go one way, always the same.",
        main: None,
        body: Body::Names(Shape::Count(0, 1000)),
    },
    Form {
        word: "wait",
        about: "Waits for a time or until a calendar opens; a text of the person ends it.",
        main: Some("for"),
        body: Body::Keys {
            keys: &[
                may("for", Shape::Within(1, 60 * 24 * 3600), "How long."),
                may("until", Shape::Name, "The calendar that is to open."),
            ],
            one_of: &["for", "until"],
            any_of: &[],
        },
    },
    Form {
        word: "call",
        about: "Goes through another flow of the account and kind, and comes back.",
        main: Some("flow"),
        body: keys(&[
            must("flow", Shape::Name, "The flow's name."),
            may(
                "with",
                Shape::Values,
                "What the flow is given: its variables by name.",
            ),
        ]),
    },
    Form {
        word: "transfer",
        about: "Hands the call to another number; our part ends.",
        main: Some("number"),
        body: keys(&[
            must("number", Shape::Phone, "The number, in quotes."),
            may("caller_id", Shape::CallerId, "The number that is shown: the caller's, ours that was called, or another in quotes.").or("caller"),
        ]),
    },
    Form {
        word: "http",
        about: "Asks another system, where the configuration allows it.",
        main: None,
        body: keys(&[
            may("method", Shape::OneOf(&["GET", "POST", "PUT", "PATCH", "DELETE"]), "How it is asked.").left_out("POST beside `body`, else GET").cases(&[
                Case::beside("body", Holds::Is("POST")),
                Case::otherwise("GET"),
            ]),
            must("url", Shape::Url, "The address, its host written out."),
            may(
                "headers",
                Shape::Headers,
                "Headers; a secret as { secret: name, before: \"Bearer \" }.",
            ),
            may(
                "body",
                Shape::Any,
                "A text, or a mapping that is sent as JSON.",
            ),
            may("timeout", Shape::Within(1, 15), "How long the answer is awaited.").or("5s"),
            may(
                "save_as",
                Shape::Saves,
                "Where the answer is kept, or parts of it: { flow.name: person.name }.",
            ),
        ]),
    },
];
