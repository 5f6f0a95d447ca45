//! The columns of each table whose rows are values of the model: what is read is what is written.

use super::both::{Sql, columns, names};

pub(super) const MESSAGE: &str = "id id(msg), account_id=account id(acct), \
    conversation_id=conversation id(conv), number_id=number id(num), party text, kind text, text text, media json, \
    status text, via text, segments i64, carrier_id text, reason text, author_id=author id(user), run_id=run id(run), \
    contact_id=contact id(ctc), event_id=event id(evt), created_at i64, due_at i64, attempts i64";

pub(super) const CONVERSATION: &str = "id id(conv), account_id=account id(acct), program_id=program id(prog), \
    number_id=number id(num), party text, contact_id=contact id(ctc), state text, route json, assignment json, \
    tags json, priority bool, flagged bool, unread bool, preview text, last_at i64, auto_replied_at i64, \
    created_at i64, version i64";

pub(super) const THREAD_EVENT: &str = "id id(tev), account_id=account id(acct), \
    conversation_id=conversation id(conv), at i64, by_id=by id(user), kind json";

pub(super) const CONTACT: &str = "id id(ctc), account_id=account id(acct), name text, phones json, email text, \
    language text, source text, columns json, tags json, caseloads json, forwarded_route json, created_at i64, version i64";

pub(super) const CONSENT: &str = "id id(cons), party text, scope json, verdict text, at i64, source text, event_id=event id(evt)";

pub(super) const RUN: &str = "id id(run), account_id=account id(acct), flow text, revision_id=revision id(rev), \
    call_id=call id(call), conversation_id=conversation id(conv), number_id=number id(num), party text, \
    waits_for_text bool, asked_at i64, due_at i64, ended bool, state text, version i64";

pub(super) const CALL: &str = "id id(call), account_id=account id(acct), number_id=number id(num), connection text, \
    carrier_id text, party text, conversation_id=conversation id(conv), run_id=run id(run), token text, status text, \
    outcome text, turn i64, fetched i64, script json, started_at i64, ended_at i64, version i64";

pub(super) const LEG: &str = "id id(leg), account_id=account id(acct), call_id=call id(call), user_id=user id(user), \
    phone text, carrier_id text, status text, room text, accepted bool, started_at i64, version i64";

pub(super) const WAITING: &str = "id id(wait), account_id=account id(acct), call_id=call id(call), \
    group_id=group id(grp), user_id=user id(user), since i64, until i64, version i64";

pub(super) const VOICEMAIL: &str = "id id(vm), account_id=account id(acct), owner json, call_id=call id(call), \
    conversation_id=conversation id(conv), party text, recording text, duration_s i64, state text, blob text, \
    transcript text, heard bool, created_at i64, version i64";

pub(super) const JOB: &str =
    "id id(job), account_id=account id(acct), connection text, kind json, due_at i64, attempts i64";

/// What else stands in the row of a table beside the model's fields, for lists and for compare-and-set.
pub(super) const CONVERSATION_MORE: &str = ", responsible_kind text, responsible_id uuid, was i64";
pub(super) const VOICEMAIL_MORE: &str = ", owner_kind text, owner_id uuid, was i64";
pub(super) const WAS: &str = ", was i64";
pub(super) const JOB_MORE: &str = ", message_id id(msg), made_at i64";

/// New rows of a table given.
pub(super) fn insert(table: &str, list: &str) -> Sql {
    Sql::new(&insert_text(table, list))
}

/// New and changed rows of a table given. A changed one is written only over the version it was
/// made from: fewer rows touched than given mean that somebody else was first. `also` sets further columns.
pub(super) fn upsert(table: &str, list: &str, also: &str) -> Sql {
    // What never changes is not set: SQLite writes the entries of an index anew for every column that is named.
    let fixed = [
        "id",
        "account_id",
        "number_id",
        "party",
        "call_id",
        "created_at",
    ];
    let set: Vec<String> = columns(list)
        .filter(|column| !fixed.contains(&column.name))
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect();
    Sql::new(&format!(
        "{} ON CONFLICT pk! DO UPDATE SET {}{also} WHERE {table}.version = excluded.was",
        insert_text(table, list),
        set.join(", "),
    ))
}

pub(super) fn insert_text(table: &str, list: &str) -> String {
    format!("INSERT INTO {table} ({}) values!({list})", names(list))
}
