-- The whole schema for SQLite; migrations/postgres has the same tables. Ids are time-ordered, so that rows
-- are appended; on the path of an event no index is in random order but those that look up its thread.

-- What came before: the keys of events in closed stretches of time, in order of their hash, behind an
-- in-memory filter. The open stretch is read from the events themselves.
CREATE TABLE seen (
    segment INTEGER NOT NULL,
    hash BLOB NOT NULL,
    event_id BLOB NOT NULL,
    PRIMARY KEY (segment, hash)
) WITHOUT ROWID;
CREATE TABLE seen_segment (
    id INTEGER PRIMARY KEY,
    seq_first INTEGER NOT NULL,
    seq_last INTEGER NOT NULL,
    at_first INTEGER NOT NULL,
    at_last INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    filter BLOB
);

-- Every event as received, in the order of arrival; what decided it, and what was answered.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    connection TEXT NOT NULL,
    hook TEXT NOT NULL,
    dedupe BLOB,
    received_at INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    raw TEXT NOT NULL,
    needs TEXT NOT NULL,
    account_id BLOB,
    rule TEXT,
    answer TEXT,
    undecided TEXT
);
CREATE UNIQUE INDEX event_id ON event (id);
CREATE INDEX event_undecided ON event (received_at) WHERE undecided IS NOT NULL;

-- Texts, in and out. An outgoing one is its own outbox entry while due_at is set.
CREATE TABLE message (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    number_id BLOB NOT NULL,
    party TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    media TEXT NOT NULL,
    status TEXT NOT NULL,
    via TEXT NOT NULL,
    segments INTEGER NOT NULL,
    carrier_id TEXT,
    reason TEXT,
    author_id BLOB,
    run_id BLOB,
    contact_id BLOB,
    event_id BLOB,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX message_of_conversation ON message (conversation_id, id);
CREATE INDEX message_due ON message (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX message_of_carrier ON message (carrier_id) WHERE carrier_id IS NOT NULL AND kind <> 'inbound';

-- Files of texts once they are fetched.
CREATE TABLE message_media (
    message_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    blob TEXT NOT NULL,
    content_type TEXT NOT NULL,
    PRIMARY KEY (message_id, position)
) WITHOUT ROWID;

-- All texts and calls between a party and one of our numbers, inside a program. `was` is the version a row was made from.
CREATE TABLE conversation (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    program_id BLOB NOT NULL,
    number_id BLOB NOT NULL,
    party TEXT NOT NULL,
    contact_id BLOB,
    state TEXT NOT NULL,
    route TEXT NOT NULL,
    assignment TEXT,
    responsible_kind TEXT NOT NULL,
    responsible_id BLOB NOT NULL,
    tags TEXT NOT NULL,
    priority INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    preview TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    auto_replied_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX conversation_of_party ON conversation (number_id, party);
CREATE INDEX conversation_open ON conversation (account_id, responsible_id) WHERE state = 'open';

-- Dated lines in conversations.
CREATE TABLE thread_event (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    by_id BLOB,
    kind TEXT NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX thread_event_of_conversation ON thread_event (conversation_id, id);

-- People outside.
CREATE TABLE contact (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    name TEXT,
    phones TEXT NOT NULL,
    email TEXT,
    language TEXT,
    source TEXT NOT NULL,
    columns TEXT NOT NULL,
    tags TEXT NOT NULL,
    forwarded_route TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;

-- Where contacts are found by phone. A row may outlive a change of phones; the contact has the last word.
CREATE TABLE contact_phone (
    account_id BLOB NOT NULL,
    party TEXT NOT NULL,
    contact_id BLOB NOT NULL,
    PRIMARY KEY (account_id, party, contact_id)
) WITHOUT ROWID;

-- The consent ledger; never changed.
CREATE TABLE consent (
    id BLOB NOT NULL,
    party TEXT NOT NULL,
    scope TEXT NOT NULL,
    verdict TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    event_id BLOB,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX consent_of_party ON consent (party);

-- The latest entry of each phone and scope.
CREATE TABLE consent_now (
    party TEXT NOT NULL,
    scope_key TEXT NOT NULL,
    consent_id BLOB NOT NULL,
    verdict TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (party, scope_key)
) WITHOUT ROWID;

-- People's ways through flows.
CREATE TABLE run (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    flow TEXT NOT NULL,
    revision_id BLOB NOT NULL,
    call_id BLOB,
    conversation_id BLOB,
    number_id BLOB NOT NULL,
    party TEXT NOT NULL,
    waits_for_text INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    due_at INTEGER,
    ended INTEGER NOT NULL,
    state TEXT NOT NULL,
    claimed_until INTEGER,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX run_of_party ON run (number_id, party) WHERE NOT ended AND call_id IS NULL;
CREATE INDEX run_due ON run (due_at) WHERE due_at IS NOT NULL AND NOT ended;
CREATE INDEX run_live ON run (revision_id) WHERE NOT ended;

-- Calls.
CREATE TABLE call (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    number_id BLOB NOT NULL,
    connection TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    party TEXT NOT NULL,
    conversation_id BLOB,
    run_id BLOB,
    token TEXT,
    status TEXT NOT NULL,
    outcome TEXT,
    turn INTEGER NOT NULL,
    script TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX call_of_carrier ON call (carrier_id);
CREATE INDEX call_of_conversation ON call (conversation_id, id);
CREATE INDEX call_live ON call (account_id) WHERE ended_at IS NULL;

-- Rung devices of calls.
CREATE TABLE leg (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    call_id BLOB NOT NULL,
    user_id BLOB,
    phone TEXT NOT NULL,
    carrier_id TEXT,
    status TEXT NOT NULL,
    room TEXT,
    accepted INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX leg_of_call ON leg (call_id, id);
CREATE INDEX leg_talking ON leg (user_id) WHERE status = 'in_progress' AND user_id IS NOT NULL;

-- Recorded messages and missed calls in boxes.
CREATE TABLE voicemail (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    owner TEXT NOT NULL,
    owner_kind TEXT NOT NULL,
    owner_id BLOB NOT NULL,
    call_id BLOB NOT NULL,
    conversation_id BLOB,
    party TEXT NOT NULL,
    recording TEXT,
    duration_s INTEGER NOT NULL,
    state TEXT NOT NULL,
    blob TEXT,
    transcript TEXT,
    heard INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX voicemail_of_call ON voicemail (call_id);
CREATE INDEX voicemail_of_owner ON voicemail (account_id, owner_id, id);

-- What must leave other than texts. A claimed one is due again when its claim ends; failed ones are kept.
CREATE TABLE job (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    message_id BLOB,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    failed_at INTEGER,
    reason TEXT,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX job_due ON job (due_at) WHERE due_at IS NOT NULL;

-- Sends: the intent, and what came of it.
CREATE TABLE attempt (
    message_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    month INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    code TEXT,
    PRIMARY KEY (message_id, attempt)
) WITHOUT ROWID;

-- What an account has sent in a month (yyyymm).
CREATE TABLE usage (
    account_id BLOB NOT NULL,
    month INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    PRIMARY KEY (account_id, month)
) WITHOUT ROWID;

-- What ops should look at.
CREATE TABLE ops_notice (
    event_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (event_id, position)
) WITHOUT ROWID;

-- Whether users can be rung.
CREATE TABLE presence (
    user_id BLOB NOT NULL,
    offline INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id)
) WITHOUT ROWID;

-- What traffic is billed to.
CREATE TABLE cost_centre (
    id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX cost_centre_key ON cost_centre (key);

-- Members of staff.
CREATE TABLE staff_user (
    id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    devices TEXT NOT NULL,
    active INTEGER NOT NULL,
    admin INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX staff_user_key ON staff_user (key);

-- Business units.
CREATE TABLE account (
    id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    language TEXT NOT NULL,
    cost_centre_id BLOB NOT NULL,
    columns TEXT NOT NULL,
    plan TEXT NOT NULL,
    preferences TEXT,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX account_key ON account (key);

-- Parts of accounts.
CREATE TABLE program (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    number_id BLOB,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX program_key ON program (account_id, key);

-- Ordered lists of users.
CREATE TABLE user_group (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    members TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX user_group_key ON user_group (account_id, key);

-- Named sets of permissions.
CREATE TABLE role (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX role_key ON role (account_id, key);

-- Users' places in accounts.
CREATE TABLE member (
    account_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    roles TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, user_id)
) WITHOUT ROWID;

-- Calendars, as written.
CREATE TABLE calendar (
    account_id BLOB NOT NULL,
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;

-- Our numbers.
CREATE TABLE number (
    id BLOB NOT NULL,
    address TEXT NOT NULL,
    connection TEXT NOT NULL,
    sms INTEGER NOT NULL,
    mms INTEGER NOT NULL,
    voice INTEGER NOT NULL,
    opt_out TEXT,
    manage_unmatched_id BLOB NOT NULL,
    calls_id BLOB NOT NULL,
    active INTEGER NOT NULL,
    open_conversations INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX number_key ON number (address);

-- How accounts use numbers.
CREATE TABLE account_number (
    account_id BLOB NOT NULL,
    number_id BLOB NOT NULL,
    call_flow TEXT,
    text_flow TEXT,
    route TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, number_id)
) WITHOUT ROWID;
CREATE INDEX account_number_of_number ON account_number (number_id);

-- Keywords; `first` is the word, folded.
CREATE TABLE keyword (
    account_id BLOB NOT NULL,
    number_id BLOB NOT NULL,
    first TEXT NOT NULL,
    word TEXT NOT NULL,
    folded TEXT NOT NULL,
    matching TEXT NOT NULL,
    program_id BLOB NOT NULL,
    flow TEXT,
    sub TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, number_id, first)
) WITHOUT ROWID;

-- Every folded word of the keywords: one owner on a number, over all accounts.
CREATE TABLE keyword_word (
    number_id BLOB NOT NULL,
    folded TEXT NOT NULL,
    account_id BLOB NOT NULL,
    first TEXT NOT NULL,
    PRIMARY KEY (number_id, folded)
) WITHOUT ROWID;

-- Flows and which of their revisions is active.
CREATE TABLE flow (
    account_id BLOB NOT NULL,
    key TEXT NOT NULL,
    active_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;

-- Texts of flows as written; never changed.
CREATE TABLE revision (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    flow TEXT NOT NULL,
    number INTEGER NOT NULL,
    yaml TEXT NOT NULL,
    file TEXT,
    published_by TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX revision_key ON revision (account_id, flow, number);

-- Raised by every write to the organisation.
CREATE TABLE directory_version (
    one INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (one)
) WITHOUT ROWID;

-- Who changed what in the organisation, and when.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    account_id BLOB,
    what TEXT NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX audit_of_account ON audit (account_id, seq);

-- Work that one node at a time does.
CREATE TABLE lease (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;

-- How users prove who they are.
CREATE TABLE sign_in (
    user_id BLOB NOT NULL,
    password_hash TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id)
) WITHOUT ROWID;

-- Signed-in browsers.
CREATE TABLE session (
    token_hash TEXT NOT NULL,
    user_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    agent TEXT,
    PRIMARY KEY (token_hash)
) WITHOUT ROWID;
CREATE INDEX session_of_user ON session (user_id);

-- Links that sign in once.
CREATE TABLE sign_in_link (
    token_hash TEXT NOT NULL,
    user_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (token_hash)
) WITHOUT ROWID;

INSERT INTO directory_version (one, version) VALUES (1, 0);
