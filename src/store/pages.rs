//! What pages and the API read: lists by page, one thread, its person, and what ops looks at.
//!
//! Every call on account data takes the scope of the account and the sight of who looks; what lies outside
//! either does not exist for them. Pages are bounded, and go on from a [`Cursor`] rather than a count, so that
//! rows that arrive in between neither hide nor repeat others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::account::Route;
use crate::model::consent::{Consent, ConsentScope};
use crate::model::conversation::{Conversation, ThreadEvent, Voicemail};
use crate::model::people::{Contact, User};
use crate::model::{
    ContactId, ConversationId, EventId, GroupId, Id, Message, MessageId, ThreadEventId, Timestamp,
    UserId, VoicemailId,
};

use super::both::sql;
use super::pools::{Arg, array};
use super::tables::{CONTACT, CONVERSATION, MESSAGE, THREAD_EVENT, VOICEMAIL};
use super::{AccountScope, Store, StoreError};

/// The longest page anybody may ask for.
const PAGE_MAX: u32 = 200;
/// Entries of the consent ledger looked through for one phone, newest first.
const CONSENTS_MAX: i64 = 500;

mod rows;

pub use rows::*;

/// The boxes of `$2`, as a condition on conversation `c`: who is responsible sees it, and those it comes back
/// to. `$3` is 1 for who sees all.
const SEEN: &str = "c.account_id = $1 AND ($3 = 1 OR EXISTS (SELECT 1 FROM rows!($2: kind text, of id(box), route text) AS b \
     WHERE (b.kind = c.responsible_kind AND b.of = c.responsible_id) \
     OR b.route = replace(CAST(c.route AS text), ' ', '')))";
/// The same for voicemail `v`, which has one owner.
const HEARD_BY: &str = "v.account_id = $1 AND ($3 = 1 OR EXISTS (SELECT 1 FROM rows!($2: kind text, of id(box)) AS b \
     WHERE b.kind = v.owner_kind AND b.of = v.owner_id))";
/// A conversation's row and its person's name.
const NAMED: &str = "FROM conversation c LEFT JOIN contact p ON p.account_id = c.account_id AND p.id = c.contact_id";
/// A voicemail's row and its caller's name.
const NAMED_CALLER: &str = "FROM voicemail v \
     LEFT JOIN conversation c ON c.account_id = v.account_id AND c.id = v.conversation_id \
     LEFT JOIN contact p ON p.account_id = c.account_id AND p.id = c.contact_id";

/// A box as the statements take it.
#[derive(Serialize)]
struct BoxKey {
    kind: &'static str,
    of: String,
    route: String,
}

impl BoxKey {
    fn new(owner: Route) -> Self {
        let (kind, of) = match owner {
            Route::Group(id) => ("group", id.to_string()),
            Route::User(id) => ("user", id.to_string()),
        };
        let route = format!("{{\"{kind}\":\"{of}\"}}");
        Self { kind, of, route }
    }
}

/// One box and how much waits in it, as it is read.
#[derive(Deserialize)]
struct Counted {
    kind: String,
    group: GroupId,
    user: UserId,
    open: u64,
    unread: u64,
}

impl Store {
    /// Conversations in somebody's sight, latest first.
    pub async fn conversations(
        &self,
        scope: AccountScope,
        sight: &Sight,
        filter: &ConversationFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ConversationRow>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        let boxes = boxes(&sight.boxes)?;
        // One box is one more condition, whoever looks.
        let only = boxes_of(filter.owner)?;
        let state = match filter.state {
            FilterState::Open | FilterState::Mine => "open",
            FilterState::Automated => "automated",
            FilterState::Closed => "closed",
            FilterState::Any => "",
        };
        let (typed, lower) = patterns(filter.find.as_deref());
        let party = party_pattern(filter.find.as_deref());
        let from = before.unwrap_or(Cursor::start());
        let sql = sql!(format!(
            "SELECT obj!('conversation', nest!(c: {CONVERSATION}), 'contact_name', p.name) {NAMED} \
             WHERE {SEEN} AND ($4 = '' OR c.state = $4) \
             AND ($5 = 0 OR (c.responsible_kind = 'user' AND c.responsible_id = $6)) \
             AND ($7 = '[]' OR EXISTS (SELECT 1 FROM rows!($7: kind text, of id(box)) AS o \
                 WHERE o.kind = c.responsible_kind AND o.of = c.responsible_id)) \
             AND ($8 = '' OR p.name LIKE $8 ESCAPE '\\' OR lower(p.name) LIKE $9 ESCAPE '\\' OR c.party LIKE $10 ESCAPE '\\') \
             AND (c.last_at, c.id) < ($11, $12) ORDER BY c.last_at DESC, c.id DESC LIMIT $13"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
            Arg::Text(state),
            Arg::Int(i64::from(filter.state == FilterState::Mine)),
            Arg::Id(filter.me.uuid()),
            Arg::Text(&only),
            Arg::Text(&typed),
            Arg::Text(&lower),
            Arg::Text(&party),
            Arg::Int(from.at.micros()),
            Arg::Id(from.id),
            Arg::Int(i64::from(limit) + 1),
        ];
        let rows: Vec<ConversationRow> = self.inner.pools.list("conversation", sql, &args).await?;
        let cursor =
            |row: &ConversationRow| Cursor::of(row.conversation.last_at, row.conversation.id);
        Ok(Page::cut(rows, limit, cursor))
    }

    /// One conversation, if it is in somebody's sight.
    pub async fn conversation(
        &self,
        scope: AccountScope,
        sight: &Sight,
        id: ConversationId,
    ) -> Result<Option<ConversationRow>, StoreError> {
        let boxes = boxes(&sight.boxes)?;
        let sql = sql!(format!(
            "SELECT obj!('conversation', nest!(c: {CONVERSATION}), 'contact_name', p.name) {NAMED} \
             WHERE {SEEN} AND c.id = $4"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
            Arg::Id(id.uuid()),
        ];
        let rows = self.inner.pools.list("conversation", sql, &args).await?;
        Ok(rows.into_iter().next())
    }

    /// The latest texts and events of a conversation in sight, oldest first; `next` leads to earlier ones.
    pub async fn thread(
        &self,
        scope: AccountScope,
        of: &Conversation,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ThreadItem>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Id(of.id.uuid()),
            Arg::Id(before.unwrap_or(Cursor::start()).id),
            Arg::Int(i64::from(limit) + 1),
        ];
        let pools = &self.inner.pools;
        let sql = sql!(format!(
            "SELECT doc!(m: {MESSAGE}) FROM message m WHERE m.account_id = $1 AND m.conversation_id = $2 \
             AND m.id < $3 ORDER BY m.id DESC LIMIT $4"
        ));
        let texts: Vec<Message> = pools.list("message", sql, &args).await?;
        let sql = sql!(format!(
            "SELECT doc!(e: {THREAD_EVENT}) FROM thread_event e WHERE e.account_id = $1 \
             AND e.conversation_id = $2 AND e.id < $3 ORDER BY e.id DESC LIMIT $4"
        ));
        let events: Vec<ThreadEvent> = pools.list("thread_event", sql, &args).await?;
        let files = self.files_here(scope, &texts).await?;
        let text = |message: Message| {
            let here = files.iter().filter(|file| file.message == message.id);
            let here = here.map(|file| file.position).collect();
            ThreadItem::Text(message, here)
        };
        let mut items: Vec<ThreadItem> = texts.into_iter().map(text).collect();
        items.extend(events.into_iter().map(ThreadItem::Event));
        items.sort_by_key(|item| std::cmp::Reverse(item.id()));
        let cursor = |item: &ThreadItem| Cursor {
            at: item.at(),
            id: item.id(),
        };
        let mut page = Page::cut(items, limit, cursor);
        page.items.reverse();
        Ok(page)
    }

    async fn files_here(
        &self,
        scope: AccountScope,
        texts: &[Message],
    ) -> Result<Vec<FileHere>, StoreError> {
        let having = texts.iter().filter(|message| !message.media.is_empty());
        let wanted: Vec<FileHere> = having.map(|message| FileHere::of(message.id)).collect();
        if wanted.is_empty() {
            return Ok(wanted);
        }
        let wanted = array(&wanted)?;
        let sql = sql!(
            "SELECT doc!(f: message_id=message id(msg), position i64) FROM message_media f WHERE f.account_id = $1 \
             AND f.message_id IN (SELECT w.message FROM rows!($2: message id(msg)) AS w)"
        );
        let args = [Arg::Id(scope.account().uuid()), Arg::Text(&wanted)];
        self.inner.pools.list("message_media", sql, &args).await
    }

    /// The key and content type of a file of a text in this conversation, once it is here.
    pub async fn message_file(
        &self,
        scope: AccountScope,
        of: &Conversation,
        message: MessageId,
        position: u16,
    ) -> Result<Option<(String, String)>, StoreError> {
        #[derive(Deserialize)]
        struct Found {
            blob: String,
            content_type: String,
        }
        let sql = sql!(
            "SELECT doc!(f: blob text, content_type text) FROM message_media f \
             JOIN message m ON m.account_id = f.account_id AND m.id = f.message_id \
             WHERE f.account_id = $1 AND m.conversation_id = $2 AND f.message_id = $3 AND f.position = $4"
        );
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Id(of.id.uuid()),
            Arg::Id(message.uuid()),
            Arg::Int(i64::from(position)),
        ];
        let found: Vec<Found> = self.inner.pools.list("message_media", sql, &args).await?;
        Ok(found
            .into_iter()
            .next()
            .map(|found| (found.blob, found.content_type)))
    }

    /// A dated line of this conversation.
    pub async fn line(
        &self,
        scope: AccountScope,
        of: &Conversation,
        id: ThreadEventId,
    ) -> Result<Option<ThreadEvent>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(e: {THREAD_EVENT}) FROM thread_event e \
             WHERE e.account_id = $1 AND e.conversation_id = $2 AND e.id = $3"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Id(of.id.uuid()),
            Arg::Id(id.uuid()),
        ];
        let found = self.inner.pools.list("thread_event", sql, &args).await?;
        Ok(found.into_iter().next())
    }

    /// A contact of the account.
    pub async fn contact(
        &self,
        scope: AccountScope,
        id: ContactId,
    ) -> Result<Option<Contact>, StoreError> {
        let sql = sql!(format!(
            "SELECT doc!(p: {CONTACT}) FROM contact p WHERE p.account_id = $1 AND p.id = $2"
        ));
        let args = [Arg::Id(scope.account().uuid()), Arg::Id(id.uuid())];
        let rows = self.inner.pools.list("contact", sql, &args).await?;
        Ok(rows.into_iter().next())
    }

    /// What the person of a conversation in sight said, in each scope that binds it. Only the latest word of each
    /// is told: who else texted that phone is no account's business.
    pub async fn consents(
        &self,
        scope: AccountScope,
        of: &Conversation,
    ) -> Result<Vec<ScopeConsent>, StoreError> {
        #[derive(Deserialize)]
        struct Entry {
            scope: ConsentScope,
            verdict: Consent,
            at: Timestamp,
        }
        let sql = sql!(
            "SELECT doc!(e: scope json, verdict text, at i64) FROM consent e WHERE e.party = $1 \
             ORDER BY e.id DESC LIMIT $2"
        );
        let party = of.party.to_string();
        let args = [Arg::Text(&party), Arg::Int(CONSENTS_MAX)];
        let entries: Vec<Entry> = self.inner.pools.list("consent", sql, &args).await?;
        let binding = [
            ConsentScope::Number(of.number),
            ConsentScope::Program(of.program),
            ConsentScope::Account(scope.account()),
            ConsentScope::Organisation,
        ];
        let said = |scope: ConsentScope| {
            let latest = entries
                .iter()
                .filter(|entry| entry.scope == scope)
                .max_by_key(|entry| entry.at);
            (scope, latest.map(|entry| (entry.verdict, entry.at)))
        };
        Ok(binding.map(said).into())
    }

    /// What waits in somebody's boxes.
    pub async fn counts(&self, scope: AccountScope, sight: &Sight) -> Result<Counts, StoreError> {
        let boxes = boxes(&sight.boxes)?;
        let sql = sql!(format!(
            "SELECT obj!('unread', (SELECT count(*) FROM conversation c WHERE c.state = 'open' AND c.unread AND {SEEN}), \
             'unheard', (SELECT count(*) FROM voicemail v WHERE NOT v.heard AND {HEARD_BY}))"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
        ];
        let rows = self.inner.pools.list("conversation", sql, &args).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// What waits in each box of somebody's sight; boxes where nothing is open are not listed.
    pub async fn box_counts(
        &self,
        scope: AccountScope,
        sight: &Sight,
    ) -> Result<Vec<BoxCount>, StoreError> {
        let boxes = boxes(&sight.boxes)?;
        let sql = sql!(
            "SELECT obj!('kind', c.responsible_kind, 'group', ident!(grp: c.responsible_id), \
             'user', ident!(user: c.responsible_id), 'open', count(*), 'unread', sum(CASE WHEN c.unread THEN 1 ELSE 0 END)) \
             FROM conversation c WHERE c.account_id = $1 AND c.state = 'open' AND ($3 = 1 OR EXISTS \
                 (SELECT 1 FROM rows!($2: kind text, of id(box)) AS b \
                 WHERE b.kind = c.responsible_kind AND b.of = c.responsible_id)) \
             GROUP BY c.responsible_kind, c.responsible_id"
        );
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
        ];
        let found: Vec<Counted> = self.inner.pools.list("conversation", sql, &args).await?;
        let count = |one: Counted| BoxCount {
            owner: match &one.kind[..] {
                "group" => Route::Group(one.group),
                _ => Route::User(one.user),
            },
            open: one.open,
            unread: one.unread,
        };
        Ok(found.into_iter().map(count).collect())
    }

    /// Voicemails and missed calls in somebody's sight, latest first.
    pub async fn voicemails(
        &self,
        scope: AccountScope,
        sight: &Sight,
        filter: VoicemailFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VoicemailRow>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        let boxes = boxes(&sight.boxes)?;
        let which = match filter {
            VoicemailFilter::All => "all",
            VoicemailFilter::Unheard => "unheard",
            VoicemailFilter::Missed => "missed",
        };
        let sql = sql!(format!(
            "SELECT obj!('voicemail', nest!(v: {VOICEMAIL}), 'contact_name', p.name) {NAMED_CALLER} \
             WHERE {HEARD_BY} AND ($4 = 'all' OR ($4 = 'unheard' AND NOT v.heard) \
                 OR ($4 = 'missed' AND v.recording IS NULL AND v.state = 'absent')) \
             AND v.id < $5 ORDER BY v.id DESC LIMIT $6"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
            Arg::Text(which),
            Arg::Id(before.unwrap_or(Cursor::start()).id),
            Arg::Int(i64::from(limit) + 1),
        ];
        let rows: Vec<VoicemailRow> = self.inner.pools.list("voicemail", sql, &args).await?;
        let cursor = |row: &VoicemailRow| Cursor::of(row.voicemail.created_at, row.voicemail.id);
        Ok(Page::cut(rows, limit, cursor))
    }

    /// One voicemail, if its box is in somebody's sight.
    pub async fn voicemail(
        &self,
        scope: AccountScope,
        sight: &Sight,
        id: VoicemailId,
    ) -> Result<Option<VoicemailRow>, StoreError> {
        let boxes = boxes(&sight.boxes)?;
        let sql = sql!(format!(
            "SELECT obj!('voicemail', nest!(v: {VOICEMAIL}), 'contact_name', p.name) {NAMED_CALLER} \
             WHERE {HEARD_BY} AND v.id = $4"
        ));
        let args = [
            Arg::Id(scope.account().uuid()),
            Arg::Text(&boxes),
            Arg::Int(i64::from(sight.all)),
            Arg::Id(id.uuid()),
        ];
        let rows = self.inner.pools.list("voicemail", sql, &args).await?;
        Ok(rows.into_iter().next())
    }

    /// What ops should look at, latest first: notices, and events that could not be decided.
    pub async fn ops_notices(
        &self,
        _sight: OpsSight,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<OpsNotice>, StoreError> {
        let limit = limit.min(PAGE_MAX);
        let from = before.unwrap_or(Cursor::start());
        let sql = sql!(
            "SELECT obj!('at', n.at, 'event', ident!(evt: n.event_id), 'code', n.code, 'words', n.words) FROM \
             (SELECT o.at, o.event_id, o.code, o.words FROM ops_notice o \
              UNION ALL SELECT e.received_at, e.id, 'undecided', e.undecided FROM event e \
              WHERE e.undecided IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ops_notice h WHERE h.event_id = e.id)) AS n \
             WHERE (n.at, n.event_id) < ($1, $2) ORDER BY n.at DESC, n.event_id DESC LIMIT $3"
        );
        let args = [
            Arg::Int(from.at.micros()),
            Arg::Id(from.id),
            Arg::Int(i64::from(limit) + 1),
        ];
        let rows: Vec<OpsNotice> = self.inner.pools.list("ops_notice", sql, &args).await?;
        Ok(Page::cut(rows, limit, |row| Cursor::of(row.at, row.event)))
    }

    /// How much there was since an instant.
    pub async fn ops_counts(
        &self,
        _sight: OpsSight,
        since: Timestamp,
    ) -> Result<OpsCounts, StoreError> {
        let sql = sql!(
            "SELECT obj!('texts_in', (SELECT count(*) FROM message m WHERE m.id >= $1 AND m.kind = 'inbound'), \
             'texts_out', (SELECT count(*) FROM message m WHERE m.id >= $1 AND m.kind <> 'inbound'), \
             'calls', (SELECT count(*) FROM call k WHERE k.id >= $1), \
             'texts_waiting', (SELECT count(*) FROM message m WHERE m.due_at IS NOT NULL AND m.status IN ('queued', 'held')) \
              + (SELECT count(*) FROM message m WHERE m.due_at IS NOT NULL AND m.status IN ('sending', 'unknown') AND m.status = 'sending'), \
             'texts_unknown', (SELECT count(*) FROM message m WHERE m.id >= $1 AND m.status = 'unknown'), \
             'undecided', (SELECT count(*) FROM event e WHERE e.undecided IS NOT NULL AND e.received_at >= $2), \
             'jobs_failed', (SELECT count(*) FROM job j WHERE j.id >= $1 AND j.failed_at IS NOT NULL))"
        );
        let args = [Arg::Id(first_id(since)), Arg::Int(since.micros())];
        let rows = self.inner.pools.list("event", sql, &args).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}

/// A file of a text that has been fetched.
#[derive(Serialize, Deserialize)]
struct FileHere {
    message: MessageId,
    #[serde(default)]
    position: u16,
}

impl FileHere {
    fn of(message: MessageId) -> Self {
        Self {
            message,
            position: 0,
        }
    }
}

fn boxes(boxes: &[Route]) -> Result<String, StoreError> {
    let keys: Vec<BoxKey> = boxes.iter().map(|owner| BoxKey::new(*owner)).collect();
    array(&keys)
}

fn boxes_of(owner: Option<Route>) -> Result<String, StoreError> {
    boxes(owner.as_slice())
}

/// What is looked for as a part of a name, as typed and in lower case: SQLite folds only ASCII.
fn patterns(find: Option<&str>) -> (String, String) {
    let Some(find) = find else {
        return Default::default();
    };
    let pattern = |text: &str| format!("%{}%", escaped(text));
    (pattern(find), pattern(&find.to_lowercase()))
}

/// The same as a part of a number: people type blanks, hyphens and parentheses.
fn party_pattern(find: Option<&str>) -> String {
    let typed = find.unwrap_or_default();
    let bare: String = typed.chars().filter(|c| !" -().".contains(*c)).collect();
    match bare.is_empty() {
        true => "%".to_owned() + &escaped(typed) + "%",
        false => "%".to_owned() + &escaped(&bare) + "%",
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The lowest id that can have been made at an instant: ids begin with their milliseconds.
fn first_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    Uuid::from_u64_pair(millis << 16, 0)
}
