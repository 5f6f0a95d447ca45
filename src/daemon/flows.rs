//! Flow files: read when the folder changes, checked, published when they are sound. A broken one is told
//! and the last good revision stays; an edit made elsewhere is never rolled back by an old file.

mod ahead;
mod judge;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::flow::{Fault, Flow};
use crate::metrics;
use crate::model::directory::Directory;
use crate::net::files;
use crate::store::{Actor, FlowFile, FlowRevision, NodeScope, Published, Stamp, Store};

use super::Daemon;
use ahead::{Folder, is_from};

pub use judge::{failed_tests, ground, ground_beside};

/// Editors write a file in several steps; it is read when this long nothing happened.
const QUIET: Duration = Duration::from_millis(300);
/// Notices of the file system that may wait; more say nothing new.
const NOTICES_MAX: usize = 1;

/// What came of one flow file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// `published`, `unchanged`, `refused`, `conflict`.
    pub outcome: &'static str,
    /// The faults' places or the conflict, without a word of the file.
    pub words: String,
    /// The flow it says it is, with its account, if that much can be read.
    pub flow: Option<(String, String)>,
    /// Tells one text of the file from another.
    text: u64,
}

impl FileReport {
    fn new(file: &Path, text: &str, (outcome, words): (&'static str, String)) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            file: file.to_owned(),
            outcome,
            words,
            flow: crate::flow::name_of(text).map(|name| (name.account, name.flow)),
            text: hasher.finish(),
        }
    }
}

/// Checks and publishes every flow file of a folder.
///
/// # Errors
/// The folder cannot be read or the store not be used; files that are merely wrong are reported.
pub async fn publish_folder(
    store: &Store,
    directory: &Directory,
    config: &crate::config::Config,
) -> anyhow::Result<Vec<FileReport>> {
    let (sources, listed) = read_folder(&config.flows, &config.limits)?;
    let folder = Arc::new(Folder::of(store, sources, listed).await?);
    let organisation = Arc::new(directory.clone());
    let left_out = folder.left_out(store, &organisation).await?;
    let free: Vec<bool> = left_out.iter().map(Option::is_none).collect();
    let (rules, judging) = (config.http.rules.clone(), folder.clone());
    let judged = blocking(move || {
        let sources = judging.sources.iter().zip(free);
        let sources: Vec<_> = sources
            .filter_map(|(source, free)| free.then_some(source))
            .collect();
        judge::judged(&organisation, &rules, &judging.active, &sources)
    });
    let mut judged = judged.await?.into_iter();
    let around = Around { store, directory };
    let mut reports = Vec::new();
    for (place, ((file, text), left)) in folder.sources.iter().zip(left_out).enumerate() {
        let done = match left.map_or_else(|| judged.next(), |left| Some(Err(left))) {
            Some(Ok(flow)) => {
                let of = folder.file(place);
                around.publish((file, of), text, &flow).await?
            }
            Some(Err(left)) => left,
            None => continue,
        };
        metrics::flow_reload(done.0);
        reports.push(FileReport::new(file, text, done));
    }
    Ok(reports)
}

/// Reading many flows and playing tests takes a while, and has no place on a thread that answers carriers.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}

/// What a file is published by.
struct Around<'a> {
    store: &'a Store,
    directory: &'a Directory,
}

/// A file's name in its folder, by which it is known however the folder is reached.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A file and its text.
type Source = (PathBuf, String);

/// The flow files of a folder in the order of their names, those that cannot be read left out with a word; and the names
/// of all of them.
fn read_folder(
    folder: &Path,
    limits: &crate::config::Limits,
) -> anyhow::Result<(Vec<Source>, Vec<String>)> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| anyhow::anyhow!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|file| files::is_yaml(file));
    // Whoever opens a pipe waits for somebody to write into it.
    files.retain(|file| {
        let regular = file.is_file();
        if !regular {
            tracing::warn!(file = %file.display(), "this is no regular file and is not read");
        }
        regular
    });
    files.sort();
    let listed = files.iter().map(|file| name_of(file)).collect();
    if let Some(first) = files.get(limits.flow_files_max) {
        tracing::warn!(
            folder = %folder.display(),
            files = files.len(),
            from = %first.display(),
            "more flow files than limits.flow_files_max; the last ones by name are not read"
        );
    }
    files.truncate(limits.flow_files_max);
    let mut sources = Vec::new();
    for file in files {
        match files::begin_of(&file, limits.flow_file_bytes_max) {
            Ok(bytes) if bytes.len() > limits.flow_file_bytes_max => {
                tracing::warn!(file = %file.display(), "a flow file is too large and is not read");
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => sources.push((file, text)),
                Err(_) => {
                    tracing::warn!(file = %file.display(), "a flow file is not written in UTF-8");
                }
            },
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "a flow file cannot be read");
            }
        }
    }
    Ok((sources, listed))
}

impl Around<'_> {
    async fn publish(
        &self,
        (file, of): (&Path, FlowFile<'_>),
        text: &str,
        checked: &Flow,
    ) -> anyhow::Result<(&'static str, String)> {
        let shown = file.display().to_string();
        let Some(account) = self.directory.account_by_key(&checked.account) else {
            let words = format!("{shown}: there is no account {}", checked.account);
            return Ok(("refused", words));
        };
        let stamp = Stamp {
            now: crate::ambient::now(),
            seed: crate::ambient::seed(),
        };
        let published =
            self.store
                .publish_file(&Actor::Node, account.id, &checked.key, text, of, stamp);
        Ok(match published.await? {
            Published::New(_) => ("published", String::new()),
            Published::Unchanged => ("unchanged", String::new()),
            Published::Conflict => ("conflict", format!("{shown}: {CONFLICT}")),
        })
    }
}

/// Where each fault stands and which it is. The line itself may hold a phone number, and this is logged;
/// `signalbox flow check` draws it.
fn places(faults: &[Fault]) -> String {
    let place = |fault: &Fault| {
        let Fault {
            file,
            line,
            column,
            code,
            ..
        } = fault;
        format!("{file}:{line}:{column}: {code}")
    };
    let places: Vec<String> = faults.iter().map(place).collect();
    places.join(", ")
}

/// What the writer of a file is told that would undo an edit.
const CONFLICT: &str = "the flow was changed elsewhere since this file was published; take what `signalbox flow show` prints into the file, \
     then `signalbox flow publish --based-on NUMBER`";

/// What was seen at the last look at the folder.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// The organisation's version that the files were checked against.
    version: i64,
    /// What was refused or in conflict then.
    left: Vec<FileReport>,
    /// The files that were there, each with the flow it last said it is.
    files: Vec<Held>,
    /// What the folder held just before they were read, unless they could not be.
    folder: Option<Fingerprint>,
}

/// A file, and the flow in it.
type Held = (PathBuf, Option<(String, String)>);

impl Looked {
    /// Whether a file was left that the organisation, or what is published, may say otherwise of now.
    fn is_worth_another(&self, daemon: &Daemon) -> bool {
        !self.left.is_empty() && daemon.directory().version != self.version
    }
}

/// Publishes what is in the folder, tells what is wrong unless it was told `before`, and takes what is right
/// into the world.
async fn publish_all(daemon: &Daemon, before: Looked) -> Looked {
    let (config, directory) = (daemon.config(), daemon.directory());
    let folder = fingerprint(&config.flows);
    let published = publish_folder(daemon.store(), &directory, config).await;
    let (left, files, folder) = match published {
        Ok(reports) => {
            let files = held(&reports, &before.files);
            tell_gone(daemon, &before.files, &files).await;
            (tell(reports, &before.left), files, Some(folder))
        }
        Err(error) => {
            tracing::warn!(%error, "the flows could not be looked at");
            (before.left, before.files, None)
        }
    };
    if let Err(error) = daemon.reload().await {
        tracing::warn!(
            code = error.code(),
            "the flows could not be read again; the last ones stay in force"
        );
    }
    Looked {
        version: directory.version,
        left,
        files,
        folder,
    }
}

/// The files of the folder with their flows. A file in which no flow can be read just now is still that of the last one.
fn held(reports: &[FileReport], before: &[Held]) -> Vec<Held> {
    let flow = |report: &FileReport| {
        let known = || before.iter().find(|(file, _)| *file == report.file);
        let flow = report.flow.clone();
        flow.or_else(|| known().and_then(|(_, flow)| flow.clone()))
    };
    let files = reports.iter();
    files
        .map(|report| (report.file.clone(), flow(report)))
        .collect()
}

/// A file taken away, or given another `flow:`, takes no flow away: numbers and keywords may lead to it. Of one that was
/// never published there is nothing to tell.
async fn tell_gone(daemon: &Daemon, before: &[Held], now: &[Held]) {
    let (gone, given_up) = (gone(before, now), given_up(before, now));
    if gone.is_empty() && given_up.is_empty() {
        return;
    }
    let Ok(active) = daemon.store().active_flows(NodeScope::daemon()).await else {
        return;
    };
    for file in gone {
        if is_followed(&active, file, |_| true) {
            tracing::info!(file = %file.display(), "a flow file is gone; what was published from it stays active");
        }
    }
    let directory = daemon.directory();
    for (file, account, flow) in given_up {
        let owner = directory.account_by_key(account).map(|account| account.id);
        if !is_followed(&active, file, |row| {
            Some(row.account) == owner && row.key == flow
        }) {
            continue;
        }
        tracing::info!(file = %file.display(), account, flow, "a flow file is another flow now; the one before has no file and stays as it was published");
    }
}

/// The files that are not there any more.
fn gone<'h>(before: &'h [Held], now: &[Held]) -> Vec<&'h Path> {
    let is_there = |file: &Path| now.iter().any(|(there, _)| there == file);
    let files = before.iter().map(|(file, _)| file.as_path());
    files.filter(|file| !is_there(file)).collect()
}

/// Whether one of these revisions that are active came from the file.
fn is_followed(active: &[FlowRevision], file: &Path, of: impl Fn(&FlowRevision) -> bool) -> bool {
    let (name, path) = (name_of(file), files::whole_path(file));
    let mut rows = active.iter();
    rows.any(|row| of(row) && is_from(row, &name, &path))
}

/// The flows whose file is there and is another flow's now, where no other file is theirs.
fn given_up<'h>(before: &'h [Held], now: &[Held]) -> Vec<(&'h Path, &'h str, &'h str)> {
    let mut found = Vec::new();
    for (file, flow) in before {
        let Some((account, key)) = flow else { continue };
        let is_there = now.iter().any(|(there, _)| there == file);
        if is_there && !now.iter().any(|(_, other)| other == flow) {
            found.push((file.as_path(), account.as_str(), key.as_str()));
        }
    }
    found
}

/// Tells what is new; what was not published.
fn tell(reports: Vec<FileReport>, before: &[FileReport]) -> Vec<FileReport> {
    let mut left = Vec::new();
    for report in reports {
        let file = report.file.display();
        match report.outcome {
            "published" => tracing::info!(%file, "a flow was published"),
            "unchanged" => {}
            outcome => {
                if is_news(&report, before) {
                    let hint = match outcome {
                        "refused" => {
                            "; `signalbox flow check` and `flow test` of the folder show why"
                        }
                        _ => "",
                    };
                    tracing::warn!(%file, outcome, words = report.words, "a flow was not published; the last one stays{hint}");
                }
                left.push(report);
            }
        }
    }
    left
}

/// Whether it was not told at the last look, of this very text.
fn is_news(report: &FileReport, before: &[FileReport]) -> bool {
    !before.contains(report)
}

/// Publishes after each change of the folder, until the daemon stops; what was refused also after each change of
/// the organisation, which may bring what a file names.
pub(super) async fn watch(daemon: Daemon, mut looked: Looked) {
    let (told, mut notices) = mpsc::channel(NOTICES_MAX);
    let hear = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_our_own_look(event.kind)) {
            return;
        }
        // A full queue says the same already.
        let _ = told.try_send(());
    };
    let stopping = daemon.stopping();
    let folder = daemon.config().flows.clone();
    let watcher = notify::recommended_watcher(hear).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    let _watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "the folder of flows is not watched");
            stopping.cancelled().await;
            return;
        }
    };
    let every = Duration::from_millis(daemon.config().limits.directory_poll_ms);
    loop {
        looked = caught_up(&daemon, looked).await;
        let again = !looked.left.is_empty() || looked.folder.is_none();
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = notices.recv() => {}
            () = tokio::time::sleep(every), if again => continue,
        }
        // Until the writer is done.
        while tokio::time::timeout(QUIET, notices.recv())
            .await
            .is_ok_and(|more| more.is_some())
        {}
    }
}

/// Publishes if there is a reason since the last look. A change between that and the first notice is one too.
async fn caught_up(daemon: &Daemon, looked: Looked) -> Looked {
    let folder = fingerprint(&daemon.config().flows);
    match looked.folder != Some(folder) || looked.is_worth_another(daemon) {
        true => publish_all(daemon, looked).await,
        false => looked,
    }
}

/// To look at the folder is told as well, and would be an endless reason for the next look.
fn is_our_own_look(kind: EventKind) -> bool {
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    kind.is_access() && kind != written
}

/// Each file with its length and when it was written.
type Fingerprint = Vec<(PathBuf, u64, Option<std::time::SystemTime>)>;

/// What the folder holds, so that reading it does not look like a change.
fn fingerprint(folder: &Path) -> Fingerprint {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let found = std::fs::metadata(&path).ok()?;
        Some((path, found.len(), found.modified().ok()))
    };
    let mut all: Vec<_> = entries.filter_map(of).collect();
    all.sort();
    all
}

/// What every node does first: the folder may have changed while none was running.
pub(super) async fn publish_at_start(daemon: &Daemon) -> Looked {
    if daemon.config().flows.is_dir() {
        return publish_all(daemon, Looked::default()).await;
    }
    tracing::warn!(folder = %daemon.config().flows.display(), "there is no folder of flows; only published ones run");
    Looked::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow;

    #[test]
    fn faults_are_told_without_the_line() {
        let source = "flow: f\naccount: a\non: call\nsteps:\n  x: { dail: +12025550143 }\n";
        let faults = flow::check("f.yaml", source, &flow::NoNames).unwrap_err();
        let words = places(&faults);
        assert!(words.starts_with("f.yaml:5:"), "{words}");
        assert!(words.contains(faults[0].code), "{words}");
        assert!(!words.contains("2025550143"), "{words}");
    }

    #[test]
    fn no_more_files_are_read_than_the_limit_says() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.yaml", "b.yml", "c.yaml", "d.txt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        // Opened, it would never come to an end.
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("aa.yaml")).unwrap();
        let mut limits = crate::config::Limits::default();
        for (most, names) in [(2, "a.yaml b.yml"), (3, "a.yaml b.yml c.yaml")] {
            limits.flow_files_max = most;
            let (read, listed) = read_folder(folder.path(), &limits).unwrap();
            assert_eq!(listed, ["a.yaml", "b.yml", "c.yaml"]);
            let read: Vec<String> = read.into_iter().map(|(_, text)| text).collect();
            assert_eq!(read.join(" "), names);
        }
    }

    #[tokio::test]
    async fn a_file_that_comes_between_two_looks_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let listen = crate::config::Listen::default();
        let config =
            crate::config::Config::demo(folder.path(), listen, "http://127.0.0.1:1", "token");
        let mut config = config.unwrap();
        config.flows = folder.path().join("flows");
        std::fs::create_dir_all(&config.flows).unwrap();
        let file = config.flows.join("late.yaml");
        let (daemon, _saving) = Daemon::open(config).await.unwrap();
        let looked = publish_at_start(&daemon).await;
        std::fs::write(&file, "flow: late\n").unwrap();
        let looked = caught_up(&daemon, looked).await;
        assert_eq!(looked.files, [(file, None)]);
    }
    fn report(text: &str) -> FileReport {
        FileReport::new(Path::new("a.yaml"), text, ("conflict", "words".to_owned()))
    }

    #[test]
    fn each_text_that_is_not_published_is_told_once() {
        let mut left = Vec::new();
        for (text, told) in [
            ("one", true),
            ("one", false),
            ("two", true),
            ("two", false),
            ("one", true),
        ] {
            let report = report(text);
            assert_eq!(is_news(&report, &left), told, "{text}");
            left = tell(vec![report], &left);
        }
    }

    #[test]
    fn only_of_what_was_published_it_is_told_that_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let row = |file: &str| FlowRevision {
            id: crate::model::Ids::new(crate::model::Timestamp::default(), 1).fresh(),
            account: crate::model::Ids::new(crate::model::Timestamp::default(), 2).fresh(),
            key: "fd".to_owned(),
            number: 1,
            yaml: String::new(),
            file: Some(file.to_owned()),
            published_by: String::new(),
            published_at: crate::model::Timestamp::default(),
        };
        let path = folder.path().canonicalize().unwrap().join("a.yaml");
        for (from, told) in [
            ("a.yaml", true),
            (path.to_str().unwrap(), true),
            ("b.yaml", false),
            ("/elsewhere/a.yaml", false),
        ] {
            assert_eq!(is_followed(&[row(from)], &file, |_| true), told, "{from}");
            assert!(!is_followed(&[row(from)], &file, |row| row.key == "fe"));
        }
        assert!(!is_followed(&[], &file, |_| true));
        let held: [Held; 1] = [(file.clone(), None)];
        assert_eq!(gone(&held, &[]), [file.as_path()]);
        assert!(gone(&held, &held).is_empty());
    }

    #[test]
    fn a_flow_whose_file_is_anothers_now_is_told() {
        let flow = |key: &str| format!("flow: {key}\naccount: a\non: call\n");
        let look = |files: &[(&str, &str)], before: &[Held]| {
            let report = |(file, text): &(&str, &str)| {
                FileReport::new(Path::new(file), text, ("unchanged", String::new()))
            };
            let reports: Vec<FileReport> = files.iter().map(report).collect();
            held(&reports, before)
        };
        let (fd, fe) = (flow("fd"), flow("fe"));
        let first = look(&[("a.yaml", &fd)], &[]);
        let broken = look(&[("a.yaml", "flow: [")], &first);
        assert_eq!(given_up(&first, &broken), []);
        let other = look(&[("a.yaml", &fe)], &broken);
        let told = [(Path::new("a.yaml"), "a", "fd")];
        assert_eq!(given_up(&broken, &other), told);
        assert_eq!(given_up(&other, &other), []);
        // Another file has it now.
        let moved = look(&[("a.yaml", &fe), ("b.yaml", &fd)], &first);
        assert_eq!(given_up(&first, &moved), []);
    }
}
