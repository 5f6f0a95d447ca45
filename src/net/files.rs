//! Files that people name: read only so far as they may be long.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Whether a file of a folder is one that is written in YAML, by its name. Hidden ones are the editors'.
pub fn is_yaml(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_hidden = name.as_encoded_bytes().starts_with(b".");
    let mut endings = path.extension().into_iter();
    !is_hidden && endings.any(|ending| ending == "yaml" || ending == "yml")
}

/// The bytes of a file; of one that has more than so many, as many as show that it has.
///
/// # Errors
/// It cannot be read.
pub fn begin_of(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    // Enough that a character which is cut in the middle lies beyond what is allowed.
    let most = bytes_max as u64 + 8;
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's whole path, however it was reached; of one that is gone, where it was.
pub fn whole_path(file: &Path) -> String {
    let there = || Some(file.parent()?.canonicalize().ok()?.join(file.file_name()?));
    let path = file.canonicalize().ok().or_else(there);
    let path = path.or_else(|| std::path::absolute(file).ok());
    let path = path.unwrap_or_else(|| file.to_owned());
    path.to_string_lossy().into_owned()
}
