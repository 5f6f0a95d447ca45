//! Each line of what happened names the step that it comes from.

use super::played;

/// What the flow did, each with its step; how it began and the steps' own lines are left out.
fn check(on: &str, steps: &str, script: &str, expected: &[(&str, &str)]) {
    let test = format!("    script: [{script}]\n    expect: {{}}\n");
    let played = played(on, steps, &test);
    assert_eq!(played.failed, None, "{:#?}", played.transcript);
    let flow = played
        .transcript
        .iter()
        .skip(1)
        .filter(|entry| entry.who == super::super::Who::Flow && !entry.words.contains('→'));
    let found: Vec<(&str, &str)> = flow
        .map(|entry| {
            let step = entry.place.as_ref().map_or("", |place| &place.step);
            (entry.words.as_str(), step)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_several_steps_of_one_turn_do_is_told_apart() {
    let steps = "
  first:
    email: { to: one@example.org, subject: A, text: A }
    next: second
  second:
    notify: { group: nurses, by: [email], text: B }
    next: third
  third:
    email: { to: one@example.org, subject: C, text: C }
    next: bye
  bye:
    say: Goodbye
    next: again
  again:
    say: Goodbye
    next: done
  done:
    hangup:
";
    check(
        "call",
        steps,
        "{ hears: Goodbye }",
        &[
            ("tells one@example.org by e-mail", "first"),
            ("tells ana@example.org by e-mail", "second"),
            ("tells ben@example.org by e-mail", "second"),
            ("tells one@example.org by e-mail", "third"),
            ("says \"Goodbye\"", "bye"),
            ("says \"Goodbye\"", "again"),
            ("hangs up", "done"),
        ],
    );
}

#[test]
fn a_voicemail_is_told_of_by_the_step_that_recorded_it() {
    let steps = "
  ring:
    dial: { group: nurses, order: simultaneous, ring: 10s }
    then: { answered: end, else: box }
  box:
    voicemail: { group: nurses, greeting: Speak now, notify: members }
    next: mail
  mail:
    email: { to: one@example.org, subject: A, text: A }
    next: bye
  bye:
    say: Goodbye
    next: end
";
    check(
        "call",
        steps,
        "{ no_answer: }, { leaves_voicemail: 12s }",
        &[
            ("rings ana", "ring"),
            ("rings ben", "ring"),
            ("says \"Speak now\"", "box"),
            ("tells ana@example.org by e-mail", "box"),
            ("tells ben@example.org by e-mail", "box"),
            ("tells one@example.org by e-mail", "mail"),
            ("says \"Goodbye\"", "bye"),
            ("hangs up", "bye"),
        ],
    );
}

#[test]
fn what_no_step_does_is_no_steps() {
    let steps = "
  other:
    send: { to: \"+12025550144\", text: Same }
    next: here
  here:
    reply: Same
    next: box
  box:
    inbox: { group: nurses, auto_reply: Thanks }
    next: end
";
    check(
        "sms",
        steps,
        "{ staff: { user: ana, replies: Hi there } }, { texts: STOP }",
        &[
            ("sends to +12025550144 \"Same\"", "other"),
            ("sends \"Same\"", "here"),
            ("sends \"Thanks\"", "box"),
            ("sends \"Hi there\"", ""),
            (
                "sends \"clinic: you are unsubscribed and will get no more messages. Reply START to resubscribe.\"",
                "",
            ),
        ],
    );
}
