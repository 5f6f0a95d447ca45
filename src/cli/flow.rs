//! `signalbox flow …`: works on flow files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::flow::{
    self, Bounds, DirectoryNames, Fault, Names, NoNames, Organisation, Severity, Ways,
};
use crate::model::directory::Directory;
use crate::model::http::HttpRules;
use crate::model::{Capabilities, Timestamp};

use super::counted;
use super::drawing::{DiffArgs, GraphArgs};
use super::files;
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
    /// Exits with 1 when the flow has a fault, with 2 when the file cannot be read.
    ///
    /// Example: signalbox flow graph flows/main-line.yaml --output main-line.svg
    Graph(GraphArgs),
    /// Tells what changed in meaning between two revisions of a flow.
    ///
    /// Steps are compared by name: their order, comments and spelling do not count. Exits with 1 when something
    /// changed, with 2 when a file has faults or cannot be read.
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
    pub(super) published: Vec<String>,
    /// What the carriers of the connections can do, by the connection's key.
    pub(super) carriers: BTreeMap<String, Capabilities>,
    /// What flows may ask of other systems, where the configuration is known.
    pub(super) http: Option<HttpRules>,
    /// The folder of the sound files that flows play; `None`: `media` beside the flows.
    pub(super) media: Option<PathBuf>,
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
    let out = &mut super::Output::default();
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
    if let Some(left) = unchecked(args, against, &sources) {
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

/// A file as it was read.
#[derive(Debug)]
struct Source {
    /// As it was named.
    file: String,
    /// With a sign in place of each letter that is none.
    text: String,
    /// Why it is no text.
    odd: Option<Fault>,
}

impl Source {
    fn new(file: String, bytes: &[u8]) -> Self {
        // Of a file that is too large a character may be cut in the middle, which is not what is wrong with it.
        let whole = bytes.len() <= flow::SOURCE_BYTES_MAX;
        let read = flow::text_of(&file, bytes);
        Self {
            odd: read.err().filter(|_| whole),
            text: String::from_utf8_lossy(bytes).into_owned(),
            file,
        }
    }

    /// Its text, when it is one.
    fn readable(&self) -> Option<&str> {
        self.odd.is_none().then_some(&self.text)
    }
}

/// Every text looked at, and what is wrong with it.
type Found<'s> = Vec<(&'s str, Vec<Fault>)>;

fn look<'s>(args: &CheckArgs, against: Option<&'s Against>, sources: &'s [Source]) -> Found<'s> {
    // Of single files nothing follows about flows beside them, unless the store tells.
    let told = is_whole(args) || against.is_some_and(|against| !against.published.is_empty());
    let flows = match told {
        true => {
            let readable = sources.iter().filter_map(Source::readable);
            let published = against.iter().flat_map(|against| &against.published);
            flow::known(readable, published.map(String::as_str))
        }
        false => Vec::new(),
    };
    let names: Box<dyn Names> = match against {
        Some(against) => {
            let names = DirectoryNames::new(&against.directory, flows.clone());
            let names = names.with_carriers(against.carriers.clone());
            let names = names.with_sounds(sounds(against.media.as_deref(), &args.paths));
            Box::new(match &against.http {
                Some(rules) => names.with_http(rules.clone()),
                None => names,
            })
        }
        None => Box::new(NoNames),
    };
    let (mut found, told_empty) = each(args, names.as_ref(), sources);
    if let Some(against) = against.filter(|against| !against.published.is_empty()) {
        with_published(&against.published, sources, &mut found);
    }
    if let Some(against) = against.filter(|_| is_whole(args)) {
        let faults = flow::judge_organisation(&Organisation {
            directory: &against.directory,
            flows: Some(&flows),
            file: &against.file,
            source: &against.source,
            now: against.now,
            told_empty: &told_empty,
        });
        found.push((&against.source, faults));
    }
    found
}

/// What is wrong with the ways between flows of files and published ones.
fn with_published(published: &[String], sources: &[Source], found: &mut Found<'_>) {
    let files = sources
        .iter()
        .filter_map(|source| Some((source.file.as_str(), source.readable()?)));
    let published = published.iter().map(String::as_str);
    let together = flow::Together::beside(published, files);
    let of_files = sources
        .iter()
        .map(|source| source.readable().and_then(flow::name_of));
    for ((_, faults), name) in found.iter_mut().zip(of_files) {
        let fault = name.and_then(|name| together.fault(&name.account, &name.flow));
        let is_told = |fault: &Fault| {
            let same = |told: &Fault| (told.code, told.severity) == (fault.code, fault.severity);
            faults.iter().any(same)
        };
        faults.extend(fault.filter(|fault| !is_told(fault)));
    }
}

/// The names of the files in the folder of sound files, or in the folders `media` beside the flow files.
fn sounds(media: Option<&Path>, paths: &[PathBuf]) -> BTreeSet<String> {
    let beside = |path: &PathBuf| match path.is_dir() {
        true => path.join("media"),
        false => path.with_file_name("media"),
    };
    let folders: BTreeSet<PathBuf> = match media {
        Some(media) => BTreeSet::from([media.to_owned()]),
        None => paths.iter().map(beside).collect(),
    };
    let entries = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok());
    let names = entries
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

/// Groups, with their account's key before them.
type Groups = BTreeSet<(String, String)>;

/// What is wrong with each file, and with the ways between them; and the groups of which it was told that nobody is in
/// them.
fn each<'s>(args: &CheckArgs, names: &dyn Names, sources: &'s [Source]) -> (Found<'s>, Groups) {
    let bounds = Bounds {
        ring_s_max: args.max_ring,
        segments_max: args.max_segments,
    };
    let (mut found, mut told): (Found<'s>, Groups) = (Vec::new(), BTreeSet::new());
    let mut inspected = Vec::new();
    for source in sources {
        let text = source.text.as_str();
        if let Some(odd) = &source.odd {
            found.push((text, vec![odd.clone()]));
            continue;
        }
        let looked = flow::inspect(&source.file, text, names, &bounds);
        if let Some(name) = flow::name_of(text) {
            let groups = looked.used.empty_groups.into_iter();
            told.extend(groups.map(|group| (name.account.clone(), group)));
        }
        let flow = looked.flow.map(|flow| (flow, looked.passages));
        inspected.extend(flow.map(|(flow, steps)| (found.len(), &source.file, flow, steps)));
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
    let texts = |source: &'s Source| (source.file.as_str(), source.readable().unwrap_or_default());
    let texts: Vec<(&str, &str)> = sources.iter().map(texts).collect();
    for (at, fault) in flow::same_names(&texts) {
        found[at].1.push(fault);
    }
    (found, told)
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
    let (files, faults) = (counted(files, "flow file"), counted(faults, "fault"));
    writeln!(out, "{files}: {faults}, {}", counted(warnings, "warning"))
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
fn unchecked(args: &CheckArgs, against: Option<&Against>, sources: &[Source]) -> Option<String> {
    let Some(against) = against else {
        return Some(
            "not checked: names of accounts, people, groups, numbers, calendars, caseloads, columns and flows, and that sound files are there; give --organisation FILE or --config FILE".to_owned(),
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
    if against.http.is_none() && asks_systems(sources) {
        left.push("the addresses and secrets of `http`; give --config FILE");
    }
    (!left.is_empty()).then(|| format!("not checked: {}", left.join("; ")))
}

/// Whether a step of these flows asks another system.
fn asks_systems(sources: &[Source]) -> bool {
    let mut lines = sources.iter().flat_map(|source| source.text.lines());
    lines.any(|line| line.trim_start().starts_with("http:"))
}

/// The files of all paths with their text, for commands that need all of them to be texts.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
    let whole = |source: Source| match source.odd {
        None => Ok((source.file, source.text)),
        Some(odd) => Err(format!(
            "{}:{}:{}: {}",
            source.file, odd.line, odd.column, odd.message
        )),
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
    // A file of a folder may be named beside it.
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    if files.is_empty() {
        return Err("there is no flow file in these folders".to_owned());
    }
    if files.len() > FILES_MAX {
        return Err(format!("more than {FILES_MAX} files"));
    }
    let read = |path: &PathBuf| {
        let shown = path.display().to_string();
        match files::begin_of(path, flow::SOURCE_BYTES_MAX) {
            Ok(bytes) => Ok(Source::new(shown, &bytes)),
            Err(error) => Err(format!("{shown}: {error}")),
        }
    };
    files.iter().map(read).collect()
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = |error: io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(shown)?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        // Whoever opens a pipe waits for somebody to write into it; a link with nothing behind it is told.
        .filter(|path| files::is_yaml(path) && (path.is_file() || !path.exists()))
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
