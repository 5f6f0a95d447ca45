//! One SQL text for both databases.
//!
//! A statement is written once, with a few marks that become what each database understands when the
//! statement is first used; both take `$1`, `RETURNING`, `ON CONFLICT` and common table expressions as they are.
//! Rows travel as JSON in both directions, so that a batch binds one array, a row comes back as one value, and
//! one list of columns serves reading and writing:
//!
//! | mark | becomes |
//! |---|---|
//! | `rows!($1: id=of id(conv), at i64)` | a sub-query with these columns, read from an array of objects |
//! | `values!(id=of id(conv), at i64)` | these columns of the rows that an `INSERT` is given |
//! | `with!(id=of id(conv), at i64)` | the rows `r` that a question is asked for |
//! | `each!` | these rows, as the first of a `FROM` |
//! | `given!(id=of id(conv), at i64)` | the rows that an `UPDATE` is given, as its `FROM`, called `r` |
//! | `doc!(c: id=of id(conv), at i64)` | the row of alias `c` as the text of one object |
//! | `row!(c: id=of id(conv), at i64)` | the same, or on SQLite these columns as they are; once a statement, and last |
//! | `nest!(c: …)` | the same, inside `obj!( )` |
//! | `obj!('a', x, 'b', nest!(c: …))` | an object of these pairs, as text |
//! | `flag!(x)` | a truth value for `obj!` |
//! | `ident!(conv: x)` | the UUID `x` as an id with this prefix |
//! | `array!(x)` | all `x` of a group as the text of one array |
//! | `pk!` | the primary key of account data: `(id)` or `(account_id, id)` |
//! | `rank!(x)` | the height of a text's status |
//! | `lock!(m)` | `FOR UPDATE OF m` where there are several writers |
//! | `claim!(m)` | the same, passing over what others hold |
//!
//! Rows of `values!`, `given!` and `with!` come from an array on PostgreSQL. SQLite, to which a statement is a function call,
//! runs the statement once for each row with its columns bound: that costs less than reading an array, and a statement
//! that touches one row needs no journal of its own.
//!
//! A column is `name kind` or `name=field kind`, where the object's field has another name. Kinds are `i64`, `text`,
//! `bool`, `json`, `uuid` (bare) and `id(prefix)` (a UUID that is shown with its prefix).

use std::fmt::Write as _;

use super::remembered::touches_threads;
use crate::model::MessageStatus;

/// A statement in both tongues.
#[derive(Debug)]
pub(super) struct Sql {
    /// For SQLite.
    pub(super) lite: &'static str,
    /// For PostgreSQL.
    pub(super) pg: &'static str,
    /// What SQLite binds of each row, when it runs the statement once a row; see `values!`.
    pub(super) fields: Vec<Field>,
    /// What SQLite's rows hold, where they come as they are; see `row!`.
    pub(super) columns: Vec<Field>,
    /// Whether it changes what threads show; see [`super::remembered`].
    pub(super) touches_threads: bool,
}

/// A field of a row that is bound by itself.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// How a field is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// As it is.
    Plain,
    /// A truth value, which SQLite keeps as a number.
    Bool,
    /// Its JSON.
    Json,
    /// The 16 bytes of an id or a bare UUID.
    Id,
}

impl Sql {
    /// Reads the marks. The text lives as long as the process: a statement is made once, in [`sql!`].
    pub(super) fn new(text: &str) -> Self {
        let lite: &'static str = lite(text).leak();
        let made = Self {
            lite,
            pg: expand(text, Tongue::Pg).leak(),
            fields: given(text).map(|column| column.bound()).collect(),
            columns: row(text).map(|column| column.bound()).collect(),
            touches_threads: touches_threads(lite),
        };
        #[cfg(test)]
        KNOWN.lock().unwrap().push(made.lite);
        made
    }
}

#[cfg(test)]
static KNOWN: std::sync::Mutex<Vec<&'static str>> = std::sync::Mutex::new(Vec::new());

/// Every statement used so far by this process, for SQLite.
#[cfg(test)]
pub(super) fn known() -> Vec<&'static str> {
    KNOWN.lock().unwrap().clone()
}

/// A statement, expanded once. Takes anything that can be borrowed as `str`, so that lists of columns can
/// be put in with `format!`; never put data in.
macro_rules! sql {
    ($text:expr) => {{
        static SQL: std::sync::LazyLock<$crate::store::both::Sql> =
            std::sync::LazyLock::new(|| $crate::store::both::Sql::new($text.as_ref()));
        &*SQL
    }};
}
pub(super) use sql;

#[derive(Clone, Copy, PartialEq)]
enum Tongue {
    Lite,
    Pg,
}

/// The columns that a statement is given.
fn given(text: &str) -> impl Iterator<Item = Column<'_>> {
    let marks = ["values!", "given!", "with!"];
    let after = marks.iter().find_map(|mark| Some(text.split_once(mark)?.1));
    let list = after.map(|after| columns(parenthesised(after).0));
    list.into_iter().flatten()
}

/// The columns of a statement's rows.
fn row(text: &str) -> impl Iterator<Item = Column<'_>> {
    let list = text.split_once("row!");
    let list = list.and_then(|(_, after)| Some(parenthesised(after).0.split_once(':')?.1));
    list.map(columns).into_iter().flatten()
}

/// A statement for SQLite, whose parameters are numbered by `?`; what it is given it has as parameters.
fn lite(text: &str) -> String {
    let mut out = expand(text, Tongue::Lite);
    for at in 1..=9 {
        out = out.replace(&format!("${at}"), &format!("?{at}"));
    }
    // Longer names first: one may begin another.
    let mut places: Vec<(usize, &str)> = (1..).zip(given(text).map(|column| column.name)).collect();
    places.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    for (at, name) in places {
        out = out.replace(&format!(" r.{name}"), &format!(" ?{at}"));
        out = out.replace(&format!("(r.{name}"), &format!("(?{at}"));
    }
    out
}

/// Replaces every mark, inner ones first.
fn expand(text: &str, tongue: Tongue) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(bang) = rest.find('!') {
        let start = rest[..bang]
            .rfind(|c: char| !c.is_ascii_lowercase())
            .map_or(0, |at| at + 1);
        let (name, after) = (&rest[start..bang], &rest[bang + 1..]);
        out.push_str(&rest[..start]);
        if let Some(word) = word(name, tongue) {
            out.push_str(word);
            rest = after;
            continue;
        }
        // `!=` is not used in our statements, so that every `!` is a mark.
        let (inner, after) = parenthesised(after);
        out.push_str(&mark(name, &expand(inner, tongue), tongue));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A mark that has nothing in parentheses.
fn word(name: &str, tongue: Tongue) -> Option<&'static str> {
    match (name, tongue) {
        ("pk", Tongue::Lite) => Some("(id)"),
        ("pk", Tongue::Pg) => Some("(account_id, id)"),
        ("each", Tongue::Lite) => Some(""),
        ("each", Tongue::Pg) => Some("r CROSS JOIN"),
        _ => None,
    }
}

/// The inside of the parentheses that `text` begins with, and what follows them.
fn parenthesised(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (text.get(1..at).unwrap_or(""), &text[at + 1..]);
        }
    }
    (text, "")
}

fn mark(name: &str, inner: &str, tongue: Tongue) -> String {
    let lite = tongue == Tongue::Lite;
    match name {
        "rows" => rows(inner, tongue),
        "given" | "with" if lite => String::new(),
        "with" => format!(
            "WITH r AS MATERIALIZED {}",
            rows(&format!("$1: {inner}"), tongue)
        ),
        "given" => format!("FROM {} AS r", rows(&format!("$1: {inner}"), tongue)),
        "values" if lite => format!("VALUES ({})", places(columns(inner).count())),
        "values" => {
            let given = mark("given", inner, tongue);
            format!("SELECT {} {given} WHERE true", names(inner))
        }
        "row" if lite => {
            let (alias, list) = inner.split_once(':').unwrap_or((inner, ""));
            let columns: Vec<String> = columns(list)
                .map(|column| format!("{alias}.{}", column.name))
                .collect();
            columns.join(", ")
        }
        "row" => mark("doc", inner, tongue),
        "doc" if lite => nest(inner, tongue),
        "doc" => format!("{}::text", nest(inner, tongue)),
        "nest" => nest(inner, tongue),
        "obj" if lite => format!("json_object({inner})"),
        "obj" => format!("json_build_object({inner})::text"),
        "flag" if lite => format!("json(CASE WHEN {inner} THEN 'true' ELSE 'false' END)"),
        "flag" => format!("({inner})"),
        "ident" => {
            let (prefix, column) = inner.split_once(':').unwrap_or((inner, ""));
            shown(&format!("id({prefix})"), column.trim(), tongue)
        }
        "array" if lite => format!("json_group_array({inner})"),
        "array" => format!("coalesce(jsonb_agg({inner})::text, '[]')"),
        "rank" => rank(inner),
        "lock" | "claim" if lite => String::new(),
        "lock" => format!("FOR UPDATE OF {inner}"),
        "claim" => format!("FOR UPDATE OF {inner} SKIP LOCKED"),
        _ => format!("unknown_mark_{name}({inner})"),
    }
}

/// A column of a list: its name, the object's field and its kind.
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    pub(super) field: &'a str,
    pub(super) kind: &'a str,
}

impl Column<'_> {
    /// As it is bound. The name lives as long as its statement, which is as long as the process.
    fn bound(&self) -> Field {
        Field {
            name: self.field.to_owned().leak(),
            kind: match self.kind {
                "json" => Kind::Json,
                "bool" => Kind::Bool,
                id if id == "uuid" || id.starts_with("id(") => Kind::Id,
                _ => Kind::Plain,
            },
        }
    }
}

/// The columns of a list.
pub(super) fn columns(list: &str) -> impl Iterator<Item = Column<'_>> {
    list.split(',').map(|entry| {
        let (left, kind) = entry
            .trim()
            .split_once(' ')
            .unwrap_or((entry.trim(), "text"));
        let (name, field) = left.split_once('=').unwrap_or((left, left));
        Column {
            name,
            field,
            kind: kind.trim(),
        }
    })
}

/// The names of a list, for `INSERT INTO t (…)` and `SELECT …`.
pub(super) fn names(list: &str) -> String {
    let names: Vec<&str> = columns(list).map(|column| column.name).collect();
    names.join(", ")
}

fn places(count: usize) -> String {
    let places: Vec<String> = (1..=count).map(|at| format!("?{at}")).collect();
    places.join(", ")
}

fn rows(inner: &str, tongue: Tongue) -> String {
    let (bind, list) = inner.split_once(':').unwrap_or((inner, ""));
    let mut out = "(SELECT ".to_owned();
    let mut types = String::new();
    for (at, Column { name, field, kind }) in columns(list).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let taken = match (tongue, kind) {
            (Tongue::Lite, "json") => format!("value->'{field}'"),
            (Tongue::Lite, "uuid") => format!("unhex(value->>'{field}', '-')"),
            (Tongue::Lite, id) if id.starts_with("id") => {
                format!("unhex(substr(value->>'{field}', -32))")
            }
            (Tongue::Lite, _) => format!("value->>'{field}'"),
            (Tongue::Pg, id) if id.starts_with("id") => format!("right(x.\"{field}\", 32)::uuid"),
            (Tongue::Pg, "json") => format!("nullif(x.\"{field}\", 'null'::jsonb)"),
            (Tongue::Pg, _) => format!("x.\"{field}\""),
        };
        let taken = match (tongue, kind) {
            // A JSON null is no value here.
            (Tongue::Lite, "json") => format!("nullif({taken}, 'null')"),
            _ => taken,
        };
        let kind = match kind {
            "i64" => "bigint",
            "bool" => "boolean",
            "json" => "jsonb",
            "uuid" => "uuid",
            _ => "text",
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{comma}{taken} AS {name}");
        let _ = write!(types, "{comma}\"{field}\" {kind}");
    }
    match tongue {
        Tongue::Lite => format!("{out} FROM jsonb_each({bind}))"),
        Tongue::Pg => format!("{out} FROM jsonb_to_recordset({bind}::text::jsonb) AS x({types}))"),
    }
}

fn nest(inner: &str, tongue: Tongue) -> String {
    let (alias, list) = inner.split_once(':').unwrap_or((inner, ""));
    let mut out = match tongue {
        Tongue::Lite => "json_object(",
        Tongue::Pg => "json_build_object(",
    }
    .to_owned();
    for (at, Column { name, field, kind }) in columns(list).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let value = shown(kind, &format!("{alias}.{name}"), tongue);
        let _ = write!(out, "{comma}'{field}', {value}");
    }
    out.push(')');
    out
}

/// A column as a value of an object.
fn shown(kind: &str, column: &str, tongue: Tongue) -> String {
    match (tongue, kind) {
        (Tongue::Lite, "json") => format!("json({column})"),
        (Tongue::Lite, "bool") => {
            format!("json(CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)")
        }
        (Tongue::Lite, "uuid") => format!("nullif(lower(hex({column})), '')"),
        (Tongue::Pg, "uuid") => format!("replace({column}::text, '-', '')"),
        (_, id) if id.starts_with("id(") => {
            let prefix = id.trim_start_matches("id(").trim_end_matches(')');
            let bare = shown("uuid", column, tongue);
            format!("'{prefix}_' || {bare}")
        }
        _ => column.to_owned(),
    }
}

/// Written from the model, so that the database cannot rank otherwise.
fn rank(status: &str) -> String {
    let mut out = format!("(CASE {status}");
    for known in MessageStatus::ALL {
        let _ = write!(out, " WHEN '{}' THEN {}", known.as_str(), known.rank());
    }
    out.push_str(" ELSE 9 END)");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_what_each_database_understands() {
        let sql = Sql::new(
            "SELECT doc!(c: id id(conv), tags json) FROM rows!($1: id=of id(conv), n i64) AS r, t c ON CONFLICT pk! lock!(c)",
        );
        assert_eq!(
            sql.lite,
            "SELECT json_object('id', 'conv_' || nullif(lower(hex(c.id)), ''), 'tags', json(c.tags)) \
             FROM (SELECT unhex(substr(value->>'of', -32)) AS id, value->>'n' AS n FROM jsonb_each(?1)) AS r, t c ON CONFLICT (id) "
        );
        assert_eq!(
            sql.pg,
            "SELECT json_build_object('id', 'conv_' || replace(c.id::text, '-', ''), 'tags', c.tags)::text \
             FROM (SELECT right(x.\"of\", 32)::uuid AS id, x.\"n\" AS n \
             FROM jsonb_to_recordset($1::text::jsonb) AS x(\"of\" text, \"n\" bigint)) AS r, t c ON CONFLICT (account_id, id) FOR UPDATE OF c"
        );
    }
    #[test]
    fn what_a_statement_is_given_sqlite_has_bound() {
        let sql = Sql::new(
            "UPDATE t SET at = r.at, id = coalesce(r.att, t.id) given!(at=when i64, att id(x)) WHERE t.n = r.at",
        );
        assert_eq!(
            sql.lite,
            "UPDATE t SET at = ?1, id = coalesce(?2, t.id)  WHERE t.n = ?1"
        );
        assert_eq!(
            sql.pg,
            "UPDATE t SET at = r.at, id = coalesce(r.att, t.id) FROM (SELECT x.\"when\" AS at, right(x.\"att\", 32)::uuid AS att \
             FROM jsonb_to_recordset($1::text::jsonb) AS x(\"when\" bigint, \"att\" text)) AS r WHERE t.n = r.at"
        );
        let bound = |name, kind| Field { name, kind };
        assert_eq!(
            sql.fields,
            [bound("when", Kind::Plain), bound("att", Kind::Id)]
        );
        let sql = Sql::new("INSERT INTO t (a, b) values!(a json, b uuid) ON CONFLICT DO NOTHING");
        assert_eq!(
            sql.lite,
            "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            sql.pg,
            "INSERT INTO t (a, b) SELECT a, b FROM (SELECT nullif(x.\"a\", 'null'::jsonb) AS a, x.\"b\" AS b \
             FROM jsonb_to_recordset($1::text::jsonb) AS x(\"a\" jsonb, \"b\" uuid)) AS r WHERE true ON CONFLICT DO NOTHING"
        );
    }
}
