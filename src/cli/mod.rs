//! The command line: one file a command. Exit codes: 0 done, 1 refused or failed, 2 wrong use.

pub mod calendar;
mod demo;
pub mod doctor;
pub mod drawing;
pub mod explain;
mod files;
pub mod flow;
pub mod flow_simulate;
pub mod flow_test;
mod given;
mod logging;
pub mod organisation;
pub mod replay;
pub mod revisions;
mod serve;
mod store;
pub mod user;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Problems;

/// One daemon between the phone carriers and the people of an organisation.
#[derive(Debug, Parser)]
#[command(
    name = "signalbox",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Apply(organisation::ApplyArgs),
    /// Works on flow files.
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// Works on calendars.
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),
    /// Tells what would happen, and why, without doing it.
    #[command(subcommand)]
    Explain(explain::ExplainCommand),
    /// Looks for what is wrong.
    #[command(subcommand)]
    Doctor(DoctorCommand),
    /// Works on the sign-ins of members of staff.
    User(user::UserArgs),
}

#[derive(Debug, Subcommand)]
enum DoctorCommand {
    Signature(doctor::SignatureArgs),
    Config(serve::ConfigArgs),
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error)),
    };
    // A second provider in the tree would otherwise make the first handshake panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match runtime.block_on(dispatch(cli.command)) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// What was named cannot be used, such as a file that is not there: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct WrongUse(anyhow::Error);

/// Marks an error as one of what was named.
fn misused(error: impl Into<anyhow::Error>) -> anyhow::Error {
    WrongUse(error.into()).into()
}

/// Whether a reader of our output, such as `head`, had seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("{}", told(error));
    ExitCode::from(if error.is::<WrongUse>() { 2 } else { 1 })
}

/// An error as it is shown. The mistakes of a file are drawn each with its own head.
fn told(error: &anyhow::Error) -> String {
    if let Some(WrongUse(inner)) = error.downcast_ref() {
        return told(inner);
    }
    match error.downcast_ref::<Problems>() {
        Some(problems) => problems.to_string(),
        None => format!("error: {error:#}"),
    }
}

async fn dispatch(command: Command) -> anyhow::Result<i32> {
    match command {
        Command::Serve(args) => serve::serve(&args).await,
        Command::Demo(args) => demo::demo(&args).await,
        Command::Apply(args) => store::apply(&args).await,
        Command::Flow(command) => store::flow(&command).await,
        Command::Calendar(command) => calendar::run(&command, &mut Output::default()),
        Command::Explain(command) => store::explain(&command).await,
        Command::Doctor(DoctorCommand::Signature(args)) => serve::doctor_signature(&args),
        Command::Doctor(DoctorCommand::Config(args)) => serve::doctor_config(&args),
        Command::User(command) => store::user(&command).await,
    }
}

/// A count with its noun, which takes an s where there is not just one.
fn counted(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// Prints to standard output.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = Output::default();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Standard output. A reader that has seen enough, such as `head`, is no failure and changes nothing of what is done
/// and of how it ends: what it does not read is dropped.
#[derive(Debug, Default)]
struct Output {
    is_closed: bool,
}

impl Output {
    fn unless_closed<T>(&mut self, done: std::io::Result<T>, otherwise: T) -> std::io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.is_closed {
            true => Ok(bytes.len()),
            false => self.unless_closed(std::io::stdout().write(bytes), bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.is_closed {
            true => Ok(()),
            false => self.unless_closed(std::io::stdout().flush(), ()),
        }
    }
}

/// Reads a variable of the environment.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let wrote = |kind: ErrorKind| Err::<(), _>(std::io::Error::from(kind));
        let closed = wrote(ErrorKind::BrokenPipe);
        assert!(is_closed_pipe(&closed.context("the changes").unwrap_err()));
        assert!(!is_closed_pipe(
            &wrote(ErrorKind::StorageFull).unwrap_err().into()
        ));
        assert!(!is_closed_pipe(&anyhow::anyhow!("Broken pipe")));
    }

    #[test]
    fn what_is_not_read_is_dropped() {
        let mut out = Output::default();
        let closed = || Err(std::io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!(out.unless_closed(closed(), 7).unwrap(), 7);
        assert_eq!(out.write(b"never shown").unwrap(), 11);
        let full = Err::<(), _>(std::io::Error::from(ErrorKind::StorageFull));
        assert!(Output::default().unless_closed(full, ()).is_err());
    }

    #[test]
    fn what_cannot_be_used_is_told_as_it_is() {
        let error = misused(anyhow::anyhow!("no such file").context("a.yaml"));
        assert!(error.is::<WrongUse>());
        assert_eq!(told(&error), "error: a.yaml: no such file");
    }

    #[test]
    fn a_mistake_in_a_file_has_one_head() {
        let problems =
            crate::config::organisation::OrganisationFile::read("o.yaml", "users: 1".to_owned());
        let problems = problems.whole(
            &mut crate::model::Ids::new(crate::model::Timestamp::default(), 1),
            crate::model::Timestamp::default(),
        );
        let drawn = told(&problems.unwrap_err().into());
        assert!(drawn.starts_with("error: expected a list"), "{drawn}");
        // A path may begin so too.
        let other = anyhow::anyhow!("errors.yaml: no such file");
        assert_eq!(told(&other), "error: errors.yaml: no such file");
    }
}
