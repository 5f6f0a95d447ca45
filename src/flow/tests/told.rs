//! What members are told by `notify` and `email`, and what the thread says of those who are not.

use super::*;

#[test]
fn members_are_told_by_the_ways_that_are_named() {
    let check = |verb: &str, away: &[&str], expected: &str| {
        let mut drive = Drive::sms(&format!("  one:\n    {verb}\n    next: end\n"));
        for key in away {
            let presence = Presence {
                offline: true,
                busy: false,
                ..Presence::default()
            };
            drive.presence.insert(drive.user(key), presence);
        }
        drive.start();
        assert_eq!(drive.asked(), expected, "{verb} {away:?}");
    };
    let both = "email farid@example.org+erin@example.org \"A notice\" \"Look\"";
    check("notify: { group: nurses, text: Look }", &["farid"], both);
    check(
        "notify: { group: nurses, by: [email, text], subject: Now, text: Look }",
        &[],
        "send +12025550116 (member) \"Look\"; send +12025550115 (member) \"Look\"; email farid@example.org+erin@example.org \"Now\" \"Look\"",
    );
    let shift = "notify: { group: nurses, on_shift: true, text: Look }";
    check(
        shift,
        &["farid"],
        "email erin@example.org \"A notice\" \"Look\"",
    );
    // Better all of them than nobody.
    check(shift, &["farid", "erin"], both);
    check(
        "notify: { user: erin, by: text, text: Look }",
        &[],
        "send +12025550115 (member) \"Look\"",
    );
}

#[test]
fn who_of_several_members_is_not_told_is_counted_in_the_thread() {
    let check = |verb: &str, change: fn(&mut Drive), expected: &str| {
        let mut drive = Drive::sms(&format!("  one:\n    {verb}\n    next: end\n"));
        change(&mut drive);
        drive.start();
        assert_eq!(drive.asked(), expected, "{verb}");
    };
    let text = "notify: { group: nurses, by: text, text: Look }";
    check(
        text,
        |drive| {
            let erin = Party::read("+12025550115");
            drive.reach.insert(erin, Reach::default());
        },
        "note \"A notice of the flow goes by e-mail to 1 of 2 members, who cannot be texted now.\"; email erin@example.org \"A notice\" \"Look\"; send +12025550116 (member) \"Look\"",
    );
    let gone = |drive: &mut Drive| {
        let forget = |user: &mut User| {
            if user.key == "erin" {
                user.devices.clear();
                user.email = None;
            }
        };
        drive.change(|_| {}, forget);
    };
    check(
        text,
        gone,
        "note \"A notice of the flow did not reach all: 1 of 2 members cannot be texted now.\"; send +12025550116 (member) \"Look\"",
    );
    check(
        "notify: { group: nurses, text: Look }",
        gone,
        "note \"An e-mail of the flow did not reach all: 1 of 2 members have no address.\"; email farid@example.org \"A notice\" \"Look\"",
    );
    // Whoever writes is a member themself, and knows.
    check(
        text,
        |drive| drive.party = Party::read("+12025550115"),
        "send +12025550116 (member) \"Look\"",
    );
    check(
        text,
        |drive| {
            for phone in ["+12025550115", "+12025550116"] {
                drive.reach.insert(Party::read(phone), Reach::default());
            }
            drive.change(|_| {}, |user| user.email = None);
        },
        "note \"A notice of the flow did not leave: nobody it goes to can be texted now.\"",
    );
}

/// A drive whose nurses are 25, with these of them away.
fn twenty_five(verb: &str, away: std::ops::Range<usize>) -> Drive {
    let mut drive = Drive::sms(&format!("  one:\n    {verb}\n    next: end\n"));
    let mut ids = Ids::new(drive.now, 55);
    let model = drive.directory.user(drive.user("erin")).unwrap().clone();
    let many: Vec<User> = (0..25)
        .map(|n| User {
            id: ids.fresh(),
            key: format!("nurse-{n}"),
            email: Some(format!("nurse-{n}@example.org")),
            ..model.clone()
        })
        .collect();
    for user in &many[away] {
        let presence = Presence {
            offline: true,
            ..Presence::default()
        };
        drive.presence.insert(user.id, presence);
    }
    let mut accounts: Vec<Account> = drive.directory.accounts().cloned().collect();
    for account in accounts.iter_mut().filter(|one| one.key == "clinic") {
        let group = account.groups.iter_mut().find(|one| one.key == "nurses");
        group.unwrap().members = many.iter().map(|user| user.id).collect();
    }
    let users = drive.directory.users().cloned().chain(many).collect();
    let numbers = drive.directory.numbers().cloned().collect();
    drive.directory = Directory::new(2, accounts, users, numbers, Vec::new());
    drive
}

#[test]
fn of_a_large_group_the_first_are_told_and_the_thread_says_so() {
    let check = |verb: &str, away: std::ops::Range<usize>, told: usize, note: &str| {
        let mut drive = twenty_five(verb, away.clone());
        drive.start();
        let asked = drive.asked();
        assert_eq!(
            asked.matches("@example.org").count(),
            told,
            "{verb} {away:?}: {asked}"
        );
        let ending =
            format!("; note \"A notice of the flow goes to 20 members of Nurses at most: {note}\"");
        assert_eq!(
            asked.ends_with(&ending),
            !note.is_empty(),
            "{verb} {away:?}: {asked}"
        );
    };
    let (all, shift) = (
        "notify: { group: nurses, text: Look }",
        "notify: { group: nurses, on_shift: true, text: Look }",
    );
    check(all, 0..0, 20, "5 more are not told.");
    check(shift, 0..2, 20, "3 more on shift are not told.");
    // Those on shift are found behind those who are not.
    check(shift, 0..22, 3, "");
    check(shift, 3..25, 3, "");
    // When nobody is, they are not said to be.
    check(shift, 0..25, 20, "5 more are not told.");
}

#[test]
fn where_nothing_leaves_nobody_is_counted_out() {
    let mut drive = twenty_five("notify: { group: nurses, by: text, text: Look }", 0..0);
    drive
        .reach
        .insert(Party::read("+12025550115"), Reach::default());
    drive.change(|_| {}, |user| user.email = None);
    drive.start();
    let note = "note \"A notice of the flow did not leave: nobody it goes to can be texted now.\"";
    assert_eq!(drive.asked(), note);
}

#[test]
fn members_read_the_language_of_the_house() {
    let check = |verb: &str, expected: &str| {
        let mut drive = Drive::sms(&format!("  one:\n    {verb}\n    next: end\n"));
        drive.contact = Some(drive.known(Some("es")));
        drive.start();
        assert_eq!(drive.asked(), expected, "{verb}");
    };
    let text = "{ es: Mire, en: Look }";
    check(
        &format!("notify: {{ user: erin, by: [email, text], text: {text} }}"),
        "send +12025550115 (member) \"Look\"; email erin@example.org \"A notice\" \"Look\"",
    );
    check(
        &format!("email: {{ user: erin, subject: {text}, text: {text} }}"),
        "email erin@example.org \"Look\" \"Look\"",
    );
    check(
        &format!("email: {{ to: pia@example.org, subject: {text}, text: {text} }}"),
        "email pia@example.org \"Mire\" \"Mire\"",
    );
    check(
        &format!("inbox: {{ group: nurses, note: {text}, auto_reply: {text} }}"),
        "inbox Nurses note \"Look\" auto \"Mire\"",
    );
}
