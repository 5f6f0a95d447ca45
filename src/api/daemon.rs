//! The daemon as the staff listener sees it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::door::{ActRefused, Acted, FileError, FilePart, FileRange, Notice, Staff};
use crate::daemon::Daemon;
use crate::model::directory::Directory;
use crate::model::staff::StaffAction;
use crate::net::blobs::{BlobError, BlobKey};
use crate::store::Store;

impl Staff for Daemon {
    fn act(&self, action: StaffAction) -> BoxFuture<'_, Result<Acted, ActRefused>> {
        Self::act(self, action).boxed()
    }

    fn directory(&self) -> Arc<Directory> {
        (**self).directory()
    }

    fn store(&self) -> &Store {
        (**self).store()
    }

    fn live(&self) -> broadcast::Receiver<Notice> {
        (**self).live()
    }

    fn file<'a>(&'a self, key: &'a str, range: Option<FileRange>) -> BoxFuture<'a, Result<FilePart, FileError>> {
        part(self, key, range).boxed()
    }

    fn stopping(&self) -> CancellationToken {
        (**self).stopping()
    }
}

async fn part(daemon: &Daemon, key: &str, range: Option<FileRange>) -> Result<FilePart, FileError> {
    let key: BlobKey = key.parse().map_err(|_| FileError::Missing)?;
    let size_bytes = daemon.blobs().length(&key).await.map_err(why)?;
    let (first, end) = bounds(range, size_bytes).ok_or(FileError::Range(size_bytes))?;
    let bytes = daemon.blobs().range(&key, first..end).await.map_err(why)?;
    let body = stream::once(async move { Ok(bytes) }).boxed();
    Ok(FilePart { size_bytes, first, length_bytes: end - first, body })
}

/// The wanted bytes as a half-open range; nothing when it lies outside.
fn bounds(range: Option<FileRange>, size: u64) -> Option<(u64, u64)> {
    match range {
        None => Some((0, size)),
        Some(FileRange::From(first, last)) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            (first < end).then_some((first, end))
        }
        Some(FileRange::Last(count)) => (count > 0 && size > 0).then(|| (size.saturating_sub(count), size)),
    }
}

fn why(error: BlobError) -> FileError {
    match error {
        BlobError::Missing => FileError::Missing,
        BlobError::Store(_) | BlobError::Source(_) => FileError::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_inside_the_file() {
        for (range, wanted) in [
            (None, Some((0, 10))),
            (Some(FileRange::From(0, None)), Some((0, 10))),
            (Some(FileRange::From(2, Some(4))), Some((2, 5))),
            (Some(FileRange::From(9, Some(99))), Some((9, 10))),
            (Some(FileRange::From(10, None)), None),
            (Some(FileRange::Last(3)), Some((7, 10))),
            (Some(FileRange::Last(30)), Some((0, 10))),
            (Some(FileRange::Last(0)), None),
        ] {
            assert_eq!(bounds(range, 10), wanted, "{range:?}");
        }
    }
}
