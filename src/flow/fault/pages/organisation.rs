//! What only shows over a whole organisation.

use super::{File, Organisation, Page, fault, warning};

pub(super) const PAGES: &[Page] = &[
    warning(
        "capability",
        "Finds what the numbers of a flow, or their carrier, cannot do: a flow on calls behind a number that takes none, a text out of a call from a number that sends none, a ring time or a recording that the carrier cuts short.",
        "It would fail, or be cut short, when somebody calls.",
        File(
            "flow: nurse-line\naccount: clinic\non: call\nsteps:\n  ring:\n    dial: { user: erin, ring: 100s }\n    then: { else: end }\n",
        ),
        File(
            "flow: nurse-line\naccount: clinic\non: call\nsteps:\n  ring:\n    dial: { user: erin, ring: 30s }\n    then: { else: end }\n",
        ),
    ),
    warning(
        "number-without-flow",
        "Finds a number whose calls or texts no flow takes.",
        "They all go to the default route of the number: calls ring there, texts wait there, and nobody is told anything.",
        Organisation(
            "    numbers:\n      - { number: \"+12025550101\", call_flow: none, text_flow: refill, route: { group: nurses } }\n",
        ),
        Organisation(
            "    numbers:\n      - { number: \"+12025550101\", call_flow: nurse-line, text_flow: refill, route: { group: nurses } }\n",
        ),
    ),
    warning(
        "holidays",
        "Finds a calendar that has holidays and none in the next year; told from October on.",
        "On the first holiday of the year callers would be sent to people who are not there.",
        Organisation(
            "    calendars:\n      office: { open: { mon-fri: \"09:00-17:00\" }, holidays: [2026-01-01, 2026-12-25] }\n",
        ),
        Organisation(
            "    calendars:\n      office: { open: { mon-fri: \"09:00-17:00\" }, holidays: [2026-01-01, 2026-12-25, 2027-01-01] }\n",
        ),
    ),
    fault(
        "keyword-clash",
        "Finds a word that two keywords of one number claim, of one account or of two. Case, accents and punctuation make no difference.",
        "A text could go to either, and one of the two would never get it.",
        Organisation(
            "    keywords:\n      - { number: \"+12025550101\", word: REFILL, flow: refill, sub: { NOW: {} } }\n      - { number: \"+12025550101\", word: REFILL NOW, flow: refill }\n",
        ),
        Organisation(
            "    keywords:\n      - { number: \"+12025550101\", word: REFILL, flow: refill }\n      - { number: \"+12025550101\", word: RENEW NOW, flow: refill }\n",
        ),
    ),
    warning(
        "keyword-shadow",
        "Finds a keyword that takes texts out of another account's on a shared number, because it is longer and begins alike.",
        "Who texts BOOK NOW may mean BOOK, and lands with the other account. The longer word always wins.",
        Organisation(
            "    keywords:\n      - { number: \"+12025550100\", word: BOOK NOW, flow: refill }\n",
        ),
        Organisation(
            "    keywords:\n      - { number: \"+12025550100\", word: RESERVE, flow: refill }\n",
        ),
    ),
];
