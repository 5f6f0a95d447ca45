//! What can go wrong with the store, told by what the caller should do about it.

use sqlx::error::DatabaseError;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached or gave up; the same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// No room left on the disk or in the database.
    #[error("the database is full")]
    Full,
    /// Somebody else changed the same row first; load again and repeat.
    #[error("changed by somebody else in the meantime: {0}")]
    Conflict(String),
    /// The change contradicts what is stored, in the words to show.
    #[error("{0}")]
    Refused(String),
    /// The database refuses this very data.
    #[error("the database refuses the data: {0}")]
    Data(String),
    /// A stored value makes no sense.
    #[error("table {table}, row {row}: {words}")]
    Corrupt {
        /// Where it stands.
        table: &'static str,
        /// Which row, as far as is known.
        row: String,
        /// What is wrong with it.
        words: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody's help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full | Self::Conflict(_))
    }

    /// A stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Full => "full",
            Self::Conflict(_) => "conflict",
            Self::Refused(_) => "refused",
            Self::Data(_) => "data",
            Self::Corrupt { .. } => "corrupt",
            Self::Migration(_) => "migration",
        }
    }
}

/// SQLite's result codes (its low byte): a lock was not had in time, no memory, an interrupted call, a
/// disk fault, a file that cannot be opened.
const LITE_UNAVAILABLE: [i32; 6] = [5, 6, 7, 9, 10, 14];
const LITE_FULL: i32 = 13;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(cause, words) = error else {
            return Self::Data(error.to_string());
        };
        // SQLite names what was violated, never a value.
        let words = words.unwrap_or_else(|| cause.to_string());
        let words = format!("{} {words}", cause.extended_code);
        match cause.extended_code & 0xff {
            LITE_FULL => Self::Full,
            primary if LITE_UNAVAILABLE.contains(&primary) => Self::Unavailable(words),
            _ => Self::Data(words),
        }
    }
}

/// PostgreSQL's errors.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return match error {
                sqlx::Error::Decode(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Encode(_)
                | sqlx::Error::RowNotFound => Self::Data(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            };
        };
        let code = database.code().unwrap_or_default();
        let words = words_of(&code, &**database);
        match &code[..] {
            "53100" | "53200" => Self::Full,
            // A deadlock or a serialisation failure: the loser tries again.
            "40001" | "40P01" | "55P03" => Self::Conflict(words),
            _ => match &code[..2] {
                "08" | "53" | "57" | "58" | "25" => Self::Unavailable(words),
                _ => Self::Data(words),
            },
        }
    }
}

/// PostgreSQL's words may quote the value that it refuses; then only what was violated is told.
fn words_of(code: &str, error: &dyn DatabaseError) -> String {
    if !["22", "23"].contains(&&code[..2]) {
        return format!("{code} {}", error.message());
    }
    let parts = [Some(code), error.table(), error.constraint()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
