//! `signalbox serve`: the daemon itself; and the checks of its configuration.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Env};
use crate::daemon::{self, Daemon, Doors};
use crate::{ops, web, webhook};

use super::{doctor, env, logging, say};

/// Runs the daemon.
///
/// Example: signalbox serve --config config/signalbox.yaml
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    config: PathBuf,
}

/// Checks a configuration, with the secrets it points to.
///
/// Example: signalbox doctor config config/signalbox.yaml
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// The configuration.
    #[arg(default_value = "config/signalbox.yaml")]
    file: PathBuf,
}

/// Runs until a signal says stop.
pub(super) async fn serve(args: &ServeArgs) -> anyhow::Result<i32> {
    let config = match Config::load(&args.config, &env) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(2);
        }
    };
    logging::begin(&config.log);
    daemon::serve(config, stop_by_signal()?, doors, |daemon| {
        let at = daemon.config().listen;
        tracing::info!(carriers = %at.carriers, staff = %at.staff, ops = %at.ops, "ready");
    })
    .await?;
    Ok(0)
}

/// The three listeners' routes.
pub(super) fn doors(daemon: &Daemon) -> Doors {
    Doors {
        carriers: webhook::router(daemon.clone()),
        staff: web::router(daemon.clone()),
        ops: ops::router(daemon.clone()),
    }
}

/// Ends at SIGINT and SIGTERM. A second one ends the process at once.
pub(super) fn stop_by_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let token = stop.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !first {
                std::process::exit(1);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

pub(super) fn doctor_config(args: &ConfigArgs) -> anyhow::Result<i32> {
    match judged(&args.file, &env) {
        Ok(config) => {
            let connections = config.connections.len();
            let file = args.file.display();
            say(&format!("{file}: in order, {connections} connection(s)\n"))?;
            Ok(0)
        }
        Err(problems) => {
            eprintln!("{problems}");
            Ok(if args.file.exists() { 1 } else { 2 })
        }
    }
}

/// The configuration with its connections' settings looked at, or all that is wrong, in place.
fn judged(file: &Path, env: Env<'_>) -> Result<Config, String> {
    let config = Config::load(file, env).map_err(|problems| problems.to_string())?;
    daemon::check_connections(&config).map_err(|error| error.to_string())?;
    Ok(config)
}

pub(super) fn doctor_signature(args: &doctor::SignatureArgs) -> anyhow::Result<i32> {
    let config = args
        .connection
        .as_ref()
        .map(|_| super::store::config(&args.config))
        .transpose()?;
    let connections = config
        .as_ref()
        .map_or(&[][..], |config| &config.connections);
    let around = doctor::Surroundings {
        connections,
        env: &env,
        now: crate::ambient::now(),
    };
    let report = doctor::signature(args, &around);
    say(&report.text)?;
    Ok(report.exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `doctor config` says of a connection's settings.
    fn said(settings: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        let head = "public_url: https://sms.example.org\nconnections:\n main:\n  kind: twilio\n";
        std::fs::write(&file, format!("{head}{settings}")).unwrap();
        let env = |name: &str| (name == "TOKEN").then(|| "a secret".to_owned());
        judged(&file, &env).err().unwrap_or_default()
    }

    #[test]
    fn wrong_settings_are_shown_in_place() {
        let sound = "  account_sid: AC1\n  auth_token: { env: TOKEN }\n";
        assert_eq!(said(sound), "");
        for (settings, place, words) in [
            (
                "  account_sid: AC1\n",
                "c.yaml:3:2",
                "auth_token: is missing",
            ),
            (
                "  account_sid: AC1\n  auth_token: plainly\n",
                "c.yaml:6:3",
                "auth_token: is a secret: write { env: NAME } or { file: PATH }",
            ),
            (
                "  account_sid: AC1\n  auth_tokn: plainly\n  auth_token: { env: TOKEN }\n",
                "c.yaml:6:3",
                "auth_tokn: is not a setting",
            ),
            (
                "  account_sid: AC1\n  auth_token: { env: TOKEN }\n  media_hosts: https://x/\n",
                "c.yaml:7:3",
                "media_hosts: must list host names",
            ),
        ] {
            let said = said(settings);
            assert!(said.contains(place), "{place} in\n{said}");
            assert!(
                said.contains(&format!("connections.main.{words}")),
                "{words} in\n{said}"
            );
            assert!(!said.contains("plainly"), "{said}");
        }
    }
}
