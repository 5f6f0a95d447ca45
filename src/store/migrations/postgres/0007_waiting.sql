-- Callers who wait in queues: a row as long as they do.
CREATE TABLE waiting (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    call_id uuid NOT NULL,
    group_id uuid NOT NULL,
    -- who is rung for this caller now
    user_id uuid,
    since bigint NOT NULL,
    until bigint NOT NULL,
    version bigint NOT NULL,
    was bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX waiting_in_line ON waiting (account_id, since, id);
