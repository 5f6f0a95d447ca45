//! Log lines, for people or for programs. They carry no message text, no full number and no secret: types
//! that hold such things mask themselves.

use std::io::IsTerminal;

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
}
