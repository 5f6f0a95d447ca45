//! `signalbox explain sms|call`: what would happen, and why, without doing it.

use std::future::Future;
use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};

use crate::decide::explain::{self, Explained, Recorded};
use crate::decide::{At, Input, World};
use crate::model::turn::{Need, State};
use crate::model::{CallEventKind, EventId, Ids, Inbound, Mo, Party, Timestamp};

use super::given::{When, keys, party};
use super::say;

/// What can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Tells what would become of a text: whose it is, which rules did not take it, what is answered, what that costs
    /// and what would hold it.
    ///
    /// Example: signalbox explain sms --from +12025550143 --to +12025550100 --text APPLY
    /// --organisation config/organisation.yaml --flows flows
    Sms(SmsArgs),
    /// Tells what would become of a call: whose it is, its flow, what the caller hears, who rings in which second when
    /// nobody takes it, and who does not ring and why.
    ///
    /// Example: signalbox explain call --from +12025550143 --to +12025550100 --at "2026-03-03 10:30" --press 2
    Call(CallArgs),
}

/// A text to be explained.
#[derive(Debug, Args)]
pub struct SmsArgs {
    /// The text.
    #[arg(long, required_unless_present = "event", conflicts_with = "event")]
    pub text: Option<String>,
    #[command(flatten)]
    about: About,
}

/// A call to be explained.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// What the caller presses when keys are awaited; once for each prompt, in order. At any further one they press none.
    #[arg(long, value_name = "KEYS", value_parser = keys)]
    pub press: Vec<String>,
    #[command(flatten)]
    about: About,
}

/// Between whom, when, and from which organisation.
#[derive(Debug, Args)]
struct About {
    /// Who texts or calls, such as +12025550143, a short code or `withheld`.
    #[arg(long, value_name = "PHONE", required_unless_present = "event", value_parser = party)]
    from: Option<Party>,
    /// Our number, as carriers write it.
    #[arg(long, value_name = "NUMBER", required_unless_present = "event")]
    to: Option<String>,
    /// A text or a new call that was received, by its id (`evt_…`): told with what is known now, at the time at which it
    /// came.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["from", "to", "organisation"])]
    event: Option<EventId>,
    /// When: `now`, as if not said, or a time in the zone of the account that manages the number or with a zone of its
    /// own.
    #[arg(long, value_name = "TIME")]
    at: Option<When>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Where the organisation is read from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// An organisation's file: its contacts are known then, and nothing of earlier texts, calls and consent.
    #[arg(long, value_name = "FILE")]
    pub organisation: Option<PathBuf>,
    /// The folder of its flows.
    #[arg(long, value_name = "DIR", requires = "organisation")]
    pub flows: Option<PathBuf>,
    /// The configuration: its connections, and its store when no organisation's file is given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// An event that was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// What it said.
    pub input: Input,
    /// What became of it.
    pub recorded: Recorded,
}

/// What is asked about.
enum Question {
    Text(Mo),
    Call {
        from: Party,
        to: String,
        presses: Vec<String>,
    },
}

impl ExplainCommand {
    /// Where the organisation is read from.
    pub fn source(&self) -> &SourceArgs {
        &self.about().source
    }

    /// The event that did happen.
    pub fn event(&self) -> Option<EventId> {
        self.about().event
    }

    fn about(&self) -> &About {
        match self {
            Self::Sms(args) => &args.about,
            Self::Call(args) => &args.about,
        }
    }

    fn invented(&self) -> Question {
        let about = self.about();
        let from = about.from.clone().unwrap_or(Party::Withheld);
        let to = about.to.clone().unwrap_or_default();
        match self {
            Self::Sms(args) => Question::Text(Mo {
                carrier_id: "explain".to_owned(),
                from,
                to,
                text: args.text.clone().unwrap_or_default(),
                media: Vec::new(),
                carrier_answered: false,
                carrier_said: None,
            }),
            Self::Call(args) => Question::Call {
                from,
                to,
                presses: args.press.clone(),
            },
        }
    }

    fn real(&self, happened: &Happened) -> anyhow::Result<Question> {
        let event = happened.recorded.event;
        let Input::Carrier { inbound, .. } = &happened.input else {
            bail!("{event} is neither a text nor a new call");
        };
        match (self, inbound) {
            (Self::Sms(_), Inbound::Message(mo)) => Ok(Question::Text(mo.clone())),
            (Self::Call(args), Inbound::Call(call)) => match &call.kind {
                CallEventKind::Started { from, to, .. } => Ok(Question::Call {
                    from: from.clone(),
                    to: to.clone(),
                    presses: args.press.clone(),
                }),
                _ => bail!("{event} is something that happened in a call, not a new one"),
            },
            (Self::Call(_), Inbound::Message(_)) => {
                bail!("{event} is a text: ask with `explain sms`")
            }
            (Self::Sms(_), Inbound::Call(_)) => {
                bail!("{event} is of a call: ask with `explain call`")
            }
            (_, Inbound::Receipt(_)) => {
                bail!("{event} is a receipt, neither a text nor a new call")
            }
        }
    }
}

impl Question {
    fn to(&self) -> &str {
        match self {
            Self::Text(mo) => &mo.to,
            Self::Call { to, .. } => to,
        }
    }

    fn look(&self, world: &World, state: &State, at: At) -> Result<Explained, Vec<Need>> {
        match self {
            Self::Text(mo) => explain::received(world, state, mo, at),
            Self::Call { from, to, presses } => explain::call(world, state, from, to, presses, at),
        }
    }
}

/// How often more may be needed: a call is followed through all its turns, each of which may ask.
const LOOKS_MAX: usize = 64;

/// Explains and prints. `happened` is the event that is asked about, when it is one that did happen. `load` answers all
/// needs it is given, which are all so far; [`explain::nothing_known`] does so without a store. The exit code is 1 for a
/// number that is none of ours.
///
/// # Errors
/// The time cannot be read, the event is of another kind, or `load` failed.
pub async fn explain<F, L>(
    command: &ExplainCommand,
    happened: Option<&Happened>,
    world: &World,
    load: L,
    now: Timestamp,
) -> anyhow::Result<i32>
where
    F: Future<Output = anyhow::Result<State>>,
    L: Fn(Vec<Need>) -> F,
{
    let about = command.about();
    let question = match happened {
        Some(happened) => command.real(happened)?,
        None => command.invented(),
    };
    let now = match (&about.at, happened) {
        (Some(at), _) => at.moment(now, zone(world, question.to()))?,
        (None, Some(happened)) => happened.recorded.received_at,
        (None, None) => now,
    };
    let mut told = told(&question, world, load, now).await?;
    told.recorded = happened.map(|happened| happened.recorded.clone());
    say(&match about.json {
        true => serde_json::to_string_pretty(&told)? + "\n",
        false => told.to_string(),
    })?;
    Ok(i32::from(told.connection.is_none()))
}

async fn told<F, L>(
    question: &Question,
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
    for _ in 0..LOOKS_MAX {
        let state = load(known.clone()).await?;
        match question.look(world, &state, at) {
            Ok(told) => return Ok(told),
            Err(needs) => {
                let fresh: Vec<Need> = needs
                    .into_iter()
                    .filter(|need| !known.contains(need))
                    .collect();
                ensure!(!fresh.is_empty(), "it asks for what is known");
                known.extend(fresh);
            }
        }
    }
    bail!("it cannot be told what must be known first")
}

/// The zone of the account that manages the number.
fn zone<'w>(world: &'w World, to: &str) -> &'w str {
    let directory = &world.directory;
    let number = directory.number_by_address(to);
    let account = number.and_then(|number| directory.account(number.manage_unmatched));
    account.map_or("UTC", |account| account.zone.as_str())
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
        assert!(line(&["call"], &["--json", "--press", "2", "--press", "1"]).is_ok());
        assert!(line(&["sms", "--text", "hello"], &["--press", "1"]).is_err());
        assert!(line(&["call"], &["--at", "2026-03-03 10:30"]).is_ok());
        assert!(line(&["call"], &["--at", "now"]).is_ok());
        let wrong = line(&["call"], &["--at", "tomorrow"]).unwrap_err();
        assert_eq!(wrong.exit_code(), 2);
        let event = "evt_018f2a3b4c5d7e8f9a0b1c2d3e4f5a6b";
        assert_eq!(
            read(&["sms", "--event", event])
                .unwrap()
                .event()
                .unwrap()
                .to_string(),
            event
        );
        assert!(read(&["sms", "--event", event, "--text", "hello"]).is_err());
        assert!(read(&["call", "--event", event, "--organisation", "o.yaml"]).is_err());
        assert!(read(&["call", "--event", "evt_1"]).is_err());
        assert!(line(&["call"], &["--event", event]).is_err());
        let file = ["--organisation", "o.yaml", "--flows", "flows"];
        let command = line(&["call"], &file).unwrap();
        assert_eq!(command.source().flows, Some("flows".into()));
        assert!(line(&["call"], &["--flows", "flows"]).is_err());
        let both = ["--organisation", "o.yaml", "--config", "c.yaml"];
        assert!(line(&["call"], &both).is_ok());
    }

    #[test]
    fn what_is_given_wrongly_is_told() {
        let from = |from| read(&["call", "--from", from, "--to", "+12025550100"]);
        assert!(from("withheld").is_ok());
        assert!(from("12025550143").is_err());
        let between = ["call", "--from", "withheld", "--to", "+12025550100"];
        let with = |more: &[&'static str]| read(&[&between[..], more].concat());
        assert!(with(&["--press", "1*#"]).is_ok());
        assert!(with(&["--press", "a?x"]).is_err());
        assert!(with(&["--at", "2026-03-03 10:30[Europe/Berlin]"]).is_ok());
        assert!(with(&["--at", "2026-03-03 10:30[Mars/X]"]).is_err());
    }

    #[tokio::test]
    async fn a_number_that_is_none_of_ours_is_told() {
        let command = read(&["call", "--from", "withheld", "--to", "+12025550199"]).unwrap();
        let load = |needs: Vec<Need>| async move { Ok(explain::nothing_known(&needs)) };
        let code = explain(
            &command,
            None,
            &World::default(),
            load,
            Timestamp::default(),
        )
        .await;
        assert_eq!(code.unwrap(), 1);
    }
}
