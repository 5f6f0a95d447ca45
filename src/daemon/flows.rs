//! Flow files: read when the folder changes, checked, published when they are sound. A broken one is told
//! and the last good revision stays; an edit made elsewhere is never rolled back by an old file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::flow::{self, DirectoryNames, FlowName};
use crate::metrics;
use crate::model::directory::Directory;
use crate::store::{Actor, Published, Stamp, Store};

use super::Daemon;

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
    /// The faults or the conflict, for people.
    pub words: String,
}

/// Checks and publishes every flow file of a folder.
///
/// # Errors
/// The folder cannot be read or the store not be used; files that are merely wrong are reported.
pub async fn publish_folder(
    store: &Store,
    directory: &Directory,
    folder: &Path,
    limits: &crate::config::Limits,
) -> anyhow::Result<Vec<FileReport>> {
    let sources = read_folder(folder, limits)?;
    let known: Vec<FlowName> = sources
        .iter()
        .filter_map(|(_, text)| flow::name_of(text))
        .collect();
    let names = DirectoryNames::new(directory, known);
    let mut reports = Vec::new();
    for (file, text) in sources {
        let (outcome, words) = publish(store, directory, &names, &file, &text).await?;
        metrics::flow_reload(outcome);
        reports.push(FileReport {
            file,
            outcome,
            words,
        });
    }
    Ok(reports)
}

/// The flow files of a folder in the order of their names, those too large left out with a word.
fn read_folder(
    folder: &Path,
    limits: &crate::config::Limits,
) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| anyhow::anyhow!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
    });
    files.sort();
    files.truncate(limits.flow_files_max);
    let mut sources = Vec::new();
    for file in files {
        let size = std::fs::metadata(&file).map_or(0, |found| found.len());
        if size > limits.flow_file_bytes_max as u64 {
            tracing::warn!(file = %file.display(), bytes = size, "a flow file is too large and is not read");
            continue;
        }
        match std::fs::read_to_string(&file) {
            Ok(text) => sources.push((file, text)),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "a flow file cannot be read")
            }
        }
    }
    Ok(sources)
}

async fn publish(
    store: &Store,
    directory: &Directory,
    names: &DirectoryNames<'_>,
    file: &Path,
    text: &str,
) -> anyhow::Result<(&'static str, String)> {
    let shown = file.display().to_string();
    let checked = match flow::check(&shown, text, names) {
        Ok(checked) => checked,
        Err(faults) => return Ok(("refused", flow::render(text, &faults))),
    };
    let Some(account) = directory.account_by_key(&checked.flow.account) else {
        return Ok((
            "refused",
            format!("{shown}: there is no account {}", checked.flow.account),
        ));
    };
    let name = file
        .file_name()
        .map_or(shown.clone(), |name| name.to_string_lossy().into_owned());
    let stamp = Stamp {
        now: crate::ambient::now(),
        seed: crate::ambient::seed(),
    };
    let published = store
        .publish_file(
            &Actor::Node,
            account.id,
            &checked.flow.key,
            text,
            &name,
            stamp,
        )
        .await?;
    Ok(match published {
        Published::New(_) => ("published", String::new()),
        Published::Unchanged => ("unchanged", String::new()),
        Published::Conflict => (
            "conflict",
            format!(
                "{shown}: the flow was edited elsewhere since this file was read; export it before you change the file"
            ),
        ),
    })
}

/// Publishes what is in the folder, tells what is wrong and takes what is right into the world.
pub(super) async fn publish_all(daemon: &Daemon) {
    let (config, directory) = (daemon.config(), daemon.directory());
    match publish_folder(daemon.store(), &directory, &config.flows, &config.limits).await {
        Ok(reports) => reports.iter().for_each(tell),
        Err(error) => tracing::warn!(%error, "the flows could not be looked at"),
    }
    if let Err(error) = daemon.reload().await {
        tracing::warn!(
            code = error.code(),
            "the flows could not be read again; the last ones stay in force"
        );
    }
}

fn tell(report: &FileReport) {
    let file = report.file.display();
    match report.outcome {
        "published" => tracing::info!(%file, "a flow was published"),
        "unchanged" => {}
        _ => {
            tracing::warn!(%file, outcome = report.outcome, "a flow was not published; the last one stays\n{}", report.words)
        }
    }
}

/// Publishes after each change of the folder, until the daemon stops.
pub(super) async fn watch(daemon: Daemon) {
    let (told, mut notices) = mpsc::channel(NOTICES_MAX);
    let hear = move |_: notify::Result<notify::Event>| {
        // A full queue says the same already.
        let _ = told.try_send(());
    };
    let folder = daemon.config().flows.clone();
    let watcher = notify::recommended_watcher(hear).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    let _watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "the folder of flows is not watched");
            return;
        }
    };
    let stopping = daemon.stopping();
    let mut hash = fingerprint(&folder);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = notices.recv() => {}
        }
        // Until the writer is done.
        while tokio::time::timeout(QUIET, notices.recv())
            .await
            .is_ok_and(|more| more.is_some())
        {}
        let now = fingerprint(&folder);
        if now != hash {
            hash = now;
            publish_all(&daemon).await;
        }
    }
}

/// What the folder holds, so that reading it does not look like a change.
fn fingerprint(folder: &Path) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
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
pub(super) async fn publish_at_start(daemon: &Daemon) {
    if daemon.config().flows.is_dir() {
        publish_all(daemon).await;
    } else {
        tracing::warn!(folder = %daemon.config().flows.display(), "there is no folder of flows; only published ones run");
    }
}
