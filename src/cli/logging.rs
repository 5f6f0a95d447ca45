//! Log lines, for people or for programs. They carry no message text, no full number and no secret: whoever logs
//! leaves such things out, and a panic, whose words may hold anything, is told by its place alone.

use std::io::IsTerminal;
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat};

/// Begins to log on standard error. `SIGNALBOX_LOG` (such as `signalbox=debug`) goes before the configured level.
pub(super) fn begin(log: &Log) {
    let level = LevelFilter::from_level(log.level);
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var("SIGNALBOX_LOG");
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second beginning, as in tests, changes nothing.
    let _ = match log.format {
        LogFormat::Json => base.json().flatten_event(true).try_init(),
        LogFormat::Text => base.try_init(),
    };
    panic::set_hook(Box::new(tell_panic));
}

/// Says where it happened. A slice's panic, for one, quotes the text that it was cutting.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = panic.location().map(ToString::to_string);
    tracing::error!(
        thread = thread.name().unwrap_or("?"),
        location = location.as_deref().unwrap_or("?"),
        "a panic"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the process that [`in_a_process_of_its_own`] is to panic in.
    const TOLD: &str = "SIGNALBOX_TEST_PANIC";

    #[test]
    fn in_a_process_of_its_own() {
        if std::env::var_os(TOLD).is_none() {
            return;
        }
        begin(&Log::default());
        let text = String::from("é, do not tell");
        let cut = panic::catch_unwind(|| text[1..].len());
        assert!(cut.is_err());
    }

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let test = "cli::logging::tests::in_a_process_of_its_own";
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(TOLD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
        assert!(said.contains("a panic"), "{said}");
        assert!(said.contains("logging.rs"), "{said}");
        assert!(!said.contains("do not tell"), "{said}");
    }
}
