//! `signalbox calendar`: holidays out of files that others publish.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::model::calendar::read_ics;

use super::files;

/// Bytes of an iCalendar file; a school's of ten years has some hundred thousand.
const ICS_BYTES_MAX: usize = 4 << 20;

/// What can be done with calendars.
#[allow(missing_docs, reason = "the arguments bring the command's help")]
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Prints the whole days of an iCalendar file as the `holidays` of a calendar, to be put into the organisation's file.
    ///
    /// What is no whole day, or repeats by a rule that no list of days can say, is left out and told. Exits with 1 when
    /// there is no whole day in the file.
    ///
    /// Example: signalbox calendar import holidays.ics
    Import(ImportArgs),
}

/// What is read.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The iCalendar file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Carries out the command; the exit code.
///
/// # Errors
/// The file cannot be read.
pub fn run(command: &CalendarCommand, out: &mut dyn Write) -> anyhow::Result<i32> {
    let CalendarCommand::Import(args) = command;
    let bytes = files::bytes_of(&args.file, ICS_BYTES_MAX);
    let bytes = files::named(&args.file, bytes)?;
    let found = read_ics(&String::from_utf8_lossy(&bytes));
    if !found.days.is_empty() {
        writeln!(out, "holidays:")?;
    }
    for day in &found.days {
        let line = format!("  - {}   # {}", day.holiday, day.name);
        writeln!(out, "{}", line.trim_end_matches([' ', '#']))?;
    }
    for name in &found.left_out {
        writeln!(out, "  # left out: {name}")?;
    }
    if found.days.is_empty() {
        writeln!(out, "# there is no whole day in {}", args.file.display())?;
    }
    Ok(i32::from(found.days.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::calendar::CalendarSpec;

    fn import(text: &str) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.ics");
        std::fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let code = run(&CalendarCommand::Import(ImportArgs { file }), &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_printed_is_part_of_a_calendar() {
        let day = "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas\nEND:VEVENT\n";
        let meeting = "BEGIN:VEVENT\nDTSTART:20260601T090000Z\nSUMMARY:Meeting\nEND:VEVENT\n";
        let (code, printed) = import(&format!("{day}{meeting}"));
        assert_eq!(
            (code, printed.as_str()),
            (
                0,
                "holidays:\n  - 2026-12-25   # Christmas\n  # left out: Meeting (it has a time of day, or a day that cannot be read)\n"
            )
        );
        let spec: CalendarSpec = serde_yaml::from_str(&printed).unwrap();
        assert_eq!(spec.holidays, ["2026-12-25"]);
        assert_eq!(import(meeting).0, 1);
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        let command = CalendarCommand::Import(ImportArgs {
            file: PathBuf::from("/dev/zero"),
        });
        let refused = run(&command, &mut Vec::new()).unwrap_err();
        assert_eq!(
            format!("{refused:#}"),
            "/dev/zero: this file has more than 4096 KiB"
        );
    }
}
