//! `signalbox explain sms|call`: what would happen, and why, without doing it.

use std::future::Future;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::decide::explain::{self, Explained};
use crate::decide::{At, World};
use crate::model::turn::{Need, State};
use crate::model::{Ids, Party, Timestamp};

use super::say;

/// What can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Tells what would become of a text, and which rules did not take it.
    ///
    /// Example: signalbox explain sms --from +12025550143 --to +12025550100 --text APPLY
    /// --organisation config/organisation.yaml --flows flows
    Sms(SmsArgs),
    /// Tells what would become of a call: its flow, what the caller hears first, who rings.
    ///
    /// Example: signalbox explain call --from +12025550143 --to +12025550100 --at "2026-03-03 10:30"
    Call(CallArgs),
}

/// A text to be explained.
#[derive(Debug, Args)]
pub struct SmsArgs {
    /// The text.
    #[arg(long)]
    pub text: String,
    #[command(flatten)]
    about: About,
}

/// A call to be explained.
#[derive(Debug, Args)]
pub struct CallArgs {
    #[command(flatten)]
    about: About,
}

/// Between whom, when, and from which organisation.
#[derive(Debug, Args)]
struct About {
    /// Who texts or calls, such as +12025550143, a short code or `withheld`.
    #[arg(long, value_name = "PHONE")]
    from: String,
    /// Our number, as carriers write it.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// When; in the zone of the account that manages the number, or with a zone of its own: now, if not said.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Where the organisation is read from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// An organisation's file: nothing is known then of earlier texts, contacts and consent.
    #[arg(long, value_name = "FILE")]
    pub organisation: Option<PathBuf>,
    /// The folder of its flows.
    #[arg(long, value_name = "DIR", requires = "organisation")]
    pub flows: Option<PathBuf>,
    /// The configuration: its connections, and its store when no organisation's file is given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ExplainCommand {
    /// Where the organisation is read from.
    pub fn source(&self) -> &SourceArgs {
        &self.about().source
    }

    fn about(&self) -> &About {
        match self {
            Self::Sms(args) => &args.about,
            Self::Call(args) => &args.about,
        }
    }

    fn look(&self, world: &World, state: &State, at: At) -> Result<Explained, Vec<Need>> {
        let about = self.about();
        let from = Party::read(&about.from);
        match self {
            Self::Sms(args) => explain::text(world, state, &from, &about.to, &args.text, at),
            Self::Call(_) => explain::call(world, state, &from, &about.to, at),
        }
    }
}

/// How often more may be needed; decisions need less.
const ROUNDS_MAX: usize = 12;

/// Explains and prints. `load` answers all needs it is given, which are all so far; [`explain::nothing_known`]
/// does so without a store. The exit code is 1 for a number that is none of ours.
///
/// # Errors
/// The time cannot be read, or `load` failed.
pub async fn explain<F, L>(
    command: &ExplainCommand,
    world: &World,
    load: L,
    now: Timestamp,
) -> anyhow::Result<i32>
where
    F: Future<Output = anyhow::Result<State>>,
    L: Fn(Vec<Need>) -> F,
{
    let about = command.about();
    let now = match &about.at {
        Some(at) => time(world, &about.to, at)?,
        None => now,
    };
    let told = told(command, world, load, now).await?;
    say(&match about.json {
        true => serde_json::to_string_pretty(&told)? + "\n",
        false => told.to_string(),
    })?;
    Ok(i32::from(told.connection.is_none()))
}

async fn told<F, L>(
    command: &ExplainCommand,
    world: &World,
    load: L,
    now: Timestamp,
) -> anyhow::Result<Explained>
where
    F: Future<Output = anyhow::Result<State>>,
    L: Fn(Vec<Need>) -> F,
{
    let at = At {
        event: Ids::new(now, 0).fresh(),
        now,
        seed: 0,
    };
    let mut known: Vec<Need> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let state = load(known.clone()).await?;
        match command.look(world, &state, at) {
            Ok(told) => return Ok(told),
            Err(needs) => known.extend(needs),
        }
    }
    bail!("it cannot be told what must be known first")
}

/// A time with its zone, or in the zone of the number's account.
fn time(world: &World, to: &str, at: &str) -> anyhow::Result<Timestamp> {
    if let Ok(instant) = at.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_jiff(instant));
    }
    let directory = &world.directory;
    let number = directory.number_by_address(to);
    let account = number.and_then(|number| directory.account(number.manage_unmatched));
    let zone = account.map_or("UTC", |account| account.zone.as_str());
    let civil: jiff::civil::DateTime = at
        .parse()
        .with_context(|| format!("`{at}` is no time; write it as \"2026-03-03 10:30\""))?;
    let zoned = civil
        .in_tz(zone)
        .with_context(|| format!("`{at}` is no time in {zone}"))?;
    Ok(Timestamp::from_jiff(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: ExplainCommand,
    }

    fn read(line: &[&str]) -> Result<ExplainCommand, clap::Error> {
        let line = ["explain"].iter().chain(line);
        Line::try_parse_from(line).map(|line| line.command)
    }

    #[test]
    fn what_is_asked() {
        let between = ["--from", "+12025550143", "--to", "+12025550100"];
        let line = |first: &[&'static str], more: &[&'static str]| {
            read(&[first, &between[..], more].concat())
        };
        assert!(line(&["sms", "--text", "hello"], &[]).is_ok());
        assert!(line(&["sms"], &[]).is_err());
        assert!(line(&["call"], &["--json"]).is_ok());
        let file = ["--organisation", "o.yaml", "--flows", "flows"];
        let command = line(&["call"], &file).unwrap();
        assert_eq!(command.source().flows, Some("flows".into()));
        assert!(line(&["call"], &["--flows", "flows"]).is_err());
        let both = ["--organisation", "o.yaml", "--config", "c.yaml"];
        assert!(line(&["call"], &both).is_ok());
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let read = |at| time(&World::default(), "+12025550100", at).map(Timestamp::micros);
        let same = 1_772_533_800_000_000;
        assert_eq!(read("2026-03-03T10:30:00Z").unwrap(), same);
        assert_eq!(read("2026-03-03T04:30:00-06:00").unwrap(), same);
        assert_eq!(read("2026-03-03 10:30").unwrap(), same);
        assert_eq!(read("2026-03-03T10:30").unwrap(), same);
        assert!(
            read("tomorrow")
                .unwrap_err()
                .to_string()
                .contains("tomorrow")
        );
    }

    #[tokio::test]
    async fn a_number_that_is_none_of_ours_is_told() {
        let command = read(&["call", "--from", "withheld", "--to", "+12025550199"]).unwrap();
        let load = |needs: Vec<Need>| async move { Ok(explain::nothing_known(&needs)) };
        let code = explain(&command, &World::default(), load, Timestamp::default()).await;
        assert_eq!(code.unwrap(), 1);
    }
}
