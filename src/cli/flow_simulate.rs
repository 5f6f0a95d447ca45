//! `signalbox flow simulate`: plays the phone in the terminal, step by step.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::tz::TimeZone;

use crate::ambient;
use crate::decide::trial::{Ground, Stage};
use crate::flow::{self, Checked, Flow, Given, Kind, NoNames, Says, Test};
use crate::model::Party;

use super::flow::sources;
use super::flow_test::{File, Known, OrganisationArgs, line, prepare};
use super::given::{When, party};

/// Plays a flow in the terminal: you are the person outside, the members and the clock. Nothing is sent and nobody
/// is called.
///
/// What you type are the lines of a test's script: `presses 2`, `answers ana`, `hangs_up`, `texts hello`,
/// `passes 2h`… `help` lists them and `quit` ends it. Everything that is said or sent shows the step it comes from.
///
/// Example: signalbox flow simulate flows/main-line.yaml --organisation config/organisation.yaml
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The flow's file; further files and folders hold flows that it goes on in.
    #[arg(required = true, value_name = "FILE")]
    pub paths: Vec<PathBuf>,
    /// Whose groups, users and numbers the flow uses.
    #[command(flatten)]
    pub source: OrganisationArgs,
    /// Who calls or texts.
    #[arg(long, value_name = "PHONE", default_value = "+12025550143", value_parser = party)]
    pub from: Party,
    /// Our number; if not said, that of the first test, else one of the account's.
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<String>,
    /// When, in the account's zone or in one that is named: now, if not said.
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub at: When,
    /// The first text, of a flow on texts.
    #[arg(long, default_value = "Hello")]
    pub text: String,
}

/// Plays until the input ends; the exit code.
///
/// # Errors
/// The terminal cannot be read or written to, or the time cannot be read.
pub fn simulate(args: &SimulateArgs, known: Option<&Known>) -> anyhow::Result<i32> {
    let stdin = io::stdin();
    let prompt = stdin.is_terminal();
    simulate_with(args, known, prompt, &mut stdin.lock(), &mut io::stdout())
}

fn simulate_with(
    args: &SimulateArgs,
    known: Option<&Known>,
    prompt: bool,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let sources = match sources(&args.paths) {
        Ok(sources) => sources,
        Err(words) => {
            eprintln!("error: {words}");
            return Ok(2);
        }
    };
    let is_whole = args.paths.iter().any(|path| path.is_dir());
    let (ground, files) = prepare(sources, known, is_whole);
    let Some(file) = files.first() else {
        return Ok(2);
    };
    let checked = match &file.checked {
        Ok(checked) => checked,
        Err(drawn) => {
            writeln!(out, "{drawn}")?;
            return Ok(1);
        }
    };
    let zone = file.zone(&ground);
    let test = beginning(args, &ground, file, checked)?;
    let stage = Stage::new(&ground, &checked.flow, &test);
    let stage = stage.map_err(|words| super::misused(anyhow::Error::msg(words)))?;
    let name = zone.iana_name().unwrap_or("UTC");
    let stage = stage.at(args.at.moment(ambient::now(), name)?);
    let stage = stage.knowing(known.map_or_else(Vec::new, |known| known.contacts.clone()));
    let Flow { kind, key, .. } = &checked.flow;
    let (kind, flow) = (*kind, key.clone());
    Playing {
        stage,
        flow,
        zone,
        kind,
        shown: 0,
        prompt,
    }
    .play(&test, input, out)
}

/// The call or text with which it begins.
fn beginning(
    args: &SimulateArgs,
    ground: &Ground,
    file: &File,
    checked: &Checked,
) -> anyhow::Result<Test> {
    let zone = file.zone(ground);
    let name = zone.iana_name().unwrap_or("UTC");
    let at = zone.to_datetime(args.at.moment(ambient::now(), name)?.to_jiff());
    let tested = checked.tests.first().map(|test| test.to.clone());
    let to = args.to.clone().or(tested);
    let to = to.or_else(|| number_of(ground, checked));
    Ok(Test {
        name: String::new(),
        line: 0,
        at,
        from: args.from.clone(),
        to: to.context("the account has no number; name one with --to")?,
        text: (checked.flow.kind == Kind::Sms).then(|| args.text.clone()),
        given: Given::default(),
        script: Vec::new(),
        expect: Vec::new(),
    })
}

/// A number of the flow's account.
fn number_of(ground: &Ground, checked: &Checked) -> Option<String> {
    let directory = &ground.world.directory;
    let account = directory.account_by_key(&checked.flow.account)?;
    let uses = account.numbers.first()?;
    let number = directory.number(uses.number)?;
    Some(number.address.clone())
}

/// A simulation under way.
struct Playing {
    stage: Stage,
    /// The flow with which it began.
    flow: String,
    zone: TimeZone,
    kind: Kind,
    /// How much of the transcript has been shown.
    shown: usize,
    prompt: bool,
}

impl Playing {
    fn play(
        &mut self,
        test: &Test,
        input: &mut dyn BufRead,
        out: &mut dyn Write,
    ) -> anyhow::Result<i32> {
        let begun = self.stage.begins(test.text.as_deref());
        self.show(begun, out)?;
        let mut typed = String::new();
        loop {
            if self.prompt {
                write!(out, "> ")?;
                out.flush()?;
            }
            typed.clear();
            if input.read_line(&mut typed)? == 0 {
                break;
            }
            match typed.trim() {
                "" => {}
                "quit" | "exit" => break,
                "help" => writeln!(out, "{}", help(self.kind))?,
                words => {
                    let played = said(self.kind, words);
                    let played = played.and_then(|says| self.stage.plays(&says));
                    self.show(played, out)?;
                }
            }
        }
        writeln!(out, "{}", self.stage.standing())?;
        Ok(0)
    }

    /// What has come of it.
    fn show(&mut self, played: Result<(), String>, out: &mut dyn Write) -> io::Result<()> {
        let entries = self.stage.transcript();
        for entry in &entries[self.shown.min(entries.len())..] {
            writeln!(out, "{}", line(entry, &self.flow, &self.zone))?;
        }
        self.shown = entries.len();
        if let Err(words) = played {
            writeln!(out, "that cannot be: {words}")?;
        }
        Ok(())
    }
}

fn help(kind: Kind) -> &'static str {
    match kind {
        Kind::Call => {
            "presses 1 · answers [ana] · no_answer [ana] · busy [ana] · declines [ana] · fails [ana] · \
             hangs_up [ana] · leaves_voicemail 12s · texts hello · http { status: 200, body: { name: Pia } } · \
             receipt delivered · staff { user: ana, replies: hello } · passes 2h · quit"
        }
        Kind::Sms => {
            "texts hello · passes 2h · http { status: 200, body: { name: Pia } } · receipt delivered · \
             staff { user: ana, replies: hello } · quit"
        }
    }
}

/// A line as it is typed, `word` or `word value`, read as the line of a test.
fn said(kind: Kind, typed: &str) -> Result<Says, String> {
    let (word, rest) = typed.split_once([' ', ':']).unwrap_or((typed, ""));
    let value = rest.trim_start_matches([':', ' ']);
    // Free words need not be quoted here.
    let free =
        matches!(word, "texts" | "hears" | "receives" | "presses") && !value.starts_with('"');
    let value = match free {
        true => serde_json::Value::from(value).to_string(),
        false => value.to_owned(),
    };
    let (begin, step) = match kind {
        Kind::Call => ("call: { from: a, to: b }", "hangup:"),
        Kind::Sms => (
            "sms: { from: a, to: b, text: c }",
            "reply: a\n    next: end",
        ),
    };
    let on = kind.as_str();
    let source = format!(
        "flow: a\naccount: a\non: {on}\nsteps:\n  a:\n    {step}\ntests:\n  - name: a\n    {begin}\n    \
         expect: {{ sent: 0 }}\n    script:\n      - {word}: {value}\n"
    );
    let words = |faults: Vec<flow::Fault>| {
        let first = faults.into_iter().next();
        first.map_or_else(String::new, |fault| match fault.help {
            Some(help) => format!("{}; {help}", fault.message),
            None => fault.message,
        })
    };
    let checked = flow::check("", &source, &NoNames).map_err(words)?;
    let mut lines = checked.tests.into_iter().flat_map(|test| test.script);
    let line = lines.next().ok_or("a line says one thing")?;
    Ok(line.says)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a flow, played with these lines.
    fn play(flow: &str, typed: &str) -> String {
        play_several(&[flow], typed)
    }

    /// The same of several flows, of which the first one begins.
    fn play_several(flows: &[&str], typed: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (at, flow) in flows.iter().enumerate() {
            paths.push(folder.path().join(format!("{at}.yaml")));
            std::fs::write(&paths[at], flow).unwrap();
        }
        let args = SimulateArgs {
            paths,
            source: OrganisationArgs {
                organisation: None,
                config: None,
            },
            from: Party::read("+12025550143"),
            to: None,
            at: "2026-03-03 10:30".parse().unwrap(),
            text: "Hello".into(),
        };
        let mut out = Vec::new();
        let code = simulate_with(&args, None, false, &mut typed.as_bytes(), &mut out).unwrap();
        assert_eq!(code, 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_call_is_played_step_by_step() {
        let shown = play(
            "flow: a\naccount: b\non: call\nsteps:\n  ring:\n    dial: { group: nurses, ring: 20s }\n    \
             then: { answered: end, else: box }\n  box:\n    voicemail: { group: nurses }\n    next: end\n",
            "presses 1\nno_answer\nleaves_voicemail 12s\nquit\nnever read\n",
        );
        assert_eq!(
            shown,
            "03-03 10:30:00   call from +12025550143\n\
             03-03 10:30:00   ring → waits   [ring (dial), line 5]\n\
             03-03 10:30:00   rings nurses-member   [ring (dial), line 5]\n\
             that cannot be: no keys are awaited now; it rings at nurses-member\n\
             03-03 10:30:20   ring → no_answer   [ring (dial), line 5]\n\
             03-03 10:30:20   box → waits   [box (voicemail), line 8]\n\
             03-03 10:30:20   says \"Please leave a message after the tone.\"   [box (voicemail), line 8]\n\
             03-03 10:30:32   box → left   [box (voicemail), line 8]\n\
             03-03 10:30:32   tells nurses-member@example.org by e-mail   [box (voicemail), line 8]\n\
             03-03 10:30:32   hangs up   [box (voicemail), line 8]\n\
             over; the last step was box (voicemail), line 8\n"
        );
    }

    #[test]
    fn every_key_is_pressed_without_quotes() {
        let shown = play(
            "flow: a\naccount: b\non: call\nsteps:\n  ask:\n    menu: { prompt: Press }\n    \
             then: { \"*\": star, \"#\": hash, else: end }\n  star:\n    goto: a\n  hash:\n    say: Bye\n    next: end\n",
            "presses *\npresses #\n",
        );
        assert!(shown.contains("star → leaves"), "{shown}");
        assert!(shown.contains("says \"Bye\""), "{shown}");
    }

    #[test]
    fn keys_that_others_may_follow_are_told() {
        let shown = play(
            "flow: a\naccount: b\non: call\nsteps:\n  ask:\n    gather: { digits: 2..4 }\n    then: { got: hi, timeout: end }\n  hi:\n    \
             say: \"Got {{ steps.ask.digits }}\"\n    next: end\n",
            "presses 1\npresses 2\npasses 5s\n",
        );
        assert!(shown.contains("has 12, and waits for more keys"), "{shown}");
        assert!(
            shown.contains("03-03 10:30:05   says \"Got 12\""),
            "{shown}"
        );
    }

    #[test]
    fn what_other_flows_do_and_why_they_stop_is_told() {
        let main = "flow: a\naccount: b\non: call\nsteps:\n  over:\n    goto: c\n";
        let other = "flow: c\naccount: b\non: call\nsteps:\n  hello:\n    say: Hello\n    next: on\n  on:\n    goto: c\n";
        let shown = play_several(&[main, other], "");
        assert!(
            shown.contains("hello → next   [c: hello (say), line 5]\n"),
            "{shown}"
        );
        let stop = "  the flow could not go on: more than 10 flows in one event\n";
        assert!(shown.contains(stop), "{shown}");
    }

    #[test]
    fn texts_need_no_quotes_and_time_is_skipped() {
        let shown = play(
            "flow: a\naccount: b\non: sms\nsteps:\n  name:\n    ask: { prompt: Your name?, save_as: flow.name, timeout: 2h }\n    \
             then: { valid: hello, invalid: end, timeout: end }\n  hello:\n    reply: \"Hi {{ flow.name }}\"\n    next: wait\n  wait:\n    \
             ask: { timeout: 1h }\n    then: { valid: end, invalid: end, timeout: end }\n",
            "texts I am: # \"Pat\"\nreceives Hi I am: # \"Pat\"\nreceives_nothing\npasses 30m\nheers\n",
        );
        assert!(
            shown.contains("sends \"Your name?\"   [name (ask), line 5]\n"),
            "{shown}"
        );
        assert!(
            shown.contains("sends \"Hi I am: # \\\"Pat\\\"\"   [hello (reply), line 8]\n"),
            "{shown}"
        );
        assert!(
            shown.contains("that cannot be: a script has no line `heers`"),
            "{shown}"
        );
        assert!(shown.ends_with("waits at wait (ask), line 11\n"), "{shown}");
    }
}
