//! `signalbox flow …`: works on flow files.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::flow::{
    self, Bounds, DirectoryNames, Fault, FlowName, Names, NoNames, Organisation, Severity, Ways,
};
use crate::model::directory::Directory;
use crate::model::{Capabilities, Timestamp};

use super::drawing::{DiffArgs, GraphArgs};
use super::replay::ReplayArgs;
use super::revisions::{HistoryArgs, PublishArgs, RollbackArgs, ShowArgs};

/// Files looked at in one run.
const FILES_MAX: usize = 10_000;

/// What can be done with flow files.
// A word on the variant would take the place of the command's own help.
#[allow(missing_docs, reason = "the arguments bring the command's help")]
#[derive(Debug, Subcommand)]
pub enum FlowCommand {
    /// Checks flow files, and shows every fault with its line and the next move.
    ///
    /// A folder stands for the .yaml files in it. With an organisation, the names in flows (groups, users,
    /// calendars, columns, flows) are checked too, and with a folder of flows the organisation itself: numbers
    /// without a flow, groups that nobody is in, calendars without holidays, words that two accounts claim.
    /// Exits with 1 when there is a fault, with --strict also when there is a warning, with 2 when a path
    /// cannot be read. docs/flows.md lists the codes and the fields of --json.
    ///
    /// Example: signalbox flow check flows/ --organisation config/organisation.yaml
    Check(CheckArgs),
    /// Prints the JSON Schema of flow files, for editors that complete and validate.
    ///
    /// Example: signalbox flow schema
    Schema,
    Test(super::flow_test::TestArgs),
    Simulate(super::flow_simulate::SimulateArgs),
    /// Draws a flow for people who do not read YAML.
    ///
    /// Example: signalbox flow graph flows/main-line.yaml --output main-line.svg
    Graph(GraphArgs),
    /// Tells what changed in meaning between two revisions of a flow.
    ///
    /// Steps are compared by name: their order, comments and spelling do not count. Exits with 1 when something
    /// changed.
    ///
    /// Example: signalbox flow diff before.yaml flows/apply.yaml
    Diff(DiffArgs),
    /// Plays recorded calls and texts through a changed flow, without any effect.
    ///
    /// Tells how many would have gone elsewhere, by the step where their ways part. It is played with the organisation
    /// as it is today; what somebody would have done on a way that was not taken is not known.
    ///
    /// Example: signalbox flow replay flows/main-line.yaml --since 7d
    Replay(ReplayArgs),
    /// Publishes a flow file, when it is sound and nobody changed the flow since.
    ///
    /// What is refused stays as it was. Exits with 1 when it is refused.
    ///
    /// Example: signalbox flow publish flows/apply.yaml
    Publish(PublishArgs),
    /// Lists the revisions of a flow: which is active, who published it and when.
    ///
    /// Example: signalbox flow history apply
    History(HistoryArgs),
    /// Prints the text of a revision.
    ///
    /// Example: signalbox flow show apply --revision 3
    Show(ShowArgs),
    /// Makes an earlier revision active again, when it is still sound.
    ///
    /// Example: signalbox flow rollback apply
    Rollback(RollbackArgs),
}

/// What is checked, and how it is shown.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files, or folders of them.
    #[arg(required_unless_present = "explain", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The organisation whose names flows use, as a file.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub organisation: Option<PathBuf>,
    /// The configuration that names the store whose organisation flows use.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON, an array of faults.
    #[arg(long)]
    pub json: bool,
    /// Take warnings for faults.
    #[arg(long)]
    pub strict: bool,
    /// Seconds that a caller may hear ringing in a row before it is a warning.
    #[arg(long, value_name = "SECONDS", default_value_t = Bounds::default().ring_s_max)]
    pub max_ring: u32,
    /// Segments that a text may cost before it is a warning.
    #[arg(long, value_name = "SEGMENTS", default_value_t = Bounds::default().segments_max)]
    pub max_segments: u32,
    /// Print the manual page of a code, such as unknown-step, and check nothing.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["organisation", "config", "json", "strict"])]
    pub explain: Option<String>,
}

/// The organisation that flows are checked against.
#[derive(Debug)]
pub(super) struct Against {
    pub(super) directory: Directory,
    /// Its file, or the configuration that names its store.
    pub(super) file: String,
    /// The file's text; empty for a store.
    pub(super) source: String,
    /// The flows that are published in the store.
    pub(super) published: Vec<FlowName>,
    /// What the carriers of the connections can do, by the connection's key.
    pub(super) carriers: BTreeMap<String, Capabilities>,
    pub(super) now: Timestamp,
}

/// Prints the JSON Schema of flow files.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn schema() -> anyhow::Result<i32> {
    let text = serde_json::to_string_pretty(&flow::schema())?;
    super::say(&format!("{text}\n"))?;
    Ok(0)
}

/// Prints the manual page of a code; the exit code.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn explain(code: &str) -> anyhow::Result<i32> {
    match flow::explain(code) {
        Ok(page) => {
            super::say(&page.render())?;
            Ok(0)
        }
        Err(nearest) => {
            let meant = nearest.map_or_else(
                || "docs/flows.md lists all".to_owned(),
                |name| format!("did you mean `{name}`?"),
            );
            eprintln!("error: there is no code `{code}`; {meant}");
            Ok(2)
        }
    }
}

/// Checks the files and prints what is wrong with them; the exit code. Without an organisation names are taken
/// as good.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn check(args: &CheckArgs, against: Option<&Against>) -> anyhow::Result<i32> {
    let out = &mut io::stdout().lock();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    check_to(args, against, colour, out)
}

fn check_to(
    args: &CheckArgs,
    against: Option<&Against>,
    colour: bool,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let sources = match files(&args.paths) {
        Ok(sources) => sources,
        Err(words) => {
            eprintln!("error: {words}");
            return Ok(2);
        }
    };
    let found = look(args, against, &sources);
    if args.json {
        print_json(&found, out)?;
    } else {
        print(&found, sources.len(), colour, out)?;
    }
    if let Some(left) = unchecked(args, against) {
        // What reads the array is not to stumble over it.
        match args.json {
            true => eprintln!("{left}"),
            false => writeln!(out, "{left}")?,
        }
    }
    let refused = |fault: &Fault| args.strict || fault.severity == Severity::Fault;
    let refused = found.iter().flat_map(|(_, faults)| faults).any(refused);
    Ok(i32::from(refused))
}

/// A file, as it was named, and its text, when it is one.
type Source = (String, Result<String, Fault>);

/// Every text looked at, and what is wrong with it.
type Found<'s> = Vec<(&'s str, Vec<Fault>)>;

fn look<'s>(args: &CheckArgs, against: Option<&'s Against>, sources: &'s [Source]) -> Found<'s> {
    let bounds = Bounds {
        ring_s_max: args.max_ring,
        segments_max: args.max_segments,
    };
    let readable = sources.iter().filter_map(|(_, text)| text.as_ref().ok());
    let mut flows: Vec<FlowName> = readable.filter_map(|text| flow::name_of(text)).collect();
    let published = against.map_or(&[][..], |against| &against.published);
    for flow in published {
        let is_new = |have: &FlowName| have.account != flow.account || have.flow != flow.flow;
        if flows.iter().all(is_new) {
            flows.push(flow.clone());
        }
    }
    let names: Box<dyn Names> = match against {
        Some(against) => {
            let names = DirectoryNames::new(&against.directory, flows.clone());
            Box::new(names.with_carriers(against.carriers.clone()))
        }
        None => Box::new(NoNames),
    };
    let mut found: Found<'s> = Vec::new();
    let mut inspected = Vec::new();
    for (file, text) in sources {
        let text = match text {
            Ok(text) => text,
            Err(fault) => {
                found.push(("", vec![fault.clone()]));
                continue;
            }
        };
        let looked = flow::inspect(file, text, names.as_ref(), &bounds);
        inspected.extend(
            looked
                .flow
                .map(|flow| (found.len(), file, flow, looked.passages)),
        );
        found.push((text, looked.faults));
    }
    let ways: Vec<Ways<'_>> = inspected
        .iter()
        .map(|(_, file, flow, steps)| Ways {
            file,
            account: &flow.account,
            flow: &flow.key,
            steps,
        })
        .collect();
    for (at, fault) in flow::judge_flows(&ways) {
        found[inspected[at].0].1.push(fault);
    }
    if let Some(against) = against.filter(|_| is_whole(args)) {
        let faults = flow::judge_organisation(&Organisation {
            directory: &against.directory,
            flows: Some(&flows),
            file: &against.file,
            source: &against.source,
            now: against.now,
        });
        found.push((&against.source, faults));
    }
    found
}

/// A folder holds all flows there are; from single files nothing follows about the others.
fn is_whole(args: &CheckArgs) -> bool {
    args.paths.iter().any(|path| path.is_dir())
}

fn print(found: &Found<'_>, files: usize, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let (mut faults, mut warnings) = (0, 0);
    for (source, list) in found {
        for fault in list {
            match fault.severity {
                Severity::Fault => faults += 1,
                Severity::Warning => warnings += 1,
            }
            writeln!(out, "{}\n", fault.draw(source, colour))?;
        }
    }
    writeln!(
        out,
        "{files} flow files: {faults} faults, {warnings} warnings"
    )
}

fn print_json(found: &Found<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let records: Vec<flow::Record<'_>> = found
        .iter()
        .flat_map(|(source, list)| list.iter().map(|fault| fault.record(source)))
        .collect();
    writeln!(out, "{}", serde_json::to_string_pretty(&records)?)?;
    Ok(())
}

/// What was not checked, and what to give so that it is.
fn unchecked(args: &CheckArgs, against: Option<&Against>) -> Option<String> {
    let Some(against) = against else {
        return Some(
            "not checked: names of accounts, people, groups, numbers, calendars, caseloads, columns and flows; give --organisation FILE or --config FILE".to_owned(),
        );
    };
    let mut left = Vec::new();
    if !is_whole(args) {
        left.push("the organisation as a whole; give the folder of all flows");
    }
    let mut unknown: Vec<&str> = against
        .directory
        .numbers()
        .map(|number| number.connection.as_str())
        .filter(|connection| !against.carriers.contains_key(*connection))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    let carriers = format!(
        "what the carriers of {} can do; give --config FILE in place of --organisation",
        unknown.join(", ")
    );
    if !unknown.is_empty() {
        left.push(&carriers);
    }
    (!left.is_empty()).then(|| format!("not checked: {}", left.join("; ")))
}

/// The files of all paths with their text, for commands that need all of them to be texts.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
    let whole = |(file, text): Source| match text {
        Ok(text) => Ok((file, text)),
        Err(fault) => Err(format!("{file}: {}", fault.message)),
    };
    files(paths)?.into_iter().map(whole).collect()
}

/// The files of all paths with their text, in order.
fn files(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err("there is no flow file in these folders".to_owned());
    }
    if files.len() > FILES_MAX {
        return Err(format!("more than {FILES_MAX} files"));
    }
    let read = |path: &PathBuf| {
        let shown = path.display().to_string();
        match read_bounded(path) {
            Ok(bytes) => {
                let text = flow::text_of(&shown, &bytes).map(str::to_owned);
                Ok((shown, text))
            }
            Err(error) => Err(format!("{shown}: {error}")),
        }
    };
    files.iter().map(read).collect()
}

/// The bytes of a file, of one that is too large only so much that this shows.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let most = flow::SOURCE_BYTES_MAX as u64 + 8;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(most)
        .read_to_end(&mut bytes)?;
    if bytes.len() > flow::SOURCE_BYTES_MAX {
        // A character that is cut in the middle is not what is wrong with it.
        let sound = String::from_utf8_lossy(&bytes).into_owned();
        return Ok(sound.into_bytes());
    }
    Ok(bytes)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = |error: io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(shown)?;
    let is_yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(is_yaml)
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit code and what was printed, for these files in one folder.
    fn run(files: &[(&str, &str)], options: &[&str], against: Option<&Against>) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            std::fs::write(folder.path().join(name), source).unwrap();
        }
        let args = CheckArgs {
            paths: vec![folder.path().to_owned()],
            organisation: None,
            config: None,
            json: options.contains(&"json"),
            strict: options.contains(&"strict"),
            max_ring: 120,
            max_segments: 3,
            explain: None,
        };
        let mut out = Vec::new();
        let code = check_to(&args, against, false, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        (
            code,
            shown.replace(&folder.path().display().to_string(), "FOLDER"),
        )
    }

    const SOUND: &str =
        "flow: a\naccount: b\non: call\nsteps:\n  one:\n    say: Hi\n    next: end\n";
    const DOUBTFUL: &str =
        "flow: c\naccount: b\non: call\nsteps:\n  one:\n    say: Press # now\n    next: end\n";

    #[test]
    fn a_sound_file_is_told_in_one_line_and_the_last_one_says_what_was_not_checked() {
        let (code, shown) = run(&[("a.yaml", SOUND)], &[], None);
        assert_eq!(code, 0);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "1 flow files: 0 faults, 0 warnings");
        assert!(
            lines[1].starts_with("not checked: names of accounts"),
            "{shown}"
        );
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn warnings_are_allowed_unless_strict() {
        let (code, shown) = run(&[("a.yaml", DOUBTFUL)], &[], None);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("warning[comment-in-text]"), "{shown}");
        assert!(shown.contains("0 faults, 1 warnings"), "{shown}");
        assert_eq!(run(&[("a.yaml", DOUBTFUL)], &["strict"], None).0, 1);
    }

    #[test]
    fn a_fault_shows_its_line_and_the_nearest_name() {
        let wrong = SOUND.replace("next: end", "next: en");
        let (code, shown) = run(&[("a.yaml", &wrong)], &[], None);
        assert_eq!(code, 1);
        assert!(shown.contains("FOLDER/a.yaml:7:11"), "{shown}");
        assert!(shown.contains("did you mean `end`?"), "{shown}");
    }

    #[test]
    fn json_is_an_array_of_records_with_stable_names() {
        let wrong = SOUND.replace("next: end", "next: en");
        let files = [("a.yaml", wrong.as_str()), ("b.yaml", DOUBTFUL)];
        let (code, shown) = run(&files, &["json"], None);
        assert_eq!(code, 1);
        let found: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let expected = serde_json::json!([
            {
                "file": "FOLDER/a.yaml", "line": 7, "column": 11, "end_column": 13,
                "code": "unknown-step", "severity": "fault", "text": "there is no step `en`",
                "help": "did you mean `end`?", "nearest": "end",
            },
            {
                "file": "FOLDER/b.yaml", "line": 6, "column": 10, "end_column": 15,
                "code": "comment-in-text", "severity": "warning",
                "text": "what is said ends before ` #`: what follows is a comment",
                "help": found[1]["help"], "nearest": null,
            },
        ]);
        assert_eq!(found, expected);
        assert_eq!(run(&[("a.yaml", SOUND)], &["json"], None).1.trim(), "[]");
    }

    #[test]
    fn wrong_use_is_told_apart_from_faults() {
        assert_eq!(run(&[("a.txt", "")], &[], None).0, 2);
        assert_eq!(explain("unknown-stop").unwrap(), 2);
        assert_eq!(explain("unknown-step").unwrap(), 0);
    }

    #[test]
    fn files_that_are_no_text_or_too_long_are_faults_beside_others() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), b"flow: Ol\xe1\n").unwrap();
        std::fs::write(folder.path().join("b.yaml"), "# é\n".repeat(3_000_000)).unwrap();
        let found = files(&[folder.path().to_owned()]).unwrap();
        let fault = found[0].1.as_ref().unwrap_err();
        assert_eq!((fault.code, fault.line, fault.column), ("encoding", 1, 9));
        let text = found[1].1.as_ref().unwrap();
        assert!(text.len() > flow::SOURCE_BYTES_MAX && text.len() < flow::SOURCE_BYTES_MAX + 32);
    }

    #[test]
    fn flows_that_lead_into_each_other_are_found() {
        let flow = |name: &str, step: &str, next: &str| {
            format!(
                "flow: {name}\naccount: b\non: call\nsteps:\n  one:\n    {step}\n  two:\n    goto: {next}\n"
            )
        };
        let speaks = "say: Hi\n    next: two";
        let waits = "menu: { prompt: Hi }\n    then: { 1: two, else: end }";
        let (a, b) = (flow("a", speaks, "b"), flow("b", speaks, "a"));
        let (code, shown) = run(&[("a.yaml", &a), ("b.yaml", &b)], &[], None);
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("error[flow-loop]"), "{shown}");
        assert!(shown.contains("a → b → a"), "{shown}");
        assert!(shown.contains("FOLDER/a.yaml:9:11"), "{shown}");
        assert!(shown.contains("2 flow files: 1 faults"), "{shown}");
        let b_waits = flow("b", waits, "a");
        assert_eq!(run(&[("a.yaml", &a), ("b.yaml", &b_waits)], &[], None).0, 0);
        // What is called may wait, or not.
        let a = flow("a", "call: c\n    next: two", "b");
        for (step, code) in [
            ("say: Hi\n    next: end", 1),
            ("menu: { prompt: Hi }\n    then: { 1: end, else: end }", 0),
        ] {
            let c = format!("flow: c\naccount: b\non: call\nsteps:\n  one:\n    {step}\n");
            let all = [("a.yaml", &*a), ("b.yaml", &*b), ("c.yaml", &*c)];
            let (found, shown) = run(&all, &[], None);
            assert_eq!(found, code, "{shown}");
        }
    }

    #[test]
    fn a_folder_is_judged_with_its_organisation() {
        let source = include_str!("../../config/organisation.yaml");
        let now = Timestamp::from_micros(1_790_000_000_000_000);
        let directory = crate::config::organisation::OrganisationFile::read("o.yaml", source)
            .directory(&mut crate::model::Ids::new(now, 7), now)
            .unwrap();
        let against = Against {
            directory,
            file: "o.yaml".to_owned(),
            source: source.to_owned(),
            published: Vec::new(),
            carriers: BTreeMap::new(),
            now,
        };
        let flow = include_str!("../../flows/apply.yaml");
        let (code, shown) = run(&[("apply.yaml", flow)], &[], Some(&against));
        assert_eq!(code, 1);
        // The organisation names flows that are not in this folder.
        assert!(
            shown.contains("error[unknown-flow]: the number +12025550100 leads to `main-line`"),
            "{shown}"
        );
        assert!(shown.contains("--> o.yaml:"), "{shown}");
    }
}
