//! The organisation: rows in, the [`Directory`] out. Every write bumps the directory's version and leaves an
//! audit row in the same transaction; writes come one after the other, so that each knows what it changes.

mod rows;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::account::{Account, Keyword, Number};
use crate::model::calendar::{Calendar, CalendarSpec, zone};
use crate::model::directory::Directory;
use crate::model::organisation::{CostCentre, OrgChange, OrgRow};
use crate::model::people::{Contact, User};
use crate::model::{AccountId, NumberId, Party, Timestamp};

use super::both::{Sql, columns, names, sql};
use super::pools::{Arg, Tx, array};
use super::save::save_contacts;
use super::tables::CONTACT;
use super::{Actor, NodeScope, Store, StoreError};
use rows::*;

#[derive(Serialize, Deserialize)]
struct VersionRow {
    version: i64,
}

/// The rows of a set of changes, by table.
#[derive(Default)]
struct Sorted<'c> {
    cost_centres: Vec<CostCentreRow>,
    users: Vec<UserRow>,
    accounts: Vec<AccountOf>,
    numbers: Vec<NumberRow>,
    roles: Vec<RoleRow>,
    members: Vec<MemberRow>,
    groups: Vec<GroupRow>,
    calendars: Vec<CalendarRow>,
    programs: Vec<ProgramRow>,
    account_numbers: Vec<AccountNumberRow>,
    keywords: Vec<KeywordRow>,
    contacts: Vec<&'c Contact>,
}

/// The contacts of parties that stand in this table, called `k`.
fn contacts_by(table: &str, k: &str) -> String {
    format!(
        "SELECT doc!(p: {CONTACT}) FROM rows!($1: account_id=account id(acct), party text) AS r \
         CROSS JOIN {table} {k} CROSS JOIN contact p WHERE {k}.party = r.party AND {k}.what = 'contact' \
         AND {k}.within_id = r.account_id AND p.account_id = {k}.within_id AND p.id = {k}.id"
    )
}

impl Store {
    /// The organisation as it is.
    ///
    /// # Errors
    /// The store cannot be read, or [`StoreError::Corrupt`] names a row that makes no sense.
    pub async fn directory(&self, scope: NodeScope) -> Result<Directory, StoreError> {
        // Read first: a write in between shows as a newer version later, and everything is read again.
        let version = self.directory_version(scope).await?;
        let mut accounts = self.accounts().await?;
        self.fill_accounts(&mut accounts).await?;
        let sql = sql!(format!("SELECT doc!(u: {USER}) FROM staff_user u"));
        let users: Vec<UserRow> = self.inner.pools.list("staff_user", sql, &[]).await?;
        let sql = sql!(format!("SELECT doc!(n: {NUMBER}) FROM number n"));
        let numbers: Vec<NumberRow> = self.inner.pools.list("number", sql, &[]).await?;
        let sql = sql!(format!(
            "SELECT doc!(k: {KEYWORD}) FROM keyword k ORDER BY k.number_id, k.account_id, k.first"
        ));
        let keywords: Vec<KeywordRow> = self.inner.pools.list("keyword", sql, &[]).await?;
        Ok(Directory::new(
            version,
            accounts.into_values().collect(),
            users.into_iter().map(User::from).collect(),
            numbers.into_iter().map(Number::from).collect(),
            keywords.into_iter().map(Keyword::from).collect(),
        ))
    }

    /// Raised by every write to the organisation and every published flow.
    pub async fn directory_version(&self, _scope: NodeScope) -> Result<i64, StoreError> {
        let sql = sql!("SELECT doc!(v: version i64) FROM directory_version v");
        let rows: Vec<VersionRow> = self.inner.pools.list("directory_version", sql, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.version))
    }

    /// The cost centres, by key.
    pub async fn cost_centres(&self, _scope: NodeScope) -> Result<Vec<CostCentre>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(c: {COST_CENTRE}) FROM cost_centre c ORDER BY c.key"
        ));
        let rows: Vec<CostCentreRow> = self.inner.pools.list("cost_centre", sql, &[]).await?;
        let made = |row: CostCentreRow| CostCentre {
            id: row.id,
            key: row.key,
            name: row.name,
        };
        Ok(rows.into_iter().map(made).collect())
    }

    /// The contacts of these accounts that have these phones.
    pub async fn contacts_with(
        &self,
        _scope: NodeScope,
        phones: &[(AccountId, Party)],
    ) -> Result<Vec<Contact>, StoreError> {
        #[derive(Serialize)]
        struct Asked<'p> {
            account: AccountId,
            party: &'p Party,
        }
        let asked = phones.iter().map(|(account, party)| Asked {
            account: *account,
            party,
        });
        let asked = array(&asked.collect::<Vec<_>>())?;
        let sql = sql!(format!(
            "{} UNION ALL {}",
            contacts_by("party_index", "f"),
            contacts_by("party_recent", "recent")
        ));
        let mut found: Vec<Contact> = self
            .inner
            .pools
            .list("contact", sql, &[Arg::Text(&asked)])
            .await?;
        let has = |contact: &Contact, (account, party): &(AccountId, Party)| {
            contact.account == *account && contact.phones.iter().any(|phone| phone.phone == *party)
        };
        found.retain(|contact| phones.iter().any(|key| has(contact, key)));
        found.sort_by_key(|contact| contact.id);
        found.dedup_by_key(|contact| contact.id);
        Ok(found)
    }

    /// Saves changes of the organisation that was read at version `based_on`, all or none; the new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody changed it meanwhile, [`StoreError::Refused`] when two accounts
    /// claim one keyword on a number.
    pub async fn apply(
        &self,
        actor: &Actor,
        now: Timestamp,
        based_on: i64,
        changes: Vec<OrgChange>,
    ) -> Result<i64, StoreError> {
        let (pools, actor) = (self.inner.pools.clone(), actor.to_string());
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let version = lock_version(&mut tx).await?;
            if version != based_on {
                return Err(StoreError::Conflict("the organisation".to_owned()));
            }
            Sorted::of(&changes).save(&mut tx).await?;
            let lines: Vec<AuditOut<'_>> = changes
                .iter()
                .map(|change| AuditOut {
                    at: now,
                    actor: &actor,
                    account: change.what.account(),
                    what: change.subject.clone(),
                    before: change.before.as_deref(),
                    after: Some(&change.after),
                })
                .collect();
            save_audit(&mut tx, &lines).await?;
            bump_version(&mut tx).await?;
            tx.commit().await?;
            Ok(version + 1)
        })
        .await
    }

    async fn accounts(&self) -> Result<HashMap<AccountId, Account>, StoreError> {
        let sql = sql!(format!("SELECT doc!(a: {ACCOUNT}) FROM account a"));
        let rows: Vec<AccountOf> = self.inner.pools.list("account", sql, &[]).await?;
        Ok(rows.into_iter().map(|row| (row.id, account(row))).collect())
    }

    /// Puts the parts into their accounts.
    async fn fill_accounts(
        &self,
        accounts: &mut HashMap<AccountId, Account>,
    ) -> Result<(), StoreError> {
        let pools = &self.inner.pools;
        let sql = sql!(format!(
            "SELECT doc!(p: {PROGRAM}) FROM program p ORDER BY p.id"
        ));
        for row in pools.list::<ProgramRow>("program", sql, &[]).await? {
            if let Some(account) = accounts.get_mut(&row.account) {
                account.programs.push(row.into());
            }
        }
        let sql = sql!(format!(
            "SELECT doc!(g: {GROUP}) FROM user_group g ORDER BY g.id"
        ));
        for row in pools.list::<GroupRow>("user_group", sql, &[]).await? {
            if let Some(account) = accounts.get_mut(&row.account) {
                account.groups.push(row.into());
            }
        }
        let sql = sql!(format!("SELECT doc!(r: {ROLE}) FROM role r ORDER BY r.id"));
        for row in pools.list::<RoleRow>("role", sql, &[]).await? {
            if let Some(account) = accounts.get_mut(&row.account) {
                account.roles.push(row.into());
            }
        }
        let sql = sql!(format!(
            "SELECT doc!(m: {MEMBER}) FROM member m ORDER BY m.user_id"
        ));
        for row in pools.list::<MemberRow>("member", sql, &[]).await? {
            if let Some(account) = accounts.get_mut(&row.account) {
                account.members.push(row.into());
            }
        }
        let sql = sql!(format!(
            "SELECT doc!(n: {ACCOUNT_NUMBER}) FROM account_number n ORDER BY n.number_id"
        ));
        for row in pools
            .list::<AccountNumberRow>("account_number", sql, &[])
            .await?
        {
            if let Some(account) = accounts.get_mut(&row.account) {
                account.numbers.push(row.into());
            }
        }
        let sql = sql!(format!("SELECT doc!(c: {CALENDAR}) FROM calendar c"));
        for row in pools.list::<CalendarRow>("calendar", sql, &[]).await? {
            if let Some(account) = accounts.get_mut(&row.account) {
                let calendar = calendar(&row, &account.zone)?;
                account.calendars.insert(row.key, calendar);
            }
        }
        Ok(())
    }
}

/// A calendar as it is written, checked again on the way back.
fn calendar(row: &CalendarRow, account_zone: &str) -> Result<Calendar, StoreError> {
    let corrupt = |words: String| StoreError::Corrupt {
        table: "calendar",
        row: format!("{} {}", row.account, row.key),
        words,
    };
    let spec: CalendarSpec =
        serde_json::from_value(row.source.clone()).map_err(|error| corrupt(error.to_string()))?;
    let zone = zone(account_zone).map_err(|error| corrupt(error.to_string()))?;
    Calendar::new(&spec, &zone).map_err(|errors| {
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        corrupt(words.join("; "))
    })
}

/// Who writes to the organisation does so alone.
pub(super) async fn lock_version(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = sql!("SELECT doc!(v: version i64) FROM directory_version v lock!(v)");
    let rows: Vec<VersionRow> = tx.list("directory_version", sql, &[]).await?;
    rows.first()
        .map(|row| row.version)
        .ok_or_else(|| StoreError::Corrupt {
            table: "directory_version",
            row: "1".to_owned(),
            words: "it is missing".to_owned(),
        })
}

pub(super) async fn bump_version(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = sql!("UPDATE directory_version SET version = version + 1");
    tx.run(sql, &[]).await.map(drop)
}

/// A row of the audit.
#[derive(Serialize)]
pub(super) struct AuditOut<'c> {
    pub(super) at: Timestamp,
    pub(super) actor: &'c str,
    pub(super) account: Option<AccountId>,
    pub(super) what: String,
    pub(super) before: Option<&'c str>,
    pub(super) after: Option<&'c str>,
}

pub(super) async fn save_audit(tx: &mut Tx, lines: &[AuditOut<'_>]) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO audit (at, actor, account_id, what, before, after) \
         values!(at i64, actor text, account_id=account id(acct), what text, before text, after text)"
    );
    tx.put(sql, lines).await.map(drop)
}

/// New and changed rows of a table of the organisation; `key` is what finds an existing one.
fn upsert(table: &str, list: &str, key: &str) -> Sql {
    let keys: Vec<&str> = key.split(", ").collect();
    let set: Vec<String> = columns(list)
        .filter(|column| !keys.contains(&column.name) && column.name != "account_id")
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect();
    // Account data has its account in the key on PostgreSQL.
    let pk = match keys[..] {
        ["id"] if list.contains("account_id") => "pk!".to_owned(),
        _ => format!("({key})"),
    };
    let names = names(list);
    Sql::new(&format!(
        "INSERT INTO {table} ({names}, version) SELECT {names}, 1 FROM rows!($1: {list}) AS r WHERE true \
         ON CONFLICT {pk} DO UPDATE SET {}, version = {table}.version + 1",
        set.join(", ")
    ))
}

macro_rules! save_rows {
    ($tx:ident, $rows:expr, $table:literal, $list:ident, $key:literal) => {{
        static SQL: std::sync::LazyLock<Sql> =
            std::sync::LazyLock::new(|| upsert($table, $list, $key));
        $tx.put(&SQL, &$rows).await?;
    }};
}

impl<'c> Sorted<'c> {
    fn of(changes: &'c [OrgChange]) -> Self {
        let mut sorted = Self::default();
        for change in changes {
            sorted.take(&change.what);
        }
        sorted
    }

    fn take(&mut self, row: &'c OrgRow) {
        match row {
            OrgRow::CostCentre(row) => self.cost_centres.push(CostCentreRow {
                id: row.id,
                key: row.key.clone(),
                name: row.name.clone(),
            }),
            OrgRow::User(row) => self.users.push(row.clone().into()),
            OrgRow::Account(row) => self.accounts.push(row.clone().into()),
            OrgRow::Number(row) => self.numbers.push(row.clone().into()),
            OrgRow::Role(account, row) => self.roles.push(RoleRow {
                id: row.id,
                account: *account,
                key: row.key.clone(),
                name: row.name.clone(),
                permissions: row.permissions.clone(),
            }),
            OrgRow::Member(account, row) => self.members.push(MemberRow {
                account: *account,
                user: row.user,
                roles: row.roles.clone(),
            }),
            OrgRow::Group(account, row) => self.groups.push(GroupRow {
                id: row.id,
                account: *account,
                key: row.key.clone(),
                name: row.name.clone(),
                members: row.members.clone(),
            }),
            OrgRow::Calendar {
                account,
                key,
                source,
            } => self.calendars.push(CalendarRow {
                account: *account,
                key: key.clone(),
                source: source.clone(),
            }),
            OrgRow::Program(account, row) => self.programs.push(ProgramRow {
                id: row.id,
                account: *account,
                key: row.key.clone(),
                name: row.name.clone(),
                number: row.number,
                caseloads: row.caseloads.clone(),
            }),
            OrgRow::AccountNumber(account, row) => self.account_numbers.push(AccountNumberRow {
                account: *account,
                number: row.number,
                call_flow: row.call_flow.clone(),
                text_flow: row.text_flow.clone(),
                route: row.route,
            }),
            OrgRow::Keyword(row) => self.keywords.push(row.clone().into()),
            OrgRow::Contact(row) => self.contacts.push(row),
        }
    }

    async fn save(&self, tx: &mut Tx) -> Result<(), StoreError> {
        save_rows!(tx, self.cost_centres, "cost_centre", COST_CENTRE, "id");
        save_rows!(tx, self.users, "staff_user", USER, "id");
        save_rows!(tx, self.accounts, "account", ACCOUNT, "id");
        save_rows!(tx, self.numbers, "number", NUMBER, "id");
        save_rows!(tx, self.roles, "role", ROLE, "id");
        save_rows!(tx, self.members, "member", MEMBER, "account_id, user_id");
        save_rows!(tx, self.groups, "user_group", GROUP, "id");
        save_rows!(tx, self.calendars, "calendar", CALENDAR, "account_id, key");
        save_rows!(tx, self.programs, "program", PROGRAM, "id");
        save_rows!(
            tx,
            self.account_numbers,
            "account_number",
            ACCOUNT_NUMBER,
            "account_id, number_id"
        );
        save_rows!(
            tx,
            self.keywords,
            "keyword",
            KEYWORD,
            "account_id, number_id, first"
        );
        self.save_words(tx).await?;
        save_contacts(tx, &self.contacts).await
    }

    /// The words of the keywords: each has one owner on a number.
    async fn save_words(&self, tx: &mut Tx) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Word<'k> {
            number: NumberId,
            folded: &'k str,
            account: AccountId,
            first: &'k str,
        }
        if self.keywords.is_empty() {
            return Ok(());
        }
        let old = sql!(
            "DELETE FROM keyword_word WHERE (account_id, number_id, first) IN (SELECT account_id, number_id, first \
             FROM rows!($1: account_id=account id(acct), number_id=number id(num), first text) AS r)"
        );
        tx.put(old, &self.keywords).await?;
        let words: Vec<Word<'_>> = self
            .keywords
            .iter()
            .flat_map(|row| {
                row.folded.iter().map(|folded| Word {
                    number: row.number,
                    folded,
                    account: row.account,
                    first: &row.first,
                })
            })
            .collect();
        let insert = sql!(format!(
            "{} ON CONFLICT DO NOTHING",
            super::tables::insert_text("keyword_word", KEYWORD_WORD)
        ));
        let inserted = tx.put(insert, &words).await?;
        if usize::try_from(inserted) == Ok(words.len()) {
            return Ok(());
        }
        Err(claimed_twice(tx, &array(&words)?).await?)
    }
}

/// Names both who claim a word on a number.
async fn claimed_twice(tx: &mut Tx, words: &str) -> Result<StoreError, StoreError> {
    #[derive(Deserialize)]
    struct Twice {
        word: String,
        number: Option<String>,
        has: Option<String>,
        wants: Option<String>,
    }
    let sql = sql!(format!(
        "SELECT obj!('word', r.folded, 'number', n.address, 'has', a.key, 'wants', b.key) \
         FROM rows!($1: {KEYWORD_WORD}) AS r CROSS JOIN keyword_word w \
         LEFT JOIN number n ON n.id = w.number_id LEFT JOIN account a ON a.id = w.account_id \
         LEFT JOIN account b ON b.id = r.account_id WHERE w.number_id = r.number_id AND w.folded = r.folded \
         AND (w.account_id <> r.account_id OR w.first <> r.first) ORDER BY r.folded LIMIT 1"
    ));
    let found: Vec<Twice> = tx.list("keyword_word", sql, &[Arg::Text(words)]).await?;
    let Some(twice) = found.into_iter().next() else {
        return Ok(StoreError::Refused(
            "a keyword stands twice among the changes".to_owned(),
        ));
    };
    let name = |name: Option<String>| name.unwrap_or_else(|| "another account".to_owned());
    Ok(StoreError::Refused(format!(
        "the keyword {} on {} belongs to {} and is claimed by {}",
        twice.word,
        twice.number.unwrap_or_else(|| "this number".to_owned()),
        name(twice.has),
        name(twice.wants)
    )))
}

#[cfg(test)]
mod tests;
