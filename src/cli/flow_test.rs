//! `signalbox flow test`: plays the tests written in flow files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::daemon;
use crate::decide::trial::{self, Coverage, Difference, Entry, Ground, Place, Played, Report, Who};
use crate::flow::{self, Checked, DirectoryNames, Names, NoNames};
use crate::model::calendar::zone;
use crate::model::directory::Directory;
use crate::model::people::Contact;
use crate::store::FlowRevision;

use super::flow::sources;

/// Plays the tests written in flow files, on a virtual clock: nothing is sent and nobody is called.
///
/// A folder stands for the .yaml files in it. Without an organisation a test makes up the groups, users and numbers
/// that its flow names. Exits with 1 when a test fails or a flow has a fault, with 2 when a path cannot be read.
///
/// Example: signalbox flow test flows/ --organisation config/organisation.yaml
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Whose groups, users and numbers the tests use.
    #[command(flatten)]
    pub source: OrganisationArgs,
    /// Write the results as JUnit XML into this file.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Which organisation a flow is tried on.
#[derive(Debug, Args)]
pub struct OrganisationArgs {
    /// The organisation, as a file.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub organisation: Option<PathBuf>,
    /// The configuration that names the store of the organisation.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The organisation that flows are tried on.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The organisation.
    pub directory: Directory,
    /// The people outside that its file names: for who plays the phone. Tests know only those whom they are given.
    pub contacts: Vec<Contact>,
    /// The flows that are active in its store.
    pub published: Vec<FlowRevision>,
}

/// Plays all tests and prints what came of them; the exit code.
///
/// # Errors
/// Standard output or the JUnit file cannot be written to.
pub fn test(args: &TestArgs, known: Option<&Known>) -> anyhow::Result<i32> {
    test_to(args, known, &mut super::Output::default())
}

fn test_to(args: &TestArgs, known: Option<&Known>, out: &mut dyn Write) -> anyhow::Result<i32> {
    let sources = match sources(&args.paths) {
        Ok(sources) => sources,
        Err(words) => {
            eprintln!("error: {words}");
            return Ok(2);
        }
    };
    let is_whole = args.paths.iter().any(|path| path.is_dir());
    let (ground, files) = prepare(sources, known, is_whole);
    let suites = play(&ground, &files);
    let mut all = Totals::default();
    for (file, (_, report)) in files.iter().zip(&suites) {
        all.add(report);
        match report {
            Ok(report) => {
                let around = file.around(&ground);
                out.write_all(shown(&file.name, report, &around).as_bytes())?;
            }
            Err(drawn) => writeln!(out, "{}\n{drawn}\n", file.name)?,
        }
    }
    writeln!(out, "{}", all.words())?;
    if let Some(path) = &args.junit {
        let written = std::fs::write(path, junit(&files, &suites, &ground));
        super::files::named(path, written)?;
    }
    Ok(i32::from(all.failed > 0 || all.broken > 0))
}

/// A file's name with what came of its tests, or its faults.
type Suite<'f> = (&'f str, Result<Report, &'f str>);

/// Plays the tests of all files. What the tests of one flow try of another counts there.
fn play<'f>(ground: &Ground, files: &'f [File]) -> Vec<Suite<'f>> {
    let mut suites: Vec<Suite<'f>> = Vec::new();
    for file in files {
        let report = match &file.checked {
            Ok(checked) => Ok(trial::play(ground, checked)),
            Err(drawn) => Err(drawn.as_str()),
        };
        suites.push((&file.name, report));
    }
    let reports = suites.iter().filter_map(|(_, report)| report.as_ref().ok());
    let tests = reports.flat_map(|report| &report.tests);
    let taken: BTreeSet<_> = tests.flat_map(|test| test.taken.clone()).collect();
    for (file, (_, report)) in files.iter().zip(&mut suites) {
        if let (Ok(checked), Ok(report)) = (&file.checked, report) {
            report.coverage = Coverage::of(&checked.flow, taken.iter());
        }
    }
    suites
}

/// A file, checked.
pub(super) struct File {
    pub(super) name: String,
    /// The flow, or its faults as people read them.
    pub(super) checked: Result<Checked, String>,
}

/// What transcripts are told by.
struct Around<'f> {
    /// The flow that is tested.
    flow: &'f str,
    zone: jiff::tz::TimeZone,
}

impl File {
    fn around(&self, ground: &Ground) -> Around<'_> {
        let checked = self.checked.as_ref();
        Around {
            flow: checked.map_or("", |checked| &checked.flow.key),
            zone: self.zone(ground),
        }
    }

    /// The zone of its account, for the times in transcripts.
    pub(super) fn zone(&self, ground: &Ground) -> jiff::tz::TimeZone {
        let flow = self.checked.as_ref().ok().map(|checked| &checked.flow);
        let account = flow.and_then(|flow| ground.world.directory.account_by_key(&flow.account));
        let zone = account.and_then(|account| zone(&account.zone).ok());
        zone.unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// Said where a flow is missing that may be in a file that was not named.
const FOLDER: &str =
    "\n  = a flow of another file is found when its folder is given, or that file too";

/// Checks all files, and makes the ground on which their tests are played: the organisation that is given, else one
/// made up from what they name. `is_whole` says that a whole folder is among them.
pub(super) fn prepare(
    sources: Vec<(String, String)>,
    known: Option<&Known>,
    is_whole: bool,
) -> (Ground, Vec<File>) {
    let published = known.map_or(&[][..], |known| &known.published);
    let texts = published.iter().map(|row| row.yaml.as_str());
    let flows = flow::known(sources.iter().map(|(_, text)| text.as_str()), texts);
    let names: Box<dyn Names + '_> = match known {
        Some(known) => Box::new(DirectoryNames::new(&known.directory, flows)),
        None => Box::new(NoNames),
    };
    let check = |(name, text): (String, String)| File {
        checked: flow::check(&name, &text, names.as_ref()).map_err(|faults| {
            let drawn = flow::render(&text, &faults);
            let alone = !is_whole && faults.iter().any(|fault| fault.code == "unknown-flow");
            drawn.trim_end().to_owned() + if alone { FOLDER } else { "" }
        }),
        name,
    };
    let files: Vec<File> = sources.into_iter().map(check).collect();
    drop(names);
    let sound = files.iter().filter_map(|file| file.checked.as_ref().ok());
    let sound: Vec<&Checked> = sound.collect();
    let directory = match known {
        Some(known) => known.directory.clone(),
        None => trial::made_up(&sound),
    };
    let flows = sound.iter().map(|one| &one.flow);
    let ground = daemon::ground_beside(&directory, published, flows);
    (ground, files)
}

/// What came of all files.
#[derive(Debug, Default)]
struct Totals {
    tests: usize,
    failed: usize,
    broken: usize,
    outcomes: usize,
    tried: usize,
}

impl Totals {
    fn add(&mut self, report: &Result<Report, &str>) {
        let Ok(report) = report else {
            self.broken += 1;
            return;
        };
        self.tests += report.tests.len();
        let failed = report.tests.iter().filter(|test| test.failed.is_some());
        self.failed += failed.count();
        self.outcomes += report.coverage.all;
        self.tried += report.coverage.tried();
    }

    fn words(&self) -> String {
        let Self {
            tests,
            failed,
            broken,
            outcomes,
            tried,
        } = self;
        let broken = match broken {
            0 => String::new(),
            1 => ", 1 flow with faults".to_owned(),
            some => format!(", {some} flows with faults"),
        };
        let tests = super::counted(*tests, "test");
        format!("{tests}, {failed} failed{broken}; {tried} of {outcomes} outcomes tried")
    }
}

/// What came of one file.
fn shown(name: &str, report: &Report, around: &Around<'_>) -> String {
    let mut text = format!("{name}\n");
    for test in &report.tests {
        let word = if test.failed.is_some() {
            "FAILED"
        } else {
            "ok    "
        };
        let _ = writeln!(text, "  {word} {}", test.name);
        text += &transcript(test, around);
    }
    text += &coverage(&report.coverage);
    text
}

/// What happened in a test that failed, with the first difference marked.
fn transcript(test: &Played, around: &Around<'_>) -> String {
    let mut text = String::new();
    let Some(difference) = &test.failed else {
        return text;
    };
    for (place, entry) in test.transcript.iter().enumerate() {
        let differs = difference.entry == Some(place);
        let mark = if differs { ">" } else { " " };
        let _ = writeln!(
            text,
            "    {mark} {}",
            line(entry, around.flow, &around.zone)
        );
    }
    let Difference { line, words, .. } = difference;
    let _ = writeln!(text, "    > line {line}: {words}");
    text
}

/// One thing that happened: when, what, and which step did it; of which flow, if not of this one.
pub(super) fn line(entry: &Entry, flow: &str, zone: &jiff::tz::TimeZone) -> String {
    let at = zone.to_datetime(entry.at.to_jiff());
    let who = match entry.who {
        Who::Script(line) => format!("line {line}: "),
        Who::Flow => "  ".to_owned(),
    };
    let place = entry.place.as_ref();
    let of = |place: &Place| match place.flow == flow {
        true => String::new(),
        false => format!("{}: ", place.flow),
    };
    let place = place.map(|place| format!("   [{}{place}]", of(place)));
    format!(
        "{} {who}{}{}",
        at.strftime("%m-%d %H:%M:%S"),
        entry.words,
        place.unwrap_or_default()
    )
}

/// How much was tried, and what was not.
fn coverage(coverage: &Coverage) -> String {
    let mut text = format!(
        "  {} of {} outcomes tried\n",
        coverage.tried(),
        coverage.all
    );
    for missed in &coverage.missed {
        let _ = writeln!(
            text,
            "    not tried: step {} (line {}): {}",
            missed.step, missed.line, missed.outcome
        );
    }
    text
}

/// The results for machines: one suite a file.
fn junit(files: &[File], suites: &[Suite<'_>], ground: &Ground) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (file, (name, report)) in files.iter().zip(suites) {
        match report {
            Ok(report) => suite(&mut xml, name, report, &file.around(ground)),
            Err(drawn) => {
                let name = escaped(name);
                let _ = writeln!(
                    xml,
                    "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
                     <testcase classname=\"{name}\" name=\"check\"><error message=\"the flow has faults\">{}</error></testcase>\n  \
                     </testsuite>",
                    escaped(drawn)
                );
            }
        }
    }
    xml + "</testsuites>\n"
}

fn suite(xml: &mut String, name: &str, report: &Report, around: &Around<'_>) {
    let failed = report.tests.iter().filter(|test| test.failed.is_some());
    let (name, tests) = (escaped(name), report.tests.len());
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{}\" errors=\"0\">",
        failed.count()
    );
    for test in &report.tests {
        let case = escaped(&test.name);
        let _ = match &test.failed {
            None => writeln!(xml, "    <testcase classname=\"{name}\" name=\"{case}\"/>"),
            Some(difference) => {
                let message = format!("line {}: {}", difference.line, difference.words);
                let text = transcript(test, around);
                writeln!(
                    xml,
                    "    <testcase classname=\"{name}\" name=\"{case}\"><failure message=\"{}\">{}</failure></testcase>",
                    escaped(&message),
                    escaped(&text)
                )
            }
        };
    }
    *xml += "  </testsuite>\n";
}

/// A text inside XML; what XML cannot hold becomes a question mark.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
