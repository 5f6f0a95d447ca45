//! Single values: numbers, durations, phones, dates.

use super::{Call, File, Page, Sms, fault, warning};

pub(super) const PAGES: &[Page] = &[
    fault(
        "unknown-value",
        "Finds a word that is none of the few that are possible here. Where true or false is wanted, `yes`, `no`, `on` and `off` are such words: to YAML 1.2 they are texts.",
        "A word that is passed over leaves the default in force, and nobody notices.",
        Call("  ring:\n    dial: { group: nurses, order: simultanous }\n    then: { else: end }\n"),
        Call(
            "  ring:\n    dial: { group: nurses, order: simultaneous }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "number",
        "Finds a number that is not written in plain digits: `03`, `+3`, `1_000`, `3.0`.",
        "Readers of YAML do not agree what these are: to some `010` is eight. What is meant as a text stands in quotes.",
        Call(
            "  choose:\n    menu: { prompt: Press 1, tries: 03 }\n    then: { 1: end, else: end }\n",
        ),
        Call(
            "  choose:\n    menu: { prompt: Press 1, tries: 3 }\n    then: { 1: end, else: end }\n",
        ),
    ),
    fault(
        "out-of-range",
        "Finds a number, a duration or a length outside of what is possible.",
        "Carriers cut what is too long, and a wait of no time is no wait.",
        Call(
            "  choose:\n    menu: { prompt: Press 1, timeout: 1h }\n    then: { 1: end, else: end }\n",
        ),
        Call(
            "  choose:\n    menu: { prompt: Press 1, timeout: 10s }\n    then: { 1: end, else: end }\n",
        ),
    ),
    fault(
        "duration",
        "Finds a duration without its unit, or in a form that is not known.",
        "`5` may be seconds to one and minutes to another; `5s`, `3m`, `24h` and `2d` are the same to all.",
        Call(
            "  choose:\n    menu: { prompt: Press 1, timeout: 5 }\n    then: { 1: end, else: end }\n",
        ),
        Call(
            "  choose:\n    menu: { prompt: Press 1, timeout: 5s }\n    then: { 1: end, else: end }\n",
        ),
    ),
    fault(
        "digits",
        "Finds a number of digits that is none, or whose least is more than its most.",
        "The caller could never be done.",
        Call("  pin:\n    gather: { digits: 6..4 }\n    then: { got: end, timeout: end }\n"),
        Call("  pin:\n    gather: { digits: 4..6 }\n    then: { got: end, timeout: end }\n"),
    ),
    fault(
        "phone",
        "Finds a phone number that is not written with + and its country code.",
        "Without them a number means something else in every country. It stands in quotes, because to YAML a bare one is a number to count with.",
        Call("  ring:\n    dial: { number: \"202-555-0143\" }\n    then: { else: end }\n"),
        Call("  ring:\n    dial: { number: \"+12025550143\" }\n    then: { else: end }\n"),
    ),
    fault(
        "email",
        "Finds something that is no e-mail address.",
        "The e-mail would come back, or not leave at all. A name such as contact.email stands without quotes and braces.",
        Sms(
            "  tell:\n    email: { to: front desk, subject: A text, text: Somebody wrote }\n    next: end\n",
        ),
        Sms(
            "  tell:\n    email: { to: front@example.org, subject: A text, text: Somebody wrote }\n    next: end\n",
        ),
    ),
    fault(
        "url",
        "Finds an address of another system that is none, or whose host is not written out.",
        "What a person says must never choose where a request goes; values may stand in the path and behind the question mark.",
        Sms(
            "  who:\n    http: { url: \"https://{{ contact.name }}.example.org/people\" }\n    then: { else: end }\n",
        ),
        Sms(
            "  who:\n    http: { url: \"https://crm.example.org/people/{{ contact.name }}\" }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "header",
        "Finds a header that a flow cannot set.",
        "Some headers are the connection's own, and a name with other signs than letters, digits and - is none.",
        Sms(
            "  who:\n    http: { url: https://crm.example.org/people, headers: { host: example.org } }\n    then: { else: end }\n",
        ),
        Sms(
            "  who:\n    http: { url: https://crm.example.org/people, headers: { accept: application/json } }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "not-allowed",
        "Finds an address that the configuration does not let flows ask, and a secret that it has not, or has for another address or account.",
        "The request would never be made, and the flow would go on as if the other system had failed. It can only be told where the configuration is known: `--config FILE`.",
        Sms(
            "  who:\n    http: { url: https://crm.example.org/people, headers: { authorization: { secret: crm } } }\n    then: { else: end }\n",
        ),
        Sms(
            "  who:\n    http: { url: https://crm.example.org/api/people, headers: { authorization: { secret: crm } } }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "file",
        "Finds a sound file whose name carriers could not fetch.",
        "The caller would hear silence. A file is a .mp3 or .wav of the folder `media`, or stands at an https:// address.",
        Call("  music:\n    play: welcome.ogg\n    next: end\n"),
        Call("  music:\n    play: welcome.mp3\n    next: end\n"),
    ),
    warning(
        "missing-file",
        "Finds a sound file that is not in the folder `media` beside the flow files.",
        "The caller would hear silence.",
        Call("  music:\n    play: welcom.mp3\n    next: end\n"),
        Call("  music:\n    play: welcome.mp3\n    next: end\n"),
    ),
    fault(
        "pattern",
        "Finds a pattern of an answer that only one answer could fit. Signs of regular expressions, which are matched as they are, are a warning.",
        "`A` stands for a letter, `9` for a digit, `X` for either; a pattern without any of them is a word, and a word is a choice.",
        Sms("  ticket:\n    ask: { pattern: abc }\n    then: { else: end }\n"),
        Sms("  ticket:\n    ask: { pattern: AA-9999 }\n    then: { else: end }\n"),
    ),
    fault(
        "word",
        "Finds a choice or a keyword that nobody could text: empty, of punctuation alone, or too long.",
        "Texts are compared without case, accents and punctuation, so nothing is left of it to compare.",
        Sms(
            "  size:\n    ask: { choices: { small: [s], \"!!\": [l] } }\n    then: { else: end }\n",
        ),
        Sms("  size:\n    ask: { choices: { small: [s], large: [l] } }\n    then: { else: end }\n"),
    ),
    fault(
        "compliance-word",
        "Finds a choice or a keyword that opts out, in or asks for help: STOP, CANCEL, END, QUIT, START, HELP and their kin.",
        "The law gives these words their meaning, and they never reach a flow: whoever answers CANCEL to a reminder is opted out of all texts.",
        Sms(
            "  remind:\n    ask: { prompt: Coming tomorrow?, choices: { yes: [y], cancel: [no] } }\n    then: { else: end }\n",
        ),
        Sms(
            "  remind:\n    ask: { prompt: Coming tomorrow?, choices: { yes: [y], change: [no] } }\n    then: { else: end }\n",
        ),
    ),
    fault(
        "type",
        "Finds values that do not go together: a date compared with a number, a text saved in a column of dates.",
        "The comparison would never hold, and the column would stay empty.",
        Sms(
            "  born:\n    ask: { prompt: When were you born?, save_as: contact.birth_date }\n    then: { else: end }\n",
        ),
        Sms(
            "  born:\n    ask: { prompt: When were you born?, expect: date, save_as: contact.birth_date }\n    then: { else: end }\n",
        ),
    ),
    warning(
        "decides-nothing",
        "Finds a condition that asks for a weekday by a name that none has, or for an hour that no clock shows.",
        "That part of the condition comes out the same at every moment, and what was meant is never decided.",
        Call(
            "  which:\n    branch: { monday: weekday() == \"Monday\" }\n    then: { monday: box, else: end }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
        Call(
            "  which:\n    branch: { monday: weekday() == \"monday\" }\n    then: { monday: box, else: end }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
        ),
    ),
    fault(
        "moment",
        "Finds a moment of a test that is not written as day and time.",
        "Opening hours depend on it, so a test needs to say when it happens.",
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    at: yesterday\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    at: 2026-03-03 10:30\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
    ),
    fault(
        "empty-test",
        "Finds a test that asks for nothing: it expects nothing, and its lines only say that somebody texts, hangs up or lets time pass.",
        "It would hold whatever the flow does, and nobody would hear of a mistake.",
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: {}\n",
        ),
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
    ),
    fault(
        "calendar",
        "Finds hours of a test that are none.",
        "A test that is held against hours nobody can read says nothing.",
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    given: { calendars: { office: { open: { mon: \"9 to 5\" } } } }\n    expect: { in_box: nurses }\n",
        ),
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    given: { calendars: { office: { open: { mon: \"09:00-17:00\" } } } }\n    expect: { in_box: nurses }\n",
        ),
    ),
    fault(
        "unknown-box",
        "Finds a box in a test that is nobody's: no group and no active user of the account has it.",
        "The test could never be met.",
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurse }\n",
        ),
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
    ),
    fault(
        "unknown-number",
        "Finds a test that goes to a number that is none of ours.",
        "No call and no text can come in there.",
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550102\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
        File(
            "flow: example\naccount: clinic\non: sms\nsteps:\n  box:\n    inbox: { group: nurses }\n    next: end\ntests:\n  - name: in the morning\n    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }\n    expect: { in_box: nurses }\n",
        ),
    ),
    warning(
        "segments",
        "Finds a text message that may cost more segments than the bound (3, or `--max-segments`), values counted at their longest likely. One character outside of the phone alphabet (a curly quote, a dash, an emoji) makes every segment one of 70 characters instead of 160.",
        "Each segment is billed, and long texts arrive late and sometimes in pieces.",
        Sms(
            "  answer:\n    reply: \"We’re closed today. The nurses are back tomorrow from eight to twelve and from one to six, on Fridays until one. In an emergency please call 911. For a refill text REFILL, for the way to us text WAY, and for anything else simply answer here.\"\n    next: end\n",
        ),
        Sms(
            "  answer:\n    reply: \"We're closed today. The nurses are back tomorrow from eight to twelve and from one to six, on Fridays until one. In an emergency please call 911. For a refill text REFILL, for the way to us text WAY, and for anything else simply answer here.\"\n    next: end\n",
        ),
    ),
];
