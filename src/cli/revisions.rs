//! `signalbox flow publish`, `history`, `show` and `rollback`: the revisions of flows in the store.
//!
//! A revision is never changed: who edits publishes the next one, who is sorry makes an earlier one active again.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::ambient;
use crate::daemon;
use crate::flow::{self, Checked, DirectoryNames, Fault};
use crate::model::directory::Directory;
use crate::model::http::HttpRules;
use crate::model::{AccountId, RevisionId};
use crate::net::files::whole_path;
use crate::store::{
    AccountScope, Activation, Actor, FlowFile, FlowRevision, NodeScope, Published, Stamp, Store,
    StoreError, Written,
};

use super::files;
use super::user::login;

/// What is published.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The flow's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The revision that was edited, by its number: for a text that comes from elsewhere than the last one did.
    #[arg(long, value_name = "NUMBER")]
    pub based_on: Option<i64>,
    /// The configuration that names the store.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    pub config: PathBuf,
}

/// Which flow is meant.
#[derive(Debug, Args)]
pub struct WhichFlow {
    /// The flow's key.
    #[arg(value_name = "FLOW")]
    pub flow: String,
    /// Its account's key, where several accounts have a flow of this name.
    #[arg(long, value_name = "KEY")]
    pub account: Option<String>,
    /// The configuration that names the store.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    pub config: PathBuf,
}

/// Whose revisions are listed.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Which flow.
    #[command(flatten)]
    pub which: WhichFlow,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}

/// Which text is shown.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which flow.
    #[command(flatten)]
    pub which: WhichFlow,
    /// The revision's number; the active one's without it.
    #[arg(long, value_name = "NUMBER")]
    pub revision: Option<i64>,
}

/// Which revision is made active again.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Which flow.
    #[command(flatten)]
    pub which: WhichFlow,
    /// The revision's number; without it the one before the active one that says something else.
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<i64>,
}

/// Publishes a file; the exit code. `folder` is the one whose files are published when they change.
///
/// # Errors
/// The file cannot be read or the store not be used.
pub async fn publish(
    args: &PublishArgs,
    store: &Store,
    folder: &Path,
    http: Option<&HttpRules>,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let shown = args.file.display().to_string();
    let text = files::flow_text_of(&args.file)?;
    let directory = store.directory(NodeScope::daemon()).await?;
    let around = Surroundings {
        directory: &directory,
        http,
    };
    let checked = match sound(store, &around, &shown, &text).await? {
        Ok(checked) => checked,
        Err(faults) => return refused(&faults, &text, out),
    };
    if !passes(store, &directory, &checked, &shown, out).await? {
        return Ok(1);
    }
    let flow = checked.flow;
    let account = directory
        .account_by_key(&flow.account)
        .with_context(|| format!("there is no account {}", flow.account))?;
    let place = Place {
        store,
        account: account.id,
        key: flow.key.clone(),
    };
    let done = match args.based_on {
        Some(number) => {
            let file = known_as(&args.file, folder);
            place.publish_over(number, &file, &text).await?
        }
        None => place.publish_file(&args.file, &text).await?,
    };
    place.told(done, &text, out).await
}

pub(super) fn refused(faults: &[Fault], text: &str, out: &mut dyn Write) -> anyhow::Result<i32> {
    for fault in faults {
        writeln!(out, "{}\n", fault.draw(text, false))?;
    }
    writeln!(out, "refused: {}", super::counted(faults.len(), "fault"))?;
    Ok(1)
}

/// Checks a text against the organisation, the flows that are active in the store, and what the configuration says.
pub(super) async fn sound(
    store: &Store,
    around: &Surroundings<'_>,
    shown: &str,
    text: &str,
) -> anyhow::Result<Result<Checked, Vec<Fault>>> {
    let active = store.active_flows(NodeScope::daemon()).await?;
    let texts = active.iter().map(|row| row.yaml.as_str());
    let known = flow::known([text], texts.clone());
    let mut names = DirectoryNames::new(around.directory, known);
    if let Some(http) = around.http {
        names = names.with_http(http.clone());
    }
    let together = flow::Together::beside(texts, [(shown, text)]);
    Ok(flow::check(shown, text, &names).and_then(|checked| together.allow(checked)))
}

/// What a flow is judged by, beside the flows that are active.
pub(super) struct Surroundings<'a> {
    pub(super) directory: &'a Directory,
    /// What flows may ask of other systems.
    pub(super) http: Option<&'a HttpRules>,
}

/// Whether a flow's tests pass; tells which do not.
async fn passes(
    store: &Store,
    directory: &Directory,
    checked: &Checked,
    shown: &str,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let failed = failing(store, directory, checked).await?;
    if !failed.is_empty() {
        let failed = failed.join("\n  ");
        writeln!(
            out,
            "refused: these tests of {shown} fail:\n  {failed}\nSee them with `signalbox flow test`."
        )?;
    }
    Ok(failed.is_empty())
}

/// The tests of a flow that fail, played beside the flows that are active.
async fn failing(
    store: &Store,
    directory: &Directory,
    checked: &Checked,
) -> anyhow::Result<Vec<String>> {
    let active = store.active_flows(NodeScope::daemon()).await?;
    let ground = daemon::ground_beside(directory, &active, [&checked.flow]);
    let failed = daemon::failed_tests(&ground, checked).into_iter();
    Ok(failed
        .map(|(line, name)| format!("{line}: {name}"))
        .collect())
}

/// Lists a flow's revisions, newest first.
///
/// # Errors
/// There is no such flow, or the store cannot be read.
pub async fn history(
    args: &HistoryArgs,
    store: &Store,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let place = args.which.find(store).await?;
    let (rows, active) = place.history().await?;
    let activation = place.activation().await?;
    for row in &rows {
        let chosen = activation.as_ref().filter(|_| Some(row.id) == active);
        let line = Line::of(row, chosen);
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string(&line)?)?,
            false => writeln!(out, "{line}")?,
        }
    }
    Ok(0)
}

/// A revision as it is listed.
#[derive(Serialize)]
struct Line<'r> {
    number: i64,
    active: bool,
    published_at: String,
    published_by: &'r str,
    file: Option<&'r str>,
    /// Since when it is active, and who made it so; of the active one.
    active_since: Option<String>,
    active_by: Option<&'r str>,
}

impl<'r> Line<'r> {
    fn of(row: &'r FlowRevision, active: Option<&'r Activation>) -> Self {
        Self {
            active_since: active.map(|one| one.at.to_string()),
            active_by: active.map(|one| one.actor.as_str()),
            number: row.number,
            active: active.is_some(),
            published_at: row.published_at.to_string(),
            published_by: &row.published_by,
            file: row.file.as_deref(),
        }
    }
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.active { '*' } else { ' ' };
        let (number, at, by) = (self.number, &self.published_at, self.published_by);
        write!(f, "{mark} {number:>4}  {at}  {by}")?;
        if let Some(file) = self.file {
            write!(f, "  {file}")?;
        }
        match (&self.active_since, self.active_by) {
            (Some(since), Some(by)) if since != at => {
                write!(f, "  active again since {since} by {by}")
            }
            _ => Ok(()),
        }
    }
}

/// Prints a revision's text.
///
/// # Errors
/// There is no such flow or revision, or the store cannot be read.
pub async fn show(args: &ShowArgs, store: &Store, out: &mut dyn Write) -> anyhow::Result<i32> {
    let place = args.which.find(store).await?;
    let row = match args.revision {
        Some(number) => place.find(|row| row.number == number).await?,
        None => place.active().await?,
    };
    out.write_all(row.yaml.as_bytes())?;
    Ok(0)
}

/// Makes an earlier revision active again, if it is still sound.
///
/// # Errors
/// There is no such flow or revision, somebody published meanwhile, or the store cannot be used.
pub async fn rollback(
    args: &RollbackArgs,
    store: &Store,
    http: Option<&HttpRules>,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let place = args.which.find(store).await?;
    let key = &place.key;
    let active = place.active().await?;
    let row = match args.to {
        Some(number) => place.find(|row| row.number == number).await?,
        None => place.before(&active).await?,
    };
    ensure!(
        row.id != active.id,
        "revision {} of {key} is active already",
        row.number
    );
    // People may have left since whom it names.
    let directory = store.directory(NodeScope::daemon()).await?;
    let shown = format!("{key}, revision {}", row.number);
    let around = Surroundings {
        directory: &directory,
        http,
    };
    let checked = match sound(store, &around, &shown, &row.yaml).await? {
        Ok(checked) => checked,
        Err(faults) => return refused(&faults, &row.yaml, out),
    };
    if !passes(store, &directory, &checked, &shown, out).await? {
        return Ok(1);
    }
    let actor = Actor::Cli(login());
    let (seen, now) = (Some(active.id), ambient::now());
    let done = store.activate(&actor, place.account, row.id, seen, now);
    match done.await {
        Err(StoreError::Conflict(_)) => return place.overtaken(out).await,
        done => done?,
    }
    let (now, was) = (row.number, active.number);
    writeln!(
        out,
        "{key}: revision {now} is active again, in place of {was}."
    )?;
    Ok(0)
}

impl WhichFlow {
    /// The account and key of a flow that has been published.
    async fn find<'s>(&self, store: &'s Store) -> anyhow::Result<Place<'s>> {
        let directory = store.directory(NodeScope::daemon()).await?;
        if let Some(account) = &self.account
            && directory.account_by_key(account).is_none()
        {
            let keys = directory.accounts().map(|one| one.key.as_str());
            let help = flow::suggest(account, keys);
            return Err(super::misused(anyhow!(
                "there is no account {account}; {help}"
            )));
        }
        let active = store.active_flows(NodeScope::daemon()).await?;
        let account_of = |row: &FlowRevision| {
            let account = directory.account(row.account);
            account.map_or_else(String::new, |account| account.key.clone())
        };
        let wanted = |row: &&FlowRevision| {
            let account = self.account.as_ref();
            row.key == self.flow && account.is_none_or(|account| *account == account_of(row))
        };
        let found: Vec<&FlowRevision> = active.iter().filter(wanted).collect();
        match found.as_slice() {
            [only] => Ok(Place {
                store,
                account: only.account,
                key: only.key.clone(),
            }),
            [] => bail!("there is no published flow {}", self.flow),
            several => {
                let accounts: Vec<String> = several.iter().map(|row| account_of(row)).collect();
                let (flow, accounts) = (&self.flow, accounts.join(", "));
                bail!("several accounts have a flow {flow}: name one with --account ({accounts})")
            }
        }
    }
}

/// A flow in the store.
#[derive(Debug)]
struct Place<'s> {
    store: &'s Store,
    account: AccountId,
    key: String,
}

impl Place<'_> {
    async fn history(&self) -> anyhow::Result<(Vec<FlowRevision>, Option<RevisionId>)> {
        let scope = AccountScope::of_operator(self.account);
        Ok(self.store.history(scope, &self.key).await?)
    }

    async fn activation(&self) -> anyhow::Result<Option<Activation>> {
        let scope = AccountScope::of_operator(self.account);
        Ok(self.store.activation(scope, &self.key).await?)
    }

    async fn find(&self, wanted: impl Fn(&FlowRevision) -> bool) -> anyhow::Result<FlowRevision> {
        let (rows, _) = self.history().await?;
        let found = rows.into_iter().find(wanted);
        found.with_context(|| format!("{} has no such revision; see `flow history`", self.key))
    }

    async fn active(&self) -> anyhow::Result<FlowRevision> {
        let (rows, active) = self.history().await?;
        let found = rows.into_iter().find(|row| Some(row.id) == active);
        match (found, active) {
            (Some(found), _) => Ok(found),
            // It is older than what the history tells.
            (None, Some(id)) => {
                let found = self.store.revision(NodeScope::daemon(), id).await?;
                found.with_context(|| format!("{} has no active revision", self.key))
            }
            (None, None) => bail!("{} has no active revision", self.key),
        }
    }

    /// The revision before one that says something else. Where the same was said before that already, as after a
    /// rollback that was taken over into the file, one of them was not wanted, and which is not guessed.
    async fn before(&self, active: &FlowRevision) -> anyhow::Result<FlowRevision> {
        let number = active.number;
        let (mut rows, _) = self.history().await?;
        rows.retain(|row| row.number < number);
        let other = rows.iter().position(|row| row.yaml != active.yaml);
        let other = other.with_context(|| format!("nothing comes before revision {number}"))?;
        let earlier = &rows[other + 1..];
        if let Some(same) = earlier.iter().find(|row| row.yaml == active.yaml) {
            let (same, other) = (same.number, rows[other].number);
            bail!(
                "revision {number} says what {same} said, and {other} between them says something else; \
                 name the one you want with --to"
            );
        }
        Ok(rows.swap_remove(other))
    }

    /// Tells what stands in the way of a publication; the exit code.
    async fn conflict(&self, out: &mut dyn Write) -> anyhow::Result<i32> {
        let active = self.active().await?;
        writeln!(
            out,
            "{key}: not published: the flow was changed elsewhere since (revision {number} of {at} by {by} is active). \
             Look at it with `signalbox flow show {key}`, take its changes into the file, and publish with --based-on {number}.",
            key = self.key,
            number = active.number,
            at = active.published_at,
            by = active.published_by,
        )?;
        Ok(1)
    }

    /// Tells who was faster than a rollback; the exit code.
    async fn overtaken(&self, out: &mut dyn Write) -> anyhow::Result<i32> {
        let FlowRevision {
            number,
            published_at: at,
            published_by: by,
            ..
        } = self.active().await?;
        let key = &self.key;
        writeln!(
            out,
            "{key}: not rolled back: the flow was changed meanwhile (revision {number} of {at} by {by} is active). \
             Look at it with `signalbox flow show {key}`, then roll back again with --to."
        )?;
        Ok(1)
    }

    /// Tells what came of a publication; the exit code.
    async fn told(&self, done: Published, text: &str, out: &mut dyn Write) -> anyhow::Result<i32> {
        let key = &self.key;
        match done {
            Published::New(id) => {
                let number = self.find(|row| row.id == id).await?.number;
                writeln!(
                    out,
                    "{key}: revision {number} is active. Calls and texts under way end on theirs."
                )?;
                Ok(0)
            }
            // The file says what it said, and another revision is active: that one was chosen on purpose.
            Published::Unchanged if self.active().await?.yaml != text => self.conflict(out).await,
            Published::Unchanged => {
                writeln!(
                    out,
                    "{key}: nothing to publish; the file says what it said before."
                )?;
                Ok(0)
            }
            Published::Conflict => self.conflict(out).await,
        }
    }

    /// Publishes a file. It is known by its name, unless what is active was published out of this very place.
    async fn publish_file(&self, file: &Path, text: &str) -> anyhow::Result<Published> {
        let (name, path) = (bare_name(file), whole_path(file));
        let is_its = |row: &FlowRevision| row.file.as_ref() == Some(&path);
        let active = self.active().await.ok();
        let name = match active.is_some_and(|row| is_its(&row)) {
            true => path,
            false => name,
        };
        let file = FlowFile {
            name: &name,
            path: None,
            folder: std::slice::from_ref(&name),
        };
        let actor = Actor::Cli(login());
        let published =
            self.store
                .publish_file(&actor, self.account, &self.key, text, file, stamp());
        Ok(published.await?)
    }

    async fn publish_over(&self, number: i64, file: &str, text: &str) -> anyhow::Result<Published> {
        let active = self.active().await?;
        if active.number != number {
            self.find(|row| row.number == number).await?;
            return Ok(Published::Conflict);
        }
        if active.yaml == text {
            return Ok(Published::Unchanged);
        }
        let (actor, seen) = (Actor::Cli(login()), Some(active.id));
        let written = Written {
            yaml: text,
            file: Some(file),
        };
        let published = self
            .store
            .publish(&actor, self.account, &self.key, written, seen, stamp());
        match published.await {
            Ok(id) => Ok(Published::New(id)),
            // Somebody was faster, between the look and the publication.
            Err(StoreError::Conflict(_)) => Ok(Published::Conflict),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a file is known by that is published over an edit: its name, where it is one of this folder, whose later
/// changes are published too; and else its whole path.
fn known_as(file: &Path, folder: &Path) -> String {
    // A link of the folder is a file of it, wherever it leads.
    let file_there = std::path::absolute(file).ok();
    let parent = file_there.and_then(|file| file.parent()?.canonicalize().ok());
    let is_in_folder = parent.is_some() && parent == folder.canonicalize().ok();
    match is_in_folder {
        true => bare_name(file),
        false => whole_path(file),
    }
}

fn bare_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

fn stamp() -> Stamp {
    Stamp {
        now: ambient::now(),
        seed: ambient::seed(),
    }
}

#[cfg(test)]
mod tests;
