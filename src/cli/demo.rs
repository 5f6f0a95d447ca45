//! `signalbox demo`: everything in one process and one folder, with a carrier in the machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;

use crate::ambient;
use crate::config::{Config, Listen};
use crate::daemon::{self, Daemon, Doors};
use crate::model::directory::Directory;
use crate::twin::{Twin, TwinNumber, TwinPerson, TwinSettings};

use super::{logging, say, serve, store, user};

/// The account that the twin and the demo's configuration agree on.
const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
/// Whose sign-in link is printed.
const GUEST: &str = "carla";

/// Runs a whole example organisation with a carrier in the machine.
///
/// Example: signalbox demo --staff 127.0.0.1:8080
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
    /// The example organisation.
    #[arg(long, value_name = "FILE", default_value = "config/organisation.yaml")]
    organisation: PathBuf,
    /// The folder of flows.
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// Where carriers' webhooks are taken.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    carriers: SocketAddr,
    /// Where the pages are.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    staff: SocketAddr,
    /// Where metrics and health are.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    ops: SocketAddr,
    /// Seconds of the carrier's time in one real second, to hurry ringing and recording.
    #[arg(long, value_name = "N", default_value_t = 1.0, hide = true)]
    hurry: f64,
}

pub(super) async fn demo(args: &DemoArgs) -> anyhow::Result<i32> {
    for needed in [&args.organisation, &args.flows] {
        if !needed.exists() {
            let here = needed.display();
            eprintln!(
                "error: {here} is not here; run this in the source tree, or name another with a flag"
            );
            return Ok(2);
        }
    }
    let carrier = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("the twin's listener")?;
    let api_base = format!("http://{}", carrier.local_addr()?);
    let token = hex(&ambient::random_bytes::<16>());
    let listen = Listen {
        carriers: args.carriers,
        staff: args.staff,
        ops: args.ops,
    };
    std::fs::create_dir_all(&args.data).with_context(|| args.data.display().to_string())?;
    let mut config = Config::demo(&args.data, listen, &api_base, &token)
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    config.flows.clone_from(&args.flows);
    logging::begin(&config.log);
    let prepared = prepare(args, &config).await?;
    let stop = serve::stop_by_signal()?;
    let twin = Twin::new(twin_settings(
        args,
        &config,
        &prepared.directory,
        (&api_base, &token),
    )?)?;
    let serving = tokio::spawn({
        let twin = twin.clone();
        async move { twin.serve(carrier).await }
    });
    let page = twin.page_router();
    let doors = move |daemon: &Daemon| {
        let doors = serve::doors(daemon);
        Doors {
            staff: doors.staff.merge(page),
            ..doors
        }
    };
    daemon::serve(config, stop, doors, |daemon| {
        welcome(daemon, &prepared.link)
    })
    .await?;
    twin.stop().await;
    serving.abort();
    Ok(0)
}

/// What is there before the daemon starts.
struct Prepared {
    directory: Directory,
    link: String,
}

/// Migrates the store, applies the organisation and makes a sign-in link.
async fn prepare(args: &DemoArgs, config: &Config) -> anyhow::Result<Prepared> {
    let store = store::open(config).await?;
    store::apply_quietly(&store, &args.organisation, &args.flows, config).await?;
    let directory = store.directory(crate::store::NodeScope::daemon()).await?;
    let link = user::link(&store, &directory, GUEST, &config.staff_url).await?;
    store.close().await;
    Ok(Prepared { directory, link })
}

fn twin_settings(
    args: &DemoArgs,
    config: &Config,
    directory: &Directory,
    (api_base, token): (&str, &str),
) -> anyhow::Result<TwinSettings> {
    let mut numbers: Vec<TwinNumber> = directory
        .numbers()
        .filter(|number| number.active)
        .map(|number| TwinNumber {
            number: number.address.clone(),
            name: names_on(directory, number.id),
        })
        .collect();
    numbers.sort_by(|a, b| a.number.cmp(&b.number));
    let mut people: Vec<TwinPerson> = directory
        .users()
        .filter(|user| user.active)
        .flat_map(|user| {
            user.devices.iter().map(|device| TwinPerson {
                name: user.name.clone(),
                phone: device.phone.to_string(),
            })
        })
        .collect();
    people.sort_by(|a, b| a.phone.cmp(&b.phone));
    let outside = (0..4).map(|at| TwinPerson {
        name: format!("Phone {}", at + 1),
        phone: format!("+1202555014{at}"),
    });
    Ok(TwinSettings {
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: token.to_owned(),
        hooks_base: format!("{}/carriers/twilio", config.public_url).parse()?,
        hook_options: "rc=5&rp=all".to_owned(),
        own_base: api_base.parse()?,
        numbers,
        people,
        outside: outside.collect(),
        inbox: Some("/inbox".to_owned()),
        seconds_per_second: args.hurry,
        opt_out: false,
        now: ambient::now,
        seed: ambient::seed(),
    })
}

/// The accounts on a number, for the handset.
fn names_on(directory: &Directory, number: crate::model::NumberId) -> String {
    let names: Vec<&str> = directory
        .users_of(number)
        .into_iter()
        .map(|(account, _)| account.name.as_str())
        .collect();
    names.join(" and ")
}

fn welcome(daemon: &Daemon, link: &str) {
    let (at, data) = (daemon.config().listen, daemon.config().data.display());
    let text = format!(
        "signalbox demo is running; everything is kept in {data}.

  Sign in (works once)   {link}
  Handset and inbox      http://{staff}/demo
  Inbox                  http://{staff}/inbox
  Metrics                http://{ops}/metrics
  Carriers' webhooks     http://{carriers}/carriers/twilio/sms

Ctrl-C stops it.
",
        staff = at.staff,
        ops = at.ops,
        carriers = at.carriers,
    );
    if let Err(error) = say(&text) {
        tracing::warn!(%error, "the welcome could not be printed");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
