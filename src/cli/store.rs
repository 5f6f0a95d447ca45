//! What commands need of the store and of the files beside it: opened, read, handed on.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::ambient;
use crate::config::organisation::{FlowRef, OrganisationFile};
use crate::config::{Config, FILE_BYTES_MAX, StoreAddress};
use crate::daemon;
use crate::decide::explain::{Recorded, people_known};
use crate::decide::replay::inputs_of;
use crate::decide::{Flows, World};
use crate::flow::{self, DirectoryNames, Kind};
use crate::model::directory::Directory;
use crate::model::organisation::OrgChange;
use crate::model::people::Contact;
use crate::model::{EventId, Ids, Party, Phone, RevisionId};
use crate::store::{Actor, NodeScope, Store, StoreAt};

use super::explain::{ExplainCommand, Happened};
use super::files;
use super::flow::{Against, CheckArgs, FlowCommand};
use super::flow_test::{Known, OrganisationArgs};
use super::organisation::{self, ApplyArgs, OrganisationStore, Snapshot, Surroundings};
use super::{Output, env};
use super::{drawing, replay, revisions, user};

/// Opens and migrates the store that a configuration names.
pub(super) async fn open(config: &Config) -> anyhow::Result<Store> {
    let store = Store::open(&daemon::store_at(config))
        .await
        .context("the store")?;
    store.migrate().await.context("the store's migrations")?;
    Ok(store)
}

/// Opens the store that a configuration names, for a command that changes nothing: what is not there is not made,
/// and the schema stays as it is.
async fn open_to_look(config: &Config) -> anyhow::Result<Store> {
    if let StoreAddress::Sqlite(file) = &config.store {
        let shown = file.display();
        anyhow::ensure!(
            file.exists(),
            "there is no store at {shown} yet; `signalbox apply` makes it"
        );
    }
    Store::open(&daemon::store_at(config))
        .await
        .context("the store")
}

/// The configuration of a file; that there is none of this name is wrong use.
pub(super) fn config(file: &Path) -> anyhow::Result<Config> {
    let read = Config::load(file, &env);
    read.map_err(|problems| match file.exists() {
        true => problems.into(),
        false => super::misused(problems),
    })
}

/// The store as the command `apply` sees it.
struct Opened<'s> {
    store: &'s Store,
    /// The version that was last looked at.
    seen: std::cell::Cell<i64>,
}

impl<'s> Opened<'s> {
    fn new(store: &'s Store) -> Self {
        Self {
            store,
            seen: std::cell::Cell::new(0),
        }
    }
}

impl OrganisationStore for Opened<'_> {
    async fn snapshot(&self, phones: &[(&str, Phone)]) -> anyhow::Result<Snapshot> {
        let scope = NodeScope::daemon();
        let directory = self.store.directory(scope).await?;
        self.seen.set(directory.version);
        let of = |(account, phone): &(&str, Phone)| {
            Some((directory.account_by_key(account)?.id, Party::Phone(*phone)))
        };
        let known: Vec<_> = phones.iter().filter_map(of).collect();
        let published = self.store.active_flows(scope).await?;
        let flows = published.iter().filter_map(|row| {
            let name = flow::name_of(&row.yaml)?;
            Some(FlowRef {
                account: name.account,
                key: name.flow,
                call: name.kind == Kind::Call,
            })
        });
        Ok(Snapshot {
            cost_centres: self.store.cost_centres(scope).await?,
            contacts: self.store.contacts_with(scope, &known).await?,
            flows: flows.collect(),
            directory: Arc::new(directory),
        })
    }

    async fn save(&self, changes: Vec<OrgChange>) -> anyhow::Result<()> {
        let actor = Actor::Cli(user::login());
        self.store
            .apply(&actor, ambient::now(), self.seen.get(), changes)
            .await?;
        Ok(())
    }
}

pub(super) async fn apply(args: &ApplyArgs) -> anyhow::Result<i32> {
    let (store, connections, folder) = match &args.data {
        Some(data) => {
            let file = data.join("signalbox.db");
            let store = Store::open(&StoreAt::Sqlite { file })
                .await
                .context("the store")?;
            store.migrate().await.context("the store's migrations")?;
            (store, None, "flows".into())
        }
        None => {
            let config = config(&args.config)?;
            let keys = config
                .connections
                .iter()
                .map(|connection| connection.key.clone());
            (
                open(&config).await?,
                Some(keys.collect::<Vec<_>>()),
                config.flows,
            )
        }
    };
    let mut confirm = organisation::confirm_on_terminal;
    let mut around = Surroundings {
        connections: connections.as_deref(),
        flows: organisation::flows_in(&folder),
        now: ambient::now(),
        seed: ambient::seed(),
        out: &mut Output::default(),
        err: &mut std::io::stderr(),
        confirm: &mut confirm,
    };
    let exit = organisation::apply(args, &Opened::new(&store), &mut around).await;
    store.close().await;
    exit
}

/// Applies a file without a word, for the demo.
pub(super) async fn apply_quietly(
    store: &Store,
    file: &Path,
    flows: &Path,
    config: &Config,
) -> anyhow::Result<()> {
    let args = ApplyArgs {
        file: file.to_owned(),
        yes: true,
        config: Default::default(),
        data: None,
        json: false,
    };
    let connections: Vec<String> = config
        .connections
        .iter()
        .map(|connection| connection.key.clone())
        .collect();
    let mut complaints = Vec::new();
    let mut around = Surroundings {
        connections: Some(&connections),
        flows: organisation::flows_in(flows),
        now: ambient::now(),
        seed: ambient::seed(),
        out: &mut std::io::sink(),
        err: &mut complaints,
        confirm: &mut |_| None,
    };
    let exit = organisation::apply(&args, &Opened::new(store), &mut around).await?;
    anyhow::ensure!(exit == 0, "{}", String::from_utf8_lossy(&complaints));
    Ok(())
}

/// The organisation of a file alone.
fn organisation_of(file: &Path) -> anyhow::Result<Directory> {
    let now = ambient::now();
    Ok(read_organisation(file)?.directory(&mut Ids::new(now, ambient::seed()), now)?)
}

fn read_organisation(file: &Path) -> anyhow::Result<OrganisationFile> {
    let shown = file.display().to_string();
    let source = files::named(file, files::text_of(file, FILE_BYTES_MAX))?;
    Ok(OrganisationFile::read(&shown, source))
}

pub(super) async fn flow(command: &FlowCommand) -> anyhow::Result<i32> {
    let out = &mut Output::default();
    match command {
        FlowCommand::Check(args) => check(args).await,
        FlowCommand::Schema => super::flow::schema(),
        FlowCommand::Test(args) => {
            let source = &args.source;
            let known = known_to(source).await?;
            super::flow_test::test(args, known.as_ref())
        }
        FlowCommand::Simulate(args) => {
            let source = &args.source;
            let known = known_to(source).await?;
            super::flow_simulate::simulate(args, known.as_ref())
        }
        FlowCommand::Graph(args) => drawing::graph(args, out, &mut std::io::stderr()),
        FlowCommand::Diff(args) => drawing::diff(args, out, &mut std::io::stderr()),
        FlowCommand::Replay(args) => {
            let config = config(&args.config)?;
            let store = open_to_look(&config).await?;
            let done = async {
                let world = daemon::world(&config, &store).await?;
                replay::replay(args, &world, &store, out).await
            };
            closing(&store, done.await).await
        }
        FlowCommand::Publish(args) => {
            let config = config(&args.config)?;
            let (store, http) = (open(&config).await?, Some(&config.http.rules));
            let published = revisions::publish(args, &store, &config.flows, http, out);
            closing(&store, published.await).await
        }
        FlowCommand::History(args) => {
            let store = open_to_look(&config(&args.which.config)?).await?;
            closing(&store, revisions::history(args, &store, out).await).await
        }
        FlowCommand::Show(args) => {
            let store = open_to_look(&config(&args.which.config)?).await?;
            closing(&store, revisions::show(args, &store, out).await).await
        }
        FlowCommand::Rollback(args) => {
            let config = config(&args.which.config)?;
            let (store, http) = (open(&config).await?, Some(&config.http.rules));
            closing(&store, revisions::rollback(args, &store, http, out).await).await
        }
    }
}

async fn closing(store: &Store, done: anyhow::Result<i32>) -> anyhow::Result<i32> {
    store.close().await;
    done
}

/// The organisation on which flows are tried: with the contacts of its file, which those of a store are not, being
/// real people, and with the flows of its store.
async fn known_to(source: &OrganisationArgs) -> anyhow::Result<Option<Known>> {
    match (&source.organisation, &source.config) {
        (Some(file), _) => {
            let (directory, contacts) = whole_of(file)?;
            Ok(Some(Known {
                directory,
                contacts,
                published: Vec::new(),
            }))
        }
        (None, Some(file)) => {
            let store = open_to_look(&config(file)?).await?;
            let known = known_to_store(&store).await;
            store.close().await;
            known.map(Some)
        }
        (None, None) => Ok(None),
    }
}

async fn known_to_store(store: &Store) -> anyhow::Result<Known> {
    let scope = NodeScope::daemon();
    Ok(Known {
        directory: store.directory(scope).await?,
        contacts: Vec::new(),
        published: store.active_flows(scope).await?,
    })
}

/// The organisation of a file, with its contacts.
fn whole_of(file: &Path) -> anyhow::Result<(Directory, Vec<Contact>)> {
    let now = ambient::now();
    let whole = read_organisation(file)?.whole(&mut Ids::new(now, ambient::seed()), now);
    whole.map_err(anyhow::Error::new)
}

async fn check(args: &CheckArgs) -> anyhow::Result<i32> {
    if let Some(code) = &args.explain {
        return super::flow::explain(code);
    }
    let against = match (&args.organisation, &args.config) {
        (Some(file), _) => Some(against_file(file)),
        (None, Some(file)) => Some(against_store(file).await),
        (None, None) => None,
    };
    match against.transpose() {
        Ok(against) => super::flow::check(args, against.as_ref()),
        Err(error) => {
            eprintln!("{}", super::told(&error));
            Ok(2)
        }
    }
}

/// The organisation of a file, for the check of flows.
fn against_file(file: &Path) -> anyhow::Result<Against> {
    let directory = organisation_of(file)?;
    let shown = file.display().to_string();
    // Without a configuration a connection can only be known by its name.
    let numbers = directory.numbers().map(|number| &number.connection);
    let able = |connection: &String| {
        let carrier = crate::carrier::by_kind(connection)?;
        Some((connection.clone(), carrier.capabilities()))
    };
    let carriers = numbers.filter_map(able).collect();
    Ok(Against {
        directory,
        source: files::text_of(file, FILE_BYTES_MAX).with_context(|| shown.clone())?,
        file: shown,
        published: Vec::new(),
        carriers,
        http: None,
        media: None,
        now: ambient::now(),
    })
}

/// The organisation and the flows of a store, for the check of flows.
async fn against_store(file: &Path) -> anyhow::Result<Against> {
    let config = config(file)?;
    let store = open_to_look(&config).await?;
    let known = known_to_store(&store).await;
    store.close().await;
    let Known {
        directory,
        published,
        ..
    } = known?;
    let able = |connection: &crate::model::Connection| {
        let carrier = crate::carrier::by_kind(&connection.kind)?;
        Some((connection.key.clone(), carrier.capabilities()))
    };
    Ok(Against {
        directory,
        file: format!("{} (the store)", file.display()),
        source: String::new(),
        published: published.into_iter().map(|row| row.yaml).collect(),
        carriers: config.connections.iter().filter_map(able).collect(),
        http: Some(config.http.rules.clone()),
        media: Some(config.flows.join("media")),
        now: ambient::now(),
    })
}

pub(super) async fn explain(command: &ExplainCommand) -> anyhow::Result<i32> {
    match &command.source().organisation {
        Some(file) => explain_file(command, file).await,
        None => explain_store(command).await,
    }
}

/// From an organisation's file: its contacts are known, and nothing of what was before.
async fn explain_file(command: &ExplainCommand, file: &Path) -> anyhow::Result<i32> {
    let source = command.source();
    let (directory, contacts) = whole_of(file)?;
    let directory = Arc::new(directory);
    let folder = source.flows.clone().unwrap_or_else(|| "flows".into());
    let around = match &source.config {
        Some(file) => daemon::world_of(&config(file)?)?,
        None => daemon::world_without_config(&directory),
    };
    let left_out = source.flows.is_none() && !folder.exists();
    let flows = match flows_of(&directory, &folder) {
        _ if left_out => Flows::default(),
        Ok(flows) => flows,
        Err((code, words)) => {
            eprint!("{words}");
            return Ok(code);
        }
    };
    let world = World {
        flows: Arc::new(flows),
        directory,
        ..around
    };
    let load = async |needs: Vec<_>| Ok(people_known(&needs, &contacts));
    super::explain::explain(command, None, &world, load, ambient::now()).await
}

/// From what the store holds now.
async fn explain_store(command: &ExplainCommand) -> anyhow::Result<i32> {
    let file = command.source().config.clone();
    let config = config(&file.unwrap_or_else(|| "config/signalbox.yaml".into()))?;
    let store = open_to_look(&config).await?;
    let world = daemon::world(&config, &store).await?;
    let load = |needs: Vec<_>| {
        let store = store.clone();
        async move {
            Ok(store
                .look(NodeScope::daemon(), &needs, ambient::now())
                .await?)
        }
    };
    let code = async {
        let happened = match command.event() {
            Some(event) => Some(happened(&store, &world, event).await?),
            None => None,
        };
        super::explain::explain(command, happened.as_ref(), &world, load, ambient::now()).await
    };
    let code = code.await;
    store.close().await;
    code
}

/// An event as it was received, and what became of it.
async fn happened(store: &Store, world: &World, event: EventId) -> anyhow::Result<Happened> {
    let found = store.event(NodeScope::daemon(), event).await?;
    let found = found
        .with_context(|| format!("there is no event {event}; old ones are not kept for ever"))?;
    let input = inputs_of(&found.event.connection, &found.event.raw)
        .into_iter()
        .next();
    let account = found.account.and_then(|id| world.directory.account(id));
    Ok(Happened {
        input: input.with_context(|| format!("what {event} said is not kept"))?,
        recorded: Recorded {
            event,
            received_at: found.event.received_at,
            rule: found.rule,
            account: account.map(|account| account.key.clone()),
            undecided: found.undecided,
        },
    })
}

/// The flows of a folder as if they were published; else the exit code, and why they are not known, for people.
fn flows_of(directory: &Directory, folder: &Path) -> Result<Flows, (i32, String)> {
    let mut ids = Ids::new(ambient::now(), ambient::seed());
    let sources = super::flow::sources(&[folder.to_owned()]);
    let sources = sources.map_err(|words| (2, format!("error: {words}\n")))?;
    let texts = sources.iter().map(|(_, text)| text.as_str());
    let names = DirectoryNames::new(directory, flow::known(texts, []));
    let (mut flows, mut faults) = (Flows::default(), String::new());
    for (file, text) in &sources {
        let checked = match flow::check(file, text, &names) {
            Ok(checked) => checked,
            Err(found) => {
                faults += &flow::render(text, &found);
                continue;
            }
        };
        // Whose account there is was checked.
        if let Some(account) = directory.account_by_key(&checked.flow.account) {
            let revision: RevisionId = ids.fresh();
            flows.insert(account.id, revision, Arc::new(checked.flow), true);
        }
    }
    match faults.is_empty() {
        true => Ok(flows),
        false => Err((1, faults + "error: mend these flows first\n")),
    }
}

pub(super) async fn user(command: &user::UserArgs) -> anyhow::Result<i32> {
    let config = config(&command.config)?;
    let store = open(&config).await?;
    let directory = store.directory(NodeScope::daemon()).await?;
    let done = user::run(
        &command.command,
        &store,
        &directory,
        &config.staff_url,
        &mut Output::default(),
    )
    .await;
    store.close().await;
    done.map(|()| 0)
}
