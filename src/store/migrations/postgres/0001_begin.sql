-- The whole schema for PostgreSQL; migrations/sqlite has the same tables. Account data has its account first
-- in the primary key, so that it can be partitioned by it, and a time-ordered index on the bare id.

-- What came before; the last word over all nodes.
CREATE TABLE seen (
    connection text NOT NULL,
    hash uuid NOT NULL,
    event_id uuid NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (connection, hash)
);
CREATE INDEX seen_age ON seen USING brin (received_at);

-- Every event as received, in the order of arrival; what decided it, and what was answered.
CREATE TABLE event (
    id uuid NOT NULL,
    connection text NOT NULL,
    hook text NOT NULL,
    dedupe uuid,
    received_at bigint NOT NULL,
    seed bigint NOT NULL,
    raw text NOT NULL,
    needs text NOT NULL,
    account_id uuid,
    rule text,
    answer text,
    undecided text,
    PRIMARY KEY (id)
);
CREATE INDEX event_undecided ON event (received_at) WHERE undecided IS NOT NULL;

-- Texts, in and out. An outgoing one is its own outbox entry while due_at is set.
CREATE TABLE message (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    number_id uuid NOT NULL,
    party text NOT NULL,
    kind text NOT NULL,
    text text NOT NULL,
    media jsonb NOT NULL,
    status text NOT NULL,
    via text NOT NULL,
    segments bigint NOT NULL,
    carrier_id text,
    reason text,
    author_id uuid,
    run_id uuid,
    contact_id uuid,
    event_id uuid,
    created_at bigint NOT NULL,
    due_at bigint,
    attempts bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_of_conversation ON message (conversation_id, id);
CREATE INDEX message_due ON message (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX message_of_carrier ON message (carrier_id) WHERE carrier_id IS NOT NULL AND kind <> 'inbound';

-- Files of texts once they are fetched.
CREATE TABLE message_media (
    message_id uuid NOT NULL,
    position bigint NOT NULL,
    account_id uuid NOT NULL,
    blob text NOT NULL,
    content_type text NOT NULL,
    PRIMARY KEY (account_id, message_id, position)
);

-- All texts and calls between a party and one of our numbers, inside a program. `was` is the version a row was made from.
CREATE TABLE conversation (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    program_id uuid NOT NULL,
    number_id uuid NOT NULL,
    party text NOT NULL,
    contact_id uuid,
    state text NOT NULL,
    route jsonb NOT NULL,
    assignment jsonb,
    responsible_kind text NOT NULL,
    responsible_id uuid NOT NULL,
    tags jsonb NOT NULL,
    priority boolean NOT NULL,
    flagged boolean NOT NULL,
    unread boolean NOT NULL,
    preview text NOT NULL,
    last_at bigint NOT NULL,
    auto_replied_at bigint,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX conversation_id ON conversation (id);
CREATE INDEX conversation_of_party ON conversation (number_id, party);
CREATE INDEX conversation_open ON conversation (account_id, responsible_id) WHERE state = 'open';

-- Dated lines in conversations.
CREATE TABLE thread_event (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    at bigint NOT NULL,
    by_id uuid,
    kind jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX thread_event_id ON thread_event (id);
CREATE INDEX thread_event_of_conversation ON thread_event (conversation_id, id);

-- People outside.
CREATE TABLE contact (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text,
    phones jsonb NOT NULL,
    email text,
    language text,
    source text NOT NULL,
    columns jsonb NOT NULL,
    tags jsonb NOT NULL,
    forwarded_route jsonb,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX contact_id ON contact (id);

-- Where contacts are found by phone. A row may outlive a change of phones; the contact has the last word.
CREATE TABLE contact_phone (
    account_id uuid NOT NULL,
    party text NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (account_id, party, contact_id)
);

-- The consent ledger; never changed.
CREATE TABLE consent (
    id uuid NOT NULL,
    party text NOT NULL,
    scope jsonb NOT NULL,
    verdict text NOT NULL,
    at bigint NOT NULL,
    source text NOT NULL,
    event_id uuid,
    PRIMARY KEY (id)
);
CREATE INDEX consent_of_party ON consent (party);

-- The latest entry of each phone and scope.
CREATE TABLE consent_now (
    party text NOT NULL,
    scope_key text NOT NULL,
    consent_id uuid NOT NULL,
    verdict text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (party, scope_key)
);

-- People's ways through flows.
CREATE TABLE run (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    flow text NOT NULL,
    revision_id uuid NOT NULL,
    call_id uuid,
    conversation_id uuid,
    number_id uuid NOT NULL,
    party text NOT NULL,
    waits_for_text boolean NOT NULL,
    asked_at bigint NOT NULL,
    due_at bigint,
    ended boolean NOT NULL,
    state text NOT NULL,
    claimed_until bigint,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX run_id ON run (id);
CREATE INDEX run_of_party ON run (number_id, party) WHERE NOT ended AND call_id IS NULL;
CREATE INDEX run_due ON run (due_at) WHERE due_at IS NOT NULL AND NOT ended;
CREATE INDEX run_live ON run (revision_id) WHERE NOT ended;

-- Calls.
CREATE TABLE call (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    number_id uuid NOT NULL,
    connection text NOT NULL,
    carrier_id text NOT NULL,
    party text NOT NULL,
    conversation_id uuid,
    run_id uuid,
    token text,
    status text NOT NULL,
    outcome text,
    turn bigint NOT NULL,
    script jsonb,
    started_at bigint NOT NULL,
    ended_at bigint,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX call_id ON call (id);
CREATE INDEX call_of_carrier ON call (carrier_id);
CREATE INDEX call_of_conversation ON call (conversation_id, id);
CREATE INDEX call_live ON call (account_id) WHERE ended_at IS NULL;

-- Rung devices of calls.
CREATE TABLE leg (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    call_id uuid NOT NULL,
    user_id uuid,
    phone text NOT NULL,
    carrier_id text,
    status text NOT NULL,
    room text,
    accepted boolean NOT NULL,
    started_at bigint NOT NULL,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX leg_id ON leg (id);
CREATE INDEX leg_of_call ON leg (call_id, id);
CREATE INDEX leg_talking ON leg (user_id) WHERE status = 'in_progress' AND user_id IS NOT NULL;

-- Recorded messages and missed calls in boxes.
CREATE TABLE voicemail (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    owner jsonb NOT NULL,
    owner_kind text NOT NULL,
    owner_id uuid NOT NULL,
    call_id uuid NOT NULL,
    conversation_id uuid,
    party text NOT NULL,
    recording text,
    duration_s bigint NOT NULL,
    state text NOT NULL,
    blob text,
    transcript text,
    heard boolean NOT NULL,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX voicemail_id ON voicemail (id);
CREATE INDEX voicemail_of_call ON voicemail (call_id);
CREATE INDEX voicemail_of_owner ON voicemail (account_id, owner_id, id);

-- What must leave other than texts. A claimed one is due again when its claim ends; failed ones are kept.
CREATE TABLE job (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    connection text NOT NULL,
    kind jsonb NOT NULL,
    message_id uuid,
    due_at bigint,
    attempts bigint NOT NULL,
    made_at bigint NOT NULL,
    failed_at bigint,
    reason text,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX job_id ON job (id);
CREATE INDEX job_due ON job (due_at) WHERE due_at IS NOT NULL;

-- Sends: the intent, and what came of it.
CREATE TABLE attempt (
    message_id uuid NOT NULL,
    attempt bigint NOT NULL,
    account_id uuid NOT NULL,
    month bigint NOT NULL,
    segments bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    outcome text,
    code text,
    PRIMARY KEY (account_id, message_id, attempt)
);

-- What an account has sent in a month (yyyymm).
CREATE TABLE usage (
    account_id uuid NOT NULL,
    month bigint NOT NULL,
    messages bigint NOT NULL,
    segments bigint NOT NULL,
    PRIMARY KEY (account_id, month)
);

-- What ops should look at.
CREATE TABLE ops_notice (
    event_id uuid NOT NULL,
    position bigint NOT NULL,
    at bigint NOT NULL,
    code text NOT NULL,
    words text NOT NULL,
    PRIMARY KEY (event_id, position)
);

-- Whether users can be rung.
CREATE TABLE presence (
    user_id uuid NOT NULL,
    offline boolean NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (user_id)
);

-- What traffic is billed to.
CREATE TABLE cost_centre (
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX cost_centre_key ON cost_centre (key);

-- Members of staff.
CREATE TABLE staff_user (
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    email text,
    devices jsonb NOT NULL,
    active boolean NOT NULL,
    admin boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX staff_user_key ON staff_user (key);

-- Business units.
CREATE TABLE account (
    id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    zone text NOT NULL,
    language text NOT NULL,
    cost_centre_id uuid NOT NULL,
    columns jsonb NOT NULL,
    plan jsonb NOT NULL,
    preferences jsonb,
    version bigint NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX account_key ON account (key);

-- Parts of accounts.
CREATE TABLE program (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    number_id uuid,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX program_id ON program (id);
CREATE UNIQUE INDEX program_key ON program (account_id, key);

-- Ordered lists of users.
CREATE TABLE user_group (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    members jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX user_group_id ON user_group (id);
CREATE UNIQUE INDEX user_group_key ON user_group (account_id, key);

-- Named sets of permissions.
CREATE TABLE role (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    permissions jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX role_id ON role (id);
CREATE UNIQUE INDEX role_key ON role (account_id, key);

-- Users' places in accounts.
CREATE TABLE member (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    roles jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

-- Calendars, as written.
CREATE TABLE calendar (
    account_id uuid NOT NULL,
    key text NOT NULL,
    source jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, key)
);

-- Our numbers.
CREATE TABLE number (
    id uuid NOT NULL,
    address text NOT NULL,
    connection text NOT NULL,
    sms boolean NOT NULL,
    mms boolean NOT NULL,
    voice boolean NOT NULL,
    opt_out text,
    manage_unmatched_id uuid NOT NULL,
    calls_id uuid NOT NULL,
    active boolean NOT NULL,
    open_conversations boolean NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX number_key ON number (address);

-- How accounts use numbers.
CREATE TABLE account_number (
    account_id uuid NOT NULL,
    number_id uuid NOT NULL,
    call_flow text,
    text_flow text,
    route jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, number_id)
);
CREATE INDEX account_number_of_number ON account_number (number_id);

-- Keywords; `first` is the word, folded.
CREATE TABLE keyword (
    account_id uuid NOT NULL,
    number_id uuid NOT NULL,
    first text NOT NULL,
    word text NOT NULL,
    folded jsonb NOT NULL,
    matching text NOT NULL,
    program_id uuid NOT NULL,
    flow text,
    sub jsonb NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, number_id, first)
);

-- Every folded word of the keywords: one owner on a number, over all accounts.
CREATE TABLE keyword_word (
    number_id uuid NOT NULL,
    folded text NOT NULL,
    account_id uuid NOT NULL,
    first text NOT NULL,
    PRIMARY KEY (number_id, folded)
);

-- Flows and which of their revisions is active.
CREATE TABLE flow (
    account_id uuid NOT NULL,
    key text NOT NULL,
    active_id uuid NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, key)
);

-- Texts of flows as written; never changed.
CREATE TABLE revision (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    flow text NOT NULL,
    number bigint NOT NULL,
    yaml text NOT NULL,
    file text,
    published_by text NOT NULL,
    published_at bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX revision_id ON revision (id);
CREATE UNIQUE INDEX revision_key ON revision (account_id, flow, number);

-- Raised by every write to the organisation.
CREATE TABLE directory_version (
    one bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (one)
);

-- Who changed what in the organisation, and when.
CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    account_id uuid,
    what text NOT NULL,
    before text,
    after text
);
CREATE INDEX audit_of_account ON audit (account_id, seq);

-- Work that one node at a time does.
CREATE TABLE lease (
    name text NOT NULL,
    holder text NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (name)
);

-- How users prove who they are.
CREATE TABLE sign_in (
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (user_id)
);

-- Signed-in browsers.
CREATE TABLE session (
    token_hash text NOT NULL,
    user_id uuid NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    agent text,
    PRIMARY KEY (token_hash)
);
CREATE INDEX session_of_user ON session (user_id);

-- Links that sign in once.
CREATE TABLE sign_in_link (
    token_hash text NOT NULL,
    user_id uuid NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint,
    PRIMARY KEY (token_hash)
);

INSERT INTO directory_version (one, version) VALUES (1, 0);
