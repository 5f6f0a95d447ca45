//! Flows: their texts as written, never changed once published, and which one is active.

use serde::{Deserialize, Serialize};

use crate::model::turn::FlowText;
use crate::model::{AccountId, Id, Ids, RevisionId, Timestamp};

use super::both::{Sql, sql};
use super::load::Loaded;
use super::organisation::{AuditOut, bump_version, lock_version, save_audit};
use super::pools::{Arg, Tx, array};
use super::{AccountScope, Actor, NodeScope, Store, StoreError};

/// Revisions of a flow that one call tells.
const HISTORY_MAX: i64 = 200;

/// A published text of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRevision {
    /// Its id.
    pub id: RevisionId,
    /// Whose flow it is.
    pub account: AccountId,
    /// The flow's key.
    pub key: String,
    /// Counted from 1 in its flow.
    pub number: i64,
    /// The text as it was written.
    pub yaml: String,
    /// The file it came from.
    pub file: Option<String>,
    /// Who published it.
    pub published_by: String,
    /// When.
    pub published_at: Timestamp,
}

/// What came of a file that may be a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is, and is active now.
    New(RevisionId),
    /// It says what was published from it before, or what another file of its folder says that is active.
    Unchanged,
    /// It changed, but so did the flow: by another way, since that file was last published.
    Conflict,
}

/// A file among those of its folder.
#[derive(Debug, Clone, Copy)]
pub struct FlowFile<'f> {
    /// Its name in the folder.
    pub name: &'f str,
    /// Its whole path, by which it is known as well: who publishes by hand may not know that its folder is that of the
    /// flows.
    pub path: Option<&'f str>,
    /// The names of all files there.
    pub folder: &'f [String],
}

impl<'f> FlowFile<'f> {
    /// What it is known by as a file of this flow.
    pub fn of(
        &self,
        account: AccountId,
        key: &'f str,
    ) -> impl Iterator<Item = FileOf<'f>> + use<'f> {
        let known = [Some(self.name), self.path].into_iter().flatten();
        known.map(move |file| FileOf { account, key, file })
    }
}

/// A flow and a file that it may come from.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FileOf<'f> {
    /// Whose flow it is.
    pub account: AccountId,
    /// The flow's key.
    pub key: &'f str,
    /// The file's name in the folder, or its whole path.
    pub file: &'f str,
}

/// A text that is published by hand.
#[derive(Debug, Clone, Copy)]
pub struct Written<'t> {
    /// It.
    pub yaml: &'t str,
    /// The file it was in: its name, where that is one of the folder of flows, and else its whole path. A file of the
    /// same name in the folder is then another one, and has not seen this text.
    pub file: Option<&'t str>,
}

/// The moment and chance of a change.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// When.
    pub now: Timestamp,
    /// Makes the ids of new rows.
    pub seed: u64,
}

/// A text that is to be published.
struct Text {
    account: AccountId,
    key: String,
    yaml: String,
    file: Option<String>,
}

const REVISION: &str = "id id(rev), account_id=account id(acct), flow=key text, number i64, yaml text, file text, \
    published_by text, published_at i64";

impl Store {
    /// Publishes a checked text and makes it active, if what is active is what its author saw.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another revision is active than `expected_active`.
    pub async fn publish(
        &self,
        actor: &Actor,
        account: AccountId,
        key: &str,
        written: Written<'_>,
        expected_active: Option<RevisionId>,
        stamp: Stamp,
    ) -> Result<RevisionId, StoreError> {
        let (pools, actor) = (self.inner.pools.clone(), actor.to_string());
        let text = text(account, key, written.yaml, written.file);
        self.apart(async move {
            let mut tx = pools.begin().await?;
            lock_version(&mut tx).await?;
            let active = active(&mut tx, account, &text.key).await?;
            if active.map(|row| row.id) != expected_active {
                return Err(StoreError::Conflict("the flow".to_owned()));
            }
            let id = insert(&mut tx, &actor, text, stamp).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Publishes a checked file when it says something new and the flow was not changed by another way since the
    /// file was last published, so that an old file never undoes an edit.
    ///
    /// A file that says just what is active has seen every edit, whether it is a renamed one or one that an edit
    /// was copied to: it becomes the file of a new revision with the same text, and may be edited from there on.
    /// Of two files that say the same the first one stays the flow's.
    pub async fn publish_file(
        &self,
        actor: &Actor,
        account: AccountId,
        key: &str,
        yaml: &str,
        file: FlowFile<'_>,
        stamp: Stamp,
    ) -> Result<Published, StoreError> {
        let (pools, actor) = (self.inner.pools.clone(), actor.to_string());
        let text = text(account, key, yaml, Some(file.name));
        let (name, folder) = (file.name.to_owned(), file.folder.to_vec());
        let path = file.path.map(str::to_owned);
        self.apart(async move {
            let mut tx = pools.begin().await?;
            lock_version(&mut tx).await?;
            let active = active(&mut tx, account, &text.key).await?;
            let file = FlowFile {
                name: &name,
                path: path.as_deref(),
                folder: &folder,
            };
            let asked: Vec<FileOf<'_>> = file.of(account, &text.key).collect();
            let last: Vec<FlowRevision> = tx
                .list("revision", last_of_files(), &[Arg::Text(&array(&asked)?)])
                .await?;
            let last = last.iter().max_by_key(|row| row.number);
            match outlook(&text.yaml, file, active.as_ref(), last) {
                Outlook::New => {}
                Outlook::Unchanged => return Ok(Published::Unchanged),
                Outlook::Conflict => return Ok(Published::Conflict),
            }
            let id = insert(&mut tx, &actor, text, stamp).await?;
            tx.commit().await?;
            Ok(Published::New(id))
        })
        .await
    }

    /// The last revision of each of these flows that came from its file, where there is one.
    pub async fn last_of_files(
        &self,
        _scope: NodeScope,
        files: &[FileOf<'_>],
    ) -> Result<Vec<FlowRevision>, StoreError> {
        let asked = array(files)?;
        let pools = &self.inner.pools;
        pools
            .list("revision", last_of_files(), &[Arg::Text(&asked)])
            .await
    }

    /// Makes an earlier revision active again, if what is active is what its author saw.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another is active than `expected_active`, [`StoreError::Refused`] when there
    /// is no such revision in the account.
    pub async fn activate(
        &self,
        actor: &Actor,
        account: AccountId,
        revision: RevisionId,
        expected_active: Option<RevisionId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (pools, actor) = (self.inner.pools.clone(), actor.to_string());
        self.apart(async move {
            let mut tx = pools.begin().await?;
            lock_version(&mut tx).await?;
            let sql = sql!(format!(
                "SELECT doc!(v: {REVISION}) FROM revision v WHERE v.id = $1 AND v.account_id = $2"
            ));
            let args = [Arg::Id(revision.uuid()), Arg::Id(account.uuid())];
            let found: Vec<FlowRevision> = tx.list("revision", sql, &args).await?;
            let Some(row) = found.into_iter().next() else {
                return Err(StoreError::Refused("there is no such revision".to_owned()));
            };
            let active = active(&mut tx, account, &row.key).await?;
            if active.map(|row| row.id) != expected_active {
                return Err(StoreError::Conflict("the flow".to_owned()));
            }
            make_active(&mut tx, &actor, &row, now).await?;
            tx.commit().await
        })
        .await
    }

    /// The active revision of every flow.
    pub async fn active_flows(&self, _scope: NodeScope) -> Result<Vec<FlowRevision>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(v: {REVISION}) FROM flow f CROSS JOIN revision v \
             WHERE v.account_id = f.account_id AND v.id = f.active_id ORDER BY v.account_id, v.flow"
        ));
        self.inner.pools.list("revision", sql, &[]).await
    }

    /// The revisions that runs are on that have not ended.
    pub async fn revisions_of_live_runs(
        &self,
        _scope: NodeScope,
    ) -> Result<Vec<FlowRevision>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(v: {REVISION}) FROM revision v WHERE EXISTS \
             (SELECT 1 FROM run x WHERE x.revision_id = v.id AND NOT x.ended) ORDER BY v.account_id, v.flow, v.number"
        ));
        self.inner.pools.list("revision", sql, &[]).await
    }

    /// One revision.
    pub async fn revision(
        &self,
        _scope: NodeScope,
        id: RevisionId,
    ) -> Result<Option<FlowRevision>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(v: {REVISION}) FROM revision v WHERE v.id = $1"
        ));
        let found = self
            .inner
            .pools
            .list("revision", sql, &[Arg::Id(id.uuid())])
            .await?;
        Ok(found.into_iter().next())
    }

    /// A flow's revisions, newest first, at most 200, and which is active.
    pub async fn history(
        &self,
        scope: AccountScope,
        key: &str,
    ) -> Result<(Vec<FlowRevision>, Option<RevisionId>), StoreError> {
        #[derive(Deserialize)]
        struct Active {
            id: RevisionId,
        }
        let pools = &self.inner.pools;
        let account = Arg::Id(scope.account().uuid());
        let sql = sql!(format!(
            "SELECT doc!(v: {REVISION}) FROM revision v WHERE v.account_id = $1 AND v.flow = $2 \
             ORDER BY v.number DESC LIMIT $3"
        ));
        let args = [account, Arg::Text(key), Arg::Int(HISTORY_MAX)];
        let found = pools.list("revision", sql, &args).await?;
        let sql = sql!(
            "SELECT doc!(f: active_id=id id(rev)) FROM flow f WHERE f.account_id = $1 AND f.key = $2"
        );
        let active: Vec<Active> = pools.list("flow", sql, &[account, Arg::Text(key)]).await?;
        Ok((found, active.first().map(|row| row.id)))
    }

    /// Who made the active revision of a flow active, and when: its publication, or a later return to it.
    pub async fn activation(
        &self,
        scope: AccountScope,
        key: &str,
    ) -> Result<Option<Activation>, StoreError> {
        let sql = sql!(
            "SELECT doc!(a: at i64, actor text) FROM audit a WHERE a.account_id = $1 AND a.what = $2 \
             ORDER BY a.seq DESC LIMIT 1"
        );
        let what = audited(key);
        let args = [Arg::Id(scope.account().uuid()), Arg::Text(&what)];
        let found: Vec<Activation> = self.inner.pools.list("audit", sql, &args).await?;
        Ok(found.into_iter().next())
    }
}

/// What the audit calls a flow.
fn audited(key: &str) -> String {
    format!("flow {key}")
}

/// When a revision was made the active one, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Activation {
    /// When.
    pub at: Timestamp,
    /// By whom, as the audit has it.
    pub actor: String,
}

/// What becomes of a file that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It becomes a new revision.
    New,
    /// It says what was published from it before, or what another file of its folder says that is active.
    Unchanged,
    /// It would undo an edit.
    Conflict,
}

/// What becomes of a file; `last` is what was last published from it.
pub fn outlook(
    yaml: &str,
    file: FlowFile<'_>,
    active: Option<&FlowRevision>,
    last: Option<&FlowRevision>,
) -> Outlook {
    let Some(active) = active else {
        // There is nothing to undo.
        return Outlook::New;
    };
    let is_last = last.is_some_and(|last| last.id == active.id);
    let elsewhere = || {
        active
            .file
            .as_ref()
            .is_some_and(|of| file.folder.contains(of) && of != file.name)
    };
    if active.yaml == yaml {
        return if is_last || elsewhere() {
            Outlook::Unchanged
        } else {
            Outlook::New
        };
    }
    match last {
        Some(last) if last.yaml == yaml => Outlook::Unchanged,
        _ if is_last => Outlook::New,
        _ => Outlook::Conflict,
    }
}

impl Loaded {
    /// The texts of revisions that were not heard of here yet.
    pub(super) async fn load_revisions(
        &mut self,
        tx: &mut Tx,
        ids: &[RevisionId],
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Asked {
            id: RevisionId,
        }
        if ids.is_empty() {
            return Ok(());
        }
        let sql = sql!(format!(
            "SELECT doc!(v: {REVISION}) FROM rows!($1: id id(rev)) AS r CROSS JOIN revision v WHERE v.id = r.id"
        ));
        let asked: Vec<Asked> = ids.iter().map(|id| Asked { id: *id }).collect();
        let found: Vec<FlowRevision> = tx
            .list("revision", sql, &[Arg::Text(&array(&asked)?)])
            .await?;
        let absent = ids.iter().map(|id| (*id, None));
        self.state.revisions.extend(absent);
        for FlowRevision { id, key, yaml, .. } in found {
            self.state
                .revisions
                .insert(id, Some(FlowText { key, yaml }));
        }
        Ok(())
    }
}

fn text(account: AccountId, key: &str, yaml: &str, file: Option<&str>) -> Text {
    Text {
        account,
        key: key.to_owned(),
        yaml: yaml.to_owned(),
        file: file.map(str::to_owned),
    }
}

async fn active(
    tx: &mut Tx,
    account: AccountId,
    key: &str,
) -> Result<Option<FlowRevision>, StoreError> {
    let sql = sql!(format!(
        "SELECT doc!(v: {REVISION}) FROM flow f CROSS JOIN revision v WHERE f.account_id = $1 AND f.key = $2 \
         AND v.account_id = f.account_id AND v.id = f.active_id"
    ));
    let args = [Arg::Id(account.uuid()), Arg::Text(key)];
    Ok(tx.list("revision", sql, &args).await?.into_iter().next())
}

/// What finds the last revisions that came from files.
fn last_of_files() -> &'static Sql {
    sql!(format!(
        "SELECT doc!(v: {REVISION}) FROM rows!($1: account id(acct), key text, file text) AS r CROSS JOIN revision v \
         WHERE v.account_id = r.account AND v.flow = r.key AND v.file = r.file AND v.number = (SELECT max(w.number) \
         FROM revision w WHERE w.account_id = r.account AND w.flow = r.key AND w.file = r.file)"
    ))
}

async fn insert(
    tx: &mut Tx,
    actor: &str,
    text: Text,
    stamp: Stamp,
) -> Result<RevisionId, StoreError> {
    #[derive(Deserialize)]
    struct Last {
        number: Option<i64>,
    }
    let last = sql!(
        "SELECT obj!('number', max(v.number)) FROM revision v WHERE v.account_id = $1 AND v.flow = $2"
    );
    let args = [Arg::Id(text.account.uuid()), Arg::Text(&text.key)];
    let last: Vec<Last> = tx.list("revision", last, &args).await?;
    let row = FlowRevision {
        id: Ids::new(stamp.now, stamp.seed).fresh(),
        account: text.account,
        key: text.key,
        number: last.first().and_then(|row| row.number).unwrap_or(0) + 1,
        yaml: text.yaml,
        file: text.file,
        published_by: actor.to_owned(),
        published_at: stamp.now,
    };
    let sql = sql!(super::tables::insert_text("revision", REVISION));
    tx.put(sql, std::slice::from_ref(&row)).await?;
    make_active(tx, actor, &row, stamp.now).await?;
    Ok(row.id)
}

async fn make_active(
    tx: &mut Tx,
    actor: &str,
    row: &FlowRevision,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO flow (account_id, key, active_id, version) \
         SELECT account_id, key, active_id, 1 FROM rows!($1: account_id=account id(acct), key text, active_id=id id(rev)) AS r \
         WHERE true ON CONFLICT (account_id, key) DO UPDATE SET active_id = excluded.active_id, version = flow.version + 1"
    );
    tx.put(sql, std::slice::from_ref(row)).await?;
    let after = format!("revision {}", row.number);
    let line = AuditOut {
        at: now,
        actor,
        account: Some(row.account),
        what: audited(&row.key),
        before: None,
        after: Some(&after),
    };
    save_audit(tx, &[line]).await?;
    bump_version(tx).await
}
