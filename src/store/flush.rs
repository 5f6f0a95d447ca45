//! Brings what was committed to disk, beside the writer: while one batch is being flushed, the next is decided.
//!
//! SQLite appends a commit to its log and is told not to wait for the disk (`synchronous=normal`). Nothing of it is
//! acknowledged before this thread has flushed the log past it: one flush serves every commit that came before it
//! began. The log is read back in order and each part of it is checked, so that what a power failure leaves is
//! everything up to some commit, and all that was acknowledged is in it.
//!
//! A flush that fails is the end of the store, and of the process: the system may have dropped what it could not write,
//! and a second flush would not tell. The next start moves the log into the file before anything else, as far as it can
//! be read then.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::watch;

use super::StoreError;

/// How far it is flushed.
#[derive(Debug, Clone, Copy, Default)]
struct Reached {
    commits: u64,
    failed: bool,
}

/// The commits of one file, counted, and the thread that flushes them.
#[derive(Debug)]
pub(super) struct Flusher {
    commits: AtomicU64,
    /// Set with the first flush that fails.
    failed: Arc<AtomicBool>,
    /// One waiting call is enough: whoever is woken flushes everything.
    wake: SyncSender<()>,
    reached: watch::Receiver<Reached>,
}

/// What waits until a commit, and all before it, are on disk.
#[derive(Debug)]
pub(super) struct Flushed {
    commit: u64,
    reached: watch::Receiver<Reached>,
}

impl Flusher {
    /// Starts to flush the log of the database in this file, which is there since a connection has read or written.
    pub(super) fn start(file: &Path) -> Result<Arc<Self>, StoreError> {
        let log = open_log(file).map_err(|error| {
            StoreError::Unavailable(format!("the log of {}: {error}", file.display()))
        })?;
        Self::with(move || log.sync_data())
    }

    /// Starts with another way to flush.
    fn with(
        flush: impl FnMut() -> io::Result<()> + Send + 'static,
    ) -> Result<Arc<Self>, StoreError> {
        let (wake, woken) = sync_channel(1);
        let (told, reached) = watch::channel(Reached::default());
        let failed = Arc::new(AtomicBool::new(false));
        let flusher = Arc::new(Self {
            commits: AtomicU64::new(0),
            failed: failed.clone(),
            wake,
            reached,
        });
        let commits = Arc::downgrade(&flusher);
        super::lite::thread("sqlite-flush", move || {
            let committed = || Some(commits.upgrade()?.commits.load(Ordering::Acquire));
            keep_flushing(&woken, committed, flush, &told, &failed);
        })?;
        Ok(flusher)
    }

    /// Counts a commit that has just been made.
    pub(super) fn committed(&self) -> Flushed {
        let commit = self.commits.fetch_add(1, Ordering::AcqRel) + 1;
        // A call that waits already will see this commit too.
        let _ = self.wake.try_send(());
        Flushed {
            commit,
            reached: self.reached.clone(),
        }
    }

    /// Whether every flush was done so far.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.failed.load(Ordering::Acquire) {
            true => Err(failed()),
            false => Ok(()),
        }
    }

    /// Returns with the first flush that fails.
    pub(super) async fn ended(&self) {
        let mut reached = self.reached.clone();
        // The thread is gone only after it said so, or with the last of those who commit.
        let _ = reached.wait_for(|reached| reached.failed).await;
    }
}

impl Flushed {
    /// Returns once it is on disk, or tells that it cannot be brought there.
    pub(super) async fn wait(mut self) -> Result<(), StoreError> {
        let commit = self.commit;
        let done = |reached: &Reached| reached.failed || reached.commits >= commit;
        match self.reached.wait_for(done).await {
            Ok(reached) if reached.commits >= commit => Ok(()),
            _ => Err(failed()),
        }
    }
}

fn failed() -> StoreError {
    StoreError::Unavailable(
        "what was committed could not be brought to disk; start anew".to_owned(),
    )
}

fn keep_flushing(
    woken: &Receiver<()>,
    committed: impl Fn() -> Option<u64>,
    mut flush: impl FnMut() -> io::Result<()>,
    told: &watch::Sender<Reached>,
    failed: &AtomicBool,
) {
    while woken.recv().is_ok() {
        let Some(commits) = committed() else { return };
        if let Err(error) = flush() {
            failed.store(true, Ordering::Release);
            tracing::error!(%error, "the store's log cannot be brought to disk; nothing is taken until a new start");
            told.send_modify(|reached| reached.failed = true);
            return;
        }
        told.send_modify(|reached| reached.commits = commits);
    }
}

/// Opens SQLite's log, which stays the same file as long as a connection is open, and makes sure that a file just
/// made is found after a power failure: SQLite itself would see to that only with its own first flush.
fn open_log(file: &Path) -> io::Result<File> {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    let log = File::open(PathBuf::from(name))?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn nothing_counts_as_flushed_before_it_is() {
        let (go, gone) = channel::<()>();
        let flusher = Flusher::with(move || {
            gone.recv()
                .map_err(|_| io::Error::other("the disk is gone"))
        });
        let flusher = flusher.unwrap();
        let first = flusher.committed();
        let mut waits = Box::pin(first.wait());
        assert!(futures_util::poll!(&mut waits).is_pending());
        go.send(()).unwrap();
        waits.await.unwrap();
        flusher.check().unwrap();
        assert!(futures_util::poll!(Box::pin(flusher.ended())).is_pending());
        let (second, third) = (flusher.committed(), flusher.committed());
        drop(go);
        assert!(second.wait().await.is_err());
        assert!(third.wait().await.is_err());
        flusher.ended().await;
        assert!(flusher.check().is_err());
        assert!(flusher.committed().wait().await.is_err());
    }

    #[tokio::test]
    async fn one_flush_serves_all_that_came_before_it() {
        let (go, gone) = channel::<()>();
        let (told, tells) = channel();
        let flusher = Flusher::with(move || {
            told.send(()).map_err(io::Error::other)?;
            gone.recv().map_err(io::Error::other)
        });
        let flusher = flusher.unwrap();
        let first = flusher.committed();
        tells.recv().unwrap();
        let rest: Vec<Flushed> = (0..10).map(|_| flusher.committed()).collect();
        go.send(()).unwrap();
        first.wait().await.unwrap();
        go.send(()).unwrap();
        for one in rest {
            one.wait().await.unwrap();
        }
        assert_eq!(tells.try_iter().count(), 1);
    }
}
