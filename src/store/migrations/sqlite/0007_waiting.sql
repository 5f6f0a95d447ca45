-- Callers who wait in queues: a row as long as they do.
CREATE TABLE waiting (
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    call_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    -- who is rung for this caller now
    user_id BLOB,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    version INTEGER NOT NULL,
    was INTEGER NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE INDEX waiting_in_line ON waiting (account_id, since, id);
