//! Files that people name: read only so far as they may be long.

use std::io;
use std::path::Path;

use anyhow::Context;

use crate::flow;
pub(super) use crate::net::files::{begin_of, is_yaml};

/// The bytes of a file.
///
/// # Errors
/// It cannot be read, or has more than so many.
pub(super) fn bytes_of(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let bytes = begin_of(path, bytes_max)?;
    if bytes.len() > bytes_max {
        let words = format!("this file has more than {} KiB", bytes_max / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

/// The text of a file.
///
/// # Errors
/// It cannot be read, has more bytes than it may, or is not written in UTF-8; then with the place.
pub(super) fn text_of(path: &Path, bytes_max: usize) -> io::Result<String> {
    let bytes = bytes_of(path, bytes_max)?;
    flow::text_of("", &bytes)
        .map(str::to_owned)
        .map_err(|fault| {
            let words = format!(
                "line {}, column {}: {}; {}",
                fault.line,
                fault.column,
                fault.message,
                fault.help.unwrap_or_default()
            );
            io::Error::new(io::ErrorKind::InvalidData, words)
        })
}

/// The text of a flow file.
///
/// # Errors
/// As [`text_of`], with the file's name.
pub(super) fn flow_text_of(path: &Path) -> anyhow::Result<String> {
    named(path, text_of(path, flow::SOURCE_BYTES_MAX))
}

/// What came of a file that was named, or the error with its name; that there is none of this name, or none for us, is
/// wrong use.
pub(super) fn named<T>(path: &Path, done: io::Result<T>) -> anyhow::Result<T> {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let is_misused = done.as_ref().is_err_and(|error| {
        matches!(
            error.kind(),
            IsADirectory | NotADirectory | NotFound | PermissionDenied
        )
    });
    let done = done.with_context(|| path.display().to_string());
    match is_misused {
        true => done.map_err(super::misused),
        false => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_or_no_text_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        for (bytes, most, expected) in [
            (&b"flow: a"[..], 7, Ok("flow: a")),
            (b"flow: ab", 7, Err("this file has more than 0 KiB")),
            (
                b"flow: a\non: \xe9t\xe9",
                100,
                Err("line 2, column 5: this file is not written in UTF-8; save it as UTF-8"),
            ),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let found = text_of(&path, most).map_err(|error| error.to_string());
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected);
        }
        std::fs::write(&path, vec![b'x'; flow::SOURCE_BYTES_MAX + 1]).unwrap();
        let words = format!("{:#}", flow_text_of(&path).unwrap_err());
        assert!(
            words.ends_with("a.yaml: this file has more than 256 KiB"),
            "{words}"
        );
    }
}
