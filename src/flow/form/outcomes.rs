//! What the outcomes of verbs mean, for editors and the reference.

/// A verb, an outcome of it, and when it comes to that.
type Row = (&'static str, &'static str, &'static str);

/// What an outcome is called that the writer of a step names.
pub(crate) const KEY: &str = "each key";
pub(crate) const NAME: &str = "each name";

static MEANINGS: &[Row] = &[
    ("say", "next", "Always."),
    ("play", "next", "Always."),
    ("menu", KEY, "The caller pressed this key."),
    (
        "menu",
        "invalid",
        "A key that `then` does not name, as often as `tries` says.",
    ),
    (
        "menu",
        "timeout",
        "No key in time, as often as `tries` says.",
    ),
    ("gather", "got", "As many digits as wanted."),
    (
        "gather",
        "timeout",
        "None or too few in time, as often as `tries` says.",
    ),
    (
        "dial",
        "answered",
        "Somebody took the call, and it is over: either side hung up.",
    ),
    (
        "dial",
        "no_answer",
        "A phone rang, or was answered without accepting.",
    ),
    ("dial", "busy", "None of that, and a line was busy."),
    (
        "dial",
        "declined",
        "None of that, and somebody refused: key 2, hung up at the prompt, or the carrier's word for it.",
    ),
    (
        "dial",
        "failed",
        "None of that: phones were tried and could not be reached.",
    ),
    (
        "dial",
        "nobody_available",
        "Nobody could be tried: the group is empty, or all are skipped.",
    ),
    (
        "voicemail",
        "left",
        "A message is in the box, also when the caller hung up after it.",
    ),
    ("voicemail", "empty", "Nothing, or less than `min`."),
    (
        "queue",
        "connected",
        "A member took the call, and it is over.",
    ),
    (
        "queue",
        "timeout",
        "Nobody took the call within `max_wait`; at once where nobody is in the group, or 200 wait for it.",
    ),
    (
        "queue",
        "callback",
        "The caller pressed `callback_key`; only a queue that has one comes to it.",
    ),
    ("reply", "ok", "The text is queued."),
    (
        "reply",
        "refused",
        "The person has opted out or cannot be texted.",
    ),
    ("send", "ok", "The text is queued."),
    (
        "send",
        "refused",
        "The phone's person has opted out or cannot be texted, or our number cannot text.",
    ),
    ("ask", "valid", "An answer of the kind."),
    ("ask", "invalid", "Other answers, as often as `tries` says."),
    ("ask", "timeout", "No answer in time."),
    (
        "keywords",
        NAME,
        "The latest text begins with a word of this name.",
    ),
    ("keywords", "unmatched", "It begins with none of them."),
    ("inbox", "next", "Always."),
    ("assign", "ok", "It is handed over."),
    (
        "assign",
        "nobody_available",
        "Nobody active is in the group, or the user has left.",
    ),
    ("close", "ok", "Always."),
    ("consent", "ok", "With `record`: always."),
    ("consent", "in", "With `ask` and `check`: allowed."),
    (
        "consent",
        "out",
        "With `ask` and `check`: refused, here or in any other scope.",
    ),
    (
        "consent",
        "unknown",
        "With `check`: never asked. With `ask`: no answer that is yes or no.",
    ),
    ("hours", "open", "Inside the hours."),
    ("hours", "closed", "Outside of them."),
    (
        "hours",
        "holiday",
        "On a holiday, whatever the time of day.",
    ),
    ("branch", NAME, "This condition is the first that holds."),
    ("branch", "else", "None holds."),
    ("split", NAME, "The person is one of this share."),
    (
        "lookup",
        "found",
        "One contact is found, or is in the caseload.",
    ),
    (
        "lookup",
        "missing",
        "None is found, or several, or it is not in the caseload.",
    ),
    ("set", "next", "Always."),
    ("tag", "next", "Always."),
    ("http", "ok", "A status of 200 to 299."),
    ("http", "refused", "A status of 400 to 499."),
    (
        "http",
        "failed",
        "Anything else: no answer in time, an address not allowed, a system that keeps failing.",
    ),
    ("email", "next", "Always."),
    ("notify", "next", "Always."),
    (
        "wait",
        "elapsed",
        "The time is over, or the calendar has opened.",
    ),
    ("wait", "replied", "The person has sent a text."),
    ("call", "returned", "The other flow has ended."),
];

/// When a step with this verb comes to this outcome.
pub(crate) fn meaning(verb: &str, outcome: &str) -> Option<&'static str> {
    rows(verb).find(|row| row.0 == outcome).map(|row| row.1)
}

/// All outcomes of a verb with their meaning.
pub(crate) fn rows(verb: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_verb = MEANINGS.iter().filter(move |row| row.0 == verb);
    of_verb.map(|row| (row.1, row.2))
}
