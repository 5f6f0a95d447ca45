//! `signalbox flow replay`: recorded calls and texts through a changed flow.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use crate::ambient;
use crate::decide::World;
use crate::decide::replay::{Record, Recorded, RecordedLeg, Replayed, inputs_of, replay as played};
use crate::model::{Ids, LegId, RevisionId, Timestamp};
use crate::store::{NodeScope, Store, StoredLeg};

use super::files;
use super::revisions::{Surroundings, refused, sound};

/// Events of one replay.
const EVENTS_MAX: usize = 500_000;
/// Rung devices of one replay.
const LEGS_MAX: usize = 500_000;
/// Events or devices read at once.
const PAGE: u32 = 5_000;

/// What is played, and how far back.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The changed flow's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How far back, such as 7d, 12h or 30m.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = how_long, allow_hyphen_values = true)]
    pub since: Duration,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The configuration that names the store.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    pub config: PathBuf,
}

fn how_long(text: &str) -> Result<Duration, String> {
    let wrong = || match text.starts_with('-') {
        true => "it is how far back, without a sign: write it as 7d, 12h or 30m".to_owned(),
        false => "write it as 7d, 12h or 30m".to_owned(),
    };
    let units = [('d', 24 * 3_600), ('h', 3_600), ('m', 60)];
    let read = |(unit, seconds): (char, u64)| Some((text.strip_suffix(unit)?, seconds));
    let (number, seconds) = units.into_iter().find_map(read).ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// Plays and tells; the exit code. `world` is what is in force.
///
/// # Errors
/// The file cannot be read, its flow was never published, or the store cannot be read.
pub async fn replay(
    args: &ReplayArgs,
    world: &World,
    store: &Store,
    out: &mut dyn Write,
) -> anyhow::Result<i32> {
    let shown = args.file.display().to_string();
    let text = files::flow_text_of(&args.file)?;
    let around = Surroundings {
        directory: &world.directory,
        http: None,
    };
    let flow = match sound(store, &around, &shown, &text).await? {
        Ok(checked) => Arc::new(checked.flow),
        Err(faults) => return refused(&faults, &text, out),
    };
    let account = world.directory.account_by_key(&flow.account);
    let account = account.with_context(|| format!("there is no account {}", flow.account))?;
    let (key, now) = (flow.key.clone(), ambient::now());
    ensure!(
        world.flows.active(account.id, &key).is_some(),
        "{key} was never published, so that nothing can be compared with it"
    );
    let since = now - args.since;
    let (mut events, mut cut) = events(store, since).await?;
    let legs = legs(store, since, &mut events, &mut cut).await?;
    let mut changed = world.clone();
    let mut flows = (*world.flows).clone();
    let revision: RevisionId = Ids::new(now, ambient::seed()).fresh();
    flows.insert(account.id, revision, flow, true);
    changed.flows = Arc::new(flows);
    let record = Record {
        events: &events,
        legs: &legs,
    };
    let found = played(world, &changed, &key, record, now);
    match args.json {
        true => {
            let told = Told {
                found: &found,
                events_left_out: cut,
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
        }
        false => tell(&key, &found, cut, out)?,
    }
    Ok(0)
}

/// What was found, for machines.
#[derive(serde::Serialize)]
struct Told<'r> {
    #[serde(flatten)]
    found: &'r Replayed,
    /// There were more events than are played.
    events_left_out: bool,
}

/// The events since then, and whether there are more than are played.
async fn events(store: &Store, since: Timestamp) -> anyhow::Result<(Vec<Recorded>, bool)> {
    let (scope, mut found, mut after) = (NodeScope::daemon(), Vec::new(), None);
    loop {
        let page = store.events_since(scope, since, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok((found, false));
        };
        after = Some(last.id);
        for event in page {
            // Carriers that tell several things in one request have an event for each, in their order; we have none yet.
            let input = inputs_of(&event.connection, &event.raw).into_iter().next();
            found.extend(input.map(|input| Recorded {
                event: event.id,
                at: event.received_at,
                seed: event.seed.cast_unsigned(),
                input,
            }));
        }
        if found.len() >= EVENTS_MAX {
            return Ok((found, true));
        }
    }
}

/// The devices that were rung since then, as far as events are played. Where there are more than are kept, what came after
/// the last one is not played.
async fn legs(
    store: &Store,
    since: Timestamp,
    events: &mut Vec<Recorded>,
    cut: &mut bool,
) -> anyhow::Result<Vec<RecordedLeg>> {
    let (scope, mut found, mut after) = (NodeScope::daemon(), Vec::new(), None::<LegId>);
    let until = events.last().map(|last| last.at.millis());
    loop {
        let page = store.legs_since(scope, since, after, PAGE).await?;
        let Some(last) = page.last().map(|last| last.id) else {
            return Ok(found);
        };
        found.extend(page.into_iter().map(recorded_leg));
        let at = Ids::millis_of(last);
        if until.is_none_or(|until| at > until) {
            return Ok(found);
        }
        if found.len() >= LEGS_MAX {
            events.retain(|event| event.at.millis() < at);
            *cut = true;
            return Ok(found);
        }
        after = Some(last);
    }
}

const fn recorded_leg(leg: StoredLeg) -> RecordedLeg {
    let StoredLeg { id, user, phone } = leg;
    RecordedLeg {
        leg: id,
        user,
        phone,
    }
}

fn tell(key: &str, found: &Replayed, cut: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let elsewhere = found.followed - found.same - found.unmatched;
    writeln!(
        out,
        "{key}: {} calls and threads, {} as before, {elsewhere} elsewhere",
        found.followed, found.same
    )?;
    for one in &found.differences {
        let after = one.after.as_deref().map_or_else(
            || "from the start".to_owned(),
            |after| format!("after {after}"),
        );
        writeln!(
            out,
            "{:>6} {after}: {} instead of {}",
            one.count, one.now, one.before
        )?;
        for example in &one.examples {
            writeln!(out, "         {example}")?;
        }
    }
    if found.unmatched > 0 {
        writeln!(
            out,
            "{:>6} cannot be told: what was recorded of them fits nothing that these flows do",
            found.unmatched
        )?;
    }
    if found.undecided > 0 {
        writeln!(out, "{} events could not be decided", found.undecided)?;
    }
    if cut {
        writeln!(
            out,
            "There were more events than are played: only the first ones were. Try a shorter time with --since."
        )?;
    }
    if found.waits_left_out {
        writeln!(
            out,
            "More waits ended than are played: of what came after them nothing is told. Try a shorter time with --since."
        )?;
    }
    writeln!(
        out,
        "Played with the organisation as it is today, each for itself, and as if nothing had been before."
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::replay::Difference;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30m", 1_800)] {
            assert_eq!(how_long(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "d", "7", "7w", "-1d", "1.5h", "9999999999d", "7é"] {
            assert!(how_long(text).is_err(), "{text}");
        }
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            _args: ReplayArgs,
        }
        let refused =
            <Line as clap::Parser>::try_parse_from(["replay", "a.yaml", "--since", "-7d"]);
        let words = refused
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(words.contains("without a sign"), "{words}");
    }

    #[test]
    fn what_is_found_is_told_in_lines() {
        let difference = Difference {
            after: Some("ring".to_owned()),
            before: "sales".to_owned(),
            now: "box".to_owned(),
            count: 12,
            examples: vec!["2026-03-03T10:00:00Z +…43".to_owned()],
        };
        let found = Replayed {
            followed: 43,
            same: 28,
            unmatched: 3,
            differences: vec![difference],
            undecided: 0,
            waits_left_out: false,
        };
        let mut out = Vec::new();
        tell("main", &found, false, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(told.starts_with(
            "main: 43 calls and threads, 28 as before, 12 elsewhere\n    12 after ring: box instead of sales\n         2026-03-03T10:00:00Z +…43\n     3 cannot be told: "
        ), "{told}");
        assert!(!told.contains("More waits"), "{told}");
        let found = Replayed {
            waits_left_out: true,
            ..found
        };
        let mut out = Vec::new();
        tell("main", &found, false, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(
            told.contains("\nMore waits ended than are played"),
            "{told}"
        );
        let told = Told {
            found: &found,
            events_left_out: true,
        };
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(
            (
                &json["followed"],
                &json["waits_left_out"],
                &json["events_left_out"]
            ),
            (&43.into(), &true.into(), &true.into())
        );
    }
}
