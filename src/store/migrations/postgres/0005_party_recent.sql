-- On SQLite what is new waits here before it is moved into party_index; this database writes the index at once.
CREATE TABLE party_recent (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    party text NOT NULL,
    what text NOT NULL,
    within_id uuid NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (seq)
);
