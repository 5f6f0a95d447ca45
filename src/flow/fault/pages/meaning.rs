//! Names: of steps and outcomes, of people and groups, in texts and conditions.

use super::{Call, File, Page, Sms, fault, warning};

pub(super) const PAGES: &[Page] = &[
    fault(
        "unknown-step",
        "Finds a target, or a name in a text or condition, that is no step of this flow.",
        "The person would be led to nowhere.",
        Call(
            "  greet:\n    say: Hello\n    next: bxo\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
        Call(
            "  greet:\n    say: Hello\n    next: box\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
    ),
    fault(
        "unknown-outcome",
        "Finds an outcome in `then` that the verb does not have.",
        "It would never be taken; most often an outcome is misspelled and another one is open.",
        Call("  ring:\n    dial: { group: nurses }\n    then: { anwsered: end, else: end }\n"),
        Call("  ring:\n    dial: { group: nurses }\n    then: { answered: end, else: end }\n"),
    ),
    fault(
        "missing-outcome",
        "Finds an outcome that goes nowhere.",
        "It will happen one day, and then the person would be left alone in the middle.",
        Call("  ring:\n    dial: { group: nurses }\n    then: { answered: end }\n"),
        Call(
            "  ring:\n    dial: { group: nurses }\n    then: { answered: end, else: box }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
    ),
    fault(
        "missing-next",
        "Finds a step that does not say what comes after it.",
        "Steps do not simply go on with the one below; moving a step in the file must not change the flow.",
        Call("  greet:\n    say: Hello\n"),
        Call("  greet:\n    say: Hello\n    next: end\n"),
    ),
    fault(
        "next-not-here",
        "Finds `next` at a verb that has several outcomes, or at one that leads nowhere.",
        "`next` takes the first outcome and the rest; where the difference matters, each outcome is to be named, or taken by `else`.",
        Call("  open_now:\n    hours: office\n    next: end\n"),
        Call("  open_now:\n    hours: office\n    then: { open: end, else: end }\n"),
    ),
    fault(
        "next-and-else",
        "Finds `next` and `else` at one step.",
        "Both take what is not named, and they may disagree.",
        Call(
            "  box:\n    voicemail: { group: nurses }\n    then: { left: end, else: end }\n    next: end\n",
        ),
        Call("  box:\n    voicemail: { group: nurses }\n    then: { left: end, else: end }\n"),
    ),
    warning(
        "unused-else",
        "Finds an `else` beside a `then` that names every outcome.",
        "It takes nothing, and whoever reads it believes that something goes there.",
        Call(
            "  open_now:\n    hours: office\n    then: { open: end, closed: end, holiday: end, else: end }\n",
        ),
        Call(
            "  open_now:\n    hours: office\n    then: { open: end, closed: end, holiday: end }\n",
        ),
    ),
    warning(
        "unused-prompt",
        "Finds a prompt that nobody hears, because nobody is asked to accept.",
        "Without `accept: key` whoever answers is connected at once, a mobile's voicemail too.",
        Call(
            "  ring:\n    dial: { group: nurses, prompt: Press 1 to take it }\n    then: { else: end }\n",
        ),
        Call(
            "  ring:\n    dial: { group: nurses, accept: key, prompt: Press 1 to take it }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "unknown-account",
        "Finds a flow of an account that the organisation does not have.",
        "All names in a flow are its account's, so none of them could be looked up.",
        File("flow: example\naccount: klinic\non: call\nsteps:\n  bye:\n    hangup:\n"),
        File("flow: example\naccount: clinic\non: call\nsteps:\n  bye:\n    hangup:\n"),
    ),
    fault(
        "unknown-group",
        "Finds a group that the account does not have.",
        "Nobody would be rung, and the message would lie in no box.",
        Call("  box:\n    voicemail: { group: nurse }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses }\n    next: end\n"),
    ),
    warning(
        "empty-group",
        "Finds a group that nobody active is in.",
        "A dial finds nobody, and what goes into its box waits for its next member.",
        Call("  box:\n    voicemail: { group: interns }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses }\n    next: end\n"),
    ),
    warning(
        "no-device",
        "Finds people to ring who have no phone.",
        "It is as if all of them were away: nobody hears that somebody calls.",
        Call("  ring:\n    dial: { group: volunteers }\n    then: { else: end }\n"),
        Call("  ring:\n    dial: { group: nurses }\n    then: { else: end }\n"),
    ),
    warning(
        "own-number",
        "Finds one of our own numbers where somebody else's phone is meant.",
        "The call or the text would come back to us as a new one, and might go round until a guard ends it.",
        Call("  on:\n    transfer: { number: \"+12025550100\" }\n"),
        Call("  on:\n    transfer: { number: \"+12025550143\" }\n"),
    ),
    fault(
        "unknown-user",
        "Finds somebody who is no member of the account.",
        "People of other accounts cannot be rung from here, and their boxes cannot be seen.",
        Call("  box:\n    voicemail: { user: erni }\n    next: end\n"),
        Call("  box:\n    voicemail: { user: erin }\n    next: end\n"),
    ),
    fault(
        "inactive-user",
        "Finds somebody who has left, or is not active.",
        "Nobody would ever listen to the message. A group outlives its members.",
        Call("  box:\n    voicemail: { user: gone }\n    next: end\n"),
        Call("  box:\n    voicemail: { group: nurses }\n    next: end\n"),
    ),
    fault(
        "unknown-calendar",
        "Finds a calendar that the account does not have.",
        "Whether it is open could not be said.",
        Call("  open_now:\n    hours: ofice\n    then: { open: end, else: end }\n"),
        Call("  open_now:\n    hours: office\n    then: { open: end, else: end }\n"),
    ),
    fault(
        "unknown-caseload",
        "Finds a caseload that the account does not have.",
        "Nobody would ever be in it.",
        Call("  ours:\n    lookup: { caseload: insuln }\n    then: { found: end, missing: end }\n"),
        Call(
            "  ours:\n    lookup: { caseload: insulin }\n    then: { found: end, missing: end }\n",
        ),
    ),
    fault(
        "unknown-flow",
        "Finds a flow that the account does not have.",
        "Who is sent there would be sent to nowhere; from a number, everything would go to the default route.",
        Call("  leave:\n    goto: nurse-lin\n"),
        Call("  leave:\n    goto: nurse-line\n"),
    ),
    fault(
        "unknown-name",
        "Finds a name in a text or condition that means nothing: no field of the contact, no value of a step, no variable that some step saves.",
        "The text would have a hole there, and the condition would never hold.",
        Call("  greet:\n    say: \"Welcome to {{ acount.name }}\"\n    next: end\n"),
        Call("  greet:\n    say: \"Welcome to {{ account.name }}\"\n    next: end\n"),
    ),
    fault(
        "unknown-function",
        "Finds a function that conditions do not have.",
        "Conditions know few functions, so that none of them can fail or run on.",
        Sms(
            "  grown_up:\n    branch: { yes: ages(contact.birth_date) >= 18 }\n    then: { yes: end, else: end }\n",
        ),
        Sms(
            "  grown_up:\n    branch: { yes: age(contact.birth_date) >= 18 }\n    then: { yes: end, else: end }\n",
        ),
    ),
    fault(
        "expression",
        "Finds a condition that cannot be read.",
        "A condition that means nothing is never true. Two values are compared with ==, not with =.",
        Sms(
            "  is_insured:\n    branch: { yes: contact.medicine = \"insulin\" }\n    then: { yes: end, else: end }\n",
        ),
        Sms(
            "  is_insured:\n    branch: { yes: contact.medicine == \"insulin\" }\n    then: { yes: end, else: end }\n",
        ),
    ),
    fault(
        "template",
        "Finds a text whose `{{ }}` or `{% %}` cannot be read, or that computes.",
        "Texts hold words and values only, so that none of them can fail, run on or grow without bound when somebody calls.",
        Call("  greet:\n    say: \"Welcome to {{ account.name | uper }}\"\n    next: end\n"),
        Call("  greet:\n    say: \"Welcome to {{ account.name | upper }}\"\n    next: end\n"),
    ),
    fault(
        "not-writable",
        "Finds a place that values cannot be saved in.",
        "Values are kept in the contact (`contact.<field>`) or in this run (`flow.<name>`); a contact's phone is who they are.",
        Call(
            "  pin:\n    gather: { digits: 4, save_as: pin }\n    then: { got: end, timeout: end }\n",
        ),
        Call(
            "  pin:\n    gather: { digits: 4, save_as: flow.pin }\n    then: { got: end, timeout: end }\n",
        ),
    ),
    fault(
        "secret",
        "Finds secret digits that would be saved in a contact. A text, a note or an address that would show them to others is a warning; what a called flow does with them is not looked at. Secrets of other systems that are written into a flow are a fault in the header `authorization`, and a warning in others and beside values.",
        "Whoever may see the contact would see them, for good. A variable of the flow goes with the run.",
        Call(
            "  pin:\n    gather: { digits: 4, secret: true, save_as: contact.medicine }\n    then: { got: end, timeout: end }\n",
        ),
        Call(
            "  pin:\n    gather: { digits: 4, secret: true, save_as: flow.pin }\n    then: { got: end, timeout: end }\n",
        ),
    ),
];
