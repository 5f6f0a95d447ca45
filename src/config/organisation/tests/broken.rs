//! One mistake each: what of the small organisation is replaced, by what, and what is said of it.

pub(super) const BROKEN: &[(&str, &str, &str)] = &[
    (
        "key: ana, name",
        "key: Ana, name",
        r#"3:12 "Ana" is no key / a key begins with a small letter, then small letters, digits and hyphens, 63 at most; `name` is free
13:23 there is no user "ana" / did you mean "Ana"?
15:40 there is no user "ana" / did you mean "Ana"?"#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ key: ana, name: Ben Okafor }",
        r#"4:12 user "ana" stands here twice, first on line 3"#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ key: ben, nmae: Ben Okafor }",
        r#"4:17 there is no key "nmae" here / did you mean "name"?"#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ name: Ben Okafor }",
        r#"4:5 "key" is missing here"#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ key: ben, name: 17 }",
        r#"4:23 expected a text, found a number / quote this: "17""#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ key: ben, active: yes }",
        "4:25 expected true or false, found a text",
    ),
    (
        r#"{ phone: "+12025550111" }"#,
        "{ phone: +12025550111 }",
        r#"3:76 a phone stands in quotes; without them its plus sign and leading zeros are lost / quote this: "+12025550111""#,
    ),
    (
        r#"{ phone: "+12025550111" }"#,
        "{ phone: 0123 }",
        r#"3:76 a phone stands in quotes; without them its plus sign and leading zeros are lost / quote this: "0123""#,
    ),
    (
        r#"{ phone: "+12025550111" }"#,
        r#"{ phone: "0123" }"#,
        r#"3:76 expected a phone number in international form, + and 7 to 15 digits, such as "+12025550100""#,
    ),
    (
        "email: ana@example.org",
        "email: ana",
        "3:40 expected an e-mail address such as ana@example.org",
    ),
    (
        "caseloads: [north] }]",
        "caseloads: [nort] }]",
        r#"18:105 there is no caseload "nort" / did you mean "north"?"#,
    ),
    (
        "caseloads: [north] }]",
        "caseloads: [north, north] }]",
        r#"18:112 caseload "north" stands here twice, first on line 18"#,
    ),
    (
        "caseloads: [north, {",
        "caseloads: [North, {",
        r#"18:105 there is no caseload "north" / did you mean "North"?
19:41 "North" is no key / a key begins with a small letter, then small letters, digits and hyphens, 63 at most; `name` is free"#,
    ),
    (
        "caseloads: [north, {",
        "caseloads: [17, north, {",
        r#"19:41 expected a text, found a number / quote this: "17""#,
    ),
    (
        "South side }] }]",
        "South side }] }, { key: night, caseloads: [south] }]",
        r#"19:111 caseload "south" stands here twice, first on line 19"#,
    ),
    (
        "{ size: text }",
        "{ size: text, caseloads: text }",
        r#"11:28 every contact has "caseloads" already; it cannot be a column"#,
    ),
    (
        "beyond: email",
        "beyond: email, hours: ofice",
        r#"12:78 there is no calendar "ofice" / did you mean "office"?"#,
    ),
    (
        "connection: twilio",
        "connection: twillio",
        r#"6:43 there is no connection "twillio" / did you mean "twilio"?"#,
    ),
    (
        "can: [sms, voice]",
        "can: [sms, vioce]",
        r#"6:62 expected one of sms, mms, voice / did you mean "voice"?"#,
    ),
    (
        "manage_unmatched: clinic",
        "manage_unmatched: clinik",
        r#"6:88 there is no account "clinik" / did you mean "clinic"?"#,
    ),
    (
        r#"number: "+12025550100", connection: twilio,"#,
        "number: +12025550100, connection: twilio,",
        r#"6:15 a phone stands in quotes; without them its plus sign and leading zeros are lost / quote this: "+12025550100""#,
    ),
    (
        "cost_centre: main",
        "cost_centre: mian",
        r#"10:18 there is no cost centre "mian" / did you mean "main"?"#,
    ),
    (
        "    cost_centre: main
",
        "",
        r#"8:10 the new account "clinic" does not say its cost_centre"#,
    ),
    (
        "zone: America/Chicago",
        "zone: America/Chicagoo",
        r#"9:11 there is no time zone "America/Chicagoo"; expected an IANA name such as America/Chicago / did you mean "America/Chicago"?"#,
    ),
    (
        "{ size: text }",
        "{ Size: text }",
        r#"11:16 "Size" is no name of a column / a column begins with a small letter, then small letters, digits and underscores, 63 at most
18:78 there is no column "size" / did you mean "Size"?"#,
    ),
    (
        "{ size: text }",
        "{ email: text, size: text }",
        r#"11:16 every contact has "email" already; it cannot be a column"#,
    ),
    (
        "{ size: text }",
        "{ size: txt }",
        r#"11:22 expected one of text, number, date, bool / did you mean "text"?"#,
    ),
    (
        "{ size: text }",
        "{ size: text, a: text, b: text, c: text, d: text, e: text, f: text, g: text, h: text, i: text, j: text }",
        r#"11:109 "j" is one column too many; an account has at most 10"#,
    ),
    (
        "monthly: 5000",
        "monthly: 5000.5",
        "12:22 expected a whole number, 0 or more",
    ),
    (
        "rate: 10/s",
        "rate: 10",
        "12:50 expected a rate such as 10/s, 30/min or 100/h",
    ),
    (
        "beyond: email",
        "beyond: mail",
        r#"12:64 expected one of email, hold, refuse / did you mean "email"?"#,
    ),
    (
        "[{ user: ana, roles: [staff] }]",
        "[{ user: anna, roles: [staff] }]",
        r#"13:23 there is no user "anna" / did you mean "ana"?
15:40 "ana" is not a member of account "clinic" / add { user: ana, roles: [staff] } to the account's members"#,
    ),
    (
        "[{ user: ana, roles: [staff] }]",
        "[{ user: ana, roles: [stuff] }]",
        r#"13:36 there is no role "stuff" / did you mean "staff"?"#,
    ),
    (
        r#""09:00-12:30", "13:30-17:00""#,
        r#""09:00-12:30", "12:00-17:00""#,
        r#"14:61 "mon 09:00-12:30" and "mon 12:00-17:00" overlap"#,
    ),
    (
        r#""09:00-12:30", "13:30-17:00""#,
        r#""9 to 12""#,
        r#"14:46 "9 to 12" under "mon-fri" is no range of hours; expected such as "09:00-12:30" or "20:00-24:00""#,
    ),
    (
        "mon-fri:",
        "mon-fry:",
        r#"14:36 "mon-fry" is no day; expected mon, tue, wed, thu, fri, sat or sun, a range such as mon-fri, or a list such as "sat, sun""#,
    ),
    (
        "2026-12-25",
        "2026-13-25",
        r#"14:90 "2026-13-25" is no holiday; expected a date such as 2026-12-25, a day of every year such as 12-25, easter+1, or 4th thu nov"#,
    ),
    (
        "members: [ana] }",
        "members: [ben] }",
        r#"15:40 "ben" is not a member of account "clinic" / add { user: ben, roles: [staff] } to the account's members"#,
    ),
    (
        "members: [ana] }",
        "members: [ana, ana] }",
        r#"15:45 member "ana" stands here twice, first on line 15"#,
    ),
    (
        "members: [ana] }",
        "members: [] }",
        r#"16:96 +12025550100 of account "clinic" leads to billing, where nobody is active / give the number another route, or the group an active member"#,
    ),
    (
        "call_flow: main-line",
        "call_flow: main-lime",
        r#"16:52 there is no flow for calls "main-lime" / did you mean "main-line"?"#,
    ),
    (
        "call_flow: main-line",
        "call_flow: apply",
        r#"16:52 "apply" is no flow for calls"#,
    ),
    (
        "call_flow: main-line, ",
        "",
        "16:25 +12025550100 does not say its call_flow here / write call_flow: KEY or call_flow: none",
    ),
    (
        ", route: { group: billing }",
        "",
        "16:25 +12025550100 does not say its route here / write route: { group: KEY }, who gets what no flow takes",
    ),
    (
        "route: { group: billing }",
        "route: { group: biling }",
        r#"16:96 there is no group "biling" / did you mean "billing"?"#,
    ),
    (
        "route: { group: billing }",
        "route: { user: ben }",
        r#"16:95 "ben" is not a member of account "clinic" / add { user: ben, roles: [staff] } to the account's members"#,
    ),
    (
        "route: { group: billing }",
        "route: billing",
        "16:87 a route is one group or one user / write { group: KEY } or { user: KEY }",
    ),
    (
        r#"numbers: [{ number: "+12025550100", call_flow: main-line, text_flow: none, route: { group: billing } }]"#,
        "numbers: []",
        r#"6:88 account "clinic" does not use +12025550100 / list it under numbers of account "clinic"
17:26 account "clinic" does not use +12025550100 / list it under numbers of account "clinic""#,
    ),
    (
        "aliases: [APLY]",
        "aliases: [apply]",
        r#"17:65 "apply" stands twice on +12025550100; APPLY has it on line 17"#,
    ),
    (
        "aliases: [APLY]",
        r#"aliases: ["!!"]"#,
        r#"17:65 "!!" has no letter or digit to be recognised by"#,
    ),
    (
        "word: APPLY",
        "word: STOP",
        r#"17:48 "STOP" is a compliance word; it opts out, opts in or asks for help, and cannot be a keyword"#,
    ),
    (
        "word: APPLY",
        "word: 411",
        r#"17:48 expected a text, found a number / quote this: "411""#,
    ),
    (
        "sub: { NURSE: { flow: nurse } }",
        "sub: { NURSE: { flow: nurs } }",
        r#"17:107 there is no flow for texts "nurs" / did you mean "nurse"?"#,
    ),
    (
        "word: APPLY, aliases: [APLY]",
        "word: APPLY, program: evening",
        r#"17:64 there is no program "evening" / known: main"#,
    ),
    (
        r#"keywords: [{ number: "+12025550100""#,
        r#"keywords: [{ number: "+12025550101""#,
        r#"17:26 there is no number "+12025550101" / did you mean "+12025550100"?"#,
    ),
    (
        "columns: { size: large }",
        "columns: { szie: large }",
        r#"18:78 there is no column "szie" / did you mean "size"?"#,
    ),
    (
        "columns: { size: large }",
        "columns: { size: 3 }",
        r#"18:84 column "size" holds a text (in quotes, where it looks like a number)"#,
    ),
    (
        r#"[{ phone: "+12025550140" }]"#,
        "[]",
        "18:16 a contact has 1 to 10 phones",
    ),
    (
        "accounts:",
        "acounts:",
        r#"6:88 there is no account "clinic"
7:1 there is no key "acounts" here / did you mean "accounts"?"#,
    ),
    (
        "  - { key: ben, name: Ben Okafor }
",
        "  - { key: ben, name: Ben Okafor
",
        r#"6:3 "-" is only valid inside a block"#,
    ),
    (
        "{ key: ben, name: Ben Okafor }",
        "{ key: ben, key: bob }",
        "4:17 duplicate mapping key `key` is not allowed here",
    ),
];
