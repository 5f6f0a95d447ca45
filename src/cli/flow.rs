//! `signalbox flow …`: works on flow files.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::flow::{self, DirectoryNames, Fault, FlowName, Names, NoNames};
use crate::model::directory::Directory;

use super::drawing::{DiffArgs, GraphArgs};
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
    /// calendars, columns, flows) are checked too. Exits with 1 when there is a fault, with --strict also
    /// when there is a warning, with 2 when a path cannot be read.
    ///
    /// Example: signalbox flow check flows/ --organisation config/organisation.yaml
    Check(CheckArgs),
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
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The organisation whose names flows use, as a file.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub organisation: Option<PathBuf>,
    /// The configuration that names the store whose organisation flows use.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub json: bool,
    /// Take warnings for faults.
    #[arg(long)]
    pub strict: bool,
}

/// Checks the files and prints what is wrong with them; the exit code. `directory` is the organisation
/// whose names count; without one names are taken as good.
///
/// # Errors
/// Standard output cannot be written to.
pub fn check(args: &CheckArgs, directory: Option<&Directory>) -> anyhow::Result<i32> {
    let out = &mut io::stdout().lock();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    check_to(args, directory, colour, out)
}

/// What was found in all files.
#[derive(Debug, Default)]
struct Found {
    files: usize,
    faults: usize,
    warnings: usize,
}

fn check_to(
    args: &CheckArgs,
    directory: Option<&Directory>,
    colour: bool,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let sources = match sources(&args.paths) {
        Ok(sources) => sources,
        Err(words) => {
            eprintln!("error: {words}");
            return Ok(2);
        }
    };
    let flows: Vec<FlowName> = sources
        .iter()
        .filter_map(|(_, text)| flow::name_of(text))
        .collect();
    let names: Box<dyn Names> = match directory {
        Some(directory) => Box::new(DirectoryNames::new(directory, flows)),
        None => Box::new(NoNames),
    };
    let mut found = Found {
        files: sources.len(),
        ..Found::default()
    };
    for (file, source) in &sources {
        let (faults, warnings) = match flow::check(file, source, names.as_ref()) {
            Ok(checked) => (Vec::new(), checked.warnings),
            Err(faults) => (faults, Vec::new()),
        };
        found.faults += faults.len();
        found.warnings += warnings.len();
        for (list, warning) in [(&faults, false), (&warnings, true)] {
            for fault in list {
                show(args, fault, source, warning, colour, out)?;
            }
        }
    }
    if !args.json {
        summary(&found, directory.is_some(), out)?;
    }
    let refused = found.faults > 0 || (args.strict && found.warnings > 0);
    Ok(i32::from(refused))
}

fn show(
    args: &CheckArgs,
    fault: &Fault,
    source: &str,
    warning: bool,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if args.json {
        let level = if warning { "warning" } else { "error" };
        return writeln!(out, "{}", json!({ "level": level, "fault": fault }));
    }
    writeln!(out, "{}\n", fault.draw(source, warning, colour))
}

fn summary(found: &Found, named: bool, out: &mut dyn Write) -> io::Result<()> {
    let Found {
        files,
        faults,
        warnings,
    } = found;
    let names = if named {
        ""
    } else {
        "; names were not checked: give --organisation or --config"
    };
    writeln!(
        out,
        "{files} flow files: {faults} faults, {warnings} warnings{names}"
    )
}

/// The files of all paths with their text, in order.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
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
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    files.iter().map(read).collect()
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

    fn run(name: &str, source: &str, json: bool) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), source).unwrap();
        let args = CheckArgs {
            paths: vec![folder.path().to_owned()],
            organisation: None,
            config: None,
            json,
            strict: false,
        };
        let mut out = Vec::new();
        let code = check_to(&args, None, false, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        (
            code,
            shown.replace(&folder.path().display().to_string(), "FOLDER"),
        )
    }

    const SOUND: &str =
        "flow: a\naccount: b\non: call\nsteps:\n  one:\n    say: Hi\n    next: end\n";

    #[test]
    fn a_sound_file_is_told_in_one_line() {
        let (code, shown) = run("a.yaml", SOUND, false);
        assert_eq!(code, 0);
        assert!(
            shown.starts_with("1 flow files: 0 faults, 0 warnings"),
            "{shown}"
        );
    }

    #[test]
    fn a_fault_shows_its_line_and_the_nearest_name() {
        let (code, shown) = run("a.yaml", &SOUND.replace("next: end", "next: en"), false);
        assert_eq!(code, 1);
        assert!(shown.contains("FOLDER/a.yaml:7:11"), "{shown}");
        assert!(shown.contains("did you mean `end`?"), "{shown}");
        let (code, shown) = run("a.yaml", &SOUND.replace("next: end", "next: en"), true);
        assert_eq!(code, 1);
        let line: serde_json::Value = serde_json::from_str(shown.trim()).unwrap();
        assert_eq!(line["fault"]["code"], "unknown-step");
    }

    #[test]
    fn an_empty_folder_is_wrong_use() {
        assert_eq!(run("a.txt", "", false).0, 2);
    }
}
