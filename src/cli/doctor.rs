//! `signalbox doctor signature FILE…`: is a captured webhook genuine, and do we judge as the carrier
//! does?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::carrier::capture::{self, Capture, CaptureError, Captured, Vector};
use crate::carrier::{self, Rejected};
use crate::model::connection::Setting;
use crate::model::{Connection, Hook, Timestamp};

/// Judges captured webhooks and files of signature vectors.
///
/// A vector file (format `carrier-signature-vectors/1`) brings its own keys and verdicts; those flagged
/// `policy` or `sdk_disagree` are shown and not judged. A captured request (method, url, headers, body)
/// is judged with the keys of a connection of the configuration, or with one key from the environment.
/// A line is printed for each request.
///
/// Example: TOKEN=… signalbox doctor signature capture.json --token-env TOKEN
#[derive(Debug, Args)]
pub struct SignatureArgs {
    /// Files in JSON.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The connection of the configuration whose keys judge captured requests.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["token_env", "carrier"])]
    pub connection: Option<String>,
    /// The configuration with that connection.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    pub config: PathBuf,
    /// The environment variable that holds the key which judges captured requests.
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// The carrier of captured requests, where the file does not name it.
    #[arg(long)]
    pub carrier: Option<CarrierName>,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}

/// The carriers, dialects included, whose signatures we can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CarrierName {
    /// Twilio.
    Twilio,
    /// SignalWire, a dialect of Twilio.
    Signalwire,
    /// Somleng, a dialect of Twilio.
    Somleng,
}

impl CarrierName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Signalwire => "signalwire",
            Self::Somleng => "somleng",
        }
    }
}

/// What the command needs from outside of it.
pub struct Surroundings<'a> {
    /// The connections of the configuration; empty without one.
    pub connections: &'a [Connection],
    /// Reads an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// When the requests are judged, for carriers that sign a time.
    pub now: Timestamp,
}

/// What the command prints and exits with.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// The lines for people or programs.
    pub text: String,
    /// 0: every verdict as expected; 1: one differs, or a captured request is not genuine; 2: a file or
    /// an option cannot be used.
    pub exit: i32,
}

/// Judges all files.
pub fn signature(args: &SignatureArgs, around: &Surroundings<'_>) -> Report {
    let mut report = Report {
        text: String::new(),
        exit: 0,
    };
    let mut counts = Counts::default();
    for file in &args.files {
        if let Err(fault) = judge_file(args, around, file, &mut report, &mut counts) {
            line(
                args,
                &mut report,
                &file.display().to_string(),
                &Line::Fault(&fault),
            );
            report.exit = 2;
        }
    }
    if !args.json {
        let Counts {
            judged,
            differ,
            shown,
        } = counts;
        let _ = writeln!(
            report.text,
            "{judged} judged, {differ} differ, {shown} shown only"
        );
    }
    if counts.differ > 0 && report.exit == 0 {
        report.exit = 1;
    }
    report
}

#[derive(Default)]
struct Counts {
    judged: usize,
    differ: usize,
    shown: usize,
}

/// Why a file or an option cannot be used.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("the configuration has no connection `{0}`")]
    NoConnection(String),
    #[error("the environment variable {0} is not set")]
    NoToken(String),
    #[error("a captured request needs a key: --connection KEY, or --token-env NAME")]
    NoKey,
    #[error("the file does not name its carrier: say --carrier")]
    NoCarrier,
}

fn judge_file(
    args: &SignatureArgs,
    around: &Surroundings<'_>,
    file: &Path,
    report: &mut Report,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let text = std::fs::read_to_string(file).map_err(Fault::Unreadable)?;
    match Capture::read(&text)? {
        Capture::Vectors(at, vectors) => {
            for vector in vectors {
                let verdict = judge(&at, &vector.captured, around.now)?;
                let judged = Judged::of(&vector, verdict);
                counts.add(&judged);
                line(args, report, &vector.id, &Line::Vector(&vector, judged));
            }
        }
        Capture::Request(captured) => {
            let at = connection(args, around, &captured)?;
            let verdict = judge(&at, &captured, around.now)?;
            counts.judged += 1;
            counts.differ += usize::from(verdict.is_err());
            line(
                args,
                report,
                &file.display().to_string(),
                &Line::Request(verdict),
            );
        }
    }
    Ok(())
}

/// The connection whose keys judge a captured request.
fn connection(
    args: &SignatureArgs,
    around: &Surroundings<'_>,
    captured: &Captured,
) -> Result<Connection, Fault> {
    if let Some(key) = &args.connection {
        let found = around.connections.iter().find(|at| at.key == *key);
        return found
            .cloned()
            .ok_or_else(|| Fault::NoConnection(key.clone()));
    }
    let name = args.token_env.as_ref().ok_or(Fault::NoKey)?;
    let token = (around.env)(name).ok_or_else(|| Fault::NoToken(name.clone()))?;
    let named = args.carrier.map(CarrierName::as_str);
    let named = named
        .or(captured.carrier.as_deref())
        .ok_or(Fault::NoCarrier)?;
    // Whichever of the two a carrier signs with, it is the one that was given.
    let at = capture::connection(named)?
        .with("auth_token", Setting::secret(&token))
        .with("signing_key", Setting::secret(&token));
    Ok(at)
}

type Verdict = Result<(), Rejected>;

fn judge(at: &Connection, captured: &Captured, now: Timestamp) -> Result<Verdict, Fault> {
    let carrier = carrier::by_kind(&at.kind);
    let carrier = carrier.ok_or_else(|| CaptureError::Carrier(at.kind.clone()))?;
    let request = captured.request()?;
    // No carrier signs differently for one hook than for another.
    Ok(carrier.verify(at, Hook::Sms, &request, now))
}

/// A verdict beside the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Right(Verdict),
    Wrong(Verdict),
    ShownOnly(Verdict),
}

impl Judged {
    fn of(vector: &Vector, verdict: Verdict) -> Self {
        if vector.policy || vector.sdk_disagree {
            Self::ShownOnly(verdict)
        } else if verdict.is_ok() == vector.expected.valid {
            Self::Right(verdict)
        } else {
            Self::Wrong(verdict)
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Right(_) => "ok",
            Self::Wrong(_) => "DIFFERS",
            Self::ShownOnly(_) => "shown",
        }
    }

    const fn verdict(self) -> Verdict {
        match self {
            Self::Right(verdict) | Self::Wrong(verdict) | Self::ShownOnly(verdict) => verdict,
        }
    }
}

impl Counts {
    fn add(&mut self, judged: &Judged) {
        match judged {
            Judged::ShownOnly(_) => self.shown += 1,
            Judged::Right(_) => self.judged += 1,
            Judged::Wrong(_) => {
                self.judged += 1;
                self.differ += 1;
            }
        }
    }
}

enum Line<'a> {
    Vector(&'a Vector, Judged),
    Request(Verdict),
    Fault(&'a Fault),
}

fn line(args: &SignatureArgs, report: &mut Report, name: &str, line: &Line<'_>) {
    // Writing to a string cannot fail.
    let _ = match args.json {
        true => writeln!(report.text, "{}", for_programs(name, line)),
        false => writeln!(report.text, "{}", for_people(name, line)),
    };
}

fn for_people(name: &str, line: &Line<'_>) -> String {
    match line {
        Line::Vector(vector, judged) => {
            let expected = if vector.expected.valid {
                "valid"
            } else {
                "refused"
            };
            let (word, verdict) = (judged.word(), said(judged.verdict()));
            let reason = &vector.expected.reason;
            format!(
                "{word:<8} {name}: {verdict}; expected {expected} ({reason}): {}",
                vector.title
            )
        }
        Line::Request(Ok(())) => format!("valid    {name}"),
        Line::Request(Err(rejected)) => format!("REFUSED  {name}: {}: {rejected}", rejected.code()),
        Line::Fault(fault) => format!("FAULT    {name}: {fault}"),
    }
}

fn said(verdict: Verdict) -> String {
    match verdict {
        Ok(()) => "valid".to_owned(),
        Err(rejected) => format!("refused, {}", rejected.code()),
    }
}

fn for_programs(name: &str, line: &Line<'_>) -> serde_json::Value {
    match line {
        Line::Vector(vector, judged) => json!({
            "id": name,
            "valid": judged.verdict().is_ok(),
            "reason": judged.verdict().err().map(Rejected::code),
            "expected": { "valid": vector.expected.valid, "reason": vector.expected.reason },
            "judged": !matches!(judged, Judged::ShownOnly(_)),
            "differs": matches!(judged, Judged::Wrong(_)),
        }),
        Line::Request(verdict) => json!({
            "file": name,
            "valid": verdict.is_ok(),
            "reason": verdict.err().map(Rejected::code),
        }),
        Line::Fault(fault) => json!({ "file": name, "fault": fault.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/carrier/twilio/cases");

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SignatureArgs,
    }

    fn run(line: &[&str]) -> Report {
        let line = ["signature"].iter().chain(line);
        let line = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let config = capture::connection("twilio").unwrap();
        let config = config.with("auth_token", Setting::secret("another"));
        let env = |name: &str| {
            let token = "6b477958a1782a27c231c61ceab7cd2b";
            (name == "TOKEN").then(|| token.to_owned())
        };
        let around = Surroundings {
            connections: &[config],
            env: &env,
            now: Timestamp::from_micros(0),
        };
        signature(&line.args, &around)
    }

    fn vectors() -> Vec<String> {
        let files = std::fs::read_dir(format!("{CASES}/vectors")).unwrap();
        let path = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().path();
        files
            .map(|file| path(file).to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_shipped_vector_is_judged_as_expected() {
        let files = vectors();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let report = run(&files);
        assert_eq!(report.exit, 0, "{}", report.text);
        assert!(
            report.text.ends_with("91 judged, 0 differ, 1 shown only\n"),
            "{}",
            report.text
        );
        let mut json = files;
        json.push("--json");
        let report = run(&json);
        assert_eq!(report.text.lines().count(), 92);
        for line in report.text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["differs"], false);
        }
    }

    #[test]
    fn a_vector_that_lies_is_found() {
        let text = std::fs::read_to_string(format!("{CASES}/vectors/twilio-form.json")).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            text.replace("\"valid\": true", "\"valid\": false"),
        )
        .unwrap();
        let report = run(&[file.path().to_str().unwrap()]);
        assert_eq!(report.exit, 1);
        let first = report.text.lines().next().unwrap();
        assert!(
            first.starts_with("DIFFERS  twilio-form/01-valid-sms: valid; expected refused"),
            "{first}"
        );
    }

    #[test]
    fn captured_requests_are_judged_with_the_given_key() {
        let file = format!("{CASES}/requests/sms.json");
        for (line, exit, words) in [
            (vec![file.as_str(), "--token-env", "TOKEN"], 0, "valid "),
            (
                vec![&file, "--token-env", "TOKEN", "--carrier", "somleng"],
                0,
                "valid ",
            ),
            (vec![&file, "--token-env", "NONE"], 2, "NONE is not set"),
            (vec![&file], 2, "needs a key"),
            (vec![&file, "--connection", "twilio"], 1, "signature_wrong"),
            (
                vec![&file, "--connection", "other"],
                2,
                "no connection `other`",
            ),
            (vec!["/nowhere.json"], 2, "cannot be read"),
        ] {
            let report = run(&line);
            assert_eq!(report.exit, exit, "{line:?}: {}", report.text);
            assert!(report.text.contains(words), "{line:?}: {}", report.text);
        }
    }
}
