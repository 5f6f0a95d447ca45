//! SQLite's connections: one that writes, on a thread of its own, several that only read, and one for checkpoints.
//!
//! There is one writer because SQLite has one anyway, and a refused lock costs more than a queue. Its transactions run
//! whole on its thread (see [`Lite::writer_thread`]): a statement there is a function call, where a hop to another
//! thread would cost more than the statement. Checkpoints have a connection of their own, because one on the writer's
//! would stop every commit behind it for as long as the disk takes.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, mpsc};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Row, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, oneshot};

use crate::model::turn::Thread;
use crate::model::{NumberId, Party};

use super::StoreError;
use super::bind::bind_row;
use super::both::{Field, Sql};
use super::flush::{Flushed, Flusher};
use super::party::{Entry, Recent};
use super::pools::{Arg, Given, Triple};
use super::remembered::{Left, Remembered};
use super::row::read_row;

/// Connections that only read.
const READERS: usize = 4;
/// What the writer keeps of the file in memory. The system keeps the rest; a larger cache would be walked through at
/// many commits, whenever one had to sort pages.
const WRITER_CACHE_KIB: i64 = -12_288;
/// What each reader keeps of it.
const READER_CACHE_KIB: i64 = -8_192;
/// Statements kept ready on a connection; above the number we have.
const STATEMENTS_MAX: usize = 256;
/// How long a caller waits for a connection; past it the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process, such as `signalbox apply`, to commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often what was committed is moved from the log into the file.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);
/// Past this many pages (64 MiB) the log is made to begin anew, for which commits wait a few milliseconds. A log that
/// grows on and on leaves the system's cache, and is read from the disk to be written over.
const LOG_PAGES_MAX: i64 = 16_384;

/// The connections to a file.
#[derive(Debug)]
pub(super) struct Lite {
    file: PathBuf,
    writer: Arc<Mutex<Writer>>,
    thread: Handle,
    readers: Arc<Readers>,
    flusher: Arc<Flusher>,
    /// The threads of the writer and of the checkpoints end when these do.
    _alive: (oneshot::Sender<()>, mpsc::Sender<()>),
}

/// The writing connection. One that could not be brought out of a transaction is replaced.
#[derive(Debug)]
struct Writer {
    file: PathBuf,
    connection: Option<Connection>,
    /// What parties are known by beyond their index, once it is read.
    recent: Option<Recent>,
    /// Threads as the last turns left them.
    remembered: Remembered,
    closed: bool,
}

/// The connections that only read.
#[derive(Debug)]
struct Readers {
    file: PathBuf,
    places: Arc<Semaphore>,
    idle: StdMutex<Vec<Connection>>,
}

impl Lite {
    /// Opens a file; a missing one is made, and its folder too.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        make_folder(file)?;
        // The writer comes first: it makes the file.
        let connection = open_writer(file)?;
        let checkpoints = open_writer(file)?;
        // What a process left behind whose disk failed counts from here on, so it must not be in memory alone.
        checkpoint(&checkpoints)?;
        let file = file.to_owned();
        let writer = Arc::new(Mutex::new(Writer {
            file: file.clone(),
            connection: Some(connection),
            recent: None,
            remembered: Remembered::default(),
            closed: false,
        }));
        let (alive, ended) = mpsc::channel();
        let waits = writer.clone();
        thread("sqlite-log", move || {
            keep_checkpointing(&checkpoints, &waits, &ended);
        })?;
        let (thread, busy) = writer_thread()?;
        Ok(Self {
            writer,
            thread,
            flusher: Flusher::start(&file)?,
            readers: Arc::new(Readers {
                file: file.clone(),
                places: Arc::new(Semaphore::new(READERS)),
                idle: StdMutex::default(),
            }),
            file,
            _alive: (busy, alive),
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether what is committed comes to disk, as far as it is known.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.flusher.check()
    }

    /// Returns when what is committed comes to disk no more.
    pub(super) async fn ended(&self) {
        self.flusher.ended().await;
    }

    /// Where transactions run: everything there is one thread's, so long work that needs no transaction
    /// has no place on it.
    pub(super) fn writer_thread(&self) -> &Handle {
        &self.thread
    }

    /// Begins a transaction that may write.
    pub(super) async fn begin(&self) -> Result<LiteTx, StoreError> {
        let locked = tokio::time::timeout(ACQUIRE_TIMEOUT, self.writer.clone().lock_owned()).await;
        let late = |_| StoreError::Unavailable("another transaction takes too long".to_owned());
        let mut writer = locked.map_err(late)?;
        if writer.closed {
            return Err(closed());
        }
        self.flusher.check()?;
        if writer.connection.is_none() {
            writer.connection = Some(open_writer(&writer.file)?);
            writer.remembered.clear();
        }
        let tx = LiteTx {
            writer,
            flusher: self.flusher.clone(),
            known: Vec::new(),
            checked: false,
            touches_threads: false,
            left: None,
        };
        // Deferred, it would be refused at its first write whenever another process wrote since.
        tx.execute("BEGIN IMMEDIATE", &[])?;
        Ok(tx)
    }

    /// Reads outside a transaction.
    pub(super) async fn read(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Triple>, StoreError> {
        let place =
            tokio::time::timeout(ACQUIRE_TIMEOUT, self.readers.places.clone().acquire_owned());
        let late = |_| StoreError::Unavailable("too many read at once".to_owned());
        let place = place.await.map_err(late)?.map_err(|_| closed())?;
        let readers = self.readers.clone();
        let args: Vec<Given> = args.iter().map(Given::from).collect();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.read(sql, &args)
        });
        done.await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }

    /// Closes every connection after what is under way.
    pub(super) async fn close(&self) {
        self.readers.places.close();
        self.readers.idle().clear();
        let mut writer = self.writer.lock().await;
        writer.closed = true;
        writer.connection = None;
    }

    /// Whether a thread is remembered.
    #[cfg(test)]
    pub(super) async fn remembers(&self, number: NumberId, party: &Party) -> bool {
        self.writer.lock().await.remembered.has(number, party)
    }

    /// The writer's connection, for what no caller of the store does.
    #[cfg(test)]
    pub(super) async fn on_writer<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(self.writer.lock().await.connection.as_ref().unwrap())
    }
}

impl Readers {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, sql: &str, args: &[Given]) -> Result<Vec<Triple>, StoreError> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| open_reader(&self.file), Ok)?;
        let args: Vec<Arg<'_>> = args.iter().map(Given::arg).collect();
        let found = triples(&connection, sql, &args);
        if !self.places.is_closed() {
            self.idle().push(connection);
        }
        found
    }
}

/// A transaction that may write. Dropped, it is rolled back.
pub(super) struct LiteTx {
    writer: OwnedMutexGuard<Writer>,
    flusher: Arc<Flusher>,
    /// What parties are known by once this is committed.
    known: Vec<(Party, Entry)>,
    /// Whether what is remembered is as the file has it.
    checked: bool,
    /// Whether something that threads are made of is written.
    touches_threads: bool,
    /// What is remembered once this is committed, when a turn writes it.
    left: Option<Left>,
}

impl LiteTx {
    fn connection(&self) -> Result<&Connection, StoreError> {
        self.writer.connection.as_ref().ok_or_else(closed)
    }

    /// Runs a statement; how many rows it touched.
    pub(super) fn execute(&self, sql: &str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        Ok(statement.raw_execute()? as u64)
    }

    /// Runs a statement for each row, its columns bound; how many rows of the table it touched.
    pub(super) fn execute_each<T: Serialize>(
        &self,
        sql: &str,
        fields: &[Field],
        rows: &[T],
    ) -> Result<u64, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        let mut touched = 0;
        for row in rows {
            statement.clear_bindings();
            bind_row(&mut statement, fields, row)?;
            touched += statement.raw_execute()? as u64;
        }
        Ok(touched)
    }

    pub(super) fn triples(&self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Triple>, StoreError> {
        triples(self.connection()?, sql, args)
    }

    /// Asks for each row, its columns bound.
    pub(super) fn triples_each<T: Serialize>(
        &self,
        sql: &str,
        fields: &[Field],
        rows: &[T],
    ) -> Result<Vec<Triple>, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        let mut found = Vec::new();
        for row in rows {
            bind_row(&mut statement, fields, row)?;
            take(&mut statement, &mut found)?;
        }
        Ok(found)
    }

    /// Asks for each row, its columns bound; what is found is read as it is, behind its place and its kind.
    pub(super) fn rows_each<T: DeserializeOwned>(
        &self,
        table: &'static str,
        sql: &Sql,
        rows: &[impl Serialize],
    ) -> Result<Vec<(i64, T)>, StoreError> {
        let mut statement = self.connection()?.prepare_cached(sql.lite)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            bind_row(&mut statement, &sql.fields, row)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, read_row(table, row, 2, &sql.columns)?));
            }
        }
        Ok(found)
    }

    /// What parties are known by beyond their index, if it has been read.
    pub(super) fn recent(&mut self) -> &mut Option<Recent> {
        &mut self.writer.recent
    }

    /// Takes in what parties are known by once this is committed.
    pub(super) fn know(&mut self, known: impl Iterator<Item = (Party, Entry)>) {
        self.known.extend(known);
    }

    /// How many it has taken in.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// A thread that is remembered, as the last turn left it.
    pub(super) fn take_thread(
        &mut self,
        number: NumberId,
        party: &Party,
    ) -> Result<Option<Thread>, StoreError> {
        if !self.checked {
            let mut asked = self.connection()?.prepare_cached("PRAGMA data_version")?;
            let version = asked.query_row([], |row| row.get(0))?;
            drop(asked);
            self.writer.remembered.check(version);
            self.checked = true;
        }
        Ok(self.writer.remembered.take(number, party))
    }

    /// Takes in what a turn leaves to be remembered once this is committed.
    pub(super) fn leave(&mut self, left: Left) {
        self.left = Some(left);
    }

    /// Tells that a statement writes to what threads are made of.
    pub(super) fn touch_threads(&mut self) {
        self.touches_threads = true;
    }

    /// Commits, and lets the next one write; what is waited for is that this one is on disk.
    pub(super) fn commit(mut self) -> Result<Flushed, StoreError> {
        let done = self.execute("COMMIT", &[]);
        self.remember(done.is_ok());
        done.map(|_| self.flusher.committed())
    }

    /// Brings what is kept in memory to where the file is. When it is not sure what was committed, that is for the file
    /// to say, when it is read again.
    fn remember(&mut self, committed: bool) {
        let writer = &mut *self.writer;
        let known = std::mem::take(&mut self.known);
        match &mut writer.recent {
            Some(recent) if committed => known
                .into_iter()
                .for_each(|(party, entry)| recent.add(party, entry)),
            recent => *recent = None,
        }
        match self.left.take() {
            Some(left) if committed => writer.remembered.put(left),
            None if committed && !self.touches_threads => {}
            _ => writer.remembered.clear(),
        }
    }
}

impl Drop for LiteTx {
    fn drop(&mut self) {
        let open = |connection: &Connection| !connection.is_autocommit();
        // A full disk may have ended it inside SQLite already.
        if self.connection().is_ok_and(open) && self.execute("ROLLBACK", &[]).is_err() {
            self.writer.connection = None;
        }
    }
}

fn bind(statement: &mut Statement<'_>, args: &[Arg<'_>]) -> Result<(), StoreError> {
    for (at, arg) in (1..).zip(args) {
        match *arg {
            Arg::Text(text) => statement.raw_bind_parameter(at, text)?,
            Arg::Int(int) => statement.raw_bind_parameter(at, int)?,
            Arg::Id(id) => statement.raw_bind_parameter(at, id.as_bytes())?,
            Arg::Bytes(bytes) => statement.raw_bind_parameter(at, bytes)?,
        }
    }
    Ok(())
}

/// Rows of three columns, or of the last one alone.
fn triples(
    connection: &Connection,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<Vec<Triple>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, args)?;
    let mut found = Vec::new();
    take(&mut statement, &mut found)?;
    Ok(found)
}

fn take(statement: &mut Statement<'_>, found: &mut Vec<Triple>) -> Result<(), StoreError> {
    let alone = statement.column_count() == 1;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        found.push(triple(row, alone)?);
    }
    Ok(())
}

fn triple(row: &Row<'_>, alone: bool) -> rusqlite::Result<Triple> {
    Ok(match alone {
        true => (0, String::new(), row.get(0)?),
        false => (row.get(0)?, row.get(1)?, row.get(2)?),
    })
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// Makes the folder of the file, for nobody else to look into: texts are kept there as they are.
fn make_folder(file: &Path) -> Result<(), StoreError> {
    let Some(folder) = file.parent().filter(|folder| !folder.exists()) else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))
}

fn open_writer(file: &Path) -> Result<Connection, StoreError> {
    let how = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(file, how, WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The log is flushed by a thread of its own, before anything of it is acknowledged; moving it into the file
    // flushes both all the same.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB)
}

fn open(file: &Path, how: OpenFlags, cache_kib: i64) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    // Plans do not depend on what is bound, so that a statement is not planned anew for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", cache_kib)?;
    Ok(connection)
}

pub(super) fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let begun = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work);
    begun
        .map(drop)
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn writer_thread() -> Result<(Handle, oneshot::Sender<()>), StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let handle = runtime.handle().clone();
    let (alive, ended) = oneshot::channel();
    thread("sqlite-writer", move || {
        // An error is the other side's end, which is what is waited for.
        let _ = runtime.block_on(ended);
    })?;
    Ok((handle, alive))
}

/// Moves what was committed from SQLite's log into its file, again and again until the other side is gone.
fn keep_checkpointing(connection: &Connection, writer: &Mutex<Writer>, ended: &mpsc::Receiver<()>) {
    while ended.recv_timeout(CHECKPOINT_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
        // A failed checkpoint is no failure of the store: the next one does its work, and a full disk is told by
        // the writer.
        let log_pages = checkpoint(connection).unwrap_or(0);
        if log_pages > LOG_PAGES_MAX {
            // What came meanwhile is little; once that is moved too while nobody writes, the next commit begins
            // at the log's first page.
            let _ = checkpoint(connection);
            let _nobody_writes = writer.blocking_lock();
            let _ = checkpoint(connection);
        }
    }
}

/// Moves what no reader holds back; how many pages the log has.
fn checkpoint(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}
